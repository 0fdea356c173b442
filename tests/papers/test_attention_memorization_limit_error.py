"""Properties of the limiting error: R4, R5 and R10 of docs/papers/attention_memorization.md."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, target
from hypothesis import strategies as st

from lemmata.models import DomainError
from tests.naive import attention_memorization as naive
from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import attention_memorization as strategies
from tests.strategies.attention_limit import at, gram, layer, precision
from theory.attention_memorization import (
    Aligned,
    Attention,
    Balanced,
    Independent,
    Limit,
    Softmax,
    Spherical,
    Strong,
    Unbalanced,
    error_curve,
    limit_of,
    matched_filter_error,
    memorization_error,
    resolvent_trace,
    trace_error,
)
from theory.numerics.activations import (
    Coefficients,
    Cubic,
    Exponential,
    Hermite,
    HermiteSeries,
    Relu,
    Sign,
    Tanh,
)

# ------------------------------------------------------------------ R4, R5: the error


@given(strategies.limits(most=10.0))
@example(Limit(1.0, 1e-12, Coefficients(0.8, 1.0), weights=gram([[100.0] * 3] * 3)))
@settings(max_examples=share(3))
def test_r5_the_error_is_the_mixture_of_its_parts_and_bounded(limit: Limit) -> None:
    """R5, C8: E = T/(1+rho) + rho S/(1+rho), 0 <= S <= 1, max(0, 1-c) <= T <= 1, E >= T/(1+rho)."""
    error, noise, matched, _ = at(limit)
    rho, slack = limit.snr, precision(limit)
    assert error == pytest.approx((noise + rho * matched) / (1 + rho), rel=8 * EPS)
    assert 0 <= matched <= 1 + slack
    floor = max(0.0, 1 - limit.ratio)
    assert floor * (1 - slack) <= noise <= 1 + slack
    assert error * (1 + slack) >= max(noise, floor) / (1 + rho)
    target(matched, label="S")


@given(strategies.limits(is_balanced=False))
@settings(max_examples=share(5))
def test_r8_the_error_on_labels_lies_in_0_1_whatever_their_mean(limit: Limit) -> None:
    """R8: 0 <= E <= 1, 0 <= S <= 1, even in beta; T does not know beta."""
    error, noise, matched, _ = at(limit)
    slack = precision(limit)
    assert 0 <= error <= 1 + slack
    assert 0 <= matched <= 1 + slack
    other = at(limit, mean=-limit.mean)
    assert other[0] == pytest.approx(error, rel=1e-9)
    assert noise == at(limit, mean=0.0)[1]


@given(strategies.limits(is_balanced=False), strategies.log_uniform(0, 3))
@settings(max_examples=share(3))
def test_r4_errors_increase_with_the_ridge(limit: Limit, factor: float) -> None:
    """E, T and S do not decrease in gamma, and q does not increase."""
    larger = replace(limit, ridge=factor * limit.ridge)
    less, more = at(limit), at(larger)
    slack = precision(limit) + precision(larger)
    for k in range(3):
        assert less[k] <= more[k] * (1 + slack + (k == 2) * 1e-9) + 1e-300
    assert less[3] * (1 + slack) >= more[3]


@given(strategies.limits(is_balanced=False), strategies.log_uniform(-1, 1), st.sampled_from([-1.0, 1.0]))
@settings(max_examples=share(3))
def test_r10_scaling_the_activation_scales_the_ridge(limit: Limit, size: float, sign: float) -> None:
    """R10: E(gamma; t f) = E(gamma/t^2; f), for either sign of t."""
    f, t = limit.hermite, sign * size
    assume(1 - f.linear**2 / f.power > 1e-6)  # t a_1 and t^2 nu are rounded: nu - a_1^2 moves
    scaled = at(
        limit,
        hermite=Coefficients(t * f.linear, t * t * f.power, t * f.quadratic),
        diagonal=t * limit.diagonal,
        ridge=t * t * limit.ridge,
    )
    slack = 1e-9
    assert scaled[:3] == pytest.approx(at(limit)[:3], rel=slack, abs=1e-14)
    assert scaled[3] * t * t == pytest.approx(at(limit)[3], rel=slack)


@given(strategies.limits(), strategies.log_uniform(-2, 2))
@settings(max_examples=share(3))
def test_r4_depends_on_the_product_of_the_weights(limit: Limit, t: float) -> None:
    """(w_K, w_Q) -> (t w_K, w_Q/t), both signs turned, and mu -> -mu leave E unchanged."""
    products = np.array(limit.weights.matrix)
    expected = at(limit)[:3]
    for scale in ((1, t, 1 / t), (1, -1, -1), (-1, 1, 1)):
        moved = products * np.outer(scale, scale)
        moved[0, 0] = products[0, 0]
        found = at(limit, weights=gram(moved.tolist()))[:3]
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-14)


@given(strategies.limits(), st.sampled_from([1, 2]))
@settings(max_examples=share(3))
def test_r4_without_one_of_the_weights_the_other_does_not_matter(limit: Limit, which: int) -> None:
    """R4: w_K = 0 or w_Q = 0 is the isotropic value, and w -> 0 is continuous."""
    products = np.array(limit.weights.matrix)
    alone = products.copy()
    alone[which], alone[:, which] = 0.0, 0.0
    isotropic = np.diag([products[0, 0], 0.0, 0.0])
    expected = at(limit, weights=gram(isotropic.tolist()))
    assert at(limit, weights=gram(alone.tolist())) == expected
    tiny = 1e-9 * np.array([1e9, 1, 1])
    near = at(limit, weights=gram((products * np.outer(tiny, tiny)).tolist()))
    # the coupling is below 1e-16 al |w_K| |w_Q|, its forms at most of the size of theta and eta, below 1/gamma
    assert near[0] == pytest.approx(expected[0], rel=1e-6)


@given(strategies.limits())
@settings(max_examples=share(3))
def test_r5_noise_labels_do_not_see_signal_or_weights(limit: Limit) -> None:
    """R5: T depends on neither; without signal E = T."""
    products = np.array(limit.weights.matrix)
    noise = at(limit, weights=gram(np.zeros((3, 3)).tolist()))
    assert at(limit)[1] == pytest.approx(noise[1], rel=8 * EPS)
    products[0], products[:, 0] = 0.0, 0.0
    assert at(limit, weights=gram(products.tolist()))[0] == pytest.approx(noise[1], rel=8 * EPS)


@given(strategies.limits(with_signal=True))
@settings(max_examples=share(3))
def test_r10_without_linear_part_nothing_is_aligned(limit: Limit) -> None:
    """R10, C6: a_1 = 0: E does not see the weights; and if besides d = 0, not the signal either: E = T."""
    hermite = Coefficients(0.0, limit.hermite.power)
    isotropic = gram(np.diag([limit.snr, 0.0, 0.0]).tolist())
    assert at(limit, hermite=hermite) == at(limit, hermite=hermite, weights=isotropic)
    error, noise, matched, _ = at(limit, hermite=hermite, diagonal=0.0)
    assert (error, matched) == pytest.approx((noise, noise), rel=1e-11)


@given(strategies.limits(least_ridge=-3), strategies.snrs)
@settings(max_examples=share(8))
def test_r10_a_linear_activation_is_an_integral_over_the_spectrum(limit: Limit, snr: float) -> None:
    """R10: f(t) = t: E = int (gamma/(gamma + b C^2))^2 dF_y, C = b/c + d - 1, w = 0."""
    snr = min(snr, 0.9 * math.sqrt(limit.ratio))  # no atom outside the support, whose edge is then smooth
    assume(abs(limit.ratio - 1) > 0.05)
    linear = replace(
        limit,
        hermite=Coefficients(1.0, 1.0),
        ridge=max(limit.ridge, 1e-3),
        weights=gram(np.diag([snr, 0.0, 0.0]).tolist()),
    )
    b, weights = naive.noise_weights(limit.ratio, 40_000)
    m = (
        -(b[:-1] + 1 - limit.ratio)
        + 1j * np.sqrt(np.maximum(4 * b[:-1] - (b[:-1] + 1 - limit.ratio) ** 2, 0))
    ) / (2 * b[:-1])
    tilt = np.append((m * (1 + m) / (1 + (1 + snr) * m)).imag / m.imag, 1 / (1 + snr))
    c = b / limit.ratio + linear.diagonal - 1
    integrand = (linear.ridge / (linear.ridge + b * c * c)) ** 2
    error, noise, _, _ = at(linear)
    assert noise == pytest.approx(float(weights @ integrand), rel=1e-7)
    assert error == pytest.approx(float((weights * tilt) @ integrand), rel=1e-7)


@given(strategies.limits(least_ridge=-6))
@settings(max_examples=share(3))
def test_r10_a_vanishing_nonlinear_part_leaves_the_linear_limit(limit: Limit) -> None:
    """R10: nu -> a_1^2 is continuous, with a finite slope."""
    linear = at(limit, hermite=Coefficients(1.0, 1.0))
    near = at(limit, hermite=Coefficients(1.0, 1.0 + 1e-13))
    # s2 adds at most s2 c to A, which is at least gamma
    assert near[1] == pytest.approx(linear[1], rel=1e-13 * 100 * (1 + limit.ratio) / limit.ridge + 1e-9)


@given(strategies.limits())
@settings(max_examples=share(3))
def test_r10_at_a_large_ridge_the_error_approaches_one_with_the_mean_eigenvalue(limit: Limit) -> None:
    """R10: T = 1 - 2 M_1/gamma + O(gamma^-2), M_1 = al^2 <b^3> + 2 al kappa <b^2> + kappa^2 <b> + nu - a_1^2."""
    c, f = limit.ratio, limit.hermite
    slope, shift = f.linear / c, limit.diagonal - f.linear
    moment = (
        slope**2 * c * (1 + 3 * c + c * c)
        + 2 * slope * shift * c * (1 + c)
        + shift**2 * c
        + f.power
        - f.linear**2
    )
    edge = (1 + math.sqrt(c)) ** 2
    most = (
        4 * f.power + edge * (abs(slope) * edge + abs(shift)) ** 2 + f.power / c
    )  # of the order of the top of G
    ridge = min(1e6 * most, 0.99e8 * f.power)
    noise = at(limit, ridge=ridge)[1]
    assert (1 - noise) * ridge / 2 == pytest.approx(moment, abs=20 * most**2 / ridge + 1e-15 * ridge)


@given(strategies.limits(), strategies.log_uniform(-3, 2), strategies.log_uniform(-3, 2))
@settings(max_examples=share(3))
def test_r4_more_signal_lowers_the_error_without_weights(limit: Limit, one: float, other: float) -> None:
    """R4 at w = 0 with zeroed diagonal: E does not increase in rho (seen numerically, not proved)."""
    less, more = (
        at(limit, diagonal=0.0, weights=gram(np.diag([snr, 0.0, 0.0]).tolist()))[0]
        for snr in sorted((one, other))
    )
    assert more <= less * (1 + 1e-9)


def test_r4_more_signal_can_raise_the_error_if_the_diagonal_is_negative() -> None:
    """R4: with d = -1 the trend of the zeroed diagonal is reversed (c = 1, gamma = 0.1, a_1^2 = nu/2)."""
    limit = Limit(1.0, 0.1, Coefficients(math.sqrt(0.5), 1.0), diagonal=-1.0)
    error = [at(limit, weights=gram(np.diag([snr, 0.0, 0.0]).tolist()))[0] for snr in (0.1, 0.3)]
    assert error[1] > error[0] + 0.002


@given(strategies.limits(), st.floats(0, 4), st.floats(0, 4))
@settings(max_examples=share(5))
def test_r4_longer_aligned_weights_lower_the_error(limit: Limit, one: float, other: float) -> None:
    """R4 with zeroed diagonal, w_K = w_Q = t mu: E does not increase in t >= 0 (seen numerically, not proved)."""
    snr = max(min(limit.snr, 4.0), 0.01)
    short, long = (
        at(limit, diagonal=0.0, weights=gram(Aligned(t).gram(snr, 1)))[0] for t in sorted((one, other))
    )
    assert long <= short * (1 + 1e-9)


# ------------------------------------------------------------------ models


@given(strategies.attention())
@settings(max_examples=share(5))
def test_results_of_a_model_are_those_of_its_limit(model: Attention) -> None:
    """The four results are floats, and independent or spherical labels have the limit of balanced ones."""
    values = [f(model) for f in (memorization_error, trace_error, matched_filter_error, resolvent_trace)]
    assert all(isinstance(value, float) for value in values)
    assert tuple(values) == at(limit_of(model))
    if not isinstance(model.labels, Unbalanced) or model.labels.mean == 0:
        assert values[0] == memorization_error(replace(model, labels=Balanced()))


@given(strategies.attention())
@settings(max_examples=share(8))
def test_the_limit_depends_on_the_sizes_through_their_ratio(model: Attention) -> None:
    """With a zeroed diagonal; a kept one is taken at the model's own dimension."""
    model = replace(model, diagonal="zero")
    assert limit_of(replace(model, tokens=2 * model.tokens, dimension=2 * model.dimension)) == limit_of(model)


