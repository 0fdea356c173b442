"""`lemmata show`: everything that is on record about one thing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from lemmata.catalogue import Entry, PaperFloors
from lemmata.cli.listing import verdict_counts
from lemmata.cli.output import number, print_facts, print_json
from lemmata.cli.session import BUILD, load_catalogue

if TYPE_CHECKING:
    from lemmata.catalogue import Catalogue
    from lemmata.claims import Claim
    from lemmata.records import Result

_FLOORS = ("theory", "simulations", "paper_checks", "figures", "classroom", "benchmarks")


@click.command("show")
@click.argument("identifier", metavar="ID")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="File with the latest verdicts (default build/ledger.sqlite).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(identifier: str, ledger: Path | None, as_json: bool) -> None:
    """Show a paper, result (PAPER.NAME), claim (PAPER/C7) or figure (PAPER/F1a)."""
    catalogue = load_catalogue()
    found = catalogue.find(identifier)
    if isinstance(found, PaperFloors):
        data = _paper(found)
    elif isinstance(found, Entry):
        data = _figure(found) if found.kind == "figure" else _claim(found, _latest(found.identifier, ledger))
        data["files"] = _files(found.paper)
    else:
        data = _result(found, catalogue)
    if as_json:
        print_json(data)
        return
    title = data.get("identifier", data.get("paper", identifier))
    print_facts(
        {key.replace("_", " "): _text(value) for key, value in data.items() if key != "identifier"},
        title=title,
    )


def _paper(paper: PaperFloors) -> dict[str, Any]:
    about = paper.metadata
    return {
        "paper": paper.name,
        "title": paper.title,
        "authors": list(about.authors) if about else [],
        "url": about.url if about else "",
        "summary": about.summary if about else "",
        "results": [result.identifier for result in paper.results],
        "claims": [entry.identifier for entry in paper.claims],
        "verdicts_on_record": verdict_counts(paper),
        "figures": [entry.identifier for entry in paper.figures],
        "samplers": [sampler.identifier for sampler in paper.samplers],
        "files": _files(paper.name),
    }


def _result(result: Result, catalogue: Catalogue) -> dict[str, Any]:
    from lemmata.names import UnknownNameError

    try:
        comparison = catalogue.comparison(result)
        simulations = [o.identifier for o in (comparison.output, comparison.witness) if o is not None]
    except UnknownNameError:
        simulations = []
    return {
        "identifier": result.identifier,
        "statement": result.title,
        "formula": result.formula,
        "source": result.source,
        "nature": str(result.nature),
        "parameters": [
            f"{name}: {words}{f' (default {default})' if default else ''}{f'; {meaning}' if meaning else ''}"
            for name, words, default, meaning in result.model.describe()
        ],
        "simulations": simulations,
        "files": _files(result.paper),
    }


def _figure(entry: Entry[Any]) -> dict[str, Any]:
    figure = entry.item
    return {
        "identifier": entry.identifier,
        "reproduces": figure.reproduces,
        "title": figure.title,
        "caption": figure.caption,
    }


def _claim(entry: Entry[Claim], latest: Mapping[str, Any] | None) -> dict[str, Any]:
    claim = entry.item
    data: dict[str, Any] = {
        "identifier": entry.identifier,
        "statement": claim.statement,
        "source": claim.source,
        "falsified_by": claim.falsifier,
        "verdict_on_record": claim.records.value,
        "settles_at_level": claim.settles.name,
        "judged_by": [_statement(part) for part in claim.published_parts],
        "repaired_statement": claim.repaired.words if claim.repaired else "",
        "repaired_judged_by": [_statement(part) for part in claim.repaired_parts],
        "design": [str(model) for model in claim.design],
        "mutants": [mutant.words for mutant in claim.mutants],
        "why": claim.why,
    }
    if latest is not None:
        data["latest_verdict"] = f"{latest['verdict']} at level {latest['level']}"
        failed = [
            row
            for row in latest.get("evidence", ())
            if row["part"] == "published" and row["outcome"] == "failed"
        ]
        if failed:
            row = failed[0]
            data["counterexample"] = f"{row['point']}: estimate {row['estimate']}, target {row['target']}"
    return data


def _statement(part: Any) -> str:
    margin = getattr(part, "margin", None)
    name = type(part).__name__
    return (
        f"{name}, margin {margin}: {margin.reason}"
        if margin is not None
        else f"{name}: {getattr(part, 'words', part)}"
    )


def _latest(identifier: str, ledger: Path | None) -> Mapping[str, Any] | None:
    """The latest verdict in the ledger, from the highest level; a ledger that is not there is not made."""
    path = ledger if ledger is not None else BUILD / "ledger.sqlite"
    if ledger is None and not path.exists():
        return None
    from lemmata.ledger import Ledger

    with Ledger(path) as opened:
        found = {row.level: row.record for row in opened.verdicts() if row.claim_id == identifier}
    return found.get("full", found.get("quick"))


def _files(paper: str) -> list[str]:
    root = Path(__file__).resolve().parents[2]
    places = [f"{floor}/{paper}{ending}" for floor in _FLOORS for ending in (".py", "/__init__.py")]
    places += [f"docs/papers/{paper}.md", f"tests/papers/test_{paper}.py"]
    return [place for place in places if (root / place).exists()]


def _text(value: Any) -> str:
    return (
        "\n".join(str(item) for item in cast("list[Any]", value))
        if isinstance(value, list)
        else number(value)
    )
