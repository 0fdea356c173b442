"""R5-R7 for filters whose start is given: clocks, margins, loss and stable rank of what they learn of the features.

Noise is not learnt here (below the onset of memorisation, R9) and orthogonal to the features, so that the
pre-activations on the 2K features are all there is. Images that show one feature leave the features' clocks
independent,

    dtau_k/dt = (2K n_k/n) / (1 + e^F_k(tau_k)),

and images with several objects couple the clocks of the features that they show together.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, vector
from theory.cnn_rank.clock import MOST_ORDER, Clock
from theory.cnn_rank.flow import escape_time, flow
from theory.cnn_rank.models import Balanced, Counts, Training

Array = npt.NDArray[np.float64]

_RTOL = 1e-10


class Start(Training):
    """A training whose filters start with given pre-activations on the features.

    Parameters
    ----------
    features, images, dimension, background, strength, noise, noise_law, counts, objects, filters, order, knee, \
initial_scale, output_exponent, step_size, steps
        As for `Training`; counts balanced or given.
    signals : 2m x 2K list
        <w_jr, mu_k> at the start; the first m rows are the filters of sign +1.
    """

    signals: tuple[tuple[float, ...], ...] = vector(
        depth=2, default=((0.0,),), doc="pre-activations (2m x 2K) on the features at the start"
    )

    def validate(self) -> None:
        super().validate()
        if self.order > MOST_ORDER:
            raise DomainError("order", self.order, f"at most {MOST_ORDER:g} for the clock of given starts")
        shape = (2 * self.filters, 2 * self.features)
        if len(self.signals) != shape[0] or any(len(row) != shape[1] for row in self.signals):
            raise DomainError("signals", f"{len(self.signals)} rows", f"a matrix of 2m x 2K = {shape}")
        if not isinstance(self.counts, (Balanced, Counts)):
            raise DomainError("counts", self.counts, "balanced, or given counts")

    def image_counts(self) -> Array:
        """Images whose first feature is k, shape (2K,)."""
        if isinstance(self.counts, Counts):
            return np.array(self.counts.values)
        return np.full(2 * self.features, self.images / (2 * self.features))


def feature_clocks(model: Start) -> Array:
    """The clock tau_k of every feature at the training's time; shape (2K,).

    References
    ----------
    R5 of docs/papers/cnn_rank.md.
    """
    return _clocks(model).copy()


def feature_margins(model: Start) -> Array:
    """The margin y_k F_k of a noiseless object patch of every feature at the training's time; shape (2K,).

    References
    ----------
    R5 of docs/papers/cnn_rank.md.
    """
    return np.array(
        [float(clock.margin(tau)) for clock, tau in zip(_all(model), _clocks(model), strict=True)]
    )


def training_loss(model: Start) -> float:
    """Mean logistic loss of the training images at the training's time.

    References
    ----------
    R5, R6 of docs/papers/cnn_rank.md.
    """
    shares = model.image_counts() / model.images
    return float(shares @ np.logaddexp(0.0, -_shown(model) @ feature_margins(model)))


def trained_signals(model: Start) -> Array:
    """Pre-activations of all filters on all features at the training's time; shape (2m, 2K)."""
    signs = np.outer(np.repeat([1.0, -1.0], model.filters), np.repeat([1.0, -1.0], model.features))
    return flow(model.signals, signs * _clocks(model), model.order, model.knee)


