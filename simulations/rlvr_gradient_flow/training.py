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
from simulations.sampling.cells import count_cells, room_for
from simulations.sampling.uniforms import Words

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Rule = tuple[float, int, int, int, float]
"""Step size, groups of a step, answers of a group, advantage (an index of ADVANTAGES), coefficient of the penalty."""
Goal = tuple[int, float, int]
"""Index of the pattern whose probability has to reach a level (-1: the accuracy has to), the level, the most steps."""
ADVANTAGES = ("value", "none", "mean", "rloo", "std", "sample_std")
"""R - V, R, R - mean, R - mean of the others, (R - mean)/std with the population or the sample deviation."""
_VALUE, _NONE, _MEAN, _RLOO, _STD = range(5)


# rows of the one array that a step works in: a tuple of arrays would cost more than its arithmetic
_POLICY, _RIGHT, _RIGHT_TAILS, _WRONG, _WRONG_TAILS, _PENALTY, _SUMS, _ROWS = range(8)


@kernel
def steps_to_level(state: Words, bandit: tuple[Array, Array], rule: Rule, goal: Goal, steps: Counts) -> None:
    """Fill `steps` with the first step of each trial at which the level is reached; -1 if there is none.

    `bandit` is start policy and success rates, shape (K,) each.
    """
    theta, room = np.empty(bandit[0].size), np.zeros((_ROWS, bandit[0].size + 1))
    for trial in range(steps.size):
        theta[:] = np.log(bandit[0])
        taken = train(state, theta, bandit, rule, goal, room)
        steps[trial] = taken if taken <= goal[2] else -1


@kernel
def policies_at(
    state: Words, bandit: tuple[Array, Array], rule: Rule, stops: Counts, policies: Array
) -> None:
    """Fill `policies` (trials, stops, K) with the policies after increasing numbers of steps."""
    theta, room = np.empty(bandit[0].size), np.zeros((_ROWS, bandit[0].size + 1))
    for trial in range(len(policies)):
        theta[:] = np.log(bandit[0])
        done = 0
        for i in range(stops.size):
            train(state, theta, bandit, rule, (0, math.inf, stops[i] - done), room)
            done = stops[i]
            policies[trial, i] = room[_POLICY, : theta.size]


@kernel
def train(
    state: Words, theta: Array, bandit: tuple[Array, Array], rule: Rule, goal: Goal, room: Array
) -> int:
    """Take steps until the level is reached or no more are allowed; leave the policy, return the steps taken.

    That number is one more than allowed if the level is not reached. One function, for a call with arrays costs as much
    as a pattern's arithmetic.
    """
    start, rates = bandit
    pattern, level, most = goal
    step_size, groups, size, advantage, kl = rule
    patterns = theta.size
    is_small = are_few(size, patterns)
    ends, counts = np.empty(2 * patterns), np.zeros(2 * patterns, np.int64)
    draws = room_for(size if is_small else 0)
    leading = draws.view(np.uint16)
    for step in range(most + 1):
        # policy, masses of right and wrong answers, their sums from each pattern on, penalty of each pattern
        top, total = theta[0], 0.0
        for k in range(1, patterns):
            top = max(top, theta[k])
        for k in range(patterns):
            weight = math.exp(theta[k] - top)
            room[_POLICY, k] = weight
            total += weight
        scale = 1.0 / total
        for k in range(patterns - 1, -1, -1):
            policy = scale * room[_POLICY, k]
            right, wrong = policy * rates[k], policy * (1.0 - rates[k])
            room[_POLICY, k], room[_RIGHT, k], room[_WRONG, k] = policy, right, wrong
            room[_RIGHT_TAILS, k] = room[_RIGHT_TAILS, k + 1] + right
            room[_WRONG_TAILS, k] = room[_WRONG_TAILS, k + 1] + wrong
            room[_SUMS, k] = 0.0
            if kl != 0.0:
                room[_PENALTY, k] = kl * (theta[k] - top - math.log(total) - math.log(start[k]))
        accuracy, failure = room[_RIGHT_TAILS, 0], room[_WRONG_TAILS, 0]
        if (accuracy if pattern < 0 else room[_POLICY, pattern]) >= level:
            return step
        if step == most:
            break
        if is_small:
            mass = 0.0
            for k in range(patterns):
                mass += room[_RIGHT, k]
                ends[k] = mass
            for k in range(patterns):
                mass += room[_WRONG, k]
                ends[patterns + k] = mass
        for _ in range(groups):
            correct = 0
            if is_small:
                count_cells(state, size, ends, draws, leading, counts)
                for k in range(patterns):
                    correct += counts[k]
            else:
                correct = draw_binomial(state, size, accuracy, failure)
            gain, loss = advantages(correct, size, advantage, accuracy)
            if not is_small and (gain != 0.0 or kl != 0.0):
                share(state, correct, room, _RIGHT, counts, 0)
            if not is_small and (loss != 0.0 or kl != 0.0):
                share(state, size - correct, room, _WRONG, counts, patterns)
            for k in range(patterns):
                hits, misses = counts[k], counts[patterns + k]
                room[_SUMS, k] += gain * hits + loss * misses - (hits + misses) * room[_PENALTY, k]
        total = 0.0
        for k in range(patterns):
            total += room[_SUMS, k]
        rate = step_size / (groups * size)
        for k in range(patterns):
            theta[k] += rate * (room[_SUMS, k] - room[_POLICY, k] * total)
    return most + 1


@kernel
def are_few(answers: int, patterns: int) -> bool:
    """Whether answers are sooner held to the 2K - 1 edges of their cells one by one than counted by binomial draws.

    As measured: drawing one takes as long as 3 comparisons, a binomial count as long as 900.
    """
    return answers * (2 * patterns + 2) <= 900 * (2 * patterns - 1)


@kernel
def share(state: Words, answers: int, room: Array, masses: int, counts: Counts, first: int) -> None:
    """Share answers out over the patterns by the masses in a row (their tails in the next), counted from `first` on.

    A pattern gets a binomial share of what the ones before it have left.
    """
    for k in range(room.shape[1] - 1):
        count = draw_binomial(state, answers, room[masses, k], room[masses + 1, k + 1])
        counts[first + k] = count
        answers -= count


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
