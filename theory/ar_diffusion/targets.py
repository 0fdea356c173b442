"""Targets: the laws of data x = (x_1, ..., x_K) that a sampler has to reproduce, Gaussian or mixtures of Gaussians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, Model, flag, nested, real, vector, whole

Array = npt.NDArray[np.floating[Any]]

WEIGHT_TOLERANCE = 1e-9
"""How far the weights of a mixture may sum from 1; they are normalised afterwards."""
ROUNDING = 1e-12
"""By how much a covariance may be asymmetric, in units of the two standard deviations; it is symmetrised."""
SINGULAR = 1e-14
"""A covariance whose smallest eigenvalue is at most this share of the largest counts as singular."""
MOST_DIMENSIONS, MOST_CENTRES, MOST_HEIGHTS = 1024, 1000, 64
"""Matrices of d x d numbers, quadratures over all components, all pairs of heights and lengths: seconds each."""
IMAGE_SIDE = 8
"""Pixels along a side of `ShadowImages`."""
WITH_RULE = ("sun_shadow", "parabola", "shadow_images")
"""Kinds of targets whose patches are tied by a rule."""


class Components(NamedTuple):
    """Components of a mixture of Gaussians: weights (C,), means (C, d), covariances (C, d, d)."""

    weights: Array
    means: Array
    covariances: Array


class Target(Model):
    """Base of all targets."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Dimensions d_1, ..., d_K of the patches."""
        raise NotImplementedError

    @property
    def total_dimension(self) -> int:
        """d, the sum of the sizes."""
        return sum(self.sizes)

    def components(self) -> Components:
        """The target as a mixture of Gaussians."""
        raise NotImplementedError

    def off_rule(self, points: Array) -> Array:
        """How far points (P, d) are off the rule that ties the patches together, shape (P,).

        Raises
        ------
        DomainError
            If the target has no rule.
        """
        raise DomainError("target", self.kind(), f"one with a rule: {', '.join(WITH_RULE)}")


class GaussianTarget(Target):
    """Base of Gaussian targets N(mu, Sigma)."""

    def mean_vector(self) -> Array:
        """mu, shape (d,)."""
        return np.zeros(self.total_dimension)

    def covariance_matrix(self) -> Array:
        """Sigma, shape (d, d)."""
        raise NotImplementedError

    def covariance_factor(self, order: Sequence[int]) -> Array:
        """Lower Cholesky factor (d, d) of the covariance of the coordinates in this order."""
        place = list(order)
        return np.linalg.cholesky(self.covariance_matrix()[np.ix_(place, place)])

    def components(self) -> Components:
        """A mixture of one component."""
        return Components(np.ones(1), self.mean_vector()[None], self.covariance_matrix()[None])


# ------------------------------------------------------------------ Gaussian targets


class Gaussian(GaussianTarget):
    """Any nonsingular Gaussian.

    Parameters
    ----------
    covariance : d x d list
        Symmetric and positive definite.
    patches : list of K whole numbers
        Dimensions of the patches, in their order; they sum to d.
    mean : list of d numbers
        Default: zero.
    """

    covariance: tuple[tuple[float, ...], ...] = vector(depth=2, doc="covariance Sigma, d x d")
    patches: tuple[float, ...] = vector(least=1, doc="dimensions of the patches; they sum to d")
    mean: tuple[float, ...] = vector(least_length=0, default=(), doc="mean mu; [] is zero")

    def validate(self) -> None:
        matrix = _square("covariance", self.covariance)
        _check_definite("covariance", self.covariance, matrix)
        _check_patches(self.patches, len(matrix))
        if self.mean and len(self.mean) != len(matrix):
            raise DomainError("mean", self.mean, f"empty or a list of length {len(matrix)}")

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self.patches)

    def mean_vector(self) -> Array:
        return np.array(self.mean) if self.mean else np.zeros(self.total_dimension)

    def covariance_matrix(self) -> Array:
        matrix = np.array(self.covariance)
        return 0.5 * (matrix + matrix.T)


