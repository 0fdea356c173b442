"""Closed intervals of real numbers, elementwise over an output of any shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lemmata.confidence.validation import Array, Values, finite, numbers, plain

Flags = bool | npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Interval:
    """The closed interval `[low, high]`, elementwise.

    `(-inf, inf)` says nothing (`Interval.everything`); an empty interval, as two intervals that do not meet
    leave it, is written `(inf, -inf)`.

    Attributes
    ----------
    low, high : float or array
        Ends, of one shape. Zero-dimensional arrays become floats.

    Raises
    ------
    ValueError
        If an end is NaN or `low > high` anywhere but in the empty interval.
    """

    low: Values
    high: Values
    everything: ClassVar[Interval]

    def __post_init__(self) -> None:
        low, high = np.broadcast_arrays(numbers("low", self.low), numbers("high", self.high))
        disordered = (low > high) & ~((low == np.inf) & (high == -np.inf))
        if disordered.any():
            first = int(np.flatnonzero(disordered.ravel())[0])
            raise ValueError(f"low = {low.flat[first]} above high = {high.flat[first]}: must be ordered")
        object.__setattr__(self, "low", plain(low))
        object.__setattr__(self, "high", plain(high))

    @classmethod
    def around(cls, center: npt.ArrayLike, radius: npt.ArrayLike) -> Interval:
        """The interval `center ± radius`; an infinite radius gives the whole line."""
        middle, half = finite("center", center), numbers("radius", radius)
        if (half < 0).any():
            raise ValueError(f"radius = {float(half.min())}: must be at least 0")
        return cls(middle - half, middle + half)

    @property
    def width(self) -> Values:
        """Length, 0 where the interval is empty."""
        low, high = self._ends
        return plain(np.where(self._empty, 0.0, np.abs(high - low)))

    @property
    def midpoint(self) -> Values:
        """Middle; NaN where the interval is unbounded or empty and so has none."""
        low, high = self._ends
        bounded = np.isfinite(low) & np.isfinite(high)
        return plain(
            np.where(bounded, np.where(bounded, low, 0) / 2 + np.where(bounded, high, 0) / 2, np.nan)
        )

    @property
    def is_empty(self) -> Flags:
        """Where no number belongs to the interval."""
        return _flags(self._empty)

    @property
    def is_bounded(self) -> Flags:
        """Where both ends are finite."""
        low, high = self._ends
        return _flags(np.isfinite(low) & np.isfinite(high))

    def contains(self, x: npt.ArrayLike) -> Flags:
        """Where `x` (no NaN) lies in the interval, ends included."""
        x = numbers("x", x)
        low, high = self._ends
        return _flags((low <= x) & (x <= high))

    def inside(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Flags:
        """Where the interval, not empty, lies strictly between `low` and `high`: a margin holds."""
        low, high = numbers("low", low), numbers("high", high)
        return _flags(~self._empty & (self._ends[0] > low) & (self._ends[1] < high))

    def outside(self, low: npt.ArrayLike, high: npt.ArrayLike) -> Flags:
        """Where the interval, not empty, has no point in `[low, high]`: a margin fails."""
        low, high = numbers("low", low), numbers("high", high)
        return _flags(~self._empty & ((self._ends[0] > high) | (self._ends[1] < low)))

    def shift(self, c: npt.ArrayLike) -> Interval:
        """The interval moved by `c` (finite)."""
        c = finite("c", c)
        low, high = self._ends
        return Interval(low + c, high + c)

    def scale(self, c: npt.ArrayLike) -> Interval:
        """The interval of all `c x` (`c` finite; a negative one swaps the ends, 0 leaves the point 0)."""
        c = finite("c", c)
        low, high = self._ends
        with np.errstate(invalid="ignore"):
            ends = np.where(c == 0, 0.0, c * low), np.where(c == 0, 0.0, c * high)
        scaled_low, scaled_high = np.minimum(*ends), np.maximum(*ends)
        return Interval(
            np.where(self._empty, np.inf, scaled_low), np.where(self._empty, -np.inf, scaled_high)
        )

    def intersect(self, other: Interval) -> Interval:
        """The points of both intervals; empty where they do not meet."""
        low = np.maximum(self._ends[0], other._ends[0])
        high = np.minimum(self._ends[1], other._ends[1])
        apart = low > high
        return Interval(np.where(apart, np.inf, low), np.where(apart, -np.inf, high))

    @property
    def _ends(self) -> tuple[Array, Array]:
        return np.asarray(self.low, dtype=np.float64), np.asarray(self.high, dtype=np.float64)

    @property
    def _empty(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self._ends[0] > self._ends[1])


Interval.everything = Interval(-np.inf, np.inf)


def _flags(mask: npt.NDArray[np.bool_]) -> Flags:
    return bool(mask) if np.ndim(mask) == 0 else mask
