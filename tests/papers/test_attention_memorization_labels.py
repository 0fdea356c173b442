"""Averages over labels (R5) and linear attention by its chain (R9 of docs/papers/attention_memorization.md)."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from lemmata.statistics import Array
from simulations.attention_memorization import sample_attention, sample_label_average, sample_linear_chain
from simulations.attention_memorization.label_average import (
    bessel_ratio,
    independent_average,
    spherical_average,
)
from simulations.attention_memorization.linear_chain import spectrum
from simulations.attention_memorization.probe import probe_errors
from tests.naive import attention_layer as naive
from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import attention_layer as strategies
from tests.strategies.attention_layer import GENERAL, Case, matrix_of, slack_of
from tests.strategies.attention_memorization import log_uniform
from theory.attention_memorization import Aligned, Attention, Gram, Independent, Spherical, Strong
from theory.numerics.activations import Linear, Tanh

pytestmark = pytest.mark.usefixtures("one_thread")

# ------------------------------------------------------------------ R5: the average over labels


def left_form(features: Array, ridge: float) -> Array:
    """h = gamma^2 Q^2 as a dense matrix."""
    n = features.shape[1]
    resolvent = ridge * np.linalg.inv(features.T @ features / n + ridge * np.eye(n))
    return resolvent @ resolvent


@given(strategies.cases(most=7, low=-4), st.floats(0, 2))
@settings(max_examples=share(4))
def test_r5_the_average_over_independent_labels_is_the_enumerated_one(case: Case, strength: float) -> None:
    """R5: E[E | X] = (1/n)[sum h_ii (1 - tanh(s_i)^2) + tanh(s)^T h tanh(s)], by all 2^n label vectors."""
    features = case.tokens @ matrix_of(case)
    revealed = strength * case.direction @ case.tokens
    labels = np.copysign(1.0, case.labels)
    drawn, averaged = independent_average(features, labels, revealed, np.array([case.ridge]))
    form, slack = left_form(features, case.ridge), slack_of(case)
    assert abs(averaged[0] - naive.average_over_labels(form, revealed)) <= slack
    assert abs(drawn[0] - labels @ form @ labels / len(labels)) <= slack


@given(st.sampled_from([2, 3]), st.integers(1, 5), st.floats(0, 3), st.integers(0, 2**32), log_uniform(-3, 1))
@settings(max_examples=share(4))
@example(2, 1, 5.8e-283, 0, 1.0)
def test_r5_the_average_over_spherical_labels_is_the_integral(
    n: int, p: int, strength: float, seed: int, ridge: float
) -> None:
    """R5: E[E | X] = k S + (1-k)(n T - S)/(n-1), by quadrature over the circle or the sphere."""
    rng = np.random.default_rng(seed)
    features, revealed = rng.standard_normal((p, n)), strength * rng.standard_normal(n)
    form = left_form(features, ridge)
    matched = revealed if strength > 0 else rng.standard_normal(n)
    errors, trace = probe_errors(features, matched[None], np.array([ridge]))
    averaged = spherical_average(errors[0], trace, revealed)
    assert averaged[0] == pytest.approx(naive.average_over_circle_or_sphere(form, revealed), abs=1e-11)


@pytest.mark.parametrize("n", [2, 3, 10, 1000, 4096])
@pytest.mark.parametrize("argument", [1e-8, 0.1, 1.0, 30.0, 1e3, 1e4])
def test_r5_the_ratio_of_bessel_functions(n: int, argument: float) -> None:
    """R5: I_{n/2}(K) / I_{n/2-1}(K) at 30 digits, also where both overflow or underflow."""
    with mpmath.workdps(30):
        order = mpmath.mpf(n) / 2
        exact = mpmath.besseli(order, argument) / mpmath.besseli(order - 1, argument)
        assert abs(bessel_ratio(n / 2 - 1, argument) / exact - 1) <= 8 * EPS


@pytest.mark.statistical
@pytest.mark.parametrize("labels", [Independent(), Spherical()], ids=lambda kind: kind.kind())
@pytest.mark.parametrize(
    ("n", "p", "alignment"), [(24, 12, Aligned(1.0)), (12, 20, Strong(1.0)), (30, 10, GENERAL)]
)
def test_r5_the_average_has_the_mean_of_the_error(
    n: int, p: int, alignment: Aligned | Strong | Gram, labels: Independent | Spherical
) -> None:
    """R5: the mean of E - E[E | X] is 0 at every size, for O(1) and for strong weights.

    z at 5 (6e-7) for each of 2 ridges and 6 cases: 7e-6 in all. With 2,000 draws of standard deviation 0.05 to 0.16 a
    bias of 0.03 would show (power 0.99): s for tanh(s), or the diagonal left out, stand at z > 10. The average varies
    less than the error.
    """
    model = Attention(n, p, ridge=0.1, snr=1.0, activation=Tanh(), alignment=alignment, labels=labels)
    sampled = sample_label_average(model, np.random.default_rng([n, p]), 2000, ridge=np.array([0.01, 0.5]))
    residual = sampled["residual"]
    error = residual.std(axis=0, ddof=1) / math.sqrt(len(residual))
    assert (np.abs(residual.mean(axis=0)) <= 5 * error).all()
    assert (sampled["averaged_error"].std(axis=0) < sampled["error"].std(axis=0)).all()


def test_r5_the_error_beside_the_average_is_that_of_the_plain_sampler() -> None:
    """R5: the two samplers see the same draws, by different decompositions."""
    for labels in (Independent(), Spherical()):
        for n, p in ((20, 8), (8, 20)):
            model = Attention(
                n, p, ridge=1.0, snr=1.0, activation=Tanh(), labels=labels, alignment=Aligned(1.0)
            )
            ridge = np.array([1e-3, 1.0])
            plain = sample_attention(model, np.random.default_rng(1), 3, ridge=ridge)
            beside = sample_label_average(model, np.random.default_rng(1), 3, ridge=ridge)
            assert beside["error"] == pytest.approx(plain["error"], abs=1e-10)


# ------------------------------------------------------------------ R9: linear attention by the chain


@given(st.integers(1, 8), st.booleans(), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_r9_the_spectrum_is_that_of_the_dense_chain(levels: int, is_wide: bool, seed: int) -> None:
    """R9: eigenvalues and first components of L^T L, L bidiagonal with the given squared entries."""
    rng = np.random.default_rng(seed)
    diagonal, superdiagonal = rng.chisquare(2, (2, levels))
    if not is_wide:
        superdiagonal[-1] = 0.0
    chain = np.zeros((levels, levels + is_wide))
    chain[np.arange(levels), np.arange(levels)] = np.sqrt(diagonal)
    for j in range(levels - (not is_wide)):
        chain[j, j + 1] = math.sqrt(superdiagonal[j])
    values, weights = spectrum(diagonal, superdiagonal)
    dense = chain.T @ chain
    assert len(values) == len(dense)
    scale = 1 + float(np.linalg.norm(dense, 2))
    for power in range(4):  # moments: the pairing of values and weights, whatever their order
        expected = np.linalg.matrix_power(dense, power)
        assert weights @ values**power == pytest.approx(expected[0, 0], abs=64 * EPS * scale**power)
        assert np.sum(values**power) == pytest.approx(
            np.trace(expected), abs=64 * levels * EPS * scale**power
        )


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("n", "p", "snr"), [(12, 7, 1.0), (10, 10, 0.0), (6, 15, 0.5), (24, 20, 3.0), (2, 1, 1.0)]
)
def test_r9_the_chain_has_the_law_of_linear_attention(n: int, p: int, snr: float) -> None:
    """R9: chain and literal layer (f(t) = t, diagonal kept, w = 0) have one law, of E and of T.

    Two-sample z and Kolmogorov-Smirnov tests at 1e-6 each for 2 outputs and 2 ridges: 4e-5 over all cases. A shift of
    0.15 standard deviations would show (power 0.97 at 4,000 draws of each).
    """
    model = Attention(n, p, ridge=1.0, snr=snr, activation=Linear(), diagonal="keep")
    ridge = np.array([0.01, 0.5])
    chain = sample_linear_chain(model, np.random.default_rng([1, n, p]), 4000, ridge=ridge)
    literal = sample_attention(model, np.random.default_rng([2, n, p]), 4000, ridge=ridge)
    for name in chain:
        a, b = chain[name], literal[name]
        error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / len(a))
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= stats.norm.isf(0.5e-6) * error).all(), name
        for r in range(2):
            assert stats.ks_2samp(a[:, r], b[:, r], method="asymp").pvalue > 1e-6, name


@pytest.mark.statistical
@pytest.mark.parametrize(("n", "p", "snr"), [(30, 11, 1.0), (40, 39, 0.0), (8, 1, 2.0)])
def test_linear_attention_has_the_ridgeless_mean_of_ridge_regression(n: int, p: int, snr: float) -> None:
    """R1, R9: for f(t) = t the row spaces of X K and X agree, so that as gamma -> 0 the mean error at n > p is exactly
    sum_j Poisson(j; n rho/2) (n-p)/(n+2j).

    z at 5 (6e-7) over 4,000 draws, 2e-6 in all; a row too many in the signal (n - p off by one) would show at z > 10.
    """
    model = Attention(n, p, ridge=1e-12, snr=snr, activation=Linear(), diagonal="keep")
    drawn = sample_attention(model, np.random.default_rng([3, n]), 4000, ridge=np.array([1e-12]))["error"]
    j = np.arange(500)
    mean = float(np.sum(stats.poisson.pmf(j, n * snr / 2) * (n - p) / (n + 2 * j)))
    # the least eigenvalue of B^3/c^2 is now and then so small that the ridge counts: by less than 1e-4 on average
    assert abs(drawn.mean() - mean) <= 5 * drawn.std(ddof=1) / math.sqrt(len(drawn)) + 1e-4
