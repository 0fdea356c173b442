"""Figures of arXiv 2506.04695."""

from __future__ import annotations

from figures.rlvr_gradient_flow.regimes import FIGURES as REGIMES

FIGURES = (*REGIMES,)
