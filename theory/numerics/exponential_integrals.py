"""Exponential integrals without their exponentials: e^-v Ei(v) and e^v E1(v) for v > 0, at any size of v.

References
----------
M. Abramowitz, I. A. Stegun (1964), Handbook of Mathematical Functions, section 5.1.
"""

from __future__ import annotations

import math

from scipy import special

_LARGE = 50.0
"""From here on the divergent series is exact to rounding: its smallest term is about e^-v."""


def scaled_ei(v: float) -> float:
    """e^-v Ei(v) for v > 0; 1/v at large v."""
    return _series(v, 1.0) if v > _LARGE else math.exp(-v) * float(special.expi(v))


def scaled_e1(v: float) -> float:
    """e^v E1(v) for v > 0; 1/v at large v."""
    return _series(v, -1.0) if v > _LARGE else math.exp(v) * float(special.exp1(v))


def _series(v: float, sign: float) -> float:
    """sum_k (sign)^k k! / v^(k+1), cut where its terms stop to matter."""
    term, total = 1.0 / v, 0.0
    for k in range(1, int(_LARGE)):
        total += term
        term *= sign * k / v
        if abs(term) < 1e-17 * total:
            break
    return total
