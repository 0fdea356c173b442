"""`lemmata check`: judge claims."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from lemmata.cli.output import print_json, print_table
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory

if TYPE_CHECKING:
    from lemmata.claims import Judgement

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
    entries = load_catalogue().claims(ids)
    from lemmata.claims import LEVELS, judge

    with open_laboratory(ctx.ensure_object(State), **options) as lab:
        judgements = judge([(entry.identifier, entry.item) for entry in entries], lab, LEVELS[level])
    if as_json:
        print_json([judgement.to_data() for judgement in judgements])
    else:
        _print(judgements)
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
        sharp = _bluntest(judgement.rows)
        margin, detects = (_brief(sharp["margin"]), _brief(sharp["detectable"])) if sharp else ("–", "–")
        trials = max((row["trials"] for row in judgement.rows), default=0)
        time = f"{judgement.seconds:.1f} s"
        level = _level(judgement.rows)
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


def _print_evidence(judgements: list[Judgement]) -> None:
    columns = (
        "statement",
        "point",
        "estimate",
        "target",
        "low",
        "high",
        "margin",
        "detects",
        "trials",
        "outcome",
    )
    keys = (
        "statement",
        "point",
        "estimate",
        "target",
        "low",
        "high",
        "margin",
        "detectable",
        "trials",
        "outcome",
    )
    for judgement in judgements:
        rows = [[_brief(row[key]) for key in keys] for row in judgement.rows]
        print_table(columns, rows, title=judgement.identifier, text=("statement", "point", "outcome"))
        for mutant in judgement.mutants:
            words, *others = mutant.items()
            known = [f"{key} {_brief(value)}" for key, value in others if value is not None]
            print(f"  mutant: {words[1]}: {', '.join(known)}")


def _bluntest(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The question that detects least, in units of its margin, among those left to chance."""
    drawn = [row for row in rows if row["trials"]]
    return max(drawn, key=lambda row: _ratio(row["detectable"], row["margin"]), default=None)


def _ratio(detectable: Any, margin: Any) -> float:
    numbers = [float(detectable), float(margin)]
    return numbers[0] / numbers[1] if numbers[1] > 0 else numbers[0]


def _level(rows: list[dict[str, Any]]) -> str:
    """The weakest error rate that the verdict rests on."""
    levels = {row["level"] for row in rows}
    return next((level for level in ("asymptotic", "exact", "no chance") if level in levels), "–")


def _brief(value: Any) -> str:
    """A number in few digits; the referee writes numbers that are not finite as text."""
    if value is None or str(value) == "nan":
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
