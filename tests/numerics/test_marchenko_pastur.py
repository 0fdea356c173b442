"""The Marchenko-Pastur law: R0 of docs/papers/attention_memorization.md."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, target
from hypothesis import strategies as st
from mpmath import mpc, mpf

from tests.numerics.regions import EPS, amplification, regime, report
from tests.strategies import attention_memorization as strategies
from theory.numerics import marchenko_pastur

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "attention_memorization.json").read_text())

# Largest relative error allowed in each region, in roundings; what a run finds is printed by `pytest -s`.
LIMITS = {"p < n": 4, "p = n": 4, "p near n": 2e4, "p > n": 4}


@given(strategies.ratios, strategies.ridges)
@example(1.0, 1e-12)
@example(0.02, 1e3)
@example(50.0, 1e-12)
def test_r0_the_transform_is_the_positive_root_below_zero(ratio: float, ridge: float) -> None:
    """R0: for z = -gamma < 0, m(z) > 0 and z m^2 + (z + 1 - c) m + 1 = 0."""
    m, z = marchenko_pastur.stieltjes(-ridge, ratio), -ridge
    assert isinstance(m, float)
    assert m > 0
    with mpmath.workdps(40):
        t = mpf(z) + 1 - mpf(ratio)
        terms = (mpf(z) * mpf(m) ** 2, t * mpf(m), mpf(1))
        # the root is off by a few roundings, and by those of sqrt(c) in the edges of the support
        slack = EPS * (16 + 8 * amplification(ratio, z)) * abs(2 * terms[0] + terms[1])
        assert abs(sum(terms)) <= slack + 4 * EPS


@given(strategies.ratios, st.floats(-60, 120), strategies.log_uniform(-9, 3))
@example(1.0, 1e-9, 1e-9)
def test_r0_the_transform_maps_the_upper_half_plane_into_itself(ratio: float, re: float, im: float) -> None:
    """R0: Im m(z) > 0 for Im z > 0, the quadratic equation holds, and m(conj z) = conj m(z)."""
    z = complex(re, im)
    m = marchenko_pastur.stieltjes(z, ratio)
    assert isinstance(m, complex)
    assert m.imag > 0
    assert marchenko_pastur.stieltjes(z.conjugate(), ratio) == m.conjugate()
    with mpmath.workdps(40):
        t = mpc(z) + 1 - mpf(ratio)
        terms = (mpc(z) * mpc(m) ** 2, t * mpc(m), mpf(1))
        size = sum(abs(term) for term in terms)
        target(float(abs(sum(terms)) / (EPS * size)), label="residual in roundings")
        # beside the roundings of the terms: the square roots' product, off by a rounding of z near an edge
        assert abs(sum(terms)) <= 32 * EPS * (size + (1 + abs(z) + ratio) * abs(m))


@given(strategies.ratios, strategies.log_uniform(-12, 12))
def test_r0_the_inverse_slope_is_the_derivative_of_the_inverse(ratio: float, m: float) -> None:
    """R0: dz/dm = 1/m^2 - c/(1+m)^2, the derivative of z(m) = -1/m + c/(1+m), at 40 digits."""
    slope = marchenko_pastur.inverse_slope(m, ratio)
    with mpmath.workdps(60):
        exact = mpmath.diff(lambda x: -1 / x + mpf(ratio) / (1 + x), mpf(m), h=mpf(m) * mpf(10) ** -20)
        # the factor 1 + m - sqrt(c) m carries the roundings of its terms, whatever they leave
        root = mpmath.sqrt(mpf(ratio))
        loss = float((1 + (1 + root) * m) / max(abs(1 + m - root * m), mpf(10) ** -30))
        assert abs(slope - exact) <= EPS * (8 + 8 * loss) * abs(exact)


@given(strategies.ratios, strategies.log_uniform(-6, 3))
def test_r0_slope_and_transform_are_inverse_to_each_other(ratio: float, ridge: float) -> None:
    """R0: dm/dz = 1/(dz/dm): the slope at m(z) against a central difference of m at 40 digits."""
    m = marchenko_pastur.stieltjes(-ridge, ratio)
    with mpmath.workdps(60):

        def reference(z: Any) -> Any:
            t = z + 1 - mpf(ratio)
            return 2 / (mpmath.sqrt(t * t - 4 * z) - t)

        exact = mpmath.diff(reference, mpf(-ridge), h=mpf(ridge) * mpf(10) ** -20)
        error = abs(1 / mpf(float(marchenko_pastur.inverse_slope(m, ratio))) / exact - 1)
        # m is off by `amplification` roundings; the slope's own condition number in m is at most as large again
        assert error <= EPS * (64 + 64 * amplification(ratio, -ridge))


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.9, 1.0, 1.1, 2.0, 20.0])
def test_r0_the_law_has_mass_one_and_its_moments(ratio: float) -> None:
    """R0: masses and moments 1, c, c + c^2, c + 3c^2 + c^3, as contour integrals -1/(2 pi i) of z^k m(z).

    The circle holds the support and the atom; the trapezoidal rule converges like (radius / edge)^-points.
    """
    low, high = marchenko_pastur.support(ratio)
    assert (low, high) == pytest.approx(((1 - ratio**0.5) ** 2, (1 + ratio**0.5) ** 2), abs=4 * EPS * high)
    angle = 2 * np.pi * (np.arange(200) + 0.5) / 200

    def residue(centre: float, radius: float, power: int) -> float:
        z = centre + radius * np.exp(1j * angle)
        m = marchenko_pastur.stieltjes(z, ratio)
        return float(np.mean(-(z**power) * m * radius * np.exp(1j * angle)).real)

    moments = [1.0, ratio, ratio + ratio**2, ratio + 3 * ratio**2 + ratio**3]
    for power, moment in enumerate(moments):
        # z^k m reaches (1.5 high)^k on the circle: that is what a rounding is relative to
        assert residue(high / 2, high, power) == pytest.approx(moment, abs=64 * EPS * (1.5 * high) ** power)
    if ratio < 1:
        assert residue(0.0, low / 2, 0) == pytest.approx(1 - ratio, abs=64 * EPS)
    assert marchenko_pastur.atom(ratio) == pytest.approx(max(0, 1 - ratio), abs=EPS)


@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 2.0, 20.0])
@pytest.mark.parametrize("ridge", [1e-2, 0.3, 10.0])
def test_r0_the_transform_is_the_integral_over_density_and_atom(ratio: float, ridge: float) -> None:
    """R0: m(z) = int dF(b) / (b - z), density sqrt((b+ - b)(b - b-)) / (2 pi b) by quadrature, atom added."""
    low, high = marchenko_pastur.support(ratio)
    t = np.pi * (np.arange(4000) + 0.5) / 4000
    b = 0.5 * (low + high) + 0.5 * (high - low) * np.cos(t)
    density = np.sqrt((high - b) * (b - low)) / (2 * np.pi * b)
    weight = density * 0.5 * (high - low) * np.sin(t) * np.pi / 4000
    atom = marchenko_pastur.atom(ratio)
    assert weight.sum() + atom == pytest.approx(1, abs=1e-12)
    assert (weight * b).sum() == pytest.approx(ratio, rel=1e-12)
    total = (weight / (b + ridge)).sum() + atom / ridge
    # the quadrature loses digits near b = 0 at c = 1 only (0/0 in the density)
    assert marchenko_pastur.stieltjes(-ridge, ratio) == pytest.approx(total, rel=1e-11)


def test_r0_worked_values() -> None:
    """R0: c = .5: m(-.1) = 5.741657386774, m(.3 + .4i) = -.310102051443 + 1.379795897113 i (12 digits)."""
    assert marchenko_pastur.stieltjes(-0.1, 0.5) == pytest.approx(5.741657386774, abs=5e-13)
    expected = -0.310102051443 + 1.379795897113j
    assert marchenko_pastur.stieltjes(0.3 + 0.4j, 0.5) == pytest.approx(expected, abs=1e-12)
    both = marchenko_pastur.stieltjes(np.array([-0.1, -2.0]), 0.5)
    assert both.shape == (2,)
    assert both[0] == marchenko_pastur.stieltjes(-0.1, 0.5)


def test_r0_the_transform_agrees_with_40_digits_in_every_region() -> None:
    """R0: m(-gamma) for c in [0.02, 50], gamma in [1e-12, 1e3]: full precision, but for c rounded near 1.

    Within 2 % of c = 1 the rounding of p/n itself is amplified by c / S <= 1e4 at |1 - c| = 1e-4.
    """
    worst: dict[str, float] = defaultdict(float)
    with mpmath.workdps(50):
        for p, n, ridge, exact in GOLDEN["stieltjes"]:
            value = marchenko_pastur.stieltjes(-float(ridge), p / n)
            error = float(abs(mpf(value) / mpf(exact) - 1))
            # the decimal ridge is rounded too; d ln m / d ln z <= 1
            assert error <= EPS * (8 + 2 * amplification(p / n, -float(ridge))), (p, n, ridge)
            worst[regime(p, n)] = max(worst[regime(p, n)], error)
    report("m(-gamma)", worst)
    assert all(worst[name] <= limit * EPS for name, limit in LIMITS.items()), worst


def test_r0_the_transform_agrees_with_40_digits_off_the_axis() -> None:
    """R0: m(z) at complex points, down to 1e-6 from the real axis and from the edge 0 of c = 1."""
    worst: dict[str, float] = defaultdict(float)
    with mpmath.workdps(50):
        for p, n, re, im, real, imaginary in GOLDEN["stieltjes_complex"]:
            z = complex(float(re), float(im))
            error = float(abs(mpc(marchenko_pastur.stieltjes(z, p / n)) / mpc(real, imaginary) - 1))
            assert error <= EPS * (16 + 2 * amplification(p / n, z) * (1 + abs(z))), (p, n, re, im)
            worst[regime(p, n)] = max(worst[regime(p, n)], error)
    report("m(z)", worst)


@pytest.mark.parametrize("z", [0.0, 1.0, math.nan, -math.inf, [-1.0, 0.5]])
def test_r0_points_on_the_support_are_refused(z: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^z = .*: must be finite and negative, or complex outside the support$"
    ):
        marchenko_pastur.stieltjes(z, 0.5)


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan, math.inf])
def test_r0_the_ratio_must_be_positive_and_finite(ratio: float) -> None:
    for function in (marchenko_pastur.support, marchenko_pastur.atom):
        with pytest.raises(ValueError, match=r"^ratio = .*: must be finite and > 0$"):
            function(ratio)
    for function in (marchenko_pastur.stieltjes, marchenko_pastur.inverse_slope):
        with pytest.raises(ValueError, match=r"^ratio = .*: must be finite and > 0$"):
            function(-1.0, ratio)
