"""The blueprint of a paper: definitions, assumptions, statements, claims and figures, and what rests on what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemmata.records import Waiver
from lemmata.site.layout import Layout, layout, reduced
from lemmata.wording import predicted_by

if TYPE_CHECKING:
    from lemmata.catalogue import PaperFloors

KINDS = {"D": "definition", "A": "assumption", "R": "result", "C": "claim", "F": "figure", "B": "figure"}


@dataclass(frozen=True)
class Node:
    """One thing of a paper.

    Attributes
    ----------
    id, title : str
    kind : str
        'definition', 'assumption', 'result', 'claim' or 'figure'.
    claims : tuple of str
        Claims by which it is judged, itself included if it is one.
    """

    id: str
    kind: str
    title: str
    claims: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blueprint:
    """The graph of a paper: nodes by identifier, edges from what is used to what uses it, and their places."""

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    layout: Layout

    def uses(self, node: str) -> list[Node]:
        """What a node rests on directly."""
        return [self.nodes[start] for start, end in self.edges if end == node]

    def used_by(self, node: str) -> list[Node]:
        """What rests on a node directly."""
        return [self.nodes[end] for start, end in self.edges if start == node]


def blueprint(paper: PaperFloors, titles: Mapping[str, str]) -> Blueprint:
    """The graph of a paper.

    Edges are those that the inventory names (`Paper.uses`), those from a result to the claims and figures that cover
    it, and those from a result to the claims that predict by one of its closed forms. Edges that a longer way
    replaces are left out.

    Parameters
    ----------
    paper : PaperFloors
    titles : mapping
        Titles of numbered statements, as the paper's page has them.

    Raises
    ------
    ValueError
        If an edge names what is not there, or statements rest on each other in a circle.
    """
    nodes = {node.id: node for node in _nodes(paper, titles)}
    edges = [(start, end) for start, end in _edges(paper) if start != end]
    for edge in edges:
        for end in edge:
            if end not in nodes:
                raise ValueError(
                    f"{paper.name}: the blueprint's edge {edge[0]} to {edge[1]}: there is no {end}"
                )
    kept = reduced(edges)
    return Blueprint(nodes, tuple(kept), layout(list(nodes), kept))


def _nodes(paper: PaperFloors, titles: Mapping[str, str]) -> Iterator[Node]:
    about = paper.metadata
    claims = {entry.item.id: entry.item for entry in paper.claims}
    figures = {entry.item.id: entry.item for entry in paper.figures}
    for name, foundation in about.foundations.items() if about else ():
        yield Node(name, "assumption" if foundation.is_assumption else "definition", foundation.title)
    seen: set[str] = set()
    for name, cover in about.statements.items() if about else ():
        if name in figures:
            continue
        seen.add(name)
        names = () if isinstance(cover, Waiver) else cover
        kind = "claim" if name in claims and name.startswith("C") else _kind(name)
        judging = tuple(i for i in names if i in claims)
        yield Node(
            name, kind, titles.get(name) or (claims[name].statement if name in claims else name), judging
        )
    for name, claim in claims.items():
        if name not in seen:
            yield Node(name, "claim", titles.get(name) or claim.statement, (name,))
    for name, figure in figures.items():
        yield Node(name, "figure", figure.title)


def _kind(name: str) -> str:
    return KINDS.get(name[:1], "result")


def _edges(paper: PaperFloors) -> Iterator[tuple[str, str]]:
    """All edges, some of them more than once; an edge of `uses` speaks against its reverse."""
    about = paper.metadata
    if about is None:
        return
    named = {(start, end) for end, starts in about.uses.items() for start in starts}
    yield from named
    ids = {entry.item.id for entry in (*paper.claims, *paper.figures)}
    derived = {
        (name, cover)
        for name, covers in about.statements.items()
        if not isinstance(covers, Waiver)
        for cover in covers
        if cover in ids and (cover not in about.statements or _kind(cover) != "result")
    }
    for entry in paper.claims:
        for result in predicted_by((*entry.item.published_parts, *entry.item.repaired_parts), paper.results):
            if result.source in about.statements and _kind(entry.item.id) != "result":
                derived.add((result.source, entry.item.id))
    yield from (edge for edge in derived if edge[::-1] not in named)


__all__ = ["Blueprint", "Node", "blueprint"]
