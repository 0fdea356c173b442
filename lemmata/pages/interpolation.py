"""Values between the nodes of a table: cubic or linear along each axis, the same arithmetic as in the pages' script."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from lemmata.classroom.quantities import Array

CUBIC, LINEAR = 3, 1


def weights(place: float, nodes: int, degree: int) -> list[tuple[int, float]]:
    """Nodes around a place with the weights of Lagrange's polynomial through them.

    Parameters
    ----------
    place : float
        In units of nodes, from 0 to nodes - 1. At a node only this node has a weight.
    nodes : int
    degree : int
        1 or 3; a shorter axis lowers it.
    """
    if place == math.floor(place):
        return [(int(place), 1.0)]
    count = min(degree + 1, nodes)
    first = min(max(math.floor(place) - (count - 1) // 2, 0), nodes - count)
    found: list[tuple[int, float]] = []
    for node in range(first, first + count):
        others = (other for other in range(first, first + count) if other != node)
        found.append((node, math.prod((place - other) / (node - other) for other in others)))
    return found


def between(table: Array, places: Sequence[float], degree: int, *, is_log: bool) -> Array:
    """The entry of a table at places along its first axes.

    Parameters
    ----------
    table : array (n_1, ..., n_k, *shape)
    places : sequence of k floats
        In units of nodes.
    degree : int
    is_log : bool
        Whether logarithms are interpolated.

    Returns
    -------
    array of the given shape
        An element that is missing (NaN) at one of the nodes around is that of the nearest node.
    """
    nearest = tuple(min(math.floor(p + 0.5), n - 1) for p, n in zip(places, table.shape, strict=False))
    if all(place == node for place, node in zip(places, nearest, strict=True)):
        return table[nearest]
    around = [weights(place, nodes, degree) for place, nodes in zip(places, table.shape, strict=False)]
    total = np.zeros(table.shape[len(places) :])
    for corner in itertools.product(*around):
        entry = table[tuple(node for node, _ in corner)]
        total = total + math.prod(w for _, w in corner) * (np.log(entry) if is_log else entry)
    found = np.exp(total) if is_log else total
    return np.where(np.isnan(found), table[nearest], found)


__all__ = ["CUBIC", "LINEAR", "between", "weights"]
