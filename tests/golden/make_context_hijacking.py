"""Make tests/golden/context_hijacking.json: references at 30 digits, from the definitions.

    python -m tests.golden.make_context_hijacking

Nothing of the suite is imported.

- `excess`: gradient descent on n examples in d dimensions, literally, with the entries of X as unknowns; the squared
  distance to tau w* is a polynomial in them, and its mean is taken monomial by monomial. Labels are +1 after each
  example is multiplied by its label, which leaves the first coordinate half-normal.
- `single`: one example (n = 1): with r = |x| the risk is a sum of one-dimensional integrals over r.
- `error`: the hijack error, integrated over g = <x_perp, b_perp>: at each g the margin is negative for r^2 between
  explicit roots, so that the inner probability is one of chi-squared with d - 2 degrees of freedom. The integral is
  split wherever a root meets g^2.
- `uniform_prior`: the hijack error where the task is uniform on the sphere. w* and x_perp span a plane, and the query
  is wrong iff <beta*, a> < 1 - kappa for the vector a = s c w* + kappa c x_perp of that plane, whatever its direction.
- `narrow_circle`: two dimensions, s c = 1 and density ~ exp(k cos t) of a narrow angle: at each angle the roots of
  1 - s c cos t = kappa (1 + c g sin t) in g, then the integral over the angle.
- `mean_correlation`: of the two random priors, from their densities.
- `coordinate`: the law of a coordinate on the sphere, by integrating its density.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from pathlib import Path

from mpmath import mp, mpf

DIGITS = 30
FILE = Path(__file__).with_name("context_hijacking.json")


def integral(function, points):
    return mpf(mp.quad(function, points))


# ------------------------------------------------------------------ polynomials in the entries of X


def multiply(left, right):
    product = defaultdict(mpf)
    for (powers, x), (others, y) in itertools.product(left.items(), right.items()):
        product[tuple(a + b for a, b in zip(powers, others, strict=True))] += x * y
    return product


def combine(*terms):
    """The sum of (factor, polynomial)."""
    total = defaultdict(mpf)
    for factor, polynomial in terms:
        for powers, x in polynomial.items():
            total[powers] += factor * x
    return total


def mean(polynomial, n, d):
    """Expectation: the first coordinate of each example is half-normal, the others are normal."""
    total = mpf(0)
    for powers, x in polynomial.items():
        if any(power % 2 and index % d for index, power in enumerate(powers)):
            continue
        value = x
        for power in powers:
            value *= mpf(2) ** (mpf(power) / 2) * mp.gamma((mpf(power) + 1) / 2) / mp.sqrt(mp.pi)
        total += value
    return total


def excess(n, d, steps, rho, c):
    tau = mp.sqrt(2 / mp.pi)
    zero = (0,) * (n * d)
    one = {zero: mpf(1)}
    x = [[{tuple(int(k == i * d + j) for k in range(n * d)): mpf(1)} for j in range(d)] for i in range(n)]
    start = [c * rho, c * mp.sqrt(1 - rho**2), *[mpf(0)] * (d - 2)]
    w = [combine((value, one)) for value in start]
    for step in steps:
        residuals = [combine(*((1, multiply(w[j], x[i][j])) for j in range(d)), (-1, one)) for i in range(n)]
        w = [
            combine((1, w[j]), *((-step, multiply(residuals[i], x[i][j])) for i in range(n)))
            for j in range(d)
        ]
    error = [combine((1, w[j]), (-tau if j == 0 else 0, one)) for j in range(d)]
    return sum(mean(multiply(e, e), n, d) for e in error)


def directional(n, d, across, along, rho, c):
    """One step with the preconditioner along b b^T + across (I - b b^T), b = beta*."""
    tau = mp.sqrt(2 / mp.pi)
    zero = (0,) * (n * d)
    one = {zero: mpf(1)}
    x = [[{tuple(int(k == i * d + j) for k in range(n * d)): mpf(1)} for j in range(d)] for i in range(n)]
    b = [rho, mp.sqrt(1 - rho**2), *[mpf(0)] * (d - 2)]
    w = [combine((c * value, one)) for value in b]
    residuals = [combine(*((1, multiply(w[j], x[i][j])) for j in range(d)), (-1, one)) for i in range(n)]
    gradient = [combine(*((1, multiply(residuals[i], x[i][j])) for i in range(n))) for j in range(d)]
    gamma = [[across * int(j == k) + (along - across) * b[j] * b[k] for k in range(d)] for j in range(d)]
    w = [combine((1, w[j]), *((-gamma[j][k], gradient[k]) for k in range(d))) for j in range(d)]
    error = [combine((1, w[j]), (-tau if j == 0 else 0, one)) for j in range(d)]
    return sum(mean(multiply(e, e), n, d) for e in error)


def single(d, steps, rho, c):
    tau = mp.sqrt(2 / mp.pi)
    norm = mpf(2) ** (mpf(d) / 2 - 1) * mp.gamma(mpf(d) / 2)
    cosine = mp.gamma(mpf(d) / 2) / (mp.sqrt(mp.pi) * mp.gamma(mpf(d + 1) / 2))  # E|theta_1|

    def average(function):
        def integrand(r):
            learned = 1 - mp.fprod(1 - step * r * r for step in steps)
            return function(learned, r) * r ** (d - 1) * mp.exp(-r * r / 2) / norm

        return integral(integrand, mp.linspace(0, 14, 15))

    e2 = c * c - 2 * c * tau * rho + tau * tau
    cross = (c * c - tau * c * rho) / d
    return (
        e2
        - 2 * (average(lambda k, r: k) * cross - average(lambda k, r: k / r) * (c * rho - tau) * cosine)
        + average(lambda k, r: k * k) * c * c / d
        - 2 * average(lambda k, r: k * k / r) * c * rho * cosine
        + average(lambda k, r: k * k / (r * r))
    )


# ------------------------------------------------------------------ the hijack error


def chi_square_cdf(x, freedom):
    return mp.gammainc(mpf(freedom) / 2, 0, x / 2, regularized=True) if x > 0 else mpf(0)


def hijack_error(count, d, depth, step, c, rho, s):
    """P(kappa (1 + b g) < 1 - s c rho), kappa = (1 - a r^2)^depth, a = step count, r^2 = g^2 + chi2_{d-2}, d >= 3."""
    a, b, target = step * count, c * mp.sqrt(1 - rho**2), 1 - s * c * rho

    def wrong(g):
        """Intervals of r^2 in which the margin is negative, from the signs between the real roots."""
        factor = 1 + b * g
        ratio = target / factor if factor else mpf(0)
        roots = []
        if ratio > 0:
            roots = [(1 - ratio ** (mpf(1) / depth)) / a]
            if depth % 2 == 0:
                roots.append((1 + ratio ** (mpf(1) / depth)) / a)
        elif ratio < 0 and depth % 2:
            roots = [(1 + (-ratio) ** (mpf(1) / depth)) / a]
        ends = [g * g, *sorted(root for root in roots if root > g * g), mp.inf]
        for low, high in itertools.pairwise(ends):
            inside = low + 1 if high == mp.inf else (low + high) / 2
            if (1 - a * inside) ** depth * factor < target:
                yield low, high

    def integrand(g):
        total = mpf(0)
        for low, high in wrong(g):
            upper = mpf(1) if high == mp.inf else chi_square_cdf(high - g * g, d - 2)
            total += upper - chi_square_cdf(low - g * g, d - 2)
        return total * mp.npdf(g)

    # where a root meets g^2, and where the factor changes sign
    meeting = [mpf(1)]
    for _ in range(depth):
        meeting = polynomial_product(meeting, [-a, mpf(0), mpf(1)])
    meeting = polynomial_product(meeting, [b, mpf(1)])
    meeting[-1] -= target
    roots = mp.polyroots(meeting, maxsteps=500, extraprec=400)
    ends = [mp.re(z) for z in roots if abs(mp.im(z)) < mpf(10) ** -12]
    ends = sorted(
        {
            e
            for e in (*ends, -1 / b, 1 / mp.sqrt(a), -1 / mp.sqrt(a), *mp.linspace(-11, 11, 9))
            if -11 <= e <= 11
        }
    )
    # x = sin^2 in each piece: the roots begin like powers of the distance
    return mp.fsum(
        integral(
            lambda t, p=p, q=q: integrand(p + (q - p) * mp.sin(t) ** 2) * (q - p) * mp.sin(2 * t),
            [0, mp.pi / 4, mp.pi / 2],
        )
        for p, q in itertools.pairwise(ends)
    )


def polynomial_product(left, right):
    product = [mpf(0)] * (len(left) + len(right) - 1)
    for (i, x), (j, y) in itertools.product(enumerate(left), enumerate(right)):
        product[i + j] += x * y
    return product


# ------------------------------------------------------------------ priors and the sphere


def von_mises_fisher_mean(d, k):
    def weigh(t):
        return mp.exp(k * (mp.cos(t) - 1)) * mp.sin(t) ** (d - 2)

    pieces = mp.linspace(0, mp.pi, 17)
    return integral(lambda t: mp.cos(t) * weigh(t), pieces) / integral(weigh, pieces)


def projected_normal_mean(d, spread):
    """E cos of the angle of a normal vector about (sqrt d, 0, ..., 0)/spread, given its length and then averaged."""
    delta = mp.sqrt(d) / spread
    half = mpf(d) / 2

    def average(order):
        def integrand(r):
            return (
                r**half * mp.exp(-((r - delta) ** 2) / 2) * mp.besseli(order, r * delta) * mp.exp(-r * delta)
            )

        peak = (delta + mp.sqrt(delta**2 + 4 * (d - 1))) / 2
        return integral(
            integrand, [max(peak - 13, mpf(0)), *(peak + k for k in (-3, 0, 3) if peak + k > 0), peak + 13]
        )

    return average(half) / average(half - 1)


def coordinate(u, m):
    """P(U < u) for a coordinate of a uniform vector on the sphere in R^m, m >= 2: u = sin t."""
    lower = integral(lambda t: mp.cos(t) ** (m - 2), [-mp.pi / 2, 0, mp.asin(u)])
    return lower / integral(lambda t: mp.cos(t) ** (m - 2), [-mp.pi / 2, 0, mp.pi / 2])


def uniform_prior_error(count, d, depth, step, c, s):
    """E over r = |x_perp| of P(U < (1 - kappa)/|a|), U a coordinate of a uniform vector in R^d."""
    a = step * count

    def ratio(r):
        kappa = (1 - a * r * r) ** depth
        return (1 - kappa) / mp.sqrt((s * c) ** 2 + (kappa * c * r) ** 2)

    def law(u):
        return mpf(u >= 1) if abs(u) >= 1 else coordinate(u, d)

    def integrand(r):
        return law(ratio(r)) * 2 * r ** (d - 2) * mp.exp(-r * r / 2)

    grid = [mpf(k) / 400 for k in range(1, 400 * 13)]
    ends = {mpf(0), mpf(13), 1 / mp.sqrt(a)}
    for low, high in itertools.pairwise(grid):
        for edge in (-1, 1):
            if (ratio(low) - edge) * (ratio(high) - edge) < 0:
                ends.add(bisected(lambda r, edge=edge: ratio(r) - edge, low, high))
    return mp.fsum(
        integral(
            lambda t, p=p, q=q: integrand(p + (q - p) * mp.sin(t) ** 2) * (q - p) * mp.sin(2 * t),
            [0, mp.pi / 4, mp.pi / 2],
        )
        for p, q in itertools.pairwise(sorted(ends))
    ) / (mpf(2) ** (mpf(d - 1) / 2) * mp.gamma(mpf(d - 1) / 2))


def narrow_circle_error(count, depth, step, k):
    """The error at s = c = 1 and even depth, with density ~ exp(k cos t) of an angle t < 1e-3."""
    a = step * count

    def given(t):
        room, tilt = 2 * mp.sin(t / 2) ** 2, mp.sin(t)
        total, zero = mpf(0), 1 / mp.sqrt(a)
        for sign in (1, -1):
            ends = [
                bisected(lambda g, x=sign: (1 - a * g * g) ** depth * (1 + tilt * x * g) - room, low, high)
                for low, high in ((mpf(0), zero), (zero, 3 * zero))
            ]
            total += mp.ncdf(ends[1]) - mp.ncdf(ends[0])
        return total

    points = [mpf(x) / 10**5 for x in (0, 1, 10, 30, 100)]
    wrong = integral(lambda t: mp.exp(-2 * k * mp.sin(t / 2) ** 2) * given(t), points)
    return wrong / integral(lambda t: mp.exp(-2 * k * mp.sin(t / 2) ** 2), points)


def bisected(function, low, high):
    rises = function(low) < 0
    for _ in range(140):
        middle = (low + high) / 2
        if (function(middle) < 0) == rises:
            low = middle
        else:
            high = middle
    return low


# ------------------------------------------------------------------ the cases

EXCESS = [
    (1, 2, (0.3,), 0.8, 0.6),
    (2, 2, (0.2, 0.2), 0.9, 0.7),
    (2, 2, (0.3, 0.1, 0.05), 0.5, -0.4),
    (3, 2, (0.15, 0.15), 0.7, 0.5),
    (2, 3, (0.1, 0.25), 0.3, 1.2),
    (3, 3, (0.2,), 0.6, 0.4),
    (4, 2, (0.1, 0.1), 0.95, 0.75),
    (2, 2, (0.1, 0.1, 0.1), 1.0, 0.8),
]
DIRECTIONAL = [(2, 2, 0.2, 0.1, 0.8, 0.5), (3, 2, 0.1, -0.05, 0.6, 0.9), (2, 3, 0.15, 0.3, 0.7, 0.3)]
SINGLE = [
    (2, (0.2,) * 5, 0.8, 0.6),
    (3, (0.05,) * 8, 0.9, 0.7),
    (10, (0.1,) * 4, 0.5, 0.4),
    (5, (0.01, 0.1, 0.2, 0.05), 0.3, 1.0),
]
ERROR = [
    # count, d, depth, step, c, rho, s
    (5, 10, 1, 0.01, 0.8, 0.9, 0.3),
    (20, 20, 4, 0.005, 0.7, 0.8, 0.5),
    (60, 20, 3, 0.004, 0.7, 0.9, 0.2),
    (60, 20, 4, 0.004, 0.7, 0.9, 0.2),
    (10, 4, 2, 0.05, 1.5, 0.6, 1.0),
    (7, 3, 3, 0.02, 0.6, 0.7, 0.4),
    (50, 3, 2, 0.02, 0.9, 0.4, 0.6),
    (32, 10, 8, 0.00036, 0.718, 0.9, 0.5),
    (4, 20, 2, 0.0169, 0.79, 0.995, 0.2),
    (100, 5, 6, 0.004, 2.0, 0.8, 0.9),
    (190, 32, 1, 0.00018, 1.25, 0.8, 0.9999998),
    (30, 36, 24, 0.0018, 0.8, 0.6, 0.3),
]
UNIFORM_PRIOR = [  # (count, d, depth, step, c, s): before and beyond overshoot, and on both sides of s c = 1
    (5, 2, 3, 0.05, 0.8, 0.5),
    (1, 2, 8, 1.7, 1.3, 0.9),
    (3, 3, 2, 0.2, 0.6, 0.3),
    (50, 3, 4, 0.03, 1.6, 1.1),
    (10, 4, 5, 0.01, 0.9, 1.7),
    (1, 5, 3, 0.4, 1.1, 0.2),
    (20, 6, 2, 0.005, 0.5, 1.2),
    (3000, 7, 6, 0.0001, 1.4, 0.8),
    (50, 10, 4, 0.0004, 1.8, 1.5),
]
NARROW_CIRCLE = [(30, 4, 0.1, 1e8)]
COORDINATE = list(itertools.product((0.999, 0.5, 0.1, -0.01, -0.7), (2, 3, 4, 7, 20, 101, 300)))


def main():
    mp.dps = 40

    def exact(values):
        return [
            mpf(v) if isinstance(v, float) else tuple(map(mpf, v)) if isinstance(v, tuple) else v
            for v in values
        ]

    def show(value):
        return mp.nstr(value, DIGITS)

    golden = {
        "excess": [[*case, show(excess(*exact(case)))] for case in EXCESS],
        "directional": [[*case, show(directional(*exact(case)))] for case in DIRECTIONAL],
        "single": [[*case, show(single(*exact(case)))] for case in SINGLE],
        "error": [[*case, show(hijack_error(*exact(case)))] for case in ERROR],
        "uniform_prior": [[*case, show(uniform_prior_error(*exact(case)))] for case in UNIFORM_PRIOR],
        "narrow_circle": [[*case, show(narrow_circle_error(*exact(case)))] for case in NARROW_CIRCLE],
        "mean_correlation": [
            *(
                ["von_mises_fisher", d, k, show(von_mises_fisher_mean(d, mpf(k)))]
                for d, k in ((10, 15.0), (2, 0.5), (30, 2.0), (5, 200.0))
            ),
            *(
                ["normalised_gaussian", d, s, show(projected_normal_mean(d, mpf(s)))]
                for d, s in ((20, 0.1), (20, 0.2), (3, 1.0), (6, 0.5))
            ),
        ],
        "coordinate": [[u, m, show(coordinate(mpf(u), m))] for u, m in COORDINATE],
    }
    FILE.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
