"""Fine-tuning, internal feedback, learnable answers and noise: R10-R13 of docs/papers/rlvr_gradient_flow.md."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, target
from hypothesis import strategies as st
from scipy import special

from lemmata import DomainError
from tests.naive import rlvr_gradient_flow as naive
from tests.profiles import share
from tests.strategies import rlvr_gradient_flow as strategies
from tests.strategies.rlvr_gradient_flow import GOLDEN, SIX
from theory.numerics.exponential_integrals import scaled_e1, scaled_ei
from theory.numerics.log_concave import log_integral
from theory.numerics.overshoot import mean_overshoot
from theory.numerics.sinh_law import inverse_sinh_law, sinh_law
from theory.rlvr_gradient_flow import (
    Bandit,
    CertaintyFlow,
    Convergence,
    LearnableAnswers,
    Pair,
    RandomPatterns,
    Reinforce,
    Teacher,
    certainty_flow,
    convergence_time,
    hitting_time_moments,
    hitting_time_terms,
    learnable_flow,
    regime,
    rejection_sampling_rounds,
    rlif_correlation,
    rlif_gain_at_margin,
    rlif_gain_probability,
    rlif_worst_limit,
    rlif_worst_probability,
    separatrix,
    sft_policy,
    sft_threshold,
    sft_time,
    sft_two_pattern_time,
)

# ------------------------------------------------------------------ R10: fine-tuning


@given(strategies.regime_two())
@settings(max_examples=share(4))
def test_r10_fine_tuning_ends_where_the_accuracy_is_the_runner_ups_rate(model: Bandit) -> None:
    """P15: V(pi(tau_c)) = p', by integration of dtheta = q - pi, and the policy there; tau_c = 0 in Regime 1."""
    teacher = Teacher(model.start, model.rates)
    weights = np.array(model.rates) - model.rates[1]
    time, policy = naive.teaching_time(model.start, np.eye(len(model.start))[0], weights)
    assert sft_time(teacher) == pytest.approx(time, rel=1e-9, abs=1e-11)
    assert sft_policy(teacher) == pytest.approx(policy, abs=1e-9)
    assert abs(weights @ sft_policy(teacher)) <= 1e-13
    share_of_best = sft_threshold(teacher)
    mixed = (1 - share_of_best) * np.array(model.start) + share_of_best * np.eye(len(model.start))[0]
    assert abs(weights @ mixed) <= 1e-13


@given(strategies.regime_one())
def test_r10_regime_one_needs_no_fine_tuning(model: Bandit) -> None:
    """P15: tau_c = 0, alpha_c = 0 and no round of rejection sampling from a start in Regime 1."""
    teacher = Teacher(model.start, model.rates)
    assert (sft_time(teacher), sft_threshold(teacher), rejection_sampling_rounds(model)) == (0.0, 0.0, 0.0)
    assert sft_policy(teacher) == pytest.approx(model.start)


@given(strategies.bandits())
def test_r10_rejection_sampling_raises_the_accuracy_until_regime_one(model: Bandit) -> None:
    """P16: V_n increases; the round returned is the first with V_n > p'."""
    rounds = rejection_sampling_rounds(model)
    assume(rounds < 200)
    start, rates = np.array(model.start), np.array(model.rates)
    weights = start * rates ** np.arange(int(rounds) + 2)[:, None]
    values = weights @ rates / weights.sum(axis=1)
    assert np.all(np.diff(values) > 0)
    second = np.sort(rates)[-2]
    assert values[int(rounds)] > second - 1e-12
    assert rounds == 0 or values[int(rounds) - 1] <= second + 1e-12


