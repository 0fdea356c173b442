"""Supervised fine-tuning before RLVR: how good its data must be, and how long it takes (R10).

The flow of fine-tuning on a pattern distribution q is dtheta_i/dt = q_i - pi_i, so that pi tends to q.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize

from lemmata.models import DomainError
from theory.numerics.log_concave import log_integral
from theory.rlvr_gradient_flow.models import Bandit, Teacher
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import accuracy_above, best, lows, policy_and_rates, runner_up
from theory.rlvr_gradient_flow.two_patterns import logit_and_gap, only_two


def sft_threshold(model: Teacher) -> float:
    """Share alpha_c of the teacher from which on (1-alpha) pi_ref + alpha q has an accuracy above the runner-up's rate.

    alpha_c = (p' - V_ref)/(V_q - V_ref).

    Parameters
    ----------
    model : Teacher

    Returns
    -------
    float
        0 if every share is enough; above 1 (or inf) if no mixture with this teacher is good enough: V_q < p'.

    References
    ----------
    arXiv 2506.04695 (version 1), on fine-tuning before RLVR; R10.
    """
    missing = -accuracy_above(model, runner_up(model))
    if missing < 0:
        return 0.0
    teacher = _teacher(model)
    base = math.fsum(pi * p for pi, p in zip(model.start, model.rates, strict=True))
    gain = math.fsum(q * (p - base) for q, p in zip(teacher, model.rates, strict=True))
    return missing / gain if gain > 0 else math.inf


def sft_time(model: Teacher) -> float:
    """Time tau_c of fine-tuning on the best pattern until V is the runner-up's rate: infinite at a tie.

    tau_c = int_0^s pi_* prod_{j != *}(1 + u pi_j) du + sum_{j != *} ln(1 + s pi_j), s the root of
    g pi_* prod_{j != *}(1 + s pi_j) = sum_l d_l / (1/pi_l + s); logarithmic in 1/pi_*.

    Parameters
    ----------
    model : Teacher
        The teacher is the best pattern ([]).

    Returns
    -------
    float
        0 from a start in Regime 1, inf if the best rate is tied.

    Raises
    ------
    DomainError
        If the teacher is another.

    References
    ----------
    arXiv 2506.04695 (version 1), on fine-tuning before RLVR; R10.
    """
    s = _switch(model)
    if s == 0.0 or math.isinf(s):
        return s
    start, star = np.array(model.start), best(model)
    others = np.delete(start, star)
    area = math.exp(_log_integral_of_product(start[star], others, s))
    return area + float(np.sum(np.log1p(s * others)))


def sft_policy(model: Teacher) -> Array:
    """Policy after fine-tuning on the best pattern for the time tau_c: proportional to 1/y, y_j = 1/pi_j + s.

    Parameters
    ----------
    model : Teacher
        The teacher is the best pattern ([]); the best rate is not tied.

    Returns
    -------
    array of float, shape (K,)

    Raises
    ------
    DomainError
        If the teacher is another, or no fine-tuning leads to Regime 1.

    References
    ----------
    R10.
    """
    s = _switch(model)
    if math.isinf(s):
        raise DomainError("rates", model.rates, "a list with a unique largest rate")
    start, star = np.array(model.start), best(model)
    others = np.delete(start, star)
    log_weights = np.log(start) - np.log1p(s * start)
    log_weights[star] = math.log(start[star]) + float(np.sum(np.log1p(s * others)))
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def sft_two_pattern_time(model: Teacher) -> float:
    """Time of fine-tuning with two patterns until the better one has a level: t = [H(l) - H(l_0)]/2.

    H(l) = l/q - ln|q - (1-q) e^l| / (q (1-q)) with q the better pattern's share in the data; l + e^l at q = 1.

    Parameters
    ----------
    model : Teacher
        With two patterns.

    Returns
    -------
    float
        inf if the level is not strictly between the start and the teacher's share.

    Raises
    ------
    DomainError
        If there are more patterns.

    References
    ----------
    R10.
    """
    only_two(model)
    begin, _ = logit_and_gap(model)
    share = _teacher(model)[best(model)]
    end = math.log(model.level) - math.log1p(-model.level)
    if end == begin:
        return 0.0
    if not min(model.start[best(model)], share) <= model.level <= max(model.start[best(model)], share):
        return math.inf
    if share == 1.0:
        return 0.5 * ((end - begin) + math.exp(begin) * math.expm1(end - begin))
    if share == 0.0:
        return 0.5 * ((begin - end) + math.exp(-begin) * math.expm1(begin - end))
    if model.level == share:
        return math.inf
    left = [share - (1.0 - share) * math.exp(logit) for logit in (begin, end)]
    return 0.5 * ((end - begin) - math.log(left[1] / left[0]) / (1.0 - share)) / share


def rejection_sampling_rounds(model: Bandit) -> float:
    """Rounds of refitting to one's own correct samples until Regime 1: first n with V_n > p', pi_n ~ pi_ref p^n.

    V_n > p' if and only if g pi_* > sum_l d_l pi_l (p_l/p_*)^n; V_n increases with n.

    Parameters
    ----------
    model : Bandit

    Returns
    -------
    float
        A whole number; inf if the best rate is tied.

    References
    ----------
    R10.
    """
    start, rates = policy_and_rates(model)
    star, second, low = best(model), runner_up(model), lows(model)
    gap = rates[star] - rates[second]
    if gap == 0:
        return math.inf
    falls = rates[second] - rates[low]

    def is_enough(rounds: int) -> bool:
        return gap * start[star] > float(np.sum(falls * start[low] * (rates[low] / rates[star]) ** rounds))

    if is_enough(0):
        return 0.0
    most = 1
    while not is_enough(most):
        most *= 2
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if is_enough(middle) else (middle, most)
    return float(most)


# ------------------------------------------------------------------ the teacher


def _teacher(model: Teacher) -> tuple[float, ...]:
    star = best(model)
    return model.teacher or tuple(float(i == star) for i in range(len(model.start)))


def _switch(model: Teacher) -> float:
    """s at which fine-tuning on the best pattern has lifted the accuracy to the runner-up's rate."""
    star, second, low = best(model), runner_up(model), lows(model)
    if _teacher(model)[star] != 1.0:
        raise DomainError("teacher", model.teacher, "[] (the best pattern alone)")
    start, rates = policy_and_rates(model)
    gap, falls = rates[star] - rates[second], rates[second] - rates[low]
    if accuracy_above(model, second) >= 0:
        return 0.0 if gap > 0 else math.inf
    if gap == 0:
        return math.inf
    others = np.delete(start, star)

    def excess(s: float) -> float:
        # logarithm of the increasing over the decreasing side
        rise = math.log(gap * start[star]) + float(np.sum(np.log1p(s * others)))
        return rise - math.log(float(np.sum(falls / (1.0 / start[low] + s))))

    high = 1.0
    while excess(high) < 0:
        high *= 2.0
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-300, rtol=1e-15)) if excess(0.0) < 0 else 0.0


def _log_integral_of_product(front: float, others: Array, end: float) -> float:
    """ln of the integral of front prod_j (1 + u others_j) over [0, end]."""

    def log_height(u: Array) -> Array:
        value = np.full_like(u, math.log(front))
        for pi in others:
            value = value + np.log1p(pi * u)
        return value

    return log_integral(log_height, 0.0, end)
