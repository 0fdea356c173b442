"""Trainings by samples of bandits, with batches small enough that every count comes from one uniform number."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.strategies.rlvr_gradient_flow import bandits
from theory.rlvr_gradient_flow import GrpoPath, ReinforcePath

PENALTIES = st.sampled_from([0.0, 0.1])
STEP_SIZES = st.floats(0.01, 2.0)


@st.composite
def reinforce_paths(draw: st.DrawFn) -> ReinforcePath:
    """REINFORCE with 2 to 5 patterns, any baseline, with and without a KL penalty."""
    bandit = draw(bandits(most=5, decades=2.0))
    baseline = draw(st.sampled_from(["value", "none", "batch"]))
    batch = draw(st.integers(2, 40))
    return ReinforcePath(
        bandit.start,
        bandit.rates,
        draw(PENALTIES),
        step_size=draw(STEP_SIZES),
        batch=batch,
        baseline=baseline,
    )


@st.composite
def grpo_paths(draw: st.DrawFn) -> GrpoPath:
    """GRPO with 2 to 5 patterns, any advantage, with and without a KL penalty."""
    bandit = draw(bandits(most=5, decades=2.0))
    return GrpoPath(
        bandit.start,
        bandit.rates,
        draw(PENALTIES),
        size=draw(st.integers(2, 20)),
        advantage=draw(st.sampled_from(["std", "sample_std", "mean", "rloo"])),
        step_size=draw(STEP_SIZES),
        groups=draw(st.integers(1, 3)),
    )
