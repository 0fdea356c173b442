"""Samplers of the output of vanilla and AR diffusion."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.ar_diffusion.particles import BLOCK, Stage, output_blocks, stages
from theory.ar_diffusion import ConstantBias, Data, PosteriorMean, Sampling, WorstBias
from theory.ar_diffusion.targets import AnyTarget, IsotropicTarget

Array = npt.NDArray[np.floating[Any]]
Anywhere = (-math.inf, math.inf)


def sample_position(model: Sampling, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Positions of particles at the end of sampling, as `sample_output` draws them.

    Parameters
    ----------
    model, rng, trials
        As for `sample_output`.

    Returns
    -------
    dict
        'position': array (trials, d).

    References
    ----------
    R15 of docs/papers/ar_diffusion.md.
    """
    return {"position": positions(model, rng, trials)}


def sample_output(model: Sampling, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """First and second moments of particles at the end of sampling.

    Particles walk in blocks through compiled steps; isotropic mixtures only in the span of their means. Literal twin:
    `sample_output_literal`. A trial costs N steps of C exponentials and d normals (AR: those of each stage).

    Parameters
    ----------
    model : Sampling
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        'moments': array (trials, d+1, d), x in the first row and x x^T below.

    References
    ----------
    R15 of docs/papers/ar_diffusion.md.
    """
    return {"moments": with_products(positions(model, rng, trials))}


def sample_rule_violation(model: Sampling, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Squared deviation of the output from the rule that ties the patches.

    Parameters
    ----------
    model : Sampling
        With a target that has a rule: `SunShadow`, `Parabola` or `ShadowImages`.
    rng, trials
        As for `sample_output`.

    Returns
    -------
    dict
        'violation': array (trials,), and 'broken': array (trials,), 1 where the deviation exceeds a half (for images:
        where the shadow has not the sun's length).

    Raises
    ------
    DomainError
        If the target has no rule.

    References
    ----------
    R14 of docs/papers/ar_diffusion.md.
    """
    violation = np.empty(trials)
    for part, x in output_blocks(model, rng, trials):
        violation[part] = model.target.off_rule(x.T) ** 2
    return {"violation": violation, "broken": (violation > 0.25).astype(float)}


def sample_output_literal(model: Sampling, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """The same moments from all coordinates, dense covariances and plain array operations, step by step: the witness.

    Parameters and returns as `sample_output`.

    References
    ----------
    R15 of docs/papers/ar_diffusion.md.
    """
    x = np.empty((trials, model.target.total_dimension))
    for stage in stages(model):
        x[:, list(stage.own)] = _literal_stage(model, stage, x[:, list(stage.before)], rng)
    return {"moments": with_products(x)}


def sample_data(model: Data, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Exact samples of the target.

    Parameters
    ----------
    model : Data
    rng, trials
        As for `sample_output`.

    Returns
    -------
    dict
        'position': array (trials, d).

    References
    ----------
    Section "Model" of docs/papers/ar_diffusion.md.
    """
    return {"position": data_points(model.target, rng, trials)}


def data_points(target: AnyTarget, rng: np.random.Generator, count: int) -> Array:
    """Exact samples (count, d): a component, then a point of it."""
    weights, means, covariances = target.components()
    picked = rng.choice(len(weights), size=count, p=weights)
    factors = np.linalg.cholesky(covariances)
    points = rng.standard_normal((count, means.shape[1]))
    for c, factor in enumerate(factors):
        own = picked == c
        points[own] = means[c] + points[own] @ factor.T
    return points


def positions(model: Sampling, rng: np.random.Generator, trials: int) -> Array:
    """Output positions (trials, d)."""
    x = np.empty((trials, model.target.total_dimension))
    for part, block in output_blocks(model, rng, trials):
        x[part] = block.T
    return x


def with_products(x: Array) -> Array:
    """x and x x^T of points (P, d), shape (P, d+1, d)."""
    return np.concatenate((x[:, None, :], x[:, :, None] * x[:, None, :]), axis=1)


def _literal_stage(model: Sampling, stage: Stage, made: Array, rng: np.random.Generator) -> Array:
    """One stage for all particles: exact score of the mixture given the clean coordinates `made` (trials, ..)."""
    shape = (len(stage.own), len(made))
    nodes = model.scheme.grid.nodes(np.linalg.eigvalsh(stage.schurs[0]))
    y = rng.standard_normal(shape)
    for tau, after in itertools.pairwise(nodes):
        score = stage.score(made.T, y, tau) + _literal_bias(model, stage, tau)
        mean, spread = _literal_step(model, y, score, tau, after)
        y = mean + spread * rng.standard_normal(shape)
    return y.T


def _literal_step(model: Sampling, y: Array, score: Array, tau: float, after: float) -> tuple[Array, float]:
    """Mean and standard deviation of what follows y at noising time tau, at the time after."""
    h = tau - after
    if not isinstance(model.scheme.integrator, PosteriorMean):
        return math.exp(h) * y + 2 * math.expm1(h) * score, math.sqrt(math.expm1(2 * h))
    # the law of X_after given X_tau = y and X_0 = its posterior mean, from X_tau = e^-h X_after + sqrt(1 - e^-2h) Z
    noised, before, step = (-math.expm1(-2 * t) for t in (tau, after, h))
    data = math.exp(tau) * (y + noised * score)
    mean = (math.exp(-after) * step * data + math.exp(-h) * before * y) / noised
    return mean, math.sqrt(step * before / noised)


def _literal_bias(model: Sampling, stage: Stage, tau: float) -> Array | float:
    error = model.scheme.score_error
    if not isinstance(error, ConstantBias):
        return 0.0
    size = np.broadcast_to(error.bias, (model.target.total_dimension,))[list(stage.own)][:, None]
    if not isinstance(error, WorstBias):
        return size
    noised = math.exp(-2 * tau) * stage.schurs[0] - math.expm1(-2 * tau) * np.eye(len(size))
    return math.exp(-tau) * np.linalg.solve(noised, size)


def _steps(model: Sampling) -> int:
    return len(model.scheme.grid.nodes(np.ones(1))) - 1


def output_work(model: Sampling) -> float:
    """Elementary operations of a particle."""
    d, count = model.target.total_dimension, len(model.target.components().weights)
    if isinstance(model.target, IsotropicTarget):  # the span of the means
        span = min(d, count)
        return _steps(model) * (2.0 * count * (span + 2) + 6.0 * span) + 4.0 * d * d
    own = max(len(stage) for stage in model.scheme.method.stages(model.target.sizes))
    return _steps(model) * (2.0 * count * d * (own + 1) + 6.0 * d) + 4.0 * d * d


def _literal_work(model: Sampling) -> float:
    d, count = model.target.total_dimension, len(model.target.components().weights)
    return _steps(model) * 20.0 * (count * d * d + d)


def _data_work(model: Data) -> float:
    d = model.target.total_dimension
    return 50.0 + 20.0 * d + 2.0 * d * d


DATA = Sampler(sample_data, ranges={"position": Anywhere}, work=_data_work)
POSITION = Sampler(sample_position, ranges={"position": Anywhere}, work=output_work, paired_trials=BLOCK)
OUTPUT = Sampler(sample_output, ranges={"moments": Anywhere}, work=output_work, paired_trials=BLOCK)
RULE_VIOLATION = Sampler(
    sample_rule_violation,
    ranges={"violation": (0.0, math.inf), "broken": (0.0, 1.0)},
    work=output_work,
    paired_trials=BLOCK,
)
OUTPUT_LITERAL = Sampler(sample_output_literal, ranges={"moments": Anywhere}, work=_literal_work)
