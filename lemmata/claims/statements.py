"""Kinds of statements about means: each turns a point of a claim's design into questions.

`observed` is a sampled output or a function of the model; with a function the statement is decided without chance,
and its margin must be the computation's error bound. `prediction` is a function of the model.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from lemmata.claims.observations import Contrast, Observed, Source, as_array, element_indices, finite
from lemmata.claims.questions import LawQuestion, MeanQuestion, Question, SlopeQuestion
from lemmata.claims.tools import Tool, t_mixture
from lemmata.models import Model
from lemmata.records import Prediction


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
        """Accepted differences from a predicted value."""
        return -self.at(target), self.at(target)

    def __str__(self) -> str:
        return f"{self.value:.3g} of the value" if self.relative else f"{self.value:.3g}"


class Statement(Protocol):
    """What the referee asks of a statement about means."""

    @property
    def margin(self) -> Margin:
        """What counts as equal."""
        ...

    def questions(self, model: Model) -> tuple[Question, ...]:
        """All must be held at this point of the design."""
        ...

    def guards(self, model: Model) -> tuple[Question, ...]:
        """A guard that is outside its `accept` leaves the point open."""
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
        values = as_array(self.prediction(model))
        made: list[Question] = []
        for index in element_indices(values.shape):
            target = finite(values[index], self.prediction, model)
            contrast = Contrast((1.0,), (Source(self.observed, model, index),))
            made.append(MeanQuestion(_at(model, index), contrast, target, self.margin.around(target), self.tool))
        return tuple(made)

    def guards(self, model: Model) -> tuple[Question, ...]:
        return ()

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Bound:
    """The mean of `observed` stays below (`upper`) or above the `prediction`, up to the margin.

    With a computed `observed` the bound is attacked too: see `lemmata.claims.attacks`.

    Parameters
    ----------
    attack : mapping, optional
        Parameter of the model to the range (low, high) over which a local optimiser looks for a violation.
    """

    prediction: Prediction
    observed: Observed
    margin: Margin
    upper: bool = True
    tool: Tool = t_mixture
    attack: tuple[tuple[str, float, float], ...] = ()

    def questions(self, model: Model) -> tuple[Question, ...]:
        target = finite(self.prediction(model), self.prediction, model)
        m = math.nextafter(self.margin.at(target), math.inf)  # equality at the bound itself is no violation
        return (
            MeanQuestion(
                _at(model),
                Contrast((1.0,), (Source(self.observed, model),)),
                target,
                (-math.inf, m) if self.upper else (-m, math.inf),
                self.tool,
            ),
        )

    def guards(self, model: Model) -> tuple[Question, ...]:
        return ()

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Limit:
    """The mean of `observed` tends to `prediction` as the sizes grow together.

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
            raise ValueError(f"factors = {self.factors!r}: must be at least four in a growing geometric ladder")
        if not self.order > 0:
            raise ValueError(f"order = {self.order!r}: must be > 0")

    def models(self, model: Model) -> tuple[Model, ...]:
        """The design's model at every size of the ladder."""
        return tuple(scaled(model, self.sizes, factor) for factor in self.factors)

    def _contrast(self, model: Model, position: int) -> Contrast:
        ratio = self.factors[1] / self.factors[0]
        gain = ratio**self.order
        weights = (-1 / (gain - 1), gain / (gain - 1))
        pair = self.models(model)[position : position + 2]
        return Contrast(weights, tuple(Source(self.observed, at) for at in pair))

    def questions(self, model: Model) -> tuple[Question, ...]:
        target = finite(self.prediction(model), self.prediction, model)
        finest = len(self.factors) - 2
        contrast = self._contrast(model, finest)
        return (MeanQuestion(_at(model), contrast, target, self.margin.around(target), self.tool),)

    def guards(self, model: Model) -> tuple[Question, ...]:
        finest = len(self.factors) - 2
        fine, coarse = self._contrast(model, finest), self._contrast(model, finest - 1)
        # both share the middle size, so the difference is a combination of three independent means
        shared = fine.weights[0] - coarse.weights[1]
        difference = Contrast(
            (-coarse.weights[0], shared, fine.weights[1]),
            (coarse.sources[0], coarse.sources[1], fine.sources[1]),
        )
        accept = self.margin.around(float(self.prediction(model)))
        return (MeanQuestion(f"finer minus coarser contrast, {_at(model)}", difference, 0.0, accept, self.tool),)

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Rate:
    """The mean of `observed` grows as scale^prediction along a ladder of models.

    Parameters
    ----------
    along : callable
        `along(model)` gives pairs (scale, model), at least three.
    """

    prediction: Prediction
    observed: Observed
    along: Callable[[Any], Sequence[tuple[float, Model]]]
    margin: Margin
    tool: Tool = t_mixture

    def questions(self, model: Model) -> tuple[Question, ...]:
        ladder = tuple(self.along(model))
        if len(ladder) < 3:
            raise ValueError(f"along({model}): gives {len(ladder)} scales; must give at least three")
        target = finite(self.prediction(model), self.prediction, model)
        return (
            SlopeQuestion(
                _at(model),
                tuple(float(scale) for scale, _ in ladder),
                tuple(Source(self.observed, at) for _, at in ladder),
                target,
                self.margin.around(target),
                self.tool,
            ),
        )

    def guards(self, model: Model) -> tuple[Question, ...]:
        return ()

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Ordering:
    """The mean of `observed` rises (or falls) from each model of a list to the next.

    Neighbours are compared on common random numbers where the sampler offers them. A difference of exactly zero is
    never decided.

    Parameters
    ----------
    along : callable
        `along(model)` gives at least two models in order.
    rises : bool
    least : Margin
        Smallest difference that counts; 0 for the bare sign.
    """

    observed: Observed
    along: Callable[[Any], Sequence[Model]]
    rises: bool
    margin: Margin
    tool: Tool = t_mixture

    def questions(self, model: Model) -> tuple[Question, ...]:
        models = tuple(self.along(model))
        if len(models) < 2:
            raise ValueError(f"along({model}): gives {len(models)} models; must give at least two")
        sign = 1.0 if self.rises else -1.0
        paired = not callable(self.observed) and self.observed.sampler.paired_trials is not None
        return tuple(
            MeanQuestion(
                f"{_at(a)} to {_at(b)}",
                Contrast((-sign, sign), (Source(self.observed, a), Source(self.observed, b)), paired=paired),
                0.0,
                (self.margin.value, math.inf),
                self.tool,
            )
            for a, b in itertools.pairwise(models)
        )

    def guards(self, model: Model) -> tuple[Question, ...]:
        return ()

    def with_prediction(self, prediction: Prediction) -> Self:
        raise TypeError("an ordering has no formula: give its mutant as a statement")


