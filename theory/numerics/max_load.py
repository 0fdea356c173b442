"""Balls in bins: the law of the largest number of balls in one bin.

Of `balls` balls each falls into one of `bins` bins, independently and uniformly. With Poisson numbers in each bin,

    P(max <= l) = [x^balls] (sum_{i<=l} pois(i; balls/bins) x^i)^bins / pois(balls; balls):

all terms are positive, so that nothing cancels. For many balls the coefficient is a sum over few frequencies: more
than the standard deviations of the balls' sum ask for, since what lies beyond folds back as nothing, are not needed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlog1py, xlogy

from lemmata.domains import DomainError

Array = npt.NDArray[np.float64]

MANY = 2000
"""Balls from which on the law is summed over frequencies, to an absolute error of 1e-12."""
MOST_BALLS = 10**6
"""Balls whose law takes seconds: the time grows like their number, loads times frequencies."""
_FAR, _FEW = 12.0, 60
"""Poisson counts further from the mean than 12 standard deviations and 60 do not occur: P < 1e-30."""
_STIRLING = 20.0
"""Counts from which on four terms of Stirling's series are enough."""
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
        Without a ball or without a bin, or with more than 10^6 balls.
    """
    for name, value in (("balls", balls), ("bins", bins)):
        if value < 1:
            raise DomainError(name, value, "a whole number >= 1")
    if balls > MOST_BALLS:
        raise DomainError("balls", balls, f"at most {MOST_BALLS} for the law of the largest load")
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
    # the bins hold balls +- length together with a probability below 1e-30; odd: all frequencies pair
    length = int(_FAR * balls**0.5) + _FEW | 1
    fastest = length // 2
    if bins >= _SMOOTH:
        fastest = min(fastest, int(_FASTEST * length / (2 * np.pi * balls**0.5)) + 1)
    index = np.arange(1, fastest + 1)
    turn = np.exp(2j * np.pi * index / length)
    back = np.exp(-2j * np.pi * (index * ((balls - bins * centre) % length) % length) / length)
    start = max(0, int(mean - reach))
    weights = _poisson(np.arange(start, last + 1.0), mean)
    phase = np.exp(2j * np.pi * index * (start - centre) / length)
    at_zero, transform, found = 0.0, np.zeros(fastest, complex), np.empty(last + 1 - first)
    for load, weight in enumerate(weights.tolist(), start):
        at_zero += weight
        transform += weight * phase
        phase *= turn
        if load >= first:
            found[load - first] = at_zero**bins + 2 * float((_raised(transform, bins) @ back).real)
    whole = _poisson(np.array([float(balls)]), balls)[0] * length
    return first, np.clip(found / whole, 0.0, 1.0)


def _raised(values: npt.NDArray[np.complex128], exponent: int) -> npt.NDArray[np.complex128]:
    """Complex numbers to a whole power, by squaring: ten times as fast as the logarithms of NumPy's power."""
    result: npt.NDArray[np.complex128] | None = None
    while exponent:
        if exponent & 1:
            result = values if result is None else result * values
        exponent >>= 1
        if exponent:
            values = values * values
    return np.ones_like(values) if result is None else result


def _poisson(counts: Array, mean: float) -> Array:
    """Probabilities of a Poisson law: Stirling's formula and the deviance, no difference of large numbers."""
    excess = (counts - mean) / mean
    deviance = mean * (xlog1py(1.0 + excess, excess) - excess)
    many = np.maximum(counts, _STIRLING)
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * many**2)) / many**2) / many**2) / many
    stirling = 0.5 * np.log(2 * np.pi * many) + series
    rest = np.where(counts < _STIRLING, gammaln(counts + 1.0) - xlogy(counts, counts) + counts, stirling)
    return np.exp(-deviance - rest)


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
