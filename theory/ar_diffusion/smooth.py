"""First order of the sampler's error for targets on the line that need not be Gaussian (R5b)."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.ar_diffusion.models import Sampling
from theory.ar_diffusion.schemes import Uniform
from theory.numerics import gaussian_mixture

Array = npt.NDArray[np.floating[Any]]

NODES = 16
"""Of the Gauss-Legendre rule on each panel of noising times; panels double away from the early stop."""


def leading_moment_errors(model: Sampling) -> Array:
    """Errors of the output's first two moments, to first order in equal steps, for a target on the line.

    For a test function f and u_tau(x) = E[f(X_delta) | X_tau = x], E f(output) - E f(X_delta) is
    -h int E[(1 + 2 s_tau') u_tau''] dtau + O(h^2), for a large horizon. With t = tau - delta and v = 1 - e^-2t,
    u = e^t (x + v s) for f = x, and u = e^2t [(x + v s)^2 + v + v^2 s'] for f = x^2.

    Parameters
    ----------
    model : Sampling
        On a target in one dimension and a uniform grid.

    Returns
    -------
    array (2,)
        Leading errors of E x and E x^2. For Gaussians the first is 0 and the second R2's.

    Raises
    ------
    DomainError
        If the target has more dimensions, the grid is not uniform, or the integrator not the exponential one.

    References
    ----------
    R5b of docs/papers/ar_diffusion.md.
    """
    target, grid = model.target, model.scheme.grid
    model.scheme.check_exponential()
    if target.total_dimension != 1:
        raise DomainError("target", target.kind(), f"of one dimension, not {target.total_dimension}")
    if type(grid) is not Uniform:
        raise DomainError("scheme.grid", grid.kind(), "uniform")
    weights, means, covariances = target.components()
    length = grid.horizon - grid.early_stop
    smallest = gaussian_mixture.noised(weights, means, covariances, grid.early_stop)[2].min()
    panels = max(1, math.ceil(math.log2(8 * length / smallest)))
    edges = length * np.concatenate(([0.0], 2.0 ** np.arange(-panels, 1)))
    x, w = np.polynomial.legendre.leggauss(NODES)
    total = np.zeros(2)
    for low, high in itertools.pairwise(edges):
        for place, weight in zip(x, w, strict=True):
            t = 0.5 * (high - low) * place + 0.5 * (high + low)
            noised = gaussian_mixture.noised(weights, means, covariances, grid.early_stop + t)
            total += 0.5 * (high - low) * weight * _weak_errors(*noised, t)
    return -length / grid.steps * total


def _weak_errors(weights: Array, means: Array, covariances: Array, time: float) -> Array:
    """E[(1 + 2 s') u''] for f = x and f = x^2, of the mixture `time` after the early stop."""
    at = gaussian_mixture.line_score(weights, means[:, 0], covariances[:, 0, 0])
    v, grow = -math.expm1(-2 * time), math.exp(time)
    linear = grow * v * at.bend
    square = 2 * (1 + v * at.slope) ** 2 + 2 * (at.x + v * at.score) * v * at.bend + v * v * at.twist
    weak = at.rule * (1 + 2 * at.slope)
    return np.array([weak @ linear, grow * grow * (weak @ square)])
