"""Steps of the reduced training beside their matrix product and literal steps, a noise curve, and the feature clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.integrate import solve_ivp

from lemmata.benchmarking import Benchmark
from lemmata.kernels import kernel
from lemmata.laboratory import Laboratory
from lemmata.statistics import Array
from simulations.cnn_rank import TRAINING
from simulations.cnn_rank.descent import descend, descend_filters
from simulations.cnn_rank.draws import draw_run
from simulations.cnn_rank.outcomes import activate
from simulations.cnn_rank.training import Run
from theory.cnn_rank import FeatureClock, Training, feature_clock

NEVER = 1e300
BASE = (
    Training(features=2, images=120, dimension=20_000, filters=60, steps=9000)
    .advancing(10.0)
    .with_noise_ratio(2.0)
)
LEVELS = np.geomspace(0.5, 16.0, 12)


class Steps:
    """Steps of a run on inner products, a fresh start whenever it is called (so that no step is a late one)."""

    def __init__(self, model: Training, steps: int) -> None:
        self.run = Run(model, draw_run(model, np.random.default_rng(1)), model.noise)
        self.rule = (model.order, model.knee, model.output_scale, model.step_size, NEVER)
        self.steps = steps

    def __call__(self) -> None:
        run = self.run
        run.state[0][:] = run.initial
        run.state[1][:] = 0.0
        descend(run.state, (run.draw.members, run.draw.labels), self.rule, self.steps, run.margins)


@kernel
def products(left: Array, right: Array, out: Array, times: int) -> None:
    """A matrix product again and again."""
    for _ in range(times):
        np.dot(left, right, out)


def _products(model: Training, times: int) -> Callable[[], None]:
    """The product of a step, (2m x N) by (N x N), N the noise patches alone."""
    rng, patches = np.random.default_rng(2), model.noise_patches
    left, right = rng.standard_normal((2 * model.filters, patches)), rng.standard_normal((patches, patches))
    out = np.empty_like(left)
    return lambda: products(left, right, out, times)


def _literal(model: Training, steps: int) -> Callable[[], object]:
    """Steps over the unique rows, 2K + N patches in all their dimensions, by the same passes."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((2 * model.features + model.noise_patches, model.dimension)) / math.sqrt(
        model.dimension
    )
    columns = np.ascontiguousarray(rows.T)
    filters = model.initial_scale * rng.standard_normal((2 * model.filters, model.dimension))
    labels, margins = np.ones(len(rows)), np.empty(len(rows))
    rule = (model.order, model.knee, model.output_scale, model.step_size, NEVER)
    return lambda: descend_filters(filters, rows, columns, labels, rule, steps, margins)


def _step(order: float) -> Benchmark:
    return Benchmark(
        f"reduced step, q = {order:g}",
        "a reduced training step beside its matrix product alone, m = 60, N = 120",
        ours=Steps(replace(BASE, order=order), 2000),
        reference=_products(BASE, 2000),
        units=2000,
        reference_units=2000,
        rounds=9,
        ratio_at_least=1 / 1.25,
    )


def _whole_run(dimension: int) -> Callable[[], object]:
    """A draw and a thousand steps at a dimension."""
    model = replace(BASE, dimension=dimension).with_noise_ratio(2.0)
    axes = {"noise": np.array([model.noise]), "steps": np.array([1000.0])}
    return lambda: TRAINING.function(model, np.random.default_rng(4), 1, **axes)


def noise_curve() -> object:
    """Twelve levels, four runs, 9,000 steps, on two threads."""
    levels = [BASE.with_noise_ratio(float(ratio)).noise for ratio in LEVELS]
    with Laboratory(1) as lab:
        return lab.sweep(TRAINING, [BASE], 4, axes={"noise": levels})


# ------------------------------------------------------------------ the feature clock

_RNG = np.random.default_rng(5)
CLOCK = FeatureClock(
    own=tuple(2e-3 * _RNG.standard_normal(60)),
    other=tuple(2e-3 * _RNG.standard_normal(60)),
    times=(1e5,),
    order=3.0,
    knee=10.0,
)


CLOCKS = [replace(CLOCK, times=(1e5 + i,)) for i in range(100)]
"""Times that differ, so that nothing is remembered from call to call."""


def solved_clock() -> Array:
    """All pre-activations by SciPy's LSODA, at a tolerance that leaves the margin nine digits (ours: fifteen)."""
    start = np.concatenate([CLOCK.own, CLOCK.other])
    signs = np.repeat([1.0, -1.0], len(CLOCK.own))

    def speeds(_: float, z: Array) -> Array:
        margin = signs @ activate(z, CLOCK.order, CLOCK.knee) / len(CLOCK.own)
        return signs * np.clip(z / CLOCK.knee, 0.0, 1.0) ** 2 / (1.0 + np.exp(margin))

    return solve_ivp(speeds, (0.0, CLOCK.times[0]), start, method="LSODA", rtol=1e-10, atol=1e-13).y[:, -1]


def _clocks() -> object:
    return [feature_clock(model) for model in CLOCKS]


BENCHMARKS = (
    _step(3.0),
    _step(2.0),
    Benchmark(
        "literal step",
        "a reduced training step beside a literal one over unique rows, d = 20,000",
        ours=Steps(BASE, 2000),
        reference=_literal(BASE, 4),
        units=2000,
        reference_units=4,
        ratio_at_least=200,
    ),
    Benchmark(
        "dimension",
        "a draw and 1,000 steps at d = 1e12 beside the same at d = 1e3",
        ours=_whole_run(10**12),
        reference=_whole_run(10**3),
        rounds=7,
        ratio_at_least=0.9,
    ),
    Benchmark(
        "noise curve",
        "12 noise levels, 4 runs, 9,000 steps each, m = 60, N = 120, on the usable cores, wall clock",
        ours=noise_curve,
        reference=lambda: None,
        rounds=1,
        excess_at_most=40.0,
        clock=time.perf_counter,
    ),
    Benchmark(
        "feature clock",
        "the clock of a feature, m = 60, at a late time, beside an empty call",
        ours=_clocks,
        reference=lambda: None,
        units=len(CLOCKS),
        rounds=9,
        excess_at_most=0.5e-3,
    ),
    Benchmark(
        "feature clock, solver",
        "the same beside SciPy's LSODA on the pre-activations, at no better accuracy",
        ours=_clocks,
        reference=solved_clock,
        units=len(CLOCKS),
        rounds=9,
        ratio_at_least=50,
    ),
)
