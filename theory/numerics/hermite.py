"""Hermite coefficients of a function under the standard normal law: all that many limits know of an activation.

With xi standard normal and h_k the Hermite polynomials of unit power, E h_j(xi) h_k(xi) = 1{j = k},

    a_k = E[h_k(xi) f(xi)],      nu = E[f(xi)^2] = a_0^2 + a_1^2 + a_2^2 + ...,

so that a_0 is the mean, a_1 = E[xi f(xi)] = E f'(xi) (Stein) and a_2 = E[(xi^2 - 1) f(xi)] / sqrt 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.numerics.activations import (
    ACTIVATIONS,
    Activation,
    Coefficients,
    Cosine,
    Cubic,
    Exponential,
    Hermite,
    HermiteSeries,
    Linear,
    Relu,
    Sign,
    Sine,
    Tanh,
)

Array = npt.NDArray[np.float64]
Function = Callable[[Any], Any]

WINDOW = 50
"""Half width of the interval of integration: f of finite variance is below exp(t^2/4), representable up to here."""

_STRIP = 5.0  # width of the outermost strips, from which the power beyond the window is extrapolated
_NODES = 24
_MOST_HALVINGS = 100
_MOST_PANELS = 20_000


@dataclass(frozen=True)
class GaussianCoefficients:
    """Hermite coefficients found by quadrature.

    Parameters
    ----------
    mean : float
        a_0 = E f(xi).
    coefficients : tuple of float
        a_1, ..., a_degree.
    power : float
        nu = E[f(xi)^2].
    error : float
        Error of `power` in units of the power, and of mean and coefficients in units of its square root.
    """

    mean: float
    coefficients: tuple[float, ...]
    power: float
    error: float


# ------------------------------------------------------------------ any function


def gaussian_coefficients(
    function: Function, degree: int, kinks: Iterable[float] = (), tolerance: float = 1e-12
) -> GaussianCoefficients:
    """Mean, Hermite coefficients and power of any function, by adaptive Gauss-Lobatto quadrature.

    With g(t) = f(t) phi(t)^(1/2), phi the normal density, a_k = int g psi_k dt and nu = int g^2 dt, where the psi_k
    are the Hermite functions. The window |t| <= 50 is cut into panels at the integers and at the kinks, and a panel
    is halved until the sum of its halves agrees with the whole for two generations. The error adds up these
    differences, the power beyond the window (extrapolated geometrically from its two outermost strips) and a few
    roundings of the sums. It counts neither the rounding of the function's own values nor features too narrow for
    any node to meet.

    Parameters
    ----------
    function : callable
        Elementwise and real on arrays of floats.
    degree : int
        Largest k of a_k, at least 1.
    kinks : iterable of float
        Where f or a derivative jumps. Jumps elsewhere are found by halving.
    tolerance : float
        Largest acceptable error, between 1e-12 and 0.1.

    Returns
    -------
    GaussianCoefficients

    Raises
    ------
    DomainError
        If the function vanishes, its variance is infinite or cannot be told from that, it is not finite and real
        on the window, or the tolerance is not reached.
    """
    if not (isinstance(degree, int) and degree >= 1):
        raise DomainError("degree", degree, "a whole number >= 1")
    if not 1e-12 <= tolerance <= 0.1:
        raise DomainError("tolerance", tolerance, "a real number >= 1e-12 and <= 0.1")
    breaks = np.array([float(kink) for kink in kinks])
    if not np.all(np.isfinite(breaks)):
        raise DomainError("kinks", breaks.tolist(), "finite real numbers")
    edges = np.union1d(np.arange(-WINDOW, WINDOW + 1.0), breaks[np.abs(breaks) < WINDOW])
    centres, integrals, gaps = _integrate(
        lambda low, high: _panels(function, degree, low, high), edges, tolerance
    )
    *linear, power = integrals.sum(axis=0).tolist()
    if power == 0:
        raise DomainError("function", function, "different from zero")
    error = gaps + _beyond(np.abs(centres), integrals[:, -1]) / power + 16 * float(np.finfo(float).eps)
    if not error <= tolerance:
        raise DomainError(
            "function",
            function,
            f"of finite variance under the standard normal law, as far as a quadrature on |t| <= {WINDOW} can tell "
            f"(error {error:.1e} of the power, tolerance {tolerance:g})",
        )
    return GaussianCoefficients(linear[0], tuple(linear[1:]), power, error)


def _integrate(
    panels: Callable[[Array, Array], Array], edges: Array, tolerance: float
) -> tuple[Array, Array, float]:
    """Centres and integrals of panels halved until they are settled, and the sum of their last differences.

    The last integral is that of a square and sets the scale. The sum is infinite if panels remain unsettled.
    """
    low, high = edges[:-1], edges[1:]
    whole = panels(low, high)
    parent_gap = np.zeros(low.size)
    centres, integrals = [np.empty(0)], [np.empty((0, whole.shape[1]))]
    gaps, settled_power = 0.0, 0.0
    for _ in range(_MOST_HALVINGS):
        middle = (low + high) / 2
        first, second = panels(low, middle), panels(middle, high)
        halves = first + second
        power = settled_power + float(halves[:, -1].sum())
        scale = np.full(whole.shape[1], math.sqrt(power))
        scale[-1] = power
        gap = np.max(np.abs(halves - whole) / np.where(scale > 0, scale, 1.0), axis=1)
        # two generations must agree, and there is room for more: at a jump that was not told one may by accident
        doubt = 4 * (gap + parent_gap)
        done = doubt <= tolerance / 256  # at most a few hundred panels carry anything
        centres.append(middle[done])
        integrals.append(halves[done])
        gaps += float(doubt[done].sum())
        settled_power += float(halves[done, -1].sum())
        left = ~done
        low, high = np.concatenate([low[left], middle[left]]), np.concatenate([middle[left], high[left]])
        whole, parent_gap = np.concatenate([first[left], second[left]]), np.tile(gap[left], 2)
        if not 0 < low.size <= _MOST_PANELS:
            break
    return np.concatenate(centres), np.concatenate(integrals), gaps if low.size == 0 else math.inf


def _panels(function: Function, degree: int, low: Array, high: Array) -> Array:
    """Integrals over each panel of g psi_0, ..., g psi_degree and g^2, shape (panels, degree + 2).

    The rule has nodes at the ends: without them a jump close to an end would go unseen on both sides of it.
    """
    nodes, weights = _lobatto()
    half = (high - low)[:, None] / 2
    t = (low + high)[:, None] / 2 + half * nodes
    t[:, 0], t[:, -1] = np.nextafter(low, high), np.nextafter(high, low)  # on this side of a jump at the end
    psi = (2 * math.pi) ** -0.25 * np.exp(-(t**2) / 4)
    g = _values(function, t) * psi
    made = np.empty((degree + 2, *t.shape))
    before = np.zeros_like(psi)
    for k in range(degree + 1):
        made[k] = g * psi
        before, psi = psi, (t * psi - math.sqrt(k) * before) / math.sqrt(k + 1)
    made[-1] = g * g
    return (made @ weights).T * half


def _values(function: Function, points: Array) -> Array:
    with np.errstate(all="ignore"):
        values = np.asarray(function(points.copy()))
    if values.shape != points.shape or values.dtype.kind not in "biuf":
        raise DomainError("function", function, "an elementwise real function of arrays of floats")
    # beyond 1e150 the square overflows, though f may be as large as exp(625) at the window's end
    envelope = np.log(np.maximum(np.abs(values.astype(float)), 1.0)) - points**2 / 4
    if not np.all(envelope < 300):
        worst = float(points.flat[int(np.argmax(~(envelope < 300)))])
        raise DomainError(
            "function",
            function,
            f"finite and below exp(t^2/4 + 300) for |t| <= {WINDOW}, as functions of finite variance under the "
            f"standard normal law are (this one fails at t = {worst:.6g})",
        )
    return values.astype(float)


def _beyond(distances: Array, powers: Array) -> float:
    """Power outside the window, if strips go on to fall as the two outermost do; infinite if these do not fall."""
    outer = float(powers[distances > WINDOW - _STRIP].sum())
    inner = float(powers[(distances > WINDOW - 2 * _STRIP) & (distances < WINDOW - _STRIP)].sum())
    if outer == 0:
        return 0.0
    return outer * outer / (inner - outer) if outer < inner else math.inf


@cache
def _lobatto() -> tuple[Array, Array]:
    """Nodes (ends included) and weights on [-1, 1]: with x_i the zeros of P'_N, w_i = 2/(N (N+1) P_N(x_i)^2)."""
    legendre = np.polynomial.Legendre.basis(_NODES - 1)
    slope, bend = legendre.deriv(), legendre.deriv(2)
    inner = np.sort(slope.roots().real)
    for _ in range(3):
        inner = inner - slope(inner) / bend(inner)
    nodes = np.concatenate([[-1.0], inner, [1.0]])
    return nodes, 2 / (_NODES * (_NODES - 1) * legendre(nodes) ** 2)


