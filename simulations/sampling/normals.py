"""Standard normal numbers in bulk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel

Array = npt.NDArray[np.float64]


@kernel
def fill_normals(rng: np.random.Generator, out: Array) -> None:
    """Fill `out` (length,) with standard normals: the bits of `rng.standard_normal(out=out)`, sooner."""
    for i in range(len(out)):
        out[i] = rng.standard_normal()
