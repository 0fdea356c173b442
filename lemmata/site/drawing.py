"""A blueprint as shapes: boxes, and curves between them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from lemmata.site.blueprint import Node
from lemmata.site.views import Badge, PaperView

WIDTH, HEIGHT = 216, 38
COLUMN, ROW, EDGE = 282, 47, 14
"""Sizes in pixels: a box; a column and a row with the room around them; the border of the picture."""
LETTERS = 31
"""Letters of a title that a box has room for."""


@dataclass(frozen=True)
class Bar:
    """A coloured part of a box's left side."""

    badge: Badge
    y: float
    height: float


@dataclass(frozen=True)
class Box:
    """A node's box, with its upper left corner."""

    node: Node
    x: float
    y: float
    badges: tuple[Badge, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def bars(self) -> list[Bar]:
        """The box's left side, shared out among its verdicts."""
        share = (self.height - 8) / max(len(self.badges), 1)
        return [
            Bar(badge, round(self.y + 4 + i * share, 1), round(share, 1))
            for i, badge in enumerate(self.badges)
        ]

    @property
    def short(self) -> str:
        """As many words of the title as the box has room for."""
        return textwrap.shorten(self.node.title, LETTERS, placeholder="…")

    @property
    def label(self) -> str:
        """Everything in words; it begins as the box does, so that who speaks what is seen is understood."""
        seen = [self.node.id, self.node.kind, *(badge.letter for badge in self.badges), self.node.title]
        verdicts = f" ({', '.join(badge.words for badge in self.badges)})" if self.badges else ""
        return " ".join(seen) + verdicts

    @property
    def href(self) -> str:
        return place(self.node)


@dataclass(frozen=True)
class Edge:
    """A curve from one node to another."""

    start: str
    end: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """A graph as shapes."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def place(node: Node) -> str:
    """Where a node is explained, seen from a page of its paper."""
    if node.kind == "figure":
        return f"figures.html#{node.id}"
    page = "blueprint" if node.kind in ("definition", "assumption") else "statements"
    return f"{page}.html#{node.id}"


def draw(paper: PaperView) -> Drawing:
    """The blueprint of a paper as shapes."""
    graph, layout = paper.blueprint, paper.blueprint.layout
    boxes = tuple(
        Box(
            node,
            EDGE + COLUMN * layout.columns[node.id],
            round(EDGE + ROW * layout.heights[node.id], 1),
            tuple(paper.badges(node)),
        )
        for node in graph.nodes.values()
    )
    edges = tuple(Edge(start, end, _path(paper, start, end)) for start, end in graph.edges)
    columns = max(layout.columns.values(), default=0) + 1
    width = 2 * EDGE + COLUMN * columns - (COLUMN - WIDTH)
    return Drawing(boxes, edges, width, round(2 * EDGE + ROW * layout.rows))


def _path(paper: PaperView, start: str, end: str) -> str:
    """Curves through the gaps between columns, straight lines past the columns on the way."""
    layout = paper.blueprint.layout
    heights = [layout.heights[start], *layout.routes[start, end], layout.heights[end]]
    ys = [round(EDGE + ROW * height + HEIGHT / 2, 1) for height in heights]
    first = layout.columns[start]
    path = f"M{EDGE + COLUMN * first + WIDTH} {ys[0]}"
    for step, y in enumerate(ys[1:], 1):
        left, right = EDGE + COLUMN * (first + step - 1) + WIDTH, EDGE + COLUMN * (first + step)
        middle = (left + right) / 2
        path += f"C{middle:g} {ys[step - 1]} {middle:g} {y} {right} {y}"
        path += f"h{WIDTH}" if step < len(ys) - 1 else ""
    return path


__all__ = ["Box", "Drawing", "Edge", "draw", "place"]
