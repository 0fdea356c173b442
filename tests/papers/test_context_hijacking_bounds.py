"""Bounds, thresholds, depth and clean examples at test: R9-R12, R15 and R16 of docs/papers/context_hijacking.md."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st

from lemmata import DomainError
from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import context_hijacking as strategies
from theory.context_hijacking import (
    CleanContext,
    Cone,
    Depths,
    Dose,
    Fixed,
    HalfNormal,
    Hijack,
    MixedContext,
    PerLayer,
    Query,
    TunedHijack,
    Uniform,
    VonMisesFisher,
    clean_accuracy,
    contraction,
    critical_hijackers,
    depth_gain,
    depth_helps,
    half_error_gain,
    half_error_hijackers,
    hijack_error,
    hijack_error_bound,
    mixed_context_deviation,
    mixed_context_margin,
)
from theory.context_hijacking.hijacking import hijack_error_at
from theory.context_hijacking.limits import residual_share
from theory.context_hijacking.risk import TAU
from theory.context_hijacking.thresholds import hijackers_at_error, trained

# ------------------------------------------------------------------ R9: a bound; R10: thresholds


@given(strategies.before_overshoot(), strategies.random_margins)
@settings(max_examples=share(4))
def test_p16_the_error_grows_at_most_linearly(model: Hijack, margin: Uniform | HalfNormal) -> None:
    """P16, R9, C8: E(N) - E(0) <= f alpha L N [(d-1) + c sqrt(1-rho^2) tau d/2]/(c rho) + P(alpha N r^2 > 2)."""
    hijacked = replace(model, margin=margin)
    bound, error = hijack_error_bound(hijacked), hijack_error(hijacked)
    target(error / bound, label="tightness")
    assert error <= bound + 1e-8


def test_r9_worked_bound() -> None:
    """R9: |sigma| ~ U(0, 2), (N, alpha, L, c, rho, d) = (2, .001, 3, .7, .8, 10): bound .05719, actual .01616."""
    model = Hijack(2, 10, 3, 0.001, 0.7, Cone(0.8), Uniform(2.0))
    zero = hijack_error_at(model, 0.0)
    assert hijack_error_bound(model) - zero == pytest.approx(0.05719, abs=5e-6)
    assert hijack_error(model) - zero == pytest.approx(0.01616, abs=5e-6)


queries = st.builds(
    lambda depth, step, c, rho, s, cosine, norm: Query(
        depth, step, c, rho, s, cosine * math.sqrt(norm), norm
    ),
    strategies.depths,
    strategies.log_uniform(-5, 0),
    strategies.scales,
    st.floats(-1, 1),
    strategies.margins,
    st.floats(-0.999, 0.999),
    st.floats(0.1, 50),
)


def answer(query: Query, count: float) -> float:
    """The margin of R7 at a number of hijackers."""
    kappa = math.prod(1 - step * count * query.squared_norm for step in query.step_sizes)
    tilt = query.initial_scale * math.sqrt((1 - query.correlation) * (1 + query.correlation))
    lift = query.margin * query.initial_scale * query.correlation
    return lift - 1 + kappa * (1 + tilt * query.alignment)


@given(queries)
@example(Query(3, 0.001, 0.7, 0.9, 0.4, 0.5, 12.0))
def test_r10_the_answer_flips_at_the_critical_number(query: Query) -> None:
    """R10: right before N*, wrong beyond it; 0 if wrong from the start, infinite if no dose flips it."""
    critical = critical_hijackers(query)
    if critical == 0:
        assert answer(query, 0) <= 4 * EPS * (
            1 + query.initial_scale * (1 + query.margin + abs(query.alignment))
        )
    elif math.isinf(critical):
        ends = np.linspace(0, 1, 50) / (query.step_size * query.squared_norm)
        assert min(answer(query, end) for end in ends) >= -16 * EPS
    else:
        assert answer(query, critical * (1 - 1e-9)) >= -64 * EPS * (
            1 + query.initial_scale * abs(query.alignment)
        )
        assert answer(query, critical * (1 + 1e-9)) <= 64 * EPS * (
            1 + query.initial_scale * abs(query.alignment)
        )


def test_r10_worked_query() -> None:
    """R10: kappa_c = .6489892505, N* = 11.1841773325: the first whole number that flips is 12; schedules agree."""
    query = Query(3, 0.001, 0.7, 0.9, 0.4, 0.5, 12.0)
    assert critical_hijackers(query) == pytest.approx(11.1841773325, abs=6e-11)
    assert answer(query, 11) > 0 > answer(query, 12)
    spelt = replace(query, steps=PerLayer((1.0, 1.0, 1.0)))
    assert critical_hijackers(spelt) == pytest.approx(critical_hijackers(query), rel=1e-14)
    uneven = replace(query, steps=PerLayer((0.5, 1.0, 1.5)))
    assert answer(uneven, critical_hijackers(uneven)) == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize(
    ("n", "d", "rho", "s", "counts"),
    [
        (1000, 10, 0.9, 0.5, (38.41, 23.62, 18.17, 15.54)),
        (200, 10, 0.98, 0.5, (15.88, 14.34, 13.68, 13.37)),
        (400, 20, 0.97, 0.3, (7.435, 6.006, 5.421, 5.148)),
        (40, 20, 0.995, 0.2, (10.35, 10.69, 10.87, 10.95)),
        (40, 20, 0.995, 0.4, (20.60, 22.30, 23.24, 23.73)),
    ],
)
def test_r10_worked_thresholds(n: int, d: int, rho: float, s: float, counts: tuple[float, ...]) -> None:
    """R10: N50 at the exact optimal steps, L = 1, 2, 4, 8: the table on the paper's page."""
    for depth, count in zip((1, 2, 4, 8), counts, strict=True):
        model = TunedHijack(n, d, depth, Cone(rho), Fixed(s))
        found = half_error_hijackers(model)
        assert found == pytest.approx(count, rel=5e-4)
        assert hijack_error_at(trained(model), found) == pytest.approx(0.5, abs=1e-9)


