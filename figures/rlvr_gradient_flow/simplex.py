"""Times over the simplex of three patterns, under the plain and under the natural gradient (B3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import colors
from scipy import optimize

from figures.rlvr_gradient_flow.looks import theory_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas
from theory.rlvr_gradient_flow import Flow, Target, Teacher, hitting_time, natural_gradient_flow, sft_policy

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

RATES = (0.9, 0.7, 0.2)
START = (0.05, 0.7, 0.25)
LEVEL = 0.99
LEAST = 0.001
"""Least probability of the best pattern at a start."""
PLAIN, NATURAL, PATH, DIP = "plain gradient", "natural gradient", "fine-tuning", "dip"
CORNERS = np.array([[0.5, math.sqrt(0.75)], [0.0, 0.0], [1.0, 0.0]])
"""Where the best pattern, the runner-up and the low pattern are drawn."""


def simplex(_: Laboratory, quality: Quality) -> pd.DataFrame:
    """ln T(.99) from starts all over the simplex, whether pi_* dips at first, and the way of fine-tuning."""
    side = quality(draft=12, standard=40, paper=80)
    heights = [*np.geomspace(LEAST, 0.6 / side, 5), *(np.arange(1, side) / side)]
    shares = [0.001, *(np.arange(1, side) / side), 0.999]
    starts = [(float(h), float((1 - h) * x), float((1 - h) * (1 - x))) for h in heights for x in shares]
    plain = [math.log(max(hitting_time(Target(s, RATES, level=LEVEL)), 1e-3)) for s in starts]
    natural = [math.log(max(natural_time(s), 1e-3)) for s in starts]
    frames = [
        _at(PLAIN, "log_time", starts, plain),
        _at(NATURAL, "log_time", starts, natural),
        _at(DIP, "rise", starts, [first_rise(s) for s in starts]),
    ]
    # fine-tuning on the best pattern alone moves 1/pi_j by the same s for all others
    after = sft_policy(Teacher(START, RATES))
    end = float(1 / after[1] * _scale(after) - 1 / START[1])
    path = [_tuned(s) for s in np.linspace(0.0, end, 30)]
    frames.append(_at(PATH, "order", path, list(range(len(path)))))
    return pd.concat(frames, ignore_index=True)


def natural_time(start: tuple[float, ...]) -> float:
    """Time at which the best pattern has the level under the natural gradient."""

    def lacking(time: float) -> float:
        return float(natural_gradient_flow(Flow(start, RATES, time=time))[0]) - LEVEL

    return 0.0 if lacking(0.0) >= 0 else float(optimize.brentq(lacking, 0.0, 1e3))


def first_rise(start: tuple[float, ...]) -> float:
    """d ln pi_*/dt at the start of the plain flow; negative where it dips."""
    policy, rates = np.array(start), np.array(RATES)
    above = rates - policy @ rates
    return float(policy[0] * above[0] - np.sum(policy**2 * above))


def _scale(policy: Any) -> float:
    """y_i pi_i, the same for all patterns: from the product of all y_i, which training does not change."""
    return float((np.prod(policy) / np.prod(START)) ** (1 / len(policy)))


def _tuned(s: float) -> tuple[float, ...]:
    others = [1 / pi + s for pi in START[1:]]
    lines = np.array([1 / np.prod(START) / np.prod(others), *others])
    policy = 1 / lines / np.sum(1 / lines)
    return tuple(policy.tolist())


def _at(series: str, output: str, starts: list[Any], values: list[float]) -> pd.DataFrame:
    places = np.array(starts) @ CORNERS
    return theory_rows(series, output, "x", places[:, 0], values).assign(y=places[:, 1])


def draw_simplex(data: pd.DataFrame) -> mpl.Figure:
    """A dark ridge along the edge opposite the best pattern, gone under the natural gradient."""
    figure, panels = canvas(1, 2, height=0.92)
    levels = np.linspace(0.5, 6.0, 12)
    scale = colors.Normalize(levels[0], levels[-1])
    shades: Any = None
    for axes, series in zip(panels, (PLAIN, NATURAL), strict=True):
        rows = data[data["series"] == series]
        shades = axes.tricontourf(rows["x"], rows["y"], rows["value"] / math.log(10), levels=levels, norm=scale,
                                  cmap="cividis_r", extend="both")  # fmt: skip
        _frame(axes, series)
    rises = data[data["series"] == DIP]
    panels[0].tricontour(rises["x"], rises["y"], rises["value"], levels=[0.0], colors=COLORS["vermilion"],
                         linewidths=1.2, linestyles="dashed")  # fmt: skip
    path = data[data["series"] == PATH].sort_values("value")
    panels[0].plot(path["x"], path["y"], color=COLORS["black"], linewidth=1.4)
    panels[0].annotate("", path[["x", "y"]].iloc[-1], xytext=path[["x", "y"]].iloc[-2],
                       arrowprops={"arrowstyle": "->", "color": COLORS["black"]})  # fmt: skip
    figure.colorbar(
        shades,
        ax=panels,
        orientation="horizontal",
        shrink=0.6,
        ticks=[1, 2, 3, 4, 5, 6],
        label=r"$\log_{10}T(\pi_*=0.99)$",
    )
    return figure


def _frame(axes: Axes, title: str) -> None:
    """The triangle, its corners, and the line V = p'."""
    closed = CORNERS[[0, 1, 2, 0]]
    axes.plot(closed[:, 0], closed[:, 1], color="#444444", linewidth=0.8)
    # V = p': g pi_* = d pi_low, from the runner-up's corner to the opposite edge
    share = (RATES[1] - RATES[2]) / (RATES[0] - RATES[2])
    edge = share * CORNERS[0] + (1 - share) * CORNERS[2]
    axes.plot([CORNERS[1][0], edge[0]], [CORNERS[1][1], edge[1]], color="white", linewidth=1.6)
    for corner, name, shift, side in zip(CORNERS, ("$r^*$", "$r'$", "low"), ((0, 4), (-4, -4), (4, -4)),
                                         ("center", "right", "left"), strict=True):  # fmt: skip
        axes.annotate(name, corner, xytext=shift, textcoords="offset points", ha=side,
                      va="bottom" if side == "center" else "top")  # fmt: skip
    axes.set(title=title, aspect="equal", xlim=(-0.12, 1.14), ylim=(-0.1, 0.97))
    axes.axis("off")


FIGURES = (
    Figure(
        id="B3",
        reproduces="",
        title="Where training is slow: starts over the simplex, plain and natural gradient",
        caption="Time to pi_* = .99 from starts all over the simplex of three patterns, success rates (.9, .7, .2), "
        "on a logarithmic scale; exact (R3, R8). White: V(0) = p', the border of Regime 1 (above it). Vermilion, "
        "dashed: below it pi_* falls at first. Black: fine-tuning on the best pattern, from the start of F2 into "
        "Regime 1 (R10). Right: under the natural gradient there is no slow regime. All parameters are ours.",
        data=simplex,
        draw=draw_simplex,
    ),
)
