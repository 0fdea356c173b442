"""How accurate the samplers are: convergence, chain rule, parity, ratio, rare prefixes, rates (C1-C5, C9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lemmata.claims import CONFIRMED, CORRECTED, Bound, Claim, Identity, Margin, Mutant, Rate, Repair
from paper_checks.ar_diffusion.readings import ar_kl, one, ratio, vanilla_kl, with_method, with_steps
from theory.ar_diffusion import (
    AR,
    Autoregressive,
    BlockDiagonal,
    Divergence,
    Equicorrelated,
    Exponential,
    Gaussian,
    GaussianSampling,
    Noised,
    PointwiseDivergence,
    Sampling,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    fisher_information,
    joint_kl,
    leading_joint_kl,
    output_law,
    path_kl,
    pointwise_conditional_kl,
    stage_kl,
)
from theory.numerics.gaussian_kl import divergence

ROUNDING = (
    "rounding of the laws' largest entries, amplified by the condition of the covariance (a hundred at most)"
)


def _by_steps(*factors: int) -> Callable[[Any], list[tuple[float, Any]]]:
    """The model with its steps multiplied by each of the factors, beside its number of steps."""

    def along(model: Any) -> list[tuple[float, Any]]:
        return [
            (model.scheme.grid.steps * f, with_steps(model, model.scheme.grid.steps * f)) for f in factors
        ]

    return along


# ------------------------------------------------------------------ C1: every conditional converges


def _first_stage(model: Divergence) -> float:
    return float(stage_kl(model)[0])


def _last_stage(model: Divergence) -> float:
    return float(stage_kl(model)[-1])


def _second_order(_: Any) -> float:
    return -2.0


def _first_order(_: Any) -> float:
    return -1.0


_C1 = Rate(
    _second_order,
    _last_stage,
    along=_by_steps(1, 2, 4, 8),
    margin=Margin(0.02, "the next order is (h/lambda)^2 of the value, 1 % at the coarsest grid"),
)

C1 = Claim(
    "C1",
    source="theorem on the convergence of AR diffusion",
    statement="Every conditional law that AR makes converges in KL as steps and horizon grow, at equal steps like N^-2",
    falsifier="a stage whose divergence does not fall with the steps, or falls at another rate",
    design=(
        Divergence(SunShadow(gain=3, rule_noise=0.3, mean=(1, -1)), Scheme(AR(), Uniform(1000, 9, 0))),
        Divergence(Autoregressive(6, 0.7, 3), Scheme(AR(), Uniform(1000, 9, 0))),
    ),
    published=(_C1, replace(_C1, observed=_first_stage)),
    mutants=(
        Mutant("the order 1/N of the path KL for the marginal's", _first_order, distance=20),
        Mutant(
            "the mean shrunk by an early stop of 0.01 that is left out of the reference",
            replace(
                _C1,
                observed=lambda model: _last_stage(_stopped_early(model)),
            ),
            distance=5,
        ),
    ),
    records=CONFIRMED,
)


def _stopped_early(model: Divergence) -> Divergence:
    grid = replace(model.scheme.grid, early_stop=0.01)
    return replace(model, scheme=replace(model.scheme, grid=grid))


# ------------------------------------------------------------------ C2: no compounding of errors


def _kl_of_laws(model: Divergence) -> float:
    """KL(p || output) from mean and covariance of the two, without stages."""
    law = output_law(GaussianSampling(model.target, model.scheme))
    return divergence(model.target.mean_vector(), model.target.covariance_matrix(), law[0], law[1:])


def _sum_of_stages(model: Divergence) -> float:
    return float(np.sum(stage_kl(model)))


def _sum_of_marginals(model: Divergence) -> float:
    """The slip of adding divergences of the patches' own laws in place of the conditional ones."""
    law, mean, covariance = output_law(model), model.target.mean_vector(), model.target.covariance_matrix()
    total, start = 0.0, 0
    for size in model.target.sizes:
        own = slice(start, start + size)
        total += divergence(mean[own], covariance[own, own], law[0, own], law[1:][own, own])
        start += size
    return total


def _reversed(model: Divergence) -> float:
    law = output_law(model)
    return divergence(law[0], law[1:], model.target.mean_vector(), model.target.covariance_matrix())


