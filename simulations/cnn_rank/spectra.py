"""Starts of the filters, for theory to go on from, and whole spectra of data and filters."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.cnn_rank.draws import draw_run
from simulations.cnn_rank.training import Run, pre_activations, training_work
from theory.cnn_rank import Training

Array = npt.NDArray[np.float64]


def sample_starts(model: Training, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Pre-activations of filters at the start.

    Parameters
    ----------
    model : Training
    rng : Generator
    trials : int

    Returns
    -------
    dict of arrays
        signals : on the features, (trials, 2m, 2K); backgrounds : on the noise patches, (trials, 2m, N), 0 without
        noise.

    References
    ----------
    R4 of docs/papers/cnn_rank.md.
    """
    kinds, rows = 2 * model.features, 2 * model.filters
    signals = np.empty((trials, rows, kinds))
    backgrounds = np.zeros((trials, rows, model.noise_patches))
    for trial in range(trials):
        z, _, _ = pre_activations(model, draw_run(model, rng), model.noise)
        signals[trial] = z[:, :kinds]
        backgrounds[trial, :, : z.shape[1] - kinds] = z[:, kinds:]
    return {"signals": signals, "backgrounds": backgrounds}


def sample_spectra(
    model: Training, rng: np.random.Generator, trials: int, *, noise: Array
) -> dict[str, Array]:
    """Singular values of the data's patches and of trained filters.

    Parameters
    ----------
    model : Training
    rng : Generator
    trials : int
    noise : array (levels,)
        Noise levels sigma_p; all see the same draws, scaled.

    Returns
    -------
    dict of arrays
        data : the 2K + N singular values of all patches as rows (equal patches make one row), largest first,
        (trials, levels, 2K + N); filters : those of W after the model's steps, (trials, levels, 2m).

    Raises
    ------
    DomainError
        If the loss rises in a step.

    References
    ----------
    R2, R4, R7 of docs/papers/cnn_rank.md.
    """
    kinds = 2 * model.features
    data = np.empty((trials, len(noise), kinds + model.noise_patches))
    filters = np.empty((trials, len(noise), 2 * model.filters))
    for trial in range(trials):
        draw = draw_run(model, rng)
        shown = np.concatenate([np.sqrt(draw.members.sum(axis=0)), np.ones(model.noise_patches)])
        for level, sigma in enumerate(noise.tolist()):
            run = Run(model, draw, sigma)
            run.advance(model.steps)
            patches = run.state[2]
            counts = shown[: len(patches)]
            data[trial, level] = 0.0
            data[trial, level, : len(patches)] = _singular_values(patches * np.outer(counts, counts))
            filters[trial, level] = _singular_values(run.filters().gram)
    return {"data": data, "filters": filters}


def _singular_values(gram: Array) -> Array:
    """Of a matrix A, from A A^T: largest first."""
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0))


STARTS = Sampler(
    sample_starts,
    ranges={"signals": (-math.inf, math.inf), "backgrounds": (-math.inf, math.inf)},
    # no less than keeps chunks to a few trials: what comes back is large, not what is done
    work=lambda model: max(9e6, 40.0 * model.noise_patches * (model.filters + model.noise_patches)),
)
SPECTRA = Sampler(
    sample_spectra,
    axes=("noise",),
    ranges={"data": (0.0, math.inf), "filters": (0.0, math.inf)},
    work=training_work,
)
