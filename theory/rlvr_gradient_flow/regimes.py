"""Which regime a start is in, how long Regime 1 takes at most, and the tail of the flow (R5)."""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError
from theory.numerics.sinh_law import sinh_law
from theory.rlvr_gradient_flow.models import Bandit, Convergence
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import accuracy_above, best, policy_and_rates, without_penalty

NEITHER = 3


def regime(model: Bandit) -> int:
    """Regime of the start: 1 or 2, or 3 for neither, as at a tie of the best rate.

    Regime 1: V(0) > p_i for all i but the best. Regime 2: p' > V(0) > p_l, exactly one sub-optimal pattern above.

    Parameters
    ----------
    model : Bandit

    Returns
    -------
    int
        3 also if V(0) equals a sub-optimal rate, or if the best rate is tied.

    References
    ----------
    arXiv 2506.04695, section 5; R5.
    """
    star = best(model)
    above = [accuracy_above(model, i) for i, p in enumerate(model.rates) if p < model.rates[star]]
    if len(above) < len(model.rates) - 1 or 0.0 in above:
        return NEITHER
    beaten_by = sum(height < 0 for height in above)
    return beaten_by + 1 if beaten_by <= 1 else NEITHER


def regime_one_bound(model: Convergence) -> float:
    """Upper bound of the time T_1 to pi_* >= 1 - error from a start in Regime 1.

    T_1 <= [F(1 - error) - F(pi_*(0))] / min_j (p_* - p_j),  F(x) = 1/(1-x) - 1/x + 2 ln(x/(1-x)).

    Parameters
    ----------
    model : Convergence
        In Regime 1, without a KL penalty.

    Returns
    -------
    float
        0 if the start is as close already. With two patterns the time is exactly half of it.

    Raises
    ------
    DomainError
        If the start is not in Regime 1, or there is a KL penalty.

    References
    ----------
    arXiv 2506.04695, Theorem 5.3; R5.
    """
    without_penalty(model)
    if regime(model) != 1:
        raise DomainError(
            "start", model.start, "in Regime 1: base accuracy above every sub-optimal success rate"
        )
    star = best(model)
    rest = math.fsum(pi for i, pi in enumerate(model.start) if i != star)
    if rest <= model.error:
        return 0.0
    begin = math.log(model.start[star] / rest)
    end = math.log1p(-model.error) - math.log(model.error)
    return float(2.0 * (sinh_law(end) - sinh_law(begin)) / min(_gaps(model)))


def tail_constant(model: Bandit) -> float:
    """Limit of error x T(pi_* >= 1 - error) as the error tends to 0: (1/K) sum_j 1/(p_* - p_j).

    Parameters
    ----------
    model : Bandit
        Without a KL penalty.

    Returns
    -------
    float
        inf if the best rate is tied (then 1 - pi_* falls like a smaller power of 1/t).

    Raises
    ------
    DomainError
        If there is a KL penalty.

    References
    ----------
    R5.
    """
    without_penalty(model)
    gaps = _gaps(model)
    return math.inf if min(gaps) == 0 else sum(1 / gap for gap in gaps) / len(model.rates)


def tail_time(model: Convergence) -> float:
    """Time T_1 to pi_* >= 1 - error for small errors, to second order: C/error [1 - b/sigma(error)].

    With a_j = 1/pi_j - 1/pi_* at the start, Delta_j = p_* - p_j, S = sum_j 1/Delta_j and m = mean_j a_j/Delta_j over
    the K-1 patterns j != *: C = S/K, sigma = [prod_i 1/pi_i S / (error prod_j Delta_j)]^(1/K),
    b = sum_j (a_j/Delta_j - m)/Delta_j / S.

    Parameters
    ----------
    model : Convergence
        With a unique best pattern, without a KL penalty.

    Returns
    -------
    float
        Within about half of `tail_spread` squared, relatively.

    Raises
    ------
    DomainError
        If the best rate is tied, or there is a KL penalty.

    References
    ----------
    R5.
    """
    without_penalty(model)
    constant, shift, scale, _ = _tail(model)
    return constant / model.error * (1.0 - shift / scale)


def tail_spread(model: Convergence) -> float:
    """What `tail_time` needs to be small: max_j |a_j/Delta_j - m| / sigma(error), in its symbols.

    Parameters
    ----------
    model : Convergence
        With a unique best pattern, without a KL penalty.

    Returns
    -------
    float
        At 0.2 the error of `tail_time` is about 2 %.

    Raises
    ------
    DomainError
        If the best rate is tied, or there is a KL penalty.

    References
    ----------
    R5.
    """
    without_penalty(model)
    _, _, scale, spread = _tail(model)
    return spread / scale


def _gaps(model: Bandit) -> list[float]:
    star = best(model)
    return [model.rates[star] - p for i, p in enumerate(model.rates) if i != star]


def _tail(model: Convergence) -> tuple[float, float, float, float]:
    """C, b, sigma and max |a_j/Delta_j - m|."""
    start, _ = policy_and_rates(model)
    star, gaps = best(model), np.array(_gaps(model))
    if gaps.min() == 0:
        raise DomainError("rates", model.rates, "a list with a unique largest rate")
    with np.errstate(over="ignore"):
        offsets: Array = (1.0 / np.delete(start, star) - 1.0 / start[star]) / gaps
    if not np.isfinite(offsets).all():
        raise DomainError("rates", model.rates, "a list of gaps whose 1/(gap x start) are floats")
    total = float(np.sum(1.0 / gaps))
    deviations = offsets - offsets.mean()
    log_scale = math.log(total) - math.log(model.error) - float(np.sum(np.log(start)) + np.sum(np.log(gaps)))
    scale = math.exp(log_scale / start.size)
    return (
        total / start.size,
        float(np.sum(deviations * (1.0 / (gaps * total)))),
        scale,
        float(np.abs(deviations).max()),
    )
