"""Figures of arXiv 2502.15609."""

from __future__ import annotations

from figures.context_hijacking.accuracy import FIGURES as ACCURACY
from figures.context_hijacking.depth import FIGURES as DEPTH
from figures.context_hijacking.phases import FIGURES as PHASES
from figures.context_hijacking.published import FIGURES as PUBLISHED
from figures.context_hijacking.step_sizes import FIGURES as STEP_SIZES

_ALL = {figure.id: figure for figure in (*PUBLISHED, *ACCURACY, *DEPTH, *PHASES, *STEP_SIZES)}

FIGURES = tuple(_ALL[name] for name in sorted(_ALL))
