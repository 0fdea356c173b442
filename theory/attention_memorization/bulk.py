"""The bulk fixed point: three scalars A, q and r that carry all of the activation and of the ridge.

With s2 = (nu - a_1^2)/c, C(b) = (a_1/c) b + d - a_1 - s2 r, D = s2 q and P(b) = A (1 + b D) + b C(b)^2,

    A = gamma + s2 int A b/P dF,      q = int (1 + b D)/P dF,      r = int b C/P dF,

F the Marchenko-Pastur law; q is the limit of tr Q(gamma)/n. At a small ridge and c > 1 the first equation is the
difference of two nearly equal numbers. It is solved in the equivalent form, without cancellation,

    gamma q = A int dF/P,      1 = gamma/A + s2 int b/P dF,      r = int b C/P dF,

by Newton's method in (ln A, ln q, r), following the solution from a large ridge downwards with its tangent in ln gamma.

References
----------
arXiv 2506.18656, Theorem 1; R3 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from lemmata.models import DomainError
from theory.attention_memorization.residues import (
    fill_differences,
    fill_measures,
    fill_tilted,
    find_nodes,
    integrate,
    multiply,
)

Array = npt.NDArray[np.float64]

COLUMNS = 34
"""Of a solved curve: A, q, r; derivatives of ln A, ln q, r in ln gamma; the failure of identities; 3 x 9 integrals."""

RIDGES = (1e-16, 1e8)
"""Ridges at unit power for which the solver is tested."""

ALLOWED_LOSS = 1e-9
"""Failure of exact identities that is still taken for rounding."""

NO_SLOPE = 1e-13
"""a_1 at unit power that counts as zero: it would change nothing in the first 11 digits."""

ROUGH, FINAL = 1e-3, 1e-8
"""Newton steps below which the next solution is close enough to go on, or good to all digits."""


@dataclass(frozen=True)
class Law:
    """The fixed point's parameters, for an activation of unit power with a_1 >= 0.

    Parameters
    ----------
    ratio : float
        c.
    slope, shift : float
        al = a_1/c and kappa = d - a_1 in C(b) = al b + kappa - s2 r.
    excess : float
        s2 = (1 - a_1^2)/c.
    """

    ratio: float
    slope: float
    shift: float
    excess: float


@dataclass(frozen=True)
class Solution:
    """The fixed point along an array of ridges (at unit power).

    Parameters
    ----------
    ridge : array (N,)
    level, trace, offset : array (N,)
        A, q and r.
    level_slope, trace_slope, offset_slope : array (N,)
        Derivatives of ln A, ln q and r in ln gamma.
    integrals : array (N, 3, 9)
        Of phi, ..., eta^2 against each measure of `residues`.
    """

    ridge: Array
    level: Array
    trace: Array
    offset: Array
    level_slope: Array
    trace_slope: Array
    offset_slope: Array
    integrals: Array


def law_of(ratio: float, linear: float, power: float, diagonal: float) -> Law:
    """The law of an activation with the given a_1, nu and diagonal d, scaled to unit power and a_1 >= 0."""
    # nu - a_1^2 without rounding: the error at a small ridge depends on how small it is, also where it nearly vanishes
    excess = float(Fraction(power) - Fraction(linear) ** 2) / power
    if excess < 4 * np.finfo(float).eps:
        excess = 0.0
    unit = math.copysign(math.sqrt(power), linear)
    slope = linear / unit if abs(linear) > NO_SLOPE * abs(unit) else 0.0
    return Law(ratio, slope / ratio, (diagonal - linear) / unit, excess / ratio)


def solve(law: Law, snr: float, ridges: Array) -> Solution:
    """Solve the fixed point at each ridge, from the largest downwards.

    Raises
    ------
    DomainError
        If a ridge lies outside `RIDGES`, or where the solution or its digits are lost.
    """
    outside = (ridges < RIDGES[0]) | (ridges > RIDGES[1])
    if outside.any():
        raise DomainError(
            "ridge / power", float(ridges[outside][0]), f"between {RIDGES[0]:g} and {RIDGES[1]:g}"
        )
    order = np.argsort(-ridges, kind="stable")
    found = np.empty((len(ridges), COLUMNS))
    solved = follow((law.ratio, law.slope, law.shift, law.excess), snr, ridges[order], found)
    out = np.empty_like(found)
    out[order] = found
    if solved < len(ridges):
        raise DomainError(
            "ridge / power", float(ridges[order][solved]), "one at which the fixed point can be solved"
        )
    lost = out[:, 6]
    if not np.all(lost <= ALLOWED_LOSS):
        worst = int(np.argmax(np.where(np.isnan(lost), np.inf, lost)))
        raise DomainError(
            "ridge / power",
            float(ridges[worst]),
            f"one at which double precision suffices (an exact identity fails by {lost[worst]:.1e})",
        )
    return Solution(ridges, *out.T[:6], integrals=out[:, 7:].reshape(-1, 3, 9))


@kernel
def _linearise(law, ridge, state, nodes, matrix):
    """Residuals of the fixed point (column 3), its Jacobian (columns 0-2) and the tangent's right side (column 4).

    `law` is (c, al, kappa, s2); the unknowns are -dln A, dln q and dr. `nodes` (3, 3) takes roots, C and m; returns
    the number of nodes, the table of differences and by how much two exact identities fail.
    """
    ratio, slope, shift, excess = law
    level, q, r = state[0], state[1], state[2]
    coupling = excess * q
    count = find_nodes(level, coupling, slope, shift - excess * r, nodes[0], nodes[1])
    table = np.zeros((6, 6), np.complex128)
    fill_differences(ratio, slope, count, nodes[0], nodes[1], nodes[2], table)
    rows, lift = np.empty((3, 6), np.complex128), np.empty(6, np.complex128)
    first, last = count - 1, 2 * count - 1
    for j in range(2 * count):
        lift[j] = 1 + nodes[2, j % count]
    fill_tilted(table, 2 * count, -1.0, lift, rows[0])
    for j in range(2 * count):
        below = 0.0j
        for k in range(j + 1):
            below += table[0, k] * table[k, j]
        rows[1, j] = ratio * table[0, j]
        rows[2, j] = ratio * ((1 + ratio) * table[0, j] - ratio * below)
    c0 = shift - excess * r
    leading = slope * slope if count == 3 else level * coupling + c0 * c0
    square = leading * leading
    i0, i1 = rows[0, first].real / leading, rows[1, first].real / leading
    k00, k10, k20 = rows[0, last].real / square, rows[1, last].real / square, rows[2, last].real / square
    multiply(rows[1], nodes[1], slope, count)
    multiply(rows[2], nodes[1], slope, count)
    theta = rows[1, first].real / leading
    k11, k21 = rows[1, last].real / square, rows[2, last].real / square
    multiply(rows[1], nodes[1], slope, count)
    cc, k12 = rows[1, first].real / leading, rows[1, last].real / square

    scale = 1 / (ridge * q)
    phi_eta, phi_theta = level * (k10 + coupling * k20), k11 + coupling * k21
    matrix[0, 0] = level * k12 * scale
    matrix[0, 1] = (ridge + excess * level * level * k10) * q * scale
    matrix[0, 2] = -2 * excess * level * k11 * scale
    matrix[0, 3] = 1 - level * i0 * scale
    matrix[0, 4] = level * level * (k00 + coupling * k10) * scale
    matrix[1, 0] = ridge / level + excess * phi_eta
    matrix[1, 1] = -excess * coupling * level * k20
    matrix[1, 2] = 2 * excess * excess * k21
    matrix[1, 3] = ridge / level + excess * i1 - 1
    matrix[1, 4] = -excess * phi_eta
    matrix[2, 0] = -level * phi_theta
    matrix[2, 1] = coupling * level * k21
    matrix[2, 2] = ridge / level + 2 * excess * phi_eta
    matrix[2, 3] = r - theta
    matrix[2, 4] = level * phi_theta
    lost = abs(level * (k00 + coupling * k10) + k12 - i0) / i0
    return count, table, max(lost, abs(level * (i0 + coupling * i1) + cc - 1))


@kernel
def _solve(matrix, right, step):
    """Cramer's rule for minus a right side, one of the columns of `matrix`."""
    a, b, c = matrix[0, 0], matrix[1, 0], matrix[2, 0]
    d, e, f = matrix[0, 1], matrix[1, 1], matrix[2, 1]
    g, h, i = matrix[0, 2], matrix[1, 2], matrix[2, 2]
    u, v, w = right[0], right[1], right[2]
    x, y, z = e * i - f * h, f * g - d * i, d * h - e * g
    determinant = -(a * x + b * y + c * z)
    step[0] = (u * x + v * y + w * z) / determinant
    step[1] = (a * (v * i - w * h) + b * (w * g - u * i) + c * (u * h - v * g)) / determinant
    step[2] = (a * (e * w - f * v) + b * (f * u - d * w) + c * (d * v - e * u)) / determinant


