"""Polynomials in place of special functions, for loops that have to become vector instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


def interpolating(
    function: Callable[[Array], Array], degree: int, low: float, high: float
) -> tuple[float, ...]:
    """Coefficients, highest power first, of the polynomial that meets `function` in Chebyshev nodes of [low, high]."""
    series = np.polynomial.Chebyshev.interpolate(function, degree, (low, high))
    powers = series.convert(kind=np.polynomial.Polynomial).coef
    return tuple(powers[::-1].tolist())
