"""How the entanglement time grows with gamma (B1), and the straight lines behind it (B2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from figures.rlvr_gradient_flow.looks import PATTERNS, draw_policies, theory_rows, witness_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from simulations.rlvr_gradient_flow import integrate_entanglement, integrate_policy
from theory.rlvr_gradient_flow import Bandit, Flow, flow, log_entanglement_time

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

# ------------------------------------------------------------------ B1: three ways of growing gamma

LEAST, GAP, FALL = 1e-4, 0.1, 0.3
FIXED, ONE_EACH, SPREAD, POWER = (
    "one low pattern",
    r"$\gamma-1$ low patterns",
    "300 low patterns",
    "gamma^gamma",
)
LOG_TIME = "log_time"
LONGEST = 22.0
"""ln of the longest time that is integrated."""


def bandit(lows: int, gamma: float, least: float) -> Bandit:
    """The best pattern at `least`, and gamma - 1 times that spread over the low patterns."""
    low = (gamma - 1) * least / lows
    start = (least, 1 - gamma * least, *[low] * lows)
    return Bandit(start, (0.9, 0.9 - GAP, *[0.9 - GAP - FALL] * lows))


WAYS: dict[str, Callable[[float], Bandit]] = {
    FIXED: lambda gamma: bandit(1, gamma, LEAST),
    ONE_EACH: lambda gamma: bandit(round(gamma) - 1, gamma, LEAST),
    SPREAD: lambda gamma: bandit(300, gamma, LEAST),
}
LOOKS = {FIXED: COLORS["blue"], ONE_EACH: COLORS["vermilion"], SPREAD: COLORS["green"]}


def growth(_: Laboratory, quality: Quality) -> pd.DataFrame:
    """ln T_0 along gamma, exact and, where time allows, by integration."""
    gammas = [float(g) for g in range(2, 31)]
    frames: list[pd.DataFrame] = []
    for name, way in WAYS.items():
        logs = [log_entanglement_time(way(gamma)) for gamma in gammas]
        frames.append(theory_rows(name, LOG_TIME, "gamma", gammas, logs))
        marks = [(g, way(g)) for g, log in zip(gammas, logs, strict=True) if log < LONGEST]
        marks = marks[:: quality(draft=8, standard=2, paper=1)]
        values = [math.log(integrate_entanglement(model)) for _, model in marks]
        frames.append(witness_rows(name, LOG_TIME, "gamma", [g for g, _ in marks], values))
    first = log_entanglement_time(WAYS[FIXED](gammas[0]))
    for name, slope in ((POWER, None), ("ln(1+d/g)", math.log1p(FALL / GAP)), ("d/g", FALL / GAP)):
        rises = [g * math.log(g) - gammas[0] * math.log(gammas[0]) if slope is None else slope * (g - gammas[0])
                 for g in gammas]  # fmt: skip
        frames.append(theory_rows(name, LOG_TIME, "gamma", gammas, [first + rise for rise in rises]))
    return pd.concat(frames, ignore_index=True)


def draw_growth(data: pd.DataFrame) -> mpl.Figure:
    """Polynomial, or exponential with a bounded rate; gamma^gamma outgrows them all."""
    figure, axes = canvas(height=1.2)
    for name, color in LOOKS.items():
        plot_theory(axes, data, "gamma", series=name, label=name, color=color)
        plot_simulation(axes, data, "gamma", series=name, label="_", color=color)
    for name, text, dash in (
        ("d/g", r"slope $d/g=3$", (0, (5, 2))),
        ("ln(1+d/g)", r"slope $\ln(1+d/g)$", (0, (2, 2))),
        (POWER, r"$\gamma^\gamma$", (0, (1, 1))),
    ):
        plot_theory(axes, data, "gamma", series=name, label=text, color=COLORS["black"], linestyle=dash,
                    linewidth=1.0)  # fmt: skip
    axes.set(xlabel=r"$\gamma$", ylabel=r"$\ln T_0$", ylim=(8, 75), xlim=(1.5, 30.5))
    axes.legend(loc="upper left")
    return figure


# ------------------------------------------------------------------ B2: straight lines and the staircase

STAIRS = Bandit((0.003, 0.01, 0.03, 0.12, 0.837), (0.95, 0.85, 0.7, 0.45, 0.1))
NAMES = tuple(f"$p={rate:g}$" for rate in STAIRS.rates)
ENVELOPE, LINES, POLICY, WITNESS = "envelope", "lines", "exact", "integration"


def staircase(_: Laboratory, quality: Quality) -> pd.DataFrame:
    """Lines 1/pi_i - p_i s and their envelope; policies along time."""
    levels, rates = 1 / np.array(STAIRS.start), np.array(STAIRS.rates)
    last = 1.6 * (levels[0] - levels[1]) / (rates[0] - rates[1])
    s = np.geomspace(1.0, last, 400)
    # relative to the envelope: on its own scale each pattern's reign is a touch of zero
    lines = levels[:, None] - rates[:, None] * s
    above = lines - lines.min(axis=0)
    frames = [theory_rows(LINES, f"line[{i}]", "s", s, above[i]) for i in range(5)]
    times = np.geomspace(0.3, 1e7, 300).tolist()
    policies = np.array([flow(Flow(STAIRS.start, STAIRS.rates, time=t)) for t in times])
    marks = np.geomspace(1.0, 8e6, quality(draft=6, standard=24, paper=40)).tolist()
    found = integrate_policy(Flow(STAIRS.start, STAIRS.rates), marks)
    for i in range(5):
        frames.append(theory_rows(POLICY, f"policy[{i}]", "time", times, policies[:, i]))
        frames.append(witness_rows(WITNESS, f"policy[{i}]", "time", marks, found[:, i]))
    return pd.concat(frames, ignore_index=True)


def draw_staircase(data: pd.DataFrame) -> mpl.Figure:
    """The pattern on the lower envelope rules; its vertices are the steps of the staircase."""
    figure, (top, bottom) = canvas(2, 1, height=1.5)
    for i, name in enumerate(NAMES):
        plot_theory(top, data, "s", output=f"line[{i}]", label=name, color=PATTERNS[i])
    top.set(xscale="log", yscale="symlog", xlabel="internal time $s$", ylim=(-0.4, 6e3), xlim=(1, None),
            ylabel="line above the lowest")  # fmt: skip
    draw_policies(bottom, data, NAMES, line=POLICY, markers=WITNESS)
    figure.legend(*bottom.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    bottom.set(xscale="log", xlabel="time $t$", ylabel=r"probability $\pi(r|q)$", xlim=(0.3, 1e7))
    return figure


FIGURES = (
    Figure(
        id="B1",
        reproduces="",
        title="The entanglement time is polynomial or exponential in gamma, not super-exponential",
        caption="ln T_0 against gamma = 1 + (mass of the low patterns)/pi_* for three ways of growing gamma (R6): one "
        "low pattern, gamma - 1 patterns of mass pi_* each, and the mass spread over 300 patterns; pi_* = 1e-4, gap g "
        "= .1 to the runner-up, which is d = .3 above the low patterns. All parameters are ours. Lines: exact. "
        "Markers: integration of the flow, where it ends before 3.6e9. Black: exponentials of slopes ln(1 + d/g) "
        "and d/g, and gamma^gamma, all through the first point.",
        data=growth,
        draw=draw_growth,
    ),
    Figure(
        id="B2",
        reproduces="",
        title="Straight lines and their lower envelope: a staircase of patterns",
        caption="Five patterns with starts (.003, .01, .03, .12, .837). Above: the straight lines 1/pi_i(0) - p_i s "
        "less the lowest of them, against the internal time (R3); who touches zero leads. Below: probabilities along "
        "time. Lines: exact. Markers: integration of the flow. All parameters are ours.",
        data=staircase,
        draw=draw_staircase,
    ),
)
