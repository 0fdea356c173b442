"""What is read off a trained network: ranks, losses, who learned what, and errors on new images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from theory.cnn_rank import Training

Array = npt.NDArray[np.float64]

TESTS = 512
"""Backgrounds of new images drawn in each trial, the same for every kind of image, noise level and time."""

RANGES: Mapping[str, tuple[float, float]] = {
    "filter_rank": (0.0, math.inf),
    "learned_rank": (0.0, math.inf),
    "signal_rank": (0.0, math.inf),
    "signal_energy": (0.0, 1.0),
    "train_loss": (0.0, math.inf),
    "test_loss": (0.0, math.inf),
    "test_error": (0.0, 1.0),
    "escaped": (0.0, 1.0),
    "memorised": (0.0, 1.0),
    "winners": (0.0, math.inf),
    "max_load": (0.0, math.inf),
    "follows_start": (0.0, 1.0),
    "participation": (0.0, math.inf),
    "feature_margin": (-math.inf, math.inf),
    "feature_winners": (0.0, math.inf),
}
"""Outputs of a training run: see `sample_training`."""


def own_shape(model: Training, name: str) -> tuple[int, ...]:
    """Axes of an output beyond trials, levels and times."""
    return (2 * model.features,) if name.startswith("feature_") else ()


class Network(Protocol):
    """What the output of a network depends on beside its filters."""

    @property
    def filters(self) -> int: ...
    @property
    def order(self) -> float: ...
    @property
    def knee(self) -> float: ...
    @property
    def output_scale(self) -> float: ...


@dataclass(frozen=True)
class Filters:
    """Filters at one moment, as the images see them.

    Parameters
    ----------
    on_features : array (2m, 2K)
        Zs.
    on_noise : array (2m, N)
        Zn; no columns if there is no noise.
    gram, learned_gram : arrays (2m, 2m)
        W W^T and (W - W(0)) (W - W(0))^T.
    """

    on_features: Array
    on_noise: Array
    gram: Array
    learned_gram: Array


def stable_rank(gram: Array) -> float:
    """Trace over largest eigenvalue of A A^T: the stable rank of A, 0 if A = 0."""
    trace = float(np.trace(gram))
    return 0.0 if trace <= 0.0 else max(1.0, trace / float(np.linalg.eigvalsh(gram)[-1]))


def stable_rank_of(matrix: Array) -> float:
    """Stable rank of a matrix, from its smaller Gram matrix."""
    rows = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    return stable_rank(rows @ rows.T)


def activate(z: Array, order: float, knee: float) -> Array:
    """Huberised ReLU of order q and knee kappa, entry by entry."""
    below = np.clip(z, 0.0, knee)
    return below * (below / knee) ** (order - 1.0) / order + np.maximum(z - knee, 0.0)


def signed_output(model: Network, z: Array) -> Array:
    """What patches with pre-activations z (..., 2m) add to the output F."""
    signs = np.repeat([1.0, -1.0], model.filters)
    return model.output_scale * (activate(z, model.order, model.knee) @ signs)


def ranks(model: Training, filters: Filters) -> dict[str, float]:
    """Stable ranks of W, W - W(0) and W U, and the share of W that lies along the features."""
    along = filters.on_features @ filters.on_features.T / model.strength**2
    share = float(np.trace(along)) / float(np.trace(filters.gram))
    return {
        "filter_rank": stable_rank(filters.gram),
        "learned_rank": stable_rank(filters.learned_gram),
        "signal_rank": stable_rank(along),
        "signal_energy": min(1.0, share),
    }


def competition(model: Training, start: Array, filters: Filters, labels: Array) -> dict[str, Any]:
    """Which filters have passed the knee on which patches.

    Parameters
    ----------
    start : array (2m, 2K)
        Zs at the start.
    labels : array (n,)
        +-1.
    """
    m, half = model.filters, model.features
    own = np.stack([filters.on_features[:m, :half], filters.on_features[m:, half:]])
    own_start = np.stack([start[:m, :half], start[m:, half:]])
    is_past = own > model.knee
    winners = is_past.sum(axis=1).ravel()
    first, best = own_start.argmax(axis=1), own.argmax(axis=1)
    rows = filters.on_features[np.concatenate([best[0], m + best[1]])] ** 2
    return {
        "escaped": float(np.mean(winners > 0)),
        "memorised": _memorised(model, filters.on_noise, labels),
        "winners": float(np.mean(winners)),
        "max_load": float(is_past.sum(axis=2).max()),
        "follows_start": float(np.mean(first == best)),
        "participation": max(1.0, float(np.mean(rows.sum(axis=1) ** 2 / (rows**2).sum(axis=1)))),
        "feature_winners": winners.astype(float),
    }


def _memorised(model: Training, on_noise: Array, labels: Array) -> float:
    """Share of images with a noise patch on which a filter of the image's sign has passed the knee."""
    if not on_noise.size:
        return 0.0
    m = model.filters
    tops = np.stack([on_noise[:m].max(axis=0), on_noise[m:].max(axis=0)])
    patches = tops.reshape(2, len(labels), model.background).max(axis=2)
    return float(np.mean(np.where(labels > 0, patches[0], patches[1]) > model.knee))


def new_images(
    model: Training, kinds: Array, filters: Filters, noise: float, normals: Array
) -> dict[str, Any]:
    """Loss and error on new images of every kind, before noise that the filters meet for the first time.

    A new noise patch meets the filters in a normal vector of covariance sigma_p^2 W W^T, less the part along the
    features if noise is projected.

    Parameters
    ----------
    kinds : array (2K, 2K)
        Which features an image holds whose first feature is k.
    noise : float
        Standard deviation sigma_p.
    normals : array (TESTS, P_b, 2m)
        Standard normal.

    References
    ----------
    R10 of docs/papers/cnn_rank.md.
    """
    signs = np.repeat([1.0, -1.0], model.features)
    on_features = signed_output(model, filters.on_features.T)
    outputs = np.broadcast_to(kinds @ on_features, (len(normals), len(kinds)))
    if noise > 0.0:
        gram = filters.gram
        if model.noise_law == "projected":
            gram = gram - filters.on_features @ filters.on_features.T / model.strength**2
        values, vectors = np.linalg.eigh(gram)
        root = noise * vectors * np.sqrt(np.maximum(values, 0.0))
        added = signed_output(model, normals @ root.T).sum(axis=1)
        outputs = outputs + added[:, None]
    margins = signs * outputs
    return {
        "test_loss": float(np.mean(np.logaddexp(0.0, -margins))),
        "test_error": float(np.mean(margins <= 0.0)),
        "feature_margin": signs * on_features,
    }
