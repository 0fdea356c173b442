"""Samplers of context hijacking."""

from __future__ import annotations

from simulations.context_hijacking.hijacking import HIJACK, sample_hijack
from simulations.context_hijacking.literal import (
    EQUIVALENCE,
    HIJACK_DESCENT,
    HIJACK_TRANSFORMER,
    TRAINING_LITERAL,
    sample_equivalence,
    sample_hijack_descent,
    sample_hijack_transformer,
    sample_training_literal,
)
from simulations.context_hijacking.training import (
    TRAINING,
    TRAINING_MEAN,
    sample_training,
    sample_training_mean,
)

SAMPLERS = (
    HIJACK,
    HIJACK_DESCENT,
    HIJACK_TRANSFORMER,
    TRAINING,
    TRAINING_MEAN,
    TRAINING_LITERAL,
    EQUIVALENCE,
)

__all__ = [
    "EQUIVALENCE",
    "HIJACK",
    "HIJACK_DESCENT",
    "HIJACK_TRANSFORMER",
    "SAMPLERS",
    "TRAINING",
    "TRAINING_LITERAL",
    "TRAINING_MEAN",
    "sample_equivalence",
    "sample_hijack",
    "sample_hijack_descent",
    "sample_hijack_transformer",
    "sample_training",
    "sample_training_literal",
    "sample_training_mean",
]
