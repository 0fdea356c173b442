"""The law of one coordinate U of a uniform vector on the unit sphere of R^m.

U has density proportional to (1 - u^2)^((m-3)/2) on [-1, 1] (m = 1: U = +-1 with probability 1/2 each). Its
distribution function is a finite sum, with I_p = int_0^u (1 - x^2)^p dx,

    (2p + 1) I_p = u (1 - u^2)^p + 2p I_{p-1},   down to I_0 = u or I_{-1/2} = arcsin u,

where all terms have the sign of u. In high dimensions U is small, and few terms of the power series

    I_p = u (1 - u^2)^(p+1) sum_k (p + 3/2)_k / (3/2)_k u^(2k)

are enough. The functions are kernels: they take and return numbers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.kernels import kernel

Array = npt.NDArray[np.float64]

MOST_TERMS = 128


@lru_cache(maxsize=256)
def coefficients(dimension: int) -> Array:
    """What `cdf` and `mean_above` need to know of m: 1/(2 I_p(1)), then the sum's coefficients.

    They are 1/((4p + 2) I_p(1)), I_p(1) = sqrt(pi) Gamma(p+1) / (2 Gamma(p+3/2)), from the largest p = (m-3)/2 down.
    """
    powers: Any = np.arange(0.5 * (dimension - 3), -0.25, -1.0)
    if len(powers) > MOST_TERMS:
        powers = powers[:1]
    logs = special.gammaln(powers + 1.5) - special.gammaln(powers + 1)
    terms = np.exp(logs) / ((2 * powers + 1) * math.sqrt(math.pi))
    return np.array([_peak(dimension), *terms])


def _peak(dimension: int) -> float:
    """Density at 0: Gamma(m/2) / (sqrt(pi) Gamma((m-1)/2)), or 0 where there is none."""
    x = 0.5 * (dimension - 1)
    if dimension <= 2 * MOST_TERMS:
        return math.gamma(x + 0.5) / (math.sqrt(math.pi) * math.gamma(x)) if x else 0.0
    y = 1 / x
    series = 1 + y * (-1 / 8 + y * (1 / 128 + y * (5 / 1024 - y * (21 / 32768 + y * 399 / 262144))))
    return math.sqrt(x / math.pi) * series


@kernel
def cdf(u: float, dimension: int, coefficients: Array) -> float:
    """P(U < u), to an absolute error of a few roundings and within [0, 1].

    Parameters
    ----------
    u : float
        Infinite values are allowed.
    dimension : int
        m >= 1.
    coefficients : array
        `coefficients` of m.

    Returns
    -------
    float
    """
    if u < -1.0:
        return 0.0
    if u >= 1.0:
        return 1.0
    if dimension == 1:
        return 0.5
    w = (1.0 - u) * (1.0 + u)
    if dimension > 2 * MOST_TERMS:
        return 0.5 + min(0.5, max(-0.5, _series(u, 0.5 * (dimension - 3), coefficients[0])))
    total = 0.0
    for k in range(1, coefficients.size):
        total = total * w + coefficients[k]
    total *= u
    if dimension % 2 == 0:
        total = total * math.sqrt(w) + math.asin(u) / math.pi
    return 0.5 + min(0.5, max(-0.5, total))


@kernel
def _series(u: float, p: float, scale: float) -> float:
    """scale I_p(u), but for what lies beyond the reach of U."""
    density = scale * u * math.exp((p + 1.0) * math.log1p(-u * u))
    if u * u * (p + 1.0) > 36.0:
        return math.copysign(0.5, u)
    term, total, k = 1.0, 1.0, 0
    while term > 1e-17 * total:
        term *= (p + 1.5 + k) / (1.5 + k) * u * u
        total += term
        k += 1
    return density * total


@kernel
def mean_above(u: float, dimension: int, coefficients: Array) -> float:
    """E max(u - U, 0): the integral of the distribution function."""
    if u >= 1.0:
        return u
    if u <= -1.0:
        return 0.0
    if dimension == 1:
        return 0.5 * (u + 1.0)
    w = (1.0 - u) * (1.0 + u)
    return u * cdf(u, dimension, coefficients) + coefficients[0] / (dimension - 1) * w ** (
        0.5 * (dimension - 1)
    )


@kernel
def reach(dimension: int) -> float:
    """A u, at most 1, beyond which |U| lies with probability below 1e-16."""
    return min(1.0, math.sqrt(76.0 / max(dimension - 3, 1)))
