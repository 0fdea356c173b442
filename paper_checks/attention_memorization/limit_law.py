"""The limit law against drawn layers: attention (C1) and softmax attention (C10)."""

from __future__ import annotations

import math
from dataclasses import replace

from lemmata.claims import CONFIRMED, Claim, Limit, Margin, Mutant
from lemmata.records import Output, Prediction
from paper_checks.attention_memorization.wrong_noise import INDEPENDENT, SIGN_LOST, trace_error_with_noise
from simulations.attention_memorization import ATTENTION, SOFTMAX
from theory.attention_memorization import (
    Aligned,
    Attention,
    Gram,
    RidgeRegression,
    Softmax,
    matched_filter_error,
    memorization_error,
    ridge_regression_error,
    softmax_error,
    trace_error,
)
from theory.numerics.activations import Coefficients, Linear, Relu, Sign, Sine
from theory.numerics.hermite import hermite_data


def tends_to(prediction: Prediction, output: Output, margin: Margin, order: float = 1) -> Limit:
    """The mean of `output` tends to `prediction` as n and p grow, judged at 1, 2, 4 and 8 times the design's sizes."""
    return Limit(prediction, output, ("tokens", "dimension"), (1, 2, 4, 8), order, margin)


def linear_part_twice(model: Attention) -> Attention:
    """The layer with noise of variance nu/p in place of (nu - a_1^2)/p, as far as the limit knows it."""
    data = hermite_data(model.activation)
    noisier = Coefficients(linear=data.linear, power=data.power + data.linear**2)
    return replace(model, activation=noisier, diagonal="zero")


# ------------------------------------------------------------------ C1: attention

_TRACE = tends_to(
    trace_error,
    ATTENTION["trace_error"],
    Margin(
        3e-3,
        "T(n) - T is a/n with |a| <= 2.2 (R11), its remainder of order n^-2 below 1e-3 at n = 64; about half of what "
        "noise without symmetry changes at the first point",
    ),
)
_MATCHED = tends_to(
    matched_filter_error,
    ATTENTION["matched_filter_error"],
    Margin(
        0.025,
        "weights of length 1 leave a remainder of order n^-2, up to 0.01 at n = 64; about a sixth of what exchanging "
        "them changes at the second point",
    ),
)
_ERROR = tends_to(
    memorization_error,
    ATTENTION["error"],
    Margin(0.04, "what T and S leave to E, whose labels alone scatter by n^(-1/2); a marker's height in F2a"),
)


def exchanged(model: Attention) -> Attention:
    """w_K in the place of w_Q and the other way round."""
    gram, order = model.alignment.gram(model.snr, model.dimension), (0, 2, 1)
    return replace(model, alignment=Gram(tuple(tuple(gram[i][j] for j in order) for i in order)))


def _other_diagonal(model: Attention) -> Attention:
    return replace(model, diagonal="zero" if model.diagonal == "keep" else "keep")


