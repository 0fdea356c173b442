"""Colours of the patterns, and small tables, that the figures of arXiv 2506.04695 share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from lemmata.pictures import COLORS, plot_simulation, plot_theory
from lemmata.tables import COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PATTERNS = tuple(COLORS[name] for name in ("blue", "vermilion", "green", "orange", "pink"))
"""The best pattern, the runner-up, and the others."""
GREY = "#888888"


def theory_rows(
    series: str, output: str, x: str, points: Iterable[float], values: Iterable[float]
) -> pd.DataFrame:
    """A line: values over x."""
    data = {
        "series": series,
        x: list(points),
        "output": output,
        "kind": "theory",
        "value": list(values),
        "trials": 0,
    }
    return pd.DataFrame(data, columns=["series", x, *COLUMNS])


def witness_rows(
    series: str, output: str, x: str, points: Iterable[float], values: Iterable[float]
) -> pd.DataFrame:
    """Markers without chance: values found by integrating the differential equation."""
    table = theory_rows(series, output, x, points, values)
    return table.assign(kind="simulation", se=0.0, lo=table["value"], hi=table["value"], trials=1)


def draw_policies(
    axes: Axes,
    data: pd.DataFrame,
    names: Sequence[str],
    *,
    line: str,
    markers: str,
    x: str = "time",
    **look: Any,
) -> None:
    """A curve and markers for each pattern, from the series `line` and `markers`."""
    for i, name in enumerate(names):
        plot_theory(axes, data, x, series=line, output=f"policy[{i}]", label=name, color=PATTERNS[i])
        plot_simulation(
            axes, data, x, series=markers, output=f"policy[{i}]", label="_", color=PATTERNS[i], **look
        )
