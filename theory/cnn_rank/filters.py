"""R7, the stable rank of trained filters: winner takes all, shared growth, and the mean field at every time.

The part of the filters along the features has the stable rank of the 2m x 2K matrix of pre-activations, 2K only if no
filter serves two features.

(a) Winner takes all (q > 2, small start): the filter with the largest start wins a feature; then the stable rank tends
    to 2K/L, L the most features won by one filter: K balls in m bins for each sign.
(b) Shared growth: all filters with a positive start learn; entries have first and second moments mu1, mu2 and the
    overlap c = mu1^2/mu2. The stable rank tends to 2K/(1 + (K-1) c), less by the factor 1 + (1/c - 1)/m at finite m.
(c) Mean field (many filters) at every time: a spike m K (mu1+ - mu1-)^2 and noise of the entries' variance.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from lemmata.models import DomainError, Model, real, whole
from theory.cnn_rank.flow import flow
from theory.cnn_rank.models import Balanced, Training
from theory.numerics.huberised_relu import huberised_relu
from theory.numerics.max_load import MOST_BALLS, max_load_law
from theory.numerics.spiked_matrices import planted_spike

Array = npt.NDArray[np.float64]

NODES = 2000
_MOST_FACTORS = 10**7
_UNDERFLOW = 800.0  # exp of minus that is no float
_RTOL = 1e-9


class WinnerTakesAll(Model):
    """Features and filters, if each feature is learnt by one filter alone.

    Parameters
    ----------
    features : int
        Features K of each class.
    filters : int
        Filters m of each sign.
    """

    features: int = whole(least=1, doc="features K of each class")
    filters: int = whole(least=1, doc="filters m of each sign")


class SharedGrowth(WinnerTakesAll):
    """Features and filters, if all filters with a positive start learn.

    Parameters
    ----------
    features, filters
        As for `WinnerTakesAll`.
    overlap : float
        c = mean^2 / mean square of a filter's pre-activation on a feature of its class: 1/2 if the half that learns
        ends equal (q = 2, small knee), 1/pi if it keeps its start's proportions (a pure square).
    """

    overlap: float = real(above=0, most=1, default=0.5, doc="overlap c = mu1^2/mu2 of two columns")


# ------------------------------------------------------------------ (a) winner takes all


def collision_law(model: WinnerTakesAll) -> Array:
    """Probability that the most features won by one filter is L = 1, ..., K; shape (K,).

    P(L <= l) = [K! m^-K [x^K] (sum_{i<=l} x^i/i!)^m]^2, both signs.

    Raises
    ------
    DomainError
        With more than 10^6 features.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    if model.features > MOST_BALLS:
        raise DomainError("features", model.features, f"at most {MOST_BALLS} for the law of collisions")
    below = np.cumsum(max_load_law(model.features, model.filters))
    return np.diff(np.minimum(below, 1.0) ** 2, prepend=0.0)


def winner_takes_all_rank(model: WinnerTakesAll) -> float:
    """Mean limit of the filters' stable rank, sum_L (2K/L) P(L).

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    return float(2 * model.features * (collision_law(model) / np.arange(1, model.features + 1)).sum())


def no_collision_probability(model: WinnerTakesAll) -> float:
    """Probability that the limit is 2K, [m!/((m-K)! m^K)]^2 ~ exp(-K (K-1)/m), which bounds it.

    Raises
    ------
    DomainError
        If it is no underflow, and has more than 10^7 factors.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    if model.features * (model.features - 1) / model.filters > _UNDERFLOW:
        return 0.0
    if model.features > _MOST_FACTORS:
        raise DomainError("features", model.features, f"at most {_MOST_FACTORS}, one factor each")
    taken = np.arange(model.features) / model.filters
    return float(np.prod(np.maximum(1.0 - taken, 0.0)) ** 2)


# ------------------------------------------------------------------ (b) shared growth


def shared_growth_rank(model: SharedGrowth) -> float:
    """Stable rank of filters that share all features, 2K / [(1 + (K-1) c)(1 + (1/c - 1)/m)].

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    c, k = model.overlap, model.features
    return 2 * k / ((1.0 + (k - 1) * c) * (1.0 + (1.0 / c - 1.0) / model.filters))


# ------------------------------------------------------------------ (c) mean field


def filter_stable_rank(model: Training) -> float:
    """Stable rank of the filters' part along the features at the training's time, in the limit of many filters.

    2Km (q+ + q-)/top: q+- the second moments of a column's two blocks of filters, the top that of a spike
    m K (mu+ - mu-)^2 planted in (2m x 2K) entries of their mean variance.

    Raises
    ------
    DomainError
        If counts are not balanced, or images have several objects.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    clock = mean_field_clock(model)
    rising, falling = _blocks(model, clock)
    first = np.array([rising.mean(), falling.mean()])
    second = np.array([(rising**2).mean(), (falling**2).mean()])
    m, k = model.filters, model.features
    variance = float((second - first**2).mean())
    theta = m * k * float(first[0] - first[1]) ** 2
    return 2 * k * m * float(second.sum()) / planted_spike(theta, 2 * m, 2 * k, variance)


def mean_field_loss(model: Training) -> float:
    """Training loss at the training's time in the limit of many filters, ln(1 + e^-F(tau)).

    Raises
    ------
    DomainError
        If counts are not balanced, or images have several objects.

    References
    ----------
    R6, R7 of docs/papers/cnn_rank.md.
    """
    return float(np.logaddexp(0.0, -_margin(model, mean_field_clock(model))))


def mean_field_clock(model: Training) -> float:
    """The clock tau of every feature at the training's time in the limit of many filters.

    Raises
    ------
    DomainError
        If counts are not balanced, or images have several objects.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    if not isinstance(model.counts, Balanced):
        raise DomainError("counts", model.counts, "balanced in the mean field")
    if model.objects > 1:
        raise DomainError("objects", model.objects, "1 in the mean field")
    return _clock(model)


@lru_cache(maxsize=64)
def _clock(model: Training) -> float:
    from scipy.integrate import solve_ivp

    def speed(_: float, tau: Array) -> Any:
        return np.exp(-np.logaddexp(0.0, _margin(model, float(tau[0]))))

    if model.time == 0.0:
        return 0.0
    run = solve_ivp(speed, (0.0, model.time), [0.0], method="LSODA", rtol=_RTOL, atol=_RTOL * model.knee)
    return float(run.y[0, -1])


def _blocks(model: Training, clock: float) -> tuple[Array, Array]:
    """Pre-activations of a column's own and other filters, at normal quantiles of their starts."""
    starts = model.initial_scale * model.strength * _quantiles()
    return flow(starts, clock, model.order, model.knee), flow(starts, -clock, model.order, model.knee)


def _margin(model: Training, clock: float) -> float:
    own, other = (huberised_relu(block, model.order, model.knee).mean() for block in _blocks(model, clock))
    return model.filters * model.output_scale * float(own - other)


@lru_cache(maxsize=1)
def _quantiles() -> Array:
    return ndtri((np.arange(NODES) + 0.5) / NODES)
