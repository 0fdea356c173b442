"""What the statements of docs/papers/ar_diffusion.md rest on."""

from __future__ import annotations

from lemmata.records import Foundation

FOUNDATIONS = {
    "D1": Foundation(
        "Noising", "X_t = e^-t X_0 + sqrt(1 - e^-2t) Z, its law p_t and score s_t = grad log p_t."
    ),
    "D2": Foundation(
        "Vanilla sampling", "Y <- e^h Y + 2 (e^h - 1) s_tau(Y) + sqrt(e^2h - 1) Z, all patches at once."
    ),
    "D3": Foundation("AR sampling", "One patch after the other, each with the score given the clean prefix."),
    "D4": Foundation(
        "Grids", "Noising times tau_0 > ... > tau_N = delta: uniform, exponential, optimal, custom."
    ),
    "D5": Foundation(
        "Targets", "Gaussians N(mu, Sigma) with Schur complements S_k, and mixtures of Gaussians."
    ),
    "A1": Foundation(
        "Exact scores", "The score is known; its errors are a matter of their own.", is_assumption=True
    ),
    "A2": Foundation(
        "Small steps", "Leading order in the step h against the smallest eigenvalue.", is_assumption=True
    ),
    "A3": Foundation("Uniform grid", "Equal steps in noising time.", is_assumption=True),
}

USES = {
    "R1": ("D1", "D2", "D4", "D5", "A1"),
    "R2": ("R1",),
    "R3": ("D5",),
    "R4": ("R1", "R3", "D3"),
    "R5": ("R4",),
    "R5b": ("D1", "D2", "A1", "A2"),
    "R6": ("R3", "R4", "R5"),
    "R7": ("R4",),
    "R8": ("D1", "D2", "D4", "A1"),
    "R8b": ("R8", "R9", "A3"),
    "R9": ("R8", "D3"),
    "R9d": ("R2", "R3", "A2", "A3"),
    "R10": ("R4", "R9d"),
    "R11": ("R9d",),
    "R12": ("R2", "R8", "A2"),
    "R13": ("R1",),
    "R14": ("R1", "R4"),
    "R15": ("D1", "D5"),
    "C1": ("R4", "R9d"),
    "C2": ("R3", "R4"),
    "C3": ("R7",),
    "C4": ("R9d",),
    "C5": ("R6",),
    "C6": ("R10", "A3"),
    "C7": ("R4", "R9d", "A3"),
    "C8": ("R8",),
    "C9": ("R5b", "R8", "R9d"),
    "F1": ("R14",),
    "F2": ("R7",),
    "F3": ("R4",),
    "F4": ("R6",),
    "F5": ("R10",),
    "F6": ("R14", "R15"),
    "B1": ("R9",),
    "B2": ("R10",),
    "B3": ("R12",),
    "B4": ("R11",),
}
