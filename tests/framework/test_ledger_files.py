"""What is no ledger is left alone, what is damaged is noticed; each with one clear line."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lemmata.ledger
from lemmata.ledger import Ledger, LedgerError
from tests.framework.ledgers import (
    arrays_of,
    assert_holds,
    assert_same,
    chunk_row,
    posix_only,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def filled(path: Path) -> Path:
    with Ledger(path) as ledger:
        ledger.put(chunk_row(index) for index in range(40))
    return path


@contextmanager
def unprivileged() -> Iterator[None]:
    """Permissions do not bind root; the user `nobody` is bound by them."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter and write to."""
    folder = Path(tempfile.mkdtemp(prefix="lemmata-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"ledger .*: the folder .*absent does not exist"):
        Ledger(tmp_path / "absent" / "ledger.sqlite")
    assert not (tmp_path / "absent").exists()


def test_only_the_build_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lemmata.ledger, "BUILD", tmp_path / "build")
    Ledger(tmp_path / "build" / "ledger.sqlite").close()
    with pytest.raises(LedgerError, match="does not exist"):
        Ledger(tmp_path / "build" / "deeper" / "ledger.sqlite")


def test_path_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="this is a folder"):
        Ledger(tmp_path)


@posix_only
def test_path_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LedgerError, match="not a regular file"):
        Ledger(tmp_path / "pipe")


@posix_only
def test_folder_is_not_writable(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    with unprivileged(), pytest.raises(LedgerError, match=r"the folder .* is not writable"):
        Ledger(public_folder / "ledger.sqlite")
    assert list(public_folder.iterdir()) == []


@pytest.mark.skipif(
    not Path("/proc/self").is_dir(), reason="needs a file system on which no file can be made"
)
def test_file_system_is_not_writable() -> None:
    """Also for root, whom no permission stops."""
    with pytest.raises(LedgerError, match=r"cannot be opened, or its folder is not writable|is not writable"):
        Ledger("/proc/self/ledger.sqlite")


@posix_only
def test_file_is_not_writable(public_folder: Path) -> None:
    path = public_folder / "ledger.sqlite"
    Ledger(path).close()
    path.chmod(0o444)
    before = path.read_bytes()
    with unprivileged(), pytest.raises(LedgerError, match="not readable and writable"):
        Ledger(path)
    path.chmod(0o666)
    public_folder.chmod(0o555)  # the file could be written, the log beside it not
    with unprivileged(), pytest.raises(LedgerError, match="not writable"):
        Ledger(path)
    assert path.read_bytes() == before


def foreign_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE chunks (key PRIMARY KEY, payload BLOB)")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


def foreign_wal(path: Path) -> None:
    """A database of another program that was killed: its rows are still in the write-ahead log."""
    program = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('PRAGMA journal_mode = WAL'); c.execute('CREATE TABLE t (x)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


FOREIGN: dict[str, Callable[[Path], Any]] = {
    "sqlite": foreign_sqlite,
    "sqlite with a log": foreign_wal,
    "text": lambda path: path.write_text("my notes\n" * 1000),
    "one byte": lambda path: path.write_bytes(b"x"),
    "sqlite's first line": lambda path: path.write_bytes(b"SQLite format 3\x00"),
    "sqlite's first line and noise": lambda path: path.write_bytes(
        b"SQLite format 3\x00" + bytes(range(256)) * 32
    ),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_left_as_they_are(path: Path, kind: str) -> None:
    FOREIGN[kind](path)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(LedgerError, match=r"not a Lemmata ledger; the file is left as it is|damaged"):
        Ledger(path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    with Ledger(path) as ledger:
        ledger.put([chunk_row(0)])
    with Ledger(path) as ledger:
        assert_holds(ledger, range(1))


def test_file_names_with_signs_of_an_address(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&b=%41 #1.sqlite"
    for _ in range(2):
        with Ledger(path) as ledger:
            ledger.put([chunk_row(0)])
            assert_holds(ledger, range(1))
    assert path.is_file()


def set_version(path: Path, version: int) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.read_bytes()


def test_newer_format(filled: Path) -> None:
    before = set_version(filled, lemmata.ledger.FORMAT + 1)
    with pytest.raises(LedgerError, match="format 2 of a newer Lemmata; this one reads up to format 1"):
        Ledger(filled)
    assert filled.read_bytes() == before


def test_no_format(filled: Path) -> None:
    set_version(filled, 0)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger(filled)


# ---- damage


def read_all(path: Path) -> int:
    """Open, read and check all 40 rows; the number found. Anything but right rows or a LedgerError fails."""
    with Ledger(path) as ledger:
        found = ledger.get([f"{index:064x}" for index in range(40)])
        for key, arrays in found.items():
            assert_same(arrays, arrays_of(int(key, 16)))
        ledger.verdicts()
        ledger.platforms(list(found))
        return len(found)


def test_truncated_file(filled: Path) -> None:
    whole = filled.read_bytes()
    sizes = (1, 15, 16, 99, 100, 511, 4095, 4096, 4097, len(whole) // 2, len(whole) - 4096)
    for size in sizes:
        filled.write_bytes(whole[:size])
        with pytest.raises(LedgerError, match=r"damaged or truncated|not a Lemmata ledger"):
            read_all(filled)
        assert filled.read_bytes() == whole[:size]
    filled.write_bytes(whole)
    assert read_all(filled) == 40


def test_a_flipped_bit_names_the_row(filled: Path) -> None:
    """Each bit of some stored array, flipped alone, is noticed and the row is named."""
    whole = bytearray(filled.read_bytes())
    place = whole.index(arrays_of(17)["error.mean"].tobytes())
    for bit in range(64):
        whole[place + bit // 8] ^= 1 << bit % 8
        filled.write_bytes(whole)
        with Ledger(filled) as ledger:
            assert_holds(ledger, range(17))
            with pytest.raises(LedgerError, match=rf"chunk 17 with key {17:064x} is damaged"):
                ledger.get([f"{index:064x}" for index in range(40)])
        whole[place + bit // 8] ^= 1 << bit % 8


def test_exchanged_payloads_are_noticed(filled: Path) -> None:
    """A payload is valid in its own row only."""
    connection = sqlite3.connect(filled)
    connection.execute(
        "UPDATE chunks SET payload = (SELECT payload FROM chunks WHERE chunk = 3) WHERE chunk = 4"
    )
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match=r"chunk 4 .* is damaged"):
        read_all(filled)


@pytest.mark.parametrize("trials", [150, pytest.param(3000, marks=pytest.mark.long)])
def test_random_damage_never_gives_wrong_numbers(filled: Path, trials: int) -> None:
    """A byte changed anywhere: the rows found are right, or a LedgerError says what is wrong."""
    whole = filled.read_bytes()
    rng = np.random.default_rng(20)
    noticed = 0
    for _ in range(trials):
        damaged = bytearray(whole)
        place = int(rng.integers(len(whole) if rng.random() < 0.5 else 4096))
        damaged[place] ^= int(rng.integers(1, 256))
        filled.write_bytes(damaged)
        for name in ("-wal", "-shm"):
            filled.with_name(filled.name + name).unlink(missing_ok=True)
        try:
            noticed += read_all(filled) < 40
        except LedgerError:
            noticed += 1
    assert noticed > 0.2 * trials
