"""What the limit knows of the nonlinearity (F4), and the two parts of the error (F5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.attention_memorization.layers import (
    ACTIVATIONS,
    BASELINE,
    ERROR,
    FILTER,
    LOOKS,
    MARKERS,
    TRACE,
    draw_series,
    handles,
)
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import COLUMNS, theory_table
from simulations.attention_memorization import ATTENTION
from theory.attention_memorization import (
    Aligned,
    Attention,
    RidgeRegression,
    matched_filter_error,
    memorization_error,
    ridge_regression_error,
    trace_error,
)
from theory.numerics.activations import Coefficients, Cubic, HermiteSeries, Sine
from theory.numerics.hermite import hermite_data

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

# ------------------------------------------------------------------ F4: the linear part of the power

SHARE = "linear share"
NOISE, PLAIN, ALIGNED = "noise labels ($T$)", "$E$, $w=0$", r"$E$, $w=\mu$"
NAMED = ", named"
KINDS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {NOISE: (TRACE, 0.0), PLAIN: (ERROR, 0.0), ALIGNED: (ERROR, 1.0)}
)
"""What a curve shows, and the strength t of the weights w = t mu."""
SHARE_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        NOISE: {"color": COLORS["black"], "marker": "s"},
        PLAIN: {"color": COLORS["blue"], "marker": "o"},
        ALIGNED: {"color": COLORS["vermilion"], "marker": "^"},
    }
)
CUBIC = "$t^3$"
DIRECT_LABELS = {NOISE: (0.25, 0.545), PLAIN: (0.23, 0.385), ALIGNED: (0.25, 0.255)}
FUNCTIONS = {**ACTIVATIONS, "sin": Sine(), CUBIC: Cubic()}
RIDGE = 0.1


def linear_share(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors against a_1^2/nu at nu = 1; a function of another power has the ridge times its power."""
    model = Attention(512, 256, RIDGE, 1.0, Coefficients(1.0, 1.0))
    predict = {TRACE: trace_error, ERROR: memorization_error}
    tokens = quality(draft=128, standard=512, paper=2048)
    drawn = replace(model, tokens=tokens, dimension=tokens // 2)
    draws = quality(draft=2, standard=8, paper=32)
    shares = np.sin(np.linspace(0.0, np.pi / 2, 51)) ** 2  # denser at both ends, where lines are steep
    mixtures = np.linspace(0.0, 1.0, quality(draft=3, standard=6, paper=11))
    frames: list[pd.DataFrame] = []
    for label, (output, strength) in KINDS.items():
        for share in shares:
            layer = replace(
                model, activation=Coefficients(math.sqrt(share), 1.0), alignment=Aligned(strength)
            )
            table = theory_table(predict[output], [layer], output, label=label)
            frames.append(table.assign(**{SHARE: share}))
        chosen = ATTENTION[output]
        for share in mixtures:
            series = HermiteSeries((math.sqrt(share), 0.0, math.sqrt(1 - share)))
            layer = replace(drawn, activation=series, alignment=Aligned(strength))
            table = lab.sweep(chosen, [layer], draws, label=label)
            frames.append(table.assign(**{SHARE: share}))
        for name, activation in FUNCTIONS.items():
            data = hermite_data(activation)
            layer = replace(
                drawn, activation=activation, alignment=Aligned(strength), ridge=RIDGE * data.power
            )
            table = lab.sweep(chosen, [layer], draws, label=label + NAMED)
            frames.append(table.assign(**{SHARE: data.linear**2 / data.power, "name": name}))
    table = pd.concat(frames, ignore_index=True)
    return table[["series", "name", SHARE, *COLUMNS]].fillna({"name": ""})


def draw_linear_share(data: pd.DataFrame) -> mpl.Figure:
    """One line for all functions of equal a_1^2/nu."""
    figure, axes = canvas(height=1.1)
    draw_series(axes, data, SHARE, SHARE_LOOKS)
    for label, look in SHARE_LOOKS.items():
        plot_simulation(
            axes,
            data,
            SHARE,
            series=label + NAMED,
            label="_named",
            color=look["color"],
            marker="D",
            filled=False,
        )
    named = data[data["name"] != ""].drop_duplicates("name")
    for _, row in named.iterrows():
        axes.annotate(
            row["name"],
            (row[SHARE], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if row["name"] == CUBIC else 0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=60,
            color="#555555",
        )
    axes.set(xlabel=r"linear share of the power, $a_1^2/\nu$", ylabel="memorization error", ylim=(0.2, 0.66))
    for label, place in DIRECT_LABELS.items():
        axes.annotate(label, place, color=SHARE_LOOKS[label]["color"])
    return figure


# ------------------------------------------------------------------ F5: the two parts of the error

WITH, WITHOUT = ", w = mu", ", w = 0"
POINTS = (0.01, 0.1, 1.0)
SHOWN = tuple(name for name in ACTIVATIONS if name != "cos")  # its S is its T, far above the others
LEVELS = {0.35: 0.56, 0.4: 0.63, 0.45: 0.68, 0.5: 0.775}  # values of E, and the T at which they are named


def parts(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """S beside T along the ridge, without weights and with weights along the signal."""
    ridges = np.geomspace(1e-4, 1e2, 91).tolist()
    tokens = quality(draft=128, standard=512, paper=2048)
    draws = quality(draft=2, standard=8, paper=32)
    frames = [_baseline(ridges)]
    for name in SHOWN:
        for suffix, strength in ((WITHOUT, 0.0), (WITH, 1.0)):
            model = Attention(tokens, tokens // 2, 1.0, 1.0, ACTIVATIONS[name], Aligned(strength))
            models = [replace(model, ridge=ridge) for ridge in ridges]
            theory = theory_table(matched_filter_error, models, FILTER, label=name + suffix)
            frames.append(theory.assign(**{TRACE: [trace_error(m) for m in models]}))
            both = lab.sweep(ATTENTION, [model], draws, axes={"ridge": list(POINTS)}, label=name + suffix)
            simulated = both[both["output"] == FILTER]
            means = both[both["output"] == TRACE].set_index("ridge")["value"]
            frames.append(simulated.assign(**{TRACE: simulated["ridge"].map(means)}))
    return pd.concat(frames, ignore_index=True)[["series", "ridge", TRACE, *COLUMNS]]


def _baseline(ridges: Sequence[float]) -> pd.DataFrame:
    """T of ridge regression is its error without signal; S follows from E = (T + rho S)/(1 + rho) at rho = 1."""

    def trace(model: RidgeRegression) -> float:
        return ridge_regression_error(replace(model, snr=0.0))

    def matched(model: RidgeRegression) -> float:
        return 2 * ridge_regression_error(model) - trace(model)

    models = [RidgeRegression(2, 1, ridge=ridge, snr=1.0) for ridge in ridges]
    table = theory_table(matched, models, FILTER, label=BASELINE)
    return table.assign(**{TRACE: [trace(model) for model in models]})


def draw_parts(data: pd.DataFrame) -> mpl.Figure:
    """Lines of equal E fall to the right; weights along the signal move a point down, never sideways."""
    figure, axes = canvas(height=1.2)
    shown = {"xlim": (0.49, 0.86), "ylim": (-0.008, 0.25)}
    for level, trace in LEVELS.items():
        axes.plot([2 * level, 2 * level - 1], [0, 1], color="#AAAAAA", linewidth=0.7, zorder=1)
        axes.text(
            trace,
            2 * level - trace,
            f"$E={level:g}$",
            color="#777777",
            rotation=-45,
            rotation_mode="anchor",
            transform_rotates_text=True,
            va="bottom",
            size="small",
        )
    look = {key: LOOKS[BASELINE][key] for key in ("color", "linestyle")}
    plot_theory(axes, data, TRACE, series=BASELINE, label="_", **look)
    for name in SHOWN:
        color, marker = LOOKS[name]["color"], LOOKS[name]["marker"]
        for suffix, alpha, filled in ((WITHOUT, 1.0, True), (WITH, 0.45, False)):
            series = {"series": name + suffix, "label": "_", "color": color}
            plot_theory(axes, data, TRACE, **series, alpha=alpha)
            plot_simulation(axes, data, TRACE, **series, marker=marker, filled=filled)
    rows = data[(data["series"] == "tanh" + WITHOUT) & (data["kind"] == "simulation")]
    for _, row in rows.iterrows():
        place, shift = (row[TRACE], row["hi"]), {"xytext": (0, 2), "textcoords": "offset points"}
        axes.annotate(f"{row['ridge']:g}", place, **shift, ha="center", color=COLORS["blue"], size="small")
    axes.set(xlabel=r"$T$, error on noise labels", ylabel=r"$S$, error on the matched filter", **shown)
    looks = {BASELINE: {**LOOKS[BASELINE], "marker": ""}, **{name: LOOKS[name] for name in SHOWN}}
    axes.legend(handles=handles(looks), loc="upper left")
    return figure


FIGURES = (
    Figure(
        id="F4",
        reproduces="",
        title="All that the limit knows of the nonlinearity",
        caption="Errors against a_1^2/nu, the linear share of the power of f, at nu = 1, c = p/n = 1/2, gamma "
        "= 0.1, squared signal norm 1; all parameters are ours (the paper compares functions with and "
        "without a linear part). Black: T, the error on noise labels; blue: E with w_K = w_Q = 0; "
        "red: E with w_K = w_Q = mu. Filled markers: simulated layers with f = cos(angle) h_1 + "
        "sin(angle) h_3; open diamonds: the functions named above, each at the ridge gamma nu, which "
        "is the same as the function of unit power at gamma; n = 512 at standard quality; bars: 95 % "
        "intervals. Without a linear part neither signal nor weights matter in the limit. Draws with "
        "w = mu and a large cubic part lie off their line at this size: the labels shift the argument "
        "of f by 2/sqrt p, which h_3 notices (R12); they come to it as n grows.",
        data=linear_share,
        draw=draw_linear_share,
    ),
    Figure(
        id="F5",
        reproduces="",
        title="The two parts of the error",
        caption="The error is E = T/(1 + rho) + rho S/(1 + rho): S, the error on the matched filter, against "
        "T, "
        "that on noise labels, as the ridge runs from 1e-4 (left) to 100 (top right); c = p/n = 1/2, "
        "squared signal norm 1; all parameters are ours. Grey: lines of equal E. Strong lines and filled "
        "markers: w_K = w_Q = 0; faint lines and open markers: w_K = w_Q = mu, at the same ridges 0.01, "
        "0.1, 1. The diagonal is set to zero. Black, dashed: ridge regression. Alignment moves a layer "
        "straight down. " + MARKERS,
        data=parts,
        draw=draw_parts,
    ),
)
