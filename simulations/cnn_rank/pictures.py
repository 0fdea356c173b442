"""Real images that come inside installed packages (the extra `images`), as object patches with labels.

Digits, 8 x 8, and two colour photographs from scikit-learn; crops of faces and of other things, 25 x 25, from
scikit-image. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.extras import MissingExtraError

Array = npt.NDArray[np.float64]

PATCH = 8
"""Side of a patch of a photograph, in pixels."""
CROPS = 150
"""Patches taken from each photograph."""


@dataclass(frozen=True)
class Objects:
    """Object patches.

    Parameters
    ----------
    patches : array (images, d)
        Pixels in [0, 1].
    classes : array (images,)
        Whole numbers from 0.
    """

    patches: Array
    classes: npt.NDArray[np.int64]


def load_digits() -> Objects:
    """1797 handwritten digits.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    found = _package("sklearn.datasets", "scikit-learn", "digits").load_digits()
    return Objects(found.images.reshape(len(found.images), -1) / 16.0, found.target.astype(np.int64))


def _two_digits(rng: np.random.Generator) -> Objects:
    digits = load_digits()
    chosen = digits.classes < 2
    return Objects(digits.patches[chosen], digits.classes[chosen])


def _digit_halves(rng: np.random.Generator) -> Objects:
    digits = load_digits()
    return Objects(digits.patches, digits.classes // 5)


def _faces(rng: np.random.Generator) -> Objects:
    """A hundred faces and a hundred crops without one."""
    crops = _package("skimage.data", "scikit-image", "face crops").lfw_subset()
    return Objects(crops.reshape(len(crops), -1), np.repeat([0, 1], len(crops) // 2))


def _photographs(rng: np.random.Generator) -> Objects:
    """Patches of two photographs (a temple, a flower) at random places."""
    found = _package("sklearn.datasets", "scikit-learn", "photographs").load_sample_images()
    patches: list[Array] = []
    for photograph in found.images:
        height, width, _ = photograph.shape
        rows = rng.integers(height - PATCH + 1, size=CROPS)
        columns = rng.integers(width - PATCH + 1, size=CROPS)
        patches += [
            photograph[i : i + PATCH, j : j + PATCH].ravel() / 255.0
            for i, j in zip(rows, columns, strict=True)
        ]
    return Objects(np.array(patches), np.repeat([0, 1], CROPS))


TASKS: dict[str, Callable[[np.random.Generator], Objects]] = {
    "zero_or_one": _two_digits,
    "low_or_high": _digit_halves,
    "faces": _faces,
    "photographs": _photographs,
}
"""Tasks of two classes: digits 0 and 1, digits 0-4 and 5-9, faces and other crops, patches of two photographs."""


def _package(module: str, name: str, images: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(f"the {images} come with {name}: install the extra 'images'") from None
