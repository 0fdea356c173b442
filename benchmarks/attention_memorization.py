"""The chi chain beside plain code and beside itself at another size; curve and layer of attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import linalg
from scipy.linalg import blas

from benchmarks.attention_memorization_curve import BENCHMARKS as CURVE
from benchmarks.attention_memorization_layer import BENCHMARKS as LAYER
from lemmata.benchmarking import Benchmark
from simulations.attention_memorization import sample_ridge_regression
from theory.attention_memorization import RidgeRegression

SIZE = 2048


def plain_draw(tokens: int, dimension: int, ridge: float, snr: float, rng: np.random.Generator) -> float:
    """One draw of the error at tokens <= dimension: normals, one triangle of the Gram matrix, a Cholesky solve."""
    labels = np.ones(tokens)
    labels[1::2] = -1.0
    x = rng.standard_normal((tokens, dimension))
    x[:, 0] += math.sqrt(snr) * labels
    gram = blas.dsyrk(1.0 / tokens, x.T, trans=1, lower=1)
    gram.flat[:: tokens + 1] += ridge
    factor = linalg.cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
    residual = ridge * linalg.cho_solve(factor, labels, check_finite=False)
    return float(residual @ residual) / tokens


def _chain(size: int, ridge: float, trials: int) -> Callable[[], object]:
    model = RidgeRegression(size, size, ridge=ridge, snr=1.0)
    rng, axis = np.random.default_rng(1), np.array([ridge])
    return lambda: sample_ridge_regression(model, rng, trials, ridge=axis)


def _against_plain(ridge: float, trials: int) -> Benchmark:
    return Benchmark(
        f"chain, ridge {ridge:g}",
        f"chi chain beside a literal draw in NumPy and SciPy, n = p = {SIZE}, a draw",
        ours=_chain(SIZE, ridge, trials),
        reference=partial(plain_draw, SIZE, SIZE, ridge, 1.0, np.random.default_rng(2)),
        units=trials,
        ratio_at_least=4000,
    )


def _against_small(ridge: float, trials: int) -> Benchmark:
    return Benchmark(
        f"chain, n = 1e6, ridge {ridge:g}",
        f"chi chain at n = p = 1e6 beside n = p = {SIZE}, a draw",
        ours=_chain(1_000_000, ridge, trials),
        reference=_chain(SIZE, ridge, trials),
        units=trials,
        reference_units=trials,
        rounds=9,
        ratio_at_least=0.5,
    )


BENCHMARKS = (
    _against_plain(1.0, 32768),
    _against_plain(1e-2, 8192),
    _against_plain(1e-5, 1024),
    _against_plain(1e-12, 1024),
    _against_small(1.0, 32768),
    _against_small(1e-2, 8192),
    *CURVE,
    *LAYER,
)
