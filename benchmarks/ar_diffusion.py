"""AR diffusion: compiled particles beside array operations, and exact laws beside the step-by-step recursion.

Both sides of the vectorised loop move 2^16 particles (a quick claim asks for 2^19), all in one array, as one writes it.
Its arrays of 2^16 x 16 numbers leave the cache; so array operations are also timed on blocks that stay there, tuned.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.benchmarking import Benchmark
from simulations.ar_diffusion import positions
from simulations.sampling.lanes import NormalLanes
from theory.ar_diffusion import (
    AR,
    Autoregressive,
    Divergence,
    GaussianSampling,
    Parabola,
    Sampling,
    Scheme,
    Uniform,
    Vanilla,
    output_law,
    stage_kl,
)

Array = npt.NDArray[np.floating[Any]]

STEPS, COMPONENTS = 100, 16
PARTICLES = 1 << 16
CACHED_PARTICLES = 1 << 12
NORMALS = 1 << 15  # as many as stay in the cache
LAW = GaussianSampling(Autoregressive(64, 0.9, 8), Scheme(AR(), Uniform(1000, 6, 0)))


def vectorised_stage(
    base: Array, centres: Array, variance: float, nodes: Array, size: int, rng: np.random.Generator
) -> Array:
    """The vectorised loop, as the formulas read: differences (particles, components, d), softmax, average."""
    y = rng.standard_normal((size, centres.shape[1]))
    for tau, after in itertools.pairwise(nodes):
        decay, q = math.exp(-tau), math.expm1(tau - after)
        noised = decay * decay * (variance - 1) + 1
        away = decay * centres - y[:, None, :]
        logs = base - np.sum(away**2, axis=2) / (2 * noised)
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        score = np.sum(weights[:, :, None] * away, axis=1) / noised
        y = (1 + q) * y + 2 * q * score + math.sqrt(q * (2 + q)) * rng.standard_normal(y.shape)
    return y


def tuned_stage(
    base: Array, centres: Array, variance: float, nodes: Array, size: int, rng: np.random.Generator
) -> Array:
    """Array operations at their best: matrix products, and arrays (particles, components) changed in place."""
    y = rng.standard_normal((size, centres.shape[1]))
    squares = 0.5 * np.sum(centres**2, axis=1)
    for tau, after in itertools.pairwise(nodes):
        decay, q = math.exp(-tau), math.expm1(tau - after)
        noised = decay * decay * (variance - 1) + 1
        logs = y @ (decay / noised * centres.T)
        logs += base - decay * decay / noised * squares
        logs -= logs.max(axis=1, keepdims=True)
        np.exp(logs, out=logs)
        centre = (logs @ centres) / logs.sum(axis=1, keepdims=True)
        y += (
            q * y
            + 2 * q / noised * (decay * centre - y)
            + math.sqrt(q * (2 + q)) * rng.standard_normal(y.shape)
        )
    return y


def plain_particles(
    model: Sampling, size: int, rng: np.random.Generator, stage_of: Callable[..., Array]
) -> Array:
    """The same particles as the sampler's: all coordinates at once, or one after the other."""
    target: Any = model.target
    weights, centres = target.centres()
    nodes, variance = model.scheme.grid.nodes(np.ones(1)), target.spread**2
    x = np.empty((size, 0))
    for stage in model.scheme.method.stages(target.sizes):
        away = x[:, None, :] - centres[:, : x.shape[1]]
        base = np.log(weights) - np.sum(away**2, axis=2) / (2 * variance)
        made = stage_of(base, centres[:, list(stage)], variance, nodes, size, rng)
        x = np.hstack((x, made))
    return x


def plain_normals(rng: np.random.Generator, out: npt.NDArray[np.float64]) -> None:
    """Normals as NumPy draws them."""
    rng.standard_normal(out=out)


def plain_law(model: GaussianSampling) -> tuple[Array, Array]:
    """Output law of AR, one step after the other: mean, covariance, and covariance with earlier patches."""
    mean, covariance = model.target.mean_vector(), model.target.covariance_matrix()
    nodes = model.scheme.grid.nodes(np.ones(1))
    m, c = np.zeros(0), np.zeros((0, 0))
    start = 0
    for size in model.target.sizes:
        before, own = slice(0, start), slice(start, start + size)
        slope = np.linalg.solve(covariance[before, before], covariance[before, own]).T
        schur = covariance[own, own] - slope @ covariance[before, own]
        y, cross, spread = np.zeros(size), np.zeros((size, start)), np.eye(size)
        for tau, after in itertools.pairwise(nodes):
            decay, q = math.exp(-tau), math.expm1(tau - after)
            pull = 2 * q * np.linalg.inv(decay * decay * schur + (1 - decay * decay) * np.eye(size))
            keep, push = (1 + q) * np.eye(size) - pull, decay * pull @ slope
            y = keep @ y + push @ m + decay * pull @ (mean[own] - slope @ mean[before])
            mixed = keep @ cross @ push.T
            spread = keep @ spread @ keep.T + mixed + mixed.T + push @ c @ push.T + q * (2 + q) * np.eye(size)
            cross = keep @ cross + push @ c
        m = np.concatenate((m, y))
        c = np.block([[c, cross.T], [cross, spread]])
        start += size
    return m, c


def _particles(
    method: Vanilla | AR, name: str, stage_of: Callable[..., Array], size: int, ratio_at_least: float
) -> Benchmark:
    model = Sampling(Parabola(COMPONENTS), Scheme(method, Uniform(STEPS, 4, 0)))
    moves = STEPS * COMPONENTS * len(method.stages((1, 1)))
    return Benchmark(
        f"particles, {method.kind()}, {name}",
        f"compiled particles beside {_WAYS[name]}; 2-D, {COMPONENTS} components, a particle x step x component",
        ours=lambda: positions(model, np.random.default_rng(1), PARTICLES),
        reference=lambda: plain_particles(model, size, np.random.default_rng(2), stage_of),
        units=PARTICLES * moves,
        reference_units=size * moves,
        ratio_at_least=ratio_at_least,
    )


_WAYS = {
    "vectorised": "the vectorised NumPy loop over as many particles",
    "tuned": "tuned array operations (matrix products, in place) on blocks that stay in the cache",
}

BENCHMARKS = (
    _particles(Vanilla(), "vectorised", vectorised_stage, PARTICLES, 20),
    _particles(Vanilla(), "tuned", tuned_stage, CACHED_PARTICLES, 3),
    _particles(AR(), "vectorised", vectorised_stage, PARTICLES, 20),
    _particles(AR(), "tuned", tuned_stage, CACHED_PARTICLES, 3),
    Benchmark(
        "normals",
        "normals of 64 generators side by side, beside NumPy's; a number",
        ours=partial(NormalLanes(np.random.default_rng(3)).fill, np.empty(NORMALS)),
        reference=partial(plain_normals, np.random.default_rng(4), np.empty(NORMALS)),
        units=NORMALS,
        reference_units=NORMALS,
        rounds=101,
        ratio_at_least=4,
    ),
    Benchmark(
        "output law",
        "exact AR output law, 8 patches of 8, 1000 steps, beside the recursion step by step",
        ours=partial(output_law, LAW),
        reference=partial(plain_law, LAW),
        ratio_at_least=40,
    ),
    Benchmark(
        "stage divergences",
        "exact stage divergences of the same sampler, beside the recursion of its law",
        ours=partial(stage_kl, Divergence(LAW.target, LAW.scheme)),
        reference=partial(plain_law, LAW),
        ratio_at_least=40,
    ),
)