# ------------------------------------------------------------------ activations


def hermite_data(
    activation: Activation | Function, kinks: Iterable[float] = (), tolerance: float = 1e-12
) -> Coefficients:
    """a_1, nu and a_2 of an activation.

    In closed form for those of `theory.numerics.activations` (a_1 of tanh by quadrature, then nu = 1 - a_1 by
    Stein's identity), and by `gaussian_coefficients` for any other function.

    Parameters
    ----------
    activation : model or callable
        One of `theory.numerics.activations`, or an elementwise function of arrays.
    kinks : iterable of float
        Where a callable or a derivative of it jumps.
    tolerance : float
        Of the quadrature of a callable.

    Returns
    -------
    Coefficients

    Raises
    ------
    DomainError
        If a callable is not centred, or refused by `gaussian_coefficients`.
    """
    if isinstance(activation, ACTIVATIONS):
        return _CLOSED_FORMS[type(activation)](activation)
    if not callable(activation):
        raise DomainError("activation", activation, "an activation or an elementwise function of arrays")
    found = gaussian_coefficients(activation, 2, kinks, tolerance)
    if abs(found.mean) > 2 * tolerance * math.sqrt(found.power):
        raise DomainError(
            "activation",
            activation,
            f"centred, E f(xi) = 0 for a standard normal xi (its mean is {found.mean:.6g}; subtract it)",
        )
    linear, quadratic = found.coefficients
    power = max(found.power, linear**2 + quadratic**2)  # Bessel's inequality, which the tolerance may break
    return Coefficients(linear, power, quadratic)


