"""Training prompts by their sufficient statistics: the exact law of the excess risk, and its mean with less noise.

References
----------
R3 of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.context_hijacking.prompts import (
    PRODUCTS,
    descend_channels,
    draw_factors,
    draw_label_projections,
    prompts_in_block,
    rows_of,
)
from simulations.context_hijacking.tasks import (
    DEPTH,
    TAU,
    draw_correlations,
    finite,
    label_moments,
    schedules,
)
from theory.context_hijacking import CleanContext, Training

Array = npt.NDArray[np.float64]


def sample_training(
    model: Training,
    rng: np.random.Generator,
    trials: int,
    *,
    depth: Array,
    step_size: Array,
    initial_scale: Array,
) -> dict[str, Array]:
    """Excess risk |w_L - tau w*|^2 of drawn training prompts, at its exact law: n + d(d+1)/2 numbers a prompt.

    The excess is quadratic in c, and the three solutions that it needs do not depend on c: one descent serves all
    initial scales. Literal twin: `sample_training_literal`.

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
        'excess': array (trials, depths, step sizes, initial scales).
    """
    labels = rng.spawn(1)[0]
    return _excess(
        model,
        rng,
        trials,
        (depth, step_size, initial_scale),
        lambda count: drawn_labels(labels, model.examples, count),
    )


def drawn_labels(rng: np.random.Generator, examples: int, count: int) -> tuple[Array, ...]:
    """Labels a and b = sqrt(n - a^2) of the factor's first two rows, then a^2, a b, b^2: arrays (count,)."""
    first = np.zeros(count)
    if examples:
        draw_label_projections(rng, examples, first)
    first = np.minimum(first, math.sqrt(examples))  # equal to it for one example
    second = np.sqrt(examples - first * first)
    return first, second, first * first, first * second, second * second


def sample_training_mean(
    model: Training,
    rng: np.random.Generator,
    trials: int,
    *,
    depth: Array,
    step_size: Array,
    initial_scale: Array,
) -> dict[str, Array]:
    """Mean excess risk given the examples up to rotation: labels are averaged over exactly.

    Given the factor R of the examples, the labels enter through a, with E a = n tau / E chi_n and
    E a^2 = 1 + (n-1) 2/pi, and through the sign of their part across z. The variance is
    no larger, and the number of draws does not grow with n.

    Parameters and returns as `sample_training`: the same mean, not the same law.
    """
    mean, square = label_moments(model.examples)
    moments = (mean, 0.0, square, 0.0, model.examples - square)
    return _excess(model, rng, trials, (depth, step_size, initial_scale), lambda _: moments)


def _excess(
    model: Training,
    rng: np.random.Generator,
    trials: int,
    axes: tuple[Array, Array, Array],
    label_moments_of: Callable[[int], tuple[Any, ...]],
) -> dict[str, Array]:
    depth, step_size, scales = axes
    shape = (len(depth), len(step_size), len(scales), trials)
    excess = np.empty((len(depth) * len(step_size), len(scales), trials))
    for part, products in channel_products(model, rng, trials, depth, step_size):
        a, b, aa, ab, bb = label_moments_of(part.stop - part.start)
        p = dict(zip(PRODUCTS, products, strict=True))
        learned = aa * p["aa"] + 2 * ab * p["ab"] + bb * p["bb"]
        constant = learned - 2 * TAU * (a * p["a1"] + b * p["b1"]) + TAU**2
        slope = 2 * (a * p["pa"] + b * p["pb"] - TAU * p["p1"])
        for k, c in enumerate(scales):
            excess[:, k, part] = constant + c * slope + c * c * p["pp"]
    np.maximum(excess, 0.0, out=excess)  # a square: below 0 by rounding alone
    return {"excess": np.moveaxis(excess.reshape(shape), -1, 0)}


def channel_products(
    model: Training | CleanContext, rng: np.random.Generator, trials: int, depth: Array, step_size: Array
) -> Iterator[tuple[slice, Array]]:
    """Ranges of trials, and `PRODUCTS` of their prompts' solutions for every schedule: (9, schedules, prompts)."""
    numbers, redraws, tasks = rng.spawn(3)
    d, block = model.dimension, prompts_in_block(model.dimension)
    paths = [np.array(path) for path in schedules(model.steps, depth, step_size)]
    for start in range(0, trials, block):
        part = slice(start, min(start + block, trials))
        count = part.stop - part.start
        rho = draw_correlations(model.prior, tasks, d, count)
        factors = np.empty((rows_of(model.examples, d), d, count))
        draw_factors(numbers, redraws, model.examples, factors)
        products = np.empty((len(paths), len(PRODUCTS), count))
        with np.errstate(over="ignore", invalid="ignore"):
            for j, path in enumerate(paths):
                descend_channels(factors, rho, path, products[j])
        yield part, finite(products, step_size).swapaxes(0, 1)


def _mean_work(model: Training) -> float:
    d = model.dimension
    return 300.0 + 5.0 * d * (d + 20) + 2.0 * d * (d + 3) * DEPTH


TRAINING = Sampler(
    sample_training,
    axes=("depth", "step_size", "initial_scale"),
    ranges={"excess": (0.0, math.inf)},
    work=lambda model: _mean_work(model) + 10.0 * model.examples,
)
TRAINING_MEAN = Sampler(
    sample_training_mean,
    axes=("depth", "step_size", "initial_scale"),
    ranges={"excess": (0.0, math.inf)},
    work=_mean_work,
)
