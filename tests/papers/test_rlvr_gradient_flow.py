"""The policies and hitting times of gradient flow: R3-R5 of docs/papers/rlvr_gradient_flow.md."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, target
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy import integrate, special

from lemmata.models import DomainError
from lemmata.records import Result
from tests.naive import rlvr_gradient_flow as naive
from tests.profiles import share
from tests.strategies import rlvr_gradient_flow as strategies
from tests.strategies.rlvr_gradient_flow import CLOCK, GOLDEN, SIX, at
from theory.rlvr_gradient_flow import (
    RESULTS,
    Bandit,
    Convergence,
    Flow,
    Group,
    Target,
    convergence_time,
    entanglement_time,
    flow,
    hitting_time,
    log_entanglement_time,
    log_hitting_time,
    regime,
    regime_one_bound,
    regularised_optimum,
    tail_constant,
    tail_spread,
    tail_time,
    two_pattern_flow,
    two_pattern_time,
)
from theory.rlvr_gradient_flow.patterns import best
from theory.rlvr_gradient_flow.places import START, Orbit, along, log_time_to_balance
from theory.rlvr_gradient_flow.remarks import on_hitting_time, on_two_pattern_time


def accuracy(model: Bandit, policy: np.ndarray) -> float:
    return float(policy @ np.array(model.rates))


# ------------------------------------------------------------------ R3: the orbit


@given(strategies.bandits(decades=8), st.floats(-2, 6))
@settings(max_examples=share(5))
def test_r3_differences_are_straight_lines_and_the_product_is_conserved(model: Bandit, decade: float) -> None:
    """P1, P2: y_i - y_j = (y_i(0) - y_j(0)) - (p_i - p_j) s, sum_i ln y_i constant: ln y_i to 60 digits, same s."""
    orbit = Orbit.of(model.start, model.rates)
    place = orbit.at(10.0**decade)
    exact = naive.lines(model.start, model.rates, orbit.internal_time(place))
    log_policy = orbit.log_policy(place)
    with mp.workdps(40):
        log_total = mp.log(mp.fsum(mp.exp(-x) for x in exact))
        expected = np.array([float(-x - log_total) for x in exact])
    # s is rounded once; next to a vertex ln y feels that with its inverse width there
    feels = (
        np.abs(np.diff([orbit.log_policy((place[0], place[1] * (1 + e))) for e in (0, 1e-9)], axis=0)) * 1e-6
    )
    vertex = abs(orbit.path[2][place[0]]) / max(abs(place[1]), 1e-300)
    assert np.all(np.abs(log_policy - expected) <= 1e-12 + feels * (1 + vertex) + 1e-14 * np.abs(expected))


@given(strategies.bandits())
@settings(max_examples=share(2))
def test_r3_accuracy_and_time_increase_along_the_orbit(model: Bandit) -> None:
    """P3: V and t increase with s; sum of rounding in V is all that a plateau may show."""
    orbit = Orbit.of(model.start, model.rates)
    end = orbit.at(1e4)
    places = [START, *orbit.places(end), end]
    assert places == sorted(places, key=along)
    values = [accuracy(model, np.exp(orbit.log_policy(place))) for place in places]
    log_times = [orbit.log_time(orbit.at(float(s))) for s in np.geomspace(1e-3, 1e4, 29)]
    assert np.all(np.diff(log_times) > 0)
    assert np.all(np.diff(values) >= -1e-14)
    assert values[-1] > values[0]


@given(strategies.bandits(), st.floats(0, 50))
@settings(max_examples=share(4))
@example(SIX, 50.0)
@example(Bandit((0.2, 0.3, 0.5), (0.4, 0.4, 0.4)), 20.0)
@example(Bandit((0.2, 0.3, 0.5), (0.9, 0.9, 0.1)), 50.0)
def test_r3_the_exact_policy_solves_the_differential_equation(model: Bandit, time: float) -> None:
    """P4: against an integration of dtheta_i/dt = pi_i (p_i - V) at relative tolerance 1e-12."""
    exact = flow(Flow(model.start, model.rates, time=time))
    assert exact.sum() == pytest.approx(1.0, abs=1e-14)
    assert exact == pytest.approx(naive.softmax_flow(model.start, model.rates, time), abs=1e-10)


@given(strategies.bandits(), st.floats(0.1, 1), st.randoms(use_true_random=False))
@settings(max_examples=share(1))
def test_r3_only_differences_of_rates_matter_and_scales_divide_times(
    model: Bandit, scale: float, random
) -> None:
    """P5: p -> p + c leaves times unchanged, p -> c p divides them by c; patterns may be listed in any order."""
    level = 0.5 + 0.4 * scale
    time = hitting_time(at(model, level))
    half = replace(model, rates=tuple(0.5 * p for p in model.rates))
    shifted = replace(half, rates=tuple(p + 0.5 for p in half.rates))
    scaled = replace(model, rates=tuple(scale * p for p in model.rates))
    order = random.sample(range(len(model.start)), len(model.start))
    mixed = Bandit(tuple(model.start[i] for i in order), tuple(model.rates[i] for i in order))
    # p + 1/2 rounds p by 1e-16, which a gap of .01 takes to 1e-14, once for each factor of the plateau
    assert hitting_time(at(half, level)) == pytest.approx(2 * time, rel=CLOCK)
    assert hitting_time(at(shifted, level)) == pytest.approx(2 * time, rel=2 * CLOCK)
    assert hitting_time(at(scaled, level)) == pytest.approx(time / scale, rel=CLOCK)
    assert hitting_time(at(mixed, level)) == pytest.approx(time, rel=CLOCK)


SEVEN = Bandit((1 / 7,) * 7, (0.0003, 0.34, 0.68, 0.7, 0.88, 0.9, 0.9997))


@given(strategies.bandits(), st.floats(0.1, 0.9))
@settings(max_examples=share(1))
@example(SEVEN, 0.5)
def test_r3_times_add_up_along_an_orbit(model: Bandit, share_of_time: float) -> None:
    """P9: T(a -> c) = T(a -> b) + T(b -> c)."""
    whole = hitting_time(at(model, 0.9))
    assume(0 < whole < 1e8)
    between = share_of_time * whole
    policy = flow(Flow(model.start, model.rates, time=between))
    rest = hitting_time(Target(tuple(policy), model.rates, level=0.9))
    # the policy is rounded to 1e-16; a plateau of length whole is as sensitive to it as to its own start
    assert between + rest == pytest.approx(whole, rel=1e-10)


@pytest.mark.parametrize("patterns", [60, 100, 1000])
def test_r3_times_from_even_starts_are_those_of_the_differential_equation(patterns: int) -> None:
    """Many patterns switch together; from 65 on, panels are looked over once the whole time is known."""
    rates = np.linspace(0.001, 0.999, patterns)
    model = Bandit((1 / patterns,) * patterns, tuple(rates.tolist()))

    def speed(_: float, theta: np.ndarray) -> np.ndarray:
        policy = special.softmax(theta)
        return policy * (rates - policy @ rates)

    time = hitting_time(at(model, 0.9))
    solved = integrate.solve_ivp(
        speed, (0, time), np.zeros(patterns), method="DOP853", rtol=1e-12, atol=1e-13
    )
    assert special.softmax(solved.y[:, -1])[-1] == pytest.approx(0.9, rel=1e-9)


@given(strategies.bandits(), st.floats(0.5, 0.99))
@settings(max_examples=share(1))
def test_r3_policy_and_accuracy_are_at_the_level_when_it_is_reached(model: Bandit, level: float) -> None:
    """R3: T(pi_* = L) and T(V = L) are inverse to the flow; levels at the start or below take no time."""
    star = best(model)
    time = hitting_time(at(model, level))
    policy = flow(Flow(model.start, model.rates, time=time))
    assert time == 0.0 or time > 1e7 or policy[star] == pytest.approx(level, rel=1e-8)
    assert (time == 0.0) == (model.start[star] >= level)
    base, top = accuracy(model, np.array(model.start)), max(model.rates)
    value = base + level * (top - base)
    time = hitting_time(at(model, value, quantity="accuracy"))
    assert time > 1e7 or accuracy(model, flow(Flow(model.start, model.rates, time=time))) == pytest.approx(
        value, rel=1e-8
    )
    assert hitting_time(at(model, 0.9 * base, quantity="accuracy")) == 0.0
    if top < 1:
        assert hitting_time(at(model, top + 0.5 * (1 - top), quantity="accuracy")) == math.inf


@given(strategies.bandits(most=6), st.floats(0, 4))
@example(Bandit((0.25,) * 4, (0.1, 0.5, 0.52, 0.48)), 1.0)
@settings(max_examples=share(1))
def test_r3_the_best_pattern_never_falls_while_it_is_the_most_likely(model: Bandit, decade: float) -> None:
    """P19, from a uniform start too, and: p_i > p_j and pi_i >= pi_j once is pi_i > pi_j ever after."""
    early = flow(Flow(model.start, model.rates, time=10.0**decade))
    late = flow(Flow(model.start, model.rates, time=10.0**decade * 1.5))
    star, count = best(model), len(model.start)
    if early.argmax() == star:
        assert late[star] >= early[star] - 1e-14
    even = flow(Flow((1 / count,) * count, model.rates, time=10.0 ** (decade - 4)))
    assert even[star] >= 1 / count
    for i, j in zip(*np.nonzero(np.greater.outer(model.rates, model.rates)), strict=True):
        if early[i] >= early[j]:
            assert late[i] > late[j]


def test_r3_levels_below_a_half_are_crossed_more_than_once() -> None:
    """R3: pi_* rises to .0301, falls to .0044 and takes over in the end; the level .02 is crossed twice upwards."""
    model = Bandit((0.01, 0.05, 0.94), (0.9, 0.8, 0.1))
    first, last = (hitting_time(at(model, 0.02, crossing=which)) for which in ("first", "last"))
    assert first == pytest.approx(11.1975, abs=5e-5)
    assert last == pytest.approx(2341.4916, abs=5e-5)
    assert entanglement_time(model) == pytest.approx(1313.671, abs=5e-4)
    for time in (first, last):
        assert flow(Flow(model.start, model.rates, time=time))[0] == pytest.approx(0.02, rel=1e-10)
    peak, trough = (flow(Flow(model.start, model.rates, time=t))[0] for t in (17.51, 690))
    assert (peak, trough) == (pytest.approx(0.030105, abs=5e-7), pytest.approx(0.0043735, abs=5e-8))
    # a level touched by the hump alone, a level below all, one above the hump
    assert hitting_time(at(model, peak * (1 - 1e-9), crossing="first")) == pytest.approx(17.5, abs=0.1)
    assert hitting_time(at(model, 0.004)) == 0.0
    assert hitting_time(at(model, 0.004, crossing="last")) == 0.0
    assert hitting_time(at(model, 0.04)) == hitting_time(at(model, 0.04, crossing="last")) > 2000
    # at the start above the level, then below it
    assert hitting_time(at(model, 0.009)) == 0.0
    assert hitting_time(at(model, 0.009, crossing="last")) > 1000


def test_r3_worked_values() -> None:
    """R3: the values on docs/papers/rlvr_gradient_flow.md."""
    assert flow(Flow(SIX.start, SIX.rates, time=50)) == pytest.approx(
        [0.03494829, 0.94008739, 0.02496432], abs=5e-9
    )
    orbit = Orbit.of(SIX.start, SIX.rates)
    place = (1, 60.0 - float(orbit.path[2][1]))
    assert math.exp(orbit.log_time(place)) == pytest.approx(118.93515999600, abs=5e-12 * 119)
    log_policy = orbit.log_policy(place)
    assert log_policy[:2] - log_policy[2] == pytest.approx(
        [3.49835414 - 1.95458575, 3.49835414 + 0.71423832], abs=1e-8
    )


def test_r3_times_agree_with_32_digits_on_plateaus_of_every_depth() -> None:
    """R3, R6: entanglement and hitting times from 1e1 to 1e230, against quadrature at 60 digits."""
    worst = 0.0
    for start, rates, name, _, log_time in GOLDEN["time"]:
        model = Bandit(tuple(map(float, start)), tuple(map(float, rates)))
        if name == "entanglement":
            log_value = log_entanglement_time(model)
        else:
            log_value = log_hitting_time(at(model, float(name.split()[1])))
        error = abs(math.expm1(float(mpf(log_value) - mpf(log_time))))
        # starts and rates are rounded to 1e-16, K factors of the plateau's polynomial feel it
        assert error <= 2e-13 + 1e-15 * (len(start) + abs(log_value)) * 4, (start, name, error)
        worst = max(worst, error)
    print(f"\nlargest relative error of a time: {worst:.1e}")
    assert worst <= CLOCK


def test_r3_plateaus_beyond_the_largest_float_have_finite_logarithms() -> None:
    """R3: ten thousand patterns, plateaus of exp(700) and far more; the leading order of R6 agrees."""
    deep = Bandit((1e-200, 0.6, 0.4 - 1e-200), (0.9, 0.8, 0.1))
    assert hitting_time(at(deep, 0.5)) == math.inf
    log_time = log_hitting_time(at(deep, 0.5))
    # N = 1: T_plat = d g / (6 c) (a_*/g)^3 to leading order
    leading = math.log(0.7 * 0.4 * 0.6 * 1e-200 / 6 / 0.1**2) + 3 * 200 * math.log(10)
    assert log_time == pytest.approx(leading, abs=1e-9)
    many = 9998
    wide = Bandit((1e-5, 0.6 - 1e-5, *(0.4 / many,) * many), (0.9, 0.8, *(0.3,) * many))
    assert 30000 < log_entanglement_time(wide) < log_hitting_time(at(wide, 0.5)) < 31000


def test_r3_levels_are_found_on_plateaus_of_two_hundred_decades() -> None:
    """R3: a level that offsets of 1e-200 and of 1e50 enclose; ln int sum 1/y ds by quadrature at 450 digits."""
    start = (2.1184069746044207e-200, 0.46100589679035453, 5.699406135770634e-07, 0.5389935332690319)
    deep = Bandit(
        (*start, 1.2872055822102138e-142), (0.0, 1e-12, 0.7158179970500739, 0.7419182853331506, 1.0)
    )
    for crossing in ("first", "last"):
        model = replace(at(deep, 0.00039880183315911646), crossing=crossing)
        assert log_hitting_time(model) == pytest.approx(962.00790415991, rel=1e-13)


@pytest.mark.parametrize(("start", "rates", "level", "quantity", "said"), [
    ((0.5, 0.3, 0.2), (0.9, 0.5, 0.1), 0.95, "accuracy", "never reached: the accuracy tends to 0.9"),
    ((0.4, 0.4, 0.2), (0.9, 0.9, 0.1), 0.8, "policy", "never reached: the policy tends to 0.5; 2 patterns tie"),
    ((0.3, 0.7), (0.6, 0.6), 0.8, "policy", "never reached: the policy tends to 0.7; 2 patterns tie"),
    ((1e-200, 0.6, 0.4), (0.9, 0.8, 0.1), 0.5, "policy", "beyond the largest float: e^"),
    ((0.5, 0.3, 0.2), (0.9, 0.9, 0.1), 0.8, "policy", "2 patterns tie for the best rate"),
    ((0.5, 0.3, 0.2), (0.9, 0.5, 0.1), 0.8, "policy", ""),
])  # fmt: skip
def test_r3_infinite_times_and_ties_are_said(
    start: tuple[float, ...], rates: tuple[float, ...], level: float, quantity: str, said: str
) -> None:
    """R3, R5: why a time is infinite, where the flow ends, and which of equal patterns is meant."""
    model = Target(start, rates, level=level, quantity=quantity)
    remark = on_hitting_time(model)
    assert remark.startswith(said)
    assert bool(remark) == bool(said)
    assert (hitting_time(model) == math.inf) == said.startswith(("never", "beyond"))
    assert (log_hitting_time(model) == math.inf) == said.startswith("never")
    if said.startswith("never"):
        end = float(remark.split("tends to ")[1].split(";")[0])
        policy = flow(Flow(start, rates, time=1e6))
        reached = policy @ np.array(rates) if quantity == "accuracy" else policy[np.argmax(start)]
        assert reached == pytest.approx(end, abs=1e-3)
    if len(start) == 2:
        assert on_two_pattern_time(model) == remark
        assert two_pattern_time(model) == math.inf


def test_r4_a_penalty_that_holds_the_level_off_is_said() -> None:
    model = Target((0.3, 0.7), (0.9, 0.1), kl=1.0, level=0.9)
    assert two_pattern_time(model) == math.inf
    assert regularised_optimum(model)[0] < 0.9
    assert on_two_pattern_time(model).startswith("never reached: the KL penalty")
    assert not on_two_pattern_time(replace(model, level=0.4))


def test_r3_ties_are_decided_by_the_start_or_never() -> None:
    """R5: of equally good patterns the initially most likely takes everything; twins share for ever."""
    tied = Bandit((0.2, 0.3, 0.5), (0.9, 0.9, 0.1))
    assert best(tied) == 1
    assert flow(Flow(tied.start, tied.rates, time=1e6)).argmax() == 1
    twins = Bandit((0.25, 0.25, 0.5), (0.4, 0.4, 0.1))
    assert hitting_time(at(twins, 0.5)) == math.inf
    time = hitting_time(at(twins, 0.45))
    assert flow(Flow(twins.start, twins.rates, time=time))[:2] == pytest.approx([0.45, 0.45], rel=1e-10)
    assert hitting_time(at(Bandit((0.2, 0.3, 0.5), (0.4, 0.4, 0.4)), 0.6)) == math.inf
    assert entanglement_time(tied) == math.inf


# ------------------------------------------------------------------ R4: two patterns


@given(strategies.bandits(most=2, decades=12), st.floats(0.01, 0.999))
@example(Bandit((1e-6, 1 - 1e-6), (0.9, 0.4)), 0.5)
def test_r4_two_patterns_obey_the_sinh_law(model: Bandit, level: float) -> None:
    """R4: the general time for K = 2 is [G(logit L) - G(logit pi_*)]/Delta, G(x) = x + sinh x."""
    closed = two_pattern_time(at(model, level))
    assert hitting_time(at(model, level)) == pytest.approx(closed, rel=CLOCK)
    if 0 < closed < 1e12:
        policy = two_pattern_flow(Flow(model.start, model.rates, time=closed))
        # the time is rounded, and pi moves at 1/4 a unit of time at most
        assert policy[best(model)] == pytest.approx(level, abs=1e-13 + 1e-15 * closed)


def test_r4_agrees_with_30_digits() -> None:
    """R4: starts from 1e-200 to 1/2."""
    for start, gap, level, time in GOLDEN["two"]:
        rates = (float(gap), 0.0)
        model = Target((float(start), 1 - float(start)), rates, level=float(level))
        # 1 - level is rounded: .999999 has ten digits of its complement
        slack = 1e-13 + 4e-16 / (1 - float(level))
        assert two_pattern_time(model) == pytest.approx(float(time), rel=slack)


@given(strategies.bandits(most=2), st.floats(0.55, 0.95))
@settings(max_examples=share(4))
def test_r4_is_the_limit_of_a_pattern_that_vanishes(model: Bandit, level: float) -> None:
    """P6: K = 3 with pi_l -> 0 has the time of K = 2; the correction is linear in pi_l (20 pi_l at the most)."""
    worst = min(model.rates)
    assume(worst > 0.02)
    closed = two_pattern_time(at(model, level))
    assume(closed > 0)

    def correction(share_of_rarest: float) -> float:
        rare = share_of_rarest * min(model.start)
        start = (*(pi * (1 - rare) for pi in model.start), rare)
        return hitting_time(Target(start, (*model.rates, worst - 0.02), level=level)) / closed - 1

    # next to its level a start needs no time, to which a correction is not small beside it
    near = 1 + 1 / closed
    assert abs(correction(1e-9)) <= 1e-7 * near
    assert correction(1e-6) / 1e3 == pytest.approx(correction(1e-9), rel=1e-3, abs=CLOCK * near)


# ------------------------------------------------------------------ R5: regimes, Regime 1, the tail


@given(strategies.regime_one(), st.floats(-8, -0.5))
@settings(max_examples=share(1) * 3)
@example(Bandit((0.3, 0.4, 0.3), (0.9, 0.4, 0.2)), -2.0)
def test_r5_the_time_of_regime_one_is_bounded(model: Bandit, decade: float) -> None:
    """P8: T_1 <= [F(1-e) - F(pi_*)]/Delta_min in Regime 1, with pi_* increasing."""
    assert regime(model) == 1
    limit = Convergence(model.start, model.rates, error=min(0.5, 10.0**decade))
    bound, time = regime_one_bound(limit), convergence_time(limit)
    if model.start[0] >= 1 - limit.error:
        assert bound == time == 0.0
        return
    target(time / bound, label="tightness")
    assert time <= bound * (1 + CLOCK)
    if len(model.start) == 2:
        assert time == pytest.approx(bound / 2, rel=CLOCK)
    times = (0.1, 3.0, 100.0)
    policies = [flow(Flow(model.start, model.rates, time=t))[0] for t in times]
    assert np.all(np.diff(policies) > -1e-14)


@given(strategies.bandits())
def test_r5_the_regime_counts_the_patterns_above_the_base_accuracy(model: Bandit) -> None:
    """R5: 1, 2 or neither, by the definition; two patterns are always in Regime 1."""
    value = accuracy(model, np.array(model.start))
    assume(all(abs(value - p) > 1e-14 for p in model.rates))  # a start at the edge is neither
    above = sum(p > value for i, p in enumerate(model.rates) if i != best(model))
    assert regime(model) == min(above + 1, 3)
    if len(model.start) == 2:
        assert regime(model) == 1
    assert (entanglement_time(model) == 0.0) == (regime(model) == 1)


@given(strategies.bandits(most=5, decades=2), st.floats(-12, -6))
def test_r5_the_tail_has_its_constant_and_its_correction(model: Bandit, decade: float) -> None:
    """R5: e T -> (1/K) sum 1/Delta_j, with the factor 1 - b/sigma(e) up to about (v/sigma)^2 / 2."""
    limit = Convergence(model.start, model.rates, error=10.0**decade)
    spread = tail_spread(limit)
    assume(spread <= 0.2)
    ratio = convergence_time(limit) / tail_time(limit)
    # where v and b vanish, as from a uniform start, logit pi_* leaves a term of order e ln(1/e)
    remainder = abs(ratio - 1) - 40 * limit.error * -math.log(limit.error)
    target(remainder / max(spread, 1e-4) ** 2, label="remainder over its order")
    # the second order is a quadratic form in deviations that are at most v: of order one, 1.03 is the largest seen
    assert remainder <= 2 * spread**2
    assert tail_time(limit) == pytest.approx(tail_constant(model) / limit.error, rel=spread)


@pytest.mark.parametrize(("rates", "equals"), [
    ((0.9, 0.3, 0.6, 0.1), 1), ((0.9, 0.9, 0.4, 0.1), 2), ((0.9, 0.9, 0.9, 0.1), 3)
])  # fmt: skip
def test_r5_the_last_of_the_accuracy_is_gained_by_a_universal_law(
    rates: tuple[float, ...], equals: int
) -> None:
    """R5: (p_* - V) t -> (K - M)/(K - M + 1) whatever the rates, M patterns being the best."""
    start, limit = (0.1, 0.2, 0.3, 0.4), (4 - equals) / (5 - equals)
    errors = []
    for time in (1e12, 1e15):
        policy = flow(Flow(start, rates, time=time))
        errors.append((policy @ (0.9 - np.array(rates))) * time / limit - 1)
        assert policy.argmax() == equals - 1  # the initially most likely one of the best
    assert np.abs(errors) == pytest.approx(0, abs=1e-5)
    assert abs(errors[1]) < 0.1 * abs(errors[0])


def test_r5_worked_values() -> None:
    """R5: T_1 and its bound; e T / C at three errors for two starts, plain and corrected."""
    model = Convergence((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), error=0.01)
    assert convergence_time(model) == pytest.approx(128.368653, abs=5e-7)
    assert regime_one_bound(model) == pytest.approx(223.558993, abs=5e-7)
    for start, rates, plain in (
        (model.start, model.rates, (1.01856, 1.00308, 1.00071)),
        (SIX.start, SIX.rates, (1.1745, 1.0536, 1.0232)),
    ):
        for error, ratio in zip((1e-3, 1e-4, 1e-5), plain, strict=True):
            tail = Convergence(start, rates, error=error)
            assert error * convergence_time(tail) / tail_constant(tail) == pytest.approx(ratio, abs=5e-5)
    ratios = [
        convergence_time(tail) / tail_time(tail)
        for tail in (Convergence(SIX.start, SIX.rates, error=e) for e in (1e-3, 1e-4, 1e-5))
    ]
    assert ratios == pytest.approx([1.0563, 1.0016, 0.9991], abs=5e-5)


# ------------------------------------------------------------------ bad input, speed's twin


def test_models_refuse_what_they_cannot_mean() -> None:
    """One line that names the parameter, its value and its domain."""
    for words, make in {
        "sum to 1": lambda: Bandit((0.3, 0.3), (0.5, 0.4)),
        ">= 1e-290 and <= 1": lambda: Bandit((0.0, 1.0), (0.5, 0.4)),
        "length 2, like start": lambda: Bandit((0.5, 0.5), (0.5, 0.4, 0.3)),
        ">= 0 and <= 1": lambda: Bandit((0.5, 0.5), (1.5, 0.4)),
        "kl = -1": lambda: Bandit((0.5, 0.5), (0.5, 0.4), kl=-1),
        "kl = 0.1: must be 0": lambda: hitting_time(Target((0.5, 0.5), (0.5, 0.4), kl=0.1)),
        "in Regime 1": lambda: regime_one_bound(Convergence(SIX.start, SIX.rates)),
        "of length 2": lambda: two_pattern_time(at(SIX, 0.5)),
        "unique largest": lambda: tail_time(Convergence((0.5, 0.5), (0.4, 0.4))),
        "are floats": lambda: tail_time(Convergence((1e-290, 0.5, 0.5), (1e-20, 0.0, 0.0))),
        "size = 1: must be a whole number >= 2": lambda: Group(0.5, 1),
        "level = 1.0: must be": lambda: at(SIX, 1.0),
    }.items():
        with pytest.raises(DomainError, match=words.replace("(", r"\(")):
            make()


@pytest.mark.parametrize(
    ("start", "rates"),
    [
        ((1e-290, 0.7, 0.3), (0.9, 0.7, 0.2)),
        ((1e-290, 0.7, 0.3), (0.9, 0.9 - 2e-16, 0.2)),
        ((1e-290, 1e-290, 0.3, 0.7), (0.9, 0.8, 0.3, 0.6)),
        ((1.0, 1e-290), (0.9, 0.7)),
        ((1e-290, 1.0), (1.0, 0.0)),
        ((0.05, 0.7, 0.25), (0.9, 0.9, 0.2)),
        ((0.3, 0.3, 0.4), (0.0, 0.0, 0.0)),
    ],
)
@pytest.mark.parametrize("kl", [0.0, 1e-300, 1e300])
def test_no_result_is_without_a_value(start: tuple[float, ...], rates: tuple[float, ...], kl: float) -> None:
    """At the corners of the domain: a number, an infinite time, or one line that names the parameter."""
    for result in RESULTS:
        model: Any = result.model
        if issubclass(model, Bandit):
            try:
                value = result.function(model(start, rates, kl=kl))
            except DomainError:
                continue
            assert not np.isnan(value).any(), result


@pytest.mark.parametrize(
    "result", [r for r in RESULTS if r.model is Convergence or r.function is tail_constant]
)
def test_r5_is_for_the_flow_without_a_penalty(result: Result) -> None:
    """R5: with a penalty the flow stops short of the best pattern."""
    model: Any = result.model
    with pytest.raises(DomainError, match=r"kl = 0\.1: must be 0"):
        result.function(model((0.6, 0.4), (0.9, 0.2), kl=0.1))


def test_the_single_call_is_the_orbits_methods_one_after_the_other() -> None:
    """`log_time_to_balance` and `Orbit` give the same bits."""
    orbit = Orbit.of(SIX.start, SIX.rates)
    weights = np.array([0.5, -0.5, -0.5])
    place = orbit.balance(weights)
    assert place is not None
    assert orbit.log_time(place) == log_time_to_balance(orbit.start, orbit.rewards, weights)
    assert orbit.balance(-np.ones(3)) is None
