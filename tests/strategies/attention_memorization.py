"""Models and chains that satisfy the hypotheses of the results by construction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lemmata.statistics import Array
from theory.attention_memorization import (
    Attention,
    Gram,
    Independent,
    Limit,
    RidgeRegression,
    Spherical,
    Unbalanced,
)
from theory.numerics.activations import (
    Coefficients,
    Cosine,
    Cubic,
    Exponential,
    Linear,
    Relu,
    Sign,
    Sine,
    Tanh,
)


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


# ------------------------------------------------------------------ attention

bounded_or_linear = st.sampled_from([Tanh(), Linear(), Sign(), Relu(), Sine(), Cosine()])
activations = bounded_or_linear | st.sampled_from([Cubic(), Exponential()])


def small() -> st.SearchStrategy[float]:
    """Zero, or of either sign and any size up to 1."""
    return st.just(0.0) | st.builds(
        lambda sign, size: sign * size, st.sampled_from([-1.0, 1.0]), log_uniform(-6, 0)
    )


@st.composite
def hermite_data(draw: st.DrawFn) -> Coefficients:
    """Hermite data that satisfy Bessel's inequality: a_1^2 / nu from 0 over nearly 1 to 1, a_2 within the rest."""
    power = draw(log_uniform(-2, 2))
    share = draw(st.floats(0, 1) | st.sampled_from([0.0, 1.0]) | log_uniform(-10, 0).map(lambda x: 1 - x))
    linear = draw(st.sampled_from([-1.0, 1.0])) * (share * power) ** 0.5
    quadratic = draw(st.floats(-0.99, 0.99)) * max(power - linear**2, 0.0) ** 0.5
    return Coefficients(linear=linear, power=max(power, linear**2), quadratic=quadratic)


def gram_of(vectors: Any) -> Gram:
    """Inner products of the rows."""
    rows = np.asarray(vectors, dtype=float)
    product = rows @ rows.T
    return Gram((np.tril(product) + np.tril(product, -1).T).tolist())


@st.composite
def weights(draw: st.DrawFn, most: float = 4.0, with_signal: bool = False) -> Gram:
    """Inner products of mu (a few units long along the first axis), w_K and w_Q (up to `most` long)."""
    vectors = np.zeros((3, 3))
    vectors[0, 0] = draw(log_uniform(-3, 2) if with_signal else snrs) ** 0.5
    if draw(st.booleans()):
        for i in (1, 2):
            direction = draw(
                st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=3, max_size=3).map(np.array)
            )
            vectors[i] = most * direction / max(1.0, float(np.linalg.norm(direction)))
        vectors[np.abs(vectors) < 1e-8] = 0.0
    return gram_of(vectors)


@st.composite
def limits(
    draw: st.DrawFn,
    most: float = 4.0,
    with_signal: bool = False,
    least_ridge: float = -12.0,
    is_balanced: bool = True,
) -> Limit:
    """The whole domain: c in [0.02, 50], ridge from 1e-12 to 1e3, any Hermite data, diagonal and weights."""
    hermite = draw(hermite_data())
    diagonal = draw(st.just(0.0) | st.floats(-1.5, 1.5)) * hermite.power**0.5
    return Limit(
        ratio=draw(
            log_uniform(-1.69, 1.69) | st.sampled_from([0.25, 1.0]) | small().map(lambda x: 1 + 0.1 * x)
        ),
        ridge=draw(log_uniform(least_ridge, 3)),
        hermite=hermite,
        diagonal=diagonal,
        weights=draw(weights(most, with_signal)),
        mean=0.0 if is_balanced else draw(st.floats(-1, 1)),
    )


@st.composite
def attention(draw: st.DrawFn) -> Attention:
    """Models of every activation, diagonal and kind of labels to which the limit applies."""
    tokens = 2 * draw(st.integers(1, 5000))
    dimension = draw(st.integers(max(1, -(-tokens // 50)), 50 * tokens))
    kept = draw(st.booleans())
    gram = draw(weights())
    return Attention(
        tokens,
        dimension,
        ridge=draw(ridges),
        snr=gram.matrix[0][0],
        activation=draw(bounded_or_linear if kept else activations),
        alignment=gram,
        diagonal="keep" if kept else "zero",
        labels=draw(st.sampled_from([Independent(), Spherical(), Unbalanced(0.0), Unbalanced(-0.4)])),
    )
