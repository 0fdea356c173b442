"""What a sweep will cost, said before it starts: chunks, time and bytes.

Chunks are counted from the sweep and the ledger. Time and bytes come from a pilot: a few chunks of the cheapest, the
middle and the dearest model by declared work, timed here and scaled by that work to all chunks that are missing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemmata import payload
from lemmata.chunks import code_of

if TYPE_CHECKING:
    from lemmata.laboratory import Laboratory, Run
    from lemmata.ledger import Ledger
    from lemmata.sweeps import Sweeping

ROW_BYTES = 180
"""What a ledger needs for a chunk beside its arrays: two copies of its key, and the filling of pages."""
FEW = 16
"""So few chunks are run without a pilot: it would cost as much as it foretells."""
_KEYS_AT_ONCE = 4096


@dataclass(frozen=True)
class Count:
    """Chunks of a sweep.

    Attributes
    ----------
    least, most : int
        Chunks that the sweep has at least and at most (they differ with a target precision).
    stored : int
        Chunks among the most that the ledger holds already.
    least_each : tuple of int
        Chunks that each model needs at least.
    least_missing, most_missing : tuple of int
        Chunks of each model that are still to be run, at least and at most.
    next_missing : tuple of int
        Index of the first of them.
    """

    least: int
    most: int
    stored: int
    least_each: tuple[int, ...]
    least_missing: tuple[int, ...]
    most_missing: tuple[int, ...]
    next_missing: tuple[int, ...]


@dataclass(frozen=True)
class Pilot:
    """A few chunks that were timed.

    Attributes
    ----------
    timed : int
        How many chunks.
    seconds_per_operation : float
        Their time by the work that their sampler declares.
    bytes_per_chunk : float
        What one of them takes in a ledger, on average.
    """

    timed: int
    seconds_per_operation: float
    bytes_per_chunk: float


def count_chunks(sweeping: Sweeping, runs: Sequence[Run], ledger: Ledger | None) -> Count:
    """Count what a sweep needs and what a ledger holds of it."""
    first, last = sweeping.spec.looks()[0], sweeping.spec.looks()[-1]
    known = [_known(run, run.chunks_for(last), ledger) for run in runs]
    least = [run.chunks_for(first) for run in runs]
    most = [run.chunks_for(last) for run in runs]
    return Count(
        sum(least),
        sum(most),
        sum(map(len, known)),
        tuple(least),
        tuple(n - sum(i < n for i in k) for n, k in zip(least, known, strict=True)),
        tuple(n - len(k) for n, k in zip(most, known, strict=True)),
        tuple(next((i for i, j in enumerate(k) if i != j), len(k)) for k in known),
    )


def _known(run: Run, chunks: int, ledger: Ledger | None) -> list[int]:
    """Indices of the chunks that the ledger holds."""
    if ledger is None:
        return []
    found: list[int] = []
    for first in range(0, chunks, _KEYS_AT_ONCE):
        keys = run.batch.keys(first, min(first + _KEYS_AT_ONCE, chunks), code_of(run.batch))
        held = ledger.known(keys)
        found += [first + i for i, key in enumerate(keys) if key in held]
    return found


def operations(run: Run) -> float:
    """Declared work of one chunk."""
    return float(run.batch.sampler.work(run.batch.model)) * run.batch.trials


def run_pilot(lab: Laboratory, runs: Sequence[Run], count: Count) -> Pilot | None:
    """Run and time the next chunk of up to three runs; one more comes first, untimed, so that kernels are compiled.

    No chunk is run that the sweep does not need. They go where the laboratory's chunks go: with a ledger, the sweep
    finds them there. The given runs are left as they are. None if too little is missing, or another process on the same
    ledger is faster.
    """
    from lemmata.laboratory import Run

    stored = count.next_missing if lab.ledger is not None else (0,) * len(runs)
    missing = [
        (Run(run.batch), first, needed, n)
        for run, first, needed, n in zip(runs, stored, count.least_each, count.least_missing, strict=True)
        if n
    ]
    missing.sort(key=lambda item: operations(item[0]))
    timed = missing if missing and missing[0][-1] > 1 else missing[1:]
    if not timed:
        return None
    _run_one(lab, *missing[0][:3])
    chosen = [timed[i] for i in sorted({0, len(timed) // 2, len(timed) - 1})]
    found = [(run, _run_one(lab, run, first, needed)) for run, first, needed, _ in chosen]
    seconds = {run: taken for run, taken in found if taken is not None}
    if not seconds:
        return None
    return Pilot(
        len(seconds),
        sum(seconds.values()) / sum(map(operations, seconds)),
        sum(ROW_BYTES + _payload_bytes(run) for run in seconds) / len(seconds),
    )


def _run_one(lab: Laboratory, run: Run, first: int, needed: int) -> float | None:
    """Seconds for the next of the needed chunks that no ledger holds; those before `first` are held."""
    lab.advance([(run, first)])
    computed = lab.computed
    while run.chunks < needed:  # another process may compute them meanwhile
        start = time.perf_counter()
        lab.advance([(run, run.chunks + 1)])
        if lab.computed > computed:
            return max(time.perf_counter() - start, 0.0)
    return None


def _payload_bytes(run: Run) -> int:
    arrays = {name: value for output, t in run.tallies.items() for name, value in t.to_arrays(output).items()}
    return len(payload.encode(arrays))


def forecast(count: Count, pilot: Pilot | None, runs: Sequence[Run], workers: int) -> dict[str, str]:
    """What is to be said before a sweep starts: headings and texts."""
    missing = sum(count.least_missing), sum(count.most_missing)
    facts = {"chunks": f"{_span(count.least, count.most)}, {count.stored:,} of them in the ledger"}
    facts["to run"] = _span(*missing)
    if not any(missing):
        return facts
    if pilot is None:
        return facts | {"time": "too few chunks for an estimate"}
    per_chunk = [operations(run) * pilot.seconds_per_operation for run in runs]
    ends = [
        sum(n * s for n, s in zip(counts, per_chunk, strict=True)) / workers
        for counts in (count.least_missing, count.most_missing)
    ]
    span = duration(ends[0]) if missing[0] == missing[1] else f"{duration(ends[0])} to {duration(ends[1])}"
    average = ends[1] * workers / missing[1]
    where = f"{workers} worker{'s' if workers > 1 else ''}"
    facts["time"] = f"about {span} on {where} ({average:.2g} s a chunk: a pilot of {pilot.timed} chunks here)"
    facts["ledger"] = f"about {size(missing[1] * pilot.bytes_per_chunk)} more" + (
        "" if missing[0] == missing[1] else " at the most"
    )
    return facts


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    for unit, length in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{_digits(seconds / length)} {unit}"
    return f"{_digits(seconds)} s"


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= length:
            return f"{_digits(count / length)} {unit}"
    return f"{count:.0f} bytes"


def _digits(value: float) -> str:
    """Two significant digits, without an exponent."""
    if value <= 0:
        return "0"
    return f"{value:,.{max(0, 1 - math.floor(math.log10(value)))}f}"


def _span(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


__all__ = ["FEW", "Count", "Pilot", "count_chunks", "duration", "forecast", "operations", "run_pilot", "size"]
