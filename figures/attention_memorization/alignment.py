"""Weights along the signal: attention's error in units of ridge regression's (F3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.attention_memorization.layers import (
    GAP,
    RELATIVE,
    draw_series,
    handles,
    relative_error,
    relative_gaps,
)
from lemmata.pictures import COLORS, Figure, Quality, canvas
from lemmata.tables import COLUMNS, theory_table
from simulations.attention_memorization import ATTENTION_GAP
from theory.attention_memorization import (
    Aligned,
    Attention,
    Balanced,
    Spherical,
)
from theory.numerics.activations import Sign

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

RATIOS, RIDGES = (0.25, 1.0, 4.0), (1e-5, 1.0)
SPHERICAL = "$t=2$, labels on the sphere"

Weights = Callable[[float], Aligned]


def aligned(length: float) -> Weights:
    """w_K = w_Q = t mu/|mu|, t the length, as a function of the signal-to-noise ratio."""
    return lambda snr: Aligned(length / math.sqrt(snr))


WEIGHTS: Mapping[str, Weights] = MappingProxyType(
    {
        "$w=0$": aligned(0.0),
        "$t=1$": aligned(1.0),
        "$t=2$": aligned(2.0),
        "$t=4$": aligned(4.0),
    }
)
LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "$w=0$": {"color": COLORS["black"], "marker": "o"},
        "$t=1$": {"color": COLORS["orange"], "marker": ""},
        "$t=2$": {"color": COLORS["blue"], "marker": "^"},
        "$t=4$": {"color": COLORS["vermilion"], "marker": ""},
        SPHERICAL: {"color": COLORS["blue"], "marker": "D", "linestyle": "none", "filled": False},
    }
)
DRAWN = (
    ("$w=0$", aligned(0.0), Balanced()),
    ("$t=2$", aligned(2.0), Balanced()),
    (SPHERICAL, aligned(2.0), Spherical()),
)


def _layers(
    snrs: Sequence[float], weights: Weights, tokens: int, ratio: float, ridge: float, **more: Any
) -> list[Attention]:
    dimension = round(ratio * tokens)
    return [Attention(tokens, dimension, ridge, snr, Sign(), weights(snr), **more) for snr in snrs]


def alignment_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Errors along the signal-to-noise ratio in units of the limit of ridge regression."""
    line = np.geomspace(0.1, 4, 41).tolist()
    points = np.geomspace(0.1, 4, quality(draft=3, standard=5, paper=7)).tolist()
    tokens = quality(draft=(128, 128, 64), standard=(1024, 512, 256), paper=(4096, 2048, 1024))
    draws = quality(draft=(2, 2, 2), standard=(6, 10, 24), paper=(16, 32, 64))
    frames: list[pd.DataFrame] = []
    for ratio, ridge in product(RATIOS, RIDGES):
        for label, weights in WEIGHTS.items():
            table = theory_table(
                relative_error, _layers(line, weights, 512, ratio, ridge), RELATIVE, label=label
            )
            frames.append(table.assign(ratio=ratio, ridge=ridge))
    for ratio, size, trials in zip(RATIOS, tokens, draws, strict=True):
        for label, weights, labels in DRAWN:
            models = _layers(points, weights, size, ratio, 1.0, labels=labels)
            table = lab.sweep(ATTENTION_GAP[GAP], models, trials, axes={"ridge": RIDGES}, label=label)
            for ridge in RIDGES:
                gaps = table[table["ridge"] == ridge].assign(ratio=ratio)
                frames.append(relative_gaps(gaps, [replace(model, ridge=ridge) for model in models]))
    return pd.concat(frames, ignore_index=True)[["series", "ratio", "ridge", "snr", *COLUMNS]]


def draw_alignment_curves(data: pd.DataFrame) -> mpl.Figure:
    """A column a ratio p/n, a row a ridge; ridge regression is the line at 1."""
    figure, panels = canvas(2, 3, height=1.35, sharex=True)
    for row, ridge in zip(panels, RIDGES, strict=True):
        for axes, ratio in zip(row, RATIOS, strict=True):
            axes.axhline(1.0, color="#777777", linewidth=0.9, zorder=1)
            draw_series(axes, data[(data["ratio"] == ratio) & (data["ridge"] == ridge)], "snr", LOOKS)
            axes.set(xscale="log")
    for axes, ratio in zip(panels[0], RATIOS, strict=True):
        axes.set_title(f"$p/n={ratio:g}$")
    for axes, power in zip(panels[:, 0], ("10^{-5}", "1"), strict=True):
        axes.set_ylabel(rf"$E\,/\,E_{{\mathrm{{RR}}}}$ at $\gamma={power}$")
    panels[0, 2].set(yscale="log", ylim=(1e7, 1e9))  # far above ridge regression
    for axes in panels[1]:
        axes.set_xlabel(r"$\rho=\|\mu\|^2$")
    figure.legend(handles=handles(LOOKS), loc="outside lower center", ncols=3)
    return figure


FIGURES = (
    Figure(
        id="F3",
        reproduces="",
        title="Weights along the signal: the gap closes, and reverses at a ridge that is not small",
        caption="Memorization error E of attention with f = sign in units of the limit of ridge regression's "
        "(grey line at 1), against the signal-to-noise ratio rho. A column a ratio p/n, a row a "
        "ridge; all parameters are ours (the paper shows weights along the signal, at parameters that "
        "are not public). Lines: limits for w_K = w_Q = t mu/|mu|; weights orthogonal to the signal "
        "have the limit of w = 0. Markers: from differences of the two errors on the same draws, n = "
        "1024, 512, 256 from left to right at standard quality, with 95 % intervals. Labels +1 and -1 "
        "(triangles) must part from their line where the shift of the argument of f, (1 + t^2) "
        "rho/sqrt p, is not small, and so do, upwards, labels on the sphere (diamonds): the limit is "
        "reached slowly (R12). A reversal at gamma = 1e-5 is an effect of finite size; the one at "
        "gamma = 1 and p/n = 1/4 is in the limit.",
        data=alignment_curves,
        draw=draw_alignment_curves,
    ),
)
