"""Student's interval and the two one-sided tests of equivalence, for a fixed number of trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import check_plan, smallest_trials, student_shift
from lemmata.confidence.special import student_cdf, student_quantile
from lemmata.confidence.validation import Array, Values, finite, least, plain, probability, sound
from lemmata.statistics import Moments


@dataclass(frozen=True)
class Student:
    """Student's interval `mean ± t sd / sqrt(n)` as a fixed-size tool: right for normal trials."""

    @property
    def exact(self) -> bool:
        """False: beyond normal trials the level is asymptotic."""
        return False

    def interval(self, moments: Moments, alpha: float) -> Interval:
        """Interval at level alpha; the whole line where the trials do not vary.

        Raises
        ------
        ValueError
            If there are fewer than 2 trials or `alpha` is not in (0, 1).
        """
        degrees = _degrees(moments)
        critical = -student_quantile(degrees, probability("alpha", alpha) / 2)
        radius = np.where(moments.m2 > 0, critical * moments.standard_error, np.inf)
        return Interval.around(moments.mean, radius)

    def detectable(self, trials: Values, variance: Values, alpha: float, power: float = 0.9) -> Values:
        """Distance detected with probability `power`, for normal trials."""
        n, variance = check_plan(trials, variance, power)
        critical = -student_quantile(n - 1, probability("alpha", alpha) / 2)
        return plain(student_shift(critical, n - 1, power) * np.sqrt(variance / n))


STUDENT = Student()
"""Student's interval."""


@dataclass(frozen=True, eq=False)
class Equivalence:
    """What the two one-sided tests say of a discrepancy, elementwise.

    Attributes
    ----------
    p_low, p_high : float or array
        p-values against `discrepancy <= -margin` and against `discrepancy >= margin`.
    p_held : float or array
        The larger of the two: small where the discrepancy lies within the margin.
    p_failed : float or array
        Small where the discrepancy lies outside the margin: twice the smaller p-value of the tests against
        `discrepancy <= margin` and `discrepancy >= -margin`.
    decision : array of str
        `held`, `failed` or `open`.
    """

    p_low: Values
    p_high: Values
    p_held: Values
    p_failed: Values
    decision: npt.NDArray[np.str_]


@dataclass(frozen=True)
class TOST:
    """Two one-sided t-tests of `|mean - point| < margin`, at a number of trials that was fixed in advance.

    Parameters
    ----------
    margin : float
        Positive, in the unit of a trial.
    alpha : float
        Probability of a wrong confirmation, and of a wrong refutation; in (0, 1). The Bonferroni tests over k
        looks take `spend(alpha, k)`.
    point : float or array
        The value to which the mean is compared.

    References
    ----------
    Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power approach".
    """

    margin: float
    alpha: float
    point: Values = 0.0

    def __post_init__(self) -> None:
        least("margin", self.margin, 0.0, strictly=True)
        probability("alpha", self.alpha)
        finite("point", self.point)

    def judge(self, moments: Moments) -> Equivalence:
        """The decision from all trials; open where the trials do not vary."""
        degrees = _degrees(moments)
        gap = moments.mean - self.point
        varies = moments.m2 > 0
        error = np.where(varies, moments.standard_error, np.inf)

        def above(threshold: float) -> Array:
            return student_cdf(degrees, -(gap - threshold) / error)

        def below(threshold: float) -> Array:
            return student_cdf(degrees, (gap - threshold) / error)

        p_low, p_high = above(-self.margin), below(self.margin)
        p_held = np.maximum(p_low, p_high)
        p_failed = np.minimum(1.0, 2 * np.minimum(above(self.margin), below(-self.margin)))
        decision = np.where(p_held < self.alpha, "held", np.where(p_failed < self.alpha, "failed", "open"))
        return Equivalence(plain(p_low), plain(p_high), plain(p_held), plain(p_failed), decision)

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance within the margin's edge from which the statement is held with probability `power`.

        One edge is taken to be in play: for a discrepancy near 0 and a margin of about this distance, use
        `(1 + power) / 2`.
        """
        n, variance = check_plan(trials, variance, power)
        critical = -student_quantile(n - 1, self.alpha)
        return plain(student_shift(critical, n - 1, power) * np.sqrt(variance / n))

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which the statement is held from that far within the edge."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy)


def tost(moments: Moments, margin: float, alpha: float, point: Values = 0.0) -> Equivalence:
    """Two one-sided t-tests of `|mean - point| < margin`; see `TOST`."""
    return TOST(margin, alpha, point).judge(moments)


def _degrees(moments: Moments) -> float:
    if sound(moments).count < 2:
        raise ValueError(f"moments.count = {moments.count}: must be at least 2")
    return float(moments.count - 1)