def test_r10_worked_values() -> None:
    """R10: the table of fine-tuning before RLVR, two patterns, rounds; teachers that are not good enough."""
    for start, rates, time, policy, in_all in (
        (SIX.start, SIX.rates, 2.5006387, (0.498505, 0.302093, 0.199402), 230.7698),
        ((0.001, 0.9, 0.099), (0.9, 0.8, 0.1), 7.0845865, (0.757362, 0.134443, 0.108195), 307.39),
        (
            (0.01, 0.5, 0.2, 0.29),
            (0.95, 0.9, 0.5, 0.1),
            10.7207267,
            (0.885715, 0.041543, 0.034770, 0.037972),
            242.4172,
        ),
    ):
        teacher = Teacher(start, rates)
        assert sft_time(teacher) == pytest.approx(time, abs=5e-8)
        assert sft_policy(teacher) == pytest.approx(policy, abs=5e-7)
        rest = convergence_time(Convergence(tuple(sft_policy(teacher)), rates))
        assert sft_time(teacher) + rest == pytest.approx(in_all, abs=5e-5)
    logit = special.expit
    pair = Teacher((logit(-2), logit(2)), (0.9, 0.1), teacher=(0.7, 0.3), level=logit(0.5))
    assert sft_two_pattern_time(pair) == pytest.approx(4.56297596, abs=5e-9)
    assert sft_two_pattern_time(replace(pair, teacher=())) == pytest.approx(2.00669299, abs=5e-9)
    assert sft_two_pattern_time(replace(pair, level=0.8)) == math.inf
    assert rejection_sampling_rounds(SIX) == 2
    poor = Teacher(SIX.start, SIX.rates, teacher=(0.1, 0.5, 0.4))
    assert sft_threshold(poor) == math.inf
    assert sft_threshold(replace(poor, teacher=(0.3, 0.4, 0.3))) > 1
    assert regime(Bandit((0.3, 0.4, 0.3), SIX.rates)) == 2
    with pytest.raises(ValueError, match="best pattern alone"):
        sft_time(poor)
    with pytest.raises(ValueError, match="sum to 1"):
        replace(poor, teacher=(0.1, 0.1, 0.1))


@given(st.floats(0.01, 0.99), st.floats(0.02, 1.0), st.floats(0.05, 0.95))
@settings(max_examples=share(4))
def test_r10_two_patterns_solve_the_differential_equation(begin: float, teacher: float, part: float) -> None:
    """R10: [H(l) - H(l_0)]/2 on either side of the teacher's share, by integration."""
    assume(abs(begin - teacher) > 1e-3)
    level = begin + part * (teacher - begin)
    model = Teacher((begin, 1 - begin), (0.9, 0.1), teacher=(teacher, 1 - teacher), level=level)
    sign = 1 if teacher > begin else -1
    time, _ = naive.teaching_time(model.start, model.teacher, sign * np.array([1 - level, -level]))
    assert sft_two_pattern_time(model) == pytest.approx(time, rel=1e-8)


def test_r10_no_share_of_a_teacher_that_is_no_better_than_the_runner_up_is_enough() -> None:
    """R10: an accuracy that equals the runner-up's rate is in no regime; any share of a better teacher mends it."""
    assert sft_threshold(Teacher((0.3, 0.7), (0.5, 0.5))) == math.inf
    assert sft_threshold(Teacher((0.25, 0.5, 0.25), (0.75, 0.5, 0.25))) == 0.0
    assert sft_threshold(Teacher((0.25, 0.5, 0.25), (0.75, 0.5, 0.25), teacher=(0.0, 0.5, 0.5))) == math.inf


# ------------------------------------------------------------------ R11: internal feedback


def test_r11_another_size_keeps_the_condition_that_the_limit_knows() -> None:
    """delta sqrt K: at a fixed margin the majority would become certain as K grows."""
    model = RandomPatterns(64, margin=0.1)
    assert model.resized({"patterns": 256}) == RandomPatterns(256, margin=0.05)
    assert rlif_gain_probability(model.resized({"patterns": 32})) == pytest.approx(
        rlif_gain_probability(model), rel=1e-14
    )


