"""Schemes: how a sampler reverses the noising process; grids of noising times, the order of patches, score errors."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, Model, nested, real, vector, whole
from theory.numerics import ornstein_uhlenbeck, step_grids

Array = npt.NDArray[np.floating[Any]]

# ------------------------------------------------------------------ grids


def _check_stop(horizon: float, early_stop: float) -> None:
    if not early_stop < horizon:
        raise DomainError("early_stop", early_stop, f"below horizon = {horizon!r}")


MOST_STEPS = 1 << 24  # an array of noising times, and some like it for each dimension


class Grid(Model):
    """Base of grids of noising times, from the horizon T down to the early stop delta."""

    needs_gaussian = False
    """Whether the nodes depend on the target's covariance."""

    def nodes(self, eigenvalues: Array) -> Array:
        """Nodes tau_0 = T > ... > tau_N = delta for a stage with these eigenvalues of its covariance."""
        raise NotImplementedError


class Uniform(Grid):
    """Equal steps.

    Parameters
    ----------
    steps : int
        Number N of steps of each stage.
    horizon : float
        Noising time T at which sampling starts, from N(0, I).
    early_stop : float
        Noising time delta at which it ends.
    """

    steps: int = whole(least=1, most=MOST_STEPS, default=100, doc="number N of steps of each stage")
    horizon: float = real(above=0, default=6.0, doc="noising time T at which sampling starts")
    early_stop: float = real(least=0, default=0.0, doc="noising time delta at which sampling ends")

    def validate(self) -> None:
        _check_stop(self.horizon, self.early_stop)

    def nodes(self, eigenvalues: Array) -> Array:
        return step_grids.uniform(self.horizon, self.early_stop, self.steps)


class Exponential(Grid):
    """Steps of about kappa min(1, tau): equal in tau above 1, and in ln tau below ('exp', or geometric, steps).

    Parameters
    ----------
    steps, horizon
        As for `Uniform`.
    early_stop : float
        delta > 0.
    """

    steps: int = whole(least=1, most=MOST_STEPS, default=100, doc="number N of steps of each stage")
    horizon: float = real(above=0, default=6.0, doc="noising time T at which sampling starts")
    early_stop: float = real(above=0, default=1e-3, doc="noising time delta at which sampling ends")

    def validate(self) -> None:
        _check_stop(self.horizon, self.early_stop)

    def nodes(self, eigenvalues: Array) -> Array:
        return step_grids.exponential(self.horizon, self.early_stop, self.steps)


class PathOptimal(Uniform):
    """Steps that minimise the path KL at small steps: h proportional to (sum of lambda_tau^-2)^(-1/2), by stage.

    Parameters
    ----------
    steps, horizon, early_stop
        As for `Uniform`.
    most_step : float
        Cap of the steps.
    """

    needs_gaussian = True
    most_step: float = real(above=0, default=0.5, doc="longest step")

    def nodes(self, eigenvalues: Array) -> Array:
        def density(tau: Array) -> Array:
            noised = ornstein_uhlenbeck.noised_variance(eigenvalues, tau[:, None])
            return np.sqrt(np.sum(noised**-2, axis=1))

        return step_grids.by_density(density, self.horizon, self.early_stop, self.steps, self.most_step)


class MarginalOptimal(Uniform):
    """Steps for a small KL of the output: h proportional to (sum of |w|/lambda)^(-1/2), w of R2, by stage.

    In several directions this is a heuristic.

    Parameters
    ----------
    steps, horizon, early_stop
        As for `Uniform`.
    most_step : float
        Cap of the steps.
    """

    needs_gaussian = True
    most_step: float = real(above=0, default=0.5, doc="longest step")

    def nodes(self, eigenvalues: Array) -> Array:
        def density(tau: Array) -> Array:
            weight = ornstein_uhlenbeck.step_weight(eigenvalues, tau[:, None], self.early_stop)
            return np.sqrt(np.sum(np.abs(weight) / eigenvalues, axis=1))

        return step_grids.by_density(density, self.horizon, self.early_stop, self.steps, self.most_step)


class Custom(Grid):
    """Nodes of one's own.

    Parameters
    ----------
    times : list of N + 1 >= 2 numbers
        tau_0 = T > ... > tau_N = delta >= 0.
    """

    times: tuple[float, ...] = vector(least=0, least_length=2, doc="noising times, strictly decreasing")

    def validate(self) -> None:
        if not all(a > b for a, b in pairwise(self.times)):
            raise DomainError("times", self.times, "strictly decreasing")

    def nodes(self, eigenvalues: Array) -> Array:
        return np.array(self.times)


GRIDS = (Uniform, Exponential, PathOptimal, MarginalOptimal, Custom)
AnyGrid = Uniform | Exponential | PathOptimal | MarginalOptimal | Custom

