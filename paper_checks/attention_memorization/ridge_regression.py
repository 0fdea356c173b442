"""Ridge regression: the closed form from its definitions (R1), and the limit against exact finite sizes (C7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lemmata.claims import (
    CERTIFIED,
    CONFIRMED,
    Claim,
    Limit,
    Margin,
    Mutant,
    Symbolic,
    empirical_bernstein,
)
from simulations.attention_memorization import RIDGE_REGRESSION
from theory.attention_memorization import RidgeRegression, ridge_regression_error
from theory.numerics import marchenko_pastur

# ------------------------------------------------------------------ R1: the closed form, from the definitions


def _bordered_label_form(coupling: int = 1) -> Any:
    """Limit of Psi = y^T (B + gamma)^-1 y / n, from the limits for pure noise, R = (Z^T Z/n + gamma)^-1.

    With U = (y, Z^T mu)/sqrt n the tokens X = mu y^T + Z have B = Z^T Z/n + U K U^T, K = ((rho, 1), (1, 0)), and by
    Woodbury's identity U^T (B + gamma)^-1 U = (1 + G K)^-1 G with G = U^T R U. The label direction sees y^T R y/n ->
    m; the mixed form is odd in Z and vanishes; mu^T Z R Z^T mu/n -> rho (1 - gamma M), where M, the transform of the
    p x p matrix Z Z^T/n, follows from m, since the two matrices share their nonzero eigenvalues.
    """
    import sympy

    m, c, rho, gamma = _symbols()
    transposed = (m - (1 - c) / gamma) / c
    noise = sympy.diag(m, rho * (1 - gamma * transposed))
    signal = sympy.Matrix([[rho, coupling], [coupling, 0]])
    form = ((sympy.eye(2) + noise * signal).inv() * noise)[0, 0]
    return form.subs(gamma, _ridge(m, c))


def _ridge(m: Any, c: Any) -> Any:
    """gamma = -z as a function of m: the equation of R0."""
    return 1 / m - c / (1 + m)


def _label_form(m: Any, rho: Any) -> Any:
    return m * (1 + m) / (1 + (1 + rho) * m)


def _closed_form() -> Any:
    """R1 as it is stated."""
    m, c, rho, gamma = _symbols()
    signal = (1 + 2 * m + (1 + rho) * m**2) / (1 + (1 + rho) * m) ** 2
    return gamma**2 * signal / (1 / m**2 - c / (1 + m) ** 2)


def _label_residue(coupling: int = 1) -> Any:
    """The limit of Psi, derived and stated."""
    import sympy

    m, _, rho, _ = _symbols()
    return sympy.together(_bordered_label_form(coupling) - _label_form(m, rho))


def _derivative_residue(label_form: Callable[[Any, Any], Any] = _label_form) -> Any:
    """E of R1 minus -gamma^2 dPsi/dgamma.

    m(-gamma) is known through its inverse gamma = 1/m - c/(1+m) alone, so d/dgamma = (dgamma/dm)^-1 d/dm.
    """
    import sympy

    m, c, rho, gamma = _symbols()
    error = -(gamma**2) * sympy.diff(label_form(m, rho), m) / sympy.diff(_ridge(m, c), m)
    return sympy.together(error - _closed_form())


def _evaluated_residue(sign: int = 1) -> Any:
    """The form that `ridge_regression_error` evaluates (b = m/(1+m), 1 - c b^2 as a product) over R1, minus 1."""
    import sympy

    m, c, rho, gamma = _symbols()
    b = m / (1 + m)
    root = sympy.sqrt(sign * c)
    slope = sympy.expand((1 + (1 - root) * m) * (1 + (1 + root) * m)) / (1 + m) ** 2
    evaluated = (gamma * m) ** 2 * (1 + rho * b**2) / (1 + rho * b) ** 2 / slope
    return sympy.cancel(evaluated / _closed_form() - 1)


def _symbols() -> Any:
    import sympy

    return sympy.symbols("m c rho gamma", positive=True)


R1 = Claim(
    "R1",
    source="Proposition 2",
    statement="Psi tends to m(1+m)/(1+(1+rho)m), and the error -gamma^2 dPsi/dgamma to the closed form of R1.",
    falsifier="a point at which two of the rational functions differ",
    design=(),
    published=Symbolic(
        lambda: (_label_residue(), _derivative_residue(), _evaluated_residue()),
        "Psi from the pure-noise limits; E = -gamma^2 dPsi/dgamma is R1; R1 is the form that the code evaluates",
    ),
    mutants=(
        Mutant(
            "Psi with the signal once too often: m(1+m)/(1+(2+rho)m)",
            Symbolic(
                lambda: _derivative_residue(lambda m, rho: m * (1 + m) / (1 + (2 + rho) * m)),
                "the closed form from a wrong Psi",
            ),
        ),
        Mutant(
            "the cross terms of signal and noise in B left out",
            Symbolic(lambda: _label_residue(coupling=0), "Psi from a perturbation of rank one"),
        ),
        Mutant(
            "the slope factor 1 + c b^2 for 1 - c b^2 in the form in b",
            Symbolic(lambda: _evaluated_residue(sign=-1), "R1 with a wrong slope"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ C7: the limit against exact finite sizes


def _without_signal_part(model: RidgeRegression) -> float:
    """R1 with the factor (1 + rho b^2) of the derivative left out."""
    b = _b(model)
    return ridge_regression_error(model) / (1 + model.snr * b * b)


def _signal_not_squared(model: RidgeRegression) -> float:
    """R1 with 1 + rho b in place of its square in the denominator."""
    return ridge_regression_error(model) * (1 + model.snr * _b(model))


def _ridge_per_dimension(model: RidgeRegression) -> float:
    """R1 with the penalty p gamma |w|^2 in place of n gamma |w|^2."""
    scaled = model.ridge * model.dimension / model.tokens
    return ridge_regression_error(RidgeRegression(model.tokens, model.dimension, scaled, model.snr))


def _edge_on_the_wrong_side(model: RidgeRegression) -> float:
    """R1 with the slope factor 1 + c b^2 in place of 1 - c b^2."""
    square = model.dimension / model.tokens * _b(model) ** 2
    return ridge_regression_error(model) * (1 - square) / (1 + square)


def _b(model: RidgeRegression) -> float:
    m = marchenko_pastur.stieltjes(-model.ridge, model.dimension / model.tokens)
    return m / (1 + m)


_TENDS_TO_R1 = Limit(
    ridge_regression_error,
    RIDGE_REGRESSION["error"],
    sizes=("tokens", "dimension"),
    factors=(1, 2, 4, 8),
    order=1,
    margin=Margin(
        0.01, "small errors too: a remainder of order n^-2, and a line's width in F1a", relative=True
    ),
)

C7 = Claim(
    "C7",
    source="Proposition 2",
    statement="The error of ridge regression tends to R1 as n and p grow at a fixed ratio p/n.",
    falsifier="a gap between R1 and the exact finite-size mean that outlives a correction of order 1/n",
    design=(
        RidgeRegression(128, 64, ridge=1.0, snr=1.0),
        RidgeRegression(128, 128, ridge=0.5, snr=4.0),
        RidgeRegression(128, 256, ridge=0.1, snr=0.0),
        RidgeRegression(128, 32, ridge=0.01, snr=2.0),
    ),
    published=(
        replace(
            _TENDS_TO_R1,
            margin=Margin(
                2e-3, "a remainder of order n^-2 (below 1e-4), and less than a marker's height in F1a"
            ),
            tool=empirical_bernstein,
        ),
        _TENDS_TO_R1,
    ),
    mutants=(
        Mutant("the derivative without its signal part", _without_signal_part, distance=10),
        Mutant("the signal's denominator not squared", _signal_not_squared, distance=10),
        Mutant("the penalty scaled by p in place of n", _ridge_per_dimension, distance=10),
        Mutant(
            "the slope of the inverse transform with the wrong sign", _edge_on_the_wrong_side, distance=10
        ),
    ),
    records=CONFIRMED,
)
