"""What arXiv 2504.21314 states, and what the evidence says."""

from __future__ import annotations

from lemmata.records import Comparison, Paper
from paper_checks.ar_diffusion.accuracy import C1, C2, C3, C4, C5, C9
from paper_checks.ar_diffusion.blueprint import FOUNDATIONS, USES
from paper_checks.ar_diffusion.certificates import R2, R3, R8, R9, R13
from paper_checks.ar_diffusion.costs import C6, C7
from paper_checks.ar_diffusion.sampled import C8, R4, R14
from simulations.ar_diffusion import BINNED, OUTPUT, OUTPUT_LITERAL, RULE_VIOLATION, TRAINING
from theory.ar_diffusion import binned_moments, denoising_loss, output_moments, rule_violation

PAPER = Paper(
    title="Capturing Conditional Dependence via Auto-regressive Diffusion Models",
    authors=("Xunpeng Huang", "Yujin Han", "Difan Zou", "Yian Ma", "Tong Zhang"),
    arxiv="2504.21314",
    year=2025,
    summary="Exact output laws of vanilla and auto-regressive diffusion, and what dependence between patches changes.",
    statements={
        "R1": ("R4", "R1"),
        "R2": ("R2", "stability_limit", "frozen_variance"),
        "R3": ("R3", "joint_kl"),
        "R4": ("R4", "stage_kl", "output_moments"),
        "R5": ("C5", "F4", "binned_moments"),
        "R5b": ("leading_moment_errors",),
        "R6": ("C5", "F4", "pointwise_conditional_kl"),
        "R7": ("C3", "F2"),
        "R8": ("R8", "C8", "path_kl", "fisher_information", "denoising_loss"),
        "R8b": ("path_kl",),
        "R9": ("R9", "dependence", "B1"),
        "R9d": ("C4", "leading_joint_kl"),
        "R10": ("C6", "phase_boundary", "steps_to_accuracy", "B2", "F5"),
        "R11": ("best_patch_order", "B4"),
        "R12": ("optimal_grid", "B3"),
        "R13": ("R13", "score_error_kl"),
        "R14": ("R14", "F1", "rule_violation", "F6"),
        "R15": ("R14", "F6"),
        **{f"C{k}": (f"C{k}",) for k in range(1, 10)},
        **{f"F{k}": (f"F{k}",) for k in range(1, 7)},
    },
    foundations=FOUNDATIONS,
    uses=USES,
)

CLAIMS = (R2, R3, R4, R8, R9, R13, R14, C1, C2, C3, C4, C5, C6, C7, C8, C9)
COMPARISONS = (
    Comparison(output_moments, OUTPUT["moments"], witness=OUTPUT_LITERAL["moments"]),
    Comparison(binned_moments, BINNED["moments"]),
    Comparison(rule_violation, RULE_VIOLATION["violation"]),
    Comparison(denoising_loss, TRAINING["least_loss"]),
)
