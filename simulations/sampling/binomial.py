"""Binomial counts inside kernels.

A count of small mean is found by inversion: one uniform, walked down the probabilities, each from the one before by
P(k+1) = P(k) (n-k)/(k+1) p/q. Large means go to the Generator's own method.
"""

from __future__ import annotations

import numpy as np

from lemmata.kernels import kernel

LARGEST_MEAN = 25.0
"""Above it the walk is longer than the Generator's rejection method."""
_LONGEST = 160  # a count of mean <= 25 exceeds it with a probability below 1e-70
_RECIPROCALS = 1.0 / np.maximum(np.arange(_LONGEST + 1), 1)


@kernel
def draw_binomial(rng: np.random.Generator, n: int, mass: float, rest: float) -> int:
    """Number of successes in n trials of probability p = mass/(mass + rest), each of the two with its own digits.

    One uniform where n min(p, 1-p) <= 25 and neither n nor one of the two is 0.
    """
    if n == 0 or mass == 0.0:
        return 0
    if rest == 0.0:
        return n
    small, large, total = min(mass, rest), max(mass, rest), mass + rest
    if n * small > LARGEST_MEAN * total:
        count = rng.binomial(n, small / total)
    else:
        odds, power, chance, left_bits = small / large, large / total, 1.0, n
        while left_bits > 0:  # (large/total)^n by squaring
            chance *= power if left_bits & 1 else 1.0
            power *= power
            left_bits >>= 1
        left = rng.random() - chance
        count, most = 0, min(n, _LONGEST)
        while left >= 0.0 and count < most:
            chance *= odds * (n - count) * _RECIPROCALS[count + 1]
            left -= chance
            count += 1
    return n - count if mass > rest else count
