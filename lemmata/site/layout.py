"""Where the nodes of a graph without cycles stand, in columns from what is assumed to what follows.

The usual layered drawing: columns by the longest chain of dependencies, edges over several columns bent at one
invisible node in each, orders by sweeps of barycentres, heights by relaxation towards the neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 12


@dataclass(frozen=True)
class Layout:
    """Places of nodes, and the points through which edges run.

    Attributes
    ----------
    columns : dict
        Node to its column, from 0.
    heights : dict
        Node to the middle of its row, in rows.
    routes : dict
        Edge to the heights at which it passes the columns between its ends.
    rows : float
        Height of the whole.
    """

    columns: dict[str, int]
    heights: dict[str, float]
    routes: dict[tuple[str, str], tuple[float, ...]]
    rows: float


def reduced(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Edges without those that a longer way replaces."""
    edges = sorted(set(edges))
    following: dict[str, set[str]] = {}
    for start, end in edges:
        following.setdefault(start, set()).add(end)
    reach = {node: _reach(node, following) for node in following}
    return [
        (start, end)
        for start, end in edges
        if not any(end in reach.get(other, ()) for other in following[start] - {end})
    ]


def columns_of(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The column of each node: the length of the longest way to it.

    Raises
    ------
    ValueError
        If something rests on itself, with the nodes of the circle.
    """
    before: dict[str, set[str]] = {node: set() for node in nodes}
    for start, end in edges:
        before[end].add(start)
    columns: dict[str, int] = {}
    while len(columns) < len(before):
        ready = [node for node in before if node not in columns and before[node] <= columns.keys()]
        if not ready:
            circle = sorted(before.keys() - columns.keys())
            raise ValueError(f"statements rest on each other in a circle, among them {', '.join(circle)}")
        columns |= {node: 1 + max((columns[b] for b in before[node]), default=-1) for node in ready}
    return columns


def layout(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layout:
    """Place the nodes of a graph; nodes in one column keep their order where nothing speaks against it."""
    columns = columns_of(nodes, edges)
    cells: list[list[str]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for node in nodes:
        cells[columns[node]].append(node)
    bends: dict[tuple[str, str], list[str]] = {}
    links: list[tuple[str, str]] = []
    for start, end in edges:
        way = [f"{start}\0{end}\0{column}" for column in range(columns[start] + 1, columns[end])]
        for bend, column in zip(way, range(columns[start] + 1, columns[end]), strict=True):
            cells[column].append(bend)
        bends[start, end] = way
        chain = [start, *way, end]
        links += list(itertools.pairwise(chain))
    left: dict[str, list[str]] = {}
    right: dict[str, list[str]] = {}
    for start, end in links:
        right.setdefault(start, []).append(end)
        left.setdefault(end, []).append(start)
    _order(cells, left, right)
    heights = _heights(cells, left, right)
    lowest = min(heights.values(), default=0.0)
    heights = {node: height - lowest for node, height in heights.items()}
    return Layout(
        columns,
        {node: heights[node] for node in nodes},
        {edge: tuple(heights[bend] for bend in way) for edge, way in bends.items()},
        max(heights.values(), default=0.0) + 1,
    )


def _order(
    cells: list[list[str]], left: Mapping[str, Sequence[str]], right: Mapping[str, Sequence[str]]
) -> None:
    """Sort columns, to and fro, by the mean place of the neighbours in the column before."""
    for sweep in range(SWEEPS):
        is_forth = sweep % 2 == 0
        neighbours = left if is_forth else right
        for column in cells if is_forth else reversed(cells):
            place = {node: i for cell in cells for i, node in enumerate(cell)}
            column.sort(key=lambda node: _mean([place[n] for n in neighbours.get(node, ())], place[node]))


def _heights(
    cells: list[list[str]], left: Mapping[str, Sequence[str]], right: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Heights that keep the order and the distance of rows, drawn towards the neighbours."""
    heights = {node: float(i) for cell in cells for i, node in enumerate(cell)}
    for sweep in range(SWEEPS):
        for column in cells if sweep % 2 == 0 else reversed(cells):
            wished = [
                _mean([heights[n] for n in (*left.get(node, ()), *right.get(node, ()))], heights[node])
                for node in column
            ]
            for node, height in zip(column, _apart(wished, [_room(node) for node in column]), strict=True):
                heights[node] = height
    return heights


def _room(node: str) -> float:
    """Rows that a node takes; a bend takes less."""
    return 0.45 if "\0" in node else 1.0


def _apart(wished: Sequence[float], room: Sequence[float]) -> list[float]:
    """Heights nearest to those wished for (least squares) that keep their order and do not overlap."""
    offsets = [0.0]
    for above, below in itertools.pairwise(room):
        offsets.append(offsets[-1] + (above + below) / 2)
    blocks: list[tuple[float, int]] = []  # pooled adjacent violators: mean and number
    for height, offset in zip(wished, offsets, strict=True):
        mean, count = height - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, number = blocks.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _reach(node: str, following: Mapping[str, set[str]]) -> set[str]:
    """Everything that can be reached from a node."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        for other in following.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


__all__ = ["Layout", "columns_of", "layout", "reduced"]
