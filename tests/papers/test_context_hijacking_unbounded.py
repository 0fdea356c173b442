"""Hijack errors of unbounded depth: gradient flow and the ridge filter, R5-R7 of docs/papers/context_hijacking.md."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from lemmata import DomainError
from tests.profiles import share
from theory.context_hijacking import (
    Cone,
    DeepHijack,
    Fixed,
    Hijack,
    NormalisedGaussian,
    Training,
    Tuning,
    deep_hijack_error,
    gradient_flow_risk,
    hijack_error,
    optimal_flow_time,
    optimal_step_size,
)
from theory.context_hijacking.limits import NOISE
from theory.context_hijacking.risk import TAU

THEOREM = DeepHijack(32, 1000, 10, Cone(0.9), Fixed(0.5))
EXPERIMENTS = DeepHijack(16, 40, 20, Cone(0.995), Fixed(0.2))
FEW = DeepHijack(3, 50, 3, Cone(0.5), Fixed(0.4))
SAFE = DeepHijack(20, 30, 12, Cone(0.6), Fixed(2.5))


def over_radii(model: DeepHijack) -> float:
    """The error as in R7: an integral over r of the law of the hijacker's cosine to the prior's part."""
    assert isinstance(model.prior, Cone)
    rho, d = model.prior.correlation, model.dimension
    level, tilt = model.margin.size * TAU * rho * rho, TAU * rho * math.sqrt(1 - rho**2)

    def contraction(r: float) -> float:
        if model.limit == "flow":
            return math.exp(-optimal_flow_time(model.tuning) * model.hijackers * r * r)
        return 1 / (1 + model.hijackers * r * r * TAU**2 * (1 - rho**2) / (d * NOISE))

    def integrand(r: float) -> float:
        kappa = contraction(r)
        cosine = min(max((1 - kappa - level) / (kappa * tilt * r), -1.0), 1.0)
        below = 0.5 + 0.5 * math.copysign(special.betainc(0.5, 0.5 * (d - 2), cosine**2), cosine)
        log_norm = (0.5 * (d - 1) - 1) * math.log(2) + math.lgamma(0.5 * (d - 1))
        return below * math.exp((d - 2) * math.log(r) - 0.5 * r * r - log_norm)

    ends = np.linspace(1e-9, math.sqrt(d) + 9, 60)
    pieces = (integrate.quad(integrand, a, b, epsabs=1e-12) for a, b in itertools.pairwise(ends))
    return sum(value for value, _ in pieces)


@pytest.mark.parametrize("limit", ["flow", "ridge"])
@pytest.mark.parametrize("model", [THEOREM, EXPERIMENTS, FEW, SAFE], ids=str)
def test_r7_unbounded_depth_is_the_integral_over_radii(model: DeepHijack, limit: str) -> None:
    """Both kappa fall from 1 to 0; the theory integrates over the other variable, g."""
    model = replace(model, limit=limit)
    assert deep_hijack_error(model) == pytest.approx(over_radii(model), abs=1e-9)


def test_r7_thresholds_that_turn_within_a_panel_are_seen() -> None:
    """1 - s c rho = 1e-7: one panel alone is off by 6e-9, and is halved."""
    sharp = DeepHijack(3, 5, 10, Cone(0.62), Fixed((1 - 1e-7) / (TAU * 0.62**2)))
    assert deep_hijack_error(sharp) == pytest.approx(over_radii(sharp), abs=1e-10)


@pytest.mark.parametrize("model", [THEOREM, EXPERIMENTS, FEW], ids=str)
def test_r7_many_layers_with_the_same_total_step_tend_to_the_flow(model: DeepHijack) -> None:
    """Errors of L and 2L equal steps T/L, extrapolated: what is left is of order 1/L^2."""
    time, scale = optimal_flow_time(model.tuning), TAU * model.prior.mean_correlation(model.dimension)
    coarse, fine = (
        hijack_error(
            Hijack(model.hijackers, model.dimension, layers, time / layers, scale, model.prior, model.margin)
        )
        for layers in (512, 1024)
    )
    assert abs(fine - coarse) > 1e-6  # not yet the limit
    assert 2 * fine - coarse == pytest.approx(deep_hijack_error(model), abs=1e-6)


def test_r5_the_flow_time_is_the_limit_of_tuned_depths_at_large_size() -> None:
    """alpha_L n L at 8, 16 and 32 layers, twice extrapolated in 1/L: at d/n = 0.1 the gap falls like 1/n."""
    gaps = []
    for n in (100, 400):
        totals = [n * L * optimal_step_size(Tuning(n, n // 10, L, Cone(0.9))) for L in (8, 16, 32)]
        once = [2 * after - before for before, after in itertools.pairwise(totals)]
        limit = (4 * once[1] - once[0]) / 3
        gaps.append(abs(n * optimal_flow_time(Tuning(n, n // 10, 1, Cone(0.9))) / limit - 1))
    assert gaps[0] < 0.05
    assert gaps[1] == pytest.approx(gaps[0] / 4, rel=0.5)


@given(st.integers(1, 400), st.integers(2, 100), st.floats(0.05, 0.999))
@settings(max_examples=share(2))
def test_r5_no_time_has_less_risk(n: int, d: int, rho: float) -> None:
    """The optimal time against a grid about it, in the limiting risk of gradient flow."""
    time = optimal_flow_time(Tuning(n, d, 1, Cone(rho)))

    def risk(factor: float) -> float:
        return gradient_flow_risk(Training(n, d, 1, factor * time, TAU * rho, Cone(rho)))

    assert risk(1.0) <= min(map(risk, np.geomspace(0.05, 20, 40))) * (1 + 1e-12)


@given(st.integers(2, 60), st.floats(0.05, 1), st.floats(0.01, 4), st.sampled_from(["flow", "ridge"]))
@settings(max_examples=share(2))
def test_r10_more_hijackers_move_errors_one_way(d: int, rho: float, margin: float, limit: str) -> None:
    """Nothing overshoots: errors rise with N where s c rho < 1, and fall where s c rho > 1 (R8)."""
    counts = (0, 1, 3, 10, 100, 10**4)
    errors = [deep_hijack_error(DeepHijack(N, 60, d, Cone(rho), Fixed(margin), limit)) for N in counts]
    steps = np.diff(errors) * (1 if margin * TAU * rho * rho < 1 else -1)
    assert (steps >= -1e-12).all()
    assert 0 <= min(errors) <= max(errors) <= 1


@pytest.mark.parametrize(("dimension", "margin"), [(2, 0.3), (3, 3.0), (8, 3.0), (20, 3.0)])
@pytest.mark.parametrize("limit", ["flow", "ridge"])
def test_r7_a_random_prior_agrees_with_its_draws(dimension: int, margin: float, limit: str) -> None:
    """2^20 draws of rho, g and r^2, to 5 standard errors (6e-7); margin 3 has tasks with s c rho on both sides of 1."""
    spread, hijackers = 1.0, 10
    model = DeepHijack(hijackers, 40, dimension, NormalisedGaussian(spread), Fixed(margin), limit)
    rng, draws = np.random.default_rng((dimension, limit == "flow")), 2**20
    along = math.sqrt(dimension) / spread + rng.standard_normal(draws)
    rho = along / np.sqrt(along**2 + rng.chisquare(dimension - 1, draws))
    g = rng.standard_normal(draws)
    square = g**2 + (rng.chisquare(dimension - 2, draws) if dimension > 2 else 0.0)
    mean = model.prior.mean_correlation(dimension)
    if limit == "flow":
        kappa = np.exp(-optimal_flow_time(model.tuning) * hijackers * square)
    else:
        kappa = 1 / (1 + hijackers * square * TAU**2 * (1 - mean**2) / (dimension * NOISE))
    scale = TAU * mean
    wrong = kappa * (1 + scale * np.sqrt((1 - rho) * (1 + rho)) * g) < 1 - margin * scale * rho
    exact = deep_hijack_error(model)
    assert abs(wrong.mean() - exact) <= 5 * math.sqrt(exact * (1 - exact) / draws)


def test_r8_ends() -> None:
    """Without hijackers the prior alone decides; a certain prior takes no step; nothing is learned from a blind one."""
    shots = DeepHijack(0, 40, 20, NormalisedGaussian(0.1), Fixed(0.2))
    zero = hijack_error(Hijack(0, 20, 3, 0.001, 0.79, shots.prior, shots.margin))
    assert deep_hijack_error(shots) == pytest.approx(zero, abs=1e-10)
    assert deep_hijack_error(replace(EXPERIMENTS, prior=Cone(1.0), hijackers=100)) == 0
    assert optimal_flow_time(Tuning(40, 20, 1, Cone(1.0))) == 0
    assert deep_hijack_error(replace(FEW, dimension=2, hijackers=10**12)) == pytest.approx(
        1, abs=1e-5
    )  # |x| < 1e-6 is rare


@pytest.mark.parametrize(
    ("change", "parameter"), [({"limit": "lasso"}, "limit"), ({"hijackers": -1}, "hijackers")]
)
def test_bad_input_is_one_clear_error(change: dict[str, object], parameter: str) -> None:
    with pytest.raises(DomainError) as error:
        replace(THEOREM, **change)
    assert error.value.parameter.endswith(parameter)
