"""A demonstration: controls, theory that follows them, simulated dots that fall onto it, and the question to ask first.

A demonstration is data. The live page and the page without Python are two renderers of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lemmata.classroom.controls import Control
from lemmata.classroom.pictures import Badge, Bars, Picture, Plot
from lemmata.classroom.quantities import (
    EVERY,
    Array,
    Curve,
    Dots,
    Number,
    Path,
    Points,
    Reading,
    Table,
    Theory,
)
from lemmata.domains import DomainError
from lemmata.names import UnknownNameError

if TYPE_CHECKING:
    from lemmata.laboratory import Laboratory

Values = Mapping[str, Any]

KEPT = 128
"""Results of a demonstration that are kept, some 1 kB each."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A question of the worksheet whose answer is read off the demonstration.

    Parameters
    ----------
    question : str
    read : str
        Name of the number or reading that is the answer.
    at : mapping
        Controls that are not at their defaults.
    digits : str
        Format of the answer.
    because : str
        Why, for the teacher.
    """

    question: str
    read: str
    at: Mapping[str, Any] = field(default_factory=dict[str, Any])
    digits: str = ".3g"
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A demonstration of one result.

    Parameters
    ----------
    id : str
        Short name, unique within the paper.
    title : str
    sources : tuple of str
        Numbers of the results in the paper's page.
    story : str
        What is shown, in two or three sentences.
    ask : str
        The question to ask before anything is moved.
    answer : str
        What is seen then, and why.
    controls : tuple of Control
    model : callable
        `model(values)` turns a mapping of all controls' values into what the quantities' functions take.
    theory : tuple of Theory
    readings : tuple of Reading
    dots : tuple of Dots
    pictures : tuple of Picture
    badges : tuple of Badge
    tasks : tuple of Task
        The worksheet.
    note : str
        Where the dots may part from the curves, and why.
    """

    id: str
    title: str
    sources: tuple[str, ...]
    story: str
    ask: str
    answer: str
    controls: tuple[Control, ...]
    model: Callable[[Values], Any]
    theory: tuple[Theory, ...]
    pictures: tuple[Picture, ...]
    readings: tuple[Reading, ...] = ()
    dots: tuple[Dots, ...] = ()
    badges: tuple[Badge, ...] = ()
    tasks: tuple[Task, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        named = [item.name for item in (*self.theory, *self.readings, *self.dots)]
        for names in (named, [control.name for control in self.controls]):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise DomainError(f"{self.id}: names", sorted(twice), "different from each other")
        for item in (*self.theory, *self.dots):
            self.used(item)
        for reading in self.readings:
            _known("curve", [reading.curve], self._of(Curve))
            _known("control", [reading.at], self.by_control)
            if reading.at in self.used(self.curve(reading.curve)):
                raise DomainError(reading.name, reading.at, "a control that the curve does not use")
        for picture in self.pictures:
            self._check(picture)
        single = self._of(Number, Reading)
        _known("number", [item.value for item in self.badges], single)
        for task in self.tasks:
            _known("number", [task.read], single)
            self.settle(task.at)

    def _check(self, picture: Picture) -> None:
        """Raise `UnknownNameError` where a picture names what is not there."""
        single = self._of(Number, Reading)
        if isinstance(picture, Plot):
            _known("curve", picture.curves, self._of(Curve))
            _known("path", picture.paths, self._of(Path))
            _known("dots", picture.dots, self._of(Dots))
            _known("reading", picture.points, self._of(Reading))
            _known("number", (*picture.levels, *picture.uprights), single)
            _known("number", [name for pair in picture.bands for name in pair], single)
        elif isinstance(picture, Bars):
            for bar in picture.bars:
                _known("number", bar.tops, single)
                if not len(bar.tops) == len(picture.labels) == len(picture.colors):
                    raise DomainError(bar.label, bar.tops, "as many parts as there are labels and colours")
        else:
            _known("table", [picture.table], self._of(Table))

    def _of(self, *kinds: type) -> dict[str, Any]:
        items = (*self.theory, *self.readings, *self.dots)
        return {item.name: item for item in items if isinstance(item, kinds)}

    # -------------------------------------------------------------- controls

    @cached_property
    def by_control(self) -> dict[str, Control]:
        """The controls by name."""
        return {control.name: control for control in self.controls}

    @cached_property
    def by_name(self) -> dict[str, Theory | Reading | Dots]:
        """Quantities of every kind by name."""
        return self._of(object)

    def curve(self, name: str) -> Curve:
        """A curve by name."""
        return self._of(Curve)[name]

    @property
    def defaults(self) -> dict[str, Any]:
        """Where the controls stand at first."""
        return {control.name: control.default for control in self.controls}

    def settle(self, values: Values) -> dict[str, Any]:
        """All controls' values: those that are given, checked, and the others' defaults.

        Raises
        ------
        DomainError
            If a value lies outside its control's range.
        UnknownNameError
            If there is no such control.
        """
        _known("control", values, self.by_control)
        given = {name: self.by_control[name].coerce(value) for name, value in values.items()}
        return self.defaults | given

    def used(self, item: Theory | Dots) -> tuple[str, ...]:
        """Names of the controls on which a quantity depends, in the order of the controls."""
        _known("control", item.uses if item.uses != EVERY else (), self.by_control)
        return tuple(name for name in self.by_control if item.uses == EVERY or name in item.uses)

    # -------------------------------------------------------------- theory

    def compute(self, item: Theory, values: Values) -> Array:
        """One quantity, of its own shape; controls that it does not use have no influence."""
        return self._computed(item.name, tuple(self._seen(item, values).items()))

    @cached_property
    def _computed(self) -> Callable[[str, tuple[tuple[str, Any], ...]], Array]:
        """Quantities by name and controls, kept while a slider that does not matter to them moves."""

        def compute(name: str, values: tuple[tuple[str, Any], ...]) -> Array:
            item = next(item for item in self.theory if item.name == name)
            found = item.values(self.model(dict(values)))
            if found.shape != item.shape:
                raise DomainError(f"{self.id}: {name}", found.shape, f"of shape {item.shape}")
            found.flags.writeable = False
            return found

        return lru_cache(maxsize=KEPT)(compute)

    def read(self, reading: Reading, values: Values) -> float:
        """A reading: the curve at exactly the control's value."""
        curve, settled = self.curve(reading.curve), self.settle(values)
        at = np.array([float(settled[reading.at])])
        return float(curve.at(self.model(self._seen(curve, settled)), at)[0])

    def evaluate(self, values: Values) -> dict[str, Array]:
        """All quantities of theory and all readings by name.

        Parameters
        ----------
        values : mapping
            Controls that are not at their defaults.

        Returns
        -------
        dict
            A curve gives an array like its axis' grid, a path (2, length), a number or reading an array without
            dimensions, a table a matrix. The shapes do not depend on the controls; NaN means "not there".
        """
        settled = self.settle(values)
        theory = {item.name: self.compute(item, settled) for item in self.theory}
        return theory | {item.name: np.array(self.read(item, settled)) for item in self.readings}

    # -------------------------------------------------------------- simulation

    def draw(self, lab: Laboratory, values: Values) -> dict[str, Points]:
        """Simulated points of every kind of dots by name; another seed of the laboratory gives others."""
        settled = self.settle(values)
        return {item.name: item.function(lab, self.model(self._seen(item, settled))) for item in self.dots}

    # -------------------------------------------------------------- worksheet

    def solve(self, task: Task) -> str:
        """The answer of a task, computed from theory."""
        item = self.by_name[task.read]
        values = self.settle(task.at)
        number = self.read(item, values) if isinstance(item, Reading) else self.compute(item, values)  # type: ignore[arg-type]
        return format(float(number), task.digits)

    def _seen(self, item: Theory | Dots, values: Values) -> dict[str, Any]:
        used = self.used(item)
        settled = self.settle(values)
        return self.defaults | {name: settled[name] for name in used}


def _known(kind: str, names: Iterable[str], valid: Mapping[str, Any]) -> None:
    for name in names:
        if name not in valid:
            raise UnknownNameError(kind, name, valid)


__all__ = ["Demo", "Task", "Values"]
