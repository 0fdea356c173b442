"""The ledger: one SQLite file in which finished chunks and verdicts are kept.

A row is written once, inside a transaction, and carries a checksum that every reading verifies. Arrays are
raw `.npy` bytes: nothing is ever unpickled. Killing the process at any moment loses only what was not yet
committed. A file that is no ledger is never written to.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from lemmata import payload
from lemmata.payload import Arrays, PayloadError
from lemmata.platforms import platform_text

BUILD = Path(__file__).resolve().parent.parent / "build"
"""The only folder that opening a ledger may make."""
DEFAULT_PATH = BUILD / "ledger.sqlite"
FORMAT = 1
"""Version of the file's format (`PRAGMA user_version`)."""
APPLICATION = int.from_bytes(b"Lmta", "big")
"""Marks the file as a ledger (`PRAGMA application_id`)."""
WAIT_SECONDS = 30
"""How long a writer waits for another process's transaction."""

Key = str | bytes
_KEYS_A_QUERY = 500
_TABLES = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    sampler TEXT NOT NULL,
    model TEXT NOT NULL,
    platform TEXT NOT NULL,
    UNIQUE (sampler, model, platform)
);
CREATE TABLE chunks (
    key PRIMARY KEY NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (id),
    chunk INTEGER NOT NULL,
    trials INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    claim TEXT NOT NULL,
    level TEXT NOT NULL,
    key TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX verdicts_by_claim ON verdicts (claim, level);
"""


class LedgerError(Exception):
    """A ledger that cannot be opened, read or written; the message is one line and names the file."""


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """One finished chunk.

    Attributes
    ----------
    key : str or bytes
        Digest of everything that decides the arrays.
    sampler, model_json : str
        Identifier of the sampler, canonical JSON of the model.
    chunk, trials : int
        Index of the chunk (>= 0) and its number of trials (>= 1).
    arrays : dict of arrays
        Any NumPy dtype but objects; the bits are kept, NaN included.
    platform : str
        `platform_text()` of the process that computed the chunk.
    """

    key: Key
    sampler: str
    model_json: str
    chunk: int
    trials: int
    arrays: dict[str, np.ndarray[Any, Any]]
    platform: str


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A recorded verdict: claim, level (quick or full), key of its evidence, and the record itself."""

    claim_id: str
    level: str
    key: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a ledger holds: numbers of chunks, trials, verdicts, bytes in the file, and chunks by sampler."""

    rows: int
    trials: int
    verdicts: int
    bytes: int
    samplers: dict[str, int]


class Ledger:
    """A ledger file, opened for reading and writing by one thread of one process.

    Several processes may have the same file open: each transaction waits for the others, and a chunk that two
    of them finish is kept once.

    Parameters
    ----------
    path : path
        The file; made when it is missing. Its folder must exist (only the checkout's `build` is made).

    Raises
    ------
    LedgerError
        If the file cannot be used: no folder, not writable, no ledger, a newer format, damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path | None = Path(path)
        _inspect(self.path)
        self._open(str(self.path))

    @classmethod
    def memory(cls) -> Ledger:
        """A ledger that lives in memory only and is gone when it is closed."""
        self = cls.__new__(cls)
        self.path = None
        self._open(":memory:")
        return self

    def _open(self, database: str) -> None:
        self._name = "ledger in memory" if self.path is None else f"ledger {self.path}"
        self._owner = (os.getpid(), threading.get_ident())
        self._runs: dict[tuple[str, str, str], int] = {}
        self._connection: sqlite3.Connection | None = None
        with self._told():
            connection = sqlite3.connect(database, timeout=WAIT_SECONDS, isolation_level=None)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._connection is not None:
            connection = self._usable()
            self._connection = None
            connection.close()

    # ---- chunks

    def get(self, keys: Sequence[Key]) -> dict[Key, Arrays]:
        """The arrays of those keys that the ledger holds, in the order asked for.

        Raises
        ------
        LedgerError
            If a row is damaged (it is named), or the file cannot be read.
        """
        found: dict[Key, Arrays] = {}
        query = "SELECT key, chunk, trials, payload FROM chunks WHERE key IN"
        for key, chunk, trials, content in self._select(query, keys):
            try:
                found[key] = payload.decode(content, _label(key, chunk, trials))
            except PayloadError as error:
                raise LedgerError(
                    f"{self._name}: chunk {chunk} with key {_printable(key)} is damaged ({error}); "
                    "move the file away to compute its chunks anew"
                ) from None
        return {key: found[key] for key in keys if key in found}

    def put(self, rows: Iterable[ChunkRow]) -> int:
        """Keep finished chunks, all in one transaction; returns how many of them were new.

        A key that the ledger already holds is left as it is.

        Raises
        ------
        ValueError
            If a row holds what no ledger keeps: object arrays, masked arrays, a negative chunk, no trials.
        LedgerError
            If the file cannot be written (disk full, read-only): nothing of this batch is kept then, and what
            was kept before stays.
        """
        batch = list(rows)
        contents = [_encoded(row) for row in batch]
        with self._transaction() as connection:
            runs: dict[tuple[str, str, str], int] = {}
            for row in batch:
                run = (row.sampler, row.model_json, row.platform)
                if run not in self._runs and run not in runs:
                    runs[run] = _run_id(connection, run)
            ids = self._runs | runs if runs else self._runs
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?)",
                [
                    (row.key, ids[row.sampler, row.model_json, row.platform], row.chunk, row.trials, content)
                    for row, content in zip(batch, contents, strict=True)
                ],
            )
            new = connection.total_changes - before
        self._runs |= runs
        return new

    def known(self, keys: Sequence[Key]) -> set[Key]:
        """Those of the keys that the ledger holds; their arrays are not read."""
        return {key for (key,) in self._select("SELECT key FROM chunks WHERE key IN", keys)}

    def platforms(self, keys: Sequence[Key]) -> set[str]:
        """The platforms on which the chunks of these keys were computed."""
        query = "SELECT DISTINCT platform FROM chunks JOIN runs ON runs.id = chunks.run WHERE key IN"
        return {platform for (platform,) in self._select(query, keys)}

    # ---- verdicts

    def put_verdict(self, claim_id: str, level: str, key: str, record: dict[str, Any]) -> None:
        """Keep a verdict; older ones of the same claim and level stay in the file but are no longer current.

        Raises
        ------
        ValueError
            If the record cannot be written as JSON.
        """
        try:
            text = json.dumps(record)
        except (TypeError, ValueError) as error:
            raise ValueError(f"record of {claim_id}: cannot be written as JSON ({error})") from None
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO verdicts (claim, level, key, record) VALUES (?, ?, ?, ?)",
                (claim_id, level, key, text),
            )

    def verdicts(self) -> list[VerdictRow]:
        """The latest verdict of each claim at each level, by claim and level."""
        query = (
            "SELECT claim, level, key, record FROM verdicts "
            "WHERE id IN (SELECT max(id) FROM verdicts GROUP BY claim, level) ORDER BY claim, level"
        )
        with self._told():
            rows = self._usable().execute(query).fetchall()
        try:
            return [VerdictRow(claim, level, key, json.loads(text)) for claim, level, key, text in rows]
        except ValueError:
            raise LedgerError(f"{self._name}: a verdict is damaged (no JSON)") from None

    def summary(self) -> Summary:
        """Numbers of chunks, trials, verdicts and bytes, and the chunks by sampler."""
        with self._told():
            connection = self._usable()
            rows, trials = connection.execute(
                "SELECT count(*), coalesce(sum(trials), 0) FROM chunks"
            ).fetchone()
            (verdicts,) = connection.execute("SELECT count(*) FROM verdicts").fetchone()
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            query = (
                "SELECT sampler, count(*) FROM chunks JOIN runs ON runs.id = chunks.run GROUP BY 1 ORDER BY 1"
            )
            samplers = dict(connection.execute(query).fetchall())
        return Summary(rows, trials, verdicts, pages * page_size, samplers)

    def compact(self) -> int:
        """Give back room that is not needed; returns how many bytes smaller the file and its log are.

        Verdicts that are no longer current are removed, chunks never. A process that is killed meanwhile leaves the
        file as it was.

        Raises
        ------
        LedgerError
            If another process has the file open for writing, or there is no room for the copy that is made.
        """
        before = self._bytes_on_disk()
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM verdicts WHERE id NOT IN (SELECT max(id) FROM verdicts GROUP BY claim, level)"
            )
        with self._told():
            self._usable().execute("VACUUM")
            self._usable().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return before - self._bytes_on_disk()

    def _bytes_on_disk(self) -> int:
        if self.path is None:
            return self.summary().bytes
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    # ---- connection

    def _usable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise LedgerError(f"{self._name} is closed")
        if self._owner != (os.getpid(), threading.get_ident()):
            raise LedgerError(f"{self._name}: only the thread and process that opened a ledger may use it")
        return self._connection

    def _select(self, query: str, keys: Sequence[Key]) -> Iterator[tuple[Any, ...]]:
        for first in range(0, len(keys), _KEYS_A_QUERY):
            some = keys[first : first + _KEYS_A_QUERY]
            with self._told():
                rows = self._usable().execute(f"{query} ({','.join('?' * len(some))})", some).fetchall()
            yield from rows

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._told():
            connection = self._usable()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Generator[None]:
        """Turn an error of SQLite into one line that says what to do."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise LedgerError(f"{self._name}: {_reason(error)}") from error


def _inspect(path: Path) -> None:
    """Refuse, without touching it, whatever can become no ledger and is none of this format."""
    name = f"ledger {path}"
    folder = path.absolute().parent
    if path.is_dir():
        raise LedgerError(f"{name}: this is a folder; give the path of a file")
    if not folder.is_dir():
        if folder != BUILD:
            raise LedgerError(f"{name}: the folder {folder} does not exist; make it first")
        folder.mkdir(exist_ok=True)
    if not path.exists():
        if not _allowed(folder, os.W_OK):
            raise LedgerError(f"{name}: the folder {folder} is not writable")
        return
    if not path.is_file():
        raise LedgerError(f"{name}: not a regular file")
    if not _allowed(path, os.R_OK | os.W_OK):
        raise LedgerError(f"{name}: the file is not readable and writable")
    if path.stat().st_size == 0:
        return
    application, version = _marks(path)
    if application != APPLICATION:
        raise LedgerError(f"{name}: not a Lemmata ledger; the file is left as it is")
    if version > FORMAT:
        raise LedgerError(
            f"{name}: format {version} of a newer Lemmata; this one reads up to format {FORMAT}"
        )
    if version < 1:
        raise LedgerError(f"{name}: damaged (no format version)")


def _allowed(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _marks(path: Path) -> tuple[int, int]:
    """Application and version written in the file; (0, 0) if it is no SQLite file.

    The file is opened as immutable first, so that a foreign database gets no journal or lock file beside it.
    That may fail for a ledger whose last pages are still in its write-ahead log: then it is opened read-only.
    SQLite opens it, not `open`: closing a second handle would drop the locks of a connection in this process.
    """
    for mode in ("mode=ro&immutable=1", "mode=ro"):
        connection = None
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=WAIT_SECONDS)
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            return application, version
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
                break
            if mode == "mode=ro":
                raise LedgerError(f"ledger {path}: {_reason(error)}") from error
        finally:
            if connection is not None:
                connection.close()
    return 0, 0


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables if there are none: the file is new, or its maker was killed before it had made them."""
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        f"PRAGMA user_version = {FORMAT}"
    )  # shows a read-only file now, not after an hour's work
    connection.execute("ROLLBACK")