def test_a_kept_diagonal_is_taken_at_the_models_own_dimension() -> None:
    """f(sqrt p)/sqrt p: 0.98216 for the centred rectifier at p = 500, where the limit is 1."""
    model = replace(layer(Relu(), diagonal="keep"), tokens=1000, dimension=500)
    assert limit_of(model).diagonal == pytest.approx(0.98216, abs=5e-6)
    assert limit_of(replace(model, diagonal="zero")).diagonal == 0


def test_without_signal_the_matched_filter_error_has_the_direction_of_the_signal() -> None:
    """S at rho = 0 is its limit as rho -> 0 at w = 0."""
    assert matched_filter_error(layer(Sign(), snr=0)) == pytest.approx(
        matched_filter_error(layer(Sign(), snr=1e-12)), rel=1e-9
    )


@pytest.mark.parametrize("labels", [Independent(), Spherical()])
def test_r8_other_labels_with_mean_zero_are_balanced(labels: Any) -> None:
    f = HermiteSeries((1.0, 0.7))
    assert memorization_error(layer(f, labels=labels)) == memorization_error(layer(f))


# ------------------------------------------------------------------ bad input


def test_strong_weights_are_refused_with_the_reason() -> None:
    """R12: weights of order p^(1/4) lie outside the theorem."""
    with pytest.raises(DomainError, match=r"alignment = .*outside its scaling and can only be simulated"):
        memorization_error(layer(Tanh(), alignment=Strong(1.0)))


