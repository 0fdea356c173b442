"""What a statement looks at: sampled outputs or computed numbers, combined in one way fixed in advance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lemmata.estimates import Estimate
from lemmata.models import Model
from lemmata.records import Output
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
    """

    observed: Observed
    model: Model
    index: tuple[int, ...] = ()

    @property
    def is_sampled(self) -> bool:
        return isinstance(self.observed, Output)

    def computed(self) -> float:
        """The value of a computed source."""
        assert not isinstance(self.observed, Output)
        return finite(np.asarray(self.observed(self.model), dtype=float)[self.index], self.observed, self.model)

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value that a trial can take."""
        if isinstance(self.observed, Output):
            return self.observed.range
        value = self.computed()
        return value, value


@dataclass(frozen=True)
class Contrast:
    """The combination `sum_i weights[i] source[i]`, fixed in advance.

    Sampled sources are independent and share their number of trials; with `paired` they share their draws too,
    and the trial-by-trial combination is formed from the raw rows.
    """

    weights: tuple[float, ...]
    sources: tuple[Source, ...]
    paired: bool = False

    @property
    def is_sampled(self) -> bool:
        return any(source.is_sampled for source in self.sources)

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value of one trial of the combination."""
        ends = [sorted((w * s.range[0], w * s.range[1])) for w, s in zip(self.weights, self.sources, strict=True)]
        return sum(low for low, _ in ends), sum(high for _, high in ends)

    def measure(self, estimates: Mapping[Source, Estimate]) -> Moments:
        """Moments of the combination from the estimates of its sampled sources."""
        pairs = list(zip(self.weights, self.sources, strict=True))
        fixed = sum(w * s.computed() for w, s in pairs if not s.is_sampled)
        sampled = [(w, s) for w, s in pairs if s.is_sampled]
        if self.paired:
            rows = sum(w * estimates[s].rows[(slice(None), *s.index)] for w, s in sampled) + fixed
            return Moments.of(np.asarray(rows))
        moments = linear_combination([w for w, _ in sampled], [estimates[s].moments[s.index] for _, s in sampled])
        return shifted(moments, fixed)

    def computed(self) -> float:
        """The value when every source is computed."""
        return float(sum(w * s.computed() for w, s in zip(self.weights, self.sources, strict=True)))


def shifted(moments: Moments, by: float) -> Moments:
    """Moments of the trials plus a constant."""
    if by == 0.0:
        return moments
    return Moments(
        moments.count,
        moments.mean + by,
        moments.m2,
        moments.m3,
        moments.m4,
        moments.minimum + by,
        moments.maximum + by,
    )


def finite(value: Any, what: object, model: Model) -> float:
    """The number as a float; a NaN or infinity is an error that names the function and the model."""
    number = float(value)
    if not np.isfinite(number):
        name = getattr(what, "__name__", repr(what))
        raise ValueError(f"{name} = {number}: must be finite (at {model})")
    return number


def element_indices(shape: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
    """Every index of an array of that shape; `()` for a scalar."""
    return list(np.ndindex(shape))


def as_array(value: Any) -> Array:
    """A prediction as a float array."""
    return np.asarray(value, dtype=np.float64)
