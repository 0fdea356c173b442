"""Starts without chance: normal quantiles at multiples of irrational numbers, for claims about given filters.

Also the two simulations of training from such a start: on inner products, and patch by patch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from lemmata.models import flag, real
from simulations.cnn_rank.draws import Draw, features_of_kinds, labels_of
from simulations.cnn_rank.literal import descent_direction, make_images
from simulations.cnn_rank.training import Run
from theory.cnn_rank import Start, Training

Array = npt.NDArray[np.float64]


def quantiles(rows: int, columns: int, number: float) -> Array:
    """Normal quantiles at the multiples of an irrational number modulo 1, rows first; shape (rows, columns)."""
    places = np.mod(np.arange(1, rows * columns + 1) * np.sqrt(number), 1.0)
    return ndtri(places).reshape(columns, rows).T


class Spread(Training):
    """A training whose filters start at such quantiles on the features.

    Parameters
    ----------
    features, images, dimension, background, strength, noise, noise_law, counts, objects, filters, order, knee, \
initial_scale, output_exponent, step_size, steps
        As for `Training`.
    number : float
        The quantiles are at multiples of its square root.
    collides : bool
        Whether feature 1 starts as feature 0 does, so that the same filter leads on both.
    """

    number: float = real(above=0, default=2.0, doc="quantiles are taken at multiples of its square root")
    collides: bool = flag(default=False, doc="whether features 0 and 1 start alike")

    @property
    def start(self) -> Start:
        """The training from the start that this stands for."""
        scale = self.initial_scale * self.strength
        signals = scale * quantiles(2 * self.filters, 2 * self.features, self.number)
        if self.collides:
            signals[:, 1] = signals[:, 0]
        fields: dict[str, Any] = {name: getattr(self, name) for name in Training.parameters()}
        return Start(**fields, signals=tuple(tuple(row) for row in signals.tolist()))


def from_start(prediction: Callable[[Start], Any]) -> Callable[[Spread], Any]:
    """A prediction for given starts as one for `Spread`."""

    def predict(model: Spread) -> Any:
        return prediction(model.start)

    predict.__name__ = prediction.__name__
    return predict


@lru_cache(maxsize=16)
def outcomes(model: Spread) -> Mapping[str, Any]:
    """Everything that the simulation on inner products says of the filters that it trains from this start."""
    return trained(model.start).outcomes(np.zeros((1, model.background, 2 * model.filters)))


def trained(model: Start) -> Run:
    """The run without noise from this start."""
    members = np.repeat(features_of_kinds(model), model.image_counts().astype(int), axis=0)
    rows, patches = 2 * model.filters, model.noise_patches
    draw = Draw(
        members,
        labels_of(members),
        np.zeros((patches, 1)),
        np.zeros((patches, 2 * model.features)),
        np.array(model.signals) / (model.initial_scale * model.strength),
        np.zeros((rows, 1)),
        np.zeros((rows, rows)),
    )
    run = Run(model, draw, 0.0)
    run.advance(model.steps)
    return run


def literal_and_reduced_loss(model: Training) -> tuple[float, float]:
    """Loss after training patch by patch in d dimensions, and on inner products, from the same data and filters."""
    kinds, d, rows = 2 * model.features, model.dimension, 2 * model.filters
    features = model.strength * np.eye(kinds, d)
    members = np.repeat(features_of_kinds(model), model.images // kinds, axis=0)
    signs = np.repeat([1.0, -1.0], model.filters)
    patches = model.objects + model.background
    normals = quantiles(model.images * patches, d, 5.0).reshape(model.images, patches, d)
    images = make_images(model, model.noise, features, members, normals)
    initial = model.initial_scale * quantiles(rows, d, 7.0)
    weights = initial.copy()
    for _ in range(model.steps):
        weights += model.step_size * descent_direction(model, weights, images, signs)
    margins = _margins(model, weights, images.patches, images.labels, signs)
    background = normals[:, model.objects :].reshape(-1, d)
    mixing = background[:, :kinds] * (model.noise_law == "full")
    draw = Draw(
        members,
        images.labels,
        background[:, kinds:],
        mixing,
        initial[:, :kinds] / model.initial_scale,
        initial[:, kinds:] / model.initial_scale,
        np.zeros((rows, rows)),
    )
    run = Run(model, draw, model.noise)
    run.advance(model.steps)
    losses = [float(np.mean(np.logaddexp(0.0, -m))) for m in (margins, run.margins)]
    return losses[0], losses[1]


def _margins(model: Training, weights: Array, patches: Array, labels: Array, signs: Array) -> Array:
    """Margins of images (n, patches, d) under filters (2m, d)."""
    z = np.clip(patches @ weights.T, 0.0, None) / model.knee
    bent = np.minimum(z, 1.0) ** model.order / model.order + np.maximum(z - 1.0, 0.0)
    return labels * model.output_scale * model.knee * (bent @ signs).sum(axis=1)
