"""Learnable answers under the plain gradient: the joint flow, and who wins among two patterns (R12).

theta_i' = pi_i (p_i - V), s_i' = kappa pi_i p_i (1 - p_i) with s_i = logit p_i and kappa = 1 + 1/n for n wrong answers.
Time runs as u = ln(1 + t), since everything that happens late is a power of t.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import integrate, optimize, special

from lemmata.kernels import kernel
from lemmata.models import DomainError
from theory.rlvr_gradient_flow.models import LearnableAnswers, Pair
from theory.rlvr_gradient_flow.orbit import Array

DECIDED = 4.0
"""A pattern has won when its logit is that much beyond the larger of 0 and its start; 6 gives the same to 1e-7."""
MOST_LOGIT = 14.0
"""The separatrix is sought between this logit and its negative."""
STEP = 0.01
"""Of u; half of it moves the separatrix by less than 5e-8."""
_UNFELT = 1e-30
"""ln(1 + t) before which no float has changed; an integrator does not end in so short a time."""
_LATEST = 60.0
"""ln(1 + t) at which a pattern counts as undecided."""


def learnable_flow(model: LearnableAnswers) -> Array:
    """Policy and success rates at a time when the answers are trained too, by integrating the flow.

    Parameters
    ----------
    model : LearnableAnswers

    Returns
    -------
    array of float, shape (2, K)
        Policy, success rates.

    References
    ----------
    R12.
    """
    start, rates = np.array(model.start), np.array(model.rates)
    state = np.concatenate([np.log(start), special.logit(rates)])
    kappa = 1.0 + 1.0 / model.wrong_answers
    end = math.log1p(model.time)
    if end > _UNFELT:
        solution = integrate.solve_ivp(
            _joint_speed, (0.0, end), state, method="LSODA", rtol=1e-11, atol=1e-12, args=(kappa,)
        )
        state = solution.y[:, -1]
    return np.array([special.softmax(state[: start.size]), special.expit(state[start.size :])])


def separatrix(model: Pair) -> float:
    """Smallest probability of the first pattern at the start from which it wins, with learnable binary answers.

    With frozen answers the better pattern wins from every start; here it does so above the separatrix only.

    Parameters
    ----------
    model : Pair

    Returns
    -------
    float
        1/2 at equal rates; within about 1e-7. separatrix(p, q) + separatrix(q, p) = 1.

    Raises
    ------
    DomainError
        If the rates are so far apart that the separatrix is within 1e-6 of 0 or 1.

    References
    ----------
    R12.
    """
    first, second = (float(special.logit(p)) for p in model.rates)
    if first == second:
        return 0.5
    low, high = -MOST_LOGIT, MOST_LOGIT
    if not _outcome(low, first, second) < 0 < _outcome(high, first, second):
        least = float(special.expit(low))
        raise DomainError("rates", model.rates, f"less apart: the separatrix is within {least:.1e} of 0 or 1")
    logit = optimize.bisect(lambda x: _outcome(x, first, second), low, high, xtol=1e-7)
    return float(special.expit(logit))


def _joint_speed(u: float, state: Array, kappa: float) -> Array:
    """d/du of (theta, s), in differences that keep their digits when all rates are near 1."""
    count = state.size // 2
    policy, odds = special.softmax(state[:count]), state[count:]
    wrong = special.expit(-odds)
    speed = np.concatenate([policy * (policy @ wrong - wrong), kappa * policy * special.expit(odds) * wrong])
    return speed * math.exp(u)


@kernel
def _outcome(logit: float, first: float, second: float) -> float:
    """Which pattern wins: the logit of the first one when it is decided, by Runge-Kutta steps in u = ln(1 + t).

    In u all late rates of change are of order 1, and so is the step's error to the fourth power of `STEP`.
    """
    x, y, z = logit, first, second
    u = 0.0
    while u < _LATEST and abs(x) < abs(logit) + DECIDED:
        moved_x, moved_y, moved_z = 0.0, 0.0, 0.0
        at_x, at_y, at_z = x, y, z
        for k in range(4):
            scale = 2.0 * math.exp(u + STEP * (0.0 if k == 0 else 1.0 if k == 3 else 0.5))
            wrong_y, wrong_z = 1.0 / (1.0 + math.exp(at_y)), 1.0 / (1.0 + math.exp(at_z))
            one, other = 1.0 / (1.0 + math.exp(-at_x)), 1.0 / (1.0 + math.exp(at_x))
            speed_x = scale * one * other * (wrong_z - wrong_y)
            speed_y = scale * one * wrong_y / (1.0 + math.exp(-at_y))
            speed_z = scale * other * wrong_z / (1.0 + math.exp(-at_z))
            weight, ahead = STEP / (6.0 if k in (0, 3) else 3.0), STEP * (1.0 if k == 2 else 0.5)
            moved_x += weight * speed_x
            moved_y += weight * speed_y
            moved_z += weight * speed_z
            at_x, at_y, at_z = x + ahead * speed_x, y + ahead * speed_y, z + ahead * speed_z
        x += moved_x
        y += moved_y
        z += moved_z
        u += STEP
    return x