@dataclass(frozen=True)
class Threshold:
    """The mean of `observed` crosses `level` where `prediction` says, within the margin.

    It lies on one side of `level` at (1 - margin) times the predicted place and on the other at (1 + margin).

    Parameters
    ----------
    parameter : str
        The model's parameter whose critical value is predicted (> 0).
    level : callable
        The level that is crossed, a function of the model.
    rises : bool
        Whether the observed mean rises through the level.
    """

    prediction: Prediction
    observed: Observed
    parameter: str
    level: Prediction
    rises: bool
    margin: Margin
    tool: Tool = t_mixture

    def questions(self, model: Model) -> tuple[Question, ...]:
        place = finite(self.prediction(model), self.prediction, model)
        made: list[Question] = []
        for side in (-1.0, 1.0):
            at = replace(model, **{self.parameter: place * (1 + side * self.margin.value)})  # type: ignore[type-var]
            above = self.rises == (side > 0)
            made.append(
                MeanQuestion(
                    _at(at),
                    Contrast((1.0,), (Source(self.observed, at),)),
                    finite(self.level(at), self.level, at),
                    (0.0, math.inf) if above else (-math.inf, 0.0),
                    self.tool,
                )
            )
        return tuple(made)

    def guards(self, model: Model) -> tuple[Question, ...]:
        return ()

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


@dataclass(frozen=True)
class Law:
    """The distribution of a sampled output is the predicted one, in Kolmogorov distance.

    `prediction(model)` returns the distribution function.
    """

    prediction: Prediction
    observed: Observed
    margin: Margin

    def questions(self, model: Model) -> tuple[Question, ...]:
        accept = (-math.inf, self.margin.value)
        return (LawQuestion(_at(model), Source(self.observed, model), self.prediction(model), accept),)

    def guards(self, model: Model) -> tuple[Question, ...]:
        return ()

    def with_prediction(self, prediction: Prediction) -> Self:
        return replace(self, prediction=prediction)


def scaled(model: Model, sizes: Sequence[str], factor: float) -> Model:
    """The model with its sizes multiplied by a factor (whole results only)."""
    return replace(model, **{name: getattr(model, name) * factor for name in sizes})  # type: ignore[type-var]


def _at(model: Model, index: tuple[int, ...] = ()) -> str:
    from lemmata.tables import flat

    words = " ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in flat(model).items())
    return f"{words} [{','.join(map(str, index))}]" if index else words


