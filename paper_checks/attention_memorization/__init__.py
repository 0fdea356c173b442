"""What arXiv 2506.18656 states, and what the evidence says."""

from __future__ import annotations

from lemmata.records import Comparison, Paper
from paper_checks.attention_memorization.activations import C2, C6
from paper_checks.attention_memorization.blueprint import FOUNDATIONS, USES
from paper_checks.attention_memorization.certificates import CERTIFICATES
from paper_checks.attention_memorization.comparison import C3, C4, C5
from paper_checks.attention_memorization.limit_law import C1, C10
from paper_checks.attention_memorization.ridge_regression import C7, R1
from paper_checks.attention_memorization.structure import C8, C9
from simulations.attention_memorization import (
    ATTENTION,
    RIDGE_REGRESSION,
    RIDGE_REGRESSION_LITERAL,
    SOFTMAX,
)
from theory.attention_memorization import (
    matched_filter_error,
    memorization_error,
    ridge_regression_error,
    softmax_error,
    trace_error,
)

PAPER = Paper(
    title="A Random Matrix Analysis of In-context Memorization for Nonlinear Attention",
    authors=("Zhenyu Liao", "Jiaqing Liu", "TianQi Hou", "Difan Zou", "Zenan Ling"),
    arxiv="2506.18656",
    year=2025,
    summary="Closed-form memorization error of an attention layer with a linear probe, beside ridge regression.",
    statements={
        "R0": ("R0", "R1"),
        "R1": ("R1", "R1e", "C7", "ridge_regression_error"),
        "R2": ("R2", "C1"),
        "R3": ("R3", "C1", "resolvent_trace"),
        "R4": ("R4", "C1", "memorization_error"),
        "R5": ("R5", "C8", "F5", "trace_error", "matched_filter_error"),
        "R6": ("R6", "C4", "ridgeless_error"),
        "R7": ("C9", "F6"),
        "R8": ("C2", "F8"),
        "R9": ("C7", "F1a", "F1b", "F1c"),
        "R10": ("R10", "C6", "C10", "softmax_error"),
        "R11": ("C1",),
        "R12": ("C8", "F9"),
        **{claim: (claim,) for claim in ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10")},
        **{
            figure: (figure,)
            for figure in ("F1a", "F1b", "F1c", "F2a", "F2b", "F2c", "F3", "F4", "F5", "F6", "F7", "F8", "F9")
        },
    },
    foundations=FOUNDATIONS,
    uses=USES,
)

CLAIMS = (R1, *CERTIFICATES, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10)
COMPARISONS = (
    Comparison(ridge_regression_error, RIDGE_REGRESSION["error"], witness=RIDGE_REGRESSION_LITERAL["error"]),
    Comparison(memorization_error, ATTENTION["error"]),
    Comparison(trace_error, ATTENTION["trace_error"]),
    Comparison(matched_filter_error, ATTENTION["matched_filter_error"]),
    Comparison(softmax_error, SOFTMAX["error"]),
)
