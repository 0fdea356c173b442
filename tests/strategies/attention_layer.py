"""Small layers: tokens of every shape and rank, weights of every orientation, and models for the samplers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from lemmata.statistics import Array
from tests.naive.attention_layer import FUNCTIONS, attention_matrix, rounding
from tests.strategies.attention_memorization import log_uniform, ridges, sizes, snrs
from theory.attention_memorization import (
    Aligned,
    Attention,
    Balanced,
    Gram,
    Independent,
    Softmax,
    Spherical,
    Strong,
    Unbalanced,
)
from theory.numerics.activations import (
    Activation,
    Cosine,
    Cubic,
    Exponential,
    Hermite,
    HermiteSeries,
    Linear,
    Relu,
    Sign,
    Sine,
    Tanh,
)

ACTIVATIONS: tuple[Activation, ...] = (
    Tanh(),
    Linear(),
    Sign(),
    Relu(),
    Sine(),
    Cosine(),
    Cubic(),
    Exponential(),
    Hermite(3),
    HermiteSeries((0.6, 0.3, 0.5)),
)
GENERAL = Gram(((1.0, 0.5, -0.3), (0.5, 2.0, 0.4), (-0.3, 0.4, 1.0)))
SMOOTH = tuple(name for name in FUNCTIONS if name != "sign")  # a rounding of a logit near 0 turns a sign


@dataclass(frozen=True)
class Case:
    """Tokens (p, n), labels, weights and direction in R^p, an activation by name, a diagonal convention, a ridge."""

    tokens: Array
    labels: Array
    key: Array
    query: Array
    direction: Array
    function: str
    keep_diagonal: bool
    ridge: float


def matrix_of(case: Case) -> Array:
    """The attention matrix of the definition."""
    return attention_matrix(
        case.tokens,
        case.key,
        case.query,
        FUNCTIONS[case.function],
        keep_diagonal=case.keep_diagonal,
    )


def slack_of(case: Case, ridge: float | None = None) -> float:
    return rounding(case.tokens, matrix_of(case), case.ridge if ridge is None else ridge)


@st.composite
def cases(draw: st.DrawFn, most: int = 6, low: float = -9.0) -> Case:
    """Any layer on few tokens: p below, at and above n, tokens of full rank, of rank one, or with equal columns.

    Logits stay below 3, so that no activation outgrows double precision.
    """
    n, p = draw(sizes(most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    tokens = draw(st.sampled_from([0.3, 1.0, 2.0])) * rng.standard_normal((p, n))
    shape = draw(st.sampled_from(["full", "full", "rank one", "equal columns"]))
    if shape == "rank one":
        tokens = np.outer(tokens[:, 0], rng.standard_normal(n))
    elif shape == "equal columns":
        tokens[:, n // 2] = tokens[:, 0]
    key, query = rng.standard_normal((2, p))
    weights = draw(st.sampled_from(["none", "aligned", "opposite", "general", "no key"]))
    if weights in ("none", "no key"):
        key = np.zeros(p)
    query = {"none": np.zeros(p), "aligned": 0.7 * key, "opposite": -0.5 * key}.get(weights, query)
    most_logit = float(np.abs(tokens.T @ tokens + np.outer(key @ tokens, query @ tokens)).max()) / np.sqrt(p)
    tokens *= min(1.0, np.sqrt(3 / most_logit))
    labels = draw(st.sampled_from([np.copysign(1.0, rng.standard_normal(n)), rng.standard_normal(n)]))
    ridge = draw(log_uniform(low, 3))
    return Case(
        tokens,
        labels,
        key,
        query,
        rng.standard_normal(p),
        draw(st.sampled_from(SMOOTH)),
        draw(st.booleans()),
        ridge,
    )


@st.composite
def alignments(draw: st.DrawFn, snr: float, dimension: int) -> Aligned | Strong | Gram:
    """Any weights that fit the dimension."""
    kind = draw(st.sampled_from(["aligned", "strong", "gram"]))
    if kind == "aligned":
        return Aligned(draw(st.sampled_from([0.0, 0.7, -1.5, 3.0])))
    if kind == "strong":
        return Strong(draw(st.sampled_from([0.0, 0.5, 1.0])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    vectors = rng.standard_normal((3, min(dimension, draw(st.integers(1, 3)))))
    vectors[0] = 0.0
    vectors[0, 0] = np.sqrt(snr)
    if snr == 0:  # the signal has no direction of its own to lend: the weights must leave room for one
        vectors[:, 0] = 0.0
    gram = vectors @ vectors.T
    gram[0, 0] = snr
    return Gram(tuple(map(tuple, gram.tolist())))


@st.composite
def attention(draw: st.DrawFn, most: int = 24) -> Attention:
    """Any model of the layer that can be simulated, with moderate weights."""
    n, p = draw(sizes(most))
    n += n % 2
    snr = draw(snrs.filter(lambda rho: rho <= 20))
    return Attention(
        n,
        p,
        ridge=draw(ridges.filter(lambda g: g >= 1e-4)),
        snr=snr,
        activation=draw(st.sampled_from(ACTIVATIONS[:7])),
        alignment=draw(alignments(snr, p)),
        diagonal=draw(st.sampled_from(["zero", "keep"])),
        labels=draw(st.sampled_from([Balanced(), Unbalanced(0.4), Independent(), Spherical()])),
    )


@st.composite
def softmax(draw: st.DrawFn, most: int = 8) -> Softmax:
    """Any model of softmax attention."""
    n, p = draw(sizes(most))
    n += n % 2
    snr = draw(snrs.filter(lambda rho: rho <= 20))
    return Softmax(
        n,
        p,
        ridge=draw(ridges.filter(lambda g: g >= 1e-4)),
        snr=snr,
        over=draw(st.sampled_from(["keys", "queries"])),
        masked=draw(st.booleans()),
        alignment=draw(alignments(snr, p)),
        labels=draw(st.sampled_from([Balanced(), Independent(), Spherical()])),
    )
