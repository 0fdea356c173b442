"""Test prompts with clean examples: accuracy without hijackers, the margin beside hijackers.

References
----------
R15 and R16 of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.context_hijacking.layers import descend
from simulations.context_hijacking.prompts import PRODUCTS, draw_factors, rows_of
from simulations.context_hijacking.tasks import DEPTH, draw_margins, draw_tasks, finite, schedules
from simulations.context_hijacking.training import channel_products, drawn_labels
from theory.context_hijacking import CleanContext, MixedContext

Array = npt.NDArray[np.float64]

MOST_NUMBERS = 2**18  # in the examples of the prompts that are answered together


def sample_clean_accuracy(
    model: CleanContext, rng: np.random.Generator, trials: int, *, depth: Array, step_size: Array
) -> dict[str, Array]:
    """Probability of a right answer given the context, over all clean queries: 1 - angle(w*, w_L)/pi.

    The contexts are drawn as by `sample_training`. Literal twin: `sample_clean_accuracy_literal`.

    Parameters
    ----------
    model : CleanContext
    rng : numpy.random.Generator
    trials : int
    depth, step_size : array
        Free axes: one draw serves all of them.

    Returns
    -------
    dict
        'accuracy': array (trials, depths, step sizes).
    """
    labels = rng.spawn(1)[0]
    accuracy = np.empty((len(depth) * len(step_size), trials))
    c = model.initial_scale
    for part, products in channel_products(model, rng, trials, depth, step_size):
        a, b, aa, ab, bb = drawn_labels(labels, model.examples, part.stop - part.start)
        p = dict(zip(PRODUCTS, products, strict=True))
        along = c * p["p1"] + a * p["a1"] + b * p["b1"]
        square = c * c * p["pp"] + aa * p["aa"] + bb * p["bb"]
        square += 2 * (c * (a * p["pa"] + b * p["pb"]) + ab * p["ab"])
        across = np.sqrt(np.maximum(square - along * along, 0.0))
        accuracy[:, part] = 1 - np.arctan2(across, along) / math.pi
    return {"accuracy": np.moveaxis(accuracy.reshape(len(depth), len(step_size), trials), -1, 0)}


def sample_clean_accuracy_literal(
    model: CleanContext, rng: np.random.Generator, trials: int, *, depth: Array, step_size: Array
) -> dict[str, Array]:
    """Right answers to drawn queries after gradient descent on drawn examples: witness of `sample_clean_accuracy`.

    Parameters and returns as `sample_clean_accuracy`, with 'accuracy' 0 or 1.
    """
    n, d = model.examples, model.dimension
    paths = schedules(model.steps, depth, step_size)
    right = np.empty((trials, len(paths)))
    size = max(1, MOST_NUMBERS // ((n + 1) * d))
    for start in range(0, trials, size):
        part = slice(start, min(start + size, trials))
        count = part.stop - part.start
        axis, tasks = draw_tasks(model.prior, rng, d, count)
        examples, query = rng.standard_normal((count, n, d)), rng.standard_normal((count, d))
        labels = np.copysign(1.0, np.einsum("bnd,bd->bn", examples, tasks))
        for j, path in enumerate(paths):
            with np.errstate(over="ignore", invalid="ignore"):
                w = descend(examples, labels, path, np.tile(model.initial_scale * axis, (count, 1)))
                answers = finite(np.einsum("bd,bd->b", w, query), step_size)
            right[part, j] = answers * np.einsum("bd,bd->b", tasks, query) > 0
    return {"accuracy": right.reshape(trials, len(depth), len(step_size))}


def sample_mixed_context(
    model: MixedContext,
    rng: np.random.Generator,
    trials: int,
    *,
    hijackers: Array,
    depth: Array,
    step_size: Array,
) -> dict[str, Array]:
    """Margin y_q <w_L, x_q> after clean examples and copies of the query's hijacker, at its exact law.

    The clean examples enter through their factor, the hijackers as one row sqrt(N) x_perp with label -sqrt(N) y_q.
    Divergent steps give margins of any size.

    Parameters
    ----------
    model : MixedContext
    rng : numpy.random.Generator
    trials : int
    hijackers, depth, step_size : array
        Free axes: one draw serves all of them.

    Returns
    -------
    dict
        Arrays (trials, hijackers, depths, step sizes): 'margin' and 'error' (whether it is negative).
    """
    n, d = model.examples, model.dimension
    numbers, redraws, labels, tasks = rng.spawn(4)
    paths = schedules(model.steps, depth, step_size)
    margin = np.empty((trials, len(hijackers), len(paths)))
    rows = rows_of(n, d)
    size = max(1, MOST_NUMBERS // ((rows + 1) * d))
    rho = model.prior.correlation
    start = model.initial_scale * np.array([rho, math.sqrt((1 - rho) * (1 + rho)), *np.zeros(d - 2)])
    for first in range(0, trials, size):
        part = slice(first, min(first + size, trials))
        count = part.stop - part.start
        factors = np.empty((rows, d, count))
        draw_factors(numbers, redraws, n, factors)
        examples, answers = np.empty((count, rows + 1, d)), np.zeros((count, rows + 1))
        examples[:, :rows] = factors.transpose(2, 0, 1)
        answers[:, : min(rows, 2)] = np.stack(drawn_labels(labels, n, count)[:2], axis=1)[:, : min(rows, 2)]
        query = tasks.standard_normal((count, d))  # y_q = 1, in a basis that starts with w*
        query[:, 0] = draw_margins(model.margin, tasks, count)
        for k, copies in enumerate(np.sqrt(hijackers)):
            examples[:, rows, 1:], examples[:, rows, 0] = copies * query[:, 1:], 0.0
            answers[:, rows] = -copies
            for j, path in enumerate(paths):
                with np.errstate(over="ignore", invalid="ignore"):
                    w = descend(examples, answers, path, np.tile(start, (count, 1)))
                    margin[part, k, j] = np.einsum("bd,bd->b", w, query)
    margin = finite(margin, step_size).reshape(trials, len(hijackers), len(depth), len(step_size))
    return {"margin": margin, "error": (margin < 0).astype(float)}


CLEAN_ACCURACY = Sampler(
    sample_clean_accuracy,
    axes=("depth", "step_size"),
    ranges={"accuracy": (0.0, 1.0)},
    work=lambda model: (
        300.0
        + 10.0 * model.examples
        + model.dimension * (100.0 + 5.0 * model.dimension + 2.0 * (model.dimension + 3) * DEPTH)
    ),
)
CLEAN_ACCURACY_LITERAL = Sampler(
    sample_clean_accuracy_literal,
    axes=("depth", "step_size"),
    ranges={"accuracy": (0.0, 1.0)},
    work=lambda model: 1000.0 + (model.examples + 1) * model.dimension * (40.0 + 4.0 * DEPTH),
)
MIXED_CONTEXT = Sampler(
    sample_mixed_context,
    axes=("hijackers", "depth", "step_size"),
    ranges={"margin": (-math.inf, math.inf), "error": (0.0, 1.0)},
    work=lambda model: 500.0 + 10.0 * model.examples + model.dimension**2 * (20.0 + 6.0 * DEPTH),
)
