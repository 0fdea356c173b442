"""Clean prompts by their sufficient statistics: a triangular factor of the examples and one number for the labels.

In a basis that starts with w*, X = O R with R of d + 1 rows at the most: a first row (|z|, g_1), z = X w*; a second one
(0, g_2), the direction of the labels across z; and a Bartlett factor of the other n - 2 examples. The labels become
(a, sqrt(n - a^2), 0, ..., 0) with a = sum |z_i| / |z|, which is independent of R. Gradient descent does not see O.

Arrays are laid out (rows, d, prompts), so that one instruction serves several prompts.

References
----------
R3 of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from simulations.sampling.chi import fill_chi_squared
from simulations.sampling.normals import fill_normals

Array = npt.NDArray[np.float64]

BLOCK_NUMBERS = 2**16  # in the factors of the prompts that are drawn together
STRIP = 16  # prompts that go through gradient descent together

# products of the three solutions that `descend_channels` returns, and of their first entries
PRODUCTS = ("pp", "pa", "pb", "aa", "ab", "bb", "p1", "a1", "b1")


def prompts_in_block(dimension: int) -> int:
    """How many prompts are drawn together."""
    return max(STRIP, BLOCK_NUMBERS // (dimension * (dimension + 1)) // STRIP * STRIP)


def rows_of(examples: int, dimension: int) -> int:
    """Rows of the factor R."""
    return min(examples, 2) + min(max(examples - 2, 0), dimension - 1)


@kernel
def draw_factors(
    rng: np.random.Generator, redraws: np.random.Generator, examples: int, factors: Array
) -> None:
    """Fill R (rows, d, prompts): upper triangular but for its second row, which starts at the second column."""
    rows, dimension, _ = factors.shape
    factors[:] = 0.0
    for row in range(rows):
        first = 0 if row == 0 else 1 if row == 1 else row - 1
        if row != 1:
            freedom = examples if row == 0 else examples - row
            fill_chi_squared(rng, redraws, float(freedom), factors[row, first])
            for i in range(factors.shape[2]):
                factors[row, first, i] = np.sqrt(factors[row, first, i])
            first += 1
        for column in range(first, dimension):
            fill_normals(rng, factors[row, column])


@kernel
def draw_label_projections(rng: np.random.Generator, examples: int, projections: Array) -> None:
    """Fill a = sum |z_i| / |z|, an array (prompts,), z a standard normal vector of n entries."""
    for i in range(len(projections)):
        total = 0.0
        square = 0.0
        for _ in range(examples):
            x = rng.standard_normal()
            total += abs(x)
            square += x * x
        projections[i] = total / np.sqrt(square)


@kernel(fastmath={"contract"})
def descend_channels(factors: Array, correlation: Array, steps: Array, products: Array) -> None:
    """Gradient descent from beta* without labels, and from 0 with the first or the second label alone equal to 1.

    Parameters
    ----------
    factors : array (rows, d, prompts)
    correlation : array (prompts,)
        rho; beta* = (rho, sqrt(1 - rho^2), 0, ..., 0).
    steps : array (L,)
    products : array (9, prompts)
        Filled with the `PRODUCTS` of the solutions p, a, b: w_L = c p + a_label a + b_label b by linearity.
    """
    rows, dimension, prompts = factors.shape
    w = np.empty((3, dimension, STRIP))
    move = np.empty((3, dimension, STRIP))
    residual = np.empty((3, STRIP))
    for start in range(0, prompts, STRIP):
        size = min(STRIP, prompts - start)
        w[:] = 0.0
        for i in range(size):
            rho = correlation[start + i]
            w[0, 0, i] = rho
            w[0, 1, i] = np.sqrt((1.0 - rho) * (1.0 + rho))
        for step in steps:
            move[:] = 0.0
            for row in range(rows):
                first = 0 if row == 0 else 1 if row == 1 else row - 1
                for channel in range(3):
                    label = -1.0 if channel == row + 1 else 0.0
                    for i in range(size):
                        residual[channel, i] = label
                    for column in range(first, dimension):
                        for i in range(size):
                            residual[channel, i] += factors[row, column, start + i] * w[channel, column, i]
                    for column in range(first, dimension):
                        for i in range(size):
                            move[channel, column, i] += factors[row, column, start + i] * residual[channel, i]
            for channel in range(3):
                for column in range(dimension):
                    for i in range(size):
                        w[channel, column, i] -= step * move[channel, column, i]
        place = 0
        for channel in range(3):
            for other in range(channel, 3):
                for i in range(size):
                    total = 0.0
                    for column in range(dimension):
                        total += w[channel, column, i] * w[other, column, i]
                    products[place, start + i] = total
                place += 1
        for channel in range(3):
            for i in range(size):
                products[place, start + i] = w[channel, 0, i]
            place += 1
