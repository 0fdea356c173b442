"""The slope of a straight line through points, and its interval: the tool for rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.interval import Interval
from lemmata.confidence.planning import smallest_trials
from lemmata.confidence.special import normal_quantile, student_quantile
from lemmata.confidence.validation import Array, Values, finite, least, plain, probability


@dataclass(frozen=True, eq=False)
class Slope:
    """A fitted slope.

    Attributes
    ----------
    value, standard_error : float or array
        The slope and its standard error.
    interval : Interval
        At the level asked for.
    """

    value: Values
    standard_error: Values
    interval: Interval


def slope_interval(
    x: npt.ArrayLike, y: npt.ArrayLike, alpha: float, standard_errors: npt.ArrayLike | None = None
) -> Slope:
    """Slope of `y = a + b x` with its interval at level alpha.

    With known standard errors of independent `y`: weighted least squares, `b ± z / sqrt(sum w (x - xbar)^2)`.
    Without: ordinary least squares, the scatter about the line telling the error, with Student's quantile at
    `points - 2` degrees of freedom. Exact for normal `y`. For a rate give the logarithms of sizes and of
    values, with the relative standard errors. Looked at k times, take `spend(alpha, k)` for alpha.

    Parameters
    ----------
    x : array (points,)
        At least 2 different values (3 points when no standard errors are given).
    y : array (points, ...)
        Values; the fit runs along the first axis.
    alpha : float
        Probability of missing the slope, in (0, 1).
    standard_errors : array, optional
        Positive; of the shape of `y`, or (points,).

    Raises
    ------
    ValueError
        If shapes differ, `x` does not vary, or a value is outside its domain.
    """
    x, y = _points(x), finite("y", y)
    alpha = probability("alpha", alpha)
    if y.shape[:1] != x.shape:
        raise ValueError(f"y of shape {y.shape}: its first axis must match x of shape {x.shape}")
    column = x.reshape((-1,) + (1,) * (y.ndim - 1))
    if standard_errors is not None:
        weights = np.broadcast_to(_weights(standard_errors, x, y.ndim), y.shape)
        value, information = _fit(column, y, weights)
        error = 1 / np.sqrt(information)
        reach = -normal_quantile(alpha / 2) * error
    else:
        if len(x) < 3:
            raise ValueError(f"x of {len(x)} points: must be at least 3 when no standard errors are given")
        weights = np.ones_like(y)
        value, information = _fit(column, y, weights)
        residual = y - y.mean(axis=0) - value * (column - x.mean())
        degrees = len(x) - 2
        error = np.sqrt((residual**2).sum(axis=0) / degrees / information)
        reach = -student_quantile(degrees, alpha / 2) * error
        # Points without scatter say nothing about their error.
        scale = np.finfo(np.float64).eps * np.abs(y).max(axis=0) * len(x)
        reach = np.where(np.abs(residual).max(axis=0) > scale, reach, np.inf)
    return Slope(plain(value), plain(error), Interval.around(value, reach))


def slope_detectable(
    x: npt.ArrayLike, standard_errors: npt.ArrayLike, alpha: float, power: float = 0.9
) -> Values:
    """Distance from a point, or from a margin's edge, that is detected with probability `power`."""
    x = _points(x)
    weights = np.broadcast_to(_weights(standard_errors, x, 1), x.shape)
    _, information = _fit(x, x, weights)
    reach = normal_quantile(probability("power", power)) - normal_quantile(probability("alpha", alpha) / 2)
    return plain(reach / np.sqrt(information))


def slope_trials_needed(
    x: npt.ArrayLike, sd: npt.ArrayLike, discrepancy: float, alpha: float, power: float = 0.9
) -> Values:
    """Trials *at each point* after which that distance is detected; `sd` is a trial's standard deviation."""
    spread = least("sd", sd, 0.0, strictly=True)

    def distance(n: Array) -> Values:
        return slope_detectable(x, spread / np.sqrt(n), alpha, power)

    return smallest_trials(distance, discrepancy, first=1)


def _points(x: npt.ArrayLike) -> Array:
    array = finite("x", x)
    if array.ndim != 1 or len(np.unique(array)) < 2:
        raise ValueError(f"x of shape {array.shape}: must be one axis of at least 2 different values")
    return array


def _weights(standard_errors: npt.ArrayLike, x: Array, dimensions: int) -> Array:
    errors = least("standard_errors", standard_errors, 0.0, strictly=True)
    if errors.ndim and errors.shape[:1] != x.shape:
        raise ValueError(
            f"standard_errors of shape {errors.shape}: the first axis must match x of shape {x.shape}"
        )
    if errors.ndim == 1:
        errors = errors.reshape((-1,) + (1,) * (dimensions - 1))
    return 1 / errors**2


def _fit(x: Array, y: Array, weights: Array) -> tuple[Array, Array]:
    """Slope, and the weighted sum of squares of x about its weighted mean."""
    total = weights.sum(axis=0)
    deviation = x - (weights * x).sum(axis=0) / total
    information = np.asarray((weights * deviation**2).sum(axis=0))
    return np.asarray((weights * deviation * y).sum(axis=0) / information), information
