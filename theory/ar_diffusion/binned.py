"""Conditional moments of the output in bins of the first coordinate: what particles show of a conditional law (R5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from theory.ar_diffusion.laws import law
from theory.ar_diffusion.models import BinnedGaussian, GaussianSampling

Array = npt.NDArray[np.floating[Any]]


def binned_moments(model: BinnedGaussian) -> Array:
    """Moments of the output's last coordinate y in bins of its first one x: P(bin), E[y; bin] and E[y^2; bin].

    E[y; bin]/P(bin) is the conditional mean in a bin. With x = m + s z and y = n + k s z + residual of variance S they
    follow from the truncated moments of z: E[z; a < z < b] = f(a) - f(b) and E[z^2; a < z < b] = P + a f(a) - b f(b),
    f the normal density.

    Parameters
    ----------
    model : BinnedGaussian

    Returns
    -------
    array (bins, 3)
        Infinite where the steps are so coarse that a variance exceeds the largest number.

    References
    ----------
    R5 of docs/papers/ar_diffusion.md.
    """
    output = law(GaussianSampling(model.target, model.scheme))
    edges = np.array(model.edges)
    if not np.all(np.isfinite(output.covariance)):
        return np.full((len(edges) - 1, 3), np.inf)
    (m, n), c = output.mean[[0, -1]], output.covariance[np.ix_([0, -1], [0, -1])]
    s = np.sqrt(c[0, 0])
    z = (edges - m) / s
    side = np.where(z[:-1] > 0, -1.0, 1.0)  # differences of small tails on the right, not of numbers near 1
    mass = side * (special.ndtr(side * z[1:]) - special.ndtr(side * z[:-1]))
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    first = density[:-1] - density[1:]
    second = mass + (z * density)[:-1] - (z * density)[1:]
    slope = c[0, 1] / s  # of y on z
    residual = c[1, 1] - slope * slope
    square = (n * n + residual) * mass + 2 * n * slope * first + slope * slope * second
    return np.column_stack((mass, n * mass + slope * first, square))