# ------------------------------------------------------------------ methods


class Vanilla(Model):
    """All patches at once: one reverse diffusion of the joint law."""

    def stages(self, sizes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Coordinates that each stage generates."""
        return (tuple(range(sum(sizes))),)


class AR(Model):
    """Patch by patch: stage k reverses a diffusion of patch k, its score conditioned on the patches made before.

    Parameters
    ----------
    order : list of K whole numbers
        Patches (from 0) in the order in which they are made; [] is their own order.
    """

    order: tuple[float, ...] = vector(
        least=0,
        least_length=0,
        default=(),
        doc="patches, from 0, in the order of generation; [] is their own",
    )

    def validate(self) -> None:
        if sorted(self.order) != list(range(len(self.order))):
            raise DomainError("order", self.order, "a permutation of 0, ..., K-1, or empty")

    def stages(self, sizes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Coordinates that each stage generates, in the order of generation."""
        if self.order and len(self.order) != len(sizes):
            raise DomainError("order", self.order, f"a permutation of 0, ..., {len(sizes) - 1}, or empty")
        starts = [sum(sizes[:k]) for k in range(len(sizes))]
        patches = [tuple(range(start, start + size)) for start, size in zip(starts, sizes, strict=True)]
        return tuple(patches[int(k)] for k in self.order) if self.order else tuple(patches)


METHODS = (Vanilla, AR)

# ------------------------------------------------------------------ score errors


class ExactScore(Model):
    """The sampler knows the score."""


class ConstantBias(Model):
    """The score that is used is the exact one plus a constant vector.

    Parameters
    ----------
    bias : list of numbers
        One for each coordinate, or one for all of them.
    """

    bias: tuple[float, ...] = vector(doc="bias of the score, one number for each coordinate or one for all")

    def at(self, tau: Array, eigenvalues: Array) -> Array:
        """Factor of the bias at times tau (n,) in directions of these eigenvalues (d,): shape (n, d)."""
        return np.ones((len(tau), len(eigenvalues)))


class WorstBias(ConstantBias):
    """The profile in time that shifts the output most: bias times e^-tau / lambda_tau in each eigen-direction (R13).

    Parameters
    ----------
    bias : list of numbers
        As for `ConstantBias`.
    """

    def at(self, tau: Array, eigenvalues: Array) -> Array:
        return np.exp(-tau)[:, None] / ornstein_uhlenbeck.noised_variance(eigenvalues, tau[:, None])


SCORE_ERRORS = (ExactScore, ConstantBias, WorstBias)


# ------------------------------------------------------------------ integrators


class ExponentialIntegrator(Model):
    """The score is held during a step: Y <- e^h Y + 2(e^h - 1) s(Y) + sqrt(e^2h - 1) Z."""

    @property
    def steps(self) -> ornstein_uhlenbeck.Steps:
        """What a step does to a Gaussian direction."""
        return ornstein_uhlenbeck.FROZEN_SCORE


class PosteriorMean(Model):
    """DDPM's step: the exact one from the noised data, as if the data were their posterior mean.

    Y <- e^h Y + (e^h - e^-h) s(Y) + sqrt(1 - e^-2h) (sigma_{tau-h}/sigma_tau) Z.
    """

    @property
    def steps(self) -> ornstein_uhlenbeck.Steps:
        """What a step does to a Gaussian direction."""
        return ornstein_uhlenbeck.PosteriorMeanSteps()


INTEGRATORS = (ExponentialIntegrator, PosteriorMean)


class Scheme(Model):
    """A sampler, whose steps take the score at their noisier ends.

    Parameters
    ----------
    method : Vanilla or AR
    grid : Uniform, Exponential, PathOptimal, MarginalOptimal or Custom
        Noising times of a stage, horizon and early stop included. All stages use the same kind of grid.
    score_error : ExactScore, ConstantBias or WorstBias
    integrator : ExponentialIntegrator or PosteriorMean
        What a step does with the score.
    """

    method: Vanilla | AR = nested(*METHODS, default=Vanilla(), doc="all patches at once, or patch by patch")
    grid: AnyGrid = nested(*GRIDS, default=Uniform(), doc="noising times of a stage")
    score_error: ExactScore | ConstantBias | WorstBias = nested(
        *SCORE_ERRORS, default=ExactScore(), doc="what is wrong with the score"
    )
    integrator: ExponentialIntegrator | PosteriorMean = nested(
        *INTEGRATORS, default=ExponentialIntegrator(), doc="what a step does with the score"
    )

    def check_exponential(self) -> None:
        """Raise DomainError where a formula holds for the exponential integrator only."""
        if not isinstance(self.integrator, ExponentialIntegrator):
            kind = self.integrator.kind()
            raise DomainError(
                "scheme.integrator", kind, "exponential_integrator: the formula does not hold for others"
            )
