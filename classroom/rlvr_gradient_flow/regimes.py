"""The two regimes of training: straight lines, plateaus, and the time for which training is stuck (R3, R5, R6)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from classroom.rlvr_gradient_flow.patterns import (
    GAP,
    GRADIENT,
    GRPO,
    NATURAL,
    PATTERNS,
    SECOND,
    SHARE,
    TIMES,
    Training,
    bandit_of,
    drawn_policy,
    policy,
)
from lemmata.classroom import Axis, Badge, Choice, Curve, Demo, Dots, LogSlider, Number, Plot, Task, Values
from lemmata.classroom.quantities import Array
from theory.rlvr_gradient_flow import Bandit, entanglement_bounds, entanglement_time, regime

START = LogSlider(
    name="start",
    label="start of the best pattern $\\pi(r^*)$",
    low=1e-4,
    high=0.4096,
    default=0.0256,
    steps=7,
)


def training(values: Values) -> Training:
    """The training run at the controls' values."""
    return Training(bandit_of(values), values["algorithm"])


def line(index: int) -> Callable[[Training, Array], Array]:
    """y_i of R3 without the common W, in units of 1/(g pi_*), along s in the same units."""

    def values(model: Training, places: Array) -> Array:
        start, rates = model.bandit.start, model.bandit.rates
        return (rates[0] - rates[1]) * start[0] / start[index] - rates[index] * places

    return values


def envelope(model: Training, places: Array) -> Array:
    """The lowest of the lines."""
    return np.min([line(index)(model, places) for index in range(3)], axis=0)


def of_gradient(function: Callable[[Bandit], float]) -> Callable[[Training], float]:
    """A time of the slow regime, which the policy gradient alone has; not there elsewhere."""

    def value(model: Training) -> float:
        if model.algorithm != GRADIENT or regime(model.bandit) != 2:
            return math.nan
        return function(model.bandit)

    return value


def lower_bound(model: Bandit) -> float:
    """T_low of R6."""
    return float(entanglement_bounds(model)[0])


def upper_bound(model: Bandit) -> float:
    """T_up# of R6."""
    return float(entanglement_bounds(model)[1])


REGIMES = Demo(
    id="regimes",
    title="The second best pattern may have to win first",
    sources=("R3", "R5", "R6", "R8", "R9"),
    story="A model answers by picking one of three ways of reasoning. The best one is right in 90 % of the "
    "cases, the low one in 20 %. Training raises the probability of what works better than average. On the "
    "left, each pattern is a straight line, and the lowest line is the pattern that leads.",
    ask="The best pattern starts at 2.6 %. Will its probability grow from the first step on? Then make the "
    "start smaller and smaller, and watch how long training is stuck with the second best.",
    answer="If the accuracy at the start is below the rate of the second best pattern (regime 2), the "
    "second best grows first, and the best one may even fall. It takes over only when its line gets below. "
    "With three patterns the time to wait grows like the square of one over the start. GRPO takes the same "
    "way at another speed. The natural gradient has no such plateau.",
    controls=(
        START,
        SECOND,
        GAP,
        Choice(name="algorithm", label="training by", options=(GRADIENT, GRPO, NATURAL), default=GRADIENT),
    ),
    model=training,
    theory=(
        *(
            Curve(
                name=f"{name} line",
                label=label,
                function=line(index),
                along=(
                    PLACES := Axis(
                        label="internal time $s$, in units of $1/(g\\,\\pi(r^*))$", low=0, high=1.5, points=33
                    )
                ),
                uses=("start", "second", "gap"),
                color=color,
            )
            for index, (name, label, color) in enumerate(PATTERNS)
        ),
        Curve(
            name="envelope",
            label="the lowest leads",
            function=envelope,
            along=PLACES,
            uses=("start", "second", "gap"),
            color="vermilion",
            dashed=True,
        ),
        *(
            Curve(name=name, label=label, function=policy(index), along=TIMES, color=color)
            for index, (name, label, color) in enumerate(PATTERNS)
        ),
        Number(name="entanglement", label="$T_0$", function=of_gradient(entanglement_time), dashed=True),
        Number(name="lower", label="lower bound of $T_0$", function=of_gradient(lower_bound)),
        Number(name="upper", label="upper bound", function=of_gradient(upper_bound)),
        Number(
            name="regime",
            label="regime",
            function=lambda model: regime(model.bandit),
            uses=("start", "second", "gap"),
        ),
    ),
    dots=tuple(
        Dots(name=f"drawn {name}", label=f"{label}, one run", function=drawn_policy(index), color=color)
        for index, (name, label, color) in enumerate(PATTERNS)
    ),
    pictures=(
        Plot(
            title="Straight lines: the lowest one leads",
            x=PLACES,
            y=Axis(label="inverse weight $y_i$, in the same units", low=-1.2, high=0.6),
            curves=("best line", "second line", "low line", "envelope"),
        ),
        Plot(
            title="What is picked along training",
            x=TIMES,
            y=SHARE,
            curves=("best", "second", "low"),
            uprights=("entanglement",),
            bands=(("lower", "upper"),),
            dots=("drawn best", "drawn second", "drawn low"),
        ),
    ),
    badges=(
        Badge(label="start", value="regime", cases=((1, "Regime 1"), (2, "Regime 2"), (3, "neither"))),
        Badge(label="stuck until T₀", value="entanglement", digits=",.0f"),
    ),
    tasks=(
        Task(
            question="At the start of the demonstration, in which regime is training?",
            read="regime",
            digits=".0f",
            because="The accuracy is below the rate of the second best pattern.",
        ),
        Task(
            question="How long does the slow phase $T_0$ take there?",
            read="entanglement",
            digits=",.0f",
            because="Until then the accuracy is below what the second best pattern alone would give.",
        ),
        Task(
            question="Now start the best pattern at 0.0064, four times lower. How long does the slow phase "
            "take?",
            read="entanglement",
            digits=",.0f",
            at={"start": 0.0064},
            because="Sixteen times as long, the square of four.",
        ),
        Task(
            question="Leave the start at 0.0064 and set the gap to 0.1. How long does the slow phase take?",
            read="entanglement",
            digits=",.0f",
            at={"start": 0.0064, "gap": 0.1},
            because="Two nearly equal patterns are hard to tell apart.",
        ),
    ),
    note="One simulated run scatters about the curves; a run from a small start may be early or late by "
    "chance. Runs are drawn up to $t = 10^5$; there is no sampler for the natural gradient.",
)
