"""What the statements of docs/papers/context_hijacking.md rest on."""

from __future__ import annotations

from lemmata.records import Foundation

FOUNDATIONS = {
    "D1": Foundation(
        "Linear transformer",
        "Layers Z + P Z M (Z^T Q Z) on the matrix of examples and query, M = diag(I_n, 0).",
    ),
    "D2": Foundation(
        "Task and prior", "w* = rho beta* + sqrt(1 - rho²) u, u uniform and orthogonal to beta*."
    ),
    "D3": Foundation(
        "Training prompt and risk", "n examples x ~ N(0, I), y = sign⟨w*, x⟩; the risk is E(answer - y)²."
    ),
    "D4": Foundation(
        "Hijacked prompt",
        "N copies of x_perp with the label opposite to that of the query x_perp + sigma w*.",
    ),
    "D5": Foundation("Mixed prompt", "n' clean examples beside N hijackers."),
    "A1": Foundation(
        "Scalar steps from w_0 = c beta*",
        "Each layer has one step size; the start lies on the prior.",
        is_assumption=True,
    ),
    "A2": Foundation("Many examples", "The leading order in d/n; c = tau E rho.", is_assumption=True),
    "A3": Foundation(
        "Before overshoot", "alpha N r² stays below 1 for hijackers of typical length.", is_assumption=True
    ),
}

USES = {
    "R1": ("D1",),
    "R2": ("R1", "R3", "D2", "D3"),
    "R3": ("R1", "D2", "D3", "A1"),
    "R4": ("R3",),
    "R5": ("R3", "A2"),
    "R6": ("R5",),
    "R7": ("R1", "D2", "D4", "A1"),
    "R8": ("R7",),
    "R9": ("R5", "R7"),
    "R10": ("R5", "R7"),
    "R11": ("R5", "R7"),
    "R12": ("R10", "R11", "A3"),
    "R13": ("R7",),
    "R14": ("R7", "R11"),
    "R15": ("R1", "D2", "D5", "A1"),
    "R16": ("R1", "D2", "A1"),
    "R3b": ("R3",),
    "R11b": ("R11",),
    "R12b": ("R7", "R12"),
    "C1": ("R1",),
    "C2": ("R2",),
    "C3": ("R3",),
    "C4": ("R4",),
    "C5": ("R5",),
    "C6": ("R5",),
    "C7": ("R5",),
    "C8": ("R9",),
    "C9": ("R7",),
    "C10": ("R7", "R14", "A3"),
    "C11": ("R5", "R7", "R14"),
    "C12": ("R10", "R12", "R14"),
    "C13": ("R10",),
    "C14": ("R8", "R13"),
    "C15": ("R7",),
    "C16": ("R8",),
    "C17": ("R3",),
    "F1": ("R10",),
    "F2": ("R5", "R7"),
    "F3": ("R5", "R7", "R8"),
    "F4": ("R16",),
    "F6": ("R7", "R8"),
    "G1": ("R7", "R12"),
    "G2": ("R12",),
    "G3": ("R11",),
    "G4": ("R13",),
    "G5": ("R5",),
}
