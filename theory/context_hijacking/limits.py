"""Training risk of many examples: the limit of random matrices, gradient flow, ridge, the leading order (R5, R6).

As n and d grow at a fixed ratio gamma = d/n, the eigenvalues t of S/n fill the Marchenko-Pastur law mu, and a filter
p(t) with p(0) = 1 has the excess risk

    E2 int p^2 dmu + v int ((1 - p)/t)^2 t dmu,   E2 = c^2 - 2 c tau E[rho] + tau^2,   v = (1 - 2/pi) gamma.

The measure t dmu is a semicircle with a polynomial weight: Gauss-Chebyshev nodes of the second kind are exact for
polynomials, whatever the ratio and the mass of mu at 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.context_hijacking.models import DeepHijack, Depths, Dose, Training, Tuning
from theory.context_hijacking.risk import TAU

Array = npt.NDArray[np.float64]

LONGEST_FLOW = 1e9
MOST_DEPTH = 10**6  # exact quadrature takes a node for each layer

NOISE = 1 - 2 / math.pi
"""Variance of a label that the best linear predictor leaves."""


def excess_training_risk_limit(model: Training) -> float:
    """Limit of the excess training risk as examples and dimension grow at a fixed ratio.

    Parameters
    ----------
    model : Training
        Any depth and schedule; the step size times the number of examples is held fixed. Beyond stability the
        limit is large.

    Raises
    ------
    DomainError
        If the value has no floating-point number, or the depth exceeds 1e6 (`gradient_flow_risk` has no depth).

    References
    ----------
    R5.
    """
    if model.depth > MOST_DEPTH:
        raise DomainError(
            "depth", model.depth, f"at most {MOST_DEPTH}; gradient_flow_risk is the limit beyond"
        )
    eigenvalues, weights = semicircle(model.dimension / model.examples, model.depth + 1)
    kept, learned = np.ones_like(eigenvalues), np.zeros_like(eigenvalues)
    with np.errstate(all="ignore"):  # what overflows is refused below
        for step, layers in model.layers.items():  # learned = (1 - p)/t, without a difference that cancels
            part = step * model.examples * eigenvalues
            logs = layers * np.where(part < 1, np.log1p(-part), np.log1p(part - 2))
            flips = (part > 1) & (layers % 2 == 1)
            learned += kept * np.where(flips, 1 + np.exp(logs), -np.expm1(logs)) / eigenvalues
            kept *= np.where(flips, -1.0, 1.0) * np.exp(logs)
    return _excess(model, kept, learned, weights)


def gradient_flow_risk(model: Training) -> float:
    """Limit of the excess training risk, as above, at infinite depth and the same total step: p(t) = exp(-T n t).

    T = sum_l alpha_l is the time of the flow.

    Raises
    ------
    DomainError
        If T sqrt(n d) exceeds 1e9: the quadrature would need millions of nodes.

    References
    ----------
    R5.
    """
    ratio = model.dimension / model.examples
    time = sum(step * count for step, count in model.layers.items()) * model.examples
    if time * math.sqrt(ratio) > LONGEST_FLOW:
        raise DomainError("step_size", model.step_size, f"such that T sqrt(n d) <= {LONGEST_FLOW:g}")
    nodes = 64 + int(16 * math.sqrt(time * math.sqrt(ratio)))  # the degree that exp(-2 T n t) needs
    eigenvalues, weights = semicircle(ratio, nodes)
    learned = -np.expm1(-time * eigenvalues) / eigenvalues
    return _excess(model, np.exp(-time * eigenvalues), learned, weights)


def ridge_excess_risk(model: Tuning) -> float:
    """Limit of the excess training risk of the best filter of any degree, p(t) = delta/(t + delta), delta = v/B.

    With B = tau^2 (1 - E[rho]^2), gamma = d/n, in closed form
    B [sqrt((1 - gamma + delta)^2 + 4 gamma delta) - (1 - gamma + delta)] / (2 gamma). The ridge parameter n delta =
    d (1 - 2/pi)/B does not depend on n.

    Parameters
    ----------
    model : Tuning
        Depth plays no part: the ridge filter is the limit of infinite depth with steps free to be complex.

    References
    ----------
    R6.
    """
    ratio = model.dimension / model.examples
    uncertainty = prior_uncertainty(model)
    if uncertainty == 0:
        return 0.0
    delta = NOISE * ratio / uncertainty
    shift = 1 - ratio + delta
    root = math.hypot(shift, 2 * math.sqrt(ratio * delta))
    # the difference root - shift without cancellation
    difference = 4 * ratio * delta / (root + shift) if shift > 0 else root - shift
    return uncertainty * difference / (2 * ratio)


def leading_order_step_size(model: Tuning) -> float:
    """Leading order of the optimal step size for many examples: alpha n = 1 - q^(1/L), q = v/(B + v).

    For one layer the exact law alpha n = 1/(1 + v/B + (d - 1)/n) has the same leading order. Multiplied by n L it rises
    from 1 - q at L = 1 to log(1/q): this factor decides whether depth helps a hijacker.

    References
    ----------
    arXiv 2502.15609, Theorem 4.3; R5.
    """
    return -math.expm1(math.log(residual_share(model)) / model.depth) / model.examples


def leading_order_excess_risk(model: Tuning) -> float:
    """Leading order of the excess training risk at the optimal step size: B v/(B + v), at every depth.

    References
    ----------
    arXiv 2502.15609, Theorem 4.3; R5.
    """
    return prior_uncertainty(model) * residual_share(model)


def prior_uncertainty(model: Training | Tuning | Dose | Depths | DeepHijack) -> float:
    """B = tau^2 (1 - E[rho]^2), the squared error of the prior mean."""
    mean = model.prior.mean_correlation(model.dimension)
    return TAU**2 * (1 - mean) * (1 + mean)


def residual_share(model: Tuning | Dose | Depths) -> float:
    """q = v/(B + v): the share of the prior that optimal training leaves in w_L, to leading order."""
    noise = NOISE * model.dimension / model.examples
    return noise / (prior_uncertainty(model) + noise)


def _excess(model: Training, kept: Array, learned: Array, weights: Array) -> float:
    """The two integrals; int p^2 dmu = 1 - int (1 + p) ((1 - p)/t) t dmu, since p(0) = 1 and mu has mass 1."""
    mean = model.prior.mean_correlation(model.dimension)
    shift = model.initial_scale - TAU * mean
    start = shift * shift + prior_uncertainty(model)
    noise = NOISE * model.dimension / model.examples
    with np.errstate(over="ignore", invalid="ignore"):
        bias = 1 - weights @ ((1 + kept) * learned)
        value = float(start * bias + noise * (weights @ learned**2))
    if not math.isfinite(value):
        allowed = "small enough, as initial_scale, that the risk is a floating-point number"
        raise DomainError("step_size", model.step_size, allowed)
    return value


def semicircle(ratio: float, count: int) -> tuple[Array, Array]:
    """Nodes t and weights of the measure t dmu(t), exact for polynomials of degree < 2 count; sum of weights 1."""
    angle = math.pi * np.arange(1, count + 1) / (count + 1)
    weights: Any = 2 * np.sin(angle) ** 2 / (count + 1)
    # 1 + ratio + 2 sqrt(ratio) cos: not below its least value by rounding
    return (1 - math.sqrt(ratio)) ** 2 + 4 * math.sqrt(ratio) * np.cos(0.5 * angle) ** 2, weights
