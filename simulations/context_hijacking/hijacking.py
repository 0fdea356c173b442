"""Hijacked prompts by their exact reduction: two random numbers a query, whatever the dimension and the depth.

All hijackers of a prompt are one vector x_perp, so gradient descent moves along it alone. With g = <x_perp, b>, b the
part of beta* orthogonal to w*, and h ~ chi^2 of d - 2 degrees of freedom, r^2 = |x_perp|^2 = g^2 + h and the answer is
wrong iff

    s c rho - 1 + kappa (1 + c sqrt(1 - rho^2) g) < 0,    kappa = prod_l (1 - alpha_l N r^2).

References
----------
R7 of docs/papers/context_hijacking.md (arXiv 2502.15609, Lemma D.1).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from lemmata.records import Sampler
from simulations.context_hijacking.tasks import DEPTH, draw_correlations, draw_margins, schedules
from simulations.sampling.chi_strips import fill_chi_squared_strip
from simulations.sampling.normals import fill_normals
from theory.context_hijacking import Cone, Fixed, Hijack

Array = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

BLOCK = 2**14  # queries drawn together
STRIP = 1024  # of them, those whose arrays stay in the first cache on their way through the layers


def sample_hijack(
    model: Hijack, rng: np.random.Generator, trials: int, *, hijackers: Array, depth: Array, step_size: Array
) -> dict[str, Truths]:
    """Whether each of the drawn queries is answered wrongly, at the exact law of finite size.

    A query costs one normal and one chi-squared number, and one more number for each of rho and s that is random.
    Literal twins: `sample_hijack_descent`, `sample_hijack_transformer`.

    Parameters
    ----------
    model : Hijack
    rng : numpy.random.Generator
    trials : int
    hijackers, depth, step_size : array
        Free axes: one draw serves all of them.

    Returns
    -------
    dict
        'error': array (trials, hijackers, depths, step sizes) of truth values.
    """
    queries, redraws, tasks = rng.spawn(3)
    rates, powers = _cells(model, hijackers, depth, step_size)
    wrong = np.empty((len(rates), trials), dtype=np.bool_)
    is_constant = isinstance(model.prior, Cone) and isinstance(model.margin, Fixed)
    terms = np.empty((2, 0))
    for start in range(0, trials, BLOCK):
        part = wrong[:, start : start + BLOCK]
        if not (is_constant and terms.shape[1] == part.shape[1]):
            terms = _query_terms(model, tasks, part.shape[1])
        with np.errstate(over="ignore"):  # infinite contractions have the right sign
            _answer(queries, redraws, model.dimension, terms, rates, powers, part)
    shape = (len(hijackers), len(depth), len(step_size), trials)
    return {"error": np.moveaxis(wrong.reshape(shape), -1, 0)}


def _query_terms(model: Hijack, rng: np.random.Generator, count: int) -> Array:
    """s c rho - 1 and c sqrt(1 - rho^2) of each query, (2, count)."""
    rho = draw_correlations(model.prior, rng, model.dimension, count)
    margin = draw_margins(model.margin, rng, count)
    c = model.initial_scale
    return np.stack([c * margin * rho - 1, c * np.sqrt((1 - rho) * (1 + rho))])


def _cells(
    model: Hijack, hijackers: Array, depth: Array, step_size: Array
) -> tuple[Array, npt.NDArray[np.int64]]:
    """The distinct alpha_l N of each cell of the free axes, and how many layers have it: (cells, most distinct)."""
    per_schedule = [Counter(steps) for steps in schedules(model.steps, depth, step_size)]
    counted = [[(count * step, n) for step, n in c.items()] for count in hijackers for c in per_schedule]
    most = max(map(len, counted))
    table = np.array([cell + [(0.0, 0)] * (most - len(cell)) for cell in counted])
    return np.ascontiguousarray(table[..., 0]), table[..., 1].astype(np.int64)


@kernel
def _answer(
    rng: np.random.Generator,
    redraws: np.random.Generator,
    dimension: int,
    terms: Array,
    rates: Array,
    powers: npt.NDArray[np.int64],
    wrong: Truths,
) -> None:
    """Draw a query for each column of `terms` and of `wrong` (cells, queries), and mark the wrong answers to it."""
    alignment, square = np.empty(STRIP), np.empty(STRIP)
    for start in range(0, terms.shape[1], STRIP):
        stop = min(start + STRIP, terms.shape[1])
        g, r2 = alignment[: stop - start], square[: stop - start]
        draw_queries(rng, redraws, dimension, g, r2)
        for i in range(stop - start):
            g[i] *= terms[1, start + i]
        _mark_wrong(terms[0, start:stop], g, r2, rates, powers, wrong[:, start:stop])


@kernel
def draw_queries(
    rng: np.random.Generator, redraws: np.random.Generator, dimension: int, alignment: Array, square: Array
) -> None:
    """Fill g and r^2 = g^2 + h, arrays (trials,); `rng` advances alike whatever the dimension."""
    fill_chi_squared_strip(rng, redraws, float(max(dimension - 2, 1)), square, alignment)
    if dimension == 2:
        square[:] = 0.0
    fill_normals(rng, alignment)
    for i in range(len(alignment)):
        square[i] += alignment[i] * alignment[i]


@kernel
def _mark_wrong(
    lift: Array,
    lean: Array,
    square: Array,
    rates: Array,
    powers: npt.NDArray[np.int64],
    wrong: Truths,
) -> None:
    """lift + (1 + lean) prod_j (1 - rates[cell, j] square)^powers[cell, j] < 0 for every cell and query."""
    size = len(square)
    base, kappa = np.empty(size), np.empty(size)
    cells, groups = rates.shape
    for cell in range(cells):
        for i in range(size):
            kappa[i] = 1.0 + lean[i]
        for group in range(groups):
            rate, power = rates[cell, group], powers[cell, group]
            for i in range(size):
                base[i] = 1.0 - rate * square[i]
            while power > 0:
                if power & 1:
                    for i in range(size):
                        kappa[i] *= base[i]
                power >>= 1
                if power > 0:
                    for i in range(size):
                        base[i] *= base[i]
        for i in range(size):
            wrong[cell, i] = lift[i] + kappa[i] < 0.0


HIJACK = Sampler(
    sample_hijack,
    axes=("hijackers", "depth", "step_size"),
    ranges={"error": (0.0, 1.0)},
    work=lambda model: 200.0 + 8.0 * DEPTH,
    paired_trials=2**17,
)
