"""Data and filters at the start, drawn without the dimension of the patches.

Gradient descent and the ranks depend on inner products alone. Seen in a basis whose first vectors are the features and
whose next ones span the noise patches, noise and filters have triangular (Bartlett) factors: with d' the dimension
orthogonal to the features, N noise patches and standard normal entries below the diagonals,

    noise patches   Xi = sigma_p L,  L (N x N), L_ii = chi(d' - i)
    filters         W(0) = s0 [S, E, B],  S (2m x 2K), E (2m x N) normal, B (2m x 2m), B_ii = chi(d' - N - i)

so that h(0) = s0 sigma_p E L^T. Where d' < N + 2m the factors have as many columns as there are dimensions. Full
noise has normal components H (N x 2K) along the features as well. The noise level scales the draws and is no part of
them.

References
----------
arXiv 2504.08628; R4 of docs/papers/cnn_rank.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from lemmata.models import DomainError
from theory.cnn_rank import Balanced, Counts, Data, NoisyStart, Start, Training

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """A draw for `Training`, in units of the noise level and of the initial scale.

    Parameters
    ----------
    members : array (n, 2K)
        Which features each image holds.
    labels : array (n,)
        +-1.
    noise : array (N, columns)
        L.
    mixing : array (N, 2K)
        H; zero for projected noise.
    along_features, along_noise : arrays (2m, 2K), (2m, columns)
        S and E.
    bulk : array (2m, 2m)
        B B^T, what filters have outside the span of all patches.
    """

    members: Array
    labels: Array
    noise: Array
    mixing: Array
    along_features: Array
    along_noise: Array
    bulk: Array


def draw_run(model: Training, rng: np.random.Generator) -> Draw:
    """Data and filters of one run; the pre-activations that a `Start` or `NoisyStart` gives are kept.

    Raises
    ------
    DomainError
        If pre-activations on the background are given that no filters have: more noise patches than dimensions.
    """
    kinds, rows, patches = 2 * model.features, 2 * model.filters, model.noise_patches
    free = model.dimension - kinds
    members = draw_members(model, rng)
    along_features = rng.standard_normal((rows, kinds))
    noise = draw_factor(rng, patches, free)
    along_noise = rng.standard_normal((rows, noise.shape[1]))
    bulk = draw_factor(rng, rows, free - noise.shape[1])
    mixing = np.zeros((patches, kinds))
    if model.noise_law == "full":
        rng.standard_normal(out=mixing)
    if isinstance(model, Start):
        along_features = np.array(model.signals) / (model.initial_scale * model.strength)
    if isinstance(model, NoisyStart):
        if patches > free:
            raise DomainError("dimension", model.dimension, f"at least 2K + n P_b = {kinds + patches}")
        given = np.array(model.backgrounds) / (model.initial_scale * model.noise)
        along_noise = solve_triangular(noise, (given - along_features @ mixing.T).T, lower=True).T
    return Draw(members, labels_of(members), noise, mixing, along_features, along_noise, bulk @ bulk.T)


def draw_factor(rng: np.random.Generator, rows: int, freedom: int) -> Array:
    """Lower triangular L (rows, min(rows, freedom)) such that L L^T is the Gram matrix of normal rows in R^freedom."""
    columns = min(rows, freedom)
    factor = np.tril(rng.standard_normal((rows, columns)), -1)
    diagonal = np.arange(columns)
    factor[diagonal, diagonal] = np.sqrt(rng.chisquare(freedom - diagonal.astype(float)))
    return factor


def draw_members(model: Data, rng: np.random.Generator) -> Array:
    """Which features each image holds: 0 or 1, shape (n, 2K), images sorted by their first feature."""
    kinds = 2 * model.features
    if isinstance(model.counts, Balanced):
        counts = np.full(kinds, model.images // kinds)
    elif isinstance(model.counts, Counts):
        counts = np.array(model.counts.values, dtype=int)
    else:
        counts = rng.multinomial(model.images, np.full(kinds, 1 / kinds))
    return np.repeat(features_of_kinds(model), counts, axis=0)


def features_of_kinds(model: Data) -> Array:
    """Features of an image whose first feature is k: a row of 0 and 1 for each k, shape (2K, 2K)."""
    first = np.arange(2 * model.features)
    members = np.zeros((len(first), len(first)))
    for i in range(model.objects):
        members[first, first - first % model.features + (first + i) % model.features] = 1.0
    return members


def labels_of(members: Array) -> Array:
    """+1 for images of the first K features, -1 for the others."""
    half = members.shape[1] // 2
    return np.where(members[:, :half].any(axis=1), 1.0, -1.0)
