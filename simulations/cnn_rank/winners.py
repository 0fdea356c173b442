"""Who wins which feature, decided by the start alone: balls in bins."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from theory.cnn_rank import Training

Array = npt.NDArray[np.float64]


def sample_winners(model: Training, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """Winners of features by the largest pre-activation at the start, no training.

    Parameters
    ----------
    model : Training
    rng : Generator
    trials : int

    Returns
    -------
    dict of arrays (trials,)
        max_load : most features that one filter wins;
        rank : 2K / max_load, to which the stable rank of the filters tends if no other filter ever passes the knee.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    starts = rng.standard_normal((trials, 2, model.features, model.filters))
    winners = np.sort(starts.argmax(axis=3), axis=2)
    load, most = np.ones((trials, 2)), np.ones((trials, 2))
    for k in range(1, model.features):
        load = np.where(winners[:, :, k] == winners[:, :, k - 1], load + 1.0, 1.0)
        most = np.maximum(most, load)
    loads = most.max(axis=1)
    return {"max_load": loads, "rank": 2 * model.features / loads}


WINNERS = Sampler(
    sample_winners,
    ranges={"max_load": (0.0, math.inf), "rank": (0.0, math.inf)},
    work=lambda model: 20.0 * model.features * model.filters,
)
