"""Entanglement times and their bounds: R6 of docs/papers/rlvr_gradient_flow.md."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st
from mpmath import mp, mpf

from tests.profiles import share
from tests.strategies import rlvr_gradient_flow as strategies
from tests.strategies.rlvr_gradient_flow import CLOCK, SIX, at
from theory.rlvr_gradient_flow import (
    Bandit,
    Flow,
    entanglement_bounds,
    entanglement_time,
    flow,
    hitting_time,
    least_policy,
    log_entanglement_bounds,
    log_entanglement_time,
    plateau_time,
    regime,
)
from theory.rlvr_gradient_flow.entanglement import log_averaged_growth
from theory.rlvr_gradient_flow.remarks import on_least_policy, on_plateau_time


@given(strategies.regime_two())
@settings(max_examples=share(1) * 10)
@example(SIX)
@example(Bandit((0.001, 0.9, 0.099), (0.9, 0.8, 0.1)))
def test_r6_the_entanglement_time_lies_between_its_bounds(model: Bandit) -> None:
    """P7: T_low <= T_0 <= T_up# <= T_up in Regime 2 with d_l >= g and r' the most likely pattern."""
    assert regime(model) == 2
    low, sharp, averaged = log_entanglement_bounds(model)
    time = log_entanglement_time(model)
    target(low - time if math.isfinite(low) else -50.0, label="tightness of the lower bound")
    assert low <= time + CLOCK
    assert time <= sharp + CLOCK
    assert sharp <= averaged + CLOCK
    if len(model.start) == 3:
        assert sharp == pytest.approx(averaged, abs=1e-10)


@given(strategies.regime_two_behind_a_low())
@example(Bandit((0.01, 0.39, 0.6), (0.9, 0.8, 0.1)))
def test_r6_the_lower_bound_holds_where_a_low_pattern_leads_at_first(model: Bandit) -> None:
    """P7: with some a_l <= 0 the integral of T_low starts at max_l -a_l/d_l."""
    assert regime(model) == 2
    assert max(model.start[2:]) > model.start[1]
    low, sharp, _ = log_entanglement_bounds(model)
    time = log_entanglement_time(model)
    target(low - time if math.isfinite(low) else -50.0, label="tightness of the lower bound")
    assert low <= time + CLOCK
    assert time <= sharp + CLOCK


@given(strategies.regime_two())
@settings(max_examples=share(1) * 3)
def test_r6_the_upper_bound_is_never_far(model: Bandit) -> None:
    """P7: T_0/T_up# stays below 1 as hypothesis pushes it up (0.67 is the largest ratio known)."""
    ratio = entanglement_time(model) / entanglement_bounds(model)[1]
    target(ratio, label="T_0 over its upper bound")
    assert 0 < ratio <= 1


