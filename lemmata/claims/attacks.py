"""Attacking a computed bound: a local optimiser looks for the model with the least slack."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import optimize

from lemmata.claims.observations import predicted
from lemmata.claims.questions import distance_beyond
from lemmata.claims.statements import Bound
from lemmata.domains import Whole
from lemmata.models import DomainError, Model
from lemmata.names import UnknownNameError

EVALUATIONS = 400
"""Models at which one attack may evaluate a bound."""
_FORBIDDEN = 1e300


@dataclass
class Attack:
    """What came of it.

    Attributes
    ----------
    cases : int
        Models at which the bound was evaluated.
    worst : Model or None
        A violation (beyond the margin), the worst that was found.
    tightness : float
        Largest ratio of the value to an upper bound, or of a lower bound to the value; 1 where the bound is
        attained. NaN while no such ratio of positive numbers was seen.
    slack : float
        Least relative slack: bound minus value, over the bound's size (for lower bounds with the signs turned).
    """

    cases: int = 0
    worst: Model | None = None
    tightness: float = math.nan
    slack: float = math.inf
    _worst_excess: float = field(default=0.0, repr=False)

    def evaluate(self, bound: Bound, model: Model) -> float:
        """Count one more case; returns its relative slack."""
        self.cases += 1
        least = math.inf
        for _, limit, source in predicted(bound.prediction, bound.observed, model):
            value = source.computed()
            sign = 1.0 if bound.upper else -1.0
            slack = sign * (limit - value) / (abs(limit) or 1.0)
            upper, lower = (limit, value) if bound.upper else (value, limit)
            if upper > 0 and lower > 0:
                self.tightness = float(np.fmax(self.tightness, lower / upper))
            excess = distance_beyond(value - limit, bound.accept(limit)) / (abs(limit) or 1.0)
            if excess > self._worst_excess:
                self.worst, self._worst_excess = model, excess
            least = min(least, slack)
        self.slack = min(self.slack, least)
        return least

    def __str__(self) -> str:
        words = f"{self.cases} cases, least relative slack {self.slack:.3g}"
        return words if math.isnan(self.tightness) else f"{words}, tightest ratio {self.tightness:.6g}"


def attack_bound(bound: Bound, start: Model, evaluations: int = EVALUATIONS) -> Attack:
    """Minimise the relative slack over `bound.attack` from one point of the design.

    Nelder-Mead on the ranges' logistic coordinates (in the logarithm where a range is positive); whole parameters
    are rounded, models that the domain forbids count as slack without end.
    """
    found = Attack()
    domains = start.parameters()
    for name, _, _ in bound.attack:
        if name not in domains:
            raise UnknownNameError("parameter", name, domains)

    def model_at(x: Any) -> Model:
        values: dict[str, float] = {}
        for (name, low, high), coordinate in zip(bound.attack, x, strict=True):
            share = 1 / (1 + math.exp(-min(max(float(coordinate), -500.0), 500.0)))
            value = low * (high / low) ** share if low > 0 else low + (high - low) * share
            value = min(max(value, low), high)
            values[name] = round(value) if isinstance(domains[name], Whole) else value
        return replace(start, **values)  # type: ignore[type-var]

    def slack(x: Any) -> float:
        try:
            model = model_at(x)
        except DomainError:
            return _FORBIDDEN
        return found.evaluate(bound, model)

    origin: list[float] = []
    for name, low, high in bound.attack:
        value = min(max(float(getattr(start, name)), low), high)
        share = math.log(value / low) / math.log(high / low) if low > 0 else (value - low) / (high - low)
        share = min(max(share, 0.05), 0.95)
        origin.append(math.log(share / (1 - share)))
    found.evaluate(bound, start)
    corner = np.array(origin)
    # wide steps towards the middle, so that whole parameters move too
    simplex = np.vstack([corner, corner + np.diag(np.where(corner > 0, -2.0, 2.0))])
    options: Any = {"maxfev": evaluations - 1, "initial_simplex": simplex}
    optimize.minimize(slack, corner, method="Nelder-Mead", options=options)
    return found
