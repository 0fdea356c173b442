"""Simulations of training prompts and of transformers that are trained, and the numbers they draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simulations.context_hijacking import (
    sample_trained,
    sample_training,
    sample_training_chain,
    sample_training_literal,
    sample_training_mean,
)
from simulations.context_hijacking.chain import _entries  # pyright: ignore[reportPrivateUsage]
from simulations.context_hijacking.prompts import (
    PRODUCTS,
    descend_channels,
    draw_factors,
    draw_label_projections,
    rows_of,
)
from simulations.context_hijacking.tasks import draw_tasks, label_moments
from simulations.context_hijacking.trained import excess_gradient
from simulations.sampling.chi_strips import fill_chi_squared_strip
from simulations.sampling.directions import projected_normal_cosines, von_mises_fisher_cosines
from tests.naive import context_hijacking_samplers as naive
from tests.profiles import share
from tests.strategies.context_hijacking_samples import ALPHA, assert_mean, streams, training_axes
from theory.context_hijacking import (
    Cone,
    NormalisedGaussian,
    PerLayer,
    Training,
    Tuning,
    VonMisesFisher,
    excess_training_risk,
    optimal_excess_risk,
)
from theory.numerics import directions

# ------------------------------------------------------------------ R3: training prompts


@given(st.integers(1, 8), st.integers(2, 6), st.floats(-1, 1), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_the_kernel_of_descent_solves_each_prompt_as_defined(
    examples: int, dimension: int, correlation: float, seed: int
) -> None:
    """Products of the three solutions: gradient descent row by row, prompt by prompt."""
    rng = np.random.default_rng(seed)
    factors = np.empty((rows_of(examples, dimension), dimension, 18))
    draw_factors(*streams(seed), examples, factors)
    steps = rng.random(3) / (examples + dimension)
    products = np.empty((len(PRODUCTS), 18))
    descend_channels(factors, np.full(18, correlation), steps, products)
    for i in (0, 15, 16, 17):
        p, a, b = naive.solutions(factors[:, :, i], correlation, steps.tolist())
        expected = [p @ p, p @ a, p @ b, a @ a, a @ b, b @ b, p[0], a[0], b[0]]
        assert products[:, i] == pytest.approx(expected, abs=1e-11, rel=1e-10)


@pytest.mark.parametrize(("examples", "dimension"), [(1, 3), (2, 3), (3, 5), (5, 3), (12, 4)])
def test_factors_have_the_moments_of_the_examples(examples: int, dimension: int) -> None:
    """E S = n I, E S_ij^2 = n (n + 1) on the diagonal twice over, n off it: S = R^T R is Wishart."""
    n, count = examples, 20_000
    factors = np.empty((rows_of(n, dimension), dimension, count))
    draw_factors(*streams(3), n, factors)
    gram = np.einsum("rik,rjk->ijk", factors, factors)
    tests = dimension * (dimension + 1)
    for i in range(dimension):
        for j in range(i + 1):
            assert_mean(gram[i, j], n if i == j else 0.0, tests)
            assert_mean(gram[i, j] ** 2, n * (n + 2) if i == j else n, tests)


@pytest.mark.parametrize("examples", [1, 2, 9, 50])
def test_label_projections_have_their_moments(examples: int) -> None:
    """a = sum |z_i|/|z| has mean n tau / E chi_n and mean square 1 + (n - 1) 2/pi."""
    projections = np.empty(20_000)
    draw_label_projections(np.random.default_rng(4), examples, projections)
    mean, square = label_moments(examples)
    assert mean == pytest.approx(examples * naive.TAU / naive.mean_chi(examples), rel=1e-13)
    if examples == 1:
        assert (projections == 1).all()
        return
    assert_mean(projections, mean, 8)
    assert_mean(projections**2, square, 8)


TRAININGS = (
    Training(30, 10, 2, 0.02, 0.6, Cone(0.8)),
    Training(10, 4, 3, 0.05, 0.7, Cone(0.9)),
    Training(8, 12, 4, 0.03, 0.5, Cone(0.7)),
    Training(1, 5, 2, 0.1, 0.7, Cone(0.6)),
    Training(2, 5, 2, 0.1, 0.7, Cone(0.6)),
    Training(3, 2, 3, 0.1, 0.7, VonMisesFisher(2.0)),
    Training(25, 5, 3, 1.0, 0.7, Cone(0.8), PerLayer((0.01, 0.03, 0.05))),
    Training(12, 6, 2, 0.03, 0.7, NormalisedGaussian(0.5)),
)


@pytest.mark.parametrize(
    ("sampler", "trials"),
    [
        (sample_training, 20_000),
        (sample_training_mean, 20_000),
        (sample_training_chain, 20_000),
        (sample_training_literal, 5_000),
    ],
)
def test_r3_every_sampler_has_the_exact_mean(sampler: Any, trials: int) -> None:
    """R3: excess training risk of any n, d, L and schedule; n = 1, n = 2 and d > n among them."""
    for model in TRAININGS:
        excess = sampler(model, np.random.default_rng(31), trials, **training_axes(model))["excess"]
        assert_mean(excess, excess_training_risk(model), 4 * len(TRAININGS))


def test_r3_the_chain_serves_any_size() -> None:
    """R3: a million examples in a hundred thousand dimensions."""
    model = Training(10**6, 10**5, 4, 4e-7, 0.7, Cone(0.9))
    excess = sample_training_chain(model, np.random.default_rng(32), 2000, **training_axes(model))["excess"]
    assert_mean(excess, excess_training_risk(model), 1)


@pytest.mark.parametrize("model", TRAININGS[:5], ids=lambda m: f"{m.examples},{m.dimension}")
def test_the_reduced_sampler_has_the_law_of_literal_prompts(model: Training) -> None:
    """Not the mean alone: a two-sample Kolmogorov-Smirnov test of the excess."""
    reduced, literal = [
        sampler(model, np.random.default_rng(33), 4000, **training_axes(model))["excess"].ravel()
        for sampler in (sample_training, sample_training_literal)
    ]
    assert stats.ks_2samp(reduced, literal).pvalue > ALPHA / 5


def test_averaging_over_labels_adds_no_variance() -> None:
    """Rao-Blackwell: the conditional mean varies no more than the excess itself."""
    for model in TRAININGS:
        exact, mean = (
            sampler(model, np.random.default_rng(34), 20_000, **training_axes(model))["excess"].std()
            for sampler in (sample_training, sample_training_mean)
        )
        assert mean <= 1.03 * exact  # 20000 draws know a standard deviation to about 1 %


def test_r3_the_literal_answers_exceed_the_excess_by_the_labels_noise() -> None:
    """E (answer - y_q)^2 = excess + 1 - 2/pi (Lemma E.1)."""
    model = TRAININGS[0]
    outputs = sample_training_literal(model, np.random.default_rng(35), 20_000, **training_axes(model))
    assert_mean(outputs["squared_error"] - outputs["excess"], 1 - 2 / math.pi, 1)


@given(st.integers(1, 12), st.integers(2, 12), st.integers(1, 5), st.floats(-1, 1), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_the_chain_is_its_dense_matrix(
    examples: int, dimension: int, depth: int, correlation: float, seed: int
) -> None:
    """Sampler D, draw by draw: filters of the bidiagonal chain by eigenvalues of the dense matrix."""
    values = np.random.default_rng(seed).random(depth).tolist()
    step = 1 / (examples + dimension)
    model = Training(
        examples, dimension, depth, step, 0.7, Cone(max(abs(correlation), 0.01)), PerLayer(tuple(values))
    )
    drawn = sample_training_chain(model, np.random.default_rng(seed), 3, **training_axes(model))["excess"]
    _, *streams = np.random.default_rng(seed).spawn(3)
    diagonal = _entries(streams[0], examples, depth, 3)
    superdiagonal = _entries(streams[1], dimension - 1, depth, 3)
    parameters = (examples, dimension, model.prior.correlation, 0.7, model.step_sizes)  # type: ignore[union-attr]
    for i in range(3):
        expected = naive.excess_of_chain(diagonal[:, i], superdiagonal[:, i], parameters)
        assert drawn[i, 0, 0, 0] == pytest.approx(expected, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(
    "sampler", [sample_training, sample_training_mean, sample_training_chain, sample_training_literal]
)
def test_one_draw_of_prompts_serves_all_depths_steps_and_scales(sampler: Any) -> None:
    """Every cell of a table of free axes is what it is alone."""
    model = Training(6, 4, 2, 0.05, 0.7, Cone(0.8))
    axes = {
        "depth": np.array([1, 4]),
        "step_size": np.array([0.01, 0.1]),
        "initial_scale": np.array([0.0, 0.5]),
    }
    table = sampler(model, np.random.default_rng(6), 40, **axes)["excess"]
    assert table.shape == (40, 2, 2, 2)
    for i, j, k in np.ndindex(2, 2, 2):
        cell = {name: axes[name][[index]] for name, index in zip(axes, (i, j, k), strict=True)}
        alone = sampler(model, np.random.default_rng(6), 40, **cell)["excess"]
        assert alone[:, 0, 0, 0] == pytest.approx(table[:, i, j, k], rel=1e-12, abs=1e-14)


# ------------------------------------------------------------------ numbers and directions


@pytest.mark.parametrize("freedom", [1.0, 2.0, 3.0, 18.0, 1000.0])
def test_chi_squared_strips_have_their_law(freedom: float) -> None:
    """Kolmogorov-Smirnov test of the law; and the first stream advances alike whatever the freedom."""
    draws, redraws = streams(55)
    out, room = np.empty((2, 50_000))
    fill_chi_squared_strip(draws, redraws, freedom, out, room)
    assert stats.kstest(out, stats.chi2(freedom).cdf).pvalue > ALPHA / 5
    same, _ = streams(55)
    fill_chi_squared_strip(same, np.random.default_rng(0), 7.0, room, out)
    assert draws.bit_generator.state == same.bit_generator.state


@pytest.mark.parametrize("dimension", [2, 3, 20])
@pytest.mark.parametrize("size", [0.0, 0.5, 30.0])
def test_directions_have_their_laws(dimension: int, size: float) -> None:
    """Moments of the cosine: those of the quadrature nodes for von Mises-Fisher and for normal vectors with a mean."""
    pairs = (
        (von_mises_fisher_cosines, directions.von_mises_fisher_nodes),
        (projected_normal_cosines, directions.projected_normal_nodes),
    )
    for draw, quadrature in pairs:
        cosines = draw(np.random.default_rng(51), dimension, size, 20_000)
        assert (np.abs(cosines) <= 1).all()
        nodes, weights = quadrature(dimension, size)
        for power in (1, 2, 3):
            assert_mean(cosines**power, float(weights @ nodes**power), 9 * 2 * 3)


@pytest.mark.parametrize("prior", [Cone(0.7), NormalisedGaussian(0.5), VonMisesFisher(4.0)], ids=str)
def test_literal_tasks_are_unit_vectors_about_the_axis(prior: Any) -> None:
    """|w*| = 1 and E w* = E[rho] beta*, coordinate by coordinate."""
    axis, tasks = draw_tasks(prior, np.random.default_rng(52), 5, 20_000)
    assert np.linalg.norm(tasks, axis=1) == pytest.approx(1)
    for coordinate in range(5):
        assert_mean(tasks[:, coordinate], prior.mean_correlation(5) * axis[coordinate], 15)


# ------------------------------------------------------------------ transformers that are trained


def test_gradients_of_training_are_those_of_the_risk() -> None:
    """Backpropagation against central differences of the risk, prompt by prompt."""
    rng = np.random.default_rng(61)
    axis, tasks = draw_tasks(Cone(0.8), rng, 3, 4)
    examples = rng.standard_normal((4, 6, 3))
    grams = examples.transpose(0, 2, 1) @ examples / 6
    targets = examples.transpose(0, 2, 1) @ np.sign(examples @ tasks[..., None]) / 6
    parameters = np.array([0.3, 0.5, 0.2, 0.6])
    gradient = excess_gradient(grams, targets, tasks, axis, parameters)
    for k, shift in enumerate(1e-5 * np.eye(4)):
        high, low = (
            naive.risk_of_parameters(
                grams, targets[..., 0], tasks, axis, (parameters + sign * shift).tolist()
            )
            for sign in (1, -1)
        )
        assert gradient[k] == pytest.approx((high - low) / 2e-5, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_training_by_gradients_reaches_the_exact_optimum(depth: int) -> None:
    """R5: free steps and scale, trained on prompts, end in equal layers whose exact risk is the least to 1e-3.

    That is what the last updates' noise leaves (quadratic in it), and a fiftieth of what a second layer gains.
    """
    model = Tuning(20, 5, depth, Cone(0.9), "joint")
    found = {
        name: float(value[0]) for name, value in sample_trained(model, np.random.default_rng(62), 1).items()
    }
    best = optimal_excess_risk(model)
    trained = Training(20, 5, depth, found["step_size"], found["initial_scale"], model.prior)
    assert best * (1 - 1e-12) <= excess_training_risk(trained) <= best * (1 + 1e-3)
    assert found["spread"] < 0.01
    held_out = sample_training_mean(trained, np.random.default_rng(63), 4096, **training_axes(trained))
    error = float(held_out["excess"].std()) / math.sqrt(4096)
    assert abs(found["excess"] - excess_training_risk(trained)) < 5 * error
