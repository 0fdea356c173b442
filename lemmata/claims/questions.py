"""Questions: the smallest things that the referee decides, each at one point of a claim's design.

A question says which sources it watches, how a look at them is reduced to an observation (nothing of the
prediction enters there, so that mutants are judged on the same data), and which interval for the discrepancy the
history of observations gives at a level alpha. It is held when the interval lies inside `accept`, failed when
it lies outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lemmata.claims.observations import Contrast, Source
from lemmata.claims.tools import Tool
from lemmata.claims.verdicts import Outcome
from lemmata.confidence import DKWBand, Interval, kolmogorov_distance
from lemmata.estimates import Estimate
from lemmata.statistics import Moments


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
        """Whether the sources share their draws."""
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

    def observe(self, estimates: Mapping[Source, Estimate]) -> Any:
        """One look."""
        ...

    def estimate(self, history: Sequence[Any]) -> float:
        """The observed number at the last look."""
        ...

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        """Interval for the discrepancy at the last look."""
        ...

    def is_exact(self, alpha: float) -> bool:
        """Whether the level holds at finite numbers of trials."""
        ...

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        """Smallest distance beyond an end of `accept` that is detected with probability 0.9 at these trials."""
        ...

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        """Trials after which the question is decided if its discrepancy is what it seems now."""
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
    return min(abs(discrepancy - end) for end in accept if math.isfinite(end))


@dataclass(frozen=True)
class MeanQuestion:
    """Is a contrast of means what is predicted, within the margin?"""

    label: str
    contrast: Contrast
    target: float
    accept: tuple[float, float]
    tool: Tool

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(source for source in self.contrast.sources if source.is_sampled)

    @property
    def paired(self) -> bool:
        return self.contrast.paired

    @property
    def needs_rows(self) -> bool:
        return self.contrast.paired

    def observe(self, estimates: Mapping[Source, Estimate]) -> Moments | float:
        return self.contrast.measure(estimates) if self.contrast.is_sampled else self.contrast.computed()

    def estimate(self, history: Sequence[Any]) -> float:
        last = history[-1]
        return float(last.mean) if isinstance(last, Moments) else float(last)

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        if not self.contrast.is_sampled:
            discrepancy = float(history[-1]) - self.target
            return Interval(discrepancy, discrepancy)
        return self._sequence(alpha).interval(history).shift(-self.target)

    def is_exact(self, alpha: float) -> bool:
        return self._sequence(alpha).exact

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        if not self.contrast.is_sampled:
            return 0.0
        last: Moments = history[-1]
        return float(self._sequence(alpha).detectable(last.count, _spread(last)))

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        if not self.contrast.is_sampled:
            return 0.0
        gap = distance_to_edge(self.estimate(history) - self.target, self.accept)
        return float(self._sequence(alpha).trials_needed(gap, _spread(history[-1]))) if gap > 0 else math.inf

    def _sequence(self, alpha: float) -> Any:
        return self.tool(alpha, *self.contrast.range, self.target)


@dataclass(frozen=True)
class SlopeQuestion:
    """Does a quantity grow as the predicted power of a scale, within the margin?

    The slope of log(mean) against log(scale) by least squares with fixed weights; each mean gets a sequence at its
    share of alpha, and the intervals are carried through the logarithm (union bound).
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
        return tuple(source for source in self.points if source.is_sampled)

    def _sequence(self, source: Source, alpha: float) -> Any:
        low, high = source.range
        return self.tool(alpha, low, high, 0.5 * (low + high))

    @property
    def _weights(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        x = np.log(np.asarray(self.scales))
        x = x - x.mean()
        return x / (x @ x)

    def observe(self, estimates: Mapping[Source, Estimate]) -> tuple[Moments | float, ...]:
        return tuple(estimates[s].moments[s.index] if s.is_sampled else s.computed() for s in self.points)

    def estimate(self, history: Sequence[Any]) -> float:
        means = [float(part.mean) if isinstance(part, Moments) else part for part in history[-1]]
        if min(means) <= 0:
            return math.nan
        return float(self._weights @ np.log(means))

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        low = high = -self.target
        for i, (weight, source) in enumerate(zip(self._weights, self.points, strict=True)):
            if source.is_sampled:
                part = self._sequence(source, alpha / len(self.sources)).interval([look[i] for look in history])
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
        interval = self.interval(history, alpha)
        return float(interval.width) if self.sources else 0.0

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        if not self.sources:
            return 0.0
        gap = distance_to_edge(self.estimate(history) - self.target, self.accept)
        half = float(self.interval(history, alpha).width) / 2
        count = max(part.count for part in history[-1] if isinstance(part, Moments))
        return count * (half / gap) ** 2 if gap > 0 and math.isfinite(half) else math.inf


@dataclass(frozen=True)
class LawQuestion:
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

    def observe(self, estimates: Mapping[Source, Estimate]) -> Any:
        return estimates[self.source].rows[(slice(None), *self.source.index)]

    def estimate(self, history: Sequence[Any]) -> float:
        return kolmogorov_distance(history[-1], self.cdf)

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        return DKWBand(alpha).distance(self.estimate(history), len(history[-1]), len(history))

    def is_exact(self, alpha: float) -> bool:
        return True

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        return float(DKWBand(alpha).detectable(len(history[-1])))

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        gap = distance_to_edge(self.estimate(history), self.accept)
        return float(DKWBand(alpha).trials_needed(gap)) if gap > 0 else math.inf


def _spread(moments: Moments) -> float:
    variance = float(moments.variance)
    return variance if math.isfinite(variance) else 0.0
