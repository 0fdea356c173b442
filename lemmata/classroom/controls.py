"""What a visitor of a demonstration moves: sliders and choices, each with its range, default and grid.

The grid is the values that a page without Python offers; a live page offers finer ones between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lemmata.domains import Choice as OneOf
from lemmata.domains import DomainError, Range, Real, Whole

LINEAR, LOG = "linear", "log"


def spaced(low: float, high: float, points: int, scale: str) -> tuple[float, ...]:
    """`points` values from `low` to `high`, at equal distances on the scale; both ends are exact."""
    steps = points - 1
    if scale == LOG:
        inner = (low * (high / low) ** (i / steps) for i in range(1, steps))
    else:
        inner = (low + (high - low) * i / steps for i in range(1, steps))
    return (low, *inner, high)


@dataclass(frozen=True, kw_only=True)
class _Control:
    """What every control has.

    Parameters
    ----------
    name : str
        Key of its value.
    label : str
        What it is, in words; formulas between dollar signs.
    """

    name: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Slider(_Control):
    """A real number between two ends.

    Parameters
    ----------
    low, high : float
    default : float
        A value of the grid.
    steps : int
        Length of the grid, both ends included.
    is_whole : bool
        Whether the model rounds it to a whole number, and people read it as one.
    """

    low: float
    high: float
    default: float
    steps: int = 17
    is_whole: bool = False
    scale: str = field(default=LINEAR, init=False)

    def __post_init__(self) -> None:
        if not (self.low > 0 or self.scale == LINEAR):
            raise DomainError(f"{self.name}.low", self.low, "> 0 on a logarithmic scale")
        if not self.low < self.high:
            raise DomainError(f"{self.name}.high", self.high, f"above {self.low:g}")
        Whole(Range(least=2)).coerce(f"{self.name}.steps", self.steps)
        if not any(math.isclose(self.coerce(self.default), value, rel_tol=1e-9) for value in self.grid()):
            raise DomainError(f"{self.name}.default", self.default, f"one of {self.grid()}")

    def coerce(self, value: Any) -> float:
        """The value as a float within the ends, or a `DomainError`."""
        return Real(Range(least=self.low, most=self.high)).coerce(self.name, value)

    def grid(self, refined: int = 1) -> tuple[float, ...]:
        """The grid; with `refined` k each of its steps is cut into k."""
        return spaced(self.low, self.high, (self.steps - 1) * refined + 1, self.scale)

    def text(self, value: float) -> str:
        """The value for people, in three digits or as a whole number."""
        return f"{value:.0f}" if self.is_whole else f"{value:.3g}"


@dataclass(frozen=True, kw_only=True)
class LogSlider(Slider):
    """A positive number between two ends, at equal ratios along the slider."""

    scale: str = field(default=LOG, init=False)


@dataclass(frozen=True, kw_only=True)
class WholeSlider(_Control):
    """A whole number between two ends, in steps of `stride`."""

    low: int
    high: int
    default: int
    stride: int = 1
    scale: str = field(default=LINEAR, init=False)

    def __post_init__(self) -> None:
        Whole(Range(least=1)).coerce(f"{self.name}.stride", self.stride)
        if not self.low < self.high or (self.high - self.low) % self.stride:
            raise DomainError(f"{self.name}.high", self.high, f"{self.low} plus a multiple of {self.stride}")
        if self.coerce(self.default) not in self.grid():
            raise DomainError(f"{self.name}.default", self.default, f"one of {self.grid()}")

    @property
    def steps(self) -> int:
        """Length of the grid."""
        return (self.high - self.low) // self.stride + 1

    def coerce(self, value: Any) -> int:
        """The value as a whole number within the ends, or a `DomainError`."""
        return Whole(Range(least=self.low, most=self.high)).coerce(self.name, value)

    def grid(self, refined: int = 1) -> tuple[int, ...]:
        """The grid; a whole number has nothing finer than steps of one."""
        return tuple(range(self.low, self.high + 1, self.stride if refined == 1 else 1))

    def text(self, value: float) -> str:
        """The value for people."""
        return f"{value:d}"


@dataclass(frozen=True, kw_only=True)
class Choice(_Control):
    """One of a few names.

    Parameters
    ----------
    options : tuple of str
        As they are shown.
    default : str
    """

    options: tuple[str, ...]
    default: str

    def __post_init__(self) -> None:
        if len(set(self.options)) != len(self.options) or len(self.options) < 2:
            raise DomainError(f"{self.name}.options", self.options, "two or more different names")
        self.coerce(self.default)

    @property
    def steps(self) -> int:
        """Number of options."""
        return len(self.options)

    def coerce(self, value: Any) -> str:
        """The value, if it is one of the options, or a `DomainError`."""
        return OneOf(self.options).coerce(self.name, value)

    def grid(self, refined: int = 1) -> tuple[str, ...]:
        """The options."""
        return self.options

    def text(self, value: str) -> str:
        """The option itself."""
        return value


Control = Slider | WholeSlider | Choice


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis of a picture, or the values along which a curve is computed.

    Parameters
    ----------
    label : str
        With its unit, if there is one; formulas between dollar signs.
    low, high : float
    scale : 'linear' or 'log'
    points : int
        Length of the grid along which curves are computed.
    ticks : tuple of str
        Names of the whole numbers 0, 1, ... along an axis of categories.
    """

    label: str
    low: float
    high: float
    scale: str = LINEAR
    points: int = 65
    ticks: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.scale not in (LINEAR, LOG):
            raise DomainError("scale", self.scale, f"{LINEAR} or {LOG}")
        if not self.low < self.high or (self.scale == LOG and not self.low > 0):
            raise DomainError(
                self.label, (self.low, self.high), "two ends in order, positive on a logarithmic scale"
            )
        Whole(Range(least=2)).coerce("points", self.points)

    def grid(self) -> tuple[float, ...]:
        """Values along which curves are computed."""
        return spaced(self.low, self.high, self.points, self.scale)


__all__ = ["LINEAR", "LOG", "Axis", "Choice", "Control", "LogSlider", "Slider", "WholeSlider"]
