"""Policies along training in the fast and in the slow regime (F1, F2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from figures.rlvr_gradient_flow.looks import GREY, draw_policies, theory_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation
from simulations.rlvr_gradient_flow import REINFORCE_POLICY, TOKEN_POLICY
from theory.rlvr_gradient_flow import (
    Bandit,
    Convergence,
    Flow,
    ReinforcePath,
    TokenPolicy,
    convergence_time,
    entanglement_bounds,
    entanglement_time,
    flow,
    regime_one_bound,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

FAST = Bandit((0.3, 0.4, 0.3), (0.9, 0.4, 0.2))
SLOW = Bandit((0.05, 0.7, 0.25), (0.9, 0.7, 0.2))
COUNTS, TOKENS = "REINFORCE", "two-token policy"
FLOW = "flow"
STEP_SIZE, BATCH = 0.1, 32


def policies(
    lab: Laboratory,
    bandit: Bandit,
    lines: Sequence[float],
    marks: Sequence[float],
    trials: int,
) -> pd.DataFrame:
    """The flow on a dense grid, and REINFORCE and token by token at few times."""
    last = float(marks[-1])
    model = ReinforcePath(bandit.start, bandit.rates, time=last, step_size=STEP_SIZE, batch=BATCH)
    tokens = TokenPolicy(bandit.start, bandit.rates, time=last, step_size=STEP_SIZE, batch=BATCH)
    frames = [
        theory_rows(FLOW, f"policy[{i}]", "time", lines, curve)
        for i, curve in enumerate(np.array([flow(Flow(bandit.start, bandit.rates, time=t)) for t in lines]).T)
    ]
    for series, sampler, run in ((COUNTS, REINFORCE_POLICY, model), (TOKENS, TOKEN_POLICY, tokens)):
        few = marks if series == COUNTS else marks[1::3]
        frames.append(
            lab.sweep(sampler["policy"], [run], trials, axes={"time": [float(t) for t in few]}, label=series)
        )
    return pd.concat(frames, ignore_index=True)


# ------------------------------------------------------------------ F1: the fast regime


def fast(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Regime 1, with the time to 0.99 and its bound."""
    lines = np.concatenate([[0.0], np.geomspace(0.1, 300.0, 150)]).tolist()
    marks = np.round(np.geomspace(1.0, 250.0, quality(draft=5, standard=12, paper=20)), 1).tolist()
    trials = quality(draft=8, standard=128, paper=2048)
    convergence = Convergence(FAST.start, FAST.rates, error=0.01)
    times = {"T_1": convergence_time(convergence), "bound of T_1": regime_one_bound(convergence)}
    frames = [policies(lab, FAST, lines, marks, trials)]
    frames += [theory_rows(name, name, "time", [t], [t]) for name, t in times.items()]
    return pd.concat(frames, ignore_index=True)


