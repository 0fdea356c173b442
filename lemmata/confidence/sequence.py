"""What every confidence sequence offers, and the trial counts at which it is looked at."""

from __future__ import annotations

from collections.abc import Sequence as Looks
from typing import Protocol

from lemmata.confidence.interval import Interval
from lemmata.confidence.validation import Values, whole
from lemmata.statistics import Moments


class Sequence(Protocol):
    """A confidence sequence for the mean of a trial: all intervals hold at once but for probability alpha.

    A pure function of the history, so a decision that stops at the first look at which its interval is
    decisive keeps the level, whatever the rule for stopping.
    """

    @property
    def exact(self) -> bool:
        """Whether the level holds at finite numbers of trials (under the tool's stated assumption)."""
        ...

    def interval(self, looks: Looks[Moments]) -> Interval:
        """Interval at the last look.

        Parameters
        ----------
        looks : sequence of Moments
            Moments of the prefix of trials at looks 1, 2, ..., k: cumulative and nested, at trial counts that
            were fixed before the data.

        Returns
        -------
        Interval
            Elementwise; `(-inf, inf)` where the sequence may not speak yet.
        """
        ...

    def detectable(self, trials: Values, variance: Values, power: float = 0.9) -> Values:
        """Smallest distance from a point (or from a margin's edge) that is detected with probability `power`.

        Detected means: the interval at `trials` trials leaves the point out. Earlier looks can only add to
        it.
        """
        ...

    def trials_needed(self, discrepancy: Values, variance: Values, power: float = 0.9) -> Values:
        """Trials after which `discrepancy` is detected with probability `power` (inf: never)."""
        ...


def look_sizes(budget: int, start: int = 16) -> tuple[int, ...]:
    """Trial counts of the looks: `start, 2 start, 4 start, ...` up to the budget (none if below `start`).

    Raises
    ------
    ValueError
        If `budget` or `start` is not a whole number of at least 1.
    """
    budget, size = whole("budget", budget), whole("start", start)
    sizes: list[int] = []
    while size <= budget:
        sizes.append(size)
        size *= 2
    return tuple(sizes)
