"""The attention layer, token by token: E, T and S at all ridges from one factorisation, ridge regression beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.attention_memorization.draws import Array, Weights, draws, weights_of
from simulations.attention_memorization.probe import probe_errors
from theory.attention_memorization import Attention
from theory.numerics.activations import Coefficients

Apply = Callable[[Any], None]


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

    Raises
    ------
    DomainError
        If shapes do not fit, or a value is not finite, or a ridge is not positive.
    """
    x, y, g = (np.asarray(a, dtype=float) for a in (tokens, labels, ridge))
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise DomainError("tokens", tokens, "a matrix (p, n) of finite numbers, not empty")
    p, n = x.shape
    if y.shape != (n,) or not np.isfinite(y).all() or not y.any():
        raise DomainError("labels", labels, f"{n} finite numbers, one a column of tokens, not all zero")
    if g.ndim != 1 or not len(g) or not (np.isfinite(g) & (g > 0)).all():
        raise DomainError("ridge", ridge, "a list of finite numbers > 0")
    first = np.eye(1, p)[0]
    vectors: list[Array] = []
    for name, value, default in (
        ("key", key, np.zeros(p)),
        ("query", query, np.zeros(p)),
        ("direction", direction, first),
    ):
        vector = default if value is None else np.asarray(value, dtype=float)
        if vector.shape != (p,) or not np.isfinite(vector).all():
            raise DomainError(name, value, f"{p} finite numbers, one a row of tokens")
        vectors.append(vector)

    def apply(values: Array) -> None:
        values[...] = activation(values)

    features = _attended(x, Weights(vectors[0], vectors[1]), apply, keep_diagonal=keep_diagonal)
    matched = vectors[2] @ x
    if not matched.any():
        raise DomainError("direction", direction, "a vector that some token is not orthogonal to")
    errors, trace = probe_errors(features, np.array([y, matched]), g)
    return LayerErrors(errors[0], trace, errors[1])


def sample_attention(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Errors of the attention layer from drawn tokens, at all ridges from one factorisation.

    Parameters
    ----------
    model : Attention
    rng : numpy.random.Generator
    trials : int
    ridge : array (r,)
        Free axis: one draw serves all ridges.

    Returns
    -------
    dict
        Arrays (trials, r): 'error' (E, on the labels), 'trace_error' (T, on pure noise), 'matched_filter_error' (S, on
        X^T mu / |X^T mu|; without signal, on the first row of the tokens).

    Raises
    ------
    DomainError
        If the activation is known by its coefficients alone, or the weights do not fit into the dimension.

    References
    ----------
    Sections "Model" and R5 of docs/papers/attention_memorization.md.
    """
    apply, weights = _apply(model), weights_of(model)
    outputs = {name: np.empty((trials, len(ridge))) for name in LAYER_RANGES}
    for trial, (tokens, labels) in enumerate(draws(model, rng, trials)):
        features = _attended(tokens, weights, apply, keep_diagonal=model.diagonal == "keep")
        errors, trace = probe_errors(features, np.array([labels, tokens[0]]), ridge)
        outputs["error"][trial] = errors[0]
        outputs["trace_error"][trial] = trace
        outputs["matched_filter_error"][trial] = errors[1]
    return outputs


def sample_attention_gap(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Errors of attention and of ridge regression on the same draws, and their difference.

    Parameters
    ----------
    model, rng, trials, ridge
        As for `sample_attention`.

    Returns
    -------
    dict
        Arrays (trials, r): 'error', 'ridge_regression_error' and 'gap', the first less the second.

    References
    ----------
    R1, R12 of docs/papers/attention_memorization.md.
    """
    apply, weights = _apply(model), weights_of(model)
    outputs = {name: np.empty((trials, len(ridge))) for name in GAP_RANGES}
    for trial, (tokens, labels) in enumerate(draws(model, rng, trials)):
        features = _attended(tokens, weights, apply, keep_diagonal=model.diagonal == "keep")
        outputs["error"][trial] = probe_errors(features, labels[None], ridge)[0][0]
        outputs["ridge_regression_error"][trial] = probe_errors(tokens, labels[None], ridge)[0][0]
    outputs["gap"] = outputs["error"] - outputs["ridge_regression_error"]
    return outputs


def _apply(model: Attention) -> Apply:
    if isinstance(model.activation, Coefficients):
        raise DomainError(
            "activation", model.activation, "a function; coefficients alone determine the limit but no layer"
        )
    return model.activation.apply


def _attended(tokens: Array, weights: Weights, apply: Apply, *, keep_diagonal: bool) -> Array:
    """Features A = X K (p, n)."""
    p, axes = len(tokens), len(weights.key)
    matrix = tokens.T @ tokens
    matrix += np.outer(weights.key @ tokens[:axes], weights.query @ tokens[:axes])
    matrix /= math.sqrt(p)
    apply(matrix)
    matrix /= math.sqrt(p)
    if not keep_diagonal:
        np.fill_diagonal(matrix, 0.0)
    return tokens @ matrix


def _work(model: Attention) -> float:
    n, p = model.tokens, model.dimension
    return 2e5 + n * n * (p + 20.0) + 0.25 * n * p * min(n, p)


LAYER_RANGES: dict[str, tuple[float, float]] = {
    "error": (0.0, 1.0),
    "trace_error": (0.0, 1.0),
    "matched_filter_error": (0.0, 1.0),
}
GAP_RANGES: dict[str, tuple[float, float]] = {
    "error": (0.0, 1.0),
    "ridge_regression_error": (0.0, 1.0),
    "gap": (-1.0, 1.0),
}

ATTENTION = Sampler(sample_attention, axes=("ridge",), ranges=LAYER_RANGES, work=_work, paired_trials=1)
ATTENTION_GAP = Sampler(sample_attention_gap, axes=("ridge",), ranges=GAP_RANGES, work=_work, paired_trials=1)
