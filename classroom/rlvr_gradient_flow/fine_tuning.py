"""Fine-tuning on the best pattern before training on rewards (R10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from classroom.rlvr_gradient_flow.patterns import (
    GAP,
    PATTERNS,
    SECOND,
    SHARE,
    TIMES,
    Training,
    bandit_of,
    drawn_policy,
    policy,
)
from lemmata.classroom import (
    LOG,
    Axis,
    Badge,
    Curve,
    Demo,
    Dots,
    LogSlider,
    Number,
    Plot,
    Points,
    Reading,
    Slider,
    Task,
)
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from theory.rlvr_gradient_flow import Bandit, Target, Teacher, hitting_time, regime, sft_time


@dataclass(frozen=True)
class Tuned:
    """A bandit and an amount of fine-tuning on its best pattern before it is trained."""

    bandit: Bandit
    amount: float

    @property
    def after(self) -> Bandit:
        """The bandit after fine-tuning."""
        return Bandit(fine_tuned(self.bandit.start, self.amount), self.bandit.rates)


def fine_tuned(start: tuple[float, ...], amount: float) -> tuple[float, ...]:
    """Policy after fine-tuning on the first pattern for a time: y_j = 1/pi_j + s for the others (R10).

    The time is int_0^s pi_* prod (1 + u pi_j) du + sum ln(1 + s pi_j), increasing in s.
    """
    from scipy.optimize import brentq

    best, others = start[0], np.array(start[1:])
    nodes, weights = np.polynomial.legendre.leggauss(12)

    def time(s: float) -> float:
        u = s * (1 + nodes) / 2
        area = s / 2 * weights @ np.prod(1 + np.outer(u, others), axis=1)
        return best * float(area) + float(np.sum(np.log1p(s * others)))

    high = 1.0
    while time(high) < amount:
        high *= 2
    s = float(brentq(lambda u: time(u) - amount, 0.0, high, rtol=1e-14))
    logs = np.log(start) - np.log1p(s * np.array(start))
    logs[0] = math.log(best) + float(np.sum(np.log1p(s * others)))
    after = np.exp(logs - logs.max())
    return tuple(float(share) for share in after / after.sum())


AMOUNTS = Axis(label="fine-tuning $\\tau$ on the best pattern", low=0, high=10, points=41)


def total_time(model: Tuned, amounts: Array) -> Array:
    """Fine-tuning and training together, until the best pattern has 99 %."""
    start, rates = model.bandit.start, model.bandit.rates
    return np.array([amount + _rest(fine_tuned(start, float(amount)), rates) for amount in amounts])


def _rest(start: tuple[float, ...], rates: tuple[float, ...]) -> float:
    return 0.0 if start[0] >= 0.99 else hitting_time(Target(start, rates, level=0.99))


def tuned_policy(index: int) -> Callable[[Tuned, Array], Array]:
    """Probability of a pattern along the time of training after fine-tuning."""

    def values(model: Tuned, times: Array) -> Array:
        return policy(index)(Training(model.after), times)

    return values


def drawn_after(index: int) -> Callable[[Laboratory, Tuned], Points]:
    """One run of REINFORCE after fine-tuning."""

    def draw(lab: Laboratory, model: Tuned) -> Points:
        return drawn_policy(index)(lab, Training(model.after))

    return draw


FINE_TUNING = Demo(
    id="fine-tuning",
    title="A little fine-tuning saves a very long training",
    sources=("R3", "R10"),
    story="Before training on rewards, the model may be fine-tuned on examples of the best pattern. Here "
    "you choose how much, and see the total time until the best pattern has 99 %. The gap between the two "
    "best rates is 0.2.",
    ask="The best pattern starts at 0.04 %, and training alone needs a very long time. How much fine-tuning "
    "is needed to make it short: 1, 5, or 100 units of time?",
    answer="About five are enough. Fine-tuning raises a small probability exponentially fast, while "
    "training on rewards raises it only slowly, as it hardly ever sees the pattern. The dashed line marks "
    "the amount that leads into regime 1.",
    controls=(
        LogSlider(
            name="start",
            label="start of the best pattern $\\pi(r^*)$",
            low=1e-4,
            high=0.4096,
            default=0.0004,
            steps=7,
        ),
        SECOND,
        Slider(name="amount", label="fine-tuning $\\tau$", low=0, high=10, default=0, steps=11),
    ),
    model=lambda values: Tuned(bandit_of({**values, "gap": GAP.default}), values["amount"]),
    theory=(
        Curve(
            name="total",
            label="time to 99 %",
            function=total_time,
            along=AMOUNTS,
            uses=("start", "second"),
            color="blue",
        ),
        *(
            Curve(
                name=name,
                label=label,
                function=tuned_policy(index),
                along=TIMES,
                color=color,
            )
            for index, (name, label, color) in enumerate(PATTERNS)
        ),
        Number(
            name="enough",
            label="regime 1 from here on",
            function=lambda model: sft_time(Teacher(model.bandit.start, model.bandit.rates)),
            uses=("start", "second"),
            dashed=True,
        ),
        Number(name="regime", label="regime", function=lambda model: regime(model.after)),
    ),
    readings=(Reading(name="total now", label="total time now", curve="total", at="amount"),),
    dots=tuple(
        Dots(
            name=f"drawn {name}",
            label=f"{label}, one run",
            function=drawn_after(index),
            color=color,
        )
        for index, (name, label, color) in enumerate(PATTERNS)
    ),
    pictures=(
        Plot(
            title="Total time until the best pattern has 99 %",
            x=AMOUNTS,
            y=Axis(label="fine-tuning and training", low=10, high=1e9, scale=LOG),
            curves=("total",),
            points=("total now",),
            uprights=("enough",),
        ),
        Plot(
            title="Training after fine-tuning",
            x=TIMES,
            y=SHARE,
            curves=("best", "second", "low"),
            dots=("drawn best", "drawn second", "drawn low"),
        ),
    ),
    badges=(
        Badge(
            label="training starts in",
            value="regime",
            cases=((1, "Regime 1"), (2, "Regime 2"), (3, "neither")),
        ),
        Badge(label="total time", value="total now", digits=",.0f"),
        Badge(label="enough fine-tuning", value="enough"),
    ),
    tasks=(
        Task(
            question="Without any fine-tuning, how long does it take until the best pattern has 99 %?",
            read="total now",
            digits=",.0f",
            because="Training on rewards hardly ever sees the best pattern.",
        ),
        Task(
            question="And with five units of fine-tuning? The total time counts them, too.",
            read="total now",
            digits=",.0f",
            at={"amount": 5},
            because="Fine-tuning raises a small probability exponentially fast.",
        ),
        Task(
            question="How much fine-tuning leads into regime 1?",
            read="enough",
            because="It grows only with the logarithm of one over the start.",
        ),
    ),
    note="One simulated run scatters about the curves; runs are drawn up to $t = 10^5$.",
)
