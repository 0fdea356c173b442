"""The entanglement time T_0, at which a start in Regime 2 enters Regime 1, and its bounds (R6).

T_0 is the time at which V = p', the rate of the runner-up r'. With g = p_* - p' and d_l = p' - p_l for the low patterns
it is where g/y_* = sum_l d_l/y_l; g and d_l are formed from the rates by index, since V - p' has no digits on a deep
plateau. With a_i = 1/pi_i - 1/pi' at the start, the time on the plateau of r' is ruled by the polynomial

    P(s) = (a_* - g s) prod_l (a_l + d_l s) / prod_i 1/pi_i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from theory.numerics.log_concave import log_integral
from theory.rlvr_gradient_flow.models import Bandit
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import (
    best,
    from_log,
    lows,
    policy_and_rates,
    runner_up,
    without_penalty,
)
from theory.rlvr_gradient_flow.places import log_time_to_balance
from theory.rlvr_gradient_flow.regimes import regime

ROUNDING = 4 * float(np.finfo(float).eps)


def entanglement_time(model: Bandit) -> float:
    """Time T_0 at which the accuracy reaches the runner-up's rate, Regime 1 from then on: infinite at a tie.

    Parameters
    ----------
    model : Bandit
        Without a KL penalty.

    Returns
    -------
    float
        0 from a start in Regime 1; inf if the best rate is tied, or the time exceeds the largest float: see
        `log_entanglement_time`.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.4; R6.
    """
    return from_log(log_entanglement_time(model))


def log_entanglement_time(model: Bandit) -> float:
    """Logarithm of the entanglement time, finite where the time itself overflows.

    Parameters
    ----------
    model : Bandit
        Without a KL penalty.

    Returns
    -------
    float
        -inf from a start in Regime 1, inf if the best rate is tied.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.4; R6.
    """
    without_penalty(model)
    start, rates = policy_and_rates(model)
    weights = rates - rates[runner_up(model)]
    if weights[best(model)] == 0:
        return math.inf
    return log_time_to_balance(start, rates, weights)


def entanglement_bounds(model: Bandit) -> Array:
    """Bounds of the entanglement time: T_low <= T_0 <= T_up# <= T_up.

    T_low = int P ds over [max(0, max_l -a_l/d_l), arg max P]; it needs Regime 2 and d_l >= g for all l. T_up# =
    pi'/(g pi_*) int_0^1 (1-u) prod_l (1 + u d_l pi_l/(g pi_*)) du + sum_l pi_l (1 + d_l/g)/(g pi_*), in Regime 2. T_up
    replaces the product by the power of its mean factor.

    Parameters
    ----------
    model : Bandit
        Without a KL penalty.

    Returns
    -------
    array of float, shape (3,)
        T_low, T_up#, T_up. Where a bound's hypothesis fails, the trivial 0 or inf; zeros in Regime 1.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.4; R6.
    """
    return np.array([from_log(value) for value in log_entanglement_bounds(model)])


def log_entanglement_bounds(model: Bandit) -> Array:
    """Logarithms of the bounds of the entanglement time, finite where the bounds themselves overflow.

    Parameters
    ----------
    model : Bandit
        Without a KL penalty.

    Returns
    -------
    array of float, shape (3,)
        ln T_low, ln T_up#, ln T_up.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.4; R6.
    """
    without_penalty(model)
    kind = regime(model)
    if kind == 1:
        return np.full(3, -math.inf)
    if kind != 2:
        return np.array([-math.inf, math.inf, math.inf])
    plateau = _plateau(model)
    # rates are decimals more often than not: .7 - .5 and .9 - .7 are meant to be equal
    is_spread = bool(np.all(plateau.falls >= plateau.gap - ROUNDING))
    lower = plateau.log_area(plateau.peak()) if is_spread else -math.inf
    return np.array([lower, *_log_upper(plateau)])


def plateau_time(model: Bandit) -> float:
    """Time until the best pattern takes over from the runner-up, for deep plateaus: int_0^{a_*/g} P ds.

    Parameters
    ----------
    model : Bandit
        In Regime 2, the runner-up the most likely pattern; without a KL penalty.

    Returns
    -------
    float
        The relative error tends to 0 as the plateau deepens; 0 where the polynomial is nowhere positive.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    R6.
    """
    without_penalty(model)
    plateau = _plateau(model)
    if plateau.gap == 0:
        return math.inf
    return from_log(plateau.log_area(plateau.lead / plateau.gap))


def least_policy(model: Bandit) -> float:
    """Smallest probability of the best pattern on the plateau of the runner-up, for deep plateaus.

    c / max_s [(a_* - g s)^2 prod_l (a_l + d_l s)], c = prod_i 1/pi_i.

    Parameters
    ----------
    model : Bandit
        In Regime 2, the runner-up the most likely pattern; without a KL penalty.

    Returns
    -------
    float
        Leading order in a small pi_*; 1 where the polynomial is nowhere positive.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    R6.
    """
    without_penalty(model)
    plateau = _plateau(model)
    if plateau.gap == 0 or plateau.begin >= plateau.lead / plateau.gap:
        return 1.0
    s = plateau.peak(power=2.0)
    with np.errstate(divide="ignore"):
        value = plateau.log_height(np.array([s]))[0] + np.log(plateau.lead - plateau.gap * s)
    return min(1.0, math.exp(-float(value)))


# ------------------------------------------------------------------ the polynomial of the plateau


@dataclass(frozen=True, eq=False)
class _Plateau:
    """g, d_l, a_*, a_l of the module's docstring, and the policy at the start."""

    gap: float
    falls: Array
    lead: float
    offsets: Array
    best: float
    runner_up: float
    low: Array

    @property
    def begin(self) -> float:
        """From where on all factors a_l + d_l s are positive."""
        with np.errstate(divide="ignore", invalid="ignore"):
            places = np.where(self.offsets < 0, -self.offsets / self.falls, 0.0)
        return float(max(0.0, *places)) if places.size else 0.0

    def log_height(self, s: Array) -> Array:
        """ln P, each factor beside its share of prod_i 1/pi_i."""
        # at the ends of the interval a factor is 0 up to rounding, of either sign
        value = np.log(np.maximum(self.lead - self.gap * s, 0.0) * self.best) + math.log(self.runner_up)
        for offset, fall, pi in zip(self.offsets, self.falls, self.low, strict=True):
            value = value + np.log(np.maximum(offset + fall * s, 0.0) * pi)
        return value

    def log_area(self, end: float) -> float:
        """ln of the integral of P from where it is positive."""
        return log_integral(self.log_height, self.begin, end)

    def peak(self, power: float = 1.0) -> float:
        """Where (a_* - g s)^power prod_l (a_l + d_l s) is largest, or `begin` if it falls from there on."""
        low, high = self.begin, self.lead / self.gap
        if low >= high:
            return low

        def falling(s: float) -> float:
            # multiplied by a_* - g s, which is positive: increasing in s
            with np.errstate(divide="ignore"):
                rises = (
                    self.falls * (self.lead - self.gap * s) / np.maximum(self.offsets + self.falls * s, 0.0)
                )
            return power * self.gap - float(np.sum(rises))

        if falling(low) >= 0:
            return low
        # bisection, since the function may be -inf at the lower end
        return float(optimize.bisect(falling, low, high, xtol=1e-300, rtol=1e-15, maxiter=2000))


