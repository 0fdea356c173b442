"""The setting that the figures of arXiv 2504.08628 share, starts of its filters, and small tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lemmata.pictures import Quality
from lemmata.tables import COLUMNS
from simulations.cnn_rank import STARTS
from theory.cnn_rank import NoisyStart, Start, Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lemmata.laboratory import Laboratory

Array = npt.NDArray[np.float64]

GREY = "#888888"
DASHED = (0, (4, 3))


def setting(quality: Quality) -> Training:
    """Two features a class, order 3, small start: one filter wins each feature. A draft is a smaller copy."""
    draft = Training(
        features=2,
        images=24,
        dimension=2000,
        filters=12,
        order=3.0,
        knee=10.0,
        initial_scale=2e-2,
        steps=2500,
    ).advancing(10.0)
    full = replace(draft, images=120, dimension=20000, filters=60, initial_scale=2e-3, steps=9000)
    return quality(draft=draft, standard=full.advancing(10.0), paper=full.advancing(10.0))


def started(lab: Laboratory, model: Training) -> Start:
    """The training with starts on the features that are drawn once, the first in which no filter wins two features."""
    draws = lab.samples(STARTS["signals"], replace(model, noise=0.0), 8)
    signals = next((draw for draw in draws if not _collides(model, draw)), draws[0])
    return Start.from_data({**_data(model), "signals": signals.tolist()})


def noisy_start(lab: Laboratory, model: Training) -> NoisyStart:
    """The training with starts on features and background that are drawn once."""
    signals, backgrounds = (lab.samples(STARTS[name], model, 1)[0] for name in ("signals", "backgrounds"))
    return NoisyStart.from_data(
        {**_data(model), "signals": signals.tolist(), "backgrounds": backgrounds.tolist()}
    )


def at_ratio(model: Training, ratios: Iterable[float]) -> list[float]:
    """Noise levels sigma_p of noise ratios r."""
    return [model.with_noise_ratio(float(ratio)).noise for ratio in ratios]


def with_ratio(table: pd.DataFrame, model: Training) -> pd.DataFrame:
    """The table of a sweep along the noise, with the noise ratio beside it."""
    return table.assign(ratio=table["noise"] * model.dimension**0.5 / model.strength)


def theory_rows(
    series: str, output: str, x: str, points: Iterable[float], values: Iterable[float]
) -> pd.DataFrame:
    """A line: values over x."""
    data = {
        "series": series,
        x: [float(point) for point in points],
        "output": output,
        "kind": "theory",
        "value": [float(value) for value in values],
        "trials": 0,
    }
    return pd.DataFrame(data, columns=["series", x, *COLUMNS])


def vertical(axes: Axes, place: float, text: str, *, after: bool = False, **look: Any) -> None:
    """A dashed line with its name before it, or after it."""
    axes.axvline(place, color=GREY, linewidth=0.8, linestyle=DASHED, zorder=1)
    axes.annotate(
        text,
        (place, 0.03),
        xycoords=axes.get_xaxis_transform(),
        xytext=(2 if after else -2, 0),
        textcoords="offset points",
        rotation=90,
        ha="left" if after else "right",
        va="bottom",
        color="#555555",
        **look,
    )


def value_of(data: pd.DataFrame, series: str) -> float:
    """The one value of a series."""
    return float(data.loc[data["series"] == series, "value"].iloc[0])


def _collides(model: Training, signals: Array) -> bool:
    """Whether some filter wins two features."""
    m, half = model.filters, model.features
    blocks = (signals[:m, :half], signals[m:, half:])
    return any(len(set(block.argmax(axis=0).tolist())) < half for block in blocks)


def _data(model: Training) -> dict[str, Any]:
    return {name: value for name, value in model.to_data().items() if name != "kind"}