def test_r11_the_chance_of_the_worst_pattern_agrees_with_the_exact_sum() -> None:
    """P21, R11: 1 minus the Irwin-Hall distribution in rationals; 0, 1/8, 1/6, then increasing to 1/2."""
    values = [rlif_worst_probability(RandomPatterns(patterns)) for patterns, _ in GOLDEN["worst"]]
    assert values == pytest.approx([float(value) for _, value in GOLDEN["worst"]], abs=3e-14)
    exact = [float(Fraction(0)), float(Fraction(1, 8)), float(Fraction(1, 6))]
    assert [rlif_worst_probability(RandomPatterns(k)) for k in (2, 3, 4)] == pytest.approx(exact, abs=1e-15)
    many = [rlif_worst_probability(RandomPatterns(k)) for k in (*range(2, 40), 100, 1000, 10**4)]
    assert np.all(np.diff(many) > 0)
    assert many[-3:-1] == pytest.approx([0.431005, 0.478152], abs=5e-7)
    assert rlif_worst_probability(RandomPatterns(10)) == pytest.approx(0.284791, abs=5e-7)
    expansion = 0.5 - math.sqrt(3 / (2 * math.pi * 1e4)) * (1 - 3 / (20 * 1e4))
    assert many[-1] == pytest.approx(expansion, abs=1e-9)
    with pytest.raises(ValueError, match="margin"):
        rlif_worst_probability(RandomPatterns(10, margin=0.1))


def test_r11_the_chance_of_a_gain() -> None:
    """R11: 1/2 + arcsin(rho)/pi without a margin, frozen and learnable; the margin's curve; tilted densities."""
    frozen, learned = RandomPatterns(1000), RandomPatterns(1000, answers="learnable")
    assert rlif_correlation(frozen) == pytest.approx(0.5272076343, abs=5e-11)
    assert rlif_correlation(learned) == pytest.approx(0.7777552019, abs=5e-11)
    for model, limit in ((frozen, 0.6767610), (learned, 0.7836417)):
        closed = 0.5 + math.asin(rlif_correlation(model)) / math.pi
        assert rlif_gain_probability(model) == pytest.approx(closed, abs=1e-13)
        assert closed == pytest.approx(limit, abs=5e-8)
    for margin, value in ((0.005, 0.633), (0.01, 0.752), (0.02, 0.913)):
        assert rlif_gain_at_margin(replace(frozen, margin=margin)) == pytest.approx(value, abs=5e-4)
    tilt = special.expit(-1.2299332)
    assert rlif_worst_limit(replace(frozen, margin=0.1)) == pytest.approx(tilt, abs=1e-8)
    assert rlif_worst_limit(frozen) == 0.5
    for margin in (1e-7, 1e-12, 1e-300):
        assert rlif_worst_limit(replace(frozen, margin=margin)) == pytest.approx(0.5 - 3 * margin, abs=1e-12)


@given(st.integers(2, 10**5), st.floats(0, 0.4), st.floats(1.01, 2))
def test_r11_a_margin_makes_the_gain_sure(patterns: int, margin: float, factor: float) -> None:
    """R11: at least the margin is better than exactly the margin; both increase with it and with K."""
    model = RandomPatterns(patterns, margin=margin)
    at_least = rlif_gain_probability(model)
    assert rlif_gain_at_margin(model) - 1e-15 <= at_least <= 1 + 1e-15
    assert at_least <= rlif_gain_probability(replace(model, margin=min(0.49, margin * factor))) + 1e-14
    assert at_least <= rlif_gain_probability(replace(model, patterns=2 * patterns)) + 1e-14


@given(strategies.bandits(), st.floats(0, 100))
@settings(max_examples=share(2))
def test_r11_certainty_does_not_tell_right_from_wrong(model: Bandit, time: float) -> None:
    """P17: R(p) = R(1-p): reflected rates give the same policy; the flow is R3 with R for p."""
    rates = tuple(0.02 + 0.96 * p for p in model.rates)
    policy = certainty_flow(CertaintyFlow(model.start, rates, time=time))
    reflected = certainty_flow(CertaintyFlow(model.start, tuple(1 - p for p in rates), time=time))
    assert policy == pytest.approx(reflected, abs=1e-11)
    rewards = [-0.5 * (math.log(p) + math.log(1 - p)) for p in rates]
    assert policy == pytest.approx(naive.softmax_flow(model.start, rewards, time), abs=1e-9)


