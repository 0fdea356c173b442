"""Fixed-size tools made safe at every look, by spending alpha over the looks."""

from __future__ import annotations

from collections.abc import Sequence as Looks
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import smallest_trials
from lemmata.confidence.validation import Values, plain, probability, whole
from lemmata.statistics import Moments


def spend(alpha: float, look: int) -> float:
    """Part of alpha for look `k = 1, 2, ...`: `alpha / (k (k + 1))`; over all looks they add to alpha.

    The price of looking grows with the logarithm of the number of looks, which itself grows with the
    logarithm of the trials. From look 2 on this part exceeds the customary `6 alpha / (pi k)^2`.

    Raises
    ------
    ValueError
        If `alpha` is not in (0, 1) or `look` is not a whole number of at least 1.
    """
    return probability("alpha", alpha) / (whole("look", look) * (look + 1.0))


class FixedTool(Protocol):
    """An interval for a mean at one fixed number of trials, at any level."""

    @property
    def exact(self) -> bool:
        """Whether the level holds at finite numbers of trials."""
        ...

    def interval(self, moments: Moments, alpha: float) -> Interval:
        """Interval that misses the mean with probability alpha at most."""
        ...

    def detectable(self, trials: Values, variance: Values, alpha: float, power: float = 0.9) -> Values:
        """Smallest distance that is detected at `trials` with probability `power`."""
        ...


@dataclass(frozen=True)
class Spending:
    """A confidence sequence from a fixed-size tool: look k is made at level `spend(alpha, k)` (union bound).

    Parameters
    ----------
    tool : FixedTool
        For example `CLOPPER_PEARSON`, `WILSON`, `STUDENT` or `MaurerPontil(low, high)`.
    alpha : float
        Probability of ever missing the mean, in (0, 1).
    start : int
        Trials at the first look of the doubling ladder; used in planning only.
    """

    tool: FixedTool
    alpha: float
    start: int = 16

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)
        whole("start", self.start)

    @property
    def exact(self) -> bool:
        """Whether the tool is exact."""
        return self.tool.exact

    def interval(self, looks: Looks[Moments]) -> Interval:
        """Interval at the last look; see `Sequence.interval`."""
        if not looks:
            return Interval.everything
        return self.tool.interval(looks[-1], spend(self.alpha, len(looks)))

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance detected at `trials` with probability `power`; looks are those of the doubling ladder."""
        n = np.asarray(trials, dtype=np.float64)
        look = np.maximum(np.floor(np.log2(np.maximum(n, 1.0) / self.start)) + 1, 1).astype(np.int64)
        distance = np.asarray(np.inf)
        for k in np.unique(look):
            at_look = self.tool.detectable(n, variance, spend(self.alpha, int(k)), power)
            distance = np.where(look == k, at_look, distance)
        return plain(distance)

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability `power`."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy)


@dataclass(frozen=True)
class Fixed:
    """A fixed-size tool at one level, for a number of trials that was fixed in advance.

    Not a confidence sequence: looked at repeatedly, it misses the mean more often than alpha says.

    Parameters
    ----------
    tool : FixedTool
        The tool.
    alpha : float
        Probability of missing the mean at the one look, in (0, 1).
    """

    tool: FixedTool
    alpha: float

    def __post_init__(self) -> None:
        probability("alpha", self.alpha)

    def interval(self, moments: Moments) -> Interval:
        """Interval from all trials."""
        return self.tool.interval(moments, self.alpha)

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Distance detected with probability `power`."""
        return self.tool.detectable(trials, variance, self.alpha, power)

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability `power` (inf: never)."""
        return smallest_trials(lambda n: self.detectable(n, variance, power), discrepancy)
