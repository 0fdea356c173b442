"""What a figure is, and how much work goes into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

Value = TypeVar("Value")


class Quality(Enum):
    """How much work goes into a figure; calling it picks one of three values.

    >>> Quality.DRAFT(draft=32, standard=1000, paper=10000)
    32
    """

    DRAFT = "draft"
    STANDARD = "standard"
    PAPER = "paper"

    def __call__(self, *, draft: Value, standard: Value, paper: Value) -> Value:
        return {Quality.DRAFT: draft, Quality.STANDARD: standard, Quality.PAPER: paper}[self]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: where its data come from, and how they are drawn.

    Parameters
    ----------
    id : str
        Short name, such as 'F1a'; with the paper's name it is the figure's identifier.
    reproduces : str
        The paper's figure that it shows, such as 'Fig. 1a'; empty if it is ours.
    title, caption : str
        The caption says what is the paper's parameter, what is ours, and where ours differs.
    data : callable
        `data(lab, quality)` returns a table in the schema of `lemmata.tables`.
    draw : callable
        `draw(data)` returns a Matplotlib figure; it computes nothing and needs nothing else.
    """

    id: str
    reproduces: str
    title: str
    caption: str
    data: Callable[[Laboratory, Quality], pd.DataFrame]
    draw: Callable[[pd.DataFrame], mpl.Figure]


__all__ = ["Figure", "Quality"]
