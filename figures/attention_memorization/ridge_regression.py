"""Figures of arXiv 2506.18656: ridge regression's memorization error against its limit (Fig. 1a-c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import rcParams

from figures.attention_memorization.layers import with_strip
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import theory_table
from simulations.attention_memorization import RIDGE_REGRESSION, RIDGE_REGRESSION_LITERAL
from theory.attention_memorization import RidgeRegression, ridge_regression_error

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

CHAIN, LITERAL = "exact chain", "literal"
ERROR = RIDGE_REGRESSION["error"]
LITERAL_ERROR = RIDGE_REGRESSION_LITERAL["error"]
RATIO = "error / limit"

_MARKERS = (
    "Line: limit of Proposition 2. Filled circles: mean of many draws of the exact finite-size law. Open diamonds: "
    "mean of a few literal draws of all tokens. Bars: 95 % intervals of the means; the data beside the picture have "
    "the numbers of draws."
)


def _with_ratios(data: pd.DataFrame, x: str, model: RidgeRegression) -> pd.DataFrame:
    """The table, and the simulated means in units of the limit beside it."""
    simulated = data[data["kind"] == "simulation"]
    limits = [ridge_regression_error(replace(model, **{x: value})) for value in simulated[x]]
    numbers = ["value", "se", "lo", "hi"]
    ratios = simulated.assign(output=RATIO, **{name: simulated[name] / limits for name in numbers})
    ends = data[data["kind"] == "theory"].sort_values(x).iloc[[0, -1]].assign(output=RATIO, value=1.0)
    return pd.concat([data, ends, ratios], ignore_index=True)


def _draw_curves(axes: Axes, data: pd.DataFrame, x: str, output: str = ERROR.name) -> None:
    plot_theory(axes, data, x, output=output, label="limit (theory)", color=COLORS["blue"])
    plot_simulation(axes, data, x, series=CHAIN, output=output, label="exact finite-size law (simulation)")
    size = 1.55 * rcParams["lines.markersize"]
    look = {"color": COLORS["black"], "marker": "D", "filled": False, "markersize": size}
    plot_simulation(axes, data, x, series=LITERAL, output=output, label="literal simulation", **look)


def _sweep(
    lab: Laboratory,
    quality: Quality,
    theory: Sequence[RidgeRegression],
    chain: Sequence[RidgeRegression],
    literal: Sequence[RidgeRegression],
) -> pd.DataFrame:
    """A dense line, and both simulations at their own models."""
    trials = quality(draft=64, standard=1000, paper=10_000)
    draws = quality(draft=2, standard=3, paper=20)
    frames = [
        theory_table(ridge_regression_error, theory, ERROR.name, label="limit"),
        lab.sweep(ERROR, chain, trials, label=CHAIN),
        lab.sweep(LITERAL_ERROR, literal, draws, label=LITERAL),
    ]
    return pd.concat(frames, ignore_index=True)


# ------------------------------------------------------------------ F1a: along the ridge


def ridge_curve(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Error along the ridge; one draw serves all ridges."""
    model = RidgeRegression(tokens=512, dimension=2048, ridge=1.0, snr=1.0)
    chain = lab.sweep(
        ERROR,
        [model],
        trials=quality(draft=64, standard=1000, paper=10_000),
        axes={"ridge": np.geomspace(1e-5, 1e2, 22).tolist()},
        predict=ridge_regression_error,
        predict_axes={"ridge": np.geomspace(1e-5, 1e2, 281).tolist()},
        label=CHAIN,
    )
    literal = lab.sweep(
        LITERAL_ERROR,
        [model],
        trials=quality(draft=2, standard=4, paper=20),
        axes={"ridge": np.geomspace(1e-5, 1e2, 8).tolist()},
        label=LITERAL,
    )
    return _with_ratios(pd.concat([chain, literal], ignore_index=True), "ridge", model)


def draw_ridge_curve(data: pd.DataFrame) -> mpl.Figure:
    """Log-log: slope 2 while the probe interpolates, saturation at 1."""
    figure, axes, strip = with_strip(r"$E$ / limit")
    _draw_curves(axes, data, "ridge")
    _draw_curves(strip, data, "ridge", RATIO)
    strip.set(xlabel=r"ridge $\gamma$")
    axes.set(
        xscale="log",
        yscale="log",
        ylabel=r"memorization error $E$",
        title=r"Ridge regression, $p=2048$, $n=512$, $\rho=1$",
    )
    axes.legend(loc="lower right")
    return figure


# ------------------------------------------------------------------ F1b: along the dimension


