"""Mean overshoot of a random walk over a far level.

For Gaussian steps of mean m >= 0 and unit variance, S_n their sums (Spitzer's identity):

    rho(m) = (1 + m^2)/(2m) - sum_n E max(-S_n, 0)/n = -zeta(1/2)/sqrt(2 pi) + m/4 + O(m^2);

steps with a third cumulant k3 add k3/6 to leading order in m.

References
----------
D. Siegmund (1985), Sequential Analysis, chapters 8 and 10; J. T. Chang, Y. Peres (1997), Annals of Probability 25.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

_SMALL = 0.25
_ZETA = (-0.2078862249773546, -0.0254852018898330, 0.0085169287778503)
"""zeta at -1/2, -3/2, -5/2."""
_AT_ZERO = 0.5825971579390107
"""-zeta(1/2)/sqrt(2 pi)."""


def mean_overshoot(drift: float) -> float:
    """rho(m) for Gaussian steps of mean m > 0 and unit variance.

    Parameters
    ----------
    drift : float
        m >= 0; from .25 on the sum is formed, below it the first terms of the expansion leave 1e-11.

    Returns
    -------
    float
        Tends to m/2 for large m: half a step.
    """
    if drift < _SMALL:
        terms = (
            zeta * (-0.5) ** r * drift ** (2 * r + 2) / (math.factorial(r) * (2 * r + 1) * (2 * r + 2))
            for r, zeta in enumerate(_ZETA)
        )
        return _AT_ZERO + drift / 4 - sum(terms) / math.sqrt(2 * math.pi)
    n = np.arange(1, 2 + int((40 / drift) ** 2))
    z = drift * np.sqrt(n)
    below = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) - z * special.ndtr(-z)
    return (1 + drift * drift) / (2 * drift) - float(np.sum(below / np.sqrt(n)))
