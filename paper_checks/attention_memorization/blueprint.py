"""What the statements of docs/papers/attention_memorization.md rest on."""

from __future__ import annotations

from lemmata.records import Foundation

FOUNDATIONS = {
    "D1": Foundation(
        "Tokens and labels", "X = mu y^T + Z with Gaussian noise Z, labels y of +1 and -1; B = X^T X/n."
    ),
    "D2": Foundation(
        "Error of ridge regression",
        "The mean squared residual of the probe on the tokens themselves: E = gamma² y^T (B + gamma)⁻² y/n.",
    ),
    "D3": Foundation(
        "Attention layer",
        "K_ij = f(x_i·x_j/sqrt p + (x_i·w_K)(w_Q·x_j)/sqrt p)/sqrt p, its diagonal d zeroed or kept.",
    ),
    "D4": Foundation(
        "Error of attention",
        "The mean squared residual of the probe on X K: E = gamma² y^T Q² y/n, Q = (K^T B K + gamma)⁻¹.",
    ),
    "D5": Foundation("Numbers of f", "a_1 = E[xi f(xi)], a_2 = E[(xi² - 1) f(xi)]/sqrt 2, nu = E[f(xi)²]."),
    "A1": Foundation(
        "Proportional growth", "Tokens n and dimension p grow at a fixed ratio c = p/n.", is_assumption=True
    ),
    "A2": Foundation(
        "f centred, of finite power", "E f(xi) = 0 and nu < ∞ for a standard normal xi.", is_assumption=True
    ),
    "A3": Foundation(
        "Weights of order one", "The norms of w_K and w_Q do not grow with p.", is_assumption=True
    ),
    "A4": Foundation("Balanced labels", "The labels' mean is 0, or a_2 = 0.", is_assumption=True),
}

USES = {
    "R0": ("D1", "A1"),
    "R1": ("R0", "D2"),
    "R2": ("D1", "D3", "D5", "A1", "A2", "A3"),
    "R3": ("R0", "R2"),
    "R4": ("R0", "R3", "D4", "A3", "A4"),
    "R5": ("R0", "R2", "D4", "A3"),
    "R6": ("R3", "R5"),
    "R7": ("R3", "D2"),
    "R8": ("R3", "R4"),
    "R9": ("D1", "D2"),
    "R10": ("R3", "R4"),
    "R11": ("R3", "R5"),
    "R12": ("D3", "D4", "R5", "R6"),
    "R1e": ("R1",),
    "C1": ("R4", "R5"),
    "C2": ("R4", "R8"),
    "C3": ("R1", "R3", "R10"),
    "C4": ("R4", "R6"),
    "C5": ("R1", "R4", "R6"),
    "C6": ("R5", "R10", "R11"),
    "C7": ("R1", "R9"),
    "C8": ("R5", "R6", "R12"),
    "C9": ("R7",),
    "C10": ("R10",),
    "F1a": ("R1", "R9"),
    "F1b": ("R1", "R9"),
    "F1c": ("R1", "R9"),
    "F2a": ("R1", "R4"),
    "F2b": ("R1", "R4"),
    "F2c": ("R1", "R4", "R12"),
    "F3": ("R4", "R6"),
    "F4": ("R4", "D5"),
    "F5": ("R5",),
    "F6": ("R7", "R11"),
    "F7": ("R1", "R4", "R6"),
    "F8": ("R8",),
    "F9": ("R12",),
}
