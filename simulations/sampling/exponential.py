"""exp without branches or calls, so that a loop over particles becomes vector instructions.

exp(x) = 2^k exp(r), k the integer nearest to x/ln 2, |r| <= ln(2)/2, and exp(r) its Taylor polynomial of degree 12
(truncation 2e-16). Adding 1.5 * 2^52 rounds to the integer k and leaves it in the low bits, from where a shift adds
it to the exponent of exp(r). A test holds it to NumPy's exp on the same inputs: fastmath's `reassoc` would drop the
rounding.
"""

from __future__ import annotations

import numpy as np

from lemmata.kernels import kernel

LOWEST = -708.0  # below it the result is exp(-708), about 3e-308
_ROUND = 6755399441055744.0  # 1.5 * 2^52
_PER_LN2 = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238  # 32 bits: its product with k is exact
_LN2_LOW = 1.9082149292705877e-10
_FRACTION = np.int64(52)
_C2, _C3, _C4, _C5, _C6 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720
_C7, _C8, _C9, _C10 = 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800
_C11, _C12 = 1 / 39916800, 1 / 479001600


@kernel(fastmath={"contract"})
def exp_of_nonpositive(x: float) -> float:
    """exp(x) for x <= 700, exp(-708) for anything below -708; meant to be inlined into a loop."""
    x = max(x, LOWEST)
    shifted = x * _PER_LN2 + _ROUND
    k = shifted - _ROUND
    r = x - k * _LN2_HIGH
    r = r - k * _LN2_LOW
    p = _C12 * r + _C11
    p = p * r + _C10
    p = p * r + _C9
    p = p * r + _C8
    p = p * r + _C7
    p = p * r + _C6
    p = p * r + _C5
    p = p * r + _C4
    p = p * r + _C3
    p = p * r + _C2
    p = p * r + 1.0
    p = p * r + 1.0
    bits = np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << _FRACTION)
    return np.int64(bits).view(np.float64)
