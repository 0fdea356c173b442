"""The best equal step size, and with it the best initial scale: the exact global minimum of the training risk (R4, R5).

With equal steps the risk is a polynomial of degree 2L in the step size, with up to three local minima. Its coefficients
are integers up to 2/pi; value and derivative are evaluated in long fixed-point numbers, every change of sign of the
derivative on a grid is refined to a float's accuracy, and the lowest minimum is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import optimize

from lemmata.models import DomainError
from theory.context_hijacking.models import Training, Tuning
from theory.context_hijacking.risk import (
    BITS,
    MOST_EXACT_DEPTH,
    TAU,
    TWO_OVER_PI,
    dyadic,
    quotient,
    risk_form,
)
from theory.numerics.wishart_moments import moments

GRID = 64  # points of each of two grids, one even and one even in the logarithm


@dataclass(frozen=True)
class Tuned:
    """A tuned transformer.

    Parameters
    ----------
    step_size, initial_scale : float
        alpha and c.
    excess : float
        Its excess training risk.
    """

    step_size: float
    initial_scale: float
    excess: float


def optimal_step_size(model: Tuning) -> float:
    """Step size, equal in all layers, that minimises the exact training risk; 0 if nothing can be learned.

    Returns
    -------
    float
        alpha on the summed loss, to a few units in the last place.

    Raises
    ------
    DomainError
        If the depth exceeds 64.

    References
    ----------
    arXiv 2502.15609, Theorem 4.3; R5.
    """
    return tuned(model).step_size


def optimal_initial_scale(model: Tuning) -> float:
    """Scale c of w_0 = c beta* that goes with the optimal step size.

    It is sqrt(2/pi) E[rho] for 'prior_mean'. For 'joint' it minimises the exact training risk; the risk hardly depends
    on it once the layers forget w_0, and then it can be far from the prior mean.

    References
    ----------
    arXiv 2502.15609, Theorem 4.3; R4.
    """
    return tuned(model).initial_scale


def optimal_excess_risk(model: Tuning) -> float:
    """Excess training risk at the optimal step size.

    References
    ----------
    arXiv 2502.15609, Theorem 4.3; R5.
    """
    return tuned(model).excess


def at_optimum(model: Tuning) -> Training:
    """The transformer with its optimal step size and initial scale."""
    best = tuned(model)
    return Training(
        model.examples, model.dimension, model.depth, best.step_size, best.initial_scale, model.prior
    )


@lru_cache(maxsize=4096)
def tuned(model: Tuning) -> Tuned:
    """Minimise the exact training risk over the step size, and in 'joint' mode over the initial scale."""
    if model.depth > MOST_EXACT_DEPTH:
        raise DomainError("depth", model.depth, f"at most {MOST_EXACT_DEPTH} for exact sums")
    mean = model.prior.mean_correlation(model.dimension)
    if mean == 1:
        return Tuned(0.0, TAU, 0.0)  # the task is known
    is_joint = model.initialisation == "joint"
    slope = (_JointSlope if is_joint else _Slope)(model, mean)
    found = [_refine(slope, low, high) for low, high in _brackets(slope, _grid(model, mean))]
    candidates = [_tuned(model, mean, step, is_joint) for step in (found or [0.0])]
    return min(candidates, key=lambda candidate: candidate.excess)


def _tuned(model: Tuning, mean: float, step: float, is_joint: bool) -> Tuned:
    form = risk_form(model.examples, model.dimension, (step,) * model.depth)
    scale = form.best_scale(mean) if is_joint else TAU * mean
    return Tuned(step, scale, form.best_excess(mean) if is_joint else form.excess(scale, mean))


def _grid(model: Tuning, mean: float) -> np.ndarray:
    """Step sizes from 0 to well beyond the last that can be optimal, fine near the leading-order law's."""
    top = 2.2 / (1 + math.sqrt(model.dimension / model.examples)) ** 2
    top *= 1.5 if model.depth == 1 else 1.0
    first = 1e-3 * min((1 - mean) * (1 + mean), 1.0) / model.depth + 1e-12
    steps = np.concatenate([np.geomspace(first, top, GRID), np.linspace(0, top, GRID)])
    return np.unique(steps) / model.examples


