"""How reinforcement learning selects a reasoning pattern: gradient flow of a softmax bandit, solved exactly.

References
----------
X. Chen, T. Li, D. Zou, arXiv 2506.04695.
"""

from __future__ import annotations

from theory.rlvr_gradient_flow.models import (
    Bandit,
    CertaintyFlow,
    Convergence,
    Flow,
    Group,
    Grpo,
    GrpoPath,
    LearnableAnswers,
    Pair,
    RandomPatterns,
    Reinforce,
    ReinforcePath,
    Target,
    Teacher,
    TokenPolicy,
)

__all__ = [
    "Bandit",
    "CertaintyFlow",
    "Convergence",
    "Flow",
    "Group",
    "Grpo",
    "GrpoPath",
    "LearnableAnswers",
    "Pair",
    "RandomPatterns",
    "Reinforce",
    "ReinforcePath",
    "Target",
    "Teacher",
    "TokenPolicy",
]
