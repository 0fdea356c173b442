"""The ledger keeps chunks and verdicts as they were put in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lemmata import payload
from lemmata.codedigest import ROOT
from lemmata.ledger import Ledger, LedgerError, platform_text
from tests.framework.ledgers import (
    arrays_of,
    assert_holds,
    assert_same,
    chunk_row,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


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


def test_known_keys(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.put(chunk_row(index) for index in range(3))
        assert ledger.known([f"{1:064x}", "absent", f"{2:064x}"]) == {f"{1:064x}", f"{2:064x}"}
        assert ledger.known([]) == set()


def test_compact_gives_back_room_and_keeps_every_chunk(path: Path) -> None:
    with Ledger(path) as ledger:
        ledger.put(chunk_row(index) for index in range(40))
        for number in range(200):
            ledger.put_verdict("paper/C1", "quick", f"k{number}", {"note": "x" * 2000})
        ledger.put_verdict("paper/C1", "full", "k", {"note": "kept"})
        current = ledger.verdicts()
        before = path.stat().st_size + path.with_name(f"{path.name}-wal").stat().st_size
        assert ledger.compact() > 100 * 2000
        assert before - path.stat().st_size > 100 * 2000
        assert ledger.verdicts() == current
        assert ledger.compact() == 0
    with Ledger(path) as ledger:
        assert_holds(ledger, range(40))
        assert (ledger.summary().rows, ledger.summary().verdicts) == (40, 2)
        ledger.put([chunk_row(40)])
    with Ledger.memory() as ledger:
        ledger.put([chunk_row(0)])
        assert ledger.compact() == 0


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