@given(strategies.bandits(), st.floats(-3, 2))
@settings(max_examples=share(2))
def test_r11_reflected_rates_turn_gains_into_losses(model: Bandit, decade: float) -> None:
    """P17: p -> 1 - p flips Cov(R, p): accuracy loses on self-certainty what it gained, at first and at every time."""
    rates = np.array([0.02 + 0.96 * p for p in model.rates])
    start, time = np.array(model.start), 10.0**decade
    gains = []
    for p in (rates, 1 - rates):
        policy = certainty_flow(CertaintyFlow(model.start, tuple(p), time=time))
        gains.append((policy - start) @ p)
    assert gains[0] == pytest.approx(-gains[1], abs=1e-11)
    uniform = np.full(len(rates), 1 / len(rates))
    early = 1e-4 * len(rates)
    policy = certainty_flow(CertaintyFlow(tuple(uniform), tuple(rates), time=early))
    covariance = np.cov(-0.5 * np.log(rates * (1 - rates)), rates, bias=True)[0, 1]
    # the slope is Cov/K at a uniform start; the next order in time is bounded by the rewards' range, below 4
    assert (policy - uniform) @ rates / early == pytest.approx(covariance / len(rates), abs=64 * early)


# ------------------------------------------------------------------ R12: learnable answers


@given(strategies.bandits(most=4, decades=1), st.floats(-1, 5))
@settings(max_examples=share(5))
def test_r12_the_joint_flow_obeys_its_exact_law(model: Bandit, decade: float) -> None:
    """P18, R12: sum_i G(s_i(t)) = sum_i G(s_i(0)) + t with G(x) = x + sinh x and s = logit p."""
    rates = tuple(0.05 + 0.9 * p for p in model.rates)
    time = 10.0**decade
    policy, learned = learnable_flow(LearnableAnswers(model.start, rates, time=time))
    before, after = (float(np.sum(sinh_law(special.logit(p)))) for p in (np.array(rates), learned))
    # 1 - p is rounded where p is near 1: G feels it as G^2 roundings
    assert after - before == pytest.approx(time, rel=1e-8 + 1e-15 * time, abs=1e-8)
    assert policy.sum() == pytest.approx(1)


def test_r12_late_odds_grow_like_a_power_and_symmetric_starts_stay() -> None:
    """P18, R12: (pi_lead/pi_j) e^(s_j)/t -> K + kappa; odds 189.1, 1917, 19195 at t = 1e4, 1e6, 1e8."""
    model = LearnableAnswers((0.6, 0.4), (0.6, 0.4), time=1e4)
    odds = []
    for time in (1e4, 1e6, 1e8):
        (one, two), (_, rate) = learnable_flow(replace(model, time=time))
        odds.append(one / two)
    assert odds == pytest.approx([189.1, 1917, 19195], rel=1e-4)
    assert one / two * rate / (1 - rate) / 1e8 == pytest.approx(4, rel=2e-2)
    policy, rates = learnable_flow(LearnableAnswers((0.5, 0.5), (0.7, 0.7), time=1e4))
    assert policy == pytest.approx([0.5, 0.5], abs=1e-12)
    assert rates[0] == pytest.approx(rates[1], abs=1e-14)
    three = learnable_flow(LearnableAnswers((0.2, 0.5, 0.3), (0.7, 0.4, 0.2), time=100))
    assert three[0] == pytest.approx([0.08837194, 0.89621466, 0.01541340], abs=5e-9)
    assert three[1] == pytest.approx([0.96588489, 0.99320039, 0.73450098], abs=5e-9)


