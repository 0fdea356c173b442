"""Random directions: cosines to an axis, coordinates on the sphere, against quadrature at 30 digits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special

from tests.numerics.regions import EPS
from theory.numerics import directions, sphere

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "context_hijacking.json").read_text())

log_floats = st.floats(-3, 3).map(lambda x: 10.0**x)


@pytest.mark.parametrize(("law", "dimension", "parameter", "exact"), GOLDEN["mean_correlation"])
def test_mean_cosines(law: str, dimension: int, parameter: float, exact: str) -> None:
    """Means of the cosine: Bessel and Kummer functions against quadrature of the density at 30 digits."""
    if law == "von_mises_fisher":
        found = directions.von_mises_fisher_mean(dimension, parameter)
    else:
        found = directions.projected_normal_mean(dimension, dimension**0.5 / parameter)
    assert found == pytest.approx(float(exact), rel=64 * EPS)


@given(st.integers(2, 300), st.just(0.0) | log_floats)
@example(2, 1e3)
@example(300, 1e-3)
@example(1000, 0.5)
@example(297, 1.0)  # I_{d/2}(k) is below the smallest float, I_{d/2-1}(k) is not
@example(300, 301.0)
def test_nodes_of_von_mises_fisher_have_its_moments(dimension: int, concentration: float) -> None:
    """E rho is the Bessel ratio, and k E rho^2 = k - (d-1) E rho (integration by parts); weights sum to 1."""
    rho, weights = directions.von_mises_fisher_nodes(dimension, concentration)
    assert np.all(np.abs(rho) <= 1)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    mean = directions.von_mises_fisher_mean(dimension, concentration)
    assert weights @ rho == pytest.approx(mean, abs=1e-12)
    residue = concentration * (weights @ (1 - rho * rho)) - (dimension - 1) * mean
    assert abs(residue) <= 1e-11 * max(concentration, dimension * mean, 1)


@given(st.integers(2, 300), log_floats)
@example(2, 1e-3)
@example(300, 1e3)
def test_nodes_of_a_projected_normal_have_its_mean(dimension: int, offset: float) -> None:
    """E rho by nodes in the angle is the closed form in Kummer's function; weights sum to 1."""
    rho, weights = directions.projected_normal_nodes(dimension, offset)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    assert weights @ rho == pytest.approx(directions.projected_normal_mean(dimension, offset), abs=1e-11)


@pytest.mark.parametrize(("value", "dimension", "exact"), GOLDEN["coordinate"])
def test_law_of_a_coordinate(value: float, dimension: int, exact: str) -> None:
    """P(U < u): the finite sums and the power series against the integral of the density."""
    found = sphere.cdf(value, dimension, sphere.coefficients(dimension))
    assert found == pytest.approx(float(exact), abs=16 * EPS)


@given(st.integers(1, 400), st.floats(-1.5, 1.5))
@example(1, -1.0)
@example(1, 1.0)
@example(2, 1.0)
@example(384, -0.38507382991922623)
def test_a_coordinate_is_symmetric_and_its_law_is_a_beta_law(dimension: int, value: float) -> None:
    """P(U < u) + P(U < -u) = 1 where U has no atom; for |u| < 1 it is 1/2 +- I_{u^2}(1/2, (m-1)/2)/2."""
    low, high = (sphere.cdf(u, dimension, sphere.coefficients(dimension)) for u in (-value, value))
    assert 0 <= high <= 1
    if dimension > 1 and abs(value) < 1:
        assert low + high == pytest.approx(1, abs=4 * EPS)
        half = 0.5 * special.betainc(0.5, 0.5 * (dimension - 1), value * value)
        assert high == pytest.approx(0.5 + np.copysign(half, value), abs=1e-13)
    if abs(value) > 1:
        assert high == (1.0 if value > 0 else 0.0)


@given(st.integers(1, 400), st.floats(-2, 2))
def test_the_mean_excess_is_the_integral_of_the_law(dimension: int, value: float) -> None:
    """E max(u - U, 0) = int_{-1}^u P(U < x) dx, by quadrature in the angle; u - E U = u beyond 1."""
    known = sphere.coefficients(dimension)
    found = sphere.mean_above(value, dimension, known)
    nodes, weights = directions.gauss_legendre(200)
    end = np.arcsin(min(max(value, -1.0), 1.0))
    angle = -np.pi / 2 + 0.5 * (end + np.pi / 2) * (1 + nodes)
    integrand = np.array([sphere.cdf(np.sin(x), dimension, known) * np.cos(x) for x in angle])
    expected = 0.5 * (end + np.pi / 2) * (weights @ integrand) + max(value - 1, 0)
    assert found == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("dimension", [2, 5, 80, 300, 10_000])
def test_beyond_its_reach_a_coordinate_has_no_mass(dimension: int) -> None:
    """P(|U| > reach) < 1e-15."""
    end = sphere.reach(dimension)
    assert special.betainc(0.5 * (dimension - 1), 0.5, 1 - end * end) < 1e-15