def dimension_curve(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Error along the embedding dimension, with more points where the curve bends at p = n."""

    def models(dimensions: Sequence[float]) -> list[RidgeRegression]:
        return [RidgeRegression(tokens=4096, dimension=round(p), ridge=1e-5, snr=1.0) for p in dimensions]

    wide = np.geomspace(128, 16384, 113)
    bend = 4096 + 4096 * np.concatenate([-np.geomspace(0.4, 0.002, 50), [0.0], np.geomspace(0.002, 0.4, 50)])
    dense = sorted({round(p) for p in (*wide, *bend)})
    sparse = quality(
        draft=[256, 1024, 2048, 3072, 4096, 6144, 16384],
        standard=[128, 256, 512, 1024, 1536, *range(2048, 5121, 512), 3840, 4352, 6144, 8192, 16384],
        paper=[*np.geomspace(128, 16384, 29), 3300, 3700, 3900, 4000, 4200, 4300, 4500],
    )
    literal = quality(
        draft=[256, 1024],
        standard=[256, 1024, 2048, 3072, 4096, 6144],
        paper=[128, 256, 512, 1024, 2048, 3072, 3584, 4096, 4608, 5120, 6144, 8192],
    )
    return _sweep(lab, quality, models(dense), models(sparse), models(literal))


def draw_dimension_curve(data: pd.DataFrame) -> mpl.Figure:
    """Above, a linear axis shows the straight fall to p = n; below, a logarithmic one the ridge-squared error."""
    figure, (top, bottom) = canvas(2, 1, height=1.45, sharex=True)
    for axes in (top, bottom):
        _draw_curves(axes, data, "dimension")
        axes.axvline(4096, color="#888888", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    top.set(ylabel=r"memorization error $E$", ylim=(-0.02, 0.54))
    top.set_title(r"Ridge regression, $n=4096$, $\gamma=10^{-5}$, $\rho=1$")
    top.annotate("$p=n$", (4096, 0.5), xytext=(4, 0), textcoords="offset points", va="top", color="#666666")
    top.annotate(r"$(1-p/n)/(1+\rho)$", (1850, 0.235), ha="right", va="top")
    bottom.set(
        xscale="log", yscale="log", xlabel=r"embedding dimension $p$", ylabel=r"memorization error $E$"
    )
    bottom.annotate(r"$\propto\gamma^2$", (9000, 4e-10))
    ticks = [128, 256, 512, 1024, 2048, 4096, 8192, 16384]
    bottom.set_xticks(ticks, [str(tick) for tick in ticks])
    bottom.minorticks_off()
    bottom.legend(loc="lower left")
    return figure


# ------------------------------------------------------------------ F1c: along the signal-to-noise ratio


def snr_curve(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Error along the signal-to-noise ratio."""

    def models(count: int) -> list[RidgeRegression]:
        snrs = np.geomspace(1e-2, 1e2, count)
        return [RidgeRegression(tokens=2048, dimension=512, ridge=1e-5, snr=snr) for snr in snrs]

    chain, literal = quality(draft=(5, 3), standard=(17, 9), paper=(33, 17))
    data = _sweep(lab, quality, models(161), models(chain), models(literal))
    return _with_ratios(data, "snr", models(1)[0])


def draw_snr_curve(data: pd.DataFrame) -> mpl.Figure:
    """Log-log: flat at 1 - p/n without signal, slope -1 with a strong one."""
    figure, axes, strip = with_strip(r"$E$ / limit")
    _draw_curves(axes, data, "snr")
    _draw_curves(strip, data, "snr", RATIO)
    strip.set(xlabel=r"signal-to-noise ratio $\rho=\|\mu\|^2$")
    axes.set(
        xscale="log",
        yscale="log",
        ylabel=r"memorization error $E$",
        title=r"Ridge regression, $p=512$, $n=2048$, $\gamma=10^{-5}$",
    )
    axes.legend(loc="lower left")
    return figure


FIGURES = (
    Figure(
        id="F1a",
        reproduces="Fig. 1a",
        title="Ridge regression: memorization error along the ridge",
        caption="Memorization error E of ridge regression against the ridge gamma. The paper's parameters: p = 2048, "
        "n = 512, squared signal norm 1. Ours: the range and grid of ridges, the exact finite-size law, and the strip "
        "below, the means in units of the limit (one draw of the tokens serves all ridges, so "
        "neighbouring markers of a kind go together). " + _MARKERS,
        data=ridge_curve,
        draw=draw_ridge_curve,
    ),
    Figure(
        id="F1b",
        reproduces="Fig. 1b",
        title="Ridge regression: memorization error along the dimension",
        caption="Memorization error E of ridge regression against the embedding dimension p, on a linear and on a "
        "logarithmic axis. The paper's parameters: n = 4096, gamma = 1e-5, squared signal norm 1. Ours: the grid of "
        "dimensions, the second axis, and the exact finite-size law. Below p = n the error is (1 - p/n) / (1 + rho) "
        "up to the ridge, above it falls like gamma squared. " + _MARKERS,
        data=dimension_curve,
        draw=draw_dimension_curve,
    ),
    Figure(
        id="F1c",
        reproduces="Fig. 1c",
        title="Ridge regression: memorization error along the signal-to-noise ratio",
        caption="Memorization error E of ridge regression against the signal-to-noise ratio, the squared norm of the "
        "signal. The paper's parameters: p = 512, n = 2048, gamma = 1e-5. Ours: the range and grid of ratios, the "
        "exact finite-size law, and the strip below, the means in units of the limit. " + _MARKERS,
        data=snr_curve,
        draw=draw_snr_curve,
    ),
)
