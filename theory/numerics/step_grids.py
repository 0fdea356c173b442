"""Grids of noising times for a diffusion sampler: from the horizon T down to an early stop, N steps.

All grids are arrays of N + 1 strictly decreasing nodes with exact ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.domains import DomainError

Array = npt.NDArray[np.floating[Any]]

POINTS = 8193  # of the trapezoid rule for the distribution function of the nodes


def uniform(horizon: float, early_stop: float, steps: int) -> Array:
    """Equal steps."""
    return np.linspace(horizon, early_stop, steps + 1)


def exponential(horizon: float, early_stop: float, steps: int) -> Array:
    """Equal steps in phi(tau) = tau - 1 above 1 and ln tau below: steps of about kappa min(1, tau).

    Needs an early stop > 0.
    """

    def phi(tau: float) -> float:
        return tau - 1.0 if tau > 1 else float(np.log(tau))

    level = np.linspace(phi(horizon), phi(early_stop), steps + 1)
    nodes = np.where(level > 0, level + 1.0, np.exp(np.minimum(level, 0.0)))
    nodes[0], nodes[-1] = horizon, early_stop
    return nodes


def by_density(
    density: Callable[[Array], Array], horizon: float, early_stop: float, steps: int, most_step: float
) -> Array:
    """Steps inversely proportional to a node density f(tau), none longer than about `most_step`.

    The distribution function of the nodes is formed by the trapezoid rule at tau = delta + (T - delta) u^3. The cap
    raises f to a floor f_min with f_min = int max(f, f_min) / (N most_step).

    Parameters
    ----------
    density : callable
        f at an array of times; positive, of any scale.
    horizon, early_stop, steps, most_step
        T, delta, N, and the cap.

    Returns
    -------
    array (steps + 1,)

    Raises
    ------
    DomainError
        If steps of at most `most_step` cannot reach from the horizon to the early stop.
    """
    length = horizon - early_stop
    if steps * most_step <= length:
        raise DomainError("steps", steps, f"> {length / most_step:g}, so that steps can be below most_step")
    tau = early_stop + length * np.linspace(0.0, 1.0, POINTS) ** 3
    f = _with_floor(density(tau), np.diff(tau), steps * most_step)
    mass = np.concatenate(([0.0], np.cumsum(0.5 * (f[1:] + f[:-1]) * np.diff(tau))))
    nodes = np.interp(np.linspace(mass[-1], 0.0, steps + 1), mass, tau)
    nodes[0], nodes[-1] = horizon, early_stop
    return nodes


def _with_floor(f: Array, widths: Array, reach: float) -> Array:
    """max(f, f_min) with f_min = int max(f, f_min) / reach, by bisection: the difference falls in f_min."""

    def excess(floor: float) -> float:
        raised = np.maximum(f, floor)
        return float(np.sum(0.5 * (raised[1:] + raised[:-1]) * widths)) - reach * floor

    low, high = 0.0, float(np.max(f))
    if excess(high) > 0:  # every step would be at the cap: impossible, since the reach exceeds the length
        raise ArithmeticError("a node density that is not finite")
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
        if high - low <= 1e-15 * high:
            break
    return np.maximum(f, high)
