"""Particles on several grids at once, all driven by the noise of the finest one, and by the same for both methods.

The noise of a step from tau to tau' is e^-tau' (W(e^2tau) - W(e^2tau')) with one Brownian motion W for all grids: that
of a step which merges fine steps is the sum of theirs, each grown by e^h of the fine steps after it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.ar_diffusion.particles import BLOCK, Fresh, streams_of, walked, walkers
from simulations.ar_diffusion.samplers import with_products
from simulations.sampling.lanes import NormalLanes
from theory.ar_diffusion import CoupledSampling

Array = npt.NDArray[np.floating[Any]]


def sample_coupled(
    model: CoupledSampling, rng: np.random.Generator, trials: int, *, merged: Array
) -> dict[str, Array]:
    """First and second moments of particles on coarser grids, all on the noise of the fine one.

    Differences between step counts, or between the methods on a common generator, vary much less than on independent
    noise. With 1 merged step the particles are those of `sample_output`. A trial costs the steps of all grids.

    Parameters
    ----------
    model : CoupledSampling
    rng : numpy.random.Generator
    trials : int
    merged : array
        Free axis: fine steps that a step takes together.

    Returns
    -------
    dict
        'moments': array (trials, merged, d+1, d), x in the first row and x x^T below.

    References
    ----------
    R15 of docs/papers/ar_diffusion.md.
    """
    d = model.target.total_dimension
    moments = np.empty((trials, len(merged), d + 1, d))
    for part, positions in coupled_blocks(model, rng, trials, merged):
        for k, x in enumerate(positions):
            moments[part, k] = with_products(x.T)
    return {"moments": moments}


def sample_coupled_violation(
    model: CoupledSampling, rng: np.random.Generator, trials: int, *, merged: Array
) -> dict[str, Array]:
    """Squared deviation from the rule on coarser grids, all on the noise of the fine one.

    Parameters
    ----------
    model : CoupledSampling
        With a target that has a rule.
    rng, trials, merged
        As for `sample_coupled`.

    Returns
    -------
    dict
        'violation': array (trials, merged).

    Raises
    ------
    DomainError
        If the target has no rule.

    References
    ----------
    R14 of docs/papers/ar_diffusion.md.
    """
    violation = np.empty((trials, len(merged)))
    for part, positions in coupled_blocks(model, rng, trials, merged):
        for k, x in enumerate(positions):
            violation[part, k] = model.target.off_rule(x.T) ** 2
    return {"violation": violation}


def coupled_blocks(
    model: CoupledSampling, rng: np.random.Generator, trials: int, merged: Sequence[int] | Array
) -> Iterator[tuple[slice, list[Array]]]:
    """Blocks of particles: the trials they are, and their positions (d, B) for each number of merged steps."""
    dimension = model.target.total_dimension
    nodes, streams = model.scheme.grid.nodes(np.ones(1)), streams_of(rng, dimension)
    made = [walkers(model.coarser(int(m))) for m in merged]
    for start in range(0, trials, BLOCK):
        size = min(BLOCK, trials - start)
        noises = [
            _recorded([streams[j] for j in walker.stage.own], walker.noisy, nodes, size) for walker in made[0]
        ]
        yield (
            slice(start, start + size),
            [
                walked(part, [noise.merging(int(m)) for noise in noises], dimension, size)
                for part, m in zip(made, merged, strict=True)
            ],
        )


class Recorded(NamedTuple):
    """Noise of one stage that has been drawn.

    Attributes
    ----------
    start : array (r, 1, B)
    steps : array (r, N, B)
    end : array (d_k, B)
    nodes : array (N+1,)
    """

    start: Array
    steps: Array
    end: Array
    nodes: Array

    def merging(self, count: int) -> Recorded:
        """The noise of steps that take `count` steps together (of the exponential integrator)."""
        if count == 1:
            return self
        r, n, size = self.steps.shape
        last = self.nodes[count::count].repeat(count)
        weights = np.exp(self.nodes[1:] - last) * np.sqrt(np.expm1(-2 * np.diff(self.nodes)))
        nodes = self.nodes[::count]
        sums = (weights[:, None] * self.steps).reshape(r, n // count, count, size).sum(axis=2)
        return Recorded(self.start, sums / np.sqrt(np.expm1(-2 * np.diff(nodes)))[:, None], self.end, nodes)

    def along(self, r: int, steps: int, size: int) -> Iterator[tuple[int, Array]]:
        yield 0, self.start
        yield 0, self.steps

    def at_the_end(self, size: int) -> Array:
        return self.end.copy()


def _recorded(streams: list[NormalLanes], r: int, nodes: Array, size: int) -> Recorded:
    """Draws the noise of a stage's r simulated coordinates, and for the end if they are not all."""
    steps = len(nodes) - 1
    start, along, end = np.empty((0, 1, size)), np.empty((0, steps, size)), np.empty((0, size))
    fresh = Fresh(streams, np.empty(max(1, r * steps * size)))
    if r:
        start, along = (numbers.copy() for _, numbers in fresh.along(r, steps, size))
    if r < len(streams):
        end = fresh.at_the_end(size)
    return Recorded(start, along, end, nodes)


def _work(model: CoupledSampling) -> float:
    d, count = model.target.total_dimension, len(model.target.components().weights)
    steps = len(model.scheme.grid.nodes(np.ones(1))) - 1
    return 2 * steps * (2.0 * count * (min(d, count) + 2) + 6.0 * d) + 4.0 * d * d


COUPLED = Sampler(
    sample_coupled,
    axes=("merged",),
    ranges={"moments": (-math.inf, math.inf)},
    work=_work,
    paired_trials=BLOCK,
)
COUPLED_VIOLATION = Sampler(
    sample_coupled_violation,
    axes=("merged",),
    ranges={"violation": (0.0, math.inf)},
    work=_work,
    paired_trials=BLOCK,
)
