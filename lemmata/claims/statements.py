"""Kinds of statements: each turns a point of a claim's design into questions.

`observed` is a sampled output or a function of the model; with a function the statement is decided without
chance, and its margin must be the computation's error bound. `prediction` is a function of the model. Predictions
may be arrays where a statement says "element by element".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

from lemmata.claims.limits import LimitQuestion
from lemmata.claims.observations import Contrast, Observed, Source, finite, predicted
from lemmata.claims.questions import LawQuestion, MeanQuestion, Question, SlopeQuestion
from lemmata.claims.tools import Tool, t_mixture
from lemmata.models import Model
from lemmata.records import Output, Prediction


@dataclass(frozen=True)
class Margin:
    """What still counts as equal, in the statistic's own unit, and why: chosen before any data.

    With `relative` it is a share of the predicted value.
    """

    value: float
    reason: str
    relative: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value >= 0):
            raise ValueError(f"margin = {self.value!r}: must be finite and >= 0")
        if not self.reason.strip():
            raise ValueError("margin: needs its reason in words")

    def at(self, target: float) -> float:
        """The margin at a predicted value."""
        return self.value * abs(target) if self.relative else self.value

    def around(self, target: float) -> tuple[float, float]:
        """Accepted differences from a predicted value, the ends included."""
        end = math.nextafter(self.at(target), math.inf)  # intervals are held when strictly inside
        return -end, end

    def __str__(self) -> str:
        return f"{self.value:.3g} of the value" if self.relative else f"{self.value:.3g}"


@runtime_checkable
class Statement(Protocol):
    """What the referee asks of a statement."""

    @property
    def margin(self) -> Margin:
        """What counts as equal."""
        ...

    def questions(self, model: Model) -> tuple[Question, ...]:
        """All must be held at this point of the design."""
        ...

    def with_prediction(self, prediction: Prediction) -> Self:
        """The same statement with another formula (a mutant)."""
        ...


@dataclass(frozen=True)
class Identity:
    """The mean of `observed` equals `prediction` at every finite size, element by element."""

    prediction: Prediction
    observed: Observed
    margin: Margin
    tool: Tool = t_mixture

    def questions(self, model: Model) -> tuple[Question, ...]:
        return tuple(
            MeanQuestion(_at(model, index), _just(source), target, self.margin.around(target), self.tool)
            for index, target, source in predicted(self.prediction, self.observed, model)
        )

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Bound:
    """The mean of `observed` stays below (`upper`) or above `prediction`, up to the margin, element by element.

    Parameters
    ----------
    attack : tuple of (name, low, high), optional
        For a computed `observed`: parameters of the model with the ranges over which a local optimiser looks for
        a violation, from every point of the design (see `lemmata.claims.attacks`).
    """

    prediction: Prediction
    observed: Observed
    margin: Margin
    upper: bool = True
    tool: Tool = t_mixture
    attack: tuple[tuple[str, float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.attack and isinstance(self.observed, Output):
            raise ValueError(
                "attack: needs a computed observed; a sampled bound is judged on the design alone"
            )
        for name, low, high in self.attack:
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(
                    f"attack on {name} = [{low!r}, {high!r}]: must be a finite range, low below high"
                )

    def accept(self, target: float) -> tuple[float, float]:
        """Accepted differences from the bound's value."""
        low, high = self.margin.around(target)
        return (-math.inf, high) if self.upper else (low, math.inf)

    def questions(self, model: Model) -> tuple[Question, ...]:
        return tuple(
            MeanQuestion(_at(model, index), _just(source), target, self.accept(target), self.tool)
            for index, target, source in predicted(self.prediction, self.observed, model)
        )

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Limit:
    """The mean of `observed` tends to `prediction` as the sizes grow together, element by element.

    At the design's model times each of `factors` (a geometric ladder of at least four) the output is sampled; the
    decision is the linear combination of neighbouring sizes that cancels the declared leading correction,
    (r^k T(r n) - T(n)) / (r^k - 1), at the finest pair. The margin covers what remains. Guards: the next coarser
    pair must agree with it within the margin, and the exponent of a free fit must not exclude the declared one.

    Parameters
    ----------
    sizes : tuple of str
        Parameters that grow at fixed ratios; whole numbers.
    order : float
        The leading correction is of order size^-order.
    """

    prediction: Prediction
    observed: Observed
    sizes: tuple[str, ...]
    factors: tuple[int, ...]
    order: float
    margin: Margin
    tool: Tool = t_mixture

    def __post_init__(self) -> None:
        ratios = {b / a for a, b in itertools.pairwise(self.factors)}
        if len(self.factors) < 4 or len(ratios) != 1 or ratios.pop() <= 1:
            raise ValueError(
                f"factors = {self.factors!r}: must be at least four in a growing geometric ladder"
            )
        if not 0 < self.order < math.inf:
            raise ValueError(f"order = {self.order!r}: must be > 0 and finite")

    def models(self, model: Model) -> tuple[Model, ...]:
        """The design's model at every size of the ladder."""
        return tuple(scaled(model, self.sizes, factor) for factor in self.factors)

    def questions(self, model: Model) -> tuple[Question, ...]:
        ladder = self.models(model)
        return tuple(
            LimitQuestion(
                _at(model, index),
                tuple(replace(source, model=at) for at in ladder),
                self.factors,
                self.order,
                target,
                self.margin.around(target),
                self.tool,
            )
            for index, target, source in predicted(self.prediction, self.observed, model)
        )

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Rate:
    """The mean of `observed` grows as scale^prediction along a ladder of models.

    Parameters
    ----------
    along : callable
        `along(model)` gives pairs (scale, model), at least three with different scales > 0.
    """

    prediction: Prediction
    observed: Observed
    along: Callable[[Any], Sequence[tuple[float, Model]]]
    margin: Margin
    tool: Tool = t_mixture

    def questions(self, model: Model) -> tuple[Question, ...]:
        ladder = tuple(self.along(model))
        scales = tuple(float(scale) for scale, _ in ladder)
        if len(set(scales)) < 3 or not all(0 < scale < math.inf for scale in scales):
            raise ValueError(f"along({model}): gives the scales {scales}; must be at least three, all > 0")
        target = finite(self.prediction(model), self.prediction, model)
        points = tuple(Source(self.observed, at) for _, at in ladder)
        return (SlopeQuestion(_at(model), scales, points, target, self.margin.around(target), self.tool),)

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Ordering:
    """The mean of `observed` rises (or falls) from each model of a list to the next.

    Neighbours are compared on common random numbers where the sampler offers them. A difference of exactly the
    margin (with margin 0: no difference) is never decided.

    Parameters
    ----------
    along : callable
        `along(model)` gives at least two models in order.
    rises : bool
    margin : Margin
        Smallest difference that counts; 0 for the bare sign.
    """

    observed: Observed
    along: Callable[[Any], Sequence[Model]]
    rises: bool
    margin: Margin
    tool: Tool = t_mixture

    def __post_init__(self) -> None:
        _absolute(self.margin, "an ordering")

    def questions(self, model: Model) -> tuple[Question, ...]:
        models = tuple(self.along(model))
        if len(models) < 2:
            raise ValueError(f"along({model}): gives {len(models)} models; must give at least two")
        weights = (-1.0, 1.0) if self.rises else (1.0, -1.0)
        paired = isinstance(self.observed, Output) and self.observed.sampler.paired_trials is not None
        return tuple(
            MeanQuestion(
                f"{_at(a)} to {_at(b)}",
                Contrast(weights, (Source(self.observed, a), Source(self.observed, b)), paired=paired),
                0.0,
                (self.margin.value, math.inf),
                self.tool,
            )
            for a, b in itertools.pairwise(models)
        )

    def with_prediction(self, prediction: Prediction) -> Self:
        raise TypeError("an ordering has no formula: give its mutant as a statement")


