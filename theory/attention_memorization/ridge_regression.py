"""Ridge regression of the labels on the raw tokens: the yardstick of everything else in the paper (R1)."""

from __future__ import annotations

import math

from theory.attention_memorization.models import RidgeRegression
from theory.numerics import marchenko_pastur


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
