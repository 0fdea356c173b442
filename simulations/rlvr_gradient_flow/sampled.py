"""Samplers of REINFORCE and GRPO on a softmax bandit: times of a level, and policies at times.

A step draws counts of right and wrong answers by pattern instead of the answers themselves: the same law at 2K binomial
draws a step, whatever the batch. `literal` draws answer by answer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.rlvr_gradient_flow.integration import best_pattern, integrate_time
from simulations.rlvr_gradient_flow.training import ADVANTAGES, Goal, Rule, policies_at, steps_to_level
from simulations.sampling.uniforms import seeded_state
from theory.rlvr_gradient_flow import Grpo, GrpoPath, Reinforce, ReinforcePath, Target

Array = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

MOST_STEPS = 10**8
"""Steps after which a trial that has not reached its level is an error."""
_BASELINES = {"value": "value", "none": "none", "batch": "mean"}


def sample_reinforce_time(model: Reinforce, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Time at which REINFORCE first reaches a level: step size times number of steps.

    A step costs about 2K binomial draws and K exponentials. Literal twin: `sample_reinforce_time_literal`.

    Parameters
    ----------
    model : Reinforce
        A KL penalty is subtracted from the reward of each answer.
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        'time' and 'squared_time': arrays (trials,).

    Raises
    ------
    DomainError
        If all rates are equal, the level cannot be reached, a trial has not reached it after 1e8 steps, the last of
        several crossings is asked for, or a batch of one is its own baseline.

    References
    ----------
    R13 of docs/papers/rlvr_gradient_flow.md.
    """
    return times(model, _steps(model, rng, trials))


