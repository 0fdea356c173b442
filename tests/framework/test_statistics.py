"""Sufficient statistics equal what they stand for: the direct sums over all trials, in any split into chunks."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import reduce

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lemmata.statistics import Array, Moments, linear_combination, merged

EPS = np.finfo(float).eps

# Magnitudes down to zero and up to 1e60: fourth powers of them and their sums stay representable.
numbers = st.floats(-1e60, 1e60, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-60 else 0.0)
trials = hnp.arrays(np.float64, st.integers(1, 30), elements=numbers)
grids = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3), st.integers(1, 2)), elements=numbers
)


def central_sums(rows: Array) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Mean and central power sums in exact rational arithmetic, from the definition."""
    exact = [Fraction(float(x)) for x in rows]
    mean = sum(exact, Fraction()) / len(exact)
    return mean, *(sum(((x - mean) ** k for x in exact), Fraction()) for k in (2, 3, 4))  # type: ignore[return-value]


def assert_moments_are_exact_to_rounding(moments: Moments, rows: Array) -> None:
    """Hold each sum to the exact one, with a bound from the arithmetic that is done.

    A mean of n numbers up to s carries at most n + 3 roundings of size s: h = (n + 3) eps s. Each deviation is then
    off by at most 2h, so its k-th power by k 2h (d + 2h)^(k-1), where d <= 2s bounds the deviations; a sum of n such
    powers, each with a few roundings of its own, is off by at most n times that. Merging adds terms of the same kind,
    a few for each merge: one factor 8 covers them.
    """
    n, s = len(rows), float(np.abs(rows).max())
    exact = central_sums(rows)
    h = (n + 3) * EPS * s
    assert abs(Fraction(float(moments.mean)) - exact[0]) <= 8 * h
    d = 2 * s + 2 * h
    for k, value in ((2, moments.m2), (3, moments.m3), (4, moments.m4)):
        bound = 8 * n * (2 * k * h * d ** (k - 1) + (n + k) * EPS * d**k)
        assert abs(Fraction(float(value)) - exact[k - 1]) <= bound
    assert moments.count == n
    assert (moments.minimum, moments.maximum) == (rows.min(), rows.max())


# ---- moments of trials


@given(trials)
@example(np.array([1e16, 1.0, -1e16]))
@example(np.full(30, 0.1))
def test_moments_are_the_central_sums(rows: Array) -> None:
    """Mean, M2, M3, M4 are the exact central power sums up to a bound of the rounding."""
    assert_moments_are_exact_to_rounding(Moments.of(rows), rows)


@given(trials, st.data())
@example(np.array([1e16, 1.0, -1e16, 3.0]), None)
def test_merged_moments_are_the_central_sums_of_all_trials(rows: Array, data: st.DataObject | None) -> None:
    """Chan's update and Pébay's: splitting the trials anywhere changes nothing beyond rounding."""
    cuts = [1, 2] if data is None else sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=4)))
    parts = [part for part in np.split(rows, cuts) if len(part)]
    assert_moments_are_exact_to_rounding(merged([Moments.of(part) for part in parts]), rows)


def test_a_large_common_offset_does_not_drown_the_spread() -> None:
    """The sums are central: trials 1e9 + {0, 1} keep a variance of 1/4, where raw sums of squares keep no digit."""
    rows = 1e9 + np.tile([0.0, 1.0], 5000)
    moments = merged([Moments.of(part) for part in np.split(rows, 10)])
    assert moments.m2 == pytest.approx(2500.0, rel=1e-9)
    assert moments.m4 == pytest.approx(625.0, rel=1e-9)
    assert abs(moments.m3) <= 1e-3  # exactly 0; each of 1e4 cubes moves by 3 d^2 eps 1e9


@given(grids)
def test_moments_are_elementwise(rows: Array) -> None:
    """Every element of an output is treated by itself; indexing picks its moments."""
    moments = Moments.of(rows)
    assert moments.mean.shape == rows.shape[1:]
    for index in np.ndindex(rows.shape[1:]):
        assert_moments_are_exact_to_rounding(moments[index], rows[(slice(None), *index)])


