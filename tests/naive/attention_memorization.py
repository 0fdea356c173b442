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


# ------------------------------------------------------------------ the limit of attention


def noise_weights(ratio: float, points: int) -> tuple[Array, Array]:
    """Nodes and weights of the Marchenko-Pastur law, its atom at 0 included: midpoint rule in an angle."""
    t = np.pi * (np.arange(points) + 0.5) / points
    b = 1 + ratio + 2 * np.sqrt(ratio) * np.cos(t)
    weights = (2 * np.sqrt(ratio) * np.sin(t)) ** 2 / (2 * b * points)
    return np.append(b, 0.0), np.append(weights, max(0.0, 1 - ratio))


def fixed_point_by_quadrature(
    law: tuple[float, float, float, float], ridge: float, start: Array, nodes: Array, weights: Array
) -> Array:
    """(ln A, ln q, r) of R3 by SciPy's root finder from `start`; `law` is (c, al, kappa, s2)."""
    from scipy.optimize import root

    _, slope, shift, excess = law

    def residuals(point: Array) -> Array:
        level, q, r = np.exp(point[0]), np.exp(point[1]), point[2]
        c = slope * nodes + shift - excess * r
        p = level * (1 + nodes * excess * q) + nodes * c * c
        eta, phi, theta = (
            weights @ (x / p) for x in (level * nodes, 1 + nodes * excess * q, nodes * c)
        )  # fmt: skip
        return np.array([point[0] - np.log(ridge + excess * eta), point[1] - np.log(phi), r - theta])

    return root(residuals, start, tol=1e-14).x


def trace_error_by_quadrature(
    law: tuple[float, float, float, float], ridge: float, points: int = 2000, step: float = 2e-3
) -> tuple[float, float]:
    """T = -gamma^2 dq/dgamma by a five-point difference in ln gamma of solutions by quadrature, and q itself."""
    nodes, weights = noise_weights(law[0], points)
    top = max(ridge, 10 * (1 + law[3] * law[0] + nodes.max() * (law[1] * nodes.max() + abs(law[2])) ** 2))
    point = np.array([np.log(top + law[3] * law[0]), -np.log(top), 0.0])
    for now in np.geomspace(top, ridge, 2 + int(3 * np.log(top / ridge))):
        point = fixed_point_by_quadrature(law, float(now), point, nodes, weights)
    q = {
        k: np.exp(fixed_point_by_quadrature(law, ridge * np.exp(k * step), point, nodes, weights)[1])
        for k in (-2, -1, 1, 2)
    }
    slope = (8 * (q[1] - q[-1]) - (q[2] - q[-2])) / (12 * step)
    return float(-ridge * slope), float(np.exp(point[1]))


def integrals_by_residues(
    law: tuple[float, float, float, float], snr: float, level: float, q: float, r: float
) -> Any:
    """The nine integrals of phi, theta, eta and their products against the three measures, by partial fractions.

    int N/P dG = sum_k N R / P' at the roots b_k of P, and int N/P^2 dG = -d/de int N/(P + e) dG at e = 0; R is the
    transform of G, in terms of m as in R0. 80 digits.
    """
    with mpmath.workdps(80):
        c, slope, shift, excess = (mpmath.mpf(x) for x in law)
        rho, a, d, k0 = (
            mpmath.mpf(snr),
            mpmath.mpf(level),
            excess * mpmath.mpf(q),
            shift - excess * mpmath.mpf(r),
        )
        cubic = [slope**2, 2 * slope * k0, a * d + k0**2, a]
        low, high = (1 - mpmath.sqrt(c)) ** 2, (1 + mpmath.sqrt(c)) ** 2

        def m(z: Any) -> Any:
            return (-(z + 1 - c) + mpmath.sqrt(z - low) * mpmath.sqrt(z - high)) / (2 * z)

        transforms = (
            m,
            lambda z: m(z) / (1 + (1 + rho) * m(z)),
            lambda z: m(z) / (1 + m(z)),
        )

        h = a * mpmath.mpf(10) ** -20
        poles = {}
        for e in (0, h, -h):
            p = [*cubic[:3], cubic[3] + e]
            roots = mpmath.polyroots(p, maxsteps=500, extraprec=400)
            poles[e] = [
                (b, [t(b) / (3 * p[0] * b**2 + 2 * p[1] * b + p[2]) for t in transforms]) for b in roots
            ]

        def first(numerator: Any, k: int, e: Any = 0) -> Any:
            return sum(numerator(b) * weights[k] for b, weights in poles[e])

        def second(numerator: Any, k: int) -> Any:
            return -(first(numerator, k, h) - first(numerator, k, -h)) / (2 * h)

        factors = (lambda b: 1 + b * d, lambda b: b * (slope * b + k0), lambda b: a * b)
        pairs = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))
        rows = [
            [first(f, k) for f in factors]
            + [second(lambda b, i=i, j=j: factors[i](b) * factors[j](b), k) for i, j in pairs]
            for k in range(3)
        ]
        return [[mpmath.re(x) for x in row] for row in rows]
