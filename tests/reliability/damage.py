"""Damaged and foreign ledger files, samplers that fail, and clocks that run backwards."""

from __future__ import annotations

import itertools
import math
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lemmata.chunks import SamplerError
from lemmata.engines import Engine, Serial, Threads
from lemmata.laboratory import Laboratory
from lemmata.ledger import Ledger
from lemmata.records import Sampler
from tests.framework.invented import Walk
from tests.reliability.sweeping import Ended, Sweep, make_chunks_small, one_line
from tests.reliability.tables import Table
from tests.reliability.work import digest_of_ledger, digest_of_runs

SIZES = {"small": (100, 12, 40), "full": (300, 60, 400)}
"""Trials of the sweep, places at which its ledger is cut, bits that are flipped."""


def run(name: str) -> list[Table]:
    """All three sorts of fault."""
    trials, cuts, flips = SIZES[name]
    make_chunks_small()
    files = Table(
        "C. Faults: ledger files",
        [
            "fault",
            "times",
            "one clear error",
            "right table all the same",
            "wrong table",
            "traceback",
            "file changed",
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        _files(files, Sweep(Path(folder), trials), cuts, flips)
    return [files, _samplers(), _clocks()]


# ------------------------------------------------------------------ files


def _files(table: Table, sweep: Sweep, cuts: int, flips: int) -> None:
    sweep.here()
    expected = sweep.table.read_bytes()
    whole = sweep.ledger.read_bytes()
    rng = random.Random(3)
    sizes = sorted({1, 15, 99, 100, 4096, *(rng.randrange(1, len(whole)) for _ in range(cuts))})
    places = [rng.randrange(8 * (len(whole) if rng.random() < 0.7 else 4096)) for _ in range(flips)]
    newer = bytearray(whole)
    newer[60:64] = (2).to_bytes(4, "big")  # SQLite keeps a file's user version there
    damaged: list[tuple[str, Iterator[bytes], bool]] = [
        ("truncated", (whole[:size] for size in sizes), False),
        ("a bit flipped", (_flipped(whole, place) for place in places), False),
        ("foreign: text, noise, zeros", iter((b"notes\n" * 999, rng.randbytes(9999), bytes(8192))), True),
        ("foreign: another program's database", iter((_foreign(sweep.folder),)), True),
        ("of a future version", iter((bytes(newer),)), True),
    ]
    for words, contents, is_refused in damaged:
        count = clear = right = wrong = trace = changed = 0
        for content in contents:
            count += 1
            sweep.clear()
            sweep.ledger.write_bytes(content)
            ended = sweep.here()
            if ended.code == 0:
                same = sweep.table.read_bytes() == expected
                right, wrong = right + same, wrong + (not same)
                table.expect(same, f"{words}: another table")
                table.expect(not is_refused, f"{words}: was not refused")
            else:
                is_clear = ended.code == 2 and one_line(ended.err) and str(sweep.ledger) in ended.err
                clear, trace = clear + is_clear, trace + (not is_clear)
                table.expect(is_clear, f"{words}: code {ended.code}: {ended.err}")
                table.expect(not sweep.table.exists(), f"{words}: a table was left")
            if is_refused and sweep.ledger.read_bytes() != content:
                changed += 1
        table.add(words, count, clear, right, wrong, trace, changed)
        table.expect(changed == 0, f"{words}: the file was changed")


def _flipped(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def _foreign(folder: Path) -> bytes:
    path = folder / "foreign"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE chunks (key PRIMARY KEY, payload BLOB)")
    connection.close()
    return path.read_bytes()


# ------------------------------------------------------------------ samplers


FAULT = "LEMMATA_RELIABILITY_FAULT"
CHUNKS = 40


def sample_fragile(model: Walk, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """Uniforms; with a fault in the environment some chunks raise, or hold a NaN."""
    values = rng.random(trials)
    fault = os.environ.get(FAULT)
    if fault and values[0] < 0.2:
        if fault == "raises":
            raise ZeroDivisionError("on purpose")
        values[-1] = math.nan
    return {"value": values}


def _work(model: Walk) -> float:
    return 1e8 / 16


FRAGILE = Sampler(sample_fragile, ranges={"value": (0.0, 1.0)}, work=_work)


def _samplers() -> Table:
    table = Table(
        "C. Faults: samplers", ["fault", "engine", "error", "chunks kept", "chunk named", "digests differ"]
    )
    expected = _fragile(Serial(), None)[1:]
    engines: list[tuple[str, Callable[[], Engine]]] = [("serial", Serial), ("2 threads", lambda: Threads(2))]
    faults: list[tuple[str, type[Exception]]] = [("raises", ZeroDivisionError), ("returns NaN", SamplerError)]
    for (words, kind), (engine_name, engine) in itertools.product(faults, engines):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ledger.sqlite"
            os.environ[FAULT] = words
            error, *_ = _fragile(engine(), path)
            del os.environ[FAULT]
            with Ledger(path) as ledger:
                kept = ledger.summary().rows
            text = f"{error} {' '.join(getattr(error, '__notes__', ()))}"
            named = "chunk " in text and "sample_fragile" in text
            again = _fragile(engine(), path)[1:]
            table.expect(isinstance(error, kind) and named, f"{words}, {engine_name}: {error!r}")
            table.expect(again == expected, f"{words}, {engine_name}: another digest")
            table.expect(0 < kept < CHUNKS, f"{words}, {engine_name}: {kept} chunks kept")
            row = (words, engine_name, type(error).__name__, kept, "yes" if named else "no")
            table.add(*row, int(again != expected))
    return table


def _fragile(engine: Engine, path: Path | None) -> tuple[Exception | None, str, str]:
    """The error that came, the digest of the merged statistics, and of the ledger."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite" if path is None else path
        error: Exception | None = None
        with Ledger(path) as ledger, Laboratory(1, engine=engine, ledger=ledger) as lab:
            growing = lab.run(FRAGILE, Walk(2))
            try:
                lab.advance([(growing, CHUNKS)])
            except (ArithmeticError, SamplerError) as caught:
                error = caught
        return error, digest_of_runs([growing]), digest_of_ledger(path)


# ------------------------------------------------------------------ clocks


def _clocks() -> Table:
    table = Table("C. Faults: clocks", ["clock", "exit code", "digests differ"])
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(Path(folder), 300)
        sweep.here()
        expected = sweep.left()
        for words, step in (
            ("backwards by 1 s a look", -1.0),
            ("standing still", 0.0),
            ("forwards by 1 h", 3600.0),
        ):
            sweep.clear()
            with _clock(step):
                ended: Ended = sweep.here()
            differs = ended.code != 0 or sweep.left() != expected
            table.add(words, ended.code, int(differs))
            table.expect(not differs, f"{words}: code {ended.code}: {ended.err}")
    return table


@contextmanager
def _clock(step: float) -> Iterator[None]:
    """Every clock of the `time` module moves by so many seconds at each look, and by nothing else."""
    names = ("time", "monotonic", "perf_counter")
    plain = {name: getattr(time, name) for name in names}
    ticks = itertools.count()

    def look() -> float:
        return 1e6 + step * next(ticks)

    try:
        for name in names:
            setattr(time, name, look)
        yield
    finally:
        for name, function in plain.items():
            setattr(time, name, function)
