"""Records by which a paper describes its classroom demonstrations; `Demo` is the one that holds the others."""

from __future__ import annotations

from lemmata.classroom.controls import LINEAR, LOG, Axis, Choice, Control, LogSlider, Slider, WholeSlider
from lemmata.classroom.demo import Demo, Task, Values
from lemmata.classroom.pictures import Badge, Bar, Bars, Heatmap, Picture, Plot
from lemmata.classroom.quantities import (
    EVERY,
    Curve,
    Dots,
    Number,
    Path,
    Points,
    Reading,
    Table,
    Theory,
    along,
    trials_along,
)

__all__ = [
    "EVERY",
    "LINEAR",
    "LOG",
    "Axis",
    "Badge",
    "Bar",
    "Bars",
    "Choice",
    "Control",
    "Curve",
    "Demo",
    "Dots",
    "Heatmap",
    "LogSlider",
    "Number",
    "Path",
    "Picture",
    "Plot",
    "Points",
    "Reading",
    "Slider",
    "Table",
    "Task",
    "Theory",
    "Values",
    "WholeSlider",
    "along",
    "trials_along",
]
