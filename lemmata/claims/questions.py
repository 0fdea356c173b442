"""Questions: the smallest things that the referee decides, each at one point of a claim's design.

A question says which sources it watches, how a look at them is reduced to an observation, and which interval for
the discrepancy the history of observations gives at a level alpha. It is held when the interval lies inside
`accept`, failed when it lies outside. Questions are pure functions of the looks, so that a mutant asks its own
question of the same looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lemmata.claims.observations import Contrast, Look, Source
from lemmata.claims.tools import Tool
from lemmata.claims.verdicts import Outcome
from lemmata.confidence import DKWBand, Interval, kolmogorov_distance
from lemmata.confidence.special import normal_quantile
from lemmata.statistics import Array, Moments

POWER = 0.9
"""Probability with which a question detects what it says it detects."""


class Question(Protocol):
    """See the module's docstring."""

    @property
    def label(self) -> str:
        """The point of the design in words."""
        ...

    @property
    def sources(self) -> tuple[Source, ...]:
        """What is sampled; empty when nothing is left to chance."""
        ...

    @property
    def paired(self) -> bool:
        """Whether the sources are run on the stream that all models share."""
        ...

    @property
    def needs_rows(self) -> bool:
        """Whether raw trials must be kept."""
        ...

    @property
    def target(self) -> float:
        """What the statement predicts for the observed number."""
        ...

    @property
    def accept(self) -> tuple[float, float]:
        """Discrepancies (observed - predicted) with which the statement holds."""
        ...

    def observe(self, look: Look) -> Any:
        """One look, reduced."""
        ...

    def estimate(self, history: Sequence[Any]) -> float:
        """The observed number at the last look."""
        ...

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        """Interval for the discrepancy at the last look."""
        ...

    def is_exact(self, alpha: float) -> bool:
        """Whether the level holds at finite numbers of trials. A tool that does not fit raises ValueError."""
        ...

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        """Smallest distance beyond an end of `accept` that is detected with probability `POWER`."""
        ...

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        """Trials after which the question is decided if its discrepancy is what it seems now."""
        ...

    def reservation(self, history: Sequence[Any], alpha: float) -> str:
        """Why a decision must be held back in spite of the interval; empty: it need not."""
        ...

    def remark(self, history: Sequence[Any], alpha: float) -> str:
        """What is reported beside the decision."""
        ...


def decide(interval: Interval, accept: tuple[float, float]) -> Outcome:
    """Held inside, failed outside, open across an end of `accept`."""
    if interval.inside(*accept):
        return Outcome.HELD
    if interval.outside(*accept):
        return Outcome.FAILED
    return Outcome.OPEN


def distance_to_edge(discrepancy: float, accept: tuple[float, float]) -> float:
    """How far a discrepancy lies from the nearest finite end of `accept`."""
    return min((abs(discrepancy - end) for end in accept if math.isfinite(end)), default=math.inf)


def distance_beyond(discrepancy: float, accept: tuple[float, float]) -> float:
    """How far a discrepancy lies outside `accept`; 0 inside."""
    return max(discrepancy - accept[1], accept[0] - discrepancy, 0.0)


class Plain:
    """A question without reservations or remarks."""

    def reservation(self, history: Sequence[Any], alpha: float) -> str:
        return ""

    def remark(self, history: Sequence[Any], alpha: float) -> str:
        return ""


@dataclass(frozen=True)
class MeanQuestion(Plain):
    """Is a contrast of means what is predicted, within the margin?"""

    label: str
    contrast: Contrast
    target: float
    accept: tuple[float, float]
    tool: Tool

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.contrast.sources if self.contrast.is_sampled else ()

    @property
    def paired(self) -> bool:
        return self.contrast.paired

    @property
    def needs_rows(self) -> bool:
        return self.contrast.shares_draws

    def observe(self, look: Look) -> Moments | float:
        return self.contrast.measure(look) if self.contrast.is_sampled else self.contrast.computed()

    def estimate(self, history: Sequence[Any]) -> float:
        last = history[-1]
        return float(last.mean) if isinstance(last, Moments) else float(last)

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        if not self.contrast.is_sampled:
            discrepancy = float(history[-1]) - self.target
            return Interval(discrepancy, discrepancy)
        return self._sequence(alpha).interval(history).shift(-self.target)

    def is_exact(self, alpha: float) -> bool:
        return not self.contrast.is_sampled or bool(self._sequence(alpha).exact)

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        if not self.contrast.is_sampled:
            return 0.0
        return float(self._sequence(alpha).detectable(history[-1].count, self._variance(history[-1]), POWER))

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        if not self.contrast.is_sampled:
            return 0.0
        gap = distance_to_edge(self.estimate(history) - self.target, self.accept)
        if not 0 < gap < math.inf:
            return math.inf
        return float(self._sequence(alpha).trials_needed(gap, self._variance(history[-1]), POWER))

    def _sequence(self, alpha: float) -> Any:
        return self.tool(alpha, *self.contrast.range, self.target, self.contrast.scale)

    def _variance(self, moments: Moments) -> float:
        """That of one trial, never above what the range allows."""
        low, high = self.contrast.range
        return min(float(moments.variance), 0.25 * (high - low) ** 2)


