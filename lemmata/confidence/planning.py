"""Planning: how far from the truth a tool sees, and how many trials a given distance needs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lemmata.confidence.special import normal_quantile
from lemmata.confidence.validation import Array, Values, least, plain, probability

MOST_TRIALS = 2.0**50
"""Trials beyond which planning answers `inf`."""


def student_shift(critical: Array, degrees: Array, power: float) -> Array:
    """Shift `d` for which a noncentral t variable (shift `d`) exceeds `critical` with probability `power`.

    `d = c (1 - 1/(4 nu)) + z sqrt(1 + c^2/(2 nu))`: the sample standard deviation is taken as normal with
    mean `1 - 1/(4 nu)` and variance `1/(2 nu)`; the error is of order `1/nu`.
    """
    return critical * (1 - 1 / (4 * degrees)) + normal_quantile(power) * np.sqrt(
        1 + critical**2 / (2 * degrees)
    )


def smallest_trials(detectable: Callable[[Array], Values], discrepancy: Values, *, first: int = 2) -> Values:
    """Smallest whole number of trials, from `first` on, with `detectable(trials) <= discrepancy`.

    Parameters
    ----------
    detectable : function of an array of trial counts
        Nonincreasing, elementwise (up to lattice effects: then the answer satisfies the inequality and its
        predecessor does not).
    discrepancy : float or array
        Positive.

    Returns
    -------
    float or array
        Whole numbers; inf where `MOST_TRIALS` do not suffice.

    Raises
    ------
    ValueError
        If a discrepancy is not positive and finite.
    """
    target = least("discrepancy", discrepancy, 0.0, strictly=True)

    def enough(trials: Array) -> npt.NDArray[np.bool_]:
        return np.asarray(np.asarray(detectable(trials)) <= target)

    shape = np.broadcast_shapes(target.shape, np.shape(detectable(np.full(target.shape, float(first)))))
    high = np.full(shape, float(first))
    done = np.broadcast_to(enough(high), shape)
    while not done.all() and high.max() < MOST_TRIALS:
        high = np.where(done, high, 2 * high)
        done = np.broadcast_to(enough(high), shape)
    low = np.where(high > first, np.floor(high / 2), first - 1.0)
    while (high - low > 1).any():
        middle = np.clip(np.floor((low + high) / 2), first, None)
        reached = enough(middle) & done
        high = np.where(reached, middle, high)
        low = np.where(reached, low, np.where(high - low > 1, middle, low))
    return plain(np.where(done, high, np.inf))


def check_plan(trials: Values, variance: Values, power: float, *, first: int = 2) -> tuple[Array, Array]:
    """`trials` and `variance` as arrays; ValueError when one, or `power`, is outside its domain."""
    probability("power", power)
    return least("trials", trials, first), least("variance", variance, 0.0)
