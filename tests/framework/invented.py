"""Invented models and samplers that the framework's tests run; small, and their laws are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from lemmata.models import Model, choice, flag, nested, real, vector, whole
from lemmata.records import Sampler


class Box(Model):
    """A model of every kind of field but another model."""

    size: int = whole(least=1, most=10**6)
    width: float = real(above=0)
    bias: float = real(least=-1, below=1, default=0.0)
    is_open: bool = flag(default=False)
    colour: str = choice("red", "green", "dark_blue", default="red")
    start: tuple[float, ...] = vector(least=0, default=(0.5, 0.5))
    metric: tuple[tuple[float, ...], ...] = vector(shape=(2, 2), default=((1.0, 0.0), (0.0, 1.0)))


class Sphere(Model):
    radius: float = real(above=0, default=1.0)


class SunShadow(Model):
    gain: float = real(least=0)
    steps: int = whole(least=1, default=1)


class Scene(Model):
    """A model with another one, of two kinds, inside."""

    light: float = real(least=0, default=1.0)
    target: Model = nested(Sphere, SunShadow, default=Sphere())


class Theatre(Model):
    """Two levels of nesting."""

    scene: Scene = nested(Scene)
    seats: int = whole(least=0, default=0)


class Walk(Model):
    """What the invented samplers take: `scale` is their free axis."""

    steps: int = whole(least=1)
    drift: float = real(default=0.0)
    scale: float = real(above=0, default=1.0)


def sample_walk(model: Walk, rng: np.random.Generator, trials: int, *, scale: np.ndarray) -> dict[str, Any]:
    """End of a Gaussian walk, scaled, and the walk's first steps."""
    draws = rng.standard_normal((trials, model.steps)) + model.drift
    ends = draws.sum(axis=1)
    pair = np.stack([ends, draws[:, 0]], axis=-1)
    return {"end": ends[:, None] * scale, "pair": pair[:, None, :] * scale[None, :, None]}


def sample_uniform(model: Walk, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """The mean of `steps` uniforms; no free axis, and no stream that is shared."""
    return {"mean": rng.random((trials, model.steps)).mean(axis=1)}


def sample_blas_threads(model: Walk, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """The largest number of threads that any BLAS or OpenMP pool would use now."""
    a = rng.standard_normal((64, 64))
    _ = a @ a  # the pool is in use
    return {"threads": np.full(trials, max(pool["num_threads"] for pool in threadpool_info()))}


def work_256(model: Walk) -> float:
    return 1e8 / 256


def work_by_steps(model: Walk) -> float:
    return 1e5 * model.steps


EVERYWHERE = (-math.inf, math.inf)

WALK = Sampler(
    sample_walk,
    axes=("scale",),
    ranges={"end": EVERYWHERE, "pair": EVERYWHERE},
    work=work_256,
    paired_trials=512,
)
UNIFORM = Sampler(sample_uniform, ranges={"mean": (0.0, 1.0)}, work=work_by_steps)
BLAS_THREADS = Sampler(sample_blas_threads, ranges={"threads": (0.0, math.inf)}, work=work_256)
SAMPLERS = (WALK, UNIFORM, BLAS_THREADS)


def walk_end_mean(model: Walk) -> float:
    """The exact mean of the output 'end'."""
    return model.steps * model.drift * model.scale


def same_bits(one: Any, other: Any) -> bool:
    """Whether two arrays, or two mappings of arrays, are equal to the last bit."""
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same_bits(one[name], other[name]) for name in one)
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
