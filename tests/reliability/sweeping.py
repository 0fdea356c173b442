"""A small sweep by the real command line in forked processes, which may be killed, starved or lied to.

Chunks are made a thousand times smaller than real ones, and commits more frequent, before any fork: a run of half a
second then has hundreds of chunks and many commits, and can be hit anywhere.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lemmata.laboratory
import lemmata.streams
from lemmata.cli import main
from lemmata.ledger import ChunkRow, Ledger
from tests.reliability.work import digest_of_ledger

SPEC = """
version = 1
result = "attention_memorization.ridge_regression_error"
trials = {trials}
seed = 5
[parameters]
tokens = [16, 20, 24, 28]
dimension = 12
ridge = [0.1, 1]
snr = 1
"""
_COUNT = struct.Struct("<I")


def make_chunks_small() -> None:
    """Chunks of 2**14 operations, eight to a commit."""
    lemmata.streams.CHUNK_OPERATIONS = 2.0**14
    lemmata.laboratory.COMMIT_EVERY = 8


@dataclass
class Ended:
    """How a forked command ended: its exit code (negative: the signal), what it printed, chunks acknowledged."""

    code: int
    out: str
    err: str
    acknowledged: int


@dataclass
class Forked:
    """A command line that runs in a forked process."""

    pid: int
    pipes: tuple[int, ...]
    """Read ends: commits, standard output, standard error. No file: its size may be what is limited."""

    def kill(self) -> None:
        """End it as the system would: it gets no chance to tidy up."""
        os.kill(self.pid, 9)

    def wait(self) -> Ended:
        """Its end."""
        told, out, err = map(_read_all, self.pipes)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        told = told[: len(told) // _COUNT.size * _COUNT.size]  # it may have been killed within a number
        return Ended(code, out.decode(), err.decode(), sum(count for (count,) in _COUNT.iter_unpack(told)))


def _read_all(pipe: int) -> bytes:
    with os.fdopen(pipe, "rb") as file:
        return file.read()


@dataclass
class Sweep:
    """A sweep file in a folder of its own, with its table and ledger."""

    folder: Path
    trials: int
    name: str = "sweep"

    def __post_init__(self) -> None:
        self.spec.write_text(SPEC.format(trials=self.trials), encoding="utf-8")

    @property
    def spec(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.name}.sqlite"

    @property
    def table(self) -> Path:
        return self.folder / f"{self.name}.csv"

    def words(self, *more: str) -> list[str]:
        """The command line."""
        files = ["--ledger", str(self.ledger), "--out", str(self.table)]
        return ["sweep", str(self.spec), *files, "--workers", "2", *more]

    def clear(self) -> None:
        """Remove ledger and table."""
        for path in self.folder.glob(f"{self.name}.sqlite*"):
            path.unlink()
        self.table.unlink(missing_ok=True)

    def fork(self, *more: str, before: Callable[[], None] = lambda: None) -> Forked:
        """Start it in a forked process; `before` is called there first. Each commit is told to this process."""
        ends = [os.pipe() for _ in range(3)]
        pid = os.fork()
        if pid:
            for _, writing in ends:
                os.close(writing)
            return Forked(pid, tuple(reading for reading, _ in ends))
        code = 70
        try:
            for reading, _ in ends:
                os.close(reading)
            for stream in (1, 2):
                os.dup2(ends[stream][1], stream)
                os.close(ends[stream][1])
            tell_commits(ends[0][1])
            before()
            code = main(self.words(*more))
            sys.stdout.flush()
        finally:
            os._exit(code)

    def here(self, *more: str) -> Ended:
        """Run it in this process."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(self.words(*more))
        return Ended(code, out.getvalue(), err.getvalue(), 0)

    def left(self) -> tuple[str, bytes]:
        """Digest of the ledger, and the table."""
        return digest_of_ledger(self.ledger), self.table.read_bytes()


def tell_commits(writing: int) -> None:
    """Let this process tell, after each commit, how many chunks were acknowledged as new."""
    plain = Ledger.put

    def put(ledger: Ledger, rows: list[ChunkRow]) -> int:
        new = plain(ledger, rows)
        os.write(writing, _COUNT.pack(new))
        return new

    Ledger.put = put  # type: ignore[method-assign]


def one_line(text: str) -> bool:
    """Whether standard error holds one line of this program."""
    return text.startswith("lemmata: ") and text.count("\n") == 1 and "Traceback" not in text
