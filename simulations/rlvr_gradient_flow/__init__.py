"""Training by samples, and the flow by integration: how often each reasoning pattern is picked."""

from __future__ import annotations

from simulations.rlvr_gradient_flow.integration import (
    integrate_entanglement,
    integrate_policy,
    integrate_time,
)
from simulations.rlvr_gradient_flow.internal_feedback import INTERNAL_FEEDBACK, sample_internal_feedback
from simulations.rlvr_gradient_flow.learnable import integrate_learnable
from simulations.rlvr_gradient_flow.literal import (
    GRPO_TIME_LITERAL,
    REINFORCE_TIME_LITERAL,
    sample_grpo_time_literal,
    sample_reinforce_time_literal,
)
from simulations.rlvr_gradient_flow.sampled import (
    GRPO_POLICY,
    GRPO_TIME,
    REINFORCE_POLICY,
    REINFORCE_TIME,
    sample_grpo_policy,
    sample_grpo_time,
    sample_reinforce_policy,
    sample_reinforce_time,
)
from simulations.rlvr_gradient_flow.tokens import TOKEN_POLICY, sample_token_policy

SAMPLERS = (
    REINFORCE_TIME,
    REINFORCE_POLICY,
    GRPO_TIME,
    GRPO_POLICY,
    REINFORCE_TIME_LITERAL,
    GRPO_TIME_LITERAL,
    INTERNAL_FEEDBACK,
    TOKEN_POLICY,
)

__all__ = [
    "GRPO_POLICY",
    "GRPO_TIME",
    "GRPO_TIME_LITERAL",
    "INTERNAL_FEEDBACK",
    "REINFORCE_POLICY",
    "REINFORCE_TIME",
    "REINFORCE_TIME_LITERAL",
    "SAMPLERS",
    "TOKEN_POLICY",
    "integrate_entanglement",
    "integrate_learnable",
    "integrate_policy",
    "integrate_time",
    "sample_grpo_policy",
    "sample_grpo_time",
    "sample_grpo_time_literal",
    "sample_internal_feedback",
    "sample_reinforce_policy",
    "sample_reinforce_time",
    "sample_reinforce_time_literal",
    "sample_token_policy",
]