def test_merging_is_done_from_left_to_right() -> None:
    """The order is part of the result's bits: here another order gives other bits."""
    rng = np.random.default_rng(5)
    parts = [Moments.of(rng.standard_normal(50) * 10**k) for k in range(4)]
    one = merged(parts)
    assert one.m4 == reduce(Moments.merge, parts[1:], parts[0]).m4
    backwards = merged(parts[::-1])
    assert (backwards.mean, backwards.m2, backwards.m3) != (one.mean, one.m2, one.m3)
    assert backwards.m4 == pytest.approx(one.m4, rel=1e-12)
    assert backwards.count == one.count == 200


def test_derived_numbers_follow_the_definitions() -> None:
    """Variance with n - 1; skewness sqrt(n) M3 / M2^1.5; excess kurtosis n M4 / M2^2 - 3: a fair coin by hand."""
    coin = Moments.of([0.0, 1.0, 1.0, 1.0])
    assert coin.mean == 0.75
    assert coin.variance == pytest.approx(0.25, rel=4 * EPS)
    assert coin.standard_error == pytest.approx(0.25, rel=4 * EPS)
    p, q = 0.75, 0.25
    assert coin.skewness == pytest.approx((q - p) / np.sqrt(p * q), rel=8 * EPS)
    assert coin.excess_kurtosis == pytest.approx((1 - 6 * p * q) / (p * q), rel=16 * EPS)


def test_one_trial_or_constant_trials_have_no_spread_to_divide_by() -> None:
    single = Moments.of([[3.0, 4.0]])
    assert np.isnan(single.variance).all()
    assert np.isnan(single.standard_error).all()
    constant = Moments.of([2.0, 2.0, 2.0])
    assert (constant.variance, constant.skewness, constant.excess_kurtosis) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("rows", [[], 3.0, np.empty((0, 2))])
def test_no_trials_have_no_moments(rows: object) -> None:
    with pytest.raises(ValueError, match=r"^rows of shape .*: the first axis must hold at least one trial$"):
        Moments.of(rows)  # type: ignore[arg-type]


# ---- linear combinations of independent outputs

# Small variables with a few values each: all combinations can be listed.
small = st.lists(st.integers(-6, 6), min_size=1, max_size=4)
weights = st.integers(-3, 3)


@given(st.lists(st.tuples(weights, small), min_size=1, max_size=3))
@example([(1, [0, 1]), (-1, [0, 1])])
@example([(2, [0, 1, 1]), (-3, [5])])
def test_linear_combination_has_the_moments_of_the_combined_variable(
    pairs: list[tuple[int, list[int]]],
) -> None:
    """For independent X_i, sum w_i X_i has the mean, central moments and range of its enumerated law.

    Each X_i is uniform on its listed values. Its trials are the listed values, repeated to a common number of trials;
    the law of the sum is enumerated over all combinations in exact arithmetic.
    """
    lengths = [len(values) for _, values in pairs]
    n = int(np.lcm.reduce(lengths))
    parts = [Moments.of(np.repeat(np.array(values, float), n // len(values))) for _, values in pairs]
    combined = linear_combination([float(w) for w, _ in pairs], parts)
    law = [
        sum((Fraction(w) * x for (w, _), x in zip(pairs, point, strict=True)), Fraction())
        for point in itertools.product(*(values for _, values in pairs))
    ]
    mean = sum(law, Fraction()) / len(law)
    scale = 1 + max(abs(float(x)) for x in law) + 6 * sum(abs(w) for w, _ in pairs)
    assert combined.count == n
    assert abs(combined.mean - float(mean)) <= 16 * EPS * scale
    for k, total in ((2, combined.m2), (3, combined.m3), (4, combined.m4)):
        central = sum(((x - mean) ** k for x in law), Fraction()) / len(law)
        # a handful of products of at most 4 numbers up to `scale`, summed over parts
        assert abs(total / n - float(central)) <= 256 * EPS * (2 * scale) ** k
    assert combined.minimum == float(min(law))
    assert combined.maximum == float(max(law))


def test_linear_combination_is_elementwise_and_needs_equal_trials() -> None:
    rng = np.random.default_rng(1)
    a, b = Moments.of(rng.random((8, 3))), Moments.of(rng.random((8, 3)))
    combined = linear_combination((2.0, -1.0), (a, b))
    assert combined.mean.shape == (3,)
    assert np.array_equal(combined.mean, 2 * a.mean - b.mean)
    with pytest.raises(ValueError, match=r"^trials = \[7, 8\]: a linear combination needs equal numbers"):
        linear_combination((1.0, 1.0), (a, Moments.of(rng.random((7, 3)))))
