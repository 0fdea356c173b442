"""Auto-regressive (AR) diffusion against vanilla diffusion: exact error laws of the discretised samplers.

Data x = (x_1, ..., x_K) are noised by an Ornstein-Uhlenbeck process and sampled by reversing it: for the joint law at
once (vanilla), or patch by patch, each given the patches made before (AR).

References
----------
X. Huang, Y. Han, D. Zou, Y. Ma, T. Zhang, arXiv 2504.21314.
"""

from __future__ import annotations

from lemmata.records import Exact, LeadingOrder, Result
from theory.ar_diffusion.binned import binned_moments
from theory.ar_diffusion.divergences import joint_kl, pointwise_conditional_kl, stage_kl
from theory.ar_diffusion.information import denoising_loss, dependence, fisher_information, path_kl
from theory.ar_diffusion.laws import output_law, output_moments, rule_violation
from theory.ar_diffusion.models import (
    Accuracy,
    BinnedGaussian,
    BinnedSampling,
    CoupledSampling,
    Data,
    Divergence,
    EqualCalls,
    FrozenScore,
    FrozenSteps,
    GaussianData,
    GaussianSampling,
    Noised,
    OptimalSteps,
    PointwiseDivergence,
    RuleSampling,
    Sampling,
    ScoreBias,
    Training,
)
from theory.ar_diffusion.planning import (
    best_patch_order,
    leading_joint_kl,
    optimal_grid,
    phase_boundary,
    steps_to_accuracy,
)
from theory.ar_diffusion.schemes import (
    AR,
    ConstantBias,
    Custom,
    ExactScore,
    Exponential,
    ExponentialIntegrator,
    MarginalOptimal,
    PathOptimal,
    PosteriorMean,
    Scheme,
    Uniform,
    Vanilla,
    WorstBias,
)
from theory.ar_diffusion.score_error import frozen_variance, score_error_kl, stability_limit
from theory.ar_diffusion.smooth import leading_moment_errors
from theory.ar_diffusion.targets import (
    Autoregressive,
    BlockDiagonal,
    Equicorrelated,
    Gaussian,
    IsotropicMixture,
    Mixture,
    Parabola,
    ShadowImages,
    SunShadow,
)