def _run_id(connection: sqlite3.Connection, run: tuple[str, str, str]) -> int:
    connection.execute("INSERT OR IGNORE INTO runs (sampler, model, platform) VALUES (?, ?, ?)", run)
    query = "SELECT id FROM runs WHERE sampler = ? AND model = ? AND platform = ?"
    return int(connection.execute(query, run).fetchone()[0])


def _encoded(row: ChunkRow) -> bytes:
    if not row.key or not isinstance(row.key, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"key = {row.key!r}: must be a non-empty str or bytes")
    if row.chunk < 0:
        raise ValueError(f"chunk = {row.chunk!r}: must be >= 0")
    if row.trials < 1:
        raise ValueError(f"trials = {row.trials!r}: must be >= 1")
    return payload.encode(row.arrays, _label(row.key, row.chunk, row.trials))


def _label(key: Key, chunk: int, trials: int) -> bytes:
    """What the checksum covers besides the arrays: a payload is valid in its own row only."""
    return b"%b %d %d" % (key.encode() if isinstance(key, str) else key, chunk, trials)


def _printable(key: Key) -> str:
    return key if isinstance(key, str) else key.hex()


def _reason(error: sqlite3.Error | UnicodeDecodeError) -> str:
    """One line for an error of SQLite (whose message about a damaged file may itself be no text)."""
    name = getattr(error, "sqlite_errorname", "")
    kept = "what was committed stays readable"
    if name == "SQLITE_FULL":
        return f"the disk is full; {kept}"
    if name.startswith("SQLITE_IOERR"):
        return f"reading or writing failed ({error}, {name}); {kept}"
    if name.startswith("SQLITE_READONLY"):
        return "the file or its folder is not writable"
    if name.startswith("SQLITE_CANTOPEN"):
        return "the file cannot be opened, or its folder is not writable"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"another process has been writing for more than {WAIT_SECONDS} s"
    if name == "SQLITE_NOTADB":
        return "not a Lemmata ledger; the file is left as it is"
    if name.startswith("SQLITE_CORRUPT") or name == "SQLITE_ERROR" or isinstance(error, UnicodeDecodeError):
        return "damaged or truncated; move the file away to compute its chunks anew"
    return f"{error} ({name or type(error).__name__})"


__all__ = ["DEFAULT_PATH", "ChunkRow", "Ledger", "LedgerError", "Summary", "VerdictRow", "platform_text"]
