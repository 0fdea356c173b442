"""Attention weights W = I + w_K w_Q^T with given inner products, in coordinates that make them short.

All laws are invariant under rotations of the embedding space, so the signal lies along the first axis, and w_K and w_Q
in the space of the first three.

References
----------
Section "Model" of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.attention_memorization import Aligned, Attention, Gram, Softmax, Strong

Array = npt.NDArray[np.float64]

ROUNDING = 1e-12  # relative size of squares that count as zero: Gram matrices are given no more exactly
EQUAL = 1e-12  # distance of unit vectors that count as equal


@dataclass(frozen=True)
class Weights:
    """Coordinates of w_K and w_Q in the first axes, of which the very first is the direction of the signal."""

    key: Array
    query: Array

    def stretch(self) -> tuple[Array, float] | None:
        """W as a stretch along one direction: unit vector and factor; None if it is no such thing.

        It is one where w_K and w_Q have one direction: W = I + |w_K| |w_Q| u u^T.
        """
        key, query = float(np.linalg.norm(self.key)), float(np.linalg.norm(self.query))
        if key * query == 0:
            return np.zeros(0), 1.0
        direction = self.key / key
        if np.linalg.norm(direction - self.query / query) > EQUAL:
            return None
        return direction, 1 + key * query


def along(matrix: Array, direction: Array, factor: float) -> Array:
    """A matrix (p, n) with its columns stretched along a unit vector in the first axes; itself if factor is 1."""
    return matrix if factor == 1 else add_rank_one(matrix, (factor - 1) * direction, direction)


def add_rank_one(matrix: Array, left: Array, right: Array) -> Array:
    """(I + left right^T) matrix, for vectors in the first axes."""
    result = matrix.copy()
    result[: len(left)] += np.outer(left, right @ matrix[: len(right)])
    return result


def weights_of(model: Attention | Softmax) -> Weights:
    """Weights of the model in as few axes as they need.

    Raises
    ------
    DomainError
        If the direction of the signal and the weights need more axes than the embedding has.
    """
    alignment = model.alignment
    if isinstance(alignment, Aligned):
        both = np.array([alignment.strength * math.sqrt(model.snr)])
        return Weights(both, both)
    if isinstance(alignment, Strong):
        both = np.array([alignment.strength * model.dimension**0.25])
        return Weights(both, both)
    weights = _from_gram(alignment)
    if len(weights.key) > model.dimension:
        raise DomainError(
            "dimension",
            model.dimension,
            f"at least {len(weights.key)}, the rank of the signal's direction and the weights together",
        )
    return weights


def _from_gram(alignment: Gram) -> Weights:
    """Rows of a triangular square root of the inner products of (e, w_K, w_Q), e the direction of the signal."""
    gram = np.array(alignment.matrix)
    first = gram[0, 1:] / math.sqrt(gram[0, 0]) if gram[0, 0] > 0 else np.zeros(2)
    rest = gram[1:, 1:] - np.outer(first, first)
    key_length = _root(rest[0, 0], gram[1, 1])
    shared = rest[0, 1] / key_length if key_length else 0.0
    own = _root(rest[1, 1] - shared**2, gram[2, 2])
    if key_length:
        both = np.array([(first[0], key_length, 0.0), (first[1], shared, own)])
    else:
        both = np.array([(first[0], 0.0, 0.0), (first[1], own, 0.0)])
    axes = max((j for j in range(3) if both[:, j].any()), default=0) + 1
    return Weights(both[0, :axes], both[1, :axes])


def _root(square: float, scale: float) -> float:
    return math.sqrt(square) if square > ROUNDING * scale else 0.0
