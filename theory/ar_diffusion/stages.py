"""The stages of a sampler on a Gaussian target: their conditional laws, directions, grids and what the steps do there.

Vanilla sampling is one stage with all coordinates; AR has a stage for each patch, and a direction is an eigenvector of
the Schur complement S_k.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.ar_diffusion.models import GaussianSampling
from theory.ar_diffusion.schemes import AR, ExactScore, Vanilla
from theory.ar_diffusion.targets import AnyGaussian
from theory.numerics import ornstein_uhlenbeck
from theory.numerics.gaussian_kl import Block, blocks
from theory.numerics.ornstein_uhlenbeck import Reversal

Array = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]

MOST_NUMBERS = 1 << 25  # steps times dimensions: some arrays of a quarter of a gigabyte


class Directions(NamedTuple):
    """The directions of one stage.

    Attributes
    ----------
    block : Block
        Conditional law of the stage's coordinates given the earlier stages', in the order of generation.
    variances : array (d_k,)
        Eigenvalues of S_k, rising.
    basis : array (d_k, d_k)
        Eigenvectors in columns.
    mean_squares : array (d_k,)
        Expectation of the squared conditional mean in each direction, e^T (mu_k mu_k^T + Sigma_kk - S_k) e.
    mean : array (d_k,)
        mu_k in the basis.
    """

    block: Block
    variances: Array
    basis: Array
    mean_squares: Array
    mean: Array


class Stage(NamedTuple):
    """One stage of a sampler at work.

    Attributes
    ----------
    directions : Directions
    nodes : array (N+1,)
        Noising times.
    reversal : Reversal
        Output of the steps in each direction.
    shift : array (d_k,)
        Shift of the mean by the bias of the score, in the basis.
    """

    directions: Directions
    nodes: Array
    reversal: Reversal

    @property
    def early_stop(self) -> float:
        """delta."""
        return float(self.nodes[-1])

    @property
    def start_factor(self) -> Array:
        """e^-T A: what is left of the mean's deviation from N(0, I)'s at the start."""
        return np.exp(-self.nodes[0]) * self.reversal.factor

    @property
    def mean_factor(self) -> Array:
        """Eigenvalues of M_k = e^-delta I - e^-T A(S_k)."""
        return np.exp(-self.early_stop) - self.start_factor

    @property
    def mean_loss(self) -> Array:
        """Eigenvalues of I - M_k, without cancellation."""
        return -np.expm1(-self.early_stop) + self.start_factor

    @property
    def variance_error(self) -> Array:
        """Output variance minus lambda (not lambda_delta), without cancellation."""
        variances = self.directions.variances
        return self.reversal.error - np.expm1(-2.0 * self.early_stop) * (1.0 - variances)


def generation_order(target: AnyGaussian, method: Vanilla | AR) -> tuple[Indices, tuple[int, ...]]:
    """Coordinates in the order of generation, and the sizes of the stages."""
    stages = method.stages(target.sizes)
    return np.concatenate([np.array(stage) for stage in stages]), tuple(len(stage) for stage in stages)


def directions(target: AnyGaussian, method: Vanilla | AR) -> list[Directions]:
    """Conditional laws and directions of all stages of a method."""
    order, sizes = generation_order(target, method)
    covariance, mean = target.covariance_matrix()[np.ix_(order, order)], target.mean_vector()[order]
    parts: list[Directions] = []
    for block in blocks(target.covariance_factor(order.tolist()), sizes):
        basis, roots, _ = np.linalg.svd(block.factor)
        explained = basis.T @ block.slope @ covariance[: block.start, : block.start]
        own_mean = mean[block.start : block.stop] @ basis
        mean_squares = own_mean**2 + np.sum(explained * (basis.T @ block.slope), axis=1)
        parts.append(Directions(block, roots**2, basis, mean_squares, own_mean))
    return parts


def stages(model: GaussianSampling) -> list[Stage]:
    """All stages of a sampler at work, in the order of generation.

    Raises
    ------
    DomainError
        If steps times dimensions exceed 2^25.
    """
    steps_made, dimension = getattr(model.scheme.grid, "steps", 0), model.target.total_dimension
    if steps_made * dimension > MOST_NUMBERS:
        allowed = f"at most {MOST_NUMBERS // dimension} in {dimension} dimensions"
        raise DomainError("scheme.grid.steps", steps_made, allowed)
    parts = directions(model.target, model.scheme.method)
    grid, error = model.scheme.grid, model.scheme.score_error
    steps = model.scheme.integrator.steps
    if isinstance(error, ExactScore) and not grid.needs_gaussian:  # one grid: all directions at once
        nodes = grid.nodes(parts[0].variances)
        variances = np.concatenate([part.variances for part in parts])
        whole = ornstein_uhlenbeck.reverse(variances, nodes, steps=steps)
        return [
            Stage(part, nodes, Reversal(*(values[part.block.start : part.block.stop] for values in whole)))
            for part in parts
        ]
    order, _ = generation_order(model.target, model.scheme.method)
    made: list[Stage] = []
    for part in parts:
        nodes = grid.nodes(part.variances)
        bias = None
        if not isinstance(error, ExactScore):
            size = np.broadcast_to(error.bias, (len(order),))[order][part.block.start : part.block.stop]
            bias = error.at(nodes[:-1], part.variances) * (size @ part.basis)
        made.append(Stage(part, nodes, ornstein_uhlenbeck.reverse(part.variances, nodes, bias, steps)))
    return made
