"""Free axes of a model, pairs of generators, and a test of a mean."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from lemmata.statistics import Array

ALPHA = 1e-6


def axes_of(model: Any, *names: str) -> dict[str, Array]:
    """The model's own values of its free axes, as the laboratory hands them over."""
    return {name: np.array([getattr(model, name)]) for name in names}


def training_axes(model: Any) -> dict[str, Array]:
    return axes_of(model, "depth", "step_size", "initial_scale")


def streams(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """A stream of draws, and one for those that are rejected."""
    draws, redraws = np.random.default_rng(seed).spawn(2)
    return draws, redraws


def assert_mean(values: Any, expected: float, tests: int) -> None:
    """The mean is the expected one: normal approximation, false alarm with probability ALPHA / tests."""
    error = float(values.std()) / math.sqrt(values.size)
    assert abs(float(values.mean()) - expected) <= special.ndtri(1 - ALPHA / tests / 2) * error
