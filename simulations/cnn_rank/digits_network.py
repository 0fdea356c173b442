"""A standard convolutional network on digits before a noisy background, trained by plain gradient descent.

Unlike the network of `Training` it looks at overlapping patches, has a trained output layer, rectified linear filters,
and ten classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.models import Model, real, whole
from lemmata.records import Sampler
from simulations.cnn_rank.outcomes import stable_rank_of
from simulations.cnn_rank.pictures import load_digits

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

CANVAS, DIGIT, FIELD, STRIDE, CLASSES = 16, 8, 5, 2, 10
"""Side of an image, of its digit (in the middle) and of a filter's field, pixels from field to field, and classes."""
PLACES = ((CANVAS - FIELD) // STRIDE + 1) ** 2


class DigitsNetwork(Model):
    """Convolution, rectified linear units, and one dense layer with a softmax, on digits before noise.

    Parameters
    ----------
    noise : float
        Standard deviation of the pixels around the digit, whose own lie in [0, 1].
    images : int
        Digits to train on; 400 others are new images.
    filters : int
        Filters of 5 x 5 pixels, two pixels apart.
    step_size : float
        Step size of gradient descent on the mean cross-entropy.
    steps : int
        Number of steps.
    """

    noise: float = real(least=0, default=0.0, doc="standard deviation of the pixels around the digit")
    images: int = whole(least=1, most=1397, default=400, doc="digits to train on")
    filters: int = whole(least=1, default=16, doc="filters of 5 x 5 pixels")
    step_size: float = real(above=0, default=0.2, doc="step size on the mean cross-entropy")
    steps: int = whole(least=0, default=400, doc="number of steps")


@dataclass
class Layers:
    """Filters (filters, 25), and the dense layer (places x filters, 10) with its offsets (10,)."""

    filters: Array
    dense: Array
    offsets: Array

    def hidden(self, fields: Array) -> Array:
        """Rectified outputs of the convolution, (n, places x filters)."""
        z = fields.reshape(-1, FIELD**2) @ self.filters.T
        return np.maximum(z, 0.0, out=z).reshape(len(fields), -1)

    def shares(self, hidden: Array) -> Array:
        """Probabilities of the classes (n, 10)."""
        logits = hidden @ self.dense + self.offsets
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def step(self, fields: Array, classes: Labels, step_size: float) -> None:
        """One step down the gradient of the mean cross-entropy."""
        n = len(fields)
        hidden = self.hidden(fields)
        errors = self.shares(hidden)
        errors[np.arange(n), classes] -= 1.0
        errors *= step_size / n
        back = (errors @ self.dense.T) * (hidden > 0.0)
        self.dense -= hidden.T @ errors
        self.offsets -= errors.sum(axis=0)
        self.filters -= back.reshape(-1, len(self.filters)).T @ fields.reshape(-1, FIELD**2)


def sample_digits_network(
    model: DigitsNetwork, rng: np.random.Generator, trials: int, *, noise: Array
) -> dict[str, Array]:
    """Train a standard convolutional network on digits in the middle of a noisy canvas.

    Parameters
    ----------
    model : DigitsNetwork
    rng : Generator
        Shuffles the digits and draws noise and weights.
    trials : int
    noise : array (levels,)
        Standard deviations of the pixels around the digit; all see the same draws, scaled.

    Returns
    -------
    dict of arrays (trials, levels)
        patch_rank, image_rank : stable ranks of all fields of 5 x 5 pixels, and of whole images, as rows;
        filter_rank, learned_rank : of the filters, and of what they have learned;
        train_accuracy, test_accuracy : shares of digits put into their class.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    made = {name: np.empty((trials, len(noise))) for name in RANGES}
    digits = load_digits()
    for trial in range(trials):
        chosen = rng.permutation(len(digits.classes))[: model.images + NEW]
        classes = digits.classes[chosen]
        normals = rng.standard_normal((len(chosen), CANVAS, CANVAS))
        # deviations that keep the size of signals from layer to layer
        filters = rng.standard_normal((model.filters, FIELD**2)) * math.sqrt(2.0 / FIELD**2)
        dense = rng.standard_normal((PLACES * model.filters, CLASSES)) / math.sqrt(PLACES * model.filters)
        for level, sigma in enumerate(noise.tolist()):
            images = _on_canvas(digits.patches[chosen], sigma * normals)
            fields = _fields(images)
            old, new = slice(model.images), slice(model.images, None)
            layers = Layers(filters.copy(), dense.copy(), np.zeros(CLASSES))
            for _ in range(model.steps):
                layers.step(fields[old], classes[old], model.step_size)
            right = layers.shares(layers.hidden(fields)).argmax(axis=1) == classes
            values = {
                "patch_rank": stable_rank_of(fields[old].reshape(-1, FIELD**2)),
                "image_rank": stable_rank_of(images[old].reshape(model.images, -1)),
                "filter_rank": stable_rank_of(layers.filters),
                "learned_rank": stable_rank_of(layers.filters - filters),
                "train_accuracy": np.mean(right[old]),
                "test_accuracy": np.mean(right[new]),
            }
            for name, value in values.items():
                made[name][trial, level] = value
    return made


NEW = 400
"""Digits that the network is not trained on."""


def _on_canvas(digits: Array, noise: Array) -> Array:
    """Digits in the middle of noisy images (n, 16, 16)."""
    images = noise.copy()
    edge = (CANVAS - DIGIT) // 2
    images[:, edge : edge + DIGIT, edge : edge + DIGIT] = digits.reshape(-1, DIGIT, DIGIT)
    return images


def _fields(images: Array) -> Array:
    """What the filters see, (n, places, 25)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (FIELD, FIELD), axis=(1, 2))
    return np.ascontiguousarray(windows[:, ::STRIDE, ::STRIDE]).reshape(len(images), PLACES, FIELD**2)


RANGES = {
    "patch_rank": (0.0, math.inf),
    "image_rank": (0.0, math.inf),
    "filter_rank": (0.0, math.inf),
    "learned_rank": (0.0, math.inf),
    "train_accuracy": (0.0, 1.0),
    "test_accuracy": (0.0, 1.0),
}


def _work(model: DigitsNetwork) -> float:
    step = model.images * PLACES * model.filters * (FIELD**2 + CLASSES + 10.0)
    return (model.steps + 3.0) * step + 1e6


DIGITS_NETWORK = Sampler(sample_digits_network, axes=("noise",), ranges=RANGES, work=_work)
