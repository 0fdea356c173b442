"""Kernels: policy-gradient steps from the counts of right and wrong answers of each pattern, trial by trial.

A group of G answers enters a step only through how many right answers h_k and wrong answers n_k - h_k each pattern has.
Right answers number Bin(G, V); their patterns are multinomial with masses pi_k p_k, those of the wrong answers with
masses pi_k (1 - p_k). If right answers have advantage a and wrong ones b, the step is

    theta_k += eta/(groups G) (S_k - pi_k sum_j S_j),   S_k = a h_k + b (n_k - h_k) - kl n_k ln(pi_k/start_k),

summed over groups. REINFORCE is one group of the size of its batch.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from simulations.sampling.multinomial import draw_binomial, draw_multinomial, fill_tails

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Rule = tuple[float, int, int, int, float]
"""Step size, groups of a step, answers of a group, an advantage (an index of ADVANTAGES), coefficient of the KL penalty."""
Goal = tuple[int, float, int]
"""Index of the pattern whose probability has to reach a level (-1: the accuracy has to), the level, the most steps."""

ADVANTAGES = ("value", "none", "mean", "rloo", "std", "sample_std")
"""R - V, R, R - mean, R - mean of the others, (R - mean)/std with the population or the sample deviation."""
_VALUE, _NONE, _MEAN, _RLOO, _STD = range(5)


@kernel
def steps_to_level(
    rng: np.random.Generator, bandit: tuple[Array, Array], rule: Rule, goal: Goal, steps: Counts
) -> None:
    """Fill `steps` with the first step of each trial at which the level is reached; -1 if there is none.

    `bandit` is start policy and success rates, shape (K,) each.
    """
    start, rates = bandit
    pattern, level, most = goal
    reference = np.log(start)
    theta, scratch, counts = (
        np.empty(start.size),
        np.empty((6, start.size + 1)),
        np.empty((2, start.size), np.int64),
    )
    for trial in range(steps.size):
        theta[:] = reference
        steps[trial] = -1
        for step in range(most + 1):
            accuracy = spread(theta, rates, scratch)
            if (accuracy if pattern < 0 else scratch[0, pattern]) >= level:
                steps[trial] = step
                break
            update(rng, theta, reference, rule, scratch, counts)


@kernel
def policies_at(
    rng: np.random.Generator, bandit: tuple[Array, Array], rule: Rule, stops: Counts, policies: Array
) -> None:
    """Fill `policies` (trials, stops, K) with the policies after increasing numbers of steps."""
    start, rates = bandit
    reference = np.log(start)
    theta, scratch, counts = (
        np.empty(start.size),
        np.empty((6, start.size + 1)),
        np.empty((2, start.size), np.int64),
    )
    for trial in range(len(policies)):
        theta[:] = reference
        done = 0
        for i in range(stops.size):
            while done < stops[i]:
                spread(theta, rates, scratch)
                update(rng, theta, reference, rule, scratch, counts)
                done += 1
            spread(theta, rates, scratch)
            policies[trial, i] = scratch[0, : start.size]


@kernel
def spread(theta: Array, rates: Array, scratch: Array) -> float:
    """Policy, masses of right and of wrong answers, and their tails, into the rows of `scratch`; the accuracy."""
    policy, right, wrong = scratch[0], scratch[1], scratch[2]
    top, total = theta[0], 0.0
    for k in range(theta.size):
        top = max(top, theta[k])
    for k in range(theta.size):
        policy[k] = math.exp(theta[k] - top)
        total += policy[k]
    for k in range(theta.size):
        policy[k] /= total
        right[k] = policy[k] * rates[k]
        wrong[k] = policy[k] * (1.0 - rates[k])
    fill_tails(right[: theta.size], scratch[3])
    fill_tails(wrong[: theta.size], scratch[4])
    return scratch[3, 0]


@kernel
def update(
    rng: np.random.Generator, theta: Array, reference: Array, rule: Rule, scratch: Array, counts: Counts
) -> None:
    """One step of all groups, from the policy and masses that `spread` has left."""
    step_size, groups, size, advantage, kl = rule
    count = theta.size
    policy, right, wrong, sums = scratch[0], scratch[1, :count], scratch[2, :count], scratch[5]
    value, failure = scratch[3, 0], scratch[4, 0]
    hits, misses = counts[0], counts[1]
    sums[:] = 0.0
    for _ in range(groups):
        correct = draw_binomial(rng, size, value, failure)
        gain, loss = advantages(correct, size, advantage, value)
        if gain == loss == 0.0 and kl == 0.0:
            continue
        draw_multinomial(rng, correct, right, scratch[3], hits)
        if loss != 0.0 or kl != 0.0:
            draw_multinomial(rng, size - correct, wrong, scratch[4], misses)
        else:
            misses[:] = 0
        for k in range(count):
            sums[k] += gain * hits[k] + loss * misses[k]
            if kl != 0.0 and hits[k] + misses[k] > 0:
                sums[k] -= kl * (hits[k] + misses[k]) * (math.log(policy[k]) - reference[k])
    total = 0.0
    for k in range(count):
        total += sums[k]
    rate = step_size / (groups * size)
    for k in range(count):
        theta[k] += rate * (sums[k] - policy[k] * total)


@kernel
def advantages(correct: int, size: int, advantage: int, value: float) -> tuple[float, float]:
    """Advantage of a right and of a wrong answer in a group with so many right ones."""
    if advantage == _VALUE:
        return 1.0 - value, -value
    if advantage == _NONE:
        return 1.0, 0.0
    mean = correct / size
    if correct == 0 or correct == size:
        return 0.0, 0.0
    scale = 1.0
    if advantage == _RLOO:
        scale = size / (size - 1.0)
    elif advantage != _MEAN:
        variance = mean * (1.0 - mean)
        scale = 1.0 / math.sqrt(variance if advantage == _STD else variance * size / (size - 1.0))
    return scale * (1.0 - mean), -scale * mean
