"""Samplers of vanilla and auto-regressive diffusion."""

from __future__ import annotations

from simulations.ar_diffusion.binning import BINNED, sample_binned
from simulations.ar_diffusion.controlled import CONTROLLED, sample_controlled
from simulations.ar_diffusion.coupling import (
    COUPLED,
    COUPLED_VIOLATION,
    sample_coupled,
    sample_coupled_violation,
)
from simulations.ar_diffusion.learning import TRAINING, sample_training
from simulations.ar_diffusion.samplers import (
    DATA,
    OUTPUT,
    OUTPUT_LITERAL,
    POSITION,
    RULE_VIOLATION,
    positions,
    sample_data,
    sample_output,
    sample_output_literal,
    sample_position,
    sample_rule_violation,
)

SAMPLERS = (
    DATA,
    POSITION,
    OUTPUT,
    RULE_VIOLATION,
    BINNED,
    CONTROLLED,
    COUPLED,
    COUPLED_VIOLATION,
    OUTPUT_LITERAL,
    TRAINING,
)

__all__ = [
    "BINNED",
    "CONTROLLED",
    "COUPLED",
    "COUPLED_VIOLATION",
    "DATA",
    "OUTPUT",
    "OUTPUT_LITERAL",
    "POSITION",
    "RULE_VIOLATION",
    "SAMPLERS",
    "TRAINING",
    "positions",
    "sample_binned",
    "sample_controlled",
    "sample_coupled",
    "sample_coupled_violation",
    "sample_data",
    "sample_output",
    "sample_output_literal",
    "sample_position",
    "sample_rule_violation",
    "sample_training",
]
