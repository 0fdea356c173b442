"""`lemmata predict`: evaluate a result along a sweep."""

from __future__ import annotations

from pathlib import Path

import click

from lemmata.cli.output import print_facts, print_json, print_table
from lemmata.cli.session import State, load_catalogue
from lemmata.cli.values import base_model, model_file
from lemmata.wording import number


@click.command("predict")
@click.argument("result", metavar="PAPER.RESULT")
@click.argument("assignments", nargs=-1, metavar="[KEY=VALUE]...")
@model_file
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(
    state: State, result: str, assignments: tuple[str, ...], model: Path | None, as_json: bool
) -> None:
    """Evaluate a result; commas and ranges make a sweep.

    lemmata predict attention_memorization.ridge_regression_error tokens=512 dimension=2048 ridge=0.1,1 snr=1
    """
    found = load_catalogue().result(result)
    from lemmata.parsing import build_models, parse_assignments
    from lemmata.tables import theory_table, varying

    models = build_models(found.model, parse_assignments(assignments), base_model(model))
    with state.bar as bar:
        predict = bar.count(found.function, found.identifier, len(models), "points")
        values = {m: predict(m) for m in models}
    remarks = {m: found.remark(m) for m in models} if found.remark else {}
    if as_json:
        rows = [
            {"model": m.to_data(), "value": _plain(values[m])}
            | ({"remark": remarks[m]} if remarks.get(m) else {})
            for m in models
        ]
        facts = {"result": found.identifier, "source": found.source, "nature": str(found.nature)}
        print_json(facts | {"formula": found.formula, "rows": rows})
        return
    table = theory_table(values.__getitem__, models, "value")
    names = varying(models)
    print_facts(
        {"nature": str(found.nature), "formula": found.formula}, title=f"{found.identifier}: {found.title}"
    )
    said = list(dict.fromkeys(text for text in remarks.values() if text))
    if len(table) == 1:
        value = {"value": number(float(table["value"].iloc[0]), 12)}
        print_facts(value | ({"remark": said[0]} if said else {}))
        return
    has_index = table["output"].nunique() > 1
    columns = [*names, *(["output"] if has_index else []), "value"]
    rows = table[columns].astype(object).to_numpy().tolist()
    if not said:
        print_table(columns, rows)
        return
    width = len(rows) // len(models)  # an array has a row for each of its entries
    marks = ["*" if remarks[m] else "" for m in models for _ in range(width)]
    print_table([*columns, "remark"], [[*row, mark] for row, mark in zip(rows, marks, strict=True)])
    print_facts({"*": "; ".join(said)})


def _plain(value: object) -> object:
    import numpy as np

    return np.asarray(value, dtype=float).tolist()
