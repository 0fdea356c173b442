"""Hijack errors of cones in eight and more dimensions: R7 of docs/papers/context_hijacking.md.

There one panel of radii is tried first, and its last coefficients decide whether it is halved.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings, target
from hypothesis import strategies as st
from scipy import integrate

from lemmata import DomainError
from tests.naive.context_hijacking_cones import hijack_error as by_component
from tests.profiles import share
from tests.strategies.context_hijacking import log_uniform
from theory.context_hijacking import (
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    Uniform,
    hijack_error,
    hijacking,
    quadrature,
)

EXACT = 1e-12  # what roundings leave
STATED = 1e-10

# one panel without a check was off by 1e-4, 8e-5, 4e-8, 2e-8 and 3e-7
HARD = [
    Hijack(100, 26, 64, 0.0008, 0.3, Cone(0.7), Fixed(0.4)),
    Hijack(160, 22, 128, 0.0008, 0.38, Cone(0.12), Fixed(0.025)),
    Hijack(1000, 96, 128, 2.6e-5, 0.15, Cone(0.22), Fixed(0.66)),
    Hijack(30, 36, 24, 0.0018, 0.8, Cone(0.6), Fixed(0.3)),
    Hijack(190, 32, 1, 0.00018, 1.25, Cone(0.8), Fixed(0.9999998)),
]
# 1 - s c rho = 1e-9: a rounding of s c moves it by 1e-7 of itself
SHARP = [
    Hijack(1, d, depth, dose / (d - 1), 0.7, Cone(rho), Fixed((1 - 1e-9) / (0.7 * rho)))
    for d, depth, dose in ((10, 8, 0.7), (20, 3, 1.1), (60, 16, 1.0))
    for rho in (0.3, 0.51, 0.9)
]


@st.composite
def many_dimensions(draw: st.DrawFn) -> Hijack:
    """Cones in 8 to 300 dimensions, doses from little to far beyond overshoot, one in two with s c rho close to 1."""
    d, depth = (
        round(10 ** draw(st.floats(0.91, 2.47))),
        draw(st.sampled_from([1, 2, 3, 5, 8, 16, 33, 64, 128])),
    )
    count, scale = draw(st.sampled_from([1, 20, 400, 3000])), draw(st.floats(0.1, 3))
    rho = draw(st.floats(0.01, 0.999) | log_uniform(-7, -1).map(lambda gap: 1 - gap))
    step = 10 ** draw(st.floats(-2.5, 1.5)) / (count * (d - 1))
    gap = draw(st.sampled_from([-1, 1])) * draw(log_uniform(-9, -0.3))
    margin = draw(log_uniform(-2, 0.7) | st.just((1 + gap) / (scale * rho)))
    return Hijack(count, d, depth, step, scale, Cone(rho), Fixed(margin))


@given(many_dimensions())
@settings(max_examples=share(20))
def test_r7_many_dimensions_against_another_order_of_integration(model: Hijack) -> None:
    """R7: the component g first, with explicit roots in r^2: on both sides of overshoot and of s c rho = 1."""
    error = abs(hijack_error(model) - by_component(model))
    target(math.log10(error + 1e-17), label="digits lost")
    assert error <= STATED


@pytest.mark.parametrize("model", HARD, ids=lambda model: f"d={model.dimension}")
def test_r7_thresholds_that_turn_within_a_panel(model: Hijack) -> None:
    """R7: kappa passes its zeros among typical radii, in deep transformers or with 1 - s c rho close to 0."""
    assert hijack_error(model) == pytest.approx(by_component(model), abs=EXACT)


@pytest.mark.parametrize("model", SHARP, ids=lambda model: f"d={model.dimension} {model.prior}")
def test_r7_differences_of_1_and_s_c_rho_keep_their_digits(model: Hijack) -> None:
    """R7: at 1 - s c rho = 1e-9 the error is that of the margin given, not of its neighbour."""
    assert hijack_error(model) == pytest.approx(by_component(model), abs=EXACT)


@pytest.mark.parametrize("margin", [Uniform(0.6), HalfNormal(0.5)], ids=lambda margin: type(margin).__name__)
@pytest.mark.parametrize("model", HARD[1:4], ids=lambda model: f"d={model.dimension}")
def test_r7_random_margins_are_means_of_fixed_ones(model: Hijack, margin: Uniform | HalfNormal) -> None:
    """R7: errors at fixed margins, by the other order, averaged over margins by adaptive quadrature."""
    count, d, depth, step, c = (
        model.hijackers,
        model.dimension,
        model.depth,
        model.step_size,
        model.initial_scale,
    )

    def weighed(s: float) -> float:
        error = by_component(Hijack(count, d, depth, step, c, model.prior, Fixed(s)))
        if isinstance(margin, Uniform):
            return error / margin.most
        return error * math.sqrt(2 / math.pi) / margin.scale * math.exp(-0.5 * (s / margin.scale) ** 2)

    most = margin.most if isinstance(margin, Uniform) else 8 * margin.scale
    expected, doubt = integrate.quad(weighed, 1e-12, most, limit=60, epsabs=1e-11, epsrel=0)
    assert doubt < 1e-9
    found = hijack_error(Hijack(count, d, depth, step, c, model.prior, margin))
    assert found == pytest.approx(expected, abs=STATED)


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Quadrature with fewer nodes."""

    def change(**counts: int) -> None:
        for name, count in counts.items():
            monkeypatch.setattr(quadrature, name, count)
        monkeypatch.setattr(hijacking, "rule", quadrature.rule.__wrapped__)

    return change


@pytest.mark.parametrize("model", HARD, ids=lambda model: f"d={model.dimension}")
def test_lost_digits_are_seen_and_computed_again(model: Hijack, coarse: Callable[..., None]) -> None:
    """A rule that cannot do is not believed: its panels are halved until the digits are there."""
    coarse(NODES=12, CROWDED_NODES=12, NARROW_NODES=12)
    assert hijack_error(model) == pytest.approx(by_component(model), abs=EXACT)


@pytest.mark.parametrize("model", HARD, ids=lambda model: f"d={model.dimension}")
def test_digits_that_are_not_there_are_refused(
    model: Hijack, coarse: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear error in place of a value that a rule believed too soon has lost."""
    coarse(NODES=12, CROWDED_NODES=12, NARROW_NODES=12)
    monkeypatch.setattr(hijacking, "AGREED_GIVEN", 1.0)
    with pytest.raises(DomainError, match="two resolutions differ by") as error:
        hijack_error(model)
    assert error.value.parameter == "step_size"
