"""Internal feedback: whether accuracy gains at first (C9), and where it ends (C10)."""

from __future__ import annotations

import math
from dataclasses import replace

from lemmata.claims import (
    CONFIRMED,
    NARROWED,
    Claim,
    Identity,
    Limit,
    Margin,
    Mutant,
    Repair,
    beta_binomial,
)
from lemmata.records import Prediction
from simulations.rlvr_gradient_flow.internal_feedback import INTERNAL_FEEDBACK
from theory.rlvr_gradient_flow import (
    RandomPatterns,
    rlif_correlation,
    rlif_gain_probability,
    rlif_worst_probability,
)


def _sure(model: RandomPatterns) -> float:
    return 1.0


def _half(model: RandomPatterns) -> float:
    return 0.5


def _gain_tends_to(prediction: Prediction) -> Limit:
    return Limit(
        prediction,
        INTERNAL_FEEDBACK["gain"],
        sizes=("patterns",),
        factors=(1, 2, 4, 8),
        order=1,
        margin=Margin(0.02, "remainder of order 1/K^2 (below 1e-3 at K = 256), and a marker's height in F3"),
    )


# ------------------------------------------------------------------ C9: the first step


def _as_without_margin(model: RandomPatterns) -> float:
    """The limit of C9b, which knows the majority alone and not its margin."""
    return rlif_gain_probability(replace(model, margin=0.0))


_ALWAYS = Identity(
    _sure,
    INTERNAL_FEEDBACK["gain"],
    Margin(5e-3, "failures have probability 1e-9 here; a share of .005 would be no rule with exceptions"),
    tool=beta_binomial,
)

C9 = Claim(
    "C9",
    source="Theorem 5.6 (1)",
    statement="With many patterns of uniform rates, right by majority, self-certainty raises the accuracy at first.",
    falsifier="a share of draws without a gain that does not vanish as K grows",
    design=(RandomPatterns(64), RandomPatterns(64, answers="learnable")),
    published=_gain_tends_to(_sure),
    repaired=Repair(
        _ALWAYS,
        "With a margin: mean success rate >= 1/2 + delta, delta sqrt K large.",
        design=(RandomPatterns(256, margin=0.2), RandomPatterns(1024, margin=0.1)),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "a gain in half of the draws, whatever the majority",
            _half,
            distance=3,
        ),
        Mutant("no more gains with the margin than without", _as_without_margin, distance=3),
    ),
    records=NARROWED,
    trials={"quick": 2**18},
)


def _arc_of_correlation_squared(model: RandomPatterns) -> float:
    """1/2 + arcsin(rho^2)/pi would be the share for the explained variance in place of the correlation."""
    return 0.5 + math.asin(rlif_correlation(model) ** 2) / math.pi


C9B = Claim(
    "C9b",
    source="page",
    statement="The share of gains tends to 1/2 + arcsin(rho)/pi: .6768 with frozen answers, .7836 with learnable ones.",
    falsifier="a limit of the share that differs",
    design=(RandomPatterns(64), RandomPatterns(64, answers="learnable")),
    published=_gain_tends_to(rlif_gain_probability),
    mutants=(
        Mutant("the explained variance in place of the correlation", _arc_of_correlation_squared, distance=1),
        Mutant("no condition on the majority", _half, distance=3),
    ),
    records=CONFIRMED,
    trials={"quick": 2**18},
)

# ------------------------------------------------------------------ C10: the end


def _one_pattern_fewer(model: RandomPatterns) -> float:
    """The integral with the power K + 1: the sum of K instead of K - 1 other distances."""
    return rlif_worst_probability(RandomPatterns(model.patterns + 1))


C10 = Claim(
    "C10",
    source="Theorem 5.6 (2)",
    statement="Self-certainty ends at the worst pattern with probability 1/2 as K grows; exactly by R11 at every K.",
    falsifier="a limit other than 1/2, or a finite K with another probability than R11",
    design=(RandomPatterns(8), RandomPatterns(32)),
    published=(
        Limit(
            _half,
            INTERNAL_FEEDBACK["worst"],
            sizes=("patterns",),
            factors=(1, 2, 4, 8),
            order=0.5,
            margin=Margin(0.03, "remainder -.1/K^(3/2) and less, and the contrast's own spread"),
        ),
        Identity(
            rlif_worst_probability,
            INTERNAL_FEEDBACK["worst"],
            Margin(0.01, "a marker's height in F3; the correction .691/sqrt K is 7 times that at K = 100"),
            tool=beta_binomial,
        ),
    ),
    mutants=(
        Mutant(
            "1/2 at every K",
            Identity(_half, INTERNAL_FEEDBACK["worst"], Margin(0.01, "as for the claim"), tool=beta_binomial),
            distance=5,
        ),
        Mutant(
            "one distance too many",
            Identity(
                _one_pattern_fewer,
                INTERNAL_FEEDBACK["worst"],
                Margin(0.01, "as for the claim"),
                tool=beta_binomial,
            ),
            distance=0.5,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2**18},
)
