"""Figures of arXiv 2504.21314."""

from __future__ import annotations

from figures.ar_diffusion.accuracy import FIGURES as ACCURACY
from figures.ar_diffusion.rules import FIGURES as RULES

FIGURES = (*RULES, *ACCURACY)
