"""The root F of F + e^F = b: what a margin of the logistic loss becomes after a time b."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_STEPS = 6


def log_linear_root(values: npt.ArrayLike) -> Array:
    """F with F + e^F = b, elementwise, for any finite b.

    F is ln w for b > 1 and b - w below, w = e^F the root of w + ln w = b; Newton steps on the better posed of the two
    equations.

    Parameters
    ----------
    values : array_like
        b.
    """
    b = np.asarray(values, dtype=float)
    above = np.maximum(b, 1.0)
    w = np.where(above < 2.0, 1.0, above - np.log(above))  # w + ln w = b at b > 1
    below = np.minimum(b, 1.0)
    root = np.minimum(below, 0.0)  # F + e^F = b at b <= 1
    for _ in range(_STEPS):
        w = np.maximum(w / (1.0 + w) * (1.0 + above - np.log(w)), 1.0)
        growth = np.exp(root)
        root = root - (root + growth - below) / (1.0 + growth)
    return np.where(b > 1.0, np.log(w), root)
