"""What a demonstration computes: theory as curves, paths, numbers and tables, and simulated dots.

Each function takes what the demonstration's `model` makes of the controls (usually a model of `theory`), so that
theory and simulation speak of the same experiment. `uses` names the controls on which a quantity depends, and the
others stand at their defaults when it is computed: what is not named cannot matter. NaN means "not there".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lemmata.classroom.controls import Axis

if TYPE_CHECKING:
    from lemmata.laboratory import Laboratory
    from lemmata.records import Output

Array = npt.NDArray[np.float64]

EVERY = ("*",)
"""`uses` of a quantity that depends on every control."""


@dataclass(frozen=True, kw_only=True)
class _Quantity:
    """What every quantity has.

    Parameters
    ----------
    name : str
    label : str
        As the legend says it; formulas between dollar signs.
    uses : tuple of str
        Names of the controls on which it depends; `EVERY` of them unless said otherwise.
    color : str
        One of `lemmata.pictures.COLORS`, by name.
    dashed : bool
    """

    name: str
    label: str
    uses: tuple[str, ...] = EVERY
    color: str = "black"
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Curve(_Quantity):
    """Theory along an axis.

    Parameters
    ----------
    function : callable
        `function(model, x)` returns an array like `x`.
    along : Axis
        Its grid is the array `x` that is drawn; it may be the range of a control that the curve then does not use.
    """

    function: Callable[[Any, Array], Array]
    along: Axis

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.along.points,)

    def values(self, model: Any) -> Array:
        """The curve on its own grid."""
        return self.at(model, np.array(self.along.grid()))

    def at(self, model: Any, x: Array) -> Array:
        """The curve elsewhere on its axis."""
        return np.asarray(self.function(model, x), dtype=float)


@dataclass(frozen=True, kw_only=True)
class Path(_Quantity):
    """A curve or a few points in the plane, both of whose coordinates move.

    Parameters
    ----------
    function : callable
        `function(model)` returns an array (2, length).
    length : int
    joined, marked : bool
        Whether the points are joined by lines, and whether each has a marker.
    """

    function: Callable[[Any], Array]
    length: int
    joined: bool = True
    marked: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (2, self.length)

    def values(self, model: Any) -> Array:
        """Coordinates, (2, length)."""
        return np.asarray(self.function(model), dtype=float)


@dataclass(frozen=True, kw_only=True)
class Number(_Quantity):
    """One number of theory: `function(model)`."""

    function: Callable[[Any], float]

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def values(self, model: Any) -> Array:
        """The number, as an array without dimensions."""
        return np.asarray(self.function(model), dtype=float)


@dataclass(frozen=True, kw_only=True)
class Table(_Quantity):
    """A matrix, to be shown as a heat map.

    Parameters
    ----------
    function : callable
        `function(model)` returns an array of the given shape, first row at the bottom.
    shape : tuple of int
    """

    function: Callable[[Any], Array]
    shape: tuple[int, int]

    def values(self, model: Any) -> Array:
        """The matrix."""
        return np.asarray(self.function(model), dtype=float)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A curve at the place of a control on the curve's axis; the curve itself does not depend on that control.

    Parameters
    ----------
    name : str
    label : str
    curve : str
        Name of a curve.
    at : str
        Name of a slider.
    """

    name: str
    label: str
    curve: str
    at: str


Theory = Curve | Path | Number | Table


# ------------------------------------------------------------------ simulation


@dataclass(frozen=True, eq=False)
class Points:
    """Simulated points, with intervals where a point is a mean.

    Parameters
    ----------
    x, y : array (N,)
    low, high : array (N,), optional
        Ends of the intervals in y.
    """

    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Dots(_Quantity):
    """Simulated points that fall onto the theory.

    Parameters
    ----------
    function : callable
        `function(lab, model)` returns `Points`. Another seed of the laboratory gives other points.
    marker : str
        'o', 's', '^', 'D' or 'v'.
    """

    function: Callable[[Laboratory, Any], Points]
    marker: str = "o"


def along(function: Callable[[Any], Any], field: str) -> Callable[[Any, Array], Array]:
    """A result as a curve over one field of its model."""

    def values(model: Any, x: Array) -> Array:
        return np.array([float(function(replace(model, **{field: float(value)}))) for value in x])

    return values


def trials_along(
    output: Output,
    axis: Axis,
    points: int,
    trials: int = 1,
    model: Callable[[Any], Any] = lambda model: model,
) -> Callable[[Laboratory, Any], Points]:
    """Single trials of an output at a few values of its sampler's only free axis; one draw serves them all.

    Parameters
    ----------
    output : Output
    axis : Axis
        Whose range is covered.
    points : int
        Number of values.
    trials : int
        How many draws are shown.
    model : callable
        Takes the demonstration's model to the sampler's.
    """
    (name,) = output.sampler.axes
    x = np.array(replace(axis, points=points).grid())

    def draw(lab: Laboratory, given: Any) -> Points:
        rows = lab.samples(output, model(given), trials, axes={name: x.tolist()})[:trials]
        return Points(np.tile(x, len(rows)), rows.ravel())

    return draw


__all__ = [
    "EVERY",
    "Array",
    "Curve",
    "Dots",
    "Number",
    "Path",
    "Points",
    "Reading",
    "Table",
    "Theory",
    "along",
    "trials_along",
]
