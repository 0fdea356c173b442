"""Two-layer convolutional networks trained by gradient descent, and the ranks of their data and filters."""

from __future__ import annotations

from simulations.cnn_rank.literal import TRAINING_LITERAL, sample_training_literal
from simulations.cnn_rank.training import TRAINING, sample_training

SAMPLERS = (TRAINING, TRAINING_LITERAL)

__all__ = ["SAMPLERS", "TRAINING", "TRAINING_LITERAL", "sample_training", "sample_training_literal"]
