"""Integrals of rational functions of b with denominators P and P^2 against the spectral measures of R0.

P(b) = A (1 + b D) + b C(b)^2 with C(b) = al b + k0 is positive on b >= 0. Partial fractions turn an integral into
values of a Stieltjes transform R at the roots of P; near a double root, or where a pair of roots pinches the real
axis, their sum loses all digits. So integrals are written as divided differences of R at the roots,

    int N/P dG = (N R)[b_0, b_1, b_2] / al^2,      int N/P^2 dG = (N R)[b_0, b_1, b_2, b_0, b_1, b_2] / al^4,

and the differences are never formed by subtraction. With y = m/(1+m), m the Marchenko-Pastur transform, and
S = 1/y - c y = -sqrt(z - b_+) sqrt(z - b_-), every transform of R0 is rational in y, and the quadratic equation of y
gives its differences by Leibniz' rule:

    y[i..j] = 2 (y[i+1..j] + c sum_{i<k<j} y[i..k] y[k..j]) / (S_i + S_j + b_j - b_i).

References
----------
Results R0 and R3 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math

import numpy as np

from lemmata.kernels import kernel

NOISE, MATCHED, PLAIN = range(3)
"""Measures, by their transforms: m, noise; s = y/(1 + rho y), matched filter; y, X^T w with w orthogonal to mu."""

PHI, THETA, ETA, PHI_PHI, PHI_THETA, THETA_THETA, PHI_ETA, THETA_ETA, ETA_ETA = range(9)
"""Integrals of phi = (1 + b D)/P, theta = b C/P, eta = A b/P and of their products."""


@kernel
def find_nodes(level, coupling, slope, shift, roots, values):
    """Roots of P = level (1 + b coupling) + b (slope b + shift)^2 and C at each of them, to relative accuracy.

    `slope` >= 0. Fills `roots` and `values` (3,), a real root first; returns how many there are (1 if slope = 0).
    """
    if slope == 0.0:
        roots[0], values[0] = -level / (level * coupling + shift * shift), shift
        return 1
    # in units in which the product of the roots is -1: t^3 + p t^2 + (p^2/4 + q) t + 1
    unit = (level / (slope * slope)) ** (1 / 3)
    p, q = 2 * shift / (slope * unit), level * coupling / (slope * slope * unit * unit)
    linear = 0.25 * p * p + q
    # the largest x = -t: safeguarded Newton steps from above
    low, high = 0.0, 1.0 + max(p, 0.0)
    if q > 0:
        high = min(high, 1 / q)
    if p <= 0:
        high = min(high, 1 / linear) if linear > 0 else high
    x = high
    for _ in range(200):
        value = ((p - x) * x - linear) * x + 1
        if value > 0:
            low = x
        else:
            high = x
        derivative = (2 * p - 3 * x) * x - linear
        new = x - value / derivative if derivative != 0 else -1.0
        if not low <= new <= high:
            new = 0.5 * (low + high)
        moved = abs(new - x)
        x = new
        if moved <= 1e-15 * x:
            break
    # the others: t^2 + (p - x) t + 1/x = 0
    half = 0.5 * (p - x)
    radius = np.sqrt(complex(half * half - 1 / x, 0.0))
    far = -half - math.copysign(1.0, half) * radius
    roots[0], roots[1], roots[2] = -x * unit, far * unit, unit / (x * far)
    for k in range(3):
        b = roots[k]
        c = slope * b + shift
        for _ in range(4):
            derivative = level * coupling + c * c + 2 * slope * b * c
            if derivative == 0:
                break
            step = -(level * (1 + b * coupling) + b * c * c) / derivative
            if abs(step) > 0.1 * abs(b):
                break
            b += step
            c += slope * step  # more accurate than slope b + shift where this cancels
            if slope * abs(b) > 0.5 * abs(shift):
                b = (c - shift) / slope
            if slope * abs(step) <= 1e-15 * min(slope * abs(b), abs(c)):
                break
        roots[k], values[k] = b, c
    return 3


@kernel
def fill_differences(ratio, slope, count, roots, values, noise, table):
    """Divided differences of y on the nodes 0..count-1, 0..count-1.

    Fills `noise` (3,), m at the nodes, and the upper triangle of `table` (6, 6): entry i, j is y[i..j].
    """
    root = math.sqrt(ratio)
    low, high = (1 - ratio) / (1 + root), 1 + root
    low, high = low * low, high * high
    surd = np.empty(3, np.complex128)
    for k in range(count):
        b = roots[k]
        surd[k] = -np.sqrt(b - low) * np.sqrt(b - high)
        table[k, k] = table[k + count, k + count] = 2 / (1 + ratio - b + surd[k])
        plus, minus = ratio - 1 - b + surd[k], ratio - 1 - b - surd[k]
        noise[k] = 2 / plus if abs(plus) >= abs(minus) else minus / (2 * b)
    for width in range(1, 2 * count):
        for i in range(2 * count - width):
            j = i + width
            p, q = i % count, j % count
            product = ratio * table[p, p] * table[q, q]
            if product.real**2 + product.imag**2 < 0.25:
                divisor = 2 * (1 - product) / table[p, p]
            else:  # the same without cancellation
                gap = roots[q] - roots[p]
                if p * q == 2:  # the pair that may pinch the real axis
                    gap = (values[q] - values[p]) / slope
                divisor = surd[p] + surd[q] + gap
            total = 0.0j
            for k in range(i + 1, j):
                total += table[i, k] * table[k, j]
            table[i, j] = 2 * (table[i + 1, j] + ratio * total) / divisor


@kernel
def fill_tilted(table, size, snr, factor, row):
    """Differences [0..j], j < size, of y/(1 + snr y); `factor` (6,) is 1/(1 + snr y) at the nodes."""
    row[0] = factor[0] * table[0, 0]
    for j in range(1, size):
        total = factor[0] * table[0, j]
        for k in range(1, j):
            total -= snr * row[k] * table[k, j]
        row[j] = factor[j] * total


@kernel
def fill_faded(table, size, rest, row, out):
    """Differences of (1 - y) times the function of `row`; `rest` (6,) is 1 - y at the nodes."""
    for j in range(size):
        total = rest[j] * row[j]
        for k in range(j):
            total -= row[k] * table[k, j]
        out[j] = total


@kernel
def multiply(row, values, slope, count):
    """Turn the differences of a function into those of C times the function, in place."""
    for j in range(2 * count - 1, 0, -1):
        row[j] = values[j % count] * row[j] + slope * row[j - 1]
    row[0] *= values[0]


@kernel
def integrate(rows, level, coupling, slope, values, count, out):
    """Integrals of one measure, in the order PHI, ..., ETA_ETA.

    `rows` (3, 6) are differences of the transforms of the measure times 1, b and b^2; they are overwritten.
    """
    leading = slope * slope if count == 3 else level * coupling + (values[0] * values[0]).real
    square = leading * leading
    first, last = count - 1, 2 * count - 1
    one, b, bb = rows[0], rows[1], rows[2]
    out[0] = (one[first] + coupling * b[first]).real / leading
    out[2] = level * b[first].real / leading
    out[3] = (one[last] + coupling * (2 * b[last] + coupling * bb[last])).real / square
    out[6] = level * (b[last] + coupling * bb[last]).real / square
    out[8] = level * level * bb[last].real / square
    multiply(b, values, slope, count)
    multiply(bb, values, slope, count)
    out[1] = b[first].real / leading
    out[4] = (b[last] + coupling * bb[last]).real / square
    out[7] = level * bb[last].real / square
    multiply(bb, values, slope, count)
    out[5] = bb[last].real / square


@kernel
def fill_measures(ratio, snr, count, noise, table, rows):
    """Differences of the transforms of 1, b and b^2 against each of the three measures: `rows` (3, 3, 6).

    With s = y/(1 + rho y): z s = -1 + (1 + rho) s + c (1 - y) s, and z (1 - y) s = -1 + y + (1 - y)(z s + 1); the
    transform of b s is z s + 1, and so on. Noise is rho = -1, and y itself rho = 0.
    """
    size = 2 * count
    rest, factor = np.empty(6, np.complex128), np.empty(6, np.complex128)
    once, twice = np.empty(6, np.complex128), np.empty(6, np.complex128)
    for measure in range(3):
        rho = -1.0 if measure == 0 else snr if measure == 1 else 0.0
        one, b, bb = rows[measure, 0], rows[measure, 1], rows[measure, 2]
        for j in range(size):
            lift = 1 + noise[j % count]
            rest[j] = 1 / lift
            factor[j] = lift if measure == 0 else 1 / (1 + rho * table[j, j])
        fill_tilted(table, size, rho, factor, one)
        fill_faded(table, size, rest, one, once)
        if measure == 0:  # (1 - y) m = y
            for j in range(size):
                once[j] = table[0, j]
        for j in range(size):
            b[j] = (1 + rho) * one[j] + ratio * once[j]
        fill_faded(table, size, rest, b, twice)
        for j in range(size):
            bb[j] = (1 + rho) * b[j] + ratio * (table[0, j] + twice[j])
