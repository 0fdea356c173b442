"""Hijack errors averaged over random priors: R7 of docs/papers/context_hijacking.md, in every dimension and regime."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from lemmata import DomainError
from tests.naive.context_hijacking_priors import hijack_error as by_projection
from tests.profiles import share
from tests.strategies.context_hijacking import log_uniform
from theory.context_hijacking import (
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    NormalisedGaussian,
    PerLayer,
    Uniform,
    VonMisesFisher,
    hijack_error,
    hijacking,
)
from theory.numerics import adaptive

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "context_hijacking.json").read_text())

STATED = 1e-10  # absolute error of the quadrature under a random prior
ROUNDING = 1e-12  # of what the references leave

random_priors = log_uniform(-2, 0.7).map(NormalisedGaussian) | (st.just(0.0) | log_uniform(-1, 2.5)).map(
    VonMisesFisher
)


@st.composite
def hijacks(draw: st.DrawFn) -> Hijack:
    """Random priors in up to twelve dimensions, doses from little to far beyond overshoot, margins up to 2.5/c."""
    d, depth = draw(st.integers(2, 12)), draw(st.sampled_from([1, 2, 3, 4, 6, 8, 16]))
    count, scale = draw(st.sampled_from([1, 3, 50, 3000])), draw(st.floats(0.2, 2))
    step = 10 ** draw(st.floats(-2, 1.2)) / (count * (d - 1))
    margin = 10 ** draw(st.floats(-1.5, 0.4))
    return Hijack(count, d, depth, step, scale, draw(random_priors), Fixed(margin))


@given(hijacks())
@example(Hijack(3, 18, 6, 0.003069, 0.535, VonMisesFisher(1.528), Fixed(1.61)))
@example(
    Hijack(10, 20, 8, 0.00253, 1.62, NormalisedGaussian(4.0), Fixed(2.126))
)  # few angles were off by 0.1
@example(Hijack(50, 10, 4, 0.005, 1.4, NormalisedGaussian(1.0), Fixed(1.2), PerLayer((0.5, 1.0, 0.2, 2.0))))
@settings(max_examples=share(10))
def test_r7_random_priors_against_another_order_of_integration(model: Hijack) -> None:
    """R7: the task integrated first, by the law of one projection of beta*, and the hijacker's length last."""
    error = abs(hijack_error(model) - by_projection(model))
    target(math.log10(error + 1e-17), label="digits lost")
    assert error <= STATED


@pytest.mark.parametrize(("count", "d", "depth", "step", "c", "s", "exact"), GOLDEN["uniform_prior"])
def test_r7_uniform_tasks_to_many_digits(
    count: int, d: int, depth: int, step: float, c: float, s: float, exact: str
) -> None:
    """R7: the uniform prior, on both sides of overshoot and of s c = 1, at 18 digits."""
    model = Hijack(count, d, depth, step, c, VonMisesFisher(0.0), Fixed(s))
    assert hijack_error(model) == pytest.approx(float(exact), abs=STATED)


@pytest.mark.parametrize(("count", "depth", "step", "concentration", "exact"), GOLDEN["narrow_circle"])
def test_r7_narrow_priors_keep_the_digits_of_the_room(
    count: int, depth: int, step: float, concentration: float, exact: str
) -> None:
    """R7: s c = 1 and angles of 1e-4: 1 - s c rho is a square of the angle, which 1 minus a rounded rho is not."""
    model = Hijack(count, 2, depth, step, 1.0, VonMisesFisher(concentration), Fixed(1.0))
    assert hijack_error(model) == pytest.approx(float(exact), abs=ROUNDING)


@pytest.mark.long
@pytest.mark.parametrize(
    "model",
    [
        Hijack(10, 2, 3, 0.05, 0.8, VonMisesFisher(3.0), Uniform(2.0)),
        Hijack(10, 3, 6, 0.0275, 1.6, VonMisesFisher(3.0), HalfNormal(0.3)),
        Hijack(20, 5, 2, 0.002, 0.9, NormalisedGaussian(0.4), Uniform(1.5)),
        Hijack(5, 4, 8, 0.2, 1.2, NormalisedGaussian(1.5), HalfNormal(1.0)),
    ],
    ids=lambda model: f"d={model.dimension}",
)
def test_r7_random_margins_under_random_priors(model: Hijack) -> None:
    """R7: uniform and half-normal margins are averages of fixed ones, which the test above holds to a reference."""
    margin = model.margin
    most = margin.most if isinstance(margin, Uniform) else 8 * margin.scale  # type: ignore[union-attr]

    def weighed(s: float) -> float:
        error = hijack_error(replace(model, margin=Fixed(s)))
        if isinstance(margin, Uniform):
            return error / most
        scale = margin.scale  # type: ignore[union-attr]
        return error * math.sqrt(2 / math.pi) / scale * math.exp(-0.5 * (s / scale) ** 2)

    expected, doubt = integrate.quad(weighed, 0, most, limit=60, epsabs=1e-10, epsrel=0)
    assert doubt < 1e-8
    assert hijack_error(model) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dimension", [2, 3, 5, 7])
