"""The two-layer network on real images: an object patch beside patches of pure noise."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.models import Model, choice, real, whole
from lemmata.records import Sampler
from simulations.cnn_rank.descent import descend_filters
from simulations.cnn_rank.outcomes import signed_output, stable_rank_of
from simulations.cnn_rank.pictures import TASKS

Array = npt.NDArray[np.float64]

MOST_TRAINING = 400
"""Images to train on, at most two thirds of all; the rest are new images."""


class RealImages(Model):
    """Real object patches before noise, and the two-layer network of `Training` on them.

    Parameters
    ----------
    task : 'zero_or_one', 'low_or_high', 'faces' or 'photographs'
        Digits 0 against 1, digits 0-4 against 5-9, faces against other crops, patches of two photographs.
    noise : float
        Standard deviation of the pixels of a background patch; object pixels lie in [0, 1].
    background : int
        Background patches of an image, as large as its object patch.
    filters, order, knee, initial_scale, step_size, steps
        As for `Training`, with the mean over filters (p = 1). Real images have no one largest stable step; at large
        ones the loss rises in some steps, which is not refused here.
    """

    task: str = choice(*TASKS, default="zero_or_one", doc="which images, in which two classes")
    noise: float = real(least=0, default=0.0, doc="standard deviation of background pixels")
    background: int = whole(least=1, default=8, doc="background patches of an image")
    filters: int = whole(least=1, default=20, doc="filters m of each sign")
    order: float = real(least=2, default=2.0, doc="order q of the activation at 0")
    knee: float = real(above=0, default=0.5, doc="kappa, where the activation becomes linear")
    initial_scale: float = real(above=0, default=0.01, doc="standard deviation of the filters at the start")
    step_size: float = real(above=0, default=40.0, doc="step size on the mean loss")
    steps: int = whole(least=0, default=600, doc="number of steps")

    @property
    def output_scale(self) -> float:
        """1/m, the size of the second layer's weights."""
        return 1.0 / self.filters


def sample_real_images(
    model: RealImages, rng: np.random.Generator, trials: int, *, noise: Array
) -> dict[str, Array]:
    """Train on real images before noise.

    Parameters
    ----------
    model : RealImages
    rng : Generator
        Shuffles images and draws noise and filters.
    trials : int
    noise : array (levels,)
        Standard deviations of background pixels; all see the same draws, scaled.

    Returns
    -------
    dict of arrays (trials, levels)
        patch_rank, image_rank : stable ranks of all patches, and of whole images, as rows;
        filter_rank, learned_rank : of the filters, and of what they have learned;
        rank_share : filter_rank / patch_rank;
        train_loss : mean logistic loss at the end;
        train_accuracy, test_accuracy : shares of images on the right side, new ones before noise of their own.

    Raises
    ------
    MissingExtraError
        If the package with the images is not installed.
    """
    made = {name: np.empty((trials, len(noise))) for name in RANGES}
    for trial in range(trials):
        objects = TASKS[model.task](rng)
        order = rng.permutation(len(objects.classes))
        patches, labels = objects.patches[order], np.where(objects.classes[order] == 0, 1.0, -1.0)
        normals = rng.standard_normal((len(labels), model.background, patches.shape[1]))
        start = model.initial_scale * rng.standard_normal((2 * model.filters, patches.shape[1]))
        n = min(MOST_TRAINING, 2 * len(labels) // 3)
        for level, sigma in enumerate(noise.tolist()):
            images = np.concatenate([patches[:, None], sigma * normals], axis=1)
            weights = start.copy()
            margins = _train(model, weights, images[:n], labels[:n])
            outputs = signed_output(model, images[n:] @ weights.T).sum(axis=1)
            values = {
                "patch_rank": stable_rank_of(images[:n].reshape(-1, images.shape[2])),
                "image_rank": stable_rank_of(images[:n].reshape(n, -1)),
                "filter_rank": stable_rank_of(weights),
                "learned_rank": stable_rank_of(weights - start),
                "train_loss": np.mean(np.logaddexp(0.0, -margins)),
                "train_accuracy": np.mean(margins > 0.0),
                "test_accuracy": np.mean(labels[n:] * outputs > 0.0),
            }
            values["rank_share"] = values["filter_rank"] / values["patch_rank"]
            for name, value in values.items():
                made[name][trial, level] = value
    return made


def _train(model: RealImages, filters: Array, images: Array, labels: Array) -> Array:
    """Train filters (2m, d) in place on images (n, patches, d); return y_i F_i (n,)."""
    rows = images.reshape(-1, images.shape[2])
    rule = (model.order, model.knee, model.output_scale, model.step_size, math.inf)
    margins = np.empty(len(labels))
    descend_filters(filters, rows, np.ascontiguousarray(rows.T), labels, rule, model.steps, margins)
    return margins


RANGES = {
    "patch_rank": (0.0, math.inf),
    "image_rank": (0.0, math.inf),
    "filter_rank": (0.0, math.inf),
    "learned_rank": (0.0, math.inf),
    "rank_share": (0.0, math.inf),
    "train_loss": (0.0, math.inf),
    "train_accuracy": (0.0, 1.0),
    "test_accuracy": (0.0, 1.0),
}
_DIMENSIONS = {"zero_or_one": 64, "low_or_high": 64, "faces": 625, "photographs": 192}


def _work(model: RealImages) -> float:
    rows = MOST_TRAINING * (model.background + 1.0)
    return (model.steps * model.filters + 300.0) * rows * _DIMENSIONS[model.task]


REAL_IMAGES = Sampler(sample_real_images, axes=("noise",), ranges=RANGES, work=_work)
