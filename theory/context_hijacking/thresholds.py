"""How many hijackers it takes: for one query (R10), and for half of all queries to be answered wrongly."""

from __future__ import annotations

import math

from scipy import optimize

from theory.context_hijacking.hijacking import hijack_error_at
from theory.context_hijacking.models import Hijack, Query, TunedHijack
from theory.context_hijacking.tuning import tuned


def critical_hijackers(model: Query) -> float:
    """Number N* of hijackers, a real number, beyond which this query is answered wrongly.

    With kappa_c = (1 - s c rho)/(1 + c sqrt(1 - rho^2) g), N* = (1 - kappa_c^(1/L)) / (alpha r^2) at equal steps; the
    first whole number that flips the answer is floor(N*) + 1. It is the first crossing: far beyond it, at
    alpha N r^2 > 2, a transformer of even depth may come back.

    Returns
    -------
    float
        0 if the query is wrong without hijackers; infinite if s c rho >= 1 and it is not, for then nothing flips it
        before steps overshoot (at odd depth, far more hijackers may).

    References
    ----------
    R10.
    """
    c, rho = model.initial_scale, model.correlation
    lift = model.margin * c * rho
    pull = c * math.sqrt((1 - rho) * (1 + rho)) * model.alignment
    if lift + pull <= 0:
        return 0.0
    if lift >= 1 or not any(model.layers):
        return math.inf
    return _dose((1 - lift) / (1 + pull), model) / model.squared_norm


def half_error_hijackers(model: TunedHijack) -> float:
    """Number N50 of hijackers, a real number, at which the error of the optimally trained transformer is 1/2.

    Returns
    -------
    float
        0 if the error is at least 1/2 without hijackers; infinite if it stays below until the steps overshoot,
        alpha N (d - 1) = 1, as it does for margins of at least 1/(c rho).

    References
    ----------
    R10.
    """
    return hijackers_at_error(trained(model), 0.5)


def trained(model: TunedHijack, hijackers: int = 0) -> Hijack:
    """The transformer with its optimal step size and initial scale, before a number of hijackers."""
    best = tuned(model.tuning)
    return Hijack(
        hijackers, model.dimension, model.depth, best.step_size, best.initial_scale, model.prior, model.margin
    )


def hijackers_at_error(model: Hijack, level: float) -> float:
    """The first real number of hijackers at which the error is `level`; see `half_error_hijackers`."""
    largest = max(model.layers)
    if hijack_error_at(model, 0.0) >= level:
        return 0.0
    if largest == 0:
        return math.inf
    overshoot = 1 / (largest * (model.dimension - 1))
    low = high = 1e-3 * overshoot
    while hijack_error_at(model, high) < level:
        if high >= overshoot:
            return math.inf
        low, high = high, min(2 * high, overshoot)
    if high == low:
        low = 0.0
    return float(optimize.brentq(lambda count: hijack_error_at(model, count) - level, low, high, rtol=1e-12))


def _dose(contraction: float, model: Query) -> float:
    """The first x = N r^2 at which prod_l (1 - alpha_l x) falls to a value between 0 and 1."""
    largest = max(model.layers)
    if min(model.layers) == largest:
        return -math.expm1(math.log(contraction) / model.depth) / largest

    def excess(x: float) -> float:
        return float(model.contraction(x)) - contraction

    return float(optimize.brentq(excess, 0.0, 1 / largest, rtol=1e-14))
