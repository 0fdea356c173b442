"""A disk that is full, at every write of a small run; and worse: one that fails once, and one that stays full."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lemmata.ledger
from tests.reliability.sweeping import Sweep, make_chunks_small, one_line
from tests.reliability.tables import Table
from tests.reliability.work import health, stored

SIZES = {"small": (100, 3), "full": (300, 1)}
"""Trials of the sweep (its chunks are those of 16 trials or fewer), and every how many-th page is tried."""
FRAME = 4096 + 24
"""What a page takes in a write-ahead log; its header takes 32 bytes."""


class Failing(sqlite3.Connection):
    """A connection whose `first`-th write (counted from 0), and `last`, and all between, meet a full disk."""

    first, last, count = 0, 0, 0

    def _write(self, statement: str) -> None:
        if statement.split()[0] in ("BEGIN", "INSERT", "COMMIT", "CREATE"):
            number, Failing.count = Failing.count, Failing.count + 1
            if Failing.first <= number <= Failing.last:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        self._write(statement)
        return super().execute(statement, *arguments)

    def executemany(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        self._write(statement)
        return super().executemany(statement, *arguments)


def fail_between(first: int, last: int) -> None:
    """Let this process's ledgers fail at these writes."""
    plain = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return plain(*arguments, **options, factory=Failing)

    Failing.first, Failing.last = first, last
    lemmata.ledger.sqlite3.connect = connect  # type: ignore[assignment]


def starve(size: int) -> None:
    """No file of this process may grow beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def run(name: str) -> list[Table]:
    """Each fault, then the same command on a disk with room."""
    trials, every = SIZES[name]
    make_chunks_small()
    table = Table(
        "C. Faults: writes that fail",
        ["fault", "places", "clear errors", "went through", "chunks acknowledged", "lost", "digests differ"],
    )
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(Path(folder), trials)
        sweep.here()
        sweep.clear()
        writes = _writes_of(sweep)
        expected = sweep.left()
        pages = sweep.ledger.stat().st_size // 4096
        sweep.clear()
        never = 10**9
        faults: list[tuple[str, list[Callable[[], None]]]] = [
            (
                "ENOSPC at the k-th write statement, once, every k",
                [lambda k=k: fail_between(k, k) for k in range(writes)],
            ),
            (
                "ENOSPC from the k-th write statement on, every k",
                [lambda k=k: fail_between(k, never) for k in range(writes)],
            ),
            (
                "the log may hold k pages" + (", every k" if every == 1 else f", every {every}th k"),
                [lambda k=k: starve(32 + k * FRAME) for k in range(0, 3 * pages, every)],
            ),
        ]
        for words, places in faults:
            _try(table, sweep, expected, words, places)
    return [table]


def _writes_of(sweep: Sweep) -> int:
    """Write statements of a run without faults."""
    told = sweep.folder / "writes"

    def before() -> None:
        fail_between(-1, -1)
        plain = os._exit

        def tell(code: int) -> None:
            told.write_text(str(Failing.count), encoding="utf-8")
            plain(code)

        os._exit = tell  # type: ignore[assignment]

    sweep.fork(before=before).wait()
    return int(told.read_text(encoding="utf-8"))


def _try(
    table: Table, sweep: Sweep, expected: tuple[str, bytes], words: str, places: list[Callable[[], None]]
) -> None:
    clear = through = total = lost = differ = 0
    for k, fault in enumerate(places):
        ended = sweep.fork(before=fault).wait()
        total += ended.acknowledged
        where = f"{words}, k = {k}"
        if ended.code == 0:
            through += 1
            table.expect(sweep.left() == expected, f"{where}: went through with another digest")
        elif table.expect(
            ended.code == 2 and one_line(ended.err), f"{where}: code {ended.code}: {ended.err}"
        ):
            clear += 1
            table.expect(not sweep.table.exists(), f"{where}: a table was left")
        table.expect(not list(sweep.folder.glob(".*.part")), f"{where}: a torn table was left")
        gone = max(0, ended.acknowledged - len(stored(sweep.ledger)))
        lost += gone
        table.expect(gone == 0, f"{where}: {gone} chunks lost")
        again = sweep.fork().wait()
        problem = again.err if again.code else health(sweep.ledger)
        table.expect(not problem, f"{where}: then {problem}")
        if again.code or not table.expect(sweep.left() == expected, f"{where}: another digest"):
            differ += 1
        sweep.clear()
    table.add(words, len(places), clear, through, total, lost, differ)
    table.expect(clear >= len(places) // 3, f"{words}: the fault did not bite")
