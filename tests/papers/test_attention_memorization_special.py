"""Special cases of the attention limit: R6, R7 and R10 of docs/papers/attention_memorization.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mpf

from lemmata.models import DomainError
from tests.strategies import attention_memorization as strategies
from theory.attention_memorization import (
    Aligned,
    Attention,
    Gram,
    Limit,
    RidgeRegression,
    Softmax,
    Strong,
    Unbalanced,
    at_equal_eigenvalue,
    error_curve,
    even_error,
    hermite_coefficients,
    large_ridge_slope,
    limit_of,
    linear_error,
    mean_eigenvalue,
    memorization_error,
    ridge_regression_error,
    ridgeless_error,
    small_ridge_exponent,
    softmax_equivalent,
    softmax_error,
    trace_error,
)
from theory.numerics.activations import (
    Activation,
    Coefficients,
    Cosine,
    Exponential,
    Linear,
    Relu,
    Sign,
    Tanh,
)
from theory.numerics.hermite import hermite_data

EPS = float(np.finfo(float).eps)


def layer(activation: Activation, ratio: float = 0.5, strength: float = 0.0, **options: Any) -> Attention:
    """Sizes of the given ratio p/n and, unless said otherwise, signal-to-noise ratio 1."""
    snr = options.pop("snr", 1.0)
    model = Attention(
        1000, round(1000 * ratio), ridge=0.1, snr=snr, activation=activation, alignment=Aligned(strength)
    )
    return replace(model, **options)


def law(ratio: float) -> Callable[[Callable[[Any], Any]], Any]:
    """Integration against the continuous part of the Marchenko-Pastur law, by mpmath in b = 1 + c + 2 sqrt(c) cos t."""
    c = mpf(ratio)
    root = mpmath.sqrt(c)

    def integrate(function: Callable[[Any], Any]) -> Any:
        def at(t: Any) -> Any:
            b = 1 + c + 2 * root * mpmath.cos(t)
            return function(b) * (2 * root * mpmath.sin(t)) ** 2 / (2 * mpmath.pi * b)

        return mpmath.quad(at, mpmath.linspace(0, mpmath.pi, 5))

    return integrate


# ------------------------------------------------------------------ R6


@pytest.mark.parametrize(
    ("activation", "strength", "value"),
    [
        (Sign(), 0, 0.286303547),
        (Tanh(), 0, 0.262751259),
        (Sign(), 1, 0.258934),
        (Sign(), 2, 0.251344),
        (Sign(), 4, 0.250112),
    ],
)
def test_r6_worked_values(activation: Activation, strength: float, value: float) -> None:
    """R6: c = 1/2, rho = 1, zeroed diagonal; the aligned ones were found from R4 at ridge 1e-5."""
    assert ridgeless_error(layer(activation, strength=strength)) == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize(
    ("activation", "ratio"), [(Relu(), 0.1), (Tanh(), 0.5), (Sign(), 0.9)], ids=("relu", "tanh", "sign")
)
def test_r6_the_two_unknowns_by_quadrature_at_20_digits(activation: Activation, ratio: float) -> None:
    """R6: w = s2 [1-c + w int dF/(w+C^2)], r = int C dF/(w+C^2), and the error by an integral over F_x."""
    data, rho = hermite_data(activation), 2.0
    with mpmath.workdps(20):
        c = mpf(ratio)
        s2 = (mpf(data.power) - mpf(data.linear) ** 2) / c
        integrate = law(ratio)

        def kernel(b: Any, r: Any) -> Any:
            return data.linear * b / c - data.linear - s2 * r

        def residual(w: Any, r: Any) -> tuple[Any, Any]:
            root = mpmath.sqrt(w)  # 1/(C - i root) = (C + i root)/(w + C^2)
            both = integrate(lambda b: 1 / (kernel(b, r) - 1j * root))
            return w - s2 * (1 - c + root * both.imag), r - both.real

        w, r = mpmath.findroot(residual, (s2, 0), tol=1e-28, maxsteps=60)
        matched = integrate(lambda b: b / ((1 + rho) * (c + rho) - rho * b) / (w + kernel(b, r) ** 2))
        outlier = (1 + rho) * (1 + c / rho)
        matched += (1 - c / rho**2) / (w + kernel(outlier, r) ** 2)  # rho > sqrt c
        exact = (1 - c) * (1 + rho * s2 * matched) / (1 + rho)
        assert ridgeless_error(layer(activation, ratio, snr=rho)) == pytest.approx(float(exact), rel=1e-12)


GENERAL = [
    ((0.8, 0.0, 0.0), (1.0, 0.5, 0.0), (0.7, -2.0, 0.3)),
    ((1.0, 0.0, 0.0), (0.0, 1.5, 0.0), (1.0, 1.0, 0.0)),
    ((2.0, 0.0, 0.0), (-0.6, 0.2, 0.0), (0.9, 0.0, 0.4)),
]


@pytest.mark.parametrize("vectors", GENERAL)
@pytest.mark.parametrize("diagonal", [0.0, 0.6])
@pytest.mark.parametrize("linear", [0.8, -0.3, 0.0])
def test_r6_the_error_leaves_its_limit_with_the_square_of_the_ridge(
    vectors: Any, diagonal: float, linear: float
) -> None:
    """R6, R7: E(gamma) - E(0+) falls by 100 when gamma does by 10, for weights in general position."""
    limit = Limit(
        ratio=0.6,
        ridge=1.0,
        hermite=Coefficients(linear=linear, power=1.0),
        diagonal=diagonal,
        weights=strategies.gram_of(vectors),
    )
    excess = error_curve(limit, [1e-4, 1e-3]).error - ridgeless_error(limit)
    # at 1e-4 the next order counts for less than .01 of the excess, and rounding (1e-15) for less than that
    assert excess[0] > 1e-12
    assert excess[1] / excess[0] == pytest.approx(100, rel=0.1)


WEAKLY_LINEAR = Limit(
    0.1,
    1.0,
    Coefficients(-4.7e-156, 1.0, 0.0),
    0.0,
    Gram(((0.0, 0.0, 0.0), (0.0, 16.0, 16.0), (0.0, 16.0, 16.0))),
)


@given(strategies.limits(least_ridge=-6))
@example(WEAKLY_LINEAR)
def test_r6_the_ridgeless_error_lies_between_the_bound_and_the_error(limit: Limit) -> None:
    """R6: (1-c)/(1+rho) <= E(0+) <= E(gamma) for every ridge, activation and weights of order one."""
    value = ridgeless_error(limit)
    snr, c = limit.snr, limit.ratio
    assert value >= max(0.0, 1 - c) / (1 + snr) * (1 - 1e-12)
    # the core's own error, R4
    assert value <= error_curve(limit, [limit.ridge]).error[0] * (1 + 1e-9) + 1e-11


@given(strategies.limits(), strategies.log_uniform(-3, 3), st.booleans())
def test_r6_neither_scale_nor_sign_of_the_activation_matters(limit: Limit, scale: float, flips: bool) -> None:
    """R10: E(gamma; s f) = E(gamma/s^2; f), so that the ridgeless error knows no scale."""
    factor = -scale if flips else scale
    data = limit.hermite
    scaled = Coefficients(
        linear=factor * data.linear,
        power=max(factor**2 * data.power, (factor * data.linear) ** 2 + (factor * data.quadratic) ** 2),
        quadratic=factor * data.quadratic,
    )
    other = ridgeless_error(replace(limit, hermite=scaled, diagonal=factor * limit.diagonal, ridge=7.0))
    # nu - a_1^2 loses digits where a_1^2 is nearly all of nu, and the error depends on it like its square root there
    lost = EPS * data.power / max(data.power - data.linear**2, 1e-14 * data.power)
    if lost < 0.02:  # beyond that an activation counts as linear or not by its last digits
        assert other == pytest.approx(ridgeless_error(limit), rel=1e-10 + 100 * lost)


@given(st.floats(0.05, 0.95), strategies.weights())
def test_r6_linear_attention_reaches_the_bound_for_all_weights(ratio: float, weights: Gram) -> None:
    """R6, C4: nu = a_1^2: E(0+) = (1-c)/(1+rho), the error of ridge regression."""
    limit = Limit(
        ratio=ratio, ridge=1.0, hermite=Coefficients(linear=0.7, power=0.7**2), weights=weights, diagonal=0.0
    )
    assert ridgeless_error(limit) == pytest.approx((1 - ratio) / (1 + limit.snr), rel=4 * EPS)


def test_r6_singular_weights_of_linear_attention_lose_the_signal() -> None:
    """Diagonal kept and 1 + w_K . w_Q = 0: the layer sees tokens without their part along w_K, here of mu all."""
    for vectors, seen in (
        (((2, 0, 0), (1, 0, 0), (-1, 0, 0)), 0.0),
        (((2, 0, 0), (1, 1, 0), (0, -1, 0)), 2.0),
    ):
        limit = Limit(
            ratio=0.5,
            ridge=1.0,
            hermite=Coefficients(linear=1.0, power=1.0),
            weights=strategies.gram_of(vectors),
            diagonal=1.0,
        )
        assert ridgeless_error(limit) == pytest.approx(0.5 / (1 + seen), rel=1e-12)
        assert error_curve(limit, [1e-7]).error[0] == pytest.approx(0.5 / (1 + seen), rel=1e-6)


@pytest.mark.parametrize("activation", [Tanh(), Sign(), Linear(), Cosine()], ids=lambda a: a.kind())
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_r6_nothing_remains_with_more_dimensions_than_tokens(activation: Activation, ratio: float) -> None:
    """R7: for c >= 1 the error goes to 0 like a power of the ridge, at least gamma^(1/6)."""
    model = layer(activation, ratio, strength=1.0)
    assert ridgeless_error(model) == 0.0
    errors = error_curve(model, [1e-10, 1e-7, 1e-4]).error
    assert np.all(errors[:-1] < 0.4 * errors[1:])  # a power 1/6 alone would give 0.32


def test_r6_the_gap_to_ridge_regression_closes_as_aligned_weights_grow() -> None:
    """C4: E(0+) falls to (1-c)/(1+rho) with the strength of aligned weights."""
    errors = [ridgeless_error(layer(Tanh(), strength=t)) for t in (0, 0.5, 1, 2, 4, 16, 64)]
    assert np.all(np.diff(errors) < 0)
    assert errors[-1] == pytest.approx(0.25, rel=1e-3)


def test_r6_what_the_limit_does_not_cover_is_refused() -> None:
    with pytest.raises(DomainError, match=r"labels\.mean = 0\.4.*a_2") as caught:
        ridgeless_error(layer(Relu(), labels=Unbalanced(0.4)))
    assert caught.value.parameter == "labels.mean"
    assert ridgeless_error(layer(Tanh(), labels=Unbalanced(0.4))) == ridgeless_error(layer(Tanh()))
    with pytest.raises(DomainError, match="outside its scaling"):
        ridgeless_error(layer(Tanh(), alignment=Strong(1.0)))


# ------------------------------------------------------------------ R7


@pytest.mark.parametrize(
    ("activation", "diagonal"),
    [(f, "zero") for f in (Tanh(), Sign(), Relu(), Cosine(), Linear())] + [(Linear(), "keep")],
    ids=lambda x: x if isinstance(x, str) else x.kind(),
)
@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.5, 1.0, 2.0])
def test_r7_local_slopes_of_the_trace_error(activation: Activation, diagonal: str, ratio: float) -> None:
    """R7: d ln(T - (1-c)_+)/d ln gamma is the stated exponent.

    Within .01 on 1e-10..1e-8 for c >= 1, and within .05 on 1e-5..1e-4 for c < 1, where the excess of order gamma^2
    stands clear of rounding.
    """
    model = layer(activation, ratio, diagonal=diagonal, snr=0.0)
    ridges = np.array([1e-10, 1e-8] if ratio >= 1 else [1e-5, 1e-4])
    excess = error_curve(model, ridges).trace_error - max(0.0, 1 - ratio)
    slope = np.diff(np.log(excess))[0] / np.diff(np.log(ridges))[0]
    assert slope == pytest.approx(small_ridge_exponent(model), abs=0.01 if ratio >= 1 else 0.05)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_r7_local_slopes_of_ridge_regression(ratio: float) -> None:
    ridges = (1e-10, 1e-8) if ratio >= 1 else (1e-5, 1e-4)
    models = [RidgeRegression(1000, round(1000 * ratio), ridge=ridge, snr=0.0) for ridge in ridges]
    excess = [ridge_regression_error(model) - max(0.0, 1 - ratio) for model in models]
    slope = math.log(excess[1] / excess[0]) / math.log(ridges[1] / ridges[0])
    assert slope == pytest.approx(small_ridge_exponent(models[0]), abs=0.01)


def test_r7_a_kept_diagonal_of_nonlinear_attention_is_refused_where_it_matters() -> None:
    assert small_ridge_exponent(layer(Relu(), 0.5, diagonal="keep")) == 2.0
    with pytest.raises(DomainError, match="diagonal"):
        small_ridge_exponent(layer(Relu(), 2.0, diagonal="keep"))


# ------------------------------------------------------------------ R10: linear attention


def linear_limit(ratio: float, ridge: float, snr: float, linear: float, kept: bool) -> Limit:
    return Limit(
        ratio=ratio,
        ridge=ridge,
        hermite=Coefficients(linear=linear, power=linear**2),
        diagonal=linear if kept else 0.0,
        weights=strategies.gram_of(((math.sqrt(snr), 0, 0), (0, 0, 0), (0, 0, 0))),
    )


@given(
    st.floats(0.02, 50) | st.sampled_from([0.25, 1.0]),
    strategies.log_uniform(-8, 3),
    strategies.snrs,
    st.sampled_from([1.0, -0.6]),
    st.booleans(),
)
@example(0.25, 1e-8, 0.5, 1.0, False)  # C vanishes at the edge, and the outlier leaves it
@example(1.0, 1e-8, 1.0, 1.0, True)
def test_r10_linear_attention_is_an_integral(
    ratio: float, ridge: float, snr: float, linear: float, kept: bool
) -> None:
    """R10: E = int (gamma/(gamma + b C^2))^2 dF_y for f(t) = a_1 t without weights, against R4."""
    limit = linear_limit(ratio, ridge, snr, linear, kept)
    exact = error_curve(limit, [ridge]).error[0]
    # where C vanishes its rounding counts against sqrt gamma
    slack = 1e-10 + 64 * EPS * (1 + ratio) / math.sqrt(ridge)
    assert linear_error(limit) == pytest.approx(exact, rel=slack)


@pytest.mark.parametrize(
    ("ratio", "ridge", "snr", "kept"),
    [(0.5, 0.1, 0, False), (0.5, 1, 2, True), (2, 0.01, 3, False), (4, 1, 1, True)],
)
def test_r10_the_integral_by_mpmath(ratio: float, ridge: float, snr: float, kept: bool) -> None:
    """R10 with the densities of F and F_x, its atom and its outlier, at 25 digits."""
    with mpmath.workdps(25):
        c, rho, gamma = mpf(ratio), mpf(snr), mpf(ridge)

        def squared(b: Any) -> Any:
            return (gamma / (gamma + b * (b / c - (0 if kept else 1)) ** 2)) ** 2

        integrate = law(ratio)
        noise = integrate(squared) + max(mpf(0), 1 - c)
        matched = integrate(lambda b: squared(b) * b / ((1 + rho) * (c + rho) - rho * b))
        if rho > mpmath.sqrt(c):
            matched += (1 - c / rho**2) * squared((1 + rho) * (1 + c / rho))
        exact = float((noise + rho * matched) / (1 + rho))
    assert linear_error(linear_limit(ratio, ridge, snr, 1.0, kept)) == pytest.approx(exact, rel=1e-13)


def test_r10_the_integral_is_for_linear_attention_without_weights() -> None:
    with pytest.raises(DomainError, match="linear"):
        linear_error(layer(Tanh()))
    with pytest.raises(DomainError, match="without weights"):
        linear_error(layer(Linear(), strength=1.0))


# ------------------------------------------------------------------ R10: no linear component


@given(strategies.limits(is_balanced=True))
@example(Limit(ratio=1.0, ridge=1e-12, hermite=Coefficients(linear=0.0, power=1.0)))
def test_r10_without_linear_component_there_is_no_signal(limit: Limit) -> None:
    """R10, C6: a_1 = 0, d = 0: E is the closed form in m(-x), for every signal and weights; E = T."""
    power = limit.hermite.power
    even = replace(limit, hermite=Coefficients(linear=0.0, power=power), diagonal=0.0)
    value = even_error(even)
    curve = error_curve(even, [limit.ridge])
    # double precision leaves a few roundings over sqrt gamma where E is a power of it (c >= 1)
    slack = 1e-10 + 64 * EPS * math.sqrt(1 + power / limit.ridge)
    assert value == pytest.approx(curve.error[0], rel=slack)
    assert value == pytest.approx(curve.trace_error[0], rel=slack)


@pytest.mark.parametrize("ratio", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("ridge", [1e-10, 1e-3, 1.0, 1e3])
def test_r10_the_closed_form_by_mpmath(ratio: float, ridge: float) -> None:
    """E = -gamma^2 d(1/A)/dgamma with A from s2 x^2 m(-x) = gamma, at 50 digits."""
    data = hermite_data(Cosine())
    with mpmath.workdps(50):
        c, s2 = mpf(ratio), mpf(data.power) / mpf(ratio)

        def inverse(gamma: Any) -> Any:
            def excess(x: Any) -> Any:
                t = 1 - c - x
                return s2 * x**2 * 2 / (mpmath.sqrt(t * t + 4 * x) - t) - gamma

            x = mpmath.findroot(
                excess, (gamma / s2, (gamma + mpf(data.power)) / s2), solver="anderson", tol=1e-90
            )
            return 1 / (s2 * x)

        gamma = mpf(ridge)
        exact = float(-(gamma**2) * mpmath.diff(inverse, gamma, h=gamma * mpf(10) ** -15))
    model = layer(Cosine(), ratio, ridge=ridge)
    assert even_error(model) == pytest.approx(exact, rel=1e-13)


def test_r10_the_closed_form_is_for_layers_without_linear_component() -> None:
    with pytest.raises(DomainError, match="a_1 = 0"):
        even_error(layer(Tanh()))
    with pytest.raises(DomainError, match="zeroed"):
        even_error(layer(Cosine(), diagonal="keep"))
    with pytest.raises(DomainError, match=r"labels\.mean"):
        even_error(layer(Cosine(), labels=Unbalanced(0.4)))


# ------------------------------------------------------------------ R10: large ridge, scale


def with_less_signal(limit: Limit) -> Limit:
    """The same with mu shortened to less than one."""
    shrink = np.diag([1 / math.sqrt(1 + limit.snr), 1.0, 1.0])
    return replace(limit, weights=Gram((shrink @ np.array(limit.weights.matrix) @ shrink).tolist()))


@given(strategies.limits(most=1.0).map(with_less_signal))
def test_r10_the_error_at_a_large_ridge(limit: Limit) -> None:
    """R10: E = 1 - 2 M_1/gamma + O(gamma^-2), and T with (1/n) tr G in place of M_1.

    In (1 - E) gamma/2 = M_1 + a/gamma + b/gamma^2 + ... the first correction is removed by doubling gamma; what is left
    falls to a quarter from one doubling to the next, and is then less than their difference.
    """
    ridges = limit.hermite.power * np.array([1e7, 2e7, 4e7])
    curve = error_curve(limit, ridges)
    for slope, error in (
        (large_ridge_slope(limit), curve.error),
        (mean_eigenvalue(limit), curve.trace_error),
    ):
        values = (1 - error) * ridges / 2
        coarse, fine = 2 * values[1:] - values[:-1]
        rounding = 16 * EPS * ridges[-1]
        assert abs(fine - slope) <= abs(fine - coarse) + rounding
        assert abs(fine - coarse) <= 0.01 * slope + 2 * rounding  # so that the first line says something


@given(strategies.ratios, strategies.hermite_data())
def test_r10_the_mean_eigenvalue_with_a_zeroed_diagonal(ratio: float, data: Coefficients) -> None:
    """R10: (1/n) tr G = nu + a_1^2/c."""
    limit = Limit(ratio=min(max(ratio, 0.02), 50.0), ridge=1.0, hermite=data)
    exact = data.power + data.linear**2 / limit.ratio
    # moments of order c^2 a_1^2/c^2, (1 + 1/c) a_1^2 cancel
    slack = 16 * EPS * data.power * (1 + limit.ratio + 1 / limit.ratio)
    assert mean_eigenvalue(limit) == pytest.approx(exact, abs=slack)


@given(strategies.limits(least_ridge=-4))
def test_r10_equal_mean_eigenvalues(limit: Limit) -> None:
    """C3: after scaling, (1/n) tr G = c as for ridge regression, and the error is that at the ridge scaled back."""
    scaled = at_equal_eigenvalue(limit)
    assert mean_eigenvalue(scaled) == pytest.approx(limit.ratio, rel=1e-10)
    ridge = limit.ridge * mean_eigenvalue(limit) / limit.ratio
    if 1e-8 < ridge / limit.hermite.power < 1e5:
        expected = error_curve(limit, [ridge]).error[0]
        assert error_curve(scaled, [limit.ridge]).error[0] == pytest.approx(expected, rel=1e-8)


# ------------------------------------------------------------------ R10: softmax


def softmax(**options: Any) -> Softmax:
    return Softmax(1000, 500, ridge=0.1, snr=1.0, **options)


def test_r10_softmax_is_the_exponential_divided_by_its_mean() -> None:
    """(e^t - e^(1/2))/e^(1/2): a_1 = 1, a_2 = 1/sqrt 2, nu = e - 1; values c = 1/2, gamma = .1, rho = 1."""
    data, own = hermite_data(Exponential()), hermite_data(softmax_equivalent(softmax()).activation)
    root = math.exp(0.5)
    assert own.linear == pytest.approx(data.linear / root, rel=1e-15)
    assert own.quadratic == pytest.approx(data.quadratic / root, rel=1e-15)
    assert own.power == pytest.approx(data.power / root**2, rel=1e-14)
    assert trace_error(softmax_equivalent(softmax())) == pytest.approx(0.5193, abs=5e-5)
    assert softmax_error(softmax()) == pytest.approx(0.3026, abs=5e-5)
    assert softmax_error(softmax(alignment=Aligned(1.0))) == pytest.approx(0.2705, abs=5e-5)
    # the exponential itself at the ridge scaled up
    exponential = layer(Exponential(), ridge=0.1 * math.e)
    assert softmax_error(softmax(over="queries")) == pytest.approx(memorization_error(exponential), rel=1e-10)


def test_r10_softmax_without_mask_or_balance_is_refused() -> None:
    with pytest.raises(DomainError, match="attend to itself") as caught:
        softmax_error(softmax(masked=False))
    assert caught.value.parameter == "masked"
    with pytest.raises(DomainError, match="mean") as caught:
        softmax_error(softmax(labels=Unbalanced(0.6)))
    assert caught.value.parameter == "labels.mean"
    with pytest.raises(DomainError, match="outside its scaling"):
        softmax_error(softmax(alignment=Strong(1.0)))


def test_hermite_coefficients_of_a_layer() -> None:
    """a_1, a_2 and nu of the activation, in this order."""
    assert hermite_coefficients(layer(Relu())) == pytest.approx([0.5, 0.2820948, 0.3408451], abs=5e-8)
    assert limit_of(layer(Relu())).hermite.quadratic == hermite_coefficients(layer(Relu()))[1]
