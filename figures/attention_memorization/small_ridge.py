"""Exponents at a small ridge (F6), and the region in which attention beats ridge regression (F7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.attention_memorization.alignment import aligned
from figures.attention_memorization.layers import BASELINE, GAP, LOOKS, TRACE, baseline, draw_series, handles
from lemmata.pictures import COLORS, Figure, Quality, canvas
from lemmata.tables import COLUMNS, theory_table
from simulations.attention_memorization import ATTENTION, ATTENTION_GAP, LINEAR_CHAIN, RIDGE_REGRESSION
from theory.attention_memorization import (
    Attention,
    RidgeRegression,
    error_curve,
    ridge_regression_error,
    trace_error,
)
from theory.numerics.activations import Activation, Linear, Sign, Tanh

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

# ------------------------------------------------------------------ F6: exponents

EXCESS = "excess"
RESOLVED = 1e-12  # below it the difference of T and its ridgeless value is rounding
ZEROED, KEPT = "linear, diagonal zeroed", "linear, diagonal kept"
EXPONENT_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        BASELINE: LOOKS[BASELINE],
        "tanh": LOOKS["tanh"],
        ZEROED: LOOKS["linear"],
        KEPT: {"color": COLORS["green"], "marker": "D", "filled": False},
    }
)
RATIOS = (0.5, 1.0, 2.0)
MANY = 2**18  # tokens of ridge regression, whose chain costs the same at every size
SLOPES = {
    0.5: (("1/2", (1e-7, 5e-4)), ("2", (3e-6, 3e-7)), ("2", (3e-4, 1e-9))),
    1.0: (("1/6", (1e-7, 1e-1)), ("1/3", (1e-7, 5e-3)), ("1/2", (1e-6, 1e-4))),
    2.0: (("1/2", (1e-7, 1e-3)), ("2", (1e-7, 1e-8)), ("2", (1e-3, 1e-8))),
}


def exponents(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """T less its value without a ridge, max(0, 1 - c), along the ridge at c = 1/2, 1 and 2."""
    line = np.geomspace(1e-12, 1e1, 131).tolist()
    points = np.geomspace(1e-5, 1e1, quality(draft=4, standard=7, paper=13)).tolist()
    tokens = quality(draft=128, standard=512, paper=2048)
    chain = quality(draft=128, standard=1024, paper=4096)
    draws = quality(draft=2, standard=8, paper=32)

    def layer(ratio: float, size: int, activation: Activation, diagonal: str) -> Attention:
        return Attention(size, round(ratio * size), 1.0, 0.0, activation, diagonal=diagonal)

    frames: list[pd.DataFrame] = []
    for ratio in RATIOS:
        tables = [_baseline_errors(lab, ratio, line, points, 500 * draws)]
        for label, activation, diagonal in (
            ("tanh", Tanh(), "zero"),
            (ZEROED, Linear(), "zero"),
            (KEPT, Linear(), "keep"),
        ):
            models = [replace(layer(ratio, 512, activation, diagonal), ridge=ridge) for ridge in line]
            tables.append(theory_table(trace_error, models, TRACE, label=label))
            output, size = (LINEAR_CHAIN[TRACE], chain) if label == KEPT else (ATTENTION[TRACE], tokens)
            model = layer(ratio, size, activation, diagonal)
            tables.append(lab.sweep(output, [model], draws, axes={"ridge": points}, label=label))
        table = pd.concat(tables, ignore_index=True)
        floor = max(0.0, 1 - ratio)
        excess = {name: table[name] - floor for name in ("value", "lo", "hi")}
        table = table.assign(ratio=ratio, output=EXCESS, **excess)
        least = RESOLVED if floor else 0.0
        frames.append(table[(table["kind"] == "simulation") | (table["value"] > least)])
    return pd.concat(frames, ignore_index=True)[["series", "ratio", "ridge", *COLUMNS]]


def _baseline_errors(
    lab: Laboratory, ratio: float, line: Sequence[float], points: Sequence[float], trials: int
) -> pd.DataFrame:
    """Ridge regression on noise, whose error has the mean of T; drawn where its excess exceeds its noise."""
    model = RidgeRegression(MANY, round(ratio * MANY), ridge=1.0, snr=0.0)
    theory = theory_table(
        ridge_regression_error, [replace(model, ridge=ridge) for ridge in line], TRACE, label=BASELINE
    )
    seen = [ridge for ridge in points if ratio >= 1 or ridge >= 1e-2]
    drawn = lab.sweep(RIDGE_REGRESSION["error"], [model], trials, axes={"ridge": seen}, label=BASELINE)
    return pd.concat([theory, drawn], ignore_index=True)


def draw_exponents(data: pd.DataFrame) -> mpl.Figure:
    """Log-log: a panel a ratio; the slopes are the exponents of R7."""
    figure, panels = canvas(1, 3, height=1.15, sharey=True)
    for axes, ratio in zip(panels, RATIOS, strict=True):
        draw_series(axes, data[data["ratio"] == ratio], "ridge", EXPONENT_LOOKS)
        axes.set(xscale="log", yscale="log", xlabel=r"ridge $\gamma$", title=f"$c=p/n={ratio:g}$")
        for text, place in SLOPES[ratio]:
            axes.annotate(text, place, ha="center", va="center", size="small")
    panels[0].set(ylabel=r"$T-\max(0,1-c)$", ylim=(1e-15, 3))
    figure.legend(handles=handles(EXPONENT_LOOKS), loc="outside lower center", ncols=2)
    return figure


# ------------------------------------------------------------------ F7: where attention wins

LENGTHS: Mapping[float, Mapping[str, Any]] = MappingProxyType(
    {
        0.0: {"color": COLORS["black"], "linestyle": "-"},
        1.0: {"color": COLORS["blue"], "linestyle": (0, (5, 1.5))},
        4.0: {"color": COLORS["vermilion"], "linestyle": (0, (1.2, 1.2))},
    }
)
SIZES = {0.25: 1024, 0.5: 1024, 1.0: 512, 2.0: 512}  # tokens of the draws for each ratio
CHECKS = {0.0: (0.2, 1.0), 1.0: (0.4, 2.0)}  # signals at which weights of this length are drawn


def phases(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """E_A - E_RR on a grid of ridges and signals, and simulated at a few of them."""
    ridges = np.geomspace(1e-2, 1e2, quality(draft=21, standard=41, paper=41)).tolist()
    snrs = np.geomspace(1e-1, 1e1, quality(draft=11, standard=31, paper=31)).tolist()
    points = {"ridge": np.geomspace(0.02, 50, quality(draft=3, standard=5, paper=9)).tolist()}
    scale = quality(draft=0.125, standard=1, paper=4)
    draws = quality(draft=2, standard=6, paper=16)

    def layers(size: int, ratio: float, length: float, snrs: Sequence[float]) -> list[Attention]:
        weights = aligned(length)
        return [Attention(size, round(ratio * size), 1.0, snr, Sign(), weights(snr)) for snr in snrs]

    frames: list[pd.DataFrame] = []
    for ratio, length in product(SIZES, LENGTHS):
        tables = [_gaps(model, ridges) for model in layers(512, ratio, length, snrs)]
        if length in CHECKS:
            models = layers(round(scale * SIZES[ratio]), ratio, length, CHECKS[length])
            tables.append(lab.sweep(ATTENTION_GAP[GAP], models, draws, axes=points))
        frames += [table.assign(ratio=ratio, length=length) for table in tables]
    return pd.concat(frames, ignore_index=True)[["ratio", "length", "snr", "ridge", *COLUMNS]]


def _gaps(model: Attention, ridges: Sequence[float]) -> pd.DataFrame:
    """Theory rows of E_A - E_RR along the ridge."""
    tokens = baseline(model)
    errors = error_curve(model, ridges).error
    gaps = errors - [ridge_regression_error(replace(tokens, ridge=ridge)) for ridge in ridges]
    blank = {"se": np.nan, "lo": np.nan, "hi": np.nan, "trials": 0}
    rows = {"ridge": ridges, "snr": model.snr, "output": GAP, "kind": "theory", "value": gaps}
    return pd.DataFrame(rows | blank)


def draw_phases(data: pd.DataFrame) -> mpl.Figure:
    """Boundaries of the region in which attention has the lower error; triangles show what draws find."""
    from matplotlib.lines import Line2D

    figure, panels = canvas(2, 2, height=1.45, sharex=True, sharey=True)
    for axes, ratio in zip(panels.flat, SIZES, strict=True):
        for length, look in LENGTHS.items():
            rows = data[(data["length"] == length) & (data["ratio"] == ratio)]
            grid = rows[rows["kind"] == "theory"].pivot(index="snr", columns="ridge", values="value")
            lines = {"colors": [look["color"]], "linestyles": [look["linestyle"]]}
            axes.contour(grid.columns, grid.index, grid.to_numpy(), levels=[0.0], **lines)
            _draw_checks(axes, rows[rows["kind"] == "simulation"], look["color"])
        axes.set(xscale="log", yscale="log", title=f"$c=p/n={ratio:g}$")
    words = {"ha": "center", "va": "center", "size": "small", "linespacing": 1.1}
    panels[1, 0].annotate("ridge\nregression\nwins", (0.06, 5.0), **words)
    panels[1, 0].annotate("attention\nwins", (14.0, 5.0), **words)
    for axes in panels[1]:
        axes.set_xlabel(r"ridge $\gamma$")
    for axes in panels[:, 0]:
        axes.set_ylabel(r"$\rho=\|\mu\|^2$")
    names = {0.0: "$w=0$", 1.0: r"$w=\mu/\|\mu\|$", 4.0: r"$w=4\mu/\|\mu\|$"}
    lines = [Line2D([], [], label=names[length], **look) for length, look in LENGTHS.items()]
    marks = [
        Line2D([], [], color="#777777", marker=marker, linestyle="none", label=label)
        for marker, label in (("^", "attention is worse"), ("v", "attention is better"), ("o", "undecided"))
    ]
    figure.legend(handles=[*lines, *marks], loc="outside lower center", ncols=2)
    return figure


def _draw_checks(axes: Axes, rows: pd.DataFrame, color: str) -> None:
    """Triangles down: attention's error is lower; up: higher; circles: the interval holds both."""
    kinds = {"v": rows["hi"] < 0, "^": rows["lo"] > 0, "o": (rows["lo"] <= 0) & (rows["hi"] >= 0)}
    for marker, chosen in kinds.items():
        look: dict[str, Any] = {"color": color, "marker": marker, "linestyle": "none"}
        axes.plot(rows.loc[chosen, "ridge"], rows.loc[chosen, "snr"], **look)


