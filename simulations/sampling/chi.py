"""Chi-squared draws inside kernels, by the squeeze of Marsaglia and Tsang.

A gamma variate of shape k >= 1 is d v with d = k - 1/3, v = (1 + x / sqrt(9 d))^3, x standard normal, accepted with a
uniform u when u < 1 - 0.0331 x^4 or ln u < x^2/2 + d (1 - v + ln v). One degree of freedom is the square of a normal.

References
----------
G. Marsaglia and W. W. Tsang (2000), A simple method for generating gamma variables.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel

Array = npt.NDArray[np.float64]


@kernel
def fill_chi_squared(
    rng: np.random.Generator, redraws: np.random.Generator, freedom: float, out: Array
) -> None:
    """Fill `out` with chi-squared draws of `freedom` degrees of freedom: 1, or a number >= 2 (the caller sees to it).

    The first candidates come from `rng`, one normal and one uniform for each entry whatever happens; the rejected
    few are drawn again from `redraws`. So `rng` advances by the same number of draws for every `freedom`, and runs
    at different parameters stay paired.
    """
    if freedom < 2.0:
        for i in range(len(out)):
            x = rng.standard_normal()
            rng.random()
            out[i] = x * x
        return
    d = 0.5 * freedom - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for i in range(len(out)):
        x = rng.standard_normal()
        u = rng.random()
        v = 1.0 + c * x
        v = v * v * v
        square = x * x
        if u >= 1.0 - 0.0331 * square * square and not (
            v > 0.0 and math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v))
        ):
            v = _redraw(redraws, c, d)
        out[i] = 2.0 * d * v


@kernel
def _redraw(rng: np.random.Generator, c: float, d: float) -> float:
    while True:
        x = rng.standard_normal()
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        if math.log(rng.random()) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
            return v
