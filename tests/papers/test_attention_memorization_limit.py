"""The limit of attention's memorization error, references, bulk: R3-R8 of docs/papers/attention_memorization.md."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, target
from hypothesis import strategies as st
from mpmath import mp, mpf

from tests.naive import attention_memorization as naive
from tests.numerics.regions import EPS, report
from tests.profiles import share
from tests.strategies import attention_memorization as strategies
from tests.strategies.attention_limit import at, gram, layer, precision
from theory.attention_memorization import (
    Aligned,
    Limit,
    Unbalanced,
    bulk,
    error_curve,
    limit_of,
    matched_filter_error,
    memorization_error,
)
from theory.numerics.activations import Coefficients, HermiteSeries, Relu, Sign, Tanh

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "attention_memorization_limit.json").read_text())[
    "cases"
]


def bulk_of(limit: Limit) -> tuple[bulk.Law, bulk.Solution]:
    law = bulk.law_of(limit.ratio, limit.hermite.linear, limit.hermite.power, limit.diagonal)
    return law, bulk.solve(law, limit.snr, np.array([limit.ridge / limit.hermite.power]))


# ------------------------------------------------------------------ references of a different nature


def region(case: dict[str, Any]) -> str:
    linear = "linear f" if case["nu"] == case["a1"] ** 2 else "other f"
    ratio = "c < 1" if case["c"] < 1 else "c = 1" if case["c"] == 1 else "c > 1"
    return f"{linear}, {ratio}, ridge {'<' if case['ridge'] < 1e-6 else '>='} 1e-6"


def test_r4_agrees_with_30_digits_in_every_region() -> None:
    """R3, R4, R5, R8: 180 cases over the whole domain, solved by residues and differentiated at 100 digits.

    1e-10 relative on E, T and q, and on S unless it is a vanishing part of E: then it has the digits of E, whose part
    it is (c = 1, rho = 100, ridge 1e-12: S is 1e-6 of E, and 8 of its digits are left).
    One region cannot have it in double precision: a linear f with zeroed diagonal at
    ridges near 1e-12, where the roots lie 1e-6 from the axis; there 1e-9.
    """
    worst: dict[str, float] = defaultdict(float)
    with mp.workdps(40):
        for case in GOLDEN:
            hermite = Coefficients(linear=case["a1"], power=case["nu"], quadratic=case["a2"])
            limit = Limit(
                case["c"], case["ridge"], hermite, case["d"], gram(case["gram"]), mean=case["beta"]
            )  # fmt: skip
            values = dict(zip("ETSq", at(limit), strict=True))
            errors = {x: float(abs(mpf(values[x]) / mpf(case[x]) - 1)) for x in values if x in case}
            is_pinched = case["nu"] == case["a1"] ** 2 and case["d"] == 0 and case["ridge"] < 1e-11
            for output, error in errors.items():
                allowed = 1e-9 if is_pinched else 1e-10
                if output == "S" and values["S"] < 1e-3 * values["E"]:
                    assert error * values["S"] <= 1e-13 * values["E"], (case, error)
                    continue
                assert error <= allowed, (output, case, error)
                name = f"{output}, {region(case)}"
                worst[name] = max(worst[name], error)
    report("attention", worst)
    assert all(error <= 1e-11 for name, error in worst.items() if "other f" in name), worst


@given(strategies.limits(least_ridge=-3))
@settings(max_examples=share(10))
@example(
    Limit(
        1.0, 1e-3, Coefficients(9.682458365518542, 100.0, 0.0), 10.0, gram([[10, 0, 0], [0, 0, 0], [0, 0, 0]])
    )
)
def test_r3_integrals_by_divided_differences_are_those_by_partial_fractions(limit: Limit) -> None:
    """R0, R3: the nine integrals against three measures, beside partial fractions at 80 digits."""
    assume(abs(limit.hermite.linear) > 1e-12 * math.sqrt(limit.hermite.power))
    law, solution = bulk_of(limit)
    exact = naive.integrals_by_residues(
        astuple(law), limit.snr, solution.level[0], solution.trace[0], solution.offset[0]
    )  # fmt: skip
    expected = np.array(exact, dtype=float)
    found = solution.integrals[0]
    # theta has either sign: its integrals against their Cauchy-Schwarz bounds
    scale = np.abs(expected)
    scale[:, 1] = np.sqrt(scale[:, 0] * np.abs(expected[:, 2]) / law.ratio) + scale[:, 1]
    scale[:, 4] = np.sqrt(scale[:, 3] * (scale[:, 6] + scale[:, 5])) + scale[:, 4]
    scale[:, 7] = np.sqrt(scale[:, 8] * (scale[:, 6] + scale[:, 5])) + scale[:, 7]
    scale[:, 5] += scale[:, 6]
    error = float((np.abs(found - expected) / scale).max())
    target(math.log10(error + 1e-17), label="error")
    # at c = 1 the law of the tokens reaches zero, and the roots are told apart by the root of the ridge alone; the
    # error E feels little of it (its own test)
    at_edge = 64 * EPS * math.sqrt(limit.hermite.power / limit.ridge) if limit.ratio == 1 else 0.0
    assert error <= 16 * (precision(limit) + at_edge)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.6, 4.0])
@pytest.mark.parametrize("ridge", [1e-2, 0.3, 5.0])
@pytest.mark.parametrize(
    "f", [Coefficients(0.6, 0.4), Coefficients(-0.5, 0.7), Coefficients(0.0, 1.0)], ids=str
)
@pytest.mark.parametrize("diagonal", [0.0, 0.4])
def test_r3_residues_agree_with_quadrature(
    ratio: float, ridge: float, f: Coefficients, diagonal: float
) -> None:
    """R3: T and q beside a root finder on integrals by the midpoint rule, differentiated numerically."""
    limit = Limit(ratio, ridge, f, diagonal)
    law, _ = bulk_of(limit)
    error, q = naive.trace_error_by_quadrature(astuple(law), ridge / f.power)
    assert at(limit)[1] == pytest.approx(error, rel=1e-8)  # the difference quotient's rounding
    assert at(limit)[3] * f.power == pytest.approx(q, rel=1e-11)


@pytest.mark.parametrize(
    ("f", "ratio", "ridge", "expected"),
    [
        (Tanh(), (1, 2), 0.1, (0.105496144, 0.388185662, 0.193526294, 7.079719962)),
        (Sign(), (2, 1), 0.05, (0.110559197, 0.915461149, -0.067355489, 5.038585366)),
    ],
    ids=str,
)
def test_r3_worked_values(
    f: Any, ratio: tuple[int, int], ridge: float, expected: tuple[float, float, float, float]
) -> None:
    """R3: A, D, r and q, nine digits."""
    limit = limit_of(layer(f, ridge, ratio=ratio))
    law, s = bulk_of(limit)
    nu = limit.hermite.power
    level, q, r = float(s.level[0] * nu), float(s.trace[0] / nu), float(s.offset[0] / math.sqrt(nu))
    assert (level, law.excess * nu * q, r, q) == pytest.approx(expected, abs=2e-9)


@pytest.mark.parametrize(
    ("f", "noise", "signal", "aligned"),
    [
        (Tanh(), 0.647343, 0.344365, 0.328085),
        (Sign(), 0.539391, 0.309188, 0.279398),
        (Relu(), 0.611211, 0.341927, 0.314149),
    ],
    ids=str,
)
def test_r4_worked_values(f: Any, noise: float, signal: float, aligned: float) -> None:
    """R4: c = 1/2, gamma = 0.1: without signal; with rho = 1; with weights along the signal."""
    assert memorization_error(layer(f, snr=0)) == pytest.approx(noise, abs=5e-7)
    assert memorization_error(layer(f)) == pytest.approx(signal, abs=5e-7)
    assert memorization_error(layer(f, alignment=Aligned(1.0))) == pytest.approx(aligned, abs=5e-7)


@pytest.mark.parametrize(
    ("key", "query", "error", "matched"),
    [
        ((2, 0), (1, 1), 0.345469, 0.043595),
        ((1, 1), (2, 0), 0.325329, 0.003314),
        ((2, 0), (0, 2), 0.486419, 0.325495),
        ((0, 2), (2, 0), 0.327136, 0.006930),
    ],
)
def test_r4_rows_and_columns_are_not_alike(
    key: tuple[int, int], query: tuple[int, int], error: float, matched: float
) -> None:
    """R4: exchanging w_K and w_Q changes the error (tanh, c = 1/2, gamma = 0.1, mu = (1, 0))."""
    model = layer(Tanh(), alignment=strategies.gram_of([(1, 0), key, query]))
    assert memorization_error(model) == pytest.approx(error, abs=1e-6)
    assert matched_filter_error(model) == pytest.approx(matched, abs=1e-6)


@pytest.mark.parametrize(("strength", "error"), [(0, 0.286304), (1, 0.258934), (2, 0.251344), (4, 0.250112)])
def test_r6_worked_values_at_a_small_ridge(strength: float, error: float) -> None:
    """R6: sign, c = 1/2, rho = 1, gamma = 1e-5: aligned weights approach (1-c)/(1+rho) = 1/4 from above."""
    model = layer(Sign(), ridge=1e-5, alignment=Aligned(strength))
    assert memorization_error(model) == pytest.approx(error, abs=5e-7)


def test_r8_worked_values() -> None:
    """R8: f = t + 0.7 h_2, c = 1/2, gamma = 0.1, beta = 0.8."""
    f = HermiteSeries((1.0, 0.7))
    unbalanced = Unbalanced(0.8)
    assert memorization_error(layer(f, alignment=Aligned(1.0))) == pytest.approx(0.2723, abs=5e-5)
    assert memorization_error(layer(f, alignment=Aligned(1.0), labels=unbalanced)) == pytest.approx(
        0.2446, abs=5e-5
    )
    assert memorization_error(layer(f, snr=0)) == pytest.approx(0.5274, abs=5e-5)
    assert memorization_error(layer(f, snr=0, labels=unbalanced)) == pytest.approx(0.4185, abs=5e-5)


# ------------------------------------------------------------------ R3: the bulk


@given(strategies.limits())
@example(Limit(0.02, 1e-12, Coefficients(1.0, 1.0)))
@example(Limit(1.0, 1e-12, Coefficients(1.0, 1.0), 1.0))
@example(Limit(50.0, 1e-12, Coefficients(0.0, 1.0)))
@example(Limit(0.2, 1e-12, Coefficients(1.0, 1.0)))
@settings(max_examples=share(3))
def test_r3_the_resolvent_lies_between_its_bounds(limit: Limit) -> None:
    """R3: A >= gamma, 0 < gamma q <= 1, (gamma q)^2 <= T <= gamma q."""
    _, s = bulk_of(limit)
    slack = precision(limit)
    ridge = limit.ridge / limit.hermite.power
    assert s.level[0] >= ridge * (1 - slack)
    product = ridge * float(s.trace[0])
    assert 0 < product <= 1 + slack
    error = at(limit)[1]
    assert product**2 * (1 - slack) <= error <= product * (1 + slack)


@given(strategies.limits(least_ridge=-4))
@settings(max_examples=share(5))
def test_r3_the_solution_satisfies_its_equations_by_quadrature(limit: Limit) -> None:
    """R3: the three equations, and A q + al int b theta + (kappa - s2 r) r = 1, by the midpoint rule."""
    law, s = bulk_of(limit)
    level, q, r = (float(x[0]) for x in (s.level, s.trace, s.offset))
    # the integrand's narrowest feature is sqrt(A)/al wide; c = 1 loses digits at the lower edge
    assume(level > 1e-3 * law.slope**2 and abs(law.ratio - 1) > 0.05)
    b, weights = naive.noise_weights(law.ratio, 6000)
    c = law.slope * b + law.shift - law.excess * r
    p = level * (1 + b * law.excess * q) + b * c * c
    eta, phi, theta, moment = (
        float(weights @ (x / p)) for x in (level * b, 1 + b * law.excess * q, b * c, b * b * c)
    )
    ridge = limit.ridge / limit.hermite.power
    assert level == pytest.approx(ridge + law.excess * eta, rel=1e-9)
    assert q == pytest.approx(phi, rel=1e-9)
    scale = math.sqrt(phi * eta / level) + abs(r)
    assert r == pytest.approx(theta, abs=1e-9 * scale)
    terms = (level * q, law.slope * moment, (law.shift - law.excess * r) * r)
    assert sum(terms) == pytest.approx(1.0, abs=1e-9 * sum(map(abs, terms)))


@given(strategies.limits(), st.floats(0.01, 2.0))
@settings(max_examples=share(5))
def test_r3_the_trace_error_is_the_derivative_of_the_trace(limit: Limit, width: float) -> None:
    """R3, R5: T = -gamma^2 dq/dgamma: q(g0) - q(g1) = int T/gamma d ln gamma, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    ridges = limit.ridge * np.exp(width * 0.5 * (nodes + 1))
    curve = error_curve(limit, np.array([limit.ridge, *ridges, limit.ridge * math.exp(width)]))
    integral = float(0.5 * width * (weights @ (curve.trace_error[1:-1] / ridges)))
    q = curve.resolvent_trace
    # q is known to its roundings; Gauss's rule at 16 nodes is exact to 1e-13 on two units of ln gamma
    assert integral == pytest.approx(float(q[0] - q[-1]), abs=(1e-12 + precision(limit)) * float(q[0]))


@given(strategies.limits(), st.lists(strategies.ridges, min_size=2, max_size=8))
@settings(max_examples=share(5))
def test_a_curve_has_the_values_of_its_points_in_any_order(limit: Limit, ridges: list[float]) -> None:
    """Warm starts change nothing."""
    curve = error_curve(limit, ridges)
    assert curve.ridge.tolist() == ridges
    for k, ridge in enumerate(ridges):
        error, noise, matched, q = at(limit, ridge=ridge)
        slack = 4 * precision(replace(limit, ridge=ridge))
        assert curve.error[k] == pytest.approx(error, rel=slack)
        assert curve.trace_error[k] == pytest.approx(noise, rel=slack)
        assert curve.resolvent_trace[k] == pytest.approx(q, rel=slack)
        assert curve.matched_filter_error[k] == pytest.approx(matched, rel=1e3 * slack, abs=1e-300)
