"""Exact KL divergences of the samplers' output from the truth: joint, stage by stage, and at a given prefix (R3-R6)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.ar_diffusion.laws import law
from theory.ar_diffusion.models import Divergence, GaussianSampling, PointwiseDivergence
from theory.ar_diffusion.schemes import AR
from theory.ar_diffusion.stages import Stage, stages
from theory.numerics import ornstein_uhlenbeck
from theory.numerics.gaussian_kl import blocks, conditional_error, covariance_divergence, squared_norm
from theory.numerics.gaussian_kl import variance_divergence as direction_divergence

Array = npt.NDArray[np.floating[Any]]

DIGITS_LEFT = 1e-6
"""How far the conditional divergences may sum from the joint one, relative to it."""
NARROW = 1e-3
"""Variances of the output relative to the data's, below which conditional laws lose digits."""


def joint_kl(model: Divergence) -> float:
    """KL divergence of the sampler's output law from the truth: the sum of the stages'.

    In directions with variances lambda of the truth and v of the output, and squared mean difference D:
    sum of (lambda/v - 1 - ln(lambda/v) + D/v)/2. For AR the directions are those of the Schur complements, and D is its
    expectation over true prefixes: no errors compound.

    Parameters
    ----------
    model : Divergence

    Returns
    -------
    float
        In nats, to full relative accuracy however small; infinite where coarse steps blow the variance up beyond
        the largest number.

    References
    ----------
    R3 and R4 of docs/papers/ar_diffusion.md.
    """
    return float(sum(_stage_divergence(stage, model.reference) for stage in stages(model)))


def stage_kl(model: Divergence) -> Array:
    """KL divergence of each patch given the patches before it, D_k = E KL(p(x_k|x_<k) || output(x_k|x_<k)).

    The expectation is over true prefixes.

    Parameters
    ----------
    model : Divergence

    Returns
    -------
    array (K,)
        In nats, in the order of generation (vanilla: of the patches). Their sum is `joint_kl`.

    Raises
    ------
    DomainError
        If vanilla sampling's output is so much narrower than the data that its conditional laws lose their digits.

    References
    ----------
    R3 and R4 of docs/papers/ar_diffusion.md.
    """
    if isinstance(model.scheme.method, AR):
        return np.array([_stage_divergence(stage, model.reference) for stage in stages(model)])
    try:
        values, joint = _vanilla_stage_kl(model), joint_kl(model)
    except np.linalg.LinAlgError:
        values, joint = np.zeros(1), 1.0
    # the conditional laws are differences of the joint ones, which loses digits; the joint divergence loses none
    if not (math.isinf(joint) or abs(np.sum(values) - joint) <= DIGITS_LEFT * joint):
        kind = model.scheme.integrator.kind()
        raise DomainError("scheme.integrator", kind, "one whose output is less narrow: its digits are lost")
    return values


def _stage_divergence(stage: Stage, reference: str) -> float:
    """E KL of a stage's conditional law from the true one, or from the true one noised up to the early stop."""
    parts, output = stage.directions, stage.reversal
    if not np.all(np.isfinite(output.variance)):
        return float("inf")
    if reference == "data":
        truth, error, loss = parts.variances, stage.variance_error, stage.mean_loss
    else:
        truth = ornstein_uhlenbeck.noised_variance(parts.variances, stage.early_stop)
        error, loss = output.error, stage.start_factor
    # E (loss m - shift)^2 over conditional means m, whose mean is parts.mean
    squares = loss**2 * parts.mean_squares - 2 * loss * output.shift * parts.mean + output.shift**2
    return float(
        np.sum(direction_divergence(truth, output.variance, error) + 0.5 * squares / output.variance)
    )


