"""Laws of a random direction about an axis: the cosine rho of its angle, its mean, and quadrature nodes for it.

Both laws have a density of the angle t that is log-concave or close to it, of the form sin(t)^(d-2) times a smooth
factor: exp(k cos t) for von Mises-Fisher, and for the direction of a normal vector of mean delta e_1 and unit
covariance exp(-(delta sin t)^2/2) int_0^inf r^(d-1) exp(-(r - delta cos t)^2/2) dr.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]

NODES = 64
_LEAST = 1e-280  # smaller Bessel functions may be rounded to few digits
NEGLIGIBLE = 40.0  # densities below exp(-NEGLIGIBLE) of the largest are left out


class AngleLaw(NamedTuple):
    """Law of an angle t.

    Parameters
    ----------
    low, high : float
        The range in which the density counts.
    log_density : callable
        Logarithm of the density up to a constant, of an array of angles.
    """

    low: float
    high: float
    log_density: Callable[[Array], Array]

    def nodes(self) -> tuple[Array, Array]:
        """Angles and weights (sum 1) of Gauss-Legendre quadrature."""
        angles, masses, _ = self._masses()
        return angles, masses / masses.sum()

    def cosines(self) -> tuple[Array, Array]:
        """Cosines of `nodes`, and their weights."""
        angles, weights = self.nodes()
        return np.cos(angles), weights

    def density(self) -> Callable[[Array], Array]:
        """The density, with integral 1."""
        _, masses, top = self._masses()
        shift = top + math.log(0.5 * (self.high - self.low) * masses.sum())
        return lambda angles: np.exp(self.log_density(angles) - shift)

    def _masses(self) -> tuple[Array, Array, float]:
        """Nodes, weights times densities, and the logarithm of the unit of the densities."""
        nodes, weights = gauss_legendre(NODES)
        angles = self.low + 0.5 * (self.high - self.low) * (1 + nodes)
        height = self.log_density(angles)
        top = float(height.max())
        return angles, weights * np.exp(height - top), top


@cache
def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss-Legendre quadrature on [-1, 1]; not to be written to."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def gauss_rule(nodes: Array, weights: Array, count: int) -> tuple[Array, Array, Array]:
    """Gauss's rule of `count` nodes for a law on given nodes, by the Lanczos process; weights sum to 1.

    Returns
    -------
    triple of arrays
        Nodes and weights, and two rows whose products with a function's values at the nodes are its coefficients at
        the two orthonormal polynomials of highest degree: of order sqrt(e) where the rule's error is e.
    """
    centre = float(weights @ nodes)
    scale = math.sqrt(weights @ (nodes - centre) ** 2)
    x = (nodes - centre) / scale
    basis = np.zeros((count + 1, len(nodes)))
    basis[0] = np.sqrt(weights)
    jacobi = np.zeros((count + 1, count + 1))
    for k in range(count):
        following = x * basis[k]
        for _ in range(2):  # the second time against rounding
            products = basis[: k + 1] @ following
            jacobi[: k + 1, k] += products
            following -= products @ basis[: k + 1]
        jacobi[k + 1, k] = np.linalg.norm(following)
        basis[k + 1] = following / jacobi[k + 1, k]
    values, vectors = np.linalg.eigh(jacobi[:count, :count])  # of the lower triangle
    return centre + scale * values, vectors[0] ** 2, vectors[-2:] * vectors[0]


def von_mises_fisher_mean(dimension: int, concentration: float) -> float:
    """E rho = I_{d/2}(k) / I_{d/2-1}(k) = k / (d + k^2 / (d + 2 + k^2 / (d + 4 + ...))).

    The fraction has positive terms alone; for k <= d thirty of them leave less than a rounding.
    """
    if concentration <= dimension:
        rest = float(dimension + 60)
        for j in range(29, -1, -1):
            rest = dimension + 2 * j + concentration**2 / rest
        return concentration / rest
    below = special.ive(0.5 * dimension - 1, concentration)
    if not _LEAST < below < math.inf:  # few digits, or k is huge: the quadrature has no such limits
        nodes, weights = von_mises_fisher_nodes(dimension, concentration)
        return float(weights @ nodes)
    return float(special.ive(0.5 * dimension, concentration) / below)


def von_mises_fisher_nodes(dimension: int, concentration: float) -> tuple[Array, Array]:
    """Nodes rho and weights (sum 1) for the law with density ~ exp(k rho) (1 - rho^2)^((d-3)/2)."""
    return von_mises_fisher_angles(dimension, concentration).cosines()


def von_mises_fisher_angles(dimension: int, concentration: float) -> AngleLaw:
    """The law of the angle t, with density ~ exp(k cos t) sin(t)^(d-2)."""
    return _angle_law(dimension, lambda angle: -2 * concentration * np.sin(0.5 * angle) ** 2)


def projected_normal_mean(dimension: int, offset: float) -> float:
    """E rho of the direction of a normal vector of mean delta e_1, delta = offset, and unit covariance.

    rho = (delta/sqrt 2) Gamma((d+1)/2)/Gamma(d/2+1) 1F1(1/2; d/2+1; -delta^2/2).
    """
    if dimension > 1000:  # the difference of the logarithms of the gamma functions has lost its digits
        nodes, weights = projected_normal_nodes(dimension, offset)
        return float(weights @ nodes)
    scale = math.exp(special.gammaln(0.5 * (dimension + 1)) - special.gammaln(0.5 * dimension + 1))
    return float(offset / math.sqrt(2) * scale * special.hyp1f1(0.5, 0.5 * dimension + 1, -0.5 * offset**2))


def projected_normal_nodes(dimension: int, offset: float) -> tuple[Array, Array]:
    """Nodes rho and weights (sum 1) for the direction of a normal vector of mean offset e_1, unit covariance."""
    return projected_normal_angles(dimension, offset).cosines()


def projected_normal_angles(dimension: int, offset: float) -> AngleLaw:
    """The law of the angle between e_1 and a normal vector of mean offset e_1, unit covariance."""
    return _angle_law(
        dimension,
        lambda angle: _log_radial(dimension, offset * np.cos(angle)) - 0.5 * (offset * np.sin(angle)) ** 2,
    )


def _log_radial(dimension: int, shift: Array) -> Array:
    """log int_0^inf r^(d-1) exp(-(r - shift)^2/2) dr; the integrand is log-concave with a peak of width <= 1."""
    # the positive root of r (r - shift) = d - 1, without cancellation
    longer = 0.5 * (np.abs(shift) + np.sqrt(shift * shift + 4.0 * (dimension - 1)))
    peak = np.where(shift > 0, longer, (dimension - 1) / longer)
    width = peak / np.sqrt(peak * peak + (dimension - 1))  # from the curvature at the peak
    reach = np.minimum(9.0, 40.0 * width)  # narrow peaks, far below 0, fall exponentially
    low, high = np.maximum(peak - reach, 0.0), peak + reach
    nodes, weights = gauss_legendre(NODES)
    half = 0.5 * (high - low)
    radius = low[..., None] + half[..., None] * (1 + nodes)
    top = (dimension - 1) * np.log(peak) - 0.5 * (peak - shift) ** 2
    height = (dimension - 1) * np.log(radius) - 0.5 * (radius - shift[..., None]) ** 2 - top[..., None]
    return top + np.log(half * (np.exp(height) @ weights))


def _angle_law(dimension: int, log_factor: Callable[[Any], Any]) -> AngleLaw:
    """The law with density ~ sin(t)^(d-2) exp(log_factor(t)), on the range in which that is not negligible."""

    def log_density(angle: Array) -> Array:
        return (dimension - 2) * np.log(np.sin(angle)) + log_factor(angle)

    low, high = 0.0, math.pi
    for _ in range(6):  # each round narrows the range to where the density counts
        inside = low + (high - low) * (np.arange(400) + 0.5) / 400
        height = log_density(inside)
        (seen,) = np.nonzero(height > height.max() - NEGLIGIBLE)
        low, high = (
            inside[max(seen[0] - 1, 0)] if seen[0] else low,
            inside[seen[-1] + 1] if seen[-1] + 1 < 400 else high,
        )
    return AngleLaw(float(low), float(high), log_density)
