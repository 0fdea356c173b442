"""What arXiv 2504.08628 states, and what the evidence says."""

from __future__ import annotations

from lemmata.records import Comparison, Paper
from paper_checks.cnn_rank.blueprint import FOUNDATIONS, USES
from paper_checks.cnn_rank.certificates import R2, R3, R5, R7
from paper_checks.cnn_rank.data import C1, C1B, C9
from paper_checks.cnn_rank.filters import C2, C2B, C2C, C2D, C5
from paper_checks.cnn_rank.images import C7, C7B
from paper_checks.cnn_rank.training import C3, C3B, C4, C6, C8, R4, R5B, R6
from simulations.cnn_rank import DATA_RANK, DATA_RANK_LITERAL, TRAINING, TRAINING_LITERAL, WINNERS
from theory.cnn_rank import (
    data_stable_rank,
    filter_stable_rank,
    image_stable_rank,
    initial_stable_rank,
    mean_field_loss,
    memorised_share,
    signal_stable_rank,
    training_loss,
    weight_stable_rank,
    winner_takes_all_rank,
)

PAPER = Paper(
    title="Gradient Descent Robustly Learns the Intrinsic Dimension of Data in Training Convolutional Neural Networks",
    authors=("Chenyang Zhang", "Peifeng Gao", "Difan Zou", "Yuan Cao"),
    arxiv="2504.08628",
    year=2025,
    summary="Background noise explodes the rank of images; filters trained on them stay low, and when that is 2K.",
    statements={
        "R1": ("C1b", "data_stable_rank"),
        "R2": ("R2", "C1", "C1b", "F1", "data_stable_rank", "image_stable_rank", "noise_transition"),
        "R3": ("R3", "C1b", "data_stable_rank"),
        "R4": ("R4", "B4"),
        "R5": ("R5", "R5b", "feature_flow", "feature_clock", "clock_margin"),
        "R6": ("R6", "C3", "C3b", "training_loss", "tail_loss"),
        "R7": ("R7", "C2b", "C2c", "C2d", "B1", "B2", "filter_stable_rank", "collision_law"),
        "R8": ("C9", "initial_stable_rank", "hidden_stable_rank", "weight_stable_rank"),
        "R9": ("C8", "B3", "B4", "memorisation_onset", "memorised_share", "learned_stable_rank"),
        "R10": ("C4", "F3", "test_error", "test_loss", "coherent_error"),
        "C1": ("C1",),
        "C1b": ("C1b",),
        "C2": ("C2",),
        "C2b": ("C2b",),
        "C2c": ("C2c",),
        "C2d": ("C2d",),
        "C3": ("C3",),
        "C3b": ("C3b",),
        "C4": ("C4",),
        "C5": ("C5",),
        "C6": ("C6",),
        "C7": ("C7", "B5", "B6"),
        "C7b": ("C7b",),
        "C8": ("C8",),
        "C9": ("C9",),
        "F1": ("F1",),
        "F2": ("F2",),
        "F3": ("F3",),
        "F4": ("F4",),
    },
    foundations=FOUNDATIONS,
    uses=USES,
)

CLAIMS = (
    C1, C1B, C2, C2B, C2C, C2D, C3, C3B, C4, C5, C6, C7, C7B, C8, C9, R2, R3, R4, R5, R5B, R6, R7,
)  # fmt: skip
COMPARISONS = (
    Comparison(data_stable_rank, DATA_RANK["patch_rank"], witness=DATA_RANK_LITERAL["patch_rank"]),
    Comparison(image_stable_rank, DATA_RANK["image_rank"], witness=DATA_RANK_LITERAL["image_rank"]),
    Comparison(training_loss, TRAINING["train_loss"], witness=TRAINING_LITERAL["train_loss"]),
    Comparison(mean_field_loss, TRAINING["train_loss"], witness=TRAINING_LITERAL["train_loss"]),
    Comparison(filter_stable_rank, TRAINING["signal_rank"], witness=TRAINING_LITERAL["signal_rank"]),
    Comparison(signal_stable_rank, TRAINING["signal_rank"], witness=TRAINING_LITERAL["signal_rank"]),
    Comparison(weight_stable_rank, TRAINING["filter_rank"], witness=TRAINING_LITERAL["filter_rank"]),
    Comparison(initial_stable_rank, TRAINING["filter_rank"], witness=TRAINING_LITERAL["filter_rank"]),
    Comparison(memorised_share, TRAINING["memorised"], witness=TRAINING_LITERAL["memorised"]),
    Comparison(winner_takes_all_rank, WINNERS["rank"]),
)
