"""Models and chains that satisfy the hypotheses of the results by construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from lemmata.statistics import Array
from theory.attention_memorization import RidgeRegression


def log_uniform(low: float, high: float) -> st.SearchStrategy[float]:
    """Positive numbers whose decimal logarithm is spread over [low, high]."""
    return st.floats(low, high).map(lambda x: 10.0**x)


ridges = log_uniform(-12, 3)
snrs = st.just(0.0) | log_uniform(-3, 2)
ratios = log_uniform(-1.7, 1.7)
"""c = p / n in [0.02, 50]."""


@st.composite
def sizes(draw: st.DrawFn, most: int = 10**6) -> tuple[int, int]:
    """Tokens n and dimension p: far apart, neighbours or equal, down to 1."""
    n = draw(st.integers(1, most))
    p = draw(st.integers(1, most) | st.just(n) | st.integers(max(1, n - 1), min(most, n + 1)))
    return n, p


@st.composite
def ridge_regression(draw: st.DrawFn, most: int = 10**6) -> RidgeRegression:
    """Any model of ridge regression."""
    n, p = draw(sizes(most))
    return RidgeRegression(n, p, ridge=draw(ridges), snr=draw(snrs))


@dataclass(frozen=True)
class Chain:
    """Squared entries of a complete bidiagonal chain, divided by n, and where it is cut off."""

    tokens: int
    dimension: int
    diagonal: Array
    superdiagonal: Array
    ridge: float
    cut: int


@st.composite
def chains(draw: st.DrawFn, most: int = 9) -> Chain:
    """Chains of every shape, entries over twelve decades: min(n, p) levels; the last b is 0 unless p < n."""
    n, p = draw(sizes(most))
    levels = min(n, p)
    entries = st.lists(log_uniform(-8, 4), min_size=levels, max_size=levels)
    diagonal, superdiagonal = np.array(draw(entries)), np.array(draw(entries))
    if p >= n:
        superdiagonal[-1] = 0.0
    return Chain(n, p, diagonal, superdiagonal, draw(ridges), draw(st.integers(1, levels)))


@st.composite
def tokens_and_labels(draw: st.DrawFn, most: int = 6) -> tuple[Array, Array]:
    """Token matrices (p, n) with moderate entries, and labels +-1."""
    n, p = draw(sizes(most))
    entries = st.floats(-3, 3, allow_subnormal=False)
    rows = draw(st.lists(st.lists(entries, min_size=n, max_size=n), min_size=p, max_size=p))
    labels = draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=n, max_size=n))
    return np.array(rows), np.array(labels)
