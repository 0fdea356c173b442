"""In-context memorization error of nonlinear attention, and of ridge regression beside it.

Tokens x_i = y_i mu + z_i (label y_i = +-1, Gaussian z_i in R^p, signal-to-noise ratio rho = |mu|^2), i = 1..n, are
fitted by a ridge-regularised linear probe to their own labels; the memorization error is the mean squared residual.
As n and p grow at a fixed ratio c = p / n, it has a limit. For ridge regression on the raw tokens, with
m = m(-gamma) the Stieltjes transform of the Marchenko-Pastur law,

    E = gamma^2 (1 + 2 m + (1 + rho) m^2) / (1 + (1 + rho) m)^2 / (1/m^2 - c/(1 + m)^2).

References
----------
Z. Liao, J. Liu, T. Hou, D. Zou, Z. Ling, arXiv 2506.18656.
"""

from __future__ import annotations

from lemmata.records import Asymptotic, Exact, Result
from theory.attention_memorization.error import (
    Curve,
    error_curve,
    matched_filter_error,
    memorization_error,
    resolvent_trace,
    trace_error,
)
from theory.attention_memorization.exponents import small_ridge_exponent
from theory.attention_memorization.limit import Limit, limit_of
from theory.attention_memorization.models import (
    Aligned,
    Attention,
    Balanced,
    Gram,
    Independent,
    RidgeRegression,
    Softmax,
    Spherical,
    Strong,
    Unbalanced,
)
from theory.attention_memorization.ridge_regression import ridge_regression_error
from theory.attention_memorization.ridgeless import ridgeless_error
from theory.attention_memorization.special import (
    at_equal_eigenvalue,
    even_error,
    hermite_coefficients,
    large_ridge_slope,
    linear_error,
    mean_eigenvalue,
    softmax_equivalent,
    softmax_error,
)

_LIMIT = Asymptotic("tokens", "dimension", order=1)

RESULTS = (
    Result(
        memorization_error,
        Attention,
        source="R4",
        nature=_LIMIT,
        formula="E = -gamma^2 dPsi/dgamma,  Psi = <phi>_uu - g^T (Omega^-1 + Sigma)^-1 g",
    ),
    Result(
        trace_error,
        Attention,
        source="R5",
        nature=_LIMIT,
        formula="T = lim gamma^2 tr Q^2 / n = -gamma^2 dq/dgamma",
    ),
    Result(
        matched_filter_error,
        Attention,
        source="R5",
        nature=_LIMIT,
        formula="S = ((1 + rho) E - T) / rho = lim gamma^2 v^T Q^2 v,  v along X^T mu",
    ),
    Result(
        resolvent_trace,
        Attention,
        source="R3",
        nature=_LIMIT,
        formula="q = int (1 + b D)/P dF,  P = A (1 + b D) + b C^2",
    ),
    Result(
        ridge_regression_error,
        RidgeRegression,
        source="R1",
        nature=Asymptotic("tokens", "dimension", order=1),
        formula="E = gamma^2 [1+2m+(1+rho)m^2] / (1+(1+rho)m)^2 / [1/m^2 - c/(1+m)^2],  m = m(-gamma), c = p/n",
    ),
    Result(
        ridgeless_error,
        Attention,
        source="R6",
        nature=_LIMIT,
        formula="E(0+) = (1-c) [1/(1+rho) + rho/(1+rho) int s2/(w + C^2) dF_x] without weights, 0 if c >= 1",
    ),
    Result(
        hermite_coefficients,
        Attention,
        source="R2",
        nature=Exact(),
        formula="a_1 = E[xi f(xi)],  a_2 = E[(xi^2 - 1) f(xi)]/sqrt 2,  nu = E[f(xi)^2]",
    ),
    Result(
        softmax_error,
        Softmax,
        source="R10",
        nature=_LIMIT,
        formula="E of the activation (e^t - e^(1/2))/e^(1/2): a_1 = 1, nu = e - 1",
    ),
)

__all__ = [
    "RESULTS",
    "Aligned",
    "Attention",
    "Balanced",
    "Curve",
    "Gram",
    "Independent",
    "Limit",
    "RidgeRegression",
    "Softmax",
    "Spherical",
    "Strong",
    "Unbalanced",
    "at_equal_eigenvalue",
    "error_curve",
    "even_error",
    "hermite_coefficients",
    "large_ridge_slope",
    "limit_of",
    "linear_error",
    "matched_filter_error",
    "mean_eigenvalue",
    "memorization_error",
    "resolvent_trace",
    "ridge_regression_error",
    "ridgeless_error",
    "small_ridge_exponent",
    "softmax_equivalent",
    "softmax_error",
    "trace_error",
]
