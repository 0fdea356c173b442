"""Fisher information along the noising, what patches know of each other, and the path KL, for any target (R8, R9)."""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError
from theory.ar_diffusion.divergences import path_kl_terms
from theory.ar_diffusion.models import Data, GaussianSampling, Noised, Sampling
from theory.ar_diffusion.schemes import AR, ExactScore, Vanilla
from theory.ar_diffusion.stages import directions, stages
from theory.ar_diffusion.targets import AnyTarget, Components, GaussianTarget
from theory.numerics import gaussian_mixture
from theory.numerics.gaussian_mixture import Information
from theory.numerics.ornstein_uhlenbeck import noised_variance

MOST_QUADRATURES = 4096  # of the path KL of a mixture, one for each step: a minute


def fisher_information(model: Noised) -> float:
    """Fisher information J of the noised data: of their joint law, or summed over patches given the clean ones before.

    Gaussian: sum of 1/lambda_tau over the eigenvalues of Sigma, or of the Schur complements S_k.

    Parameters
    ----------
    model : Noised

    Returns
    -------
    float
        E |grad log p_tau|^2.

    Raises
    ------
    DomainError
        If the target is a mixture in more than two dimensions, where the quadrature does not reach.

    References
    ----------
    R8 of docs/papers/ar_diffusion.md.
    """
    return _fisher(model.target, model.method, model.time)


def denoising_loss(model: Noised) -> float:
    """Smallest denoising loss E |s(x_tau) + z/sigma_tau|^2 that any score reaches: d/sigma_tau^2 - J.

    The Fisher information, and with it the path KL of a sampler, can be read off the curve of the training loss.

    Parameters
    ----------
    model : Noised
        At a noising time > 0.

    Returns
    -------
    float

    Raises
    ------
    DomainError
        If the time is 0, or the target a mixture in more than two dimensions.

    References
    ----------
    R8 of docs/papers/ar_diffusion.md.
    """
    if not model.time > 0:
        raise DomainError("time", model.time, "> 0: without noise there is nothing to denoise")
    return -model.target.total_dimension / math.expm1(-2 * model.time) - fisher_information(model)


def dependence(model: Data) -> float:
    """What patches know of each other: Dep = sum over k of E |d/dx_k log p(x_>k | x_<=k)|^2 >= 0.

    It vanishes iff the patches are independent, equals the difference J_vanilla - J_AR of the Fisher information at
    noising time 0, and h Dep/2 is what AR gains in path KL at equal steps h. Gaussian: tr Sigma^-1 - sum of tr S_k^-1.

    Parameters
    ----------
    model : Data

    Returns
    -------
    float

    Raises
    ------
    DomainError
        If the target is a mixture in more than two dimensions.

    References
    ----------
    R9 of docs/papers/ar_diffusion.md.
    """
    target = model.target
    if not isinstance(target, GaussianTarget):
        return _fisher(target, Vanilla(), 0.0) - _fisher(target, AR(), 0.0)
    total = 0.0
    for part in directions(
        target, AR()
    ):  # E |B_jk^T S_j^-1 (x_j - mean)|^2 = tr B_jk^T S_j^-1 B_jk, summed over k < j
        half = np.linalg.solve(part.block.factor, part.block.slope)
        total += float(np.sum(half * half))
    return total


def path_kl(model: Sampling) -> float:
    """Exact KL divergence between the paths of the exact reversal and of the sampler (Girsanov), for any target.

    KL(p_T || N(0, I)) + sum over steps of [int J dtau - c(h) J_{tau_n}], c(h) = 2 (1 - e^-h) - h, where int J dtau =
    H(p_{tau_n}) - H(p_{tau_n - h}) + d h; a bias b of the score adds sum h |b|^2. It bounds the KL divergence of the
    output from the data at the early stop (AR: patch by patch, given clean prefixes) and is of order 1/N, where that
    is of order 1/N^2.

    Parameters
    ----------
    model : Sampling

    Returns
    -------
    float
        In nats.

    Raises
    ------
    DomainError
        If the target is a mixture in more than two dimensions, or one with more than 4096 steps, or the integrator is
        not the exponential one: noises of another size leave no density between the two laws of paths.

    References
    ----------
    R8 of docs/papers/ar_diffusion.md.
    """
    target, scheme = model.target, model.scheme
    scheme.check_exponential()
    if isinstance(target, GaussianTarget):
        gaussian = GaussianSampling(target, scheme)  # type: ignore[arg-type]
        return float(np.sum(path_kl_terms(gaussian))) + _bias_cost(gaussian)
    nodes = scheme.grid.nodes(np.empty(0))
    steps, horizon = -np.diff(nodes), float(nodes[0])
    if len(steps) > MOST_QUADRATURES:
        raise DomainError("scheme.grid.steps", len(steps), f"at most {MOST_QUADRATURES} for a mixture")
    dimension = target.total_dimension
    fisher = np.array([_fisher(target, scheme.method, float(time)) for time in nodes[:-1]])
    weights, means, covariances = target.components()
    square = float(weights @ (np.sum(means**2, axis=1) + np.trace(covariances, axis1=1, axis2=2)))
    square = math.exp(-2 * horizon) * square - dimension * math.expm1(-2 * horizon)
    # the entropies telescope, and H(p_T) cancels against KL(p_T || N(0, I))
    area = dimension * (horizon - nodes[-1]) - _information(target, scheme.method, float(nodes[-1])).entropy
    start = 0.5 * square + 0.5 * dimension * math.log(2 * math.pi)
    return start + area + float((2 * np.expm1(-steps) + steps) @ fisher)


def _bias_cost(model: GaussianSampling) -> float:
    """Sum over steps of h |b|^2: the score's bias is orthogonal to the score's increments, whose mean is zero."""
    error = model.scheme.score_error
    if isinstance(error, ExactScore):
        return 0.0
    total = 0.0
    bias = np.broadcast_to(error.bias, (model.target.total_dimension,))
    for stage, own in zip(stages(model), model.scheme.method.stages(model.target.sizes), strict=True):
        profile = error.at(stage.nodes[:-1], stage.directions.variances)
        size = profile * (bias[list(own)] @ stage.directions.basis)
        total += float(-np.diff(stage.nodes) @ np.sum(size**2, axis=1))
    return total


def _fisher(target: AnyTarget, method: Vanilla | AR, time: float) -> float:
    if isinstance(target, GaussianTarget):
        parts = directions(target, method)
        return float(sum(np.sum(1 / noised_variance(part.variances, time)) for part in parts))
    return _information(target, method, time).fisher


def _information(target: AnyTarget, method: Vanilla | AR, time: float) -> Information:
    """Fisher information and entropy of a noised mixture, by quadrature."""
    dimension = target.total_dimension
    if dimension > 2:
        raise DomainError(
            "target", target.kind(), f"of at most two dimensions for quadrature, not {dimension}"
        )
    mixture = target.components()
    made = method.stages(target.sizes)
    if len(made) == 1:
        return gaussian_mixture.information(*gaussian_mixture.noised(*mixture, time))
    weights, means, covariances = _reordered(mixture, (*made[0], *made[1]))
    first = gaussian_mixture.information(
        *gaussian_mixture.noised(weights, means[:, :1], covariances[:, :1, :1], time)
    )
    second = gaussian_mixture.conditional_information(weights, means, covariances, time)
    return Information(first.fisher + second.fisher, first.entropy + second.entropy)


def _reordered(mixture: Components, order: tuple[int, ...]) -> Components:
    place = list(order)
    return Components(mixture.weights, mixture.means[:, place], mixture.covariances[:, place][:, :, place])
