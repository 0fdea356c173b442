"""A Gaussian surrogate on the mixture's own noise: a control variate whose law is known exactly."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.ar_diffusion.particles import BLOCK, Stage, output_blocks, stages, step_table
from simulations.ar_diffusion.samplers import output_work, with_products
from theory.ar_diffusion import Gaussian, Sampling

Array = npt.NDArray[np.floating[Any]]


def sample_controlled(model: Sampling, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Moments of particles, plain and with a control variate.

    The surrogate is the Gaussian of the target's mean and covariance, sampled by the same scheme on the same noise. Its
    moments have a known expectation; what they deviate from it by is taken off. The nearer the target is to Gaussian,
    the smaller the variance that is left; far from it (curved rules) the plain moments are better.

    Parameters
    ----------
    model : Sampling
        With an exact score, in at most two dimensions a patch.
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        'moments' and 'controlled': arrays (trials, d+1, d) of equal expectation, x in the first row and x x^T below.

    References
    ----------
    R15 of docs/papers/ar_diffusion.md.
    """
    d = model.target.total_dimension
    surrogate = Sampling(moment_matched(model), model.scheme)
    expected = affine_moments(surrogate)
    moments, controlled = np.empty((trials, d + 1, d)), np.empty((trials, d + 1, d))
    first, second = _twins(rng)
    pairs = zip(output_blocks(model, first, trials), output_blocks(surrogate, second, trials), strict=True)
    for (part, x), (_, y) in pairs:
        moments[part] = with_products(x.T)
        controlled[part] = moments[part] - (with_products(y.T) - expected)
    return {"moments": moments, "controlled": controlled}


def moment_matched(model: Sampling) -> Gaussian:
    """The Gaussian with the target's mean, covariance and patches."""
    weights, means, covariances = model.target.components()
    mean = weights @ means
    away = means - mean
    covariance = np.einsum("c,cij->ij", weights, covariances) + (weights * away.T) @ away
    rows = tuple(tuple(row) for row in covariance.tolist())
    return Gaussian(rows, tuple(float(size) for size in model.target.sizes), tuple(mean.tolist()))


def affine_moments(model: Sampling) -> Array:
    """E x and E x x^T (d+1, d) of a Gaussian target's output: each stage is an affine map of what is made before."""
    d = model.target.total_dimension
    mean, covariance = np.zeros(d), np.zeros((d, d))
    for stage in stages(model):
        own, before = list(stage.own), list(stage.before)
        slope, offset, spread = _affine_stage(model, stage)
        among = covariance[np.ix_(before, before)]
        mean[own] = slope @ mean[before] + offset
        covariance[np.ix_(own, before)] = slope @ among
        covariance[np.ix_(before, own)] = among @ slope.T
        covariance[np.ix_(own, own)] = slope @ among @ slope.T + spread
    return np.vstack((mean, covariance + np.outer(mean, mean)))


def _affine_stage(model: Sampling, stage: Stage) -> tuple[Array, Array, Array]:
    """Output of a stage given earlier coordinates x: N(slope x + offset, spread), step by step."""
    d = len(stage.own)
    (slope,), (schur,), (mean,) = stage.slopes, stage.schurs, stage.means
    centre = mean[list(stage.own)] - slope @ mean[list(stage.before)]
    nodes = model.scheme.grid.nodes(np.linalg.eigvalsh(schur))
    on_made, offset, spread = np.zeros_like(slope), np.zeros(d), np.eye(d)
    table = step_table(nodes, 1.0, model.scheme.integrator)
    for (tau, _), (grow, pull, noise, decay, _) in zip(itertools.pairwise(nodes), table, strict=True):
        push = pull * np.linalg.inv(math.exp(-2 * tau) * schur - math.expm1(-2 * tau) * np.eye(d))
        keep = grow * np.eye(d) - push
        on_made = keep @ on_made + decay * push @ slope
        offset = keep @ offset + decay * push @ centre
        spread = keep @ spread @ keep.T + noise**2 * np.eye(d)
    return on_made, offset, spread


def _twins(rng: np.random.Generator) -> tuple[np.random.Generator, np.random.Generator]:
    """Two generators that spawn the same streams."""
    (one,) = rng.spawn(1)
    return one, copy.deepcopy(one)


CONTROLLED = Sampler(
    sample_controlled,
    ranges={"moments": (-math.inf, math.inf), "controlled": (-math.inf, math.inf)},
    work=lambda model: 2 * output_work(model),
    paired_trials=BLOCK,
)