class SunShadow(GaussianTarget):
    """Two patches of one number each, tied by a rule: x_1 ~ N(mu_1, s_1^2), x_2 - mu_2 = g (x_1 - mu_1) + sigma xi.

    Parameters
    ----------
    gain : float
        g, how strongly the shadow x_2 follows the sun x_1.
    rule_noise : float
        sigma, by how much data deviate from the rule.
    sun_spread : float
        Standard deviation s_1 of x_1.
    mean : list of 2 numbers
        (mu_1, mu_2).
    """

    gain: float = real(doc="g in x_2 = g x_1 + sigma xi")
    rule_noise: float = real(above=0, doc="sigma, deviation of the data from the rule")
    sun_spread: float = real(above=0, default=1.0, doc="standard deviation s_1 of x_1")
    mean: tuple[float, ...] = vector(length=2, default=(0.0, 0.0), doc="means of x_1 and x_2")

    def validate(self) -> None:
        _check_definite("rule_noise", self.rule_noise, self.covariance_matrix())

    @property
    def sizes(self) -> tuple[int, ...]:
        return (1, 1)

    def mean_vector(self) -> Array:
        return np.array(self.mean)

    def off_rule(self, points: Array) -> Array:
        return points[:, 1] - self.mean[1] - self.gain * (points[:, 0] - self.mean[0])

    def covariance_matrix(self) -> Array:
        g, variance = self.gain, self.sun_spread**2
        return np.array([[variance, g * variance], [g * variance, g * g * variance + self.rule_noise**2]])

    def covariance_factor(self, order: Sequence[int]) -> Array:
        rows = np.array([[self.sun_spread, 0.0], [self.gain * self.sun_spread, self.rule_noise]])
        return _lower(rows[list(order)])


class Autoregressive(GaussianTarget):
    """A stationary autoregression of order 1: Sigma_ij = rho^|i-j|, in K patches of equal size, mean 0.

    Parameters
    ----------
    dimension : int
        d.
    correlation : float
        rho, between -1 and 1.
    patches : int
        Number K of patches; it divides d.
    """

    dimension: int = whole(least=1, most=MOST_DIMENSIONS, doc="dimension d")
    correlation: float = real(above=-1, below=1, doc="correlation rho of neighbours")
    patches: int = whole(least=1, doc="number K of equal patches")

    def validate(self) -> None:
        _check_equal_patches(self.patches, self.dimension)
        _check_definite("correlation", self.correlation, self.covariance_matrix())

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.dimension // self.patches,) * self.patches

    def covariance_matrix(self) -> Array:
        place = np.arange(self.dimension)
        return self.correlation ** np.abs(place[:, None] - place)

    def covariance_factor(self, order: Sequence[int]) -> Array:
        rho, place = self.correlation, np.arange(self.dimension)
        rows = np.tril(rho ** np.abs(place[:, None] - place))
        rows[:, 1:] *= np.sqrt((1 - rho) * (1 + rho))
        return _lower(rows[list(order)])


class Equicorrelated(GaussianTarget):
    """Sigma = (1 - rho) I + rho 1 1^T, in K patches of equal size, mean 0.

    Parameters
    ----------
    dimension : int
        d.
    correlation : float
        rho, above -1/(d-1) and below 1.
    patches : int
        Number K of patches; it divides d.
    """

    dimension: int = whole(least=1, most=MOST_DIMENSIONS, doc="dimension d")
    correlation: float = real(above=-1, below=1, doc="correlation rho of any two coordinates")
    patches: int = whole(least=1, doc="number K of equal patches")

    def validate(self) -> None:
        _check_equal_patches(self.patches, self.dimension)
        _check_definite("correlation", self.correlation, self.covariance_matrix())

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.dimension // self.patches,) * self.patches

    def covariance_matrix(self) -> Array:
        rho = self.correlation
        return (1 - rho) * np.eye(self.dimension) + rho


class BlockDiagonal(GaussianTarget):
    """Independent patches: another Gaussian target with the covariances between its patches set to zero.

    Parameters
    ----------
    patches_of : Gaussian, SunShadow, Autoregressive or Equicorrelated
        The target that gives the law of each patch.
    """

    patches_of: Gaussian | SunShadow | Autoregressive | Equicorrelated = nested(
        Gaussian,
        SunShadow,
        Autoregressive,
        Equicorrelated,
        doc="the target whose patches are made independent",
    )

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.patches_of.sizes

    def mean_vector(self) -> Array:
        return self.patches_of.mean_vector()

    def covariance_matrix(self) -> Array:
        patch = np.repeat(np.arange(len(self.sizes)), self.sizes)
        return np.where(patch[:, None] == patch, self.patches_of.covariance_matrix(), 0.0)


# ------------------------------------------------------------------ mixtures


class Mixture(Target):
    """A mixture of C nonsingular Gaussians.

    Parameters
    ----------
    weights : list of C numbers
        Positive, sum 1.
    means : C x d list
    covariances : C x d x d list
        Each symmetric and positive definite.
    patches : list of K whole numbers
        Dimensions of the patches; they sum to d.
    """

    weights: tuple[float, ...] = vector(above=0, doc="weights of the components, sum 1")
    means: tuple[tuple[float, ...], ...] = vector(depth=2, doc="means of the components, C x d")
    covariances: tuple[tuple[tuple[float, ...], ...], ...] = vector(
        depth=3, doc="covariances of the components, C x d x d"
    )
    patches: tuple[float, ...] = vector(least=1, doc="dimensions of the patches; they sum to d")

    def validate(self) -> None:
        _check_mixture(self.weights, self.means)
        if len(self.covariances) != len(self.weights):
            raise DomainError("covariances", self.covariances, f"a list of length {len(self.weights)}")
        for c, covariance in enumerate(self.covariances):
            matrix = _square(f"covariances[{c}]", covariance)
            _check_definite(f"covariances[{c}]", covariance, matrix)
            if len(matrix) != len(self.means[c]):
                raise DomainError(f"covariances[{c}]", covariance, f"a matrix of {len(self.means[c])} rows")
        _check_patches(self.patches, len(self.means[0]))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self.patches)

    def components(self) -> Components:
        covariances = np.array(self.covariances)
        return Components(
            _normalised(self.weights), np.array(self.means), 0.5 * (covariances + covariances.swapaxes(1, 2))
        )


