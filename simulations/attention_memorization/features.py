"""Features A = X K of an attention layer, block by block of the attention matrix K.

A block of rows (or columns) of K is formed from the tokens, transformed in place while it lies in the cache, and
multiplied with the tokens at once, so that no more of K is ever stored than one block; a block as wide as K takes
the fewest products. Where K is symmetric, its upper triangle alone is computed.

References
----------
Section "Model" of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from simulations.sampling.blas import gram_of_columns, multiply_add, symmetric_multiply_add

Array = npt.NDArray[Any]
Apply = Callable[[Array], None]

CACHED = 2**15  # entries that are transformed at a time


def symmetric_features(
    tokens: Array, apply: Apply, *, keep_diagonal: bool, block: int, room: Array, out: Array
) -> None:
    """out = X K sqrt p for K = f(X^T X / sqrt p) / sqrt p.

    Parameters
    ----------
    tokens : array (p, n)
        X.
    apply : callable
        Overwrites an array with f of its entries.
    keep_diagonal : bool
        Keep the diagonal of K instead of setting it to zero.
    block : int
        Rows of K that are stored at a time; n for the fewest operations.
    room : array (at least block * n,)
        Work space, of the tokens' precision like `out`.
    out : array (p, n)
    """
    p, n = tokens.shape
    scale, earlier = 1 / math.sqrt(p), 0.0
    for first, stop in _spans(n, block):
        size, here, later = stop - first, slice(first, stop), slice(stop, n)
        rows = room[: size * (n - first)].reshape(size, n - first)
        square, rest = rows[:, :size], rows[:, size:]
        gram_of_columns(tokens[:, here], square, scale=scale)
        if stop < n:
            multiply_add(tokens[:, here].T, tokens[:, later], rest, scale=scale)
        for top, bottom in _spans(size, max(8, CACHED // (n - first))):
            corner = rows[top:bottom, top:bottom]
            corner[_below_diagonal(bottom - top)] = 0.0  # what lies there was never computed
            apply(rows[top:bottom, top:])
        if not keep_diagonal:
            np.einsum("ii->i", square)[:] = 0.0
        symmetric_multiply_add(tokens[:, here], square, out[:, here], keep=earlier)
        if stop < n:
            multiply_add(tokens[:, later], rest.T, out[:, here], keep=1.0)
            multiply_add(tokens[:, here], rest, out[:, later], keep=earlier)
        earlier = 1.0


def column_features(
    tokens: Array,
    mixed: Array,
    transform: Callable[[Array, int], None],
    *,
    block: int,
    room: Array,
    out: Array,
) -> None:
    """out = X K sqrt p for a matrix K that is known by its columns.

    Parameters
    ----------
    tokens, mixed : array (p, n)
        X, and W X with the matrix W = I + w_K w_Q^T of the weights.
    transform : callable
        `transform(columns, first)` overwrites an array (some, n) of columns of X^T W X / sqrt p, a row each, by those
        of K sqrt p; `first` is the index of the first one.
    block, room, out
        As for `symmetric_features`.
    """
    p, n = tokens.shape
    for first, stop in _spans(n, block):
        columns = room[: (stop - first) * n].reshape(stop - first, n)
        multiply_add(mixed[:, first:stop].T, tokens, columns, scale=1 / math.sqrt(p))
        _transform(columns, first, transform)
        multiply_add(tokens, columns.T, out[:, first:stop])


def row_features(
    tokens: Array,
    mixed: Array,
    transform: Callable[[Array, int], None],
    *,
    block: int,
    room: Array,
    out: Array,
) -> None:
    """out = X K sqrt p for a matrix K that is known by its rows: as `column_features`, with `mixed` W^T X."""
    p, n = tokens.shape
    for first, stop in _spans(n, block):
        rows = room[: (stop - first) * n].reshape(stop - first, n)
        multiply_add(mixed[:, first:stop].T, tokens, rows, scale=1 / math.sqrt(p))
        _transform(rows, first, transform)
        multiply_add(tokens[:, first:stop], rows, out, keep=0.0 if first == 0 else 1.0)


def _transform(rows: Array, first: int, transform: Callable[[Array, int], None]) -> None:
    for top, bottom in _spans(len(rows), max(1, CACHED // rows.shape[1])):
        transform(rows[top:bottom], first + top)


def _spans(length: int, step: int) -> Iterator[tuple[int, int]]:
    for first in range(0, length, step):
        yield first, min(first + step, length)


@lru_cache(8)
def _below_diagonal(size: int) -> Any:
    return np.tri(size, k=-1, dtype=bool)
