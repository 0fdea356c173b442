"""Spiked matrices, the largest eigenvalue of Gaussian matrices, balls in bins: R1-R3, R7 of docs/papers/cnn_rank.md."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from lemmata.models import DomainError
from tests.profiles import share
from theory.numerics.gaussian_orthogonal import goe_top_mean
from theory.numerics.huberised_relu import huberised_relu, huberised_relu_slope
from theory.numerics.log_linear import log_linear_root
from theory.numerics.max_load import MANY, max_load_cdf, max_load_law
from theory.numerics.spiked_matrices import (
    TRACY_WIDOM_MEAN,
    added_spike,
    added_spikes,
    hard_edge,
    mean_edge,
    planted_spike,
    planted_spikes,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cnn_rank.json").read_text())
sizes = st.integers(1, 2000)
variances = st.floats(1e-3, 10)

# ------------------------------------------------------------------ edges and outliers


@given(sizes, sizes, variances)
def test_outliers_are_continuous_at_their_thresholds(rows: int, columns: int, v: float) -> None:
    """R3: at the threshold an outlier meets the edge, with slope zero."""
    edge = v * hard_edge(rows, columns)
    for spike, threshold in (
        (lambda t: added_spike(t, columns, rows, v), v * (columns + math.sqrt(rows * columns))),
        (lambda t: planted_spike(t, rows, columns, v), v * math.sqrt(rows * columns)),
    ):
        assert spike(threshold) == pytest.approx(edge, rel=1e-12)
        # second order beyond it: the curvature at the threshold is below edge/(threshold - pole)^2 x 4
        assert edge <= spike(threshold * (1 + 1e-7)) * (1 + 1e-12) <= edge * (1 + 1e-6)


@given(sizes, sizes, variances, st.floats(0, 1e6))
@example(5, 7, 1.0, 0.0)
def test_outliers_exceed_spike_and_edge(rows: int, columns: int, v: float, theta: float) -> None:
    """R3: the top is at least theta and, above the threshold, at least the edge; it grows with theta."""
    for top, more in (
        (added_spike(theta, columns, rows, v), added_spike(2 * theta, columns, rows, v)),
        (planted_spike(theta, rows, columns, v), planted_spike(2 * theta, rows, columns, v)),
    ):
        assert top >= max(theta, v * hard_edge(rows, columns)) * (1 - 1e-12)
        assert more >= top * (1 - 1e-12)


@given(sizes, sizes, variances)
def test_the_mean_edge_lies_below_the_hard_one(rows: int, columns: int, v: float) -> None:
    """R2: the Tracy-Widom mean is negative, and the corrected edge symmetric in rows and columns."""
    assert 0 < mean_edge(rows, columns) < hard_edge(rows, columns)
    assert mean_edge(rows, columns) == pytest.approx(mean_edge(columns, rows), rel=1e-14)
    assert max(rows, columns) <= mean_edge(rows, columns)


@pytest.mark.parametrize(
    ("noise", "top"), [(0.05, (25.696, 0.009)), (0.1, (28.321, 0.025)), (0.13, (31.608, 0.072))]
)
def test_split_spikes_have_sampled_tops(noise: float, top: tuple[float, float]) -> None:
    """R3: eight equal spikes of 25 in 200 x 500 noise: sampled means, within four standard errors."""
    mean, error = top
    assert abs(added_spikes(25.0, 8, 500, 200, noise**2) - mean) < 4 * error


def test_without_noise_a_spike_is_itself() -> None:
    assert added_spikes(3.0, 4, 10, 20, 0.0) == planted_spikes(3.0, 4, 10, 20, 0.0) == 3.0


# ------------------------------------------------------------------ the Gaussian orthogonal ensemble


def test_largest_eigenvalues_of_small_matrices() -> None:
    """Size 1: mean 0. Size 2: sqrt(pi/2), half the mean of |gap|. Size 3: from the density, by summing."""
    assert goe_top_mean(1) == pytest.approx(0.0, abs=1e-12)
    assert goe_top_mean(2) == pytest.approx(math.sqrt(math.pi / 2), rel=1e-12)
    assert goe_top_mean(3) == pytest.approx(_three(), rel=1e-3)


def _three() -> float:
    """E max of three eigenvalues by summing their joint density on a grid."""
    x = np.linspace(-8, 8, 121)
    a, b, c = np.meshgrid(x, x, x, indexing="ij")
    weight = np.abs((a - b) * (b - c) * (a - c)) * np.exp(-(a * a + b * b + c * c) / 4)
    top = np.maximum(np.maximum(a, b), c)
    return float((weight * top).sum() / weight.sum())


def test_largest_eigenvalues_approach_the_edge() -> None:
    """2 sqrt(r - 1/2) + r^(-1/6) x the Tracy-Widom mean, remainder of relative order r^(-4/3); they increase."""
    means = [goe_top_mean(r) for r in range(1, 21)]
    assert all(a < b for a, b in itertools.pairwise(means))
    for r in (20, 40):
        assert goe_top_mean(r) == pytest.approx(
            2 * math.sqrt(r - 0.5) + TRACY_WIDOM_MEAN * r ** (-1 / 6), rel=r ** (-4 / 3)
        )


@pytest.mark.parametrize("size", [0, 121])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(DomainError, match="size = "):
        goe_top_mean(size)


# ------------------------------------------------------------------ balls in bins


def exact_cdf(balls: int, bins: int, load: int) -> Fraction:
    """By rational arithmetic: K! m^-K [x^K] (sum x^i/i!)^m."""
    power = [Fraction(1)]
    series = [Fraction(1, math.factorial(i)) for i in range(load + 1)]
    for _ in range(bins):
        longer = [Fraction(0)] * min(balls + 1, len(power) + load)
        for (i, a), (j, b) in itertools.product(enumerate(power), enumerate(series)):
            if i + j < len(longer):
                longer[i + j] += a * b
        power = longer
    return (
        power[balls] * math.factorial(balls) / Fraction(bins) ** balls if len(power) > balls else Fraction(0)
    )


@given(st.integers(1, 14), st.integers(1, 14))
@settings(max_examples=share(4))
def test_the_largest_load_has_the_law_of_rational_arithmetic(balls: int, bins: int) -> None:
    """R7: P(max <= l) from Poisson weights is the coefficient in exact arithmetic, relative error 1e-12."""
    for load in range(1, balls + 1):
        assert max_load_cdf(balls, bins, load) == pytest.approx(
            float(exact_cdf(balls, bins, load)), rel=1e-12
        )


@given(st.integers(1, 300), st.integers(1, 60))
@settings(max_examples=share(4))
def test_loads_have_probabilities(balls: int, bins: int) -> None:
    """R1: probabilities sum to one and vanish below balls/bins."""
    law = max_load_law(balls, bins)
    assert law.sum() == pytest.approx(1.0, abs=1e-9)
    assert law.min() >= 0
    assert not law[: math.ceil(balls / bins) - 1].any()


@pytest.mark.parametrize("bins", [1, 2, 7, 45, 900])
def test_loads_of_many_balls_have_the_same_law(bins: int) -> None:
    """R1: beyond 2,000 balls the coefficient is a sum over frequencies, to an absolute error of 1e-12."""
    balls = MANY + 1
    below = np.cumsum(max_load_law(balls, bins))
    mean = balls / bins
    for deviations in (-1, 0.1, 1, 2, 3, 5, 8):
        load = min(balls, max(1, round(mean + deviations * mean**0.5)))
        assert below[load - 1] == pytest.approx(max_load_cdf(balls, bins, load), abs=5e-12)


def test_the_larger_of_two_loads_is_binomial() -> None:
    """R1: P(max <= l) of 10^5 balls in two bins is P(10^5 - l <= B <= l), B binomial, to 1e-12."""
    balls = 10**5
    loads = np.arange(balls // 2, balls // 2 + 1000)
    below = np.cumsum(max_load_law(balls, 2))[loads - 1]
    exact = stats.binom.cdf(loads, balls, 0.5) - stats.binom.cdf(balls - loads - 1, balls, 0.5)
    np.testing.assert_allclose(below, exact, rtol=0, atol=1e-12)


# ------------------------------------------------------------------ activation, margins of the logistic loss

orders = st.floats(2, 8)
knees = st.floats(0.01, 50)


@given(st.floats(-100, 100), orders, knees)
@example(1.0, 3.0, 1.0)
def test_the_activation_lies_between_its_bounds(z: float, order: float, knee: float) -> None:
    """relu(z) - (1 - 1/q) kappa <= act(z) <= relu(z); act_kappa(z) = kappa act_1(z/kappa); its slope lies in [0, 1]."""
    value, relu = float(huberised_relu(z, order, knee)), max(z, 0.0)
    assert relu - (1 - 1 / order) * knee - 1e-12 * knee <= value <= relu + 1e-12 * (relu + knee)
    assert value == pytest.approx(knee * float(huberised_relu(z / knee, order, 1.0)), rel=1e-12, abs=1e-300)
    assert 0 <= float(huberised_relu_slope(z, order, knee)) <= 1


@given(st.floats(-5, 5), st.floats(1e-3, 3), orders, knees)
def test_the_activation_is_convex_and_its_slope_is_one(
    z: float, gap: float, order: float, knee: float
) -> None:
    """Convex and once differentiable: chords lie between the slopes at their ends."""
    rise = float(huberised_relu(z + gap, order, knee) - huberised_relu(z, order, knee)) / gap
    low, high = huberised_relu_slope([z, z + gap], order, knee)
    assert low - 1e-10 <= rise <= high + 1e-10


def test_log_linear_roots_have_their_values() -> None:
    """F + e^F = b, from mpmath's Lambert function."""
    for text, value in GOLDEN["root"].items():
        assert float(log_linear_root(float(text))) == pytest.approx(float(value), rel=3e-15, abs=3e-16)


@given(st.floats(-1e300, 1e300))
def test_log_linear_roots_solve_their_equation(b: float) -> None:
    """F + e^F = b within rounding of the larger term."""
    root = float(log_linear_root(b))
    assert root + math.exp(min(root, 709.0)) == pytest.approx(b, rel=1e-12 * max(1.0, abs(root)), abs=1e-15)
