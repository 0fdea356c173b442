"""Slow references for the attention layer, written from its definition: entry by entry, then at high precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from lemmata.statistics import Array

DIGITS = 30
Scalar = Callable[[float], float]

FUNCTIONS: dict[str, Scalar] = {
    "tanh": math.tanh,
    "linear": lambda t: t,
    "sign": lambda t: 1.0 if t > 0 else -1.0,
    "relu": lambda t: (t if t > 0 else 0.0) - 1 / math.sqrt(2 * math.pi),
    "sine": math.sin,
    "cosine": lambda t: math.cos(t) - math.exp(-1 / 2),
    "cubic": lambda t: t**3 / math.sqrt(15),
    "exponential": lambda t: math.exp(t) - math.exp(1 / 2),
}


@dataclass(frozen=True)
class Errors:
    """E, T, S at one ridge, and how the first label form enters: y^T Q y / n."""

    error: float
    trace_error: float
    matched_filter_error: float
    label_form: float


def logits(tokens: Array, key: Array, query: Array) -> Array:
    """x_i . x_j / sqrt p + (x_i . w_K)(w_Q . x_j) / sqrt p: row i meets w_K, column j meets w_Q."""
    p, n = tokens.shape
    x = [tokens[:, i].tolist() for i in range(n)]
    result = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            plain = math.fsum(a * b for a, b in zip(x[i], x[j], strict=True))
            left = math.fsum(a * b for a, b in zip(x[i], key, strict=True))
            right = math.fsum(a * b for a, b in zip(query, x[j], strict=True))
            result[i, j] = (plain + left * right) / math.sqrt(p)
    return result


def attention_matrix(
    tokens: Array, key: Array, query: Array, function: Scalar, *, keep_diagonal: bool
) -> Array:
    """K_ij = f(logit_ij) / sqrt p; the diagonal is zero unless it is kept."""
    n, root = tokens.shape[1], math.sqrt(len(tokens))
    entries = logits(tokens, key, query)
    return np.array(
        [
            [0.0 if i == j and not keep_diagonal else function(float(entries[i, j])) / root for j in range(n)]
            for i in range(n)
        ]
    )


def softmax_matrix(tokens: Array, key: Array, query: Array, *, over: str, masked: bool) -> Array:
    """n / sqrt p times the share of entry (i, j) in its column (over the keys i) or row (over the queries j)."""
    p, n = tokens.shape
    entries = logits(tokens, key, query)
    weights = [
        [0 if i == j and masked else mpmath.exp(float(entries[i, j])) for j in range(n)] for i in range(n)
    ]
    result = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            group = [weights[k][j] for k in range(n)] if over == "keys" else [weights[i][k] for k in range(n)]
            result[i, j] = float(n * weights[i][j] / mpmath.fsum(group)) / math.sqrt(p)
    return result


def errors(tokens: Array, matrix: Array, labels: Array, direction: Array, ridge: float) -> Errors:
    """gamma^2 |Q v|^2 / |v|^2 for v = y and v = X^T e, and gamma^2 tr Q^2 / n, by the inverse of G + gamma."""
    with mpmath.workdps(DIGITS):
        n = len(labels)
        features = mpmath.matrix(tokens.tolist()) * mpmath.matrix(matrix.tolist())
        gamma = mpmath.mpf(ridge)
        inverse = (features.T * features / n + gamma * mpmath.eye(n)) ** -1
        y = mpmath.matrix(labels.tolist())
        matched = mpmath.matrix((direction @ tokens).tolist())
        return Errors(
            float(gamma**2 * _square(inverse * y) / _square(y)),
            float(gamma**2 * _square(inverse) / n),
            float(gamma**2 * _square(inverse * matched) / _square(matched)),
            float((y.T * inverse * y)[0] / n),
        )


def rounding(tokens: Array, matrix: Array, ridge: float) -> float:
    """Bound of the error that rounding leaves in E, T and S: (n + p) eps (1 + condition), with room for the sums.

    G + gamma has condition |G| / (least + gamma), least its smallest eigenvalue among the min(n, p) that can differ
    from 0; the entries of X K have relative errors of about (n + p) eps, and f turns those of the logits into as many.
    """
    p, n = tokens.shape
    values = np.linalg.svd(np.abs(tokens) @ np.abs(matrix), compute_uv=False) ** 2 / n
    least = float(np.linalg.svd(tokens @ matrix, compute_uv=False)[-1]) ** 2 / n
    condition = (1 + float(values[0])) / (least + ridge)
    return 16 * (n + p + 8) * float(np.finfo(float).eps) * (1 + condition)


def average_over_labels(form: Array, revealed: Array) -> float:
    """E[y^T h y | X] / n over all labels +-1: given X they have weights exp(s . y)."""
    n = len(revealed)
    signs = np.array([[1.0 if bits >> i & 1 else -1.0 for i in range(n)] for bits in range(2**n)])
    exponents = signs @ revealed
    weights = np.exp(exponents - exponents.max())
    return float(weights @ np.einsum("ki,ij,kj->k", signs, form, signs) / weights.sum()) / n


def average_over_circle_or_sphere(form: Array, revealed: Array, points: int = 400) -> float:
    """E[y^T h y | X] / n over |y|^2 = n with density exp(s . y), for n = 2 or 3, by quadrature."""
    n = len(revealed)
    turns = 2 * math.pi * np.arange(points) / points
    if n == 2:
        places, weights = np.stack([np.cos(turns), np.sin(turns)], axis=1), np.ones(points)
    else:
        heights, gauss = np.polynomial.legendre.leggauss(points)
        radii = np.sqrt(1 - heights**2)
        x, y = np.outer(radii, np.cos(turns)), np.outer(radii, np.sin(turns))
        z = np.broadcast_to(heights[:, None], x.shape)
        places = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
        weights = np.repeat(gauss, points)
    labels = math.sqrt(n) * places
    exponents = labels @ revealed
    weights = weights * np.exp(exponents - exponents.max())
    return float(weights @ np.einsum("ki,ij,kj->k", labels, form, labels) / weights.sum()) / n


def _square(matrix: Any) -> Any:
    return mpmath.fsum(entry * entry for entry in matrix)
