"""The function G(x) = x + sinh x, and its inverse: the clock of a logit under softmax gradient flow.

A logit l that moves as dl/dt = rate / (1 + cosh l) has G(l(t)) = G(l(0)) + rate t.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_STEPS = 60


def sinh_law(x: Any) -> Any:
    """G(x) = x + sinh x, elementwise."""
    return x + np.sinh(x)


def inverse_sinh_law(value: Any) -> Any:
    """x with x + sinh x = value, elementwise, by Newton's method; odd and increasing in value.

    Parameters
    ----------
    value : float or array
        Any finite numbers.

    Returns
    -------
    Same shape as `value`.
    """
    target = np.abs(np.asarray(value, dtype=float))
    # G is convex for x > 0 and both starting points lie above the root or at it: the steps decrease to it
    x = np.where(target > 1.0, np.arcsinh(target), 0.5 * target)
    for _ in range(_STEPS):
        step = (x + np.sinh(x) - target) / (1.0 + np.cosh(x))
        x = x - step
        if np.all(np.abs(step) <= 1e-16 * x):
            break
    root = np.copysign(x, value)
    return root if np.ndim(value) else float(root)
