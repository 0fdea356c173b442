"""Reinforcement learning from internal feedback: its first step and its end, for random patterns (R11).

K patterns with independent uniform success rates p, picked uniformly, rewarded by self-certainty
R(p) = -(ln p + ln(1-p))/2. The accuracy's first slope is Cov(R, p)/K with frozen answers. R is even and p odd under
p -> 1-p, so the sample covariance and the sample mean are both of order K^(-1/2), jointly Gaussian with correlation
rho = E[h (p-1/2)] / sqrt(E[h^2]/12), h = (R-1)(p-1/2), plus p(1-p)(2p-1) where answers are learnable.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from scipy import optimize, special

from lemmata.models import DomainError
from theory.rlvr_gradient_flow.models import RandomPatterns

SLOPE_SQUARED = {"frozen": 11 / 108 - math.pi**2 / 144, "learnable": 509 / 4725 - math.pi**2 / 144}
"""E[h^2]."""
SLOPE_BY_MEAN = {"frozen": 1 / 36, "learnable": 2 / 45}
"""E[h (p-1/2)]."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def rlif_correlation(model: RandomPatterns) -> float:
    """Limit of the correlation between the accuracy's first slope and the mean success rate.

    Parameters
    ----------
    model : RandomPatterns

    Returns
    -------
    float
        .5272076 with frozen answers, .7777552 with learnable ones.

    References
    ----------
    R11.
    """
    return SLOPE_BY_MEAN[model.answers] / math.sqrt(SLOPE_SQUARED[model.answers] / 12)


def rlif_gain_probability(model: RandomPatterns) -> float:
    """Limit of the probability that the accuracy rises at first, given a mean success rate >= 1/2 + margin.

    P(X > 0 | Y > z), (X, Y) Gaussian with correlation rho, z = margin sqrt(12 K). It is 1/2 + arcsin(rho)/pi without a
    margin.

    Parameters
    ----------
    model : RandomPatterns

    Returns
    -------
    float

    References
    ----------
    arXiv 2506.04695, Theorem 5.6; R11.
    """
    z = model.margin * math.sqrt(12 * model.patterns)
    slope = rlif_correlation(model) / math.sqrt(1 - rlif_correlation(model) ** 2)
    # Y = z + v, weight exp(-z v - v^2/2): gone at v = 40/max(z, 4)
    v = 20 / max(z, 4.0) * (1 + _NODES)
    weight = _WEIGHTS * np.exp(-z * v - 0.5 * v * v)
    return float(weight @ special.ndtr(slope * (z + v)) / weight.sum())


def rlif_gain_at_margin(model: RandomPatterns) -> float:
    """Limit of the probability that the accuracy rises at first, given a mean success rate of 1/2 + margin exactly.

    Phi(rho/sqrt(1 - rho^2) margin sqrt(12 K)), Phi the normal distribution function.

    Parameters
    ----------
    model : RandomPatterns

    Returns
    -------
    float

    References
    ----------
    arXiv 2506.04695, Theorem 5.6; R11.
    """
    rho = rlif_correlation(model)
    return float(special.ndtr(rho / math.sqrt(1 - rho**2) * model.margin * math.sqrt(12 * model.patterns)))


def rlif_worst_probability(model: RandomPatterns) -> float:
    """Probability that self-certainty is largest at the worst pattern, given a mean success rate > 1/2.

    1/2 - (1/pi) int_0^inf (sin t/t)^K dt, exact for every K: given the largest distance from 1/2, the other distances
    are uniform, and the rest of the mean has to outweigh it.

    Parameters
    ----------
    model : RandomPatterns
        Without a margin.

    Returns
    -------
    float
        0 at K = 2, 1/8 at K = 3; 1/2 in the limit.

    Raises
    ------
    DomainError
        If there is a margin: see `rlif_worst_limit`.

    References
    ----------
    arXiv 2506.04695, Theorem 5.6; R11.
    """
    if model.margin != 0:
        raise DomainError("margin", model.margin, "0")
    return 0.5 - sinc_power_integral(model.patterns) / math.pi


def rlif_worst_limit(model: RandomPatterns) -> float:
    """Limit of the probability that self-certainty is largest at the worst pattern, at a fixed margin.

    1/(1 + e^x) with e^x/(e^x - 1) - 1/x = 1/2 + margin: given the mean, success rates have a density like e^(x p).

    Parameters
    ----------
    model : RandomPatterns

    Returns
    -------
    float
        1/2 without a margin.

    References
    ----------
    R11.
    """
    if model.margin == 0:
        return 0.5
    # mean - 1/2 = coth(x/2)/2 - 1/x, increasing in x, below x/12 and 1/2 - 1/x + e^-x
    low, high = 6.0 * model.margin, 2.0 / (0.5 - model.margin) + 2.0
    tilt = optimize.brentq(lambda x: _tilted_mean(x) - model.margin, low, high, xtol=1e-14)
    return float(special.expit(-tilt))


def _tilted_mean(x: float) -> float:
    """coth(x/2)/2 - 1/x."""
    return x / 12 - x**3 / 720 if x < 1e-2 else 0.5 / math.tanh(0.5 * x) - 1 / x


def sinc_power_integral(power: int) -> float:
    """Integral of (sin t/t)^K over t > 0, K >= 2.

    For K <= 12 the finite alternating sum pi/(2^K (K-1)!) sum_k (-1)^k C(K, k) (K - 2k)^(K-1); beyond, quadrature over
    [0, pi], outside of which (1/t)^K leaves less than 3e-7 (1/pi)^(K-12), and one more period.
    """
    if power <= 12:
        terms = (
            (-1) ** k * math.comb(power, k) * (power - 2 * k) ** (power - 1) for k in range(power // 2 + 1)
        )
        return math.pi * sum(terms) / (2**power * math.factorial(power - 1))
    total = 0.0
    edges = [
        0.0,
        *(math.pi * min(1.0, x / math.sqrt(power)) for x in (1, 2, 3, 4, 6)),
        *(math.pi * k for k in range(1, 9)),
    ]
    for low, high in pairwise(edges):
        half = 0.5 * (high - low)
        t = low + half * (1 + _NODES)
        total += half * float(_WEIGHTS @ np.sinc(t / math.pi) ** power)
    return total
