"""Every kind of question keeps what it says of its power: `detectable` and `needed` are held to planted discrepancies.

A question that has seen trials says which discrepancy beyond an end of its margin it detects with probability
`POWER` at as many trials, and how many trials decide the discrepancy that it sees. Both are played: the truth is put
where the question says, and the share of experiments in which its interval leaves the margin is held to `POWER`,
exactly (two-sided) where the statement is an equality and from below (on the misses) where it is a lower bound. Each
comparison is a Clopper-Pearson test at 1e-4; seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from benchmarks.referee_samplers import COIN, SHARE, VALUE, Share, Thing
from benchmarks.sequence_experiments import ErrorCount
from lemmata.claims import Identity, Law, Limit, Margin, Outcome, Rate, empirical_bernstein, t_mixture
from lemmata.claims.observations import Source
from lemmata.claims.questions import POWER, LawQuestion, Question, decide
from lemmata.claims.referee import FIRST_LOOK
from lemmata.claims.tools import Tool
from lemmata.confidence import look_sizes
from lemmata.statistics import Array, Moments

pytestmark = pytest.mark.statistical

ALPHA = 1e-3
DOUBT = 1e-4  # error rate of each comparison below
TRIALS = 1024
EXPERIMENTS = 1000
MARGIN = Margin(0.05, "a test")
Draw = Callable[[Source, np.random.Generator, int], Array]


def looks_at(trials: int) -> tuple[int, ...]:
    """The referee's looks up to `trials`, the last one moved there."""
    return (*look_sizes(trials, FIRST_LOOK)[:-1], trials)


def history(question: Question, rows: dict[Source, Array], looks: Sequence[int]) -> list[Any]:
    """What the question has seen of these trials at the looks."""
    return [
        question.observe(
            {s: SimpleNamespace(moments=Moments.of(r[:n]), rows=r[:n]) for s, r in rows.items()}  # type: ignore[arg-type, misc]
        )
        for n in looks
    ]


def typical(source: Source, trials: int) -> Array:
    """Trials with exactly the mean and the spread of their law (all of them normal here)."""
    scores = ndtri((np.arange(trials) + 0.5) / trials)
    model = source.model
    assert isinstance(model, Thing)
    center = model.center + model.correction / model.size
    return center + model.spread * scores / np.sqrt(scores @ scores / (trials - 1))


def typical_history(question: Question, trials: int) -> list[Any]:
    return history(question, {s: typical(s, trials) for s in question.sources}, [trials])


def sampled(source: Source, rng: np.random.Generator, trials: int) -> Array:
    return source.output.sampler.function(source.model, rng, trials)[source.output.name]


def failed(question: Question, looks: Sequence[int], experiments: int = EXPERIMENTS) -> int:
    """In how many experiments the question has failed at the last of the looks."""
    failures = 0
    for experiment in range(experiments):
        rng = np.random.default_rng([11, experiment])
        rows = {source: sampled(source, rng, looks[-1]) for source in question.sources}
        seen = history(question, rows, looks)
        failures += decide(question.interval(seen, ALPHA), question.accept) is Outcome.FAILED
    return failures


def is_power(failures: int, experiments: int = EXPERIMENTS) -> bool:
    """Two-sided at `DOUBT`."""
    return not ErrorCount(failures, experiments, POWER).differs(DOUBT)


def is_at_least(power: float, failures: int, experiments: int = EXPERIMENTS) -> bool:
    """One-sided at `DOUBT`, on the misses."""
    return not ErrorCount(experiments - failures, experiments, 1 - power).exceeds(DOUBT)


def is_at_most(power: float, failures: int, experiments: int = EXPERIMENTS) -> bool:
    return not ErrorCount(failures, experiments, power).exceeds(DOUBT)


# ------------------------------------------------------------------ means and limits, by t-mixture: equalities


def mean(target: float, tool: Tool = t_mixture) -> Question:
    (question,) = Identity(lambda m: target, VALUE["value"], MARGIN, tool).questions(Thing(1.0, spread=0.5))
    return question


def limit(target: float) -> Question:
    """With a correction of 2/n that the contrast takes out."""
    stated = Limit(lambda m: target, VALUE["value"], ("size",), (1, 2, 4, 8), 1, MARGIN)
    (question,) = stated.questions(Thing(1.0, spread=0.25, correction=2.0, size=2))
    return question


@pytest.mark.parametrize("make", [mean, limit])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_what_a_mean_and_a_limit_detect_is_what_they_state(
    make: Callable[[float], Question], sign: float
) -> None:
    question = make(1.0)
    distance = question.detectable(typical_history(question, TRIALS), ALPHA)
    planted = make(1.0 + sign * (MARGIN.value + distance))
    assert is_power(failed(planted, [TRIALS]))


@pytest.mark.parametrize("make", [mean, limit])
@pytest.mark.parametrize("gap", [0.06, 0.1])
def test_what_a_mean_and_a_limit_need_is_what_they_state(
    make: Callable[[float], Question], gap: float
) -> None:
    """From 256 trials on; the discrepancy lies by `gap` outside the margin."""
    question = make(1.0 + MARGIN.value + gap)
    needed = question.needed(typical_history(question, 256), ALPHA)
    assert needed == int(needed)
    assert 256 < needed < 4 * TRIALS
    assert is_power(failed(question, [int(needed)]))


