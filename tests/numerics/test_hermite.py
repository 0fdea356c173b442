"""Activations and their Hermite data, held to mpmath and to textbook integrals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st
from mpmath import mpf
from numpy.polynomial import hermite_e

from lemmata.models import DomainError
from theory.numerics.activations import (
    ACTIVATIONS,
    Activation,
    Coefficients,
    Cosine,
    Cubic,
    Exponential,
    Hermite,
    HermiteSeries,
    Linear,
    Relu,
    Sign,
    Sine,
    Tanh,
)
from theory.numerics.hermite import diagonal_value, gaussian_coefficients, hermite_data

EPS = float(np.finfo(float).eps)

# what each activation is, in mpmath's words
DEFINITIONS: dict[Activation, Callable[[Any], Any]] = {
    Tanh(): mpmath.tanh,
    Linear(): lambda t: t,
    Sign(): mpmath.sign,
    Relu(): lambda t: max(t, mpf(0)) - 1 / mpmath.sqrt(2 * mpmath.pi),
    Sine(): mpmath.sin,
    Cosine(): lambda t: mpmath.cos(t) - mpmath.exp(mpf(-1) / 2),
    Cubic(): lambda t: t**3 / mpmath.sqrt(15),
    Exponential(): lambda t: mpmath.exp(t) - mpmath.exp(mpf(1) / 2),
    Hermite(1): lambda t: t,
    Hermite(2): lambda t: (t**2 - 1) / mpmath.sqrt(2),
    Hermite(5): lambda t: (t**5 - 10 * t**3 + 15 * t) / mpmath.sqrt(120),
    HermiteSeries((0.5, -0.25, 0.0, 2.0)): lambda t: (
        t / 2 - (t**2 - 1) / (4 * mpmath.sqrt(2)) + 2 * (t**4 - 6 * t**2 + 3) / mpmath.sqrt(24)
    ),
}
each = pytest.mark.parametrize("activation", DEFINITIONS, ids=lambda a: a.to_json())


def expectation(function: Callable[[Any], Any]) -> Any:
    """E function(xi) by mpmath, split at 0."""
    density = lambda t: mpmath.exp(-t * t / 2) / mpmath.sqrt(2 * mpmath.pi)  # noqa: E731
    return mpmath.quad(lambda t: function(t) * density(t), [-30, -10, -4, 0, 4, 10, 30])


def applied(activation: Any) -> Callable[[Any], Any]:
    def function(values: Any) -> Any:
        activation.apply(values)
        return values

    return function


# ------------------------------------------------------------------ activations


def test_every_kind_of_activation_is_held_to_its_definition() -> None:
    kinds = {type(activation) for activation in DEFINITIONS}
    assert kinds | {Coefficients} == set(ACTIVATIONS)


@each
def test_an_activation_is_applied_in_place_in_the_precision_of_the_array(activation: Any) -> None:
    """`apply` overwrites an array with f of its entries, each within a few roundings."""
    points = np.array([-3.5, -1.0, -0.3, 0.2, 0.75, 2.5])
    exact = np.array([float(DEFINITIONS[activation](mpf(t))) for t in points])
    size = 1 + np.abs(points) ** 5  # polynomials cancel
    for precision in (np.float64, np.float32):
        values = points.astype(precision).reshape(2, 3)
        assert activation.apply(values) is None
        assert values.dtype == precision
        slack = 16 * float(np.finfo(precision).eps) * size
        assert np.all(np.abs(values.ravel() - exact) <= slack)


@given(
    st.lists(st.just(0.0) | st.floats(0.001, 3) | st.floats(-3, -0.001), min_size=1, max_size=8).filter(any)
)
def test_a_hermite_series_is_the_sum_of_numpys_polynomials(coefficients: list[float]) -> None:
    """sum_k a_k He_k / sqrt(k!), with NumPy's probabilists' Hermite polynomials."""
    t = np.linspace(-4, 4, 9)
    values = t.copy()
    HermiteSeries(tuple(coefficients)).apply(values)
    scaled = [0.0, *(a / math.sqrt(math.factorial(k)) for k, a in enumerate(coefficients, start=1))]
    powers = 1j ** -np.arange(len(scaled))
    largest = float(hermite_e.hermeval(4j, np.abs(scaled) * powers).real)  # at 4i all terms have one sign
    assert np.all(np.abs(values - hermite_e.hermeval(t, scaled)) <= 64 * EPS * largest)


def test_activations_that_are_none_are_refused() -> None:
    for make, parameter in (
        (lambda: HermiteSeries((0.0, 0.0)), "coefficients"),
        (lambda: HermiteSeries(()), "coefficients"),
        (lambda: HermiteSeries((1e-200,)), "coefficients"),
        (lambda: HermiteSeries((0.0, 1e160)), "coefficients"),
        (lambda: Hermite(0), "degree"),
        (lambda: Coefficients(linear=1.0, power=0.5), "power"),
        (lambda: Coefficients(linear=0.6, power=0.5, quadratic=0.6), "power"),
    ):
        with pytest.raises(DomainError) as caught:
            make()
        assert caught.value.parameter == parameter


# ------------------------------------------------------------------ Hermite data


@each
def test_hermite_data_are_the_gaussian_integrals(activation: Any) -> None:
    """E f = 0, a_1 = E[xi f], a_2 = E[(xi^2 - 1) f]/sqrt 2 and nu = E f^2 against mpmath, to a few roundings."""
    f, data = DEFINITIONS[activation], hermite_data(activation)
    with mpmath.workdps(25):
        assert abs(expectation(f)) < 1e-18
        integrals = (
            expectation(lambda t: t * f(t)),
            expectation(lambda t: (t * t - 1) * f(t)) / mpmath.sqrt(2),
            expectation(lambda t: f(t) ** 2),
        )
        for value, exact in zip((data.linear, data.quadratic, data.power), integrals, strict=True):
            assert abs(value - exact) <= 4 * EPS * max(1, abs(exact))


@each
def test_the_quadrature_keeps_its_stated_error_on_every_activation(activation: Any) -> None:
    found, data = gaussian_coefficients(applied(activation), 2, kinks=(0.0,)), hermite_data(activation)
    size = math.sqrt(data.power)
    assert abs(found.mean) <= found.error * size
    assert abs(found.coefficients[0] - data.linear) <= found.error * size
    assert abs(found.coefficients[1] - data.quadratic) <= found.error * size
    assert abs(found.power - data.power) <= found.error * data.power
    assert found.error <= 1e-13


@given(st.floats(-12, 12), st.integers(1, 30))
@example(0.01, 30)
@example(12.0, 1)
def test_the_quadrature_keeps_its_stated_error_on_exponentials(rate: float, degree: int) -> None:
    """f = exp(s t): a_k = s^k exp(s^2/2)/sqrt(k!), nu = exp(2 s^2). Its mass moves to |t| = 2 |s|."""
    found = gaussian_coefficients(lambda t: np.exp(rate * t), degree)
    with mpmath.workdps(40):
        s = mpf(rate)
        power = mpmath.exp(2 * s * s)
        # the function's own rounding: half a rounding of s t in the exponent, where f psi_k and f^2 have their mass
        slack = found.error + EPS * (1 + abs(rate) * (2 * abs(rate) + math.sqrt(degree) + 9))
        errors = [
            abs(value - s**k * mpmath.exp(s * s / 2) / mpmath.sqrt(mpmath.factorial(k))) / mpmath.sqrt(power)
            for k, value in enumerate((found.mean, *found.coefficients))
        ]
        target(float(max(errors) / slack), label="share of the stated error")
        assert max(errors) <= slack
        assert abs(found.power / power - 1) <= 2 * slack


@given(st.floats(-6, 6), st.booleans())
@example(0.0, False)
@example(1e-300, False)
@example(0.9995, False)  # between the end of a panel and the node beside it
@example(1.928219975699884, False)
def test_the_quadrature_keeps_its_stated_error_on_jumps(place: float, is_told: bool) -> None:
    """f = 1{t > k}, the jump told or found: a_0 = nu = 1 - Phi(k), a_1 = phi(k), a_2 = k phi(k)/sqrt 2."""
    found = gaussian_coefficients(lambda t: (t > place) * 1.0, 2, kinks=(place,) if is_told else ())
    tail = float(mpmath.erfc(mpf(place) / mpmath.sqrt(2)) / 2)
    density = math.exp(-place * place / 2) / math.sqrt(2 * math.pi)
    rounding = EPS * abs(place) * density  # of the jump's place among the floats
    assert abs(found.power - tail) <= (found.error + 2 * EPS) * tail + rounding
    slack = (found.error + 4 * EPS * (1 + place**2)) * math.sqrt(tail) + rounding * (1 + place**2)
    assert abs(found.mean - tail) <= slack
    assert abs(found.coefficients[0] - density) <= slack
    assert abs(found.coefficients[1] - place * density / math.sqrt(2)) <= slack


@given(st.floats(0, 300), st.floats(-4, 4))
def test_the_quadrature_keeps_its_stated_error_on_waves(frequency: float, phase: float) -> None:
    """f = cos(w t + p): a_0 = cos p exp(-w^2/2), a_1 = -w sin p exp(-w^2/2), nu = (1 + cos 2p exp(-2 w^2))/2."""
    decay = math.exp(-(frequency**2) / 2)
    power = (1 + math.cos(2 * phase) * decay**4) / 2
    if power < 1e-3:  # f close to zero everywhere: its own rounding is all that remains
        return
    found = gaussian_coefficients(lambda t: np.cos(frequency * t + phase), 1)
    slack = (found.error + 8 * EPS * (1 + frequency)) / math.sqrt(power)  # rounding of w t, |t| <= 8 or so
    assert abs(found.mean - math.cos(phase) * decay) <= slack
    assert abs(found.coefficients[0] + frequency * math.sin(phase) * decay) <= slack
    assert abs(found.power - power) <= 2 * slack


def test_the_quadrature_meets_heavy_tails_and_singularities_of_finite_variance() -> None:
    """exp(t^2/5): nu = 5^(1/2), a_0 = (5/3)^(1/2). log|t|: E = -(ln 2 + euler)/2, Var = pi^2/8."""
    heavy = gaussian_coefficients(lambda t: np.exp(t * t / 5), 1)
    assert heavy.power == pytest.approx(math.sqrt(5), rel=1e-12)
    assert heavy.mean == pytest.approx(math.sqrt(5 / 3), rel=1e-12)
    log = gaussian_coefficients(lambda t: np.log(np.abs(t)), 1, kinks=(0.0,))
    mean = -(math.log(2) + float(mpmath.euler)) / 2
    assert log.mean == pytest.approx(mean, rel=1e-12)
    assert log.power == pytest.approx(math.pi**2 / 8 + mean**2, rel=1e-12)


def test_data_of_a_callable_are_those_of_the_activation() -> None:
    """A user's own function: Bessel's inequality, and the data of the named activation it is."""
    data = hermite_data(lambda t: np.maximum(t, 0) - 1 / math.sqrt(2 * math.pi), kinks=(0.0,))
    assert isinstance(data, Coefficients)
    named = hermite_data(Relu())
    for value, exact in zip(vars(data).values(), vars(named).values(), strict=True):
        assert value == pytest.approx(exact, rel=1e-14)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda t: np.exp(t * t / 2), "finite variance"),
        (lambda t: np.exp(t * t), "finite variance"),
        (lambda t: np.exp(t * t / 4), "finite variance"),
        (lambda t: np.exp(t * t / 4) * np.sin(t), "finite variance"),
        (lambda t: np.exp(t * t / 4) / (1 + np.abs(t)), "finite variance"),  # finite, but not to be told
        (lambda t: 1 / t, "finite variance"),
        (lambda t: np.sqrt(t), "finite"),
        (lambda t: 0 * t, "different from zero"),
        (lambda t: t + 0j, "elementwise real"),
        (lambda t: 1.0, "elementwise real"),
    ],
)
def test_functions_without_hermite_data_are_refused(function: Any, words: str) -> None:
    with pytest.raises(DomainError, match=words) as caught:
        hermite_data(function)
    assert caught.value.parameter == "function"


def test_functions_that_are_not_centred_are_refused_with_their_mean() -> None:
    with pytest.raises(DomainError, match=r"centred.*0\.3"):
        hermite_data(lambda t: np.tanh(t) + 0.3)
    with pytest.raises(DomainError, match="centred"):
        hermite_data(lambda t: np.tanh(t) + 1e-10)
    assert hermite_data(lambda t: np.tanh(t) + 1e-14).linear == pytest.approx(hermite_data(Tanh()).linear)


@pytest.mark.parametrize(
    ("parameter", "options"),
    [
        ("degree", {"degree": 0}),
        ("degree", {"degree": 1.5}),
        ("tolerance", {"degree": 1, "tolerance": 1e-13}),
        ("tolerance", {"degree": 1, "tolerance": math.nan}),
        ("kinks", {"degree": 1, "kinks": (math.inf,)}),
    ],
)
def test_senseless_options_are_refused(parameter: str, options: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as caught:
        gaussian_coefficients(np.tanh, **options)
    assert caught.value.parameter == parameter


def test_what_is_no_function_is_refused() -> None:
    bad: Any = "tanh"
    with pytest.raises(DomainError, match="activation = 'tanh'"):
        hermite_data(bad)


# ------------------------------------------------------------------ the kept diagonal


@pytest.mark.parametrize("dimension", [1, 7, 500])
def test_the_diagonal_value_is_that_of_the_function(dimension: int) -> None:
    """d = f(sqrt p)/sqrt p for every f of at most linear growth."""
    for activation in (Tanh(), Linear(), Sign(), Relu(), Sine(), Cosine(), Hermite(1), HermiteSeries((0.7,))):
        size = mpmath.sqrt(dimension)
        exact = 0.7 if isinstance(activation, HermiteSeries) else float(DEFINITIONS[activation](size) / size)
        assert diagonal_value(activation, dimension) == pytest.approx(exact, rel=8 * EPS, abs=8 * EPS)


def test_the_diagonal_value_of_the_rectifier_has_a_finite_size_correction() -> None:
    """R4 of docs/papers/attention_memorization.md: centred ReLU, p = 500: d = .98216, limit 1."""
    assert diagonal_value(Relu(), 500) == pytest.approx(0.98216, abs=5e-6)


@pytest.mark.parametrize(
    "activation",
    [Cubic(), Exponential(), Hermite(2), HermiteSeries((1.0, 0.0, 0.1)), Coefficients(linear=0.5, power=1.0)],
    ids=lambda a: a.kind(),
)
def test_a_diagonal_without_limit_is_refused(activation: Any) -> None:
    with pytest.raises(DomainError, match="diagonal is kept") as caught:
        diagonal_value(activation, 100)
    assert caught.value.parameter == "activation"
