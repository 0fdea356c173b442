"""Samplers of the in-context memorization error."""

from __future__ import annotations

from simulations.attention_memorization.ridge_regression import (
    RIDGE_REGRESSION,
    RIDGE_REGRESSION_LITERAL,
    sample_ridge_regression,
    sample_ridge_regression_literal,
)

SAMPLERS = (RIDGE_REGRESSION, RIDGE_REGRESSION_LITERAL)

__all__ = [
    "RIDGE_REGRESSION",
    "RIDGE_REGRESSION_LITERAL",
    "SAMPLERS",
    "sample_ridge_regression",
    "sample_ridge_regression_literal",
]
