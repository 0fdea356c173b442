"""Simulations beside the exact results: layers (R1), training (R3), hijack errors (R7, R12), mixed prompts (R15, R16).

The claims on the paper are decided without chance; here the closed forms themselves are held to sampled prompts, by
exact reductions and by literal transformers and gradient descent.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from lemmata.claims import (
    CONFIRMED,
    FULL,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    beta_binomial,
    empirical_bernstein,
)
from simulations.context_hijacking import (
    CLEAN_ACCURACY,
    EQUIVALENCE,
    HIJACK,
    HIJACK_DESCENT,
    HIJACK_TRANSFORMER,
    MIXED_CONTEXT,
    TRAINED,
    TRAINING_LITERAL,
    TRAINING_MEAN,
)
from theory.context_hijacking import (
    CleanContext,
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    MixedContext,
    NormalisedGaussian,
    PerLayer,
    RandomLayers,
    Training,
    TunedHijack,
    Tuning,
    Uniform,
    VonMisesFisher,
    clean_accuracy,
    excess_training_risk,
    hijack_error,
    mixed_context_margin,
    optimal_excess_risk,
)
from theory.context_hijacking.limits import NOISE
from theory.context_hijacking.risk import TAU
from theory.context_hijacking.thresholds import trained

# ------------------------------------------------------------------ R1: the equivalence, in floating point

_ROUNDING = Margin(0.0, "rounding of sums of some hundred terms stands in the bound")

R1 = Claim(
    "R1",
    source="Proposition 4.1; R1 of the page",
    statement="Sampled transformers with random layers answer like gradient descent with Gamma^T, and not with Gamma.",
    falsifier="a mean relative distance above 1e-12, or one below 1e-2 with Gamma not transposed",
    design=(
        RandomLayers(7, 4, 3, 0.1),
        RandomLayers(30, 10, 8, 0.01),
    ),
    published=(
        Bound(lambda model: 1e-12, EQUIVALENCE["difference"], _ROUNDING),
        Bound(lambda model: 1e-2, EQUIVALENCE["untransposed"], _ROUNDING, upper=False),
    ),
    mutants=(
        Mutant(
            "gradient descent with Gamma in place of its transpose",
            Bound(lambda model: 1e-12, EQUIVALENCE["untransposed"], _ROUNDING),
            distance=1,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2**15},
)

# ------------------------------------------------------------------ R7: the hijack error


def _without_hijackers(model: Hijack) -> float:
    """The error at N = 0."""
    return hijack_error(Hijack(0, *_rest(model)))


def _rest(model: Hijack) -> tuple[Any, ...]:
    return (
        model.dimension,
        model.depth,
        model.step_size,
        model.initial_scale,
        model.prior,
        model.margin,
        model.steps,
    )


def _one_dimension_more(model: Hijack) -> float:
    """The error with d degrees of freedom of r^2 in place of d - 1."""
    return hijack_error(Hijack(model.hijackers, model.dimension + 1, *_rest(model)[1:]))


R7 = Claim(
    "R7",
    source="Lemma D.1; R7 of the page",
    statement="The hijack error is the quadrature of R7 at every size, depth and dose, for every prior and margin.",
    falsifier="a sampled error that differs from it by more than the margin",
    design=(
        trained(TunedHijack(1000, 10, 1, Cone(0.9), Fixed(0.5)), 32),
        trained(TunedHijack(1000, 10, 8, Cone(0.9), Fixed(0.5)), 32),
        Hijack(60, 20, 4, 0.004, 0.7, Cone(0.9), Fixed(0.2)),
        Hijack(3, 2, 2, 0.2, 0.9, Cone(0.5), Fixed(0.4)),
        Hijack(10, 20, 3, 0.002, 0.79, NormalisedGaussian(0.2), Uniform(0.5)),
        Hijack(10, 10, 2, 0.003, 0.6, VonMisesFisher(15.0), HalfNormal(1.0)),
    ),
    published=Identity(
        hijack_error,
        HIJACK["error"],
        Margin(0.01, "less than a marker's height in the figures; the quadrature's own error is 1e-9"),
        tool=beta_binomial,
    ),
    mutants=(
        Mutant("hijackers without effect", _without_hijackers, distance=20),
        Mutant("d in place of d - 1 degrees of freedom", _one_dimension_more, distance=3),
    ),
    records=CONFIRMED,
    trials={"quick": 2**18},
)

# ------------------------------------------------------------------ R12: the reversal of depth, literally

_THEOREM = tuple(trained(TunedHijack(1000, 10, depth, Cone(0.9), Fixed(0.5)), 32) for depth in (1, 8))
_EXPERIMENT = tuple(trained(TunedHijack(40, 20, depth, Cone(0.995), Fixed(0.2)), 16) for depth in (1, 8))


def _at_the_other_depth(model: Hijack) -> float:
    """The error of the transformer of the other depth: what would reverse the reversal."""
    pair = _THEOREM if model in _THEOREM else _EXPERIMENT
    return hijack_error(pair[1 - pair.index(model)])


_HALF_OF_THE_EFFECT = Margin(0.02, "less than half of the smaller effect of depth, 0.046; the larger is 0.43")

R12B = Claim(
    "R12b",
    source="R12 of the page",
    statement="Literally hijacked, eight layers do worse than one in the theorem's regime, better in the experiments'.",
    falsifier="a sampled error nearer to the exact one of the other depth",
    design=(*_THEOREM, *_EXPERIMENT),
    published=(
        Identity(hijack_error, HIJACK_DESCENT["error"], _HALF_OF_THE_EFFECT, tool=beta_binomial),
        Identity(hijack_error, HIJACK_TRANSFORMER["error"], _HALF_OF_THE_EFFECT, tool=beta_binomial),
    ),
    mutants=(Mutant("the two depths exchanged", _at_the_other_depth, distance=2),),
    records=CONFIRMED,
    trials={"quick": 2**17},
)

# ------------------------------------------------------------------ R3: the training risk


def _risk_in_one_dimension_more(model: Training) -> float:
    """R3 with chi variables of d in place of d - 1 degrees of freedom."""
    return excess_training_risk(replace(model, dimension=model.dimension + 1))


def _label_noise_twice(model: Training) -> float:
    """R3 with twice the label noise at its leading order, ((1 - p)/t)^2 as in R5."""
    kept = 1.0
    for step in model.step_sizes:
        kept *= 1 - step * model.examples
    return excess_training_risk(model) + (1 - kept) ** 2 * NOISE * model.dimension / model.examples


R3B = Claim(
    "R3b",
    source="R3 of the page",
    statement="The exact excess training risk is the mean over sampled prompts, at every size, depth and schedule.",
    falsifier="a sampled mean that differs from it by more than the margin",
    design=(
        Training(30, 10, 2, 0.02, 0.6, Cone(0.8)),
        Training(10, 20, 3, 0.01, 0.4, VonMisesFisher(30.0)),
        Training(25, 5, 3, 1.0, 0.7, Cone(0.8), PerLayer((0.01, 0.03, 0.05))),
        Training(100, 10, 4, 0.004, TAU * 0.9, Cone(0.9)),
        Training(1, 3, 2, 0.1, 0.5, NormalisedGaussian(0.5)),
    ),
    published=(
        Identity(
            excess_training_risk,
            TRAINING_MEAN["excess"],
            Margin(0.01, "less than a marker's height in the figures", relative=True),
        ),
        Identity(
            excess_training_risk,
            TRAINING_LITERAL["excess"],
            Margin(
                0.05,
                "the literal witness: a quarter of what label noise counted twice changes",
                relative=True,
            ),
        ),
    ),
    mutants=(
        Mutant("label noise counted twice", _label_noise_twice, distance=5),
        Mutant("d in place of d - 1 degrees of freedom", _risk_in_one_dimension_more, distance=5),
    ),
    records=CONFIRMED,
    trials={"quick": 2**18},
)

# ------------------------------------------------------------------ R5: transformers that are trained


def _one_layer(model: Tuning) -> float:
    """What one layer reaches: a transformer whose further layers learned nothing."""
    return optimal_excess_risk(replace(model, depth=1))


def _published_step(model: Tuning) -> float:
    """The excess at the paper's own step size log(n/d)/(2 n L) and initial scale tau."""
    n, d, depth = model.examples, model.dimension, model.depth
    return excess_training_risk(Training(n, d, depth, math.log(n / d) / (2 * n * depth), TAU, model.prior))