def test_r8_without_hijackers_in_few_dimensions(dimension: int) -> None:
    """R8: a mean of Phi(-s rho/sqrt(1 - rho^2)) over the angle, by adaptive quadrature of the law's density."""
    concentration, margin = 2.0, 0.05

    def density(angle: float) -> float:
        return math.sin(angle) ** (dimension - 2) * math.exp(concentration * math.cos(angle))

    def wrong(angle: float) -> float:
        return density(angle) * float(special.ndtr(-margin / math.tan(angle)))

    places = [0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 3.1, math.pi]
    parts = [
        [integrate.quad(function, low, high, epsabs=1e-15)[0] for low, high in itertools.pairwise(places)]
        for function in (wrong, density)
    ]
    model = Hijack(0, dimension, 1, 0.1, 0.8, VonMisesFisher(concentration), Fixed(margin))
    assert hijack_error(model) == pytest.approx(sum(parts[0]) / sum(parts[1]), abs=ROUNDING)


def test_r7_roots_that_round_to_a_zero_of_the_contraction() -> None:
    """R7: d = 2, far beyond overshoot: the threshold leaves the range of u within a rounding of 1/(c sin t).

    x_perp is one normal number g, so the error is a sum of normal probabilities between the roots of the margin.
    """
    angle, a, depth, c, s = (
        0.18625172674620549,
        1.6950226810058646,
        16,
        1.2663014643152235,
        0.1266493985220837,
    )
    tilt, room = c * math.sin(angle), 1 - s * c * math.cos(angle)

    def excess(g: float) -> float:
        return (1 - a * g * g) ** depth * (1 + tilt * g) - room

    grid = np.linspace(-9, 9, 20_001)
    (changes,) = np.nonzero(np.diff(np.sign([excess(float(g)) for g in grid])))
    roots = [optimize.brentq(excess, grid[k], grid[k + 1], xtol=1e-16) for k in changes]
    masses = np.diff(special.ndtr([-np.inf, *roots, np.inf]))
    expected = masses[
        0::2
    ].sum()  # the product is negative far to the left, and changes its sign at every root
    assert excess(-9.0) < 0
    assert len(roots) == 5
    found = hijack_error(Hijack(1, 2, depth, a, c, Cone(math.cos(angle)), Fixed(s)))
    assert found == pytest.approx(expected, abs=ROUNDING)


def test_digits_that_are_not_reached_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear error in place of a value whose panels do not agree."""
    model = Hijack(10, 3, 4, 0.4, 1.3, NormalisedGaussian(1.5), Fixed(0.9))
    assert 0 < hijack_error(model) < 1
    monkeypatch.setattr(adaptive, "NODES", 3)
    monkeypatch.setattr(adaptive, "MOST_PANELS", 8)
    with pytest.raises(DomainError, match="two resolutions differ by") as error:
        hijack_error(model)
    assert error.value.parameter == "step_size"


@pytest.mark.parametrize("margin", [Fixed(0.1), Uniform(0.4), HalfNormal(0.3)], ids=str)
def test_few_angles_are_taken_only_where_they_are_enough(
    margin: Fixed | Uniform | HalfNormal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before overshoot and in many dimensions few angles agree with the refined integral to the stated error."""
    models = [
        Hijack(count, d, 3, dose / (count * d), 0.794, prior, margin)
        for count, d, dose in ((1, 14, 0.01), (8, 20, 0.1), (20, 40, 0.3))
        for prior in (NormalisedGaussian(0.1), NormalisedGaussian(1.0), VonMisesFisher(0.0))
    ]
    found = [hijack_error(model) for model in models]
    monkeypatch.setattr(hijacking, "FEW_ENOUGH", -1.0)
    for model, value in zip(models, found, strict=True):
        assert hijack_error(model) == pytest.approx(value, abs=STATED)
