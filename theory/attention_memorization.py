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

import math

from lemmata.models import Model, real, whole
from lemmata.records import Asymptotic, Result
from theory.numerics import marchenko_pastur


class RidgeRegression(Model):
    """Ridge regression of the labels on the tokens themselves.

    Parameters
    ----------
    tokens : int
        Number of tokens n.
    dimension : int
        Embedding dimension p.
    ridge : float
        Ridge gamma; the penalty of the probe w is n gamma |w|^2.
    snr : float
        Signal-to-noise ratio rho = |mu|^2.
    """

    tokens: int = whole(least=1, doc="number of tokens n")
    dimension: int = whole(least=1, doc="embedding dimension p")
    ridge: float = real(above=0, doc="ridge gamma")
    snr: float = real(least=0, doc="signal-to-noise ratio rho = |mu|^2")


def ridge_regression_error(model: RidgeRegression) -> float:
    """Limit of the training error of ridge regression.

    With c = dimension / tokens, gamma = ridge, rho = snr and m = m(-gamma) > 0 the Stieltjes transform of the
    Marchenko-Pastur law: E = gamma^2 [1 + 2m + (1+rho) m^2] / (1+(1+rho)m)^2 / [1/m^2 - c/(1+m)^2].

    Parameters
    ----------
    model : RidgeRegression

    Returns
    -------
    float
        Mean squared residual, between 0 and 1 (the error of predicting zero).

    References
    ----------
    arXiv 2506.18656, Proposition 2; R1.
    """
    ratio = model.dimension / model.tokens
    m = marchenko_pastur.stieltjes(-model.ridge, ratio)
    # the same formula in b = m/(1+m), divided through by (1+m)^2: no overflow at small ridge, no cancellation at c = 1
    b = m / (1 + m)
    fall = 1 + model.snr * b
    signal = (1 + model.snr * b * b) / fall / fall
    root = math.sqrt(ratio)
    slope = (1 + (1 - root) * m) / (1 + m) * ((1 + (1 + root) * m) / (1 + m))
    return (model.ridge * m) ** 2 * signal / slope


RESULTS = (
    Result(
        ridge_regression_error,
        RidgeRegression,
        source="R1",
        nature=Asymptotic("tokens", "dimension", order=1),
        formula="E = gamma^2 [1+2m+(1+rho)m^2] / (1+(1+rho)m)^2 / [1/m^2 - c/(1+m)^2],  m = m(-gamma), c = p/n",
    ),
)
