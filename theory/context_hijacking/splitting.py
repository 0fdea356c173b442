"""Radii at which the integrand of the hijack error is not smooth: where panels of the quadrature end (R7).

Those at which the threshold for u leaves its range, kappa (1 +- y r) = 1 - s c rho, are found exactly: log|kappa| +
log|1 +- y r| is concave between its zeros, so that at most two of them lie between two zeros.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from theory.numerics import sphere

Array = npt.NDArray[np.float64]
Rates = tuple[Array, npt.NDArray[np.int64]]
"""alpha_l N, rising, and how many layers have each."""

TINY = 1e-300
BELOW, ABOVE = 6.2, 8.7  # distances from the peak of a chi density beyond which its mass is below 1e-16
LEAST_DENSITY = -36.0  # logarithm of the least density, beside its peak, that counts
CLOSE, CLOSEST = 0.1, 1e-15  # 1 - s c rho to 0: between them kappa's levels count
LEVEL_RATIO, MOST_LEVELS = 16.0, 13


@kernel
def most(rates: int) -> int:
    """How many ends and split points there may be."""
    return 6 + (8 + 4 * MOST_LEVELS) * (rates + 2)


@kernel
def fill(
    rates: Rates,
    freedom: int,
    window: tuple[float, float],
    tilt: float,
    rooms: tuple[float, float],
    splits: Array,
) -> int:
    """Fill the ends and split points of the integral over the radius, rising; return their number."""
    low, high = window
    splits[0], splits[1] = low, high
    count = 2  # nothing happens at a zero of kappa: the threshold is far out on both sides
    ends = np.empty(rates[0].size + 3)
    for side in range(2):
        lean = (1.0 - 2.0 * side) * sphere.reach(freedom) * tilt
        ends[0] = low
        size = 1
        for k in range(rates[0].size):
            if low < rates[0][k] ** -0.5 < high:
                ends[size] = rates[0][k] ** -0.5
                size += 1
        if lean < 0.0 and low < -1.0 / lean < high:
            ends[size] = -1.0 / lean
            if rooms[0] == 0.0 or rooms[1] == 0.0:
                splits[count] = ends[size]
                count += 1
            size += 1
        ends[size] = high
        _sort(ends, size + 1)
        for k in range(size):
            zeros = k > 0, k < size - 1
            count = _add_crossings(rates, lean, rooms[0], ends[k], ends[k + 1], zeros, splits, count)
            if rooms[0] > rooms[1]:
                count = _add_crossings(rates, lean, rooms[1], ends[k], ends[k + 1], zeros, splits, count)
        if lean == 0.0:
            break
    _sort(splits, count)
    return count


@kernel
def add_levels(rates: Rates, room: float, splits: Array, count: int) -> int:
    """Append zeros of kappa, and radii at which its size is 1 - s c rho times powers of 16; return the number of all.

    The threshold for u is a function of (1 - s c rho)/kappa: where that numerator is small it turns in narrow ranges of
    radii beside the zeros of kappa, which no number of nodes finds by chance.
    """
    low, high = splits[0], splits[count - 1]
    left = low
    is_zero = False
    for k in range(rates[0].size, -1, -1):
        right = rates[0][k - 1] ** -0.5 if k else high
        if right <= low or (k and right >= high):
            continue
        zeros = is_zero, k > 0
        level = max(abs(room), CLOSEST)
        while level < CLOSE:
            count = _add_crossings(rates, 0.0, level, left, right, zeros, splits, count)
            count = _add_crossings(rates, 0.0, -level, left, right, zeros, splits, count)
            level *= LEVEL_RATIO
        if k:
            splits[count] = right
            count += 1
        left, is_zero = right, True
    _sort(splits, count)
    return count


@kernel
def span(freedom: int) -> tuple[float, float]:
    """Radii between which the density counts: Newton's method on its logarithm, concave, from outside."""
    power = freedom - 1.0
    peak = math.sqrt(power)
    low, high = max(peak - BELOW, 0.0), peak + ABOVE
    if peak > 0.0:
        low = max(low, peak * math.exp(LEAST_DENSITY / power - 0.5))
        for _ in range(3):
            low -= _log_excess(low, power, peak) / (power / low - low)
            high -= _log_excess(high, power, peak) / (power / high - high)
    return low, high


