"""2^x without branches or calls, so that a loop over particles becomes vector instructions.

2^x = 2^k (2^(r/2))^2, k the integer nearest to x, |r| <= 1/2, both exact, and 2^(r/2) = 1 + r q(r) with a polynomial q
of degree 7 that interpolates in Chebyshev nodes (error of the square 7e-15). Adding 1.5 * 2^52 rounds to the integer k
and leaves it in the low bits, from where a shift adds it to the exponent. A test holds it to NumPy's exp2 on the same
inputs: fastmath's `reassoc` would drop the rounding.
"""

from __future__ import annotations

import math

import numpy as np

from lemmata.kernels import kernel
from simulations.sampling.interpolation import interpolating

LOG2E = math.log2(math.e)  # what natural logarithms are multiplied by
LOWEST = -1022.0  # below it the result is 2^-1022, the smallest normal number, about 2e-308
_ROUND = 6755399441055744.0  # 1.5 * 2^52
_FRACTION = np.int64(52)
_FACTOR = interpolating(lambda r: np.expm1(0.5 * r / LOG2E) / r, 7, -0.5, 0.5)


@kernel(fastmath={"contract"})
def exp2_of_nonpositive(x: float) -> float:
    """2^x for x <= 1000, 2^-1022 for anything below -1022; meant to be inlined into a loop."""
    x = max(x, LOWEST)
    shifted = x + _ROUND
    r = x - (shifted - _ROUND)
    p = _FACTOR[0]
    for coefficient in _FACTOR[1:]:
        p = p * r + coefficient
    p = p * r + 1.0
    bits = np.float64(p * p).view(np.int64) + (np.float64(shifted).view(np.int64) << _FRACTION)
    return np.int64(bits).view(np.float64)
