"""Bad input: every option of every command, and every field of a sweep file, with values of all sorts.

Commands run in a forked process, each for half a second at most; then Ctrl-C ends them, which is one more thing that
must leave one line and no torn file (a new process takes over, as after every Ctrl-C). Chunks are made small, so that
what is legal ends soon.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from hypothesis import HealthCheck, Phase, given, settings

import lemmata.cli.check
import lemmata.engines.dask
import lemmata.ledger
import lemmata.streams
from lemmata.cli import DEFECT, INTERRUPTED, main
from lemmata.engines import EngineError
from tests.reliability.inputs import Case, Chance, chances, command_line, legal, sweep_file, sweep_of
from tests.reliability.tables import Table

SIZES = {"small": (150, 150), "full": (3000, 3000)}
"""Command lines and sweep files."""
SECONDS = 0.5
PATIENCE = 10.0
"""Seconds after which a command that does not heed Ctrl-C is killed: a thread is inside a long chunk."""
MEMORY = 12 * 2**30
KINDS = (
    "done", "disagrees", "refused in one line", "interrupted", "killed", "tracebacks", "torn or stray files"
)  # fmt: skip
ALLOWED = ("build", "out", "t.csv", "t.parquet")


def run(name: str) -> list[Table]:
    """Command lines, then sweep files."""
    lines, files = SIZES[name]
    table = Table(
        "E. Bad input: command lines and sweep files drawn at random (cases are all different)",
        ["input", "cases", *KINDS],
    )
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder)):
        load_everything()
        arena = Arena(Path(folder), table)
        arena.drive("command lines", lines, command_line)
        arena.drive("sweep files", files, sweep_file)
        arena.server.end()
    return [table]


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """This process works in that folder, with small chunks, bounded memory, and no cluster to start."""

    def no_cluster(*_: object) -> None:
        raise EngineError("no cluster is started here")

    lemmata.streams.CHUNK_OPERATIONS = 2.0**12
    lemmata.ledger.BUILD = folder / "build"
    lemmata.ledger.DEFAULT_PATH = folder / "build" / "ledger.sqlite"
    lemmata.engines.dask._own_cluster = no_cluster
    lemmata.cli.check._panel = lambda *_: contextlib.nullcontext()  # claims are heard in this process
    assert lemmata.engines.dask.Dask.__init__.__kwdefaults__ is not None
    lemmata.engines.dask.Dask.__init__.__kwdefaults__["timeout"] = 0.2
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def load_everything() -> None:
    """Run each result once, so that forked processes need not import and compile what they run."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for result, parameters in legal():
            Path("spec.toml").write_text(sweep_of(result, parameters), encoding="utf-8")
            main(["sweep", "spec.toml", "--out", "t.csv", "--ledger", "ledger.sqlite", "--workers", "1"])
    for path in Path().glob("ledger.sqlite*"):
        path.unlink()
    Path("t.csv").unlink()


class Server:
    """A forked process that runs command lines, one after the other, until one of them is interrupted."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._ours.close()
            _serve(theirs)
        theirs.close()
        self._replies = self._ours.makefile("r", encoding="utf-8")
        self._ours.settimeout(PATIENCE)

    def ask(self, words: list[str]) -> tuple[int, str, str] | None:
        """Exit code, standard output and standard error; None if it did not answer."""
        try:
            self._ours.sendall(json.dumps(words).encode() + b"\n")
            reply = self._replies.readline()
        except TimeoutError:
            return None
        code, out, err = json.loads(reply) if reply else (DEFECT, "", "the process died")
        return code, out, err

    def end(self) -> None:
        """Kill the process."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._replies.close()
        self._ours.close()


def _serve(requests: socket.socket) -> NoReturn:
    try:
        gc.callbacks.clear()  # Hypothesis watches collections, and Ctrl-C might come inside its watch,
        sys.unraisablehook = lambda _: None  # or inside a finaliser, where Python cannot raise it
        warnings.simplefilter("ignore", ResourceWarning)  # or in the middle of an import
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)  # what libraries say of an interrupt that came inside them
        with requests.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                requests.sendall(json.dumps(call(json.loads(line))).encode() + b"\n")
    finally:
        os._exit(0)


