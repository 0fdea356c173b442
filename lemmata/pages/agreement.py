"""How well tables stand for theory between their nodes, and which sliders may therefore stand there."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lemmata.classroom import Demo, Reading, Theory
from lemmata.pages.interpolation import CUBIC, LINEAR
from lemmata.pages.tables import FINE, Table, TableAxis, tabulate, thinned, truth

TOLERANCE = 5e-3
"""A slider stands between nodes if this difference is not exceeded there: a line's width in a picture."""


@dataclass(frozen=True, eq=False)
class Tabulation:
    """A demonstration as tables.

    Parameters
    ----------
    demo : Demo
    tables : mapping
        Theory and readings by name.
    strides : mapping
        Steps between nodes of the controls whose grid is thinned.
    fine : frozenset of str
        Controls that may stand between nodes.
    errors : mapping
        By name, for each quantity that is interpolated: largest difference from theory at random positions at which
        every fine control stands between nodes.
    checks : int
        Number of these positions.
    """

    demo: Demo
    tables: Mapping[str, Table]
    strides: Mapping[str, int]
    fine: frozenset[str]
    errors: Mapping[str, float]
    checks: int


def tabulation(demo: Demo, most: int, checks: int) -> Tabulation:
    """A demonstration as tables of about `most` values or fewer each.

    Each table is held to theory at `checks` random positions for each of its controls, and for all of them together.
    """
    strides = thinned(demo, most)
    items = {item.name: item for item in (*demo.theory, *demo.readings)}
    plain = tabulate(demo, items.values(), strides)
    tables: dict[str, Table] = {}
    coarse: set[str] = set()
    for name, item in items.items():
        tables[name], alone = interpolated(demo, item, plain[name], checks)
        coarse |= {control for control, error in alone.items() if error > TOLERANCE}
    fine = {a.control for table in tables.values() for a in table.axes if a.is_continuous} - coarse
    errors: dict[str, float] = {}
    for name, table in tables.items():
        if any(axis.control in fine for axis in table.axes):
            errors[name] = largest_difference(demo, items[name], table, fine, checks)
    return Tabulation(demo, tables, strides, frozenset(fine), errors, checks)


def interpolated(
    demo: Demo, item: Theory | Reading, table: Table, checks: int
) -> tuple[Table, dict[str, float]]:
    """The table with the best of the ways to interpolate, and its error between the nodes of each control alone.

    The best is the one with which most controls keep the tolerance, then the one with the smallest error.
    """
    controls = [axis.control for axis in table.axes if axis.is_continuous]
    if not controls:
        return table, {}
    places = {control: random_positions(table.axes, {control}, checks) for control in controls}
    truths = {c: [truth(demo, item, positions) for positions in places[c]] for c in controls}
    tried: list[tuple[Table, dict[str, float]]] = []
    for degree, is_log in itertools.product(
        (CUBIC, LINEAR), (False, True) if table.is_positive else (False,)
    ):
        way = replace(table, degree=degree, is_log=is_log)
        alone = {
            control: max(
                way.difference(p, value) for p, value in zip(places[control], truths[control], strict=True)
            )
            for control in controls
        }
        tried.append((way, alone))

    def badness(found: tuple[Table, dict[str, float]]) -> tuple[int, float]:
        errors = found[1].values()
        return sum(error > TOLERANCE for error in errors), max(errors)

    return min(tried, key=badness)


def largest_difference(
    demo: Demo,
    item: Theory | Reading,
    table: Table,
    fine: Collection[str],
    count: int,
    seed: int = 0,
) -> float:
    """Largest difference from theory at random positions between the nodes of all fine controls."""
    positions = random_positions(table.axes, fine, count, seed)
    return max(table.difference(position, truth(demo, item, position)) for position in positions)


def random_positions(
    axes: Sequence[TableAxis], fine: Collection[str], count: int, seed: int = 0
) -> list[dict[str, float]]:
    """Positions that sliders can take: between the nodes along fine controls, at nodes along the others."""
    rng = np.random.default_rng(seed)
    found: list[dict[str, float]] = []
    for _ in range(count):
        position: dict[str, float] = {}
        for axis in axes:
            is_between = axis.control in fine
            node = int(rng.integers(axis.nodes - 1 if is_between else axis.nodes))
            part = int(rng.integers(1, FINE * axis.stride)) if is_between else 0
            position[axis.control] = node * axis.stride + part / FINE
        found.append(position)
    return found


__all__ = ["TOLERANCE", "Tabulation", "largest_difference", "random_positions", "tabulation"]