def test_r10_thresholds_that_do_not_exist() -> None:
    """R10: N50 = 0 where chance is reached without hijackers, infinite for margins of at least 1/(c rho)."""
    assert half_error_hijackers(TunedHijack(100, 10, 2, Cone(0.9), Fixed(2.0))) == math.inf
    assert (
        half_error_hijackers(TunedHijack(100, 10, 2, Cone(1.0), Fixed(0.5))) == math.inf
    )  # no step is taken
    assert hijackers_at_error(Hijack(1, 10, 2, 0.01, 0.7, Cone(0.9), Fixed(0.1)), 0.2) == 0.0


# ------------------------------------------------------------------ R11, R12: depth


doses = st.builds(
    Dose, strategies.examples, strategies.dimensions, strategies.cones, st.floats(0, 1), st.floats(-1, 1)
)


@given(doses, st.floats(-1, 1))
@example(Dose(1000, 10, Cone(0.9), 1.0, 0.5), 0.0)
@example(Dose(1000, 10, Cone(0.9), 0.0, -1.0), 0.5)
def test_p13_contractions_are_power_means(model: Dose, other: float) -> None:
    """P13, R11: kappa rises with the exponent (falls with depth) for doses in (0, 1), is 1 at 0 and q at 1."""
    low, high = sorted((model.exponent, other))
    kappa = [contraction(replace(model, exponent=exponent)) for exponent in (-1.0, low, high, 1.0)]
    for smaller, larger in itertools.pairwise(kappa):
        assert smaller <= larger * (1 + 1e-12)
    assert contraction(replace(model, dose=0.0)) == 1
    assert contraction(replace(model, dose=1.0)) == pytest.approx(residual_share(model), rel=1e-9)
    q = residual_share(model)
    assert kappa[0] == pytest.approx(1 / (1 + model.dose * (1 / q - 1)), rel=1e-12)
    assert kappa[-1] == pytest.approx(1 - model.dose + model.dose * q, rel=1e-12)