@pytest.mark.parametrize("f", [Cubic(), Exponential(), Hermite(2), HermiteSeries((1.0, 0.0, 0.1))], ids=str)
def test_a_kept_diagonal_without_limit_is_refused(f: Any) -> None:
    with pytest.raises(DomainError, match=r"activation = .*diverges"):
        trace_error(layer(f, diagonal="keep"))
    assert 0 < trace_error(layer(f)) < 1


def test_a_kept_diagonal_needs_a_function() -> None:
    with pytest.raises(DomainError, match="activation"):
        trace_error(layer(Coefficients(0.5, 1.0), diagonal="keep"))


@pytest.mark.parametrize(("tokens", "dimension"), [(1000, 19), (100, 5001)])
def test_ratios_outside_the_domain_are_refused(tokens: int, dimension: int) -> None:
    with pytest.raises(DomainError, match=r"dimension = \d+: must be between 0.02 and 50 times"):
        trace_error(Attention(tokens, dimension, ridge=1.0, snr=0.0, activation=Tanh()))


@pytest.mark.parametrize("ridges", [[], [0.0], [-1.0], [math.nan], [math.inf], [[1.0]], 1.0])
def test_ridges_that_are_none_are_refused(ridges: Any) -> None:
    with pytest.raises(DomainError, match="ridges"):
        error_curve(layer(Tanh()), ridges)


