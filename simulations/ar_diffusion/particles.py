"""Particles driven by the exact scores of Gaussians and mixtures, all patches at once or patch by patch.

Each coordinate draws from a stream of its own, so that vanilla and AR sampling on a common generator see the same
noise. Where components are isotropic, only the span of their means is simulated: orthogonal to it the exact score is
that of one Gaussian, and so is the output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from simulations.ar_diffusion.kernels import (
    EMPTY,
    GROUP,
    general_steps,
    isotropic_steps,
    line_steps,
    plane_steps,
)
from simulations.sampling.exponential import LOG2E
from simulations.sampling.lanes import NormalLanes
from theory.ar_diffusion import ExactScore, ExponentialIntegrator, PosteriorMean, Sampling, WorstBias

Array = npt.NDArray[np.floating[Any]]

BLOCK = 512  # particles that walk together
SLAB = 1 << 16  # numbers of noise that are drawn at a time: they stay in the cache
WHOLE = 2  # dimensions up to which all are simulated: reduction saves little, and methods share their noise
SAME = 1e-12  # relative size of singular values that count as zero


class Stage(NamedTuple):
    """What a stage needs to know: its own coordinates, the earlier ones, and the mixture restricted to both.

    Attributes
    ----------
    own, before : tuple of int
        Coordinates.
    weights : array (C,)
    means : array (C, d)
        Of all coordinates.
    slopes : array (C, d_k, len(before))
        Regression of the own coordinates on the earlier ones, component by component.
    schurs : array (C, d_k, d_k)
        Conditional covariances.
    whitening : array (C, len(before), len(before))
        Inverse Cholesky factors of the covariances of the earlier coordinates.
    whitened : array (C, len(before))
        The earlier coordinates' means, multiplied by these.
    levels : array (C,)
        log of weight over the square root of the determinant of the earlier coordinates' covariance.
    """

    own: tuple[int, ...]
    before: tuple[int, ...]
    weights: Array
    means: Array
    slopes: Array
    schurs: Array
    whitening: Array
    whitened: Array
    levels: Array

    def log_weights(self, made: Array) -> Array:
        """log of weight x density of the clean earlier patches `made` (len(before), B), shape (C, B)."""
        count, k = self.whitened.shape
        away = (self.whitening.reshape(count * k, k) @ made).reshape(count, k, made.shape[1])
        away -= self.whitened[:, :, None]
        away *= away
        return self.levels[:, None] - 0.5 * np.sum(away, axis=1)

    def binary_weights(self, made: Array) -> Array:
        """log2 of these, shape (C, B), the largest of each particle taken off."""
        logs = self.log_weights(made)
        logs -= logs.max(axis=0)
        logs *= LOG2E
        return logs

    def score(self, made: Array, y: Array, time: float) -> Array:
        """Exact score at noised own coordinates y (d_k, B) given clean earlier ones `made`, shape (d_k, B)."""
        covariances = math.exp(-2 * time) * self.schurs - math.expm1(-2 * time) * np.eye(len(self.own))
        away = math.exp(-time) * self.conditional_means(made) - y
        pulls = np.linalg.inv(covariances) @ away
        logs = self.log_weights(made) - 0.5 * np.sum(pulls * away, axis=1)
        logs -= 0.5 * np.linalg.slogdet(covariances)[1][:, None]
        weights = np.exp(logs - logs.max(axis=0))
        return np.sum(weights[:, None] * pulls, axis=0) / weights.sum(axis=0)

    def conditional_means(self, made: Array) -> Array:
        """Means of the own coordinates given the earlier ones, shape (C, d_k, B)."""
        away = made - self.means[:, list(self.before), None]
        return self.means[:, list(self.own), None] + self.slopes @ away


def output_blocks(model: Sampling, rng: np.random.Generator, trials: int) -> Iterator[tuple[slice, Array]]:
    """Blocks of particles at the end of sampling: the trials they are, and their positions (d, B)."""
    dimension = model.target.total_dimension
    streams, room = streams_of(rng, dimension), np.empty(max(SLAB, BLOCK * dimension))
    made = walkers(model)
    for start in range(0, trials, BLOCK):
        size = min(BLOCK, trials - start)
        noises = [Fresh([streams[j] for j in walker.stage.own], room) for walker in made]
        yield slice(start, start + size), walked(made, noises, dimension, size)


def streams_of(rng: np.random.Generator, dimension: int) -> list[NormalLanes]:
    """A stream of normals for each coordinate."""
    return [NormalLanes(child) for child in rng.spawn(dimension)]


def walked(
    made: Sequence[IsotropicWalker | GeneralWalker], noises: Sequence[Noise], dimension: int, size: int
) -> Array:
    """Positions (d, B) of one block of particles after all stages."""
    x = np.empty((dimension, size))
    for walker, noise in zip(made, noises, strict=True):
        x[list(walker.stage.own)] = walker.walk(x[list(walker.stage.before)], noise)
    return x


def stages(model: Sampling) -> list[Stage]:
    """The stages of a sampler, in the order of generation."""
    weights, means, covariances = model.target.components()
    parts: list[Stage] = []
    before: tuple[int, ...] = ()
    for own in model.scheme.method.stages(model.target.sizes):
        a, b = np.array(own), np.array(before, dtype=int)
        among = covariances[:, b[:, None], b]
        cross = covariances[:, a[:, None], b]
        slopes = np.linalg.solve(among, cross.swapaxes(1, 2)).swapaxes(1, 2)
        schurs = covariances[:, a[:, None], a] - slopes @ cross.swapaxes(1, 2)
        whitening = np.linalg.inv(np.linalg.cholesky(among))
        whitened = np.squeeze(whitening @ means[:, b, None], axis=-1)
        levels = np.log(weights) + np.sum(np.log(np.diagonal(whitening, axis1=1, axis2=2)), axis=1)
        parts.append(Stage(own, before, weights, means, slopes, schurs, whitening, whitened, levels))
        before = (*before, *own)
    return parts


def walkers(model: Sampling) -> list[IsotropicWalker | GeneralWalker]:
    """What walks each stage of a sampler."""
    return [_walker(model, stage) for stage in stages(model)]


def _walker(model: Sampling, stage: Stage) -> IsotropicWalker | GeneralWalker:
    variance = stage.schurs[0, 0, 0]
    is_isotropic = np.array_equal(
        stage.schurs, np.broadcast_to(variance * np.eye(len(stage.own)), stage.schurs.shape)
    )
    if is_isotropic and not np.any(stage.slopes) and isinstance(model.scheme.score_error, ExactScore):
        return IsotropicWalker(model, stage, float(variance))
    return GeneralWalker(model, stage)


def step_table(nodes: Array, variance: float, integrator: ExponentialIntegrator | PosteriorMean) -> Array:
    """The table of steps that the kernels read, shape (N, 5)."""
    steps, times = -np.diff(nodes), nodes[:-1]
    if isinstance(integrator, PosteriorMean):
        pull = 2 * np.sinh(steps)
        noise = -np.expm1(-2 * steps) * np.expm1(-2 * nodes[1:]) / np.expm1(-2 * times)
    else:
        pull, noise = 2 * np.expm1(steps), np.expm1(2 * steps)
    noised = np.exp(-2 * times) * variance - np.expm1(-2 * times)
    return np.column_stack((np.exp(steps), pull, np.sqrt(noise), np.exp(-times), noised))


class Noise(Protocol):
    """Normal numbers for one stage and one block of particles."""

    def along(self, r: int, steps: int, size: int) -> Iterator[tuple[int, Array]]:
        """First the start, (0, numbers (r, 1, size)), then slabs of the steps, (first step, numbers (r, n, size))."""
        ...

    def at_the_end(self, size: int) -> Array:
        """One number for each coordinate, (d_k, size)."""
        ...


class Fresh(NamedTuple):
    """Noise that is drawn as it is needed, from one stream for each coordinate, in all of the given room."""

    streams: list[NormalLanes]
    room: Array

    def along(self, r: int, steps: int, size: int) -> Iterator[tuple[int, Array]]:
        slab = max(1, len(self.room) // (r * size))
        for first, count in [(0, 1), *((n, min(slab, steps - n)) for n in range(0, steps, slab))]:
            numbers = self.room[: r * count * size].reshape(r, count, size)
            for j, stream in enumerate(self.streams[:r]):
                stream.fill(numbers[j].reshape(-1))
            yield first, numbers

    def at_the_end(self, size: int) -> Array:
        numbers = np.empty((len(self.streams), size))
        for j, stream in enumerate(self.streams):
            stream.fill(numbers[j])
        return numbers


class IsotropicWalker:
    """Steps of a stage with components N(m_c, s^2 I), in the span of the means."""

    def __init__(self, model: Sampling, stage: Stage, variance: float) -> None:
        self.stage = stage
        centres = stage.means[:, list(stage.own)]
        _, sizes, rows = np.linalg.svd(centres)
        dimension = len(stage.own)
        rank = int(np.sum(sizes > SAME * max(1.0, float(sizes.max(initial=0.0)))))
        if dimension <= WHOLE:
            rank = dimension
        self.basis = np.eye(dimension) if rank == dimension else rows[:rank].T
        is_flat = rank in (1, 2)
        absent = -len(centres) % GROUP if is_flat else 0
        self.centres = np.pad(centres @ self.basis, ((0, absent), (0, 0)))
        self.noisy = rank
        self.kernel = {1: line_steps, 2: plane_steps}.get(rank, isotropic_steps)
        nodes = model.scheme.grid.nodes(np.full(dimension, variance))
        self.steps = step_table(nodes, variance, model.scheme.integrator)
        self.rest = math.sqrt(_output_variance(self.steps))

    def walk(self, made: Array, noise: Noise) -> Array:
        """The stage's coordinates (d_k, B) of particles with the earlier coordinates `made`."""
        size = made.shape[1]
        rank, dimension = self.noisy, len(self.basis)
        base = np.full((len(self.centres), size), EMPTY)
        base[: len(self.stage.weights)] = self.stage.binary_weights(made)
        scratch = np.empty((len(base) + 2 + rank, size))
        y = np.zeros((rank, size))
        if rank:
            numbers = noise.along(rank, len(self.steps), size)
            y = next(numbers)[1][:, 0].copy()
            for first, slab in numbers:
                table = self.steps[first : first + slab.shape[1]]
                self.kernel(y, base, self.centres, table, slab, scratch)
        if rank == dimension:
            return y
        rest = noise.at_the_end(size)
        rest -= self.basis @ (self.basis.T @ rest)
        return self.basis @ y + self.rest * rest


