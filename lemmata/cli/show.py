"""`lemmata show`: everything that is on record about one thing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from lemmata.catalogue import Entry, PaperFloors
from lemmata.cli.listing import verdict_counts
from lemmata.cli.output import print_facts, print_json, short
from lemmata.cli.session import load_catalogue
from lemmata.provenance import ROOT
from lemmata.wording import counterexample_text, judged_by, number, predicted_by

if TYPE_CHECKING:
    from lemmata.catalogue import Catalogue
    from lemmata.claims import Claim
    from lemmata.records import Result

_FLOORS = ("theory", "simulations", "paper_checks", "figures", "classroom")


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
        paper = catalogue.paper(found.paper)
        data = _figure(found) if found.kind == "figure" else _claim(found, paper) | _latest(found, ledger)
        data["files"] = _files(found.paper, *([found.item.data] if found.kind == "figure" else []))
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
    from lemmata.catalogue import NoComparisonError

    try:
        comparison = catalogue.comparison(result)
        simulations = [o.identifier for o in (comparison.output, comparison.witness) if o is not None]
    except NoComparisonError:
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
        "files": _files(result.paper, result.function),
    }


def _figure(entry: Entry[Any]) -> dict[str, Any]:
    figure = entry.item
    return {
        "identifier": entry.identifier,
        "reproduces": figure.reproduces,
        "title": figure.title,
        "caption": figure.caption,
    }


def _claim(entry: Entry[Claim], paper: PaperFloors) -> dict[str, Any]:
    claim = entry.item
    return {
        "identifier": entry.identifier,
        "statement": claim.statement,
        "formula": _formulas(claim.published_parts, paper),
        "source": claim.source,
        "falsified_by": claim.falsifier,
        "verdict_on_record": claim.records.value,
        "settles_at_level": claim.settles.name,
        "judged_by": [judged_by(part) for part in claim.published_parts],
        "repaired_statement": claim.repaired.words if claim.repaired else "",
        "repaired_formula": _formulas(claim.repaired_parts, paper),
        "repaired_judged_by": [judged_by(part) for part in claim.repaired_parts],
        "design": [str(model) for model in claim.design],
        "repaired_design": [
            str(model) for model in (claim.repaired.design if claim.repaired else None) or ()
        ],
        "mutants": [mutant.words for mutant in claim.mutants],
        "controls": [control.words for control in claim.controls],
        "why": claim.why,
    }


def _formulas(parts: tuple[Any, ...], paper: PaperFloors) -> list[str]:
    """The formulas of the results that statements predict by."""
    return [f"{r.identifier}: {r.formula}" for r in predicted_by(parts, paper.results) if r.formula]


def _latest(entry: Entry[Claim], ledger: Path | None) -> dict[str, Any]:
    """The newest verdict in the ledger, marked when it was reached by other code or on another claim."""
    from lemmata.claims import LEVELS
    from lemmata.claims.evidence import evidence_key
    from lemmata.cli.latest import latest_verdict
    from lemmata.ledger import DEFAULT_PATH

    path = ledger if ledger is not None else DEFAULT_PATH
    if ledger is not None and not path.exists():
        return {"latest_verdict": f"none ({short(path)} does not exist)"}
    found = latest_verdict(path, entry.identifier)
    if found is None:
        return {}
    record = found.record
    level, seed = record["level"], record.get("seed")
    words = f"{record['verdict']} at level {level}" + ("" if seed is None else f", seed {seed}")
    if seed is None or found.key != evidence_key(entry.identifier, entry.item, LEVELS[level], seed):
        words += " (older code or claim)"
    counterexample = record.get("counterexample")
    facts = {"latest_verdict": words}
    return facts | ({"counterexample": counterexample_text(counterexample)} if counterexample else {})


def _files(paper: str, *own: Callable[..., Any]) -> list[str]:
    """Where functions of the paper stand, then the paper's file or folder on each floor, its page and its tests."""
    sources = [Path(inspect.getsourcefile(inspect.unwrap(function)) or "").resolve() for function in own]
    found = [path.relative_to(ROOT).as_posix() for path in sources if path.is_relative_to(ROOT)]
    found += [f"{floor}/{paper}{ending}" for floor in _FLOORS for ending in (".py", "/")]
    found.append(f"docs/papers/{paper}.md")
    for pattern in (f"benchmarks/{paper}*.py", f"tests/papers/test_{paper}*.py"):
        found += sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
    return [place for place in dict.fromkeys(found) if (ROOT / place).exists()]


def _text(value: Any) -> str:
    return (
        "\n".join(str(item) for item in cast("list[Any]", value))
        if isinstance(value, list)
        else number(value)
    )
