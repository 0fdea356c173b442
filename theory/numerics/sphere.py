"""The law of one coordinate U of a uniform vector on the unit sphere of R^m, and of the length of a normal vector.

U has density proportional to (1 - u^2)^((m-3)/2) on [-1, 1] (m = 1: U = +-1 with probability 1/2 each). Its
distribution function is a finite sum, with I_p = int_0^u (1 - x^2)^p dx,

    (2p + 1) I_p = u (1 - u^2)^p + 2p I_{p-1},   down to I_0 = u or I_{-1/2} = arcsin u,

where all terms have the sign of u.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

MOST_TERMS = 128  # longer sums cost more than the incomplete beta function


def coordinate_cdf(values: Array, dimension: int) -> Array:
    """P(U < u), to an absolute error of a few roundings; 0 below -1 and 1 above 1.

    Parameters
    ----------
    values : array of any shape
        u; infinite values are allowed.
    dimension : int
        m >= 1.

    Returns
    -------
    array of the same shape
    """
    u = np.minimum(np.maximum(values, -1.0), 1.0)
    if dimension == 1:
        return np.where(u >= 1, 1.0, np.where(u < -1, 0.0, 0.5)) * (np.asarray(values) >= -1)
    if dimension > 2 * MOST_TERMS:
        half = 0.5 * special.betainc(0.5, 0.5 * (dimension - 1), u * u)
        return 0.5 + np.copysign(half, u)
    w = 1 - u * u
    total = np.zeros_like(u)
    for coefficient in _coefficients(dimension):
        total *= w
        total += coefficient
    total *= u
    if dimension % 2 == 0:
        total *= np.sqrt(w)
        total += np.arcsin(u) / math.pi
    return 0.5 + total


def mean_above(values: Array, dimension: int) -> Array:
    """E max(u - U, 0), elementwise: the integral of the distribution function."""
    u = np.minimum(np.maximum(values, -1.0), 1.0)
    scale = 0.5 * math.exp(special.gammaln(0.5 * dimension) - special.gammaln(0.5 * (dimension + 1)))
    inside = u * coordinate_cdf(u, dimension) + scale / math.sqrt(math.pi) * (1 - u * u) ** (
        0.5 * (dimension - 1)
    )
    return np.where(values >= 1, values, np.where(values <= -1, 0.0, inside))


def reach(dimension: int) -> float:
    """A u, at most 1, beyond which |U| lies with probability below 1e-16."""
    return min(1.0, math.sqrt(76 / max(dimension - 3, 1)))


@lru_cache(maxsize=256)
def _coefficients(dimension: int) -> tuple[float, ...]:
    """1/((4p + 2) I_p(1)), I_p(1) = sqrt(pi) Gamma(p+1) / (2 Gamma(p+3/2)), from the largest p = (m-3)/2 down."""
    powers: Any = np.arange(0.5 * (dimension - 3), -0.25, -1.0)
    logs = special.gammaln(powers + 1.5) - special.gammaln(powers + 1)
    return tuple((np.exp(logs) / ((2 * powers + 1) * math.sqrt(math.pi))).tolist())
