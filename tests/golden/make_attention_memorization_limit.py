"""Make tests/golden/attention_memorization_limit.json: the limit of attention's error at 30 digits.

    python -m tests.golden.make_attention_memorization_limit

Nothing of the suite is imported. All inputs are floats, taken exactly. The fixed point of R3 is solved as it stands,

    A = gamma + s2 int eta dF,     D = s2 int phi dF,     r = int theta dF,

its integrals as sums of residues at the roots of P, by a secant-Jacobian Newton method at 80 digits or more, so that
neither cancellation nor a near-double root matters. Psi and q = int phi dF are then differentiated numerically in gamma
(the fixed point solved anew on both sides): E = -gamma^2 dPsi/dgamma, T = -gamma^2 dq/dgamma, S = ((1 + rho) E - T)/rho
for balanced labels. For a subset q is checked here against quadrature over the law.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

from mpmath import mp, mpf

DIGITS = 30
FILE = Path(__file__).with_name("attention_memorization_limit.json")


def stieltjes(z, c):
    low, high = (1 - mp.sqrt(c)) ** 2, (1 + mp.sqrt(c)) ** 2
    return (-(z + 1 - c) + mp.sqrt(z - low) * mp.sqrt(z - high)) / (2 * z)


class Bulk:
    """P, its roots and m there, for given A, D, r."""

    def __init__(self, data, level, coupling, offset):
        self.c = data["c"]
        self.level, self.coupling = level, coupling
        self.slope = data["a1"] / self.c
        self.shift = data["d"] - data["a1"] - data["s2"] * offset
        self.p = [self.slope**2, 2 * self.slope * self.shift, level * coupling + self.shift**2, level]
        while not self.p[0]:
            self.p.pop(0)
        self.roots = mp.polyroots(self.p, maxsteps=2000, extraprec=4 * mp.prec)
        self.m = [stieltjes(b, self.c) for b in self.roots]
        degree = len(self.p) - 1
        self.slopes = [
            sum((degree - i) * a * b ** (degree - i - 1) for i, a in enumerate(self.p[:-1]))
            for b in self.roots
        ]

    def integral(self, name, transform):
        """int name dG; transform(z, m) is the Stieltjes transform of G and its moments come in where P is linear."""
        total, (form, moments) = mpf(0), transform
        for b, m, slope in zip(self.roots, self.m, self.slopes, strict=True):
            c = self.slope * b + self.shift
            if name == "phi":
                total += (form(m) + self.coupling * (b * form(m) + moments)) / slope
            elif name == "theta":
                total += c * (b * form(m) + moments) / slope
            else:
                total += self.level * (b * form(m) + moments) / slope
        return mp.re(total)


NOISE = (lambda m: m, 1)


def residuals(data, gamma, point):
    level, coupling, offset = mp.exp(point[0]), data["s2"] * mp.exp(point[1]), point[2]
    bulk = Bulk(data, level, coupling, offset)
    eta, phi, theta = (bulk.integral(name, NOISE) for name in ("eta", "phi", "theta"))
    return [
        mp.log(level / (gamma + data["s2"] * eta)) if gamma + data["s2"] * eta > 0 else mpf(10),
        point[1] - mp.log(phi) if phi > 0 else mpf(10),
        offset - theta,
    ]


def newton(data, gamma, point, tolerance):
    """Newton's method with difference quotients; an empty list if it does not converge."""
    h = mpf(10) ** (-mp.dps // 3)
    value = residuals(data, gamma, point)
    for _ in range(40):
        jacobian = mp.matrix(3)
        for k in range(3):
            moved = [x + h * (i == k) for i, x in enumerate(point)]
            for i, x in enumerate(residuals(data, gamma, moved)):
                jacobian[i, k] = (x - value[i]) / h
        step = mp.lu_solve(jacobian, -mp.matrix(value))
        size = max(abs(x) for x in step)
        if size > 1:
            step /= size
        point = [x + dx for x, dx in zip(point, step, strict=True)]
        value = residuals(data, gamma, point)
        if size < tolerance:
            return point
    return []


def solve(data, gamma):
    """(ln A, ln q, r) at gamma, followed from a large ridge in steps that shrink where Newton's method fails."""
    edge = (1 + mp.sqrt(data["c"])) ** 2
    start = max(gamma, 3 * (data["nu"] + edge * (data["a1"] / data["c"] * edge + abs(data["d"])) ** 2))
    digits, mp.dps = mp.dps, 40
    point, now, factor = [mp.log(start), -mp.log(start), mpf(0)], start, mpf(16)
    point, before = newton(data, start, point, mpf(10) ** -8), None
    while now > gamma:
        target = max(gamma, now / factor)
        guess = point
        if before is not None:
            share = mp.log(target / now) / before[1]
            guess = [x + share * (x - y) for x, y in zip(point, before[0], strict=True)]
        found = newton(data, target, guess, mpf(10) ** -6)
        if not found:
            factor = mp.sqrt(factor)
            assert factor > 1.0001
            continue
        before, point, now = (point, mp.log(target / now)), found, target
    mp.dps = digits
    return newton(data, gamma, point, mpf(10) ** (-mp.dps // 2))


def quadratic_form(data, point):
    """Psi and q at a solution."""
    rho, gram, c = data["gram"][0][0], data["gram"], data["c"]
    bulk = Bulk(data, mp.exp(point[0]), data["s2"] * mp.exp(point[1]), point[2])
    uu = (lambda m: m * (1 + m) / (1 + (1 + rho) * m), 1)

    def uw(k, factor=1):
        return (lambda m: factor * gram[0][k] * m / (1 + (1 + rho) * m), factor * gram[0][k])

    def ww(i, k):
        tilt = gram[0][i] * gram[0][k]
        return (
            lambda m: gram[i][k] * m / (1 + m) + tilt * m / ((1 + m) * (1 + (1 + rho) * m)),
            gram[i][k] + tilt,
        )

    q, psi = bulk.integral("phi", NOISE), bulk.integral("phi", uu)
    beta, om = data["beta"], data["a2"] / c
    ones = (lambda m: beta**2 * uu[0](m) + (1 - beta**2) * m, 1)
    seen = (lambda m: beta * uu[0](m), beta)
    zero = (lambda m: mpf(0), 0)
    # block, kind and number of each vector, in pairs that are coupled
    vectors, couplings = [], []
    if bulk.slope and gram[1][1] and gram[2][2]:
        vectors += [(1, "w", 2), (2, "w", 1)]
        couplings.append(bulk.slope)
    if beta and om:
        vectors += [(1, "t", 0), (2, "1", 0), (1, "1", 0), (2, "t", 0)]
        couplings += [om, om]
    if not vectors:
        return psi, q

    def transform(one, other):
        kinds = "".join(sorted(one[1] + other[1]))
        if kinds == "ww":
            return ww(one[2], other[2])
        if kinds == "1w":
            return uw(one[2] + other[2], beta)
        return {"tt": NOISE, "11": ones, "1t": zero, "tw": zero}[kinds]

    def form(blocks, measure):
        sign = -1 if blocks == 4 else 1
        return sign * bulk.integral({2: "phi", 3: "theta", 4: "eta"}[blocks], measure)

    size = len(vectors)
    system, g = mp.matrix(size), mp.matrix(size, 1)
    for i, one in enumerate(vectors):
        g[i] = form(1 + one[0], {"w": uw(one[2]), "1": seen, "t": zero}[one[1]])
        for k, other in enumerate(vectors):
            system[i, k] = form(one[0] + other[0], transform(one, other))
            if i // 2 == k // 2 and i != k:
                system[i, k] += 1 / couplings[i // 2]
    return psi - (g.T * mp.lu_solve(system, g))[0], q


def errors(case):
    """E, T and q by differentiation in ln gamma."""
    names = ("c", "ridge", "a1", "a2", "nu", "d", "beta")
    data = {name: mpf(case[name]) for name in names}
    data["gram"] = [[mpf(x) for x in row] for row in case["gram"]]
    data["s2"] = (data["nu"] - data["a1"] ** 2) / data["c"]
    gamma, h = data["ridge"], mpf(10) ** -15
    middle = solve(data, gamma)
    values = {}
    for k in (-2, -1, 1, 2):
        values[k] = quadratic_form(
            data, newton(data, gamma * mp.exp(k * h), middle, mpf(10) ** (-mp.dps // 2))
        )
    psi, q = (
        (8 * (values[1][i] - values[-1][i]) - (values[2][i] - values[-2][i])) / (12 * h) for i in range(2)
    )  # the next term is of relative order h^4
    return -gamma * psi, -gamma * q, quadratic_form(data, middle)[1], middle, data


def check_by_quadrature(q, middle, data, points=4000):
    """q is the integral of phi over the density and the atom, by the midpoint rule in an angle."""
    c = data["c"]
    level, coupling = mp.exp(middle[0]), data["s2"] * mp.exp(middle[1])
    shift = data["d"] - data["a1"] - data["s2"] * middle[2]
    total = max(mpf(0), 1 - c) / level
    for k in range(points):
        angle = mp.pi * (k + mpf(1) / 2) / points
        b = 1 + c + 2 * mp.sqrt(c) * mp.cos(angle)
        p = level * (1 + b * coupling) + b * (data["a1"] / c * b + shift) ** 2
        total += (1 + b * coupling) / p * (2 * mp.sqrt(c) * mp.sin(angle)) ** 2 / (2 * b) / points
    assert abs(total / q - 1) < mpf(10) ** -13, (total, q)


A_TANH, NU_TANH = 0.6057055096, 0.3942944904
ACTIVATIONS = {  # a_1, a_2, nu, d
    "tanh": (A_TANH, 0.0, NU_TANH, 0.0),
    "sign": (0.7978845608028654, 0.0, 1.0, 0.0),
    "relu, diagonal kept": (0.5, 0.28209479177387814, 0.3408450569081047, 0.98216),
    "linear": (1.0, 0.0, 1.0, 0.0),
    "linear, diagonal kept": (1.0, 0.0, 1.0, 1.0),
    "cosine": (0.0, -0.4288819424803534, 0.19978820798, 0.0),
    "nearly even": (1e-6, 0.0, 1.0, 0.0),
    "negative slope": (-0.5, 0.3, 0.7, 0.2),
    "nearly linear": (1.0, 0.0, 1.00000001, 0.0),
    "exponential": (1.6487212707, 1.1658219, 4.670774270471604, 0.0),
}
GRAMS = {
    "noise": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "signal": ((1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "aligned": ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    "general": ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 2.0)),
    "strong signal": ((100.0, 100.0, 100.0), (100.0, 100.0, 100.0), (100.0, 100.0, 100.0)),
    "weak signal": ((0.01, -0.1, 0.05), (-0.1, 2.0, 0.5), (0.05, 0.5, 1.5)),
}
RATIOS = (0.02, 0.2, 0.5, 1.0, 2.0, 50.0)
RIDGES = (1e-12, 1e-8, 1e-4, 0.1, 10.0, 1e3)


def cases():
    """Every activation at every ratio, ridges and vectors in turn so that each pair of levels occurs."""
    for i, (activation, ratio) in enumerate(product(ACTIVATIONS, RATIOS)):
        a1, a2, nu, d = ACTIVATIONS[activation]
        for turn in range(3):
            number = i + i // 6 + 2 * turn
            gram = list(GRAMS)[(2 * i + i // 6 + turn * 3) % 6]
            beta = 0.6 if turn == 2 else 0.0
            yield {
                "name": f"{activation}; {gram}", "c": ratio, "ridge": RIDGES[number % 6], "a1": a1, "a2": a2, "nu": nu,
                "d": d, "beta": beta, "gram": GRAMS[gram],
            }  # fmt: skip


def text(x):
    return mp.nstr(x, DIGITS)


def main():
    rows = []
    for number, case in enumerate(cases()):
        mp.dps = 100
        error, noise, q, middle, data = errors(case)
        if number % 15 == 4 and case["ridge"] >= 1e-4 and case["c"] not in (1.0, 50.0) and case["a1"] != 1.0:
            mp.dps = 30
            check_by_quadrature(q, middle, data)
        row = {**case, "E": text(error), "T": text(noise), "q": text(q)}
        rho = data["gram"][0][0]
        if rho and not (case["beta"] and case["a2"]):
            mp.dps = 60  # S may be tiny
            row["S"] = text(((1 + rho) * error - noise) / rho)
        rows.append(json.dumps(row))
    FILE.write_text('{"digits": 30, "cases": [\n' + ",\n".join(rows) + "\n]}\n")


if __name__ == "__main__":
    main()
