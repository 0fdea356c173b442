"""Models of arXiv 2504.08628: images of an object patch before background noise, and the network trained on them.

Features mu_0, ..., mu_{2K-1} in R^d are orthogonal with norm `strength`; the first K belong to class y = +1, the other
K to y = -1. An image holds an object patch, a feature of its class, and `background` patches of Gaussian noise. The
network

    F(x) = m^-p sum_j j sum_r sum_patches act(<w_jr, patch>),   j = +1, -1,  r = 0, ..., m-1,

has fixed signs j on its second layer and is trained by full-batch gradient descent on log(1 + exp(-y F)).
Filters are in this order: first the m of sign +1, then the m of sign -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from lemmata.models import DomainError, Model, choice, nested, real, vector, whole

LEAST_STRENGTH = 1e-100  # of features that are learnt: the square, a unit of time, is a float

# ------------------------------------------------------------------ how many images show each feature


class Balanced(Model):
    """Every feature is shown by as many images; their number must be a multiple of 2K."""


class Multinomial(Model):
    """Each image picks one of the 2K features, independently and uniformly."""


class Counts(Model):
    """Given numbers of images.

    Parameters
    ----------
    values : list of 2K whole numbers
        Images of feature 0, 1, ..., 2K-1; zeros are allowed. They sum to the number of images.
    """

    values: tuple[float, ...] = vector(least=0, least_length=2, doc="images of each of the 2K features")

    def validate(self) -> None:
        if any(value != int(value) for value in self.values):
            raise DomainError("values", self.values, "whole numbers")


ImageCounts = Balanced | Multinomial | Counts

# ------------------------------------------------------------------ data


class Data(Model):
    """Images of one or several object patches before patches of background noise.

    Parameters
    ----------
    features : int
        Features K of each of the two classes; the clean patches have rank 2K.
    images : int
        Number n of images.
    dimension : int
        Dimension d of a patch, larger than 2K.
    background : int
        Background patches P_b of an image.
    strength : float
        Norm s of the features.
    noise : float
        Standard deviation sigma_p of an entry of a background patch.
    noise_law : 'projected', 'full' or 'everywhere'
        Background orthogonal to all features, N(0, sigma_p^2 (I - U U^T)); isotropic background, N(0, sigma_p^2 I); or
        isotropic noise on every patch, object patches included (a law of the data that no network here is trained on).
    counts : Balanced, Multinomial or Counts
        How many images show each feature (with several objects: have it as their first).
    objects : int
        Object patches of an image, at most K: feature k of its class and the next ones, k+1, k+2, ... modulo K.
    """

    features: int = whole(least=1, doc="features K of each class; clean rank 2K")
    images: int = whole(least=1, doc="number of images n")
    dimension: int = whole(least=3, doc="dimension d of a patch")
    background: int = whole(least=1, default=1, doc="background patches P_b of an image")
    strength: float = real(above=0, default=1.0, doc="norm s of the features")
    noise: float = real(least=0, default=0.0, doc="standard deviation sigma_p of background entries")
    noise_law: str = choice("projected", "full", "everywhere", default="projected", doc="where noise lies")
    counts: ImageCounts = nested(
        Balanced, Multinomial, Counts, default=Balanced(), doc="images of each feature"
    )
    objects: int = whole(least=1, default=1, doc="object patches of an image")

    def validate(self) -> None:
        kinds = 2 * self.features
        if self.dimension <= kinds:
            raise DomainError("dimension", self.dimension, f"more than the number of features, 2K = {kinds}")
        if self.objects > self.features:
            raise DomainError(
                "objects", self.objects, f"at most the features of a class, K = {self.features}"
            )
        if isinstance(self.counts, Balanced) and self.images % kinds:
            raise DomainError("images", self.images, f"a multiple of 2K = {kinds} if counts are balanced")
        if isinstance(self.counts, Counts):
            if len(self.counts.values) != kinds:
                raise DomainError("counts.values", self.counts.values, f"a list of length 2K = {kinds}")
            if sum(self.counts.values) != self.images:
                raise DomainError(
                    "counts.values", self.counts.values, f"numbers whose sum is images = {self.images}"
                )

    def resized(self, sizes: Mapping[str, int]) -> Self:
        """The same data at other sizes: given counts keep their proportions."""
        if not isinstance(self.counts, Counts):
            return super().resized(sizes)
        growth = sizes.get("images", self.images) / self.images
        counts = Counts(tuple(growth * count for count in self.counts.values))
        return replace(self, **{**sizes, "counts": counts})

    @property
    def noise_patches(self) -> int:
        """N = n P_b, the number of background patches."""
        return self.images * self.background

    @property
    def noise_dimension(self) -> int:
        """Dimension of the space in which the background lies: d' = d - 2K if projected, else d."""
        return self.dimension - (2 * self.features if self.noise_law == "projected" else 0)

    @property
    def noise_ratio(self) -> float:
        """r = sigma_p sqrt(d) / s: norm of a background patch over that of an object patch."""
        return self.noise * self.dimension**0.5 / self.strength

    def with_noise_ratio(self, ratio: float) -> Self:
        """The same data at another noise ratio r."""
        return replace(self, noise=ratio * self.strength / self.dimension**0.5)


