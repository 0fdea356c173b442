"""Timing that survives a busy machine: both sides in turns, in one process, on one thread; ratios of medians.

Times are the processor's, not the wall's, unless a benchmark waits for a disk.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Call = Callable[[], Any]


@dataclass(frozen=True)
class Benchmark:
    """Two ways to do the same.

    Parameters
    ----------
    id, title : str
    ours, reference : callable
        Called once before, and then in turns.
    units, reference_units : int
        Pieces of work (trials, chunks) that a call does; times are given for one.
    rounds : int
        Turns of each side.
    ratio_at_least : float, optional
        How many times faster than the reference ours has to be.
    excess_at_most : float, optional
        Seconds a unit by which ours may exceed the reference.
    clock : callable
        Processor time by default.
    """

    id: str
    title: str
    ours: Call
    reference: Call
    units: int = 1
    reference_units: int = 1
    rounds: int = 5
    ratio_at_least: float | None = None
    excess_at_most: float | None = None
    clock: Callable[[], float] = time.process_time


@dataclass(frozen=True)
class Timing:
    """Median seconds a unit of both sides, and the spread of their ratio over the rounds."""

    id: str
    title: str
    ours: float
    reference: float
    lowest_ratio: float
    highest_ratio: float
    target: str
    is_met: bool

    @property
    def ratio(self) -> float:
        """Reference over ours."""
        return self.reference / self.ours

    def to_data(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "id": self.id,
            "title": self.title,
            "ours_seconds": self.ours,
            "reference_seconds": self.reference,
            "ratio": self.ratio,
            "ratio_range": [self.lowest_ratio, self.highest_ratio],
            "target": self.target,
            "met": self.is_met,
        }


def measure(benchmark: Benchmark) -> Timing:
    """Run both sides in turns (ours, reference, ours, ...) with BLAS held to one thread."""
    from lemmata.threads import pin_threads

    with pin_threads():
        benchmark.ours()
        benchmark.reference()
        clock = benchmark.clock
        pairs = [
            (_seconds(benchmark.ours, clock), _seconds(benchmark.reference, clock))
            for _ in range(benchmark.rounds)
        ]
    ours = statistics.median(pair[0] for pair in pairs) / benchmark.units
    reference = statistics.median(pair[1] for pair in pairs) / benchmark.reference_units
    scale = benchmark.units / benchmark.reference_units
    ratios = [scale * theirs / mine for mine, theirs in pairs]
    target, is_met = "", True
    if benchmark.ratio_at_least is not None:
        target, is_met = (
            f"ratio >= {benchmark.ratio_at_least:g}",
            reference / ours >= benchmark.ratio_at_least,
        )
    if benchmark.excess_at_most is not None:
        target = f"excess <= {benchmark.excess_at_most:g} s"
        is_met = math.isfinite(ours) and ours - reference <= benchmark.excess_at_most
    return Timing(benchmark.id, benchmark.title, ours, reference, min(ratios), max(ratios), target, is_met)


def _seconds(call: Call, clock: Callable[[], float]) -> float:
    started = clock()
    call()
    return clock() - started


__all__ = ["Benchmark", "Timing", "measure"]
