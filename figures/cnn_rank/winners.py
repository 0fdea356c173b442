"""When the rank of the filters is 2K, and when it is not (B1, B2)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from figures.cnn_rank.shared import DASHED, GREY, started, theory_rows
from lemmata.confidence import wilson
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation
from lemmata.tables import COLUMNS
from lemmata.tally import Collect
from simulations.cnn_rank import TRAINING, WINNERS
from theory.cnn_rank import (
    Start,
    Training,
    WinnerTakesAll,
    collision_law,
    escape_times,
    signal_stable_rank,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

Array = npt.NDArray[np.float64]

LOSS = 0.01
"""Loss of a feature with one winner at the time of the phase diagram."""
CRITERION, DIAGRAM = "criterion", "diagram"
TRAINED, BINS = "trained networks", "winners at the start"

# ------------------------------------------------------------------ B1


def phase_diagram(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Stable rank over 2K at the same starts, scaled, by the clocks; and by training at a few places."""
    features, filters = quality(draft=(2, 12), standard=(4, 50), paper=(4, 50))
    unit = Training(
        features=features, images=2 * features, dimension=100, filters=filters, knee=1.0, initial_scale=1.0
    )
    unit = started(lab, unit)
    scales = np.geomspace(1e-4, 1.0, quality(draft=7, standard=17, paper=21))
    knees = np.geomspace(0.01, 10.0, quality(draft=5, standard=13, paper=16))
    step = quality(draft=3, standard=4, paper=3)
    lines: list[dict[str, float]] = []
    frames: list[pd.DataFrame] = []
    for i, scale in enumerate(scales):
        for j, knee in enumerate(knees):
            model = _at(unit, float(scale), float(knee))
            rank = signal_stable_rank(model) / (2 * features)
            lines.append({"scale": scale, "knee": knee, "value": rank})
            if (i + step // 2) % step == 0 and (j + step // 2) % step == 0:
                trained = lab.sweep(TRAINING["signal_rank"], [model], 1, label=TRAINED)
                value = trained["value"] / (2 * features)  # of given starts without noise: no chance is left
                alone = {"value": value, "lo": value, "hi": value, "se": 0.0, "trials": 1}
                frames.append(trained.assign(scale=scale, knee=knee, **alone))
    curve = np.geomspace(0.01, 10.0, 60)
    log = 2.0 * math.log(filters)
    border = 1.0 / (log**1.5 * (1.0 + math.log(1.0 / LOSS) / curve))
    table = pd.DataFrame(lines).assign(series=DIAGRAM, output="signal_rank", kind="theory", trials=0)
    frames += [
        table.reindex(columns=["series", "scale", "knee", *COLUMNS]),
        theory_rows(CRITERION, "knee", "scale", border, curve).assign(knee=curve),
    ]
    return pd.concat(frames, ignore_index=True)


def _at(unit: Start, scale: float, knee: float) -> Start:
    """The unit training with knee and starts scaled, past every escape and to the loss of the diagram."""
    kappa = knee * unit.filters
    signals = scale * kappa * np.array(unit.signals)
    model = replace(
        unit,
        knee=kappa,
        initial_scale=scale * kappa,
        signals=tuple(map(tuple, signals.tolist())),
        steps=1,
    ).advancing(min(kappa, 1.0 * unit.filters))
    times = escape_times(model)
    latest = float(times[np.isfinite(times)].max(initial=0.0)) + unit.filters / LOSS
    return replace(model, steps=math.ceil(latest / model.advance))


def draw_phase_diagram(data: pd.DataFrame) -> mpl.Figure:
    """From one winner for each feature (left) to filters that share them all (right)."""
    figure, axes = canvas(height=1.1)
    grid = data[data["series"] == DIAGRAM].pivot_table(index="knee", columns="scale", values="value")
    low = min(float(data.loc[data["series"] != CRITERION, "value"].min()), 0.5)
    look = {"cmap": "viridis", "vmin": low, "vmax": 1.0}
    mesh = axes.pcolormesh(
        grid.columns, grid.index, grid.to_numpy(), shading="nearest", rasterized=True, **look
    )
    marks = data[data["series"] == TRAINED]
    axes.scatter(marks["scale"], marks["knee"], c=marks["value"], edgecolors="white", s=60, zorder=4, **look)
    curve = data[data["series"] == CRITERION]
    axes.plot(curve["scale"], curve["knee"], color="white", linestyle=DASHED)
    bar = figure.colorbar(mesh, ax=axes)
    bar.set_label("stable rank of $WU$ over $2K$")
    axes.set(xscale="log", yscale="log", xlabel=r"start $\sigma_0 s/\kappa$", ylabel=r"knee $\kappa/m$")
    scales = grid.columns.to_numpy(dtype=float)
    axes.set_xlim(scales.min() / 1.3, scales.max() * 1.3)
    axes.set_title("One winner for each feature, or growth that is shared")
    axes.grid(visible=False)
    return figure


# ------------------------------------------------------------------ B2


def collisions(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """How often the busiest filter serves L features, and the stable ranks of the same runs."""
    features, filters = quality(draft=(4, 12), standard=(4, 50), paper=(4, 50))
    model = Training(
        features=features, images=2 * features, dimension=10**6, filters=filters, knee=100.0, initial_scale=0.1,
        steps=quality(draft=2500, standard=4000, paper=4000),
    ).advancing(100.0)  # fmt: skip
    trials = quality(draft=48, standard=256, paper=2048)
    runs = lab.estimate(TRAINING, model, trials, collect=Collect(rows=("max_load", "signal_rank")))
    ranks = runs["signal_rank"].rows
    start = lab.samples(WINNERS["max_load"], model, quality(draft=1000, standard=4000, paper=40000))
    law = collision_law(WinnerTakesAll(features, filters))
    loads = np.arange(1.0, features + 1.0)
    busiest = runs["max_load"].rows
    edges = np.linspace(1.0, 2 * features, 8 * features - 3)
    return pd.concat(
        [
            theory_rows("law", "share", "x", loads, law),
            theory_rows("limits", "rank", "x", 2 * features / loads, 2 * features / loads),
            _shares(TRAINED, "share", loads, (busiest[:, None] == loads).sum(axis=0), len(busiest)),
            _shares(BINS, "share", loads, (start[:, None] == loads).sum(axis=0), len(start)),
            _shares(
                TRAINED, "rank", 0.5 * (edges[1:] + edges[:-1]), np.histogram(ranks, edges)[0], len(ranks)
            ),
        ],
        ignore_index=True,
    )


def _shares(series: str, output: str, x: Array, hits: Array, trials: int) -> pd.DataFrame:
    """Shares of trials with their 95 % intervals (Wilson)."""
    interval = wilson(hits, trials, 0.05)
    data = {
        "series": series, "x": x, "output": output, "kind": "simulation", "value": hits / trials,
        "se": (interval.high - interval.low) / 3.92, "lo": interval.low, "hi": interval.high, "trials": trials,
    }  # fmt: skip
    return pd.DataFrame(data, columns=["series", "x", *COLUMNS])


def draw_collisions(data: pd.DataFrame) -> mpl.Figure:
    """Left: the law of the busiest filter. Right: ranks below 2K/L."""
    figure, (left, right) = canvas(1, 2, height=1.0)
    law = data[data["series"] == "law"]
    left.bar(law["x"], law["value"], width=0.8, color=COLORS["sky"], alpha=0.6, label="exact law", zorder=2)
    plot_simulation(left, data, "x", series=TRAINED, output="share", label="trained")
    plot_simulation(left, data, "x", series=BINS, output="share", label="by start", color="black", marker="D",
                    filled=False, markersize=5)  # fmt: skip
    left.set(xlabel="features $L$ of one filter", ylabel="share of runs", xticks=law["x"])
    left.legend(loc="upper right")
    for limit in data.loc[data["series"] == "limits", "x"]:
        right.axvline(limit, color=GREY, linestyle=DASHED, linewidth=0.8, zorder=1)
    plot_simulation(right, data, "x", series=TRAINED, output="rank", label=TRAINED)
    right.set(xlabel="stable rank of $WU$", ylabel="share of runs in a bin")
    return figure


FIGURES = (
    Figure(
        id="B1",
        reproduces="",
        title="Where the filters' stable rank is 2K",
        caption="Stable rank of the filters along the features over 2K, by the clocks (R5, R7) from one draw of "
        "starts, scaled, at the time m/.01 after the last escape (1 is reached like 1/log t); circles: gradient "
        "descent from the same starts. Left of the dashed curve the criterion of R7 promises one winner for each "
        "feature. Order 3, K = 4, m = 50, no noise; all parameters are ours.",
        data=phase_diagram,
        draw=draw_phase_diagram,
    ),
    Figure(
        id="B2",
        reproduces="",
        title="Balls in bins: features that one filter wins",
        caption="Left: probability that the busiest filter wins L features (bars: R7, exact), its share among "
        "trained networks, and among starts by their largest pre-activations. Right: stable ranks of the networks; "
        "the limits 2K/L (dashed) are reached like 1/log t. Order 3, K = 4, m = 50, "
        "knee 100, initial scale .1, 4,000 steps of time 100; all parameters are ours. Bars: 95 % intervals.",
        data=collisions,
        draw=draw_collisions,
    ),
)
