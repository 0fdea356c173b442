"""What the figures of the attention layer share: names and looks of its curves, tables of theory, legends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lemmata.models import Model
from lemmata.pictures import COLORS, canvas, plot_simulation, plot_theory
from lemmata.tables import theory_table
from theory.attention_memorization import (
    Attention,
    RidgeRegression,
    memorization_error,
    ridge_regression_error,
)
from theory.numerics.activations import Activation, Cosine, Linear, Relu, Sign, Tanh

if TYPE_CHECKING:
    from matplotlib import figure as mpl
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

ERROR, TRACE, FILTER = "error", "trace_error", "matched_filter_error"
GAP, RELATIVE = "gap", "error / ridge regression's limit"
BASELINE = "ridge regression"
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {"tanh": Tanh(), "sign": Sign(), "ReLU": Relu(), "cos": Cosine(), "linear": Linear()}
)
LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        BASELINE: {"color": COLORS["black"], "marker": "s", "linestyle": (0, (4, 1.6))},
        "tanh": {"color": COLORS["blue"], "marker": "o", "linestyle": "-"},
        "sign": {"color": COLORS["vermilion"], "marker": "^", "linestyle": "-"},
        "ReLU": {"color": COLORS["green"], "marker": "D", "linestyle": "-"},
        "cos": {"color": COLORS["pink"], "marker": "v", "linestyle": "-"},
        "linear": {"color": COLORS["orange"], "marker": "<", "linestyle": "-"},
    }
)
"""A colour and a marker for each curve, so that neither is needed to tell the other."""

MARKERS = "Lines: limits. Markers: means of simulated draws, with 95 % intervals."


def attention(model: RidgeRegression, activation: Activation, **more: Any) -> Attention:
    """The attention layer with the sizes, ridge and signal of a ridge regression."""
    return Attention(model.tokens, model.dimension, model.ridge, model.snr, activation, **more)


def baseline(model: Attention) -> RidgeRegression:
    """Ridge regression on the tokens of an attention layer."""
    return RidgeRegression(model.tokens, model.dimension, model.ridge, model.snr)


def relative_error(model: Attention) -> float:
    """The limit of attention's error in units of ridge regression's."""
    return memorization_error(model) / ridge_regression_error(baseline(model))


def relative_gaps(gaps: pd.DataFrame, models: Sequence[Attention]) -> pd.DataFrame:
    """Simulated differences of the errors, one a model, as errors in units of the limit of ridge regression's.

    Both errors are those of the same draws, so 1 plus their difference in these units is less noisy than the error.
    """
    unit = np.array([ridge_regression_error(baseline(model)) for model in models])
    numbers = {name: 1 + gaps[name] / unit for name in ("value", "lo", "hi")}
    return gaps.assign(output=RELATIVE, se=gaps["se"] / unit, **numbers)


def along(
    predict: Callable[[Any], float], model: Model, name: str, values: Sequence[float], output: str, label: str
) -> pd.DataFrame:
    """Theory rows of a prediction along one parameter of a model."""
    models = [replace(model, **{name: value}) for value in values]
    return theory_table(predict, models, output, label=label)


def with_strip(label: str, *, height: float = 1.25, share: float = 0.3) -> tuple[mpl.Figure, Axes, Axes]:
    """Axes for a curve, and below them a strip of `share` times their height for its ratio to something."""
    figure, (top, strip) = canvas(2, 1, height=height, sharex=True, height_ratios=(1, share))
    strip.set(ylabel=label)
    return figure, top, strip


def draw_series(
    axes: Axes,
    data: pd.DataFrame,
    x: str,
    looks: Mapping[str, Mapping[str, Any]],
    *,
    output: str | None = None,
) -> None:
    """Draw line and markers of every series that has a look."""
    for name, look in looks.items():
        choice = {"series": name, "output": output, "label": "_" + name}
        line = {key: value for key, value in look.items() if key in ("color", "linestyle", "linewidth")}
        plot_theory(axes, data, x, **choice, **line)
        marker = {key: value for key, value in look.items() if key in ("color", "marker", "filled")}
        plot_simulation(axes, data, x, **choice, **marker)


def handles(looks: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    """Entries of a legend: one a series, its line with its marker."""
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            color=look["color"],
            linestyle=look.get("linestyle", "-"),
            marker=look["marker"],
            markerfacecolor=look["color"] if look.get("filled", True) else "none",
            markeredgecolor="white" if look.get("filled", True) else look["color"],
            label=name,
        )
        for name, look in looks.items()
    ]
