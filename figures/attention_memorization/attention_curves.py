"""Figures of arXiv 2506.18656: attention's memorization error beside that of ridge regression (Fig. 2a-c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from figures.attention_memorization.layers import (
    ACTIVATIONS,
    BASELINE,
    ERROR,
    GAP,
    LOOKS,
    MARKERS,
    RELATIVE,
    along,
    attention,
    draw_series,
    handles,
    relative_error,
    relative_gaps,
    with_strip,
)
from lemmata.pictures import Figure, Quality, canvas
from simulations.attention_memorization import ATTENTION_GAP, RIDGE_REGRESSION
from theory.attention_memorization import RidgeRegression, memorization_error, ridge_regression_error

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

LAYER_LOOKS = {name: LOOKS[name] for name in ACTIVATIONS}
_LAYERS = (
    "Functions: tanh, sign, centred ReLU, centred cosine, identity; w_K = w_Q = 0; the diagonal of the "
    "attention matrix "
    "is set to zero. Black, dashed: ridge regression on the raw tokens, its markers the exact law at finite "
    "size. "
)
_STRIP = (
    "Below: E in units of the limit of ridge regression's, markers from differences of the two errors on the "
    "same draws. "
)
NEAR = 0.95  # of p/n = 1, where ridge regression's error vanishes and is no unit


def _theory(model: RidgeRegression, name: str, values: Sequence[float]) -> pd.DataFrame:
    """The limits of ridge regression and of every layer along one parameter."""
    frames = [along(ridge_regression_error, model, name, values, ERROR, BASELINE)]
    for label, activation in ACTIVATIONS.items():
        layer = attention(model, activation)
        frames.append(along(memorization_error, layer, name, values, ERROR, label))
    return pd.concat(frames, ignore_index=True)


def _relative_theory(model: RidgeRegression, name: str, values: Sequence[float]) -> pd.DataFrame:
    """The layers' limits in units of ridge regression's."""
    layers = {label: attention(model, activation) for label, activation in ACTIVATIONS.items()}
    tables = [along(relative_error, layer, name, values, RELATIVE, label) for label, layer in layers.items()]
    return pd.concat(tables, ignore_index=True)


def _simulation(
    lab: Laboratory,
    quality: Quality,
    models: Sequence[RidgeRegression],
    draws: int,
    ridges: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Ridge regression by its exact law, the layers token by token; at all ridges, if some are given.

    Without ridges also the layers' errors in units of the limit of ridge regression, for p < n.
    """
    axes = None if ridges is None else {"ridge": ridges}
    trials = quality(draft=64, standard=1000, paper=10_000)
    frames = [lab.sweep(RIDGE_REGRESSION["error"], models, trials, axes=axes, label=BASELINE)]
    for label, activation in ACTIVATIONS.items():
        layers = [attention(model, activation) for model in models]
        table = lab.sweep(ATTENTION_GAP, layers, draws, axes=axes, label=label)
        frames.append(table[table["output"] == ERROR])
        if ridges is None:
            gaps = table[table["output"] == GAP]
            relative = relative_gaps(gaps, layers)
            frames.append(relative[[model.dimension < NEAR * model.tokens for model in models]])
    return pd.concat(frames, ignore_index=True)


def _draw_strip(axes: Axes, data: pd.DataFrame, x: str) -> None:
    """The layers in units of ridge regression, which is the line at 1."""
    axes.axhline(1.0, color="black", linewidth=1.0, linestyle=(0, (4, 1.6)), zorder=1)
    draw_series(axes, data, x, LAYER_LOOKS, output=RELATIVE)


# ------------------------------------------------------------------ F2a: along the ridge


def ridge_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors along the ridge; one draw serves all ridges."""
    scale = quality(draft=4, standard=1, paper=1)
    model = RidgeRegression(tokens=512, dimension=2048, ridge=1.0, snr=1.0)
    drawn = replace(model, tokens=512 // scale, dimension=2048 // scale)
    ridges = np.geomspace(1e-5, 1e2, quality(draft=4, standard=8, paper=15)).tolist()
    draws = quality(draft=2, standard=12, paper=100)
    theory = _theory(model, "ridge", np.geomspace(1e-5, 1e2, 141).tolist())
    return pd.concat([theory, _simulation(lab, quality, [drawn], draws, ridges)], ignore_index=True)


def draw_ridge_curves(data: pd.DataFrame) -> mpl.Figure:
    """Log-log: slope 2 for ridge regression, 1/2 for the layers."""
    figure, axes = canvas(height=1.1)
    draw_series(axes, data, "ridge", LOOKS)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=r"ridge $\gamma$",
        ylabel=r"memorization error $E$",
        title=r"Attention, $p=2048$, $n=512$, $\rho=1$",
    )
    axes.annotate("slope 2", (1e-3, 1.1e-7), xytext=(8, -8), textcoords="offset points", va="top")
    axes.annotate("slope 1/2", (1e-4, 9e-4), va="top")
    axes.legend(handles=handles(LOOKS), loc="lower right")
    return figure


# ------------------------------------------------------------------ F2b: along the dimension


def dimension_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors along the dimension; simulated with fewer tokens at the same p/n, `dimension` scaled to 4096 tokens."""
    # beyond p = n a few eigenvalues near 0 carry the error: many smaller draws hold it better than a few larger ones
    drawn = quality(
        draft=((128, 2, [1 / 8, 1 / 2]), (128, 2, [1.0, 2.0])),
        standard=((512, 8, [1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4]), (256, 48, [1.0, 3 / 2, 5 / 2])),
        paper=(
            (4096, 20, [1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8]),
            (4096, 24, [1.0, 9 / 8, 5 / 4, 3 / 2, 5 / 2]),
        ),
    )
    full = RidgeRegression(tokens=4096, dimension=4096, ridge=1e-5, snr=1.0)
    dense = sorted({round(p) for p in (*np.geomspace(220, 12000, 80), *np.linspace(3000, 5500, 51))})
    below = [p for p in dense if p < NEAR * full.tokens]
    frames = [_theory(full, "dimension", dense), _relative_theory(full, "dimension", below)]
    for tokens, draws, ratios in drawn:
        models = [replace(full, tokens=tokens, dimension=round(tokens * ratio)) for ratio in ratios]
        table = _simulation(lab, quality, models, draws)
        table["dimension"] *= full.tokens // tokens
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def draw_dimension_curves(data: pd.DataFrame) -> mpl.Figure:
    """Above, a logarithmic axis shows the decades beyond p = n; below, the excess before it."""
    figure, top, strip = with_strip(r"$E\,/\,E_{\mathrm{RR}}$", height=1.35, share=0.6)
    draw_series(top, data, "dimension", LOOKS, output=ERROR)
    _draw_strip(strip, data, "dimension")
    for axes in (top, strip):
        axes.axvline(4096, color="#888888", linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    top.set(
        yscale="log",
        ylabel=r"memorization error $E$",
        title=r"Attention, $n=4096$, $\gamma=10^{-5}$, $\rho=1$",
    )
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "color": "#666666"}
    top.annotate("$p=n$", (4096, 0.02), xytext=(-4, 0), ha="right", **place)
    strip.set(xscale="log", xlabel=r"embedding dimension $p$", ylim=(0.85, 2.25))
    ticks = [256, 512, 1024, 2048, 4096, 8192]
    strip.set_xticks(ticks, [str(tick) for tick in ticks])
    strip.minorticks_off()
    top.legend(handles=handles(LOOKS), loc="lower left")
    return figure