class Arena:
    """A folder in which commands run, and what is held against them."""

    def __init__(self, folder: Path, table: Table) -> None:
        self.folder, self.table = folder, table
        self.server = Server()
        self.precious = folder / "precious"
        self.precious.mkdir()
        self.content = {"notes.txt": b"notes\n", "ledger.sqlite": b"no ledger\n", "t.csv": b"old\n"}
        for name, content in self.content.items():
            (self.precious / name).write_bytes(content)

    def drive(self, words: str, cases: int, make: Callable[[Chance], Case]) -> None:
        """Run so many different cases."""
        count: Counter[str] = Counter()
        seen: set[tuple[Any, ...]] = set()

        @settings(
            max_examples=3 * cases,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(chances)
        def each(chance: Chance) -> None:
            drawn = make(chance)
            key = (*drawn[0], drawn[1])
            if key not in seen and len(seen) < cases:
                seen.add(key)
                count[self.case(*drawn)] += 1

        each()
        self.table.add(words, len(seen), *(count[kind] for kind in KINDS))
        self.table.expect(len(seen) > 0.7 * cases, f"{words}: only {len(seen)} different cases")
        self.table.expect(count["done"] > cases // 50, f"{words}: next to nothing was legal")

    def case(self, words: list[str], spec: bytes) -> str:
        """Run one command line; how it ended."""
        (self.folder / "spec.toml").write_bytes(spec)
        answer = self.server.ask(words)
        if answer is None or answer[0] in (INTERRUPTED, DEFECT):
            self.server.end()
            self.server = Server()
        kind, problem = self.judged(answer)
        if not problem:
            problem = self.stray(kind)
            kind = "torn or stray files" if problem else kind
        if problem:
            self.table.problems.append(f"{problem} after {words!r} with {spec.decode(errors='replace')!r}")
        return kind

    def judged(self, answer: tuple[int, str, str] | None) -> tuple[str, str]:
        """How it ended, and what is wrong with that."""
        if answer is None:
            return "killed", ""
        code, out, err = answer
        kind = {0: "done", 1: "disagrees", 2: "refused in one line", INTERRUPTED: "interrupted"}.get(code)
        if kind is None or "Traceback" in out + err:
            return "tracebacks", f"code {code}, {err[-400:]!r}"
        if code == 2 and not (err.startswith("lemmata: ") and err.count("\n") == 1):
            return "tracebacks", f"not a single line: {err[-400:]!r}"
        return kind, ""

    def stray(self, kind: str) -> str:
        """What is wrong with the files that are there now; they are removed."""
        found = ""
        for path in list(self.folder.iterdir()):
            if path in (self.precious, self.folder / "spec.toml"):
                continue
            if path.name.endswith(".part") and kind != "killed":
                found = f"torn file {path.name}"
            elif path.suffix == ".csv" and not _is_whole(path, kind):
                found = f"table {path.name}"
            elif path.name not in ALLOWED and not path.name.startswith(("ledger.sqlite", ".")):
                found = f"stray file {path.name}"
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, content in self.content.items():
            now = (self.precious / name).read_bytes()
            is_table = name == "t.csv" and b",output,kind," in b"," + now and now.endswith(b"\n")
            if now != content and not is_table:  # Ctrl-C may come just after the table
                found = f"{name} was changed"
            (self.precious / name).write_bytes(content)
        if {path.name for path in self.precious.iterdir()} != set(self.content):
            found = f"stray files {[path.name for path in self.precious.iterdir()]}"
            for path in self.precious.iterdir():
                if path.name not in self.content:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        return found


def _is_whole(path: Path, kind: str) -> bool:
    """Whether a file is a whole table of a command that is done, or a ledger that was asked for by that name."""
    content = path.read_bytes()
    return (
        content.startswith(b"SQLite format 3")
        or content == b""
        or (kind == "done" and content.endswith(b"\n"))
    )


def call(words: list[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line; Ctrl-C comes after half a second."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    out, err = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGALRM, interrupt)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                code = main(words)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:  # it came while the command was ending
        code = INTERRUPTED
    except BaseException:
        code = DEFECT
        err.write(traceback.format_exc())
    return code, out.getvalue(), err.getvalue()
