"""Figures of arXiv 2504.08628."""

from __future__ import annotations

from figures.cnn_rank.dimension import FIGURES as DIMENSION
from figures.cnn_rank.noise import FIGURES as NOISE
from figures.cnn_rank.real_images import FIGURES as REAL_IMAGES
from figures.cnn_rank.training import FIGURES as TRAINING
from figures.cnn_rank.winners import FIGURES as WINNERS

FIGURES = (NOISE[0], *TRAINING, REAL_IMAGES[0], *WINNERS, *NOISE[1:], *DIMENSION, *REAL_IMAGES[1:])