@given(st.floats(-3, 4), st.integers(1, 60))
@example(-300.0, 3)
def test_r6_the_averaged_growth_increases_with_the_number_of_patterns(log_x: float, count: int) -> None:
    """P7: Phi_N(X) = [(1+a)^(N+2) - 1 - a(N+2)]/(a^2 (N+1)(N+2)), a = X/N, increasing to (e^X - 1 - X)/X^2."""
    value = log_averaged_growth(log_x, count)
    assert value <= log_averaged_growth(log_x, count + 1) <= log_averaged_growth(log_x, math.inf)
    with mp.workdps(60 + int(max(0, -log_x) * 3)):
        a = mp.exp(mpf(log_x)) / count
        closed = ((1 + a) ** (count + 2) - 1 - a * (count + 2)) / (a**2 * (count + 1) * (count + 2))
        assert value == pytest.approx(float(mp.log(closed)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("lows", [1, 3])
@pytest.mark.parametrize("exponent", [200, 289])
def test_r6_bounds_keep_their_order_where_they_overflow(lows: int, exponent: int) -> None:
    """P7: the two upper bounds are equal when the low patterns are alike, also beyond e^700."""
    rest = (0.3 / lows,) * lows
    model = Bandit((10.0**-exponent, 0.7, *rest), (0.9, 0.89, *(0.0,) * lows))
    lower, sharp, averaged = log_entanglement_bounds(model)
    assert lower <= log_entanglement_time(model) * (1 + 1e-13) <= sharp
    assert averaged == pytest.approx(sharp, rel=1e-13)


def test_r6_worked_values() -> None:
    """R6: orientation values, and T_0 on a plateau where a level V = p' has no digits."""
    assert entanglement_time(SIX) == pytest.approx(82.9722491, abs=5e-8)
    assert entanglement_bounds(SIX) == pytest.approx([67.5342568, 268.333333, 268.333333], abs=5e-7)
    assert plateau_time(SIX) == pytest.approx(136.162840, abs=5e-7)
    assert hitting_time(at(SIX, 0.5)) == pytest.approx(176.149917, abs=5e-7)
    assert hitting_time(at(SIX, 0.99)) == pytest.approx(436.445117, abs=5e-7)
    assert flow(Flow(SIX.start, SIX.rates, time=entanglement_time(SIX)))[0] == pytest.approx(
        0.0416246, abs=5e-8
    )
    assert least_policy(SIX) == pytest.approx(0.04098, abs=5e-6)
    assert flow(Flow(SIX.start, SIX.rates, time=39.34))[0] == pytest.approx(0.034488, abs=5e-7)
    lows = Bandit((0.01, 0.6, 0.3, 0.09), (0.9, 0.7, 0.5, 0.1))
    assert entanglement_time(lows) == pytest.approx(12409.5328, abs=5e-5)
    assert entanglement_bounds(lows) == pytest.approx([12353.7152, 23730.0, 23786.25], abs=5e-5)
    assert plateau_time(lows) == pytest.approx(20849.1352, abs=5e-5)
    deep = Bandit((0.001, 0.9, 0.099), (0.9, 0.8, 0.1))
    assert entanglement_time(deep) == pytest.approx(520049.8934, abs=5e-5)
    assert entanglement_bounds(deep)[0] == pytest.approx(520014.9068, abs=5e-5)
    assert hitting_time(at(deep, 0.5)) == pytest.approx(1.0401972e6, rel=5e-8)
    assert least_policy(deep) == pytest.approx(1.081689e-5, rel=5e-7)
    near = [flow(Flow(deep.start, deep.rates, time=t))[0] for t in (2.68e5, 2.69656e5, 2.71e5)]
    assert near[1] == min(near) == pytest.approx(1.081647e-5, rel=5e-7)
    ten = Bandit((0.01, 0.6, *(0.039,) * 10), (0.9, 0.8, *(0.3,) * 10))
    assert entanglement_time(ten) == pytest.approx(3.66575e13, rel=5e-6)


@pytest.mark.parametrize(
    ("model", "of_time", "of_policy"),
    [
        (Bandit((0.001, 0.9, 0.099), (0.9, 0.8, 0.1)), "", ""),
        (SIX, "", ""),
        (Bandit((0.05, 0.3, 0.25, 0.4), (0.9, 0.7, 0.7, 0.2)), "outside Regime 2", "the start, 0.05"),
        (Bandit((0.01, 0.39, 0.6), (0.9, 0.8, 0.1)), "outside Regime 2", "outside Regime 2"),
        (Bandit((0.3, 0.4, 0.3), (0.9, 0.7, 0.0)), "", "no deep plateau"),
    ],
)
def test_r6_values_of_deep_plateaus_say_where_there_is_none(
    model: Bandit, of_time: str, of_policy: str
) -> None:
    """R6: leading orders carry a remark outside their hypotheses, and where a least policy exceeds the start's."""
    for said, expected in ((on_plateau_time(model), of_time), (on_least_policy(model), of_policy)):
        assert expected in said
        assert bool(said) == bool(expected)


def test_r6_a_bound_outside_its_hypotheses_is_the_trivial_one() -> None:
    """R6: T_low needs d_l >= g (here T_0 is .615 of the integral); neither regime has a bound; Regime 1 has T_0 = 0."""
    steep = Bandit((0.05938, 0.70303, 0.23759), (0.82176, 0.35486, 0.22758))
    assert entanglement_bounds(steep)[0] == 0.0
    assert 0 < entanglement_time(steep) < entanglement_bounds(steep)[1]
    neither = Bandit((0.1, 0.2, 0.2, 0.5), (0.9, 0.8, 0.7, 0.1))
    assert regime(neither) == 3
    assert entanglement_bounds(neither).tolist() == [0.0, math.inf, math.inf]
    assert entanglement_bounds(Bandit((0.3, 0.4, 0.3), (0.9, 0.4, 0.2))).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("lows", [1, 2, 4, 10])
def test_r6_the_share_of_the_plateau_spent_below_regime_one(lows: int) -> None:
    """R6: T_0/T_plat -> 2 (N/(N+1))^(N+1) for N identical low patterns."""
    model = Bandit((1e-4, 0.9 - 1e-4, *(0.1 / lows,) * lows), (0.9, 0.8, *(0.5,) * lows))
    limit = 2 * (lows / (lows + 1)) ** (lows + 1)
    assert entanglement_time(model) / plateau_time(model) == pytest.approx(limit, rel=3e-6)


def test_r6_how_the_time_grows_with_gamma() -> None:
    """R6: T_0/gamma^2 -> d pi'/(12 g^2 pi_l) = 22.5 at fixed K; local slopes of ln T_0 rise to ln 4 as N grows."""
    ratios = []
    for best_start in (1e-3, 1e-4, 1e-5, 1e-6):
        model = Bandit((best_start, 0.9 - best_start, 0.1), (0.9, 0.8, 0.5))
        ratios.append(entanglement_time(model) / (1 + 0.1 / best_start) ** 2)
    assert ratios == pytest.approx([22.1585, 22.4651, 22.4965, 22.4997], abs=5e-5)

    def log_time(gamma: int) -> float:
        mass, count = 1e-5, gamma - 1
        start = (mass, 1 - mass * (count + 1), *(mass,) * count)
        return log_entanglement_time(Bandit(start, (0.9, 0.8, *(0.5,) * count)))

    slopes = [0.5 * (log_time(gamma + 1) - log_time(gamma - 1)) for gamma in (5, 10, 25, 50)]
    assert slopes == pytest.approx([1.0552, 1.2006, 1.3086, 1.3469], abs=5e-5)
    assert (log_time(50) - log_time(25)) / 25 == pytest.approx(1.3320, abs=5e-5)
    same_gamma = [
        entanglement_time(Bandit((e, 1 - 2 * e, e), (0.9, 0.8, 0.5))) for e in (0.1, 0.01, 1e-3, 1e-4)
    ]
    assert same_gamma == pytest.approx([36.8538, 403.141, 4069.77, 40736.4], rel=2e-6)


def test_r6_the_lower_bound_is_the_time_of_deep_plateaus() -> None:
    """R6: T_0 - T_low = 50.9, 66.3, 81.7, 97.0 while T_0 grows from 2e5 to 2e11."""
    for best_start, time, excess in (
        (1e-3, 2.2604e5, 50.9), (1e-4, 2.2510e7, 66.3), (1e-5, 2.2501e9, 81.7), (1e-6, 2.2500e11, 97.0)
    ):  # fmt: skip
        model = Bandit((best_start, 0.9 - best_start, 0.1), (0.9, 0.8, 0.5))
        exact = entanglement_time(model)
        assert exact == pytest.approx(time, rel=3e-5)
        assert exact - entanglement_bounds(model)[0] == pytest.approx(excess, abs=0.05 + CLOCK * exact)


def test_r6_growth_spread_over_many_patterns() -> None:
    """R6: slopes of ln Phi_inf rise to d/g = 3; ln T_0 -> ln (pi'/(g pi_*)) (2 e^(X-1) - X - 1)/X^2 as N grows."""
    values = [
        log_averaged_growth(math.log(3 * (gamma + 0.5 - 1)), math.inf)
        - log_averaged_growth(math.log(3 * (gamma - 0.5 - 1)), math.inf)
        for gamma in (5, 10, 20, 40, 80)
    ]
    assert values == pytest.approx([2.498, 2.778, 2.895, 2.949, 2.975], abs=5e-4)
    assert log_averaged_growth(math.log(3), 2) == pytest.approx(math.log(1.1875), rel=1e-14)
    assert log_averaged_growth(math.log(3), math.inf) == pytest.approx(math.log(1.78728188), abs=5e-9)

    def log_time(gamma: float, count: int, mass: float = 1e-4) -> float:
        low = (gamma - 1) * mass
        start = (mass, 1 - mass - low, *(low / count,) * count)
        return log_entanglement_time(Bandit(start, (0.9, 0.8, *(0.5,) * count)))

    assert [log_time(5, 100), log_time(5, 1000)] == pytest.approx([17.7589, 18.1830], abs=5e-5)
    x = 12.0
    limit = math.log((1 - 5e-4) / 1e-5 * (2 * math.exp(x - 1) - x - 1) / x**2)
    assert limit == pytest.approx(18.2357, abs=5e-5)
    slopes = [log_time(gamma + 0.5, 300, 1e-3) - log_time(gamma - 0.5, 300, 1e-3) for gamma in (5, 10, 20)]
    assert slopes == pytest.approx([2.40, 2.54, 2.43], abs=5e-3)
