"""Context hijacking of linear transformers: training risk, hijack error and the effect of depth, all exact.

References
----------
T. Li, C. Zhang, X. Chen, Y. Cao, D. Zou, arXiv 2502.15609.
"""

from __future__ import annotations

from theory.context_hijacking.models import (
    CleanContext,
    Cone,
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

__all__ = [
    "CleanContext",
    "Cone",
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
]
