"""Reinforcement from internal feedback: first gain and last winner (F3), and accuracies along training (F4)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.rlvr_gradient_flow.looks import GREY, theory_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import COLUMNS, theory_table
from simulations.rlvr_gradient_flow import INTERNAL_FEEDBACK, REINFORCE_POLICY
from theory.rlvr_gradient_flow import (
    CertaintyFlow,
    Flow,
    RandomPatterns,
    ReinforcePath,
    certainty_flow,
    flow,
    rlif_gain_probability,
    rlif_worst_probability,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

# ------------------------------------------------------------------ F3: the first step and the last winner

FROZEN, LEARNABLE, MARGIN = "answers frozen", "answers learnable", "frozen, mean rate $\\geq 0.52$"
LOOKS: Mapping[str, Mapping[str, Any]] = {
    FROZEN: {"color": COLORS["blue"], "marker": "o"},
    LEARNABLE: {"color": COLORS["green"], "marker": "D"},
    MARGIN: {"color": COLORS["orange"], "marker": "^"},
}
WORST = "worst"
PAPER_SIZES, PAPER_DEGRADED = (1000, 10_000), 0.513


def gains(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Probabilities of a first gain, and of the worst pattern's victory, along the number of patterns."""
    counts = quality(
        draft=[2, 10, 1000], standard=[2, 3, 5, 10, 30, 100, 300, 1000, 10_000],
        paper=[2, 3, 4, 5, 7, 10, 20, 30, 60, 100, 300, 1000, 3000, 10_000],
    )  # fmt: skip
    trials = quality(draft=64, standard=4000, paper=100_000)
    dense = sorted({round(k) for k in np.geomspace(2, 10_000, 120)})
    frames: list[pd.DataFrame] = []
    for label, margin, answers in (
        (FROZEN, 0.0, "frozen"),
        (LEARNABLE, 0.0, "learnable"),
        (MARGIN, 0.02, "frozen"),
    ):

        def models(sizes: list[int], margin: float = margin, answers: str = answers) -> list[RandomPatterns]:
            return [RandomPatterns(k, margin, answers) for k in sizes]

        few = [k for k in counts if margin == 0 or 10 <= k <= 1000]
        runs = lab.sweep(INTERNAL_FEEDBACK, models(few), trials, label=label)
        lines = theory_table(
            rlif_gain_probability, models([k for k in dense if k >= 10]), "gain", label=label
        )
        frames += [lines, runs[runs["output"] != "slope"]]
    frames.append(
        theory_table(rlif_worst_probability, [RandomPatterns(k) for k in dense], WORST, label=FROZEN)
    )
    published = pd.DataFrame(
        {"series": "paper", "patterns": PAPER_SIZES, "output": WORST, "kind": "published", "value": PAPER_DEGRADED,
         "trials": 0}, columns=["series", "patterns", *COLUMNS],
    )  # fmt: skip
    return pd.concat([*frames, published], ignore_index=True)


