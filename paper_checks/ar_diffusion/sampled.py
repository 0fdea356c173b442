"""What particles and learned scores say: exact output laws (R4), rule violation (R14), training loss (C8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from lemmata.claims import CONFIRMED, Claim, Identity, Margin, Mutant
from simulations.ar_diffusion import OUTPUT, RULE_VIOLATION, TRAINING
from theory.ar_diffusion import (
    AR,
    Exponential,
    GaussianSampling,
    Parabola,
    RuleSampling,
    Scheme,
    SunShadow,
    Training,
    Uniform,
    Vanilla,
    denoising_loss,
    output_law,
    output_moments,
    rule_violation,
)

# ------------------------------------------------------------------ R4: the laws of the discretised samplers


def _moments_of_data(model: GaussianSampling) -> Any:
    """Moments of the target itself, as if the steps made no error."""
    mean, covariance = model.target.mean_vector(), model.target.covariance_matrix()
    return np.vstack((mean, covariance + np.outer(mean, mean)))


def _exchanged_methods(model: GaussianSampling) -> Any:
    """Moments of the other method's output."""
    method = AR() if isinstance(model.scheme.method, Vanilla) else Vanilla()
    return output_moments(GaussianSampling(model.target, Scheme(method, model.scheme.grid)))


def _covariance_for_moments(model: GaussianSampling) -> Any:
    """Covariances in place of second moments."""
    return output_law(model)


_TARGET = SunShadow(gain=2, rule_noise=0.2, sun_spread=0.3, mean=(0.5, -0.5))
_COARSE = Exponential(12, 4, 0.01)

R4 = Claim(
    "R4",
    source="R1 and R4 of the page",
    statement="The discretised samplers have exactly the Gaussian output laws of R1 (vanilla) and R4 (AR).",
    falsifier="a moment of the particles that differs from the law on the same grid",
    design=tuple(
        GaussianSampling(_TARGET, Scheme(method, _COARSE)) for method in (Vanilla(), AR(), AR((1, 0)))
    ),
    published=Identity(
        output_moments,
        OUTPUT["moments"],
        margin=Margin(
            0.05,
            "a third of what the other method changes; prediction and particles make the same steps",
        ),
    ),
    mutants=(
        Mutant("the moments of the data", _moments_of_data, distance=2),
        Mutant("the law of the other method", _exchanged_methods, distance=2),
        Mutant("covariances for second moments", _covariance_for_moments, distance=2),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ R14: rule violation


def _first_order(model: RuleSampling) -> float:
    """sigma^2 + h (1 + g^2) or sigma^2 + h, beyond its range."""
    grid, g = model.scheme.grid, model.target.gain
    step = grid.horizon / grid.steps  # type: ignore[union-attr]
    return model.target.rule_noise**2 + step * (1 + g * g if isinstance(model.scheme.method, Vanilla) else 1)


def _violation_of_data(model: RuleSampling) -> float:
    return model.target.rule_noise**2


R14 = Claim(
    "R14",
    source="R14 of the page",
    statement="The mean squared violation of a rule by vanilla and AR particles is exactly that of R14 on their grid; "
    "steps add h (1 + g^2) and h to it to first order only.",
    falsifier="a mean squared violation that differs from the exact one on the same grid",
    design=tuple(
        RuleSampling(SunShadow(gain=2, rule_noise=0.3), Scheme(method, Uniform(60, 6, 0)))
        for method in (Vanilla(), AR())
    ),
    published=Identity(
        rule_violation,
        RULE_VIOLATION["violation"],
        margin=Margin(0.02, "a fifth of what the steps of 0.1 add for AR"),
    ),
    mutants=(
        Mutant("the first order in the step", _first_order, distance=2),
        Mutant("the violation of the data", _violation_of_data, distance=2),
    ),
    records=CONFIRMED,
    trials={"quick": 2**19},
)

# ------------------------------------------------------------------ C8: the training loss


def _nothing(_: Any) -> float:
    return 0.0


def _minus_least_loss(model: Training) -> float:
    """The gap if the loss itself were the score's error: the unavoidable loss is not taken off."""
    return -denoising_loss(model)


def _least_loss_without_score(model: Training) -> float:
    """The loss of the score 0, d/sigma_tau^2: the Fisher information is forgotten."""
    return -model.target.total_dimension / float(np.expm1(-2 * model.time))


C8 = Claim(
    "C8",
    source="assumption on the training error, global objective",
    statement="Excess training loss equals the summed score errors, patch by patch: E|learned - s|^2.",
    falsifier="a learned score whose excess loss on fresh samples differs from its distance to the exact score",
    design=tuple(
        Training(target, method, 0.5, 64, features)
        for target, features in ((SunShadow(gain=1, rule_noise=0.5), "linear"), (Parabola(), "radial"))
        for method in (Vanilla(), AR())
    ),
    published=(
        Identity(
            _nothing,
            TRAINING["gap"],
            margin=Margin(
                0.03, "two hundredths of the losses whose difference it is, a fifth of the score errors"
            ),
        ),
        Identity(
            denoising_loss,
            TRAINING["least_loss"],
            margin=Margin(0.05, "as much of the loss as a line's width in a plot of it: 4 % of the smallest"),
        ),
    ),
    mutants=(
        Mutant(
            "the loss that no score avoids is not taken off",
            Identity(_minus_least_loss, TRAINING["gap"], margin=Margin(0.03, "as the claim's own")),
            distance=5,
        ),
        Mutant(
            "the Fisher information forgotten in the least loss",
            Identity(
                _least_loss_without_score, TRAINING["least_loss"], margin=Margin(0.05, "as the claim's own")
            ),
            distance=5,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2**13},
)
