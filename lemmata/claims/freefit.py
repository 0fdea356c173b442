"""The free fit beside a limit's contrast: T(n) = L + a n^-b with nothing fixed.

It decides nothing by itself; an exponent whose interval leaves out the declared order keeps a limit open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from lemmata.confidence import Interval
from lemmata.statistics import Moments

SMALLEST_EXPONENT, LARGEST_EXPONENT = 0.05, 8.0


@dataclass(frozen=True)
class FreeFit:
    """Limit and exponent with their intervals, at the level of `z` standard deviations.

    The exponent's interval is infinite on a side that the data leave open (no visible correction, say).
    """

    limit: float
    limit_interval: Interval
    exponent: float
    exponent_interval: Interval

    def __str__(self) -> str:
        low, high = float(self.exponent_interval.low), float(self.exponent_interval.high)
        if not (np.isfinite(low) and np.isfinite(high)):
            return "free fit: the correction is too small to tell its exponent"
        return f"free fit: limit {self.limit:.6g}, exponent {self.exponent:.3g} in [{low:.3g}, {high:.3g}]"


def free_fit(scales: Sequence[float], parts: Sequence[Moments], z: float) -> FreeFit:
    """Weighted least squares, profiled over the exponent (likelihood-ratio intervals).

    Parameters
    ----------
    scales : sequence of float
        Sizes relative to the smallest.
    parts : sequence of Moments
        Of the mean at each size; at least four, with positive variances.
    z : float
        Half width of the intervals in standard deviations.
    """
    x = np.asarray(scales, dtype=float) / scales[0]
    y = np.array([float(part.mean) for part in parts])
    errors = np.array([float(part.standard_error) for part in parts])
    if not (errors > 0).all():
        return FreeFit(float(y[-1]), Interval.everything, math.nan, Interval.everything)

    def fit(exponent: float) -> tuple[float, float, float]:
        """Sum of squares, limit and the limit's standard error at a fixed exponent."""
        design = np.stack([np.ones_like(x), x**-exponent], axis=1) / errors[:, None]
        solution, *_ = np.linalg.lstsq(design, y / errors)
        residual = y / errors - design @ solution
        covariance = np.linalg.pinv(design.T @ design)
        return float(residual @ residual), float(solution[0]), float(math.sqrt(covariance[0, 0]))

    grid = np.geomspace(SMALLEST_EXPONENT, LARGEST_EXPONENT, 161)
    squares = np.array([fit(b)[0] for b in grid])
    best = int(squares.argmin())
    bracket = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    exponent = float(optimize.minimize_scalar(lambda b: fit(b)[0], bounds=bracket, method="bounded").x)
    least, limit, _ = fit(exponent)

    def edge(start: int, step: int) -> float:
        """Where the profile first rises by z^2 on one side."""
        i = start
        while 0 <= i < len(grid):
            if squares[i] - least > z * z:
                inner = exponent if i == start else float(grid[i - step])
                return float(optimize.brentq(lambda b: fit(b)[0] - least - z * z, *sorted((inner, float(grid[i])))))
            i += step
        return -math.inf if step < 0 else math.inf

    below = edge(int(np.searchsorted(grid, exponent)) - 1, -1)
    above = edge(int(np.searchsorted(grid, exponent)), 1)
    inside = [b for b in grid if below <= b <= above] + [exponent]
    spans = [fit(b) for b in inside]
    limits = Interval(
        min(centre - z * se for _, centre, se in spans), max(centre + z * se for _, centre, se in spans)
    )
    return FreeFit(limit, limits, exponent, Interval(below, above))
