"""Slow references for the kernels of the memorization error, written from the definitions at high precision."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from lemmata.statistics import Array

DIGITS = 50


def error_of_tokens(tokens: Array, labels: Array, ridge: float) -> Any:
    """|y - X^T w|^2 / n at the w that minimises |y - X^T w|^2 + n ridge |w|^2, by its normal equations."""
    with mpmath.workdps(DIGITS):
        n = len(labels)
        x = mpmath.matrix(tokens.tolist())
        y = mpmath.matrix(labels.tolist())
        probe = mpmath.lu_solve(x * x.T + n * mpmath.mpf(ridge) * mpmath.eye(x.rows), x * y)
        residual = y - x.T * probe
        return (residual.T * residual)[0] / n


def error_of_chain(diagonal: Array, superdiagonal: Array, ridge: float) -> Any:
    """ridge^2 |(L^T L + ridge)^-1 e_1|^2, L dense bidiagonal with the given *squared* entries."""
    with mpmath.workdps(DIGITS):
        levels = len(diagonal)
        columns = levels + (1 if superdiagonal[-1] > 0 else 0)
        chain = mpmath.zeros(levels, columns)
        for j in range(levels):
            chain[j, j] = mpmath.sqrt(mpmath.mpf(float(diagonal[j])))
            if j + 1 < columns:
                chain[j, j + 1] = mpmath.sqrt(mpmath.mpf(float(superdiagonal[j])))
        first = mpmath.zeros(columns, 1)
        first[0] = 1
        solution = mpmath.lu_solve(chain.T * chain + mpmath.mpf(ridge) * mpmath.eye(columns), first)
        return mpmath.mpf(ridge) ** 2 * (solution.T * solution)[0]


def interpolation_floor(tokens: Array, labels: Array) -> float:
    """|P_ker y|^2 / n: what no linear probe can fit, by an orthonormal basis of the row space."""
    _, values, rows = np.linalg.svd(tokens, full_matrices=False)
    basis = rows[values > 1e-9 * max(values.max(initial=0.0), 1e-300)]
    residual = labels - basis.T @ (basis @ labels)
    return float(residual @ residual) / len(labels)


def error_by_quadrature(ratio: float, ridge: float, snr: float, points: int = 20_000) -> float:
    """ridge^2 int dF_y(b) / (b + ridge)^2 with F_y as density, atom and outlier (R0).

    F_y has the density of the Marchenko-Pastur law times Im R_uu / Im m on the support, mass max(0, 1-c)/(1+rho) at
    0, and when rho > sqrt(c) the mass rho/(1+rho) (1 - c/rho^2) at (1+rho)(1+c/rho). Midpoint rule in
    b = 1 + c + 2 sqrt(c) cos(t).
    """
    c, rho = ratio, snr
    t = np.pi * (np.arange(points) + 0.5) / points
    height = 2 * np.sqrt(c) * np.sin(t)
    b = 1 + c + 2 * np.sqrt(c) * np.cos(t)
    m = (-(b + 1 - c) + 1j * height) / (2 * b)
    tilt = (m * (1 + m) / (1 + (1 + rho) * m)).imag / m.imag
    weights = height**2 / (2 * np.pi * b) * (np.pi / points)
    total = float(np.sum(weights * tilt * (ridge / (b + ridge)) ** 2))
    total += max(0.0, 1 - c) / (1 + rho)
    if rho > np.sqrt(c):
        outlier = (1 + rho) * (1 + c / rho)
        total += rho / (1 + rho) * (1 - c / rho**2) * (ridge / (outlier + ridge)) ** 2
    return total
