"""Beyond the theorem's conditions: labels that are not balanced (F8), weights that grow with the dimension (F9)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.attention_memorization.layers import BASELINE, ERROR, draw_series, handles
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation
from lemmata.tables import COLUMNS, theory_table
from simulations.attention_memorization import ATTENTION, ATTENTION_GAP
from theory.attention_memorization import (
    Aligned,
    Attention,
    Balanced,
    RidgeRegression,
    Spherical,
    Strong,
    Unbalanced,
    memorization_error,
    ridge_regression_error,
)
from theory.numerics.activations import HermiteSeries, Relu, Tanh

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

# ------------------------------------------------------------------ F8: labels that are not balanced

SMALL = ", fewer tokens"
FUNCTIONS = MappingProxyType({"$t+0.7\\,h_2$": HermiteSeries((1.0, 0.7)), "ReLU": Relu(), "tanh": Tanh()})
IMBALANCE_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "tanh": {"color": COLORS["blue"], "marker": "o"},
        "ReLU": {"color": COLORS["green"], "marker": "D"},
        "$t+0.7\\,h_2$": {"color": COLORS["vermilion"], "marker": "^"},
    }
)


def imbalance(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors along the mean of the labels, simulated at two sizes."""
    means = np.linspace(0.0, 0.95, 39).tolist()
    points = np.linspace(0.0, 0.9, quality(draft=3, standard=4, paper=7)).tolist()
    small, large = quality(draft=(64, 128), standard=(160, 640), paper=(640, 2560))
    draws = quality(draft=2, standard=24, paper=24)
    frames: list[pd.DataFrame] = []
    for label, activation in FUNCTIONS.items():

        def layers(tokens: int, values: list[float], f: Any = activation) -> list[Attention]:
            return [
                Attention(tokens, tokens // 2, 0.1, 1.0, f, Aligned(1.0), labels=Unbalanced(mean))
                for mean in values
            ]

        frames.append(theory_table(memorization_error, layers(large, means), ERROR, label=label))
        frames.append(lab.sweep(ATTENTION[ERROR], layers(large, points), draws, paired=True, label=label))
        frames.append(
            lab.sweep(ATTENTION[ERROR], layers(small, points), 4 * draws, paired=True, label=label + SMALL)
        )
    return pd.concat(frames, ignore_index=True)


def draw_imbalance(data: pd.DataFrame) -> mpl.Figure:
    """A function with a_2 = 0 is flat; the others fall, in simulations slowly with the size."""
    figure, axes = canvas(height=1.05)
    draw_series(axes, data, "labels.mean", IMBALANCE_LOOKS)
    for label, look in IMBALANCE_LOOKS.items():
        plot_simulation(
            axes,
            data,
            "labels.mean",
            series=label + SMALL,
            label="_",
            color=look["color"],
            marker=look["marker"],
            filled=False,
        )
    axes.set(xlabel=r"mean $\beta$ of the labels", ylabel=r"memorization error $E$")
    axes.legend(handles=handles(IMBALANCE_LOOKS), loc="lower left")
    return figure


# ------------------------------------------------------------------ F9: weights that grow with the dimension

SIGNS, SPHERE = r"attention, labels $\pm1$", "attention, sphere labels"
FORMULA = "limit R4, misapplied"
LABELS = MappingProxyType({SIGNS: Balanced(), SPHERE: Spherical()})
STRONG_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        SIGNS: {"color": COLORS["vermilion"], "marker": "o", "linestyle": "none"},
        SPHERE: {"color": COLORS["blue"], "marker": "D", "linestyle": "none"},
        FORMULA: {"color": COLORS["green"], "marker": "", "linestyle": "-"},
        BASELINE: {"color": COLORS["black"], "marker": "s", "filled": False, "linestyle": (0, (4, 1.6))},
    }
)
SNRS = (1.0, 2.0)
STRENGTH, BASELINE_ERROR = "strength", "ridge_regression_error"