def _of_tanh(activation: Tanh) -> Coefficients:
    linear = _linear_of_tanh()
    return Coefficients(linear, 1 - linear)  # E tanh' = 1 - E tanh^2


@cache
def _linear_of_tanh() -> float:
    return gaussian_coefficients(np.tanh, 1).coefficients[0]


def _of_polynomial(activation: Hermite) -> Coefficients:
    return Coefficients(float(activation.degree == 1), 1.0, float(activation.degree == 2))


def _of_series(activation: HermiteSeries) -> Coefficients:
    linear, quadratic = (*activation.coefficients, 0.0)[:2]
    return Coefficients(linear, math.fsum(a * a for a in activation.coefficients), quadratic)


_CLOSED_FORMS: dict[type[Any], Callable[[Any], Coefficients]] = {
    Tanh: _of_tanh,
    Linear: lambda _: Coefficients(1.0, 1.0),
    Sign: lambda _: Coefficients(math.sqrt(2 / math.pi), 1.0),
    Relu: lambda _: Coefficients(0.5, 0.5 - 0.5 / math.pi, 0.5 / math.sqrt(math.pi)),
    Sine: lambda _: Coefficients(math.exp(-0.5), -math.expm1(-2) / 2),
    Cosine: lambda _: Coefficients(0.0, math.expm1(-1) ** 2 / 2, -math.exp(-0.5) / math.sqrt(2)),
    Cubic: lambda _: Coefficients(3 / math.sqrt(15), 1.0),
    Exponential: lambda _: Coefficients(math.exp(0.5), math.e * math.expm1(1), math.exp(0.5) / math.sqrt(2)),
    Hermite: _of_polynomial,
    HermiteSeries: _of_series,
    Coefficients: lambda given: given,
}


# ------------------------------------------------------------------ the diagonal of a kernel matrix


def diagonal_value(activation: Activation, dimension: int) -> float:
    """f(sqrt p)/sqrt p, the typical diagonal entry of the matrix f(x_i . x_j / sqrt p)/sqrt p of p-dimensional tokens.

    Parameters
    ----------
    activation : model
        One of `theory.numerics.activations`.
    dimension : int
        p.

    Returns
    -------
    float

    Raises
    ------
    DomainError
        If the activation grows faster than linearly, so that there is no limit as p grows, or is known by its
        coefficients alone.
    """
    if isinstance(activation, Coefficients):
        raise DomainError(
            "activation",
            activation,
            "a function where the diagonal is kept: coefficients do not give f(sqrt p)",
        )
    if _is_superlinear(activation):
        raise DomainError(
            "activation",
            activation,
            "of at most linear growth where the diagonal is kept: f(sqrt p)/sqrt p diverges",
        )
    value = np.array([math.sqrt(dimension)])
    activation.apply(value)
    return float(value[0]) / math.sqrt(dimension)


def _is_superlinear(activation: Activation) -> bool:
    if isinstance(activation, HermiteSeries):
        return any(activation.coefficients[1:])
    if isinstance(activation, Hermite):
        return activation.degree > 1
    return isinstance(activation, (Cubic, Exponential))