def test_r12_the_separatrix() -> None:
    """P18, R12: measured values; antisymmetric; 1/2 at equal rates; the winner on either side by the joint flow."""
    for rates, value in (((0.6, 0.4), 0.38555), ((0.9, 0.1), 0.08781), ((0.1, 0.05), 0.30086)):
        edge = separatrix(Pair(rates))
        assert edge == pytest.approx(value, abs=1e-5)
        for step, winner in ((1e-3, 0), (-1e-3, 1)):
            start = (edge + step, 1 - edge - step)
            policy = learnable_flow(LearnableAnswers(start, rates, time=1e12))[0]
            assert policy.argmax() == winner
    assert separatrix(Pair((0.3, 0.3))) == 0.5
    for rates, value in (
        ((0.55, 0.45), 0.44239), ((0.8, 0.6), 0.38885), ((0.95, 0.5), 0.23795), ((0.5, 0.2), 0.27423),
        ((0.3, 0.2), 0.39218), ((0.2, 0.1), 0.31289),
    ):  # fmt: skip
        assert separatrix(Pair(rates)) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("time", [0.0, 1e-300, 1e-29])
def test_r12_in_no_time_nothing_is_learned(time: float) -> None:
    """P18, R12: times too short for any integrator are no time at all."""
    policy, learned = learnable_flow(LearnableAnswers((0.2, 0.8), (0.3, 0.6), time=time))
    assert policy == pytest.approx([0.2, 0.8], rel=1e-14)
    assert learned == pytest.approx([0.3, 0.6], rel=1e-14)


@pytest.mark.parametrize("rates", [(1e-12, 0.5), (0.5, 1e-12)])
def test_r12_a_separatrix_close_to_certainty_is_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(DomainError, match=r"rates = .*: must be less apart: the separatrix is within"):
        separatrix(Pair(rates))


@pytest.mark.parametrize("wrong", [1, 4])
@pytest.mark.parametrize(("start", "rates"), [
    ((0.6, 0.4), (0.6, 0.4)), ((0.2, 0.5, 0.3), (0.7, 0.4, 0.2)), ((0.1, 0.2, 0.3, 0.4), (0.6, 0.5, 0.7, 0.3)),
])  # fmt: skip
def test_r12_late_laws_for_more_patterns_and_answers(
    start: tuple[float, ...], rates: tuple[float, ...], wrong: int
) -> None:
    """P18, R12: (pi_lead/pi_j) e^(s_j)/t -> K + kappa, odds ~ t^(K/(K+kappa)), 1 - p_j ~ t^(-kappa/(K+kappa)).

    Corrections are of the order of 1 - p_j, so t^(-kappa/(K+kappa)): a contrast of times cancels them and leaves their
    square, below 1e-4.
    """
    kappa, count = 1 + 1 / wrong, len(start)
    runs = [learnable_flow(LearnableAnswers(start, rates, wrong, time=t)) for t in (1e8, 1e10, 1e12)]
    lead = int(runs[0][0].argmax())
    others = [j for j in range(count) if j != lead]
    odds = np.array([policy[lead] / policy[others] for policy, _ in runs])
    wrongs = np.array([1 - learned[others] for _, learned in runs])
    shrinks = 100.0 ** (-kappa / (count + kappa))

    def settled(values: np.ndarray) -> np.ndarray:
        return (values[1:] - shrinks * values[:-1]) / (1 - shrinks)

    products = odds * (1 - wrongs) / wrongs / np.array([[1e8], [1e10], [1e12]])
    assert settled(products)[-1] == pytest.approx(np.full(count - 1, count + kappa), rel=1e-4)
    for values, exponent in ((odds, count / (count + kappa)), (wrongs, -kappa / (count + kappa))):
        slopes = np.diff(np.log(values), axis=0) / math.log(100)
        assert settled(slopes)[-1] == pytest.approx(np.full(count - 1, exponent), abs=1e-4)
    policy, learned = runs[0]
    assert kappa * 1e8 * (1 - learned[lead]) == pytest.approx(1, abs=10 * (1 - policy[lead]) + 1e-7)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@example(0.5, 0.5 + 1e-9)
