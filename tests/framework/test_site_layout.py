"""Blueprints: columns follow the edges, rows do not overlap, wrong inventories are refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemmata.site.blueprint import blueprint
from lemmata.site.layout import columns_of, layout, reduced
from tests.framework.papers import PAPER, paper

NODES = [f"n{i}" for i in range(9)]


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Edges without circles: from an earlier to a later node of a permutation."""
    order = draw(st.permutations(NODES))
    return [edge for edge in combinations(order, 2) if draw(st.booleans())]


def reach(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """All pairs of which the second can be reached from the first."""
    found = set(edges)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


@given(graphs())
def test_reduction_keeps_what_can_be_reached_and_nothing_twice(edges: list[tuple[str, str]]) -> None:
    kept = reduced(edges)
    assert set(kept) <= set(edges)
    assert reach(kept) == reach(edges)
    for edge in kept:
        assert edge not in reach([other for other in kept if other != edge])


@given(graphs())
def test_edges_run_to_the_right_and_rows_have_their_room(edges: list[tuple[str, str]]) -> None:
    made = layout(NODES, edges)
    for start, end in edges:
        assert made.columns[start] < made.columns[end]
        assert len(made.routes[start, end]) == made.columns[end] - made.columns[start] - 1
    assert set(made.heights) == set(NODES)
    for one, other in combinations(NODES, 2):
        if made.columns[one] == made.columns[other]:
            assert abs(made.heights[one] - made.heights[other]) >= 1 - 1e-9
    for heights in (made.heights.values(), *made.routes.values()):
        assert all(-1e-9 <= height <= made.rows for height in heights)


def test_no_node_is_a_graph_too() -> None:
    assert layout([], []).columns == {}


def test_a_circle_is_refused_with_its_members() -> None:
    with pytest.raises(ValueError, match="circle, among them a, b"):
        columns_of(["a", "b", "c"], [("c", "a"), ("a", "b"), ("b", "a")])


@pytest.mark.parametrize(
    ("uses", "words"), [({"C1": ("R9",)}, "there is no R9"), ({"R1": ("C3",), "C3": ("R1",)}, "circle")]
)
def test_a_blueprint_that_cannot_be_is_refused(uses: dict[str, tuple[str, ...]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        blueprint(paper("walks", replace(PAPER, uses=uses)), {})