@given(doses, strategies.depths)
def test_r11_the_contraction_is_that_of_the_leading_order_steps(model: Dose, depth: int) -> None:
    """R11: kappa_L = (1 - alpha_L N r^2)^L with alpha_L n = 1 - q^(1/L), also beyond overshoot (parity of L)."""
    for dose in (model.dose, 1 + 3 * model.dose):
        step = 1 - residual_share(model) ** (1 / depth)
        kappa = contraction(replace(model, dose=dose, exponent=1 / depth))
        assert kappa == pytest.approx((1 - step * dose) ** depth, rel=1e-9, abs=1e-12)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.integers(1, 30))
def test_p14_the_sign_of_the_effect_of_depth(q: float, critical: float, depth: int) -> None:
    """P14, R12: N*(L) r^2/n = (1 - kappa_c^(1/L))/(1 - q^(1/L)) rises with L iff q > kappa_c; it is 1 where equal."""

    def hijackers(layers: int) -> float:
        return math.expm1(math.log(critical) / layers) / math.expm1(math.log(q) / layers)

    shallow, deep = hijackers(depth), hijackers(depth + 1)
    slack = 64 * EPS * shallow / min(-math.log(q), -math.log(critical))
    assert (deep - shallow) * math.copysign(1, q - critical) >= -slack
    if q == critical:
        assert deep == pytest.approx(1, rel=1e-12)


def test_r12_the_boundary_at_worked_points() -> None:
    """R12: theorem regime: depth hurts; experiment regime: depth helps; exact N50 agree with both rules there."""
    theorem = Depths(1000, 10, Cone(0.9), Fixed(0.5))
    experiment = Depths(40, 20, Cone(0.995), Fixed(0.2))
    assert depth_helps(theorem) == pytest.approx(0.029 - 0.677, abs=6e-4)
    assert depth_helps(experiment) == pytest.approx(0.966 - 0.842, abs=6e-4)
    for model, sign in ((theorem, -1), (experiment, 1)):
        assert math.copysign(1, depth_gain(model)) == sign
        assert math.copysign(1, half_error_gain(model)) == sign


@pytest.mark.parametrize(
    ("mode", "errors"),
    [
        ("joint", (0.4514, 0.7707, 0.8370, 0.8653, 0.8922, 0.9049)),
        ("prior_mean", (0.4164, 0.6579, 0.7417, 0.7859, 0.8287, 0.8491)),
    ],
)
def test_r12_worked_errors_of_the_theorem_regime(mode: str, errors: tuple[float, ...]) -> None:
    """R12: n = 1000, d = 10, rho = .9, s = .5, N = 32: the error RISES with depth (L = 1, 2, 3, 4, 6, 8)."""
    for depth, error in zip((1, 2, 3, 4, 6, 8), errors, strict=True):
        model = trained(TunedHijack(1000, 10, depth, Cone(0.9), Fixed(0.5), mode), 32)
        assert hijack_error(model) == pytest.approx(error, abs=6e-5)


# ------------------------------------------------------------------ R15, R16: clean examples at test


def test_r15_worked_margins() -> None:
    """R15: mean and standard deviation of the margin at n' = 2000, d = 20, as on the paper's page."""
    converged = MixedContext(2000, 40, 20, 400, 1 / 3000, 0.7, Cone(0.9), Fixed(0.8))
    assert mixed_context_margin(converged) == pytest.approx(0.36854, abs=6e-6)
    assert mixed_context_deviation(converged) == pytest.approx(0.07573, abs=6e-6)
    early = MixedContext(2000, 20, 20, 2, 0.5 / 2000, 0.7, Cone(0.9), Fixed(0.6))
    assert mixed_context_margin(early) == pytest.approx(0.32102, abs=6e-6)
    assert mixed_context_deviation(early) == pytest.approx(0.07496, abs=6e-6)


