"""Cosines of the angle between a random direction and its axis: normal vectors with a mean, von Mises-Fisher.

A direction is cosine * axis + sqrt(1 - cosine^2) * a uniform direction across the axis.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def projected_normal_cosines(rng: np.random.Generator, dimension: int, offset: float, count: int) -> Array:
    """Cosines (count,) of normal vectors of mean `offset` along the axis and unit covariance."""
    along = offset + rng.standard_normal(count)
    across = rng.chisquare(dimension - 1, count)
    return along / np.sqrt(along * along + across)


def von_mises_fisher_cosines(
    rng: np.random.Generator, dimension: int, concentration: float, count: int
) -> Array:
    """Cosines (count,) with density proportional to exp(k t) (1 - t^2)^((d-3)/2), by Wood's rejection.

    References
    ----------
    A. T. A. Wood (1994), Simulation of the von Mises Fisher distribution.
    """
    freedom = dimension - 1
    ratio = freedom / (math.hypot(2 * concentration, freedom) + 2 * concentration)
    peak = (1 - ratio) / (1 + ratio)
    top = concentration * peak + freedom * math.log1p(-peak * peak)
    cosines = np.empty(count)
    missing = np.arange(count)
    while len(missing):
        z = rng.beta(0.5 * freedom, 0.5 * freedom, len(missing))
        cosine = (1 - (1 + ratio) * z) / (1 - (1 - ratio) * z)
        height = concentration * cosine + freedom * np.log1p(-peak * cosine) - top
        is_taken = np.log1p(-rng.random(len(missing))) <= height
        cosines[missing[is_taken]] = cosine[is_taken]
        missing = missing[~is_taken]
    return cosines


def across_axis(rng: np.random.Generator, axis: Array, count: int) -> Array:
    """Uniform directions (count, d) orthogonal to a unit vector (d,)."""
    normals = rng.standard_normal((count, len(axis)))
    normals -= np.outer(normals @ axis, axis)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)
