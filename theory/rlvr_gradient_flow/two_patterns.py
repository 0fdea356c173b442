"""Two patterns: the plain flow (R4) and the flow under a KL penalty (R7) in closed form."""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError
from theory.numerics.exponential_integrals import scaled_e1, scaled_ei
from theory.numerics.sinh_law import inverse_sinh_law, sinh_law
from theory.rlvr_gradient_flow.models import Bandit, Flow, Target
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import best, without_penalty


def two_pattern_time(model: Target) -> float:
    """Time of a level with two patterns, with or without a KL penalty: infinite if it is never reached.

    In the logit l of the better pattern, with Delta = p_1 - p_2 and G(l) = l + sinh l: G(l(t)) = G(l(0)) + Delta t.
    Under a penalty beta the logit tends to l(0) + Delta/beta, see `penalised_time`.

    Parameters
    ----------
    model : Target
        With two patterns; the quantity is the policy.

    Returns
    -------
    float
        0 if the level is reached at the start, inf if it never is.

    Raises
    ------
    DomainError
        If there are more patterns, or the level is one of the accuracy.

    References
    ----------
    arXiv 2506.04695; R4, R7.
    """
    only_two(model)
    if model.quantity != "policy":
        raise DomainError("quantity", model.quantity, "policy: an accuracy is a policy between the two rates")
    begin, gap = logit_and_gap(model)
    end = math.log(model.level) - math.log1p(-model.level)
    if end <= begin:
        return 0.0
    if gap == 0:
        return math.inf
    if model.kl == 0:
        return float(sinh_law(end) - sinh_law(begin)) / gap
    return penalised_time(begin, end, begin + gap / model.kl, model.kl)


def two_pattern_flow(model: Flow) -> Array:
    """Policy at a time with two patterns: the logit l of the better one has G(l(t)) = G(l(0)) + Delta t.

    Parameters
    ----------
    model : Flow
        With two patterns, without a KL penalty.

    Returns
    -------
    array of float, shape (2,)

    Raises
    ------
    DomainError
        If there are more patterns, or a KL penalty.

    References
    ----------
    arXiv 2506.04695; R4.
    """
    only_two(model)
    without_penalty(model)
    begin, gap = logit_and_gap(model)
    logit = inverse_sinh_law(sinh_law(begin) + gap * model.time)
    star = best(model)
    signs = np.where(np.arange(2) == star, 1.0, -1.0)
    return np.exp(-np.logaddexp(0.0, -signs * logit))


def penalised_time(begin: float, end: float, goal: float, kl: float) -> float:
    """Time in which the logit of two patterns goes from one value to another under a KL penalty.

    With u = goal - l: t = [ln(u_0/u) + h(l_0, u_0) - h(l, u)] / kl,
    h(l, u) = [e^(-s l) e^-|u| Ei(|u|) - e^(s l) e^|u| E1(|u|)] / 2, s = sign u.

    Parameters
    ----------
    begin, end : float
        Logits, the second between the first and the goal.
    goal : float
        Logit of the optimum, l_ref + Delta / kl.
    kl : float
        Coefficient beta > 0.

    Returns
    -------
    float
        inf if the end is the goal or beyond it.

    References
    ----------
    R7.
    """
    if (goal - end) * (goal - begin) <= 0:
        return math.inf
    ratio = math.log1p((end - begin) / (goal - end))
    return (ratio + _integral(begin, goal - begin) - _integral(end, goal - end)) / kl


def _integral(logit: float, distance: float) -> float:
    """h of `penalised_time`."""
    sign, size = math.copysign(1.0, distance), abs(distance)
    return 0.5 * (math.exp(-sign * logit) * scaled_ei(size) - math.exp(sign * logit) * scaled_e1(size))


def only_two(model: Bandit) -> None:
    if len(model.start) != 2:
        raise DomainError("start", model.start, "a list of length 2")


def logit_and_gap(model: Bandit) -> tuple[float, float]:
    """Logit of the better pattern at the start, and the gap between the rates."""
    star = best(model)
    return math.log(model.start[star] / model.start[1 - star]), model.rates[star] - model.rates[1 - star]
