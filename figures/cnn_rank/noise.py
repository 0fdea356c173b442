"""Ranks of data and filters along the noise, and what they do not show (F1, B3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from figures.cnn_rank.shared import (
    DASHED,
    Array,
    at_ratio,
    setting,
    started,
    theory_rows,
    value_of,
    vertical,
    with_ratio,
)
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from simulations.cnn_rank import DATA_RANK, TRAINING
from theory.cnn_rank import (
    Onset,
    Start,
    data_stable_rank,
    memorisation_onset,
    noise_transition,
    weight_stable_rank,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

DATA, FILTERS, MEMORISED = "data", "filters", "memorised images"
PEAK, DOUBLED, CLEAN = "peak of the data", "data doubled", "clean rank"
QUANTILES = (np.arange(24) + 0.5) / 24
MULTIPLES = (0.16, 0.35, 0.6, 0.75, 0.85, 0.93, 1.0, 1.08, 1.3, 2.4, 5.5)
"""Noise ratios that are trained at, over the predicted onset of half of the images."""


def trained(lab: Laboratory, quality: Quality) -> tuple[Start, pd.DataFrame]:
    """Networks trained at a row of noise levels, the same draws at each; F1 and B3 show the same runs."""
    model = started(lab, setting(quality)).with_noise_ratio(1.0)
    half = float(np.median(onset_curve(model)[0]))
    more = (0.25, 0.5, 0.8, 0.89, 0.97, 1.04, 1.15, 1.6, 2.6)
    ratios = half * np.sort(
        quality(draft=(0.16, 0.35, 0.6, 1.0, 1.3, 5.5), standard=MULTIPLES, paper=(*MULTIPLES, *more))
    )
    trials = quality(draft=3, standard=4, paper=16)
    table = lab.sweep(TRAINING, [model], trials, axes={"noise": at_ratio(model, ratios)}, label=FILTERS)
    return model, with_ratio(table, model)


def onset_curve(model: Start) -> tuple[list[float], list[float]]:
    """Noise ratios, and the share of images whose own onset lies below, for the model's starts on the features.

    The largest start on a background is the largest of m P_b normal numbers: its quantiles are known.
    """
    signals = np.array(model.signals)
    m, half = model.filters, model.features
    tops = np.concatenate([signals[:m, :half].max(axis=0), signals[m:, half:].max(axis=0)])
    noise_tops = ndtri(QUANTILES ** (1.0 / (m * model.background)))
    levels: list[float] = []
    for top in np.maximum(tops, 1e-300) / (model.initial_scale * model.strength):
        names = ("signals", "kind")
        data = {name: value for name, value in model.to_data().items() if name not in names}
        levels += [
            memorisation_onset(Onset.from_data({**data, "signal_start": top, "noise_start": float(x)}))
            for x in noise_tops
        ]
    levels.sort()
    return levels, ((np.arange(len(levels)) + 0.5) / len(levels)).tolist()


def _dense(table: pd.DataFrame, points: int) -> Array:
    """Noise ratios a little beyond those trained at."""
    return np.geomspace(0.8 * table["ratio"].min(), 1.25 * table["ratio"].max(), points)


# ------------------------------------------------------------------ F1


def ranks_along_noise(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Stable ranks of patches and of filters over the noise ratio."""
    model, table = trained(lab, quality)
    dense = _dense(table, 160)
    lines = [data_stable_rank(model.with_noise_ratio(float(r))) for r in dense]
    first = onset_curve(model)[0][0]
    below = dense[dense < first]
    data = lab.sweep(
        DATA_RANK["patch_rank"],
        [model],
        quality(draft=8, standard=16, paper=64),
        axes={"noise": sorted(set(table["noise"]))},
        label=DATA,
    )
    kinds = 2 * model.features
    transition = replace(model, noise=noise_transition(model)).noise_ratio
    doubled = (model.dimension / (model.background * model.noise_dimension)) ** 0.5
    return pd.concat(
        [
            theory_rows(DATA, "rank", "ratio", dense, lines),
            theory_rows(FILTERS, "rank", "ratio", below, [weight_stable_rank(model)] * len(below)),
            theory_rows(CLEAN, "rank", "ratio", [dense[0], dense[-1]], [kinds, kinds]),
            theory_rows(PEAK, "ratio", "ratio", [transition], [transition]),
            theory_rows(DOUBLED, "ratio", "ratio", [doubled], [doubled]),
            theory_rows(MEMORISED, "ratio", "ratio", [first], [first]),
            with_ratio(data, model).assign(output="rank"),
            table[table["output"] == "filter_rank"].assign(output="rank"),
        ],
        ignore_index=True,
    )