RESULTS = (
    Result(
        output_law,
        GaussianSampling,
        source="R1",
        nature=Exact(),
        formula="v' = a^2 v + q(2+q), a = 1+q-2q/lambda_tau, q = e^h-1; mean (e^-delta - e^-T prod a) mu",
    ),
    Result(
        output_moments, GaussianSampling, source="R4", nature=Exact(), formula="E x and E x x^T of the output"
    ),
    Result(
        binned_moments,
        BinnedGaussian,
        source="R5",
        nature=Exact(),
        formula="P(x_1 in bin), E[x_d; x_1 in bin], E[x_d^2; x_1 in bin]",
    ),
    Result(
        joint_kl,
        Divergence,
        source="R3",
        nature=Exact(),
        formula="KL(p || output) = sum of (lambda/v - 1 - ln(lambda/v) + D/v)/2",
    ),
    Result(
        stage_kl,
        Divergence,
        source="R4",
        nature=Exact(),
        formula="D_k = E_{x_<k ~ p} KL(p(x_k|x_<k) || output(x_k|x_<k))",
    ),
    Result(
        pointwise_conditional_kl,
        PointwiseDivergence,
        source="R6",
        nature=Exact(),
        formula="KL(p(x_k|x_<k) || output(x_k|x_<k)) at one prefix",
    ),
    Result(
        path_kl,
        Sampling,
        source="R8",
        nature=Exact(),
        formula="KL(p_T || N(0,I)) + sum [int J dtau - (2(1-e^-h)-h) J_n]",
    ),
    Result(fisher_information, Noised, source="R8", nature=Exact(), formula="J = E |grad log p_tau|^2"),
    Result(
        denoising_loss,
        Training,
        source="R8",
        nature=Exact(),
        formula="min E |s + z/sigma_tau|^2 = d/sigma_tau^2 - J",
    ),
    Result(
        dependence,
        Data,
        source="R9",
        nature=Exact(),
        formula="Dep = sum_k E |d/dx_k log p(x_>k|x_<=k)|^2 = J_vanilla - J_AR at noising time 0",
    ),
    Result(
        leading_joint_kl,
        GaussianSampling,
        source="R9d",
        nature=LeadingOrder("step"),
        formula="h^2/4 sum over stages of tr S_k^-2",
    ),
    Result(
        leading_moment_errors,
        Sampling,
        source="R5b",
        nature=LeadingOrder("step"),
        formula="-h int E[(1 + 2 s') u''] dtau for f = x and f = x^2, u = E[f(X_delta)|X_tau]",
    ),
    Result(
        steps_to_accuracy,
        Accuracy,
        source="R10",
        nature=Exact(),
        formula="smallest N from which on KL(p || output) <= level",
    ),
    Result(
        phase_boundary,
        EqualCalls,
        source="R10",
        nature=LeadingOrder("step"),
        formula="g^2 = [sqrt((1+b)^2 + 3(1+b^2)) - (1+b)]/b, b = (s_1/sigma)^2",
    ),
    Result(
        best_patch_order,
        GaussianData,
        source="R11",
        nature=LeadingOrder("step"),
        formula="the order that minimises sum of tr S_k^-2",
    ),
    Result(
        optimal_grid,
        OptimalSteps,
        source="R12",
        nature=LeadingOrder("step"),
        formula="h ~ (sum lambda_tau^-2)^(-1/2), or (sum |w|/lambda)^(-1/2)",
    ),
    Result(
        score_error_kl,
        ScoreBias,
        source="R13",
        nature=LeadingOrder("step"),
        formula="b^2 R(lambda)^2/(2 lambda), R = 2 lambda arctan(sqrt c)/sqrt c, c = lambda - 1",
    ),
    Result(
        rule_violation,
        RuleSampling,
        source="R14",
        nature=Exact(),
        formula="E(x_2 - mu_2 - g (x_1 - mu_1))^2 = (-g,1) Cov (-g,1)^T + ((-g,1) mean error)^2",
    ),
    Result(
        stability_limit,
        FrozenScore,
        source="R2",
        nature=Exact(),
        formula="h = ln(1 + 2 lambda/(2-lambda))",
    ),
    Result(
        frozen_variance,
        FrozenSteps,
        source="R2",
        nature=Exact(),
        formula="(2+q)/((2/lambda-1)(2+q-2q/lambda)), q = e^h-1",
    ),
)

__all__ = [
    "AR",
    "RESULTS",
    "Accuracy",
    "Autoregressive",
    "BinnedGaussian",
    "BinnedSampling",
    "BlockDiagonal",
    "ConstantBias",
    "CoupledSampling",
    "Custom",
    "Data",
    "Divergence",
    "EqualCalls",
    "Equicorrelated",
    "ExactScore",
    "Exponential",
    "ExponentialIntegrator",
    "FrozenScore",
    "FrozenSteps",
    "Gaussian",
    "GaussianData",
    "GaussianSampling",
    "IsotropicMixture",
    "MarginalOptimal",
    "Mixture",
    "Noised",
    "OptimalSteps",
    "Parabola",
    "PathOptimal",
    "PointwiseDivergence",
    "PosteriorMean",
    "RuleSampling",
    "Sampling",
    "Scheme",
    "ScoreBias",
    "ShadowImages",
    "SunShadow",
    "Training",
    "Uniform",
    "Vanilla",
    "WorstBias",
    "best_patch_order",
    "binned_moments",
    "denoising_loss",
    "dependence",
    "fisher_information",
    "frozen_variance",
    "joint_kl",
    "leading_joint_kl",
    "leading_moment_errors",
    "optimal_grid",
    "output_law",
    "output_moments",
    "path_kl",
    "phase_boundary",
    "pointwise_conditional_kl",
    "rule_violation",
    "score_error_kl",
    "stability_limit",
    "stage_kl",
    "steps_to_accuracy",
]
