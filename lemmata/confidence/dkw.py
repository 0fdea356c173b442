"""Bands for distribution functions: Dvoretzky-Kiefer-Wolfowitz with Massart's constant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import smallest_trials
from lemmata.confidence.special import normal_quantile
from lemmata.confidence.spending import spend
from lemmata.confidence.validation import (
    Array,
    Values,
    finite,
    numbers,
    plain,
    probability,
    trial_counts,
    whole,
)


def dkw_radius(trials: npt.ArrayLike, alpha: float) -> Values:
    """Half width `sqrt(log(2/alpha) / (2 n))` of the band at a fixed number of trials.

    The empirical distribution function of n independent trials, of whatever law, leaves the band of this half
    width around the true one anywhere on the line with probability alpha at most.

    References
    ----------
    Massart (1990), "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality".
    """
    n = trial_counts("trials", trials)
    return plain(np.sqrt(np.log(2 / probability("alpha", alpha)) / (2 * n)))


def dkw_band(values: npt.ArrayLike, trials: int, alpha: float) -> Interval:
    """Band for a distribution function from values of the empirical one, at a fixed number of trials."""
    return _band(values, dkw_radius(trials, alpha))


def kolmogorov_distance(samples: npt.ArrayLike, cdf: Callable[[Array], npt.ArrayLike]) -> float:
    """Largest distance on the line between the samples' distribution function and `cdf`, of whatever law.

    Parameters
    ----------
    samples : array (trials,)
        Finite.
    cdf : function
        Distribution function, right-continuous; it may have jumps (left limits are taken one float to the
        left).

    Raises
    ------
    ValueError
        If a sample is not finite, or `cdf` leaves [0, 1].
    """
    points, counts = np.unique(finite("samples", samples), return_counts=True)
    if not len(points):
        raise ValueError("samples is empty: must hold at least one trial")
    reached = np.cumsum(counts) / counts.sum()
    before = np.concatenate([[0.0], reached[:-1]])
    at = _unit("cdf", cdf(points))
    left = _unit("cdf", cdf(np.nextafter(points, -np.inf)))
    return float(max(np.abs(reached - at).max(), np.abs(before - left).max()))


@dataclass(frozen=True)
class DKWBand:
    """A band for a distribution function that may be watched: look k spends `spend(alpha, k)`.

    Parameters
    ----------
    alpha : float
        Probability that the true distribution function ever leaves the band, in (0, 1).
    start : int
        Trials at the first look of the doubling ladder; used in planning only.
    """

    alpha: float
    start: int = 16

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)
        whole("start", self.start)

    @property
    def exact(self) -> bool:
        """True: the level holds for any law."""
        return True

    def radius(self, trials: int, look: int) -> float:
        """Half width at look `look = 1, 2, ...`, which falls at `trials` trials."""
        return float(np.asarray(dkw_radius(trials, spend(self.alpha, look))))

    def band(self, values: npt.ArrayLike, trials: int, look: int) -> Interval:
        """Band at the points where the empirical distribution function has these values, within [0, 1]."""
        return _band(values, self.radius(trials, look))

    def distance(self, measured: npt.ArrayLike, trials: int, look: int) -> Interval:
        """Interval for the Kolmogorov distance between the trials' law and a given one.

        `measured` is that of the empirical distribution function, over the line (`kolmogorov_distance`) or
        over any set of points such as the edges of a histogram; the interval is for the distance over the
        same set. By the triangle inequality it is off by the half width at most. A law is confirmed when the
        interval lies below a margin, refuted when above.
        """
        value, radius = _unit("measured", measured), self.radius(trials, look)
        return Interval(np.maximum(value - radius, 0.0), np.minimum(value + radius, 1.0))

    def detectable(self, trials: Values, power: float = 0.9) -> Values:
        """Distance from a law that is detected at `trials` with probability at least `power`.

        At the one point where the laws differ most, the empirical distribution function is taken as normal
        with variance `1/(4 n)`, the largest there is.
        """
        n = trial_counts("trials", np.floor(trials))
        look = np.maximum(np.floor(np.log2(n / self.start)) + 1, 1.0)
        radius = np.sqrt(np.log(2 * look * (look + 1) / self.alpha) / (2 * n))
        return plain(radius + normal_quantile(probability("power", power)) / (2 * np.sqrt(n)))

    def trials_needed(self, discrepancy: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` (a Kolmogorov distance) is detected with probability `power`."""
        return smallest_trials(lambda n: self.detectable(n, power), discrepancy, first=1)


def _band(values: npt.ArrayLike, radius: Values) -> Interval:
    array = _unit("values", values)
    return Interval(np.maximum(array - radius, 0.0), np.minimum(array + radius, 1.0))


def _unit(name: str, value: npt.ArrayLike) -> Array:
    array = numbers(name, value)
    if ((array < -1e-12) | (array > 1 + 1e-12)).any():
        raise ValueError(f"{name} ranges over [{array.min():g}, {array.max():g}]: must lie in [0, 1]")
    return np.clip(array, 0.0, 1.0)
