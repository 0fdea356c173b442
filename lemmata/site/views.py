"""What the pages show, as records that the templates only lay out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemmata.claims import Verdict
from lemmata.records import Waiver
from lemmata.site import commands
from lemmata.site.blueprint import Blueprint, Node, blueprint
from lemmata.site.evidence import Finding
from lemmata.site.markdown import Document
from lemmata.wording import (
    bluntest,
    counterexample_text,
    judged_by,
    predicted_by,
    question,
    still_needed,
    weakest_level,
)

if TYPE_CHECKING:
    from lemmata.catalogue import Entry, PaperFloors
    from lemmata.claims import Claim
    from lemmata.pictures import Figure
    from lemmata.records import Result
    from lemmata.site.gallery import Picture

UNJUDGED = "not judged yet"


@dataclass(frozen=True)
class Badge:
    """A verdict as it is shown: a letter, words, and the class of its colours."""

    letter: str
    words: str
    kind: str


BADGES = {verdict: Badge(verdict.letter, verdict.value, verdict.name.lower()) for verdict in Verdict}
NO_BADGE = Badge("…", UNJUDGED, "unjudged")
LEGEND = (*BADGES.values(), NO_BADGE)


@dataclass(frozen=True)
class ClosedForm:
    """A result of theory: what it is, its formula, a command that evaluates it, and what that prints if a number."""

    identifier: str
    title: str
    formula: str
    nature: str
    command: str
    value: str = ""


@dataclass(frozen=True)
class Card:
    """A claim with its evidence.

    Attributes
    ----------
    record : mapping or None
        The judgement's data.
    sharpness : mapping or None
        The row of evidence that detects least in units of its margin.
    trials : int
        Most trials behind one sampled mean.
    error_level : str
        'exact' or 'asymptotic' error rate, 'no chance', or a dash.
    still_open, notes : tuple of str
        What would decide open questions; remarks on the others.
    """

    identifier: str
    claim: Claim
    badge: Badge
    record: Mapping[str, Any] | None
    why_not: str
    formulas: tuple[ClosedForm, ...]
    judged_by: tuple[str, ...]
    repaired_by: tuple[str, ...]
    sharpness: Mapping[str, Any] | None
    trials: int
    error_level: str
    counterexample: str
    still_open: tuple[str, ...]
    notes: tuple[str, ...]
    command: str

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The questions that were decided."""
        return self.record["evidence"] if self.record is not None else ()

    @property
    def slips(self) -> list[tuple[str, Mapping[str, Any] | None]]:
        """Mutants and controls, each with what became of it (none in an open claim)."""
        words = [f"{m.words}" for m in self.claim.mutants] + [
            f"control: {c.words}" for c in self.claim.controls
        ]
        reports: list[Any] = list(self.record["mutants"]) if self.record is not None else []
        return list(zip(words, [*reports, *[None] * len(words)], strict=False))


@dataclass(frozen=True)
class Section:
    """A numbered statement: its place in the graph, its closed forms, the claim of its own number, its cover."""

    node: Node
    closed_forms: tuple[ClosedForm, ...]
    card: Card | None
    waiver: str
    claims: tuple[str, ...]
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Gallery:
    """A figure with its picture, if there is one."""

    identifier: str
    id: str
    figure: Figure
    picture: Picture | None
    command: str


@dataclass(frozen=True)
class PaperView:
    """A paper with everything that its pages show."""

    name: str
    floors: PaperFloors
    story: Document
    blueprint: Blueprint
    sections: tuple[Section, ...]
    cards: Mapping[str, Card]
    gallery: tuple[Gallery, ...]
    is_interactive: bool = False

    @property
    def title(self) -> str:
        return self.floors.title

    def badges(self, node: Node) -> list[Badge]:
        """The different verdicts of a node's claims, in the order of the legend."""
        found = {self.cards[claim].badge for claim in node.claims}
        return [badge for badge in LEGEND if badge in found]

    @property
    def waived_figures(self) -> list[tuple[Node, str]]:
        """Figures of the paper that are not drawn, and why."""
        about = self.floors.metadata
        covers = about.statements.items() if about is not None else ()
        nodes = self.blueprint.nodes
        return [
            (nodes[name], cover.reason)
            for name, cover in covers
            if isinstance(cover, Waiver) and nodes[name].kind == "figure"
        ]

    @property
    def counts(self) -> str:
        """Verdicts in words: '3 confirmed, 1 corrected'."""
        counts = Counter(card.badge.words for card in self.cards.values())
        return ", ".join(f"{count} {words}" for words, count in counts.most_common())


