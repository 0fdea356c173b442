"""Adaptive integrals: exact where singular points are known, and honest about what they may be off by."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theory.numerics.adaptive import Array, integrate


def test_smooth_functions_are_integrated_exactly() -> None:
    """A narrow peak and an oscillation, with no singular point."""

    def function(x: Array, shares: Array) -> tuple[Array, Array]:
        return np.cos(40 * x) + 1 / (1e-4 + x * x), np.zeros_like(x)

    value, doubt = integrate(function, [-1.0, 2.0], 1e-11)
    exact = (math.sin(80) + math.sin(40)) / 40 + 100 * (math.atan(200) + math.atan(100))
    assert value == pytest.approx(exact, abs=1e-10)
    assert doubt < 1e-9


@pytest.mark.parametrize("power", [1 / 16, 0.5, 1.5])
def test_powers_of_the_distance_from_a_known_point(power: float) -> None:
    """Roots on both sides of an inner point."""

    def function(x: Array, shares: Array) -> tuple[Array, Array]:
        return np.abs(x - 0.3) ** power, np.zeros_like(x)

    value, doubt = integrate(function, [0.0, 0.3, 1.0], 1e-12)
    exact = (0.3 ** (power + 1) + 0.7 ** (power + 1)) / (power + 1)
    assert value == pytest.approx(exact, abs=1e-12)
    assert doubt < 1e-11


def test_weights_tell_what_values_contribute() -> None:
    """The integral is the sum of weights times values; errors of values add up by them."""
    sums = []

    def function(x: Array, shares: Array) -> tuple[Array, Array]:
        sums.append(float(shares.sum()))
        return np.ones_like(x), np.full_like(x, 1e-6)

    value, doubt = integrate(function, [1.0, 2.0, 4.0], 1e-12)
    assert value == pytest.approx(3.0, abs=1e-12)
    assert doubt == pytest.approx(3e-6, rel=1e-6)
    assert sums[1] == pytest.approx(3.0, abs=1e-12)  # the first round is coarser


def test_what_does_not_converge_is_told() -> None:
    """Noise: panels are halved until their number is exhausted, and the doubt is of its size."""
    rng = np.random.default_rng(7)

    def function(x: Array, shares: Array) -> tuple[Array, Array]:
        return rng.standard_normal(x.shape), np.zeros_like(x)

    _, doubt = integrate(function, [0.0, 1.0], 1e-12)
    assert doubt > 0.01
