"""One attention layer with fixed weights: features of given tokens, and the probe's errors on them.

References
----------
Sections "Model" and R5 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from simulations.attention_memorization.features import (
    Apply,
    column_features,
    row_features,
    symmetric_features,
)
from simulations.attention_memorization.probe import probe_errors
from simulations.attention_memorization.weights import Weights, add_rank_one, along

Array = npt.NDArray[np.float64]

_overflowing = np.errstate(over="ignore", invalid="ignore")
"""For features that may overflow: the probe refuses them with the reason, so that NumPy need not warn."""


class Layer:
    """An attention layer for tokens (p, n) of one shape; it keeps its work space from draw to draw.

    Features are those of K sqrt p: they belong to the ridge gamma p.

    Parameters
    ----------
    shape : (int, int)
        Dimension p and number of tokens n.
    weights : Weights
        w_K and w_Q in the first axes.
    block : int
        Rows of the attention matrix K that are stored at a time. More save no time, fewer cost some.
    precision : dtype
        Of K and its products: float64 or float32. The probe works in float64 in any case.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        weights: Weights,
        *,
        block: int = 512,
        precision: Any = np.float64,
    ) -> None:
        p, n = shape
        self.dimension, self.weights, self.precision = p, weights, np.dtype(precision)
        self.stretch = weights.stretch()
        self.block = min(block, n)
        stored = -(-self.block * n * self.precision.itemsize // 8)
        self.room = np.empty(max(stored, min(n, p) ** 2))  # for K first, for the probe later
        self.space = {
            "block": self.block,
            "room": self.room.view(self.precision),
            "out": np.empty(shape, self.precision),
        }

    @_overflowing
    def entrywise(self, tokens: Array, apply: Apply, *, keep_diagonal: bool) -> Array:
        """Features (p, n) for K = f(X^T W X / sqrt p) / sqrt p. The next call overwrites them."""
        if self.stretch is None:

            def transform(columns: Any, first: int) -> None:
                apply(columns)
                if not keep_diagonal:
                    _diagonal(columns, first)[:] = 0.0

            return self._by_columns(tokens, transform)
        # in coordinates in which W is the identity: sqrt(W) X, and A = W^(-1/2) (sqrt(W) X) K
        direction, factor = self.stretch
        symmetric_features(
            self._cast(along(tokens, direction, factor**0.5)),
            apply,
            keep_diagonal=keep_diagonal,
            **self.space,
        )
        return along(self._features(), direction, factor**-0.5)

    @_overflowing
    def softmax_over_keys(self, tokens: Array, *, masked: bool) -> Array:
        """Features for K = n/sqrt p times the softmax of the logits' columns."""
        return self._by_columns(tokens, lambda columns, first: _softmax(columns, first, masked=masked))

    @_overflowing
    def softmax_over_queries(self, tokens: Array, *, masked: bool) -> Array:
        """Features for K = n/sqrt p times the softmax of the logits' rows."""
        mixed = add_rank_one(tokens, self.weights.query, self.weights.key)
        row_features(
            self._cast(tokens),
            self._cast(mixed),
            lambda rows, first: _softmax(rows, first, masked=masked),
            **self.space,
        )
        return self._features()

    def errors(self, features: Array, targets: Array, ridge: Array) -> tuple[Array, Array]:
        """`probe_errors` of the layer's features."""
        return probe_errors(features, targets, ridge, scale=self.dimension, room=self.room)

    def _by_columns(self, tokens: Array, transform: Callable[[Any, int], None]) -> Array:
        mixed = add_rank_one(tokens, self.weights.key, self.weights.query)
        column_features(self._cast(tokens), self._cast(mixed), transform, **self.space)
        return self._features()

    def _cast(self, tokens: Array) -> Any:
        return tokens.astype(self.precision, copy=False)

    def _features(self) -> Array:
        return self.space["out"].astype(np.float64, copy=False)


def _softmax(rows: Any, first: int, *, masked: bool) -> None:
    """Overwrite rows of logits (some, n) by n times their softmax."""
    if masked:
        _diagonal(rows, first)[:] = -np.inf
    rows -= rows.max(axis=1, keepdims=True)
    np.exp(rows, out=rows)
    rows *= rows.shape[1] / rows.sum(axis=1, keepdims=True)


def _diagonal(rows: Any, first: int) -> Any:
    """Entries of a square matrix's diagonal in some of its rows, the first of which is number `first`."""
    return np.einsum("ii->i", rows[:, first : first + len(rows)])


@dataclass(frozen=True)
class LayerErrors:
    """Errors of the probe at each ridge, arrays (r,).

    Attributes
    ----------
    error : array
        E, on the labels.
    trace_error : array
        T, on pure noise.
    matched_filter_error : array
        S, on the matched filter X^T e / |X^T e|, e the direction of the signal.
    """

    error: Array
    trace_error: Array
    matched_filter_error: Array


def layer_errors(
    tokens: Array,
    labels: Array,
    ridge: Array,
    activation: Callable[[Array], Array],
    *,
    key: Array | None = None,
    query: Array | None = None,
    direction: Array | None = None,
    keep_diagonal: bool = False,
) -> LayerErrors:
    """Errors of the layer K = f(X^T (I + w_K w_Q^T) X / sqrt p) / sqrt p on given tokens, for any entrywise f.

    Parameters
    ----------
    tokens : array (p, n)
        X, a token a column.
    labels : array (n,)
        y.
    ridge : array (r,)
        Ridges gamma > 0; the penalty of the probe w is n gamma |w|^2.
    activation : callable
        f, from an array to an array of the same shape.
    key, query : array (p,), optional
        w_K and w_Q; zero by default.
    direction : array (p,), optional
        Direction of the signal, for the matched filter; the first axis by default.
    keep_diagonal : bool
        Keep the diagonal of K instead of setting it to zero.

    Returns
    -------
    LayerErrors

    Raises
    ------
    DomainError
        If shapes do not fit, a value is not finite, a ridge is not positive, or f is not finite or too large.
    """
    x = _finite("tokens", tokens, 2, "a matrix (p, n) of finite numbers, not empty")
    p, n = x.shape
    y = _finite("labels", labels, 1, f"{n} finite numbers, a column of tokens each, not all zero", n)
    gamma = _finite("ridge", ridge, 1, "a list of finite numbers > 0")
    if not (gamma > 0).all():
        raise DomainError("ridge", ridge, "a list of finite numbers > 0")
    words = f"{p} finite numbers, a row of tokens each"
    weights = Weights(
        np.zeros(p) if key is None else _finite("key", key, 1, words, p),
        np.zeros(p) if query is None else _finite("query", query, 1, words, p),
    )
    matched = x[0] if direction is None else _finite("direction", direction, 1, words, p) @ x
    if not y.any():
        raise DomainError("labels", labels, f"{n} finite numbers, a column of tokens each, not all zero")
    if not matched.any():
        raise DomainError("direction", direction, "a direction to which not all tokens are orthogonal")

    def apply(values: Array) -> None:
        values[...] = activation(values)

    layer = Layer((p, n), weights)
    features = layer.entrywise(x, apply, keep_diagonal=keep_diagonal)
    errors, trace = layer.errors(features, np.array([y, matched]), gamma)
    return LayerErrors(errors[0], trace, errors[1])


def _finite(name: str, value: Any, axes: int, words: str, length: int | None = None) -> Array:
    try:
        array = np.array(value, dtype=float, order="C")
    except (TypeError, ValueError):
        raise DomainError(name, value, words) from None
    if array.ndim != axes or not array.size or len(array) != (length or len(array)):
        raise DomainError(name, value, words)
    if not np.isfinite(array).all():
        raise DomainError(name, value, words)
    return array
