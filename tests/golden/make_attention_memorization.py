"""Make tests/golden/attention_memorization.json: references at 40 digits, from the definitions.

    python -m tests.golden.make_attention_memorization

Nothing of the suite is imported. With c = p/n exact:

- `stieltjes`: m(z) is the root of z m^2 + (z + 1 - c) m + 1 = 0 with m > 0 for z < 0 and Im m > 0 for Im z > 0; it is
  found by the textbook formula at 80 digits, where its cancellation does not matter, and for a subset it is checked
  here against the integral of 1/(b - z) over the law.
- `error`: E = -gamma^2 dPsi/dgamma by numerical differentiation at 80 digits of Psi(gamma) = m(1+m)/(1+(1+rho)m),
  m = m(-gamma); nothing is differentiated by hand. For a subset E is checked here against gamma^2 int dF_y/(b+gamma)^2,
  F_y the spectral measure of the labels with its density, its atom and its outlier.
"""

from __future__ import annotations

import json
from pathlib import Path

from mpmath import mp, mpc, mpf

DIGITS = 40
FILE = Path(__file__).with_name("attention_memorization.json")


def stieltjes(z, c):
    root = mp.sqrt((z + 1 - c) ** 2 - 4 * z)
    roots = [(-(z + 1 - c) + sign * root) / (2 * z) for sign in (1, -1)]
    if mp.im(z) > 0:
        (m,) = [m for m in roots if mp.im(m) > 0]
    else:
        (m,) = [m for m in roots if m > 0]
    return m


def label_form(gamma, c, rho):
    m = stieltjes(-gamma, c)
    return m * (1 + m) / (1 + (1 + rho) * m)


def error(gamma, c, rho):
    return -(gamma**2) * mp.diff(lambda t: label_form(t, c, rho), gamma, h=gamma * mpf(10) ** -25)


def integral(function, c, points=3000):
    """Integral of function(b, m(b + i0)) over the continuous part of the law.

    With b = 1 + c + 2 sqrt(c) cos(t) the integrand is smooth and periodic in t: the midpoint rule converges
    exponentially, and it keeps away from the edges.
    """
    total = mpf(0)
    for k in range(points):
        t = mp.pi * (k + mpf(1) / 2) / points
        height = 2 * mp.sqrt(c) * mp.sin(t)
        b = 1 + c + 2 * mp.sqrt(c) * mp.cos(t)
        m = mpc(-(b + 1 - c), height) / (2 * b)
        total += function(b, m) * height**2 / (2 * mp.pi * b)
    return total * mp.pi / points


def error_by_integral(gamma, c, rho):
    """gamma^2 int dF_y / (b + gamma)^2; F_y has the density of F times Im R_uu / Im m."""

    def integrand(b, m):
        return mp.im(m * (1 + m) / (1 + (1 + rho) * m)) / mp.im(m) * (gamma / (b + gamma)) ** 2

    total = integral(integrand, c) + max(mpf(0), 1 - c) / (1 + rho)
    if rho > mp.sqrt(c):
        m = -1 / (1 + rho)
        mass = -m * (1 + m) / (1 + rho) * (1 / m**2 - c / (1 + m) ** 2)
        outlier = (1 + rho) * (1 + c / rho)
        total += mass * (gamma / (outlier + gamma)) ** 2
    return total


def text(x):
    return mp.nstr(x, DIGITS)


# (p, n): far below, near, at, near above, far above
SIZES = [
    (1, 50),
    (1, 4),
    (1, 2),
    (99, 100),
    (9999, 10000),
    (1, 1),
    (10001, 10000),
    (101, 100),
    (2, 1),
    (4, 1),
    (50, 1),
]
NEGATIVE = ["1e-12", "1e-9", "1e-6", "1e-3", "0.1", "1", "10", "1000"]
COMPLEX = [("0.3", "0.4"), ("1", "1e-6"), ("-0.5", "0.01"), ("4", "0.001"), ("-1e-6", "1e-6"), ("100", "100")]
SNRS = ["0", "0.3", "1", "16", "100"]


def main():
    mp.dps = 80
    data = {"digits": DIGITS, "stieltjes": [], "stieltjes_complex": [], "error": []}
    for p, n in SIZES:
        c = mpf(p) / n
        for gamma_text in NEGATIVE:
            gamma = mpf(gamma_text)
            data["stieltjes"].append([p, n, gamma_text, text(stieltjes(-gamma, c))])
            data["error"] += [[p, n, gamma_text, rho, text(error(gamma, c, mpf(rho)))] for rho in SNRS]
        for re, im in COMPLEX:
            m = stieltjes(mpc(re, im), c)
            data["stieltjes_complex"].append([p, n, re, im, text(mp.re(m)), text(mp.im(m))])
    check()
    lines = [f'"digits": {DIGITS}']
    for name in ("stieltjes", "stieltjes_complex", "error"):
        rows = ",\n".join(json.dumps(row) for row in data[name])
        lines.append(f'"{name}": [\n{rows}\n]')
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def check():
    """The integrals agree with the algebraic forms to 15 digits."""
    mp.dps = 40
    for c, gamma, rho in [
        ("0.25", "0.1", "1"),
        ("0.5", "1", "0.3"),
        ("2", "0.01", "4"),
        ("0.5", "0.001", "16"),
    ]:
        c, gamma, rho = mpf(c), mpf(gamma), mpf(rho)
        by_integral = integral(lambda b, m, gamma=gamma: 1 / (b + gamma), c) + max(mpf(0), 1 - c) / gamma
        assert abs(by_integral / stieltjes(-gamma, c) - 1) < mpf(10) ** -15
        assert abs(error_by_integral(gamma, c, rho) / error(gamma, c, rho) - 1) < mpf(10) ** -15


if __name__ == "__main__":
    main()
