"""Optimal step sizes along the depth, and the risk that they minimise (G5)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import theory_table
from simulations.context_hijacking import TRAINING_MEAN
from theory.context_hijacking import (
    Cone,
    Training,
    Tuning,
    excess_training_risk,
    leading_order_step_size,
    optimal_initial_scale,
    optimal_step_size,
)
from theory.context_hijacking.limits import residual_share

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

EXAMPLES = {1000: "blue", 200: "green", 50: "vermilion"}
EXACT, LEADING, LIMIT, RISK = "exact", "leading order", "limit", "excess"
CURVE = Tuning(1000, 10, 4, Cone(0.9))


def _product(step_size):
    """alpha n L as a function of the model."""
    return lambda model: step_size(model) * model.examples * model.depth


def _leading_order_limit(model: Tuning) -> float:
    """log(1/q): alpha n L of infinite depth."""
    return -math.log(residual_share(model))


def step_sizes(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """alpha n L along the depth; and the risk of four layers along the step size, exact and sampled."""
    depths = quality(
        draft=(1, 2, 4, 8), standard=(1, 2, 3, 4, 6, 8, 12, 16, 24), paper=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    )
    models = [Tuning(n, 10, depth, Cone(0.9)) for n in EXAMPLES for depth in depths]
    frames = [
        theory_table(_product(optimal_step_size), models, "alpha n L", label=EXACT),
        theory_table(_product(leading_order_step_size), models, "alpha n L", label=LEADING),
        theory_table(_leading_order_limit, models[:: len(depths)], "alpha n L", label=LIMIT),
    ]
    n = CURVE.examples
    model = Training(n, CURVE.dimension, CURVE.depth, 0.0, optimal_initial_scale(CURVE), CURVE.prior)
    steps = np.linspace(0.35, 1.35, quality(draft=41, standard=161, paper=321)) / n
    frames.append(
        lab.sweep(
            TRAINING_MEAN["excess"],
            [model],
            trials=quality(draft=2**10, standard=2**16, paper=2**18),
            axes={"step_size": (np.linspace(0.4, 1.3, 10) / n).tolist()},
            predict=excess_training_risk,
            predict_axes={"step_size": steps.tolist()},
            label=RISK,
        )
    )
    return pd.concat(frames, ignore_index=True)


def draw_step_sizes(data: pd.DataFrame) -> mpl.Figure:
    """Left: the product that 1/(n L) hides rises with depth. Right: two minima of one risk."""
    figure, (left, right) = canvas(1, 2, height=0.95)
    for examples, color in EXAMPLES.items():
        rows = data[data["examples"] == examples]
        plot_theory(left, rows, "depth", series=EXACT, label=f"$n={examples}$", color=COLORS[color])
        look = {"linestyle": (0, (3, 2)), "linewidth": 1.0}
        plot_theory(left, rows, "depth", series=LEADING, label="_", color=COLORS[color], **look)
        for level in rows[rows["series"] == LIMIT]["value"]:
            left.axhline(level, color=COLORS[color], linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    left.set(xscale="log", xlabel="depth $L$", ylabel=r"$\alpha_L\,n\,L$", title=r"$d=10$, $\rho=0.9$")
    left.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    left.minorticks_off()
    left.legend(loc="upper left", bbox_to_anchor=(0, 0.93))
    rows = data[data["series"] == RISK].assign(eta=lambda table: table["step_size"] * CURVE.examples)
    plot_theory(right, rows, "eta", label="exact", color=COLORS["blue"])
    plot_simulation(right, rows, "eta", label="sampled")
    right.set(yscale="log", xlabel=r"step size $\alpha n$", title="excess risk, $n=1000$, $L=4$")
    right.legend(loc="upper center")
    return figure


FIGURES = (
    Figure(
        id="G5",
        reproduces="",
        title="Optimal step sizes: what 1/(n L) hides",
        caption="Left: alpha_L n L at the exact optimum of the training risk (c = tau rho) against the depth; dashed: "
        "leading order L (1 - q^(1/L)), which rises to log(1/q) (dotted). Right: the exact excess risk of four layers "
        "against the step size has two local minima; circles: sampled prompts (labels averaged over exactly), bars: "
        "95 % intervals of the means, common draws for all step sizes.",
        data=step_sizes,
        draw=draw_step_sizes,
    ),
)
