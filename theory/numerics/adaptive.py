"""Integrals of functions that are smooth between known points, where they may begin like a root or a logarithm.

Panels are halved until Gauss's rule on both halves agrees with the rule on the whole. Between points at which the
function is singular they are panels of y, t = a + (b - a)/(1 + exp(-pi sinh y)): what begins like a power of the
distance from an end of [a, b] falls doubly exponentially in y.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from theory.numerics.directions import gauss_legendre

Array = npt.NDArray[np.float64]
Panels = tuple[Array, Array, Array, Array]
"""Two neighbouring points, and the two ends of a panel in y."""

NODES = 16
FARTHEST = 3.2  # y beyond which 1e-17 of the interval is left
MOST_PANELS = 2048


def integrate(
    function: Callable[[Array, Array], tuple[Array, Array]], points: Sequence[float], tolerance: float
) -> tuple[float, float]:
    """Integral over the range of some points, and what it may be off by.

    Parameters
    ----------
    function : callable
        Takes an array of arguments and the weights of the values in the sum; returns values and what each of them may
        be off by. Values of little weight, close to singular points, need few digits.
    points : sequence of float
        Rising. The first and the last are the ends of the range; at those between the function is not smooth.
    tolerance : float
        Difference between a panel and its halves that is accepted.

    Returns
    -------
    pair of float
        The integral, and the sum of the differences between panels and their halves and of the errors of the values.
        Differences that are left when there are 2048 panels count too.
    """
    is_singular = len(points) > 2
    most = FARTHEST if is_singular else 1.0
    low, high = np.array(points[:-1], dtype=float), np.array(points[1:], dtype=float)
    panels = _halved((low, high, np.full_like(low, -most), np.full_like(low, most)))
    wholes, _ = _sums(function, panels, is_singular)
    count, total, doubt = len(wholes), 0.0, 0.0
    while len(wholes):
        panels = _halved(panels)
        parts, errors = _sums(function, panels, is_singular)
        count += len(parts)
        sums = parts.reshape(-1, 2).sum(axis=1)
        gaps = np.abs(sums - wholes)
        is_done = (gaps <= tolerance) | (count > MOST_PANELS)
        total += float(sums[is_done].sum())
        doubt += float(gaps[is_done].sum() + errors.reshape(-1, 2).sum(axis=1)[is_done].sum())
        is_open = np.repeat(~is_done, 2)
        panels, wholes = _chosen(panels, is_open), parts[is_open]
    return total, doubt


def _sums(
    function: Callable[[Array, Array], tuple[Array, Array]], panels: Panels, is_singular: bool
) -> tuple[Array, Array]:
    """Gauss's rule on each panel, and what errors of the values add up to."""
    low, high, start, end = (values[:, None] for values in panels)
    nodes, weights = gauss_legendre(NODES)
    y, shares = start + 0.5 * (end - start) * (1 + nodes), 0.5 * (end - start) * weights
    if is_singular:
        small = np.exp(-math.pi * np.abs(np.sinh(y)))  # the distance from the nearer end keeps its digits
        near = (high - low) * small / (1 + small)
        arguments = np.where(y < 0, low + near, high - near)
        shares = shares * near * math.pi * np.cosh(y) / (1 + small)
    else:
        arguments, shares = low + 0.5 * (high - low) * (1 + y), 0.5 * (high - low) * shares
    values, errors = (found.reshape(y.shape) for found in function(arguments.ravel(), shares.ravel()))
    return (shares * values).sum(axis=1), (shares * errors).sum(axis=1)


def _halved(panels: Panels) -> Panels:
    low, high, start, end = panels
    middle = 0.5 * (start + end)
    return np.repeat(low, 2), np.repeat(high, 2), _merged(start, middle), _merged(middle, end)


def _merged(first: Array, second: Array) -> Array:
    return np.stack([first, second], axis=1).ravel()


def _chosen(panels: Panels, is_chosen: npt.NDArray[np.bool_]) -> Panels:
    low, high, start, end = panels
    return low[is_chosen], high[is_chosen], start[is_chosen], end[is_chosen]
