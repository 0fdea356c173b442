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

from lemmata.records import Asymptotic, Result
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

RESULTS = (
    Result(
        ridge_regression_error,
        RidgeRegression,
        source="R1",
        nature=Asymptotic("tokens", "dimension", order=1),
        formula="E = gamma^2 [1+2m+(1+rho)m^2] / (1+(1+rho)m)^2 / [1/m^2 - c/(1+m)^2],  m = m(-gamma), c = p/n",
    ),
)

__all__ = [
    "RESULTS",
    "Aligned",
    "Attention",
    "Balanced",
    "Gram",
    "Independent",
    "RidgeRegression",
    "Softmax",
    "Spherical",
    "Strong",
    "Unbalanced",
    "ridge_regression_error",
]
