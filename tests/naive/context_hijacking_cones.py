"""The hijack error of a cone of tasks by another order of integration: g first, explicit roots in r^2.

With g the component of the hijacker along the part of beta* orthogonal to w*, r^2 = g^2 + chi^2_{d-2}, and equal steps,
a query is wrong iff (1 - alpha N r^2)^L (1 + b g) < 1 - s c rho: given g, a sum of chi-squared probabilities.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import special

from theory.context_hijacking import Cone, Fixed, Hijack

NODES, FAR, AGREED, NARROWEST = 16, 9.0, 1e-14, 1e-13


def hijack_error(model: Hijack) -> float:
    """The error at a fixed margin, c > 0, equal steps, at least one hijacker and three dimensions."""
    assert isinstance(model.prior, Cone)
    assert isinstance(model.margin, Fixed)
    d, c, rho = model.dimension, model.initial_scale, model.prior.correlation
    depth, rate = model.depth, model.step_size * model.hijackers
    b = c * math.sqrt((1 - rho) * (1 + rho))
    target = float(1 - Fraction(model.margin.size) * Fraction(c) * Fraction(rho))

    def wrong(g: Any) -> Any:
        """P(kappa < target/(1 + b g)): below the first root for kappa > 0, beyond the second where it is negative."""
        factor = 1 + b * g
        ratio = target / np.where(factor == 0, 1e-300, factor)
        root = np.abs(ratio) ** (1 / depth)
        near, far = (places / rate - g * g for places in (1 - root, 1 + root))

        def below(square: Any) -> Any:
            return special.chdtr(d - 2, np.maximum(square, 0))

        if depth % 2:  # kappa falls from 1 through 0: below the ratio from its only root on
            share = special.chdtrc(d - 2, np.maximum(np.where(ratio > 0, near, far), 0))
        else:  # between the two roots, if there are any
            share = np.where(ratio > 0, below(far) - below(near), 0)
        return np.where(factor > 0, share, 1 - share)

    # where factors vanish, where they meet the target without hijackers, and with typical ones
    kappa = abs(1 - rate * (d - 1)) ** depth
    turns = [-1 / b, (target - 1) / b, (abs(target) / max(kappa, 1e-200) - 1) / b]
    ladder = [turn + sign * 16 * 0.5**k for turn in turns for k in range(50) for sign in (-1, 0, 1)]
    points = np.unique([*np.linspace(-FAR, FAR, 25), *(g for g in ladder if abs(g) < FAR)])
    low, high = points[:-1], points[1:]
    nodes, weights = np.polynomial.legendre.leggauss(NODES)

    def integrals(low: Any, high: Any) -> Any:
        half = 0.5 * (high - low)[:, None]
        g = low[:, None] + half * (1 + nodes)
        return (half * weights * np.exp(-0.5 * g * g) / math.sqrt(2 * math.pi) * wrong(g)).sum(axis=1)

    total, wholes = 0.0, integrals(low, high)
    while len(low):
        middle = 0.5 * (low + high)
        halves = integrals(low, middle), integrals(middle, high)
        done = (np.abs(halves[0] + halves[1] - wholes) < AGREED) | (high - low < NARROWEST)
        total += float((halves[0] + halves[1])[done].sum())
        wholes = np.concatenate([part[~done] for part in halves])
        low, high = np.concatenate([low[~done], middle[~done]]), np.concatenate([middle[~done], high[~done]])
    return total
