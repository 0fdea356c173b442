"""Context hijacking of linear transformers: training risk, hijack error and the effect of depth, exact at every size.

A transformer of L linear layers runs L steps of gradient descent on the examples of its prompt, from c beta*. Trained
on prompts of n clean examples of a task w* near the prior direction beta*, it is then shown N copies of one example
that is correct, close to the query, and on the other side of the boundary. With r the hijacker's length and

    kappa = (1 - alpha N r^2)^L,   margin = s c rho + kappa c sqrt(1 - rho^2) g - (1 - kappa),

the answer is wrong where the margin is negative. Whether depth helps is decided by kappa at the trained step size.

References
----------
T. Li, C. Zhang, X. Chen, Y. Cao, D. Zou, arXiv 2502.15609.
"""

from __future__ import annotations

from lemmata.records import Exact, LeadingOrder, OneSided, Result
from theory.context_hijacking.contexts import (
    clean_accuracy,
    hijack_error_bound,
    mixed_context_deviation,
    mixed_context_margin,
)
from theory.context_hijacking.depth import contraction, depth_gain, depth_helps, half_error_gain
from theory.context_hijacking.hijacking import (
    hijack_error,
    hijack_error_limit,
    mean_contraction,
    overshoot_probability,
)
from theory.context_hijacking.limits import (
    excess_training_risk_limit,
    gradient_flow_risk,
    leading_order_excess_risk,
    leading_order_step_size,
    ridge_excess_risk,
)
from theory.context_hijacking.models import (
    CleanContext,
    Cone,
    DeepHijack,
    Depths,
    DirectionalStep,
    Dose,
    Equal,
    Fixed,
    HalfNormal,
    Hijack,
    MixedContext,
    NormalisedGaussian,
    PerDepth,
    PerLayer,
    Query,
    RandomLayers,
    Training,
    TunedHijack,
    Tuning,
    Uniform,
    VonMisesFisher,
)
from theory.context_hijacking.remarks import beyond_stability, overshoots
from theory.context_hijacking.risk import directional_excess_risk, excess_training_risk
from theory.context_hijacking.schedules import (
    optimal_schedule,
    optimal_schedule_excess_risk,
    switch_correlation,
)
from theory.context_hijacking.thresholds import critical_hijackers, half_error_hijackers
from theory.context_hijacking.tuning import optimal_excess_risk, optimal_initial_scale, optimal_step_size
from theory.context_hijacking.unbounded import deep_hijack_error, optimal_flow_time

_MANY_EXAMPLES = LeadingOrder("dimension / examples")
_MANY_DIMENSIONS = LeadingOrder(
    "1 / examples"
)  # at a fixed ratio, and a fixed product of step size and examples

