"""What the statements of docs/papers/cnn_rank.md rest on."""

from __future__ import annotations

from lemmata.records import Foundation

FOUNDATIONS = {
    "D1": Foundation(
        "Images",
        "An object patch, one of 2K orthogonal features of norm s, before P_b patches of Gaussian noise.",
    ),
    "D2": Foundation("Stable rank", "Squared Frobenius norm over squared spectral norm."),
    "D3": Foundation(
        "Network", "Two layers: Huberised ReLU of order q and knee κ, second layer ±m⁻ᵖ fixed; logistic loss."
    ),
    "D4": Foundation(
        "Gradient descent", "Full batch, step η, filters from N(0, s₀²); time t = η s² m⁻ᵖ/(2K) × steps."
    ),
    "A1": Foundation(
        "Noise off the features", "Background noise is orthogonal to the features.", is_assumption=True
    ),
    "A2": Foundation(
        "Winner takes all",
        "Order q > 2 and a start so small that one filter learns each feature.",
        is_assumption=True,
    ),
    "A3": Foundation(
        "Orthogonal backgrounds", "Different patches of noise are orthogonal (d large).", is_assumption=True
    ),
}

USES = {
    "R1": ("D1", "D2"),
    "R2": ("R1", "A1"),
    "R3": ("R1",),
    "R4": ("D1", "D3", "D4"),
    "R5": ("D3", "D4", "A1"),
    "R6": ("R5",),
    "R7": ("R5", "D2"),
    "R8": ("R7", "D2"),
    "R9": ("R5", "A3"),
    "R10": ("R4", "R9"),
    "C1": ("R2",),
    "C1b": ("R1", "R2", "R3"),
    "C2": ("R7", "A2"),
    "C2b": ("R7",),
    "C2c": ("R7", "A2"),
    "C2d": ("R7",),
    "C3": ("R6",),
    "C3b": ("R6",),
    "C4": ("R9", "R10"),
    "C5": ("R5", "A2"),
    "C6": ("R2", "R9"),
    "C7": ("D2",),
    "C7b": ("C7",),
    "C8": ("R9", "A3"),
    "C9": ("R8",),
}
