"""Samplers of the in-context memorization error."""

from __future__ import annotations

from simulations.attention_memorization.layer import (
    ATTENTION,
    ATTENTION_GAP,
    LayerErrors,
    layer_errors,
    sample_attention,
    sample_attention_gap,
)
from simulations.attention_memorization.ridge_regression import (
    RIDGE_REGRESSION,
    RIDGE_REGRESSION_LITERAL,
    sample_ridge_regression,
    sample_ridge_regression_literal,
)

SAMPLERS = (RIDGE_REGRESSION, RIDGE_REGRESSION_LITERAL, ATTENTION, ATTENTION_GAP)

__all__ = [
    "ATTENTION",
    "ATTENTION_GAP",
    "RIDGE_REGRESSION",
    "RIDGE_REGRESSION_LITERAL",
    "SAMPLERS",
    "LayerErrors",
    "layer_errors",
    "sample_attention",
    "sample_attention_gap",
    "sample_ridge_regression",
    "sample_ridge_regression_literal",
]
