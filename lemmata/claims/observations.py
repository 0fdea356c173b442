"""What a statement looks at: sampled outputs or computed numbers, combined in one way fixed in advance."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

import numpy as np

from lemmata.chunks import Batch
from lemmata.estimates import Estimate
from lemmata.models import Model
from lemmata.records import Output, Prediction
from lemmata.statistics import Array, Moments, linear_combination

Observed = Output | Callable[[Any], Any]
"""A sampled output, or a function of the model: then nothing is left to chance."""


@dataclass(frozen=True)
class Source:
    """One number of one experiment: an element of an output's mean, or of a computed value.

    Parameters
    ----------
    observed : Output or callable
    model : Model
    index : tuple of int
        Element of an output with a shape; `()` for a scalar.
    shape : tuple of int
        The shape that the output must have.
    """

    observed: Observed = field(compare=False)
    model: Model
    index: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    identity: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # `sampler["error"]` makes a new Output each time: the same output all the same
        made = (self.output.sampler, self.output.name) if self.is_sampled else (self.observed,)
        object.__setattr__(self, "identity", made)

    @property
    def is_sampled(self) -> bool:
        return isinstance(self.observed, Output)

    @property
    def output(self) -> Output:
        """What is sampled."""
        if not isinstance(self.observed, Output):
            raise TypeError(f"{_name(self.observed)}: is computed, must be a sampled output")
        return self.observed

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value that a trial can take."""
        return self.output.range

    def computed(self) -> float:
        """The value of a computed source."""
        assert not isinstance(self.observed, Output)
        value = as_array(self.observed(self.model))
        self._check(_name(self.observed), value.shape)
        return finite(value[self.index], self.observed, self.model)

    def moments(self, look: Look) -> Moments:
        """Moments of its trials."""
        moments = look[self].moments
        self._check(self.output.identifier, moments.mean.shape)
        return moments[self.index]

    def rows(self, look: Look) -> Array:
        """Its trials one by one."""
        rows = look[self].rows
        self._check(self.output.identifier, rows.shape[1:])
        return rows[(slice(None), *self.index)]

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        if shape != self.shape:
            raise ValueError(f"{name} has shape {shape}: must have the prediction's, {self.shape}")


Look = Mapping[Source, Estimate]
"""What is known of every sampled source at one look."""


@dataclass(frozen=True)
class Contrast:
    """The combination `sum_i weights[i] source[i]`, fixed in advance; all sources sampled, or all computed.

    Sampled sources have equal numbers of trials. Where two of them share their draws (`paired`, or models that
    differ in free axes alone) the combination is formed trial by trial from the raw rows.
    """

    weights: tuple[float, ...]
    sources: tuple[Source, ...]
    paired: bool = False

    @property
    def is_sampled(self) -> bool:
        return self.sources[0].is_sampled

    @cached_property
    def shares_draws(self) -> bool:
        """Whether trials of different sources are dependent.

        Raises
        ------
        ValueError
            If they are, but their chunks differ in length, so that trials do not correspond.
        """
        if self.paired:
            return True
        lengths: dict[tuple[str, str], list[int]] = {}
        for source in self.sources if self.is_sampled else ():
            batch = Batch(source.output.sampler, source.model)
            lengths.setdefault((batch.sampler.identifier, batch.stream_key), []).append(batch.trials)
        for (name, _), found in lengths.items():
            if len(set(found)) > 1:
                raise ValueError(
                    f"work of {name}: must not depend on a free axis, since models that differ in free axes "
                    f"alone share their draws (chunks of {found} trials)"
                )
        return any(len(found) > 1 for found in lengths.values())

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value of one trial of the combination."""
        ends = [sorted((weight * s.range[0], weight * s.range[1])) for weight, s in self._pairs()]
        return sum(low for low, _ in ends), sum(high for _, high in ends)

    @property
    def scale(self) -> float:
        """Bound on a trial's standard deviation, in units of the largest of the sources'."""
        sizes = [abs(weight) for weight in self.weights]
        return sum(sizes) if self.shares_draws else math.hypot(*sizes)

    def measure(self, look: Look) -> Moments:
        """Moments of the combination at a look."""
        if self.shares_draws:
            return Moments.of(reduce(operator.add, [weight * s.rows(look) for weight, s in self._pairs()]))
        return linear_combination(self.weights, [source.moments(look) for source in self.sources])

    def computed(self) -> float:
        """The value when every source is computed."""
        return float(sum(weight * source.computed() for weight, source in self._pairs()))

    def _pairs(self) -> Iterator[tuple[float, Source]]:
        return zip(self.weights, self.sources, strict=True)


def finite(value: Any, what: object, model: Model) -> float:
    """The number as a float; anything else is an error that names the function and the model."""
    array = as_array(value)
    if array.ndim:
        raise ValueError(f"{_name(what)} has shape {array.shape}: must be one number (at {model})")
    number = float(array)
    if not np.isfinite(number):
        raise ValueError(f"{_name(what)} = {number}: must be finite (at {model})")
    return number


def predicted(
    prediction: Prediction, observed: Observed, model: Model
) -> Iterator[tuple[tuple[int, ...], float, Source]]:
    """Index, predicted number and observed source of every element of a prediction."""
    values = as_array(prediction(model))
    for index in np.ndindex(values.shape):
        yield index, finite(values[index], prediction, model), Source(observed, model, index, values.shape)


def as_array(value: Any) -> Array:
    """A prediction as a float array."""
    return np.asarray(value, dtype=np.float64)


def _name(what: object) -> str:
    return what.identifier if isinstance(what, Output) else getattr(what, "__name__", repr(what))
