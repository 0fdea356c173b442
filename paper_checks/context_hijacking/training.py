"""What training finds: step sizes, initial scale, excess risk (C2-C7, C17). All of it is computed, nothing sampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from lemmata.claims import (
    CONFIRMED,
    CORRECTED,
    NARROWED,
    REFUTED,
    Bound,
    Claim,
    Control,
    Identity,
    Margin,
    Mutant,
    Ordering,
    Rate,
    Repair,
)
from theory.context_hijacking import (
    Cone,
    Equal,
    PerLayer,
    Training,
    Tuning,
    excess_training_risk,
    leading_order_excess_risk,
    optimal_excess_risk,
    optimal_initial_scale,
    optimal_schedule_excess_risk,
    optimal_step_size,
)
from theory.context_hijacking.limits import residual_share
from theory.context_hijacking.risk import TAU, risk_form

ROUNDING = Margin(1e-12, "exact sums of integers, rounded once", relative=True)
SIGN = Margin(0.0, "the bare sign of a difference of exact sums")


def _ladder(name: str, values: tuple[int, ...]) -> Callable[[Tuning], list[Tuning]]:
    """The model with one of its sizes running through the values."""
    return lambda model: [replace(model, **{name: value}) for value in values]


# ------------------------------------------------------------------ C2: orders of steps, and equal steps


def _reversed(model: Training) -> float:
    assert isinstance(model.steps, PerLayer)
    return excess_training_risk(replace(model, steps=PerLayer(model.steps.values[::-1])))


def _without_last_layer(model: Training) -> float:
    assert isinstance(model.steps, PerLayer)
    return excess_training_risk(
        replace(model, depth=model.depth - 1, steps=PerLayer(model.steps.values[:-1]))
    )


def _with_equal_steps(model: Training) -> float:
    """The risk at the mean step, as if the steps' sum were all that matters."""
    return excess_training_risk(replace(model, step_size=sum(model.step_sizes) / model.depth, steps=Equal()))


R2 = Claim(
    "R2",
    source="Proposition 4.2",
    statement="The order of scalar step sizes does not matter.",
    falsifier="two orders of the same steps with different exact risks",
    design=(
        Training(25, 5, 3, 1.0, 0.7, Cone(0.8), PerLayer((0.01, 0.03, 0.05))),
        Training(8, 12, 4, 0.05, -0.4, Cone(0.3), PerLayer((1.0, 0.1, 0.5, 1.5))),
    ),
    published=Identity(excess_training_risk, _reversed, ROUNDING),
    mutants=(
        Mutant("the last step forgotten", _without_last_layer, distance=1e6),
        Mutant(
            "the sum of the steps alone matters",
            Identity(_with_equal_steps, excess_training_risk, ROUNDING),
            distance=1e6,
        ),
    ),
    records=CONFIRMED,
)

_EQUAL_IS_BEST = Bound(
    optimal_excess_risk,
    optimal_schedule_excess_risk,
    Margin(1e-9, "the local search ends within 1e-9 of its minimum", relative=True),
    upper=False,
)

C2 = Claim(
    "C2",
    source="After Proposition 4.2",
    statement="Without loss of generality all layers take equal steps: unequal ones are no better.",
    falsifier="two unequal real steps with less exact risk than the best equal ones",
    design=(
        Tuning(400, 20, 2, Cone(0.05), "joint"),
        Tuning(1000, 10, 2, Cone(0.2), "joint"),
        Tuning(400, 20, 2, Cone(0.9), "joint"),
    ),
    published=_EQUAL_IS_BEST,
    repaired=Repair(
        _EQUAL_IS_BEST,
        "Equal steps are best for priors above rho_switch, rho_switch^2 = 1 - (pi/2 - 1)/(1 + n/(4 d^3)).",
        design=(
            Tuning(400, 20, 2, Cone(0.9), "joint"),
            Tuning(100, 10, 2, Cone(0.95), "joint"),
            Tuning(40, 20, 2, Cone(0.7), "joint"),
        ),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "the risk of one layer as the least of two",
            lambda model: optimal_excess_risk(replace(model, depth=1)),
            distance=1e4,
        ),
    ),
    records=NARROWED,
)

# ------------------------------------------------------------------ C3, C4: the initial weights


def _moved_off_axis(model: Training) -> float:
    """Excess risk of a start moved by 0.1 at right angles to beta*."""
    form = risk_form(model.examples, model.dimension, model.step_sizes)
    scale, mean = model.initial_scale, model.prior.mean_correlation(model.dimension)
    length = math.hypot(scale, 0.1)
    return form.excess(length, scale * mean / length)


def _risk_and_spread(model: Training) -> float:
    """The risk on the axis, and a |delta|^2 above it."""
    form = risk_form(model.examples, model.dimension, model.step_sizes)
    return excess_training_risk(model) + 0.01 * form.a


