"""A theory curve of 200 ridges beside warm-started root finding in SciPy with quadrature, at equal accuracy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import root

from lemmata.benchmarking import Benchmark
from theory.attention_memorization import Attention, error_curve
from theory.numerics.activations import Tanh

Array = npt.NDArray[np.float64]

POINTS = 200
NODES = 1500
"""Nodes of the midpoint rule: at the ridges and the ratio below both sides agree to 2e-12."""

MODEL = Attention(2048, 512, ridge=1.0, snr=0.2, activation=Tanh())
RIDGES = np.geomspace(1e-5, 1e2, POINTS)
LINEAR, POWER = 0.6057055096039744, 0.3942944903960256


def quadrature_curve(
    ratio: float, linear: float, power: float, ridges: Array, snr: float
) -> tuple[Array, Array]:
    """E and T without weights: SciPy's root finder on integrals over the law, started from the ridge before.

    For rho < sqrt c, where no eigenvalue stands out. E and T
    take the derivative of the fixed point from the same integrals, by one 3 x 3 solve.
    """
    t = np.pi * (np.arange(NODES) + 0.5) / NODES
    b = np.append(1 + ratio + 2 * math.sqrt(ratio) * np.cos(t), 0.0)
    weights = np.append((2 * math.sqrt(ratio) * np.sin(t)) ** 2 / (2 * b[:-1] * NODES), max(0.0, 1 - ratio))
    m = (-(b[:-1] + 1 - ratio) + 2j * math.sqrt(ratio) * np.sin(t)) / (2 * b[:-1])
    tilt = np.append((m * (1 + m) / (1 + (1 + snr) * m)).imag / m.imag, 1 / (1 + snr))
    slope, shift, excess = linear / ratio, -linear, (power - linear**2) / ratio

    def functions(point: Array) -> tuple[Array, Array, Array]:
        level, coupling, offset = math.exp(point[0]), excess * math.exp(point[1]), point[2]
        c = slope * b + shift - excess * offset
        p = level * (1 + b * coupling) + b * c * c
        return (1 + b * coupling) / p, b * c / p, level * b / p

    def residuals(point: Array, ridge: float) -> list[float]:
        phi, theta, eta = (float(weights @ x) for x in functions(point))
        return [
            point[0] - math.log(ridge + excess * eta),
            point[1] - math.log(phi),
            point[2] - theta,
        ]

    order = np.argsort(-ridges)
    errors, noises = np.empty(len(ridges)), np.empty(len(ridges))
    point = np.array([math.log(ridges.max() + excess * ratio), -math.log(ridges.max()), 0.0])
    for i in order:
        point = root(residuals, point, args=(ridges[i],), tol=1e-12).x
        phi, theta, eta = functions(point)
        second = {"pp": phi * phi, "pt": phi * theta, "tt": theta * theta, "pe": phi * eta, "te": theta * eta}
        k = {name: float(weights @ x) for name, x in second.items()}
        k["ee"] = float(weights @ (eta * eta))
        jacobian = np.array(
            [
                [excess * k["tt"], -excess * k["ee"], 2 * excess**2 * k["te"]],
                [-excess * k["pp"], excess * k["tt"], 2 * excess**2 * k["pt"]],
                [-k["pt"], -k["te"], -excess * (k["pe"] - k["tt"])],
            ]
        )
        moved = np.linalg.solve(np.eye(3) - jacobian, [ridges[i], 0.0, 0.0])
        fall = moved[0] * second["pp"] - 2 * excess * moved[2] * second["pt"] - moved[1] * second["tt"]
        noises[i] = ridges[i] * float(weights @ fall)
        errors[i] = ridges[i] * float((weights * tilt) @ fall)
    return errors, noises


BENCHMARKS = (
    Benchmark(
        "attention curve",
        f"{POINTS} points of E, T, S and q beside SciPy's root finder with quadrature, warm starts, a curve",
        ours=lambda: error_curve(MODEL, RIDGES),
        reference=lambda: quadrature_curve(0.25, LINEAR, POWER, RIDGES, MODEL.snr),
        rounds=9,
        ratio_at_least=20,
    ),
)
