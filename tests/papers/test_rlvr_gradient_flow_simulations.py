"""Training by samples beside naive twins, exact steps, the flow and its integration (R3, R9, R11, R12, R13)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st
from scipy import stats

from lemmata.kernels import kernel
from lemmata.models import DomainError
from simulations.rlvr_gradient_flow import (
    integrate_entanglement,
    integrate_learnable,
    integrate_policy,
    integrate_time,
    sample_grpo_policy,
    sample_grpo_time,
    sample_grpo_time_literal,
    sample_internal_feedback,
    sample_reinforce_policy,
    sample_reinforce_time,
    sample_reinforce_time_literal,
    sample_token_policy,
    sampled,
)
from simulations.rlvr_gradient_flow.internal_feedback import BLOCK
from simulations.sampling.binomial import LARGEST_MEAN, draw_binomial
from simulations.sampling.cells import count_cells, room_for
from simulations.sampling.uniforms import Words, draw_uniform, draw_word, seeded_state
from tests.naive import rlvr_gradient_flow_samplers as naive
from tests.profiles import share
from tests.strategies import rlvr_gradient_flow_samplers as strategies
from theory.rlvr_gradient_flow import (
    Flow,
    Group,
    Grpo,
    GrpoPath,
    LearnableAnswers,
    RandomPatterns,
    Reinforce,
    ReinforcePath,
    Target,
    TokenPolicy,
    entanglement_time,
    flow,
    grpo_clock,
    grpo_time,
    hitting_time,
    hitting_time_moments,
    learnable_flow,
    rlif_gain_probability,
    rlif_worst_probability,
)

STATISTIC = 5.0  # standard errors: 6e-7 a number, some 150 numbers here
START, RATES = (0.05, 0.7, 0.25), (0.9, 0.7, 0.2)
DEEP: dict[str, Any] = {"start": (0.001, 0.9, 0.099), "rates": (0.9, 0.8, 0.1)}
ALMOST_SURE = (0.994, 0.004, 0.002)  # counts of large batches come from one uniform number each
SEEDS = st.integers(0, 2**32)


def deviations(sample: Any, mean: Any) -> Any:
    """Deviations of a sample's mean in standard errors."""
    error = sample.std(axis=0, ddof=1) / math.sqrt(len(sample))
    return (sample.mean(axis=0) - mean) / error


def differences(one: Any, two: Any) -> Any:
    """Differences of two samples' means in standard errors."""
    error = np.sqrt(one.var(axis=0) / len(one) + two.var(axis=0) / len(two))
    return (one.mean(axis=0) - two.mean(axis=0)) / error


# ------------------------------------------------------------------ words, cells and binomial counts


def test_words_and_uniforms_are_those_of_numpys_generator() -> None:
    """SFC64 bit by bit, words and numbers mixed, seeded by four words."""
    state, numpys = seeded_state(np.random.default_rng(4)), naive.seeded(np.random.default_rng(4))
    for _ in range(200):
        assert draw_word(state) == numpys.bit_generator.random_raw()  # type: ignore[attr-defined]
        assert draw_uniform(state) == numpys.random()


def counted(state: Words, draws: int, ends: list[float]) -> Any:
    words, counts = room_for(draws), np.empty(len(ends), np.int64)
    count_cells(state, draws, np.array(ends), words, words.view(np.uint16), counts)
    return counts


@given(SEEDS, st.integers(1, 70), st.lists(st.tuples(st.integers(0, 69), st.floats(0, 1)), max_size=8))
@example(0, 1, [])
@example(3, 40, [(7, 0.0), (7, 0.3), (7, 0.3), (7, 0.9), (8, 1.0)])
@settings(max_examples=share(2))
def test_draws_are_counted_in_their_cells(seed: int, draws: int, places: list[tuple[int, float]]) -> None:
    """Cells whose edges have the leading bits of draws, some several, some equal: exact fractions draw by draw."""
    bits = naive.leading_bits(naive.seeded(np.random.default_rng(seed)), draws)
    ends = [*sorted((bits[i % draws] + rest) / 65536 for i, rest in places), 1.0]
    found = counted(seeded_state(np.random.default_rng(seed)), draws, ends)
    cells = naive.cells_of_draws(naive.seeded(np.random.default_rng(seed)), draws, ends)
    np.testing.assert_array_equal(found, np.bincount(cells, minlength=len(ends)))


