"""Colours, markers and small tables that the figures of arXiv 2504.21314 share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from lemmata.pictures import COLORS
from lemmata.tables import COLUMNS
from theory.ar_diffusion import AR, Vanilla

LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "data": {"color": COLORS["black"], "marker": "s"},
        "vanilla": {"color": COLORS["vermilion"], "marker": "o", "filled": False, "markersize": 7},
        "ar": {"color": COLORS["blue"], "marker": "D"},
    }
)
NAMES = MappingProxyType({"data": "data", "vanilla": "vanilla", "ar": "AR"})
METHODS: Mapping[str, Vanilla | AR] = MappingProxyType({"vanilla": Vanilla(), "ar": AR()})


def line(
    series: str, output: str, x: str, points: Iterable[float], predict: Callable[[Any], Any], **more: Any
) -> pd.DataFrame:
    """Theory rows of a function of x."""
    rows = [
        {
            "series": series,
            x: float(at),
            **more,
            "output": output,
            "kind": "theory",
            "value": float(predict(at)),
            "trials": 0,
        }
        for at in points
    ]
    return pd.DataFrame(rows, columns=["series", x, *more, *COLUMNS])


def with_steps(model: Any, steps: int) -> Any:
    """The model with another number of steps."""
    return replace(model, scheme=replace(model.scheme, grid=replace(model.scheme.grid, steps=int(steps))))


def whole(low: float, high: float, count: int) -> list[int]:
    """Whole numbers spread evenly on a logarithmic scale, each once."""
    return sorted({round(x) for x in np.geomspace(low, high, count)})
