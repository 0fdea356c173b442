"""Two-layer convolutional networks trained by gradient descent, and the ranks of their data and filters."""

from __future__ import annotations

from simulations.cnn_rank.training import TRAINING, sample_training

SAMPLERS = (TRAINING,)

__all__ = ["SAMPLERS", "TRAINING", "sample_training"]
