"""Each tool keeps its promise on the laws for which it claims validity, watched at every look.

Rates are judged by Clopper-Pearson at 1e-4 (one-sided for promises, two-sided for power). The default run has 2,000
experiments of 16,384 trials for each law; the long run adds the mixtures after every one of 10,000 trials, the level
1e-4 with 200,000 experiments, and levels down to 2.5e-7 by importance sampling.
"""

import numpy as np
import pytest

from benchmarks.far_tail import probability_of_error
from benchmarks.laws import COIN, DIE, EXPONENTIAL, LOG_NORMAL, NORMAL, RARE, UNIFORM
from benchmarks.sequence_experiments import (
    ErrorCount,
    power_at_last_look,
    watch,
    watch_band,
    watch_every_trial,
)
from lemmata.confidence import (
    CLOPPER_PEARSON,
    STUDENT,
    TOST,
    WILSON,
    BetaBinomial,
    DKWBand,
    EmpiricalBernstein,
    FirstLook,
    MaurerPontil,
    NormalMixture,
    Spending,
    TMixture,
    look_sizes,
)
from lemmata.statistics import Moments

pytestmark = pytest.mark.statistical

LOOKS = look_sizes(16384)
LAWS = (NORMAL, EXPONENTIAL, LOG_NORMAL, UNIFORM, DIE, COIN, RARE)
OLD_RULE = FirstLook(ratio=0.1, tail=None, noise=0.0)


def name(law):
    return law.name


def valid_tools(law, alpha):
    """The tools that promise `alpha` on this law."""
    yield TMixture(alpha)
    if law is NORMAL:
        yield NormalMixture(alpha, 1.0)
        yield Spending(STUDENT, alpha)
        yield TMixture(alpha, first_look=None, tightest_at=64)
    if np.isfinite(law.high):
        yield NormalMixture(alpha, (law.high - law.low) / 2)
        yield EmpiricalBernstein(alpha, law.low, law.high)
        yield EmpiricalBernstein(alpha, law.low, law.high, guess=law.low)
        yield Spending(MaurerPontil(law.low, law.high), alpha)
    if law.support == (0.0, 1.0):
        yield BetaBinomial(alpha)
        yield Spending(CLOPPER_PEARSON, alpha)


@pytest.mark.parametrize("law", LAWS, ids=name)
def test_false_alarms_and_wrong_decisions_at_every_look(law):
    """Misses, wrong confirmations (a discrepancy of exactly the margin), wrong refutations (just inside)."""
    tools = [(alpha, tool) for alpha in (0.05, 0.01) for tool in valid_tools(law, alpha)]
    alphas = [alpha for alpha, _ in tools]
    for (_, tool), alarms in zip(
        tools, watch([t for _, t in tools], alphas, law, 2000, LOOKS, 101), strict=True
    ):
        assert not alarms.missed.exceeds(), (tool, alarms)
        assert not alarms.confirmed.exceeds(), (tool, alarms)
        assert not alarms.refuted.exceeds(), (tool, alarms)


def mixtures(law):
    found = [TMixture(alpha, tightest_at=at) for alpha in (0.05, 0.01) for at in (64, 4096)]
    if law is NORMAL:
        found += [NormalMixture(alpha, 1.0) for alpha in (0.05, 0.01)]
        found += [
            TMixture(alpha, first_look=None, tightest_at=at) for alpha in (0.05, 0.01) for at in (16, 64)
        ]
    if law.support == (0.0, 1.0):
        found += [BetaBinomial(alpha) for alpha in (0.05, 0.01)]
    return found