R5 = Claim(
    "R5",
    source="Theorem 4.3; R5 of the page",
    statement="Trained by gradients on sampled prompts, all steps and the scale free, transformers reach the optimum.",
    falsifier="a mean held-out excess risk that differs from the least exact one by more than the margin",
    design=tuple(Tuning(10, 3, depth, Cone(0.9), "joint") for depth in (1, 4)),
    published=Identity(
        optimal_excess_risk,
        TRAINED["excess"],
        Margin(
            0.02,
            "a quarter of what further layers gain; the last updates' noise leaves 0.001",
            relative=True,
        ),
    ),
    mutants=(
        Mutant("one layer's optimum at every depth", _one_layer, distance=2),
        Mutant("the paper's explicit step size", _published_step, distance=2),
    ),
    records=CONFIRMED,
    settles=FULL,  # a trial is a training
    trials={"quick": 1, "full": 2**9},
)

# ------------------------------------------------------------------ R15, R16: clean examples at test


def _half_as_much_pull_again(model: MixedContext) -> float:
    """The margin less N (d - 1)/(2 n'), about half of the hijackers' pull (1 - kappa_1) N r^2/S_r at N r^2 << n'."""
    return mixed_context_margin(model) - 0.5 * model.hijackers * (model.dimension - 1) / model.examples


