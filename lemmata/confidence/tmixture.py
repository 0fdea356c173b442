"""The t-mixture: a confidence sequence for a mean whose variance is unknown."""

from __future__ import annotations

from collections.abc import Sequence as Looks
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lemmata.confidence.first_look import FirstLook
from lemmata.confidence.interval import Interval
from lemmata.confidence.mixtures import TIGHTEST_AT, mixing_variance
from lemmata.confidence.planning import check_plan, smallest_trials, student_shift
from lemmata.confidence.validation import Array, Values, plain, probability, sound, whole
from lemmata.statistics import Moments

_ROUNDING = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class TMixture:
    r"""Scale-invariant likelihood ratio with a normal law on the effect size.

    For normal trials with any mean and variance, the ratio of the law of the t-statistic under effect sizes
    `(mean - mu) / sd ~ N(0, g)` to its law under `mean = mu`,

        R_n(mu) = s^(-1/2) [(1 + t^2/(n-1)) / (1 + t^2/((n-1) s))]^(n/2),   s = 1 + n g,

    is a nonnegative martingale that starts at 1 in the filtration of the scale-invariant statistics, so the
    set `{mu : R_n(mu) < 1/alpha}` covers the mean at all n at once with probability at least `1 - alpha`. It
    is the interval `mean ± sqrt(x m2 / n)` with `x = (c - 1)/(1 - c/s)`, `c = (s/alpha^2)^(1/n)`, and the
    whole line while `c >= s`. For other trials the level is asymptotic, and skewness is what spoils it: at
    looks where the sample does not meet the rule `first_look` the sequence is silent.

    Trials that do not vary beyond rounding carry no information about their variance: there the sequence is
    silent too, at any number of trials. And no rule can know of events that the sample has not seen: for
    trials with rare large values take a tool that uses their range.

    Parameters
    ----------
    alpha : float
        Probability of ever missing the mean, in (0, 1).
    first_look : FirstLook or None
        When to speak; None: always (for normal trials, and to show what the rule is for).
    tightest_at : int
        Number of trials at which the interval is shortest; fixed before the data.

    References
    ----------
    Lai (1976), "On confidence sequences"; Rouder, Speckman, Sun, Morey and Iverson
    (2009), "Bayesian t tests"; Wang and Ramdas (2023), "Anytime-valid t-tests and confidence sequences for
    Gaussian means with unknown variance".
    """

    alpha: float
    first_look: FirstLook | None = field(default_factory=FirstLook)
    tightest_at: int = TIGHTEST_AT

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)
        mixing_variance(self.alpha, self.tightest_at)

    @property
    def exact(self) -> bool:
        """False: beyond normal trials the level is asymptotic."""
        return False

    def interval(self, looks: Looks[Moments]) -> Interval:
        """Interval at the last look; see `Sequence.interval`."""
        if not looks:
            return Interval.everything
        moments = sound(looks[-1])
        with np.errstate(over="ignore", invalid="ignore"):
            radius = np.sqrt(self._boundary(np.asarray(float(moments.count))) * (moments.m2 / moments.count))
        return Interval.around(moments.mean, np.where(self.may_speak(moments), radius, np.inf))

    def may_speak(self, moments: Moments) -> npt.NDArray[np.bool_]:
        """Where the trials vary and the first-look rule is met."""
        size = np.maximum(np.abs(moments.minimum), np.abs(moments.maximum))
        varies = moments.maximum - moments.minimum > _ROUNDING * size
        if self.first_look is None or moments.count < 2:
            return np.asarray(varies)
        return np.asarray(varies & self.first_look.allows(moments, self.critical_value(moments.count)))

    def critical_value(self, trials: int) -> float:
        """The absolute value of the t-statistic beyond which a mean is left out (inf: none is)."""
        n = np.asarray(float(whole("trials", trials, 2)))
        return float(np.sqrt(self._boundary(n) * (n - 1)))

    def first_look_trials(self, skewness: float, start: int = 16) -> int:
        """The first look of the doubling ladder at which trials of this skewness are expected to meet the rule.

        Planning (`detectable`, `trials_needed`) leaves this wait aside, since it does not know the skewness.
        """
        trials = whole("start", start, 2)
        if self.first_look is None:
            return trials
        while self.first_look.trials(skewness, self.critical_value(trials)) > trials:
            trials *= 2
        return trials

    def log_evidence(self, moments: Moments, mean: npt.ArrayLike) -> Array:
        """`log R_n(mean)`, -inf where silent: `mean` is left out where this reaches `log(1/alpha)`."""
        n = float(moments.count)
        log_spread = np.log1p(n * self._mixing_variance)
        square = n * (moments.mean - np.asarray(mean, dtype=np.float64)) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.where(moments.m2 > 0, square / moments.m2, 0.0)
        value = -log_spread / 2 + n / 2 * (np.log1p(x) - np.log1p(x * np.exp(-log_spread)))
        return np.where(self.may_speak(moments), value, -np.inf)

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance detected at `trials` trials with probability `power`, for normal trials."""
        n, variance = check_plan(trials, variance, power)
        degrees = n - 1
        with np.errstate(invalid="ignore"):
            critical = np.sqrt(self._boundary(n) * degrees)
            shift = np.where(np.isfinite(critical), student_shift(critical, degrees, power), np.inf)
            distance = np.where(variance > 0, shift * np.sqrt(variance / n), np.inf)
        return plain(distance)

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability `power`; see `detectable`."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy)

    @cached_property
    def _mixing_variance(self) -> float:
        return mixing_variance(self.alpha, self.tightest_at)

    def _boundary(self, n: Array) -> Array:
        """The value of `t^2 / (n - 1)` at which the ratio reaches `1/alpha` (inf: it never does)."""
        log_spread = np.log1p(n * self._mixing_variance)
        log_c = (-2 * np.log(self.alpha) + log_spread) / n
        reachable = log_c < log_spread
        gap = np.where(reachable, log_c - log_spread, -1.0)
        return np.where(reachable, np.expm1(np.where(reachable, log_c, 0.0)) / -np.expm1(gap), np.inf)
