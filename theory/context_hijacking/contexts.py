"""Prompts with clean examples: accuracy without hijackers (R16), margins beside hijackers (R15), a bound (R9)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.models import DomainError
from theory.context_hijacking.hijacking import hijack_error_at
from theory.context_hijacking.limits import NOISE
from theory.context_hijacking.models import CleanContext, Fixed, Hijack, MixedContext, Uniform
from theory.context_hijacking.risk import TAU
from theory.context_hijacking.splitting import ABOVE
from theory.numerics.directions import gauss_legendre

Array = npt.NDArray[np.float64]

MOST_DIVERGING = 1e-3  # share of hijackers left out; first order in d/n' is coarser


def clean_accuracy(model: CleanContext) -> float:
    """Probability of a right answer after clean examples only, to first order in d/n'.

    1 - angle/pi, with kappa_0 = prod_l (1 - alpha_l n') and the angle between w* and a w_L of mean kappa_0 c beta* +
    (1 - kappa_0) tau w* and noise (1 - kappa_0)^2 (1 - 2/pi)(d - 1)/n'.

    Raises
    ------
    DomainError
        If a step diverges, alpha n' >= 2: no first order is left.

    References
    ----------
    R16.
    """
    _check_convergence(model)
    kept = float(model.contraction(model.examples))
    rho, weights = map(np.asarray, model.prior.correlations(model.dimension))
    prior = kept * model.initial_scale
    along = prior * rho + (1 - kept) * TAU
    noise = (1 - kept) ** 2 * NOISE * (model.dimension - 1) / max(model.examples, 1)
    across = np.sqrt(prior**2 * (1 - rho) * (1 + rho) + noise)
    return float(weights @ (1 - np.arctan2(across, along) / math.pi))


def mixed_context_margin(model: MixedContext) -> float:
    """Mean margin y_q <w_L, x_q> after clean examples and hijackers together, to first order in d/n'.

    It is taken over hijackers for which no step diverges, alpha (n' + N r^2) < 2.

    Raises
    ------
    DomainError
        If a step diverges without hijackers, or with a probability above 0.001 beside them.

    References
    ----------
    R15.
    """
    return _moments(model)[0]


def mixed_context_deviation(model: MixedContext) -> float:
    """Standard deviation of the margin after clean examples and hijackers together, to first order in d/n'.

    Taken over the same hijackers, with the same errors raised, as `mixed_context_margin`.

    References
    ----------
    R15.
    """
    return math.sqrt(_moments(model)[1])


def hijack_error_bound(model: Hijack) -> float:
    """Upper bound of the hijack error for a margin with a bounded density, linear in the number of hijackers.

    E(N) <= E(0) + f N sum_l alpha_l E[((d - 1) + c sqrt(1 - rho^2) tau d/2)/rho]/c + P(max_l alpha_l N r^2 > 2), f the
    largest density of |sigma|. Trivial where it exceeds 1.

    Raises
    ------
    DomainError
        If the margin is fixed, the initial scale is not positive, or the prior reaches rho <= 0.

    References
    ----------
    arXiv 2502.15609, Lemma 4.4; R9.
    """
    d, scale = model.dimension, model.initial_scale
    if isinstance(model.margin, Fixed):
        raise DomainError("margin", model.margin, "Uniform or HalfNormal: the bound needs a density")
    if not scale > 0:
        raise DomainError("initial_scale", scale, "a finite real number > 0")
    density = 1 / model.margin.most if isinstance(model.margin, Uniform) else TAU / model.margin.scale
    rho, weights = map(np.asarray, model.prior.correlations(d))
    if rho[weights > 1e-17].min() <= 0:
        raise DomainError("prior", model.prior, "a prior with rho > 0")
    total = sum(step * count for step, count in model.layers.items()) * model.hijackers
    first = weights @ (((d - 1) + scale * np.sqrt((1 - rho) * (1 + rho)) * TAU * d / 2) / rho)
    largest = max(model.layers) * model.hijackers
    overshoot = special.chdtrc(d - 1, 2 / largest) if largest else 0.0
    return float(hijack_error_at(model, 0.0) + density * total / scale * first + overshoot)


def _moments(model: MixedContext) -> tuple[float, float]:
    """Mean and variance of the margin, where gradient descent does not diverge: alpha (n' + N r^2) < 2."""
    n, d, scale, rho = model.examples, model.dimension, model.initial_scale, model.prior.correlation
    largest = _check_convergence(model)
    most = (2 / largest - n) / model.hijackers if largest and model.hijackers else math.inf  # of r^2
    if special.chdtrc(d - 1, most) > MOST_DIVERGING:
        allowed = f"so few that alpha (n' + N r^2) < 2 with probability {1 - MOST_DIVERGING}"
        raise DomainError("hijackers", model.hijackers, allowed)
    kept = float(model.contraction(n))
    square, average = _norms(d - 1, most)
    total = n + model.hijackers * square
    hijacked = model.contraction(total)
    clean = model.margin.size * (kept * scale * rho + (1 - kept) * TAU)
    mean = clean - (1 - hijacked) * model.hijackers * square / total
    spread = hijacked**2 * scale**2 * (1 - rho) * (1 + rho) * square / (d - 1)
    spread = spread + (1 - hijacked) ** 2 * NOISE * n * square / total**2
    centre = average(mean)
    return centre, average((mean - centre) ** 2) + average(spread)


def _check_convergence(model: CleanContext | MixedContext) -> float:
    """The largest step size; refused where gradient descent diverges on the clean examples."""
    largest = max(model.layers)
    if largest * model.examples >= 2:
        raise DomainError("step_size", model.step_size, "so small that alpha n' < 2, or the steps diverge")
    return largest


def _norms(freedom: int, most: float) -> tuple[Array, Callable[[Any], float]]:
    """Values of chi^2 below `most`, and the average over them."""
    peak = math.sqrt(freedom - 1)
    low, high = max(peak - ABOVE, 0.0), min(peak + ABOVE, math.sqrt(most))
    nodes, weights = gauss_legendre(200)
    radius = low + 0.5 * (high - low) * (1 + nodes)
    logs = special.xlogy(freedom - 1, radius) - 0.5 * radius * radius
    mass = weights * np.exp(logs - logs.max())
    mass /= mass.sum()
    return radius * radius, lambda values: float(mass @ np.broadcast_to(values, mass.shape))
