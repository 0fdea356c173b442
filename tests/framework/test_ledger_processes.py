"""Killed, concurrent and full: what a ledger acknowledged stays, whatever happens to its process."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import lemmata.ledger
from lemmata.codedigest import ROOT
from lemmata.ledger import Ledger, LedgerError
from tests.framework.ledgers import (
    WRITER,
    assert_holds,
    chunk_row,
    posix_only,
    python,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_full_database(path: Path) -> None:
    """SQLite's own limit of pages stands for a full disk: one clear line, and what was kept stays."""
    ledger = Ledger(path)
    ledger._usable().execute("PRAGMA max_page_count = 40")
    kept = 0
    message = ""
    while not message and kept < 10_000:
        try:
            kept += ledger.put(chunk_row(index) for index in range(kept, kept + 10))
        except LedgerError as error:
            message = str(error)
    assert message == f"ledger {path}: the disk is full; what was committed stays readable"
    assert kept > 0
    assert_holds(ledger, range(kept))
    assert ledger.summary().rows == kept
    ledger._usable().execute("PRAGMA max_page_count = 100000")
    ledger.put(chunk_row(index) for index in range(kept, kept + 10))
    ledger.close()
    with Ledger(path) as ledger:
        assert_holds(ledger, range(kept + 10))


FULL = """
import resource
ledger = Ledger(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
kept = 0
try:
    while kept < 100_000:
        ledger.put(chunk_row(index) for index in range(kept, kept + 10))
        kept += 10
except LedgerError as error:
    print(kept, error)
"""


@posix_only
def test_full_disk(path: Path) -> None:
    """The operating system refuses to let the file grow."""
    process = python(FULL, str(path))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    kept, message = out.split(" ", 1)
    assert int(kept) > 0
    assert "what was committed stays readable" in message
    with Ledger(path) as ledger:
        assert ledger.summary().rows == int(kept)
        assert_holds(ledger, range(int(kept)))


KILLED = """
import os, random, signal, time
path, moments, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
from tests.framework.ledgers import assert_holds
random.seed(seed)
with Ledger(f"{path}-first") as ledger:  # what a process does once is done before the forks
    ledger.put([chunk_row(0)])
    assert_holds(ledger, range(1))
wrote = total = 0
for moment in range(moments):
    if moment % 3 == 0:
        path, total = f"{sys.argv[1]}{moment}", 0
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        ledger = Ledger(path)
        for first in range(total, total + 1_000_000, 5):
            ledger.put(chunk_row(index) for index in range(first, first + 5))
            os.write(writing, b".")
    os.close(writing)
    acknowledged = total
    if moment % 2:  # else the file may not be there yet
        acknowledged += 5 * len(os.read(reading, 65536))
    time.sleep(0.002 * 40 ** random.random())  # 2 to 80 ms, the small ones as likely as the large
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while block := os.read(reading, 65536):
        acknowledged += 5 * len(block)
    os.close(reading)
    with Ledger(path) as ledger:
        rows = ledger.summary().rows
        assert acknowledged <= rows <= acknowledged + 5 and rows % 5 == 0, (acknowledged, rows)
        assert_holds(ledger, range(rows))
        assert ledger._usable().execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    wrote += rows > total
    total = rows
print(wrote)
"""


@posix_only
@pytest.mark.parametrize("moments", [24, pytest.param(300, marks=pytest.mark.long)])
def test_killed_at_any_moment(path: Path, moments: int) -> None:
    """Nothing acknowledged is lost to kill -9, in new files and in files that were killed before."""
    process = python(KILLED, str(path), str(moments), "7")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert int(out) >= moments // 2, "the writers that were waited for have written something"


SHARED = """
ledger = Ledger(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
new = 0
for first in range(0, 2000, 10):
    new += ledger.put(chunk_row(index) for index in range(first, first + 10))
    assert len(ledger.get([f"{index:064x}" for index in range(first, first + 10)])) == 10
print(new)
"""


def test_two_processes_write_at_once(path: Path) -> None:
    """Both finish, and each chunk is kept once."""
    text = WRITER.format(root=str(ROOT)) + SHARED
    pipe = subprocess.PIPE
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", text, str(path)], cwd=ROOT, text=True, stdin=pipe, stdout=pipe
        )
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    new = [int(writer.communicate(timeout=120)[0]) for writer in writers]
    assert sum(new) == 2000
    with Ledger(path) as ledger:
        assert ledger.summary().rows == 2000
        assert_holds(ledger, range(2000))


def test_two_ledgers_of_one_process_share_a_file(path: Path) -> None:
    """Opening and closing a second one leaves the first one's locks and rows alone."""
    with Ledger(path) as one:
        one.put([chunk_row(0)])
        with Ledger(path) as other:
            other.put([chunk_row(1)])
            assert_holds(one, range(2))
        one.put([chunk_row(2)])
        assert_holds(one, range(3))


def test_a_busy_file_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lemmata.ledger, "WAIT_SECONDS", 0.05)
    with Ledger(path) as one, Ledger(path) as other:
        one._usable().execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"another process has been writing for more than 0\.05 s"):
            other.put([chunk_row(0)])
        one._usable().execute("ROLLBACK")
        assert other.put([chunk_row(0)]) == 1


def test_other_threads_are_refused() -> None:
    errors: list[str] = []

    def work(ledger: Ledger) -> None:
        for action in (lambda: ledger.put([chunk_row(0)]), lambda: ledger.get(["k"]), ledger.close):
            try:
                action()
            except LedgerError as error:
                errors.append(str(error))

    with Ledger.memory() as ledger:
        thread = threading.Thread(target=work, args=(ledger,))
        thread.start()
        thread.join()
        assert ledger.put([chunk_row(0)]) == 1
    assert errors == ["ledger in memory: only the thread and process that opened a ledger may use it"] * 3


FORKED = """
import os
ledger = Ledger(sys.argv[1])
child = os.fork()
if child == 0:
    try:
        ledger.put([chunk_row(0)])
    except LedgerError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@posix_only
def test_forked_processes_are_refused(path: Path) -> None:
    out, err = python(FORKED, str(path)).communicate(timeout=60)
    assert "only the thread and process that opened a ledger may use it" in out, err


def test_an_interrupted_batch_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the rows of a batch: the transaction is undone and the ledger stays usable."""

    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    with Ledger(path) as ledger:
        with monkeypatch.context() as patch:
            patch.setattr(lemmata.ledger, "_run_id", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ledger.put([chunk_row(0)])
        assert ledger.summary().rows == 0
        assert ledger.put([chunk_row(0)]) == 1
