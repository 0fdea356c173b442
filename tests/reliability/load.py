"""Very many chunks of a trivial sampler: what a chunk costs whom, and whether the parent's memory stays flat."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import lemmata.engines.dask
from lemmata.chunks import Batch, code_of, run_chunk
from lemmata.engines import Serial, make_engine
from lemmata.laboratory import COMMIT_EVERY, Laboratory, Run
from lemmata.ledger import ChunkRow, Ledger
from lemmata.records import Sampler
from tests.framework.invented import Walk
from tests.framework.test_engine_dask import start_scheduler
from tests.reliability.tables import Table
from tests.reliability.work import health

SIZES = {"small": (10_000, 2_000, 200), "full": (1_000_000, 100_000, 2_000)}
"""Chunks of the sweep, chunks through Dask, tasks of a single chunk through Dask."""
MODELS = 10
FLAT = 48.0
"""MiB by which the parent may grow between a tenth of the chunks and the end: caches of SQLite and of Python."""


def sample_trivial(model: Walk, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """One uniform number."""
    return {"value": rng.random(trials)}


def _work(model: Walk) -> float:
    return 1e8


TRIVIAL = Sampler(sample_trivial, ranges={"value": (0.0, 1.0)}, work=_work)
SAMPLERS = (TRIVIAL,)


def run(name: str) -> Iterator[Table]:
    """The sweep through one thread; then what its steps cost, and what they cost a cluster."""
    chunks, through_dask, single = SIZES[name]
    with tempfile.TemporaryDirectory() as folder:
        yield _sweep(Path(folder) / "ledger.sqlite", chunks)
    yield _steps()
    yield _cluster(through_dask, single)


def _resident() -> float:
    """Resident memory of this process, in MiB."""
    return psutil.Process().memory_info().rss / 2**20


def _sweep(path: Path, chunks: int) -> Table:
    table = Table(
        f"D. Load: a sweep of {chunks:,} chunks ({MODELS} models) on one thread",
        ["chunks", "chunks/s", "CPU µs/chunk", "ledger bytes/chunk", "parent MiB"],
    )
    levels: list[float] = []
    share = chunks // MODELS
    with Ledger(path) as ledger, Laboratory(0, engine=make_engine("threads", 1), ledger=ledger) as lab:
        runs = [lab.run(TRIVIAL, Walk(m + 1)) for m in range(MODELS)]
        for tenth, growing in enumerate(runs, start=1):
            speed, cost = _timed(lab, growing, share)
            levels.append(_resident())
            size = ledger.summary().bytes / (tenth * share)
            table.add(f"{tenth * share:,}", speed, cost, f"{size:.0f}", f"{levels[-1]:.0f}")
        table.expect(
            levels[-1] - levels[0] < FLAT, f"the parent grew from {levels[0]:.0f} to {levels[-1]:.0f} MiB"
        )
        again = Laboratory(0, engine=Serial(), ledger=ledger)
        growing = again.run(TRIVIAL, Walk(1))
        table.add(f"{share:,} read back", *_timed(again, growing, share), "", f"{_resident():.0f}")
        table.expect(again.computed == 0, "a stored chunk was computed again")
        same = growing.tallies["value"].moments.m2 == runs[0].tallies["value"].moments.m2
        table.expect(bool(same), "what was read back differs")
    table.expect(not health(path), health(path))
    return table


def _timed(lab: Laboratory, growing: Run, chunks: int) -> tuple[str, str]:
    """Run so many chunks: chunks a second, and microseconds of CPU time for each, all threads together."""
    start, cpu = time.perf_counter(), time.process_time()
    lab.advance([(growing, chunks)])
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return f"{chunks / seconds:,.0f}", f"{cpu / chunks * 1e6:.0f}"


def _steps(chunks: int = 4000) -> Table:
    """CPU time of each thing that the parent or a worker does, alone."""
    table = Table("D. Load: what a chunk costs, step by step", ["step", "where", "CPU µs/chunk"])
    batch = Batch(TRIVIAL, Walk(1))
    code = code_of(batch)
    run_chunk(batch, 0)
    arrays: list[Any] = []

    def timed(words: str, where: str, function: Any) -> None:
        start = time.process_time()
        function()
        table.add(words, where, f"{(time.process_time() - start) / chunks * 1e6:.1f}")

    timed(
        "stream, call of the sampler, checks, statistics",
        "worker",
        lambda: arrays.extend(run_chunk(batch, i) for i in range(chunks)),
    )
    timed("key", "parent", lambda: batch.keys(0, chunks, code))
    merged = Run(batch)
    timed("merge", "parent", lambda: [merged.absorb(one) for one in arrays])
    keys = batch.keys(0, chunks, code)
    rows = [
        ChunkRow(key, TRIVIAL.identifier, batch.model.to_json(), i, batch.trials, arrays[i], "here")
        for i, key in enumerate(keys)
    ]
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
        starts = range(0, chunks, COMMIT_EVERY)
        timed(
            "put into the ledger", "parent", lambda: [ledger.put(rows[i : i + COMMIT_EVERY]) for i in starts]
        )
        timed(
            "get from the ledger", "parent", lambda: [ledger.get(keys[i : i + COMMIT_EVERY]) for i in starts]
        )
    return table


def _cluster(chunks: int, single: int) -> Table:
    """CPU time of parent, scheduler and worker, each a process of its own."""
    table = Table(
        "D. Load: CPU time through Dask (one scheduler, one worker, both processes of their own; no ledger)",
        ["bundles of", "chunks", "parent µs/chunk", "scheduler µs/chunk", "worker µs/chunk", "chunks/s"],
    )
    running = start_scheduler()
    try:
        pids = os.getpid(), running.scheduler.pid, running.worker.pid
        longest = lemmata.engines.dask.MOST_IN_BUNDLE
        for most, count in ((longest, chunks), (1, single)):
            lemmata.engines.dask.MOST_IN_BUNDLE = most
            with Laboratory(0, engine=make_engine("dask", cluster=running.address)) as lab:
                growing = lab.run(TRIVIAL, Walk(1))
                lab.advance([(growing, min(count // 10, 2048))])
                before, start, first = _cpu(pids), time.perf_counter(), growing.chunks
                lab.advance([(growing, count)])
                seconds, n = time.perf_counter() - start, count - first
                spent = [(b - a) / n * 1e6 for a, b in zip(before, _cpu(pids), strict=True)]
            table.add(f"up to {most}", f"{n:,}", *(f"{x:,.0f}" for x in spent), f"{n / seconds:,.0f}")
        lemmata.engines.dask.MOST_IN_BUNDLE = longest
    finally:
        running.stop()
    return table


def _cpu(pids: tuple[int, ...]) -> list[float]:
    """CPU seconds that processes have used."""
    return [sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids]
