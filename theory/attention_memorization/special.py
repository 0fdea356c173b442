"""Special cases in which the memorization error has a closed form, an integral or an equivalent (R10).

- f(t) = t and no weights: an integral over the Marchenko-Pastur law;
- a_1 = 0 and a zeroed diagonal: a closed form in the law's transform, without any trace of the signal;
- large ridge: E = 1 - 2 M_1/gamma + O(gamma^-2);
- softmax attention with masked diagonal: the activation (e^t - e^(1/2))/e^(1/2).
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.attention_memorization.error import memorization_error
from theory.attention_memorization.limit import NO_SIGNAL, Limit, limit_of
from theory.attention_memorization.models import Attention, Softmax, Unbalanced
from theory.attention_memorization.ridgeless import is_linear
from theory.numerics import marchenko_pastur
from theory.numerics.activations import Coefficients
from theory.numerics.hermite import hermite_data

Array = npt.NDArray[np.float64]

SOFTMAX = Coefficients(linear=1.0, power=math.expm1(1), quadratic=1 / math.sqrt(2))
"""Hermite data of (e^t - e^(1/2))/e^(1/2)."""


def hermite_coefficients(model: Attention) -> Array:
    """The numbers by which a layer's activation enters the limit: a_1, a_2 and nu.

    Parameters
    ----------
    model : Attention

    Returns
    -------
    array, shape (3,)
        a_1 = E[xi f(xi)], a_2 = E[(xi^2 - 1) f(xi)]/sqrt 2 and nu = E[f(xi)^2].

    References
    ----------
    arXiv 2506.18656, Assumption 2; R2.
    """
    data = hermite_data(model.activation)
    return np.array([data.linear, data.quadratic, data.power])


# ------------------------------------------------------------------ linear attention


def linear_error(model: Attention | Limit) -> float:
    """Error of linear attention without weights, int (gamma/(gamma + b C(b)^2))^2 dF_y(b), C(b) = a_1 b/c + d - a_1.

    F_y = F/(1+rho) + rho/(1+rho) F_x with the Marchenko-Pastur law F and the matched-filter measure F_x of R0, which
    has the density b/((1+rho)(c+rho) - rho b) relative to F and, if rho > sqrt c, mass 1 - c/rho^2 at
    (1+rho)(1+c/rho). Composite Gauss-Legendre quadrature on panels graded towards edges and the zero of C.

    Raises
    ------
    DomainError
        If the activation is not linear, or neither w_K nor w_Q is zero, and as for `limit_of`.

    References
    ----------
    arXiv 2506.18656; R10.
    """
    limit = _as_limit(model)
    data = limit.hermite
    if not is_linear(data):
        raise DomainError("activation", data, "linear (nu = a_1^2)")
    if limit.weights.matrix[1][1] and limit.weights.matrix[2][2]:
        raise DomainError("alignment", limit.weights, "without weights; use memorization_error")

    def residual(b: Any) -> Any:
        kernel = data.linear * b / limit.ratio + limit.diagonal - data.linear
        return (limit.ridge / (limit.ridge + b * kernel**2)) ** 2

    zero = limit.ratio * (1 - limit.diagonal / data.linear)
    noise, matched = _bulk_integrals(residual, limit.ratio, limit.snr, zero)
    noise += marchenko_pastur.atom(limit.ratio)
    if limit.snr > math.sqrt(limit.ratio):
        outlier = (1 + limit.snr) * (1 + limit.ratio / limit.snr)
        matched += (1 - limit.ratio / limit.snr**2) * residual(outlier)
    return float((noise + limit.snr * matched) / (1 + limit.snr))


def _bulk_integrals(function: Any, ratio: float, snr: float, zero: float) -> tuple[float, float]:
    """Integrals of a function of b against the continuous parts of F and F_x.

    With b = b_- + 4 sqrt(c) sin^2(t/2), 0 < t < pi, dF = (2 sqrt(c) sin t)^2/(2 pi b) dt.
    """
    low, _ = marchenko_pastur.support(ratio)
    root = math.sqrt(ratio)
    place = 2 * math.asin(math.sqrt(min(max((zero - low) / (4 * root), 0.0), 1.0)))
    nodes, weights = _graded(sorted({0.0, place, math.pi}))
    b = low + 4 * root * np.sin(nodes / 2) ** 2
    density = 2 * ratio * np.sin(nodes) ** 2 / math.pi * weights * function(b)
    # (1+rho)(c+rho) - rho b, which vanishes at the upper edge if rho = sqrt c, without cancellation
    distance = (snr - root) ** 2 + 4 * snr * root * np.cos(nodes / 2) ** 2
    return float(np.sum(density / b)), float(np.sum(density / distance))


def _graded(breaks: list[float]) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on panels whose widths halve towards every break, down to 1e-15."""
    points, rule = np.polynomial.legendre.leggauss(20)
    halves = 2.0 ** -np.arange(50, 0, -1)
    unit = np.concatenate([[0.0], halves, 1 - halves[-2::-1], [1.0]])
    nodes, weights = [], []
    for start, end in pairwise(breaks):
        edges = start + (end - start) * unit
        half = np.diff(edges)[:, None] / 2
        nodes.append((edges[:-1, None] + half * (1 + points)).ravel())
        weights.append((half * rule).ravel())
    return np.concatenate(nodes), np.concatenate(weights)


