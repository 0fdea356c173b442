"""What to know of a value where steps are too long: beyond stability in training, overshooting before hijackers."""

from __future__ import annotations

import math

from theory.context_hijacking.hijacking import overshoot_probability
from theory.context_hijacking.models import Hijack, Training

RARE = 1e-3


def beyond_stability(model: Training) -> str:
    """Says that a step exceeds 2/(sqrt n + sqrt d)^2, which the largest eigenvalue of S needs to contract."""
    edge = 2 / (math.sqrt(model.examples) + math.sqrt(model.dimension)) ** 2
    if max(model.layers) <= edge:
        return ""
    return "a step is beyond stability, 2/(sqrt n + sqrt d)^2: gradient descent diverges on typical prompts"


def overshoots(model: Hijack) -> str:
    """Says that steps change the sign of the contraction on more than one hijacker in a thousand."""
    if overshoot_probability(model) <= RARE:
        return ""
    return (
        f"steps overshoot, alpha N r^2 > 1, with a probability above {RARE:g} (overshoot_probability): "
        "more hijackers need not be worse, and even and odd depths differ"
    )