C2 = Claim(
    "C2",
    source="chain rule in the analysis of AR diffusion",
    statement="The joint KL of AR is the sum of its stages' divergences over true prefixes: errors do not compound.",
    falsifier="a target, a grid and an order for which the two differ",
    design=(
        Divergence(SunShadow(gain=2, rule_noise=0.5, mean=(1, -1)), Scheme(AR(), Exponential(40, 4, 0.01))),
        Divergence(Autoregressive(6, 0.7, 3), Scheme(AR(), Uniform(60, 6, 0))),
        Divergence(Equicorrelated(4, 0.6, 4), Scheme(AR(), Uniform(40, 5, 0.01))),
    ),
    published=Identity(_sum_of_stages, _kl_of_laws, margin=Margin(1e-12, ROUNDING)),
    mutants=(
        Mutant(
            "divergences of the patches' own laws, without their prefixes", _sum_of_marginals, distance=1e6
        ),
        Mutant("the reversed divergence", _reversed, distance=1e6),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C3: parity without dependence


def _ar_kl_at_equal_calls(model: Divergence) -> float:
    """AR with its steps shared out among the stages."""
    steps = model.scheme.grid.steps // len(model.target.sizes)  # type: ignore[union-attr]
    return ar_kl(with_steps(model, steps))


C3 = Claim(
    "C3",
    source="experiment 2 (independent patches)",
    statement="Where patches are independent AR and vanilla diffusion are equally good at equal steps of each stage.",
    falsifier="a block-diagonal covariance and a grid for which the two divergences differ",
    design=(
        Divergence(
            BlockDiagonal(SunShadow(gain=2, rule_noise=0.5, mean=(1, -1))), Scheme(grid=Uniform(60, 6, 0))
        ),
        Divergence(BlockDiagonal(Autoregressive(6, 0.7, 3)), Scheme(grid=Exponential(60, 6, 1e-3))),
        Divergence(
            BlockDiagonal(Gaussian(((2, 0.9, 0.3), (0.9, 1, 0), (0.3, 0, 0.1)), (2, 1), (0, 3, 1))),
            Scheme(grid=Uniform(40, 4, 0.01)),
        ),
    ),
    published=Identity(vanilla_kl, ar_kl, margin=Margin(1e-12, ROUNDING)),
    mutants=(Mutant("AR with as many calls in total as vanilla", _ar_kl_at_equal_calls, distance=1e6),),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C4: the advantage under dependence


def _leading_ratio(model: Divergence) -> float:
    return leading_joint_kl(with_method(model, Vanilla())) / leading_joint_kl(with_method(model, AR()))


def _ratio_of_traces(model: Divergence) -> float:
    """The slip of tr Sigma^-1 over the sum of tr S_k^-1, from the first order of the path KL."""
    precision = float(np.trace(np.linalg.inv(model.target.covariance_matrix())))
    return precision / fisher_information(Noised(model.target, AR(), 0.0))


C4 = Claim(
    "C4",
    source="experiment 1 (a rule between patches)",
    statement="Under dependence AR is better at equal small steps, by the factor tr Sigma^-2 / sum of tr S_k^-2.",
    falsifier="dependent patches for which AR is not better at small equal steps, or by another factor",
    design=(
        Divergence(SunShadow(gain=3, rule_noise=0.3), Scheme(grid=Uniform(100_000, 8, 0))),
        Divergence(SunShadow(gain=0.5, rule_noise=0.3), Scheme(grid=Uniform(30_000, 8, 0))),
        Divergence(Autoregressive(6, 0.7, 3), Scheme(grid=Uniform(10_000, 8, 0))),
    ),
    published=(
        Bound(one, ratio, upper=False, margin=Margin(0.0, "the bare sign")),
        Identity(
            _leading_ratio,
            ratio,
            margin=Margin(0.01, "the next order is h/lambda_min < 0.01 of the value", relative=True),
        ),
    ),
    mutants=(
        Mutant(
            "traces of the inverses in place of their squares",
            Identity(_ratio_of_traces, ratio, margin=Margin(0.01, "as the claim's own", relative=True)),
            distance=10,
        ),
        Mutant(
            "the roles of the two methods exchanged",
            Bound(one, lambda model: 1 / ratio(model), upper=False, margin=Margin(1e-3, "beyond rounding")),
            distance=20,
        ),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C5: what blows up


def _growth(model: PointwiseDivergence) -> float:
    """Conditional KL at a prefix minus that at the prefix 0, over the squared prefix."""
    (x,) = model.prefix
    return (pointwise_conditional_kl(model) - pointwise_conditional_kl(replace(model, prefix=(0.0,)))) / x**2


def _slope_and_schur(model: PointwiseDivergence) -> tuple[float, float]:
    """Regression slope and conditional variance of the output, from its law."""
    law = output_law(GaussianSampling(model.target, model.scheme))
    slope = law[2, 0] / law[1, 0]
    return slope, law[2, 1] - slope * law[1, 1]


def _slope_error_over_variance(model: PointwiseDivergence) -> float:
    slope, schur = _slope_and_schur(model)
    return 0.5 * (slope - model.target.gain) ** 2 / schur  # type: ignore[union-attr]


def _over_true_variance(model: PointwiseDivergence) -> float:
    slope, _ = _slope_and_schur(model)
    return 0.5 * (slope - model.target.gain) ** 2 / model.target.rule_noise**2  # type: ignore[union-attr]


def _first_order_slope(model: PointwiseDivergence) -> float:
    """The slip of the slope's first-order error -h g/s_1^2 beyond its range."""
    _, schur = _slope_and_schur(model)
    grid = model.scheme.grid
    step = grid.horizon / grid.steps  # type: ignore[union-attr]
    return 0.5 * (step * model.target.gain) ** 2 / schur  # type: ignore[union-attr]


def _average_over_joint(model: PointwiseDivergence) -> float:
    divergence_ = Divergence(model.target, model.scheme)
    return _last_stage(divergence_) / joint_kl(divergence_)


def _pointwise_over_joint(model: PointwiseDivergence) -> float:
    return pointwise_conditional_kl(model) / joint_kl(Divergence(model.target, model.scheme))


def _tenfold(_: Any) -> float:
    return 10.0


_GROWS = Identity(
    _slope_error_over_variance,
    _growth,
    margin=Margin(1e-6, "cancellation in the plain slope and variance of the law", relative=True),
)

C5 = Claim(
    "C5",
    source="lemma on the conditional KL of vanilla diffusion",
    statement="Vanilla diffusion's conditional KL may blow up while its joint KL is small: as an average over true "
    "prefixes, it exceeds the joint KL (here: ten times).",
    falsifier="an average conditional KL that cannot exceed the joint one",
    design=(
        PointwiseDivergence(
            SunShadow(gain=3, rule_noise=0.2), Scheme(Vanilla(), Uniform(3000, 6, 0)), (100.0,)
        ),
    ),
    published=Bound(
        _tenfold, _average_over_joint, upper=False, margin=Margin(1e-9, "rounding of the two divergences")
    ),
    repaired=Repair(
        (
            _GROWS,
            Bound(
                _tenfold,
                _pointwise_over_joint,
                upper=False,
                margin=Margin(1e-9, "rounding of the two divergences"),
            ),
            Bound(one, _average_over_joint, margin=Margin(1e-9, "rounding of the two divergences")),
        ),
        "It blows up at rare prefixes, like x_1^2 (slope error)^2/(2 conditional variance), and never on average.",
    ),
    mutants=(
        Mutant(
            "the true conditional variance for the output's",
            replace(_GROWS, prediction=_over_true_variance),
            1e4,
        ),
        Mutant("the slope's first-order error", replace(_GROWS, prediction=_first_order_slope), 1e3),
        Mutant(
            "AR in place of vanilla",
            replace(_GROWS, observed=lambda model: _growth(with_method(model, AR()))),
            distance=1e3,
        ),
    ),
    records=CORRECTED,
)

# ------------------------------------------------------------------ C9: two rates


def _stopped_kl(model: Divergence) -> float:
    return joint_kl(replace(model, reference="stopped"))


def _path(model: Divergence) -> float:
    return path_kl(Sampling(model.target, model.scheme))


_RATE_MARGIN = Margin(0.05, "the next order in the steps at the coarsest of the four grids")

C9 = Claim(
    "C9",
    source="rate of the theorem, O(1/N)",
    statement="The path KL, which the theorem bounds, falls like 1/N; the KL of the output itself like 1/N^2.",
    falsifier="a slope of either between N = 80 and 640 that differs",
    design=(Divergence(SunShadow(gain=3, rule_noise=0.5), Scheme(Vanilla(), Exponential(80, 8, 1e-3))),),
    published=(
        Rate(_first_order, _path, along=_by_steps(1, 2, 4, 8), margin=_RATE_MARGIN),
        Rate(_second_order, _stopped_kl, along=_by_steps(1, 2, 4, 8), margin=_RATE_MARGIN),
    ),
    mutants=(
        Mutant(
            "the rate of the path KL for the output's",
            Rate(_first_order, _stopped_kl, along=_by_steps(1, 2, 4, 8), margin=_RATE_MARGIN),
            distance=15,
        ),
        Mutant(
            "the divergence from the data, which the early stop holds up, for that from the stopped data",
            Rate(_second_order, joint_kl, along=_by_steps(1, 2, 4, 8), margin=_RATE_MARGIN),
            distance=0.2,
        ),
    ),
    records=CONFIRMED,
)
