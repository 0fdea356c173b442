"""The special functions used here, with types: SciPy ships none."""

# pyright: reportMissingTypeStubs=false
from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.confidence.validation import Array

_special: Any = special


def normal_quantile(p: float) -> float:
    """Quantile of the standard normal law."""
    return float(_special.ndtri(p))


def student_cdf(degrees: npt.ArrayLike, t: npt.ArrayLike) -> Array:
    """Distribution function of Student's law."""
    return np.asarray(_special.stdtr(degrees, t))


def student_quantile(degrees: npt.ArrayLike, p: float) -> Array:
    """Quantile of Student's law."""
    return np.asarray(_special.stdtrit(degrees, p))


def beta_cdf(a: npt.ArrayLike, b: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """Distribution function of the beta law."""
    return np.asarray(_special.betainc(a, b, x))


def beta_quantile(a: npt.ArrayLike, b: npt.ArrayLike, p: float) -> Array:
    """Quantile of the beta law."""
    return np.asarray(_special.betaincinv(a, b, p))


def beta_upper_quantile(a: npt.ArrayLike, b: npt.ArrayLike, p: float) -> Array:
    """The point that a beta variable exceeds with probability p."""
    return np.asarray(_special.betainccinv(a, b, p))


def log_beta(a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    """Logarithm of the beta function."""
    return np.asarray(_special.betaln(a, b))


def logistic(x: npt.ArrayLike) -> Array:
    """`1 / (1 + exp(-x))`."""
    return np.asarray(_special.expit(x))


def times_log(k: npt.ArrayLike, p: npt.ArrayLike) -> Array:
    """`k log p`, 0 for k = 0."""
    return np.asarray(_special.xlogy(k, p))
