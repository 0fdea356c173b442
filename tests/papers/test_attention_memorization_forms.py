"""Transforms of R0 as the limit's integrals use them, and Psi of R4: docs/papers/attention_memorization.md."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import attention_memorization as strategies
from theory.attention_memorization import Limit, error_curve
from theory.attention_memorization.residues import MATCHED, NOISE, PLAIN, fill_differences, fill_measures
from theory.numerics import marchenko_pastur


def transforms(z: complex, ratio: float, snr: float) -> tuple[list[complex], list[complex]]:
    """Transforms of noise, matched filter and X^T w (w orthogonal to mu) at z, and those of b times each measure."""
    nodes, values, noise = np.full(3, z, complex), np.zeros(3, complex), np.empty(3, complex)
    table, rows = np.empty((6, 6), complex), np.empty((3, 3, 6), complex)
    fill_differences(ratio, 0.0, 1, nodes, values, noise, table)
    fill_measures(ratio, snr, 1, noise, table, rows)
    return [complex(x) for x in rows[:, 0, 0]], [complex(x) for x in rows[:, 1, 0]]


upper = st.builds(lambda re, im: complex(re, im), st.floats(-4, 30), strategies.log_uniform(-2, 1))


def test_r0_worked_values() -> None:
    """R0: c = 1/2, z = -0.1, mu = (1, 0), w_K = (1, 1/2), w_Q = (0.7, -2): the forms of R0, eight digits."""
    single, _ = transforms(-0.1, 0.5, 1.0)
    noise, matched, plain = (x.real for x in single)
    assert (noise + matched) / 2 == pytest.approx(3.10080196, abs=5e-9)
    assert 1.0 * matched == pytest.approx(0.45994654, abs=5e-9)
    assert 0.7 * matched == pytest.approx(0.32196258, abs=5e-9)
    along, across = 2 * matched, plain  # of a unit w along mu, whose mass is 1 + rho, and orthogonal to it
    assert 0.7 * along - 1.0 * across == pytest.approx(-0.20774337, abs=5e-9)
    assert along + 0.25 * across == pytest.approx(1.13281020, abs=5e-9)


@given(upper, strategies.ratios, strategies.snrs)
@settings(max_examples=share(4))
def test_r0_the_forms_are_transforms_of_positive_measures(z: complex, ratio: float, snr: float) -> None:
    """R0: Im R > 0 where Im z > 0; the labels' form is the mixture of noise and matched filter; b R = z R + 1."""
    single, times_b = transforms(z, ratio, snr)
    assert all(value.imag > 0 for value in single)
    m = complex(marchenko_pastur.stieltjes(z, ratio))
    assert single[NOISE] == pytest.approx(m, rel=1e-10)
    assert single[PLAIN] == pytest.approx(m / (1 + m), rel=1e-10)
    mixture = (single[NOISE] + snr * single[MATCHED]) / (1 + snr)
    assert mixture == pytest.approx(m * (1 + m) / (1 + (1 + snr) * m), rel=1e-9)
    for one, with_b in zip(single, times_b, strict=True):
        assert abs(with_b - (z * one + 1)) <= 1e-9 * (1 + abs(z * one))


@given(strategies.ratios, strategies.snrs, st.floats(0, 2 * math.pi))
@settings(max_examples=share(2))
def test_r0_the_measures_have_mass_one_and_their_means(ratio: float, snr: float, angle: float) -> None:
    """R0: z R -> -1 and z (z R + 1) -> -mean at a large z: c for noise, 1 + rho + c for the matched filter, 1 + c."""
    edge = (1 + snr) * (1 + math.sqrt(ratio)) ** 2 + ratio / max(snr, math.sqrt(ratio))
    z = 1e6 * edge * complex(math.cos(angle), math.sin(angle) + (abs(math.sin(angle)) < 1e-9))
    single, times_b = transforms(z, ratio, snr)
    means = {NOISE: ratio, MATCHED: 1 + snr + ratio, PLAIN: 1 + ratio}
    for k, mean in means.items():
        assert z * single[k] == pytest.approx(-1, abs=2e-6)
        # moments grow like those of the edge: the next one counts for 1e-6 of it
        assert abs(z * times_b[k] + mean) <= 2e-6 * edge + 64 * EPS * abs(z)


@given(strategies.limits(least_ridge=-6, is_balanced=False))
@settings(max_examples=share(4))
def test_r4_errors_lie_between_the_square_of_their_form_and_the_form(limit: Limit) -> None:
    """R4: (gamma Psi)^2 <= E <= gamma Psi <= 1 for Psi = int_gamma^oo E/g^2 dg; so for S and T (form q).

    Psi by Gauss's rule on panels of ln g, up to 1e7 nu, and the first term of 1/g beyond.
    """
    top = 1e7 * limit.hermite.power
    edges = np.linspace(math.log(limit.ridge), math.log(top), 2 + int(math.log(top / limit.ridge) / 2))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges)[:, None] / 2
    ridges = np.exp((edges[:-1, None] + half * (1 + nodes)).ravel())
    curve = error_curve(limit, [limit.ridge, *ridges, top])
    for errors in (curve.error, curve.trace_error, curve.matched_filter_error):
        form = (half * weights).ravel() @ (errors[1:-1] / ridges) + (1 + errors[-1]) / 2 / top
        product, slack = limit.ridge * float(form), 1e-7
        assert product <= 1 + slack
        assert product**2 * (1 - slack) <= errors[0] <= product * (1 + slack)
        assert np.all(np.diff(errors / curve.ridge**2) <= slack * (errors / curve.ridge**2)[:-1])
    q = (half * weights).ravel() @ (curve.trace_error[1:-1] / ridges) + (1 + curve.trace_error[-1]) / 2 / top
    assert q == pytest.approx(curve.resolvent_trace[0], rel=1e-7)
