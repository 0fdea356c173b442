"""Prompts drawn token by token and answered by gradient descent or by the transformer: witnesses of the reductions.

References
----------
Section "Model" of docs/papers/context_hijacking.md (arXiv 2502.15609, Definitions 3.1 and 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.context_hijacking.layers import descend, transformer_answers
from simulations.context_hijacking.tasks import (
    COPIES,
    DEPTH,
    TAU,
    draw_margins,
    draw_tasks,
    finite,
    schedules,
)
from theory.context_hijacking import Hijack, RandomLayers, Training

Array = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
Answers = Callable[[Array, Array, Array, tuple[float, ...], Array], Array]

MOST_NUMBERS = 2**18  # in the examples of the prompts that are answered together


def sample_hijack_descent(
    model: Hijack, rng: np.random.Generator, trials: int, *, hijackers: Array, depth: Array, step_size: Array
) -> dict[str, Truths]:
    """Wrong answers to drawn queries after gradient descent on N identical examples: the witness of `sample_hijack`.

    Draws the task, the query in all its coordinates and the sign of its margin. A prompt costs 4 N d L operations.

    Parameters and returns as `sample_hijack`.
    """
    return _hijack(model, rng, trials, (hijackers, depth, step_size), _descent_answers)


def sample_hijack_transformer(
    model: Hijack, rng: np.random.Generator, trials: int, *, hijackers: Array, depth: Array, step_size: Array
) -> dict[str, Truths]:
    """Wrong answers of the transformer's layers themselves to drawn prompts of N hijackers.

    Parameters and returns as `sample_hijack`; with equal generators the prompts are those of `sample_hijack_descent`.
    """
    return _hijack(model, rng, trials, (hijackers, depth, step_size), transformer_answers)


def _descent_answers(
    examples: Array, labels: Array, query: Array, steps: tuple[float, ...], start: Array
) -> Array:
    return np.einsum("bd,bd->b", descend(examples, labels, steps, start), query)


def _hijack(
    model: Hijack, rng: np.random.Generator, trials: int, axes: tuple[Array, Array, Array], answers: Answers
) -> dict[str, Truths]:
    hijackers, depth, step_size = axes
    steps = schedules(model.steps, depth, step_size)
    wrong = np.empty((trials, len(hijackers), len(steps)), dtype=np.bool_)
    for part in _parts(trials, int(hijackers.max()) * model.dimension):
        count = part.stop - part.start
        axis, tasks = draw_tasks(model.prior, rng, model.dimension, count)
        across = rng.standard_normal((count, model.dimension))
        across -= np.einsum("bd,bd->b", across, tasks)[:, None] * tasks
        sign = np.where(rng.random(count) < 0.5, -1.0, 1.0)
        query = across + (sign * draw_margins(model.margin, rng, count))[:, None] * tasks
        start = np.tile(model.initial_scale * axis, (count, 1))
        for k, copies in enumerate(hijackers.astype(int)):
            examples = np.repeat(across[:, None, :], copies, axis=1)
            labels = np.repeat(-sign[:, None], copies, axis=1)
            for j, path in enumerate(steps):
                with np.errstate(over="ignore", invalid="ignore"):
                    margin = sign * answers(examples, labels, query, path, start)
                wrong[part, k, j] = finite(margin, step_size) < 0
    return {"error": wrong.reshape(trials, len(hijackers), len(depth), len(step_size))}


def sample_training_literal(
    model: Training,
    rng: np.random.Generator,
    trials: int,
    *,
    depth: Array,
    step_size: Array,
    initial_scale: Array,
) -> dict[str, Array]:
    """Errors on drawn training prompts by gradient descent on all examples: the witness of `sample_training`.

    Parameters
    ----------
    model : Training
    rng : numpy.random.Generator
    trials : int
    depth, step_size, initial_scale : array
        Free axes: one draw serves all of them.

    Returns
    -------
    dict
        Arrays (trials, depths, step sizes, initial scales): 'excess' (|w_L - tau w*|^2) and 'squared_error' (that of
        the answer to a drawn query; its mean is 1 - 2/pi more).
    """
    n, d = model.examples, model.dimension
    steps = schedules(model.steps, depth, step_size)
    shape = (trials, len(steps), len(initial_scale))
    excess, squared = np.empty(shape), np.empty(shape)
    for part in _parts(trials, n * d):
        count = part.stop - part.start
        axis, tasks = draw_tasks(model.prior, rng, d, count)
        examples, query = rng.standard_normal((count, n, d)), rng.standard_normal((count, d))
        labels = np.copysign(1.0, np.einsum("bnd,bd->bn", examples, tasks))
        label = np.copysign(1.0, np.einsum("bd,bd->b", query, tasks))
        for j, path in enumerate(steps):
            for k, scale in enumerate(initial_scale):
                with np.errstate(over="ignore", invalid="ignore"):
                    w = descend(examples, labels, path, np.tile(scale * axis, (count, 1)))
                    excess[part, j, k] = np.sum((w - TAU * tasks) ** 2, axis=1)
                    squared[part, j, k] = (np.einsum("bd,bd->b", w, query) - label) ** 2
    finite(excess, step_size)
    finite(squared, step_size)
    lead = (trials, len(depth), len(step_size), len(initial_scale))
    return {"excess": excess.reshape(lead), "squared_error": squared.reshape(lead)}


def sample_equivalence(model: RandomLayers, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Distance of the transformer's answer from that of gradient descent, for random layers on random prompts.

    Distances are relative to the largest |<w, x_q>| that the lengths of x_q and of w_0, ..., w_L allow.

    Returns
    -------
    dict
        Arrays (trials,): 'difference' (preconditioners Gamma_l^T) and 'untransposed' (Gamma_l).

    References
    ----------
    arXiv 2502.15609, Proposition 4.1; R1.
    """
    n, d = model.examples, model.dimension
    outputs = {name: np.empty(trials) for name in ("difference", "untransposed")}
    for part in _parts(trials, (n + d + 1) ** 2):
        count = part.stop - part.start
        examples, query = rng.standard_normal((count, n, d)), rng.standard_normal((count, d))
        labels = np.where(rng.random((count, n)) < 0.5, -1.0, 1.0)
        start = rng.standard_normal((count, d))
        gammas = model.step_size * rng.standard_normal((model.depth, count, d, d))
        if model.preconditioner == "symmetric":
            gammas = (gammas + gammas.swapaxes(-1, -2)) / math.sqrt(2)
        answers = transformer_answers(examples, labels, query, list(gammas), start)
        for name, layers in (("difference", gammas.swapaxes(-1, -2)), ("untransposed", gammas)):
            path = [descend(examples, labels, list(layers[:k]), start) for k in range(model.depth + 1)]
            longest = np.max([np.linalg.norm(w, axis=1) for w in path], axis=0)
            gap = np.abs(answers - np.einsum("bd,bd->b", path[-1], query))
            outputs[name][part] = gap / (longest * np.linalg.norm(query, axis=1))
    return outputs