RESULTS = (
    Result(
        excess_training_risk,
        Training,
        source="R3",
        nature=Exact(),
        formula="E|w_L - tau w*|^2 = c^2 a + 2 c E[rho] b + g,  tau = sqrt(2/pi), a, b, g sums of integer moments",
        remark=beyond_stability,
    ),
    Result(
        directional_excess_risk,
        DirectionalStep,
        source="R2",
        nature=Exact(),
        formula="E|w_1 - tau w*|^2 after one step of size e along beta* and a across it",
    ),
    Result(
        optimal_schedule,
        Tuning,
        source="R2",
        nature=Exact(),
        formula="arg min over real alpha_1, ..., alpha_L of the exact training risk",
    ),
    Result(
        optimal_schedule_excess_risk,
        Tuning,
        source="R2",
        nature=Exact(),
        formula="min over real alpha_1, ..., alpha_L of E|w_L - tau w*|^2",
    ),
    Result(
        switch_correlation,
        Tuning,
        source="R2",
        nature=_MANY_EXAMPLES,
        formula="rho_switch^2 = 1 - (pi/2 - 1)/(1 + n/(4 d^3))",
    ),
    Result(
        excess_training_risk_limit,
        Training,
        source="R5",
        nature=_MANY_DIMENSIONS,
        formula="E2 int p^2 dmu + (1-2/pi)(d/n) int (1-p)^2/t dmu,  mu Marchenko-Pastur, E2 = E|c beta* - tau w*|^2",
        remark=beyond_stability,
    ),
    Result(
        gradient_flow_risk,
        Training,
        source="R5",
        nature=_MANY_DIMENSIONS,
        formula="the same two integrals with p(t) = exp(-t n sum_l alpha_l)",
    ),
    Result(optimal_step_size, Tuning, source="R5", nature=Exact(), formula="argmin of R3 over equal steps"),
    Result(
        optimal_initial_scale,
        Tuning,
        source="R4",
        nature=Exact(),
        formula="tau E[rho], or in joint mode -E[rho] b/a at the optimal step size",
    ),
    Result(
        optimal_excess_risk, Tuning, source="R5", nature=Exact(), formula="minimum of R3 over equal steps"
    ),
    Result(
        leading_order_step_size,
        Tuning,
        source="R5",
        nature=_MANY_EXAMPLES,
        formula="alpha n = 1 - q^(1/L),  q = v/(B+v), v = (1-2/pi) d/n, B = tau^2 (1 - E[rho]^2)",
    ),
    Result(
        leading_order_excess_risk,
        Tuning,
        source="R5",
        nature=_MANY_EXAMPLES,
        formula="B v/(B+v) at every depth",
    ),
    Result(
        ridge_excess_risk,
        Tuning,
        source="R6",
        nature=_MANY_DIMENSIONS,
        formula="B [sqrt((1-gamma+delta)^2 + 4 gamma delta) - (1-gamma+delta)] / (2 gamma),  delta = v/B",
    ),
    Result(
        hijack_error,
        Hijack,
        source="R7",
        nature=Exact(),
        formula="P(s c rho + kappa c sqrt(1-rho^2) g - (1-kappa) < 0),  kappa = prod_l (1 - alpha_l N r^2)",
        remark=overshoots,
    ),
    Result(
        optimal_flow_time,
        Tuning,
        source="R5",
        nature=_MANY_DIMENSIONS,
        formula="argmin over T of gradient_flow_risk at c = tau E[rho]",
    ),
    Result(
        deep_hijack_error,
        DeepHijack,
        source="R7",
        nature=_MANY_DIMENSIONS,
        formula="the same probability with kappa = exp(-T N r^2) (flow) or 1/(1 + N r^2 B/(d (1-2/pi))) (ridge)",
    ),
    Result(
        hijack_error_limit,
        Hijack,
        source="R13",
        nature=LeadingOrder("1 / hijackers"),
        formula="Phi(+1/(c sqrt(1-rho^2))) at odd depth, Phi(-1/(c sqrt(1-rho^2))) at even depth",
    ),
    Result(
        overshoot_probability,
        Hijack,
        source="R13",
        nature=Exact(),
        formula="P(max_l alpha_l N chi^2_{d-1} > 1)",
    ),
    Result(
        mean_contraction,
        Hijack,
        source="R8",
        nature=Exact(),
        formula="E kappa = sum_k binom(L,k) (-alpha N)^k (d-1)(d+1)...(d+2k-3)",
    ),
    Result(
        hijack_error_bound,
        Hijack,
        source="R9",
        nature=OneSided("upper"),
        formula="E(0) + f alpha L N [(d-1) + c sqrt(1-rho^2) tau d/2]/(c rho) + P(alpha N r^2 > 2)",
    ),
    Result(
        critical_hijackers,
        Query,
        source="R10",
        nature=Exact(),
        formula="N* = (1 - kappa_c^(1/L))/(alpha r^2),  kappa_c = (1 - s c rho)/(1 + c sqrt(1-rho^2) g)",
    ),
    Result(
        half_error_hijackers,
        TunedHijack,
        source="R10",
        nature=Exact(),
        formula="N50: hijack_error = 1/2 at the optimal step size",
    ),
    Result(
        contraction,
        Dose,
        source="R11",
        nature=_MANY_EXAMPLES,
        formula="kappa = M_p(1, q; weights 1 - dose, dose),  p = 1/L, 0 for gradient flow, -1 for ridge",
    ),
    Result(
        depth_helps,
        Depths,
        source="R12",
        nature=_MANY_EXAMPLES,
        formula="v/(B+v) - (1 - s tau E[rho]^2): depth helps where positive",
    ),
    Result(
        depth_gain,
        Depths,
        source="R12",
        nature=LeadingOrder("spread of r^2"),
        formula="log of (1-kappa_c^(1/L))/alpha_L, deep over shallow, at exact optimal steps",
    ),
    Result(half_error_gain, Depths, source="R12", nature=Exact(), formula="log(N50(deep) / N50(shallow))"),
    Result(
        mixed_context_margin,
        MixedContext,
        source="R15",
        nature=_MANY_EXAMPLES,
        formula="E{s[kappa0 c rho + (1-kappa0) tau] - (1-kappa1) N r^2/(n'+N r^2)}",
    ),
    Result(
        mixed_context_deviation,
        MixedContext,
        source="R15",
        nature=_MANY_EXAMPLES,
        formula="standard deviation of the same margin with its noise",
    ),
    Result(
        clean_accuracy,
        CleanContext,
        source="R16",
        nature=_MANY_EXAMPLES,
        formula="1 - angle(w*, kappa0 c beta* + (1-kappa0) tau w* + noise)/pi",
    ),
)

__all__ = [
    "RESULTS",
    "CleanContext",
    "Cone",
    "DeepHijack",
    "Depths",
    "DirectionalStep",
    "Dose",
    "Equal",
    "Fixed",
    "HalfNormal",
    "Hijack",
    "MixedContext",
    "NormalisedGaussian",
    "PerDepth",
    "PerLayer",
    "Query",
    "RandomLayers",
    "Training",
    "TunedHijack",
    "Tuning",
    "Uniform",
    "VonMisesFisher",
    "clean_accuracy",
    "contraction",
    "critical_hijackers",
    "deep_hijack_error",
    "depth_gain",
    "depth_helps",
    "directional_excess_risk",
    "excess_training_risk",
    "excess_training_risk_limit",
    "gradient_flow_risk",
    "half_error_gain",
    "half_error_hijackers",
    "hijack_error",
    "hijack_error_bound",
    "hijack_error_limit",
    "leading_order_excess_risk",
    "leading_order_step_size",
    "mean_contraction",
    "mixed_context_deviation",
    "mixed_context_margin",
    "optimal_excess_risk",
    "optimal_flow_time",
    "optimal_initial_scale",
    "optimal_schedule",
    "optimal_schedule_excess_risk",
    "optimal_step_size",
    "overshoot_probability",
    "ridge_excess_risk",
    "switch_correlation",
]
