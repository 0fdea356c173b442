"""Models of arXiv 2506.04695: the softmax bandit over reasoning patterns, and what is asked of it or done to it.

A question has K reasoning patterns. Pattern i is picked with probability `start[i]` before training and then answers
correctly with probability `rates[i]`. Everything below is such a bandit with a time, a level, or a way to train.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from lemmata.models import DomainError, Model, choice, flag, real, vector, whole

LEAST_START = 1e-290
"""Smallest probability at the start: the places 1/(gap x probability) of an orbit are floats down to gaps of 1e-16."""
SUM_TOLERANCE = 1e-9
"""How far probabilities may sum from 1; what is left is the softmax of their logarithms."""


class Bandit(Model):
    """Reasoning patterns of one question: how often each is picked, and how often it succeeds.

    Parameters
    ----------
    start : list of K >= 2 probabilities
        Policy pi(0) at the start of training, which is also the reference policy; each >= 1e-290, sum 1.
    rates : list of K numbers in [0, 1]
        Success rates p_i. Equal rates are allowed.
    kl : float
        Coefficient beta of the KL penalty towards the start.
    """

    start: tuple[float, ...] = vector(
        least=LEAST_START, most=1, least_length=2, doc="policy at the start of training, the reference policy"
    )
    rates: tuple[float, ...] = vector(least=0, most=1, least_length=2, doc="success rates of the patterns")
    kl: float = real(least=0, default=0.0, doc="coefficient beta of the KL penalty")

    def validate(self) -> None:
        _check_policy("start", self.start)
        _check_length("rates", self.rates, self.start)


class Flow(Bandit):
    """A bandit and a time of its training.

    Parameters
    ----------
    start, rates, kl
        As for `Bandit`.
    time : float
        Time t of the gradient flow, in logits per unit of reward: step size times number of steps.
    """

    time: float = real(least=0, default=0.0, doc="time t of the flow, step size x number of steps")


class Target(Bandit):
    """A bandit and a level that training has to reach.

    Parameters
    ----------
    start, rates, kl
        As for `Bandit`.
    level : float
        The level, between 0 and 1.
    quantity : 'policy' or 'accuracy'
        What has to reach it: the probability of the best pattern (among equally good ones, the one most likely at
        the start), or the accuracy sum_i pi_i p_i.
    crossing : 'first' or 'last'
        Which upward crossing counts. The accuracy, and the policy at levels >= 1/2, cross once.
    """

    level: float = real(above=0, below=1, default=0.5, doc="level to be reached")
    quantity: str = choice("policy", "accuracy", default="policy", doc="what has to reach the level")
    crossing: str = choice("first", "last", default="first", doc="which upward crossing counts")


class Convergence(Bandit):
    """A bandit and how close its policy has to come to the best pattern.

    Parameters
    ----------
    start, rates, kl
        As for `Bandit`.
    error : float
        epsilon: the probability left to the other patterns. (A level 1 - epsilon has no digits at small epsilon.)
    """

    error: float = real(above=0, most=0.5, default=0.01, doc="probability epsilon left to the other patterns")


# ------------------------------------------------------------------ training by samples


class Reinforce(Target):
    """REINFORCE until a level is reached: theta += step/batch sum_b (R_b - baseline)(e_{r_b} - pi).

    Parameters
    ----------
    start, rates, kl, level, quantity, crossing
        As for `Target`.
    step_size : float
        eta; the time of a trial is eta times its number of steps.
    batch : int
        Samples B of a step.
    baseline : 'value', 'none' or 'batch'
        What is subtracted from the reward: the exact current accuracy, nothing, or the mean reward of the batch.
    """

    step_size: float = real(above=0, default=0.1, doc="step size eta")
    batch: int = whole(least=1, default=16, doc="samples B of a step")
    baseline: str = choice(
        "value", "none", "batch", default="value", doc="what is subtracted from the reward"
    )


class ReinforcePath(Flow):
    """REINFORCE for a given time; parameters as for `Flow` and `Reinforce`."""

    step_size: float = real(above=0, default=0.1, doc="step size eta")
    batch: int = whole(least=1, default=16, doc="samples B of a step")
    baseline: str = choice(
        "value", "none", "batch", default="value", doc="what is subtracted from the reward"
    )


ADVANTAGES = ("std", "sample_std", "mean", "rloo")


class Group(Model):
    """A group of answers to one question, at a given accuracy of the policy.

    Parameters
    ----------
    accuracy : float
        Probability V that an answer is correct.
    size : int
        Group size G.
    advantage : 'std', 'sample_std', 'mean' or 'rloo'
        (R - mean)/std with the population or the sample deviation (0 for a group of equal rewards), R - mean, or R
        minus the mean of the others.
    """

    accuracy: float = real(least=0, most=1, doc="probability V of a correct answer")
    size: int = whole(least=2, doc="group size G")
    advantage: str = choice(*ADVANTAGES, default="std", doc="how rewards are standardised")


class Grpo(Target):
    """GRPO until a level is reached: theta += step/(groups G) sum of advantage x (e_r - pi).

    Parameters
    ----------
    start, rates, kl, level, quantity, crossing
        As for `Target`.
    size : int
        Answers G of a group.
    advantage : 'std', 'sample_std', 'mean' or 'rloo'
        As for `Group`.
    step_size : float
        eta; the time of a trial is eta times its number of steps.
    groups : int
        Groups averaged in a step.
    """

    size: int = whole(least=2, default=8, doc="group size G")
    advantage: str = choice(*ADVANTAGES, default="std", doc="how rewards are standardised")
    step_size: float = real(above=0, default=0.1, doc="step size eta")
    groups: int = whole(least=1, default=1, doc="groups averaged in a step")


class GrpoPath(Flow):
    """GRPO for a given time; parameters as for `Flow` and `Grpo`."""

    size: int = whole(least=2, default=8, doc="group size G")
    advantage: str = choice(*ADVANTAGES, default="std", doc="how rewards are standardised")
    step_size: float = real(above=0, default=0.1, doc="step size eta")
    groups: int = whole(least=1, default=1, doc="groups averaged in a step")


# ------------------------------------------------------------------ supervised fine-tuning


class Teacher(Bandit):
    """A bandit and the distribution of patterns in the data of supervised fine-tuning.

    Parameters
    ----------
    start, rates, kl
        As for `Bandit`.
    teacher : list of K probabilities
        q; zeros are allowed, sum 1. Empty: the best pattern alone.
    level : float
        Level of the best pattern that fine-tuning has to reach, where one is asked for.
    """

    teacher: tuple[float, ...] = vector(
        least=0,
        most=1,
        least_length=0,
        default=(),
        doc="pattern distribution q of the data; [] is the best pattern",
    )
    level: float = real(above=0, below=1, default=0.5, doc="level of the best pattern to be reached")

    def validate(self) -> None:
        super().validate()
        if self.teacher:
            _check_length("teacher", self.teacher, self.start)
            _check_policy("teacher", self.teacher)


# ------------------------------------------------------------------ internal feedback


class CertaintyFlow(Flow):
    """Training on self-certainty R(p) = -(ln p + ln(1-p))/2 in place of correctness; rates strictly inside (0, 1).

    Parameters
    ----------
    start, rates, kl, time
        As for `Flow`.
    """

    def validate(self) -> None:
        super().validate()
        _check_open("rates", self.rates)


class RandomPatterns(Model):
    """K patterns with independent uniform success rates, picked uniformly, trained on self-certainty.

    Conditioned on a base model that is right by majority: mean success rate >= 1/2 + margin.

    Parameters
    ----------
    patterns : int
        Number of patterns K.
    margin : float
        delta, by which the mean success rate exceeds 1/2 at least.
    answers : 'frozen' or 'learnable'
        Whether the success rates move with the reward's gradient as well.
    """

    patterns: int = whole(least=2, doc="number of patterns K")
    margin: float = real(least=0, below=0.5, default=0.0, doc="mean success rate above 1/2 at least")
    answers: str = choice(
        "frozen", "learnable", default="frozen", doc="whether success rates are trained too"
    )

    def resized(self, sizes: Mapping[str, int]) -> Self:
        """At another K the same condition: the mean rate at least as many standard deviations above 1/2."""
        shrinking = math.sqrt(self.patterns / sizes.get("patterns", self.patterns))
        return replace(self, **{**sizes, "margin": self.margin * shrinking})


# ------------------------------------------------------------------ learnable answers


class LearnableAnswers(Model):
    """Patterns whose answers are trained too: one correct answer and some equally likely wrong ones each.

    Parameters
    ----------
    start : list of K >= 2 probabilities
        Policy at the start; each >= 1e-290, sum 1.
    rates : list of K numbers in (0, 1)
        Success rates at the start.
    wrong_answers : int
        Wrong answers n of each pattern, equally likely at the start.
    time : float
        Time t of the flow.
    """

    start: tuple[float, ...] = vector(least=LEAST_START, most=1, least_length=2, doc="policy at the start")
    rates: tuple[float, ...] = vector(above=0, below=1, least_length=2, doc="success rates at the start")
    wrong_answers: int = whole(least=1, default=1, doc="wrong answers n of each pattern")
    time: float = real(least=0, default=0.0, doc="time t of the flow")

    def validate(self) -> None:
        _check_policy("start", self.start)
        _check_length("rates", self.rates, self.start)


class TokenPolicy(LearnableAnswers):
    """A two-token autoregressive tabular softmax policy (question -> pattern -> answer) trained by REINFORCE.

    Parameters
    ----------
    start, rates, wrong_answers, time
        As for `LearnableAnswers`.
    step_size : float
        eta.
    batch : int
        Samples B of a step.
    is_frozen : bool
        Whether the columns of the answers are held fixed.
    """

    step_size: float = real(above=0, default=0.1, doc="step size eta")
    batch: int = whole(least=1, default=16, doc="samples B of a step")
    is_frozen: bool = flag(default=True, doc="whether the answer columns are held fixed")


class Pair(Model):
    """Two patterns with learnable binary answers, whatever the policy at the start.

    Parameters
    ----------
    rates : list of 2 numbers in (0, 1)
        Success rates at the start.
    """

    rates: tuple[float, ...] = vector(above=0, below=1, length=2, doc="success rates at the start")


# ------------------------------------------------------------------ what no single field can check


def _check_policy(name: str, policy: tuple[float, ...]) -> None:
    if abs(math.fsum(policy) - 1) > SUM_TOLERANCE:
        raise DomainError(
            name, policy, f"probabilities that sum to 1 (their sum is {math.fsum(policy):.12g})"
        )


def _check_length(name: str, values: tuple[float, ...], start: tuple[float, ...]) -> None:
    if len(values) != len(start):
        raise DomainError(name, values, f"a list of length {len(start)}, like start")


def _check_open(name: str, rates: tuple[float, ...]) -> None:
    if not all(0 < rate < 1 for rate in rates):
        raise DomainError(name, rates, "a list of numbers > 0 and < 1")
