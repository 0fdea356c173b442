"""What accuracy costs, and where AR's advantage ends (C6, C7)."""

from __future__ import annotations

from dataclasses import replace

from lemmata.claims import NARROWED, Bound, Claim, Identity, Margin, Mutant, Repair
from paper_checks.ar_diffusion.readings import ar_kl, vanilla_kl, with_method, with_steps
from theory.ar_diffusion import (
    AR,
    Accuracy,
    Divergence,
    Exponential,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    leading_joint_kl,
    steps_to_accuracy,
)

# ------------------------------------------------------------------ C6: cost


def _cost_ratio(model: Accuracy) -> float:
    """Calls of AR over calls of vanilla at equal accuracy."""
    patches = len(model.target.sizes)
    steps = [steps_to_accuracy(with_method(model, method)) for method in (AR(), Vanilla())]
    return patches * steps[0] / steps[1]


def _patches(model: Accuracy) -> float:
    return float(len(model.target.sizes))


def _leading_cost_ratio(model: Accuracy) -> float:
    ar, vanilla = (leading_joint_kl(with_method(model, method)) for method in (AR(), Vanilla()))
    return _patches(model) * (ar / vanilla) ** 0.5


def _unrooted(model: Accuracy) -> float:
    ar, vanilla = (leading_joint_kl(with_method(model, method)) for method in (AR(), Vanilla()))
    return _patches(model) * ar / vanilla


_UNIFORM = tuple(
    Accuracy(SunShadow(gain=gain, rule_noise=0.2), Scheme(grid=Uniform()), 0.01) for gain in (0, 0.5, 1, 3)
)
_EXPONENTIAL = tuple(
    Accuracy(SunShadow(gain=gain, rule_noise=0.2), Scheme(grid=Exponential(early_stop=1e-5)), 0.01)
    for gain in (0, 3)
)
_AT_MOST = Bound(_patches, _cost_ratio, margin=Margin(0.02, "one step of a stage among a hundred or more"))
_LEADING = Identity(
    _leading_cost_ratio,
    _cost_ratio,
    margin=Margin(
        0.03, "the next order of the divergence, h/lambda_min = 0.2 squared at the level", relative=True
    ),
)

C6 = Claim(
    "C6",
    source="complexity of AR diffusion",
    statement="To equal accuracy AR needs at most K times the calls of vanilla diffusion, K the number of patches.",
    falsifier="a target and a grid for which it needs more",
    design=(*_UNIFORM, *_EXPONENTIAL),
    published=_AT_MOST,
    repaired=Repair(
        (_AT_MOST, _LEADING),
        "On uniform grids, where the factor is K sqrt(sum of tr S_k^-2 / tr Sigma^-2): for strong rules below 1.",
        design=_UNIFORM,
        narrows=True,
    ),
    mutants=(
        Mutant(
            "the ratio of divergences for that of steps, its square root",
            replace(_LEADING, prediction=_unrooted),
            distance=2,
        ),
    ),
    records=NARROWED,
)

# ------------------------------------------------------------------ C7: AR's conditional gap


def _ar_kl_in_vanillas_place(model: Divergence) -> float:
    """The slip of comparing with AR at twice the steps."""
    return ar_kl(with_steps(model, 2 * model.scheme.grid.steps))  # type: ignore[union-attr]


def _ar_kl_at_equal_calls(model: Divergence) -> float:
    """AR with its steps shared out among the stages."""
    return ar_kl(with_steps(model, model.scheme.grid.steps // len(model.target.sizes)))  # type: ignore[union-attr]


_ON_UNIFORM_GRIDS = tuple(
    Divergence(SunShadow(gain=gain, rule_noise=0.2), Scheme(grid=Uniform(steps, 6, 0)))
    for gain, steps in ((3, 300), (3, 3000), (0.5, 3000))
)
_CLOSER = Bound(vanilla_kl, ar_kl, margin=Margin(1e-12, "rounding of the two divergences"))

C7 = Claim(
    "C7",
    source="comparison of AR and vanilla diffusion",
    statement="At equal steps of each stage AR comes closer to dependent data than vanilla diffusion.",
    falsifier="a grid on which vanilla diffusion is closer",
    design=(
        *_ON_UNIFORM_GRIDS,
        Divergence(SunShadow(gain=3, rule_noise=0.2), Scheme(grid=Exponential(40, 6, 1e-5))),
        Divergence(SunShadow(gain=3, rule_noise=0.2), Scheme(grid=Exponential(80, 6, 1e-5))),
    ),
    published=_CLOSER,
    repaired=Repair(
        _CLOSER,
        "On uniform grids; on exponential ones every stiff direction costs the same relative error.",
        design=_ON_UNIFORM_GRIDS,
        narrows=True,
    ),
    mutants=(
        Mutant(
            "AR with twice the steps in place of vanilla diffusion", _ar_kl_in_vanillas_place, distance=1e6
        ),
        Mutant(
            "closer at equal calls in total, whatever the rule",
            replace(_CLOSER, observed=_ar_kl_at_equal_calls),
            distance=1e6,
        ),
    ),
    records=NARROWED,
)
