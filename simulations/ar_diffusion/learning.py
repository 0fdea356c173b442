"""Scores learned from samples by denoising score matching, and how their training loss measures their error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.ar_diffusion.particles import Stage, stages
from simulations.ar_diffusion.samplers import data_points
from theory.ar_diffusion import Sampling, Scheme, Training

Array = npt.NDArray[np.floating[Any]]

FRESH = 64  # samples on which a learned score is judged
BUMPS = 16
BUMP_WIDTH = 1.0


def sample_training(model: Training, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Excess denoising loss of a learned score, beside its distance from the exact one.

    In each trial a score, linear in features, is fitted by ridge regression to -z/sigma_tau on `samples` training
    samples (for AR: one for each patch, which sees the clean patches before), and judged on 64 fresh ones.

    Parameters
    ----------
    model : Training
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        Arrays (trials,), means over fresh samples summed over patches. 'error': |learned - s|^2 with the exact score s;
        'excess': |learned + z/sigma|^2 - |s + z/sigma|^2; 'gap': excess minus error; 'least_loss': |s + z/sigma|^2.

    References
    ----------
    R8 and C8 of docs/papers/ar_diffusion.md.
    """
    parts = stages(Sampling(model.target, Scheme(model.method)))
    rows = np.empty((trials, 3))
    for trial in range(trials):
        rows[trial] = np.sum([_judged(model, stage, rng) for stage in parts], axis=0)
    error, loss, least = rows.T
    excess = loss - least
    return {"error": error, "excess": excess, "gap": excess - error, "least_loss": least}


def _judged(model: Training, stage: Stage, rng: np.random.Generator) -> tuple[float, float, float]:
    """Squared error, loss, and loss of the exact score of one stage's learned score on fresh samples."""
    sigma = math.sqrt(-math.expm1(-2 * model.time))
    seen, noise = _noised(model, stage, rng, model.samples)
    centres = seen[:BUMPS]
    features = _features(model, seen, centres)
    gram = features.T @ features / model.samples + model.ridge * np.eye(features.shape[1])
    coefficients = np.linalg.solve(gram, features.T @ (-noise / sigma) / model.samples)
    seen, noise = _noised(model, stage, rng, FRESH)
    learned = _features(model, seen, centres) @ coefficients
    own = noise.shape[1]
    exact = stage.score(seen[:, own:].T, seen[:, :own].T, model.time).T
    wanted = -noise / sigma
    return (
        float(np.mean(np.sum((learned - exact) ** 2, axis=1))),
        float(np.mean(np.sum((learned - wanted) ** 2, axis=1))),
        float(np.mean(np.sum((exact - wanted) ** 2, axis=1))),
    )


def _noised(model: Training, stage: Stage, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Noised own and clean earlier coordinates (count, d_k + earlier) of data, and the noise z (count, d_k)."""
    data = data_points(model.target, rng, count)
    noise = rng.standard_normal((count, len(stage.own)))
    own = math.exp(-model.time) * data[:, list(stage.own)] + math.sqrt(-math.expm1(-2 * model.time)) * noise
    return np.hstack((own, data[:, list(stage.before)])), noise


def _features(model: Training, seen: Array, centres: Array) -> Array:
    """What the score is linear in, shape (count, features)."""
    parts = [np.ones((len(seen), 1)), seen]
    if model.features == "quadratic":
        i, j = np.triu_indices(seen.shape[1])
        parts.append(seen[:, i] * seen[:, j])
    if model.features == "radial":
        distance = np.sum((seen[:, None] - centres) ** 2, axis=2)
        parts.append(np.exp(-0.5 * distance / BUMP_WIDTH**2))
    return np.hstack(parts)


def _work(model: Training) -> float:
    return 300.0 * (model.samples + FRESH) * len(model.target.sizes) + 2e5


TRAINING = Sampler(
    sample_training,
    ranges={
        "error": (0.0, math.inf),
        "excess": (-math.inf, math.inf),
        "gap": (-math.inf, math.inf),
        "least_loss": (0.0, math.inf),
    },
    work=_work,
)