@kernel
def _newton(law, ridge, tolerance, state, nodes, matrix):
    """Newton's method from `state`, in place; whether the last step was below the tolerance."""
    step = np.empty(3)
    for _ in range(30):
        _linearise(law, ridge, state, nodes, matrix)
        _solve(matrix, matrix[:, 3], step)
        size = max(abs(step[0]), abs(step[1]), law[3] * abs(step[2]) / (1 + abs(law[2])))
        if not size < 1e300:
            return False
        damped = min(1.0, 1.0 / size)
        state[0] *= math.exp(-damped * step[0])
        state[1] *= math.exp(damped * step[1])
        state[2] += damped * step[2]
        if size < tolerance:
            return True
    return False


@kernel
def _descend(law, ridge, target, tangent, state, nodes, matrix):
    """Follow the solution from `ridge` to `target` along tangents, in place; whether it was reached."""
    trial = np.empty(3)
    stride = 4.0
    while ridge != target:
        move = math.log(target / ridge)
        last = move >= -stride
        move = max(move, -stride)
        trial[0] = state[0] * math.exp((1 - tangent[0]) * move)
        trial[1] = state[1] * math.exp(tangent[1] * move)
        trial[2] = state[2] + tangent[2] * move
        goal = target if last else ridge * math.exp(move)
        if _newton(law, goal, FINAL if last else ROUGH, trial, nodes, matrix):
            for k in range(3):  # assigning a whole array takes seconds to compile
                state[k] = trial[k]
            ridge = goal
            stride *= 2
            if not last:
                _linearise(law, ridge, state, nodes, matrix)
                _solve(matrix, matrix[:, 4], tangent)
        else:
            stride *= 0.5
            if stride < 1e-3:
                return False
    return True


