"""`lemmata list`: what the suite holds, with the recorded verdicts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from lemmata.catalogue import Catalogue, PaperFloors
from lemmata.cli.output import print_json, print_table
from lemmata.cli.session import load_catalogue


@click.command("list")
@click.option("--markdown", is_flag=True, help="Print the table of papers for the README.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(markdown: bool, as_json: bool) -> None:
    """List papers, results, claims with their recorded verdicts, and figures."""
    catalogue = load_catalogue()
    if as_json:
        print_json([_data(paper) for paper in catalogue])
    elif markdown:
        print(markdown_table(catalogue))
    else:
        _print(catalogue)


def verdict_counts(paper: PaperFloors) -> str:
    """Recorded verdicts in words: '3 confirmed, 1 corrected'."""
    counts = Counter(entry.item.records.value for entry in paper.claims)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())


def markdown_table(catalogue: Catalogue) -> str:
    """The README's table of papers; it depends on the records alone, not on what has been run."""
    lines = [
        "| Paper | arXiv | Name here | Results | Figures | Verdicts on record |",
        "|---|---|---|---|---|---|",
    ]
    for paper in catalogue:
        link = f"[{paper.metadata.arxiv}]({paper.metadata.url})" if paper.metadata else ""
        cells = (
            paper.title,
            link,
            f"`{paper.name}`",
            len(paper.results),
            len(paper.figures),
            verdict_counts(paper),
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _data(paper: PaperFloors) -> dict[str, Any]:
    return {
        "paper": paper.name,
        "title": paper.title,
        "arxiv": paper.metadata.arxiv if paper.metadata else None,
        "results": [
            {"identifier": r.identifier, "source": r.source, "nature": str(r.nature), "formula": r.formula}
            for r in paper.results
        ],
        "samplers": [sampler.identifier for sampler in paper.samplers],
        "comparisons": [f"{paper.name}.{comparison.name}" for comparison in paper.comparisons],
        "claims": [
            {"identifier": e.identifier, "statement": e.item.statement, "verdict": e.item.records.value}
            for e in paper.claims
        ],
        "figures": [
            {"identifier": e.identifier, "reproduces": e.item.reproduces, "title": e.item.title}
            for e in paper.figures
        ],
    }


def _print(catalogue: Catalogue) -> None:
    papers = [(p.name, p.title, len(p.results), len(p.figures), verdict_counts(p)) for p in catalogue]
    wide = ("paper", "title", "verdicts on record")
    print_table(
        ("paper", "title", "results", "figures", "verdicts on record"), papers, title="Papers", text=wide
    )
    results = [(r.identifier, r.source, str(r.nature)) for p in catalogue for r in p.results]
    print_table(("result", "source", "nature"), results, title="Results", text=("result", "source", "nature"))
    claims = [(e.identifier, e.item.statement, e.item.records.value) for p in catalogue for e in p.claims]
    columns = ("claim", "statement", "verdict on record")
    if claims:
        print_table(columns, claims, title="Claims", text=columns)
    figures = [(e.identifier, e.item.reproduces, e.item.title) for p in catalogue for e in p.figures]
    if figures:
        print_table(
            ("figure", "of the paper", "title"),
            figures,
            title="Figures",
            text=("figure", "of the paper", "title"),
        )
