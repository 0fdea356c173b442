"""What the demonstrations of training share: three patterns, their policies along time, and simulated runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lemmata.classroom import LOG, Axis, Points, Slider, Values
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from simulations.rlvr_gradient_flow import GRPO_POLICY, REINFORCE_POLICY
from theory.rlvr_gradient_flow import (
    Bandit,
    Flow,
    Group,
    GrpoPath,
    ReinforcePath,
    flow,
    grpo_clock,
    natural_gradient_flow,
)

BEST_RATE, LOW_RATE = 0.9, 0.2
TIMES = Axis(label="training time $t$", low=1, high=1e9, scale=LOG, points=91)
GRADIENT, GRPO, NATURAL = "policy gradient", "GRPO, groups of 8", "natural gradient"
PATTERNS = (("best", "best $r^*$", "blue"), ("second", "second best $r'$", "orange"), ("low", "low", "black"))
RUN_TIMES = np.round(np.geomspace(1.0, 1e5, 21), 1)
SHARE = Axis(label="probability $\\pi$", low=0, high=1)
SECOND = Slider(
    name="second", label="share of the second best in the rest", low=0.1, high=0.9, default=0.7, steps=5
)
GAP = Slider(name="gap", label="gap $g$ between the two", low=0.1, high=0.6, default=0.2, steps=6)


@dataclass(frozen=True)
class Training:
    """A bandit of three patterns (best, second best, low) and how it is trained."""

    bandit: Bandit
    algorithm: str = GRADIENT


def bandit_of(values: Values) -> Bandit:
    """Best, second best and low pattern at the controls' values."""
    best = values["start"]
    second = (1 - best) * values["second"]
    rates = (BEST_RATE, BEST_RATE - values["gap"], LOW_RATE)
    return Bandit((best, second, 1 - best - second), rates)


def policy(index: int) -> Callable[[Training, Array], Array]:
    """Probability of a pattern along the time of training."""

    def values(model: Training, times: Array) -> Array:
        return _policies(model, tuple(times))[:, index]

    return values


@lru_cache(maxsize=256)  # a table is held to theory at some hundred settings, curve by curve
def _policies(model: Training, times: Sequence[float]) -> Array:
    """Policies (times, 3), computed once for the three curves."""
    start, rates = model.bandit.start, model.bandit.rates
    if model.algorithm == NATURAL:
        return np.array([natural_gradient_flow(Flow(start, rates, time=float(t))) for t in times])
    if model.algorithm == GRPO:
        times = _flow_times(model.bandit, np.array(times)).tolist()
    return np.array([flow(Flow(start, rates, time=float(t))) for t in times])


def _flow_times(bandit: Bandit, times: Array) -> Array:
    """Times of the policy gradient at which it is where GRPO is at these times: dt = c_G(V) dt_GRPO (R9).

    The clock is integrated in ln t by the trapezoidal rule on a grid of its own; before its first node it is constant.
    """
    logs = np.linspace(math.log(1e-2), math.log(1e10), 241)
    rates = np.array(bandit.rates)
    accuracy = np.array([flow(Flow(bandit.start, bandit.rates, time=math.exp(u))) @ rates for u in logs])
    factor = np.array([grpo_clock(Group(min(float(v), 1.0), size=8)) for v in accuracy])
    speed = np.exp(logs) / factor
    first = speed[0]
    passed = first + np.concatenate([[0.0], np.cumsum(np.diff(logs) * (speed[1:] + speed[:-1]) / 2)])
    return np.exp(np.interp(np.log(times), np.log(passed), logs))


def drawn_policy(index: int) -> Callable[[Laboratory, Training], Points]:
    """Probability of a pattern in one run of REINFORCE (step 0.1, batch 32) or GRPO (step 0.1, 4 groups)."""

    def draw(lab: Laboratory, model: Training) -> Points:
        if model.algorithm == NATURAL:
            return Points(np.empty(0), np.empty(0))
        return Points(RUN_TIMES, _one_run(lab, model)[:, index])

    return draw


@lru_cache(maxsize=4)
def _one_run(lab: Laboratory, model: Training) -> Array:
    """Policies (times, 3) of a run, drawn once for the three patterns."""
    given, times = (model.bandit.start, model.bandit.rates), RUN_TIMES.tolist()
    if model.algorithm == GRPO:
        source, run = GRPO_POLICY, GrpoPath(*given, time=times[-1], step_size=0.1, groups=4)
    else:
        source, run = REINFORCE_POLICY, ReinforcePath(*given, time=times[-1], step_size=0.1, batch=32)
    return lab.samples(source["policy"], run, 1, axes={"time": times})[0]
