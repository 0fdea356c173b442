"""The command line: what it prints, what it refuses and how, and that an interrupted run goes on as if undisturbed."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

import theory
from lemmata.catalogue import Catalogue
from lemmata.claims import Verdict
from lemmata.cli import DEFECT, main
from lemmata.cli.listing import markdown_table
from theory.attention_memorization import RidgeRegression, ridge_regression_error

ROOT = Path(__file__).parents[2]
PAPER = "attention_memorization"
RESULT = f"{PAPER}.ridge_regression_error"
UNLIKELY = 1e-4  # two-sided p-value below which a row of a table, drawn at a fixed seed, is no accident
SMALL = ["tokens=64", "dimension=32", "ridge=0.1", "snr=1"]


class Answer:
    """What a command line printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def call(*words: object) -> Answer:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def _python(*words: str, **options: Any) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    # a job that was started in the background ignores Ctrl-C, and so would its children
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen([sys.executable, *words], **(pipes | options))
    finally:
        signal.signal(signal.SIGINT, before)


# ------------------------------------------------------------------ laziness


def test_help_loads_no_numerical_library() -> None:
    """`import lemmata, theory`, `lemmata --help` and the help of every command load neither NumPy nor Numba."""
    code = """
import sys
import lemmata, theory
from lemmata.cli import main
heavy = {"numpy", "numba", "scipy", "pandas", "matplotlib", "sympy"}
assert not heavy & set(sys.modules), "import"
for command in ("", "bench", "check", "compact", "compare", "figures", "list", "predict", "show", "sweep", "warmup"):
    assert main([*command.split(), "--help"]) == 0
    assert not heavy & set(sys.modules), command
assert main(["--version"]) == 0
"""
    process = _python("-W", "error", "-c", code)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert err == ""
    assert "Draw figures" in out


def test_lazy_names_are_what_the_stub_says() -> None:
    import lemmata

    stub = (ROOT / "lemmata" / "__init__.pyi").read_text()
    listed = [line.strip(' ",') for line in stub.partition("__all__ = [")[2].splitlines()[1:-1]]
    assert sorted(listed) == sorted(lemmata.__all__)
    for name in listed:
        assert getattr(lemmata, name).__name__ == name
        assert name in dir(lemmata)
    with pytest.raises(AttributeError, match="no attribute 'Laboratoy'"):
        _ = lemmata.Laboratoy  # type: ignore[attr-defined]


# ------------------------------------------------------------------ looking things up


@pytest.mark.parametrize("columns", [60, 100])
def test_a_narrow_terminal_cuts_nothing(run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:  # type: ignore[no-untyped-def]
    """Texts wrap between words, numbers and names stay whole, no column is left out."""
    monkeypatch.setenv("COLUMNS", str(columns))
    model = ("tokens=512", "dimension=2048", "snr=1", "ridge=1e-5,0.1")
    for words in (("list",), ("predict", RESULT, *model), ("show", f"{PAPER}/C7")):
        monkeypatch.setenv("COLUMNS", "400")
        roomy = run(*words).out.split()
        monkeypatch.setenv("COLUMNS", str(columns))
        narrow = run(*words).out
        assert "\u2026" not in narrow
        assert {word for word in roomy if any(c.isdigit() for c in word)} <= set(narrow.split())
        assert RESULT in narrow or words[0] == "show"


def test_list(run) -> None:  # type: ignore[no-untyped-def]
    data = run("list", "--json").data
    mine = next(paper for paper in data if paper["paper"] == PAPER)
    assert RESULT in [result["identifier"] for result in mine["results"]]
    assert f"{PAPER}/C7" in [claim["identifier"] for claim in mine["claims"]]
    text = run("list").out
    assert RESULT in text
    assert f"{PAPER}/F1a" in text
    assert run("list", "--markdown").out.strip() == markdown_table(Catalogue(theory.PAPERS))


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        (PAPER, ["2506.18656", f"{PAPER}/C7"]),
        (
            RESULT,
            [
                "limit in tokens, dimension",
                "ridge: a finite real number > 0",
                "gamma^2",
                f"theory/{PAPER}/ridge_regression.py",
            ],
        ),
        (
            f"{PAPER}/C7",
            ["Proposition 2", "falsified by", "margin 0.002", "confirmed", f"paper_checks/{PAPER}/"],
        ),
        (f"{PAPER}/F1b", ["Fig. 1b", "n = 4096", f"figures/{PAPER}/ridge_regression.py"]),
    ],
)
def test_show(run, tmp_path: Path, identifier: str, expected: list[str]) -> None:  # type: ignore[no-untyped-def]
    answer = run("show", identifier)
    assert answer.code == 0
    for words in expected:
        assert words in answer.out
    assert run("show", identifier, "--json").data