@pytest.mark.parametrize("draws", [1, 5, 33, 65_535])
@pytest.mark.parametrize("cell", [0, 1, 2])
def test_a_cell_with_all_the_mass_has_all_draws(draws: int, cell: int) -> None:
    """Masses that do not add up to one, cells without mass before and after."""
    ends = np.cumsum(0.3 * np.eye(3)[cell]).tolist()
    np.testing.assert_array_equal(
        counted(seeded_state(np.random.default_rng(1)), draws, ends), draws * np.eye(3)[cell]
    )


def chi_squared_excess(counts: Any, expected: Any) -> float:
    """Statistic less its quantile of level 1e-6; cells of less than ten are put together."""
    common = expected > 10
    seen, hoped = np.append(counts[common], 0), np.append(expected[common], 0.0)
    seen[-1], hoped[-1] = counts[~common].sum(), expected[~common].sum()
    if hoped[-1] == 0.0:
        assert seen[-1] == 0
        seen, hoped = seen[:-1], hoped[:-1]
    if hoped[-1] < 10:  # too few for the law of the statistic
        seen[-2], hoped[-2] = seen[-2:].sum(), hoped[-2:].sum()
        seen, hoped = seen[:-1], hoped[:-1]
    return float(np.sum((seen - hoped) ** 2 / hoped) - stats.chi2.isf(1e-6, max(1, len(seen) - 1)))


@pytest.mark.statistical
def test_cells_narrower_than_the_leading_bits_have_their_share() -> None:
    """Cells of 4e-6 to 1e-5 of the mass, four of them in one bin (1.5e-5): a chi-square test of level 1e-6."""
    masses = np.array([0.2, 4e-6, 4e-6, 5e-6, 4e-6, 0.3, 1e-5, 0.5])
    state, ends = seeded_state(np.random.default_rng(2)), np.cumsum(masses).tolist()
    counts = np.sum([counted(state, 700, ends) for _ in range(20_000)], axis=0)
    assert counts.sum() == 700 * 20_000
    assert chi_squared_excess(counts, counts.sum() * masses / masses.sum()) < 0.0


@kernel
def binomials(state: Words, n: int, p: float, out: Any) -> None:
    for i in range(len(out)):
        out[i] = draw_binomial(state, n, p, 1.0 - p)


@given(st.integers(1, 60), st.floats(0, 1), SEEDS)
@example(60, 1e-300, 0)
@example(7, 0.5, 0)
@settings(max_examples=share(2))
def test_a_binomial_count_is_the_quantile_of_one_uniform(n: int, p: float, seed: int) -> None:
    """Inversion, exactly: the quantile at the same number of the stream, of the rarer outcome."""
    assume(n * min(p, 1 - p) <= LARGEST_MEAN and 0 < p < 1)
    found = np.empty(3)
    binomials(seeded_state(np.random.default_rng(seed)), n, p, found)
    rng = naive.seeded(np.random.default_rng(seed))
    np.testing.assert_array_equal(found, [naive.binomial_of_uniform(rng.random(), n, p) for _ in range(3)])


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("n", "p"),
    [
        *((1, 0.5), (1, 1e-3), (2, 0.9), (5000, 0.0018), (30, 0.7), (40, 0.9), (21, 0.5), (200, 0.3)),
        *((200, 0.02), (200, 0.051), (2048, 0.98), (2048, 0.45), (10**6, 1e-6), (10**6, 9.9e-6)),
        *((10**6, 1.1e-5), (10**6, 0.3), (10**6, 1 - 1e-5), (10**6, 1 - 2e-5)),
    ],
)
def test_binomial_counts_have_their_law(n: int, p: float) -> None:
    """Long powers, both outcomes, both sides of the longest walk, and rejection: chi-square tests of level 1e-6."""
    found = np.empty(100_000)
    binomials(seeded_state(np.random.default_rng(5)), n, p, found)
    low = int(found.min())
    values = np.arange(low, int(found.max()) + 1)
    expected = len(found) * stats.binom.pmf(values, n, p)
    beyond = len(found) * np.array([stats.binom.cdf(low - 1, n, p), stats.binom.sf(values[-1], n, p)])
    counts = np.bincount(found.astype(int) - low)
    assert chi_squared_excess(np.append(counts, [0, 0]), np.append(expected, beyond)) < 0.0


