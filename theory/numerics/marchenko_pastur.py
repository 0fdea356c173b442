"""The Marchenko-Pastur law of Z^T Z / n, Z with p rows and n columns of independent standard normals.

With the ratio c = p / n, the law has density sqrt((b_+ - b)(b - b_-)) / (2 pi b) on [b_-, b_+], b_+- = (1 +- sqrt c)^2,
and mass max(0, 1 - c) at 0. Its Stieltjes transform m(z) = int dF(b) / (b - z) is the root of
z m^2 + (z + 1 - c) m + 1 = 0 that has positive imaginary part in the upper half plane and is positive for z < 0.

References
----------
V. A. Marchenko and L. A. Pastur (1967), Distribution of eigenvalues for some sets of random matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def support(ratio: float) -> tuple[float, float]:
    """Edges (1 -+ sqrt(ratio))^2 of the continuous part of the law."""
    root = np.sqrt(_ratio(ratio))
    return float((1 - root) ** 2), float((1 + root) ** 2)


def atom(ratio: float) -> float:
    """Mass at zero, max(0, 1 - ratio)."""
    return max(0.0, 1.0 - _ratio(ratio))


def stieltjes(z: Any, ratio: float) -> Any:
    """Stieltjes transform m(z) of the law, elementwise, without cancellation.

    Of the two roots of the quadratic the larger in modulus of `-t + s` and `-(t + s)` is formed, with t = z + 1 - c
    and s = sqrt(z - b_+) sqrt(z - b_-) (principal roots taken separately).

    Parameters
    ----------
    z : float, complex or array
        Points outside the support: negative reals or complex numbers. Real input gives a real result.
    ratio : float
        c = p / n > 0.

    Returns
    -------
    Same shape as `z`.

    Raises
    ------
    ValueError
        If the ratio is not positive and finite, or a real z is not negative.

    References
    ----------
    Result R0 of docs/papers/attention_memorization.md.
    """
    low, high = support(ratio)
    points = np.asarray(z)
    if not np.iscomplexobj(points):
        if not np.all((points < 0) & np.isfinite(points)):
            raise ValueError(f"z = {z!r}: must be finite and negative, or complex outside the support")
        shift = points + (1.0 - ratio)  # 1 - ratio is exact near 1, where digits of z count
        # for z < 0: s < 0 as the product of two imaginary roots; |s|^2 = (b_+ - z)(b_- - z)
        size = np.sqrt(high - points) * np.sqrt(low - points)
        value = np.where(shift > 0, -(shift + size) / (2 * points), 2.0 / (size - np.minimum(shift, 0.0)))
        return value if np.ndim(z) else float(value)
    shift = points + (1.0 - ratio)
    root = np.sqrt(points - high) * np.sqrt(points - low)
    plus, minus = root - shift, -(root + shift)
    value = np.where(np.abs(plus) >= np.abs(minus), plus / (2 * points), 2.0 / minus)
    return value if np.ndim(z) else complex(value)


def inverse_slope(m: Any, ratio: float) -> Any:
    """dz/dm = 1/m^2 - c/(1+m)^2 of the transform's inverse, as a product that does not cancel.

    Equals (1 + m - sqrt(c) m)(1 + m + sqrt(c) m) / (m (1 + m))^2.
    """
    root = np.sqrt(_ratio(ratio))
    return (1 + m - root * m) * (1 + m + root * m) / (m * (1 + m)) ** 2


def _ratio(ratio: float) -> float:
    if not (np.isfinite(ratio) and ratio > 0):
        raise ValueError(f"ratio = {ratio!r}: must be finite and > 0")
    return float(ratio)
