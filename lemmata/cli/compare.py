"""`lemmata compare`: a result beside its simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemmata.cli.output import print_facts, print_json, print_table, several_platforms
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory
from lemmata.cli.values import base_model, model_file

if TYPE_CHECKING:
    from lemmata.comparing import Row

TRIALS, LITERAL_TRIALS = 1000, 64


@click.command("compare")
@click.argument("result", metavar="PAPER.RESULT")
@click.argument("assignments", nargs=-1, metavar="[KEY=VALUE]...")
@model_file
@click.option(
    "--trials", type=int, help=f"At least so many trials (default {TRIALS}; literal {LITERAL_TRIALS})."
)
@click.option("--literal", is_flag=True, help="Use the literal simulation in place of the reduced one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@laboratory_options
@click.pass_obj
def command(
    state: State,
    result: str,
    assignments: tuple[str, ...],
    model: Path | None,
    trials: int | None,
    literal: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Set a result beside its simulation, with standard errors and z.

    For a limit, z refers to the difference less the correction that is to be expected at this size. A bound has its
    slack in place of z; a leading order and a numerical value with an error of its own have none, as the mean need not
    equal them, and neither has a limit whose model is given for one size alone.
    """
    catalogue = load_catalogue()
    found = catalogue.result(result)
    comparison = catalogue.comparison(found)
    from lemmata.comparing import compare
    from lemmata.parsing import parse_assignments
    from lemmata.sweeps import choose_output, plan

    output = choose_output(comparison, literal=literal)
    planned = plan(found.model, output.sampler, parse_assignments(assignments), base_model(model))
    if trials is None:
        trials = LITERAL_TRIALS if literal else TRIALS
    with open_laboratory(state, **options) as lab:
        lab.label = found.identifier
        rows = compare(lab, found, output, planned.models, trials, planned.axes or None)
        seed, platforms = lab.seed, lab.platforms
    if as_json:
        facts = {"result": found.identifier, "nature": str(found.nature), "formula": found.formula}
        facts |= {"output": output.identifier, "seed": seed, "platforms": sorted(platforms)}
        print_json(
            facts | {"models": [m.to_data() for m in planned.models], "rows": [row.to_data() for row in rows]}
        )
        return
    facts = {"nature": str(found.nature), "formula": found.formula, "simulation": output.identifier}
    print_facts(facts, title=f"{found.identifier}: {found.title}")
    names = list(rows[0].point)
    headings, words = _columns(rows[0])
    columns = [*names, "output", *headings, "trials"]
    lines = [
        [*row.point.values(), row.output, *_cells(row, headings, str(found.nature)), row.trials]
        for row in rows
    ]
    print_table(columns, lines, text=("nature",))
    if any(row.is_far for row in rows):
        words["far"] = (
            "some differences exceed half the limit: there the size may be too small for a single correction term, and "
            "z decides nothing; compare larger sizes"
        )
    print_facts(words)
    print_facts({"platforms": several_platforms(platforms)})


def _columns(row: Row) -> tuple[list[str], dict[str, str]]:
    """Headings of the numbers, and what is to be said of them below the table; the nature decides."""
    common = ["theory", "estimate", "se"]
    if row.slack is not None:
        words = "how far the estimate lies on the bound's right side, in its own unit; negative where the bound fails"
        return [*common, "slack", "± se"], {"slack": words}
    if row.z is None:
        return [*common, "difference", "nature"], {}
    if row.correction is None:
        return [*common, "difference", "z"], {}
    words = {
        "expected": "correction of the mean at this size, estimated from half or twice the size",
        "z": "(difference - expected) in standard errors",
    }
    return [*common, "difference", "expected", "± se", "z"], words


def _cells(row: Row, headings: list[str], nature: str) -> list[Any]:
    """The numbers below the headings."""
    spread = row.standard_error if row.correction is None else row.correction_error
    cells = {
        "theory": row.theory,
        "estimate": row.estimate,
        "se": _brief(row.standard_error),
        "difference": _brief(row.difference),
        "expected": _brief(row.correction),
        "slack": _brief(row.slack),
        "± se": _brief(spread),
        "z": "–" if row.z is None else f"{row.z:.2f}",
        "nature": nature,
    }
    return [cells[heading] for heading in headings]


def _brief(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3g}"