def test_what_a_mean_needs_counts_from_inside_the_margin_too() -> None:
    """A discrepancy of 0.01 within a margin of 0.1 is held, by the nearer end, after as many trials."""
    stated = Identity(lambda m: 0.91, VALUE["value"], Margin(0.1, "a test"))
    (question,) = stated.questions(Thing(1.0, spread=0.1))
    needed = int(question.needed(typical_history(question, 64), ALPHA))
    held = 0
    for experiment in range(EXPERIMENTS):
        rows = {s: sampled(s, np.random.default_rng([12, experiment]), needed) for s in question.sources}
        seen = history(question, rows, [needed])
        held += decide(question.interval(seen, ALPHA), question.accept) is Outcome.HELD
    assert is_power(held)


def test_a_mean_of_bounded_trials_detects_at_least_what_it_states() -> None:
    """Empirical Bernstein: a lower bound of the power; the variance is never taken for more than the range allows."""
    model = Share(0.5)

    def share(target: float) -> Question:
        (question,) = Identity(lambda m: target, SHARE["share"], MARGIN, empirical_bernstein).questions(model)
        return question

    question = share(0.5)
    rows = {s: sampled(s, np.random.default_rng(1), TRIALS) for s in question.sources}
    distance = question.detectable(history(question, rows, looks_at(TRIALS)), ALPHA)
    assert is_at_least(POWER, failed(share(0.5 + MARGIN.value + distance), looks_at(TRIALS)))
    two_trials = {
        s: np.array([0.0, 1.0]) for s in question.sources
    }  # their variance, 1/2, no law on [0, 1] has
    two = question.detectable(history(question, two_trials, [2]), ALPHA)
    sequence: Any = empirical_bernstein(ALPHA, 0.0, 1.0, 0.5, 1.0)
    assert two == sequence.detectable(2, 0.25, POWER)


# ------------------------------------------------------------------ slopes


def slope(target: float) -> Question:
    """Means 4 s^1.5: relative errors are small, so that the logarithm is nearly straight."""
    stated = Rate(
        lambda m: target,
        VALUE["value"],
        lambda m: [(s, Thing(4 * s**1.5, spread=0.2)) for s in (1.0, 2.0, 4.0, 8.0)],
        MARGIN,
    )
    (question,) = stated.questions(Thing(1.0))
    return question


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_what_a_slope_detects_is_what_it_states(sign: float) -> None:
    question = slope(1.5)
    distance = question.detectable(typical_history(question, TRIALS), ALPHA)
    assert is_power(failed(slope(1.5 + sign * (MARGIN.value + distance)), [TRIALS]))


def test_what_a_slope_needs_is_about_what_it_states() -> None:
    """`needed` leaves out the logarithm by which the sequences widen: 'about' is a power from 0.8 to 0.95."""
    start = slope(1.5)
    gap = start.detectable(typical_history(start, TRIALS // 2), ALPHA) / 1.5
    question = slope(1.5 + MARGIN.value + gap)
    needed = int(question.needed(typical_history(question, TRIALS // 2), ALPHA))
    assert needed == pytest.approx(1.5**2 * TRIALS / 2, rel=0.01)
    found = failed(question, [needed])
    assert is_at_least(0.8, found)
    assert is_at_most(0.95, found)


# ------------------------------------------------------------------ laws


def law(distance: float) -> LawQuestion:
    """Fair coins held to a law with too few zeros: distance at the one point where the spread is largest.

    There the stated lower bound of the power is an equality, up to the steps of a binomial law.
    """

    def cdf(x: Any) -> Any:
        return np.where(np.asarray(x) < 0, 0.0, np.where(np.asarray(x) < 1, 0.5 - distance, 1.0))

    (question,) = Law(lambda m: cdf, COIN["hit"], MARGIN).questions(Share(0.5))
    assert isinstance(question, LawQuestion)
    return question


def typical_coins(question: Question, trials: int) -> list[Any]:
    """As many zeros as ones."""
    coins = np.resize([0.0, 1.0], trials)
    return history(question, dict.fromkeys(question.sources, coins), looks_at(trials))


def test_what_a_law_detects_is_what_it_states() -> None:
    question = law(0.0)
    distance = question.detectable(typical_coins(question, 4 * TRIALS), ALPHA)
    found = failed(law(MARGIN.value + distance), looks_at(4 * TRIALS))
    assert is_at_least(POWER, found)
    assert is_power(found)


@pytest.mark.parametrize("gap", [0.07, 0.15])
def test_what_a_law_needs_is_what_it_states(gap: float) -> None:
    question = law(MARGIN.value + gap)
    needed = question.needed(typical_coins(question, TRIALS // 2), ALPHA)
    assert needed == int(needed)
    assert FIRST_LOOK < needed < math.inf
    found = failed(question, looks_at(int(needed)))
    assert is_at_least(POWER, found)
    assert is_power(found)
