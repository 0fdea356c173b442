"""One Gaussian direction: what a bias of the score costs (R13), and which steps a frozen score survives (R2)."""

from __future__ import annotations

import math

from lemmata.models import DomainError
from theory.ar_diffusion.models import FrozenScore, FrozenSteps, ScoreBias

NEAR_ONE = 1e-3  # |lambda - 1| below which the series of R(lambda) takes over


def score_error_kl(model: ScoreBias) -> float:
    """KL divergence due to a bias of the score in a direction of variance lambda, small steps and a large horizon.

    A constant bias b shifts the mean by b R(lambda): KL = b^2 R^2/(2 lambda) < b^2 pi^2/2, which does not grow with the
    horizon. For b e^-tau/lambda_tau it is b^2/(2 lambda) = int b(tau)^2 dtau: the Girsanov bound is attained.

    Parameters
    ----------
    model : ScoreBias

    Returns
    -------
    float
        In nats.

    References
    ----------
    R13 of docs/papers/ar_diffusion.md.
    """
    if model.profile == "worst":
        return model.bias**2 / (2 * model.variance)
    return (model.bias * mean_response(model.variance)) ** 2 / (2 * model.variance)


def mean_response(variance: float) -> float:
    """R(lambda), the shift of the mean by a constant unit bias: 2 lambda arctan(sqrt c)/sqrt c with c = lambda - 1."""
    excess = variance - 1
    if abs(excess) < NEAR_ONE:
        return 2 * variance * (1 - excess / 3 + excess**2 / 5 - excess**3 / 7 + excess**4 / 9)
    root = math.sqrt(abs(excess))
    if excess > 0:
        return 2 * variance * math.atan(root) / root
    return (
        2 * variance * math.log((1 + root) / math.sqrt(variance)) / root
    )  # artanh without cancellation at 0


def stability_limit(model: FrozenScore) -> float:
    """Largest step at which the score may be held at a small, fixed noise level: h = ln(1 + 2 lambda/(2 - lambda)).

    A sampler never meets this limit, since its steps are no longer than the noising time that is left: its factors
    stay within [-1, 1] for every variance up to 2 if h <= ln(1 + sqrt 2).

    Parameters
    ----------
    model : FrozenScore

    Returns
    -------
    float
        Infinite for variances >= 2, where a step stretches deviations by less than they grow in the exact process.

    References
    ----------
    R2 of docs/papers/ar_diffusion.md.
    """
    return math.log1p(2 * model.variance / (2 - model.variance)) if model.variance < 2 else math.inf


def frozen_variance(model: FrozenSteps) -> float:
    """Variance at which equal steps with the score frozen at a small noise level settle.

    v = (2 + q)/((2/lambda - 1)(2 + q - 2 q/lambda)) with q = e^h - 1.

    Parameters
    ----------
    model : FrozenSteps

    Returns
    -------
    float

    Raises
    ------
    DomainError
        If the step is not below `stability_limit`, or the variance not below 2: deviations then grow without bound.

    References
    ----------
    R2 of docs/papers/ar_diffusion.md.
    """
    if model.variance >= 2:
        raise DomainError(
            "variance", model.variance, "below 2: from there on a frozen score lets deviations grow"
        )
    limit = stability_limit(model)
    if model.step >= limit:
        raise DomainError(
            "step", model.step, f"below the limit {limit:.6g} of a frozen score, beyond which it explodes"
        )
    q, r = math.expm1(model.step), 1 / model.variance
    return (2 + q) / ((2 * r - 1) * (2 + q - 2 * q * r))
