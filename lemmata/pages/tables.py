"""Theory as tables over a demonstration's controls.

A position of a control counts the steps of its grid. Nodes are the positions at which a table holds theory itself.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lemmata.classroom import Demo, Reading, Slider, Theory
from lemmata.classroom.quantities import Array
from lemmata.pages.interpolation import CUBIC, between

FINE = 4
"""Positions of a slider to a step of its grid, if it may stand between the nodes."""
DECADES = 2.0
"""A positive quantity that spans more is judged by relative errors."""


@dataclass(frozen=True)
class TableAxis:
    """A control along a table.

    Parameters
    ----------
    control : str
    nodes : int
    stride : int
        Steps of the control's grid from node to node.
    is_continuous : bool
        Whether the control has values between the nodes.
    """

    control: str
    nodes: int
    stride: int = 1
    is_continuous: bool = True


@dataclass(frozen=True, eq=False)
class Table:
    """A quantity at every combination of its axes' nodes.

    Parameters
    ----------
    name : str
    axes : tuple of TableAxis
    values : array (nodes of each axis..., own shape...)
    degree : int
        Of the polynomial between nodes.
    is_log : bool
        Whether the polynomial is one of the logarithm.
    """

    name: str
    axes: tuple[TableAxis, ...]
    values: Array
    degree: int = CUBIC
    is_log: bool = False

    def at(self, positions: Mapping[str, float]) -> Array:
        """What a page shows with its controls at these positions."""
        places = [positions[axis.control] / axis.stride for axis in self.axes]
        return between(self.values, places, self.degree, is_log=self.is_log)

    @property
    def _there(self) -> Array:
        return self.values[~np.isnan(self.values)]

    @property
    def is_positive(self) -> bool:
        """Whether its values have logarithms."""
        return bool(self._there.size) and bool(np.all(self._there > 1e-30))

    @property
    def is_relative(self) -> bool:
        """Whether errors are relative to the value, and not to the range of all values."""
        return self.is_positive and bool(np.log10(self._there.max() / self._there.min()) > DECADES)

    def difference(self, positions: Mapping[str, float], value: Array) -> float:
        """Largest difference of what a page shows at these positions from the true value, as `gap` has it."""
        return self.gap(self.at(positions), value)

    def gap(self, shown: Array, value: Array) -> float:
        """Largest difference of what is shown from the true value, relative as `is_relative` says.

        Elements that are missing on one side do not count.
        """
        gaps = np.abs(shown - value)
        unit = np.abs(value) if self.is_relative else np.ptp(self._there) if self._there.size else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(gaps == 0, 0.0, gaps / unit)
        ratios = ratios[~np.isnan(ratios)]
        return float(ratios.max()) if ratios.size else 0.0


def value_at(demo: Demo, control: str, position: float) -> Any:
    """The control's value at a position."""
    found = demo.by_control[control]
    if position == math.floor(position):
        return found.grid()[int(position)]
    return found.grid(FINE)[round(position * FINE)]


def values_at(demo: Demo, positions: Mapping[str, float]) -> dict[str, Any]:
    """Values of the controls at positions."""
    return {name: value_at(demo, name, position) for name, position in positions.items()}


def uses(demo: Demo, item: Theory | Reading) -> tuple[str, ...]:
    """Controls along the table of a quantity; a reading has its own control last."""
    return (*demo.used(demo.curve(item.curve)), item.at) if isinstance(item, Reading) else demo.used(item)


def size(item: Theory | Reading) -> int:
    """Values of a quantity at one setting."""
    return 1 if isinstance(item, Reading) else math.prod(item.shape)


def truth(demo: Demo, item: Theory | Reading, positions: Mapping[str, float]) -> Array:
    """The quantity itself."""
    values = values_at(demo, positions)
    if isinstance(item, Reading):
        return np.array(demo.read(item, values))
    return demo.compute(item, demo.settle(values))


def axes_of(demo: Demo, names: Sequence[str], strides: Mapping[str, int]) -> tuple[TableAxis, ...]:
    """Axes along controls; `strides` are those of controls whose grid is thinned."""
    found: list[TableAxis] = []
    for name in names:
        control, stride = demo.by_control[name], strides.get(name, 1)
        nodes = (control.steps - 1) // stride + 1
        found.append(TableAxis(name, nodes, stride, isinstance(control, Slider)))
    return tuple(found)


def thinned(demo: Demo, most: int) -> dict[str, int]:
    """Strides of controls with which no quantity has more than about `most` values.

    Only the grids of real numbers are thinned, each time the longest by two, and no further than four nodes.
    """
    strides: dict[str, int] = {}
    for item in (*demo.theory, *demo.readings):
        while True:
            axes = axes_of(demo, uses(demo, item), strides)
            if math.prod(axis.nodes for axis in axes) * size(item) <= most:
                break
            thinnable = [axis for axis in axes if axis.is_continuous and axis.nodes > 6 and axis.nodes % 2]
            if not thinnable:
                break
            longest = max(thinnable, key=lambda axis: axis.nodes)
            strides[longest.control] = 2 * longest.stride
    return strides


def tabulate(demo: Demo, items: Iterable[Theory | Reading], strides: Mapping[str, int]) -> dict[str, Table]:
    """Quantities of a demonstration as tables, by name.

    Those over the same controls are computed setting by setting: what they share may be computed once.
    """
    groups: dict[tuple[TableAxis, ...], list[Theory]] = {}
    tables: dict[str, Table] = {}
    for item in items:
        axes = axes_of(demo, uses(demo, item), strides)
        if isinstance(item, Reading):
            tables[item.name] = _tabulate_reading(demo, item, axes)
        else:
            groups.setdefault(axes, []).append(item)
    for axes, group in groups.items():
        settings = [[truth(demo, item, positions) for item in group] for positions in at_nodes(axes)]
        for item, rows in zip(group, zip(*settings, strict=True), strict=True):
            shape = [*(axis.nodes for axis in axes), *item.shape]
            tables[item.name] = Table(item.name, axes, np.array(rows).reshape(shape))
    return tables


def _tabulate_reading(demo: Demo, item: Reading, axes: tuple[TableAxis, ...]) -> Table:
    """A reading as a table: the curve is computed once for all values of the reading's own control."""
    curve, last = demo.curve(item.curve), axes[-1]
    along = np.array([float(value_at(demo, item.at, node * last.stride)) for node in range(last.nodes)])
    models = (demo.model(demo.defaults | values_at(demo, positions)) for positions in at_nodes(axes[:-1]))
    rows = [curve.at(model, along) for model in models]
    return Table(item.name, axes, np.array(rows).reshape([axis.nodes for axis in axes]))


def at_nodes(axes: Sequence[TableAxis]) -> Iterator[dict[str, float]]:
    """Positions of every combination of nodes, the last axis running fastest."""
    for nodes in itertools.product(*(range(axis.nodes) for axis in axes)):
        yield {axis.control: float(node * axis.stride) for axis, node in zip(axes, nodes, strict=True)}


__all__ = [
    "FINE",
    "Table",
    "TableAxis",
    "at_nodes",
    "axes_of",
    "size",
    "tabulate",
    "thinned",
    "truth",
    "uses",
    "value_at",
    "values_at",
]