def _parts(trials: int, numbers: int) -> Iterator[slice]:
    """Ranges of trials whose examples fit in `MOST_NUMBERS`."""
    size = max(1, MOST_NUMBERS // max(numbers, 1))
    for start in range(0, trials, size):
        yield slice(start, min(start + size, trials))


def _hijack_work(model: Hijack) -> float:
    return 500.0 + 40.0 * model.dimension + 6.0 * (COPIES + 1) * model.dimension * DEPTH


def _transformer_work(model: Hijack) -> float:
    width = COPIES + model.dimension + 2
    return _hijack_work(model) + 10.0 * width**2 * (model.dimension + 1) * DEPTH / 4


HIJACK_DESCENT = Sampler(
    sample_hijack_descent,
    axes=("hijackers", "depth", "step_size"),
    ranges={"error": (0.0, 1.0)},
    work=_hijack_work,
)
HIJACK_TRANSFORMER = Sampler(
    sample_hijack_transformer,
    axes=("hijackers", "depth", "step_size"),
    ranges={"error": (0.0, 1.0)},
    work=_transformer_work,
)
TRAINING_LITERAL = Sampler(
    sample_training_literal,
    axes=("depth", "step_size", "initial_scale"),
    ranges={"excess": (0.0, math.inf), "squared_error": (0.0, math.inf)},
    work=lambda model: 1000.0 + model.examples * model.dimension * (40.0 + 4.0 * DEPTH),
)
EQUIVALENCE = Sampler(
    sample_equivalence,
    ranges={"difference": (0.0, math.inf), "untransposed": (0.0, math.inf)},
    work=lambda model: (
        1000.0 + 4.0 * (model.examples + model.dimension + 1) ** 2 * (model.dimension + 1) * model.depth
    ),
)