def signal_stable_rank(model: Start) -> float:
    """Stable rank of the filters' part along the features at the training's time: that of the matrix <w_jr, mu_k>.

    Raises
    ------
    DomainError
        If all of it is zero, or has fallen below the smallest float.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    values = np.linalg.svd(trained_signals(model), compute_uv=False)
    if not values[0] > 0:
        raise DomainError("signals", model.signals, f"some that are not zero after {model.steps} steps")
    return float(((values / values[0]) ** 2).sum())


def winner_stable_rank(model: Start) -> float:
    """Stable rank by the winners alone: sum_k z_k^2 / max_r sum_(k won by r) z_k^2, z_k = (1 - 1/q) kappa + F_k/c.

    The winner of a feature is the filter of its sign with the largest start; c = m^-p. What the others have learnt is
    neglected, and winners are taken to be beyond the knee.

    Raises
    ------
    DomainError
        If some feature has no filter of its sign with a positive start.

    References
    ----------
    R7 of docs/papers/cnn_rank.md.
    """
    m, signals = model.filters, np.array(model.signals)
    ours = [signals[:m, k] if k < model.features else signals[m:, k] for k in range(2 * model.features)]
    if min(column.max() for column in ours) <= 0.0:
        raise DomainError(
            "signals", "a feature without a positive start", "positive on some filter of its sign"
        )
    reached = (1.0 - 1.0 / model.order) * model.knee + feature_margins(model) / model.output_scale
    energies = np.zeros(2 * m)
    winners = [int(np.argmax(column)) + m * (k >= model.features) for k, column in enumerate(ours)]
    np.add.at(energies, winners, reached**2)
    return float((reached**2).sum() / energies.max())


def escape_times(model: Start) -> Array:
    """Time t at which the first filter of its sign passes the knee on each feature (images of one object); shape (2K,).

    Infinite where no filter can; t = tau* + int_0^tau* e^F.

    Raises
    ------
    DomainError
        With several objects an image, whose clocks are coupled.

    References
    ----------
    R6 of docs/papers/cnn_rank.md.
    """
    if model.objects > 1:
        raise DomainError("objects", model.objects, "1")
    times: list[float] = []
    for clock, speed in zip(_all(model), _speeds(model), strict=True):
        escape = float(escape_time(clock.own, model.order, model.knee).min())
        can = np.isfinite(escape) and speed > 0.0
        times.append(clock.time(max(escape, 0.0)) / speed if can else np.inf)
    return np.array(times)


# ------------------------------------------------------------------ clocks


def _all(model: Start) -> list[Clock]:
    """The clock of every feature."""
    signals, m = np.array(model.signals), model.filters
    clocks = []
    for k in range(2 * model.features):
        own, other = (signals[:m, k], signals[m:, k])[:: 1 if k < model.features else -1]
        clocks.append(Clock(own, other, model.order, model.knee, model.output_scale))
    return clocks


def _shown(model: Start) -> Array:
    """Which features an image shows whose first is k: 0 and 1, shape (2K, 2K)."""
    inside = np.sum([np.roll(np.eye(model.features), i, axis=1) for i in range(model.objects)], axis=0)
    return np.asarray(np.kron(np.eye(2), inside), dtype=float)


def _speeds(model: Start) -> Array:
    """dtau_k/dt at a loss gradient of one, 2K n_k/n."""
    return 2 * model.features * (model.image_counts() @ _shown(model)) / model.images


@lru_cache(maxsize=8)
def _clocks(model: Start) -> Array:
    clocks = _all(model)
    if model.objects == 1:
        times = model.time * _speeds(model)
        return np.array([float(clock.at(np.array(t))) for clock, t in zip(clocks, times, strict=True)])
    return _coupled(model, clocks)


def _coupled(model: Start, clocks: list[Clock]) -> Array:
    """Clocks of features that are shown together, by integration."""
    from scipy.integrate import solve_ivp

    shown, weights = _shown(model), 2 * model.features * model.image_counts() / model.images

    def speeds(_: float, tau: Array) -> Any:
        margins = shown @ np.array([float(clock.margin(t)) for clock, t in zip(clocks, tau, strict=True)])
        return (weights * np.exp(-np.logaddexp(0.0, margins))) @ shown

    start = np.zeros(len(clocks))
    if model.time == 0.0:
        return start
    run = solve_ivp(speeds, (0.0, model.time), start, method="LSODA", rtol=_RTOL, atol=_RTOL * model.knee)
    return run.y[:, -1]