@kernel
def follow(law, snr, ridges, out):
    """Solve the fixed point along decreasing ridges; `out` (ridges, COLUMNS). Returns how many were solved.

    `law` is (c, al, kappa, s2) with al >= 0 and unit power. The start is a ridge at which P is nearly constant.
    """
    ratio, slope, shift, excess = law
    edge = (1 + math.sqrt(ratio)) ** 2
    ridge = max(ridges[0], excess * ratio + edge * (slope * edge + abs(shift)) ** 2)
    nodes, matrix = np.empty((3, 3), np.complex128), np.empty((3, 5))
    rows, tangent = np.empty((3, 3, 6), np.complex128), np.empty(3)
    state = np.array([ridge + excess * ratio, 1 / ridge, 0.0])
    if not _newton(law, ridge, FINAL, state, nodes, matrix):
        return 0
    _linearise(law, ridge, state, nodes, matrix)
    _solve(matrix, matrix[:, 4], tangent)
    for i in range(len(ridges)):
        if not _descend(law, ridge, ridges[i], tangent, state, nodes, matrix):
            return i
        ridge = ridges[i]
        count, table, lost = _linearise(law, ridge, state, nodes, matrix)
        _solve(matrix, matrix[:, 4], tangent)
        out[i, 0], out[i, 1], out[i, 2] = state[0], state[1], state[2]
        out[i, 3], out[i, 4], out[i, 5] = 1 - tangent[0], tangent[1], tangent[2]
        out[i, 6] = max(lost, abs(matrix[0, 3]), abs(matrix[1, 3]))
        fill_measures(ratio, snr, count, nodes[2], table, rows)
        for k in range(3):
            moments = out[i, 7 + 9 * k : 16 + 9 * k]
            integrate(rows[k], state[0], excess * state[1], slope, nodes[1], count, moments)
    return len(ridges)
