"""The paper's figures on accuracy: Figs. 2, 3, 4 and 6 from the exact theory and from simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.context_hijacking.shared import (
    ACCURACY,
    LOOKS,
    MARKERS,
    TURNS,
    accuracy_of,
    draw_depths,
    error_curves,
    hijacked,
    rows,
    searched_step_sizes,
    theory,
)
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from simulations.context_hijacking import CLEAN_ACCURACY
from theory.context_hijacking import (
    CleanContext,
    NormalisedGaussian,
    Training,
    Tuning,
    clean_accuracy,
    optimal_step_size,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

PRIOR = NormalisedGaussian(0.1)
DIMENSION = 20
SHOWN = tuple(LOOKS)
GREY = "#777777"

# ------------------------------------------------------------------ F2: step sizes and accuracy along the depth

PANELS = (10, 30, 50)
DIMENSIONS = (15, 20, 25)
HIJACKERS = 5
STEP = "step_size"
READ_STEPS = {  # read off the published figure
    10: (0.0012, 0.0006, 0.0004, 0.0003, 0.00024, 0.0002, 0.00017, 0.00015),
    30: (0.0007, 0.00036, 0.00024, 0.00018, 0.00015, 0.00012, 0.0001, 0.00009),
    50: (0.00034, 0.00017, 0.00012, 0.00009, 0.00007, 0.00006, 0.00005, 0.00004),
}
READ_ACCURACY = {
    10: (0.49, 0.64, 0.69, 0.69, 0.72, 0.725),
    30: (0.35, 0.66, 0.76, 0.80, 0.79, 0.84),
    50: (0.63, 0.88, 0.90, 0.92, 0.945, 0.94),
}


def step_sizes(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Best step size and accuracy after hijackers, along the depth."""
    depths = quality(draft=(1, 2, 4, 8), standard=tuple(range(1, 9)), paper=tuple(range(1, 9)))
    prompts = quality(draft=2**10, standard=2**14, paper=2**17)
    queries = quality(draft=2**12, standard=2**17, paper=2**20)
    totals = np.linspace(4e-4, 1.2e-3, quality(draft=3, standard=7, paper=13)).tolist()
    parts: list[pd.DataFrame] = []
    for n in PANELS:
        for d in DIMENSIONS:
            models = {depth: Tuning(n, d, depth, PRIOR) for depth in depths}
            parts.append(theory(optimal_step_size, models, STEP, "depth", examples=n, dimension=d))
        model = hijacked(n, DIMENSION, PRIOR, 0.1, depths)
        start = Training(n, DIMENSION, 1, 1e-3, model.initial_scale, PRIOR)
        place = {"examples": n, "dimension": DIMENSION}
        parts.append(searched_step_sizes(lab, start, depths, totals, prompts).assign(**place))
        after = error_curves(lab, model, depths, [HIJACKERS], [HIJACKERS], queries).assign(**place)
        parts.append(accuracy_of(after))
        for output, read in ((STEP, READ_STEPS), (ACCURACY, READ_ACCURACY)):
            parts.append(rows("published", output, "depth", enumerate(read[n], 1), **place))
    return pd.concat(parts, ignore_index=True)


def draw_step_sizes(data: pd.DataFrame) -> mpl.Figure:
    """Step sizes above, accuracies below, a column for each length of the training prompts."""
    figure, grid = canvas(2, 3, height=1.25, sharex=True, sharey="row")
    styles = {15: (0, (1, 1.2)), 20: "-", 25: (0, (5, 1.5))}
    for n, (top, bottom) in zip(PANELS, grid.T, strict=True):
        panel = data[data["examples"] == n]
        for d in DIMENSIONS:
            chosen = panel[panel["dimension"] == d]
            look = {"color": COLORS["blue"], "linestyle": styles[d]}
            plot_theory(top, chosen, "depth", output=STEP, label=f"$d={d}$, exact", **look)
        plot_simulation(top, panel, "depth", output=STEP, label="grid search, $d=20$")
        plot_theory(bottom, panel, "depth", output=ACCURACY, label="exact", color=COLORS["blue"])
        plot_simulation(bottom, panel, "depth", output=ACCURACY, label="simulation")
        for axes, output in ((top, STEP), (bottom, ACCURACY)):
            _draw_published(axes, panel[panel["output"] == output], "depth")
        top.set(title=f"$n={n}$", yscale="log")
        bottom.set(xlabel="layers $L$", ylim=(0.3, 1.0), xticks=[1, 2, 4, 6, 8])
    grid[0, 0].set_ylabel(r"step size $\alpha$")
    grid[1, 0].set_ylabel(f"accuracy, $N={HIJACKERS}$")
    grid[0, 2].legend(loc="upper right", fontsize="x-small")
    grid[1, 0].legend(loc="upper left", fontsize="x-small")
    return figure