# ------------------------------------------------------------------ no linear component


def even_error(model: Attention | Limit) -> float:
    """Error if a_1 = 0 and the diagonal is zeroed: the same for every signal, weight and label balance 0.

    x = A/s2, s2 = nu/c, solves s2 x^2 m(-x) = gamma, and with m' = dm/dz

        E = gamma^2 / (A^2 [2 x m(-x) - x^2 m'(-x)]).

    Raises
    ------
    DomainError
        If a_1 or d is not zero, if labels are unbalanced and a_2 is not zero, and as for `limit_of`.

    References
    ----------
    arXiv 2506.18656; R10.
    """
    from scipy.optimize import brentq

    limit = _as_limit(model)
    data, ratio = limit.hermite, limit.ratio
    if data.linear:
        raise DomainError("activation", data, "without linear component (a_1 = 0)")
    if limit.diagonal:
        raise DomainError("diagonal", limit.diagonal, "zeroed")
    if limit.mean and data.quadratic:
        raise DomainError("labels.mean", limit.mean, "0, since a_2 is not zero (R8)")
    noise = data.power / ratio
    target = math.log(limit.ridge / noise)

    def excess(log_x: float) -> float:
        return 2 * log_x + math.log(marchenko_pastur.stieltjes(-math.exp(log_x), ratio)) - target

    # gamma <= A <= gamma + nu, with room for rounding
    low, high = target - 1e-9, math.log((limit.ridge + data.power) / noise) + 1e-9
    x = math.exp(float(brentq(excess, low, high, xtol=1e-15, rtol=1e-15)))
    m = marchenko_pastur.stieltjes(-x, ratio)
    slope = 1 / marchenko_pastur.inverse_slope(m, ratio)
    # with gamma = s2 x^2 m the ridge cancels
    return float(x * m * m / (2 * m - x * slope))


# ------------------------------------------------------------------ large ridge


def mean_eigenvalue(model: Attention | Limit) -> float:
    """lim (1/n) tr G of G = K^T X^T X K/n: nu + a_1^2/c with a zeroed diagonal; c for ridge regression.

    The trace version of `large_ridge_slope`: T = 1 - 2 (1/n) tr G/gamma + O(gamma^-2).

    Raises
    ------
    DomainError
        As for `large_ridge_slope`.

    References
    ----------
    arXiv 2506.18656; R10, C3.
    """
    return large_ridge_slope(replace(_as_limit(model), weights=NO_SIGNAL))


