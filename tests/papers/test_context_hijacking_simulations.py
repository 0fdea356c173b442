"""Simulations of prompts: kernels beside loops, reductions beside literal runs, and the laboratory's promises."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from lemmata.chunks import Batch
from lemmata.laboratory import Laboratory
from lemmata.models import DomainError
from simulations.context_hijacking import (
    CLEAN_ACCURACY,
    HIJACK,
    SAMPLERS,
    sample_clean_accuracy,
    sample_clean_accuracy_literal,
    sample_equivalence,
    sample_hijack,
    sample_hijack_descent,
    sample_hijack_transformer,
    sample_mixed_context,
    sample_training,
    sample_training_chain,
    sample_training_literal,
    sample_training_mean,
)
from simulations.context_hijacking.hijacking import (
    _cells,  # pyright: ignore[reportPrivateUsage]
    _mark_wrong,  # pyright: ignore[reportPrivateUsage]
    draw_queries,
)
from simulations.context_hijacking.tasks import draw_tasks
from tests.naive import context_hijacking_samplers as naive
from tests.profiles import share
from tests.strategies import context_hijacking as strategies
from tests.strategies.context_hijacking_samples import ALPHA, assert_mean, axes_of, streams, training_axes
from theory.context_hijacking import (
    CleanContext,
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    MixedContext,
    NormalisedGaussian,
    PerDepth,
    PerLayer,
    RandomLayers,
    Training,
    Tuning,
    Uniform,
    VonMisesFisher,
    clean_accuracy,
    hijack_error,
    hijack_error_limit,
    mixed_context_deviation,
    mixed_context_margin,
    optimal_step_size,
)


def hijack_axes(model: Any) -> dict[str, Any]:
    return axes_of(model, "hijackers", "depth", "step_size")


def assert_share(truths: Any, expected: float, tests: int) -> None:
    """The share of true values is the expected probability: exact binomial test."""
    assert stats.binomtest(int(truths.sum()), truths.size, expected).pvalue > ALPHA / tests


# ------------------------------------------------------------------ R7: hijacked prompts


@given(
    strategies.hijacks(largest_dimension=6, most_hijackers=8).filter(lambda m: m.depth <= 4),
    st.integers(0, 2**32),
)
@settings(max_examples=share(2))
def test_p17_the_kernel_marks_what_descent_on_the_prompt_gets_wrong(model: Hijack, seed: int) -> None:
    """P17: margin = s c rho - 1 + kappa (1 + c sqrt(1-rho^2) g) is y_q <w_L, x_q>, query by query."""
    alignment, square = np.empty((2, 5))
    draw_queries(*streams(seed), model.dimension, alignment, square)
    assert (square >= alignment**2).all()
    rho, margin = model.prior.correlation, model.margin.size  # type: ignore[union-attr]
    rates, powers = _cells(model, **hijack_axes(model))
    wrong = np.empty((1, 5), dtype=np.bool_)
    tilt = model.initial_scale * math.sqrt(1 - rho**2)
    lift = np.full(5, model.initial_scale * margin * rho - 1)
    _mark_wrong(lift, tilt * alignment, square, rates, powers, wrong)
    for i in range(5):
        vectors = naive.query_vectors(alignment[i], square[i], rho, model.dimension)
        kappa = math.prod(1 - step * model.hijackers * square[i] for step in model.step_sizes)
        if abs(lift[i] + kappa * (1 + tilt * alignment[i])) > 1e-9 * (
            1 + abs(kappa)
        ):  # else rounding decides
            expected = naive.is_hijacked(
                *vectors, margin, model.initial_scale, model.hijackers, model.step_sizes
            )
            assert wrong[0, i] == expected


HIJACKS = (
    Hijack(5, 10, 1, 0.01, 0.8, Cone(0.9), Fixed(0.3)),
    Hijack(20, 20, 4, 0.005, 0.7, Cone(0.8), Fixed(0.5)),
    Hijack(60, 20, 4, 0.004, 0.7, Cone(0.9), Fixed(0.2)),  # beyond overshoot
    Hijack(60, 20, 3, 0.004, 0.7, Cone(0.9), Fixed(0.2)),
    Hijack(3, 2, 2, 0.2, 0.9, Cone(0.5), Fixed(0.4)),
    Hijack(3, 3, 2, 1.0, 1.3, Cone(0.5), Fixed(0.4), PerLayer((0.1, 0.3))),
    Hijack(10, 20, 3, 0.0008, 0.8, NormalisedGaussian(0.2), Uniform(2.0)),
    Hijack(10, 20, 3, 0.001, 0.8, VonMisesFisher(40.0), HalfNormal(0.5)),
    Hijack(10, 2, 3, 0.01, 0.8, VonMisesFisher(3.0), HalfNormal(0.5)),
    Hijack(0, 5, 2, 0.01, 0.8, VonMisesFisher(0.0), Uniform(0.5)),
)


@pytest.mark.parametrize("model", HIJACKS, ids=lambda m: m.digest()[:6])
def test_r7_the_reduced_sampler_has_the_exact_error(model: Hijack) -> None:
    """R7: two numbers a query give the quadrature's probability, for every prior, margin, schedule and dimension."""
    error = sample_hijack(model, np.random.default_rng(11), 2**17, **hijack_axes(model))["error"]
    assert_share(error, hijack_error(model), len(HIJACKS))