def _brackets(slope: _Slope, grid: np.ndarray) -> list[tuple[float, float]]:
    """Neighbours on the grid between which the slope turns from falling to rising."""
    values = [slope(step) for step in grid.tolist()]
    return [(grid[i], grid[i + 1]) for i in range(len(grid) - 1) if values[i] < 0 <= values[i + 1]]


def _refine(slope: _Slope, low: float, high: float) -> float:
    tiny = 4 * np.finfo(float).eps
    return float(optimize.brentq(slope, low, high, xtol=tiny * high * 1e-3, rtol=tiny))


class _Slope:
    """Derivative of the excess risk in the step size at c = tau E[rho], evaluated exactly and then rounded."""

    def __init__(self, model: Tuning, mean: float) -> None:
        rho, bits = dyadic((mean,))
        square = rho[0] ** 2
        self.coefficients = _derivative(
            [
                (((square * (spread - 2 * cross)) + (along << 2 * bits)) * TWO_OVER_PI >> 2 * bits)
                + (noise << BITS)
                for spread, cross, along, noise in zip(*_polynomials(model), strict=True)
            ]
        )

    def __call__(self, step: float) -> float:
        return _scaled(_horner(self.coefficients, step))


class _JointSlope(_Slope):
    """Derivative of the excess risk at the best initial scale: g' - E[rho]^2 (2 b b' a - b^2 a') / a^2."""

    def __init__(self, model: Tuning, mean: float) -> None:
        rho, bits = dyadic((mean,))
        spread, cross, along, noise = _polynomials(model)
        self.a = [x << BITS for x in spread]
        self.b = [x << BITS for x in cross]
        g = [x * TWO_OVER_PI + (y << BITS) for x, y in zip(along, noise, strict=True)]
        self.a_slope, self.b_slope, self.g_slope = map(_derivative, (self.a, self.b, g))
        self.gain = rho[0] ** 2 * TWO_OVER_PI >> 2 * bits

    def __call__(self, step: float) -> float:
        a, b = _horner(self.a, step), _horner(self.b, step)
        slope = 2 * b * _horner(self.b_slope, step) * a - b * b * _horner(self.a_slope, step)
        return _scaled(_horner(self.g_slope, step) - (self.gain * slope // (a * a) >> BITS))


def _polynomials(model: Tuning) -> tuple[list[int], list[int], list[int], list[int]]:
    """Coefficients of a, -b/tau, g_1 and g_2 as polynomials of the step size (Vandermonde's convolution)."""
    n, d, depth = model.examples, model.dimension, model.depth
    known = moments(n, d, 2 * depth)
    spread, cross, along, noise = [1], [1], [1], [0]
    for r in range(1, 2 * depth + 1):
        sign = -1 if r % 2 else 1
        once, twice = sign * math.comb(depth, r), sign * math.comb(2 * depth, r)
        label, floor = n * known.mixed[r - 1], d * known.power[r - 1]
        spread.append(twice * known.power[r])
        cross.append((twice - once) * label + once * known.power[r])
        along.append((twice - 2 * once) * (n * known.along[r - 1] - floor) + 2 * once * label)
        noise.append((twice - 2 * once) * floor)
    return spread, cross, along, noise


def _derivative(coefficients: Sequence[int]) -> list[int]:
    return [r * coefficient for r, coefficient in enumerate(coefficients)][1:]


def _horner(coefficients: Sequence[int], step: float) -> int:
    """A polynomial in fixed point; each rounding is a unit of 2^-BITS, and the steps are below 1."""
    (x,), bits = dyadic((step,))
    value = 0
    for coefficient in reversed(coefficients):
        value = coefficient + (x * value >> bits)
    return value


def _scaled(value: int) -> float:
    return quotient(value, 1 << BITS)
