"""Figures of arXiv 2506.18656."""

from __future__ import annotations

from figures.attention_memorization.ridge_regression import FIGURES as RIDGE_REGRESSION

FIGURES = (*RIDGE_REGRESSION,)
