"""Integrals of log-concave functions, as logarithms: products of positive linear factors above all.

The mass of a log-concave function lies where its logarithm is within a few dozen of its maximum. That interval is found
first, then cut into equal panels of Gauss-Legendre nodes; nothing is exponentiated before the maximum is taken off.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_PANELS = 24
_DROP = 50.0
"""How far below the maximum (in the logarithm) the function is still looked at: e^-50 is nothing beside a double."""


def log_integral(log_function: Callable[[Any], Any], low: float, high: float) -> float:
    """ln of the integral of exp(log_function) between two points.

    Parameters
    ----------
    log_function : callable
        Concave on [low, high], -inf allowed at the ends; takes an array, returns an array of the same shape.
    low, high : float
        Finite.

    Returns
    -------
    float
        -inf if low >= high.
    """
    if low >= high:
        return -math.inf
    with np.errstate(divide="ignore"):
        return _log_integral(log_function, low, high)


def _log_integral(log_function: Callable[[Any], Any], low: float, high: float) -> float:
    peak = _peak(log_function, low, high)
    most = _value(log_function, peak)
    left = _edge(log_function, peak, low, most)
    right = _edge(log_function, peak, high, most)
    edges = np.concatenate([np.linspace(left, peak, _PANELS + 1), np.linspace(peak, right, _PANELS + 1)[1:]])
    half = 0.5 * np.diff(edges)[:, None]
    points = edges[:-1, None] + half * (1.0 + _NODES)
    return most + math.log(float(np.sum(half * _WEIGHTS * np.exp(log_function(points) - most))))


def _value(log_function: Callable[[Any], Any], x: float) -> float:
    return float(log_function(np.array([x]))[0])


def _peak(log_function: Callable[[Any], Any], low: float, high: float) -> float:
    """Near the maximum, to 2e-4 of the interval: three grids, each around the best point of the one before."""
    best = low
    for _ in range(3):
        grid = np.linspace(low, high, 33)
        k = int(np.argmax(log_function(grid)))
        low, best, high = float(grid[max(k - 1, 0)]), float(grid[k]), float(grid[min(k + 1, 32)])
    return best


def _edge(log_function: Callable[[Any], Any], peak: float, end: float, most: float) -> float:
    """From the peak towards an end: where the logarithm has dropped by `_DROP`, or the end."""
    if _value(log_function, end) >= most - _DROP:
        return end
    inside, outside = peak, end
    for _ in range(60):
        middle = 0.5 * (inside + outside)
        if _value(log_function, middle) >= most - _DROP:
            inside = middle
        else:
            outside = middle
    return outside