@pytest.mark.parametrize("model", HIJACKS, ids=lambda m: m.digest()[:6])
def test_r7_literal_prompts_have_the_exact_error(model: Hijack) -> None:
    """R7: gradient descent on drawn prompts; and R1: the transformer's layers give the same answers."""
    trials = 4000 if model.hijackers < 60 else 1000
    error = sample_hijack_descent(model, np.random.default_rng(12), trials, **hijack_axes(model))["error"]
    assert_share(error, hijack_error(model), len(HIJACKS))
    descended, transformed = [
        sampler(model, np.random.default_rng(13), 100, **hijack_axes(model))["error"]
        for sampler in (sample_hijack_descent, sample_hijack_transformer)
    ]
    assert np.array_equal(descended, transformed)


@pytest.mark.parametrize("sampler", [sample_hijack, sample_hijack_descent])
def test_one_draw_of_queries_serves_all_hijackers_depths_and_steps(sampler: Any) -> None:
    """Every cell of a table of free axes is what it is alone."""
    steps = PerDepth((1, 2, 5), (1.0, 0.6, 0.3))
    model = Hijack(3, 6, 2, 0.01, 0.8, Cone(0.8), Uniform(1.0), steps)
    axes = {
        "hijackers": np.array([0, 4, 9]),
        "depth": np.array([1, 2, 5]),
        "step_size": np.array([0.01, 0.1]),
    }
    table = sampler(model, np.random.default_rng(5), 200, **axes)["error"]
    assert table.shape == (200, 3, 3, 2)
    for i, j, k in np.ndindex(3, 3, 2):
        cell = {name: axes[name][[index]] for name, index in zip(axes, (i, j, k), strict=True)}
        alone = sampler(model, np.random.default_rng(5), 200, **cell)["error"]
        assert np.array_equal(alone[:, 0, 0, 0], table[:, i, j, k])


def test_draws_of_queries_are_paired_over_every_parameter() -> None:
    """In paired runs the alignments are the same for every dimension, and the error rises in N query by query (P10)."""
    alignments = []
    for dimension in (2, 3, 20):
        alignment, square = np.empty((2, 500))
        draw_queries(*streams(1), dimension, alignment, square)
        alignments.append(alignment)
        assert (square == alignment**2).all() == (dimension == 2)
    assert np.array_equal(alignments[0], alignments[1])
    assert np.array_equal(alignments[0], alignments[2])
    model = Hijack(1, 10, 4, 1e-3, 0.7, Cone(0.9), Fixed(0.4))
    counts: Any = np.arange(0, 20)
    axes = hijack_axes(model) | {"hijackers": counts}
    error = sample_hijack(model, np.random.default_rng(2), 2000, **axes)["error"][:, :, 0, 0]
    assert (error[:, 1:] >= error[:, :-1]).all()


