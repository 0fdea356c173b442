"""The ledger keeps what it acknowledged, refuses what is not its own, and says in one line what is wrong."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lemmata.ledger
from lemmata import payload
from lemmata.codedigest import ROOT
from lemmata.ledger import ChunkRow, Ledger, LedgerError, platform_text
from lemmata.threads import ONE_THREAD

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals or POSIX permissions")


def arrays_of(index: int) -> dict[str, np.ndarray]:
    """Arrays that a reader can check knowing the index alone."""
    rng = np.random.default_rng(index)
    return {"error.mean": rng.random(7), "error.count": np.array([index])}


def chunk_row(index: int, **changes: Any) -> ChunkRow:
    fields: dict[str, Any] = {
        "key": f"{index:064x}",
        "sampler": "paper.sampler",
        "model_json": '{"tokens":128}',
        "chunk": index,
        "trials": 100,
        "arrays": arrays_of(index),
        "platform": "a platform",
    }
    return ChunkRow(**(fields | changes))


def assert_holds(ledger: Ledger, indices: range) -> None:
    found = ledger.get([f"{index:064x}" for index in indices])
    assert len(found) == len(indices)
    for index, arrays in zip(indices, found.values(), strict=True):
        assert_same(arrays, arrays_of(index))


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert one[name].shape == other[name].shape
        assert one[name].tobytes() == other[name].tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def filled(path: Path) -> Path:
    with Ledger(path) as ledger:
        ledger.put(chunk_row(index) for index in range(40))
    return path


# ---- what goes in comes out

dtypes = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64, 128) if hasattr(np, "float128") else (16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?"),
    hnp.unicode_string_dtypes(max_len=5),
    hnp.datetime64_dtypes(),
)
shapes = hnp.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), hnp.arrays(dtypes, shapes), max_size=4), st.data())
def test_arrays_keep_their_bits(arrays: dict[str, np.ndarray], data: st.DataObject) -> None:
    """Every numeric dtype, shape and memory order comes back bit for bit, NaN payloads included."""
    for name, array in arrays.items():
        way = data.draw(st.sampled_from(["as it is", "transposed", "reversed"]))
        arrays[name] = {"transposed": array.T, "reversed": array[::-1] if array.ndim else array}.get(
            way, array
        )
    found = payload.decode(payload.encode(arrays, b"label"), b"label")
    assert_same(found, arrays)
    assert all(array.flags.writeable for array in found.values())


def test_payload_holds_npy_files() -> None:
    """The stored parts are what `numpy.load` reads."""
    structured = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
    content = payload.encode({"plain": np.eye(3), "structured": structured})
    assert content.count(np.lib.format.MAGIC_PREFIX) == 2
    assert_same(payload.decode(content), {"plain": np.eye(3), "structured": structured})


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (np.array([1, "a"], dtype=object), "dtype object: Python objects are not kept"),
        (np.array([(1, [])], dtype=[("a", "i4"), ("b", "O")]), "Python objects are not kept"),
        (np.ma.masked_array([1.0], mask=[True]), "MaskedArray: must be a plain NumPy array"),
        ([1.0], "list: must be a plain NumPy array"),
    ],
    ids=["object", "structured", "masked", "list"],
)
def test_other_arrays_are_refused(bad: Any, named: str) -> None:
    with Ledger.memory() as ledger:
        with pytest.raises(ValueError, match=f"array 'error' .*{named}"):
            ledger.put([chunk_row(0), chunk_row(1, arrays={"error": bad})])
        assert ledger.summary().rows == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"key": ""}, "key = ''"),
        ({"key": 3}, "key = 3"),
        ({"chunk": -1}, "chunk = -1"),
        ({"trials": 0}, "trials = 0"),
    ],
)
def test_bad_rows_are_refused(change: dict[str, Any], named: str) -> None:
    with Ledger.memory() as ledger, pytest.raises(ValueError, match=named):
        ledger.put([chunk_row(0, **change)])


def test_put_and_get(path: Path) -> None:
    with Ledger(path) as ledger:
        assert ledger.put(chunk_row(index) for index in range(1200)) == 1200
        assert ledger.put([chunk_row(5), chunk_row(1200), chunk_row(1200)]) == 1
        assert ledger.put([]) == 0
        assert ledger.put([chunk_row(1, key=b"\x00\xff")]) == 1
    with Ledger(path) as ledger:
        assert_holds(ledger, range(1201))
        assert_same(ledger.get([b"\x00\xff", "absent"])[b"\x00\xff"], arrays_of(1))
        assert ledger.get(["absent", b"absent"]) == {}
        assert list(ledger.get([f"{3:064x}", f"{2:064x}", f"{3:064x}"])) == [f"{3:064x}", f"{2:064x}"]


def test_the_first_result_of_a_key_stays() -> None:
    with Ledger.memory() as ledger:
        ledger.put([chunk_row(0)])
        assert ledger.put([chunk_row(0, arrays=arrays_of(1))]) == 0
        assert_holds(ledger, range(1))


def test_platforms_and_summary(path: Path) -> None:
    with Ledger(path) as ledger:
        rows = [chunk_row(i, platform=f"platform {i % 2}", sampler=f"paper.s{i % 3}") for i in range(9)]
        ledger.put(rows)
        assert ledger.platforms([rows[0].key, rows[2].key, "absent"]) == {"platform 0"}
        assert ledger.platforms([row.key for row in rows]) == {"platform 0", "platform 1"}
        assert ledger.platforms([]) == set()
        summary = ledger.summary()
        assert (summary.rows, summary.trials, summary.verdicts) == (9, 900, 0)
        assert summary.samplers == {"paper.s0": 3, "paper.s1": 3, "paper.s2": 3}
    assert summary.bytes == path.stat().st_size


def test_platform_text_is_one_stable_line() -> None:
    text = platform_text()
    assert "\n" not in text
    assert all(f"; {name} " in text for name in ("numpy", "scipy", "numba", "cpu"))
    program = "from lemmata.ledger import platform_text; print(platform_text())"
    other = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert other.stdout.strip() == text


def test_latest_verdicts(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.put_verdict("paper/C7", "quick", "k1", {"verdict": "inconclusive", "gap": [0.1, float("inf")]})
        ledger.put_verdict("paper/C7", "full", "k2", {"verdict": "confirmed"})
        ledger.put_verdict("paper/C1", "quick", "k3", {"verdict": "refuted"})
        ledger.put_verdict("paper/C7", "quick", "k4", {"verdict": "confirmed", "note": "é"})
        with pytest.raises(ValueError, match="record of paper/C7: cannot be written as JSON"):
            ledger.put_verdict("paper/C7", "quick", "k5", {"verdict": object()})
    with Ledger(path) as ledger:
        found = {(row.claim_id, row.level): (row.key, row.record) for row in ledger.verdicts()}
        assert ledger.summary().verdicts == 4
    assert found == {
        ("paper/C1", "quick"): ("k3", {"verdict": "refuted"}),
        ("paper/C7", "full"): ("k2", {"verdict": "confirmed"}),
        ("paper/C7", "quick"): ("k4", {"verdict": "confirmed", "note": "é"}),
    }


# ---- places and files that are refused


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


# ---- full disks


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


WRITER = """
import sys
sys.path.insert(0, {root!r})
from lemmata.ledger import Ledger, LedgerError
from tests.framework.test_ledger import chunk_row
"""
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


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    text = WRITER.format(root=str(ROOT)) + program
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", text, *arguments],
        cwd=ROOT, env=os.environ | ONE_THREAD, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


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


# ---- processes and threads

KILLED = """
import os, random, signal, time
path, moments, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
from tests.framework.test_ledger import assert_holds
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


def test_closed_ledger(path: Path) -> None:
    ledger = Ledger(path)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="is closed"):
        ledger.get(["k"])


def test_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger.memory() as ledger:
        ledger.put([chunk_row(0)])
        assert_holds(ledger, range(1))
    assert list(tmp_path.iterdir()) == []


def test_import_is_light() -> None:
    program = (
        "import sys, lemmata.ledger; print([name for name in ('numba', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip() == "[]"