class IsotropicTarget(Target):
    """Base of mixtures of N(m_c, s^2 I) with one deviation s."""

    @property
    def spread(self) -> float:
        """Standard deviation s of every component in every direction."""
        raise NotImplementedError

    def centres(self) -> tuple[Array, Array]:
        """Weights (C,) and means (C, d)."""
        raise NotImplementedError

    def components(self) -> Components:
        weights, means = self.centres()
        identity = self.spread**2 * np.eye(means.shape[1])
        return Components(weights, means, np.broadcast_to(identity, (len(weights), *identity.shape)))


class IsotropicMixture(IsotropicTarget):
    """A mixture of Gaussians of one standard deviation in all directions.

    Parameters
    ----------
    weights : list of C numbers
        Positive, sum 1.
    means : C x d list
    deviation : float
        Standard deviation s of each component in each coordinate.
    patches : list of K whole numbers
        Dimensions of the patches; they sum to d.
    """

    weights: tuple[float, ...] = vector(above=0, doc="weights of the components, sum 1")
    means: tuple[tuple[float, ...], ...] = vector(depth=2, doc="means of the components, C x d")
    deviation: float = real(above=0, doc="standard deviation s of every component")
    patches: tuple[float, ...] = vector(least=1, doc="dimensions of the patches; they sum to d")

    def validate(self) -> None:
        _check_mixture(self.weights, self.means)
        _check_patches(self.patches, len(self.means[0]))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(int(size) for size in self.patches)

    @property
    def spread(self) -> float:
        return self.deviation

    def centres(self) -> tuple[Array, Array]:
        return _normalised(self.weights), np.array(self.means)


class Parabola(IsotropicTarget):
    """A curved rule x_2 = x_1^2 - 1: isotropic components along a parabola, two patches of one number each.

    Centres (c, c^2 - 1), c equally spaced in [-extent, extent], weights proportional to exp(-c^2/2).

    Parameters
    ----------
    centres_along : int
        Number C of components.
    deviation : float
        Standard deviation s of each component in both coordinates.
    extent : float
        Largest c.
    """

    centres_along: int = whole(
        least=2, most=MOST_CENTRES, default=16, doc="number C of components along the parabola"
    )
    deviation: float = real(above=0, default=0.1, doc="standard deviation s of each component")
    extent: float = real(above=0, default=1.6, doc="largest first coordinate of a centre")

    @property
    def sizes(self) -> tuple[int, ...]:
        return (1, 1)

    @property
    def spread(self) -> float:
        return self.deviation

    def centres(self) -> tuple[Array, Array]:
        c = np.linspace(-self.extent, self.extent, self.centres_along)
        falls = 0.5 * (
            c * c - np.min(c * c)
        )  # the largest weight is 1 before they are normalised, at any extent
        return _normalised(np.exp(-falls)), np.column_stack((c, c * c - 1))

    def off_rule(self, points: Array) -> Array:
        return points[:, 1] - points[:, 0] ** 2 + 1