# ------------------------------------------------------------------ F2c: along the signal-to-noise ratio


def snr_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors along the signal-to-noise ratio; simulated with fewer tokens at the same p/n."""
    tokens = quality(draft=128, standard=1024, paper=2048)
    full = RidgeRegression(tokens=2048, dimension=512, ridge=1e-5, snr=1.0)
    snrs = np.geomspace(0.1, 10, quality(draft=3, standard=5, paper=9)).tolist()
    drawn = [replace(full, tokens=tokens, dimension=tokens // 4, snr=snr) for snr in snrs]
    simulation = _simulation(lab, quality, drawn, quality(draft=2, standard=6, paper=20))
    dense = np.geomspace(0.03, 15, 81).tolist()
    theory = [_theory(full, "snr", dense), _relative_theory(full, "snr", dense)]
    return pd.concat([*theory, simulation], ignore_index=True)


def draw_snr_curves(data: pd.DataFrame) -> mpl.Figure:
    """Log-log: every layer with a linear part follows the signal, the cosine does not see it."""
    figure, top, strip = with_strip(r"$E\,/\,E_{\mathrm{RR}}$", height=1.35, share=0.6)
    draw_series(top, data, "snr", LOOKS, output=ERROR)
    _draw_strip(strip, data, "snr")
    top.set(
        xscale="log",
        yscale="log",
        ylabel=r"memorization error $E$",
        title=r"Attention, $p=512$, $n=2048$, $\gamma=10^{-5}$",
    )
    ticks = [0.05, 0.1, 0.2, 0.5, 1.0]
    top.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    top.tick_params(axis="y", which="minor", left=False, labelleft=False)
    strip.set(xlabel=r"signal-to-noise ratio $\rho=\|\mu\|^2$", ylim=(0.65, 1.35))
    top.legend(handles=handles(LOOKS), loc="lower left")
    return figure


FIGURES = (
    Figure(
        id="F2a",
        reproduces="Fig. 2a",
        title="Attention and ridge regression: memorization error along the ridge",
        caption="Memorization error E against the ridge gamma. The paper's parameters: p = 2048, n = 512, "
        "squared signal norm 1 (drafts are drawn at a quarter of the sizes). Ours: the functions, the "
        "diagonal, the range and grid of ridges; one draw of the tokens serves all ridges, so "
        "neighbouring markers go together. " + _LAYERS + MARKERS,
        data=ridge_curves,
        draw=draw_ridge_curves,
    ),
    Figure(
        id="F2b",
        reproduces="Fig. 2b",
        title="Attention and ridge regression: memorization error along the dimension",
        caption="Memorization error E against the embedding dimension p. The paper's parameters: n = 4096, "
        "gamma = 1e-5, squared signal norm 1. The markers are drawn with them at quality paper; at "
        "standard quality with n = 512 for p < n, 256 beyond, and the same p/n. Ours: the functions, the "
        "diagonal, the grid "
        "of dimensions. " + _STRIP + _LAYERS + MARKERS,
        data=dimension_curves,
        draw=draw_dimension_curves,
    ),
    Figure(
        id="F2c",
        reproduces="Fig. 2c",
        title="Attention and ridge regression: memorization error along the signal-to-noise ratio",
        caption="Memorization error E against the signal-to-noise ratio rho, the squared norm of the signal. "
        "The paper's parameters: p = 512, n = 2048, gamma = 1e-5. The markers are drawn with them at "
        "quality paper; at standard quality with half of both sizes. Ours: the functions, the "
        "diagonal, the range and grid of rho. The cosine has no linear part and does not see the "
        "signal. At rho = 10 markers of tanh and sign must part from their lines: rho/sqrt p, by "
        "which the signal shifts the argument of f, is not small at these sizes (R12). "
        + _STRIP
        + _LAYERS
        + MARKERS,
        data=snr_curves,
        draw=draw_snr_curves,
    ),
)