FIGURES = (
    Figure(
        id="F6",
        reproduces="",
        title="Exponents at a small ridge",
        caption="The error T on noise labels, less its value without a ridge, along the ridge, at three "
        "ratios c = p/n; all parameters are ours. Lines: limits; numbers: the exponents R7 that they "
        "tend to; at c = 1/2 tanh and linear attention with kept diagonal nearly agree. Markers: "
        "means of draws, with 95 % intervals; ridge regression (n = 2^18) and linear attention with "
        "kept diagonal (n = 1024 at standard quality) by their chains, the other layers token by "
        "token (n = 512). Linear attention with zeroed diagonal at c = 1/2 must part from its line: "
        "the squared norms of the tokens, which leave K with the diagonal, fluctuate by sqrt(2/p) and "
        "act like a nonlinear part (R11).",
        data=exponents,
        draw=draw_exponents,
    ),
    Figure(
        id="F7",
        reproduces="",
        title="Where attention beats ridge regression",
        caption="Where attention has a lower memorization error than ridge regression at the same ridge: to "
        "the right of a line, the zeros of the difference of the limits, for f = sign, w_K = w_Q = t "
        "mu/|mu| with t = 0, 1, 4, at four ratios c = p/n; all parameters are ours. Markers: "
        "differences of the two errors on the same draws (n = 1024 for c < 1, else 512, at standard "
        "quality), t = 0 and 1, in the colour of their line: triangles up where the 95 % interval "
        "lies above zero, down where it lies below, circles where it holds zero. At c = 1/4 and a "
        "small ridge the limit of the difference for t = 1 is positive but small, and draws of this "
        "size fall below zero (R12).",
        data=phases,
        draw=draw_phases,
    ),
)
