"""Stable ranks of noisy images: of the patches as rows, and of whole images as rows.

The spectra depend on Gram matrices alone, which triangular factors give without the dimension of the patches (see
`draws`). Only one row for all patches that are equal is kept, sqrt(n_k) times a feature that n_k images show.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.cnn_rank.draws import draw_factor, draw_members
from simulations.cnn_rank.literal import draw_features, draw_normals, make_images, singular_stable_rank
from simulations.cnn_rank.outcomes import stable_rank
from theory.cnn_rank import Data

Array = npt.NDArray[np.float64]

RANGES = {"patch_rank": (0.0, math.inf), "image_rank": (0.0, math.inf), "top": (0.0, math.inf)}


def sample_data_rank(model: Data, rng: np.random.Generator, trials: int, *, noise: Array) -> dict[str, Array]:
    """Stable ranks of noisy images from Gram matrices, at any dimension of the patches.

    The literal twin is `sample_data_rank_literal`.

    Parameters
    ----------
    model : Data
    rng : Generator
    trials : int
    noise : array (levels,)
        Noise levels sigma_p; all see the same draws, scaled.

    Returns
    -------
    dict of arrays (trials, levels)
        patch_rank : stable rank of the matrix whose rows are all patches of all images;
        image_rank : of the matrix whose rows are whole images;
        top : largest eigenvalue of X^T X, X the matrix of patches.

    References
    ----------
    R1-R3 of docs/papers/cnn_rank.md.
    """
    made = {name: np.empty((trials, len(noise))) for name in RANGES}
    for trial in range(trials):
        members = draw_members(model, rng)
        draw = _everywhere if model.noise_law == "everywhere" else _background
        patches, images = draw(model, rng, members)
        for level, sigma in enumerate(noise.tolist()):
            gram = patches(sigma)
            rank = stable_rank(gram)
            made["patch_rank"][trial, level] = rank
            made["top"][trial, level] = np.trace(gram) / rank
            made["image_rank"][trial, level] = stable_rank(images(sigma))
    return made


def _background(model: Data, rng: np.random.Generator, members: Array) -> tuple[Any, Any]:
    """Gram matrices at a noise level, of patches and of images, if object patches have no noise."""
    kinds, s = 2 * model.features, model.strength
    free = model.dimension - kinds
    mixing = np.zeros((model.noise_patches, kinds))
    if model.noise_law == "full":
        rng.standard_normal(out=mixing)
    factor = np.hstack([mixing, draw_factor(rng, model.noise_patches, free)])
    counts = members.sum(axis=0)
    noise_gram = factor @ factor.T
    # background patches of an image lie in columns of their own
    images = np.arange(model.images)
    image_gram = np.zeros((model.images, model.images))
    for p in range(model.background):
        rows = images * model.background + p
        image_gram += noise_gram[np.ix_(rows, rows)]

    def patches(sigma: float) -> Array:
        signal = np.diag(s * np.sqrt(counts))
        top = np.hstack([signal @ signal, sigma * signal @ mixing.T])
        return np.vstack([top, np.hstack([top[:, kinds:].T, sigma**2 * noise_gram])])

    shared = _shared_objects(model, members)
    return patches, lambda sigma: s**2 * shared + sigma**2 * image_gram


def _everywhere(model: Data, rng: np.random.Generator, members: Array) -> tuple[Any, Any]:
    """The same if every patch is noisy; rows are object patches, one place after the other, then the background."""
    kinds, s, n = 2 * model.features, model.strength, model.images
    rows = n * (model.objects + model.background)
    mixing = rng.standard_normal((rows, kinds))
    factor = draw_factor(rng, rows, model.dimension - kinds)
    signal = np.zeros((rows, kinds))
    signal[: n * model.objects] = np.concatenate(_placed(model, members))
    noise_gram = factor @ factor.T

    def patches(sigma: float) -> Array:
        along = s * signal + sigma * mixing
        return along @ along.T + sigma**2 * noise_gram

    def images(sigma: float) -> Array:
        gram = patches(sigma)
        blocks = gram.reshape(model.objects + model.background, n, -1, n)
        return np.einsum("pipj->ij", blocks)

    return patches, images


def _placed(model: Data, members: Array) -> list[Array]:
    """Indicators (n, 2K) of the feature that each image shows at each of its object places."""
    _, objects = np.nonzero(members)
    return [np.eye(members.shape[1])[shown] for shown in objects.reshape(len(members), model.objects).T]


def _shared_objects(model: Data, members: Array) -> Array:
    """At how many object places two images show the same feature, shape (n, n)."""
    return np.sum([shown @ shown.T for shown in _placed(model, members)], axis=0)


def sample_data_rank_literal(
    model: Data, rng: np.random.Generator, trials: int, *, noise: Array
) -> dict[str, Array]:
    """Stable ranks of noisy images from the singular values of their patches.

    Parameters and returns as `sample_data_rank`.

    References
    ----------
    R1-R3 of docs/papers/cnn_rank.md.
    """
    made = {name: np.empty((trials, len(noise))) for name in RANGES}
    for trial in range(trials):
        members, features = draw_members(model, rng), draw_features(model, rng)
        normals = draw_normals(model, rng, model.images)
        for level, sigma in enumerate(noise.tolist()):
            patches = make_images(model, sigma, features, members, normals).patches
            rows = patches.reshape(-1, model.dimension)
            made["patch_rank"][trial, level] = singular_stable_rank(rows)
            made["top"][trial, level] = np.linalg.norm(rows, 2) ** 2
            made["image_rank"][trial, level] = singular_stable_rank(patches.reshape(model.images, -1))
    return made


def _work(model: Data) -> float:
    everywhere = model.noise_law == "everywhere"
    rows = 2.0 * model.features + model.noise_patches + everywhere * model.images * model.objects
    return rows**2 * (rows / 2 + 20.0) + 10.0 * model.images**3


def _literal_work(model: Data) -> float:
    rows = float(model.images * (model.objects + model.background))
    return 20.0 * rows * model.dimension * min(rows, model.dimension)


DATA_RANK = Sampler(sample_data_rank, axes=("noise",), ranges=RANGES, work=_work)
DATA_RANK_LITERAL = Sampler(sample_data_rank_literal, axes=("noise",), ranges=RANGES, work=_literal_work)
