"""The beta-binomial sequence: exact for 0/1 outcomes, rare ones included."""

from __future__ import annotations

from collections.abc import Sequence as Looks
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.binomial import binomial_quantiles, rare_probability, successes
from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import check_plan, smallest_trials
from lemmata.confidence.special import log_beta, logistic, times_log
from lemmata.confidence.validation import Array, Values, plain, positive, probability
from lemmata.statistics import Moments


@dataclass(frozen=True)
class BetaBinomial:
    r"""Beta mixture of likelihood ratios.

    With k successes in n trials, `M_n(p) = B(a + k, a + n - k) / B(a, a) / (p^k (1 - p)^(n - k))` is a
    nonnegative martingale that starts at 1 when p is the success probability, so `{p : M_n(p) < 1/alpha}`, an
    interval, covers it at all n at once. With `a = 1/2` the price over the best fixed alternative is at most
    about `log(n)/2 + log(pi)/2` in `log M`, whatever p: no number of trials is favoured.

    Parameters
    ----------
    alpha : float
        Probability of ever missing the success probability, in (0, 1).
    shape : float
        Both parameters a of the beta law; positive.

    References
    ----------
    Robbins (1970), "Statistical methods related to the law of the iterated logarithm";
    Krichevsky and Trofimov (1981), "The performance of universal encoding".
    """

    alpha: float
    shape: float = 0.5

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)
        positive("shape", self.shape)

    @property
    def exact(self) -> bool:
        """True for independent 0/1 trials."""
        return True

    def interval(self, looks: Looks[Moments]) -> Interval:
        """Interval at the last look, within [0, 1]; see `Sequence.interval`.

        Raises
        ------
        ValueError
            If the trials are not zeros and ones.
        """
        if not looks:
            return Interval(0.0, 1.0)
        return self.interval_of(successes(looks[-1]), looks[-1].count)

    def interval_of(self, hits: npt.ArrayLike, trials: npt.ArrayLike) -> Interval:
        """Interval for `hits` successes in `trials` trials (arrays broadcast)."""
        k, n = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(hits, trials))
        floor = self._log_mixture(k, n) + np.log(self.alpha)
        return Interval(_lower_root(k, n, floor), 1 - _lower_root(n - k, n, floor))

    def log_evidence(self, moments: Moments, mean: npt.ArrayLike) -> Array:
        """`log M_n(mean)`: the sequence leaves `mean` out where this reaches `log(1/alpha)`."""
        k, n = successes(moments), float(moments.count)
        likelihood = times_log(k, mean) + times_log(n - k, 1 - np.asarray(mean, dtype=np.float64))
        return np.asarray(self._log_mixture(k, np.asarray(n)) - likelihood)

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance at which any other probability, above or below, is left out with probability `power`.

        The success probability is the smaller one with that variance; the binomial law is used, no normal
        approximation (beyond 1e6 expected events, its Cornish-Fisher expansion).

        Raises
        ------
        ValueError
            If `variance` exceeds 1/4.
        """
        n, variance = check_plan(trials, variance, power, first=1)
        n, variance = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(np.floor(n), variance))
        p = rare_probability(variance)
        few, many = binomial_quantiles(n, p, power)
        below = p - np.asarray(self.interval_of(few, n).low)
        above = np.asarray(self.interval_of(many, n).high) - p
        return plain(np.maximum(below, above))

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability `power`; see `detectable`."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy, first=1)

    def _log_mixture(self, k: Array, n: Array) -> Array:
        a = self.shape
        return np.asarray(log_beta(a + k, a + n - k) - log_beta(a, a))


def _lower_root(k: Array, n: Array, floor: Array) -> Array:
    """The root in p below k/n of `k log p + (n - k) log(1 - p) = floor`; 0 for k = 0.

    In the log-odds the left side is concave and increases up to its peak, so Newton's iteration from a point
    left of the root climbs to it without passing it. At `p = exp(floor / k)` the left side is below `floor`.
    """
    none = k == 0
    k = np.where(none, 1.0, k)
    start = np.minimum(floor / k, -1e-300)
    log_odds = start - np.log(-np.expm1(start))
    for _ in range(200):
        value = -k * np.logaddexp(0.0, -log_odds) - (n - k) * np.logaddexp(0.0, log_odds)
        slope = k - n * logistic(log_odds)
        missing = np.where(none, 0.0, floor - value)
        climbing = (missing > 0) & (slope > 0)
        step = np.where(climbing, missing / np.where(climbing, slope, 1.0), 0.0)
        log_odds = log_odds + step
        if (step <= 1e-13 * np.maximum(np.abs(log_odds), 1.0)).all():
            break
    return np.where(none, 0.0, logistic(log_odds))
