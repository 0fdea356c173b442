"""The whole referee keeps its promise on invented suites, and its questions have the power that they state."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import referee_calibration as calibration
from benchmarks.referee_samplers import SHARE, VALUE, Share, Thing
from benchmarks.sequence_experiments import ErrorCount
from lemmata.claims import Identity, Margin, Outcome, beta_binomial, empirical_bernstein, t_mixture
from lemmata.claims.questions import POWER, MeanQuestion, decide
from lemmata.claims.referee import FIRST_LOOK
from lemmata.claims.statements import Statement
from lemmata.claims.tools import Tool
from lemmata.confidence import Interval, look_sizes
from lemmata.records import Sampler
from lemmata.statistics import Moments


@pytest.mark.statistical
def test_suites_err_no_more_often_than_promised():
    """Twenty-four suites of 26 claims at alpha = .05 for a suite."""
    found = calibration.calibrate(24, seed=1)
    assert not found.errors.exceeds(), found.mistakes
    assert found.inconclusive < 0.6
    assert {kind for kind, score in found.scores.items() if score.problems} == set()


@pytest.mark.long
@pytest.mark.statistical
def test_claims_of_every_kind_err_no_more_often_than_promised():
    """Two hundred suites at alpha = .05 for each claim."""
    found = calibration.calibrate(200, seed=2, claim_alpha=calibration.ALPHA)
    for kind, score in found.scores.items():
        assert not ErrorCount(score.wrong, score.claims, calibration.ALPHA).exceeds(), (kind, score)


@pytest.mark.long
@pytest.mark.statistical
def test_five_hundred_suites_err_no_more_often_than_promised():
    found = calibration.calibrate(500, seed=0)
    assert found.claims >= 20 * found.suites
    assert not found.errors.exceeds(), found.mistakes


def test_a_referee_that_is_too_sure_is_found_out(monkeypatch):
    """Intervals of a third of the width: the experiment sees it in a few suites."""
    full = MeanQuestion.interval

    def narrowed(self: MeanQuestion, history, alpha: float) -> Interval:
        interval = full(self, history, alpha)
        if not interval.is_bounded or not self.sources:
            return interval
        return Interval.around(interval.midpoint, 0.15 * float(interval.width))

    monkeypatch.setattr(MeanQuestion, "interval", narrowed)
    found = calibration.calibrate(8, seed=1)
    assert found.errors.exceeds(), found.wrong_suites


# ------------------------------------------------------------------ power at the level of a claim's question

ALPHA = 1e-3
TRIALS = 4096


def detected(statement: Statement, model, trials: int, experiments: int) -> ErrorCount:
    """How often a question at a planted discrepancy has failed by the looks up to `trials`.

    The discrepancy is the edge of the margin plus what the question says that it detects there.
    """
    (question,) = statement.questions(model)
    (source,) = question.sources
    sampler, output = source.output.sampler, source.output.name
    looks = look_sizes(trials, FIRST_LOOK)
    failures = 0
    for experiment in range(experiments):
        rows = sampler.function(model, np.random.default_rng([7, experiment]), trials)[output]
        history = [Moments.of(rows[:n]) for n in looks]
        failures += decide(question.interval(history, ALPHA), question.accept) is Outcome.FAILED
    return ErrorCount(failures, experiments, POWER)


def misses(found: ErrorCount) -> ErrorCount:
    """What a lower bound of the power allows at most; `exceeds` is a one-sided test at 1e-4."""
    return ErrorCount(found.experiments - found.events, found.experiments, 1 - found.promise)


def planted(sampler: Sampler, output: str, tool: Tool, model, variance: float, margin: float, sign: float):
    """An identity whose discrepancy lies beyond the margin by what is detected at `TRIALS` trials."""
    mean = model.mean if isinstance(model, Share) else model.center

    def statement(target: float) -> Identity:
        return Identity(lambda m: target, sampler[output], Margin(margin, "a test"), tool)

    (question,) = statement(mean + sign * margin).questions(model)
    assert isinstance(question, MeanQuestion)
    # a hair beyond: with counts the interval ends at the very point, which then belongs to it
    distance = float(question._sequence(ALPHA).detectable(TRIALS, variance, POWER)) * (1 + 1e-9)
    assert math.isfinite(distance)
    return statement(mean + sign * (margin + distance))


@pytest.mark.statistical
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_power_of_a_t_mixture_question_is_what_it_states(sign):
    """Normal trials, two-sided at 1e-4."""
    model = Thing(center=1.0)
    statement = planted(VALUE, "value", t_mixture, model, 1.0, 0.05, sign)
    found = detected(statement, model, TRIALS, 3000)
    assert not found.differs(), found


@pytest.mark.statistical
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_power_of_an_empirical_bernstein_question_is_what_it_states(sign):
    """Coins with the rarer side towards the target: the least favourable law, where power is as stated."""
    model = Share(0.2 if sign > 0 else 0.8)
    coins = Sampler(_coin, ranges={"hit": (0.0, 1.0)}, work=lambda m: 1e6)
    statement = planted(coins, "hit", empirical_bernstein, model, 0.16, 0.02, sign)
    found = detected(statement, model, TRIALS, 3000)
    assert not found.differs(), found


@pytest.mark.statistical
def test_power_of_an_empirical_bernstein_question_is_at_least_what_it_states_elsewhere():
    model = Share(0.3)
    statement = planted(SHARE, "share", empirical_bernstein, model, 0.3 * 0.7 / 2, 0.02, 1.0)
    assert not misses(detected(statement, model, TRIALS, 1500)).exceeds()


@pytest.mark.statistical
def test_power_of_a_beta_binomial_question_is_at_least_what_it_states():
    model = Share(0.3)
    coins = Sampler(_coin, ranges={"hit": (0.0, 1.0)}, work=lambda m: 1e6)
    statement = planted(coins, "hit", beta_binomial, model, 0.21, 0.02, 1.0)
    assert not misses(detected(statement, model, TRIALS, 1500)).exceeds()


def _coin(model: Share, rng: np.random.Generator, trials: int):
    return {"hit": (rng.random(trials) < model.mean).astype(float)}
