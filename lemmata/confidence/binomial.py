"""Intervals for a probability from a fixed number of 0/1 trials: Clopper-Pearson (exact) and Wilson."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import check_plan
from lemmata.confidence.special import beta_cdf, beta_quantile, beta_upper_quantile, normal_quantile
from lemmata.confidence.validation import Array, Values, least, plain, probability, sound, trial_counts
from lemmata.statistics import Moments


def clopper_pearson(hits: npt.ArrayLike, trials: npt.ArrayLike, alpha: float) -> Interval:
    """Exact interval that inverts the two one-sided binomial tests at level alpha/2 each.

    Parameters
    ----------
    hits, trials : int or array
        Successes and trials (broadcast), `0 <= hits <= trials`.
    alpha : float
        Probability of missing the success probability, at most; in (0, 1).

    Raises
    ------
    ValueError
        If a count or `alpha` is outside its domain.

    References
    ----------
    Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in
    the case of the binomial".
    """
    k, n = _counts(hits, trials)
    tail = probability("alpha", alpha) / 2
    inner = np.where(k > 0, k, 1.0)
    low = np.where(k > 0, beta_quantile(inner, n - inner + 1, tail), 0.0)
    inner = np.where(k < n, k, n - 1.0)
    high = np.where(k < n, beta_upper_quantile(inner + 1, n - inner, tail), 1.0)
    return Interval(low, high)


def wilson(hits: npt.ArrayLike, trials: npt.ArrayLike, alpha: float) -> Interval:
    """Interval that inverts the score test; its level is asymptotic.

    `(k + z^2/2 ± z sqrt(k (n - k)/n + z^2/4)) / (n + z^2)` with the normal quantile `z` at `1 - alpha/2`.

    Parameters
    ----------
    hits, trials : int or array
        Successes and trials (broadcast), `0 <= hits <= trials`.
    alpha : float
        Nominal probability of missing the success probability, in (0, 1).

    Raises
    ------
    ValueError
        If a count or `alpha` is outside its domain.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    k, n = _counts(hits, trials)
    z = -normal_quantile(probability("alpha", alpha) / 2)
    middle, reach = k + z**2 / 2, z * np.sqrt(k * (n - k) / n + z**2 / 4)
    low = np.where(k == 0, 0.0, np.maximum(middle - reach, 0.0) / (n + z**2))
    high = np.where(k == n, 1.0, np.minimum((middle + reach) / (n + z**2), 1.0))
    return Interval(low, high)


@dataclass(frozen=True)
class _Proportion:
    """A fixed-size interval for 0/1 trials, given as a function of counts."""

    exact: bool
    of_counts: Callable[[npt.ArrayLike, npt.ArrayLike, float], Interval]

    def interval(self, moments: Moments, alpha: float) -> Interval:
        """Interval at level alpha from the moments of zeros and ones."""
        return self.of_counts(successes(moments), moments.count, alpha)

    def detectable(self, trials: Values, variance: Values, alpha: float, power: float = 0.9) -> Values:
        """Distance at which any other probability is left out with probability `power` (binomial law)."""
        n, variance = check_plan(trials, variance, power, first=1)
        n, variance = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(np.floor(n), variance))
        p = rare_probability(variance)
        few, many = binomial_quantiles(n, p, power)
        below = p - np.asarray(self.of_counts(few, n, alpha).low)
        above = np.asarray(self.of_counts(many, n, alpha).high) - p
        return plain(np.maximum(below, above))


CLOPPER_PEARSON = _Proportion(True, clopper_pearson)
"""Clopper-Pearson as a fixed-size tool (see `spending.FixedTool`)."""
WILSON = _Proportion(False, wilson)
"""Wilson as a fixed-size tool."""


def successes(moments: Moments) -> Array:
    """Number of ones among trials that are all 0 or 1.

    Raises
    ------
    ValueError
        If the moments are not those of zeros and ones.
    """
    sound(moments)
    n = moments.count
    k = np.round(n * moments.mean)
    rounding = 1e-9 * n
    if bool((np.abs(n * moments.mean - k) > rounding).any() or (k < 0).any() or (k > n).any()):
        raise ValueError(f"moments.mean of {n} trials is no proportion: the trials must be 0 or 1")
    if bool((np.abs(moments.m2 - k * (n - k) / n) > rounding).any()):
        raise ValueError(f"moments.m2 of {n} trials is not that of zeros and ones: the trials must be 0 or 1")
    return k


def rare_probability(variance: npt.ArrayLike) -> Array:
    """The probability of at most 1/2 whose 0/1 trials have this variance (at most 1/4)."""
    v = least("variance", variance, 0.0)
    if (v > 0.25 * (1 + 1e-9)).any():
        raise ValueError(f"variance = {float(v.max()):g}: 0/1 trials have at most 1/4")
    return 2 * v / (1 + np.sqrt(np.maximum(1 - 4 * v, 0.0)))


def binomial_quantiles(n: Array, p: Array, power: float) -> tuple[Array, Array]:
    """Largest count that is reached, and smallest that is not exceeded, each with probability `power`."""
    return n - _quantile(n, 1 - p, power), _quantile(n, p, power)


def _quantile(n: Array, p: Array, q: float) -> Array:
    """Smallest k with `P(K <= k) >= q` for a binomial K."""
    z, spread = normal_quantile(q), np.sqrt(n * p * (1 - p))
    guess = n * p + z * spread + (1 - 2 * p) * (z**2 - 1) / 6
    k = np.clip(np.round(guess), 0.0, n)
    small = spread < 1e3

    def too_low(count: Array) -> npt.NDArray[np.bool_]:
        return small & (count < n) & (_cdf(count, n, p) < q)

    while (low := too_low(k)).any():
        k = np.where(low, k + 1, k)
    while (high := small & (k >= 1) & ~too_low(np.maximum(k - 1, 0.0))).any():
        k = np.where(high, k - 1, k)
    return k


def _cdf(k: Array, n: Array, p: Array) -> Array:
    inside = (k >= 0) & (k < n)
    value = beta_cdf(np.where(inside, n - k, 1.0), np.where(inside, k + 1, 1.0), 1 - p)
    return np.where(inside, value, np.where(k < 0, 0.0, 1.0))


def _counts(hits: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Array, Array]:
    k, n = np.broadcast_arrays(trial_counts("hits", hits, 0), trial_counts("trials", trials))
    if (k > n).any():
        raise ValueError(f"hits = {hits!r} of trials = {trials!r}: must not exceed the trials")
    return k, n
