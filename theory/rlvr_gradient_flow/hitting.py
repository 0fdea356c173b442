"""Policies at a time and times of levels under the plain flow, exact for any number of patterns (R3, R5)."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from theory.rlvr_gradient_flow.models import Bandit, CertaintyFlow, Convergence, Flow, Target
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import best, from_log, policy_and_rates, without_penalty
from theory.rlvr_gradient_flow.places import START, Orbit, Place, along, log_time_to_balance


def flow(model: Flow) -> Array:
    """Policy of the gradient flow at a time.

    pi_i = (1/y_i) / sum_j 1/y_j with y_i(s) = 1/pi_i(0) - p_i s + W(s) and prod_i y_i constant; t = int sum_i 1/y_i ds.

    Parameters
    ----------
    model : Flow
        Without a KL penalty.

    Returns
    -------
    array of float, shape (K,)

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695; R3.
    """
    without_penalty(model)
    orbit = Orbit.of(model.start, model.rates)
    return np.exp(orbit.log_policy(orbit.at(model.time)))


def certainty_flow(model: CertaintyFlow) -> Array:
    """Policy at a time when self-certainty R(p) = -(ln p + ln(1-p))/2 is rewarded in place of correctness.

    The flow of R3 with R(p_i) in the place of p_i. The accuracy sum_i pi_i p_i may rise and then fall.

    Parameters
    ----------
    model : CertaintyFlow
        Without a KL penalty.

    Returns
    -------
    array of float, shape (K,)

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.6; R11.
    """
    without_penalty(model)
    rates = np.array(model.rates)
    orbit = Orbit.of(model.start, -0.5 * (np.log(rates) + np.log1p(-rates)))
    return np.exp(orbit.log_policy(orbit.at(model.time)))


def hitting_time(model: Target) -> float:
    """Time at which the accuracy or the policy reaches a level: infinite if it never does.

    t = int_0^s sum_i 1/y_i ds with s the root of sum_i (p_i - level)/y_i = 0 (accuracy), or of pi_* = level (policy).

    Parameters
    ----------
    model : Target
        Without a KL penalty. At levels below 1/2 the policy may cross more than once; `crossing` chooses.

    Returns
    -------
    float
        0 if the level is reached at the start; inf if it never is (an accuracy not below the best rate, a policy among
        patterns alike in rate and start) or if the time exceeds the largest float: see `log_hitting_time`.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695; R3.
    """
    return from_log(log_hitting_time(model))


def log_hitting_time(model: Target) -> float:
    """Logarithm of the hitting time, finite where the time itself overflows.

    Parameters
    ----------
    model : Target
        As for `hitting_time`.

    Returns
    -------
    float
        -inf if the level is reached at the start, inf if it never is.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695; R3.
    """
    without_penalty(model)
    start, rates = policy_and_rates(model)
    weights = monotone_weights(model)
    if weights is not None:
        return log_time_to_balance(start, rates, weights)
    orbit = Orbit.of(start, rates)
    place = _searched(model, orbit)
    return math.inf if place is None else orbit.log_time(place)


def convergence_time(model: Convergence) -> float:
    """Time T_1 at which the best pattern has all but a small probability: pi_* >= 1 - error.

    Parameters
    ----------
    model : Convergence
        Without a KL penalty.

    Returns
    -------
    float
        As for `hitting_time`.

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.3; R5.
    """
    without_penalty(model)
    start, rates = policy_and_rates(model)
    weights = np.full(start.size, -(1.0 - model.error))
    weights[best(model)] = model.error
    return from_log(log_time_to_balance(start, rates, weights))


def target_place(model: Target) -> tuple[Orbit, Place | None]:
    """The orbit, and the place on it at which the level is reached; None if it never is."""
    orbit = Orbit.of(model.start, model.rates)
    weights = monotone_weights(model)
    return orbit, _searched(model, orbit) if weights is None else orbit.balance(weights)


# ------------------------------------------------------------------ levels that may be crossed more than once


def _twins(model: Bandit) -> list[int]:
    """The best pattern and all that equal it in rate and start: they stay equal for ever."""
    star = best(model)
    same = (model.rates[star], model.start[star])
    return [i for i, both in enumerate(zip(model.rates, model.start, strict=True)) if both == same]


def _share_weights(model: Bandit, share: float) -> Array:
    """Weights of sum_twins pi - share, each formed without cancellation."""
    weights = np.full(len(model.start), -share)
    weights[_twins(model)] = 1.0 - share
    return weights


def monotone_weights(model: Target) -> Array | None:
    """Weights of a combination that changes its sign at the level and nowhere else; None if there is none.

    Once M equal leaders hold M/(M+1) together, each is the most likely of all and never falls again.
    """
    if model.quantity == "accuracy":
        return np.array([p - model.level for p in model.rates])
    count = len(_twins(model))
    return _share_weights(model, count * model.level) if count * model.level >= count / (count + 1) else None


def _searched(model: Target, orbit: Orbit) -> Place | None:
    """The first or last upward crossing of a low level, sought between quadrature nodes and turns of pi_*."""
    count, star = len(_twins(model)), best(model)
    end = orbit.balance(_share_weights(model, count / (count + 1)))
    if end is None:
        return None
    log_level = math.log(model.level)

    def height(place: Place) -> float:
        return float(orbit.log_policy(place)[star]) - log_level

    def rise(place: Place) -> float:
        return _rise(np.exp(orbit.log_policy(place)), orbit.rewards, star)

    places = [START, *orbit.places(end), end]
    turned = [orbit.between(a, b, rise) for a, b in pairwise(places) if rise(a) * rise(b) < 0]
    places = sorted({*places, *turned}, key=along)
    heights = [height(place) for place in places]
    if heights[0] >= 0 and (model.crossing == "first" or min(heights) >= 0):
        return START
    pairs = [n for n in range(len(places) - 1) if heights[n] < 0 <= heights[n + 1]]
    n = pairs[0] if model.crossing == "first" else pairs[-1]
    return orbit.between(places[n], places[n + 1], height)


def _rise(policy: Array, rates: Array, star: int) -> float:
    """d ln pi_* / dt = pi_*(p_* - V) - sum_k pi_k^2 (p_k - V), with V relative to the leader's rate."""
    leader = int(np.argmax(policy))
    above = (rates - rates[leader]) - policy @ (rates - rates[leader])
    return float(policy[star] * above[star] - np.sum(policy**2 * above))