def _vanilla_stage_kl(model: Divergence) -> Array:
    """Stage divergences from the differences of the joint laws, by conditioning both."""
    output = law(model)
    covariance = model.target.covariance_matrix()
    error, mean_error = output.covariance_error, output.mean_error
    if not np.all(np.isfinite(error)):
        return np.full(len(model.target.sizes), np.inf)
    if model.reference == "stopped":
        (stage,) = stages(model)
        basis, block = stage.directions.basis, stage.directions
        covariance = (basis * ornstein_uhlenbeck.noised_variance(block.variances, stage.early_stop)) @ basis.T
        error = (basis * stage.reversal.error) @ basis.T
        mean_error = basis @ (stage.reversal.shift - stage.start_factor * block.mean)
    values: list[float] = []
    for block in blocks(np.linalg.cholesky(covariance), model.target.sizes):
        wrong = conditional_error(block, covariance, error, mean_error)
        schur = block.schur
        root = np.linalg.cholesky(covariance[: block.start, : block.start])
        shifts = np.column_stack((wrong.slope @ root, wrong.offset))
        values.append(
            covariance_divergence(schur, wrong.schur) + 0.5 * squared_norm(shifts, schur + wrong.schur)
        )
    return np.array(values)


def pointwise_conditional_kl(model: PointwiseDivergence) -> float:
    """KL(p(x_k | x_<k) || output(x_k | x_<k)) of the patch after a given prefix x_<k.

    For vanilla sampling it grows quadratically in the prefix: "blow-up" at rare prefixes, while its average over true
    prefixes never exceeds the joint KL.

    Parameters
    ----------
    model : PointwiseDivergence

    Returns
    -------
    float
        In nats; infinite where coarse steps blow the variance up beyond the largest number.

    Raises
    ------
    DomainError
        As `stage_kl` does.

    References
    ----------
    R6 of docs/papers/ar_diffusion.md.
    """
    ends = np.cumsum(model.target.sizes)
    k = int(np.searchsorted(ends, len(model.prefix))) + 1
    covariance, mean = model.target.covariance_matrix(), model.target.mean_vector()
    prefix = np.array(model.prefix) - mean[: len(model.prefix)]
    if isinstance(model.scheme.method, AR):
        stage = stages(model)[k]
        return _pointwise_ar(stage, prefix)
    output = law(model)
    if not np.all(np.isfinite(output.covariance)):
        return float("inf")
    (joint,) = stages(model)
    if np.any(joint.reversal.variance < NARROW * joint.directions.variances):
        stage_kl(Divergence(model.target, model.scheme))  # refuses what loses its digits
    block = blocks(np.linalg.cholesky(covariance), model.target.sizes)[k]
    wrong = conditional_error(block, covariance, output.covariance_error, output.mean_error)
    shift = wrong.offset + wrong.slope @ prefix
    schur = block.schur
    return covariance_divergence(schur, wrong.schur) + 0.5 * squared_norm(shift, schur + wrong.schur)


def _pointwise_ar(stage: Stage, prefix: Array) -> float:
    parts, output = stage.directions, stage.reversal
    if not np.all(np.isfinite(output.variance)):
        return float("inf")
    conditional_mean = parts.mean + parts.basis.T @ (parts.block.slope @ prefix)
    shift = output.shift - stage.mean_loss * conditional_mean
    spread = direction_divergence(parts.variances, output.variance, stage.variance_error)
    return float(np.sum(spread + 0.5 * shift**2 / output.variance))


def path_kl_terms(model: GaussianSampling) -> Array:
    """The path KL of a Gaussian target by stage: initial and discretisation part, shape (stages, 2)."""
    rows: list[tuple[float, float]] = []
    for stage in stages(model):
        parts, horizon = stage.directions, float(stage.nodes[0])
        # (lambda_T - 1 - ln lambda_T)/2 with lambda_T - 1 = e^-2T (lambda - 1), seen as a variance's divergence
        excess = np.exp(-2.0 * horizon) * (parts.variances - 1.0)
        start = direction_divergence(1.0 + excess, np.ones_like(excess), -excess)
        means = 0.5 * np.exp(-2.0 * horizon) * parts.mean_squares
        steps = ornstein_uhlenbeck.path_divergence(parts.variances, stage.nodes)
        rows.append((float(np.sum(start + means)), float(np.sum(steps))))
    return np.array(rows)
