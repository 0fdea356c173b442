"""kill -9 of the process that owns the ledger, at random moments; and two such processes on one ledger."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from tests.reliability.sweeping import Sweep, make_chunks_small
from tests.reliability.tables import Table
from tests.reliability.work import health, stored

SIZES = {"small": (12, 2000, 1), "full": (220, 4000, 4)}
"""Kills, trials of the sweep, pairs of processes on one ledger."""


def run(name: str) -> list[Table]:
    """Kill a sweep, run it again, kill it again, until it is through; and so on."""
    kills, trials, pairs = SIZES[name]
    make_chunks_small()
    table = Table(
        "C. Faults: the process that owns the ledger (the command `lemmata sweep`)",
        ["fault", "times", "chunks acknowledged", "lost", "twice", "torn tables", "digests differ"],
    )
    with tempfile.TemporaryDirectory() as folder:
        reference = Sweep(Path(folder), trials, "reference")
        reference.here()  # imports, kernels
        reference.clear()
        start = time.perf_counter()
        reference.fork().wait()
        length = time.perf_counter() - start
        expected = reference.left()
        _kill_at_random(table, Sweep(Path(folder), trials), expected, kills, length)
        _two_processes(table, Path(folder), trials, expected, pairs)
    return [table]


def _kill_at_random(
    table: Table, sweep: Sweep, expected: tuple[str, bytes], kills: int, length: float
) -> None:
    rng = random.Random(7)
    killed = completed = lost = twice = torn = differ = total = 0
    told: list[int] = []  # commits acknowledged before each kill
    acknowledged = 0
    while killed < kills or acknowledged:
        start = time.time()
        running = sweep.fork()
        if killed < kills:
            time.sleep(rng.uniform(0, 1.1 * length))
            running.kill()
        ended = running.wait()
        acknowledged += ended.acknowledged
        total += ended.acknowledged
        problem = health(sweep.ledger)
        twice += table.expect(not problem, f"after kill {killed}: {problem}") is False
        gone = max(0, acknowledged - len(stored(sweep.ledger)))
        table.expect(gone == 0, f"after kill {killed}: {gone} chunks lost")
        lost += gone
        if sweep.table.exists():
            whole = sweep.table.read_bytes() == expected[1]
            torn += table.expect(whole, f"after kill {killed}: the table is torn") is False
        if ended.code == 0:
            completed += 1
            elapsed = sweep.table.stat().st_mtime - start
            length = max(elapsed, 0.7 * length)  # the machine may be idler than before
            differ += table.expect(sweep.left() == expected, f"after kill {killed}: other digest") is False
            sweep.clear()
            acknowledged = 0
        elif table.expect(ended.code == -9, f"exit code {ended.code}: {ended.err}"):
            killed += 1
            told.append(ended.acknowledged)
    parts = list(sweep.folder.glob(".*.part"))
    early = sum(count == 0 for count in told)
    table.add(
        f"kill -9 at random moments ({early} before a commit; run again until through: {completed} times)",
        killed, total, lost, twice, torn, differ,
    )  # fmt: skip
    table.expect(killed >= kills, "too few kills")
    table.expect(len(parts) <= killed, "temporary files")


def _two_processes(table: Table, folder: Path, trials: int, expected: tuple[str, bytes], pairs: int) -> None:
    total = twice = torn = differ = 0
    for pair in range(pairs):
        one = Sweep(folder, trials, f"shared{pair}")
        running = [one.fork(), one.fork("--out", str(folder / f"other{pair}.csv"))]
        ended = [process.wait() for process in running]
        for process in ended:
            table.expect(process.code == 0, f"two processes: {process.err}")
        total += sum(process.acknowledged for process in ended)
        problem = health(one.ledger)
        twice += table.expect(not problem, f"two processes: {problem}") is False
        tables = [one.table.read_bytes(), (folder / f"other{pair}.csv").read_bytes()]
        torn += sum(content != expected[1] for content in tables)
        differ += table.expect(one.left() == expected, "two processes: other digest") is False
        rows = len(stored(one.ledger))
        table.expect(rows == sum(p.acknowledged for p in ended), "two processes: a chunk counted twice")
    table.add("two processes on one ledger at once", pairs, total, 0, twice, torn, differ)
    table.expect(torn == 0, "two processes: other tables")
