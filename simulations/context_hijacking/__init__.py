"""Samplers of context hijacking."""

from __future__ import annotations

from simulations.context_hijacking.chain import TRAINING_CHAIN, sample_training_chain
from simulations.context_hijacking.contexts import (
    CLEAN_ACCURACY,
    CLEAN_ACCURACY_LITERAL,
    MIXED_CONTEXT,
    sample_clean_accuracy,
    sample_clean_accuracy_literal,
    sample_mixed_context,
)
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
from simulations.context_hijacking.trained import TRAINED, sample_trained
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
    TRAINING_CHAIN,
    TRAINING_LITERAL,
    CLEAN_ACCURACY,
    CLEAN_ACCURACY_LITERAL,
    MIXED_CONTEXT,
    TRAINED,
    EQUIVALENCE,
)

__all__ = [
    "CLEAN_ACCURACY",
    "CLEAN_ACCURACY_LITERAL",
    "EQUIVALENCE",
    "HIJACK",
    "HIJACK_DESCENT",
    "HIJACK_TRANSFORMER",
    "MIXED_CONTEXT",
    "SAMPLERS",
    "TRAINED",
    "TRAINING",
    "TRAINING_CHAIN",
    "TRAINING_LITERAL",
    "TRAINING_MEAN",
    "sample_clean_accuracy",
    "sample_clean_accuracy_literal",
    "sample_equivalence",
    "sample_hijack",
    "sample_hijack_descent",
    "sample_hijack_transformer",
    "sample_mixed_context",
    "sample_trained",
    "sample_training",
    "sample_training_chain",
    "sample_training_literal",
    "sample_training_mean",
]