def _draw_published(axes: Axes, data: pd.DataFrame, x: str) -> None:
    chosen = data[data["kind"] == "published"]
    look = {"marker": "x", "linestyle": "none", "color": GREY, "markersize": 4, "label": "published"}
    axes.plot(chosen[x].to_numpy(), chosen["value"].to_numpy(), **look)


# ------------------------------------------------------------------ F3, F6: accuracy along the hijackers

SPARSE = (0, 1, 2, 4, 6, 8, 10, 14, 20, 28, 40, 56, 80, 112, 160)
DENSE = (*range(12), *range(12, 24, 2), *range(24, 56, 4), *range(56, 161, 8))


def hijacker_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Accuracy along the number of hijackers, for four lengths of the training prompts."""
    return _accuracy_panels(lab, quality, [(n, 0.1) for n in (10, 20, 30, 40)])


def margin_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Accuracy along the number of hijackers, for four margins of the query."""
    return _accuracy_panels(lab, quality, [(40, s) for s in (0.8, 0.4, 0.2, 0.1)])


def _accuracy_panels(lab: Laboratory, quality: Quality, panels: list[tuple[int, float]]) -> pd.DataFrame:
    dense = quality(draft=DENSE[::6], standard=DENSE, paper=tuple(range(161)))
    sparse = quality(draft=(0, 10, 40, 160), standard=SPARSE, paper=DENSE)
    trials = quality(draft=2**12, standard=2**15, paper=2**18)
    parts = [
        error_curves(
            lab,
            hijacked(n, DIMENSION, PRIOR, s, SHOWN),
            SHOWN,
            dense,
            sparse,
            trials,
        ).assign(examples=n, margin=s)
        for n, s in panels
    ]
    return accuracy_of(pd.concat(parts, ignore_index=True))


def _draw_panels(data: pd.DataFrame, column: str, title: str) -> mpl.Figure:
    figure, grid = canvas(2, 2, height=1.3, sharex=True, sharey=True)
    for value, axes in zip(dict.fromkeys(data[column]), grid.flat, strict=True):
        draw_depths(axes, data[data[column] == value], "hijackers")
        axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axes.set_title(title.format(value))
        axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        axes.set(ylim=(-0.03, 1.03), xlim=(0, 170), xticks=[0, 5, 20, 40, 80, 120, 160])
    for axes in grid[1]:
        axes.set_xlabel("hijackers $N$")
    for axes in grid[:, 0]:
        axes.set_ylabel("accuracy")
    grid[0, 1].legend(loc="upper right")
    return figure


def draw_hijacker_curves(data: pd.DataFrame) -> mpl.Figure:
    """A panel for each length of the training prompts."""
    return _draw_panels(data, "examples", "$n={}$")


def draw_margin_curves(data: pd.DataFrame) -> mpl.Figure:
    """A panel for each margin."""
    return _draw_panels(data, "margin", r"$|\sigma|={}$")


# ------------------------------------------------------------------ F4: clean prompts

LEVELS = {3: 0.945, 5: 0.999}  # at which the published curves of L = 3 and of L >= 5 settle
CLEAN_PANELS = (30, 40)
LONGEST = 160


