"""Samplers of the in-context memorization error."""

from __future__ import annotations

from simulations.attention_memorization.attention import (
    ATTENTION,
    ATTENTION_GAP,
    ATTENTION_SINGLE,
    sample_attention,
    sample_attention_gap,
    sample_attention_single,
)
from simulations.attention_memorization.label_average import LABEL_AVERAGE, sample_label_average
from simulations.attention_memorization.layer import LayerErrors, layer_errors
from simulations.attention_memorization.linear_chain import LINEAR_CHAIN, sample_linear_chain
from simulations.attention_memorization.ridge_regression import (
    RIDGE_REGRESSION,
    RIDGE_REGRESSION_LITERAL,
    sample_ridge_regression,
    sample_ridge_regression_literal,
)
from simulations.attention_memorization.softmax import SOFTMAX, sample_softmax

SAMPLERS = (
    RIDGE_REGRESSION,
    RIDGE_REGRESSION_LITERAL,
    ATTENTION,
    ATTENTION_SINGLE,
    ATTENTION_GAP,
    LABEL_AVERAGE,
    SOFTMAX,
    LINEAR_CHAIN,
)

__all__ = [
    "ATTENTION",
    "ATTENTION_GAP",
    "ATTENTION_SINGLE",
    "LABEL_AVERAGE",
    "LINEAR_CHAIN",
    "RIDGE_REGRESSION",
    "RIDGE_REGRESSION_LITERAL",
    "SAMPLERS",
    "SOFTMAX",
    "LayerErrors",
    "layer_errors",
    "sample_attention",
    "sample_attention_gap",
    "sample_attention_single",
    "sample_label_average",
    "sample_linear_chain",
    "sample_ridge_regression",
    "sample_ridge_regression_literal",
    "sample_softmax",
]