# ------------------------------------------------------------------ predict and compare


def test_predict_prints_nature_formula_and_a_table(run) -> None:  # type: ignore[no-untyped-def]
    answer = run("predict", RESULT, "tokens=64", "dimension=32", "ridge=log:0.01:1:3", "snr=0,1")
    assert answer.code == 0
    assert "limit in tokens, dimension; correction of order tokens^-1" in answer.out
    assert "gamma^2" in answer.out
    assert len(re.findall(r"^ +[\d.]+ +[01] +0\.\d+", answer.out, re.MULTILINE)) == 6


def test_predict_json_and_model_file(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A whole model from a file, assignments laid over it; one value prints as one line."""
    model = RidgeRegression(64, 32, ridge=0.1, snr=1.0)
    file = tmp_path / "model.json"
    file.write_text(model.to_json())
    data = run("predict", RESULT, "--model", file, "snr=0,1", "--json").data
    assert data["nature"].startswith("limit")
    for row in data["rows"]:
        assert row["value"] == ridge_regression_error(RidgeRegression.from_data(row["model"]))
    assert [row["model"]["snr"] for row in data["rows"]] == [0.0, 1.0]
    assert f"{ridge_regression_error(model):.12g}" in run("predict", RESULT, "--model", file).out


def test_compare(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The table shows the expected correction of a limit; the second run comes from the ledger, bit for bit."""
    words = [
        "compare",
        RESULT,
        *SMALL[:2],
        "ridge=0.1,1",
        "snr=1",
        "--ledger",
        tmp_path / "l.sqlite",
        "--json",
    ]
    first, second = run(*words), run(*words)
    assert first.data == second.data
    assert first.data["nature"].startswith("limit")
    for row in first.data["rows"]:
        assert math.erfc(abs(row["z"]) / math.sqrt(2)) > UNLIKELY
        assert row["expected_correction_se"] > 0
        assert row["trials"] >= 1000
    assert run(*words, "--seed", 1).data["rows"] != first.data["rows"]
    assert run(*words, "--engine", "serial").data == first.data
    text = run(*words[:-1]).out
    assert "correction of order tokens^-1" in text
    assert "expected" in text
    literal = run(*words, "--literal", "--trials", 20).data
    assert literal["output"].endswith("sample_ridge_regression_literal[error]")
    assert all(2 * stats.t.sf(abs(row["z"]), row["trials"] - 1) > UNLIKELY for row in literal["rows"])


# ------------------------------------------------------------------ figures, sweeps, warm-up


def test_figures_and_index(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = [
        "figures",
        f"{PAPER}/F1c",
        "--quality",
        "draft",
        "--out",
        tmp_path / "out",
        "--ledger",
        tmp_path / "l.sqlite",
    ]
    answer = run(*words, "--format", "png", "--format", "svg", "--media", "slide")
    assert answer.code == 0, answer.err
    assert "0 from the ledger" in answer.out
    names = {path.name for path in (tmp_path / "out" / PAPER).iterdir()}
    assert names == {"F1c-slide.png", "F1c-slide.svg", "F1c.csv", "F1c.json"}
    assert "F1c-slide.png" in (tmp_path / "out" / "index.html").read_text()
    assert " 0 chunks computed" in run(*words).out


def test_sweep(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    spec, out = tmp_path / "mine.toml", tmp_path / "tables" / "mine.csv"
    spec.write_text(
        f'version = 1\nresult = "{RESULT}"\n[parameters]\ntokens = 64\ndimension = [16, 32]\nridge = 1\nsnr = 0\n'
    )
    words = ["sweep", spec, "--out", out, "--ledger", tmp_path / "l.sqlite"]
    first = run(*words)
    assert first.code == 0, first.err
    table = out.read_text()
    assert table.startswith("dimension,output,kind,value,se,lo,hi,trials\n")
    assert len(table.splitlines()) == 5
    assert " 0 chunks computed, 2 from the ledger" in run(*words).out
    assert out.read_text() == table
    run(*words, "--seed", 4)
    assert out.read_text() != table
    assert run("sweep", spec, "--out", tmp_path, "--ledger", tmp_path / "l.sqlite").code == 2


def test_warmup_runs_every_sampler(run) -> None:  # type: ignore[no-untyped-def]
    answer = run("warmup", PAPER)
    assert answer.code == 0
    assert len(answer.out.splitlines()) == len(Catalogue(theory.PAPERS).paper(PAPER).samplers)
    assert "left out" not in answer.out


# ------------------------------------------------------------------ check


def test_check_agrees_with_the_record(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    answer = run("check", f"{PAPER}/R1", "--ledger", tmp_path / "l.sqlite")
    assert answer.code == 0, answer.err
    assert "certified" in answer.out
    assert "no chance" in answer.out
    data = run("check", f"{PAPER}/R1", "--json", "--ledger", tmp_path / "l.sqlite").data
    assert [(claim["verdict"], claim["agrees"]) for claim in data] == [("certified", True)]
    shown = run("show", f"{PAPER}/R1", "--ledger", tmp_path / "l.sqlite").out
    assert "certified at level quick" in shown


def test_a_contradicted_record_fails_the_run(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Exit 1, naming what the evidence says and what the record says."""
    import paper_checks.attention_memorization as checks

    wrong = tuple(
        replace(claim, records=Verdict.REFUTED) if claim.id == "R1" else claim for claim in checks.CLAIMS
    )
    monkeypatch.setattr(checks, "CLAIMS", wrong)
    answer = run("check", f"{PAPER}/R1", "--ledger", tmp_path / "l.sqlite")
    assert answer.code == 1
    assert f"{PAPER}/R1: evidence says certified, the record says refuted" in answer.err
    assert run("check", f"{PAPER}/R1", "--json", "--ledger", tmp_path / "l.sqlite").code == 1


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["figurs"], "did you mean figures"),
        (["predict"], "Missing argument"),
        (["predict", "ridge_regresion_error"], f"did you mean {RESULT}"),
        (["predict", f"attention_memorizaton.{RESULT}"], PAPER),
        (["predict", RESULT, *SMALL[1:]], "tokens"),
        (["predict", RESULT, "tokens=0", *SMALL[1:]], "tokens = 0: must be a whole number >= 1"),
        (["predict", RESULT, "tokens=-4", *SMALL[1:]], "tokens = -4"),
        (["predict", RESULT, "tokens=2.5", *SMALL[1:]], "tokens = 2.5"),
        (["predict", RESULT, *SMALL[:2], "ridge=0", "snr=1"], "ridge = 0: must be a finite real number > 0"),
        (["predict", RESULT, *SMALL[:2], "ridge=-1", "snr=1"], "ridge = -1"),
        (["predict", RESULT, *SMALL[:2], "ridge=nan", "snr=1"], "ridge = nan"),
        (["predict", RESULT, *SMALL[:2], "ridge=inf", "snr=1"], "ridge = inf"),
        (["compare", RESULT, *SMALL[:3], "snr=1,inf"], "snr = inf"),
        (["compare", RESULT, *SMALL[:2], "ridge=1,nan", "snr=1"], "ridge = nan"),
        (["predict", RESULT, "token=3", *SMALL[1:]], "did you mean tokens"),
        (["predict", RESULT, *SMALL, "snr=2"], "snr: given twice"),
        (["predict", RESULT, *SMALL[:3], "snr=[1"], "snr=[1"),
        (["predict", RESULT, *SMALL[:3], "snr=1:2"], "snr=1:2"),
        (["predict", RESULT, *SMALL[:3], "snr"], "expected parameter=value"),
        (["predict", RESULT, "--model", "no/such.json"], "no/such.json: No such file"),
        (["predict", RESULT, "--modle", "x"], "--model"),
        (["compare", RESULT, *SMALL, "--workers", "0"], "workers = 0: must be a whole number >= 1"),
        (["compare", RESULT, *SMALL, "--workers", "two"], "'two' is not a valid integer"),
        (["compare", RESULT, *SMALL, "--engine", "thread"], "did you mean threads"),
        (["compare", RESULT, *SMALL, "--trials", "0"], "trials = 0: must be a whole number >= 1"),
        (["compare", RESULT, *SMALL, "--seed", "-1"], "seed = -1: must be a whole number >= 0"),
        (["compare", RESULT, *SMALL, "--ledger", "no/such/folder/l.sqlite"], "does not exist"),
        (["compare", RESULT, *SMALL, "--ledger", "."], "this is a folder"),
        (["compare", RESULT, *SMALL, "--ledger", str(ROOT / "LICENSE")], "not a Lemmata ledger"),
        (["figures", "F1z"], "did you mean F1"),
        (["figures", f"{PAPER}/F1z"], f"did you mean {PAPER}/F1"),
        (["figures", "--quality", "best"], "'best' is not one of"),
        (["check", "C77"], "did you mean C7"),
        (["check", "--level", "slow"], "'slow' is not one of"),
        (["show", "C77"], "did you mean C7"),
        (["show", f"{PAPER}/C77"], f"did you mean {PAPER}/C7"),
        (["sweep", "no/such.toml"], "no/such.toml: No such file"),
        (["bench", "frame"], "did you mean framework"),
        (["warmup", "attention"], f"did you mean {PAPER}"),
    ],
    ids=lambda value: " ".join(value[:1] + value[-1:]) if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line(run, words: list[str], expected: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Exit code 2, one line on standard error, no traceback, the nearest valid names where there are any."""
    if words[0] in ("compare", "figures", "check") and "--ledger" not in words:
        words = [*words, "--ledger", str(tmp_path / "l.sqlite")]
    answer = run(*words)
    assert answer.code == 2
    assert expected in answer.err
    assert len(answer.err.splitlines()) == 1
    assert answer.out == ""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
def test_a_read_only_folder_is_one_clear_line(run) -> None:  # type: ignore[no-untyped-def]
    answer = run("compare", RESULT, *SMALL, "--ledger", "/proc/ledger.sqlite")
    assert answer.code == 2
    assert "ledger /proc/ledger.sqlite" in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe without a reader")
@pytest.mark.parametrize("option", [[], ["--json"]], ids=["table", "json"])
def test_a_reader_that_has_gone_is_no_disagreement(option: list[str]) -> None:
    """`lemmata predict ... | head -0` ends silently, and not with the exit code of a contradicted record."""
    reader, writer = os.pipe()
    os.close(reader)
    process = _python("-m", "lemmata.cli", "predict", RESULT, *SMALL[:3], "snr=0,1", *option, stdout=writer)
    os.close(writer)
    _, err = process.communicate()
    assert process.returncode == 141
    assert err == ""


def test_a_defect_of_the_program_keeps_its_traceback(run, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Only what a user can mend is told in one line; a defect has an exit code of its own."""

    def broken(*_: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("lemmata.cli.listing.load_catalogue", broken)
    answer = run("list")
    assert answer.code == DEFECT
    assert "Traceback" in answer.err
    assert "KeyError: 'a defect'" in answer.err


# ------------------------------------------------------------------ interrupted, and two at once

LONG = [
    "compare",
    RESULT,
    "tokens=256",
    "dimension=256",
    "ridge=0.5",
    "snr=1",
    "--literal",
    "--trials",
    "800",
    "--json",
]


def _chunks(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    connection = sqlite3.connect(ledger, timeout=30)
    try:
        return connection.execute("SELECT count(*) FROM chunks").fetchone()[0]
    except sqlite3.OperationalError:  # not made yet
        return 0
    finally:
        connection.close()


def _printed(words: list[str]) -> str:
    """What a command prints in this process, where nothing has to be loaded any more."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(words) == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """What the long command prints when nothing happens to it, and its number of chunks."""
    ledger = tmp_path_factory.mktemp("undisturbed") / "l.sqlite"
    return _printed([*LONG, "--ledger", str(ledger)]), _chunks(ledger)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, undisturbed: tuple[str, int], workers: str) -> None:
    """Exit 130 with the line that goes on; going on gives the bits of the undisturbed run."""
    ledger = tmp_path / "l.sqlite"
    process = _python("-m", "lemmata.cli", *LONG, "--workers", workers, "--ledger", str(ledger))
    while process.poll() is None and _chunks(ledger) == 0:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert out == ""
    line = err.strip()
    assert len(line.splitlines()) == 1
    kept = _chunks(ledger)
    assert 0 < kept < undisturbed[1]
    assert f"interrupted; {kept} chunks are kept; go on with: lemmata compare" in line
    again = shlex.split(line.partition("go on with: ")[2])
    assert again[0] == "lemmata"
    assert _printed(again[1:]) == undisturbed[0]
    assert _chunks(ledger) == undisturbed[1]


def test_two_runs_on_one_ledger_at_once(tmp_path: Path, undisturbed: tuple[str, int]) -> None:
    """Both finish with the right bits; a chunk that both finish is kept once."""
    ledger = tmp_path / "l.sqlite"
    words = ("-m", "lemmata.cli", *LONG, "--workers", "1", "--ledger", str(ledger))
    processes = [_python(*words), _python(*words)]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert [out for out, _ in answers] == [undisturbed[0]] * 2
    assert _chunks(ledger) == undisturbed[1]
