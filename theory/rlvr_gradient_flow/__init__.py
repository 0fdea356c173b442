"""How reinforcement learning selects a reasoning pattern: gradient flow of a softmax bandit, solved exactly.

A model answers a question by picking a pattern r with probability pi(r) and then succeeding with a fixed rate p(r).
Training on verifiable rewards moves the logits by dtheta_i/dt = pi_i (p_i - V), V = sum_i pi_i p_i. With
y_i = e^(-theta_i) and ds = dt / sum_i 1/y_i the flow is a family of straight lines,

    y_i - y_j = (y_i(0) - y_j(0)) - (p_i - p_j) s,   prod_i y_i constant,

so that policies, hitting times and the time lost to a second-best pattern are exact for any number of patterns.

References
----------
X. Chen, T. Li, D. Zou, arXiv 2506.04695.
"""

from __future__ import annotations

from lemmata.records import Asymptotic, Exact, LeadingOrder, OneSided, Result
from theory.rlvr_gradient_flow.entanglement import (
    entanglement_bounds,
    entanglement_time,
    least_policy,
    log_entanglement_bounds,
    log_entanglement_time,
    plateau_time,
)
from theory.rlvr_gradient_flow.grpo import grpo_clock, grpo_time
from theory.rlvr_gradient_flow.hitting import (
    certainty_flow,
    convergence_time,
    flow,
    hitting_time,
    log_hitting_time,
)
from theory.rlvr_gradient_flow.learnable import learnable_flow, separatrix
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
from theory.rlvr_gradient_flow.noise import (
    hitting_time_moments,
    hitting_time_terms,
    mean_hitting_time,
)
from theory.rlvr_gradient_flow.regimes import (
    regime,
    regime_one_bound,
    tail_constant,
    tail_spread,
    tail_time,
)
from theory.rlvr_gradient_flow.regularised import (
    joint_accuracy,
    joint_optimum,
    kl_flow_rate,
    learnable_natural_gradient_flow,
    natural_gradient_flow,
    regularised_optimum,
    regularised_value,
)
from theory.rlvr_gradient_flow.remarks import (
    on_hitting_time,
    on_least_policy,
    on_log_hitting_time,
    on_plateau_time,
    on_two_pattern_time,
)
from theory.rlvr_gradient_flow.rlif import (
    rlif_correlation,
    rlif_gain_at_margin,
    rlif_gain_probability,
    rlif_worst_limit,
    rlif_worst_probability,
)
from theory.rlvr_gradient_flow.sft import (
    rejection_sampling_rounds,
    sft_policy,
    sft_threshold,
    sft_time,
    sft_two_pattern_time,
)
from theory.rlvr_gradient_flow.two_patterns import two_pattern_flow, two_pattern_time

_SMALL_STEPS = LeadingOrder("step_size")
_MANY_PATTERNS = Asymptotic("patterns", order=1)
_FLOW = "y_i(s) = 1/pi_i - p_i s + W(s), prod y_i constant, t = int sum 1/y_i ds"