def paper_view(
    paper: PaperFloors,
    story: Document,
    found: Mapping[str, Finding],
    pictures: Mapping[str, Picture],
    *,
    level: str,
    seed: int,
    quality: str,
    is_interactive: bool = False,
) -> PaperView:
    """Everything that the pages of a paper show.

    Parameters
    ----------
    paper : PaperFloors
    story : Document
        The paper's page.
    found, pictures : mapping
        Findings and pictures by the identifiers of claims and figures.
    level, quality : str
    seed : int
        With which claims were judged and figures are drawn.
    """
    forms = {result.identifier: _closed_form(result, paper) for result in paper.results}
    cards = {
        entry.item.id: card(entry, paper, forms, found.get(entry.identifier, Finding()), level, seed)
        for entry in paper.claims
    }
    graph = blueprint(paper, story.headings)
    gallery = tuple(
        Gallery(
            entry.identifier,
            entry.item.id,
            entry.item,
            pictures.get(entry.identifier),
            commands.drawing(entry.identifier, quality, seed),
        )
        for entry in paper.figures
    )
    sections = tuple(
        _section(node, paper, cards, forms)
        for node in graph.nodes.values()
        if node.kind in ("result", "claim")
    )
    return PaperView(paper.name, paper, story, graph, sections, cards, gallery, is_interactive)


def card(
    entry: Entry[Claim],
    paper: PaperFloors,
    forms: Mapping[str, ClosedForm],
    finding: Finding,
    level: str,
    seed: int,
) -> Card:
    """A claim with its evidence."""
    claim, record = entry.item, finding.record
    rows: list[Any] = list(record["evidence"]) if record is not None else []
    parts = (*claim.published_parts, *claim.repaired_parts)
    opened = [row for row in rows if row["outcome"] == "open"]
    notes = dict.fromkeys(row["note"] for row in rows if row["note"] and row not in opened)
    example = record.get("counterexample") if record is not None else None
    return Card(
        identifier=entry.identifier,
        claim=claim,
        badge=NO_BADGE if finding.verdict is None else BADGES[finding.verdict],
        record=record,
        why_not=finding.why,
        formulas=tuple(forms[result.identifier] for result in predicted_by(parts, paper.results)),
        judged_by=tuple(judged_by(part) for part in claim.published_parts),
        repaired_by=tuple(judged_by(part) for part in claim.repaired_parts),
        sharpness=bluntest(rows),
        trials=max((row["trials"] for row in rows), default=0),
        error_level=weakest_level(rows),
        counterexample=counterexample_text(example) if example else "",
        still_open=tuple(f"{question(row)}: {still_needed(row)}" for row in opened),
        notes=tuple(notes),
        command=commands.judging(entry.identifier, level, seed),
    )


def _closed_form(result: Result, paper: PaperFloors) -> ClosedForm:
    command, value = commands.predicting(result, paper)
    return ClosedForm(result.identifier, result.title, result.formula, str(result.nature), command, value)


def _section(
    node: Node, paper: PaperFloors, cards: Mapping[str, Card], forms: Mapping[str, ClosedForm]
) -> Section:
    cover = paper.metadata.statements.get(node.id, ()) if paper.metadata else ()
    names = () if isinstance(cover, Waiver) else cover
    results = [result for result in paper.results if result.source == node.id]
    results += [result for result in paper.results if result.name in names and result not in results]
    figures = [entry.item.id for entry in paper.figures]
    return Section(
        node,
        tuple(forms[result.identifier] for result in results),
        cards.get(node.id),
        cover.reason if isinstance(cover, Waiver) else "",
        tuple(claim for claim in node.claims if claim != node.id),
        tuple(name for name in names if name in figures),
    )


__all__ = ["BADGES", "LEGEND", "NO_BADGE", "Badge", "Card", "PaperView", "Section", "paper_view"]
