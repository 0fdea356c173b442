"""Transformers and gradient descent as they are defined, on many prompts at once.

Shapes: `prompts` prompts of n examples in d dimensions; examples (prompts, n, d), labels (prompts, n), query and start
(prompts, d). A preconditioner is a number or an array that broadcasts to (prompts, d, d).

References
----------
R1 of docs/papers/context_hijacking.md (arXiv 2502.15609, Proposition 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def transformer_answers(
    examples: Array, labels: Array, query: Array, preconditioners: Sequence[Any], start: Array
) -> Array:
    """Answers (prompts,) of the construction: Z <- Z + P_l Z M (Z^T Q_l Z) in every layer, all matrices written out.

    Z has the examples and then the query as columns, labels below and 0 below the query; W_E = [[I, 0], [-w_0^T, 1]],
    P_l = diag(0, 1), Q_l = [[-Gamma_l, 0], [0, 0]], M = diag(I_n, 0); the answer is minus the last entry of Z.
    """
    prompts, n, d = examples.shape
    tokens = np.zeros((prompts, d + 1, n + 1))
    tokens[:, :d, :n], tokens[:, :d, n] = examples.transpose(0, 2, 1), query
    tokens[:, d, :n] = labels
    embedding = np.tile(np.eye(d + 1), (prompts, 1, 1))
    embedding[:, d, :d] = -start
    tokens = embedding @ tokens
    mask = np.diag([*np.ones(n), 0.0])
    value = np.diag([*np.zeros(d), 1.0])
    key = np.zeros((prompts, d + 1, d + 1))
    for gamma in preconditioners:
        key[:, :d, :d] = -gamma * np.eye(d) if np.ndim(gamma) == 0 else -gamma
        attention = tokens.transpose(0, 2, 1) @ (key @ tokens)
        tokens = tokens + value @ ((tokens @ mask) @ attention)
    return -tokens[:, d, n]


def descend(examples: Array, labels: Array, preconditioners: Sequence[Any], start: Array) -> Array:
    """w_L (prompts, d) of gradient descent w <- w - Gamma X^T (X w - y) on the summed loss."""
    w = start[..., None]
    for gamma in preconditioners:
        residual = examples @ w - labels[..., None]
        gradient = examples.transpose(0, 2, 1) @ residual
        w = w - (gamma * gradient if np.ndim(gamma) == 0 else gamma @ gradient)
    return w[..., 0]
