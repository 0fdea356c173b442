"""`lemmata check`: judge claims."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lemmata.cli.output import print_facts, print_json, print_table, several_platforms
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory
from lemmata.wording import bluntest, counterexample_text, question, still_needed, weakest_level

if TYPE_CHECKING:
    from lemmata.claims import Claim, Judgement
    from lemmata.panel import Panel

DISAGREES = 1


@click.command("check")
@click.argument("ids", nargs=-1, metavar="[IDS]...")
@click.option(
    "--level",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="How much evidence.",
)
@click.option("--evidence", is_flag=True, help="Print every question that was decided.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@laboratory_options
@click.pass_context
def command(
    ctx: click.Context, ids: tuple[str, ...], level: str, evidence: bool, as_json: bool, **options: Any
) -> None:
    """Judge claims (all of them when none is named) by proof and simulation.

    Exit code 1 when the evidence disagrees with a verdict on record, or a check turns out to be toothless.
    """
    with _panel(ids, options["engine"], options["cluster"], options["workers"]) as panel:
        entries = load_catalogue().claims(ids)
        from lemmata.claims import LEVELS, judge

        claims = [(entry.identifier, entry.item) for entry in entries]
        with open_laboratory(ctx.ensure_object(State), **options) as lab:
            judgements = (panel.judge if panel else judge)(claims, lab, LEVELS[level])
    if as_json:
        print_json([judgement.to_data() for judgement in judgements])
    else:
        _print(judgements)
        for judgement in judgements:
            _print_remarks(judgement)
        if evidence:
            _print_evidence(judgements)
    wrong = [judgement for judgement in judgements if not judgement.agrees]
    for judgement in wrong:
        found, record = judgement.verdict.value, judgement.claim.records.value
        words = "; ".join(judgement.problems) or judgement.claim.statement
        print(
            f"lemmata: {judgement.identifier}: evidence says {found}, the record says {record}: {words}",
            file=sys.stderr,
        )
    ctx.exit(DISAGREES if wrong else 0)


@contextmanager
def _panel(
    ids: tuple[str, ...], engine: str, cluster: str | None, workers: int | None
) -> Generator[Panel | None]:
    """Processes that hear the claims, where several are asked for and several cores may be used."""
    import theory
    from lemmata.engines import usable_cores

    cores = usable_cores() if workers is None else workers
    most = len(ids) if ids and all("/" in name for name in ids) else cores
    processes = min(cores, most)
    are_known = all(name.split("/")[0] in theory.PAPERS for name in ids)
    if engine != "threads" or cluster is not None or processes < 2 or not are_known:
        yield None
        return
    from lemmata.panel import Panel

    with Panel(load_claim, processes, workers=cores // processes) as panel:
        yield panel


def load_claim(identifier: str) -> Claim:
    """The claim of that identifier, for a process of the panel."""
    (entry,) = load_catalogue().claims((identifier,))
    return entry.item


def _print(judgements: list[Judgement]) -> None:
    columns = ("claim", "statement", "verdict", "record", "margin", "detects", "trials", "level", "time")
    text = ("claim", "statement", "verdict", "record", "level")
    lines: list[tuple[Any, ...]] = []
    for judgement in judgements:
        verdict = (
            judgement.verdict.value
            + (" (open)" if judgement.is_open else "")
            + ("" if judgement.agrees else " !")
        )
        record = judgement.claim.records.value
        sharp = bluntest(judgement.rows)
        margin, detects = (_brief(sharp["margin"]), _brief(sharp["detectable"])) if sharp else ("–", "–")
        trials = max((row["trials"] for row in judgement.rows), default=0)
        time = f"{judgement.seconds:.1f} s"
        level = weakest_level(judgement.rows)
        lines.append(
            (
                judgement.identifier,
                judgement.claim.statement,
                verdict,
                record,
                margin,
                detects,
                trials or "–",
                level,
                time,
            )
        )
    print_table(columns, lines, text=text)


def _print_remarks(judgement: Judgement) -> None:
    """What the table has no room for: the counterexample, what is open, notes, several platforms."""
    facts: dict[str, str] = {}
    if judgement.counterexample is not None:
        facts["counterexample"] = counterexample_text(judgement.counterexample.row())
    still_open = [row for row in judgement.rows if row["outcome"] == "open"]
    facts["open"] = "\n".join(f"{question(row)}: {still_needed(row)}" for row in still_open)
    notes: dict[str, list[str]] = {}
    for row in judgement.rows:
        if row["note"] and row not in still_open:
            notes.setdefault(row["note"], []).append(question(row))
    facts["note"] = "\n".join(
        f"{questions[0] if len(questions) == 1 else f'{len(questions)} questions'}: {note}"
        for note, questions in notes.items()
    )
    facts["platforms"] = several_platforms(judgement.platforms)
    if any(facts.values()):
        print_facts(facts, title=judgement.identifier)


_EVIDENCE = (
    ("part", "part"),
    ("statement", "statement"),
    ("point", "point"),
    ("estimate", "estimate"),
    ("target", "target"),
    ("low", "low"),
    ("high", "high"),
    ("margin", "margin"),
    ("detects", "detectable"),
    ("trials", "trials"),
    ("outcome", "outcome"),
    ("needed", "needed"),
    ("level", "level"),
    ("alpha", "alpha"),
    ("note", "note"),
)
"""Headings of the table of evidence, and the keys below them."""
_WORDS = ("part", "statement", "point", "outcome", "level", "note")


def _print_evidence(judgements: list[Judgement]) -> None:
    headings = [heading for heading, _ in _EVIDENCE]
    for judgement in judgements:
        rows = [[_brief(row[key]) for _, key in _EVIDENCE] for row in judgement.rows]
        print_table(headings, rows, title=judgement.identifier, text=_WORDS)
        claim = judgement.claim
        kinds = ["mutant"] * len(claim.mutants) + ["control"] * len(claim.controls)
        for kind, report in zip(kinds, judgement.mutants, strict=False):  # an open claim has no reports
            known = [
                f"{key} {_brief(report[key])}" for key in ("outcome", "distance") if report[key] is not None
            ]
            print(f"  {kind}: {report['words']}: {', '.join(known)}")


def _brief(value: Any) -> str:
    """A number in few digits; the referee writes numbers that are not finite as text."""
    if value is None or str(value) == "nan":
        return "–"
    if isinstance(value, float):  # a bare bound ends one float beyond 0, so that 0 is inside
        return f"{value:.4g}" if abs(value) >= sys.float_info.min else "0"
    return str(value)