def _risk_and_term_one(model: Training) -> float:
    """Term I of the paper's Theorem C.2 in place of a: (1 - alpha n)^(2L) |delta|^2."""
    return excess_training_risk(model) + 0.01 * (1 - model.step_size * model.examples) ** (2 * model.depth)


C3 = Claim(
    "C3",
    source="Theorem 4.3, Lemma C.1",
    statement="The best initial weights are parallel to beta*: moving off the axis by delta costs a |delta|^2.",
    falsifier="a start off the axis with another excess risk than a |delta|^2 above that on the axis",
    design=(
        Training(30, 10, 2, 0.02, 0.6, Cone(0.8)),
        Training(400, 20, 4, 0.00107, 0.7, Cone(0.9)),
        Training(10, 20, 3, 0.02, 0.3, Cone(0.3)),
    ),
    published=Identity(_risk_and_spread, _moved_off_axis, ROUNDING),
    mutants=(
        Mutant("no cost of leaving the axis", excess_training_risk, distance=1e6),
        Mutant("a cost of (1 - alpha n)^(2L) |delta|^2", _risk_and_term_one, distance=1e6),
    ),
    records=CONFIRMED,
)


def _prior_mean(model: Tuning) -> float:
    return TAU * model.prior.mean_correlation(model.dimension)


_FIVE_PERCENT = Margin(
    0.05,
    "corrections of order d/n <= 0.05 (at rho = .995 the layers hardly move), against 10 % between the two at rho = .9",
    relative=True,
)

C4 = Claim(
    "C4",
    source="Theorem 4.3, end of the proof",
    statement="The best initial scale c is the absolute constant sqrt(2/pi).",
    falsifier="an exact optimum whose scale is another, and depends on the prior",
    design=(
        Tuning(400, 20, 1, Cone(0.9), "joint"),
        Tuning(400, 20, 4, Cone(0.9), "joint"),
        Tuning(40, 20, 2, Cone(0.995), "joint"),
        Tuning(400, 20, 1, Cone(0.7), "joint"),
    ),
    published=Identity(lambda model: TAU, optimal_initial_scale, _FIVE_PERCENT),
    repaired=Repair(
        Identity(_prior_mean, optimal_initial_scale, _FIVE_PERCENT),
        "c is close to sqrt(2/pi) E[rho], as long as the layers do not forget w_0.",
    ),
    mutants=(Mutant("tau counted twice: (2/pi) E[rho]", lambda model: TAU * _prior_mean(model), distance=1),),
    records=CORRECTED,
)

# ------------------------------------------------------------------ C5, C6, C17: the step size


def _product(model: Tuning) -> float:
    """alpha n L at the optimum."""
    return optimal_step_size(model) * model.examples * model.depth


_INVERSE_IN_N = Rate(
    lambda model: -1.0,
    optimal_step_size,
    lambda model: [
        (n, replace(model, examples=n)) for n in (model.examples, *(model.examples * 2**k for k in (1, 2)))
    ],
    Margin(0.15, "alpha n L grows like log n at most: a slope of 1/log(B/v) over the ladder"),
)

C5 = Claim(
    "C5",
    source="Theorem 4.3",
    statement="The best step size is of order 1/(n L), up to logarithms.",
    falsifier="a ladder of n or L along which alpha does not fall like its inverse",
    design=(Tuning(10, 20, 4, Cone(0.995)), Tuning(4000, 10, 4, Cone(0.9))),
    published=_INVERSE_IN_N,
    repaired=Repair(
        (
            _INVERSE_IN_N,
            Rate(
                lambda model: -1.0,
                optimal_step_size,
                lambda model: [(depth, replace(model, depth=depth)) for depth in (16, 20, 24, 32)],
                Margin(
                    0.15, "alpha n L rises to log(1/q) by log(1/q)^2/(2L): a slope of log(1/q)/(2L) <= 0.15"
                ),
            ),
            Bound(
                lambda model: 1.15 * -math.log(residual_share(model)),
                _product,
                Margin(0.0, "15 % for corrections of order d/n stand in the bound"),
            ),
            Bound(
                lambda model: 0.85 * (1 - residual_share(model)),
                _product,
                Margin(0.0, "15 % for corrections of order d/n stand in the bound"),
                upper=False,
            ),
        ),
        "For n >> d/(1 - rho^2), and in L from 16 layers on: up to 15 % 1 - q <= alpha n L <= log(1/q), q = v/(B + v); "
        "for fewer examples alpha L hardly moves.",
        design=(Tuning(4000, 10, 4, Cone(0.9)), Tuning(4000, 20, 2, Cone(0.8))),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "a step of order n^-1/2",
            replace(_INVERSE_IN_N, prediction=lambda model: -0.5),
            distance=2,
        ),
        Mutant(
            "the product alpha n L of one layer at every depth, 1 - q at most",
            Bound(
                lambda model: 1.15 * (1 - residual_share(model)),
                _product,
                Margin(0.0, "15 % stand in the bound, as for the claim"),
            ),
            distance=1,
        ),
        Mutant(
            "the product alpha n L of infinite depth at every depth, log(1/q) at least",
            Bound(
                lambda model: 0.85 * -math.log(residual_share(model)),
                _product,
                Margin(0.0, "15 % stand in the bound, as for the claim"),
                upper=False,
            ),
            distance=1,
        ),
    ),
    records=NARROWED,
)

