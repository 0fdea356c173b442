"""What values a parameter may take: coercion to one canonical value, or one clear error.

A domain turns any accepted spelling of a value (`1`, `1.0`, a NumPy scalar) into one canonical Python value,
so that equal experiments have equal digests, and says in words what it accepts.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

from lemmata.names import nearest


class DomainError(ValueError):
    """A parameter lies outside its domain.

    Attributes
    ----------
    parameter : str
        Name of the parameter, dotted for nested models.
    value : object
        What was given.
    allowed : str
        The allowed domain in words.
    """

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        self.parameter, self.value, self.allowed = parameter, value, allowed
        super().__init__(f"{parameter} = {value!r}: must be {allowed}")

    def __reduce__(self) -> tuple[type[DomainError], tuple[str, object, str]]:
        return type(self), (self.parameter, self.value, self.allowed)


class Domain(Protocol):
    """What a model's field needs of its domain."""

    def coerce(self, name: str, value: Any) -> Any:
        """The canonical value, or `DomainError`."""
        ...

    def plain(self, value: Any) -> Any:
        """A canonical value as JSON data."""
        ...

    @property
    def words(self) -> str:
        """The domain in words, to follow 'must be'."""
        ...


@dataclass(frozen=True)
class Range:
    """An interval of numbers; `None` leaves an end open to infinity."""

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None

    def __contains__(self, value: float) -> bool:
        return not (
            (self.above is not None and not value > self.above)
            or (self.least is not None and not value >= self.least)
            or (self.below is not None and not value < self.below)
            or (self.most is not None and not value <= self.most)
        )

    def describe(self, noun: str) -> str:
        """The interval in words after a noun: 'a real number > 0 and <= 1'."""
        if self.least is not None and self.least == self.most:
            return f"{noun} {self.least:g}"
        signs = ((">", self.above), (">=", self.least), ("<", self.below), ("<=", self.most))
        conditions = [f"{sign} {bound:g}" for sign, bound in signs if bound is not None]
        return f"{noun} {' and '.join(conditions)}" if conditions else noun


_PLAIN = frozenset({float, int})


def as_real(value: Any) -> float | None:
    """The finite float that `value` stands for, or None (booleans and text are no numbers)."""
    if type(value) not in _PLAIN:  # most are; the tests of the others take ten times as long
        if getattr(value, "shape", None) == () and not isinstance(value, numbers.Real):
            value = value.item()  # an array of no dimensions, or a NumPy scalar that is no number
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number + 0.0 if math.isfinite(number) else None  # + 0.0 turns -0.0 into 0.0


def as_whole(value: Any) -> int | None:
    """The integer that `value` stands for (`3`, `3.0`, a NumPy integer), or None."""
    number = as_real(value)
    if number is None or number != math.floor(number):
        return None
    return int(value) if isinstance(value, numbers.Integral) else int(number)


@dataclass(frozen=True)
class Real:
    """A finite real number in a range."""

    range: Range = field(default_factory=Range)

    def coerce(self, name: str, value: Any) -> float:
        number = as_real(value)
        if number is None or number not in self.range:
            raise DomainError(name, value, self.words)
        return number

    def plain(self, value: float) -> float:
        return value

    @property
    def words(self) -> str:
        return self.range.describe("a finite real number")


@dataclass(frozen=True)
class Whole:
    """An integer in a range."""

    range: Range = field(default_factory=Range)

    def coerce(self, name: str, value: Any) -> int:
        number = as_whole(value)
        if number is None or number not in self.range:
            raise DomainError(name, value, self.words)
        return number

    def plain(self, value: int) -> int:
        return value

    @property
    def words(self) -> str:
        return self.range.describe("a whole number")


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def coerce(self, name: str, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if type(value).__name__ in {"bool", "bool_"} and hasattr(value, "item"):
            return bool(value)
        raise DomainError(name, value, self.words)

    def plain(self, value: bool) -> bool:
        return value

    @property
    def words(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    options: tuple[str, ...]

    def coerce(self, name: str, value: Any) -> str:
        if isinstance(value, str) and value in self.options:
            return str(value)
        hint = nearest(value, self.options) if isinstance(value, str) else ""
        # without a near name the hint lists the valid ones, as the words do
        raise DomainError(name, value, self.words + (hint if hint.startswith("; did") else ""))

    def plain(self, value: str) -> str:
        return value

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.options)}"


def _elements(value: Any) -> list[Any] | None:
    """The elements of a list, tuple or array; None for text, mappings, sets and what has no elements."""
    if isinstance(value, (str, bytes, Mapping, Set)) or getattr(value, "shape", None) == ():
        return None
    try:
        return list(value)
    except TypeError:
        return None


@dataclass(frozen=True)
class Vector:
    """A tuple of elements of one domain; an element domain may be a `Vector` again (a matrix)."""

    element: Domain
    lengths: Range = field(default_factory=Range)

    def coerce(self, name: str, value: Any) -> tuple[Any, ...]:
        elements = _elements(value)
        if elements is None or len(elements) not in self.lengths:
            raise DomainError(name, value, self.words)
        return tuple(self.element.coerce(f"{name}[{i}]", x) for i, x in enumerate(elements))

    def plain(self, value: Sequence[Any]) -> list[Any]:
        return [self.element.plain(x) for x in value]

    @property
    def words(self) -> str:
        length = self.lengths.describe("a list of length")
        length = length if length != "a list of length" else "a list"
        return f"{length}, each {self.element.words}"
