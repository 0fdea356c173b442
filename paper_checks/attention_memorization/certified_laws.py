"""What is proved about the laws that the limit is made of: R0, the ends of R1, and R2, by exact algebra."""

from __future__ import annotations

from functools import cache
from typing import Any

from lemmata.claims import CERTIFIED, Claim, Mutant, Symbolic


def cancelled(*expressions: Any) -> tuple[Any, ...]:
    """Rational expressions in lowest terms."""
    import sympy

    return tuple(sympy.cancel(sympy.together(expression)) for expression in expressions)


# ------------------------------------------------------------------ R0: the law's transform and its branch


@cache
def _transform_from_density(has_more_tokens: bool, with_atom: bool = True) -> tuple[Any, ...]:
    """s = sqrt c, x with |x| < 1, z, and m(z) = int dF(b)/(b - z) by residues.

    On the support b = 1 + c + 2 s cos t = (1 + s e)(1 + s/e), e = exp(it), and dF = (2 s sin t)^2/(2 pi b) dt over
    0 < t < pi, half the integral over the unit circle. Outside the support z = (1 + s x)(1 + s/x); inside the circle
    lie e = 0, the zero of b there (-s if c < 1, -1/s if c > 1) and e = x.
    """
    import sympy

    s, x = sympy.symbols("s x", positive=True)
    e = sympy.Symbol("e")
    z = (1 + s * x) * (1 + s / x)
    b = (1 + s * e) * (1 + s / e)
    sine = (e - 1 / e) / (2 * sympy.I)
    integrand = sympy.factor((2 * s * sine) ** 2 / (2 * sympy.pi * b) / (b - z) / (sympy.I * e) / 2)
    inside = (0, -s if has_more_tokens else -1 / s, x)
    residues = (sympy.cancel(integrand * (e - pole)).subs(e, pole) for pole in inside)
    m = sympy.cancel(2 * sympy.pi * sympy.I * sum(residues))
    atom = (1 - s**2) / (0 - z) if has_more_tokens and with_atom else 0
    return s, x, z, sympy.cancel(m + atom)


def _transform_residues(with_atom: bool = True, branch: int = 1, normaliser: int = 0) -> tuple[Any, ...]:
    """The quadratic equation, and the branch: sqrt(z - b_+) sqrt(z - b_-) = s (1/x - x), which goes like z."""
    import sympy

    parts = []
    for has_more_tokens in (True, False):
        s, x, z, m = _transform_from_density(has_more_tokens, with_atom)
        c = s**2
        product = branch * s * (1 / x - x)
        parts += [
            z * m**2 + (z + 1 - c**normaliser * c) * m + 1,
            product**2 - (z - (1 + s) ** 2) * (z - (1 - s) ** 2),
            m - (product - (z + 1 - c)) / (2 * z),
            1 / sympy.diff(m, x) * sympy.diff(z, x) - (1 / m**2 - c / (1 + m) ** 2),
        ]
    return cancelled(*parts)


