"""Slow references for AR diffusion, written from the definitions: matrices and densities, one step after the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


def noised_covariance(covariance: Array, time: float) -> Array:
    """Covariance of e^-t X_0 + sqrt(1 - e^-2t) Z."""
    return math.exp(-2 * time) * covariance + (1 - math.exp(-2 * time)) * np.eye(len(covariance))


def affine_law(
    mean_of_y: Array, covariance_of_y: Array, matrix: Array, offset: Array, noise: Array
) -> tuple[Array, Array]:
    """Law of matrix y + offset + noise."""
    return matrix @ mean_of_y + offset, matrix @ covariance_of_y @ matrix.T + noise


def vanilla_law(
    mean: Array, covariance: Array, nodes: Array, bias: Array | None = None
) -> tuple[Array, Array]:
    """Mean and covariance of Y after all steps Y <- e^h Y + 2(e^h - 1)(s + bias) + sqrt(e^2h - 1) Z from N(0, I)."""
    d = len(mean)
    m, c = np.zeros(d), np.eye(d)
    for tau, after in itertools.pairwise(nodes):
        h = tau - after
        precision = np.linalg.inv(noised_covariance(covariance, tau))
        # s(y) = precision (e^-tau mean - y)
        matrix = math.exp(h) * np.eye(d) - 2 * (math.exp(h) - 1) * precision
        offset = 2 * (math.exp(h) - 1) * (precision @ (math.exp(-tau) * mean) + (0 if bias is None else bias))
        m, c = affine_law(m, c, matrix, offset, (math.exp(2 * h) - 1) * np.eye(d))
    return m, c


def ar_law(
    mean: Array, covariance: Array, nodes: Array, sizes: Sequence[int], bias: Array | None = None
) -> tuple[Array, Array]:
    """The law of all patches, by propagating the joint law of (patches made so far, patch being made).

    The conditional score of patch k at time tau given the clean prefix x is the score of
    N(e^-tau (mu_k + B (x - mu)), S_tau).
    """
    m, c = np.zeros(0), np.zeros((0, 0))
    start = 0
    for size in sizes:
        before, own = slice(0, start), slice(start, start + size)
        slope = covariance[own, before] @ np.linalg.inv(covariance[before, before])
        schur = covariance[own, own] - slope @ covariance[before, own]
        m = np.concatenate((m, np.zeros(size)))
        c = np.block([[c, np.zeros((start, size))], [np.zeros((size, start)), np.eye(size)]])
        for tau, after in itertools.pairwise(nodes):
            h = tau - after
            precision = np.linalg.inv(noised_covariance(schur, tau))
            pull = 2 * (math.exp(h) - 1) * precision
            matrix = np.eye(start + size)
            matrix[own, own] = math.exp(h) * np.eye(size) - pull
            matrix[own, before] = pull @ slope * math.exp(-tau)
            offset = np.zeros(start + size)
            offset[own] = pull @ (mean[own] - slope @ mean[before]) * math.exp(-tau)
            if bias is not None:
                offset[own] += 2 * (math.exp(h) - 1) * bias[own]
            noise = np.zeros_like(c)
            noise[own, own] = (math.exp(2 * h) - 1) * np.eye(size)
            m, c = affine_law(m, c, matrix, offset, noise)
        start += size
    return m, c


def gaussian_kl(m0: Array, s0: Array, m1: Array, s1: Array) -> float:
    """KL(N(m0, s0) || N(m1, s1)) as textbooks have it."""
    inverse = np.linalg.inv(s1)
    logs = np.linalg.slogdet(s1)[1] - np.linalg.slogdet(s0)[1]
    return float(0.5 * (np.trace(inverse @ s0) - len(m0) + logs + (m1 - m0) @ inverse @ (m1 - m0)))


# ------------------------------------------------------------------ mixtures, by Gauss-Hermite rules


def mixture_scores(weights: Array, means: Array, covariances: Array, points: Array) -> Array:
    """grad log p at points (P, d), straight from the density."""
    density = np.zeros(len(points))
    gradient = np.zeros_like(points)
    for w, m, c in zip(weights, means, covariances, strict=True):
        inverse = np.linalg.inv(c)
        away = points - m
        part = (
            w
            * np.exp(-0.5 * np.einsum("pi,ij,pj->p", away, inverse, away))
            / np.sqrt(np.linalg.det(2 * np.pi * c))
        )
        density += part
        gradient -= part[:, None] * (away @ inverse)
    return gradient / density[:, None]


def hermite_cloud(dimension: int, count: int) -> tuple[Array, Array]:
    """Nodes (P, dimension) and weights of the standard normal law."""
    x, w = np.polynomial.hermite_e.hermegauss(count)
    nodes = np.array(list(itertools.product(x, repeat=dimension)), dtype=float)
    weights = np.array(
        [math.prod(part) for part in itertools.product(w / w.sum(), repeat=dimension)], dtype=float
    )
    return nodes, weights


def mixture_fisher(weights: Array, means: Array, covariances: Array, count: int = 80) -> float:
    """E |grad log p|^2, component by component by a Gauss-Hermite product rule."""
    nodes, rule = hermite_cloud(means.shape[1], count)
    total = 0.0
    for w, m, c in zip(weights, means, covariances, strict=True):
        points = m + nodes @ np.linalg.cholesky(c).T
        total += w * float(rule @ np.sum(mixture_scores(weights, means, covariances, points) ** 2, axis=1))
    return total


def score_increment(
    weights: Array, means: Array, covariances: Array, early: float, late: float, count: int = 60
) -> float:
    """E |s_early(X_early) - s_late(X_late)|^2 over the joint law of one noised path at times early < late."""

    def noised(time: float) -> tuple[Array, Array, Array]:
        kept = math.exp(-time)
        return weights, kept * means, np.array([noised_covariance(c, time) for c in covariances])

    d = means.shape[1]
    nodes, rule = hermite_cloud(2 * d, count)
    kept = math.exp(-(late - early))
    total = 0.0
    for w, m, c in zip(weights, means, covariances, strict=True):
        x = math.exp(-early) * m + nodes[:, :d] @ np.linalg.cholesky(noised_covariance(c, early)).T
        y = kept * x + math.sqrt(1 - kept * kept) * nodes[:, d:]
        gap = mixture_scores(*noised(early), x) - mixture_scores(*noised(late), y)
        total += w * float(rule @ np.sum(gap**2, axis=1))
    return total


def conditional_mixture(
    weights: Array, means: Array, covariances: Array, prefix: Array
) -> tuple[Array, Array, Array]:
    """The mixture of the remaining coordinates given the first ones (Bayes' rule, component by component)."""
    k = len(prefix)
    shares, centres, rests = [], [], []
    for w, m, c in zip(weights, means, covariances, strict=True):
        inverse = np.linalg.inv(c[:k, :k])
        away = prefix - m[:k]
        shares.append(
            w * math.exp(-0.5 * away @ inverse @ away) / math.sqrt(np.linalg.det(2 * np.pi * c[:k, :k]))
        )
        centres.append(m[k:] + c[k:, :k] @ inverse @ away)
        rests.append(c[k:, k:] - c[k:, :k] @ inverse @ c[:k, k:])
    return np.array(shares) / sum(shares), np.array(centres), np.array(rests)


def walk(weights: Array, means: Array, covariances: Array, nodes: Array, start: Array, noise: Array) -> Array:
    """One particle: Y <- e^h Y + 2(e^h - 1) s_tau(Y) + sqrt(e^2h - 1) Z from `start` (d,), Z the rows of `noise`."""
    y = np.array(start, dtype=float)
    for (tau, after), z in zip(itertools.pairwise(nodes), noise, strict=True):
        h = tau - after
        noised = np.array([noised_covariance(c, tau) for c in covariances])
        score = mixture_scores(weights, math.exp(-tau) * means, noised, y[None])[0]
        y = math.exp(h) * y + 2 * (math.exp(h) - 1) * score + math.sqrt(math.exp(2 * h) - 1) * z
    return y


def propagated_density(
    weights: Array, means: Array, covariances: Array, nodes: Array, reach: float = 8.0, count: int = 401
) -> tuple[Array, Array]:
    """Points on the line and the output's density there, carried through every step by the trapezoid rule."""
    x = np.linspace(-reach, reach, count)
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    for tau, after in itertools.pairwise(nodes):
        h = tau - after
        noised = np.array([noised_covariance(c, tau) for c in covariances])
        score = mixture_scores(weights, math.exp(-tau) * means, noised, x[:, None])[:, 0]
        centre = math.exp(h) * x + 2 * (math.exp(h) - 1) * score
        variance = math.exp(2 * h) - 1
        kernel = np.exp(-((x[:, None] - centre) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        density = kernel @ density * (x[1] - x[0])
    return x, density