@given(strategies.cones, strategies.scales, strategies.margins, strategies.depths, st.floats(0.05, 1.5))
def test_r15_without_hijackers_the_margin_is_that_of_clean_descent(
    prior: Cone, scale: float, s: float, depth: int, eta: float
) -> None:
    """R15: N = 0: mean s [kappa0 c rho + (1 - kappa0) tau], variance of both noises with r^2 -> d - 1 on average."""
    n, d = 500, 8
    model = MixedContext(n, 0, d, depth, eta / n, scale, prior, Fixed(s))
    kept, rho = (1 - eta) ** depth, prior.correlation
    mean = s * (kept * scale * rho + (1 - kept) * TAU)
    variance = kept**2 * scale**2 * (1 - rho**2) + (1 - kept) ** 2 * (1 - 2 / math.pi) * (d - 1) / n
    assert mixed_context_margin(model) == pytest.approx(mean, rel=1e-11, abs=1e-11)
    assert mixed_context_deviation(model) == pytest.approx(math.sqrt(variance), rel=1e-9)


@pytest.mark.parametrize(
    ("n", "depth", "rho", "step", "accuracy", "zero_shot"),
    [
        (160, 4, 0.995, 0.000212, 0.97027, 0.96816),
        (160, 4, 0.95, 0.001706, 0.93386, 0.89892),
        (400, 4, 0.9, 0.00108, 0.95069, 0.85643),
    ],
)
def test_r16_worked_accuracies(
    n: int, depth: int, rho: float, step: float, accuracy: float, zero_shot: float
) -> None:
    """R16: accuracy on clean data at d = 20, c = tau rho, as on the paper's page."""
    model = CleanContext(n, 20, depth, step, TAU * rho, Cone(rho))
    assert clean_accuracy(model) == pytest.approx(accuracy, abs=6e-6)
    assert clean_accuracy(replace(model, examples=0)) == pytest.approx(zero_shot, abs=6e-6)


@given(strategies.cones, strategies.scales, strategies.depths, strategies.dimensions)
def test_r16_without_examples_the_angle_of_the_prior_decides(
    prior: Cone, scale: float, depth: int, d: int
) -> None:
    """R16: n' = 0: accuracy 1 - arccos(rho)/pi at every depth and scale c > 0."""
    model = CleanContext(0, d, depth, 0.1, scale, prior)
    assert clean_accuracy(model) == pytest.approx(1 - math.acos(prior.correlation) / math.pi, abs=1e-12)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("build", "parameter"),
    [
        (lambda: Hijack(-1, 3, 1, 0.1, 0.5, Cone(0.5), Fixed(0.5)), "hijackers"),
        (lambda: Hijack(1.5, 3, 1, 0.1, 0.5, Cone(0.5), Fixed(0.5)), "hijackers"),  # type: ignore[arg-type]
        (lambda: Hijack(1, 3, 1, 0.1, 0.5, Cone(0.5), Fixed(0.0)), "size"),
        (lambda: Query(1, 0.1, 0.5, 0.5, 0.5, 2.0, 1.0), "alignment"),
        (lambda: Depths(10, 3, Cone(0.5), Fixed(0.5), 4, 4), "deep"),
        (lambda: depth_gain(Depths(10, 3, Cone(1.0), Fixed(2.0))), "margin.size"),
        (lambda: half_error_gain(Depths(100, 10, Cone(0.9), Fixed(2.0))), "margin.size"),
        (lambda: contraction(Dose(1000, 10, Cone(0.9), 1.5, 0.7)), "exponent"),
        (lambda: hijack_error_bound(Hijack(1, 3, 1, 0.1, 0.5, Cone(0.5), Fixed(0.5))), "margin"),
        (lambda: hijack_error_bound(Hijack(1, 3, 1, 0.1, -0.5, Cone(0.5), Uniform(0.5))), "initial_scale"),
        (lambda: hijack_error_bound(Hijack(1, 3, 1, 0.1, 0.5, VonMisesFisher(0.1), Uniform(0.5))), "prior"),
        (
            lambda: mixed_context_margin(MixedContext(100, 1, 5, 2, 0.02, 0.5, Cone(0.5), Fixed(0.5))),
            "step_size",
        ),
    ],
)
def test_bad_input_is_one_clear_error(build: Callable[[], object], parameter: str) -> None:
    """What lies outside a domain, or has no answer there, is refused by name."""
    with pytest.raises(DomainError) as error:
        build()
    assert error.value.parameter == parameter
