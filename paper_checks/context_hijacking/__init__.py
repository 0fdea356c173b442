"""What arXiv 2502.15609 states, and what the evidence says."""

from __future__ import annotations

from lemmata.records import Comparison, Paper, Waiver
from paper_checks.context_hijacking.blueprint import FOUNDATIONS, USES
from paper_checks.context_hijacking.certificates import C1, C9, R3, R11
from paper_checks.context_hijacking.depth import C12, C13, R11B, R12
from paper_checks.context_hijacking.robustness import C8, C10, C11, C14, C15, C16
from paper_checks.context_hijacking.training import C2, C3, C4, C5, C6, C7, C17, R2
from paper_checks.context_hijacking.witnesses import R1, R3B, R5, R7, R12B, R15, R16
from simulations.context_hijacking import (
    CLEAN_ACCURACY,
    CLEAN_ACCURACY_LITERAL,
    HIJACK,
    HIJACK_DESCENT,
    MIXED_CONTEXT,
    TRAINING_LITERAL,
    TRAINING_MEAN,
)
from theory.context_hijacking import (
    clean_accuracy,
    excess_training_risk,
    hijack_error,
    mixed_context_margin,
)

PAPER = Paper(
    title="On the Robustness of Transformers against Context Hijacking for Linear Classification",
    authors=("Tianle Li", "Chenyang Zhang", "Xingwu Chen", "Yuan Cao", "Difan Zou"),
    arxiv="2502.15609",
    year=2025,
    summary="Linear transformers as gradient descent, hijacked by copies of one example: whether depth helps.",
    statements={
        "R1": ("C1", "R1"),
        "R2": (
            "R2",
            "C2",
            "directional_excess_risk",
            "optimal_schedule",
            "optimal_schedule_excess_risk",
            "switch_correlation",
        ),
        "R3": ("R3", "R3b", "excess_training_risk"),
        "R4": ("C4", "optimal_initial_scale"),
        "R5": (
            "R5",
            "C5",
            "C6",
            "C7",
            "optimal_step_size",
            "leading_order_step_size",
            "excess_training_risk_limit",
            "G5",
        ),
        "R6": ("ridge_excess_risk",),
        "R7": ("C9", "R7", "hijack_error"),
        "R8": ("C14", "C16", "mean_contraction"),
        "R9": ("C8", "hijack_error_bound"),
        "R10": ("critical_hijackers", "half_error_hijackers"),
        "R11": ("R11", "R11b", "contraction", "G3"),
        "R12": ("R12", "R12b", "C12", "depth_helps", "depth_gain", "half_error_gain", "G1", "G2"),
        "R13": ("C14", "hijack_error_limit", "overshoot_probability", "G4"),
        "R14": ("C10", "C11", "C12"),
        "R15": ("R15", "mixed_context_margin", "mixed_context_deviation"),
        "R16": (
            "R16",
            "clean_accuracy",
        ),
        **{f"C{i}": (f"C{i}",) for i in range(1, 18)},
        "C5": ("C5", "R5"),
        "C12": ("C12", "R12b"),
        **{f"F{i}": (f"F{i}",) for i in (1, 2, 3, 4, 6)},
        "F5": Waiver("it shows softmax transformers trained from scratch, of which the theory says nothing"),
    },
    foundations=FOUNDATIONS,
    uses=USES,
)

CLAIMS = (
    *(C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17),
    *(R1, R2, R3, R3B, R5, R7, R11, R11B, R12, R12B, R15, R16),
)
COMPARISONS = (
    Comparison(hijack_error, HIJACK["error"], witness=HIJACK_DESCENT["error"]),
    Comparison(excess_training_risk, TRAINING_MEAN["excess"], witness=TRAINING_LITERAL["excess"]),
    Comparison(clean_accuracy, CLEAN_ACCURACY["accuracy"], witness=CLEAN_ACCURACY_LITERAL["accuracy"]),
    Comparison(mixed_context_margin, MIXED_CONTEXT["margin"]),
)