@pytest.mark.parametrize(("n", "p", "count"), [(0, 0.3, 0), (9, 0.0, 0), (9, 1.0, 9)])
def test_certain_counts_use_no_number(n: int, p: float, count: int) -> None:
    """Nothing drawn: the stream stays where it is."""
    state, found = seeded_state(np.random.default_rng(1)), np.empty(2)
    binomials(state, n, p, found)
    np.testing.assert_array_equal(found, count)
    np.testing.assert_array_equal(state, seeded_state(np.random.default_rng(1)))


# ------------------------------------------------------------------ kernels beside naive twins


def twin_policy(model: ReinforcePath | GrpoPath, steps: int, seed: int) -> Any:
    """The twin's policy; counts of large mean and even chances, whose rarer outcome rounding decides, are left out."""
    if isinstance(model, GrpoPath):
        training = naive.Training(
            model.step_size, model.groups, model.size, model.advantage, model.kl
        )  # fmt: skip
    else:
        advantage = "mean" if model.baseline == "batch" else model.baseline
        training = naive.Training(model.step_size, 1, model.batch, advantage, model.kl)
    try:
        return training.policy(model.start, model.rates, steps, naive.seeded(np.random.default_rng(seed)))
    except naive.NotInvertedError:
        reject()


@given(strategies.reinforce_paths(), SEEDS)
@example(ReinforcePath((0.4, 0.6), (1.0, 0.0), step_size=0.5, batch=4), 3)
@example(ReinforcePath((0.3, 0.3, 0.4), (0.0, 0.0, 0.0), step_size=0.5, batch=4), 3)
@example(ReinforcePath(ALMOST_SURE, (0.999, 0.5, 0.2), step_size=0.5, batch=700), 3)
@example(ReinforcePath(ALMOST_SURE, (0.0, 0.1, 0.6), 0.1, step_size=0.5, batch=900, baseline="batch"), 3)
@example(ReinforcePath(ALMOST_SURE, (1.0, 0.5, 0.0), step_size=0.5, batch=900, baseline="none"), 3)
@settings(max_examples=share(3))
def test_reinforce_is_that_of_single_answers(model: ReinforcePath, seed: int) -> None:
    """Five steps from counts are those of lists of answers: advantages, e_r - pi and the penalty by definition."""
    time = np.array([5 * model.step_size])
    found = sample_reinforce_policy(model, np.random.default_rng(seed), 1, time=time)
    expected = twin_policy(model, 5, seed)
    np.testing.assert_allclose(found["policy"][0, 0], expected, rtol=1e-10)
    np.testing.assert_allclose(found["accuracy"][0, 0], expected @ model.rates, rtol=1e-10)


@given(strategies.grpo_paths(), SEEDS)
@example(GrpoPath((0.4, 0.6), (1.0, 0.0), size=2, step_size=0.5), 3)
@example(GrpoPath(ALMOST_SURE, (0.999, 0.5, 0.2), size=700, step_size=0.1, groups=2), 3)
@settings(max_examples=share(3))
def test_grpo_is_that_of_single_answers(model: GrpoPath, seed: int) -> None:
    """Three steps from counts are those of lists of answers, groups of equal rewards among them."""
    time = np.array([3 * model.step_size])
    found = sample_grpo_policy(model, np.random.default_rng(seed), 1, time=time)["policy"]
    expected = twin_policy(model, 3, seed)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-10)