def strong(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors of attention and of ridge regression on the same draws, along the strength of the weights."""
    line = np.linspace(0.0, 2.0, 41).tolist()
    points = np.linspace(0.0, 2.0, quality(draft=3, standard=5, paper=9)).tolist()
    tokens = quality(draft=128, standard=512, paper=2048)
    draws = quality(draft=2, standard=12, paper=24)
    frames: list[pd.DataFrame] = []
    for snr in SNRS:
        plain = Attention(tokens, tokens // 2, 1e-5, snr, Tanh())
        baseline = RidgeRegression(plain.tokens, plain.dimension, plain.ridge, snr)
        unit = plain.dimension**0.25 / math.sqrt(snr)
        for kappa in line:
            bounded = replace(plain, alignment=Aligned(kappa * unit))
            frames += [
                theory_table(predict, [model], ERROR, label=label).assign(snr=snr, strength=kappa)
                for predict, model, label in (
                    (ridge_regression_error, baseline, BASELINE),
                    (memorization_error, bounded, FORMULA),
                )
            ]
        for label, labels in LABELS.items():
            models = [replace(plain, alignment=Strong(kappa), labels=labels) for kappa in points]
            table = lab.sweep(ATTENTION_GAP, models, draws, label=label)
            frames.append(table.rename(columns={"alignment.strength": STRENGTH}).assign(snr=snr))
    return pd.concat(frames, ignore_index=True)[["series", "snr", STRENGTH, *COLUMNS]]


def draw_strong(data: pd.DataFrame) -> mpl.Figure:
    """A panel a signal: labels +1 and -1 fall below ridge regression, labels on the sphere do not."""
    figure, panels = canvas(1, 2, height=1.15, sharey=True)
    for axes, snr in zip(panels, SNRS, strict=True):
        rows = data[data["snr"] == snr]
        draw_series(axes, rows, STRENGTH, STRONG_LOOKS, output=ERROR)
        look = {"color": "black", "marker": "s", "filled": False}
        plot_simulation(axes, rows, STRENGTH, series=SIGNS, output=BASELINE_ERROR, label="_", **look)
        axes.set(xlabel=r"strength $\kappa$", title=rf"$\rho={snr:g}$")
    panels[0].set(ylabel=r"memorization error $E$", ylim=(0, None))
    figure.legend(handles=handles(STRONG_LOOKS), loc="outside lower center", ncols=2)
    return figure


FIGURES = (
    Figure(
        id="F8",
        reproduces="",
        title="Labels that are not balanced: the limit then knows a third number of the function",
        caption="Memorization error E against the mean beta of the labels, c = p/n = 1/2, gamma = 0.1, "
        "squared signal norm 1, w_K = w_Q = mu; all parameters are ours. Lines: the limit R8, which "
        "knows a_2 beside a_1 and nu where labels are not balanced; the formula for balanced labels "
        "would be the horizontal line through the value at beta = 0. Filled markers: draws with n = "
        "640 at standard quality; open markers: n = 160; bars: 95 % intervals. Draws have common "
        "random numbers along beta, so that neighbouring markers go together. For a_2 other than 0 "
        "they must lie above their line, to which they come down like n^(-1/2).",
        data=imbalance,
        draw=draw_imbalance,
    ),
    Figure(
        id="F9",
        reproduces="",
        title="Weights that grow with the dimension: attention wins where the theorem says it cannot",
        caption="Memorization error E for weights w_K = w_Q = kappa p^(1/4) mu/|mu| along their strength "
        "kappa, f = tanh, c = p/n = 1/2, gamma = 1e-5; all parameters are ours, n = 512 at standard "
        "quality. Circles and diamonds: attention, simulated with labels +1 and -1 and with labels "
        "uniform on a sphere; open squares: ridge regression on the draws with labels +1 and -1; "
        "bars: 95 % intervals. Dashed: limit of ridge regression, within 1e-4 the lower bound R6 of "
        "attention with weights of bounded norm. Green: the limit R4 with weights of these norms, "
        "which lie outside its conditions. Theory and simulation must part here, and do for labels +1 "
        "and -1 (R12).",
        data=strong,
        draw=draw_strong,
    ),
)
