"""A two-token autoregressive softmax policy, trained token by token: what the bandit of patterns stands for.

Given the question, the first token is a pattern; given the pattern, the second one is an answer, and answer 0 is right.
Each context has its own column of logits. REINFORCE moves the columns that a sampled sequence has passed:

    theta_question += eta/B sum_b (R_b - V)(e_{r_b} - pi),   theta_{r_b} += eta/B sum_b (R_b - V)(e_{a_b} - pi_{r_b}).

With the answers' columns held fixed success rates stay what they are, and the question's column is the bandit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from lemmata.records import Sampler
from simulations.rlvr_gradient_flow.sampled import stops_of
from theory.rlvr_gradient_flow import TokenPolicy

Array = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


def sample_token_policy(
    model: TokenPolicy, rng: np.random.Generator, trials: int, *, time: Array
) -> dict[str, Array]:
    """Probabilities of the patterns and their success rates after training on sampled sequences of two tokens.

    A step costs B (K + n) comparisons and K (n + 1) exponentials for n wrong answers.

    Parameters
    ----------
    model : TokenPolicy
    rng : numpy.random.Generator
    trials : int
    time : array (t,)
        Free axis: one run passes all times. A time is rounded to whole steps.

    Returns
    -------
    dict
        'policy' and 'rates': arrays (trials, t, K), and 'accuracy': array (trials, t).

    References
    ----------
    Sections "Model" and R12 of docs/papers/rlvr_gradient_flow.md.
    """
    start, rates = np.array(model.start), np.array(model.rates)
    answers = np.empty((len(start), 1 + model.wrong_answers))
    answers[:, 0] = np.log(rates)
    answers[:, 1:] = np.log((1 - rates) / model.wrong_answers)[:, None]
    stops, places = stops_of(time, model.step_size)
    found = np.empty((2, trials, stops.size, len(start)))
    rule = model.step_size, model.batch, model.is_frozen
    _train(rng, np.log(start), answers, rule, stops, found)
    policy, after = found[:, :, places]
    accuracy = np.sum(policy * after, axis=2)
    return {"policy": policy, "rates": after, "accuracy": np.minimum(accuracy, 1.0)}


@kernel
def _train(
    rng: np.random.Generator,
    first: Array,
    second: Array,
    rule: tuple[float, int, bool],
    stops: Steps,
    found: Array,
) -> None:
    """Fill `found` (2, trials, stops, K) with policies and success rates after increasing numbers of steps.

    `first` (K,) and `second` (K, answers) are the logits at the start.
    """
    question, columns = np.empty_like(first), np.empty_like(second)
    policy, answers = np.empty_like(first), np.empty_like(second)
    for trial in range(found.shape[1]):
        question[:], columns[:] = first, second
        _read(question, columns, policy, answers)
        done = 0
        for i in range(stops.size):
            for _ in range(done, stops[i]):
                _step(rng, question, columns, policy, answers, rule)
                _read(question, columns, policy, answers)
            done = stops[i]
            for k in range(first.size):
                found[0, trial, i, k] = policy[k]
                found[1, trial, i, k] = answers[k, 0]


@kernel
def _read(question: Array, columns: Array, policy: Array, answers: Array) -> None:
    """Probabilities of the first token, and of the second given each first one."""
    _softmax(question, policy)
    for k in range(question.size):
        _softmax(columns[k], answers[k])


@kernel
def _softmax(logits: Array, out: Array) -> None:
    top, total = logits[0], 0.0
    for i in range(1, logits.size):
        top = max(top, logits[i])
    for i in range(logits.size):
        out[i] = math.exp(logits[i] - top)
        total += out[i]
    for i in range(logits.size):
        out[i] /= total


@kernel
def _step(
    rng: np.random.Generator,
    question: Array,
    columns: Array,
    policy: Array,
    answers: Array,
    rule: tuple[float, int, bool],
) -> None:
    """Sample a batch of sequences, and move the logits of the contexts that each has passed."""
    step_size, batch, is_frozen = rule
    value = 0.0
    for k in range(policy.size):
        value += policy[k] * answers[k, 0]
    for _ in range(batch):
        pattern = _draw(rng, policy)
        answer = _draw(rng, answers[pattern])
        push = step_size / batch * ((1.0 if answer == 0 else 0.0) - value)
        question[pattern] += push
        for k in range(policy.size):
            question[k] -= push * policy[k]
        if not is_frozen:
            columns[pattern, answer] += push
            for a in range(answers.shape[1]):
                columns[pattern, a] -= push * answers[pattern, a]


@kernel
def _draw(rng: np.random.Generator, chances: Array) -> int:
    left = rng.random()
    for i in range(chances.size - 1):
        left -= chances[i]
        if left < 0.0:
            return i
    return chances.size - 1


def _work(model: TokenPolicy) -> float:
    count, answers = len(model.start), 1 + model.wrong_answers
    step = model.batch * (10.0 + 3.0 * count + 3.0 * answers) + 15.0 * count * answers
    return (1.0 + model.time / model.step_size) * step


TOKEN_POLICY = Sampler(
    sample_token_policy,
    axes=("time",),
    ranges={"policy": (0.0, 1.0), "rates": (0.0, 1.0), "accuracy": (0.0, 1.0)},
    work=_work,
)
