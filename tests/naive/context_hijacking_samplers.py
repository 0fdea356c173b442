"""Slow, obviously right references for the kernels of context hijacking, written from the definitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lemmata.statistics import Array
from tests.naive.context_hijacking import gradient_descent

TAU = np.sqrt(2 / np.pi)


def is_hijacked(
    across: Array, task: Array, axis: Array, margin: float, scale: float, copies: int, steps: Sequence[float]
) -> bool:
    """Whether x_perp + s w* is answered wrongly after gradient descent on copies of (x_perp, -1)."""
    gammas = [step * np.eye(len(task)) for step in steps]
    w = gradient_descent([across] * copies, [-1.0] * copies, gammas, scale * axis)
    return bool(w @ (across + margin * task) < 0)


def query_vectors(
    alignment: float, square: float, correlation: float, dimension: int
) -> tuple[Array, Array, Array]:
    """An x_perp of squared length r^2 and component g along b, w* = e_1 and beta* = rho e_1 + sqrt(1 - rho^2) e_2."""
    across, task, axis = np.zeros((3, dimension))
    task[0] = 1.0
    axis[0], axis[1] = correlation, np.sqrt(1 - correlation**2)
    across[1] = alignment
    if dimension > 2:
        across[2] = np.sqrt(square - alignment**2)
    return across, task, axis


def solutions(factor: Array, correlation: float, steps: Sequence[float]) -> tuple[Array, Array, Array]:
    """Gradient descent from beta* without labels, and from 0 with the first or the second label 1, (d,) each."""
    rows, d = factor.shape
    axis = np.zeros(d)
    axis[:2] = correlation, np.sqrt(1 - correlation**2)
    gammas = [step * np.eye(d) for step in steps]
    labels = np.eye(max(rows, 2))[:2, :rows]
    starts = (axis, np.zeros(d), np.zeros(d))
    targets = (np.zeros(rows), labels[0], labels[1])
    p, a, b = (gradient_descent(factor, y, gammas, w) for w, y in zip(starts, targets, strict=True))
    return p, a, b


def excess_of_chain(
    diagonal: Array,
    superdiagonal: Array,
    model: tuple[int, int, float, float, Sequence[float]],
) -> float:
    """What a chain contributes to the mean excess risk, by eigenvalues of the dense S = B^T B.

    model = (n, d, rho, c, step sizes); the labels are a zhat + sqrt(n - a^2) times a uniform direction across zhat.
    """
    n, d, rho, scale, steps = model
    levels = len(diagonal)
    chain = np.zeros((levels, levels + 1))
    chain[range(levels), range(levels)] = diagonal
    chain[range(levels), range(1, levels + 1)] = superdiagonal
    values, vectors = np.linalg.eigh(chain.T @ chain)
    p = np.prod([1 - step * values for step in steps], axis=0)
    small = np.abs(values) < 1e-9
    q = np.where(small, sum(steps), (1 - p) / np.where(small, 1.0, values))
    first = np.eye(levels + 1)[0]
    kept = vectors @ (p * (vectors.T @ first))
    filtered = vectors @ (q * (vectors.T @ first))
    learned = vectors @ (q * (vectors.T @ chain[0]))
    square = 1 + (n - 1) * TAU**2
    mean = n * TAU / mean_chi(n)
    across = (d * np.sum((chain @ filtered) ** 2) - learned @ learned) / max(n - 1, 1)
    along = mean * learned - TAU * first
    variance = (square - mean**2) * (learned @ learned) + (n - square) * across
    return float(scale**2 * (kept @ kept) + 2 * scale * rho * (kept @ along) + along @ along + variance)


def mean_chi(freedom: int) -> float:
    """E of the length of a normal vector: sqrt(2/pi) or sqrt(pi/2), then E chi_{k+2} = E chi_k (k+1)/k."""
    k, value = (1, TAU) if freedom % 2 else (2, 1 / TAU)
    while k < freedom:
        value *= (k + 1) / k
        k += 2
    return float(value)


def risk_of_parameters(
    grams: Array, targets: Array, tasks: Array, axis: Array, parameters: Sequence[float]
) -> float:
    """Mean of |w_L - tau w*|^2 over prompts (G, t), prompt by prompt."""
    total = 0.0
    for gram, target, task in zip(grams, targets, tasks, strict=True):
        w = parameters[-1] * axis
        for eta in parameters[:-1]:
            w = w - eta * (gram @ w - target)
        total += float(np.sum((w - TAU * task) ** 2))
    return total / len(tasks)
