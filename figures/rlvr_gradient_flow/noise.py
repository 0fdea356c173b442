"""Hitting times around the flow, and GRPO on the orbits of the plain gradient (B5)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from figures.rlvr_gradient_flow.looks import theory_rows, witness_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import COLUMNS
from simulations.rlvr_gradient_flow import GRPO_POLICY, REINFORCE_TIME, integrate_policy
from theory.rlvr_gradient_flow import Flow, GrpoPath, Reinforce, flow, hitting_time_moments

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

MODEL = Reinforce((0.05, 0.95), (0.8, 0.5), level=0.9, step_size=0.05, batch=8)
STEPS_A_BIN = 16
GAUSS, TIMES = "Gaussian of R13", "REINFORCE"
RATES = (0.9, 0.7, 0.2)
STARTS = ((0.05, 0.7, 0.25), (0.1, 0.2, 0.7), (0.02, 0.4, 0.58))
PLAIN, GROUPS, INTEGRATED = "plain gradient", "GRPO, sampled", "GRPO, integrated"


def noise(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """A histogram of hitting times, and orbits in the plane of the two best patterns."""
    trials = quality(draft=256, standard=4096, paper=65_536)
    mean, deviation = hitting_time_moments(MODEL)
    line = np.linspace(mean - 4 * deviation, mean + 4.5 * deviation, 161)
    density = np.exp(-0.5 * ((line - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    frames = [theory_rows(GAUSS, "density", "time", line, density)]
    found = lab.samples(REINFORCE_TIME["time"], MODEL, trials)
    # as many steps in every bin, with edges half a step off the grid of possible times
    edges = MODEL.step_size * (np.floor(line[0] / MODEL.step_size) + 0.5 + STEPS_A_BIN * np.arange(34))
    frames.append(_histogram(found, edges))
    runs = quality(draft=8, standard=128, paper=2048)
    marks = np.geomspace(2.0, 400.0, quality(draft=4, standard=12, paper=20)).tolist()
    for i, start in enumerate(STARTS):
        times = np.concatenate([[0.0], np.geomspace(0.1, 3000.0, 200)]).tolist()
        orbit = np.array([flow(Flow(start, RATES, time=t)) for t in times])
        model = GrpoPath(start, RATES, time=marks[-1], size=8, groups=8, step_size=0.1)
        exact = integrate_policy(model, marks)
        table = lab.sweep(GRPO_POLICY["policy"], [model], runs, axes={"time": marks}, label=GROUPS)
        first = table[table["output"] == "policy[0]"].reset_index(drop=True)
        second = table[table["output"] == "policy[1]"].reset_index(drop=True)
        sampled = first.assign(runner_up=second["value"])
        frames += [
            theory_rows(PLAIN, "policy[0]", "time", times, orbit[:, 0]).assign(
                runner_up=orbit[:, 1], orbit=i
            ),
            witness_rows(INTEGRATED, "policy[0]", "time", marks, exact[:, 0]).assign(
                runner_up=exact[:, 1], orbit=i
            ),
            sampled.assign(orbit=i),
        ]
    return pd.concat(frames, ignore_index=True)


def _histogram(times: np.ndarray, edges: np.ndarray) -> pd.DataFrame:
    """Densities of bins with 95 % intervals of Wilson, which an empty bin has too."""
    counts, _ = np.histogram(times, edges)
    width, total = edges[1] - edges[0], times.size
    share, square = counts / total, 1.96**2
    middle = (counts + square / 2) / (total + square)
    half = 1.96 * np.sqrt(total * share * (1 - share) + square / 4) / (total + square)
    data = {
        "series": TIMES, "time": 0.5 * (edges[1:] + edges[:-1]), "output": "density", "kind": "simulation",
        "value": share / width, "se": half / 1.96 / width, "lo": np.maximum(middle - half, 0) / width,
        "hi": (middle + half) / width, "trials": total,
    }  # fmt: skip
    return pd.DataFrame(data, columns=["series", "time", *COLUMNS])


def draw_noise(data: pd.DataFrame) -> mpl.Figure:
    """Left: the histogram; right: the same curves, run through at another pace."""
    figure, (left, right) = canvas(1, 2, height=1.0)
    plot_theory(left, data, "time", series=GAUSS, label=GAUSS, color=COLORS["blue"])
    plot_simulation(left, data, "time", series=TIMES, label=TIMES, color=COLORS["vermilion"])
    left.set(xlabel=r"time to $\pi_*=0.9$", ylabel="density", ylim=(0, 0.175))
    left.legend(loc="upper right")
    for i in range(len(STARTS)):
        rows = data[data["orbit"] == i]
        line = rows[rows["series"] == PLAIN].sort_values("time")
        right.plot(
            line["runner_up"], line["value"], color=COLORS["blue"], label="_" if i else PLAIN, zorder=2
        )
        for series, color, marker, face in (
            (GROUPS, COLORS["vermilion"], "o", COLORS["vermilion"]),
            (INTEGRATED, COLORS["black"], "D", "none"),
        ):
            marks = rows[rows["series"] == series]
            right.plot(marks["runner_up"], marks["value"], marker, color=color, markerfacecolor=face, markersize=5,
                       label="_" if i else series, zorder=3)  # fmt: skip
    right.set(xlabel=r"$\pi(r')$", ylabel=r"$\pi(r^*)$", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    right.legend(loc="upper right")
    return figure


FIGURES = (
    Figure(
        id="B5",
        reproduces="",
        title="Noise around the flow, and GRPO on its orbits",
        caption="Left: times to pi_* = .9 of REINFORCE, two patterns, start (.05, .95), success rates (.8, .5), step "
        "size .05, batch 8, beside the Gaussian with the mean and deviation of R13; bars: 95 % intervals. Right: three "
        "orbits in the plane of the best pattern and the runner-up, success rates (.9, .7, .2). Lines: plain gradient, "
        "exact. Diamonds: the flow of GRPO with groups of 8, integrated to fixed times. Circles: means of runs of GRPO "
        "at these times, 8 groups a step, step size 0.1; where runs differ in pace their mean lies beside its diamond. "
        "All parameters are ours.",
        data=noise,
        draw=draw_noise,
    ),
)
