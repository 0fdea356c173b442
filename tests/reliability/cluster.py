"""kill -9 of Dask workers, all of them in turn, and of the scheduler, in the middle of a run."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lemmata.engines import EngineError, Serial, make_engine
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger
from simulations.attention_memorization import RIDGE_REGRESSION
from tests.framework.test_engine_dask import MODEL, start_scheduler
from tests.reliability.tables import Table
from tests.reliability.work import digest_of_ledger, digest_of_runs, health, own_cluster, stored

SIZES = {"small": (2, 1), "full": (12, 4)}
"""Worker processes and schedulers to kill."""
CHUNKS = 300


class KillAt:
    """A progress callback that kills a process at one of its calls."""

    def __init__(self, call: int, pid: Callable[[], int]) -> None:
        self.call, self.pid = call, pid
        self.killed = False

    def __call__(self, progress: Progress) -> None:
        if progress.done >= self.call and not self.killed:
            self.killed = True
            os.kill(self.pid(), signal.SIGKILL)


def run(name: str) -> list[Table]:
    """Workers first, schedulers then; the ledger of a lost scheduler is finished serially."""
    workers, schedulers = SIZES[name]
    table = Table(
        "C. Faults: Dask",
        [
            "killed",
            "times",
            "went through",
            "clear errors",
            "chunks kept by then",
            "twice",
            "digests differ",
        ],
    )
    rng = random.Random(4)
    with tempfile.TemporaryDirectory() as folder:
        expected = _finish(Path(folder) / "reference.sqlite")
        with own_cluster(2) as cluster:

            def worker() -> int:
                """One that runs: a process that dies while it starts is given up by its nanny for good."""
                end = time.monotonic() + 60
                while time.monotonic() < end:
                    if running := [one.pid for one in cluster.workers.values() if is_running(one)]:
                        return rng.choice(running)
                    time.sleep(0.05)
                raise TimeoutError("no worker came back")

            where = [cluster.scheduler_address] * workers
            _kill(table, "a worker", where, lambda _: worker, rng, Path(folder), expected)
        running = [start_scheduler() for _ in range(schedulers)]
        try:
            pids = {one.address: one.scheduler.pid for one in running}
            _kill(
                table, "the scheduler", list(pids), lambda at: lambda: pids[at], rng, Path(folder), expected
            )
        finally:
            for one in running:
                one.stop()
    return [table]


def is_running(nanny: Any) -> bool:
    """Whether the worker process of a Dask nanny has started."""
    return all(one.status.name == "running" for one in (nanny, nanny.process))


def _finish(path: Path) -> tuple[str, str]:
    """Run what is missing, serially; digests of the merged and of the stored statistics."""
    with Ledger(path) as ledger, Laboratory(3, engine=Serial(), ledger=ledger) as lab:
        growing = lab.run(RIDGE_REGRESSION, MODEL, paired=True)
        lab.advance([(growing, CHUNKS)])
    return digest_of_runs([growing]), digest_of_ledger(path)


def _kill(
    table: Table,
    words: str,
    addresses: list[str],
    pid_of: Callable[[str], Callable[[], int]],
    rng: random.Random,
    folder: Path,
    expected: tuple[str, str],
) -> None:
    through = clear = twice = differ = 0
    kept: list[Any] = []
    for i, address in enumerate(addresses):
        path = folder / f"{words.replace(' ', '-')}-{i}.sqlite"
        kill = KillAt(rng.randrange(1, CHUNKS // 2), pid_of(address))
        engine = make_engine("dask", cluster=address)
        with Ledger(path) as ledger, Laboratory(3, engine=engine, ledger=ledger, progress=kill) as lab:
            growing = lab.run(RIDGE_REGRESSION, MODEL, paired=True)
            try:
                lab.advance([(growing, CHUNKS)])
                through += 1
            except EngineError as error:
                is_clear = "finished chunks are kept" in str(error)
                clear += is_clear
                table.expect(is_clear, f"{words} {i}: {error}")
        table.expect(kill.killed, f"{words} {i}: was not killed")
        kept.append(len(stored(path)))
        table.expect(kept[-1] >= kill.call, f"{words} {i}: chunks that had come back are lost")
        differ += table.expect(_finish(path) == expected, f"{words} {i}: another digest") is False
        problem = health(path)
        twice += table.expect(not problem, f"{words} {i}: {problem}") is False
    kinds = f"{min(kept)} to {max(kept)} of {CHUNKS}"
    table.add(words, len(addresses), through, clear, kinds, twice, differ)
    table.expect(through + clear == len(addresses), f"{words}: another end")