@pytest.mark.parametrize("ridge", [1e-18, 1e9])
def test_ridges_outside_the_domain_are_refused(ridge: float) -> None:
    with pytest.raises(DomainError, match="ridge"):
        error_curve(layer(Tanh()), [1.0, ridge])


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ([[1, 2, 0], [2, 1, 0], [0, 0, 0]], "positive semidefinite (its smallest eigenvalue is -1)"),
        ([[1, 0, 0], [0, 1, 2], [0, 2, 1]], "positive semidefinite (its smallest eigenvalue is -1)"),
        ([[0, 0, 0], [0, -1, 0], [0, 0, 0]], "positive semidefinite (its smallest eigenvalue is -1)"),
        ([[1, 0.5, 0], [0.4, 1, 0], [0, 0, 0]], "symmetric"),
        ([[1, 0.5], [0.5, 1]], "a list of length 3"),
        ([[1, 0, 0], [0, math.nan, 0], [0, 0, 1]], "finite"),
    ],
)
def test_gram_matrices_that_are_none_are_refused(matrix: Any, words: str) -> None:
    with pytest.raises(DomainError, match=r"^matrix.* = .*: must be .*" + re.escape(words)):
        gram(matrix)


@pytest.mark.parametrize("model", [Attention, Softmax])
def test_what_no_layer_can_be_is_refused(model: Any) -> None:
    """Odd n with balanced labels; inner products that contradict the signal-to-noise ratio."""
    f: dict[str, Any] = {"activation": Tanh()} if model is Attention else {}
    with pytest.raises(DomainError, match=r"^tokens = 101: must be even if the labels are balanced$"):
        model(101, 50, ridge=1.0, snr=1.0, **f)
    for labels in (Independent(), Spherical(), Unbalanced(0.0)):
        assert model(101, 50, ridge=1.0, snr=1.0, labels=labels, **f).tokens == 101
    with pytest.raises(DomainError, match=r"^alignment\.matrix = .*first entry snr = 2\.0$"):
        model(100, 50, ridge=1.0, snr=2.0, alignment=gram(np.eye(3)), **f)


