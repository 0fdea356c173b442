"""The trace error with the noise of the kernel matrix paired wrongly: what claim C1 must be able to refute.

R2 replaces the nonlinear part of the kernel matrix by a symmetric noise matrix N, so that K and its transpose share
one noise. In the fixed point of R3 this is the term -s2 r of C(b) = al b + kappa - s2 r. With independent noise in K
and its transpose the term drops out; with a sign lost it is added. Both slips change the trace error by a few per
cent at the most.

The fixed point is solved here by quadrature and a general root finder, apart from the closed form that it tests:
with the right sign it gives `theory.attention_memorization.trace_error`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from theory.attention_memorization import Attention
from theory.numerics.hermite import diagonal_value, hermite_data

Array = npt.NDArray[np.float64]

SHARED, INDEPENDENT, SIGN_LOST = -1.0, 0.0, 1.0
"""Factors of s2 r in C(b)."""

_NODES = 1000
_STEP = 1e-4  # of ln gamma, in a central difference: relative error about 1e-8


def trace_error_with_noise(model: Attention, pairing: float) -> float:
    """T = -gamma^2 dq/dgamma with q = lim tr Q / n of R3, where C(b) = al b + kappa + `pairing` s2 r.

    For ridges from about 10^-4 on.
    """
    equations = _equations(model, pairing)
    largest = max(3.0, model.ridge)
    unknowns = np.array([math.log(largest), -math.log(largest), 0.0])
    for ridge in np.geomspace(largest, model.ridge, 2 + int(2 * math.log(largest / model.ridge))):
        unknowns = _root(equations, unknowns, ridge)
    below, above = (_root(equations, unknowns, model.ridge * math.exp(step)) for step in (-_STEP, _STEP))
    return model.ridge * (math.exp(below[1]) - math.exp(above[1])) / (2 * _STEP)


def _equations(model: Attention, pairing: float) -> Callable[[Array, float], Array]:
    """Residuals of R3 in (ln A, ln q, r) at a ridge; D = s2 q."""
    data, ratio = hermite_data(model.activation), model.dimension / model.tokens
    diagonal = diagonal_value(model.activation, model.dimension) if model.diagonal == "keep" else 0.0
    spread, slope = (data.power - data.linear**2) / ratio, data.linear / ratio
    b, weights = _marchenko_pastur(ratio)

    def residuals(unknowns: Array, ridge: float) -> Array:
        a, q, r = math.exp(unknowns[0]), math.exp(unknowns[1]), unknowns[2]
        lift = 1 + b * spread * q
        c = slope * b + diagonal - data.linear + pairing * spread * r
        p = a * lift + b * c * c
        eta, phi, theta = weights @ (a * b / p), weights @ (lift / p), weights @ (b * c / p)
        return np.array([math.log((ridge + spread * eta) / a), math.log(phi / q), theta - r])

    return residuals


def _marchenko_pastur(ratio: float) -> tuple[Array, Array]:
    """Nodes and weights of the midpoint rule in b = 1 + c + 2 sqrt c cos(angle), and the atom at 0."""
    angle = (np.arange(_NODES) + 0.5) * math.pi / _NODES
    b = 1 + ratio + 2 * math.sqrt(ratio) * np.cos(angle)
    weights = 2 * ratio * np.sin(angle) ** 2 / b / _NODES
    return np.append(b, 0.0), np.append(weights, max(0.0, 1 - ratio))


def _root(equations: Callable[[Array, float], Array], start: Array, ridge: float) -> Array:
    found: Any = optimize.root(equations, start, args=(ridge,), tol=1e-13)
    if not np.max(np.abs(found.fun)) < 1e-9:
        raise ArithmeticError(f"no fixed point found at ridge = {ridge:g}: {found.message}")
    return found.x
