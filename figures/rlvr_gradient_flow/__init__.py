"""Figures of arXiv 2506.04695."""

from __future__ import annotations

from figures.rlvr_gradient_flow.answers import FIGURES as ANSWERS
from figures.rlvr_gradient_flow.feedback import FIGURES as FEEDBACK
from figures.rlvr_gradient_flow.noise import FIGURES as NOISE
from figures.rlvr_gradient_flow.regimes import FIGURES as REGIMES
from figures.rlvr_gradient_flow.simplex import FIGURES as SIMPLEX
from figures.rlvr_gradient_flow.slow_regime import FIGURES as SLOW_REGIME

FIGURES = (*REGIMES, *FEEDBACK, *ANSWERS, *SLOW_REGIME, *SIMPLEX, *NOISE)
