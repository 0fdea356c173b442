"""The empirical Bernstein bound of Maurer and Pontil for a fixed number of bounded trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import check_plan
from lemmata.confidence.special import normal_quantile
from lemmata.confidence.validation import Values, finite, plain, probability, sound
from lemmata.statistics import Moments


def maurer_pontil(moments: Moments, low: npt.ArrayLike, high: npt.ArrayLike, alpha: float) -> Interval:
    """Interval for the mean of trials in `[low, high]`, exact at any number of trials.

    `mean ± (sqrt(2 S log(4/alpha) / n) + 7 (high - low) log(4/alpha) / (3 (n - 1)))` with the unbiased
    variance S, cut to the range.

    Raises
    ------
    ValueError
        If a trial lies outside the range, there are fewer than 2, or `alpha` is not in (0, 1).

    References
    ----------
    Maurer and Pontil (2009), "Empirical Bernstein bounds and sample variance penalization", Theorem 4.
    """
    low, high = finite("low", low), finite("high", high)
    if (high <= low).any():
        raise ValueError(f"low = {low}, high = {high}: low must be below high")
    if sound(moments).count < 2:
        raise ValueError(f"moments.count = {moments.count}: must be at least 2")
    slack = 64 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
    if not bool((moments.minimum >= low - slack).all() and (moments.maximum <= high + slack).all()):
        raise ValueError(f"trials outside [low, high] = [{low}, {high}]: must lie in the range")
    radius = _radius(np.asarray(float(moments.count)), moments.variance, high - low, alpha)
    mean = np.clip(moments.mean, low, high)
    return Interval(np.maximum(mean - radius, low), np.minimum(mean + radius, high))


@dataclass(frozen=True)
class MaurerPontil:
    """`maurer_pontil` as a fixed-size tool (see `spending.FixedTool`).

    Parameters
    ----------
    low, high : float or array
        Range of a trial, finite.
    """

    low: Values
    high: Values

    @property
    def exact(self) -> bool:
        """True: the level holds for any law on the range."""
        return True

    def interval(self, moments: Moments, alpha: float) -> Interval:
        """Interval at level alpha."""
        return maurer_pontil(moments, self.low, self.high, alpha)

    def detectable(self, trials: Values, variance: Values, alpha: float, power: float = 0.9) -> Values:
        """Distance detected with probability at least `power`, the mean being taken as normal.

        `power` is the probability for a law on two points, whose mean and spread err together; it is larger
        for any other law of this variance and range.
        """
        n, variance = check_plan(trials, variance, power)
        reach = finite("high", self.high) - finite("low", self.low)
        unit = variance / reach**2
        price = 2 * np.log(4 / probability("alpha", alpha))
        with np.errstate(divide="ignore"):
            slope = np.where(unit > 0, np.sqrt(price / (n * unit)) / 2, 0.0)
        together = 1 + slope * np.sqrt(np.maximum(1 - 4 * unit, 0.0))
        shift = normal_quantile(power) * together * np.sqrt(variance / n)
        return plain(_radius(n, variance, reach, alpha) + shift)


def _radius(n: Values, variance: Values, reach: Values, alpha: float) -> Values:
    price = np.log(4 / probability("alpha", alpha))
    return np.sqrt(2 * variance * price / n) + 7 * reach * price / (3 * (n - 1))
