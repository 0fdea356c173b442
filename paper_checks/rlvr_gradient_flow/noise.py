"""Finite batches and steps: mean hitting times of REINFORCE around the flow (R13)."""

from __future__ import annotations

import math

from lemmata.claims import CONFIRMED, Claim, Identity, Margin, Mutant
from simulations.rlvr_gradient_flow import REINFORCE_TIME
from theory.rlvr_gradient_flow import Reinforce, hitting_time, hitting_time_terms, mean_hitting_time


def _without_crossing(model: Reinforce) -> float:
    """The mean without the overshoot of the last step."""
    flow, diffusion, euler, _, _ = hitting_time_terms(model)
    return float(flow + diffusion + euler)


def _without_euler(model: Reinforce) -> float:
    """The mean without the flow's own error of a step of length eta."""
    return mean_hitting_time(model) - float(hitting_time_terms(model)[2])


def _overshoot_without_drift(model: Reinforce) -> float:
    """Crossing with the constant of a walk without drift, .5826 sd/drift."""
    star = max(model.rates)
    other = min(model.rates)
    level, rest = model.level, 1 - model.level
    value = level * star + rest * other
    force = 2 * level * rest * (star - other)
    first, second = (p * (1 - p) + (p - value) ** 2 for p in (star, other))
    variance = 4 * level * rest * (rest * first + level * second) - force**2
    return _without_crossing(model) + 0.5826 * model.step_size * math.sqrt(variance / model.batch) / force


R13 = Claim(
    "R13",
    source="page",
    statement="REINFORCE hits a level at the mean time flow + diffusion + Euler + crossing, to first order in eta.",
    falsifier="a mean that differs by more than the second order in eta",
    design=(
        Reinforce((0.3, 0.7), (0.9, 0.3), level=0.9, step_size=0.2, batch=8),
        Reinforce((0.3, 0.7), (0.9, 0.3), level=0.9, step_size=0.2, batch=32),
    ),
    published=Identity(
        mean_hitting_time,
        REINFORCE_TIME["time"],
        Margin(
            0.04,
            "second order: eta^2 = .04 times terms of order one; the first-order parts together are larger",
        ),
    ),
    mutants=(
        Mutant("the flow's time alone", hitting_time, distance=0.6),
        Mutant("without the Euler term", _without_euler, distance=0.6),
        Mutant("without the crossing term", _without_crossing, distance=2),
        Mutant("the overshoot of a walk without drift or skewness", _overshoot_without_drift, distance=0.8),
    ),
    records=CONFIRMED,
)
