"""Standard normal numbers in bulk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel

Array = npt.NDArray[np.float64]


FEW = 1024
"""Numbers that take NumPy no longer than handing a generator to compiled code takes."""


@kernel
def fill_normals(rng: np.random.Generator, out: Array) -> None:
    """Fill `out` (length,) with standard normals: the bits of `rng.standard_normal(out=out)`, sooner."""
    for i in range(len(out)):
        out[i] = rng.standard_normal()


def fill_some_normals(rng: np.random.Generator, out: Array) -> None:
    """As `fill_normals`, for callers from Python: few numbers come sooner from NumPy."""
    if len(out) < FEW:
        rng.standard_normal(out=out)
    else:
        fill_normals(rng, out)