@settings(max_examples=share(5))
def test_r12_the_separatrix_is_antisymmetric_and_favours_the_better(one: float, other: float) -> None:
    """P18, R12: sigma(p, q) = 1 - sigma(q, p); at most 1/2 for p >= q; a better first pattern needs no larger start."""
    low, high = sorted((one, other))
    edge = separatrix(Pair((high, low)))
    assert 0 < edge <= 0.5 + 1e-6
    assert separatrix(Pair((low, high))) == pytest.approx(1 - edge, abs=1e-6)
    assert separatrix(Pair((0.5 * (1 + high), low))) <= edge + 1e-6


def test_r12_the_gap_of_two_patterns_follows_the_policy() -> None:
    """P18, R12: d[G(s_1) - G(s_2)]/dt = 2 pi_1 - 1, by Gauss-Legendre quadrature over 20 times."""
    start, rates = (0.7, 0.3), (0.3, 0.6)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    path = [learnable_flow(LearnableAnswers(start, rates, time=float(2 + 2 * x)))[0] for x in nodes]
    lead = np.array([2 * policy[0] - 1 for policy in path])
    learned = learnable_flow(LearnableAnswers(start, rates, time=4.0))[1]
    before, after = (float(np.subtract(*sinh_law(special.logit(p)))) for p in (np.array(rates), learned))
    assert after - before == pytest.approx(float(2 * weights @ lead), abs=1e-9)


# ------------------------------------------------------------------ R13: noise


@pytest.mark.parametrize(
    ("start", "rates", "level", "step_size", "batch"),
    [(0.05, (0.8, 0.5), 0.9, 0.05, 8), (0.02, (0.9, 0.3), 0.5, 0.1, 16), (0.3, (0.4, 0.1), 0.95, 0.2, 16)],
)
def test_r13_two_patterns_agree_with_quadrature_in_the_logit(
    start: float, rates: tuple[float, float], level: float, step_size: float, batch: int
) -> None:
    """R13: flow, diffusion, Euler, crossing and deviation for K = 2 as integrals over the logit."""
    model = Reinforce((start, 1 - start), rates, level=level, step_size=step_size, batch=batch)
    expected = naive.two_pattern_moments(special.logit(start), special.logit(level), rates, step_size, batch)
    assert hitting_time_terms(model) == pytest.approx(expected, rel=2e-5)


def test_r13_worked_values_and_what_is_refused() -> None:
    """R13: the table's predictions; batch means and levels crossed twice have no such expansion."""
    model = Reinforce((0.05, 0.95), (0.8, 0.5), level=0.9, step_size=0.05, batch=8)
    assert hitting_time_terms(model) == pytest.approx(
        [63.53264, 0.06642, 0.01598, 0.09599, 3.15903], abs=6e-6
    )
    assert hitting_time_moments(model) == pytest.approx([63.71102, 3.15903], abs=6e-6)
    larger = hitting_time_terms(replace(model, step_size=0.2))
    assert larger[:3].sum() == pytest.approx(63.53264 + 4 * (0.06642 + 0.01598), abs=3e-5)
    assert larger[4] == pytest.approx(6.318, abs=5e-4)
    steep = hitting_time_terms(Reinforce((0.02, 0.98), (0.9, 0.3), level=0.5, step_size=0.1, batch=16))
    assert steep[[0, 1, 2, 4]] == pytest.approx([47.30269, 0.15488, 0.12730, 2.85837], abs=6e-6)
    three = Reinforce(SIX.start, SIX.rates, step_size=0.05, batch=32)
    for step_size, deviation in ((0.05, 9.267), (0.1, 13.106), (0.2, 18.534)):
        found = hitting_time_moments(replace(three, step_size=step_size))[1]
        assert found == pytest.approx(deviation, abs=5e-4)
    assert hitting_time_moments(replace(three, level=0.7, quantity="accuracy"))[0] > 80
    assert hitting_time_terms(replace(model, level=0.5, start=(0.6, 0.4))).tolist() == [0.0] * 5
    for words, change in {
        "batch": {"baseline": "batch"},
        ">= 1/2": {"level": 0.1},
        "reaches": {"level": 0.95, "quantity": "accuracy"},
        "reaches before": {"start": (1e-200, 1.0)},
    }.items():
        with pytest.raises(ValueError, match=words):
            hitting_time_moments(replace(model, **change))


