"""Sufficient statistics of Monte Carlo trials, merged without loss in a fixed order.

A chunk of trials is reduced to its count, mean and central power sums (orders 2 to 4) with its extremes;
two such records merge by the pairwise update of Chan, Golub and LeVeque (orders 3 and 4: Pébay). Merging in
chunk order makes the result independent of which worker finished first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and central power sums of trials, elementwise over an output of any shape.

    Attributes
    ----------
    count : int
        Number of trials.
    mean, minimum, maximum : array
        Elementwise over the trials.
    m2, m3, m4 : array
        Sums of the second, third and fourth powers of the deviations from `mean`.
    """

    count: int
    mean: Array
    m2: Array
    m3: Array
    m4: Array
    minimum: Array
    maximum: Array

    @classmethod
    def of(cls, rows: npt.ArrayLike) -> Moments:
        """Moments of an array whose first axis counts the trials (at least one)."""
        rows = np.asarray(rows, dtype=np.float64)
        if rows.ndim == 0 or len(rows) == 0:
            raise ValueError(f"rows of shape {rows.shape}: the first axis must hold at least one trial")
        mean = rows.mean(axis=0)
        deviation = rows - mean
        square = deviation * deviation
        return cls(
            len(rows),
            mean,
            square.sum(axis=0),
            (square * deviation).sum(axis=0),
            (square * square).sum(axis=0),
            rows.min(axis=0),
            rows.max(axis=0),
        )

    def merge(self, other: Moments) -> Moments:
        """Moments of both sets of trials together (`self` first)."""
        a, b = float(self.count), float(other.count)
        n = a + b
        gap = other.mean - self.mean
        mean = self.mean + gap * (b / n)
        m2 = self.m2 + other.m2 + gap**2 * (a * b / n)
        m3 = (
            self.m3
            + other.m3
            + gap**3 * (a * b * (a - b) / n**2)
            + 3.0 * gap * (a * other.m2 - b * self.m2) / n
        )
        m4 = (
            self.m4
            + other.m4
            + gap**4 * (a * b * (a * a - a * b + b * b) / n**3)
            + 6.0 * gap**2 * (a * a * other.m2 + b * b * self.m2) / n**2
            + 4.0 * gap * (a * other.m3 - b * self.m3) / n
        )
        return Moments(
            self.count + other.count,
            mean,
            m2,
            m3,
            m4,
            np.minimum(self.minimum, other.minimum),
            np.maximum(self.maximum, other.maximum),
        )

    def __getitem__(self, index: Any) -> Moments:
        """The moments of the elements that `index` selects from the output."""
        parts = (self.mean, self.m2, self.m3, self.m4, self.minimum, self.maximum)
        return Moments(self.count, *(np.asarray(part)[index] for part in parts))

    @property
    def variance(self) -> Array:
        """Unbiased variance of one trial; NaN for a single trial."""
        if self.count < 2:
            return np.full_like(self.mean, np.nan)
        return self.m2 / (self.count - 1)

    @property
    def standard_error(self) -> Array:
        """Standard error of `mean`; NaN for a single trial."""
        return np.sqrt(self.variance / self.count)

    @property
    def skewness(self) -> Array:
        """Skewness of one trial; 0 where the trials do not vary."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.sqrt(self.count) * self.m3 / self.m2**1.5
        return np.where(self.m2 > 0, value, 0.0)

    @property
    def excess_kurtosis(self) -> Array:
        """Excess kurtosis of one trial; 0 where the trials do not vary."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value = self.count * self.m4 / self.m2**2 - 3.0
        return np.where(self.m2 > 0, value, 0.0)


def merged(parts: Sequence[Moments]) -> Moments:
    """Merge a non-empty sequence from left to right."""
    return reduce(Moments.merge, parts)


def linear_combination(weights: Sequence[float], parts: Sequence[Moments]) -> Moments:
    """Moments of `sum_i weights[i] X_i` for *independent* outputs sampled with equal numbers of trials.

    Cumulants of independent variables add, so orders 2 to 4 follow from those of the parts; minimum and
    maximum are the bounds that the parts imply.

    Raises
    ------
    ValueError
        If the numbers of trials differ.
    """
    counts = {part.count for part in parts}
    if len(counts) != 1:
        raise ValueError(f"trials = {sorted(counts)}: a linear combination needs equal numbers of trials")
    n = counts.pop()
    pairs = tuple(zip(weights, parts, strict=True))
    mean = sum(w * p.mean for w, p in pairs)
    m2 = sum(w**2 * p.m2 for w, p in pairs)
    m3 = sum(w**3 * p.m3 for w, p in pairs)
    fourth_cumulant = sum(w**4 * (p.m4 - 3.0 * p.m2**2 / n) for w, p in pairs)
    low = sum(np.minimum(w * p.minimum, w * p.maximum) for w, p in pairs)
    high = sum(np.maximum(w * p.minimum, w * p.maximum) for w, p in pairs)
    as_arrays = (
        np.asarray(x, dtype=np.float64) for x in (mean, m2, m3, fourth_cumulant + 3.0 * m2**2 / n, low, high)
    )
    return Moments(n, *as_arrays)