def _plateau(model: Bandit) -> _Plateau:
    star, second, low = best(model), runner_up(model), lows(model)
    start, rates = policy_and_rates(model)
    return _Plateau(
        gap=float(rates[star] - rates[second]),
        falls=rates[second] - rates[low],
        lead=float(1.0 / start[star] - 1.0 / start[second]),
        offsets=1.0 / start[low] - 1.0 / start[second],
        best=float(start[star]),
        runner_up=float(start[second]),
        low=start[low],
    )


# ------------------------------------------------------------------ upper bounds


def _log_upper(plateau: _Plateau) -> tuple[float, float]:
    """ln T_up# and ln T_up."""
    log_scale = -math.log(plateau.gap) - math.log(plateau.best)
    with np.errstate(divide="ignore"):
        log_factors = np.log(plateau.falls) + np.log(plateau.low) + log_scale
        log_rest = float(np.log(np.sum(plateau.low * (1.0 + plateau.falls / plateau.gap)))) + log_scale

    def log_height(u: Array) -> Array:
        # a factor itself may exceed the largest float
        value, log_u = np.log1p(-u), np.log(u)
        for log_factor in log_factors:
            value = value + np.logaddexp(0.0, log_factor + log_u)
        return value

    log_front = math.log(plateau.runner_up) + log_scale
    sharp = log_front + log_integral(log_height, 0.0, 1.0)
    averaged = log_front + log_averaged_growth(float(special.logsumexp(log_factors)), log_factors.size)
    return float(np.logaddexp(sharp, log_rest)), float(np.logaddexp(averaged, log_rest))


def log_averaged_growth(log_x: float, count: float) -> float:
    """ln Phi_N(X) from ln X: Phi_N(X) = int_0^1 (1-u)(1 + X u/N)^N du, at N = inf (e^X - 1 - X)/X^2.

    Parameters
    ----------
    log_x : float
        ln X; -inf for X = 0.
    count : float
        N >= 1, or inf.

    Returns
    -------
    float
        Increasing in N; ln(1/2) at X = 0.
    """
    if math.isinf(count):
        x = from_log(log_x)
        return x if math.isinf(x) else log_integral(lambda u: np.log1p(-u) + x * u, 0.0, 1.0)
    log_mean = log_x - math.log(count)
    return log_integral(lambda u: np.log1p(-u) + count * np.logaddexp(0.0, log_mean + np.log(u)), 0.0, 1.0)


__all__ = [
    "entanglement_bounds",
    "entanglement_time",
    "least_policy",
    "log_averaged_growth",
    "log_entanglement_bounds",
    "log_entanglement_time",
    "plateau_time",
]
