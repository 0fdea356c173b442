"""Whether depth helps: contractions as power means, and the boundary between the two phases (R11, R12)."""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError
from theory.context_hijacking.limits import residual_share
from theory.context_hijacking.models import Depths, Dose
from theory.context_hijacking.risk import TAU
from theory.context_hijacking.thresholds import half_error_hijackers
from theory.context_hijacking.tuning import tuned


def contraction(model: Dose) -> float:
    """Contraction kappa of the hijacked direction at the leading-order step size: a power mean of 1 and q.

    kappa = M_p of 1 (weight 1 - dose) and q = v/(B + v) (weight dose), with p = 1/L at depth L, p = 0 for gradient flow
    (q^dose) and p = -1 for the ridge filter. Deeper transformers contract more before dose 1 and less beyond it.

    Raises
    ------
    DomainError
        If the steps overshoot (dose > 1/(1 - q^(1/L))) and 1/exponent is no whole number; if it is one, kappa has the
        sign of the parity of the depth. Also if kappa has no floating-point number.

    References
    ----------
    R11.
    """
    q, power = residual_share(model), model.exponent
    if abs(power) < 1e-100:
        return q**model.dose
    change = model.dose * math.expm1(power * math.log(q))  # of the mean of powers, from 1
    if change > -1:
        return math.exp(math.log1p(change) / power)
    depth = round(1 / power)
    if not math.isclose(depth * power, 1, rel_tol=1e-12):
        raise DomainError("exponent", power, "1/L for a whole L where the steps overshoot")
    try:
        return (1 + change) ** depth
    except OverflowError:
        raise DomainError("dose", model.dose, "small enough that kappa is a float") from None


def depth_helps(model: Depths) -> float:
    """Phase boundary, to leading order: depth makes hijacking harder where this is positive, easier where negative.

    q - kappa_c = v/(B + v) - (1 - s tau E[rho]^2): how much of the prior optimal training leaves, against the
    contraction at which the typical query flips. The two depths play no part. Where the margin is so large that
    kappa_c < 0, the typical query never flips before steps overshoot, at any depth; the value is above q then.

    References
    ----------
    R12.
    """
    return residual_share(model) - critical_contraction(model)


def depth_gain(model: Depths) -> float:
    """Logarithm of N*(deep) / N*(shallow) for the typical query at the exact optimal step sizes.

    N* = (1 - kappa_c^(1/L)) / (alpha_L r^2) with kappa_c = 1 - s tau E[rho]^2; r cancels.

    Raises
    ------
    DomainError
        If s tau E[rho]^2 >= 1, and the typical query never flips; if it is 0, and no query is right at the start; or if
        the prior is certain, and no step is taken.

    References
    ----------
    R12.
    """
    lift = typical_lift(model)
    if lift >= 1:
        raise DomainError(
            "margin.size", model.margin.size, "below 1/(tau E[rho]^2), or the query never flips"
        )
    if lift < np.finfo(float).tiny:
        raise DomainError("prior", model.prior, "of a mean E[rho] > 0, or no query is right at the start")

    def hijackers(depth: int) -> float:
        step = tuned(model.tuned_hijack(depth).tuning).step_size
        if step == 0:
            raise DomainError("prior", model.prior, "uncertain (E[rho] < 1), or hijackers have no effect")
        return -math.expm1(math.log1p(-lift) / depth) / step

    return math.log(hijackers(model.deep) / hijackers(model.shallow))


def half_error_gain(model: Depths) -> float:
    """Logarithm of N50(deep) / N50(shallow): exact errors at exact optimal step sizes.

    Raises
    ------
    DomainError
        If the error of one of them is never, or always, 1/2 or more.

    References
    ----------
    R12.
    """
    counts = [half_error_hijackers(model.tuned_hijack(depth)) for depth in (model.shallow, model.deep)]
    if not all(0 < count < math.inf for count in counts):
        raise DomainError(
            "margin.size", model.margin.size, "such that N50 is positive and finite at both depths"
        )
    return math.log(counts[1] / counts[0])


def critical_contraction(model: Depths) -> float:
    """kappa_c = 1 - s tau E[rho]^2: where the typical query (g = 0) flips, at c = tau E[rho]."""
    return 1 - typical_lift(model)


def typical_lift(model: Depths) -> float:
    """s tau E[rho]^2: the typical query's margin before any hijacker."""
    return model.margin.size * TAU * model.prior.mean_correlation(model.dimension) ** 2