def clean_curves(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Accuracy on clean prompts along their length."""
    dense = range(0, LONGEST + 1, quality(draft=40, standard=4, paper=1))
    sparse = quality(draft=(0, 40, 80, 160), standard=tuple(range(0, 161, 10)), paper=tuple(range(0, 161, 5)))
    trials = quality(draft=64, standard=2000, paper=20_000)
    parts: list[pd.DataFrame] = []
    for n in CLEAN_PANELS:
        best = hijacked(n, DIMENSION, PRIOR, 0.1, SHOWN)
        parameters = (best.step_size, best.initial_scale, PRIOR, best.steps)

        contexts = [CleanContext(length, DIMENSION, SHOWN[0], *parameters) for length in sparse]
        table = lab.sweep(CLEAN_ACCURACY[ACCURACY], contexts, trials, axes={"depth": list(SHOWN)}).rename(
            columns={"examples": "length"}
        )
        parts.append(table.assign(examples=n))
        for depth in SHOWN:
            models = {length: CleanContext(length, DIMENSION, depth, *parameters) for length in dense}
            parts.append(theory(clean_accuracy, models, ACCURACY, "length", examples=n, depth=depth))
        for depth, level in LEVELS.items():
            parts.append(rows("published", ACCURACY, "length", [(LONGEST, level)], examples=n, depth=depth))
    return pd.concat(parts, ignore_index=True)


_BESIDE: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "center", "color": GREY}


def draw_clean_curves(data: pd.DataFrame) -> mpl.Figure:
    """A panel for each length of the training prompts."""
    figure, grid = canvas(1, 2, sharey=True)
    for n, axes in zip(CLEAN_PANELS, grid, strict=True):
        panel = data[data["examples"] == n]
        draw_depths(axes, panel, "length")
        _draw_published(axes, panel, "length")
        axes.set(title=f"$n={n}$", xlabel="examples in the test prompt $n'$", ylim=(0.935, 1.003))
    grid[0].set_ylabel("accuracy")
    grid[0].annotate(r"$L\geq5$", (LONGEST, LEVELS[5]), xytext=(-8, 0), **_BESIDE)
    grid[0].annotate("$L=3$", (LONGEST, LEVELS[3]), xytext=(-8, 0), **_BESIDE)
    grid[1].legend(loc=(0.1, 0.6))
    return figure


_MODEL = (
    "Prior: normalised Gaussian of spread 0.1 about (1, ..., 1), mean correlation .9953 at d = 20 (the paper's "
    '"variance .1" may also mean spread .316). Each depth has the step size that minimises the exact training risk. '
)

FIGURES = (
    Figure(
        id="F2",
        reproduces="Fig. 2",
        title="Best step size and accuracy along the depth",
        caption="Above: the step size that minimises the training risk, for prompts of n examples in d dimensions. "
        f"Below: accuracy after N = {HIJACKERS} hijackers at margin .1, d = 20. The paper's parameters: n, d, margin, "
        "depths; it does not state N, which is ours. "
        + _MODEL
        + "Crosses: values read off the published figure; alpha L is as constant there as here, but falls 3.5-fold "
        "from n = 10 to n = 50, where the exact optimum moves by 3 %, and its accuracy rises with depth far more. "
        "Circles above: the step of least simulated risk, by a parabola through a grid of alpha L on common prompts. "
        + MARKERS,
        data=step_sizes,
        draw=draw_step_sizes,
    ),
    Figure(
        id="F3",
        reproduces="Fig. 3",
        title="Accuracy along the number of hijackers",
        caption="Accuracy after N hijackers at margin .1 in d = 20 dimensions (the paper's parameters), for training "
        "prompts of n examples; the axis of N is that of its square root. "
        + _MODEL
        + "The published curves start between .78 and .97, higher for deeper transformers, and settle at .5 (dotted) "
        "by N = 160. Exactly, all depths start alike, and accuracy falls to 0: the hijacked direction is answered by "
        "its label, and every query of so small a margin is wrong. " + TURNS + " " + MARKERS,
        data=hijacker_curves,
        draw=draw_hijacker_curves,
    ),
    Figure(
        id="F4",
        reproduces="Fig. 4",
        title="Accuracy on clean prompts",
        caption="Accuracy on a clean query after n' clean examples, in d = 20 dimensions. "
        + _MODEL
        + "Lines: first order in d/n'. Markers: simulated, with 95 % intervals. Crosses: the levels .945 (L = 3) and "
        ".999 (L >= 5) at which the published curves settle. Gradient descent with the best equal steps stays near .97 "
        "at every depth: what the published transformers of five and more layers do is not this. " + TURNS,
        data=clean_curves,
        draw=draw_clean_curves,
    ),
    Figure(
        id="F6",
        reproduces="Fig. 6",
        title="Accuracy along the number of hijackers, by margin",
        caption="As F3 for prompts of n = 40 examples, at four margins of the query (the paper's; n is ours). A larger "
        "margin is more robust, as published: accuracy stays near 1 longer. It then falls to 0 here, and to .5 in the "
        "published figure. The axis of N is that of its square root. " + _MODEL + MARKERS + " " + TURNS,
        data=margin_curves,
        draw=draw_margin_curves,
    ),
)
