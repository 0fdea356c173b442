"""R8, the stable rank of whole filters: what they have learnt beside their random start.

W W^T = Zs Zs^T/s^2 + W_perp W_perp^T, with W_perp a 2m x d' matrix of N(0, s0^2) entries: the start hides what is
learnt until its top eigenvalue passes s0^2 (2m + sqrt(2m d')), a transition in time.
"""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError, Model, real, vector, whole
from theory.cnn_rank.models import Training
from theory.cnn_rank.start import Start, trained_signals
from theory.numerics.spiked_matrices import added_spikes, mean_edge


class HiddenSignal(Model):
    """What filters have learnt, and their random start.

    Parameters
    ----------
    filters : int
        Filters m of each sign.
    free_dimension : int
        d' = d - 2K, dimension orthogonal to the features.
    initial_scale : float
        s0.
    learned : list of float
        Nonzero eigenvalues of Zs Zs^T / s^2.
    """

    filters: int = whole(least=1, doc="filters m of each sign")
    free_dimension: int = whole(least=1, doc="dimension d' orthogonal to the features")
    initial_scale: float = real(least=0, doc="standard deviation s0 of the filters at the start")
    learned: tuple[float, ...] = vector(least=0, doc="nonzero eigenvalues of Zs Zs^T / s^2")

    def validate(self) -> None:
        if self.initial_scale == 0.0 and max(self.learned) == 0.0:
            raise DomainError("learned", self.learned, "not all 0 if initial_scale is 0")


def initial_stable_rank(model: Training) -> float:
    """Mean stable rank of the filters at the start: 2m d / edge(2m, d), the edge with its Tracy-Widom shift.

    References
    ----------
    R8 of docs/papers/cnn_rank.md.
    """
    rows, columns = 2 * model.filters, model.dimension
    return rows * columns / mean_edge(rows, columns)


def hidden_stable_rank(model: HiddenSignal) -> float:
    """Stable rank of the filters: (sum theta + 2m d' s0^2) / top, the top an outlier or the start's own edge.

    References
    ----------
    R8 of docs/papers/cnn_rank.md.
    """
    rows, free = 2 * model.filters, model.free_dimension
    largest = max(model.initial_scale, math.sqrt(max(model.learned)))
    unit = 1.0 if 1e-100 < largest < 1e100 else largest  # in which squares are floats
    variance, learned = (model.initial_scale / unit) ** 2, [value / unit / unit for value in model.learned]
    top = added_spikes(max(learned), 1, rows, free, variance)
    return (sum(learned) + rows * free * variance) / top


def weight_stable_rank(model: Start) -> float:
    """Stable rank of the filters at the training's time, below the onset of memorisation.

    References
    ----------
    R7, R8 of docs/papers/cnn_rank.md.
    """
    values = np.linalg.svd(trained_signals(model) / model.strength, compute_uv=False) ** 2
    free = model.dimension - 2 * model.features
    return hidden_stable_rank(HiddenSignal(model.filters, free, model.initial_scale, tuple(values.tolist())))