@pytest.mark.parametrize("drift", [0.4, 1.0, 4.0])
def test_r13_the_overshoot_agrees_with_the_walk_itself(drift: float) -> None:
    """R13: E S_N^2/(2 E S_N) at the first rise above 0, by convolving densities; limits at no and at large drift."""
    assert mean_overshoot(drift) == pytest.approx(naive.spitzer_overshoot(drift), abs=2e-5)  # a grid of .01
    assert mean_overshoot(0.0) == pytest.approx(-special.zeta(0.5) / math.sqrt(2 * math.pi), abs=1e-12)
    assert mean_overshoot(np.nextafter(0.25, 0)) == pytest.approx(mean_overshoot(0.25), abs=1e-10)
    assert mean_overshoot(1e3) == pytest.approx(500 + 0.5e-3, rel=1e-12)


# ------------------------------------------------------------------ shared mathematics


@given(st.floats(-1e300, 1e300))
@example(1e-300)
@example(1.0)
def test_the_sinh_law_is_inverted(value: float) -> None:
    """x + sinh x and back; odd."""
    root = inverse_sinh_law(value)
    # near x = 700 one rounding of x is 700 roundings of sinh x
    assert sinh_law(root) == pytest.approx(value, rel=4e-16 * (4 + abs(root)), abs=1e-320)
    assert inverse_sinh_law(-value) == -root
    assert inverse_sinh_law(np.array([value, 0.0])).tolist() == [root, 0.0]


@given(st.floats(-3, 300).map(lambda x: 10.0**x))
@example(49.999999)
@example(50.000001)
def test_scaled_exponential_integrals_obey_their_differential_equations(v: float) -> None:
    """Bounds 1/(v+1) < e^v E1(v) < 1/v; either side of the switch; e^-v Ei(v) -> 1/v."""
    assert 1 / (v + 1) * (1 - 1e-15) <= scaled_e1(v) <= 1 / v * (1 + 1e-15)
    if v < 700:
        assert scaled_e1(v) == pytest.approx(special.exp1(v) * math.exp(v), rel=1e-14)
        assert scaled_ei(v) == pytest.approx(special.expi(v) * math.exp(-v), rel=1e-13, abs=1e-15)
    if v > 100:
        assert scaled_ei(v) * v == pytest.approx(1 + 1 / v + 2 / v / v, rel=12 / v / v / v + 1e-15)


@given(st.integers(1, 400), st.floats(0.0, 3.0), st.floats(-700, 700))
def test_log_integrals_of_powers(power: int, corner: float, shift: float) -> None:
    """int_0^1 (1-u)(a+u)^N du in closed form, whatever constant is added to the logarithm."""
    value = log_integral(lambda u: np.log1p(-u) + power * np.log(corner + u) + shift, 0.0, 1.0)
    a, b = Fraction(corner), Fraction(corner) + 1
    exact = b * (b ** (power + 1) - a ** (power + 1)) / (power + 1) - (
        b ** (power + 2) - a ** (power + 2)
    ) / (power + 2)
    logarithm = math.log(exact)
    target(abs(value - shift - logarithm), label="error")
    assert value - shift == pytest.approx(logarithm, abs=1e-12)
    assert log_integral(np.log, 1.0, 1.0) == -math.inf
