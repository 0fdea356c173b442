"""Make tests/golden/rlvr_gradient_flow.json: references at 32 digits, from the definitions.

    python -m tests.golden.make_rlvr_gradient_flow

Nothing of the suite is imported. Rates and starts are the decimals of their texts.

- `time`: time at which a combination sum_i w_i pi_i of the flow dtheta_i/dt = pi_i (p_i - V) stops being negative. With
  y_i = e^-theta_i and ds = dt/sum 1/y_i one has dy_i/ds = -(p_i - V), so the y_i are lines y_i(0) - p_i s with a common
  shift, which the conserved sum of the theta_i fixes. t = int sum 1/y_i ds by Gauss quadrature at 60 digits, on panels
  that double in length from e^-45 of each interval between vertices of the lines' lower envelope. A finer rule must
  agree for one orbit in three and for even starts; a direct integration of the differential equation must agree for a
  short one.
- `two`: times of two patterns from l + sinh l. `penalised`: the same under a KL penalty, int dl / f(l).
- `clock`: c_G(V) by summing over the binomial law.
- `worst`: P(sum of K-1 uniforms on [-1, 1] > 1) by the alternating Irwin-Hall sum in rationals.
"""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from math import comb, factorial
from pathlib import Path

from mpmath import mp, mpf

DIGITS = 32
FILE = Path(__file__).with_name("rlvr_gradient_flow.json")


def numbers(texts):
    return [mpf(text) for text in texts]


def solution(start, rates, s):
    """All y_i(s): lines y_i(0) - p_i s, shifted so that their product is prod y_i(0); Newton from the right."""
    lines = [1 / pi - p * s for pi, p in zip(start, rates, strict=True)]
    delta = [line - min(lines) for line in lines]
    log_product = -mp.fsum(mp.log(pi) for pi in start)
    x, step = log_product / len(start), mpf(1)
    while abs(step) > mpf(10) ** (8 - mp.dps):
        z = mp.exp(x)
        step = (mp.fsum(mp.log(z + d) for d in delta) - log_product) / mp.fsum(z / (z + d) for d in delta)
        x -= step
    return [mp.exp(x) + d for d in delta]


def vertices(start, rates):
    """Where the lowest of the lines changes."""
    leader = max(range(len(start)), key=lambda i: (start[i], rates[i]))
    found = [mpf(0)]
    while True:
        faster = [i for i in range(len(start)) if rates[i] > rates[leader]]
        if not faster:
            return found
        meets = {i: (1 / start[i] - 1 / start[leader]) / (rates[i] - rates[leader]) for i in faster}
        leader = min(faster, key=lambda i: (meets[i], -rates[i]))
        found.append(meets[leader])


def place(start, rates, weights):
    def value(s):
        return mp.fsum(w / y for w, y in zip(weights, solution(start, rates, s), strict=True))

    low, high = mpf(0), mpf(1)
    while value(high) < 0:
        low, high = high, 2 * high
    for _ in range(mp.prec):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) < 0 else (low, middle)
    return high


def duration(start, rates, end, nodes=24, ratio=2):
    """int_0^end sum 1/y ds."""
    rule = gauss(nodes)
    knots = [*[v for v in vertices(start, rates) if v < end], end]
    total = mpf(0)
    for low, high in pairwise(knots):
        half = (high - low) / 2
        edges, width = [mpf(0)], half * mp.exp(-45)
        while width < half:
            edges.append(width)
            width *= ratio
        for a, b in pairwise([*edges, half]):
            for x, w in rule:
                u = (a + b) / 2 + (b - a) / 2 * x
                for s in (low + u, high - u):
                    total += w * (b - a) / 2 * mp.fsum(1 / y for y in solution(start, rates, s))
    return total


def gauss(count):
    """Gauss-Legendre nodes and weights by Newton's method on the Legendre polynomial."""
    rule = []
    for k in range(count):
        x = mp.cos(mp.pi * (k + mpf(3) / 4) / (count + mpf(1) / 2))
        slope = mpf(1)
        for _ in range(12):
            value, before = x, mpf(1)
            for n in range(2, count + 1):
                value, before = ((2 * n - 1) * x * value - (n - 1) * before) / n, value
            slope = count * (x * value - before) / (x * x - 1)
            x -= value / slope
        rule.append((x, 2 / ((1 - x * x) * slope**2)))
    return rule


def policy_weights(count, star, level):
    return [1 - level if i == star else -level for i in range(count)]


def text(x):
    return mp.nstr(x, DIGITS)


# start, rates, index of the best and of the runner-up
ORBITS = [
    (("0.3", "0.4", "0.3"), ("0.9", "0.4", "0.2"), 0, 1),
    (("0.05", "0.7", "0.25"), ("0.9", "0.7", "0.2"), 0, 1),
    (("0.001", "0.9", "0.099"), ("0.9", "0.8", "0.1"), 0, 1),
    (("1e-6", "0.899999", "0.1"), ("0.9", "0.8", "0.5"), 0, 1),
    (("1e-30", "0.6", "0.4"), ("0.9", "0.8", "0.1"), 0, 1),
    (("1e-100", "0.6", "0.4"), ("0.9", "0.8", "0.1"), 0, 1),
    (("0.01", "0.6", "0.3", "0.09"), ("0.9", "0.7", "0.5", "0.1"), 0, 1),
    (("0.01", "0.5", "0.2", "0.29"), ("0.95", "0.9", "0.5", "0.1"), 0, 1),
    (("1e-12", "1e-7", "0.001", "0.0989998999", "0.9"), ("0.9", "0.7", "0.5", "0.3", "0.1"), 0, 1),
    (("0.01", "0.6", *["0.039"] * 10), ("0.9", "0.8", *["0.3"] * 10), 0, 1),
    (("1e-8", "0.59999999", *["0.02"] * 20), ("0.9", "0.8", *["0.3"] * 20), 0, 1),
    (("1e-60", "0.6", *["0.02"] * 20), ("0.9", "0.89", *["0.1"] * 20), 0, 1),
    # even starts, rates apart from each other: many patterns matter at the same time
    (("0.125",) * 8, ("0.999", "0.9", "0.88", "0.7", "0.68", "0.34", "0.3", "0.001"), 0, 1),
    (("0.04",) * 25, tuple(f"{x / 100:.2f}" for x in range(98, 0, -4)), 0, 1),
]


