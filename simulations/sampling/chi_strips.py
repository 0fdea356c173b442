"""Chi-squared draws in bulk, by Marsaglia and Tsang's method with a squeeze that tightens as the freedom grows.

With v = (1 + c x)^3, c = 1/sqrt(9 d), a candidate is accepted with probability exp(-h), where h = 3 d sum_{k >= 4}
(-c x)^k / k. Where c x > -1/2, h <= (3/2) d (c x)^4 = x^4/(54 d), so u < 1 - x^4/(54 d) accepts without a logarithm.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from simulations.sampling.normals import fill_normals

Array = npt.NDArray[np.float64]


@kernel
def fill_chi_squared_strip(
    rng: np.random.Generator, redraws: np.random.Generator, freedom: float, out: Array, room: Array
) -> None:
    """Fill `out` with chi-squared draws of `freedom` degrees of freedom: 1, or a number >= 2 (the caller sees to it).

    `rng` advances by one normal and then one uniform for each entry, whatever the freedom; the rejected few are drawn
    again from `redraws`. `room` is scratch space of the same length; both should stay in the first cache.
    """
    fill_normals(rng, out)
    for i in range(len(out)):
        room[i] = rng.random()
    if freedom < 2.0:
        for i in range(len(out)):
            out[i] *= out[i]
        return
    d = 0.5 * freedom - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    slack = 1.0 / (54.0 * d)
    for i in range(len(out)):
        x = out[i]
        square = x * x
        root = 1.0 + c * x
        v = root * root * root
        if root <= 0.5 or room[i] >= 1.0 - slack * square * square:
            u = room[i]
            while not (v > 0.0 and math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v))):
                x = redraws.standard_normal()
                square = x * x
                root = 1.0 + c * x
                v = root * root * root
                u = redraws.random()
        out[i] = 2.0 * d * v