class GeneralWalker:
    """Steps of a stage with components of any covariance, and with a bias of the score."""

    def __init__(self, model: Sampling, stage: Stage) -> None:
        self.stage = stage
        variances, basis = np.linalg.eigh(stage.schurs)
        nodes = model.scheme.grid.nodes(variances[0])
        self.steps = step_table(nodes, 1.0, model.scheme.integrator)
        times = nodes[:-1, None, None]
        noised = np.exp(-2 * times) * variances - np.expm1(-2 * times)  # (N, C, d_k)
        precisions = np.einsum("cij,ncj,ckj->ncik", basis, 1 / noised, basis)
        levels = np.zeros((*noised.shape, 1))
        levels[..., 0, 0] = -0.5 * np.sum(np.log2(noised), axis=-1)
        self.precisions = np.concatenate((precisions, levels), axis=-1)
        self.noisy = len(stage.own)
        self.push = self.steps[:, 1:2] * _bias(model, stage, nodes[:-1], noised[:, 0], basis[0])

    def walk(self, made: Array, noise: Noise) -> Array:
        """The stage's coordinates (d_k, B) of particles with the earlier coordinates `made`."""
        size = made.shape[1]
        base = self.stage.binary_weights(made)
        means = np.ascontiguousarray(
            np.broadcast_to(self.stage.conditional_means(made), (len(base), self.noisy, size))
        )
        count, d = means.shape[:2]
        scratch = np.empty((count * (d + 1) + 2 + 2 * d, size))
        numbers = noise.along(self.noisy, len(self.steps), size)
        y = next(numbers)[1][:, 0].copy()
        for first, slab in numbers:
            part = slice(first, first + slab.shape[1])
            general_steps(
                y, base, means, self.precisions[part], self.steps[part], self.push[part], slab, scratch
            )
        return y


def _bias(model: Sampling, stage: Stage, times: Array, noised: Array, basis: Array) -> Array:
    """The bias of the score at each step, shape (N, d_k); the worst profile is one of eigen-directions."""
    error = model.scheme.score_error
    if isinstance(error, ExactScore):
        return np.zeros((len(times), len(stage.own)))
    size = np.broadcast_to(error.bias, (model.target.total_dimension,))[list(stage.own)]
    if isinstance(error, WorstBias):
        return ((size @ basis) * np.exp(-times)[:, None] / noised) @ basis.T
    return np.broadcast_to(size, (len(times), len(size)))


def _output_variance(steps: Array) -> float:
    """Variance of a direction without means: v <- (e^h - pull/lambda_tau)^2 v + spread^2 from 1."""
    v = 1.0
    for grow, pull, spread, _, noised in steps:
        v = (grow - pull / noised) ** 2 * v + spread**2
    return float(v)
