"""What a demonstration shows: pictures and badges that name its quantities, and nothing that computes."""

from __future__ import annotations

from dataclasses import dataclass

from lemmata.classroom.controls import Axis


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Curves, paths and simulated dots over two axes.

    Parameters
    ----------
    title : str
    x, y : Axis
    curves, paths, dots : tuple of str
        Names of curves, of paths and of dots.
    points : tuple of str
        Names of readings, each a large marker on its curve at the control's value.
    levels, uprights : tuple of str
        Names of numbers, drawn as horizontal and as vertical lines.
    bands : tuple of pairs of str
        Pairs of numbers between which a vertical band is shaded.
    equal : bool
        One unit has the same length on both axes.
    """

    title: str
    x: Axis
    y: Axis
    curves: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    dots: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    uprights: tuple[str, ...] = ()
    bands: tuple[tuple[str, str], ...] = ()
    equal: bool = False


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of one or more parts.

    Parameters
    ----------
    label : str
    tops : tuple of str
        Numbers or readings: the upper edges of its parts, from the bottom up or from the left.
    """

    label: str
    tops: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Upright bars, each one of parts upon or beside each other.

    Parameters
    ----------
    title : str
    y : Axis
    bars : tuple of Bar
    labels : tuple of str
        What the parts of every bar are, from the bottom up or from the left.
    colors : tuple of str
        A colour for each label.
    stacked : bool
        Whether the parts stand upon each other, each from the top of the one below to its own, or side by side.
    """

    title: str
    y: Axis
    bars: tuple[Bar, ...]
    labels: tuple[str, ...]
    colors: tuple[str, ...]
    stacked: bool = True


@dataclass(frozen=True, kw_only=True)
class Heatmap:
    """A table in colour, from `low` (light) to `high` (dark)."""

    title: str
    table: str
    x: Axis
    y: Axis
    low: float
    high: float


Picture = Plot | Bars | Heatmap


@dataclass(frozen=True, kw_only=True)
class Badge:
    """A number or reading beside the pictures, in digits or in words.

    Parameters
    ----------
    label : str
        Plain words, without formulas.
    value : str
        Name of a number or reading.
    digits : str
        Format of the number.
    cases : tuple of (float, str)
        Increasing bounds with words: the words of the first bound that the number does not exceed are shown instead of
        it. The last bound is infinite.
    """

    label: str
    value: str
    digits: str = ".3g"
    cases: tuple[tuple[float, str], ...] = ()

    def text(self, number: float) -> str:
        """What the badge says at a value of its number."""
        for bound, words in self.cases:
            if number <= bound:
                return words
        return "none" if number != number else format(number, self.digits)


__all__ = ["Badge", "Bar", "Bars", "Heatmap", "Picture", "Plot"]
