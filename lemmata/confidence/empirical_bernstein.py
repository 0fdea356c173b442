"""The empirical-Bernstein sequence: exact for bounded trials, and as narrow as their variance allows."""

from __future__ import annotations

from collections.abc import Sequence as Looks
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import check_plan, smallest_trials
from lemmata.confidence.special import normal_quantile
from lemmata.confidence.validation import Array, Values, finite, numbers, plain, probability, sound
from lemmata.statistics import Moments

# Tilts of the mixture in units of 1/range: 0.75 down to 2.6e-4 in steps of sqrt(2), with equal weights. They
# serve sums of squares from about 10 to 1e8 squared ranges.
_TILTS: Array = 0.75 * 2.0 ** (-np.arange(24) / 2)
_COSTS: Array = -np.log1p(-_TILTS) - _TILTS
_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class EmpiricalBernstein:
    r"""Mixture of exponential supermartingales whose variance process is measured around predicted means.

    Let trials lie in `[low, high]`, in units of the range, and let `m_b` be a prediction of the mean made at
    the look before block b (`guess` before the first look; later the mean of the past with the guess counted
    as one more trial). For every tilt `0 < l < 1`, since `exp(l y - psi(l) y^2) <= 1 + l y` for `y >= -1`,

        exp(l sum_i (X_i - mu) - psi(l) V),   psi(l) = -log(1 - l) - l,   V = sum_b sum_{i in b} (X_i - m_b)^2

    is a supermartingale, and so is its average over fixed tilts. The interval is `mean ± r`, with `r` where
    `average_l exp(l n r - psi(l) V) = 2/alpha` (alpha/2 for each side), cut to `[low, high]`. V needs only
    the moments of the blocks between looks, and the mixture over tilts replaces a tilt that is tuned as data
    come in: with looks at doubling trial counts the latter gives early blocks too much weight and was about
    twice as wide.

    The trial counts of the looks must be fixed before the data.

    Parameters
    ----------
    alpha : float
        Probability of ever missing the mean, in (0, 1).
    low, high : float or array
        Range of a trial, finite.
    start : int
        Trials before the first look; used in planning only.
    guess : float or array, optional
        The prediction of the mean for the first block, any number fixed before the data (default: the
        midrange). The level holds whatever it is; a good guess (the value that a theory predicts) narrows the
        interval when the first block is long.

    References
    ----------
    Fan, Grama and Liu (2015), "Exponential inequalities for martingales with
    applications"; Howard, Ramdas, McAuliffe and Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic
    confidence sequences"; Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by
    betting".
    """

    alpha: float
    low: Values
    high: Values
    start: int = 16
    guess: Values | None = None

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)
        low, high = finite("low", self.low), finite("high", self.high)
        if (high <= low).any():
            raise ValueError(f"low = {self.low}, high = {self.high}: low must be below high")

    @property
    def exact(self) -> bool:
        """True: the level holds for any law on the range."""
        return True

    def interval(self, looks: Looks[Moments]) -> Interval:
        """Interval at the last look; see `Sequence.interval`.

        Raises
        ------
        ValueError
            If a trial lies outside `[low, high]`, or the looks are not nested.
        """
        low, high = np.asarray(self.low, dtype=np.float64), np.asarray(self.high, dtype=np.float64)
        if not looks:
            return Interval(low, high)
        last = sound(looks[-1])
        self._check_range(last)
        radius = (high - low) * _radius(self._variance_process(looks), float(last.count), self.alpha)
        # A mean may leave the range by rounding.
        mean = np.clip(last.mean, low, high)
        return Interval(np.maximum(mean - radius, low), np.minimum(mean + radius, high))

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance detected at `trials` trials with probability at least `power`.

        The mean is taken as normal, for looks that double from `start`. Of the laws with this variance and
        range the one on two points, whose mean and spread err together, is the least favourable: there the
        probability is `power`. Without a guess the mean's place in the range is the least favourable too.
        """
        n, variance = check_plan(trials, variance, power, first=1)
        reach = np.asarray(self.high, dtype=np.float64) - np.asarray(self.low, dtype=np.float64)
        unit = variance / reach**2
        blocks = np.maximum(np.log2(n / self.start), 0.0)
        offset = np.minimum(n, self.start) * (np.maximum(0.25 - unit, 0.0) if self.guess is None else 0.0)
        process = n * unit + blocks * unit + offset
        radius = _radius(process, n, self.alpha)
        # With two points the sum of squares moves by sqrt(1 - 4 unit) for each unit of the sum.
        slope = (_radius(process + 1e-3 * (process + 1), n, self.alpha) - radius) / (1e-3 * (process + 1))
        together = 1 + n * slope * np.sqrt(np.maximum(1 - 4 * unit, 0.0))
        return plain(reach * (radius + normal_quantile(power) * together * np.sqrt(unit / n)))

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability at least `power`."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy, first=1)

    def _variance_process(self, looks: Looks[Moments]) -> Array:
        low, high = np.asarray(self.low, dtype=np.float64), np.asarray(self.high, dtype=np.float64)
        guess = self._first_prediction(low, high)
        total = _sum_of_squares(looks[0], guess)
        for past, present in pairwise(looks):
            if present.count <= past.count:
                raise ValueError(f"looks at {past.count} and {present.count} trials: counts must increase")
            predicted = (past.count * past.mean + guess) / (past.count + 1)
            block = _sum_of_squares(present, predicted) - _sum_of_squares(past, predicted)
            total = total + np.maximum(block, 0.0)
        return total / (high - low) ** 2

    def _first_prediction(self, low: Array, high: Array) -> Array:
        if self.guess is None:
            return (low + high) / 2
        return np.clip(finite("guess", self.guess), low, high)

    def _check_range(self, moments: Moments) -> None:
        slack = _ROUNDING * np.maximum(np.abs(self.low), np.abs(self.high))
        if (numbers("moments.minimum", moments.minimum) < self.low - slack).any():
            raise ValueError(
                f"a trial of {float(np.min(moments.minimum))}: must be at least low = {self.low}"
            )
        if (numbers("moments.maximum", moments.maximum) > self.high + slack).any():
            raise ValueError(
                f"a trial of {float(np.max(moments.maximum))}: must be at most high = {self.high}"
            )


def _sum_of_squares(moments: Moments, center: Array) -> Array:
    return moments.m2 + moments.count * (moments.mean - center) ** 2


def _radius(variance_process: Array, n: Values, alpha: float) -> Array:
    """Root in r of `log average_l exp(l n r - psi(l) V) = log(2/alpha)`.

    The left side is convex and increasing in r; Newton's iteration from the smallest root of a single tilt,
    which lies to the right of the solution, descends to it.
    """
    target = np.log(2 / alpha) + np.log(len(_TILTS))
    offset = np.multiply.outer(variance_process, _COSTS)
    gain = np.min((target + offset) / _TILTS, axis=-1)
    for _ in range(50):
        exponent = np.multiply.outer(gain, _TILTS) - offset
        peak = exponent.max(axis=-1)
        weights = np.exp(exponent - peak[..., None])
        total = weights.sum(axis=-1)
        step = (peak + np.log(total) - target) * total / (weights * _TILTS).sum(axis=-1)
        gain = gain - np.maximum(step, 0.0)
        if (step <= 1e-12 * gain).all():
            break
    return gain / n
