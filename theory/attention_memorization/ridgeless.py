"""Limit of the memorization error as the ridge vanishes (R6).

For c = p/n < 1 the rows of X K span p of n directions, the error tends to a positive number, and of the three unknowns
of R3 two remain: with s2 = (nu - a_1^2)/c > 0, C(b) = a_1 b/c + k and F the Marchenko-Pastur law,

    w = s2 [1 - c + w int_{b>0} dF/(w + C^2)],      k = d - a_1 - s2 int_{b>0} C dF/(w + C^2).

gamma phi tends to s2 (1-c)/(w + C^2), theta to C/(w + C^2) and eta/gamma to w/(s2 (1-c) (w + C^2)); put into R4, the
powers of gamma cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lemmata.models import DomainError
from theory.attention_memorization.limit import Limit, limit_of
from theory.attention_memorization.models import Attention
from theory.numerics import marchenko_pastur
from theory.numerics.activations import Coefficients


def is_linear(data: Coefficients) -> bool:
    """Whether all the power lies in the linear part, to 1e-14."""
    return data.power - data.linear**2 <= 1e-14 * data.power


def ridgeless_error(model: Attention | Limit) -> float:
    """Limit of the memorization error as first the sizes grow and then the ridge vanishes.

    For c = p/n >= 1 it is 0 (R7 says how fast: the spectrum of X K has no mass at zero). For c < 1 and w_K = w_Q = 0
    it is (1-c) [1/(1+rho) + rho/(1+rho) int s2/(w + C^2) dF_x] with the matched-filter measure F_x of R0, and for
    any weights R4 with the limits of phi, theta and eta. A linear activation reaches the lower bound (1-c)/(1+rho),
    the error of ridge regression.

    Parameters
    ----------
    model : Attention or Limit
        Its ridge does not matter.

    Returns
    -------
    float

    Raises
    ------
    DomainError
        If labels are unbalanced and a_2 is not zero (R8 then needs the full fixed point), and as for `limit_of`.

    Notes
    -----
    Where an isolated eigenvalue of X K is exactly zero, one direction more is lost. For a linear activation with
    kept diagonal that is 1 + w_K . w_Q = 0, and counted: the tokens lose their part along w_K. Otherwise it needs
    a coincidence of Gram matrix and ratio, which is not looked for.

    References
    ----------
    arXiv 2506.18656; R4, R6.
    """
    limit = model if isinstance(model, Limit) else limit_of(model)
    data = limit.hermite
    if limit.mean and data.quadratic:
        raise DomainError(
            "labels.mean",
            limit.mean,
            "0, since a_2 is not zero: for unbalanced labels there is no ridgeless form; "
            "see memorization_error at a small ridge (R8)",
        )
    if limit.ratio >= 1:
        return 0.0
    if is_linear(data):
        return (1 - limit.ratio) / (1 + _visible_snr(limit))
    bulk = _solve(limit)
    isotropic = bulk.isotropic_error(limit.snr)
    weights = limit.weights.matrix
    if data.linear == 0 or weights[1][1] == 0 or weights[2][2] == 0:
        return isotropic
    return isotropic - _gain(bulk, limit)


def _visible_snr(limit: Limit) -> float:
    """Signal-to-noise ratio of what a linear activation with the weights of `limit` lets through."""
    snr, signal_key = limit.weights.matrix[0][:2]
    key, key_query = limit.weights.matrix[1][1:]
    is_singular = limit.diagonal != 0 and math.isclose(key_query, -1.0, rel_tol=1e-12)
    return snr - signal_key**2 / key if is_singular else snr


# ------------------------------------------------------------------ the two unknowns


@dataclass(frozen=True)
class _Bulk:
    """The solution. Integrals against 1/(w + C^2) and C/(w + C^2) are parts of transforms at Z = -k + i sqrt w."""

    ratio: float
    slope: float  # a_1 / c
    noise: float  # s2
    square: float  # w
    shift: float  # k

    @property
    def root(self) -> float:
        return math.sqrt(self.square)

    def matched(self, snr: float) -> complex:
        """int dF_x/(C - i sqrt w)."""
        point = complex(-self.shift, self.root)
        m, product = _stieltjes(point, self.slope, self.ratio)
        return product / point / (1 + (1 + snr) * m)

    def weights(self, snr: float, product: float, signals: float) -> complex:
        """int dF_ww'/(C - i sqrt w), given w.w' and (w.mu)(mu.w'); the measure has no mass at zero."""
        point = complex(-self.shift, self.root)
        m, mass = _stieltjes(point, self.slope, self.ratio)
        return mass / point * (product + signals / (1 + (1 + snr) * m)) / (1 + m)

    def isotropic_error(self, snr: float) -> float:
        """lim gamma <phi>_uu; the part F/(1+rho) of F_y gives (1-c)/(1+rho) by the equation of w."""
        matched = self.noise * self.matched(snr).imag / self.root
        return (1 - self.ratio) * (1 + snr * matched) / (1 + snr)


def _stieltjes(point: complex, slope: float, ratio: float) -> tuple[complex, complex]:
    """m(z) and z m(z) at z = point/slope; their limits 0 and -1 if the slope is zero."""
    if slope == 0:
        return 0j, complex(-1)
    m = marchenko_pastur.stieltjes(point / slope, ratio)
    return m, m * point / slope


def _noise_transform(point: complex, slope: float, ratio: float) -> complex:
    """int_{b>0} dF/(slope b - point): the law of the p x p matrix has the transform -1/(z (1 + m))."""
    return -ratio / (point * (1 + _stieltjes(point, slope, ratio)[0]))


def _solve(limit: Limit) -> _Bulk:
    """Nested bracketing: w solves its equation at each k uniquely, in [s2 (1-c), s2], and bounds k."""
    from scipy.optimize import brentq

    c, data = limit.ratio, limit.hermite
    noise = (data.power - data.linear**2) / c
    slope, centre = data.linear / c, limit.diagonal - data.linear
    least = noise * (1 - c)

    def square_residual(square: float, shift: float) -> float:
        root = math.sqrt(square)
        return square - noise * (1 - c + root * _noise_transform(complex(-shift, root), slope, c).imag)

    def square_at(shift: float) -> float:
        low, high = square_residual(least, shift), square_residual(noise, shift)
        if low >= 0 or high <= 0:  # at an end, to rounding
            return least if low >= 0 else noise
        return float(brentq(square_residual, least, noise, args=(shift,), xtol=1e-15 * least, rtol=1e-15))

    def shift_residual(shift: float) -> float:
        point = complex(-shift, math.sqrt(square_at(shift)))
        return shift - centre + noise * _noise_transform(point, slope, c).real

    reach = noise * c / (2 * math.sqrt(least)) * (1 + 1e-9)  # |C/(w + C^2)| <= 1/(2 sqrt w)
    tiny = 1e-15 * reach
    shift = float(brentq(shift_residual, centre - reach, centre + reach, xtol=tiny, rtol=1e-15))
    return _Bulk(ratio=c, slope=slope, noise=noise, square=square_at(shift), shift=shift)


# ------------------------------------------------------------------ weights


def _gain(bulk: _Bulk, limit: Limit) -> float:
    """lim gamma g^T M^-1 g of R4: what the weights take off the error."""
    (snr, signal_key, signal_query), (_, key, key_query), (_, _, query) = limit.weights.matrix
    least = bulk.noise * (1 - bulk.ratio)
    matched = bulk.matched(snr)
    theta = signal_key * matched.real
    phi = least * signal_query * matched.imag / bulk.root
    eta_key = bulk.root / least * bulk.weights(snr, key, signal_key**2).imag
    phi_query = least / bulk.root * bulk.weights(snr, query, signal_query**2).imag
    # both sides of the fraction times the slope's square, which may be too small for its inverse
    slope = bulk.slope
    cross = 1 + slope * bulk.weights(snr, key_query, signal_key * signal_query).real
    gain = slope * (slope * (eta_key * phi**2 - theta**2 * phi_query) + 2 * theta * phi * cross)
    return gain / (slope**2 * eta_key * phi_query + cross**2)
