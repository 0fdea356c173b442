"""What accuracy costs and how to spend it: step counts, the phase boundary, the order of patches, grids (R9-R12)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.ar_diffusion.divergences import joint_kl
from theory.ar_diffusion.models import (
    Accuracy,
    Divergence,
    EqualCalls,
    GaussianData,
    GaussianSampling,
    OptimalSteps,
)
from theory.ar_diffusion.schemes import MOST_STEPS, Custom, Scheme, Uniform
from theory.ar_diffusion.stages import directions
from theory.numerics import ornstein_uhlenbeck
from theory.numerics.gaussian_kl import variance_divergence

Array = npt.NDArray[np.floating[Any]]

TINY = 1e-300  # of a divergence that underflows
LONG_STEP = 0.5  # searches for a step count start where no step is longer
MOST_TRIED = 1 << 23  # steps times dimensions of a search that evaluates a dozen grids: seconds
MOST_PATCHES = 14


def leading_joint_kl(model: GaussianSampling) -> float:
    """KL divergence of the output from the data to leading order in equal steps h: h^2/4 sum over stages of tr S_k^-2.

    Vanilla sampling has one stage, with Sigma in place of S_k. tr Sigma^-2 >= sum of tr S_k^-2, with equality iff the
    patches are independent: AR is never worse at equal steps. Needs h << lambda_min, a large horizon and no early stop.

    Parameters
    ----------
    model : GaussianSampling
        On a uniform grid.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    DomainError
        If the grid is not uniform, or the integrator not the exponential one.

    References
    ----------
    R9d of docs/papers/ar_diffusion.md.
    """
    grid = model.scheme.grid
    model.scheme.check_exponential()
    if type(grid) is not Uniform:
        raise DomainError("scheme.grid", grid.kind(), "uniform")
    step = (grid.horizon - grid.early_stop) / grid.steps
    stiffness = sum(np.sum(part.variances**-2) for part in directions(model.target, model.scheme.method))
    return float(0.25 * step**2 * stiffness)


def phase_boundary(model: EqualCalls) -> float:
    """Gain above which AR is better than vanilla sampling at equal total calls, to leading order in equal steps.

    AR then has half of the steps in each of its two stages. The gain solves tr Sigma^-2 = 4 (s_1^-4 + sigma^-4); with
    b = (s_1/sigma)^2 it is g^2 = [sqrt((1 + b)^2 + 3 (1 + b^2)) - (1 + b)]/b, which tends to 1 as sigma -> 0.

    Parameters
    ----------
    model : EqualCalls

    Returns
    -------
    float

    References
    ----------
    R10 of docs/papers/ar_diffusion.md.
    """
    ratio = model.rule_noise / model.sun_spread
    # sqrt(u^2 + w) - u = w/(sqrt(u^2 + w) + u), which does not cancel, and is the same for b and 1/b up to a factor b
    b = (ratio if ratio < 1 else 1 / ratio) ** 2
    u, w = 1 + b, 3 * (1 + b * b)
    return max(ratio, 1.0) * math.sqrt(w / (math.sqrt(u * u + w) + u))


def steps_to_accuracy(model: Accuracy) -> float:
    """Number N of steps of each stage from which on KL(p || output) stays at or below a level.

    The search doubles and interpolates from grids without steps above 1/2, where the divergence falls in N. AR with K
    patches makes K N calls, each of one patch's dimensions.

    Parameters
    ----------
    model : Accuracy

    Returns
    -------
    float
        Infinite if the level is not above what remains at infinitely many steps: the horizon and the early stop
        alone are worth that much.

    Raises
    ------
    DomainError
        If steps times dimensions of what is needed exceed 2^23, as where the covariance is nearly singular, or where no
        number of steps is enough beside a biased score; or if steps of at most 1/2 are more than 2^24.

    References
    ----------
    R10 of docs/papers/ar_diffusion.md.
    """
    if model.level <= divergence_floor(model):
        return math.inf

    def is_reached(steps: int) -> bool:
        return _joint_kl(model, steps) <= model.level

    low = _first_short(model)
    if not is_reached(low):
        return float(_first_at_level(model, low))
    while low > 1 and _is_possible(model, low - 1) and is_reached(low - 1):
        low -= 1
    return float(low)


def divergence_floor(model: GaussianSampling) -> float:
    """KL(p || output) at infinitely many steps: what the horizon and the early stop leave.

    R1 with its limit A = e^-(T-delta) lambda_delta/lambda_T (R2) and without its step errors.
    """
    total = 0.0
    for part in directions(model.target, model.scheme.method):
        horizon, stop = _ends(model)
        end = ornstein_uhlenbeck.noised_variance(part.variances, stop)
        start = ornstein_uhlenbeck.noised_variance(part.variances, horizon)
        factor = np.exp(stop - horizon) * end / start
        excess = factor**2 * (1 - part.variances) * np.exp(-2 * horizon)
        error = excess - np.expm1(-2 * stop) * (1 - part.variances)
        loss = -np.expm1(-stop) + np.exp(-horizon) * factor
        spread = variance_divergence(part.variances, end + excess, error)
        total += float(np.sum(spread + 0.5 * loss**2 * part.mean_squares / (end + excess)))
    return total


def beyond_floor(model: Accuracy) -> str:
    """Says of `steps_to_accuracy` that the level lies below `divergence_floor`."""
    floor = divergence_floor(model)
    if model.level > floor:
        return ""
    return f"no number of steps is enough: the horizon and the early stop alone leave a divergence of {floor:.6g}"


def best_patch_order(model: GaussianData) -> Array:
    """The order of generation that minimises the sum of tr S_k^-2, and so AR's KL divergence at small equal steps.

    A Schur complement depends on the set of earlier patches and not on their order, so a dynamic programme over
    subsets finds the best of all K! orders.

    Parameters
    ----------
    model : GaussianData

    Returns
    -------
    array (K,)
        Patches from 0 in the order of generation; the first in lexical order among equally good ones.

    Raises
    ------
    DomainError
        If there are more than 14 patches.

    References
    ----------
    R11 of docs/papers/ar_diffusion.md.
    """
    sizes = model.target.sizes
    count = len(sizes)
    if count > MOST_PATCHES:
        raise DomainError("target.patches", count, f"at most {MOST_PATCHES} patches")
    ends = np.cumsum(sizes)
    patches = [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    covariance = model.target.covariance_matrix()
    everything = (1 << count) - 1
    cost, chosen = {everything: 0.0}, dict[int, int]()
    for made in range(everything - 1, -1, -1):  # least cost of the patches that are still to be made
        options = {
            k: _stiffness(covariance, patches, made, k) + cost[made | 1 << k]
            for k in range(count)
            if not made >> k & 1
        }
        least = min(options.values())
        chosen[made] = next(k for k, value in options.items() if value <= least * (1 + 1e-12))
        cost[made] = options[chosen[made]]
    order: list[float] = []
    made = 0
    while made != everything:
        order.append(float(chosen[made]))
        made |= 1 << chosen[made]
    return np.array(order)


def optimal_grid(model: OptimalSteps) -> Array:
    """Noising times of the grid that is optimal for the path KL or, as a heuristic, for the KL of the output.

    Path: h proportional to (sum of lambda_tau^-2)^(-1/2). Output: h proportional to (sum of |w|/lambda)^(-1/2), which
    is optimal for one direction with lambda <= 2. Steps are capped.

    Parameters
    ----------
    model : OptimalSteps

    Returns
    -------
    array (stages, N+1)
        Strictly decreasing times for each stage.

    Raises
    ------
    DomainError
        If so few steps cannot stay below the cap.

    References
    ----------
    R12 of docs/papers/ar_diffusion.md.
    """
    return np.array([model.grid.nodes(part.variances) for part in directions(model.target, model.method)])


def _stiffness(covariance: Array, patches: list[npt.NDArray[np.intp]], made: int, k: int) -> float:
    """tr S^-2 of patch k given the patches of the set `made`."""
    before = [patch for j, patch in enumerate(patches) if made >> j & 1]
    own = patches[k]
    place = np.concatenate([*before, own])
    factor = np.linalg.cholesky(covariance[np.ix_(place, place)])[-len(own) :, -len(own) :]
    return float(np.sum(np.linalg.svd(factor, compute_uv=False) ** -4.0))


def _joint_kl(model: Accuracy, steps: int) -> float:
    return joint_kl(Divergence(model.target, _with_steps(model.scheme, steps)))


def _with_steps(scheme: Scheme, steps: int) -> Scheme:
    return replace(scheme, grid=replace(scheme.grid, steps=steps))  # type: ignore[call-arg]


def _grids(model: Accuracy, steps: int) -> list[Array]:
    grid = _with_steps(model.scheme, steps).grid
    return [grid.nodes(part.variances) for part in directions(model.target, model.scheme.method)]


def _is_possible(model: Accuracy, steps: int) -> bool:
    try:
        _grids(model, steps)
    except DomainError:  # so few steps cannot stay below the grid's cap
        return False
    return True


def _has_short_steps(model: Accuracy, steps: int) -> bool:
    if not _is_possible(model, steps):
        return False
    return all(float(np.max(-np.diff(nodes))) <= LONG_STEP + 1e-9 for nodes in _grids(model, steps))


def _ends(model: GaussianSampling) -> tuple[float, float]:
    grid = model.scheme.grid
    return (grid.times[0], grid.times[-1]) if isinstance(grid, Custom) else (grid.horizon, grid.early_stop)


def _first_at_level(model: Accuracy, start: int) -> int:
    """Smallest number of steps beyond `start` at which the divergence is at most the level: by doubling, then by
    interpolation, which takes few of its values.
    """

    def excess(steps: int) -> float:
        """ln(KL/level), about a line in ln N."""
        return math.log(max(_joint_kl(model, steps) / model.level, TINY))

    most = MOST_TRIED // model.target.total_dimension
    low, high, at_low = start, start, excess(start)
    at_high = at_low
    while at_high > 0:
        if high >= most:
            raise DomainError("level", model.level, f"one that is reached within {most} steps")
        low, at_low, high = high, at_high, min(2 * high, most)
        at_high = excess(high)
    tried = 0
    while high - low > 1:
        middle = (low + high) // 2
        if tried % 3 < 2 and math.isfinite(at_low):
            middle = math.ceil(low * (high / low) ** (at_low / (at_low - at_high)))
        middle = min(max(middle, low + 1), high - 1)
        value = excess(middle)
        low, at_low, high, at_high = (
            (low, at_low, middle, value) if value <= 0 else (middle, value, high, at_high)
        )
        tried += 1
    return high


def _first_short(model: Accuracy) -> int:
    """Smallest number of steps none of which is long: by doubling and bisection."""
    low, high = 0, 1
    while not _has_short_steps(model, high):
        if high == MOST_STEPS:
            allowed = f"one whose steps are at most {LONG_STEP} within {MOST_STEPS} of them"
            raise DomainError("scheme.grid", model.scheme.grid, allowed)
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _has_short_steps(model, middle) else (middle, high)
    return high
