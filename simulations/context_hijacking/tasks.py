"""Draws of what a prompt is about: the task vector, the margin of its query, and the steps of the layers.

References
----------
Section "Model" of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from simulations.sampling import directions
from theory.context_hijacking import (
    Cone,
    Equal,
    Fixed,
    HalfNormal,
    NormalisedGaussian,
    PerDepth,
    PerLayer,
    Uniform,
    VonMisesFisher,
)

Array = npt.NDArray[np.float64]
Prior = Cone | NormalisedGaussian | VonMisesFisher
Margin = Fixed | Uniform | HalfNormal
Steps = Equal | PerLayer | PerDepth

TAU = math.sqrt(2 / math.pi)  # E|x| of a standard normal x
DEPTH, COPIES = 4, 32  # of a typical run: declared work must not depend on free axes, since chunks would


def draw_correlations(prior: Prior, rng: np.random.Generator, dimension: int, count: int) -> Array:
    """rho = <w*, beta*> of each task, (count,)."""
    if isinstance(prior, Cone):
        return np.full(count, prior.correlation)
    if isinstance(prior, NormalisedGaussian):
        offset = math.sqrt(dimension) / prior.spread
        return directions.projected_normal_cosines(rng, dimension, offset, count)
    return directions.von_mises_fisher_cosines(rng, dimension, prior.concentration, count)


def draw_margins(margin: Margin, rng: np.random.Generator, count: int) -> Array:
    """s = |sigma| of each query, (count,)."""
    if isinstance(margin, Fixed):
        return np.full(count, margin.size)
    if isinstance(margin, Uniform):
        return margin.most * rng.random(count)
    return margin.scale * np.abs(rng.standard_normal(count))


def draw_tasks(prior: Prior, rng: np.random.Generator, dimension: int, count: int) -> tuple[Array, Array]:
    """Prior direction beta* = (1, ..., 1)/sqrt d, and task vectors (count, d) as the prior's own words have them."""
    axis = np.full(dimension, 1 / math.sqrt(dimension))
    if isinstance(prior, NormalisedGaussian):
        tasks = 1 + prior.spread * rng.standard_normal((count, dimension))
        return axis, tasks / np.linalg.norm(tasks, axis=1, keepdims=True)
    rho = draw_correlations(prior, rng, dimension, count)[:, None]
    return axis, rho * axis + np.sqrt((1 - rho) * (1 + rho)) * directions.across_axis(rng, axis, count)


def schedules(steps: Steps, depths: Array, step_sizes: Array) -> list[tuple[float, ...]]:
    """Step sizes of the layers at every depth and step size: depths outer, step sizes inner."""
    return [
        tuple(float(step) * factor for factor in steps.factors(int(depth)))
        for depth in depths
        for step in step_sizes
    ]


def finite(values: Array, step_sizes: Array) -> Array:
    """The values, unless steps diverged beyond all floating-point numbers.

    Raises
    ------
    DomainError
        If a value is not finite.
    """
    if not np.isfinite(values).all():
        allowed = "steps under which gradient descent ends in floating-point numbers"
        raise DomainError("step_size", float(np.max(step_sizes)), allowed)
    return values


def label_moments(examples: int) -> tuple[float, float]:
    """E a = n tau / E chi_n and E a^2 = 1 + (n - 1) 2/pi of a = sum |z_i| / |z|, z a standard normal vector."""
    n = examples
    mean_length = math.sqrt(2) * math.exp(math.lgamma(0.5 * (n + 1)) - math.lgamma(0.5 * n))
    return n * TAU / mean_length, 1 + (n - 1) * 2 / math.pi