# ------------------------------------------------------------------ network and training


class Training(Data):
    """A two-layer convolutional network, trained on such images by full-batch gradient descent.

    The activation is the Huberised ReLU of order q and knee kappa: act(z) = 0 for z <= 0, z^q / (q kappa^(q-1)) up to
    kappa, z - (1 - 1/q) kappa beyond. Entries of the filters start as independent N(0, initial_scale^2).

    Parameters
    ----------
    features, images, dimension, background, strength, noise, noise_law, counts, objects
        As for `Data`; noise lies in the background, 'projected' or 'full'.
    filters : int
        Filters m of each sign of the second layer.
    order : float
        Order q >= 2 of the activation at 0.
    knee : float
        kappa, where the activation becomes linear.
    initial_scale : float
        Standard deviation s0 of the filters' entries at the start.
    output_exponent : float
        p: the second layer is +-m^-p, the mean over filters with p = 1 and the sum with p = 0.
    step_size : float
        Step size eta of gradient descent on the mean loss.
    steps : int
        Number of steps.
    """

    filters: int = whole(least=1, default=60, doc="filters m of each sign")
    order: float = real(least=2, default=3.0, doc="order q of the activation at 0")
    knee: float = real(above=0, default=10.0, doc="kappa, where the activation becomes linear")
    initial_scale: float = real(
        above=0, default=2e-3, doc="standard deviation s0 of the filters at the start"
    )
    output_exponent: float = real(least=0, most=1, default=1.0, doc="p in the second layer +-m^-p")
    step_size: float = real(above=0, default=1.0, doc="step size eta on the mean loss")
    steps: int = whole(least=0, default=0, doc="number of steps")

    def validate(self) -> None:
        super().validate()
        if self.noise_law == "everywhere":
            raise DomainError("noise_law", self.noise_law, "projected or full where a network is trained")
        if not LEAST_STRENGTH <= self.strength <= 1 / LEAST_STRENGTH:
            allowed = f"between {LEAST_STRENGTH:g} and {1 / LEAST_STRENGTH:g} where a network is trained"
            raise DomainError("strength", self.strength, allowed)

    def resized(self, sizes: Mapping[str, int]) -> Self:
        """The same training at other sizes, to the same time."""
        return super().resized(sizes).advancing(self.advance)

    @property
    def output_scale(self) -> float:
        """m^-p, the size of the second layer's weights."""
        return self.filters**-self.output_exponent

    @property
    def advance(self) -> float:
        """Time of one step, eta s^2 m^-p / (2K): no feature's clock advances faster if counts are balanced."""
        return self.step_size * self.strength**2 * self.output_scale / (2 * self.features)

    @property
    def time(self) -> float:
        """Time t = advance x steps."""
        return self.advance * self.steps

    def advancing(self, advance: float) -> Self:
        """The same training with the step size whose steps take the given time."""
        return replace(self, step_size=2 * self.features * advance / (self.strength**2 * self.output_scale))
