"""Optima, regularised and natural flows, and GRPO: R1, R2 and R7-R9 of docs/papers/rlvr_gradient_flow.md."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import special

from lemmata import DomainError
from tests.naive import rlvr_gradient_flow as naive
from tests.profiles import share
from tests.strategies import rlvr_gradient_flow as strategies
from tests.strategies.rlvr_gradient_flow import GOLDEN, SIX
from theory.rlvr_gradient_flow import (
    Bandit,
    Flow,
    Group,
    Grpo,
    LearnableAnswers,
    Target,
    grpo_clock,
    grpo_time,
    hitting_time,
    joint_accuracy,
    joint_optimum,
    kl_flow_rate,
    learnable_natural_gradient_flow,
    natural_gradient_flow,
    regularised_optimum,
    regularised_value,
    two_pattern_time,
)
from theory.rlvr_gradient_flow.two_patterns import penalised_time

THREE = Bandit((0.2, 0.5, 0.3), (0.9, 0.6, 0.1), kl=0.2)
penalties = st.floats(-3, 1).map(lambda x: 10.0**x)


def accuracy(model: Bandit, policy: np.ndarray) -> float:
    return float(policy @ np.array(model.rates))


def divergence(policy: np.ndarray, other: np.ndarray) -> float:
    return float(np.sum(special.rel_entr(policy, other)))


# ------------------------------------------------------------------ R1, R2: optima


@given(strategies.bandits(), penalties, st.integers(0, 2**32 - 1))
def test_r1_the_value_falls_short_by_the_divergence(model: Bandit, kl: float, seed: int) -> None:
    """P10: phi* - phi(pi) = beta KL(pi || pi_opt) for every policy pi."""
    model = replace(model, kl=kl)
    weights = np.random.default_rng(seed).exponential(size=len(model.start))
    policy, start = weights / weights.sum(), np.array(model.start)
    value = accuracy(model, policy) - kl * divergence(policy, start)
    log_optimum = np.log(start) + np.array(model.rates) / kl
    log_optimum -= special.logsumexp(log_optimum)
    gap = kl * float(policy @ (np.log(policy) - log_optimum))
    assert regularised_value(model) - value == pytest.approx(gap, abs=1e-13 * (1 + kl * 20))
    optimum = regularised_optimum(model)
    assert accuracy(model, optimum) - kl * divergence(optimum, start) == pytest.approx(
        regularised_value(model), abs=1e-13 * (1 + kl * 20)
    )


@given(strategies.bandits(), penalties, st.floats(1.1, 5))
def test_r1_accuracy_at_the_optimum_decreases_with_the_penalty(
    model: Bandit, kl: float, factor: float
) -> None:
    """P11, P20: ACC decreases in beta, from the best rate to pi_ref, and stays below that with learnable answers."""
    one, two = replace(model, kl=kl), replace(model, kl=factor * kl)
    high, low = (accuracy(m, regularised_optimum(m)) for m in (one, two))
    assert low <= high + 1e-15
    assert regularised_optimum(replace(model, kl=1e9)) == pytest.approx(model.start, rel=2e-9)
    assert accuracy(model, regularised_optimum(model)) == pytest.approx(max(model.rates))
    assert joint_accuracy(one) >= high - 1e-14


def test_r1_r2_worked_values_and_limits() -> None:
    """R1, R2: frozen and joint optimum, their limits, and ties."""
    assert regularised_optimum(THREE) == pytest.approx([0.630796, 0.351874, 0.017330], abs=5e-7)
    assert regularised_value(THREE) == pytest.approx(0.670267, abs=5e-7)
    sharp = replace(THREE, kl=0.05)
    assert regularised_optimum(sharp) == pytest.approx([0.993841, 0.006159, 1.678e-7], abs=5e-7)
    assert joint_optimum(sharp) == pytest.approx([0.352941, 0.588235, 0.058824], abs=5e-7)
    needed = 0.3 / math.log(0.8 * 0.99 / (0.2 * 0.01))
    assert needed == pytest.approx(0.0501554, abs=5e-8)
    assert regularised_optimum(replace(THREE, kl=needed))[0] >= 0.99
    tied = Bandit((0.2, 0.5, 0.3), (0.9, 0.1, 0.9))
    assert regularised_optimum(tied) == pytest.approx([0.4, 0.0, 0.6])
    assert regularised_optimum(replace(tied, kl=1e-300)) == pytest.approx([0.4, 0.0, 0.6])
    base = accuracy(THREE, np.array(THREE.start))
    for kl in (1e8, 1e15, 1e300):  # V(0) + Var_ref(p)/(2 beta) + ...
        variance = accuracy(THREE, np.array(THREE.start) * np.array(THREE.rates)) - base**2
        assert regularised_value(replace(THREE, kl=kl)) == pytest.approx(
            base + variance / (2 * kl), rel=1e-14
        )
    assert joint_optimum(replace(THREE, kl=0)) == pytest.approx(np.array([0.18, 0.3, 0.03]) / 0.51)
    assert joint_accuracy(replace(THREE, kl=0)) == 1.0
    with pytest.raises(ValueError, match="positive entry"):
        joint_optimum(Bandit((0.5, 0.5), (0.0, 0.0)))


@given(strategies.bandits(), penalties)
def test_r2_the_joint_optimum_is_the_marginal_over_answers(model: Bandit, kl: float) -> None:
    """R2: sum over right and wrong answers of pi_ref(r, a) e^(1[a right]/beta)."""
    kl = max(kl, 0.01)
    start, rates = np.array(model.start), np.array(model.rates)
    right, wrong = start * rates * math.exp(1 / kl), start * (1 - rates)
    total = right.sum() + wrong.sum()
    assert joint_optimum(replace(model, kl=kl)) == pytest.approx((right + wrong) / total)
    assert joint_accuracy(replace(model, kl=kl)) == pytest.approx(right.sum() / total)


# ------------------------------------------------------------------ R7: the KL-regularised flow


@given(strategies.bandits(), st.floats(-1.5, 1).map(lambda x: 10.0**x))
@settings(max_examples=share(2))
def test_r7_rates_are_eigenvalues_of_the_linearised_flow(model: Bandit, kl: float) -> None:
    """R7: beta times the non-zero eigenvalues of diag(pi) - pi pi^T at the optimum."""
    model = replace(model, kl=kl)
    policy = regularised_optimum(model)
    dense = np.linalg.eigvalsh(np.diag(policy) - np.outer(policy, policy))[1:]
    rates = kl_flow_rate(model)
    assert rates == pytest.approx(kl * dense, rel=1e-9, abs=1e-15 * kl)
    assert np.all(np.diff(rates) >= 0)


def test_r7_slow_rates_keep_their_digits() -> None:
    """R7: two patterns: beta/(1 + cosh l*) twice over, at an optimum where the eigenvalue is e^-200."""
    model = Bandit((0.5, 0.5), (0.6, 0.4), kl=0.001)
    goal = 0.2 / 0.001
    exact = 0.001 * 2 * special.expit(goal) * special.expit(-goal)
    assert kl_flow_rate(model) == pytest.approx([exact], rel=1e-12)
    assert kl_flow_rate(THREE) == pytest.approx([0.00510073, 0.09049545], abs=5e-9)
    with pytest.raises(ValueError, match="kl = 0"):
        kl_flow_rate(SIX)


def test_r7_two_patterns_agree_with_32_digits() -> None:
    """R7: int (1 + cosh l)/(l* - l) dl / beta on both sides of the goal, near it, and far into small beta."""
    for begin, end, goal, kl, time in GOLDEN["penalised"]:
        value = penalised_time(float(begin), float(end), float(goal), float(kl))
        assert value == pytest.approx(float(time), rel=5e-13), (begin, end, goal, kl)
    assert penalised_time(0.0, 3.0, 2.0, 0.1) == math.inf


@given(strategies.bandits(most=2), st.floats(0.1, 1), st.floats(-2, 0).map(lambda x: 10.0**x))
@settings(max_examples=share(4))
def test_r7_two_patterns_under_a_penalty_solve_the_differential_equation(
    model: Bandit, part: float, kl: float
) -> None:
    """R7, R4: the policy at the predicted time, by integration; at beta -> 0 the time of R4."""
    star = int(np.argmax(model.rates))
    begin = math.log(model.start[star] / model.start[1 - star])
    gap = model.rates[star] - model.rates[1 - star]
    level = special.expit(begin + 0.9 * part * min(gap / kl, 8.0))
    timed = Target(model.start, model.rates, kl=kl, level=float(level))
    time = two_pattern_time(timed)
    assume(0 < time < 1e4)
    policy = naive.softmax_flow(model.start, model.rates, time, kl)
    assert policy[star] == pytest.approx(level, rel=1e-7)
    assert two_pattern_time(replace(timed, kl=1e-9)) == pytest.approx(
        two_pattern_time(replace(timed, kl=0.0)), rel=1e-5
    )
    assert two_pattern_time(replace(timed, level=0.999999999, kl=1.0)) == math.inf


# ------------------------------------------------------------------ R8: the natural gradient


@given(strategies.bandits(), st.floats(0.1, 50), st.sampled_from([0.0, 0.05, 1.0]))
@settings(max_examples=share(4))
def test_r8_the_natural_gradient_tilts_the_start(model: Bandit, time: float, kl: float) -> None:
    """P12, R8: by integration; without a penalty pi(t) is the regularised optimum at beta = 1/t."""
    policy = natural_gradient_flow(Flow(model.start, model.rates, kl=kl, time=time))
    assert policy == pytest.approx(naive.natural_flow(model.start, model.rates, time, kl), abs=1e-9)
    if kl == 0:
        assert policy == pytest.approx(regularised_optimum(replace(model, kl=1 / time)), abs=1e-14)


def test_r8_worked_values() -> None:
    """R8: a penalised tilt; with learnable answers the limit is the posterior pi(0) p(0)."""
    model = Flow((0.2, 0.5, 0.3), (0.7, 0.4, 0.2), kl=0.5, time=3)
    assert natural_gradient_flow(model) == pytest.approx([0.306905, 0.481403, 0.211692], abs=5e-7)
    learned = LearnableAnswers((0.2, 0.5, 0.3), (0.7, 0.4, 0.2), time=200)
    assert learnable_natural_gradient_flow(learned) == pytest.approx([0.35, 0.5, 0.15], abs=1e-12)
    half = replace(learned, time=2.0)
    bandit = Bandit(half.start, half.rates, kl=0.5)
    assert learnable_natural_gradient_flow(half) == pytest.approx(joint_optimum(bandit), rel=1e-12)


# ------------------------------------------------------------------ R9: GRPO


@pytest.mark.parametrize("advantage", ["std", "sample_std", "mean", "rloo"])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_r9_the_expected_update_is_the_policy_gradient_times_the_clock(size: int, advantage: str) -> None:
    """R9: enumeration of all groups of patterns and rewards: every component is c_G(V) pi_i (p_i - V)."""
    policy, rates = (0.2, 0.5, 0.3), (0.9, 0.5, 0.1)
    value = float(np.dot(policy, rates))
    update = naive.expected_group_update(policy, rates, size, advantage)
    gradient = np.array(policy) * (np.array(rates) - value)
    assert update == pytest.approx(grpo_clock(Group(value, size, advantage)) * gradient, abs=1e-14)


def test_r9_agrees_with_32_digits() -> None:
    """R9: c_G(V) from V = 1e-9 to .999, G from 2 to 200."""
    for size, value, clock in GOLDEN["clock"]:
        # 1 - V is rounded, and V^(k-1) takes that k-fold
        assert grpo_clock(Group(float(value), size)) == pytest.approx(float(clock), rel=1e-15 * (size + 100))


@given(st.integers(2, 60), st.floats(0, 1))
@example(2, 0.0)
@example(60, 1.0)
def test_r9_the_clock_is_symmetric_increasing_in_the_group_and_bounded(size: int, value: float) -> None:
    """P13: c_2 = 1; c_G(V) = c_G(1-V); increasing in G; at most min(sqrt(G-1), sqrt((G-1)/(G V (1-V))))."""
    clock = grpo_clock(Group(value, size))
    assert grpo_clock(Group(value, 2)) == pytest.approx(1.0, rel=1e-14)
    assert clock == pytest.approx(grpo_clock(Group(1 - value, size)), rel=1e-12)
    assert clock <= grpo_clock(Group(value, size + 1)) * (1 + 1e-13)
    assert clock <= math.sqrt(size - 1) * (1 + 1e-13)
    spread = size * value * (1 - value)
    assert spread == 0 or clock <= math.sqrt((size - 1) / spread) * (1 + 1e-13)


@given(strategies.bandits(most=5, decades=2), st.integers(2, 16))
@settings(max_examples=share(4))
def test_r9_the_group_time_lies_between_extreme_clocks(model: Bandit, size: int) -> None:
    """P14: T_GRPO/T_PG between 1/max c and 1/min c over V passed; G = 2 and leave-one-out change nothing."""
    plain = hitting_time(Target(model.start, model.rates, level=0.9))
    assume(0 < plain < math.inf)
    grouped = Grpo(model.start, model.rates, level=0.9, size=size)
    low = accuracy(model, np.array(model.start))
    clocks = [grpo_clock(Group(v, size)) for v in np.linspace(low, max(model.rates), 200)]
    ratio = grpo_time(grouped) / plain
    assert 1 / max(clocks) - 1e-6 <= ratio <= 1 / min(clocks) + 1e-6
    assert grpo_time(replace(grouped, size=2)) == pytest.approx(plain, rel=1e-11)
    assert grpo_time(replace(grouped, advantage="rloo")) == pytest.approx(plain, rel=1e-11)


def test_r9_clocks_of_large_groups() -> None:
    """c_G -> (V (1-V))^(-1/2) [1 - 1/(8 G V (1-V))] for large groups; beyond 1e5 binomials have no digits."""
    for value in (0.5, 0.9):
        variance = value * (1 - value)
        expected = variance**-0.5 * (1 - 1 / (8 * 10**5 * variance))
        assert grpo_clock(Group(value, 10**5)) == pytest.approx(expected, rel=1e-9)
    path = Grpo((0.05, 0.3, 0.25, 0.4), (0.9, 0.7, 0.6, 0.2), level=0.6)
    times = [grpo_time(replace(path, size=size)) for size in (1000, 2000, 4000)]
    assert times[0] - times[1] == pytest.approx(2 * (times[1] - times[2]), rel=0.01)
    for advantage in ("std", "sample_std"):
        with pytest.raises(DomainError, match=r"^size = "):
            grpo_clock(Group(0.999, 10**12, advantage))
        with pytest.raises(DomainError, match=r"^size = "):
            grpo_time(replace(path, size=10**12, advantage=advantage))
    assert grpo_clock(Group(0.999, 10**12, "rloo")) == grpo_clock(Group(0.999, 10**12, "mean")) / (1 - 1e-12)


def test_r9_worked_values() -> None:
    """R9: clocks and times of the paper's start at G = 8."""
    assert grpo_clock(Group(0.45, 8)) == pytest.approx(1.86214, abs=5e-6)
    assert grpo_clock(Group(0.45, 32)) == pytest.approx(1.97754, abs=5e-6)
    assert grpo_clock(Group(0.0, 8)) == pytest.approx(math.sqrt(7), rel=1e-14)
    assert grpo_time(Grpo(SIX.start, SIX.rates, size=8)) == pytest.approx(89.5691, abs=5e-5)
    at_transition = Grpo(SIX.start, SIX.rates, size=8, quantity="accuracy", level=0.7)
    assert grpo_time(at_transition) == pytest.approx(42.6245, abs=5e-5)
    assert grpo_time(Grpo(SIX.start, SIX.rates, size=8, level=0.01)) == 0.0
    with pytest.raises(ValueError, match="size = 1"):
        Group(0.5, 1)