def large_ridge_slope(model: Attention | Limit) -> float:
    """M_1 = lim y^T G y/n, by which the error falls at a large ridge: E = 1 - 2 M_1/gamma + O(gamma^-2).

    M_1 = nu - a_1^2 + lim |X v|^2/n^2 with v = C(B) y + (a_1/c)(mu . w_Q) X^T w_K/n, that is moments of F_y, of F_x
    (of the forms between y and X^T w) and of the measure of X^T w_K.

    Raises
    ------
    DomainError
        If labels are unbalanced and a_2 is not zero, and as for `limit_of`.

    References
    ----------
    arXiv 2506.18656; R10.
    """
    limit = _as_limit(model)
    data, c = limit.hermite, limit.ratio
    if limit.mean and data.quadratic:
        raise DomainError("labels.mean", limit.mean, "0, since a_2 is not zero (R8)")
    (snr, signal_key, signal_query), (_, key, _), _ = limit.weights.matrix
    slope, shift = data.linear / c, limit.diagonal - data.linear
    noise = np.array([c, c + c**2, c + 3 * c**2 + c**3])  # int b, b^2, b^3 dF
    a = 1 + snr + c
    matched = np.array([a, a**2 + c, a**3 + 2 * a * c + c * (1 + c)])  # of F_x
    label = (noise + snr * matched) / (1 + snr)
    own = float(label @ [shift**2, 2 * shift * slope, slope**2])
    through = slope * signal_query
    mixed = signal_key * float(matched[:2] @ [shift, slope])
    weight = key * (1 + c) + signal_key**2 * (2 + snr + c)  # int b dF_ww for w = w_K
    return data.power - data.linear**2 + own + 2 * through * mixed + through**2 * weight


def at_equal_eigenvalue(model: Attention | Limit) -> Limit:
    """The layer whose activation is scaled so that (1/n) tr G is that of ridge regression, c.

    E(gamma; s f) = E(gamma/s^2; f) for every s > 0, so that errors at equal ridge mean nothing before the scale of f
    is fixed: s^2 = c/(lim (1/n) tr G).

    Raises
    ------
    DomainError
        As for `large_ridge_slope`.

    References
    ----------
    arXiv 2506.18656; R10, C3.
    """
    limit = _as_limit(model)
    square = limit.ratio / mean_eigenvalue(limit)
    data = limit.hermite
    scaled = Coefficients(
        linear=math.sqrt(square) * data.linear,
        power=square * data.power,
        quadratic=math.sqrt(square) * data.quadratic,
    )
    return replace(limit, hermite=scaled, diagonal=math.sqrt(square) * limit.diagonal)


# ------------------------------------------------------------------ softmax


def softmax_error(model: Softmax) -> float:
    """Limit of the memorization error of softmax attention with masked diagonal, over keys or queries alike.

    That of the activation (e^t - e^(1/2))/e^(1/2), whose a_1 = 1 and nu = e - 1.

    Raises
    ------
    DomainError
        As for `softmax_equivalent`.

    References
    ----------
    R10 (beyond arXiv 2506.18656).
    """
    return memorization_error(softmax_equivalent(model))


def softmax_equivalent(model: Softmax) -> Attention:
    """The entrywise layer with the same limit: the activation (e^t - e^(1/2))/e^(1/2) and a zeroed diagonal.

    Each sum of exponentials is n e^(1/2) (1 + o(1)). What is constant along the tokens is not seen by labels of
    mean zero: the mean of the attention weights, and the sums' own fluctuations, which go with token norms.

    Raises
    ------
    DomainError
        Without the mask, and with unbalanced labels.

    References
    ----------
    R10 (beyond arXiv 2506.18656).
    """
    if not model.masked:
        raise DomainError(
            "masked",
            model.masked,
            "true: without the mask exp(|x_i|^2/sqrt p) makes every token attend to itself alone, K tends to a "
            "multiple of the identity, and the layer to ridge regression at a much smaller ridge",
        )
    if isinstance(model.labels, Unbalanced) and model.labels.mean:
        raise DomainError(
            "labels.mean",
            model.labels.mean,
            "0: the mean of a softmax, which is not zero, and the sums that it divides by would act on the labels",
        )
    return Attention(
        model.tokens,
        model.dimension,
        ridge=model.ridge,
        snr=model.snr,
        activation=SOFTMAX,
        alignment=model.alignment,
        labels=model.labels,
    )


def _as_limit(model: Attention | Limit) -> Limit:
    return model if isinstance(model, Limit) else limit_of(model)