def draw_fast(data: pd.DataFrame) -> mpl.Figure:
    """The best pattern rises from the start on."""
    figure, axes = canvas(height=1.1)
    _draw(axes, data, ["$r^*$, $p=0.9$", "$r_2$, $p=0.4$", "$r_3$, $p=0.2$"], "upper left")
    for name, text in (("T_1", "$T_1(0.01)$"), ("bound of T_1", "bound")):
        time = float(data.loc[data["series"] == name, "value"].iloc[0])
        axes.axvline(time, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(text, (time, 0.5), xytext=(-3, 0), textcoords="offset points", rotation=90, ha="right",
                      va="center", color="#555555")  # fmt: skip
    axes.set(xlim=(0.5, 300), title=r"Regime 1: $V(0)=0.49$ above every other rate")
    return figure


# ------------------------------------------------------------------ F2: the slow regime


def slow(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Regime 2 at gamma = 6, with the entanglement time between its bounds."""
    lines = np.concatenate([[0.0], np.geomspace(0.1, 1000.0, 200)]).tolist()
    marks = np.round(np.geomspace(1.0, 600.0, quality(draft=5, standard=14, paper=24)), 1).tolist()
    trials = quality(draft=8, standard=128, paper=2048)
    low, up, _ = entanglement_bounds(SLOW)
    times = {"T_0": entanglement_time(SLOW), "T_low": float(low), "T_up": float(up)}
    frames = [policies(lab, SLOW, lines, marks, trials)]
    frames += [theory_rows(name, name, "time", [t], [t]) for name, t in times.items()]
    return pd.concat(frames, ignore_index=True)


def draw_slow(data: pd.DataFrame) -> mpl.Figure:
    """The runner-up rises first; the best pattern stays flat and takes over late."""
    figure, axes = canvas(height=1.1)
    _draw(axes, data, ["$r^*$, $p=0.9$", "$r'$, $p=0.7$", "low, $p=0.2$"], "center left")
    times = {
        name: float(data.loc[data["series"] == name, "value"].iloc[0]) for name in ("T_0", "T_low", "T_up")
    }
    axes.axvspan(times["T_low"], times["T_up"], color=COLORS["sky"], alpha=0.25, linewidth=0, zorder=0)
    axes.axvline(times["T_0"], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate("$T_0$ and its bounds", (times["T_low"], 0.62), xytext=(-3, 0), textcoords="offset points",
                  rotation=90, ha="right", va="center", color="#555555")  # fmt: skip
    axes.set(xlim=(0.5, 1000), title=r"Regime 2: $p'=0.7>V(0)=0.585$, $\gamma=6$")
    return figure


def _draw(axes: Axes, data: pd.DataFrame, names: list[str], legend: Any) -> None:
    draw_policies(axes, data, names, line=FLOW, markers=COUNTS)
    for i in range(len(names)):
        plot_simulation(
            axes, data, "time", series=TOKENS, output=f"policy[{i}]", label="_", color="black", marker="D",
            filled=False, markersize=8,
        )  # fmt: skip
    axes.set(
        xscale="log",
        xlabel="time $t$ = step size x steps",
        ylabel=r"probability $\pi(r|q)$",
        ylim=(-0.03, 1.03),
    )
    marks = [
        Line2D([], [], color=GREY, marker="o", linestyle="none", label=COUNTS),
        Line2D([], [], color="black", marker="D", markerfacecolor="none", linestyle="none", label=TOKENS),
    ]
    axes.legend(handles=[*axes.get_legend_handles_labels()[0], *marks], loc=legend)


_MARKERS = (
    "Lines: the exact gradient flow (R3). Circles: means of runs of REINFORCE on the bandit, step size 0.1, batch 32, "
    "value baseline. Diamonds: the same for a two-token softmax policy (question, pattern, answer) with "
    "its answer columns held fixed. Bars: 95 % intervals of the means."
)
FIGURES = (
    Figure(
        id="F1",
        reproduces="simulation of RLVR in Regime 1",
        title="Fast regime: the best pattern rises from the start on",
        caption="Probabilities of three patterns along training, start (.3, .4, .3), success rates (.9, .4, .2); all "
        "parameters are ours. Dashed: the time at which the best pattern has .99, and its explicit bound (R5). "
        + _MARKERS,
        data=fast,
        draw=draw_fast,
    ),
    Figure(
        id="F2",
        reproduces="simulation of RLVR in Regime 2, gamma = 6",
        title="Slow regime: the runner-up rises first, and the best pattern takes over late",
        caption="Probabilities of three patterns along training. The paper's: gamma = (.25 + .05)/.05 = 6, probability "
        ".05 of the best and .25 of the low pattern at the start, hence .70 of the runner-up. Ours: success rates (.9, "
        ".7, .2), and the clock. Shaded: from the lower to the upper bound of the entanglement time T_0 (R6), at which "
        "accuracy exceeds the runner-up's rate. " + _MARKERS,
        data=slow,
        draw=draw_slow,
    ),
)
