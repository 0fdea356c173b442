"""Binomial counts inside kernels.

A count of small mean is found by inversion: one uniform, walked down the probabilities, each from the one before by
P(k+1) = P(k) (n-k)/(k+1) p/q. Large means go to the Generator's own method.
"""

from __future__ import annotations

import math

import numpy as np

from lemmata.kernels import kernel

LARGEST_MEAN = 25.0
"""Above it the walk is longer than the Generator's rejection method."""
SHORT_POWER = 1024
"""Up to it q^n is a product by squaring; beyond, its rounding errors would add up."""
_LONGEST = 160  # a count of mean <= 25 exceeds it with a probability below 1e-70
_RECIPROCALS = 1.0 / np.maximum(np.arange(_LONGEST + 1), 1)


@kernel
def draw_binomial(rng: np.random.Generator, n: int, p: float, q: float) -> int:
    """Number of successes in n trials of probability p; q = 1 - p is given with its own digits.

    One uniform where n min(p, q) <= 25 and neither n, p nor q is 0.
    """
    if n == 0 or p == 0.0:
        return 0
    if q == 0.0:
        return n
    small, large = min(p, q), max(p, q)
    if n * small > LARGEST_MEAN:
        count = rng.binomial(n, small)
    else:
        chance = _power(large, n) if n <= SHORT_POWER else math.exp(n * math.log1p(-small))
        odds = small / large
        left = rng.random() - chance
        count, most = 0, min(n, _LONGEST)
        while left >= 0.0 and count < most:
            chance *= odds * (n - count) * _RECIPROCALS[count + 1]
            left -= chance
            count += 1
    return n - count if p > q else count


@kernel
def _power(base: float, exponent: int) -> float:
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