@pytest.mark.parametrize(
    ("examples", "dimension", "rho", "size", "hijackers", "deeper_is_worse"),
    [(1000, 10, 0.9, 0.5, 32, True), (40, 20, 0.995, 0.2, 16, False)],
)
def test_c12_depth_reverses_on_literal_prompts(
    examples: int, dimension: int, rho: float, size: float, hijackers: int, deeper_is_worse: bool
) -> None:
    """R12: with the best steps eight layers do worse than one in the theorem's regime, better in the experiments'.

    McNemar's test on common prompts; each depth also has its exact error.
    """
    best = [optimal_step_size(Tuning(examples, dimension, depth, Cone(rho))) for depth in (1, 8)]
    model = Hijack(
        hijackers, dimension, 1, 1.0, naive.TAU * rho, Cone(rho), Fixed(size), PerDepth((1, 8), tuple(best))
    )
    axes = hijack_axes(model) | {"depth": np.array([1, 8])}
    error = sample_hijack_descent(model, np.random.default_rng(21), 20_000, **axes)["error"][:, 0, :, 0]
    for j, depth in enumerate((1, 8)):
        assert_share(error[:, j], hijack_error(replace(model, depth=depth)), 2)
    only_deep, only_shallow = (error[:, 1] & ~error[:, 0]).sum(), (error[:, 0] & ~error[:, 1]).sum()
    worse, better = (only_deep, only_shallow) if deeper_is_worse else (only_shallow, only_deep)
    assert stats.binomtest(int(worse), int(worse + better), 0.5, alternative="greater").pvalue < ALPHA


# ------------------------------------------------------------------ R1: the equivalence


@given(
    st.integers(1, 12),
    st.integers(2, 8),
    st.integers(1, 6),
    st.sampled_from(["general", "symmetric"]),
    st.integers(0, 2**32),
)
@settings(max_examples=share(4))
def test_r1_the_transformer_is_descent_with_transposed_preconditioners(
    examples: int, dimension: int, depth: int, kind: str, seed: int
) -> None:
    """R1: any n, d, L, Gamma_l and w_0; relative to the path's longest w, a few roundings a layer."""
    step = 0.5 / (examples + dimension)
    outputs = sample_equivalence(
        RandomLayers(examples, dimension, depth, step, kind), np.random.default_rng(seed), 4
    )
    assert (outputs["difference"] < 1e-12).all()
    assert (outputs["untransposed"] < 1e-12).all() or kind == "general"


def test_r1_without_the_transpose_the_answers_differ() -> None:
    """R1: the published form, Gamma_l in place of its transpose, is far off for general preconditioners."""
    outputs = sample_equivalence(RandomLayers(7, 4, 3, 0.05), np.random.default_rng(1), 200)
    assert np.median(outputs["untransposed"]) > 1e-2


# ------------------------------------------------------------------ R15, R16: test prompts with clean examples


@pytest.mark.parametrize(
    ("model", "bias"),
    [
        (CleanContext(160, 20, 4, 0.000212, naive.TAU * 0.995, Cone(0.995)), 1e-3),
        (CleanContext(160, 20, 4, 0.001706, naive.TAU * 0.95, Cone(0.95)), 1e-3),
        (CleanContext(400, 20, 4, 0.00108, naive.TAU * 0.9, Cone(0.9)), 1e-3),
        (CleanContext(0, 20, 4, 0.00108, 0.7, Cone(0.9)), 1e-12),
    ],
)
def test_r16_accuracy_is_the_closed_form_to_first_order(model: CleanContext, bias: float) -> None:
    """R16: to 1e-3, the order of (d/n')^2, and exactly without examples (P8)."""
    accuracy = sample_clean_accuracy(
        model, np.random.default_rng(41), 5000, **axes_of(model, "depth", "step_size")
    )["accuracy"]
    assert abs(accuracy.mean() - clean_accuracy(model)) < bias + 5 * accuracy.std() / math.sqrt(5000)


