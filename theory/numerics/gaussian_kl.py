"""KL divergences between Gaussians that may be nearly equal, and conditional laws of blocks.

Every difference of laws is given as such (model minus truth) and never formed from two nearly equal numbers, so that
divergences far below the rounding of the laws themselves keep their digits.

References
----------
R3 of docs/papers/ar_diffusion.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

SMALL = 1e-2  # relative difference below which a series replaces log1p(x) - x/(1+x)
_TERMS = np.array([(-1.0) ** n * (n - 1.0) / n for n in range(9, 1, -1)])  # coefficients of x^9, ..., x^2


def variance_divergence(truth: Array, model: Array, difference: Array) -> Array:
    """KL(N(0, truth) || N(0, model)) = (truth/model - 1 - ln(truth/model))/2, elementwise.

    Parameters
    ----------
    truth, model : array
        Variances > 0; an infinite model gives infinity.
    difference : array
        model - truth, which may have more digits than the two.

    Returns
    -------
    array
    """
    x = difference / truth
    is_small = np.abs(x) < SMALL
    x = np.where(is_small, x, 0.0)
    series = x * x * np.polyval(_TERMS, x)
    with np.errstate(divide="ignore", over="ignore"):
        plain = truth / model - 1.0 + np.log(model) - np.log(truth)
    return 0.5 * np.where(is_small, series, plain)


def covariance_divergence(truth: Array, difference: Array) -> float:
    """KL(N(0, truth) || N(0, truth + difference)) for matrices (d, d), truth positive definite.

    With L L^T = truth and x the eigenvalues of L^-1 difference L^-T it is the sum of (log1p(x) - x/(1+x))/2; infinite
    if the second matrix is not positive definite to working precision.
    """
    if not np.all(np.isfinite(difference)):
        return float("inf")
    inverse = np.linalg.inv(np.linalg.cholesky(truth))
    x = np.linalg.eigvalsh(inverse @ difference @ inverse.T)
    if np.any(x <= -1):
        return float("inf")
    return float(np.sum(variance_divergence(np.ones_like(x), 1.0 + x, x)))


def squared_norm(vector: Array, covariance: Array) -> float:
    """vector^T covariance^-1 vector."""
    if not np.all(np.isfinite(covariance)):
        return 0.0
    half = np.linalg.solve(np.linalg.cholesky(covariance), vector)
    return float(np.sum(half * half))


def divergence(mean: Array, covariance: Array, model_mean: Array, model_covariance: Array) -> float:
    """KL(N(mean, covariance) || N(model_mean, model_covariance)) of any two nonsingular Gaussians."""
    shift = squared_norm(model_mean - mean, model_covariance)
    return covariance_divergence(covariance, model_covariance - covariance) + 0.5 * shift


class Block(NamedTuple):
    """The law of a block given the blocks before it: x_k | x_<k ~ N(mu_k + slope (x_<k - mu_<k), factor factor^T).

    Attributes
    ----------
    start, stop : int
        Coordinates of the block.
    slope : array (d_k, start)
        B_k.
    factor : array (d_k, d_k)
        Lower Cholesky factor of the Schur complement S_k.
    """

    start: int
    stop: int
    slope: Array
    factor: Array

    @property
    def schur(self) -> Array:
        """S_k, shape (d_k, d_k)."""
        return self.factor @ self.factor.T


def blocks(factor: Array, sizes: Sequence[int]) -> list[Block]:
    """Conditional laws of consecutive blocks, from the Cholesky factor L (d, d) of the covariance.

    With covariance = L L^T in blocks, B_k = L_{k,<k} L_{<k,<k}^-1 and S_k = L_kk L_kk^T.
    """
    inverse = np.linalg.inv(factor) if len(sizes) > 1 else factor
    parts: list[Block] = []
    start = 0
    for size in sizes:
        rows = slice(start, start + size)
        slope = factor[rows, :start] @ inverse[:start, :start]
        parts.append(Block(start, start + size, slope, factor[rows, rows]))
        start += size
    return parts


class ConditionalError(NamedTuple):
    """How a model's conditional law of a block differs from the true one.

    Attributes
    ----------
    slope : array (d_k, start)
        Model's slope minus the true one.
    schur : array (d_k, d_k)
        Model's conditional covariance minus the true one.
    offset : array (d_k,)
        Model's conditional mean minus the true one at the true mean of the prefix.
    """

    slope: Array
    schur: Array
    offset: Array


def conditional_error(
    block: Block, covariance: Array, difference: Array, mean_difference: Array
) -> ConditionalError:
    """Differences of the conditional laws of a block, from the differences of mean and covariance.

    With E = difference and the model's covariance Sigma^ = Sigma + E: slope = (E_{k,<} - B E_{<,<}) Sigma^_{<,<}^-1,
    and schur = T E T^T - slope Sigma^_{<,<} slope^T with T = (-B, I).
    """
    before, own = slice(0, block.start), slice(block.start, block.stop)
    change = difference[own, before] - block.slope @ difference[before, before]
    wide = covariance[before, before] + difference[before, before]
    slope = np.linalg.solve(wide, change.T).T
    cross = change @ block.slope.T
    schur = difference[own, own] - block.slope @ difference[before, own] - cross - slope @ change.T
    offset = mean_difference[own] - (block.slope + slope) @ mean_difference[before]
    return ConditionalError(slope, 0.5 * (schur + schur.T), offset)
