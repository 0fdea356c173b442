"""The network on its patches: images, convolution, gradient and new images as the model defines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.cnn_rank.draws import draw_members, features_of_kinds, labels_of
from simulations.cnn_rank.outcomes import (
    RANGES,
    TESTS,
    Filters,
    competition,
    own_shape,
    signed_output,
)
from theory.cnn_rank import Data, Training

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """Images as they are.

    Parameters
    ----------
    features : array (2K, d)
        The orthogonal features, of norm s, in random directions.
    patches : array (n, objects + P_b, d)
        Object patches first.
    labels : array (n,)
        +-1.
    """

    features: Array
    patches: Array
    labels: Array


def make_images(model: Data, noise: float, features: Array, members: Array, normals: Array) -> Images:
    """Images that hold the given features (n, 2K), before noise sigma_p from standard normals.

    Normals have the shape of the patches. They become (I - U U^T) normals on the background if noise is projected,
    stay as they are there if it is full, and are added to object patches too if it is everywhere.
    """
    _, objects = np.nonzero(members)
    patches = noise * normals
    if model.noise_law == "projected":
        frame = features / model.strength
        patches -= patches @ frame.T @ frame
    if model.noise_law != "everywhere":
        patches[:, : model.objects] = 0.0
    patches[:, : model.objects] += features[objects.reshape(len(members), model.objects)]
    return Images(features, patches, labels_of(members))


def draw_normals(model: Data, rng: np.random.Generator, images: int) -> Array:
    """Standard normals for every entry of so many images, shape (images, objects + P_b, d)."""
    return rng.standard_normal((images, model.objects + model.background, model.dimension))


def draw_features(model: Data, rng: np.random.Generator) -> Array:
    """Orthogonal features of norm s (2K, d), in uniformly random directions."""
    normals = rng.standard_normal((model.dimension, 2 * model.features))
    return model.strength * np.linalg.qr(normals).Q.T


def sample_training_literal(
    model: Training, rng: np.random.Generator, trials: int, *, noise: Array, steps: Array
) -> dict[str, Any]:
    """Train networks patch by patch, in as many dimensions as the patches have.

    Parameters, returns and errors as `sample_training`; a step size beyond stability is not looked for.

    References
    ----------
    R4, R10 of docs/papers/cnn_rank.md.
    """
    order = np.argsort(steps, kind="stable")
    stops = steps[order].astype(int)
    shape = (trials, len(noise), len(stops))
    made = {name: np.empty((*shape, *own_shape(model, name))) for name in RANGES}
    signs = np.repeat([1.0, -1.0], model.filters)
    kinds = np.tile(features_of_kinds(model), (TESTS // model.features + 1, 1))
    for trial in range(trials):
        features, members = draw_features(model, rng), draw_members(model, rng)
        start = model.initial_scale * rng.standard_normal((2 * model.filters, model.dimension))
        normals, new_normals = (draw_normals(model, rng, len(group)) for group in (members, kinds))
        for level, sigma in enumerate(noise.tolist()):
            images = make_images(model, sigma, features, members, normals)
            new = make_images(model, sigma, features, kinds, new_normals)
            weights, done = start.copy(), 0
            for stop, place in zip(stops.tolist(), order, strict=True):
                for _ in range(done, stop):
                    weights += model.step_size * descent_direction(model, weights, images, signs)
                done = stop
                for name, value in _outcomes(model, images, new, start, weights).items():
                    made[name][trial, level, place] = value
    return made


def descent_direction(model: Training, weights: Array, images: Images, signs: Array) -> Array:
    """Minus the gradient of the mean logistic loss in the filters (2m, d), signs +-1 of the second layer (2m,)."""
    z = images.patches @ weights.T
    margins = images.labels * signed_output(model, z).sum(axis=1)
    pulls = images.labels / (1.0 + np.exp(np.clip(margins, -700.0, 700.0))) / len(margins)
    slopes = np.clip(z / model.knee, 0.0, 1.0) ** (model.order - 1.0)
    by_patch = model.output_scale * signs * slopes * pulls[:, None, None]
    return by_patch.reshape(-1, len(weights)).T @ images.patches.reshape(-1, model.dimension)


def _outcomes(model: Training, images: Images, new: Images, start: Array, weights: Array) -> dict[str, Any]:
    """What `sample_training` returns, from the filters themselves and from new images."""
    frame = images.features / model.strength
    on_features = weights @ images.features.T
    background = images.patches[:, model.objects :].reshape(-1, model.dimension)
    seen = Filters(on_features, weights @ background.T, weights @ weights.T, np.empty((0, 0)))
    margins, new_margins = (
        group.labels * signed_output(model, group.patches @ weights.T).sum(axis=1) for group in (images, new)
    )
    return {
        "filter_rank": singular_stable_rank(weights),
        "learned_rank": singular_stable_rank(weights - start),
        "signal_rank": singular_stable_rank(weights @ frame.T),
        "signal_energy": min(1.0, float(np.linalg.norm(weights @ frame.T) / np.linalg.norm(weights)) ** 2),
        "train_loss": float(np.mean(np.logaddexp(0.0, -margins))),
        "test_loss": float(np.mean(np.logaddexp(0.0, -new_margins))),
        "test_error": float(np.mean(new_margins <= 0.0)),
        "feature_margin": labels_of(np.eye(len(frame))) * signed_output(model, on_features.T),
        **competition(model, start @ images.features.T, seen, images.labels),
    }


def singular_stable_rank(matrix: Array) -> float:
    """Squared Frobenius norm over squared largest singular value; 0 for a zero matrix."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return max(1.0, float(np.sum((values / values[0]) ** 2))) if values[0] > 0 else 0.0


def _literal_work(model: Training) -> float:
    rows, patches = 2.0 * model.filters, model.images * (model.background + model.objects)
    return (model.steps + 2.0) * rows * patches * model.dimension + 10.0 * rows**2 * model.dimension


TRAINING_LITERAL = Sampler(
    sample_training_literal, axes=("noise", "steps"), ranges=RANGES, work=_literal_work
)
