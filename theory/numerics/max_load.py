"""Balls in bins: the law of the largest number of balls in one bin.

Of `balls` balls each falls into one of `bins` bins, independently and uniformly. With Poisson numbers in each bin,

    P(max <= l) = [x^balls] (sum_{i<=l} pois(i; balls/bins) x^i)^bins / pois(balls; balls):

all terms are positive, so that nothing cancels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from lemmata.domains import DomainError

Array = npt.NDArray[np.float64]


def max_load_cdf(balls: int, bins: int, load: int) -> float:
    """Probability that no bin holds more than `load` balls.

    Parameters
    ----------
    balls, bins : int
        Their numbers; at least one bin.
    load : int
        The load, >= 0.
    """
    if balls > bins * load:
        return 0.0
    if load >= balls:
        return 1.0
    series = _poisson(np.arange(load + 1.0), balls / bins)
    whole = _power(series, bins, balls + 1)[balls]
    return min(1.0, float(whole / _poisson(np.array([float(balls)]), balls)[0]))


def max_load_law(balls: int, bins: int) -> Array:
    """Probabilities of the largest load being 1, 2, ..., `balls`; shape (balls,).

    Raises
    ------
    DomainError
        Without a ball or without a bin.
    """
    for name, value in (("balls", balls), ("bins", bins)):
        if value < 1:
            raise DomainError(name, value, "a whole number >= 1")
    below = np.ones(balls + 1)
    for load in range(balls):
        below[load] = max_load_cdf(balls, bins, load)
        if below[load] == 1.0:
            break
    return np.diff(np.maximum.accumulate(below))


def _poisson(counts: Array, mean: float) -> Array:
    return np.exp(counts * np.log(mean) - mean - gammaln(counts + 1.0))


def _power(series: Array, exponent: int, length: int) -> Array:
    """A polynomial to a power, its first `length` coefficients."""
    result = np.ones(1)
    while exponent:
        if exponent & 1:
            result = np.convolve(result, series)[:length]
        exponent >>= 1
        if exponent:
            series = np.convolve(series, series)[:length]
    return np.pad(result, (0, max(0, length - len(result))))