@dataclass(frozen=True)
class SlopeQuestion(Plain):
    """Does a quantity grow as the predicted power of a scale, within the margin?

    The slope of log(mean) against log(scale) by least squares with fixed weights; each mean gets a sequence at
    its share of alpha, and the intervals are carried through the logarithm (union bound).
    """

    label: str
    scales: tuple[float, ...]
    points: tuple[Source, ...]
    target: float
    accept: tuple[float, float]
    tool: Tool
    paired: bool = False
    needs_rows: bool = False

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.points if self.points[0].is_sampled else ()

    def observe(self, look: Look) -> tuple[Moments | float, ...]:
        return tuple(s.moments(look) if s.is_sampled else s.computed() for s in self.points)

    def estimate(self, history: Sequence[Any]) -> float:
        means = self._means(history)
        return float(self._weights @ np.log(means)) if (means > 0).all() else math.nan

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        low = high = -self.target
        for i, (weight, source) in enumerate(zip(self._weights, self.points, strict=True)):
            if source.is_sampled:
                part = self._sequence(source, alpha).interval([look[i] for look in history])
                ends = (float(part.low), float(part.high))
            else:
                ends = (history[-1][i],) * 2
            if ends[0] <= 0 or not math.isfinite(ends[1]):
                return Interval.everything
            logs = sorted((weight * math.log(ends[0]), weight * math.log(ends[1])))
            low, high = low + logs[0], high + logs[1]
        return Interval(low, high)

    def is_exact(self, alpha: float) -> bool:
        return all(self._sequence(source, alpha).exact for source in self.sources)

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        if not self.sources:
            return 0.0
        interval, means = self.interval(history, alpha), self._means(history)
        if not interval.is_bounded:
            return math.inf
        relative = np.array([float(part.standard_error) for part in history[-1]]) / means
        error = float(np.sqrt((self._weights * relative) @ (self._weights * relative)))
        return float(interval.width) / 2 + float(normal_quantile(POWER)) * error

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        if not self.sources:
            return 0.0
        gap = distance_to_edge(self.estimate(history) - self.target, self.accept)
        reach = self.detectable(history, alpha)  # falls about as the root of the trials
        return (
            math.ceil(history[-1][0].count * (reach / gap) ** 2) if gap > 0 and reach < math.inf else math.inf
        )

    def _sequence(self, source: Source, alpha: float) -> Any:
        low, high = source.range
        return self.tool(alpha / len(self.points), low, high, 0.5 * (low + high), 1.0)

    def _means(self, history: Sequence[Any]) -> Array:
        return np.array([float(part.mean) if isinstance(part, Moments) else part for part in history[-1]])

    @property
    def _weights(self) -> Array:
        x = np.log(np.asarray(self.scales))
        x = x - x.mean()
        return x / (x @ x)


@dataclass(frozen=True)
class LawQuestion(Plain):
    """Is the distribution of an output the predicted one, within a margin for the Kolmogorov distance?"""

    label: str
    source: Source
    cdf: Callable[[Any], Any]
    accept: tuple[float, float]
    target: float = 0.0
    paired: bool = False
    needs_rows: bool = True

    @property
    def sources(self) -> tuple[Source, ...]:
        return (self.source,)

    def observe(self, look: Look) -> Array:
        return self.source.rows(look)

    def estimate(self, history: Sequence[Any]) -> float:
        return kolmogorov_distance(history[-1], self.cdf)

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        return DKWBand(alpha).distance(self.estimate(history), len(history[-1]), len(history))

    def is_exact(self, alpha: float) -> bool:
        return True

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        return float(DKWBand(alpha).detectable(len(history[-1]), POWER))

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        gap = distance_to_edge(self.estimate(history), self.accept)
        return float(DKWBand(alpha).trials_needed(gap, POWER)) if 0 < gap < math.inf else math.inf