@given(st.integers(1, 4), st.integers(1, 6), st.booleans(), SEEDS)
@settings(max_examples=share(8))
def test_tokens_are_those_of_a_table_of_contexts(wrong: int, batch: int, is_frozen: bool, seed: int) -> None:
    """Four steps of sampled sequences, the columns of the answers fixed or not."""
    model = TokenPolicy(
        START, RATES, wrong, time=2.0, step_size=0.5, batch=batch, is_frozen=is_frozen
    )  # fmt: skip
    found = sample_token_policy(model, np.random.default_rng(seed), 1, time=np.array([2.0]))
    policy, rates = naive.token_policy(
        START, RATES, wrong, step_size=0.5, batch=batch, steps=4, is_frozen=is_frozen,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    np.testing.assert_allclose(found["policy"][0, 0], policy, rtol=1e-11)
    np.testing.assert_allclose(found["rates"][0, 0], rates, rtol=1e-11)
    np.testing.assert_allclose(found["accuracy"][0, 0], policy @ rates, rtol=1e-11)


@pytest.mark.parametrize("answers", ["frozen", "learnable"])
@pytest.mark.parametrize("patterns", [2, 3, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_streamed_patterns_are_those_of_whole_arrays(patterns: int, answers: str) -> None:
    """R11, trial by trial: covariance, winner and reflection from all rates at once."""
    trials = 70 if patterns < 1000 else 3
    model = RandomPatterns(patterns, answers=answers)
    found = sample_internal_feedback(model, np.random.default_rng(6), trials)
    rates = np.random.default_rng(6).random((trials, patterns))
    for trial in range(trials):
        expected = naive.internal_feedback(rates[trial], is_learnable=answers == "learnable")
        assert found["slope"][trial] == pytest.approx(expected["slope"], rel=1e-9, abs=1e-14)
        assert found["gain"][trial] == expected["gain"]
        assert found["worst"][trial] == expected["worst"]


@pytest.mark.statistical
@pytest.mark.parametrize(("sample", "literal", "models"), [
    (sample_reinforce_time, sample_reinforce_time_literal,
     [Reinforce((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), kl, level=0.6, step_size=0.5, batch=5, baseline=baseline)
      for baseline, kl in (("value", 0.0), ("none", 0.0), ("batch", 0.0), ("value", 0.05))]),
    (sample_grpo_time, sample_grpo_time_literal,
     [Grpo((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), level=0.6, quantity=quantity, step_size=0.5, size=4, groups=2,
           advantage=advantage)
      for advantage, quantity in (("std", "policy"), ("sample_std", "accuracy"), ("mean", "policy"),
                                  ("rloo", "policy"))]),
])  # fmt: skip
def test_times_from_counts_have_the_literal_law(sample: Any, literal: Any, models: list[Any]) -> None:
    """First two moments of the hitting time, from counts and with every pattern and answer drawn."""
    for model in models:
        one = sample(model, np.random.default_rng(7), 20_000)
        two = literal(model, np.random.default_rng(8), 4_000)
        for name in ("time", "squared_time"):
            assert abs(differences(one[name], two[name])) < STATISTIC


# ------------------------------------------------------------------ the mean of one step


def mean_step(model: ReinforcePath | GrpoPath, sample: Any, factor: float) -> Any:
    """Deviations of the mean of theta_k - theta_K after one step of size 1 from factor x gradient."""
    found = sample(model, np.random.default_rng(9), 40_000, time=np.array([1.0]))["policy"][:, 0]
    start, rates = np.array(model.start), np.array(model.rates)
    force = start * (rates - start @ rates)
    logits = np.log(found / found[:, -1:]) - np.log(start / start[-1])
    return deviations(logits[:, :-1], factor * (force - force[-1])[:-1])


@pytest.mark.statistical
@pytest.mark.parametrize("batch", [8, 200, 1000])
@pytest.mark.parametrize("baseline", ["value", "none", "batch"])
def test_a_step_of_reinforce_is_the_gradient_in_the_mean(baseline: str, batch: int) -> None:
    """R13: pi_i (p_i - V) whatever the baseline; the batch's own mean takes (B-1)/B of it."""
    model = ReinforcePath(START, RATES, step_size=1.0, batch=batch, baseline=baseline)
    factor = 1.0 - 1.0 / batch if baseline == "batch" else 1.0
    assert np.max(np.abs(mean_step(model, sample_reinforce_policy, factor))) < STATISTIC


@pytest.mark.statistical
@pytest.mark.parametrize("batch", [8, 1000])
def test_r13_a_step_has_the_predicted_covariance(batch: int) -> None:
    """R13: D/B, D = sum_i pi_i m_i (e_i - pi)(e_i - pi)' - f f', m_i = p_i (1 - p_i) + (p_i - V)^2."""
    model = ReinforcePath(START, RATES, step_size=1.0, batch=batch)
    found = sample_reinforce_policy(model, np.random.default_rng(21), 40_000, time=np.array([1.0]))
    start, rates = np.array(START), np.array(RATES)
    value = start @ rates
    force, away = start * (rates - value), np.eye(3) - start
    spread = (away * (start * (rates * (1 - rates) + (rates - value) ** 2))[:, None]).T @ away
    spread -= np.outer(force, force)
    contrast = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])  # logits are known up to a constant
    policy = found["policy"][:, 0]
    moves = np.log(policy[:, :2] / policy[:, 2:]) - np.log(start[:2] / start[2]) - contrast @ force
    products = moves[:, :, None] * moves[:, None, :]
    assert np.max(np.abs(deviations(products, contrast @ spread @ contrast.T / batch))) < STATISTIC


@pytest.mark.statistical
@pytest.mark.parametrize("size", [2, 8, 1000])
@pytest.mark.parametrize("advantage", ["std", "sample_std", "mean", "rloo"])
def test_r9_a_step_of_grpo_is_the_gradient_times_the_clock(advantage: str, size: int) -> None:
    """R9: the exact factor c_G(V)."""
    model = GrpoPath(START, RATES, step_size=1.0, size=size, advantage=advantage)
    factor = grpo_clock(Group(float(np.dot(START, RATES)), size, advantage))
    assert np.max(np.abs(mean_step(model, sample_grpo_policy, factor))) < STATISTIC


# ------------------------------------------------------------------ beside the flow


@pytest.mark.statistical
@pytest.mark.parametrize("fields", [
    {"start": (0.05, 0.95), "rates": (0.8, 0.5), "level": 0.9, "step_size": 0.05, "batch": 8},
    {"start": (0.02, 0.98), "rates": (0.9, 0.3), "level": 0.5, "step_size": 0.1, "batch": 16},
])  # fmt: skip
def test_r13_hitting_times_have_the_predicted_moments(fields: dict[str, Any]) -> None:
    """R13: mean with its diffusion, Euler and crossing terms, and deviation; what is left out is of order step^2."""
    model = Reinforce(**fields)
    mean, spread = hitting_time_moments(model)
    found = sample_reinforce_time(model, np.random.default_rng(10), 2_000)
    assert abs(deviations(found["time"], mean)) < STATISTIC
    # the square of the deviation, to which the step size adds some 2 %
    centred = (found["time"] - mean) ** 2
    error = centred.std() / math.sqrt(len(centred))
    assert abs(centred.mean() - spread**2) < STATISTIC * error + 0.03 * spread**2


@pytest.mark.statistical
def test_r3_trained_policies_follow_the_flow() -> None:
    """R3: 2 m(step/2) - m(step) cancels what is linear in the step size; free times of one run."""
    times = np.array([50.0, 10.0, 0.0])
    coarse = ReinforcePath(START, RATES, time=50.0, step_size=0.2, batch=16)
    one = sample_reinforce_policy(coarse, np.random.default_rng(11), 1_000, time=times)["policy"]
    two = sample_reinforce_policy(
        replace(coarse, step_size=0.1), np.random.default_rng(12), 2_000, time=times
    )["policy"]
    for i, time in enumerate(times):
        expected = flow(Flow(START, RATES, time=float(time)))
        error = np.sqrt(one[:, i].var(axis=0) / 1_000 + 4 * two[:, i].var(axis=0) / 2_000)
        found = 2 * two[:, i].mean(axis=0) - one[:, i].mean(axis=0)
        assert np.all(np.abs(found - expected) <= STATISTIC * error + 1e-12)


@pytest.mark.parametrize("advantage", ["std", "sample_std", "mean", "rloo"])
def test_r9_integration_of_grpo_takes_the_predicted_time(advantage: str) -> None:
    """R9: c_G as the mean advantage of a right answer less that of a wrong one, integrated along the flow."""
    for level, quantity in ((0.5, "policy"), (0.69, "accuracy")):
        model = Grpo(START, RATES, level=level, quantity=quantity, size=5, advantage=advantage)
        assert integrate_time(model) == pytest.approx(grpo_time(model), rel=1e-9)


def test_r3_r6_integration_finds_the_exact_times() -> None:
    """R3, R6: hitting times, their dependence on which crossing is first, T_0, never and at once."""
    for target in (
        Target(START, RATES, level=0.5),
        Target(**DEEP, level=0.5),
        Target((0.01, 0.05, 0.94), (0.9, 0.8, 0.1), level=0.02),
        Target(START, RATES, level=0.75, quantity="accuracy"),
        Target(START, RATES, level=0.01),
    ):
        assert integrate_time(target) == pytest.approx(hitting_time(target), rel=1e-9)
    bandit = Target(**DEEP)
    assert integrate_entanglement(bandit) == pytest.approx(entanglement_time(bandit), rel=1e-9)
    assert integrate_time(Target(START, RATES, level=0.95, quantity="accuracy"), latest=1e4) == math.inf


def test_r7_a_penalty_stops_the_flow_at_the_tilt() -> None:
    """R7: with a KL penalty the integrated flow ends at pi_ref e^(p/beta)/Z (here to e^-(.0051 x 5000))."""
    model = Flow((0.2, 0.5, 0.3), (0.9, 0.6, 0.1), 0.2)
    tilt = np.array(model.start) * np.exp(np.array(model.rates) / 0.2)
    np.testing.assert_allclose(integrate_policy(model, [5000])[0], tilt / tilt.sum(), rtol=1e-8)


# ------------------------------------------------------------------ internal feedback


@pytest.mark.statistical
@pytest.mark.parametrize(("patterns", "trials"), [(3, 100_000), (10, 50_000), (300, 3_000)])
def test_r11_worst_patterns_win_as_often_as_predicted(patterns: int, trials: int) -> None:
    """R11: 1/2 - (1/pi) int (sin t/t)^K dt."""
    model = RandomPatterns(patterns)
    found = sample_internal_feedback(model, np.random.default_rng(13), trials)["worst"]
    assert abs(deviations(found, rlif_worst_probability(model))) < STATISTIC


@pytest.mark.statistical
@pytest.mark.parametrize(("patterns", "margin"), [(3, 0.1), (12, 0.05), (30, 0.15)])
def test_r11_a_margin_is_conditioned_on_exactly(patterns: int, margin: float) -> None:
    """Tilted draws kept with e^(-x excess) are the uniform ones whose mean is at least 1/2 + margin."""
    model = RandomPatterns(patterns, margin)
    found = sample_internal_feedback(model, np.random.default_rng(14), 10_000)
    rates = np.random.default_rng(15).random((10**6 if margin * patterns > 1 else 10**5, patterns))
    rates = rates[rates.mean(axis=1) >= 0.5 + margin]
    assert len(rates) > 500
    plain = [naive.internal_feedback(p, is_learnable=False) for p in rates[:10_000]]
    for name, values in found.items():
        assert abs(differences(values, np.array([draw[name] for draw in plain]))) < STATISTIC


@pytest.mark.statistical
def test_r11_gains_tend_to_the_limit() -> None:
    """R11: at K = 2000 with a margin that matters; the limit is of order 1/K away, taken as 2/K."""
    for answers in ("frozen", "learnable"):
        model = RandomPatterns(2000, 0.005, answers)
        found = sample_internal_feedback(model, np.random.default_rng(16), 3_000)["gain"]
        error = found.std() / math.sqrt(len(found))
        assert abs(found.mean() - rlif_gain_probability(model)) < STATISTIC * error + 1e-3


# ------------------------------------------------------------------ tokens and learnable answers


@pytest.mark.statistical
def test_a_frozen_token_policy_is_the_bandit() -> None:
    """Section "Model": sequences with fixed answer columns move the question's column as REINFORCE moves a bandit."""
    time = np.array([5.0, 25.0])
    model = TokenPolicy(START, RATES, 3, time=25.0, step_size=0.5, batch=8)
    tokens = sample_token_policy(model, np.random.default_rng(17), 4_000, time=time)
    bandit = ReinforcePath(START, RATES, time=25.0, step_size=0.5, batch=8)
    counts = sample_reinforce_policy(bandit, np.random.default_rng(18), 4_000, time=time)
    np.testing.assert_allclose(tokens["rates"], np.broadcast_to(RATES, tokens["rates"].shape), rtol=1e-12)
    for power in (1, 2):
        assert np.max(np.abs(differences(tokens["policy"] ** power, counts["policy"] ** power))) < STATISTIC


@pytest.mark.statistical
@pytest.mark.parametrize("wrong", [1, 3])
def test_r12_trained_answers_follow_the_joint_flow(wrong: int) -> None:
    """R12: policies and success rates, 2 m(step/2) - m(step) beside the integrated flow of all logits."""
    time = np.array([5.0, 25.0])
    coarse = TokenPolicy(START, RATES, wrong, time=25.0, step_size=0.2, batch=8, is_frozen=False)
    one = sample_token_policy(coarse, np.random.default_rng(19), 1_000, time=time)
    two = sample_token_policy(
        replace(coarse, step_size=0.1), np.random.default_rng(20), 2_000, time=time
    )  # fmt: skip
    expected = integrate_learnable(coarse, time.tolist())
    for i, name in enumerate(("policy", "rates")):
        error = np.sqrt(one[name].var(axis=0) / 1_000 + 4 * two[name].var(axis=0) / 2_000)
        found = 2 * two[name].mean(axis=0) - one[name].mean(axis=0)
        assert np.max(np.abs(found - expected[:, i]) / error) < STATISTIC


@pytest.mark.parametrize("wrong", [1, 4])
def test_r12_all_logits_move_as_the_reduced_flow_says(wrong: int) -> None:
    """R12: the integrated flow of every logit is that of (theta, s) with kappa = 1 + 1/n."""
    model = LearnableAnswers((0.2, 0.5, 0.3), (0.7, 0.4, 0.2), wrong)
    times = [1.0, 100.0, 1e6]
    for time, found in zip(times, integrate_learnable(model, times), strict=True):
        np.testing.assert_allclose(found, learnable_flow(replace(model, time=time)), rtol=1e-7)


def test_r12_learnable_answers_change_the_winner() -> None:
    """R12: from pi = (.3, .7), p = (.6, .4) the first pattern wins if answers are frozen and loses if they learn.

    The odds then grow like sqrt(t): odds x e^(s_1) / t tends to K + kappa = 4.
    """
    model = LearnableAnswers((0.3, 0.7), (0.6, 0.4))
    assert integrate_policy(Flow(model.start, model.rates), [1e4])[0][0] > 0.99
    policy, rates = integrate_learnable(model, [1e10])[0]
    assert policy[0] < 1e-3
    assert policy[1] / policy[0] * rates[0] / (1 - rates[0]) / 1e10 == pytest.approx(4, rel=0.01)


# ------------------------------------------------------------------ promises and refusals


def test_times_of_a_path_are_free() -> None:
    """One run serves all times, in any order and repeated; a time is rounded to whole steps."""
    rng = np.random.default_rng
    model = ReinforcePath(START, RATES, step_size=0.1)
    whole = sample_reinforce_policy(model, rng(1), 1, time=np.array([0.0, 1.0, 2.0]))["policy"][0]
    parts = sample_reinforce_policy(model, rng(1), 1, time=np.array([2.04, 0.0, 1.96]))["policy"][0]
    np.testing.assert_array_equal(parts, whole[[2, 0, 2]])
    np.testing.assert_allclose(whole[0], START, rtol=1e-14)


def test_a_level_reached_at_the_start_takes_no_time() -> None:
    """Zero, without a step."""
    for quantity, level in (("policy", 0.05 - 1e-9), ("accuracy", 0.5)):
        model = Reinforce(START, RATES, level=level, quantity=quantity)
        np.testing.assert_array_equal(sample_reinforce_time(model, np.random.default_rng(0), 3)["time"], 0.0)


def test_among_equal_rates_the_one_most_likely_at_the_start_counts() -> None:
    """The level is that of the second pattern here, which has it already."""
    model = Reinforce((0.2, 0.6, 0.2), (0.9, 0.9, 0.1), level=0.55)
    assert sample_reinforce_time(model, np.random.default_rng(0), 1)["time"][0] == 0.0


@pytest.mark.parametrize(("change", "words"), [
    ({"quantity": "accuracy", "level": 0.9}, "below the best success rate"),
    ({"crossing": "last", "level": 0.3}, "crossing"),
    ({"batch": 1, "baseline": "batch"}, "batch"),
    ({"rates": (0.4, 0.4, 0.4), "level": 0.9}, "nothing to learn"),
])  # fmt: skip
def test_what_cannot_be_simulated_is_refused(change: dict[str, Any], words: str) -> None:
    """Levels never reached, last crossings, a batch of one as its own baseline, equal rates: one clear line."""
    model = replace(Reinforce(START, RATES), **change)
    for sample in (sample_reinforce_time, sample_reinforce_time_literal):
        with pytest.raises(DomainError, match=words):
            sample(model, np.random.default_rng(0), 2)


def test_a_trial_that_does_not_arrive_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No number in place of a time."""
    monkeypatch.setattr(sampled, "MOST_STEPS", 20)
    with pytest.raises(DomainError, match="level"):
        sample_reinforce_time(Reinforce(START, RATES), np.random.default_rng(0), 2)
    with pytest.raises(DomainError, match="level"):
        sample_grpo_time_literal(Grpo(START, RATES), np.random.default_rng(0), 2)
