"""Hitting times of REINFORCE with finite batches and steps, to first order around the flow (R13).

A step is theta += eta (f + noise), f_i = pi_i (p_i - V), the noise of covariance D/B. With T(theta) the flow's
remaining time and lambda = grad T,

    Var = (eta/B) int lambda^T D lambda dt,
    mean = T + (eta/2B) int tr(D hess T) dt - (eta/2) int lambda^T J f dt + eta (sd/drift) [rho(drift/sd) + skewness/6].

The last term is what the last step carries beyond the level: drift = n . f, sd = sqrt(n^T D n / B) and skewness are
those of a step along n, the gradient of what reaches the level, rho is the mean overshoot of a Gaussian walk.
drift/sd does not depend on eta: rho(0) = .5826 alone is enough for small batches only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from lemmata.models import DomainError
from theory.numerics.overshoot import mean_overshoot
from theory.rlvr_gradient_flow.hitting import monotone_weights, target_place
from theory.rlvr_gradient_flow.models import Reinforce
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import MOST_LOG, without_penalty
from theory.rlvr_gradient_flow.places import log_time_to_balance

NUDGE = 1e-3
"""Step in logits of the differences that give gradients and Hessians of the flow's remaining time, of order NUDGE^4."""
MOST_LOG_TIME = MOST_LOG / 2 - 50
"""ln of the longest time whose variance, of the order of its square, is a float."""


def hitting_time_terms(model: Reinforce) -> Array:
    """Terms of the mean hitting time of REINFORCE, and its standard deviation, to first order in the step size.

    Parameters
    ----------
    model : Reinforce
        A level that the flow crosses once (an accuracy, or a policy from 1/2 on), with the value or no baseline,
        without a KL penalty.

    Returns
    -------
    array of float, shape (5,)
        Flow, diffusion, Euler, crossing: their sum is the mean; then the standard deviation.

    Raises
    ------
    DomainError
        If the baseline is the batch's mean, the level may be crossed more than once or is never reached or not before
        e^304, or there is a KL penalty.

    References
    ----------
    R13.
    """
    without_penalty(model)
    if model.baseline == "batch":
        raise DomainError("baseline", model.baseline, "value or none")
    weights = monotone_weights(model)
    if weights is None:
        raise DomainError("level", model.level, ">= 1/2, or of the accuracy")
    orbit, place = target_place(model)
    if place is None:
        raise DomainError("level", model.level, "a level that the flow reaches")
    if orbit.log_time(place) > MOST_LOG_TIME:
        raise DomainError("level", model.level, f"a level that the flow reaches before e^{MOST_LOG_TIME:.0f}")
    rates = orbit.rewards
    log_dt, log_policies = orbit.nodes(place)
    time = math.fsum(np.exp(log_dt))
    if time == 0.0:
        return np.zeros(5)
    variance = diffusion = euler = 0.0
    for weight, log_policy in zip(np.exp(log_dt), log_policies, strict=True):
        policy = np.exp(log_policy)
        force, noise, turn = _local(policy, rates, model.baseline)
        gradient, laplacian = _derivatives(log_policy, rates, weights, noise)
        variance += weight * float(gradient @ noise @ gradient)
        diffusion += weight * laplacian
        euler -= weight * float(gradient @ turn @ force)
    crossing = _crossing(np.exp(orbit.log_policy(place)), rates, weights, model)
    eta = model.step_size
    return np.array(
        [
            time,
            0.5 * eta / model.batch * diffusion,
            0.5 * eta * euler,
            eta * crossing,
            math.sqrt(eta / model.batch * variance),
        ]
    )


def hitting_time_moments(model: Reinforce) -> Array:
    """Mean and standard deviation of the hitting time of REINFORCE, to first order in the step size.

    Parameters
    ----------
    model : Reinforce
        As for `hitting_time_terms`.

    Returns
    -------
    array of float, shape (2,)

    Raises
    ------
    DomainError
        As for `hitting_time_terms`.

    References
    ----------
    R13.
    """
    *mean, deviation = hitting_time_terms(model)
    return np.array([math.fsum(mean), deviation])


def mean_hitting_time(model: Reinforce) -> float:
    """Mean hitting time of REINFORCE, to first order in the step size.

    Parameters
    ----------
    model : Reinforce
        As for `hitting_time_terms`.

    Returns
    -------
    float

    Raises
    ------
    DomainError
        As for `hitting_time_terms`.

    References
    ----------
    R13.
    """
    return float(hitting_time_moments(model)[0])


def _crossing(policy: Array, rates: Array, weights: Array, model: Reinforce) -> float:
    """Mean overshoot over the level in time, in units of the step size."""
    normal = policy * (weights - policy @ weights)
    reach = normal - policy @ normal
    baseline = policy @ rates if model.baseline == "value" else 0.0
    # a sample of pattern i moves along n by (1 - b) reach_i with probability p_i, by -b reach_i otherwise
    moves = np.concatenate([(1 - baseline) * reach, -baseline * reach])
    chances = np.concatenate([policy * rates, policy * (1 - rates)])
    drift = float(chances @ moves)
    variance, third = (float(chances @ (moves - drift) ** k) for k in (2, 3))
    deviation = math.sqrt(variance / model.batch)
    skewness = third / variance**1.5 / math.sqrt(model.batch)
    return deviation / drift * (mean_overshoot(drift / deviation) + skewness / 6)


def _local(policy: Array, rates: Array, baseline: str) -> tuple[Array, Array, Array]:
    """Force f (K,), covariance D (K, K) of a sample's update, and Jacobian J of f (K, K) at a policy."""
    leader = int(np.argmax(policy))
    above = (rates - rates[leader]) - policy @ (rates - rates[leader])
    force = policy * above
    # p(1-p) + (p-b)^2 with b = V or 0
    second = rates * (1 - rates) + (above**2 if baseline == "value" else rates**2)
    mass = policy * second
    noise = (
        np.diag(mass)
        - np.outer(mass, policy)
        - np.outer(policy, mass)
        + mass.sum() * np.outer(policy, policy)
    )
    turn: Any = np.diag(force) - np.outer(policy, force) - np.outer(force, policy)
    return force, noise - np.outer(force, force), turn


def _derivatives(log_policy: Array, rates: Array, weights: Array, noise: Array) -> tuple[Array, float]:
    """Gradient of the flow's remaining time in the logits, and tr(D hess T), by differences along D's axes."""
    values, axes = np.linalg.eigh(noise)

    def remaining(logits: Array) -> float:
        policy = np.exp(logits - special.logsumexp(logits))
        if weights @ policy < 0:
            return math.exp(log_time_to_balance(policy, rates, weights))
        # beyond the level the time is negative, and the flow backwards is that of the negative rewards
        return -math.exp(log_time_to_balance(policy, -rates, -weights))

    return _along_axes(remaining, log_policy, values, axes)


def _along_axes(
    function: Callable[[Array], float], point: Array, values: Array, axes: Array
) -> tuple[Array, float]:
    """Gradient, and sum of second derivatives weighted with `values`, from five points along each axis."""
    middle = function(point)
    gradient, laplacian = np.zeros_like(point), 0.0
    for value, axis in zip(values, axes.T, strict=True):
        f = [function(point + step * NUDGE * axis) for step in (-2, -1, 1, 2)]
        gradient += axis * (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * NUDGE)
        laplacian += value * (16 * (f[1] + f[2]) - (f[0] + f[3]) - 30 * middle) / (12 * NUDGE**2)
    return gradient, laplacian
