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
from simulations.sampling.binomial import draw_binomial

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Rule = tuple[float, int, int, int, float]
"""Step size, groups of a step, answers of a group, advantage (an index of ADVANTAGES), coefficient of the penalty."""
Goal = tuple[int, float, int]
"""Index of the pattern whose probability has to reach a level (-1: the accuracy has to), the level, the most steps."""
ADVANTAGES = ("value", "none", "mean", "rloo", "std", "sample_std")
"""R - V, R, R - mean, R - mean of the others, (R - mean)/std with the population or the sample deviation."""
_VALUE, _NONE, _MEAN, _RLOO, _STD = range(5)


FEW = 2
"""Answers for each pattern but one, up to which drawing them one by one is sooner than counting."""
# rows of the one array that a step works in: views and tuples of arrays would cost more than its arithmetic
_POLICY, _RIGHT, _RIGHT_TAILS, _WRONG, _WRONG_TAILS, _PENALTY, _SUMS, _ROWS = range(8)


@kernel
def steps_to_level(
    rng: np.random.Generator, bandit: tuple[Array, Array], rule: Rule, goal: Goal, steps: Counts
) -> None:
    """Fill `steps` with the first step of each trial at which the level is reached; -1 if there is none.

    `bandit` is start policy and success rates, shape (K,) each.
    """
    start, rates = bandit
    pattern, level, most = goal
    reference, theta, room = np.log(start), np.empty(start.size), np.zeros((_ROWS, start.size + 1))
    for trial in range(steps.size):
        theta[:] = reference
        steps[trial] = -1
        for step in range(most + 1):
            spread(theta, reference, rates, rule, room)
            if (room[_RIGHT_TAILS, 0] if pattern < 0 else room[_POLICY, pattern]) >= level:
                steps[trial] = step
                break
            update(rng, theta, rule, room)


@kernel
def policies_at(
    rng: np.random.Generator, bandit: tuple[Array, Array], rule: Rule, stops: Counts, policies: Array
) -> None:
    """Fill `policies` (trials, stops, K) with the policies after increasing numbers of steps."""
    start, rates = bandit
    reference, theta, room = np.log(start), np.empty(start.size), np.zeros((_ROWS, start.size + 1))
    for trial in range(len(policies)):
        theta[:] = reference
        done = 0
        spread(theta, reference, rates, rule, room)
        for i in range(stops.size):
            for _ in range(done, stops[i]):
                update(rng, theta, rule, room)
                spread(theta, reference, rates, rule, room)
            done = stops[i]
            policies[trial, i] = room[_POLICY, : start.size]


@kernel
def spread(theta: Array, reference: Array, rates: Array, rule: Rule, room: Array) -> None:
    """Policy, masses of right and wrong answers, sums of the masses from each pattern on, penalty of each pattern."""
    top, total = theta[0], 0.0
    for k in range(1, theta.size):
        top = max(top, theta[k])
    for k in range(theta.size):
        weight = math.exp(theta[k] - top)
        room[_POLICY, k] = weight
        total += weight
    scale = 1.0 / total
    for k in range(theta.size - 1, -1, -1):
        policy = scale * room[_POLICY, k]
        right, wrong = policy * rates[k], policy * (1.0 - rates[k])
        room[_POLICY, k], room[_RIGHT, k], room[_WRONG, k] = policy, right, wrong
        room[_RIGHT_TAILS, k] = room[_RIGHT_TAILS, k + 1] + right
        room[_WRONG_TAILS, k] = room[_WRONG_TAILS, k + 1] + wrong
    kl = rule[4]
    if kl != 0.0:
        log_total = top + math.log(total)
        for k in range(theta.size):
            room[_PENALTY, k] = kl * (theta[k] - log_total - reference[k])


@kernel
def update(rng: np.random.Generator, theta: Array, rule: Rule, room: Array) -> None:
    """One step of all groups, from what `spread` has left."""
    step_size, groups, size, advantage, kl = rule
    for k in range(theta.size):
        room[_SUMS, k] = 0.0
    accuracy, failure = room[_RIGHT_TAILS, 0], room[_WRONG_TAILS, 0]
    for _ in range(groups):
        correct = draw_binomial(rng, size, accuracy, failure)
        gain, loss = advantages(correct, size, advantage, accuracy)
        if gain != 0.0 or kl != 0.0:
            share(rng, correct, gain, _RIGHT, room)
        if loss != 0.0 or kl != 0.0:
            share(rng, size - correct, loss, _WRONG, room)
    total = 0.0
    for k in range(theta.size):
        total += room[_SUMS, k]
    rate = step_size / (groups * size)
    for k in range(theta.size):
        theta[k] += rate * (room[_SUMS, k] - room[_POLICY, k] * total)


@kernel
def share(rng: np.random.Generator, answers: int, advantage: float, row: int, room: Array) -> None:
    """Share answers out over the patterns by the masses in a row (their tails in the next), and add up S_k.

    Few answers are drawn one by one; else a pattern gets a binomial share of what the ones before it have left.
    """
    k = 0
    if answers <= FEW * (room.shape[1] - 2):
        for _ in range(answers):
            place, k = rng.random() * room[row + 1, 0], 0
            while place < room[row + 1, k + 1]:
                k += 1
            room[_SUMS, k] += advantage - room[_PENALTY, k]
        return
    while answers > 0:
        count = draw_binomial(rng, answers, room[row, k], room[row + 1, k + 1])
        room[_SUMS, k] += count * (advantage - room[_PENALTY, k])
        answers -= count
        k += 1


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
