"""A draw of the attention layer beside its own products, the plain transcription, and itself in other modes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lemmata.benchmarking import Benchmark
from lemmata.engines import Serial, Threads
from lemmata.laboratory import Laboratory
from lemmata.records import Sampler
from lemmata.statistics import Array
from simulations.attention_memorization import ATTENTION, ATTENTION_SINGLE
from simulations.attention_memorization.attention import layer_of
from simulations.attention_memorization.draws import draws
from simulations.sampling.blas import (
    gram_of_columns,
    gram_of_rows,
    symmetric_multiply_add,
    tridiagonalise,
)
from theory.attention_memorization import Attention
from theory.numerics.activations import Tanh

TOKENS, DIMENSION = 2048, 512
RIDGES = np.geomspace(1e-5, 10.0, 8)
MODEL = Attention(TOKENS, DIMENSION, ridge=0.1, snr=1.0, activation=Tanh())


def plain_draw(tokens: int, dimension: int, snr: float, rng: np.random.Generator) -> Array:
    """E, T and S of tanh attention as the formulas read: the inverse of a p x p matrix at each ridge."""
    n, p = tokens, dimension
    labels = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    x = rng.standard_normal((p, n))
    x[0] += math.sqrt(snr) * labels
    kernel = np.tanh(x.T @ x / math.sqrt(p)) / math.sqrt(p)
    np.fill_diagonal(kernel, 0.0)
    features = x @ kernel
    gram = features @ features.T
    targets = np.stack([labels, x[0] / np.linalg.norm(x[0]) * math.sqrt(n)], axis=1)
    errors = np.empty((3, len(RIDGES)))
    for r, ridge in enumerate(RIDGES):
        inverse = np.linalg.inv(gram + n * ridge * np.eye(p))
        residual = targets - features.T @ (inverse @ (features @ targets))
        errors[:2, r] = np.einsum("nk,nk->k", residual, residual) / n
        errors[2, r] = (n - p + (n * ridge) ** 2 * np.einsum("ij,ij->", inverse, inverse)) / n
    return errors


class Features:
    """Features of a draw by an attention matrix that is stored in blocks of some rows."""

    def __init__(self, block: int) -> None:
        self.apply, self.layer = layer_of(MODEL, block=block)
        self.tokens, _ = next(draws(MODEL, np.random.default_rng(4), 1))

    def __call__(self) -> None:
        self.layer.entrywise(self.tokens, self.apply, keep_diagonal=False)


class Products:
    """The matrix products of a draw on arrays of its size, and with `reduce` the tridiagonal reduction as well."""

    def __init__(self, *, reduce: bool) -> None:
        n, p = TOKENS, DIMENSION
        self.reduce = reduce
        rng = np.random.default_rng(1)
        self.tokens = rng.standard_normal((p, n))
        self.kernel, self.features, self.gram = np.empty((n, n)), np.empty((p, n)), np.empty((p, p))

    def __call__(self) -> None:
        gram_of_columns(self.tokens, self.kernel)
        symmetric_multiply_add(self.tokens, self.kernel, self.features)
        gram_of_rows(self.features, self.gram)
        if self.reduce:
            vectors = self.tokens[:2] @ self.features.T
            tridiagonalise(self.gram, vectors)


def _draw(sampler: Sampler, model: Attention = MODEL, trials: int = 1) -> Callable[[], Any]:
    return partial(sampler.function, model, np.random.default_rng(2), trials, ridge=RIDGES)


def _plain(model: Attention, trials: int) -> Callable[[], None]:
    rng = np.random.default_rng(3)

    def run() -> None:
        for _ in range(trials):
            plain_draw(model.tokens, model.dimension, model.snr, rng)

    return run


def _small(tokens: int, trials: int) -> Benchmark:
    model = Attention(tokens, tokens // 2, ridge=0.1, snr=1.0, activation=Tanh())
    return Benchmark(
        f"attention, n = {tokens}",
        f"attention draw beside its plain transcription, n = {tokens}, p = {tokens // 2}, 8 ridges",
        ours=_draw(ATTENTION, model, trials),
        reference=_plain(model, trials),
        units=trials,
        reference_units=trials,
    )


def _estimate(workers: int) -> Callable[[], object]:
    def run() -> object:
        engine = Serial() if workers == 1 else Threads(workers)
        try:
            return Laboratory(seed=1, engine=engine).estimate(
                ATTENTION, MODEL, 8, axes={"ridge": RIDGES.tolist()}
            )
        finally:
            engine.close()

    return run


_SIZE = f"n = {TOKENS}, p = {DIMENSION}"

BENCHMARKS = (
    Benchmark(
        "attention, in BLAS",
        f"share of an attention draw that BLAS and LAPACK take, {_SIZE}, 8 ridges",
        ours=_draw(ATTENTION),
        reference=Products(reduce=True),
        rounds=9,
        ratio_at_least=0.85,
    ),
    Benchmark(
        "attention, bare products",
        f"attention draw beside its three matrix products, {_SIZE}, 8 ridges",
        ours=_draw(ATTENTION),
        reference=Products(reduce=False),
        rounds=9,
        ratio_at_least=0.8,
    ),
    Benchmark(
        "attention, plain",
        f"attention draw beside its plain transcription, {_SIZE}, 8 ridges",
        ours=_draw(ATTENTION),
        reference=_plain(MODEL, 1),
        ratio_at_least=1.8,
    ),
    Benchmark(
        "attention, single precision",
        f"attention draw in single precision beside its plain transcription, {_SIZE}, 8 ridges",
        ours=_draw(ATTENTION_SINGLE),
        reference=_plain(MODEL, 1),
        ratio_at_least=3,
    ),
    Benchmark(
        "attention, tiled",
        f"features without storing the n x n attention matrix beside those with it, {_SIZE}",
        ours=Features(512),
        reference=Features(TOKENS),
        rounds=9,
        ratio_at_least=1 / 1.1,
    ),
    _small(64, 100),
    _small(512, 5),
    Benchmark(
        "attention, two threads",
        f"eight attention draws on two worker threads beside one, wall clock, {_SIZE}, 8 ridges",
        ours=_estimate(2),
        reference=_estimate(1),
        units=8,
        reference_units=8,
        rounds=3,
        clock=time.perf_counter,
    ),
)
