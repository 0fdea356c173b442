"""What arXiv 2506.18656 states, and what the evidence says."""

from __future__ import annotations

from lemmata.records import Comparison, Paper
from paper_checks.attention_memorization.ridge_regression import C7, R1
from simulations.attention_memorization import RIDGE_REGRESSION, RIDGE_REGRESSION_LITERAL
from theory.attention_memorization import ridge_regression_error

PAPER = Paper(
    title="A Random Matrix Analysis of In-context Memorization for Nonlinear Attention",
    authors=("Zhenyu Liao", "Jiaqing Liu", "TianQi Hou", "Difan Zou", "Zenan Ling"),
    arxiv="2506.18656",
    year=2025,
    summary="Closed-form memorization error of an attention layer with a linear probe, beside ridge regression.",
    statements={
        "R0": ("R1",),
        "R1": ("C7", "R1"),
        "R9": ("C7", "F1a", "F1b", "F1c"),
        "C7": ("C7",),
        "F1a": ("F1a",),
        "F1b": ("F1b",),
        "F1c": ("F1c",),
    },
)

CLAIMS = (R1, C7)
COMPARISONS = (
    Comparison(ridge_regression_error, RIDGE_REGRESSION["error"], witness=RIDGE_REGRESSION_LITERAL["error"]),
)
