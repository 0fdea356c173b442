"""Models of arXiv 2504.21314: a target to be sampled, a scheme that samples it, and what is asked of the two.

Targets stand in `targets`; schemes (grids, methods, score errors) in `schemes`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from lemmata.models import DomainError, Model, choice, nested, real, vector, whole
from theory.ar_diffusion.schemes import (
    AR,
    METHODS,
    Custom,
    ExactScore,
    MarginalOptimal,
    PathOptimal,
    Scheme,
    Vanilla,
)
from theory.ar_diffusion.targets import GAUSSIANS, TARGETS, AnyGaussian, AnyTarget, GaussianTarget, SunShadow

# ------------------------------------------------------------------ a sampler at work


class Sampling(Model):
    """A sampler at work on a target.

    Parameters
    ----------
    target : any target
        Law p of the data, with its patches.
    scheme : Scheme
        How it is sampled.
    """

    target: AnyTarget = nested(*TARGETS, doc="law of the data")
    scheme: Scheme = nested(Scheme, default=Scheme(), doc="how it is sampled")

    def validate(self) -> None:
        if self.scheme.grid.needs_gaussian and not isinstance(self.target, GaussianTarget):
            kind = self.scheme.grid.kind()
            raise DomainError(
                "scheme.grid", kind, "a grid that needs no covariance, if the target is a mixture"
            )
        _check_order(self.scheme.method, self.target)
        error, dimension = self.scheme.score_error, self.target.total_dimension
        if not isinstance(error, ExactScore):
            if len(error.bias) not in (1, dimension):
                raise DomainError("scheme.score_error.bias", error.bias, f"a list of length 1 or {dimension}")
            if not isinstance(self.target, GaussianTarget):
                raise DomainError(
                    "scheme.score_error", error.kind(), "exact_score, if the target is a mixture"
                )


class GaussianSampling(Sampling):
    """A sampler at work on a Gaussian target, whose output law is Gaussian too and known exactly.

    Parameters
    ----------
    target : a Gaussian target
    scheme : Scheme
    """

    target: AnyGaussian = nested(*GAUSSIANS, doc="Gaussian law of the data")


class RuleSampling(GaussianSampling):
    """A sampler at work on two patches that are tied by a rule.

    Parameters
    ----------
    target : SunShadow
    scheme : Scheme
    """

    target: SunShadow = nested(SunShadow, doc="the rule")


class BinnedSampling(Sampling):
    """A sampler at work, whose last coordinate is looked at in bins of the first one.

    Parameters
    ----------
    target, scheme
        As for `Sampling`, the target in two dimensions or more.
    edges : list of two numbers or more
        Ends of the bins of the first coordinate, increasing.
    """

    edges: tuple[float, ...] = vector(
        least_length=2, default=(-2.0, -1.0, 0.0, 1.0, 2.0), doc="ends of the bins of x_1, increasing"
    )

    def validate(self) -> None:
        super().validate()
        if not all(a < b for a, b in pairwise(self.edges)):
            raise DomainError("edges", self.edges, "strictly increasing")
        if self.target.total_dimension < 2:
            raise DomainError("target", self.target.kind(), "of two dimensions or more")


class BinnedGaussian(BinnedSampling):
    """`BinnedSampling` on a Gaussian target, whose conditional moments in bins are known exactly.

    Parameters
    ----------
    target : a Gaussian target
    scheme, edges
        As for `BinnedSampling`.
    """

    target: AnyGaussian = nested(*GAUSSIANS, doc="Gaussian law of the data")


class CoupledSampling(Sampling):
    """A sampler on a coarser grid, driven by the noise of the fine one: every `merged`-th of its times is kept.

    Parameters
    ----------
    target, scheme
        As for `Sampling`; the grid is the fine one, and the same for every stage.
    merged : int
        Fine steps that one step takes together; it divides their number.
    """

    merged: int = whole(least=1, default=1, doc="fine steps that one step takes together")

    def validate(self) -> None:
        super().validate()
        if self.scheme.grid.needs_gaussian:
            raise DomainError("scheme.grid", self.scheme.grid.kind(), "a grid that all stages share")
        self.scheme.check_exponential()
        self.coarser(self.merged)

    def coarser(self, merged: int) -> Sampling:
        """The sampler on every `merged`-th of the fine grid's times."""
        nodes = self.scheme.grid.nodes(np.ones(1))
        if (len(nodes) - 1) % merged:
            raise DomainError("merged", merged, f"a divisor of the number of steps, {len(nodes) - 1}")
        scheme = replace(self.scheme, grid=Custom(tuple(nodes[::merged].tolist())))
        return Sampling(self.target, scheme)


class Divergence(GaussianSampling):
    """A KL divergence of the sampler's output law from the truth.

    Parameters
    ----------
    target, scheme
        As for `GaussianSampling`.
    reference : 'data' or 'stopped'
        The truth: the law p of the data; or the data noised up to the early stop (for AR, patch by patch given the
        clean patches before), which a sampler without errors would produce.
    """

    reference: str = choice(
        "data", "stopped", default="data", doc="the truth: data, or data at the early stop"
    )


