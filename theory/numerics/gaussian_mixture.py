"""Fisher information and entropy of Gaussian mixtures in one and two dimensions, by the trapezoid rule.

For analytic integrands with Gaussian tails the rule converges exponentially. The score of a mixture has poles where
its density vanishes off the real axis; between components u standard deviations apart they lie pi/u deviations away and
carry a weight exp(-u^2/8). At 12 nodes a deviation (of the narrowest component) what is left is below 1e-15.

References
----------
R8, R9 and R15 of docs/papers/ar_diffusion.md.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

NODES = 12  # a standard deviation of the narrowest component
TAIL = 9.0  # standard deviations beyond the outermost components
NEGLIGIBLE = 1e-30  # weight below which a component does not widen the range


class Information(NamedTuple):
    """Fisher information E|grad log p|^2 and differential entropy -E log p, in nats."""

    fisher: float
    entropy: float


def noised(weights: Array, means: Array, covariances: Array, time: float) -> tuple[Array, Array, Array]:
    """The mixture after Ornstein-Uhlenbeck noising: same weights, e^-t m_c, I + e^-2t (C_c - I)."""
    identity = np.eye(means.shape[1])
    return (
        weights,
        math.exp(-time) * means,
        math.exp(-2 * time) * covariances - math.expm1(-2 * time) * identity,
    )


def information(weights: Array, means: Array, covariances: Array) -> Information:
    """Fisher information and entropy of a mixture in d = 1 or 2.

    Parameters
    ----------
    weights : array (C,)
    means : array (C, d)
    covariances : array (C, d, d)
    """
    if means.shape[1] == 1:
        return _line(weights, means[:, 0], covariances[:, 0, 0])
    # the second coordinate given the first, component by component
    slope = covariances[:, 0, 1] / covariances[:, 0, 0]
    rest = covariances[:, 1, 1] - slope * covariances[:, 0, 1]
    fisher = entropy = 0.0
    width = _spacing(np.minimum(covariances[:, 0, 0], _least_eigenvalues(covariances)))
    height = _spacing(rest)
    for x in _nodes(weights, means[:, 0], covariances[:, 0, 0], width):
        first = _log_parts(weights, means[:, 0], covariances[:, 0, 0], np.array([x]))[:, 0]
        share = np.exp(first - first.max())
        centre = means[:, 1] + slope * (x - means[:, 0])
        y = _nodes(share / share.sum(), centre, rest, height)
        parts = first[:, None] + _log_parts(np.ones(len(weights)), centre, rest, y)
        density, logarithm, posterior = _posterior(parts)
        along = (centre[:, None] - y) / rest[:, None]
        across = (means[:, 0] - x)[:, None] / covariances[:, 0, 0, None] - slope[:, None] * along
        score = np.sum(posterior * along, axis=0) ** 2 + np.sum(posterior * across, axis=0) ** 2
        fisher += float(density @ score)
        entropy -= float(density @ logarithm)
    return Information(fisher * width * height, entropy * width * height)


def conditional_information(weights: Array, means: Array, covariances: Array, time: float) -> Information:
    """Expected Fisher information and entropy of the second of two coordinates, noised, given the clean first one."""
    slope = covariances[:, 0, 1] / covariances[:, 0, 0]
    rest = covariances[:, 1, 1] - slope * covariances[:, 0, 1]
    variances = math.exp(-2 * time) * rest - math.expm1(-2 * time)
    fisher = entropy = 0.0
    width = _spacing(np.minimum(covariances[:, 0, 0], _least_eigenvalues(covariances)))
    for x in _nodes(weights, means[:, 0], covariances[:, 0, 0], width):
        first = _log_parts(weights, means[:, 0], covariances[:, 0, 0], np.array([x]))[:, 0]
        share = np.exp(first - first.max())
        density, share = math.exp(first.max()) * share.sum(), share / share.sum()
        centre = math.exp(-time) * (means[:, 1] + slope * (x - means[:, 0]))
        part = _line(share, centre, variances)
        fisher += density * part.fisher
        entropy += density * part.entropy
    return Information(fisher * width, entropy * width)


class LineScore(NamedTuple):
    """Nodes x of a rule for expectations over a mixture on the line, its weights, and the score's derivatives there.

    All of shape (points,): E f = sum of rule f(x); score = (log p)', slope = (log p)'', bend and twist the next two.
    """

    x: Array
    rule: Array
    score: Array
    slope: Array
    bend: Array
    twist: Array


def line_score(weights: Array, means: Array, variances: Array) -> LineScore:
    """Score of a mixture on the line, with three derivatives, at the nodes of the trapezoid rule.

    With z = (m_c - x)/C_c the ratios p^(k)/p are posterior means of z, z^2 - 1/C, z^3 - 3 z/C and z^4 - 6 z^2/C +
    3/C^2; the derivatives of log p are their cumulants.

    Parameters
    ----------
    weights, means, variances : array (C,)
    """
    width = _spacing(variances)
    x = _nodes(weights, means, variances, width)
    density, _, posterior = _posterior(_log_parts(weights, means, variances, x))
    z, r = (means[:, None] - x) / variances[:, None], 1 / variances[:, None]
    first = np.sum(posterior * z, axis=0)
    second = np.sum(posterior * (z**2 - r), axis=0)
    third = np.sum(posterior * (z**3 - 3 * z * r), axis=0)
    fourth = np.sum(posterior * (z**4 - 6 * z**2 * r + 3 * r**2), axis=0)
    return LineScore(
        x,
        density * width,
        first,
        second - first**2,
        third - 3 * first * second + 2 * first**3,
        fourth - 4 * first * third - 3 * second**2 + 12 * first**2 * second - 6 * first**4,
    )


def _line(weights: Array, means: Array, variances: Array) -> Information:
    """Fisher information and entropy of a mixture on the line."""
    width = _spacing(variances[weights > NEGLIGIBLE])
    x = _nodes(weights, means, variances, width)
    density, logarithm, posterior = _posterior(_log_parts(weights, means, variances, x))
    score = np.sum(posterior * (means[:, None] - x) / variances[:, None], axis=0)
    return Information(float(density @ score**2) * width, -float(density @ logarithm) * width)


def _spacing(variances: Array) -> float:
    return math.sqrt(float(np.min(variances))) / NODES


def _nodes(weights: Array, means: Array, variances: Array, width: float) -> Array:
    """Equally spaced nodes over all components that count."""
    counts = weights > NEGLIGIBLE
    reach = TAIL * np.sqrt(variances[counts])
    low, high = float(np.min(means[counts] - reach)), float(np.max(means[counts] + reach))
    return low + width * np.arange(math.ceil((high - low) / width) + 1)


def _log_parts(weights: Array, means: Array, variances: Array, x: Array) -> Array:
    """log(weight x density) of each component at each point, shape (C, points)."""
    with np.errstate(divide="ignore"):
        level = np.log(weights) - 0.5 * np.log(2 * math.pi * variances)
    return level[:, None] - (x - means[:, None]) ** 2 / (2 * variances[:, None])


def _posterior(parts: Array) -> tuple[Array, Array, Array]:
    """Density, its logarithm and the components' responsibilities."""
    top = parts.max(axis=0)
    posterior = np.exp(parts - top)
    total = posterior.sum(axis=0)
    posterior /= total
    logarithm = top + np.log(total)
    return np.exp(logarithm), logarithm, posterior


def _least_eigenvalues(covariances: Array) -> Array:
    return np.linalg.eigvalsh(covariances)[:, 0]