def times():
    rows = []
    for number, (start_text, rates_text, star, second) in enumerate(ORBITS):
        start, rates = numbers(start_text), numbers(rates_text)
        combinations = {
            "entanglement": [p - rates[second] for p in rates],
            "policy 0.5": policy_weights(len(start), star, mpf(1) / 2),
            "policy 0.99": policy_weights(len(start), star, mpf("0.99")),
        }
        for name, weights in combinations.items():
            if mp.fsum(w * pi for w, pi in zip(weights, start, strict=True)) >= 0:
                continue
            end = place(start, rates, weights)
            time = duration(start, rates, end)
            if number % 3 == 0 or number > 11:
                assert (
                    abs(duration(start, rates, end, nodes=30, ratio=mpf("1.8")) / time - 1)
                    < mpf(10) ** -DIGITS
                )
            rows.append([list(start_text), list(rates_text), name, text(time), text(mp.log(time))])
    check()
    return rows


def check():
    """The differential equation itself, by Taylor series, up to the entanglement time of a short plateau."""
    start, rates = numbers(("0.15", "0.6", "0.25")), numbers(("1", "0.7", "0.1"))
    end = duration(start, rates, place(start, rates, [p - rates[1] for p in rates]))
    with mp.workdps(20):

        def speed(_, theta):
            weights = [mp.exp(x) for x in theta]
            total = mp.fsum(weights)
            value = mp.fsum(w * p for w, p in zip(weights, rates, strict=True)) / total
            return [w / total * (p - value) for w, p in zip(weights, rates, strict=True)]

        theta = mp.odefun(speed, 0, [mp.log(pi) for pi in start])(end)
        weights = [mp.exp(x) for x in theta]
        value = mp.fsum(w * p for w, p in zip(weights, rates, strict=True)) / mp.fsum(weights)
        assert abs(value - rates[1]) < mpf(10) ** -14, value


def two_patterns():
    rows = []
    for start, gap, level in (
        ("0.2", "0.5", "0.9"),
        ("1e-6", "0.3", "0.5"),
        ("1e-200", "0.01", "0.99"),
        ("0.5", "1", "0.999999"),
    ):
        begin, end = (mp.log(mpf(x) / (1 - mpf(x))) for x in (start, level))
        rows.append([start, gap, level, text((end + mp.sinh(end) - begin - mp.sinh(begin)) / mpf(gap))])
    return rows


def penalised():
    rows = []
    for begin, end, goal, kl in (
        ("-2", "1", "3", "0.1"), ("-2", "1", "498", "0.001"), ("6", "4", "3", "0.1"), ("-5", "60", "70", "0.01"),
        ("-1", "2.999", "3", "0.2"), ("-30", "2", "1000", "0.001"), ("-0.5", "0.5", "51", "0.01"),
    ):  # fmt: skip
        low, high, limit = mpf(begin), mpf(end), mpf(goal)
        knots = mp.linspace(low, high, 1 + 2 * int(abs(high - low) + 1))
        time = mp.quad(lambda x, limit=limit: (1 + mp.cosh(x)) / (limit - x), knots) / mpf(kl)
        rows.append([begin, end, goal, kl, text(time)])
    return rows


def clocks():
    rows = []
    for size in (2, 3, 8, 32, 200):
        for value_text in ("1e-9", "0.01", "0.3", "0.45", "0.5", "0.9", "0.999"):
            value = mpf(value_text)
            mean = mp.fsum(
                comb(size, k) * value**k * (1 - value) ** (size - k) * mp.sqrt(k * (size - k))
                for k in range(size + 1)
            )
            rows.append([size, value_text, text(mean / (size * value * (1 - value)))])
    return rows


def worst():
    rows = []
    for patterns in (2, 3, 4, 5, 10, 12, 13, 20, 50, 100, 300):
        count, x = patterns - 1, Fraction(patterns, 2)
        below = Fraction(0)
        for k in range(int(x) + 1):
            below += (-1) ** k * comb(count, k) * (x - k) ** count
        value = 1 - below / factorial(count)
        rows.append([patterns, text(mpf(value.numerator) / value.denominator)])
    return rows


def main():
    mp.dps = 60
    parts = {
        "two": two_patterns(),
        "penalised": penalised(),
        "clock": clocks(),
        "worst": worst(),
        "time": times(),
    }
    lines = [f'"digits": {DIGITS}']
    for name, entries in parts.items():
        rows = ",\n".join(json.dumps(row) for row in entries)
        lines.append(f'"{name}": [\n{rows}\n]')
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