@dataclass(frozen=True)
class Threshold:
    """The mean of `observed` crosses `level` where `prediction` says, within the margin.

    It lies on one side of `level` at the predicted place less the margin, and on the other at the place plus the
    margin. (That it crosses once is not tested; it is what makes the two points a statement about the place.)

    Parameters
    ----------
    parameter : str
        The model's parameter whose critical value is predicted.
    level : callable
        The level that is crossed, a function of the model.
    rises : bool
        Whether the observed mean rises through the level.
    judged_at : callable, optional
        The places around which the mean is observed; default `prediction`. A mutant is judged at the claim's.
    """

    prediction: Prediction
    observed: Observed
    parameter: str
    level: Prediction
    rises: bool
    margin: Margin
    tool: Tool = t_mixture
    judged_at: Prediction | None = None

    def __post_init__(self) -> None:
        if not self.margin.value > 0:
            raise ValueError("margin = 0: a threshold is located between two points, so it must be > 0")

    def questions(self, model: Model) -> tuple[Question, ...]:
        before, after = self._around(model, self.prediction)
        return tuple(self._question(model, at, before, after) for at in self._around(model, self.judged_at))

    def _question(self, model: Model, place: float, before: float, after: float) -> Question:
        at = replace(model, **{self.parameter: place})  # type: ignore[type-var]
        accept = (-math.inf, math.inf)  # between the two points the statement says nothing
        if place <= before or place >= after:
            accept = (0.0, math.inf) if self.rises == (place >= after) else (-math.inf, 0.0)
        level = finite(self.level(at), self.level, at)
        return MeanQuestion(_at(at), _just(Source(self.observed, at)), level, accept, self.tool)

    def _around(self, model: Model, prediction: Prediction | None) -> tuple[float, float]:
        chosen = prediction or self.prediction
        place = finite(chosen(model), chosen, model)
        return place - self.margin.at(place), place + self.margin.at(place)

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction, judged_at=self.judged_at or self.prediction)


@dataclass(frozen=True)
class Law:
    """The distribution of a sampled output is the predicted one, in Kolmogorov distance.

    `prediction(model)` returns the distribution function.
    """

    prediction: Prediction
    observed: Output
    margin: Margin

    def __post_init__(self) -> None:
        _absolute(self.margin, "a law")
        if not isinstance(self.observed, Output):  # type: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"observed = {self.observed!r}: a law is that of a sampled output")

    def questions(self, model: Model) -> tuple[Question, ...]:
        accept = (-math.inf, self.margin.around(0.0)[1])
        return (LawQuestion(_at(model), Source(self.observed, model), self.prediction(model), accept),)

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


def scaled(model: Model, sizes: Sequence[str], factor: float) -> Model:
    """The model with its sizes multiplied by a factor (whole results only)."""
    return model.resized({name: getattr(model, name) * factor for name in sizes})


def _just(source: Source) -> Contrast:
    return Contrast((1.0,), (source,))


def _absolute(margin: Margin, what: str) -> None:
    if margin.relative:
        raise ValueError(f"margin = {margin}: {what} has no predicted value, so it must not be relative")


def _at(model: Model, index: tuple[int, ...] = ()) -> str:
    from lemmata.tables import flat

    parts = (f"{k}={v:g}" if isinstance(v, float) else f"{k}={v}" for k, v in flat(model).items())
    return " ".join(parts) + (f" [{','.join(map(str, index))}]" if index else "")
