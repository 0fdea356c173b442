"""Samplers and closed forms of context hijacking beside plain NumPy, and in absolute time a unit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.benchmarking import Benchmark
from simulations.context_hijacking import sample_hijack, sample_training, sample_training_mean
from theory.context_hijacking import (
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    NormalisedGaussian,
    Training,
    TunedHijack,
    Uniform,
    half_error_hijackers,
)
from theory.context_hijacking.hijacking import hijack_error_at
from theory.context_hijacking.tuning import tuned

Array = npt.NDArray[np.float64]

TAU = math.sqrt(2 / math.pi)
MODEL = Hijack(32, 20, 8, 0.001, 0.7, Cone(0.9), Fixed(0.4))
PROMPT = Training(1000, 10, 1, 0.9e-3, TAU * 0.9, Cone(0.9))
TRIALS, CELLS, PROMPTS = 2**19, (64, 4), 2**13
FEW_QUERIES, FEW_PROMPTS = 2**12, 2**8


def plain_reduction(model: Hijack, trials: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """The same two numbers a query in NumPy, in blocks that fit a cache."""
    wrong = np.empty(trials, dtype=np.bool_)
    rho, c, s = model.prior.correlation, model.initial_scale, model.margin.size  # type: ignore[union-attr]
    tilt = c * math.sqrt(1 - rho * rho)
    for start in range(0, trials, 4096):
        g = rng.standard_normal(4096)
        square = g * g + rng.chisquare(model.dimension - 2, 4096)
        base = 1 - model.step_size * model.hijackers * square
        for _ in range(3):  # the eighth power
            base *= base
        wrong[start : start + 4096] = s * c * rho - 1 + base * (1 + tilt * g) < 0
    return wrong


def plain_descent(model: Hijack, trials: int, rng: np.random.Generator) -> Array:
    """Gradient descent on the N tokens of each prompt, for all prompts at once."""
    d, rho = model.dimension, model.prior.correlation  # type: ignore[union-attr]
    axis, task = np.zeros((2, d))
    task[0], axis[0], axis[1] = 1.0, rho, math.sqrt(1 - rho * rho)
    across = rng.standard_normal((trials, d))
    across[:, 0] = 0.0
    examples = np.repeat(across[:, None, :], model.hijackers, axis=1)
    w = np.tile(model.initial_scale * axis, (trials, 1))[..., None]
    for _ in range(model.depth):
        w = w - model.step_size * (examples.transpose(0, 2, 1) @ (examples @ w + 1))
    return np.einsum("bd,bd->b", w[..., 0], across + model.margin.size * task) < 0  # type: ignore[union-attr]


def plain_training(model: Training, trials: int, rng: np.random.Generator) -> Array:
    """All examples of each prompt drawn, then descent on X^T X and X^T y."""
    n, d, rho = model.examples, model.dimension, model.prior.correlation  # type: ignore[union-attr]
    excess = np.empty(trials)
    target = np.zeros(d)
    target[0] = TAU
    for trial in range(trials):
        x = rng.standard_normal((n, d))
        gram, labels = x.T @ x, x.T @ np.sign(x[:, 0])
        w = np.zeros(d)
        w[0], w[1] = model.initial_scale * rho, model.initial_scale * math.sqrt(1 - rho * rho)
        for step in model.step_sizes:
            w -= step * (gram @ w - labels)
        excess[trial] = np.sum((w - target) ** 2)
    return excess


def _hijack(hijackers: Any, depth: Any, trials: int) -> Callable[[], object]:
    rng = np.random.default_rng(1)
    axes = {"hijackers": np.array(hijackers), "depth": np.array(depth)}
    return partial(sample_hijack, MODEL, rng, trials, step_size=np.array([MODEL.step_size]), **axes)


def _training(sampler: Callable[..., object]) -> Callable[[], object]:
    axes = {"depth": PROMPT.depth, "step_size": PROMPT.step_size, "initial_scale": PROMPT.initial_scale}
    arrays = {name: np.array([value]) for name, value in axes.items()}
    return partial(sampler, PROMPT, np.random.default_rng(2), PROMPTS, **arrays)


def _nothing() -> None:
    return None


def _errors(model: Hijack) -> None:
    for count in range(100):
        hijack_error_at(model, 1 + 0.3 * count)


def _half_errors() -> None:
    tuned.cache_clear()
    for depth in range(1, 25):
        half_error_hijackers(TunedHijack(40, 20, depth, Cone(0.995), Fixed(0.2)))


_ONE = _hijack([32], [8], TRIALS)
_PLAIN_TRAINING = partial(plain_training, PROMPT, FEW_PROMPTS, np.random.default_rng(5))

BENCHMARKS = (
    Benchmark(
        "hijacked queries",
        "one (N, L), N = 32, d = 20, L = 8: a query (50 million a second)",
        ours=_ONE,
        reference=_nothing,
        units=TRIALS,
        excess_at_most=20e-9,
    ),
    Benchmark(
        "hijacked queries, reduced",
        "beside the same reduction in NumPy, a query",
        ours=_ONE,
        reference=partial(plain_reduction, MODEL, TRIALS, np.random.default_rng(3)),
        units=TRIALS,
        reference_units=TRIALS,
        ratio_at_least=2,
    ),
    Benchmark(
        "hijacked queries, literal",
        "beside vectorised gradient descent on the prompts, a query",
        ours=_ONE,
        reference=partial(plain_descent, MODEL, FEW_QUERIES, np.random.default_rng(4)),
        units=TRIALS,
        reference_units=FEW_QUERIES,
        ratio_at_least=150,
    ),
    Benchmark(
        "hijacked queries, table",
        "64 numbers of hijackers times 4 depths on common draws, a cell of a query",
        ours=_hijack(np.arange(64), [1, 2, 4, 8], 2**15),
        reference=_nothing,
        units=2**15 * CELLS[0] * CELLS[1],
        excess_at_most=6e-9,
    ),
    Benchmark(
        "training prompts",
        "exact law of the excess beside literal prompts in NumPy, n = 1000, d = 10, L = 1, a prompt",
        ours=_training(sample_training),
        reference=_PLAIN_TRAINING,
        units=PROMPTS,
        reference_units=FEW_PROMPTS,
        ratio_at_least=20,
    ),
    Benchmark(
        "training prompts, mean",
        "averaged over labels, beside the same literal prompts, a prompt",
        ours=_training(sample_training_mean),
        reference=_PLAIN_TRAINING,
        units=PROMPTS,
        reference_units=FEW_PROMPTS,
        ratio_at_least=100,
    ),
    Benchmark(
        "hijack error",
        "exact error by quadrature, d = 20, L = 8, a value",
        ours=partial(_errors, MODEL),
        reference=_nothing,
        units=100,
        excess_at_most=100e-6,
    ),
    Benchmark(
        "hijack error, uniform margins",
        "averaged in closed form, d = 20, L = 8, a value",
        ours=partial(_errors, replace(MODEL, margin=Uniform(1.0))),
        reference=_nothing,
        units=100,
        excess_at_most=100e-6,
    ),
    Benchmark(
        "hijack error, half-normal margins",
        "a second quadrature inside, d = 20, L = 8, a value",
        ours=partial(_errors, replace(MODEL, margin=HalfNormal(1.0))),
        reference=_nothing,
        units=100,
        excess_at_most=100e-6,
    ),
    Benchmark(
        "hijack error, random prior",
        "the paper's normalised Gaussian prior and its step size, d = 20, L = 3, a value",
        ours=partial(_errors, Hijack(1, 20, 3, 0.00026, 0.794, NormalisedGaussian(0.1), Fixed(0.1))),
        reference=_nothing,
        units=100,
        excess_at_most=100e-6,
    ),
    Benchmark(
        "half-error hijackers",
        "N50 with exact optimal steps for L = 1, ..., 24",
        ours=_half_errors,
        reference=_nothing,
        rounds=3,
        excess_at_most=20.0,
    ),
)
