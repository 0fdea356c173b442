"""Demonstrations of arXiv 2506.04695: which reasoning pattern training picks, and how long it is stuck with another."""

from __future__ import annotations

from classroom.rlvr_gradient_flow.fine_tuning import FINE_TUNING
from classroom.rlvr_gradient_flow.internal_feedback import FEEDBACK
from classroom.rlvr_gradient_flow.regimes import REGIMES

DEMOS = (REGIMES, FINE_TUNING, FEEDBACK)