def draw_ranks_along_noise(data: pd.DataFrame) -> mpl.Figure:
    """The data explode; the filters stay."""
    figure, axes = canvas(height=1.1)
    for series, color, label in ((DATA, "blue", "data, patches"), (FILTERS, "vermilion", "filters $W$")):
        plot_theory(axes, data, "ratio", series=series, output="rank", label="_", color=COLORS[color])
        plot_simulation(axes, data, "ratio", series=series, output="rank", label=label, color=COLORS[color])
    plot_theory(axes, data, "ratio", series=CLEAN, label="clean rank $2K$", color="black", linestyle=DASHED)
    names = {DOUBLED: "doubled", MEMORISED: "onset", PEAK: "$\\sigma_c$"}
    for i, series in enumerate(sorted(names, key=lambda series: value_of(data, series))):
        vertical(
            axes, value_of(data, series), names[series], after=i == 1
        )  # the first two may be close neighbours
    axes.set(xscale="log", yscale="log", xlabel=r"noise ratio $r=\sigma_p\sqrt{d}/s$", ylabel="stable rank",
             ylim=(1, None))  # fmt: skip
    axes.legend(loc="upper left")
    axes.set_title("Noise explodes the rank of the data, not of the filters")
    return figure


# ------------------------------------------------------------------ B3


def rank_is_not_learning(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Rank, share of the filters along the features, memorised images and test error over the noise ratio."""
    model, table = trained(lab, quality)
    wanted = ("filter_rank", "signal_energy", "memorised", "test_error", "train_loss", "test_loss")
    levels, shares = onset_curve(model)
    dense = _dense(table, 60)
    below = dense[dense < levels[0]]
    return pd.concat(
        [
            table[table["output"].isin(wanted)],
            theory_rows(FILTERS, "filter_rank", "ratio", below, [weight_stable_rank(model)] * len(below)),
            theory_rows(
                FILTERS,
                "memorised",
                "ratio",
                [dense[0], levels[0], *levels, dense[-1]],
                [0.0, 0.0, *shares, 1.0],
            ),
        ],
        ignore_index=True,
    )


def draw_rank_is_not_learning(data: pd.DataFrame) -> mpl.Figure:
    """Above the onset the rank is as low as before, and nothing of the features is learnt."""
    figure, (top, middle, bottom) = canvas(3, 1, height=1.9, sharex=True)
    _pair(top, data, ("filter_rank",), ("filters $W$",))
    top.set(ylabel="stable rank", ylim=(0, None))
    _pair(middle, data, ("signal_energy", "memorised"), ("energy along features", "memorised images"))
    middle.set(ylabel="share", ylim=(-0.05, 1.05))
    _pair(
        bottom, data, ("train_loss", "test_loss", "test_error"), ("training loss", "test loss", "test error")
    )
    bottom.set(xscale="log", xlabel=r"noise ratio $r=\sigma_p\sqrt{d}/s$", ylabel="loss, error")
    for axes, place in ((top, "lower left"), (middle, "center right"), (bottom, "upper left")):
        axes.legend(loc=place)
    figure.suptitle("A low rank does not say that the features were learnt")
    return figure


def _pair(axes: Any, data: pd.DataFrame, outputs: Iterable[str], labels: Iterable[str]) -> None:
    for output, label, name in zip(outputs, labels, ("vermilion", "blue", "green"), strict=False):
        plot_theory(axes, data, "ratio", series=FILTERS, output=output, label="_", color=COLORS[name])
        plot_simulation(axes, data, "ratio", series=FILTERS, output=output, label=label, color=COLORS[name])


_OURS = (
    "K = 2, n = 120, d = 20,000, m = 60, order 3, knee 10, initial scale .002, 9,000 steps of time 10; all "
    "parameters are ours. The starts of the filters on the features are one draw, the same in all runs; noise and "
    "the rest of the filters are new in each run and common to all noise levels. "
)
FIGURES = (
    Figure(
        id="F1",
        reproduces="rank of data and filters along the noise, synthetic data",
        title="Stable ranks of data and filters along the background noise",
        caption="Stable rank of all patches (line: R2 with the Tracy-Widom edge) and of the trained filters (line: "
        "R7 and R8 by the clocks, up to the predicted first memorised image) over the noise ratio. Dashed: the "
        "clean rank 2K, where the data's rank has doubled, the onset of memorisation (R9), the peak of the data "
        "(R2). Dots: means of "
        "runs with 95 % intervals. " + _OURS,
        data=ranks_along_noise,
        draw=draw_ranks_along_noise,
    ),
    Figure(
        id="B3",
        reproduces="",
        title="A low filter rank is not a learnt feature",
        caption="The runs of F1: stable rank of the filters, share of their energy along the features, images "
        "memorised (line: R9, the share of images whose own onset lies below the noise, which neglects what one "
        "memorised image does to the others), losses and test error. Above the onset the rank stays low although "
        "no feature is learnt. " + _OURS,
        data=rank_is_not_learning,
        draw=draw_rank_is_not_learning,
    ),
)
