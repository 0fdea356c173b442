"""In-place products and the tridiagonal reduction of `simulations.sampling.blas`, beside NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.sampling.blas import (
    gram_of_columns,
    gram_of_rows,
    multiply_add,
    symmetric_multiply_add,
    tridiagonalise,
)
from simulations.sampling.normals import fill_normals
from tests.profiles import share

SIZES = st.integers(1, 9)
PRECISIONS = st.sampled_from([np.dtype(np.float32), np.dtype(np.float64)])


def part(rng: np.random.Generator, shape: tuple[int, int], precision: Any) -> Any:
    """A matrix whose rows lie apart: a part of a larger one."""
    rows, columns = shape
    return rng.standard_normal((rows + 2, columns + 3)).astype(precision)[1 : rows + 1, 2 : columns + 2]


@given(SIZES, SIZES, SIZES, PRECISIONS, st.integers(0, 2**32), st.booleans(), st.booleans())
@settings(max_examples=share(2))
def test_products_of_parts_and_transposes(
    m: int, k: int, n: int, precision: Any, seed: int, turn_left: bool, turn_right: bool
) -> None:
    """out = scale left @ right + keep out, and nothing around out is touched."""
    rng = np.random.default_rng(seed)
    left = part(rng, (k, m), precision).T if turn_left else part(rng, (m, k), precision)
    right = part(rng, (n, k), precision).T if turn_right else part(rng, (k, n), precision)
    whole = np.ones((m + 2, n + 2), precision)
    out = whole[1:-1, 1:-1]
    for keep in (0.0, 2.0):
        expected = 0.5 * left @ right + keep * out
        multiply_add(left, right, out, scale=0.5, keep=keep)
        assert np.abs(out - expected).max() <= 32 * (k + 2) * np.finfo(precision).eps * 20
    whole[1:-1, 1:-1] = 1.0
    assert (whole == 1).all()


@given(SIZES, SIZES, PRECISIONS, st.integers(0, 2**32))
@settings(max_examples=share(2))
def test_symmetric_products_use_the_upper_triangle_alone(m: int, n: int, precision: Any, seed: int) -> None:
    """Gram matrices are written, and symmetric factors read, above the diagonal; below it may stand anything."""
    rng = np.random.default_rng(seed)
    matrix, bound = part(rng, (m, n), precision), 32 * (m + n + 2) * np.finfo(precision).eps * 20
    for gram, size, expected in (
        (gram_of_rows, m, matrix @ matrix.T),
        (gram_of_columns, n, matrix.T @ matrix),
    ):
        out = np.full((size, size), np.nan, precision)
        gram(matrix, out)
        assert np.abs(np.triu(out - expected, 0)[np.triu_indices(size)]).max() <= bound
        assert np.isnan(out[np.tril_indices(size, -1)]).all()
    symmetric = np.full((n, n), np.nan, precision)
    gram_of_columns(matrix, symmetric, scale=0.5)
    out = np.ones((m, n), precision)
    symmetric_multiply_add(matrix, symmetric, out, scale=2.0, keep=3.0)
    assert np.abs(out - (matrix @ matrix.T @ matrix + 3)).max() <= 40 * bound


@pytest.mark.parametrize("size", [1, 2, 3, 40, 130])
def test_the_tridiagonal_reduction_keeps_what_it_stands_for(size: int) -> None:
    """T = Q^T H Q: moments v^T H^k v are those of Q^T v and T, and so are the eigenvalues."""
    rng = np.random.default_rng(size)
    half, vectors = rng.standard_normal((size, size + 3)), rng.standard_normal((2, size))
    dense = half @ half.T / size
    matrix, turned = np.triu(dense) + np.tril(np.full((size, size), np.nan), -1), vectors.copy()
    diagonal, off = tridiagonalise(matrix, turned)
    reduced = np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)
    assert np.linalg.eigvalsh(reduced) == pytest.approx(np.linalg.eigvalsh(dense), abs=1e-13 * size)
    for power in range(4):
        ours = turned @ np.linalg.matrix_power(reduced, power) @ turned.T
        assert ours == pytest.approx(vectors @ np.linalg.matrix_power(dense, power) @ vectors.T, rel=1e-11)


def test_normals_have_numpys_bits() -> None:
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    out = np.empty(5000)
    fill_normals(ours, out)
    assert np.array_equal(out, theirs.standard_normal(5000))
    assert ours.bit_generator.state == theirs.bit_generator.state