@pytest.mark.parametrize(
    "trials", [pytest.param(1000, id="1000"), pytest.param(10_000, id="10000", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("law", LAWS, ids=name)
def test_mixtures_keep_their_level_after_every_single_trial(law, trials):
    for tool, tally in zip(
        mixtures(law), watch_every_trial(mixtures(law), law, 2000, trials, 102), strict=True
    ):
        assert not tally.exceeds(), (tool, tally)


def test_t_mixture_spends_its_level_on_normal_trials():
    """Tuned for few trials and watched at all of them, it misses nearly as often as it may: no slack hides an error."""
    sequence = TMixture(0.05, first_look=None, tightest_at=16)
    (tally,) = watch_every_trial([sequence], NORMAL, 4000, 4096, 103)
    assert not tally.exceeds()
    assert tally.rate > 0.03


@pytest.mark.parametrize(
    ("look", "marks"), [(4096, "quick"), pytest.param(16384, "long", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("law", [UNIFORM, DIE, RARE], ids=name)
def test_distribution_functions_stay_in_their_band(law, look, marks):
    for tally in watch_band([DKWBand(0.05), DKWBand(0.01)], law, 2000, look_sizes(look), 104):
        assert not tally.exceeds(), tally


def test_tost_keeps_its_level_at_the_margin():
    rows = np.random.default_rng(105).normal(0.5, 1.0, (100, 20_000))
    for alpha in (0.05, 0.01):
        confirmed = TOST(0.5, alpha).judge(Moments.of(rows)).decision == "held"
        refuted = TOST(0.5, alpha).judge(Moments.of(rows)).decision == "failed"
        assert not ErrorCount(int(confirmed.sum()), rows.shape[1], alpha).differs()
        assert not ErrorCount(int(refuted.sum()), rows.shape[1], alpha).exceeds()


SHARP = (
    (NORMAL, TMixture, (1, -1)),
    (UNIFORM, TMixture, (1, -1)),
    (NORMAL, lambda a: NormalMixture(a, 1.0), (1, -1)),
    (NORMAL, lambda a: Spending(STUDENT, a), (1, -1)),
    (COIN, lambda a: EmpiricalBernstein(a, 0.0, 1.0), (1, -1)),
    (RARE, lambda a: EmpiricalBernstein(a, 0.0, 1.0), (1,)),
    (COIN, lambda a: Spending(MaurerPontil(0.0, 1.0), a), (1, -1)),
    (COIN, BetaBinomial, (1, -1)),
    (RARE, BetaBinomial, (1,)),
    (COIN, lambda a: Spending(CLOPPER_PEARSON, a), (1, -1)),
    (RARE, lambda a: Spending(CLOPPER_PEARSON, a), (1,)),
    (COIN, lambda a: Spending(WILSON, a), (1, -1)),
)


@pytest.mark.parametrize("case", range(len(SHARP)))
@pytest.mark.parametrize("alpha", [0.05, 2.5e-7])
def test_planted_discrepancy_is_found_as_often_as_stated(case, alpha):
    law, make, sides = SHARP[case]
    for side in sides:
        tally = power_at_last_look(make(alpha), law, 3000, look_sizes(4096), 106 + case, side=side)
        assert not tally.differs(), (side, tally)


@pytest.mark.parametrize(
    ("law", "make"),
    [
        (UNIFORM, lambda a: EmpiricalBernstein(a, 0.0, 1.0)),
        (UNIFORM, lambda a: EmpiricalBernstein(a, 0.0, 1.0, guess=0.5)),
        (DIE, lambda a: EmpiricalBernstein(a, 1.0, 6.0)),
        (UNIFORM, lambda a: Spending(MaurerPontil(0.0, 1.0), a)),
    ],
)
def test_planted_discrepancy_is_found_at_least_as_often_where_a_bound_is_stated(law, make):
    for side in (1, -1):
        tally = power_at_last_look(make(0.05), law, 2000, look_sizes(4096), 107, side=side)
        assert not ErrorCount(tally.experiments - tally.events, tally.experiments, 0.1).exceeds(), tally
        assert tally.rate < 0.96


def test_planted_distance_between_laws_is_found_at_least_as_often_as_stated():
    """Uniform trials against the law whose distribution function is lower by d at one point."""
    tool, n, looks = DKWBand(0.05), 4096, look_sizes(4096)
    d = tool.detectable(n)
    rows = np.sort(np.random.default_rng(108).random((1000, n)), axis=1)
    reached = (rows <= 0.5).mean(axis=1)
    found = tool.distance(np.abs(reached - (0.5 - d)), n, len(looks)).low > 0
    assert not ErrorCount(int(np.sum(~found)), 1000, 0.1).exceeds()
    assert np.mean(found) < 0.96


class TestFirstLook:
    """The asymptotic tool far below .05: what its rule is for, and that it is enough."""

    def test_far_tail_of_the_exponential_law(self):
        """At 2.5e-7 without a rule: hundreds of times the level. With it: below."""
        tools = [TMixture(2.5e-7, None, 64), TMixture(2.5e-7, tightest_at=64), TMixture(2.5e-7)]
        without, with_rule, default = probability_of_error(tools, EXPONENTIAL, 2000, look_sizes(8192), 109)
        assert without.value - 4 * without.standard_error > 20 * 2.5e-7
        for estimate in (with_rule, default):
            assert estimate.value + 4 * estimate.standard_error < 2.5e-7

    @pytest.mark.parametrize("law", [EXPONENTIAL, LOG_NORMAL, RARE], ids=name)
    def test_importance_sampling_agrees_with_plain_simulation(self, law):
        sequence = TMixture(0.01, None, 64)
        (estimate,) = probability_of_error([sequence], law, 3000, look_sizes(1024), 110)
        (alarms,) = watch([sequence], [0.01], law, 10_000, look_sizes(1024), 111)
        # The plain count holds errors on the other side too, which are rare for laws skewed to the right.
        spread = np.hypot(estimate.standard_error, np.sqrt(alarms.missed.rate / 10_000))
        assert -4 * spread < alarms.missed.rate - estimate.value < 4 * spread + 0.001

    @pytest.mark.long
    @pytest.mark.parametrize("law", [NORMAL, EXPONENTIAL, LOG_NORMAL], ids=name)
    def test_level_of_one_in_ten_thousand(self, law):
        """200,000 experiments: the rule holds, for early tuning too; without it the tool is seen to fail."""
        rules = [TMixture(1e-4, tightest_at=at) for at in (64, 512, 4096)]
        tools = [*rules, TMixture(1e-4, None, 64)]
        *with_rule, without = watch(tools, [1e-4] * 4, law, 200_000, LOOKS, 112)
        for tool, alarms in zip(rules, with_rule, strict=True):
            assert not alarms.missed.exceeds(), (tool, alarms)
            assert not alarms.confirmed.exceeds(), (tool, alarms)
            assert not alarms.refuted.exceeds(), (tool, alarms)
        assert without.missed.exceeds() == (law is not NORMAL)

    @pytest.mark.long
    @pytest.mark.parametrize("law", [EXPONENTIAL, LOG_NORMAL, RARE, COIN], ids=name)
    @pytest.mark.parametrize("alpha", [1e-4, 5e-6, 2.5e-7])
    def test_far_tails(self, law, alpha):
        tools = [TMixture(alpha, tightest_at=at) for at in (64, 512, 4096)]
        for tool, estimate in zip(
            tools, probability_of_error(tools, law, 4000, look_sizes(65536), 113), strict=True
        ):
            assert estimate.value + 4 * estimate.standard_error < alpha, (tool, estimate)

    @pytest.mark.long
    def test_a_bound_that_ignores_the_level_is_not_enough(self):
        """Skewness / sqrt(trials) <= 0.1 keeps 1e-4 at the default tuning, and breaks 2.5e-7 on log-normal trials."""
        (coarse,) = probability_of_error([TMixture(1e-4, OLD_RULE)], LOG_NORMAL, 4000, look_sizes(65536), 114)
        assert coarse.value < 1.2e-4
        (fine,) = probability_of_error([TMixture(2.5e-7, OLD_RULE)], LOG_NORMAL, 4000, look_sizes(65536), 114)
        assert fine.value - 4 * fine.standard_error > 2.5e-7
