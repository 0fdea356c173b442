"""Invented demonstrations that the tests of pages show: every kind of control, quantity and picture, laws known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lemmata.classroom import (
    LOG,
    Axis,
    Badge,
    Bar,
    Bars,
    Choice,
    Control,
    Curve,
    Demo,
    Dots,
    Heatmap,
    LogSlider,
    Number,
    Path,
    Plot,
    Reading,
    Slider,
    Table,
    WholeSlider,
)
from lemmata.classroom.quantities import Array, Points
from lemmata.laboratory import Laboratory
from lemmata.records import Sampler
from tests.framework.invented import Walk, sample_walk

WALK = Sampler(
    sample_walk,
    {"end": (-math.inf, math.inf), "pair": (-math.inf, math.inf)},
    lambda model: 1e8 / 16,
    axes=("scale",),
)
TIMES = Axis(label="time $t$", low=0.1, high=10, scale=LOG, points=33)
UNIT = Axis(label="place", low=-1, high=1, points=21)

Values = Mapping[str, Any]
DECAY_MODULE = __name__


def decay(values: Values, t: Array) -> Array:
    """exp(-rate t) or 1/(1 + rate t)."""
    rate = values["rate"]
    return np.exp(-rate * t) if values["law"] == "exponential" else 1 / (1 + rate * t)


def until(values: Values, t: Array) -> Array:
    """The decay, missing after t = 5."""
    return np.where(t <= 5, decay(values, t), np.nan)


def circle(values: Values) -> Array:
    angle = np.linspace(0, 2 * np.pi, 17)
    return values["size"] * np.stack([np.cos(angle), np.sin(angle)])


def hills(values: Values) -> Array:
    row, column = np.mgrid[0:4, 0:5]
    return np.sin(row + values["count"]) * column


def half_life(values: Values) -> float:
    return math.log(2) / values["rate"] if values["law"] == "exponential" else 1 / values["rate"]


def walks(lab: Laboratory, values: Values) -> Points:
    """Ends of walks, at times 1, 2 and 4."""
    x = np.array([1.0, 2.0, 4.0])
    ends = lab.estimate(WALK["end"], Walk(steps=values["count"]), 16, axes={"scale": [1.0, 2.0, 4.0]})
    return Points(x, 0.5 + 0.1 * ends.mean, 0.4 + 0.1 * ends.mean, 0.6 + 0.1 * ends.mean)


DECAY = Demo(
    id="decay",
    title="Decay of $a_1$ & <others>",
    sources=("R1",),
    story="A quantity decays. Its rate is $\\gamma$.",
    ask="What happens if the rate grows?",
    answer="It falls earlier: $e^-2t$ < 1.",
    controls=(
        LogSlider(name="rate", label="rate $\\gamma$", low=0.1, high=10, default=1, steps=17),
        Choice(name="law", label="law", options=("exponential", "hyperbolic"), default="exponential"),
        Slider(name="size", label="size", low=0, high=1, default=0.5, steps=9),
        WholeSlider(name="count", label="count", low=1, high=7, default=3, stride=2),
        Slider(name="now", label="time now $t$", low=1, high=9, default=5, steps=5),
    ),
    model=lambda values: values,
    theory=(
        Curve(name="decay", label="decay", function=decay, along=TIMES, uses=("rate", "law"), color="blue"),
        Curve(name="until", label="until", function=until, along=TIMES, uses=("rate", "law"), dashed=True),
        Path(
            name="circle",
            label="circle",
            function=circle,
            length=17,
            uses=("size",),
            color="green",
            marked=True,
        ),
        Table(name="hills", label="hills", function=hills, shape=(4, 5), uses=("count",)),
        Number(
            name="half-life", label="half-life", function=half_life, uses=("rate", "law"), color="vermilion"
        ),
        Number(
            name="half",
            label="one half",
            function=lambda values: 0.5,
            uses=(),
            color="vermilion",
            dashed=True,
        ),
    ),
    readings=(Reading(name="decay now", label="decay now", curve="decay", at="now"),),
    dots=(Dots(name="walks", label="walks", function=walks, uses=("count",), color="pink", marker="D"),),
    pictures=(
        Plot(
            title="Decay",
            x=TIMES,
            y=Axis(label="what is left", low=1e-3, high=2, scale=LOG),
            curves=("decay", "until"),
            dots=("walks",),
            points=("decay now",),
            levels=("half",),
            uprights=("half-life",),
            bands=(("half", "half-life"),),
        ),
        Plot(title="Circle", x=UNIT, y=UNIT, paths=("circle",), equal=True),
        Bars(
            title="Parts",
            y=Axis(label="part", low=0, high=1),
            bars=(Bar(label="now", tops=("decay now",)), Bar(label="half", tops=("half",))),
            labels=("part",),
            colors=("orange",),
        ),
        Heatmap(title="Hills", table="hills", x=UNIT, y=UNIT, low=-4, high=4),
    ),
    badges=(
        Badge(label="half-life", value="half-life"),
        Badge(label="speed", value="half-life", cases=((0.5, "fast"), (math.inf, "slow"))),
    ),
    note="The dots fall where they fall.",
)


def reduced(demo: Demo) -> Demo:
    """A demonstration with two or three positions of each control, and all else as it is."""
    return dataclasses.replace(demo, controls=tuple(_reduced(control) for control in demo.controls), tasks=())


def _reduced(control: Control) -> Control:
    if isinstance(control, Slider):
        middle = dataclasses.replace(control, steps=3, default=control.low).grid()[1]
        return dataclasses.replace(control, steps=3, default=middle)
    if isinstance(control, Choice):
        other = next(option for option in control.options if option != control.default)
        return dataclasses.replace(control, options=(control.default, other))
    if control.default + control.stride <= control.high:
        return dataclasses.replace(control, low=control.default, high=control.default + control.stride)
    return dataclasses.replace(control, low=control.default - control.stride, high=control.default)
