"""What filters have learnt beyond the onset, from common to astronomical dimensions (B4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from figures.cnn_rank.shared import DASHED, noisy_start, theory_rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from simulations.cnn_rank import TRAINING
from theory.cnn_rank import Training, data_stable_rank, learned_stable_rank

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

RATIO = 4.0
ORTHOGONAL, RUNS, DATA, CLEAN = "orthogonal patches", "gradient descent", "data", "clean rank"


def dimensions(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Stable rank of W - W(0) over the dimension, all patches as long and all starts the same."""
    images, filters = quality(draft=(16, 8), standard=(60, 30), paper=(60, 30))
    model = Training(features=2, images=images, dimension=10**12, filters=filters, initial_scale=2e-2)
    # a noise patch has a clock that is 2K r^2/n times as fast as a feature's
    advance, steps = quality(draft=(2.5, 3000), standard=(10.0, 2000), paper=(10.0, 2000))
    model = replace(model, steps=steps).advancing(advance).with_noise_ratio(RATIO)
    model = noisy_start(lab, model)
    powers = quality(draft=range(3, 13, 3), standard=range(3, 13), paper=range(3, 13))
    models = [replace(model, dimension=round(10.0**power)).with_noise_ratio(RATIO) for power in powers]
    trials = quality(draft=3, standard=12, paper=48)
    table = lab.sweep(TRAINING["learned_rank"], models, trials, label=RUNS)
    places = [10.0**power for power in powers]
    ends = [places[0], places[-1]]
    return pd.concat(
        [
            table,
            theory_rows(ORTHOGONAL, "learned_rank", "dimension", ends, [learned_stable_rank(model)] * 2),
            theory_rows(DATA, "learned_rank", "dimension", places, [data_stable_rank(run) for run in models]),
            theory_rows(CLEAN, "learned_rank", "dimension", ends, [2 * model.features] * 2),
        ],
        ignore_index=True,
    )


def draw_dimensions(data: pd.DataFrame) -> mpl.Figure:
    """First winners win everything, unless patches are orthogonal."""
    figure, axes = canvas(height=1.0)
    plot_theory(axes, data, "dimension", series=DATA, label="data", color=COLORS["blue"])
    plot_theory(axes, data, "dimension", series=ORTHOGONAL, label=r"$W-W(0)$, orthogonal patches",
                color=COLORS["vermilion"])  # fmt: skip
    plot_theory(axes, data, "dimension", series=CLEAN, label="$2K$", color="black", linestyle=DASHED)
    plot_simulation(axes, data, "dimension", series=RUNS, label=r"$W-W(0)$, gradient descent")
    axes.set(
        xscale="log", yscale="log", xlabel="dimension $d$ of a patch", ylabel="stable rank", ylim=(1, 1500)
    )
    axes.legend(loc="upper left")
    axes.set_title("Images are memorised one by one at huge $d$ alone")
    return figure


FIGURES = (
    Figure(
        id="B4",
        reproduces="",
        title="Stable rank of what is learnt beyond the onset, over the dimension",
        caption="Stable rank of W - W(0) at noise ratio r = 4, beyond every image's onset, with dots for runs of "
        "gradient descent on inner products, whose cost knows no dimension. Line: the joint clocks of features and "
        "noise (R9), exact for orthogonal patches. At common dimensions the first winners win everything and the "
        "rank stays low. K = 2, n = 60, m = 30, order 3, knee 10, initial scale .02, 2,000 steps of time 10; all "
        "parameters are ours. The starts on features and noise are one draw, the same at every dimension.",
        data=dimensions,
        draw=draw_dimensions,
    ),
)