@pytest.mark.parametrize("examples", [0, 1, 2, 3, 20])
def test_the_reduced_accuracy_is_that_of_literal_contexts(examples: int) -> None:
    """Clean contexts of few examples, where the first order is no guide: literal answers to drawn queries."""
    model = CleanContext(examples, 4, 3, 0.05, 0.7, Cone(0.6))
    axes = axes_of(model, "depth", "step_size")
    reduced = sample_clean_accuracy(model, np.random.default_rng(42), 20_000, **axes)["accuracy"]
    literal = sample_clean_accuracy_literal(model, np.random.default_rng(43), 20_000, **axes)["accuracy"]
    assert_mean(reduced - literal, 0.0, 5)


def test_r15_margins_of_mixed_contexts_are_those_of_literal_ones() -> None:
    """Ten clean examples and three hijackers, drawn in full: a two-sample Kolmogorov-Smirnov test."""
    model = MixedContext(10, 3, 4, 3, 0.03, 0.7, Cone(0.8), Fixed(0.5))
    reduced = sample_mixed_context(model, np.random.default_rng(44), 3000, **hijack_axes(model))
    rng = np.random.default_rng(45)
    axis, tasks = draw_tasks(model.prior, rng, 4, 3000)
    literal = []
    for task in tasks:
        clean = rng.standard_normal((10, 4))
        across = rng.standard_normal(4)
        across -= (across @ task) * task
        examples = np.vstack([clean, *[across] * 3])
        labels = np.append(np.sign(clean @ task), [-1.0] * 3)
        w = naive.gradient_descent(examples, labels, [0.03 * np.eye(4)] * 3, 0.7 * axis)
        literal.append(float(w @ (across + 0.5 * task)))
    assert stats.ks_2samp(reduced["margin"].ravel(), literal).pvalue > ALPHA
    assert np.array_equal(reduced["error"], reduced["margin"] < 0)


def test_r15_mean_and_deviation_to_first_order() -> None:
    """R15: n' = 2000, d = 20: mean within .7 %, standard deviation within 2.5 %, beside five standard errors."""
    model = MixedContext(2000, 20, 20, 2, 0.5 / 2000, 0.7, Cone(0.9), Fixed(0.6))
    margin = sample_mixed_context(model, np.random.default_rng(46), 4000, **hijack_axes(model))["margin"]
    error = 5 / math.sqrt(4000)
    mean = mixed_context_margin(model)
    assert abs(margin.mean() - mean) < 0.007 * mean + error * float(margin.std())
    assert margin.std() == pytest.approx(mixed_context_deviation(model), rel=0.025 + error / math.sqrt(2))


# ------------------------------------------------------------------ in the laboratory


