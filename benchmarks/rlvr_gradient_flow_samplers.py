"""Steps of REINFORCE and GRPO and streamed random patterns, beside plain NumPy and beside an empty call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lemmata.benchmarking import Benchmark
from simulations.rlvr_gradient_flow import (
    sample_grpo_policy,
    sample_internal_feedback,
    sample_reinforce_policy,
)
from theory.rlvr_gradient_flow import GrpoPath, RandomPatterns, ReinforcePath

Array = npt.NDArray[np.float64]

STEP_SIZE = 0.01
TOGETHER = 512
"""Trials that the NumPy version trains at once: its arrays then stay in the cache."""


def bandit(patterns: int) -> tuple[Array, Array]:
    """A start far from both ends, so that all counts are left to chance, and rates across [0, 1]."""
    start = np.arange(1, patterns + 1) / (patterns * (patterns + 1) / 2)
    return start, np.linspace(0.9, 0.1, patterns)


def plain_steps(patterns: int, batch: int, steps: int, rng: np.random.Generator) -> Array:
    """REINFORCE with the value baseline from multinomial and binomial counts, many trials at once in NumPy."""
    start, rates = bandit(patterns)
    theta = np.tile(np.log(start), (TOGETHER, 1))
    for _ in range(steps):
        policy = np.exp(theta - theta.max(axis=1, keepdims=True))
        policy /= policy.sum(axis=1, keepdims=True)
        counts = rng.multinomial(batch, policy)
        hits = rng.binomial(counts, rates)
        sums = hits - (policy @ rates)[:, None] * counts
        theta += STEP_SIZE / batch * (sums - policy * sums.sum(axis=1, keepdims=True))
    return theta


def plain_patterns(patterns: int, trials: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """First slopes and whether the worst pattern wins, from whole arrays in NumPy."""
    rates = rng.random((trials, patterns))
    logs = np.log(rates * (1 - rates))
    c = rates - 0.5
    slopes = -0.5 * (np.mean(logs * c, axis=1) - logs.mean(axis=1) * c.mean(axis=1))
    return slopes * np.sign(c.mean(axis=1)), rates.min(axis=1) < 1 - rates.max(axis=1)


def _reinforce(patterns: int, batch: int, steps: int) -> Callable[[], object]:
    start, rates = bandit(patterns)
    model = ReinforcePath(tuple(start), tuple(rates), step_size=STEP_SIZE, batch=batch)
    rng, time = np.random.default_rng(1), np.array([steps * STEP_SIZE])
    return lambda: sample_reinforce_policy(model, rng, 8, time=time)


def _grpo(patterns: int, size: int, steps: int) -> Callable[[], object]:
    start, rates = bandit(patterns)
    model = GrpoPath(tuple(start), tuple(rates), step_size=STEP_SIZE, size=size)
    rng, time = np.random.default_rng(1), np.array([steps * STEP_SIZE])
    return lambda: sample_grpo_policy(model, rng, 8, time=time)


def _step(patterns: int, batch: int, most: float) -> Benchmark:
    steps = 40_000 // patterns
    return Benchmark(
        f"REINFORCE step, K = {patterns}, batch {batch}",
        f"a step of REINFORCE, {patterns} patterns, batch {batch}, beside an empty call, a step and pattern",
        ours=_reinforce(patterns, batch, steps),
        reference=lambda: None,
        units=8 * steps * patterns,
        rounds=9,
        excess_at_most=most,
    )


def _step_beside_numpy(patterns: int, batch: int) -> Benchmark:
    steps, few = 20_000 // patterns, 40
    rng = np.random.default_rng(2)
    return Benchmark(
        f"REINFORCE step, NumPy, K = {patterns}, batch {batch}",
        f"the same beside counts in NumPy for {TOGETHER} trials at once",
        ours=_reinforce(patterns, batch, steps),
        reference=lambda: plain_steps(patterns, batch, few, rng),
        units=8 * steps * patterns,
        reference_units=TOGETHER * few * patterns,
        ratio_at_least=2,
    )


def _patterns(count: int) -> Benchmark:
    trials, few = 4_000_000 // count, 1_000_000 // count
    model, rng, plain = RandomPatterns(count), np.random.default_rng(3), np.random.default_rng(4)
    return Benchmark(
        f"random patterns, K = {count}",
        f"first slope and winner of {count} random patterns beside whole arrays in NumPy, a pattern",
        ours=lambda: sample_internal_feedback(model, rng, trials),
        reference=lambda: plain_patterns(count, few, plain),
        units=trials * count,
        reference_units=few * count,
        ratio_at_least=2.3,
    )


SAMPLERS = (
    *(_step(patterns, batch, 100e-9) for patterns in (2, 3, 10) for batch in (8, 32)),
    *(_step(patterns, batch, 220e-9) for patterns in (2, 10) for batch in (256, 2048)),
    *(_step_beside_numpy(patterns, batch) for patterns in (2, 3, 10) for batch in (8, 32, 256)),
    Benchmark(
        "GRPO step",
        "a step of GRPO, 3 patterns, groups of 8, beside an empty call, a step and pattern",
        ours=_grpo(3, 8, 10_000),
        reference=lambda: None,
        units=8 * 10_000 * 3,
        rounds=9,
        excess_at_most=100e-9,
    ),
    Benchmark(
        "random patterns, rate",
        "first slope and winner of 10,000 random patterns beside an empty call, a pattern",
        ours=lambda: sample_internal_feedback(RandomPatterns(10_000), np.random.default_rng(3), 400),
        reference=lambda: None,
        units=4_000_000,
        rounds=9,
        excess_at_most=1 / 140e6,
    ),
    *(_patterns(count) for count in (1_000, 10_000, 100_000)),
)
