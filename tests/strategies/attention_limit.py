"""Limits of attention's memorization error at changed parameters, and the precision that they leave."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from tests.numerics.regions import EPS, amplification
from theory.attention_memorization import Attention, Gram, Limit, error_curve

PINCHED = 3e-16
"""The loss of a linear f: a pair of roots sqrt(gamma) from the axis amplifies roundings by 1/sqrt(gamma)."""


def precision(limit: Limit) -> float:
    """Bound of the relative rounding error of T and E.

    A few hundred operations; c and 1 - c/... enter m amplified near c = 1; and the pair of roots near the axis where
    nothing but the ridge keeps P from zero (a_1^2 = nu).
    """
    ridge = limit.ridge / limit.hermite.power
    excess = max(1 - limit.hermite.linear**2 / limit.hermite.power, 0.0)
    return 1e-12 + 64 * PINCHED / math.sqrt(ridge + excess * min(1.0, limit.ratio)) + near_one(limit)


def near_one(limit: Limit) -> float:
    """Rounding of c, amplified where 1 - c is small but not zero."""
    return 0.0 if limit.ratio == 1 else 64 * EPS * amplification(limit.ratio, -1e-12)


def gram(rows: Any) -> Gram:
    """Weights by their inner products, from any nested sequence."""
    return Gram(tuple(tuple(float(x) for x in row) for row in rows))


def at(limit: Limit, **changes: Any) -> tuple[float, float, float, float]:
    """E, T, S and q of a limit with some parameters changed."""
    limit = replace(limit, **changes)
    curve = error_curve(limit, [limit.ridge])
    return (
        float(curve.error[0]),
        float(curve.trace_error[0]),
        float(curve.matched_filter_error[0]),
        float(curve.resolvent_trace[0]),
    )


def layer(
    f: Any, ridge: float = 0.1, snr: float = 1.0, ratio: tuple[int, int] = (1, 2), **rest: Any
) -> Attention:
    return Attention(1000 * ratio[1], 1000 * ratio[0], ridge=ridge, snr=snr, activation=f, **rest)