def test_samplers_run_in_the_laboratory() -> None:
    """Truth values and moved axes pass through chunks and tables; the same seed gives the same numbers."""
    model = Hijack(8, 10, 2, 0.001, 0.7, Cone(0.9), Fixed(0.4))
    axes = {"hijackers": [0, 8, 32], "depth": [1, 4]}
    lab = Laboratory(seed=1)
    table = lab.sweep(HIJACK["error"], [model], 10_000, axes=axes, predict=hijack_error)
    simulated = table[table["kind"] == "simulation"]
    exact = [hijack_error(replace(model, hijackers=int(n), depth=int(k))) for n in (0, 8, 32) for k in (1, 4)]
    assert table[table["kind"] == "theory"]["value"].tolist() == pytest.approx(exact)
    z = (simulated["value"].to_numpy() - exact) / simulated["se"].to_numpy()
    assert (np.abs(z) < special.ndtri(1 - ALPHA / 12)).all()
    again = Laboratory(seed=1).estimate(HIJACK["error"], model, 10_000, axes=axes)
    assert np.array_equal(np.ravel(again.mean), simulated["value"])
    accuracy = lab.estimate(CLEAN_ACCURACY["accuracy"], CleanContext(5, 4, 2, 0.05, 0.7, Cone(0.8)), 100)
    assert 0.5 < float(accuracy.mean) < 1


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)
def test_no_chunk_is_without_end(sampler: Any) -> None:
    """Declared work grows with the model, so that chunks shrink, but not with a free axis, which no stream knows."""
    small: dict[str, Any] = {
        "Hijack": Hijack(4, 5, 2, 0.01, 0.7, Cone(0.9), Fixed(0.4)),
        "Training": Training(5, 4, 2, 0.05, 0.7, Cone(0.8)),
        "CleanContext": CleanContext(5, 4, 2, 0.05, 0.7, Cone(0.8)),
        "MixedContext": MixedContext(5, 4, 4, 2, 0.05, 0.7, Cone(0.8), Fixed(0.4)),
        "Tuning": Tuning(5, 4, 2, Cone(0.8)),
        "RandomLayers": RandomLayers(5, 4, 2, 0.05),
    }
    kind = sampler.function.__annotations__["model"]
    model = small[kind]
    deeper = replace(model, depth=64)
    if "depth" in sampler.axes:
        others = {"depth": 64, "hijackers": 50} if "hijackers" in sampler.axes else {"depth": 64}
        assert 0 < sampler.work(model) == sampler.work(replace(model, **others))
        deeper = replace(model, dimension=64)
    if sampler.name not in ("sample_hijack", "sample_training_chain"):  # whatever the dimension
        assert 0 < sampler.work(model) < sampler.work(deeper)
    assert Batch(sampler, deeper).trials <= Batch(sampler, model).trials


def test_schedules_of_another_length_are_refused() -> None:
    model = Hijack(3, 3, 2, 1.0, 1.3, Cone(0.5), Fixed(0.4), PerLayer((0.1, 0.3)))
    axes = hijack_axes(model) | {"depth": np.array([3])}
    with pytest.raises(DomainError, match="a list of length depth = 3"):
        sample_hijack(model, np.random.default_rng(0), 10, **axes)


DIVERGENT = Training(9, 4, 60, 1e4, 0.7, Cone(0.8))


@pytest.mark.parametrize(
    "sampler", [sample_training, sample_training_mean, sample_training_chain, sample_training_literal]
)
def test_steps_that_diverge_beyond_floats_are_refused(sampler: Any) -> None:
    """No NaN is passed on, and none is counted as a right answer."""
    with pytest.raises(DomainError, match="step_size = 10000"):
        sampler(DIVERGENT, np.random.default_rng(0), 4, **training_axes(DIVERGENT))


def test_answers_that_diverge_beyond_floats_are_refused() -> None:
    hijack = Hijack(9, 4, 200, 1e4, 0.7, Cone(0.8), Fixed(0.4))
    for sampler in (sample_hijack_descent, sample_hijack_transformer):
        with pytest.raises(DomainError, match="step_size = 10000"):
            sampler(hijack, np.random.default_rng(0), 4, **hijack_axes(hijack))
    clean = CleanContext(9, 4, 200, 1e4, 0.7, Cone(0.8))
    for sampler in (sample_clean_accuracy, sample_clean_accuracy_literal):
        with pytest.raises(DomainError, match="step_size = 10000"):
            sampler(clean, np.random.default_rng(0), 4, **axes_of(clean, "depth", "step_size"))
    mixed = MixedContext(9, 4, 4, 200, 1e4, 0.7, Cone(0.8), Fixed(0.4))
    with pytest.raises(DomainError, match="step_size = 10000"):
        sample_mixed_context(mixed, np.random.default_rng(0), 4, **hijack_axes(mixed))


@pytest.mark.parametrize("depth", [199, 200])
def test_the_reduced_sampler_knows_the_sign_of_a_contraction_beyond_floats(depth: int) -> None:
    """R13: kappa = +-inf has the sign of the depth's parity; the limit is exact there."""
    model = Hijack(9, 4, depth, 1e4, 0.7, Cone(0.8), Fixed(0.4))
    error = sample_hijack(model, np.random.default_rng(71), 2**15, **hijack_axes(model))["error"]
    assert_share(error, hijack_error_limit(model), 2)
