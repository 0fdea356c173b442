"""The free fit beside a limit's contrast: T(n) = L + a n^-b with nothing fixed.

It decides nothing by itself; an exponent whose interval leaves out the declared order keeps a limit open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lemmata.confidence import Interval
from lemmata.statistics import Array, Moments

EXPONENTS: Array = np.geomspace(0.05, 8.0, 161)
"""Where the fit looks for the exponent; an interval that reaches an end is open on that side."""


@dataclass(frozen=True)
class FreeFit:
    """Limit and exponent with their intervals, at the level of `z` standard deviations.

    The exponent's interval is infinite on a side that the data leave open (no visible correction, say); where it
    may be arbitrarily small, nothing is known of the limit.
    """

    limit: float
    limit_interval: Interval
    exponent: float
    exponent_interval: Interval

    def __str__(self) -> str:
        if not self.exponent_interval.is_bounded:
            return "free fit: the correction is too small to tell its exponent"
        return (
            f"free fit: limit {self.limit:.6g} in {_brackets(self.limit_interval)}, "
            f"exponent {self.exponent:.3g} in {_brackets(self.exponent_interval)}"
        )


def free_fit(scales: Sequence[float], parts: Sequence[Moments], z: float) -> FreeFit:
    """Weighted least squares, profiled over the exponent (likelihood-ratio intervals).

    Parameters
    ----------
    scales : sequence of float
        Sizes relative to the smallest.
    parts : sequence of Moments
        Of the mean at each size; at least four.
    z : float
        Half width of the intervals in standard deviations.
    """
    from scipy import optimize  # as long to load as all the rest of the referee

    x = np.asarray(scales, dtype=np.float64) / scales[0]
    y = np.array([float(part.mean) for part in parts])
    errors = np.array([float(part.standard_error) for part in parts])
    if not (errors > 0).all():
        return FreeFit(float(y[-1]), Interval.everything, math.nan, Interval.everything)
    share = errors**-2 / (errors**-2).sum()
    center = y - share @ y

    def fit(exponent: Any) -> tuple[Array, Array, Array]:
        """Sum of squares, limit and the limit's standard error at fixed exponents."""
        power = x ** -np.asarray(exponent)[..., None]
        mean = power @ share
        deviation = (power - mean[..., None]) / errors
        spread = (deviation**2).sum(axis=-1)
        slope = deviation @ (center / errors) / spread
        squares = ((center / errors - slope[..., None] * deviation) ** 2).sum(axis=-1)
        error = np.sqrt(1 / (errors**-2).sum() + mean**2 / spread)
        return squares, share @ y - slope * mean, error

    def squares(exponent: float) -> float:
        return float(fit(exponent)[0])

    grid = fit(EXPONENTS)[0]
    nearest = int(grid.argmin())
    around = EXPONENTS[max(nearest - 1, 0)], EXPONENTS[min(nearest + 1, len(EXPONENTS) - 1)]
    found: Any = optimize.minimize_scalar(squares, bounds=around, method="bounded")
    exponent = float(found.x) if found.fun <= grid[nearest] else float(EXPONENTS[nearest])
    ceiling = squares(exponent) + z * z

    inside = np.sort(np.append(EXPONENTS[grid <= ceiling], exponent))
    ends: list[float] = []
    for end, beyond, open_end in (
        (inside[0], EXPONENTS[inside[0] > EXPONENTS][-1:], -math.inf),
        (inside[-1], EXPONENTS[inside[-1] < EXPONENTS][:1], math.inf),
    ):
        if len(beyond):
            low, high = sorted((float(end), float(beyond[0])))
            ends.append(float(optimize.brentq(lambda b: squares(b) - ceiling, low, high)))
        else:
            ends.append(open_end)
    rising, limits, limit_errors = fit(inside)
    reach = limit_errors * np.sqrt(np.maximum(ceiling - rising, 0.0))
    known = math.isfinite(ends[0])
    return FreeFit(
        float(fit(exponent)[1]),
        Interval(float((limits - reach).min()), float((limits + reach).max()))
        if known
        else Interval.everything,
        exponent,
        Interval(*ends),
    )


def _brackets(interval: Interval) -> str:
    return f"[{float(interval.low):.6g}, {float(interval.high):.6g}]"
