"""What arXiv 2506.04695 states, and what the evidence says."""

from __future__ import annotations

from lemmata.records import Comparison, Paper
from paper_checks.rlvr_gradient_flow.blueprint import FOUNDATIONS, USES
from paper_checks.rlvr_gradient_flow.certificates import R1, R3, R4, R5, R9
from paper_checks.rlvr_gradient_flow.feedback import C9, C9B, C10
from paper_checks.rlvr_gradient_flow.noise import R13
from paper_checks.rlvr_gradient_flow.selection import C1, C1B, C2, C3, C4, C11
from paper_checks.rlvr_gradient_flow.slow_regime import C5, C6, C7, C8, C8B, C12
from simulations.rlvr_gradient_flow import (
    GRPO_TIME,
    GRPO_TIME_LITERAL,
    INTERNAL_FEEDBACK,
    REINFORCE_TIME,
    REINFORCE_TIME_LITERAL,
)
from theory.rlvr_gradient_flow import (
    grpo_time,
    mean_hitting_time,
    rlif_gain_probability,
    rlif_worst_probability,
)

PAPER = Paper(
    title="Reshaping Reasoning in LLMs: A Theoretical Analysis of RL Training Dynamics through Pattern Selection",
    authors=("Xingwu Chen", "Tianle Li", "Difan Zou"),
    arxiv="2506.04695",
    year=2025,
    summary="How reinforcement learning selects a reasoning pattern: a fast regime, a slow one, internal feedback.",
    statements={
        "R1": ("C1", "R1", "regularised_optimum"),
        "R2": ("C1b", "joint_optimum", "joint_accuracy"),
        "R3": ("R3", "B2", "flow", "hitting_time", "log_hitting_time"),
        "R4": ("R4", "two_pattern_time", "two_pattern_flow"),
        "R5": ("R5", "C2", "C3", "C4", "regime_one_bound", "tail_time"),
        "R6": ("C5", "C6", "C7", "B1", "entanglement_time", "entanglement_bounds", "plateau_time"),
        "R7": ("R4", "kl_flow_rate"),
        "R8": ("B3", "natural_gradient_flow", "learnable_natural_gradient_flow"),
        "R9": ("R9", "C12", "B5", "grpo_clock", "grpo_time"),
        "R10": ("C8", "C8b", "sft_time", "sft_threshold", "rejection_sampling_rounds"),
        "R11": ("C9", "C9b", "C10", "certainty_flow"),
        "R12": ("C11", "B4", "learnable_flow", "separatrix"),
        "R13": ("R13", "B5", "hitting_time_moments", "hitting_time_terms"),
        "C1": ("C1",),
        "C1b": ("C1b",),
        "C2": ("C2",),
        "C3": ("C3",),
        "C4": ("C4",),
        "C5": ("C5",),
        "C6": ("C6",),
        "C7": ("C7",),
        "C8": ("C8",),
        "C8b": ("C8b",),
        "C9": ("C9",),
        "C9b": ("C9b",),
        "C10": ("C10",),
        "C11": ("C11",),
        "C12": ("C12",),
        "F1": ("F1",),
        "F2": ("F2",),
        "F3": ("F3",),
        "F4": ("F4",),
        "F5": ("F5",),
    },
    foundations=FOUNDATIONS,
    uses=USES,
)

CLAIMS = (
    C1, C1B, C2, C3, C4, C5, C6, C7, C8, C8B, C9, C9B, C10, C11, C12, R1, R3, R4, R5, R9, R13,
)  # fmt: skip
COMPARISONS = (
    Comparison(mean_hitting_time, REINFORCE_TIME["time"], witness=REINFORCE_TIME_LITERAL["time"]),
    Comparison(grpo_time, GRPO_TIME["time"], witness=GRPO_TIME_LITERAL["time"]),
    Comparison(rlif_gain_probability, INTERNAL_FEEDBACK["gain"]),
    Comparison(rlif_worst_probability, INTERNAL_FEEDBACK["worst"]),
)
