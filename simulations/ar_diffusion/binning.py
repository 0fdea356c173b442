"""Conditional moments of particles in bins of their first coordinate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.ar_diffusion.particles import BLOCK, output_blocks
from simulations.ar_diffusion.samplers import output_work
from theory.ar_diffusion import BinnedSampling

Array = npt.NDArray[np.floating[Any]]


def sample_binned(model: BinnedSampling, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Zeroth to second moment of the last coordinate y, bin by bin of the first one.

    Their means are P(bin), E[y; bin] and E[y^2; bin], from which the conditional mean and variance in a bin follow;
    particles themselves are not kept.

    Parameters
    ----------
    model : BinnedSampling
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        'moments': array (trials, bins, 3): 1, y and y^2 where the particle lies in the bin, 0 elsewhere.

    References
    ----------
    R5 and R15 of docs/papers/ar_diffusion.md.
    """
    edges = np.array(model.edges)
    moments = np.zeros((trials, len(edges) - 1, 3))
    for part, x in output_blocks(model, rng, trials):
        bins = np.searchsorted(edges, x[0], side="right") - 1
        (inside,) = np.nonzero((bins >= 0) & (x[0] < edges[-1]))
        moments[part][inside, bins[inside]] = x[-1, inside, None] ** np.arange(3)
    return {"moments": moments}


BINNED = Sampler(
    sample_binned, ranges={"moments": (-math.inf, math.inf)}, work=output_work, paired_trials=BLOCK
)
