"""The question of a limit: a contrast that cancels the leading correction, with its guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lemmata.claims.freefit import FreeFit, free_fit
from lemmata.claims.observations import Contrast, Look, Source
from lemmata.claims.questions import MeanQuestion
from lemmata.claims.tools import Tool
from lemmata.confidence import Interval
from lemmata.confidence.special import normal_quantile


@dataclass(frozen=True)
class LimitQuestion:
    """Does an output tend to what is predicted, within the margin, as its sizes grow by the given factors?

    Decided by the contrast of the two finest sizes. A decision is held back while the contrast one step coarser
    provably differs by more than the margin, or a free fit leaves out the declared exponent: guards can keep the
    question open, never decide it.
    """

    label: str
    ladder: tuple[Source, ...]
    factors: tuple[int, ...]
    order: float
    target: float
    accept: tuple[float, float]
    tool: Tool

    @cached_property
    def _finest(self) -> MeanQuestion:
        contrast = Contrast(self._weights, self.ladder[-2:])
        return MeanQuestion(self.label, contrast, self.target, self.accept, self.tool)

    @cached_property
    def _agreement(self) -> MeanQuestion:
        """Finer minus coarser contrast; both share the middle size."""
        coarse, fine = self._weights
        contrast = Contrast((-coarse, coarse - fine, fine), self.ladder[-3:])
        return MeanQuestion(self.label, contrast, 0.0, self.accept, self.tool)

    @property
    def _weights(self) -> tuple[float, float]:
        gain = (self.factors[-1] / self.factors[-2]) ** self.order
        return -1 / (gain - 1), gain / (gain - 1)

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.ladder if self.ladder[0].is_sampled else ()

    @property
    def paired(self) -> bool:
        return False

    @property
    def needs_rows(self) -> bool:
        return self._finest.needs_rows or self._agreement.needs_rows

    def observe(self, look: Look) -> tuple[Any, Any, tuple[Any, ...]]:
        """The finest contrast, its difference from the coarser one, and every size by itself."""
        parts = tuple(source.moments(look) for source in self.sources)
        return self._finest.observe(look), self._agreement.observe(look), parts

    def estimate(self, history: Sequence[Any]) -> float:
        return self._finest.estimate(_column(history, 0))

    def interval(self, history: Sequence[Any], alpha: float) -> Interval:
        return self._finest.interval(_column(history, 0), alpha)

    def is_exact(self, alpha: float) -> bool:
        return self._agreement.is_exact(alpha) and self._finest.is_exact(alpha)

    def detectable(self, history: Sequence[Any], alpha: float) -> float:
        return self._finest.detectable(_column(history, 0), alpha)

    def needed(self, history: Sequence[Any], alpha: float) -> float:
        return self._finest.needed(_column(history, 0), alpha)

    def reservation(self, history: Sequence[Any], alpha: float) -> str:
        if self._agreement.interval(_column(history, 1), alpha).outside(*self.accept):
            return "finer and coarser contrast differ by more than the margin"
        fit = self._fit(history, alpha)
        if fit is not None and not fit.exponent_interval.contains(self.order):
            return f"{fit}, which leaves out the declared order {self.order:g}"
        return ""

    def remark(self, history: Sequence[Any], alpha: float) -> str:
        fit = self._fit(history, alpha)
        return "" if fit is None else str(fit)

    def _fit(self, history: Sequence[Any], alpha: float) -> FreeFit | None:
        parts = history[-1][2]
        return free_fit(self.factors, parts, -float(normal_quantile(alpha / 2))) if parts else None


def _column(history: Sequence[Any], i: int) -> list[Any]:
    return [observation[i] for observation in history]