R0 = Claim(
    "R0",
    source="R0",
    statement="From its density and atom: the Marchenko-Pastur transform solves z m^2 + (z+1-c) m + 1 = 0, on the "
    "branch with the principal roots of z - b_+ and z - b_- taken separately, and dz/dm = 1/m^2 - c/(1+m)^2.",
    falsifier="a point outside the support at which the integral and the formula differ",
    design=(),
    published=Symbolic(
        _transform_residues, "the integral over density and atom is the stated root, c < 1 and c > 1"
    ),
    mutants=(
        Mutant("the atom left out at c < 1", Symbolic(lambda: _transform_residues(False), "no atom")),
        Mutant(
            "the other branch: one root of the product",
            Symbolic(lambda: _transform_residues(branch=-1), "m with the opposite root"),
        ),
        Mutant(
            "the ratio squared in the linear coefficient, as if F were normalised by p",
            Symbolic(lambda: _transform_residues(normaliser=1), "z m^2 + (z+1-c^2) m + 1"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R1: the ends of the closed form


def _ends_residues(ridgeless_signal: int = 1, prefactor: int = 2, slope_signal: int = 1) -> tuple[Any, ...]:
    """E = -gamma^2 dPsi/dgamma along gamma(m) = 1/m - c/(1+m), whose ends are m = infinity (c <= 1), 1/(c-1) and 0."""
    import sympy

    m, c, rho, small = sympy.symbols("m c rho epsilon", positive=True)
    ridge = 1 / m - c / (1 + m)
    form = m * (1 + m) / (1 + (1 + rho) * m)
    error = sympy.cancel(-(ridge**2) * sympy.diff(form, m) / sympy.diff(ridge, m))

    def at_infinity(expression: Any) -> Any:
        return sympy.cancel(expression.subs(m, 1 / small)).subs(small, 0)

    return cancelled(
        at_infinity(ridge),
        at_infinity(error) - (1 - c) / (1 + ridgeless_signal * rho),
        at_infinity((error**2 / ridge).subs({c: 1, rho: 0})) - sympy.Rational(1, prefactor**2),
        ridge.subs(m, 1 / (c - 1)),
        sympy.cancel(error / ridge**2).subs(m, 1 / (c - 1))
        - c * (c**2 + rho) / ((c - 1) ** 3 * (c + rho) ** 2),
        sympy.cancel(ridge * (1 - error)).subs(m, 0) - 2 * (c + slope_signal * rho),
    )


R1E = Claim(
    "R1e",
    source="Proposition 2",
    statement="The ridge-regression error tends to (1-c)/(1+rho) as gamma -> 0 at c < 1, goes like sqrt(gamma)/2 at "
    "c = 1, rho = 0, like gamma^2 c(c^2+rho)/((c-1)^3 (c+rho)^2) at c > 1, and like 1 - 2(c+rho)/gamma at large gamma.",
    falsifier="an end at which the closed form and the stated term differ",
    design=(),
    published=Symbolic(_ends_residues, "the ends of -gamma^2 dPsi/dgamma along gamma = 1/m - c/(1+m)"),
    mutants=(
        Mutant(
            "the signal missing in the ridgeless limit: 1 - c",
            Symbolic(lambda: _ends_residues(ridgeless_signal=0), "1 - c"),
        ),
        Mutant("sqrt(gamma) at c = 1", Symbolic(lambda: _ends_residues(prefactor=1), "prefactor 1")),
        Mutant(
            "the noise's mean eigenvalue c in place of c + rho at large ridge",
            Symbolic(lambda: _ends_residues(slope_signal=0), "1 - 2c/gamma"),
        ),
    ),
    records=CERTIFIED,
)


# ------------------------------------------------------------------ R2: Gaussian moments of the activations


def _moment(power: int, rate: Any) -> Any:
    """E[xi^k exp(s xi)] = (d/ds)^k exp(s^2/2)."""
    import sympy

    x = sympy.Symbol("x")
    return sympy.diff(sympy.exp(x**2 / 2), x, power).subs(x, rate)


def _mean(f: list[Any]) -> Any:
    """E f(xi) of a sum of terms (coefficient, k, s), each coefficient * t^k exp(s t)."""
    return sum(coefficient * _moment(power, rate) for coefficient, power, rate in f)


def _times(f: list[Any], g: list[Any]) -> list[Any]:
    return [(a * b, k + j, s + r) for a, k, s in f for b, j, r in g]


def _slope(f: list[Any]) -> list[Any]:
    return [(a * k, k - 1, s) for a, k, s in f if k] + [(a * s, k, s) for a, k, s in f]


def _half_mean(right: Any, left: Any, t: Any) -> Any:
    """E f(xi) for polynomials f(t) and f(-t) on t > 0: int_0^oo t^k phi = 2^(k/2) Gamma((k+1)/2)/(2 sqrt pi)."""
    import sympy

    coefficients = enumerate(reversed(sympy.Poly(right + left, t).all_coeffs()))
    halves = ((a, sympy.sqrt(2) ** k * sympy.gamma(sympy.Rational(k + 1, 2))) for k, a in coefficients)
    return sum(a * half for a, half in halves) / (2 * sympy.sqrt(sympy.pi))


def _smooth_data(centre: int = 1, cosine_sign: int = -1) -> list[Any]:
    """Activations as terms, with the stated mean, a_1, a_2 and nu."""
    import sympy

    root = sympy.exp(sympy.Rational(1, 2))
    half, i, sqrt = sympy.Rational(1, 2), sympy.I, sympy.sqrt
    e = sympy.E
    return [
        ([(1, 1, 0)], (0, 1, 0, 1)),
        ([(-i / 2, 0, i), (i / 2, 0, -i)], (0, 1 / root, 0, (1 - e**-2) / 2)),
        (
            [(half, 0, i), (half, 0, -i), (-1 / root, 0, 0)],
            (0, 0, cosine_sign / (root * sqrt(2)), (1 + e**-2) / 2 - 1 / e),
        ),
        ([(1 / sqrt(15), 3, 0)], (0, 3 / sqrt(15), 0, 1)),
        ([(1 / sqrt(2), 2, 0), (-1 / sqrt(2), 0, 0)], (0, 0, 1, 1)),
        ([(1, 0, 1), (-centre * root, 0, 0)], (0, root, root / sqrt(2), e**2 - e)),
    ]


def _activation_residues(relu_centred: int = 1, centre: int = 1, cosine_sign: int = -1) -> tuple[Any, ...]:
    """Stated data minus Gaussian moments, and Stein's E[xi f] - E f'."""
    import sympy

    line, square = [(1, 1, 0)], [(1, 2, 0), (-1, 0, 0)]
    parts = []
    for f, (mean, linear, quadratic, power) in _smooth_data(centre, cosine_sign):
        parts += [
            _mean(f) - mean,
            _mean(_times(line, f)) - linear,
            _mean(_times(square, f)) / sympy.sqrt(2) - quadratic,
            _mean(_times(f, f)) - power,
            _mean(_times(line, f)) - _mean(_slope(f)),
        ]
    t = sympy.Symbol("t")
    below = -relu_centred / sympy.sqrt(2 * sympy.pi)
    for right, left, linear, quadratic, power, mean_slope in (
        (sympy.Integer(1), sympy.Integer(-1), sympy.sqrt(2 / sympy.pi), 0, 1, 2 / sympy.sqrt(2 * sympy.pi)),
        (
            t + below,
            below,
            sympy.Rational(1, 2),
            1 / (2 * sympy.sqrt(sympy.pi)),
            (1 - 1 / sympy.pi) / 2,
            _half_mean(sympy.Integer(1), sympy.Integer(0), t),
        ),
    ):
        parts += [
            _half_mean(right, left, t),
            _half_mean(t * right, -t * left, t) - linear,
            _half_mean((t**2 - 1) * right, (t**2 - 1) * left, t) / sympy.sqrt(2) - quadratic,
            _half_mean(right**2, left**2, t) - power,
            _half_mean(t * right, -t * left, t) - mean_slope,
        ]
    tanh = sympy.sinh(t) / sympy.cosh(t)
    parts.append((sympy.diff(tanh, t) + tanh**2 - 1).rewrite(sympy.exp))
    return tuple(sympy.simplify(sympy.expand(part)) for part in parts)


R2 = Claim(
    "R2",
    source="Assumption 2",
    statement="Linear, sin, cos, cubic, quadratic, exp, sign and the rectifier, centred, have the stated a_1, a_2 and "
    "nu, and E[xi f] = E f' (sign: twice the density at 0); for tanh f' = 1 - f^2, so that a_1 + nu = 1.",
    falsifier="a Gaussian moment that differs from the stated one",
    design=(),
    published=Symbolic(
        _activation_residues, "stated Hermite data minus moments (d/ds)^k exp(s^2/2), and Stein"
    ),
    mutants=(
        Mutant(
            "the rectifier not centred", Symbolic(lambda: _activation_residues(relu_centred=0), "max(t, 0)")
        ),
        Mutant("exp not centred", Symbolic(lambda: _activation_residues(centre=0), "exp(t)")),
        Mutant(
            "a_2 of cos with the wrong sign",
            Symbolic(lambda: _activation_residues(cosine_sign=1), "a_2 = exp(-1/2)/sqrt 2"),
        ),
    ),
    records=CERTIFIED,
)
