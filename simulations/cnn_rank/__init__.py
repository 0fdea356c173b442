"""Two-layer convolutional networks trained by gradient descent, and the ranks of their data and filters."""

from __future__ import annotations

from simulations.cnn_rank.data_rank import (
    DATA_RANK,
    DATA_RANK_LITERAL,
    sample_data_rank,
    sample_data_rank_literal,
)
from simulations.cnn_rank.digits_network import DIGITS_NETWORK, DigitsNetwork, sample_digits_network
from simulations.cnn_rank.literal import TRAINING_LITERAL, sample_training_literal
from simulations.cnn_rank.memorisation import MEMORISATION, NearOnset, sample_memorisation
from simulations.cnn_rank.real_images import REAL_IMAGES, RealImages, sample_real_images
from simulations.cnn_rank.spectra import SPECTRA, STARTS, sample_spectra, sample_starts
from simulations.cnn_rank.training import TRAINING, sample_training
from simulations.cnn_rank.winners import WINNERS, sample_winners

SAMPLERS = (
    DATA_RANK,
    DATA_RANK_LITERAL,
    STARTS,
    TRAINING,
    TRAINING_LITERAL,
    SPECTRA,
    WINNERS,
    MEMORISATION,
    REAL_IMAGES,
    DIGITS_NETWORK,
)

__all__ = [
    "DATA_RANK",
    "DATA_RANK_LITERAL",
    "DIGITS_NETWORK",
    "MEMORISATION",
    "REAL_IMAGES",
    "SAMPLERS",
    "SPECTRA",
    "STARTS",
    "TRAINING",
    "TRAINING_LITERAL",
    "WINNERS",
    "DigitsNetwork",
    "NearOnset",
    "RealImages",
    "sample_data_rank",
    "sample_data_rank_literal",
    "sample_digits_network",
    "sample_memorisation",
    "sample_real_images",
    "sample_spectra",
    "sample_starts",
    "sample_training",
    "sample_training_literal",
    "sample_winners",
]
