"""The one tidy schema of figures, comparisons and sweeps.

A table is long: one row for each value. The columns are the parameters that vary (free axes and model fields, dotted
for nested models), then `COLUMNS`:

| column | meaning |
|---|---|
| series | name of a curve, when a table holds several |
| output | name of the output; for an output with a shape of its own, with its index |
| kind | theory, simulation, published, or draw (single draws, without interval) |
| value, se | value and, for simulations, its standard error |
| lo, hi | pointwise 95 % interval of a simulated mean (Student's t) |
| trials | trials behind the value; 0 for theory, 1 for an integration without chance (its se is 0) |
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import getitem
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy import special

from lemmata.models import Model

if TYPE_CHECKING:
    from lemmata.laboratory import Run
    from lemmata.records import Prediction

COLUMNS = ("output", "kind", "value", "se", "lo", "hi", "trials")
_BLANK = {"se": np.nan, "lo": np.nan, "hi": np.nan, "trials": 0}


def flat(model: Model) -> dict[str, Any]:
    """The model's parameters with dotted names for nested models; vectors as text."""

    def walk(data: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        items: dict[str, Any] = {}
        for name, value in data.items():
            if isinstance(value, Mapping):
                items |= walk(cast("Mapping[str, Any]", value), f"{prefix}{name}.")
            elif not (name == "kind" and not prefix):
                items[prefix + name] = str(cast("list[Any]", value)) if isinstance(value, list) else value
        return items

    return walk(model.to_data(), "")


def varying(models: Sequence[Model]) -> list[str]:
    """Names of the flat parameters that take more than one value."""
    rows = [flat(model) for model in models]
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if len({row.get(name) for row in rows}) > 1]


def predictions(
    predict: Prediction, models: Iterable[Model], axes: Mapping[str, Sequence[float]] | None = None
) -> list[tuple[Model, dict[str, float], Any]]:
    """The prediction at every model and every combination of free axes: (model, axis values, value)."""
    rows: list[tuple[Model, dict[str, float], Any]] = []
    for model in models:
        for values in itertools.product(*(axes or {}).values()):
            point = {name: float(value) for name, value in zip(axes or {}, values, strict=True)}
            rows.append((model, point, predict(replace(model, **point) if point else model)))
    return rows


def sweep_table(
    runs: Sequence[Run],
    outputs: Sequence[str],
    *,
    predict: Prediction | None = None,
    predict_axes: Mapping[str, Sequence[float]] | None = None,
    label: str | None = None,
) -> pd.DataFrame:
    """Runs and predictions as one table; see `Laboratory.sweep`."""
    models = [run.batch.model for run in runs]
    axes = dict(runs[0].batch.axes) if runs else {}
    names = [name for name in varying(models) if name not in axes]
    rows: list[dict[str, Any]] = []

    def add(model: Model, point: Mapping[str, float], output: str, kind: str, **numbers: Any) -> None:
        place = {name: flat(model).get(name) for name in names} | dict(point)
        rows.append(place | {"output": output, "kind": kind} | numbers)

    if predict is not None:
        for model, point, value in predictions(predict, models, predict_axes or axes):
            for index, number in np.ndenumerate(np.asarray(value, dtype=float)):
                add(model, point, _indexed(outputs[0], index), "theory", value=number, **_BLANK)
    for run in runs:
        for output in outputs:
            moments = run.tallies[output].moments
            width = special.stdtrit(moments.count - 1, 0.975)
            for index, mean in np.ndenumerate(moments.mean):
                se = float(moments.standard_error[index])
                point: dict[str, float] = dict(zip(axes, map(getitem, axes.values(), index), strict=True))
                add(
                    run.batch.model,
                    point,
                    _indexed(output, index[len(axes) :]),
                    "simulation",
                    value=float(mean),
                    se=se,
                    lo=float(mean) - width * se,
                    hi=float(mean) + width * se,
                    trials=moments.count,
                )
    table = pd.DataFrame(rows, columns=[*names, *axes, *COLUMNS])
    if label is not None:
        table.insert(0, "series", label)
    return table


def theory_table(
    predict: Prediction, models: Sequence[Model], output: str, *, label: str | None = None
) -> pd.DataFrame:
    """A prediction along models as rows of kind 'theory': a dense line beside the markers of a sweep."""
    names = varying(models)
    rows: list[dict[str, Any]] = []
    for model, _, value in predictions(predict, models):
        place = {name: flat(model).get(name) for name in names}
        for index, number in np.ndenumerate(np.asarray(value, dtype=float)):
            rows.append(
                {**place, "output": _indexed(output, index), "kind": "theory", "value": number, **_BLANK}
            )
    table = pd.DataFrame(rows, columns=[*names, *COLUMNS])
    if label is not None:
        table.insert(0, "series", label)
    return table


def _indexed(output: str, index: tuple[int, ...]) -> str:
    return f"{output}[{','.join(map(str, index))}]" if index else output