@kernel
def _log_excess(r: float, power: float, peak: float) -> float:
    """Logarithm of r^power exp(-r^2/2) beside its peak and the least that counts."""
    return power * math.log(r / peak) - 0.5 * (r - peak) * (r + peak) - LEAST_DENSITY


@kernel
def _sort(values: Array, count: int) -> None:
    for k in range(1, count):
        value, place = values[k], k
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@kernel
def _product(rates: Rates, lean: float, r: float) -> tuple[float, float]:
    """log|kappa (1 + lean r)|, concave between two of its zeros, and its slope."""
    factor = 1.0 + lean * r
    value = math.log(abs(factor)) if factor else -math.inf
    slope = lean / (factor if factor else -TINY)
    for k in range(rates[0].size):
        rate, layers = rates[0][k], rates[1][k]
        factor = 1.0 - rate * r * r
        value += layers * (math.log(abs(factor)) if factor else -math.inf)
        slope -= 2.0 * layers * rate * r / (factor if factor else TINY)
    return value, slope


@kernel
def _add_crossings(
    rates: Rates,
    lean: float,
    target: float,
    left: float,
    right: float,
    zeros: tuple[bool, bool],
    splits: Array,
    count: int,
) -> int:
    """Append the radii at which the product equals a target, at most two between two zeros of the product.

    `zeros` says which of the two ends are zeros: rounded, the product may be far from 0 there.
    """
    middle = 0.5 * (left + right)
    flips = 0 if 1.0 + lean * middle > 0.0 else 1
    for k in range(rates[0].size):
        flips += rates[1][k] * (rates[0][k] * middle * middle > 1.0)
    if target == 0.0 or (target > 0.0) != (flips % 2 == 0):
        return count
    level = math.log(abs(target))
    at_left = -math.inf if zeros[0] else _product(rates, lean, left)[0]
    at_right = -math.inf if zeros[1] else _product(rates, lean, right)[0]
    inner = left
    if at_left < level:
        inner = right if at_right >= level else _summit(rates, lean, level, left, right)
    if _product(rates, lean, inner)[0] >= level:
        if at_left < level:
            splits[count] = _outward_root(rates, lean, level, inner, left)
            count += 1
        if at_right < level:
            splits[count] = _outward_root(rates, lean, level, inner, right)
            count += 1
    return count


@kernel
def _summit(rates: Rates, lean: float, level: float, left: float, right: float) -> float:
    """A point at which a concave function is above a level, if there is one."""
    low, high = left, right
    while high - low > 1e-9 * right:
        middle = 0.5 * (low + high)
        value, slope = _product(rates, lean, middle)
        if value > level or value + abs(slope) * (high - middle) < level:  # above it, or nowhere above it
            return middle
        if slope > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def _outward_root(rates: Rates, lean: float, level: float, inner: float, end: float) -> float:
    """Where the product falls to the level on the way from a point above it to an end."""
    gap, r = end - inner, inner
    value, slope = math.inf, 0.0
    for _ in range(50):  # the end itself may be a zero of the product, with no slope to follow
        gap *= 0.5
        r = end - gap
        value, slope = _product(rates, lean, r)
        if value < level:
            break
    if value >= level:
        return end
    for _ in range(60):  # Newton's method on a concave function, from below: monotone
        step = (value - level) / slope
        r -= step
        # what is left is of the order of its square beside the distance from a zero, which the end may be
        if abs(step) <= min(1e-9 * r, 1e-6 * abs(end - r) + 4e-16 * r):
            break
        value, slope = _product(rates, lean, r)
    return min(max(r, min(inner, end)), max(inner, end))
