"""Draws of tokens and labels, and weights that have given inner products.

All laws are invariant under rotations of the embedding space, so the signal lies along the first axis, and the
weights in the space of the first three. One trial takes n + n p standard normals from its generator whatever the
model: first n for the labels (used or not), then the noise, row by row.

References
----------
Section "Model" of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.attention_memorization import (
    Aligned,
    Attention,
    Gram,
    Independent,
    Softmax,
    Spherical,
    Strong,
    Unbalanced,
)

Array = npt.NDArray[np.float64]

PARALLEL = (
    1e-12  # square of the sine of an angle that counts as none: a Gram matrix is no more exact than this
)


@dataclass(frozen=True)
class Weights:
    """Coordinates of w_K and w_Q in the first few axes, of which the first is the direction of the signal."""

    key: Array
    query: Array


def weights_of(model: Attention | Softmax) -> Weights:
    """Weights of the model in as few axes as they need.

    Raises
    ------
    DomainError
        If the signal's direction and the weights need more axes than the embedding has.
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
    along = gram[0, 1:] / math.sqrt(gram[0, 0]) if gram[0, 0] > 0 else np.zeros(2)
    across = gram[1:, 1:] - np.outer(along, along)
    key = query = (0.0, 0.0)
    if across[0, 0] > PARALLEL * gram[1, 1]:
        length = math.sqrt(across[0, 0])
        shared = across[0, 1] / length
        key, query = (length, 0.0), (shared, _root(across[1, 1] - shared**2, gram[2, 2]))
    else:
        query = (_root(across[1, 1], gram[2, 2]), 0.0)
    both = np.array([(along[0], *key), (along[1], *query)])
    axes = 1 + max((j for j in (1, 2) if both[:, j].any()), default=0)
    return Weights(both[0, :axes], both[1, :axes])


def _root(square: float, scale: float) -> float:
    return math.sqrt(square) if square > PARALLEL * scale else 0.0


def labels_from(kind: object, normals: Array) -> Array:
    """Labels (n,) of squared length n, from n standard normals; their order is irrelevant in law."""
    n = len(normals)
    if isinstance(kind, Spherical):
        return normals * (math.sqrt(n) / float(np.linalg.norm(normals)))
    if isinstance(kind, Independent):
        return np.copysign(1.0, normals)
    mean = kind.mean if isinstance(kind, Unbalanced) else 0.0
    labels = np.full(n, -1.0)
    labels[: math.floor(n * (1 + mean) / 2 + 0.5)] = 1.0
    return labels


def draws(model: Attention | Softmax, rng: np.random.Generator, trials: int) -> Iterator[tuple[Array, Array]]:
    """Tokens X = mu y^T + Z (p, n) and labels y (n,) of each trial; the tokens' array is used again by the next."""
    n, p = model.tokens, model.dimension
    tokens = np.empty((p, n))
    for _ in range(trials):
        labels = labels_from(model.labels, rng.standard_normal(n))
        rng.standard_normal(out=tokens)
        tokens[0] += math.sqrt(model.snr) * labels
        yield tokens, labels
