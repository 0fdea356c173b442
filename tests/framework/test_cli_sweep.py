"""`lemmata sweep`: its estimate, dry runs, extensions, tables of both formats, and what it refuses."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lemmata.cli import main
from lemmata.forecasts import duration, size

RESULT = "attention_memorization.ridge_regression_error"
SPEC = f"""
version = 1
result = "{RESULT}"
trials = 100
[parameters]
tokens = [32, 48, 64]
dimension = 16
ridge = "log:0.1:10:3"
snr = [0, 1, 2, 3, 4, 5]
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], spec: Path) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        ledger = spec.with_name("ledger.sqlite")
        code = main(["sweep", str(spec), "--ledger", str(ledger), *map(str, words)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_a_dry_run_keeps_nothing(run: Run, spec: Path) -> None:
    code, out, err = run("--dry-run", "--out", spec.with_name("t.csv"))
    assert code == 0, err
    assert "18 models x 3 values of ridge" in out
    assert re.search(r"chunks +18, 0 of them in the ledger", out)
    assert re.search(r"time +about .* on \d+ workers? \(.* s a chunk: a pilot of 3 chunks here\)", out)
    assert re.search(r"ledger +about .* kB more", out)
    assert [path.name for path in spec.parent.iterdir()] == ["mine.toml"]


def test_the_pilot_s_chunks_are_the_sweep_s_own(run: Run, spec: Path) -> None:
    """An estimate costs nothing: its chunks are counted once, and a second run finds everything."""
    table = spec.with_name("t.csv")
    code, out, err = run("--out", table)
    assert code == 0, err
    assert "a pilot of 3 chunks here" in out
    assert "18 chunks computed, 0 from the ledger" in out
    content = table.read_bytes()
    code, out, _ = run("--out", table)
    assert re.search(r"to run +0\n", re.sub(" +\n", "\n", out))
    assert "0 chunks computed, 18 from the ledger" in out
    assert table.read_bytes() == content


def test_an_extension_runs_what_is_missing_and_says_so(run: Run, spec: Path) -> None:
    run("--out", spec.with_name("t.csv"))
    code, out, _ = run("--out", spec.with_name("t.csv"), "--extend", 300_000, "--dry-run")
    assert code == 0
    assert re.search(r"chunks +\d+, 18 of them in the ledger", out)
    code, _, err = run("--extend", 10)
    assert (code, err) == (
        2,
        "lemmata: extend = 10: must be at least what the file asks for, trials = 100\n",
    )


def test_a_parquet_table_is_the_csv_table(run: Run, spec: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        assert run("--out", spec.with_name(name))[0] == 0
    written, read = pd.read_csv(spec.with_name("t.csv")), pd.read_parquet(spec.with_name("t.parquet"))
    pd.testing.assert_frame_equal(written, read, check_dtype=False, rtol=1e-15)


def test_a_target_is_refused_before_anything_runs(
    run: Run, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name, words in (
        ("ledger.sqlite", "this is the ledger"),
        ("t.xlsx", "must end in .csv or .parquet"),
        ("t.parquet", "install the extra `parquet`"),
    ):
        code, out, err = run("--out", spec.with_name(name))
        assert (code, out) == (2, "")
        assert words in err
    assert [path.name for path in spec.parent.iterdir()] == ["mine.toml"]


def test_a_precision_out_of_reach_is_said(run: Run, spec: Path) -> None:
    spec.write_text(SPEC.replace("trials = 100", "trials = 100\nprecision = 1e-9\nmost_trials = 200"))
    code, out, err = run("--out", spec.with_name("t.csv"))
    assert code == 0, err
    assert "18 of 18 models have a standard error above 1e-09 after 200 trials" in out


def test_compact(run: Run, spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = spec.with_name("ledger.sqlite")
    assert main(["compact", "--ledger", str(ledger)]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert not ledger.exists()
    run("--out", spec.with_name("t.csv"))
    assert main(["compact", "--ledger", str(ledger)]) == 0
    assert "18 chunks, 0 verdicts in" in capsys.readouterr().out
    assert "0 chunks computed, 18 from the ledger" in run("--out", spec.with_name("t.csv"))[1]


def test_times_and_sizes_as_people_say_them() -> None:
    assert [duration(s) for s in (0, 0.0123, 1.234, 119, 150, 7300, 1e6)] == [
        "0 s", "0.012 s", "1.2 s", "119 s", "2.5 min", "2.0 h", "12 days"
    ]  # fmt: skip
    assert [size(n) for n in (0, 999, 1500, 2.5e7, 4e9, 4e14)] == [
        "0 bytes", "999 bytes", "1.5 kB", "25 MB", "4.0 GB", "400 TB"
    ]  # fmt: skip
