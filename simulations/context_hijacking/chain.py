"""The mean excess risk from a bidiagonal chain: 2 L chi-squared numbers a draw, whatever n and d.

Golub-Kahan bidiagonalisation of the examples X, started at w*, has independent entries: diagonal a_j^2 ~ chi^2 with
n - j + 1 degrees of freedom, superdiagonal b_j^2 ~ chi^2 with d - j. L steps of gradient descent from w*, or on
X^T X w* / |X w*|, stay in its first L + 1 vectors.

References
----------
R3 of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.context_hijacking.tasks import (
    DEPTH,
    TAU,
    draw_correlations,
    finite,
    label_moments,
    schedules,
)
from simulations.sampling.chi import fill_chi_squared
from theory.context_hijacking import Training

Array = npt.NDArray[np.float64]

BLOCK = 1024  # chains that are drawn together


def sample_training_chain(
    model: Training,
    rng: np.random.Generator,
    trials: int,
    *,
    depth: Array,
    step_size: Array,
    initial_scale: Array,
) -> dict[str, Array]:
    """Unbiased values of the mean excess risk, at a cost of O(L^2) a draw that does not grow with n or d.

    beta*, like the part of the labels across X w*, is averaged over by rotation invariance: E <beta*, f(S) beta*> =
    E <w*, f(S) w*> = E tr f(S) / d. Single values can be negative.

    Parameters and returns as `sample_training`: the same mean, not the same law.
    """
    n, d = model.examples, model.dimension
    mean, square = label_moments(n)
    spread = (n - square) / max(n - 1, 1)  # of the labels in each direction across X w*
    paths = schedules(model.steps, depth, step_size)
    shape = (len(depth), len(step_size), len(initial_scale), trials)
    excess = np.empty((len(paths), len(initial_scale), trials))
    for start in range(0, trials, BLOCK):
        part = slice(start, min(start + BLOCK, trials))
        count = part.stop - part.start
        tasks, *streams = rng.spawn(
            3
        )  # for each block: how many levels it needs does not move the next one's draws
        levels = max(map(len, paths))
        diagonal = _entries(streams[0], n, levels, count)
        superdiagonal = _entries(streams[1], d - 1, levels, count)
        rho = draw_correlations(model.prior, tasks, d, count)
        for j, path in enumerate(paths):
            with np.errstate(over="ignore", invalid="ignore"):
                kept, learned, filtered = _filters(diagonal, superdiagonal, path)
                finite(d * np.square([kept, learned, filtered]), step_size)
            # learned = Q(S) X^T zhat, filtered = Q(S) w*, both along the chain
            seen = _rows(diagonal, superdiagonal, filtered)
            noise = spread * (d * _square(seen) - _square(learned))
            constant = square * _square(learned) + noise - 2 * TAU * mean * learned[0] + TAU**2
            slope = 2 * rho * (mean * np.sum(kept * learned, axis=0) - TAU * kept[0])
            for k, c in enumerate(initial_scale):
                excess[j, k, part] = constant + c * slope + c * c * _square(kept)
    return {"excess": np.moveaxis(excess.reshape(shape), -1, 0)}


def _entries(rng: np.random.Generator, freedom: int, levels: int, count: int) -> Array:
    """Entries (levels, count): chi variates of freedom, freedom - 1, ...; 0 where none is left."""
    numbers, redraws = rng.spawn(2)
    entries = np.zeros((levels, count))
    for level in range(min(levels, freedom)):
        fill_chi_squared(numbers, redraws, float(freedom - level), entries[level])
    return np.sqrt(entries)


def _rows(diagonal: Array, superdiagonal: Array, w: Array) -> Array:
    """B w (levels, count) for w (levels + 1, count)."""
    return diagonal * w[:-1] + superdiagonal * w[1:]


def _columns(diagonal: Array, superdiagonal: Array, rows: Array) -> Array:
    """B^T rows."""
    w = np.zeros((len(rows) + 1, rows.shape[1]))
    w[:-1] += diagonal * rows
    w[1:] += superdiagonal * rows
    return w


def _filters(diagonal: Array, superdiagonal: Array, steps: tuple[float, ...]) -> tuple[Array, Array, Array]:
    """p(S) w*, Q(S) X^T zhat and Q(S) w* in the chain's vectors, (levels + 1, count), with Q(t) = (1 - p(t))/t."""
    kept = np.zeros((len(diagonal) + 1, diagonal.shape[1]))
    kept[0] = 1.0
    learned, filtered = np.zeros_like(kept), np.zeros_like(kept)
    for step in steps:
        residual = _rows(diagonal, superdiagonal, learned)
        residual[0] -= 1.0
        learned = learned - step * _columns(diagonal, superdiagonal, residual)
        filtered = filtered + step * kept
        kept = kept - step * _columns(diagonal, superdiagonal, _rows(diagonal, superdiagonal, kept))
    return kept, learned, filtered


def _square(w: Array) -> Array:
    return np.sum(w * w, axis=0)


TRAINING_CHAIN = Sampler(
    sample_training_chain,
    axes=("depth", "step_size", "initial_scale"),
    ranges={"excess": (-math.inf, math.inf)},
    work=lambda model: 500.0 + 60.0 * DEPTH + 30.0 * DEPTH**2,
)
