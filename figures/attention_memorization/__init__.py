"""Figures of arXiv 2506.18656."""

from __future__ import annotations

from figures.attention_memorization.activations import FIGURES as ACTIVATIONS
from figures.attention_memorization.alignment import FIGURES as ALIGNMENT
from figures.attention_memorization.attention_curves import FIGURES as ATTENTION
from figures.attention_memorization.beyond import FIGURES as BEYOND
from figures.attention_memorization.ridge_regression import FIGURES as RIDGE_REGRESSION
from figures.attention_memorization.small_ridge import FIGURES as SMALL_RIDGE

FIGURES = (*RIDGE_REGRESSION, *ATTENTION, *ALIGNMENT, *ACTIVATIONS, *SMALL_RIDGE, *BEYOND)