RESULTS = (
    Result(regularised_optimum, Bandit, "R1", Exact(), "pi_ref e^(p/beta) / Z"),
    Result(regularised_value, Bandit, "R1", Exact(), "beta ln sum pi_ref e^(p/beta)"),
    Result(joint_optimum, Bandit, "R2", Exact(), "pi_ref [1 + p (e^(1/beta) - 1)] / Z"),
    Result(joint_accuracy, Bandit, "R2", Exact(), "V e^(1/beta) / (1 + V (e^(1/beta) - 1))"),
    Result(flow, Flow, "R3", _SMALL_STEPS, _FLOW),
    Result(hitting_time, Target, "R3", _SMALL_STEPS, _FLOW, remark=on_hitting_time),
    Result(log_hitting_time, Target, "R3", _SMALL_STEPS, _FLOW, remark=on_log_hitting_time),
    Result(
        two_pattern_time,
        Target,
        "R4",
        _SMALL_STEPS,
        "G(l(t)) = G(l(0)) + Delta t, G(l) = l + sinh l",
        remark=on_two_pattern_time,
    ),
    Result(two_pattern_flow, Flow, "R4", _SMALL_STEPS, "G(l(t)) = G(l(0)) + Delta t, G(l) = l + sinh l"),
    Result(regime, Bandit, "R5", Exact(), "1: V > p_i for i != *; 2: p' > V > p_l; 3: neither"),
    Result(convergence_time, Convergence, "R5", _SMALL_STEPS, _FLOW),
    Result(
        regime_one_bound,
        Convergence,
        "R5",
        OneSided("upper"),
        "[F(1-error) - F(pi_*)] / min Delta, F(x) = 1/(1-x) - 1/x + 2 ln(x/(1-x))",
    ),
    Result(tail_constant, Bandit, "R5", LeadingOrder("error"), "(1/K) sum 1/Delta_j"),
    Result(tail_time, Convergence, "R5", LeadingOrder("error"), "C/error [1 - b/sigma(error)]"),
    Result(tail_spread, Convergence, "R5", Exact(), "max |a_j/Delta_j - m| / sigma(error)"),
    Result(entanglement_time, Bandit, "R6", _SMALL_STEPS, "int sum 1/y_i ds to g/y_* = sum d_l/y_l"),
    Result(log_entanglement_time, Bandit, "R6", _SMALL_STEPS, "ln int sum 1/y_i ds to g/y_* = sum d_l/y_l"),
    Result(entanglement_bounds, Bandit, "R6", Exact(), "T_low, T_up#, T_up"),
    Result(log_entanglement_bounds, Bandit, "R6", Exact(), "ln T_low, ln T_up#, ln T_up"),
    Result(plateau_time, Bandit, "R6", LeadingOrder("start"), "int_0^(a_*/g) P ds", remark=on_plateau_time),
    Result(
        least_policy,
        Bandit,
        "R6",
        LeadingOrder("start"),
        "c / max (a_* - g s)^2 prod (a_l + d_l s)",
        remark=on_least_policy,
    ),
    Result(kl_flow_rate, Bandit, "R7", Exact(), "beta x eigenvalues of diag(pi) - pi pi^T at the optimum"),
    Result(natural_gradient_flow, Flow, "R8", _SMALL_STEPS, "pi(0) e^(p (1 - e^(-beta t))/beta) / Z"),
    Result(
        learnable_natural_gradient_flow,
        LearnableAnswers,
        "R8",
        _SMALL_STEPS,
        "pi(0) [1 - p + p e^t] / Z",
    ),
    Result(grpo_clock, Group, "R9", Exact(), "E sqrt(k (G-k)) / (G V (1-V)), k ~ Bin(G, V)"),
    Result(grpo_time, Grpo, "R9", _SMALL_STEPS, "int dt / c_G(V)"),
    Result(sft_threshold, Teacher, "R10", Exact(), "(p' - V_ref) / (V_q - V_ref)"),
    Result(sft_time, Teacher, "R10", Exact(), "int_0^s pi_* prod (1 + u pi_j) du + sum ln(1 + s pi_j)"),
    Result(sft_policy, Teacher, "R10", Exact(), "1/y with y_j = 1/pi_j + s"),
    Result(sft_two_pattern_time, Teacher, "R10", Exact(), "[H(l) - H(l_0)] / 2"),
    Result(rejection_sampling_rounds, Bandit, "R10", Exact(), "first n with V_n > p', pi_n ~ pi_ref p^n"),
    Result(rlif_correlation, RandomPatterns, "R11", _MANY_PATTERNS, "E[h (p-1/2)] / sqrt(E[h^2]/12)"),
    Result(rlif_gain_probability, RandomPatterns, "R11", _MANY_PATTERNS, "P(X > 0 | Y > delta sqrt(12 K))"),
    Result(rlif_gain_at_margin, RandomPatterns, "R11", _MANY_PATTERNS, "Phi(c delta sqrt(12 K))"),
    Result(rlif_worst_probability, RandomPatterns, "R11", Exact(), "1/2 - (1/pi) int (sin t/t)^K dt"),
    Result(rlif_worst_limit, RandomPatterns, "R11", _MANY_PATTERNS, "1/(1 + e^x), coth(x/2)/2 - 1/x = delta"),
    Result(certainty_flow, CertaintyFlow, "R11", _SMALL_STEPS, "R3 with R(p) = -(ln p + ln(1-p))/2 for p"),
    Result(
        learnable_flow,
        LearnableAnswers,
        "R12",
        _SMALL_STEPS,
        "theta_i' = pi_i (p_i - V), s_i' = kappa pi_i p_i (1-p_i)",
    ),
    Result(separatrix, Pair, "R12", Exact(), "smallest pi_1(0) from which the first pattern wins"),
    Result(hitting_time_moments, Reinforce, "R13", _SMALL_STEPS, "flow + diffusion + Euler + crossing; sd"),
    Result(mean_hitting_time, Reinforce, "R13", _SMALL_STEPS, "flow + diffusion + Euler + crossing"),
    Result(hitting_time_terms, Reinforce, "R13", _SMALL_STEPS, "flow, diffusion, Euler, crossing, sd"),
)

__all__ = [
    "RESULTS",
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
    "certainty_flow",
    "convergence_time",
    "entanglement_bounds",
    "entanglement_time",
    "flow",
    "grpo_clock",
    "grpo_time",
    "hitting_time",
    "hitting_time_moments",
    "hitting_time_terms",
    "joint_accuracy",
    "joint_optimum",
    "kl_flow_rate",
    "learnable_flow",
    "learnable_natural_gradient_flow",
    "least_policy",
    "log_entanglement_bounds",
    "log_entanglement_time",
    "log_hitting_time",
    "mean_hitting_time",
    "natural_gradient_flow",
    "plateau_time",
    "regime",
    "regime_one_bound",
    "regularised_optimum",
    "regularised_value",
    "rejection_sampling_rounds",
    "rlif_correlation",
    "rlif_gain_at_margin",
    "rlif_gain_probability",
    "rlif_worst_limit",
    "rlif_worst_probability",
    "separatrix",
    "sft_policy",
    "sft_threshold",
    "sft_time",
    "sft_two_pattern_time",
    "tail_constant",
    "tail_spread",
    "tail_time",
    "two_pattern_flow",
    "two_pattern_time",
]
