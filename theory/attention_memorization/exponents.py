"""How fast the error on pure noise reaches its ridgeless limit: T - max(0, 1 - c) ~ ridge^exponent (R7).

The exponent follows from the density of two spectra at zero: that of Z^T Z/n (Z the noise; a hard edge at c = 1,
a gap else), and that of the attention matrix on it. Where the latter has a positive density at zero, K^2 has the
density lambda^(-1/2) there, and so it goes on.
"""

from __future__ import annotations

import math

from lemmata.models import DomainError
from theory.attention_memorization.limit import Limit, limit_of
from theory.attention_memorization.models import Attention, RidgeRegression
from theory.attention_memorization.ridgeless import is_linear

REGULAR = 2.0
"""Without density at zero the error is analytic in the ridge, and it starts with its square."""


def small_ridge_exponent(model: Attention | Limit | RidgeRegression) -> float:
    """Exponent a of T - max(0, 1 - c) ~ gamma^a as gamma -> 0, T the error on pure noise.

    | | c < 1 | c = 1 | c > 1 |
    |---|---|---|---|
    | ridge regression | 2 | 1/2 | 2 |
    | nonlinear, diagonal zeroed | 2 | 1/3 | 1/2 |
    | linear, diagonal zeroed | 1/2 (c > 1/4), 3/4 (c = 1/4), 2 (c < 1/4) | 1/2 | 1/2 |
    | linear, diagonal kept | 2 | 1/6 | 2 |

    Parameters
    ----------
    model : Attention, Limit or RidgeRegression

    Returns
    -------
    float

    Raises
    ------
    DomainError
        For a nonlinear activation whose kept diagonal is not zero, at c >= 1: the exponent then depends on whether
        the diagonal moves the spectrum of K away from zero. And as for `limit_of`.

    References
    ----------
    R7 of docs/papers/attention_memorization.md, from densities at hard edges; not proved.
    """
    if isinstance(model, RidgeRegression):
        return 0.5 if model.dimension == model.tokens else REGULAR
    limit = model if isinstance(model, Limit) else limit_of(model)
    if is_linear(limit.hermite):
        return _linear(limit)
    if limit.ratio < 1:
        return REGULAR
    if limit.diagonal:
        raise DomainError("diagonal", limit.diagonal, "zeroed for a nonlinear activation at p >= n")
    return 1 / 3 if limit.ratio == 1 else 0.5


def _linear(limit: Limit) -> float:
    """K = (a_1/c) B + d - a_1 on the eigenspaces of B; it vanishes at b = c (1 - d/a_1)."""
    zero = limit.ratio * (1 - limit.diagonal / limit.hermite.linear)
    low, high = (1 - math.sqrt(limit.ratio)) ** 2, (1 + math.sqrt(limit.ratio)) ** 2
    if limit.ratio == 1 and zero == 0:
        return 1 / 6  # int b^(-1/2) db over b^3 < gamma
    if low < zero < high:
        return 0.5  # int db over (b - zero)^2 < gamma
    if limit.ratio == 1:
        return 0.5  # int b^(-1/2) db over b < gamma
    return 0.75 if math.isclose(zero, low) else REGULAR  # int (b - low)^(1/2) db over (b - low)^2 < gamma
