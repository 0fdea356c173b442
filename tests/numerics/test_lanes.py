"""Normals of `simulations.sampling.lanes`: beside NumPy's generator word by word, and their law."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import chdtrc, kolmogorov, ndtr, ndtri, pdtr, pdtrc

from simulations.sampling.interpolation import interpolating
from simulations.sampling.lanes import LANES, NormalLanes, normal_pairs
from tests.profiles import share

FALSE_ALARM = 1e-6  # of each comparison, some twenty here, on fixed seeds
CELLS = 8


def words(state: Any, count: int) -> list[int]:
    """The next words of NumPy's SFC64 from a lane's state (4,)."""
    generator = np.random.SFC64()
    generator.state = {**generator.state, "state": {"state": state.copy()}}
    return [int(word) for word in generator.random_raw(count)]


def box_muller(first: int, second: int) -> tuple[float, float]:
    u = ((first >> 12) + 0.5) / 2**52
    t = ((second >> 12) / 2**52 - 0.5) * math.pi / 2
    r = math.sqrt(-2 * math.log(u))
    x, y = r * math.cos(t) * (-1) ** (second & 1), r * math.sin(t)
    return (y, x) if second & 2 else (x, y)


@pytest.mark.parametrize("seed", [0, 1])
def test_lanes_are_those_of_numpy(seed: int) -> None:
    """Every lane beside NumPy's SFC64 and the transform written out, number by number."""
    stream = NormalLanes(np.random.default_rng(seed))
    states = stream.state.T.copy()
    found = np.empty((5, 2, LANES))
    stream.fill(found.reshape(-1))
    for lane, state in enumerate(states):
        pairs = np.array(words(state, 10), dtype=object).reshape(5, 2)
        expected = [box_muller(first, second) for first, second in pairs]
        np.testing.assert_allclose(found[:, :, lane], expected, rtol=1e-13)


def test_extreme_words() -> None:
    """The first word is a + b + counter: all bits 0 give the largest radius, all bits 1 the smallest, both finite."""
    state = np.zeros((4, LANES), dtype=np.uint64)
    state[0, 1] = 2**64 - 1
    pairs = np.empty((2, LANES))
    normal_pairs(state, pairs.reshape(-1))
    radii = np.hypot(*pairs)[:2]
    expected = np.sqrt([2 * 53 * math.log(2), -2 * math.log1p(-(2.0**-53))])
    np.testing.assert_allclose(radii, expected, rtol=1e-13)


@given(st.lists(st.integers(0, 5 * LANES), max_size=6), st.integers(0, 2**32))
@settings(max_examples=share(1))
def test_streams_do_not_depend_on_how_they_are_cut(lengths: list[int], seed: int) -> None:
    whole, parts = np.empty(sum(lengths)), [np.empty(length) for length in lengths]
    NormalLanes(np.random.default_rng(seed)).fill(whole)
    stream = NormalLanes(np.random.default_rng(seed))
    for part in parts:
        stream.fill(part)
    np.testing.assert_array_equal(np.concatenate([*parts, []]), whole)


@pytest.fixture(scope="module")
def sample() -> Any:
    numbers = np.empty(1 << 21)
    NormalLanes(np.random.default_rng(2)).fill(numbers)
    return numbers


@pytest.mark.statistical
def test_moments_and_distribution(sample: Any) -> None:
    """Moments to the sixth, in standard errors, and the Kolmogorov-Smirnov distance."""
    limit = -ndtri(FALSE_ALARM / 2)
    powers = (0.0, 1.0, 0.0, 3.0, 0.0, 15.0)
    second = (1.0, 3.0, 15.0, 105.0, 945.0, 10395.0)
    for k, (mean, square) in enumerate(zip(powers, second, strict=True), start=1):
        error = math.sqrt((square - mean**2) / len(sample))
        assert abs(np.mean(sample**k) - mean) < limit * error
    ranks = np.arange(len(sample) + 1) / len(sample)
    below = ndtr(np.sort(sample))
    distance = max(np.max(ranks[1:] - below), np.max(below - ranks[:-1]))
    assert kolmogorov(math.sqrt(len(sample)) * distance) > FALSE_ALARM


@pytest.mark.statistical
@pytest.mark.parametrize("start", [3.0, 4.0, 5.0])
def test_tails(sample: Any, start: float) -> None:
    """Numbers beyond each side's end are Poisson, near enough."""
    expected = len(sample) * ndtr(-start)
    for count in (np.sum(sample > start), np.sum(sample < -start)):
        assert pdtr(count, expected) > FALSE_ALARM / 2
        assert pdtrc(count - 1, expected) > FALSE_ALARM / 2 or count == 0


@pytest.mark.statistical
@pytest.mark.parametrize("lag", [1, LANES, 2 * LANES, 2 * LANES + 1, 3 * LANES])
def test_numbers_are_independent(sample: Any, lag: int) -> None:
    """Cells of equal probability: neighbouring lanes, the two of a pair, and successive ones of a lane."""
    cells = np.floor(CELLS * ndtr(sample)).astype(int)
    starts = np.arange(len(sample) - lag) // lag % 2 == 0  # each number in one pair at most
    pairs = (CELLS * cells[:-lag] + cells[lag:])[starts]
    counts, expected = np.bincount(pairs, minlength=CELLS**2), len(pairs) / CELLS**2
    assert chdtrc(CELLS**2 - 1, np.sum((counts - expected) ** 2) / expected) > FALSE_ALARM


def test_interpolating_polynomials() -> None:
    """Exact on polynomials of the degree; a smooth function's error is that of Chebyshev nodes."""
    np.testing.assert_allclose(
        interpolating(lambda x: 3 * x**2 - x + 2, 2, -1.0, 4.0), (3, -1, 2), rtol=1e-12
    )
    x = np.linspace(-1, 1, 101)
    error = np.max(np.abs(np.polyval(interpolating(np.exp, 5, -1.0, 1.0), x) - np.exp(x)))
    assert 0.5 < error / (2.0**-5 / math.factorial(6)) < 3  # max|f^(6)| is e, of the node polynomial 2^-5
