"""What the figures of context hijacking share: looks of the depths, trained transformers, tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from lemmata.models import Model
from lemmata.pictures import COLORS, plot_simulation, plot_theory
from lemmata.tables import COLUMNS
from simulations.context_hijacking import HIJACK, TRAINING_MEAN
from theory.context_hijacking import Fixed, Hijack, PerDepth, Training, Tuning, hijack_error
from theory.context_hijacking.models import Prior
from theory.context_hijacking.tuning import tuned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

ERROR, ACCURACY = "error", "accuracy"
LOOKS: Mapping[int, Mapping[str, Any]] = MappingProxyType(
    {
        3: {"color": COLORS["blue"], "marker": "o", "width": 2.6},
        5: {"color": COLORS["orange"], "marker": "D", "width": 1.6},
        8: {"color": COLORS["black"], "marker": "^", "width": 0.7},
    }
)
"""Curves of different depths may coincide: thin lines lie on thick ones."""

MARKERS = "Lines: exact, theory. Markers: simulated, with 95 % intervals."
TURNS = "The depths' curves all but coincide; each has every third of the markers."


def hijacked(examples: int, dimension: int, prior: Prior, margin: float, depths: Sequence[int]) -> Hijack:
    """The transformers of several depths as one model: equal steps, each depth with its own best step size."""
    best = [tuned(Tuning(examples, dimension, depth, prior)) for depth in depths]
    unit = best[0].step_size
    steps = PerDepth(
        tuple(float(depth) for depth in depths), tuple(trained.step_size / unit for trained in best)
    )
    return Hijack(0, dimension, depths[0], unit, best[0].initial_scale, prior, Fixed(margin), steps)


def error_curves(
    lab: Laboratory,
    model: Hijack,
    depths: Sequence[int],
    dense: Sequence[int],
    sparse: Sequence[int],
    trials: int,
) -> pd.DataFrame:
    """Error over the number of hijackers at each depth: exact on the dense numbers, simulated on the sparse ones."""
    return lab.sweep(
        HIJACK[ERROR],
        [model],
        trials,
        axes={"hijackers": list(sparse), "depth": list(depths)},
        predict=hijack_error,
        predict_axes={"hijackers": list(dense), "depth": list(depths)},
    )


def accuracy_of(table: pd.DataFrame) -> pd.DataFrame:
    """The table of an error as that of the accuracy."""
    flipped = table.assign(output=ACCURACY, value=1 - table["value"])
    return flipped.assign(lo=1 - table["hi"], hi=1 - table["lo"])


def rows(kind: str, output: str, x: str, points: Iterable[tuple[float, float]], **place: Any) -> pd.DataFrame:
    """Rows of values without an error, of kind 'theory' or 'published'."""
    values = [{x: at, "value": value} for at, value in points]
    blank = {"output": output, "kind": kind, "se": np.nan, "lo": np.nan, "hi": np.nan, "trials": 0}
    table = pd.DataFrame(values).assign(**blank, **place)
    return table[[*place, x, *COLUMNS]]


def theory(
    predict: Callable[[Any], float], models: Mapping[int, Model], output: str, x: str, **place: Any
) -> pd.DataFrame:
    """A prediction at models, over the values of x that stand for them."""
    return rows("theory", output, x, ((at, predict(model)) for at, model in models.items()), **place)


def searched_step_sizes(
    lab: Laboratory, model: Training, depths: Sequence[int], totals: Sequence[float], trials: int
) -> pd.DataFrame:
    """Step size of least simulated risk at each depth, by a parabola through a grid of `totals` = alpha L.

    The same prompts serve the whole grid. Eight groups of them, each with a minimum of its own, give the interval.
    """
    steps = PerDepth(tuple(map(float, depths)), tuple(1 / depth for depth in depths))
    axes = {"depth": list(depths), "step_size": list(totals)}
    excess = lab.samples(TRAINING_MEAN["excess"], replace(model, steps=steps), trials, axes=axes)
    best = np.empty((8, len(depths)))
    for g, group in enumerate(np.array_split(excess, 8)):
        for k, risk in enumerate(group.mean(axis=0)):
            curvature, slope, _ = np.polyfit(totals, risk, 2)
            best[g, k] = -slope / (2 * curvature) / depths[k]
    mean, se = best.mean(axis=0), best.std(axis=0, ddof=1) / math.sqrt(len(best))
    width = special.stdtrit(len(best) - 1, 0.975) * se
    numbers = {"value": mean, "se": se, "lo": mean - width, "hi": mean + width, "trials": len(excess)}
    return pd.DataFrame({"depth": list(depths), "output": "step_size", "kind": "simulation"} | numbers)


def draw_depths(axes: Axes, data: pd.DataFrame, x: str) -> None:
    """A curve for each depth; its markers stand at every third of the simulated numbers, in turns with the others'."""
    for turn, (depth, look) in enumerate(LOOKS.items()):
        chosen = data[data["depth"] == depth]
        plot_theory(axes, chosen, x, label=f"$L={depth}$", color=look["color"], linewidth=look["width"])
        simulated = chosen[chosen["kind"] == "simulation"].sort_values(x).iloc[turn::3]
        plot_simulation(axes, simulated, x, label="", color=look["color"], marker=look["marker"])