class ShadowImages(IsotropicTarget):
    """Images of 8 x 8 pixels: a disc (the sun) in the upper half, and a bar (its shadow) in the lower half.

    Pixels lie between -1 (dark) and 1 (bright), plus Gaussian noise. The higher the disc, the shorter the bar. The
    upper half, 32 pixels, is the first patch; the lower half is the second. Each clean image is a component.

    Parameters
    ----------
    heights : int
        Number of heights of the disc, and of lengths of the bar, equally likely.
    noise : float
        Standard deviation of the noise of a pixel.
    is_linked : bool
        Whether the length follows from the height; otherwise all pairs are equally likely: independent patches.
    """

    heights: int = whole(least=2, most=MOST_HEIGHTS, default=6, doc="number of heights of the sun")
    noise: float = real(above=0, default=0.1, doc="standard deviation of a pixel's noise")
    is_linked: bool = flag(default=True, doc="whether the shadow's length follows from the height")

    @property
    def sizes(self) -> tuple[int, ...]:
        return (IMAGE_SIDE * IMAGE_SIDE // 2,) * 2

    @property
    def spread(self) -> float:
        return self.noise

    def halves(self) -> tuple[Array, Array]:
        """Clean upper halves by height and lower halves by length, both of shape (heights, 32)."""
        place = np.linspace(0.0, 1.0, self.heights)
        rows, columns = np.meshgrid(np.arange(IMAGE_SIDE // 2), np.arange(IMAGE_SIDE), indexing="ij")
        centre = 2.5 - 2.0 * place  # row of the disc's centre, from low to high
        distance = np.hypot(rows - centre[:, None, None], columns - 3.5)
        sun = np.clip(2.0 - distance, 0.0, 1.0)
        length = 1.0 + (IMAGE_SIDE - 2.0) * (1.0 - place)  # a high sun casts a short shadow
        bar = np.clip(length[:, None, None] - columns, 0.0, 1.0) * ((rows == 1) | (rows == 2))
        return (2 * sun - 1).reshape(self.heights, -1), (2 * bar - 1).reshape(self.heights, -1)

    def centres(self) -> tuple[Array, Array]:
        upper, lower = self.halves()
        if not self.is_linked:
            n = self.heights
            upper, lower = np.repeat(upper, n, axis=0), np.tile(lower, (n, 1))
        return np.full(len(upper), 1.0 / len(upper)), np.hstack((upper, lower))

    def off_rule(self, points: Array) -> Array:
        """Length of the shadow less the one that the sun's height implies, in pixels, by the nearest clean images."""
        upper, lower = self.halves()
        height, length = (
            np.argmin(np.sum(clean**2, axis=1) - 2 * half @ clean.T, axis=1)
            for clean, half in ((upper, points[:, : upper.shape[1]]), (lower, points[:, upper.shape[1] :]))
        )
        return (height - length) * (IMAGE_SIDE - 2.0) / (self.heights - 1)


GAUSSIANS = (SunShadow, Gaussian, Autoregressive, Equicorrelated, BlockDiagonal)
MIXTURES = (Parabola, Mixture, IsotropicMixture, ShadowImages)
TARGETS = (*GAUSSIANS, *MIXTURES)
AnyGaussian = SunShadow | Gaussian | Autoregressive | Equicorrelated | BlockDiagonal
AnyTarget = AnyGaussian | Parabola | Mixture | IsotropicMixture | ShadowImages

# ------------------------------------------------------------------ what no single field can check


def _lower(rows: Array) -> Array:
    """Lower triangular L with L L^T = rows rows^T and a positive diagonal, without forming the product."""
    _, upper = np.linalg.qr(rows.T)
    return np.asarray((upper * np.sign(np.diag(upper))[:, None]).T)


def _square(name: str, value: tuple[tuple[float, ...], ...]) -> Array:
    if any(len(row) != len(value) for row in value):
        raise DomainError(name, value, "a square matrix")
    return np.array(value)


def _check_definite(name: str, value: object, matrix: Array) -> None:
    if not np.all(np.isfinite(matrix)):
        raise DomainError(name, value, "such that the covariance is finite")
    scale = np.sqrt(np.abs(np.diag(matrix)))
    if np.any(np.abs(matrix - matrix.T) > ROUNDING * np.outer(scale, scale)):
        raise DomainError(name, value, "symmetric")
    least, most = np.linalg.eigvalsh(matrix)[[0, -1]]
    if least < -SINGULAR * abs(most):
        raise DomainError(name, value, f"positive definite (its smallest eigenvalue is {least:.3g})")
    if least <= SINGULAR * most:
        raise DomainError(
            name,
            value,
            f"such that the covariance is nonsingular (its eigenvalues are {least:.3g} to {most:.3g})",
        )


def _check_patches(patches: tuple[float, ...], dimension: int) -> None:
    if any(size != int(size) for size in patches):
        raise DomainError("patches", patches, "whole numbers")
    if sum(patches) != dimension:
        raise DomainError("patches", patches, f"sizes that sum to the dimension {dimension}")


def _check_equal_patches(patches: int, dimension: int) -> None:
    if dimension % patches:
        raise DomainError("patches", patches, f"a divisor of dimension = {dimension}")


def _check_mixture(weights: tuple[float, ...], means: tuple[tuple[float, ...], ...]) -> None:
    if abs(sum(weights) - 1) > WEIGHT_TOLERANCE:
        raise DomainError(
            "weights", weights, f"positive numbers that sum to 1 (their sum is {sum(weights):.12g})"
        )
    if len(means) != len(weights):
        raise DomainError("means", means, f"a list of length {len(weights)}, one for each weight")
    if len({len(mean) for mean in means}) != 1:
        raise DomainError("means", means, "a matrix: one row of equal length for each weight")


def _normalised(weights: object) -> Array:
    array = np.asarray(weights, dtype=float)
    return array / array.sum()
