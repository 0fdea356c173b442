"""What `draw` functions are made of: a line is theory, a marker with its interval is simulation."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

COLORS = MappingProxyType(
    {
        "blue": "#0072B2",
        "vermilion": "#D55E00",
        "green": "#009E73",
        "pink": "#CC79A7",
        "orange": "#E69F00",
        "sky": "#56B4E9",
        "black": "#000000",
        "yellow": "#F0E442",
    }
)
"""Okabe and Ito's colours by name."""


def canvas(rows: int = 1, columns: int = 1, *, height: float = 1.0, **options: Any) -> tuple[mpl.Figure, Any]:
    """A figure of the medium's size (times `height`) and its axes, as `Figure.subplots` returns them."""
    from matplotlib.figure import Figure

    figure = Figure()
    width, tall = figure.get_size_inches()
    figure.set_size_inches(width, tall * height)
    return figure, figure.subplots(rows, columns, **options)


def plot_theory(
    axes: Axes,
    data: pd.DataFrame,
    x: str,
    *,
    series: str | None = None,
    output: str | None = None,
    label: str = "theory",
    **look: Any,
) -> None:
    """Draw the rows of kind 'theory' (of one series, of one output) as a line over the column `x`."""
    rows = _rows(data, "theory", series, output).sort_values(x)
    _any(axes).plot(rows[x].to_numpy(), rows["value"].to_numpy(), label=label, zorder=2, **look)


def plot_simulation(
    axes: Axes,
    data: pd.DataFrame,
    x: str,
    *,
    series: str | None = None,
    output: str | None = None,
    label: str = "simulation",
    color: str = COLORS["vermilion"],
    marker: str = "o",
    filled: bool = True,
    **look: Any,
) -> None:
    """Draw the rows of kind 'simulation' (of one series, of one output) as markers with intervals from `lo` to `hi`."""
    from matplotlib import rcParams

    rows = _rows(data, "simulation", series, output).sort_values(x)
    value = rows["value"].to_numpy()
    spans = [(value - rows["lo"].to_numpy()).clip(min=0), (rows["hi"].to_numpy() - value).clip(min=0)]
    _any(axes).errorbar(
        rows[x].to_numpy(),
        value,
        yerr=spans,
        fmt=marker,
        label=label,
        color=color,
        markerfacecolor=color if filled else "none",
        markeredgecolor="white" if filled else color,
        elinewidth=0.75 * rcParams["lines.linewidth"],
        zorder=4 if filled else 3,
        **look,
    )


def _any(axes: Axes) -> Any:
    return axes  # Matplotlib's annotations are incomplete


def _rows(data: pd.DataFrame, kind: str, series: str | None, output: str | None) -> pd.DataFrame:
    chosen = data["kind"] == kind
    for column, wanted in (("series", series), ("output", output)):
        if wanted is not None:
            chosen &= data[column] == wanted
    return data[chosen]


__all__ = ["COLORS", "canvas", "plot_simulation", "plot_theory"]
