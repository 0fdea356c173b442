"""Auto-regressive (AR) diffusion against vanilla diffusion: exact error laws of the discretised samplers.

Data x = (x_1, ..., x_K) are noised by an Ornstein-Uhlenbeck process and sampled by reversing it: for the joint law at
once (vanilla), or patch by patch, each given the patches made before (AR).

References
----------
X. Huang, Y. Han, D. Zou, Y. Ma, T. Zhang, arXiv 2504.21314.
"""

from __future__ import annotations

from theory.ar_diffusion.models import (
    Accuracy,
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
)
from theory.ar_diffusion.schemes import (
    AR,
    ConstantBias,
    Custom,
    ExactScore,
    Exponential,
    MarginalOptimal,
    PathOptimal,
    Scheme,
    Uniform,
    Vanilla,
    WorstBias,
)
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

__all__ = [
    "AR",
    "Accuracy",
    "Autoregressive",
    "BlockDiagonal",
    "ConstantBias",
    "Custom",
    "Data",
    "Divergence",
    "EqualCalls",
    "Equicorrelated",
    "ExactScore",
    "Exponential",
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
    "RuleSampling",
    "Sampling",
    "Scheme",
    "ScoreBias",
    "ShadowImages",
    "SunShadow",
    "Uniform",
    "Vanilla",
    "WorstBias",
]
