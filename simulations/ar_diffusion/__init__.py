"""Samplers of vanilla and auto-regressive diffusion."""

from __future__ import annotations

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

SAMPLERS = (DATA, POSITION, OUTPUT, RULE_VIOLATION, OUTPUT_LITERAL, TRAINING)

__all__ = [
    "DATA",
    "OUTPUT",
    "OUTPUT_LITERAL",
    "POSITION",
    "RULE_VIOLATION",
    "SAMPLERS",
    "TRAINING",
    "positions",
    "sample_data",
    "sample_output",
    "sample_output_literal",
    "sample_position",
    "sample_rule_violation",
    "sample_training",
]
