"""Balls in bins: the law of the largest number of balls in one bin.

Of `balls` balls each falls into one of `bins` bins, independently and uniformly. With Poisson numbers in each bin,

    P(max <= l) = [x^balls] (sum_{i<=l} pois(i; balls/bins) x^i)^bins / pois(balls; balls):

all terms are positive, so that nothing cancels. For many balls the coefficient is a sum over the few frequencies at
which the power of the series' Fourier transform is not negligible.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from lemmata.domains import DomainError

Array = npt.NDArray[np.float64]

MANY = 2000
"""Balls from which on the law is summed over frequencies, to an absolute error of 1e-12."""
_FAR, _FEW = 12.0, 60
"""Poisson counts further from the mean than 12 standard deviations and 60 do not occur: P < 1e-30."""
_SMOOTH, _FASTEST = 40, 20.0
"""From 40 bins on frequencies beyond 20/sqrt(balls) do not count; the transform of few cut series falls slowly."""


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
    if balls > MANY:
        first, found = _many_below(balls, bins)
        below[:first], below[first : first + len(found)] = 0.0, found
        return np.diff(np.maximum.accumulate(below))
    for load in range(balls):
        below[load] = max_load_cdf(balls, bins, load)
        if below[load] == 1.0:
            break
    return np.diff(np.maximum.accumulate(below))


def _many_below(balls: int, bins: int) -> tuple[int, Array]:
    """The first possible load, and P(max <= load) from there on to where it is 1."""
    mean = balls / bins
    reach = _FAR * mean**0.5 + _FEW
    first, last, centre = -(-balls // bins), min(balls, int(mean + reach)), round(mean)
    length = (
        balls + int(_FAR * balls**0.5) + _FEW | 1
    )  # more than the bins hold together; odd: all frequencies pair
    fastest = length // 2
    if bins >= _SMOOTH:
        fastest = min(fastest, int(_FASTEST * length / (2 * np.pi * balls**0.5)) + 1)
    index = np.arange(1, fastest + 1)
    turn = np.exp(2j * np.pi * index / length)
    back = np.exp(-2j * np.pi * (index * (balls - bins * centre) % length) / length)
    start = max(0, int(mean - reach))
    weights = _poisson(np.arange(start, last + 1.0), mean)
    phase = np.exp(2j * np.pi * index * (start - centre) / length)
    at_zero, transform, found = 0.0, np.zeros(fastest, complex), np.empty(last + 1 - first)
    for load, weight in enumerate(weights.tolist(), start):
        at_zero += weight
        transform += weight * phase
        phase *= turn
        if load >= first:
            found[load - first] = at_zero**bins + 2 * float((transform**bins @ back).real)
    whole = _poisson(np.array([float(balls)]), balls)[0] * length
    return first, np.clip(found / whole, 0.0, 1.0)


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