class PointwiseDivergence(GaussianSampling):
    """The KL divergence of the conditional law of the patch after a given prefix.

    Parameters
    ----------
    target, scheme
        As for `GaussianSampling`.
    prefix : list of numbers
        Values of the first patches; its length is the sum of their sizes, and some patch must be left.
    """

    prefix: tuple[float, ...] = vector(default=(0.0,), doc="values of the first patches")

    def validate(self) -> None:
        super().validate()
        ends = [sum(self.target.sizes[:k]) for k in range(1, len(self.target.sizes))]
        if len(self.prefix) not in ends:
            raise DomainError("prefix", self.prefix, f"a list as long as the first patches together: {ends}")
        if isinstance(self.scheme.method, AR) and self.scheme.method.order:
            raise DomainError(
                "scheme.method.order", self.scheme.method.order, "empty: a prefix has the patches' order"
            )


class Accuracy(GaussianSampling):
    """A KL divergence that is to be reached; the scheme's number of steps is what is sought.

    Parameters
    ----------
    target, scheme
        As for `GaussianSampling`; the grid's own number of steps does not count.
    level : float
        KL(p || output) at most, in nats.
    """

    level: float = real(above=0, default=0.01, doc="KL divergence to be reached")

    def validate(self) -> None:
        super().validate()
        if isinstance(self.scheme.grid, Custom):
            raise DomainError("scheme.grid", "custom", "a grid with a number of steps")


# ------------------------------------------------------------------ targets alone


class Data(Model):
    """A target alone.

    Parameters
    ----------
    target : any target
    """

    target: AnyTarget = nested(*TARGETS, doc="law of the data")


class GaussianData(Model):
    """A Gaussian target alone.

    Parameters
    ----------
    target : a Gaussian target
    """

    target: AnyGaussian = nested(*GAUSSIANS, doc="Gaussian law of the data")


class Noised(Model):
    """Data at a noising time, seen as a whole or patch by patch.

    Parameters
    ----------
    target : any target
    method : Vanilla or AR
        Whether the whole is noised, or each patch given the clean patches before.
    time : float
        Noising time tau.
    """

    target: AnyTarget = nested(*TARGETS, doc="law of the data")
    method: Vanilla | AR = nested(*METHODS, default=Vanilla(), doc="as a whole, or patch by patch")
    time: float = real(least=0, default=0.0, doc="noising time tau")

    def validate(self) -> None:
        _check_order(self.method, self.target)


class Training(Noised):
    """A score learned from samples by denoising score matching at one noising time.

    Parameters
    ----------
    target, method
        As for `Noised`; patch by patch there is a score for each patch, which sees the clean patches before.
    time : float
        Noising time tau > 0.
    samples : int
        Number of training samples.
    features : 'linear', 'quadratic' or 'radial'
        What the learned score is linear in: noised and clean coordinates, their products too, or Gaussian bumps too.
    ridge : float
        Penalty of the coefficients, per sample.
    """

    samples: int = whole(least=1, default=64, doc="number of training samples")
    features: str = choice(
        "linear", "quadratic", "radial", default="linear", doc="what the score is linear in"
    )
    ridge: float = real(above=0, default=1e-3, doc="penalty of the coefficients, per sample")

    def validate(self) -> None:
        super().validate()
        if not self.time > 0:
            raise DomainError("time", self.time, "> 0: without noise there is nothing to denoise")


class OptimalSteps(Model):
    """A grid that is optimal for a Gaussian target.

    Parameters
    ----------
    target : a Gaussian target
    method : Vanilla or AR
    grid : PathOptimal or MarginalOptimal
        The criterion, with the number of steps, horizon and early stop.
    """

    target: AnyGaussian = nested(*GAUSSIANS, doc="Gaussian law of the data")
    method: Vanilla | AR = nested(*METHODS, default=Vanilla(), doc="all patches at once, or patch by patch")
    grid: PathOptimal | MarginalOptimal = nested(
        PathOptimal, MarginalOptimal, default=PathOptimal(), doc="the criterion"
    )

    def validate(self) -> None:
        _check_order(self.method, self.target)


class EqualCalls(Model):
    """A rule whose gain is sought, at which both methods are equally good at equal numbers of network calls.

    Parameters
    ----------
    rule_noise, sun_spread : float
        sigma and s_1, as for `SunShadow`.
    """

    rule_noise: float = real(above=0, doc="sigma, deviation of the data from the rule")
    sun_spread: float = real(above=0, default=1.0, doc="standard deviation s_1 of x_1")


# ------------------------------------------------------------------ one direction


class FrozenScore(Model):
    """Steps that hold the score at a fixed, small noise level, in a direction of this variance.

    Parameters
    ----------
    variance : float
        lambda.
    """

    variance: float = real(above=0, doc="variance lambda of the direction")


class FrozenSteps(FrozenScore):
    """As `FrozenScore`, with equal steps of a given length.

    Parameters
    ----------
    variance : float
        lambda.
    step : float
        h.
    """

    step: float = real(above=0, doc="step h")


class ScoreBias(Model):
    """A bias of the score in a direction of given variance, in the limit of small steps and a large horizon.

    Parameters
    ----------
    variance : float
        lambda.
    bias : float
        b, or the scale of the profile.
    profile : 'constant' or 'worst'
        b(tau) = b, or b e^-tau / lambda_tau.
    """

    variance: float = real(above=0, doc="variance lambda of the direction")
    bias: float = real(default=1.0, doc="bias b of the score")
    profile: str = choice("constant", "worst", default="constant", doc="profile of the bias in time")


def _check_order(method: Vanilla | AR, target: AnyTarget) -> None:
    order = method.order if isinstance(method, AR) else ()
    if order and len(order) != len(target.sizes):
        raise DomainError("order", order, f"a permutation of 0, ..., {len(target.sizes) - 1}, or empty")
