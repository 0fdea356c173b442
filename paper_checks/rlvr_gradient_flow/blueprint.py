"""What the statements of docs/papers/rlvr_gradient_flow.md rest on."""

from __future__ import annotations

from lemmata.records import Foundation

FOUNDATIONS = {
    "D1": Foundation(
        "Bandit of patterns", "A policy π over K patterns with success rates p_i; accuracy V = Σ π_i p_i."
    ),
    "D2": Foundation("Gradient flow", "dθ_i/dt = π_i (A_i − Σ_j π_j A_j), A_i = p_i − β ln(π_i/π_ref,i)."),
    "D3": Foundation("Regimes", "1: V(0) above every sub-optimal rate. 2: p' > V(0) > every low rate."),
    "D4": Foundation("Internal feedback", "Reward R(p) = −½[ln p + ln(1−p)], rates independent and uniform."),
    "D5": Foundation(
        "Sampled updates", "REINFORCE with step η and batch B, and GRPO with groups of G answers."
    ),
    "A1": Foundation(
        "Frozen answers", "Success rates do not move in training (Assumption 5.1).", is_assumption=True
    ),
    "A2": Foundation("A unique best pattern", "No tie at the largest rate.", is_assumption=True),
    "A3": Foundation("Right by majority", "The base model's mean rate is above 1/2.", is_assumption=True),
}

USES = {
    "R1": ("D1", "A1"),
    "R2": ("D1", "R1"),
    "R3": ("D1", "D2", "A1"),
    "R4": ("R3",),
    "R5": ("R3", "D3", "A2"),
    "R6": ("R3", "D3", "A2"),
    "R7": ("R1", "R4"),
    "R8": ("R1", "D2"),
    "R9": ("R3", "D5"),
    "R10": ("R3", "D3"),
    "R11": ("R3", "D4", "A3"),
    "R12": ("R2", "R4", "D2"),
    "R13": ("R3", "D5"),
    "C1": ("R1",),
    "C1b": ("R1", "R2"),
    "C2": ("R5",),
    "C3": ("R5",),
    "C4": ("R4", "R5"),
    "C5": ("R6",),
    "C6": ("R6",),
    "C7": ("R6",),
    "C8": ("R10",),
    "C8b": ("R10",),
    "C9": ("R11",),
    "C9b": ("R11",),
    "C10": ("R11",),
    "C11": ("R12", "A1"),
    "C12": ("R9",),
    "F1": ("R3", "R5"),
    "F2": ("R3", "R6"),
    "F3": ("R11",),
    "F4": ("R3", "R11"),
    "F5": ("R3",),
    "B1": ("R6",),
    "B2": ("R3",),
    "B3": ("R5", "R8", "R10"),
    "B4": ("R12",),
    "B5": ("R9", "R13"),
}
