"""REINFORCE answer by answer, in plain array operations: the witness of the counts in `training`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.records import Sampler
from simulations.rlvr_gradient_flow.sampled import TIMES, goal_of, rule_of, time_work, times
from simulations.rlvr_gradient_flow.training import ADVANTAGES, Rule
from theory.rlvr_gradient_flow import Grpo, Reinforce

Array = npt.NDArray[np.float64]


def sample_reinforce_time_literal(
    model: Reinforce, rng: np.random.Generator, trials: int
) -> dict[str, Array]:
    """Time at which REINFORCE first reaches a level, every pattern and every answer drawn.

    Parameters, returns and errors as `sample_reinforce_time`.

    References
    ----------
    R13 of docs/papers/rlvr_gradient_flow.md.
    """
    return _literal_times(model, rng, trials)


def sample_grpo_time_literal(model: Grpo, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Time at which GRPO first reaches a level, every pattern and every answer drawn, rewards standardised.

    Parameters, returns and errors as `sample_grpo_time`.

    References
    ----------
    R9 of docs/papers/rlvr_gradient_flow.md.
    """
    return _literal_times(model, rng, trials)


def _literal_times(model: Reinforce | Grpo, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """All trials at once, those that have arrived left out."""
    rule, (pattern, level, most) = rule_of(model), goal_of(model)
    rates, reference = np.array(model.rates), np.log(model.start)
    theta = np.tile(reference, (trials, 1))
    steps = np.full(trials, -1)
    for step in range(most + 1):
        policy: Any = special.softmax(theta, axis=1)
        open_trials = np.flatnonzero(steps < 0)
        value = policy @ rates if pattern < 0 else policy[:, pattern]
        reached = value >= level
        steps[open_trials[reached]] = step
        theta, policy = theta[~reached], policy[~reached]
        if not len(theta):
            break
        theta = theta + rule[0] * _mean_update(policy, rates, reference, rule, rng)
    return times(model, steps)


def _mean_update(
    policy: Array, rates: Array, reference: Array, rule: Rule, rng: np.random.Generator
) -> Array:
    """Mean over groups and answers of advantage x (e_r - pi), shape (trials, K)."""
    _, groups, size, advantage, kl = rule
    shape = (len(policy), groups, size)
    edges = np.cumsum(policy, axis=1)[:, None, None, :-1]
    patterns = np.sum(rng.random(shape)[..., None] >= edges, axis=-1)
    rewards = (rng.random(shape) < rates[patterns]).astype(float)
    gains = _advantages(rewards, (policy @ rates)[:, None, None], ADVANTAGES[advantage])
    if kl:
        gains -= kl * np.take_along_axis(
            np.log(policy) - reference, patterns.reshape(len(policy), -1), 1
        ).reshape(shape)
    directions = np.eye(len(rates))[patterns] - policy[:, None, None, :]
    return np.mean(gains[..., None] * directions, axis=(1, 2))


def _advantages(rewards: Array, value: Array, advantage: str) -> Array:
    """Advantage of each answer (trials, groups, size) from the rewards of its group."""
    if advantage in ("value", "none"):
        return rewards - (value if advantage == "value" else 0.0)
    centred = rewards - rewards.mean(axis=2, keepdims=True)
    if advantage == "rloo":
        return centred * rewards.shape[2] / (rewards.shape[2] - 1)
    if advantage == "mean":
        return centred
    deviation = rewards.std(axis=2, ddof=int(advantage == "sample_std"), keepdims=True)
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0)


def _literal_work(model: Reinforce | Grpo) -> float:
    _, groups, size, _, _ = rule_of(model)
    return time_work(model) * (1.0 + groups * size)


REINFORCE_TIME_LITERAL = Sampler(sample_reinforce_time_literal, ranges=TIMES, work=_literal_work)
GRPO_TIME_LITERAL = Sampler(sample_grpo_time_literal, ranges=TIMES, work=_literal_work)
