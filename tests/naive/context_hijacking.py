"""Slow, obviously right references: a linear transformer layer by layer, gradient descent example by example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lemmata.statistics import Array


def transformer_output(
    examples: Any, labels: Any, query: Any, preconditioners: Sequence[Array], start: Any
) -> float:
    """The answer of the construction of R1, from matrices: Z <- Z + P Z M (Z^T Q Z) layer by layer.

    Z has the examples as columns and the query as its last one, labels below, 0 below the query.
    """
    n, d = len(labels), len(query)
    prompt = np.zeros((d + 1, n + 1))
    prompt[:d, :n], prompt[:d, n] = np.transpose(examples), query
    prompt[d, :n] = labels
    embedding = np.eye(d + 1)
    embedding[d, :d] = -np.asarray(start)
    tokens = embedding @ prompt
    mask = np.diag([1.0] * n + [0.0])
    value = np.zeros((d + 1, d + 1))
    value[d, d] = 1.0
    for gamma in preconditioners:
        key = np.zeros((d + 1, d + 1))
        key[:d, :d] = -gamma
        tokens = tokens + value @ tokens @ mask @ (tokens.T @ key @ tokens)
    return float(-tokens[d, n])


def gradient_descent(
    examples: Any, labels: Any, preconditioners: Sequence[Array], start: Any, transpose: bool = True
) -> Array:
    """w <- w - Gamma^T sum_i (<w, x_i> - y_i) x_i, example by example."""
    w = np.array(start, dtype=float)
    for gamma in preconditioners:
        gradient = np.zeros_like(w)
        for x, y in zip(examples, labels, strict=True):
            gradient += (w @ x - y) * x
        w = w - (gamma.T if transpose else gamma) @ gradient
    return w
