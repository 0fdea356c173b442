"""Accuracy by region: how rounding of the ratio p/n is amplified, and the regions in which errors are reported."""

from __future__ import annotations

import math

import numpy as np

EPS = float(np.finfo(float).eps)


def amplification(ratio: float, z: complex) -> float:
    """d ln m / d ln c = c / S, S^2 = (z + 1 - c)^2 - 4z: how the rounding of c = p/n is amplified in m(z).

    The error E is a product of powers of m, 1 + m and S, whose logarithmic derivatives are at most a few times that.
    """
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    return ratio / max(math.sqrt(abs(z - low) * abs(z - high)), 1e-300)


def regime(p: int, n: int) -> str:
    near = abs(p - n) <= 0.02 * n
    return "p = n" if p == n else "p near n" if near else "p < n" if p < n else "p > n"


def report(name: str, worst: dict[str, float]) -> None:
    print(f"\n{name}: largest relative error {', '.join(f'{k}: {v:.1e}' for k, v in sorted(worst.items()))}")
