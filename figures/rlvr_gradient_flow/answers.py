"""Patterns and answers before and after training (F5), and who wins when answers learn (B4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from figures.rlvr_gradient_flow.looks import GREY, theory_rows, witness_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_theory
from lemmata.tables import COLUMNS
from simulations.rlvr_gradient_flow import TOKEN_POLICY, integrate_learnable
from theory.rlvr_gradient_flow import (
    Flow,
    LearnableAnswers,
    Pair,
    TokenPolicy,
    flow,
    learnable_flow,
    separatrix,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

# ------------------------------------------------------------------ F5: before and after

START, RATES = (0.1, 0.35, 0.25, 0.2, 0.1), (0.9, 0.7, 0.5, 0.3, 0.1)
TIME = 120.0
BEFORE, FROZEN, LEARNABLE = "before", "after, answers frozen", "after, answers learnable"
BARS = {BEFORE: GREY, FROZEN: COLORS["blue"], LEARNABLE: COLORS["orange"]}


def before_and_after(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Policy and success rates of five patterns before and after training."""
    patterns = list(range(1, 6))
    joint = learnable_flow(LearnableAnswers(START, RATES, time=TIME))
    bars = {
        BEFORE: (START, RATES),
        FROZEN: (flow(Flow(START, RATES, time=TIME)), RATES),
        LEARNABLE: (joint[0], joint[1]),
    }
    frames = [
        theory_rows(series, output, "pattern", patterns, values)
        for series, both in bars.items()
        for output, values in zip(("policy", "rates"), both, strict=True)
    ]
    trials = quality(draft=8, standard=256, paper=4096)
    for series, is_frozen in ((FROZEN, True), (LEARNABLE, False)):
        model = TokenPolicy(START, RATES, time=TIME, step_size=0.1, batch=32, is_frozen=is_frozen)
        runs = lab.sweep(TOKEN_POLICY, [model], trials, axes={"time": [TIME]}, label=series)
        for output in ("policy", "rates"):
            rows = runs[runs["output"].str.startswith(output)]
            frames.append(rows.assign(pattern=patterns, output=output)[["series", "pattern", *COLUMNS]])
    return pd.concat(frames, ignore_index=True)


def draw_before_and_after(data: pd.DataFrame) -> mpl.Figure:
    """Bars: the flow; markers: sampled sequences."""
    figure, panels = canvas(1, 2, height=1.05)
    for axes, output, label in zip(panels, ("policy", "rates"), (r"$\pi(r|q)$", "success rate"), strict=True):
        for i, (series, color) in enumerate(BARS.items()):
            rows = data[(data["series"] == series) & (data["output"] == output)]
            bars, marks = rows[rows["kind"] == "theory"], rows[rows["kind"] == "simulation"]
            at = 0.27 * (i - 1)
            axes.bar(bars["pattern"] + at, bars["value"], 0.25, color=color, alpha=0.75, label=series)
            if len(marks):
                spans = [marks["value"] - marks["lo"], marks["hi"] - marks["value"]]
                axes.errorbar(marks["pattern"] + at, marks["value"], spans, fmt="o", color="black", markersize=4,
                              label="two-token policy" if i == 1 else "_")  # fmt: skip
        axes.set(xlabel="pattern", ylabel=label, ylim=(0, 1.02), xticks=list(range(1, 6)))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


# ------------------------------------------------------------------ B4: who wins

SECOND = 0.4
LATE = 1e5
CURVE, FIRST, OTHER = "separatrix", "first leads", "second leads"


def winners(_: Laboratory, quality: Quality) -> pd.DataFrame:
    """The separatrix along p_1, and who leads late, by integration of all logits."""
    line = np.linspace(0.03, 0.97, quality(draft=9, standard=29, paper=60)).tolist()
    frames = [theory_rows(CURVE, "start", "rate", line, [separatrix(Pair((p, SECOND))) for p in line])]
    side = quality(draft=3, standard=8, paper=20)
    for rate in np.linspace(0.08, 0.92, side):
        for start in np.linspace(0.07, 0.93, side):
            model = LearnableAnswers((float(start), 1 - float(start)), (float(rate), SECOND))
            policy = integrate_learnable(model, [LATE])[0, 0]
            series = FIRST if policy[0] > policy[1] else OTHER
            frames.append(witness_rows(series, "start", "rate", [float(rate)], [float(start)]))
    return pd.concat(frames, ignore_index=True)


def draw_winners(data: pd.DataFrame) -> mpl.Figure:
    """Above the curve the first pattern wins."""
    figure, axes = canvas(height=1.05)
    plot_theory(axes, data, "rate", series=CURVE, label=r"separatrix $\sigma_c(p_1, 0.4)$", color="black")
    for series, color, marker in ((FIRST, COLORS["blue"], "o"), (OTHER, COLORS["vermilion"], "s")):
        rows = data[data["series"] == series]
        axes.plot(rows["rate"], rows["value"], marker, color=color, label=series, markersize=4, zorder=2)
    border = "frozen answers: first wins to the right"
    axes.axvline(SECOND, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1, label=border)
    axes.set(xlabel="success rate $p_1$ of the first pattern, $p_2=0.4$", ylabel=r"its start $\pi_1(0)$",
             xlim=(0, 1), ylim=(0, 1))  # fmt: skip
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


FIGURES = (
    Figure(
        id="F5",
        reproduces="pattern distribution and success rates before and after training",
        title="Training moves the choice of patterns; success rates stay only if answers are frozen",
        caption="Five patterns before and after training for t = 120. The paper measures a language model "
        "whose answers were clustered, which cannot be run here; this is the model alone, all parameters are ours: "
        "start (.1, .35, .25, .2, .1), success rates (.9, .7, .5, .3, .1). Left: probability of each pattern; right: "
        "its success rate. Bars: the flow with frozen (R3) and with learnable answers (R12), in which here another "
        "pattern takes over. Markers: means of runs of a two-token softmax policy, step size 0.1, batch 32; bars on "
        "them: 95 % intervals.",
        data=before_and_after,
        draw=draw_before_and_after,
    ),
    Figure(
        id="B4",
        reproduces="",
        title="With learnable answers the better pattern need not win",
        caption="Two patterns with learnable binary answers, the second one starting at success rate .4. Line: the "
        "start above which the first pattern wins (R12). Markers: which pattern is more likely at t = 1e5 by "
        "integration of all logits. With frozen answers the dashed vertical decides, whatever the start.",
        data=winners,
        draw=draw_winners,
    ),
)
