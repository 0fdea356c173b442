"""Draws of tokens and labels.

The signal lies along the first axis. One trial takes n + n p standard normals from its generator whatever the model:
first n for the labels (used or not), then the noise, row by row. So runs at different models stay paired.

References
----------
Section "Model" of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from simulations.sampling.normals import fill_some_normals
from theory.attention_memorization import Attention, Independent, Softmax, Spherical, Unbalanced

Array = npt.NDArray[np.float64]


def draws(model: Attention | Softmax, rng: np.random.Generator, trials: int) -> Iterator[tuple[Array, Array]]:
    """Tokens X = mu y^T + Z (p, n) and labels y (n,) of each trial; the tokens' array is used again by the next."""
    n, p = model.tokens, model.dimension
    normals, tokens = np.empty(n), np.empty((p, n))
    for _ in range(trials):
        fill_some_normals(rng, normals)
        labels = labels_from(model.labels, normals)
        fill_some_normals(rng, tokens.reshape(-1))
        tokens[0] += math.sqrt(model.snr) * labels
        yield tokens, labels


def labels_from(kind: object, normals: Array) -> Array:
    """Labels (n,) of squared length n from as many standard normals; their order is irrelevant in law."""
    n = len(normals)
    if isinstance(kind, Spherical):
        return normals * (math.sqrt(n) / float(np.linalg.norm(normals)))
    if isinstance(kind, Independent):
        return np.copysign(1.0, normals)
    mean = kind.mean if isinstance(kind, Unbalanced) else 0.0
    labels = np.full(n, -1.0)
    labels[: math.floor(n * (1 + mean) / 2 + 0.5)] = 1.0
    return labels
