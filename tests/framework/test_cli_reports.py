"""What commands say beside their tables: progress, the newest verdict, remarks on claims, platforms, bounds."""

from __future__ import annotations

import io
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import paper_checks.attention_memorization as checks
import theory.attention_memorization as closed_forms
from lemmata.claims import (
    CONFIRMED,
    CORRECTED,
    QUICK,
    REFUTED,
    Bound,
    Claim,
    Control,
    Identity,
    Margin,
    Mutant,
    Repair,
    judge,
)
from lemmata.claims.evidence import evidence_key
from lemmata.cli import main, session
from lemmata.cli.check import _brief
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from lemmata.ledger import Ledger
from lemmata.records import LeadingOrder, OneSided, Result
from simulations.attention_memorization import RIDGE_REGRESSION
from theory.attention_memorization import RidgeRegression, ridge_regression_error

PAPER = "attention_memorization"
RESULT = f"{PAPER}.ridge_regression_error"
SMALL = ["tokens=64", "dimension=32", "ridge=0.1", "snr=1"]
MODEL = RidgeRegression(16, 8, ridge=1.0, snr=1.0)
ELSEWHERE = "Elsewhere x86_64; cpu other"


class Answer:
    """What a command line printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def words(self) -> str:
        """The text with its line breaks and columns taken out."""
        return " ".join(self.out.split())


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def call(*words: object) -> Answer:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "l.sqlite"


# ------------------------------------------------------------------ progress

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Where bars appear at once; to be put in place of `sys.stderr` by the test itself, after pytest's capture."""
    monkeypatch.setattr(session, "BAR_AFTER", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def _slow(function: Callable[..., Any], terminal: Terminal) -> Callable[..., Any]:
    """The function, which waits until the bar has appeared."""

    def waits(*arguments: Any, **options: Any) -> Any:
        end = time.monotonic() + 5
        while HIDE not in terminal.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        return function(*arguments, **options)

    return waits


def _is_shown_and_gone(terminal: Terminal) -> bool:
    text = terminal.getvalue()
    return HIDE in text and text.rindex(SHOW) > text.rindex(HIDE)


def test_a_bar_that_comes_too_late_stays_away(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    """The command may end while the timer is on its way to show the bar: then none is left on the screen."""
    monkeypatch.setattr("sys.stderr", terminal)
    started: list[Callable[[], None]] = []

    class Timer:
        daemon = False

        def __init__(self, seconds: float, function: Callable[[], None]) -> None:
            self.function = function

        def start(self) -> None:
            started.append(self.function)

        def cancel(self) -> None:
            pass

    monkeypatch.setattr(session.threading, "Timer", Timer)
    with session.Bar() as bar:
        bar.tell("working", 1, 3)
    started[0]()
    assert terminal.getvalue() == ""
    with bar:
        started[1]()
        assert "working" in terminal.getvalue()
    assert _is_shown_and_gone(terminal)


def test_a_bar_says_what_is_done_and_makes_room(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    with session.Bar() as bar:
        told = bar.count(lambda x: x + 1, "counted", 3, "points")
        assert _slow(told, terminal)(1) == 2
        with bar.aside():
            assert terminal.getvalue().rindex(SHOW) > terminal.getvalue().rindex(HIDE)
            bar.tell("counted", 2, 3, "points")
        assert terminal.getvalue().rindex(HIDE) > terminal.getvalue().rindex(SHOW)
    assert _is_shown_and_gone(terminal)
    assert "counted" in terminal.getvalue()
    assert "2/3" in terminal.getvalue()
    assert "points" in terminal.getvalue()


@pytest.mark.parametrize(
    ("words", "place", "unit"),
    [
        (["predict", RESULT, *SMALL[:3], "snr=0,1"], None, "points"),
        (["warmup", PAPER], "lemmata.cli.warmup._run", "samplers"),
        (["compare", RESULT, *SMALL], "lemmata.cli.observed.ObservedLaboratory.run", ""),
        (["check", f"{PAPER}/R1"], "lemmata.claims.judge", ""),
    ],
    ids=["predict", "warmup", "compare", "check"],
)
def test_whatever_takes_long_shows_a_bar(  # type: ignore[no-untyped-def]
    words: list[str],
    place: str | None,
    unit: str,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    ledger: Path,
) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    if place is None:
        (result,) = (r for r in closed_forms.RESULTS if r.name == ridge_regression_error.__name__)
        slow = _slow(ridge_regression_error, terminal)
        slow.__module__, slow.__name__ = ridge_regression_error.__module__, result.name
        monkeypatch.setattr(closed_forms, "RESULTS", (replace(result, function=slow),))
    else:
        module, _, name = place.rpartition(".")
        owner: Any = __import__("pkgutil").resolve_name(module)
        monkeypatch.setattr(place, _slow(getattr(owner, name), terminal))
    if words[0] in ("compare", "check"):
        words = [*words, "--ledger", str(ledger)]
    assert main(words) == 0
    assert _is_shown_and_gone(terminal)
    assert unit in terminal.getvalue()


# ------------------------------------------------------------------ claims of this test, small ones


def _margin(value: float) -> Margin:
    return Margin(value, "a test")


def _twice(model: RidgeRegression) -> float:
    return 2 * ridge_regression_error(model)


WRONG = Claim(
    "T1",
    source="here",
    statement="The error is twice R1.",
    falsifier="a gap",
    design=(MODEL, replace(MODEL, snr=2.0)),
    published=Identity(_twice, RIDGE_REGRESSION["error"], _margin(0.1)),
    repaired=Repair(
        Identity(ridge_regression_error, RIDGE_REGRESSION["error"], _margin(0.1)), "The error is R1."
    ),
    mutants=(Mutant("twice", _twice),),
    controls=(
        Control("the error is at most one", Bound(lambda m: 1.0, RIDGE_REGRESSION["error"], _margin(0.1))),
    ),
    records=CORRECTED,
    trials={"quick": 2**14},
)
STARVED = replace(
    WRONG,
    id="T2",
    statement="The error is what it seems, to a hair.",
    design=(MODEL,),
    published=Identity(lambda model: 0.3997, RIDGE_REGRESSION["error"], _margin(1e-5)),
    repaired=None,
    controls=(),
    records=CONFIRMED,
    trials={"quick": 16},
)


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CLAIMS", (*checks.CLAIMS, WRONG, STARVED))


def _made_elsewhere(ledger: Path, condition: str = "id = 1") -> None:
    """Some chunks of the ledger were made on another platform."""
    connection = sqlite3.connect(ledger)
    with connection:
        assert connection.execute(f"UPDATE runs SET platform = ? WHERE {condition}", (ELSEWHERE,)).rowcount
    connection.close()


# ------------------------------------------------------------------ check


@pytest.mark.usefixtures("claims")
def test_check_says_what_the_table_has_no_room_for(run: Callable[..., Answer], ledger: Path) -> None:
    """Counterexample with estimate and target; what is open and how much more it needs; notes."""
    answer = run("check", "T1", "T2", f"{PAPER}/C7", "--ledger", ledger)
    assert answer.code == 1  # T2 is inconclusive
    point = "tokens=16 dimension=8 ridge=1 snr=1: estimate 0."
    assert f"counterexample {point}" in answer.words
    assert f"target {_twice(MODEL):.7g}" in answer.words
    assert "open after" in answer.words
    assert "needed" in answer.words
    assert "free fit" in answer.words
    assert "platforms" not in answer.out


@pytest.mark.usefixtures("claims")
def test_the_evidence_is_whole(run: Callable[..., Answer], ledger: Path) -> None:
    """Part, level, alpha, what is needed and notes; a control is no mutant."""
    answer = run("check", "T1", "--evidence", "--ledger", ledger)
    assert answer.code == 0, answer.err
    for heading in ("part", "needed", "level", "alpha", "note", "published", "repaired", "asymptotic"):
        assert heading in answer.out
    assert "  mutant: twice: outcome failed, distance" in answer.out
    assert "  control: the error is at most one: outcome held" in answer.out


@pytest.mark.usefixtures("claims")
def test_check_names_several_platforms(run: Callable[..., Answer], ledger: Path) -> None:
    assert run("check", "T2", "--ledger", ledger).code == 1
    _made_elsewhere(ledger)
    assert "platforms" not in run("check", "T2", "--ledger", ledger).out  # all of it was made elsewhere
    answer = run("check", "T1", "--ledger", ledger)  # the other point is made here
    assert "made on 2 platforms" in answer.words
    assert ELSEWHERE in answer.words


# ------------------------------------------------------------------ show


@pytest.mark.usefixtures("claims")
def test_show_has_the_newest_verdict(run: Callable[..., Answer], ledger: Path) -> None:
    """The one that was stored last, whatever its level; with level and seed."""
    with Ledger(ledger) as opened:
        for level, seed, verdict in (("full", 1, "refuted"), ("quick", 5, "inconclusive")):
            record = {"verdict": verdict, "level": level, "seed": seed, "counterexample": None}
            opened.put_verdict(f"{PAPER}/T1", level, "an older key", record)
    assert (
        "inconclusive at level quick, seed 5 (older code or claim)"
        in run("show", "T1", "--ledger", ledger).words
    )
    assert run("check", "T1", "--seed", 3, "--ledger", ledger).code == 0
    shown = run("show", "T1", "--ledger", ledger).words
    assert "corrected at level quick, seed 3" in shown
    assert "older" not in shown
    assert "counterexample tokens=16 dimension=8 ridge=1 snr=1: estimate 0." in shown


@pytest.mark.usefixtures("claims")
def test_show_prints_repair_formulas_and_controls(run: Callable[..., Answer]) -> None:
    shown = run("show", "T1").words
    assert "repaired statement The error is R1." in shown
    assert f"repaired formula {RESULT}: " in shown
    assert "controls the error is at most one" in shown
    assert "formula" not in run("show", f"{PAPER}/R1").out


def test_a_changed_claim_makes_its_verdict_old(
    run: Callable[..., Answer], ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("check", f"{PAPER}/R1", "--ledger", ledger).code == 0
    assert "older code" not in run("show", f"{PAPER}/R1", "--ledger", ledger).out
    changed = tuple(replace(c, statement=f"{c.statement} Always.") for c in checks.CLAIMS)
    monkeypatch.setattr(checks, "CLAIMS", changed)
    assert (
        "certified at level quick, seed 0 (older code or claim)"
        in run("show", f"{PAPER}/R1", "--ledger", ledger).words
    )


def test_show_makes_and_writes_nothing(run: Callable[..., Answer], ledger: Path) -> None:
    """No ledger where there is none, and no byte in one that is there, nor a file beside it."""
    answer = run("show", f"{PAPER}/R1", "--ledger", ledger)
    assert answer.code == 0
    assert "does not exist" in answer.words
    assert not list(ledger.parent.iterdir())
    assert run("check", f"{PAPER}/R1", "--ledger", ledger).code == 0
    ledger.chmod(0o444)
    before = {path.name: path.read_bytes() for path in ledger.parent.iterdir()}
    assert "certified at level quick" in run("show", f"{PAPER}/R1", "--ledger", ledger).out
    assert {path.name: path.read_bytes() for path in ledger.parent.iterdir()} == before


def test_show_sees_what_another_process_has_just_stored(run: Callable[..., Answer], ledger: Path) -> None:
    """Also while the last pages are still in the write-ahead log."""
    with Ledger(ledger) as opened:
        record = {"verdict": "refuted", "level": "quick", "seed": 1}
        opened.put_verdict(f"{PAPER}/R1", "quick", "key", record)
        assert "refuted at level quick, seed 1" in run("show", f"{PAPER}/R1", "--ledger", ledger).out


@pytest.mark.parametrize("content", [b"no ledger at all", b"SQLite format 3\0"])
def test_show_refuses_what_is_no_ledger(run: Callable[..., Answer], tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    answer = run("show", f"{PAPER}/R1", "--ledger", file)
    assert answer.code == 2
    assert f"ledger {file}" in answer.err
    assert len(answer.err.splitlines()) == 1
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        {"statement": "other words"},
        {"published": Identity(_twice, RIDGE_REGRESSION["error"], _margin(0.2))},
        {"published": Identity(ridge_regression_error, RIDGE_REGRESSION["error"], _margin(0.1))},
        {"design": (replace(MODEL, snr=2.0),)},
        {"trials": {"quick": 2**15}},
        {"controls": ()},
        {"mutants": (Mutant("another", lambda model: 0.0),)},
        {"records": REFUTED},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_key_of_evidence_knows_the_claim(change: dict[str, Any]) -> None:
    key = evidence_key("p/T1", WRONG, QUICK, 0)
    assert key == evidence_key("p/T1", replace(WRONG), QUICK, 0)
    assert key != evidence_key("p/T1", replace(WRONG, **change), QUICK, 0)
    assert key != evidence_key("p/T1", WRONG, QUICK, 1)
    assert key != evidence_key("p/T2", WRONG, QUICK, 0)


def test_the_key_of_evidence_knows_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    key = evidence_key("p/T1", WRONG, QUICK, 0)
    monkeypatch.setattr("lemmata.codedigest.CodeDigests.of", lambda digests, function: "other code")
    assert key != evidence_key("p/T1", WRONG, QUICK, 0)


def test_the_referee_stores_seed_key_and_counterexample(ledger: Path) -> None:
    with Ledger(ledger) as opened, Laboratory(4, engine=Serial(), ledger=opened) as lab:
        (judgement,) = judge([("p/T1", WRONG)], lab)
        (row,) = opened.verdicts()
    assert row.key == evidence_key("p/T1", WRONG, QUICK, 4)
    assert row.record["seed"] == 4
    assert judgement.counterexample is not None
    assert row.record["counterexample"] == judgement.counterexample.row()


# ------------------------------------------------------------------ platforms of tables and figures


def test_compare_says_when_it_was_made_on_several_platforms(run: Callable[..., Answer], ledger: Path) -> None:
    words = ["compare", RESULT, "tokens=64", "dimension=32", "ridge=0.1", "snr=1", "--ledger", ledger]
    assert "platforms" not in run(*words).out
    _made_elsewhere(ledger)
    assert "made on 2 platforms" in run(*words).words
    assert ELSEWHERE in json.loads(run(*words, "--json").out)["platforms"]


def test_sweep_says_when_it_was_made_on_several_platforms(
    run: Callable[..., Answer], ledger: Path, tmp_path: Path
) -> None:
    spec = tmp_path / "s.toml"
    spec.write_text(
        f'version = 1\nresult = "{RESULT}"\n[parameters]\ntokens = 64\ndimension = [16, 32]\nridge = 1\nsnr = 0\n'
    )
    words = ["sweep", spec, "--out", tmp_path / "s.csv", "--ledger", ledger]
    assert "platforms" not in run(*words).out
    _made_elsewhere(ledger)
    assert "made on 2 platforms" in run(*words).out


def test_a_figure_knows_where_its_chunks_were_made(
    run: Callable[..., Answer], ledger: Path, tmp_path: Path
) -> None:
    """Not only the platform that draws it; and each figure its own."""
    words = ["figures", f"{PAPER}/F1c", "--quality", "draft", "--out", tmp_path / "out", "--ledger", ledger]
    record = tmp_path / "out" / PAPER / "F1c.json"
    assert "platforms" not in run(*words).out
    here = json.loads(record.read_text())["platforms"]
    assert len(here) == 1
    _made_elsewhere(ledger)
    assert "made on 2 platforms" in run(*words).out
    assert json.loads(record.read_text())["platforms"] == sorted([*here, ELSEWHERE])
    _made_elsewhere(ledger, "1")
    assert "platforms" not in run(*words).out
    assert json.loads(record.read_text())["platforms"] == [ELSEWHERE]


# ------------------------------------------------------------------ what is no equality has no z


@pytest.fixture
def nature(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Say that R1 is of another nature."""

    def become(nature: Any) -> None:
        (result,) = (r for r in closed_forms.RESULTS if r.function is ridge_regression_error)
        changed: Result = replace(result, nature=nature)
        monkeypatch.setattr(closed_forms, "RESULTS", (changed,))

    return become


@pytest.mark.parametrize(("side", "sign"), [("upper", 1), ("lower", -1)])
def test_a_bound_has_its_slack_in_place_of_z(
    run: Callable[..., Answer], ledger: Path, nature: Callable[[Any], None], side: str, sign: int
) -> None:
    nature(OneSided(side))
    words = ["compare", RESULT, *SMALL, "--ledger", ledger]
    (row,) = json.loads(run(*words, "--json").out)["rows"]
    assert row["z"] is None
    assert row["slack"] == sign * (row["theory"] - row["estimate"])
    answer = run(*words)
    assert f"{row['slack']:.3g} {row['se']:.3g}" in answer.words
    assert "right side" in answer.words
    assert " z " not in answer.out


def test_a_leading_order_has_no_z(
    run: Callable[..., Answer], ledger: Path, nature: Callable[[Any], None]
) -> None:
    nature(LeadingOrder("ridge"))
    words = ["compare", RESULT, *SMALL, "--ledger", ledger]
    (row,) = json.loads(run(*words, "--json").out)["rows"]
    assert row["z"] is None
    assert row["slack"] is None
    answer = run(*words)
    assert answer.words.count("leading order in ridge") == 2
    assert " z " not in answer.out


def test_one_place_says_where_things_lie(
    run: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line takes the build folder and the default ledger from `lemmata.ledger`."""
    monkeypatch.setattr("lemmata.ledger.BUILD", tmp_path / "build")
    monkeypatch.setattr("lemmata.ledger.DEFAULT_PATH", tmp_path / "build" / "ledger.sqlite")
    assert run("check", f"{PAPER}/R1").code == 0
    assert "certified at level quick" in run("show", f"{PAPER}/R1").out
    assert [path.name for path in tmp_path.iterdir()] == ["build"]


def test_compare_says_where_the_size_is_too_small_for_its_z(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At c = 1 and a tiny ridge the mean at n = 64 is nowhere near the limit: no z may pass for a refutation."""
    words = ["compare", "attention_memorization.ridge_regression_error", "tokens=64", "dimension=64", "snr=0"]
    words += ["--trials", "256", "--ledger", str(tmp_path / "ledger.sqlite")]
    assert main([*words, "ridge=1e-12"]) == 0
    assert "z decides nothing" in " ".join(capsys.readouterr().out.split())
    assert main([*words, "ridge=1"]) == 0
    assert "decides nothing" not in capsys.readouterr().out


def test_the_smallest_float_is_a_margin_of_0() -> None:
    """A bare bound's interval ends one float beyond 0."""
    assert _brief(Margin(0.0, "a bare bound").around(1.0)[1]) == "0"
    assert _brief(2.5e-9) == "2.5e-09"