def draw_gains(data: pd.DataFrame) -> mpl.Figure:
    """Left: no limit of 1 without a margin. Right: the coin toss at the end, and how far from it small K are."""
    figure, (left, right) = canvas(1, 2, height=1.05)
    for label, look in LOOKS.items():
        plot_theory(left, data, "patterns", series=label, output="gain", label="_", color=look["color"])
        plot_simulation(left, data, "patterns", series=label, output="gain", label=label, **look)
    left.axhline(1.0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    left.set(
        xscale="log", xlabel="number of patterns $K$", ylabel="P(accuracy rises at first)", ylim=(0.45, 1.03)
    )
    left.legend(loc="lower left")
    plot_theory(right, data, "patterns", series=FROZEN, output=WORST, label="exact law", color=COLORS["blue"])
    plot_simulation(
        right, data, "patterns", series=FROZEN, output=WORST, label="simulation", color=COLORS["blue"]
    )
    published = data[data["kind"] == "published"]
    right.plot(published["patterns"], published["value"], "*", color=COLORS["black"], label="paper: degraded")
    right.set(
        xscale="log", xlabel="number of patterns $K$", ylabel="P(worst pattern wins)", ylim=(-0.02, 0.56)
    )
    right.legend(loc="lower right")
    return figure


# ------------------------------------------------------------------ F4: accuracies along training

RATES = (0.018, 0.3, 0.4, 0.5, 0.6, 0.7, 0.97, 0.975, 0.978, 0.98)
VERIFIED, INTERNAL = "verifiable reward", "self-certainty"


def accuracies(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Accuracy of the flow under both rewards, from a uniform start."""
    start = (0.1,) * 10
    times = np.concatenate([[0.0], np.geomspace(0.5, 3000.0, 140)]).tolist()
    frames = [
        theory_rows(VERIFIED, "accuracy", "time", times,
                    [math.fsum(flow(Flow(start, RATES, time=t)) * RATES) for t in times]),
        theory_rows(INTERNAL, "accuracy", "time", times,
                    [math.fsum(certainty_flow(CertaintyFlow(start, RATES, time=t)) * RATES) for t in times]),
    ]  # fmt: skip
    marks = np.round(np.geomspace(1.0, 1000.0, quality(draft=4, standard=12, paper=20)), 1).tolist()
    model = ReinforcePath(start, RATES, time=marks[-1], step_size=0.2, batch=32)
    trials = quality(draft=8, standard=64, paper=2048)
    frames.append(
        lab.sweep(REINFORCE_POLICY["accuracy"], [model], trials, axes={"time": marks}, label=VERIFIED)
    )
    frames.append(_rewarded_certainty(lab, start, marks, quality(draft=8, standard=64, paper=512)))
    return pd.concat(frames, ignore_index=True)


def _rewarded_certainty(
    lab: Laboratory, start: tuple[float, ...], times: list[float], trials: int
) -> pd.DataFrame:
    """REINFORCE on rewards 0 and 1 whose means are the self-certainties, moved and scaled to [0, 1].

    A shift of all rewards changes nothing, and a factor is one of time.
    """
    rates = np.array(RATES)
    certainty = -0.5 * np.log(rates * (1 - rates))
    scale = float(np.ptp(certainty))
    means = np.clip((certainty - certainty.min()) / scale, 0.0, 1.0)
    model = ReinforcePath(start, tuple(means), time=scale * times[-1], step_size=0.1, batch=128)
    policies = lab.samples(
        REINFORCE_POLICY["policy"], model, trials, axes={"time": [scale * time for time in times]}
    )
    accuracy = policies @ rates
    value, se = accuracy.mean(axis=0), accuracy.std(axis=0, ddof=1) / math.sqrt(len(accuracy))
    table = theory_rows(INTERNAL, "accuracy", "time", times, value)
    return table.assign(
        kind="simulation", se=se, lo=value - 1.96 * se, hi=value + 1.96 * se, trials=len(accuracy)
    )


def draw_accuracies(data: pd.DataFrame) -> mpl.Figure:
    """One reward rises for ever, the other rises and then collapses to the worst pattern."""
    figure, axes = canvas()
    for label, color in ((VERIFIED, COLORS["blue"]), (INTERNAL, COLORS["vermilion"])):
        plot_theory(axes, data, "time", series=label, label=label, color=color)
    for label, color, marker in ((VERIFIED, COLORS["blue"], "o"), (INTERNAL, COLORS["vermilion"], "D")):
        plot_simulation(
            axes, data, "time", series=label, label=f"REINFORCE, {label}", color=color, marker=marker
        )
    axes.set(xscale="log", xlabel="time $t$", ylabel="accuracy $V$", ylim=(-0.03, 1.03))
    axes.legend(loc="center left")
    return figure


FIGURES = (
    Figure(
        id="F3",
        reproduces="RLIF: probability of a first gain, final outcomes at |R| = 10^3, 10^4",
        title="Internal feedback: accuracy rises at first with probability .68, not 1; the end is a coin toss",
        caption="K patterns with independent uniform success rates, a uniform start, mean success rate above 1/2; "
        "reward R(p) = -(ln p + ln(1-p))/2. Left: probability that the accuracy's first slope is positive. Lines: the "
        "limits for many patterns (R11), .677 with frozen and .784 with learnable answers, and with a mean rate of at "
        "least .52 (ours), where it tends to 1. Right: probability that the reward is largest at the "
        "smallest rate; line: exact at each K. Markers: simulated draws with 95 % intervals. Stars: final "
        "degradation in the paper, 51.3 %, drawn at its sizes 1000 and 10,000; it does not say how many draws that is.",
        data=gains,
        draw=draw_gains,
    ),
    Figure(
        id="F4",
        reproduces="training curves of RLVR and RLIF",
        title="Verifiable reward rises for ever; internal feedback rises, then collapses",
        caption="Accuracy along training of ten patterns from a uniform start, success rates (.018, .3, .4, .5, .6, "
        ".7, .97, .975, .978, .98). The paper shows training curves of a language model; the model and its parameters "
        "here are ours. Lines: exact flow under the success rate (R3) and under self-certainty (R11). Circles: means "
        "of runs of REINFORCE on the success rate, step size 0.2, batch 32. Diamonds: the same, step size 0.1, batch "
        "128, on rewards of 0 or 1 whose means are the self-certainties moved and scaled to [0, 1], which changes the "
        "clock alone. Bars: 95 % intervals.",
        data=accuracies,
        draw=draw_accuracies,
    ),
)