_FALLS_WITH_DEPTH = Ordering(optimal_step_size, _ladder("depth", (1, 2, 3, 4, 8)), rises=False, margin=SIGN)
_FALLS_WITH_EXAMPLES = Ordering(
    optimal_step_size,
    lambda model: [replace(model, examples=k * model.examples) for k in (1, 2, 4)],
    rises=False,
    margin=SIGN,
)

C6 = Claim(
    "C6",
    source="Theorem 4.3 and Figure 2",
    statement="The best step size falls with the depth and with the number of examples.",
    falsifier="a deeper transformer, or one with more examples, whose exact optimal step is larger",
    design=(
        Tuning(40, 30, 1, Cone(0.5)),
        Tuning(10, 30, 2, Cone(0.5)),
        Tuning(100, 20, 1, Cone(0.9)),
    ),
    published=(_FALLS_WITH_DEPTH, _FALLS_WITH_EXAMPLES),
    repaired=Repair(
        (_FALLS_WITH_DEPTH, _FALLS_WITH_EXAMPLES),
        "It does for priors of rho >= 0.9; for weak ones it can rise between one and two layers, and for n < d.",
        design=tuple(
            Tuning(n, d, depth, Cone(rho))
            for n, d, depth, rho in (
                (10, 20, 2, 0.9),
                (100, 20, 3, 0.95),
                (400, 20, 1, 0.9),
                (30, 40, 4, 0.99),
                (40, 5, 2, 0.995),
            )
        ),
        narrows=True,
    ),
    mutants=(Mutant("rising steps", replace(_FALLS_WITH_DEPTH, rises=True), distance=1),),
    records=NARROWED,
)

_TERM_ONE = Bound(
    lambda model: 100 * (1 - model.step_size * model.examples) ** (2 * model.depth),
    lambda model: risk_form(model.examples, model.dimension, model.step_sizes).a,
    Margin(0.0, "exact sums; a factor of 100 for the constant stands in the bound"),
)

C17 = Claim(
    "C17",
    source="Theorem C.2, term I",
    statement="E p(S)^2 is of order (1 - alpha n)^(2L).",
    falsifier="a step size at which the exact E tr p(S)^2 / d is more than a hundred times as large",
    design=(Training(1000, 10, 1, 0.001, 0.7, Cone(0.9)), Training(400, 20, 3, 0.0025, 0.7, Cone(0.9))),
    published=_TERM_ONE,
    controls=(
        Control(
            "at alpha n = 1 the average over the spectrum is at least that of one layer, ((d + 1)/n)^L",
            Bound(
                lambda model: ((model.dimension + 1) / model.examples) ** model.depth,
                lambda model: risk_form(model.examples, model.dimension, model.step_sizes).a,
                ROUNDING,
                upper=False,
            ),
        ),
    ),
    records=REFUTED,
)

# ------------------------------------------------------------------ C7: the excess risk

_INVERSE_RISK = Rate(
    lambda model: -1.0,
    optimal_excess_risk,
    lambda model: [(n, replace(model, examples=n)) for n in (1000, 2000, 4000, 8000)],
    Margin(0.05, "B v/(B + v) has slope -1 + q, and its corrections are of order d/n"),
)

C7 = Claim(
    "C7",
    source="Theorem 4.3",
    statement="The excess training risk is of order d/n; at two layers and more it is B v/(B + v) within 10 %.",
    falsifier="a ladder of n along which the risk does not fall like 1/n, or a constant off by more than 10 %",
    design=(Tuning(1000, 10, 2, Cone(0.9)), Tuning(1000, 10, 4, Cone(0.9)), Tuning(2000, 20, 8, Cone(0.9))),
    published=(
        _INVERSE_RISK,
        Identity(
            leading_order_excess_risk,
            optimal_excess_risk,
            Margin(0.1, "corrections of order d/n with moderate constants", relative=True),
        ),
    ),
    mutants=(
        Mutant(
            "a logarithm in the risk", replace(_INVERSE_RISK, prediction=lambda model: -0.85), distance=1.5
        ),
        Mutant(
            "noise of variance 1 in place of 1 - 2/pi",
            Identity(
                lambda model: leading_order_excess_risk(model) / (1 - 2 / math.pi),
                optimal_excess_risk,
                Margin(0.1, "as above, for the mutant", relative=True),
            ),
            distance=5,
        ),
    ),
    records=CONFIRMED,
)
