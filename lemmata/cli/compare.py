"""`lemmata compare`: a result beside its simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemmata.cli.output import print_facts, print_json, print_table
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory
from lemmata.cli.values import base_model, model_file

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

    For a limit, z refers to the difference less the correction that is to be expected at this size.
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
        seed = lab.seed
    if as_json:
        facts = {"result": found.identifier, "nature": str(found.nature), "formula": found.formula}
        facts |= {"output": output.identifier, "seed": seed}
        print_json(
            facts | {"models": [m.to_data() for m in planned.models], "rows": [row.to_data() for row in rows]}
        )
        return
    facts = {"nature": str(found.nature), "formula": found.formula, "simulation": output.identifier}
    print_facts(facts, title=f"{found.identifier}: {found.title}")
    names = list(rows[0].point)
    is_limit = rows[0].correction is not None
    columns = [*names, "output", "theory", "estimate", "se", "difference"]
    columns += ["expected", "± se"] if is_limit else []
    columns += ["z", "trials"]
    lines: list[list[Any]] = []
    for row in rows:
        numbers = [row.theory, row.estimate, _brief(row.standard_error), _brief(row.difference)]
        numbers += [_brief(row.correction), _brief(row.correction_error)] if is_limit else []
        lines.append([*row.point.values(), row.output, *numbers, f"{row.z:.2f}", row.trials])
    print_table(columns, lines)
    if is_limit:
        print_facts(
            {"expected": "correction of the mean at this size, estimated from half or twice the size"}
        )
        print_facts({"z": "(difference - expected) in standard errors"})


def _brief(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3g}"