@pytest.mark.parametrize("snr", [1.01e4, 1e300])
def test_a_signal_too_strong_for_double_precision_is_refused(snr: float) -> None:
    """At rho = 1e6 S has lost all but three digits, and E would turn negative in the end."""
    with pytest.raises(DomainError, match=r"^snr = .*: must be at most 10000"):
        memorization_error(layer(Tanh(), snr=snr))


@pytest.mark.parametrize("ratio", [(1, 2), (2, 1)])
@pytest.mark.parametrize(("strength", "power"), [(0.0, 2), (1.0, 4)])
def test_the_strongest_signal_has_the_power_law_of_its_matched_filter(
    ratio: tuple[int, int], strength: float, power: int
) -> None:
    """R0, R3, R5: F_x comes to an atom at b ~ rho, where phi ~ b D/(b C^2) and C ~ al b: S falls like rho^-2.

    Weights w = mu multiply C there by 1 + rho: like rho^-4. And E comes to T/(1 + rho).
    """
    models = [layer(Tanh(), snr=snr, ratio=ratio, alignment=Aligned(strength)) for snr in (1e3, 1e4)]
    low, high = (matched_filter_error(model) for model in models)
    assert math.log10(low / high) == pytest.approx(power, abs=0.01)  # the next order is 1/rho relative
    assert memorization_error(models[1]) == pytest.approx(trace_error(models[1]) / 10001, rel=1e-3)
