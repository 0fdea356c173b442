"""The normal mixture: a confidence sequence for a mean whose standard deviation is known or bounded."""

from __future__ import annotations

from collections.abc import Sequence as Looks
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lemmata.confidence.interval import Interval
from lemmata.confidence.mixtures import TIGHTEST_AT, mixing_variance
from lemmata.confidence.planning import check_plan, smallest_trials
from lemmata.confidence.special import normal_quantile
from lemmata.confidence.validation import Array, Values, least, plain, probability, sound
from lemmata.statistics import Moments


@dataclass(frozen=True)
class NormalMixture:
    r"""Normal mixture of the exponential martingales of a sub-Gaussian mean.

    With `s = 1 + n g`, the mixture `s^(-1/2) exp(n (1 - 1/s) (mean - mu)^2 / (2 sd^2))` is a nonnegative
    supermartingale that starts at 1 whenever `E exp(l (X - mu)) <= exp(l^2 sd^2 / 2)` for all l. The half
    width at n trials is `sd sqrt(s/(s-1) (2 log(1/alpha) + log s) / n)`.

    Parameters
    ----------
    alpha : float
        Probability of ever missing the mean, in (0, 1).
    sd : float or array
        Standard deviation of normal trials, or a sub-Gaussian scale of others (half the range of bounded
        ones).
    tightest_at : int
        Number of trials at which the interval is shortest; fixed before the data.

    References
    ----------
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm";
    Howard, Ramdas, McAuliffe and Sekhon (2021), "Time-uniform, nonparametric, nonasymptotic confidence
    sequences".
    """

    alpha: float
    sd: Values
    tightest_at: int = TIGHTEST_AT

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)
        least("sd", self.sd, 0.0, strictly=True)
        mixing_variance(self.alpha, self.tightest_at)

    @property
    def exact(self) -> bool:
        """True, if `sd` is what it says."""
        return True

    def interval(self, looks: Looks[Moments]) -> Interval:
        """Interval at the last look; see `Sequence.interval`."""
        if not looks:
            return Interval.everything
        moments = sound(looks[-1])
        return Interval.around(moments.mean, self._radius(np.asarray(float(moments.count))))

    def log_evidence(self, moments: Moments, mean: npt.ArrayLike) -> Array:
        """Logarithm of the mixture at `mean`: left out where it reaches `log(1/alpha)`."""
        n = float(moments.count)
        growth = n * self._mixing_variance
        z = (moments.mean - np.asarray(mean, dtype=np.float64)) / self.sd
        return np.asarray(n * z**2 / 2 * growth / (1 + growth) - np.log1p(growth) / 2)

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance detected at `trials` trials with probability `power`; see `Sequence.detectable`."""
        n, variance = check_plan(trials, variance, power, first=1)
        return plain(self._radius(n) + normal_quantile(power) * np.sqrt(variance / n))

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability `power`."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy, first=1)

    @cached_property
    def _mixing_variance(self) -> float:
        return mixing_variance(self.alpha, self.tightest_at)

    def _radius(self, n: Array) -> Array:
        growth = n * self._mixing_variance
        square = (1 + growth) / growth * (-2 * np.log(self.alpha) + np.log1p(growth))
        return np.asarray(self.sd * np.sqrt(square / n))
