"""Spectra and training curves (F2, F3)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from figures.cnn_rank.noise import onset_curve
from figures.cnn_rank.shared import GREY, at_ratio, setting, started, theory_rows, with_ratio
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from simulations.cnn_rank import SPECTRA, TRAINING
from theory.cnn_rank import (
    Counts,
    Data,
    Start,
    data_singular_values,
    trained_signals,
    training_loss,
    weight_stable_rank,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

RATIOS = {"low": 0.5, "middle": 2.0, "high": 8.0}
"""Noise ratios of the spectra, over the one at which the data's rank doubles."""
COLOURS = {"low": "blue", "middle": "green", "high": "vermilion"}
BELOW, ABOVE = "below the onset", "above the onset"

# ------------------------------------------------------------------ F2


def spectra(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Singular values of patches and of filters at three noise levels, with those of theory."""
    model = started(lab, setting(quality)).with_noise_ratio(1.0)
    trials = quality(draft=2, standard=4, paper=16)
    table = lab.sweep(SPECTRA, [model], trials, axes={"noise": at_ratio(model, RATIOS.values())})
    table = with_ratio(table, model)
    # one row for each singular value: 'data[17]' becomes the output 'data' at place 18
    places = [re.fullmatch(r"(\w+?)(?:\[(\d+)\])?", name) for name in table["output"]]
    table["place"] = [1.0 + int(place[2] or 0) if place else 1.0 for place in places]
    table["output"] = [place[1] if place else "" for place in places]
    table["series"] = [min(RATIOS, key=lambda name: abs(RATIOS[name] - ratio)) for ratio in table["ratio"]]
    frames = [table[table["value"] > 0.0]]
    for name, ratio in RATIOS.items():
        values = data_singular_values(model.with_noise_ratio(ratio))
        frames.append(theory_rows(name, "data", "place", range(1, 1 + len(values)), values))
    filters, first = filter_singular_values(model), onset_curve(model)[0][0]
    for name in (name for name, ratio in RATIOS.items() if ratio < first):
        frames.append(theory_rows(name, "filters", "place", range(1, 1 + len(filters)), filters))
    return pd.concat(frames, ignore_index=True)


def filter_singular_values(model: Start) -> list[float]:
    """Singular values of the filters below the onset: what is learnt, and the bulk of the start (as that of noise)."""
    learnt = np.linalg.svd(trained_signals(model), compute_uv=False) / model.strength
    rows, kinds = 2 * model.filters, 2 * model.features
    start = Data(
        features=model.features,
        images=rows,
        dimension=model.dimension,
        strength=1e-9 * model.initial_scale,  # so that the bulk alone is seen
        noise=model.initial_scale,
        counts=Counts((rows, *[0] * (kinds - 1))),
    )
    bulk = data_singular_values(start)[:rows]
    return sorted([*learnt.tolist(), *bulk.tolist()], reverse=True)[:rows]


def draw_spectra(data: pd.DataFrame) -> mpl.Figure:
    """2K values stand out of a bulk."""
    figure, both = canvas(1, 2, height=1.0)
    for axes, output, title in zip(both, ("data", "filters"), ("patches", "filters $W$"), strict=True):
        for name, ratio in RATIOS.items():
            color = COLORS[COLOURS[name]]
            plot_theory(axes, data, "place", series=name, output=output, label="_", color=color)
            plot_simulation(axes, data, "place", series=name, output=output, label=f"$r={ratio:g}$", color=color,
                            markersize=3.5, markeredgewidth=0.0, alpha=0.7)  # fmt: skip
        values = data.loc[data["output"] == output, "value"]
        axes.set(xscale="log", yscale="log", xlabel="place", title=title)
        axes.set_ylim(0.7 * values.min(), 1.5 * values.max())
    both[0].set_ylabel("singular value")
    both[1].legend()
    return figure


# ------------------------------------------------------------------ F3


def curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Losses, ranks and energy along training below and above the onset, with the clocks' below it."""
    model = started(lab, setting(quality)).with_noise_ratio(1.0)
    last, few = 3 * model.steps, quality(draft=8, standard=16, paper=32)
    marks = sorted({round(s) for s in np.geomspace(model.steps / 50, last, few)})
    model = replace(model, steps=last)
    ratios = {BELOW: 2.0 if quality is not Quality.DRAFT else 0.9, ABOVE: 4.0}
    trials = quality(draft=3, standard=3, paper=8)
    table = lab.sweep(
        TRAINING,
        [model],
        trials,
        axes={"noise": at_ratio(model, ratios.values()), "steps": [float(mark) for mark in marks]},
    )
    wanted = ("train_loss", "test_loss", "filter_rank", "signal_energy")
    table = with_ratio(table[table["output"].isin(wanted)].copy(), model)
    table["series"] = np.where(table["ratio"] > 3.0, ABOVE, BELOW)
    table["time"] = table["steps"] * model.advance
    frames = [table]
    grid = sorted(
        {round(s) for s in np.geomspace(marks[0], marks[-1], quality(draft=40, standard=90, paper=160))}
    )
    runs = [replace(model, steps=steps) for steps in grid]
    times = [run.time for run in runs]
    for output, function in (
        ("train_loss", training_loss),
        ("filter_rank", weight_stable_rank),
        ("signal_energy", energy),
    ):
        frames.append(theory_rows(BELOW, output, "time", times, [function(run) for run in runs]))
    frames.append(theory_rows("limit", "train_loss", "time", times, [model.filters / time for time in times]))
    frames.append(theory_rows("limit rank", "filter_rank", "time", times, [2 * model.features] * len(times)))
    return pd.concat(frames, ignore_index=True)


def energy(model: Start) -> float:
    """Share of the filters' energy along the features, with the mean energy of the start outside."""
    learnt = float((trained_signals(model) ** 2).sum()) / model.strength**2
    outside = 2 * model.filters * (model.dimension - 2 * model.features) * model.initial_scale**2
    return learnt / (learnt + outside)


def draw_curves(data: pd.DataFrame) -> mpl.Figure:
    """Loss falls like m/t; the rank comes down from 2m through a transition in time."""
    figure, (top, middle, bottom) = canvas(3, 1, height=1.9, sharex=True)
    plot_theory(top, data, "time", series="limit", label="$m/t$", color="black", linestyle=(0, (4, 3)))
    for axes, outputs in (
        (top, (("train_loss", "o"), ("test_loss", "D"))),
        (middle, (("filter_rank", "o"),)),
        (bottom, (("signal_energy", "o"),)),
    ):
        for output, marker in outputs:
            for series, color in ((BELOW, "blue"), (ABOVE, "vermilion")):
                plot_theory(axes, data, "time", series=series, output=output, label="_", color=COLORS[color])
                plot_simulation(
                    axes, data, "time", series=series, output=output, label=series if axes is middle else "_",
                    color=COLORS[color], marker=marker, filled=marker == "o",
                )  # fmt: skip
    plot_theory(middle, data, "time", series="limit rank", label="$2K$", color="black", linestyle=(0, (4, 3)))
    top.set(xscale="log", yscale="log", ylabel="loss")
    middle.set(yscale="log", ylabel="stable rank of $W$")
    bottom.set(xlabel="time $t$", ylabel="energy along features", ylim=(-0.05, 1.05))
    for marker, label in (("o", "training"), ("D", "test")):
        top.plot([], [], marker, color=GREY, markerfacecolor=GREY if marker == "o" else "none", label=label)
    top.legend(loc="lower left")
    middle.legend()
    return figure


_OURS = (
    "K = 2, n = 120, d = 20,000, m = 60, order 3, knee 10, initial scale .002, steps of time 10; all parameters are "
    "ours. The starts of the filters on the features are one draw, the same in all runs. "
)
FIGURES = (
    Figure(
        id="F2",
        reproduces="singular values of data and filters",
        title="Singular values of patches and of trained filters",
        caption="Singular values in falling order at noise ratios r = .5, 2 and 8. Lines: 2K features, and the "
        "quantiles of the Marchenko-Pastur law (of the noise; of the filters' start, R2, R8); the filters' are "
        "drawn below the onset of memorisation. Dots: means of runs. At r = 8 no feature is learnt, and yet few "
        "values stand out. " + _OURS,
        data=spectra,
        draw=draw_spectra,
    ),
    Figure(
        id="F3",
        reproduces="training curves",
        title="Losses, stable rank and energy of the filters along training",
        caption="Training loss (dots) and test loss (diamonds), stable rank of the filters, and share of their "
        "energy along the features, over time; lines: the clocks (R5-R8). Below the onset (r = 2) the loss tends "
        "to m/t (R6), and the rank falls from 2m to 2K through a transition in time; above it (r = 4) the training "
        "loss falls as well, and "
        "nothing is learnt of the features. " + _OURS,
        data=curves,
        draw=draw_curves,
    ),
)