_ORTHOGONAL = Gram(((1.0, 1.0, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
"""w_K = mu, and w_Q as long but orthogonal to mu, at snr = 1."""

C1 = Claim(
    "C1",
    source="Theorem 1",
    statement="The memorization error of attention tends to R4 as n and p grow at a fixed ratio p/n, and so do its "
    "parts: the error T on pure noise and the error S on the matched filter.",
    falsifier="a gap between R4 and the drawn layer that outlives a correction of order 1/n",
    design=(
        Attention(16, 16, ridge=0.01, snr=1.0, activation=Sine()),
        Attention(16, 8, ridge=1.0, snr=1.0, activation=Relu(), alignment=_ORTHOGONAL),
        Attention(16, 32, ridge=0.05, snr=1.0, activation=Sign()),
        Attention(16, 8, ridge=0.1, snr=2.0, activation=Linear(), alignment=Aligned(0.5), diagonal="keep"),
    ),
    published=(_TRACE, _MATCHED, _ERROR),
    mutants=(
        Mutant(
            "noise without symmetry: independent in K and its transpose",
            replace(_TRACE, prediction=lambda model: trace_error_with_noise(model, INDEPENDENT)),
            distance=0.4,
        ),
        Mutant(
            "plus s2 r in C(b)",
            replace(_TRACE, prediction=lambda model: trace_error_with_noise(model, SIGN_LOST)),
            distance=1.5,
        ),
        Mutant(
            "noise of variance nu/p: the linear part counted twice",
            replace(_TRACE, prediction=lambda model: trace_error(linear_part_twice(model))),
            distance=5,
        ),
        Mutant(
            "the other convention of the diagonal",
            replace(_TRACE, prediction=lambda model: trace_error(_other_diagonal(model))),
            distance=20,
        ),
        Mutant(
            "w_K on the columns and w_Q on the rows",
            replace(_MATCHED, prediction=lambda model: matched_filter_error(exchanged(model))),
            distance=2,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2**12, "full": 2**15},
)


# ------------------------------------------------------------------ C10: softmax attention


def _as_exponential(model: Softmax, linear: float = 1.0, power: float = math.e - 1) -> Attention:
    """Attention whose f has the given a_1 and nu; by R10, (exp(t) - exp(1/2))/exp(1/2) stands for masked softmax."""
    return Attention(
        model.tokens,
        model.dimension,
        model.ridge,
        model.snr,
        activation=Coefficients(linear=linear, power=power),
        alignment=model.alignment,
        labels=model.labels,
    )


def _trace_not_normalised(model: Softmax) -> float:
    """T with the exponential itself, not divided by the sum's exp(1/2)."""
    return trace_error(_as_exponential(model, math.exp(0.5), math.e * (math.e - 1)))


def _trace_unmasked(model: Softmax) -> float:
    """T if every token attends to itself alone: K = (n/sqrt p) I, ridge regression at the ridge gamma p/n^2."""
    ridge = model.ridge * model.dimension / model.tokens**2
    return ridge_regression_error(RidgeRegression(model.tokens, model.dimension, ridge, 0.0))


_SOFTMAX_TRACE = tends_to(
    lambda model: trace_error(_as_exponential(model)),
    SOFTMAX["trace_error"],
    Margin(
        5e-3,
        "the tail of exp(t) is met late: up to n = 200 T falls about like n^(-1/2), later faster, which leaves up to "
        "2e-3; a quarter of what leaving out the mask changes",
    ),
    order=0.5,
)
_SOFTMAX_MATCHED = tends_to(
    lambda model: matched_filter_error(_as_exponential(model)),
    SOFTMAX["matched_filter_error"],
    Margin(0.03, "a remainder of order n^-2; less than half of what leaving out the nonlinear part changes"),
)
_SOFTMAX_ERROR = tends_to(softmax_error, SOFTMAX["error"], Margin(0.04, "as in C1: what T and S leave to E"))

C10 = Claim(
    "C10",
    source="R10 of docs/papers/attention_memorization.md",
    statement="Masked softmax attention, over keys or over queries, has the limit of an activation with a_1 = 1 and "
    "nu = e - 1.",
    falsifier="a gap between R4 at (1, e - 1) and masked softmax that outlives a correction of order 1/n",
    design=(
        Softmax(24, 12, ridge=0.1, snr=1.0),
        Softmax(24, 12, ridge=0.1, snr=1.0, over="queries", alignment=Aligned(0.5)),
    ),
    published=(_SOFTMAX_TRACE, _SOFTMAX_MATCHED, _SOFTMAX_ERROR),
    mutants=(
        Mutant(
            "tokens attend to themselves", replace(_SOFTMAX_TRACE, prediction=_trace_unmasked), distance=3
        ),
        Mutant(
            "the exponential not normalised: a_1^2 = e, nu = e^2 - e",
            replace(_SOFTMAX_TRACE, prediction=_trace_not_normalised),
            distance=1,
        ),
        Mutant(
            "softmax taken for its linear part, nu = a_1^2 = 1",
            replace(
                _SOFTMAX_MATCHED,
                prediction=lambda model: matched_filter_error(_as_exponential(model, power=1.0)),
            ),
            distance=1,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2**11, "full": 2**13},
)
