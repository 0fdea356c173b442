"""Limit of the memorization error of attention, and of its two parts.

The error on a unit vector v is gamma^2 v^T Q^2 v, Q = (G + gamma)^-1. For labels that are balanced (or a_2 = 0),

    E = T/(1 + rho) + rho/(1 + rho) S,

T the error on pure noise and S that on the matched filter X^T mu.

References
----------
arXiv 2506.18656, Theorem 1; R4, R5, R8 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.attention_memorization import bulk
from theory.attention_memorization.limit import Limit, limit_of
from theory.attention_memorization.models import Attention
from theory.attention_memorization.perturbation import error_on, of_weights, of_weights_and_labels

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The limit along an array of ridges.

    Parameters
    ----------
    ridge : array
        Ridges gamma.
    error : array
        E, the memorization error.
    trace_error : array
        T, the error on labels of pure noise.
    matched_filter_error : array
        S, the error on the unit vector along X^T mu.
    resolvent_trace : array
        q = lim tr Q / n.
    """

    ridge: Array
    error: Array
    trace_error: Array
    matched_filter_error: Array
    resolvent_trace: Array


def memorization_error(model: Attention) -> float:
    """Limit of the memorization error E of attention.

    E = -gamma^2 dPsi/dgamma, Psi = lim y^T Q(gamma) y / n.

    Parameters
    ----------
    model : Attention

    Returns
    -------
    float
        Mean squared residual, between 0 and 1.

    Raises
    ------
    DomainError
        If the model lies outside the theorem's scaling or the domain of `Limit`.

    References
    ----------
    arXiv 2506.18656, Theorem 1; R4, for unbalanced labels R8.
    """
    return float(_at_own_ridge(model).error[0])


def trace_error(model: Attention) -> float:
    """Limit of the error T on labels that are pure noise, gamma^2 tr Q^2 / n.

    It does not depend on the signal or the weights.

    Parameters
    ----------
    model : Attention

    Returns
    -------
    float
        Between max(0, 1 - c) and 1.

    Raises
    ------
    DomainError
        As for `memorization_error`.

    References
    ----------
    arXiv 2506.18656; R5.
    """
    return float(_at_own_ridge(model).trace_error[0])


def matched_filter_error(model: Attention) -> float:
    """Limit of the error S = gamma^2 v^T Q^2 v on the unit vector v along X^T mu.

    Without signal it is the limit as mu -> 0 with weights orthogonal to mu.

    Parameters
    ----------
    model : Attention

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    DomainError
        As for `memorization_error`.

    References
    ----------
    arXiv 2506.18656; R5.
    """
    return float(_at_own_ridge(model).matched_filter_error[0])


def resolvent_trace(model: Attention) -> float:
    """Limit of the normalised trace q = tr Q(gamma) / n of the resolvent.

    Parameters
    ----------
    model : Attention

    Returns
    -------
    float
        Between 0 and 1/gamma.

    Raises
    ------
    DomainError
        As for `memorization_error`.

    References
    ----------
    arXiv 2506.18656; R3.
    """
    return float(_at_own_ridge(model).resolvent_trace[0])


def error_curve(model: Attention | Limit, ridges: Any) -> Curve:
    """The limit at many ridges, each solved from its neighbour.

    Parameters
    ----------
    model : Attention or Limit
        Its own ridge is not used.
    ridges : array
        Ridges gamma, in any order.

    Returns
    -------
    Curve
        In the order of `ridges`.

    Raises
    ------
    DomainError
        If a ridge is not positive, or as for `memorization_error`.

    References
    ----------
    arXiv 2506.18656, Theorem 1; R3, R4, R5, R8.
    """
    limit = limit_of(model) if isinstance(model, Attention) else model
    ridge = np.asarray(ridges, dtype=float)
    if ridge.ndim != 1 or not len(ridge) or not np.all((ridge > 0) & np.isfinite(ridge)):
        raise DomainError("ridges", ridges, "a list of finite real numbers > 0")
    hermite = limit.hermite
    law = bulk.law_of(limit.ratio, hermite.linear, hermite.power, limit.diagonal)
    solution = bulk.solve(law, limit.snr, ridge / hermite.power)
    noise = -solution.ridge * solution.trace * solution.trace_slope
    gram, snr = limit.weights.matrix, limit.snr
    if limit.mean != 0 and hermite.quadratic != 0:
        quadratic = hermite.quadratic / math.copysign(math.sqrt(hermite.power), hermite.linear) / limit.ratio
        perturbation = of_weights_and_labels(gram, law.slope, quadratic, limit.mean)
        filtered = error_on(perturbation.matched_filter, perturbation, law, solution)
        error = error_on(perturbation.labels, perturbation, law, solution)
    else:
        perturbation = of_weights(gram, law.slope)
        filtered = error_on(perturbation.matched_filter, perturbation, law, solution)
        error = (noise + snr * filtered) / (1 + snr)
    return Curve(ridge, error, noise, filtered, solution.trace / hermite.power)


def _at_own_ridge(model: Attention) -> Curve:
    return error_curve(model, [model.ridge])