def _answers_shrunk_by_prior(model: MixedContext) -> float:
    """Clean examples taken to teach tau rho w* in place of tau w*."""
    kept = math.prod(1 - step * model.examples for step in model.step_sizes)
    lost = (1 - kept) * TAU * (1 - model.prior.correlation)
    return mixed_context_margin(model) - model.margin.size * lost


R15 = Claim(
    "R15",
    source="R15 of the page",
    statement="Beside n' clean examples N hijackers shift the margin as R15 says, up to corrections of order d/n'.",
    falsifier="a sampled mean margin that differs by more than the margin",
    design=(
        MixedContext(2000, 40, 20, 8, 0.0005, 0.7, Cone(0.9), Fixed(0.8)),
        MixedContext(2000, 20, 20, 2, 0.00025, 0.7, Cone(0.9), Fixed(0.6)),
    ),
    published=Identity(
        mixed_context_margin,
        MIXED_CONTEXT["margin"],
        Margin(0.03, "corrections of order d/n' = 0.01 with moderate constants", relative=True),
    ),
    mutants=(
        Mutant("half as much pull again", _half_as_much_pull_again, distance=2),
        Mutant("clean examples teach tau rho w*", _answers_shrunk_by_prior, distance=1),
    ),
    records=CONFIRMED,
    trials={"quick": 2**15},
)


def _prior_alone(model: CleanContext) -> float:
    return clean_accuracy(CleanContext(0, model.dimension, 1, 0.0, model.initial_scale, model.prior))


def _labels_as_noise(model: CleanContext) -> float:
    """R16 with noise of the labels' variance 1 in place of 1 - 2/pi."""
    kept = math.prod(1 - step * model.examples for step in model.step_sizes)
    prior, rho = kept * model.initial_scale, model.prior.mean_correlation(model.dimension)
    noise = (1 - kept) ** 2 * (model.dimension - 1) / model.examples
    across = math.sqrt(prior**2 * (1 - rho**2) + noise)
    return 1 - math.atan2(across, prior * rho + (1 - kept) * TAU) / math.pi


R16 = Claim(
    "R16",
    source="R16 of the page",
    statement="Accuracy on clean prompts is 1 - theta/pi with the angle of R16, up to corrections of order d/n'.",
    falsifier="a sampled accuracy that differs by more than the margin",
    design=(
        CleanContext(160, 20, 4, 0.001706, TAU * 0.95, Cone(0.95)),
        CleanContext(400, 20, 4, 0.00108, TAU * 0.9, Cone(0.9)),
    ),
    published=Identity(
        clean_accuracy,
        CLEAN_ACCURACY["accuracy"],
        Margin(0.003, "corrections of order d/n' to an angle of 0.2"),
        tool=empirical_bernstein,
    ),
    mutants=(
        Mutant("no examples", _prior_alone, distance=5),
        Mutant("noise of variance 1 in place of 1 - 2/pi", _labels_as_noise, distance=5),
    ),
    records=CONFIRMED,
    trials={"quick": 2**16},
)
