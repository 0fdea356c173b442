"""Where depth helps: the phase diagram (G2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemmata.pictures import Figure, Quality, canvas
from lemmata.tables import theory_table
from theory.context_hijacking import Cone, Depths, Fixed, depth_helps, half_error_gain

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

DIMENSION, MARGIN = 10, 0.5
GAIN, BOUNDARY = "log N50(8)/N50(1)", "q - kappa_c"


def phase_diagram(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """The exact change of N50 and the leading-order rule, over training length and angle of the prior."""
    count = quality(draft=8, standard=28, paper=60)
    examples = sorted({round(n) for n in np.geomspace(10, 1000, count)})
    angles = np.geomspace(0.03, 0.63, count)
    models = [
        Depths(n, DIMENSION, Cone(math.cos(angle)), Fixed(MARGIN)) for n in examples for angle in angles
    ]
    frames = [theory_table(half_error_gain, models, GAIN), theory_table(depth_helps, models, BOUNDARY)]
    table = pd.concat(frames, ignore_index=True)
    return table.assign(angle=np.arccos(table["prior.correlation"]))


def draw_phase_diagram(data: pd.DataFrame) -> mpl.Figure:
    """Colour: exact; line: where the leading-order rule changes its sign."""
    figure, axes = canvas()
    grids = {
        output: data[data["output"] == output].pivot(index="angle", columns="examples", values="value")
        for output in (GAIN, BOUNDARY)
    }
    gain, rule = grids[GAIN], grids[BOUNDARY]
    x, y = gain.columns.to_numpy() / DIMENSION, gain.index.to_numpy()
    most = float(np.abs(gain.to_numpy()).max())
    mesh = axes.pcolormesh(x, y, gain.to_numpy(), cmap="RdBu", vmin=-most, vmax=most, shading="nearest")
    axes.contour(x, y, rule.to_numpy(), levels=[0.0], colors="black", linewidths=1.5)
    axes.contour(x, y, gain.to_numpy(), levels=[0.0], colors="black", linewidths=1.0, linestyles="dotted")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="training examples per dimension $n/d$",
        ylabel=r"angle of the prior, $\arccos\rho$",
        title=rf"$d={DIMENSION}$, $s={MARGIN}$",
    )
    axes.grid(visible=False)
    axes.annotate("depth helps", (1.3, 0.04))
    axes.annotate("depth hurts", (20, 0.35), color="white")
    figure.colorbar(mesh, ax=axes, label=r"$\log\,N_{50}(8)/N_{50}(1)$")
    return figure


FIGURES = (
    Figure(
        id="G2",
        reproduces="",
        title="Where depth helps: the phase diagram",
        caption="Colour: logarithm of the ratio of N50, the number of hijackers at which half of the answers are "
        "wrong, at eight layers and at one, from exact errors at exact optimal step sizes; blue where depth helps. "
        "Axes: length of the training prompts, and angle between task and prior. Solid: the leading-order boundary "
        "1 - s tau rho^2 = v/(B+v). Dotted: where the exact ratio is 1. Exact values only, nothing is sampled.",
        data=phase_diagram,
        draw=draw_phase_diagram,
    ),
)
