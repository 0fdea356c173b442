"""Attacking a computed bound: a local optimiser looks for the model with the least slack."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import optimize

from lemmata.claims.observations import Source
from lemmata.claims.statements import Bound
from lemmata.models import DomainError, Model


@dataclass(frozen=True)
class Attack:
    """What came of it.

    Attributes
    ----------
    cases : int
        Models at which the bound was evaluated.
    worst : Model
        The model with the least slack.
    slack : float
        Bound minus value there (upper bounds), value minus bound (lower ones); negative = violated.
    tightness : float
        Ratio of the value to the bound there; 1 where the bound is attained.
    """

    cases: int
    worst: Model
    slack: float
    tightness: float


def attack_bound(bound: Bound, start: Model, evaluations: int = 400) -> Attack:
    """Minimise the slack over `bound.attack` from one point of the design (Nelder-Mead, log scale where positive)."""
    names = [name for name, _, _ in bound.attack]
    scales = [(low > 0, low, high) for _, low, high in bound.attack]
    best: list[Any] = [math.inf, start, math.nan]
    cases = 0

    def model_at(x: Any) -> Model:
        values = {}
        for name, (logarithmic, low, high), coordinate in zip(names, scales, x, strict=True):
            share = 1 / (1 + math.exp(-min(max(coordinate, -500), 500)))
            a, b = (math.log(low), math.log(high)) if logarithmic else (low, high)
            value = a + (b - a) * share
            values[name] = min(max(math.exp(value) if logarithmic else value, low), high)
        return replace(start, **values)  # type: ignore[type-var]

    def slack(x: Any) -> float:
        nonlocal cases
        try:
            model = model_at(x)
        except DomainError:
            return math.inf
        value = Source(bound.observed, model).computed()
        limit = float(bound.prediction(model))
        cases += 1
        gap = limit - value if bound.upper else value - limit
        if gap < best[0]:
            best[:] = [gap, model, value / limit if limit else math.nan]
        return gap

    origin = []
    for name, (logarithmic, low, high) in zip(names, scales, strict=True):
        value = min(max(float(getattr(start, name)), low), high)
        share = math.log(value / low) / math.log(high / low) if logarithmic else (value - low) / (high - low)
        share = min(max(share, 1e-3), 1 - 1e-3)
        origin.append(math.log(share / (1 - share)))
    optimize.minimize(slack, np.array(origin), method="Nelder-Mead", options={"maxfev": evaluations})
    return Attack(cases, best[1], best[0], best[2])
