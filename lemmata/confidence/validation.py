"""Checks of arguments: bad input ends in a `ValueError` that names parameter, value and allowed domain."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.statistics import Moments

Array = npt.NDArray[np.float64]
Values = float | Array
"""A number, or numbers elementwise over an output of any shape."""


def probability(name: str, value: float) -> float:
    """`value` as a float, which must lie strictly between 0 and 1."""
    number = float(value)
    if not 0.0 < number < 1.0:
        raise ValueError(f"{name} = {value!r}: must lie strictly between 0 and 1")
    return number


def positive(name: str, value: float) -> float:
    """`value` as a float, which must be positive and finite."""
    number = float(value)
    if not 0.0 < number < np.inf:
        raise ValueError(f"{name} = {value!r}: must be positive and finite")
    return number


def whole(name: str, value: int, least: int = 1) -> int:
    """`value` as an int, which must be a whole number of at least `least`."""
    if isinstance(value, bool) or float(value) != int(value) or value < least:
        raise ValueError(f"{name} = {value!r}: must be a whole number, at least {least}")
    return int(value)


def numbers(name: str, value: npt.ArrayLike) -> Array:
    """`value` as a float array without NaN (infinities are let through)."""
    array = np.asarray(value, dtype=np.float64)
    if np.isnan(array).any():
        raise ValueError(f"{name} holds {_count(np.isnan(array))} NaN: must hold numbers")
    return array


def finite(name: str, value: npt.ArrayLike) -> Array:
    """`value` as an array of finite floats."""
    array = np.asarray(value, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds {_count(~np.isfinite(array))} NaN or infinite: must be finite")
    return array


def least(name: str, value: npt.ArrayLike, bound: float, *, strictly: bool = False) -> Array:
    """`value` as an array of finite floats, each at least (or, strictly, above) `bound`."""
    array = finite(name, value)
    if bool((array <= bound).any() if strictly else (array < bound).any()):
        raise ValueError(
            f"{name} = {_smallest(array)}: must be {'above' if strictly else 'at least'} {bound:g}"
        )
    return array


def trial_counts(name: str, value: npt.ArrayLike, bound: int = 1) -> Array:
    """`value` as an array of whole trial counts, each at least `bound`."""
    array = least(name, value, bound)
    if bool((array != np.floor(array)).any()):
        raise ValueError(f"{name} = {value!r}: must be whole numbers")
    return array


def sound(moments: Moments) -> Moments:
    """`moments`, whose mean and second power sum must be finite."""
    finite("moments.mean", moments.mean)
    least("moments.m2", moments.m2, 0.0)
    whole("moments.count", moments.count)
    return moments


def plain(array: npt.ArrayLike) -> Values:
    """A zero-dimensional array as a float, any other as it is."""
    array = np.asarray(array, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def _count(mask: Any) -> str:
    total = int(np.size(mask))
    return f"{int(np.sum(mask))} of {total} values" if total > 1 else "a value that is"


def _smallest(array: Array) -> str:
    value = f"{float(array.min()):g}"
    return value if array.size == 1 else f"{value} (smallest of {array.size})"
