"""Networks small enough for loops, and the rule by which they step."""

from __future__ import annotations

from hypothesis import strategies as st

from theory.cnn_rank import Counts, Training

NEVER = 1e300
"""A rise of the loss that no step reaches."""


@st.composite
def small_training(draw: st.DrawFn) -> Training:
    """Networks that loops can train: every noise law, several objects and backgrounds, unbalanced counts, real q."""
    features = draw(st.integers(1, 3))
    counts = tuple(float(draw(st.integers(0, 2))) for _ in range(2 * features))
    counts = (counts[0] + 1.0, *counts[1:])
    return Training(
        features=features,
        images=int(sum(counts)),
        dimension=draw(st.integers(2 * features + 1, 2 * features + 5)),
        background=draw(st.integers(1, 2)),
        strength=draw(st.sampled_from([1.0, 0.5, 2.0])),
        noise=draw(st.sampled_from([0.3, 1.0])),
        noise_law=draw(st.sampled_from(["projected", "full"])),
        counts=Counts(counts),
        objects=draw(st.integers(1, features)),
        filters=draw(st.integers(1, 3)),
        order=draw(st.sampled_from([2.0, 3.0]) | st.floats(2.0, 4.0)),
        knee=draw(st.sampled_from([0.2, 1.0])),
        initial_scale=0.5,
        output_exponent=draw(st.sampled_from([0.0, 0.5, 1.0])),
        step_size=0.3,
    )


def rule(model: Training) -> tuple[float, float, float, float, float]:
    """What a step needs to know, without the check of stability: what is compared is arithmetic."""
    return model.order, model.knee, model.output_scale, model.step_size, NEVER
