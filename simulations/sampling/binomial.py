"""Binomial counts inside kernels.

A count of small mean is found by inversion: one uniform, walked down the probabilities, each from the one before by
P(k+1) = P(k) (n-k)/(k+1) p/q. For larger means a uniform u becomes (2a/(1/2 - |u|) + b) u + c and is accepted or
rejected; most draws fall below a squeeze and need no logarithm.

References
----------
Hörmann (1993), "The generation of binomial random variates": algorithm BTRS.
"""

from __future__ import annotations

import math

import numpy as np

from lemmata.kernels import kernel
from simulations.sampling.uniforms import Words, draw_uniform

LARGEST_MEAN = 10.0
"""Above it the walk is longer than a rejection, which is exact from here on."""
_LONGEST = 110  # a count of mean <= 10 exceeds it with a probability below 1e-70
_RECIPROCALS = 1.0 / np.maximum(np.arange(_LONGEST + 4), 1)
_LOG_FACTORIALS = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, 1024.0)))])


@kernel
def draw_binomial(state: Words, n: int, mass: float, rest: float) -> int:
    """Number of successes in n trials of probability p = mass/(mass + rest), each of the two with its own digits.

    One uniform where n min(p, 1-p) <= 10 and neither n nor one of the two is 0.
    """
    if n == 0 or mass == 0.0:
        return 0
    if rest == 0.0:
        return n
    small, large, total = min(mass, rest), max(mass, rest), mass + rest
    if n * small > LARGEST_MEAN * total:
        count = _rejection(state, n, small / total)
    else:
        odds, power, chance, left_bits = small / large, large / total, 1.0, n
        while left_bits > 0:  # (large/total)^n by squaring
            chance *= power if left_bits & 1 else 1.0
            power *= power
            left_bits >>= 1
        left = draw_uniform(state) - chance
        count, most = 0, min(n, _LONGEST)
        while left >= 0.0 and count < most:  # four steps to one branch, which cannot be predicted
            first = chance * (odds * (n - count) * _RECIPROCALS[count + 1])
            second = first * (odds * (n - count - 1) * _RECIPROCALS[count + 2])
            third = second * (odds * (n - count - 2) * _RECIPROCALS[count + 3])
            chance = third * (odds * (n - count - 3) * _RECIPROCALS[count + 4])
            after_first = left - first
            after_second = after_first - second
            after_third = after_second - third
            left = after_third - chance
            count += 1 + (after_first >= 0.0) + (after_second >= 0.0) + (after_third >= 0.0)
        count = min(count, most)
    return n - count if mass > rest else count


@kernel
def _rejection(state: Words, n: int, p: float) -> int:
    """A count of mean n p > 10, p <= 1/2, from two uniforms a try."""
    deviation = math.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    squeeze = 0.92 - 4.2 / b
    while True:
        v, u = draw_uniform(state), draw_uniform(state) - 0.5
        edge = 0.5 - abs(u)
        count = math.floor((2.0 * a / edge + b) * u + c) if edge > 0.0 else -1
        if edge >= 0.07 and v <= squeeze:
            return count
        if 0 <= count <= n:
            mode = math.floor((n + 1) * p)
            hat = v * (2.83 + 5.1 / b) * deviation / (a / (edge * edge) + b)
            height = _log_factorial(mode) + _log_factorial(n - mode)
            height -= _log_factorial(count) + _log_factorial(n - count)
            if hat <= 0.0 or math.log(hat) <= height + (count - mode) * math.log(p / (1.0 - p)):
                return count


@kernel
def _log_factorial(k: int) -> float:
    return _LOG_FACTORIALS[k] if k < _LOG_FACTORIALS.size else math.lgamma(k + 1.0)