def sample_grpo_time(model: Grpo, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Time at which GRPO first reaches a level: step size times number of steps.

    Parameters and returns as `sample_reinforce_time`.

    Raises
    ------
    DomainError
        If all rates are equal, the level cannot be reached, a trial has not reached it after 1e8 steps, or the last of
        several crossings is asked for.

    References
    ----------
    R9 of docs/papers/rlvr_gradient_flow.md.
    """
    return times(model, _steps(model, rng, trials))


def sample_reinforce_policy(
    model: ReinforcePath, rng: np.random.Generator, trials: int, *, time: Array
) -> dict[str, Array]:
    """Policy and accuracy after training by REINFORCE for given times.

    Parameters
    ----------
    model : ReinforcePath
    rng : numpy.random.Generator
    trials : int
    time : array (t,)
        Free axis: one run passes all times. A time is rounded to whole steps.

    Returns
    -------
    dict
        'policy': array (trials, t, K), and 'accuracy': array (trials, t).

    Raises
    ------
    DomainError
        If a batch of one is its own baseline.

    References
    ----------
    R3 and R13 of docs/papers/rlvr_gradient_flow.md.
    """
    return _path(model, rng, trials, time)


def sample_grpo_policy(
    model: GrpoPath, rng: np.random.Generator, trials: int, *, time: Array
) -> dict[str, Array]:
    """Policy and accuracy after training by GRPO for given times.

    Parameters and returns as `sample_reinforce_policy`.

    References
    ----------
    R9 of docs/papers/rlvr_gradient_flow.md.
    """
    return _path(model, rng, trials, time)


def rule_of(model: Reinforce | ReinforcePath | Grpo | GrpoPath) -> Rule:
    """How the model steps, as the kernels take it.

    Raises
    ------
    DomainError
        If a batch of one is its own baseline, so that nothing is ever learned.
    """
    if isinstance(model, Grpo | GrpoPath):
        return model.step_size, model.groups, model.size, ADVANTAGES.index(model.advantage), model.kl
    if model.baseline == "batch" and model.batch == 1:
        raise DomainError("batch", model.batch, "a whole number >= 2 where the batch's mean is the baseline")
    return model.step_size, 1, model.batch, ADVANTAGES.index(_BASELINES[model.baseline]), model.kl


def goal_of(model: Target) -> Goal:
    """What has to reach which level, as the kernels take it.

    Raises
    ------
    DomainError
        If an accuracy is not below the best rate, all rates are equal though the level is still ahead, or the last
        crossing of a level below 1/2 is asked for.
    """
    if model.quantity == "accuracy":
        if model.level >= max(model.rates):
            raise DomainError("level", model.level, f"a level below the best success rate {max(model.rates)}")
        return -1, model.level, MOST_STEPS
    if model.crossing == "last" and model.level < 0.5:
        raise DomainError("crossing", "last", "first: a run that goes on may always cross the level again")
    best = best_pattern(model)
    if (
        min(model.rates) == max(model.rates) and model.start[best] < model.level
    ):  # it would run to the last step
        raise DomainError("rates", model.rates, "not all equal: such a policy has nothing to learn")
    return best, model.level, MOST_STEPS


def stops_of(time: Array, step_size: float) -> tuple[Steps, Steps]:
    """Numbers of steps in increasing order, and where each time stands among them."""
    stops, places = np.unique(np.rint(time / step_size).astype(np.int64), return_inverse=True)
    return stops, places


def times(model: Reinforce | Grpo, steps: Steps) -> dict[str, Array]:
    """Outputs of a sampler of times.

    Raises
    ------
    DomainError
        If a trial has not reached its level.
    """
    if np.any(steps < 0):
        raise DomainError(
            "level",
            model.level,
            f"a level that every trial reaches within {MOST_STEPS:.0e} steps of training",
        )
    time: Any = model.step_size * steps
    return {"time": time, "squared_time": time**2}


def _steps(model: Reinforce | Grpo, rng: np.random.Generator, trials: int) -> Steps:
    steps = np.empty(trials, np.int64)
    bandit = np.array(model.start), np.array(model.rates)
    with np.errstate(over="ignore"):  # words wrap around, of which kernels left plain Python would warn
        steps_to_level(seeded_state(rng), bandit, rule_of(model), goal_of(model), steps)
    return steps


def _path(
    model: ReinforcePath | GrpoPath, rng: np.random.Generator, trials: int, time: Array
) -> dict[str, Array]:
    rates = np.array(model.rates)
    stops, places = stops_of(time, model.step_size)
    policies = np.empty((trials, stops.size, rates.size))
    with np.errstate(over="ignore"):
        policies_at(seeded_state(rng), (np.array(model.start), rates), rule_of(model), stops, policies)
    chosen: Any = policies[:, places]
    return {"policy": chosen, "accuracy": np.minimum(chosen @ rates, 1.0)}


def _step_work(model: Reinforce | ReinforcePath | Grpo | GrpoPath) -> float:
    _, groups, size, _, _ = rule_of(model)
    return groups * len(model.start) * (30.0 + 4.0 * min(size, 64)) + 10.0 * len(model.start)


def time_work(model: Reinforce | Grpo) -> float:
    goal_of(model)
    time = integrate_time(model, latest=MOST_STEPS * model.step_size, tolerance=1e-5)
    steps = min(time / model.step_size, float(MOST_STEPS))
    return (1.0 + steps) * _step_work(model)


def _path_work(model: ReinforcePath | GrpoPath) -> float:
    return (1.0 + model.time / model.step_size) * _step_work(model)


TIMES = {"time": (0.0, math.inf), "squared_time": (0.0, math.inf)}
POLICIES = {"policy": (0.0, 1.0), "accuracy": (0.0, 1.0)}
REINFORCE_TIME = Sampler(sample_reinforce_time, ranges=TIMES, work=time_work)
GRPO_TIME = Sampler(sample_grpo_time, ranges=TIMES, work=time_work)
REINFORCE_POLICY = Sampler(sample_reinforce_policy, axes=("time",), ranges=POLICIES, work=_path_work)
GRPO_POLICY = Sampler(sample_grpo_policy, axes=("time",), ranges=POLICIES, work=_path_work)
