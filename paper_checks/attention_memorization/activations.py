"""What the limit knows of the activation: a_1 and nu alone (C2), and no signal without a_1 (C6)."""

from __future__ import annotations

import math
from dataclasses import replace

from lemmata.claims import CONFIRMED, NARROWED, Claim, Identity, Margin, Mutant, Repair
from paper_checks.attention_memorization.limit_law import linear_part_twice, tends_to
from simulations.attention_memorization import ATTENTION
from theory.attention_memorization import (
    Aligned,
    Attention,
    Unbalanced,
    matched_filter_error,
    memorization_error,
    trace_error,
)
from theory.numerics.activations import Coefficients, Cosine, HermiteSeries, Sign
from theory.numerics.hermite import hermite_data

# ------------------------------------------------------------------ C2: a_1 and nu alone


def _known_by_two(model: Attention) -> Attention:
    """The layer with a_1 and nu in place of f."""
    data = hermite_data(model.activation)
    return replace(model, activation=Coefficients(linear=data.linear, power=data.power))


def _linear_of_equal_power(model: Attention) -> Attention:
    """The layer with nu in place of f, as though f were linear."""
    power = hermite_data(model.activation).power
    return replace(model, activation=Coefficients(linear=math.sqrt(power), power=power))


_ERROR = tends_to(
    lambda model: memorization_error(_known_by_two(model)),
    ATTENTION["error"],
    Margin(
        0.05,
        "a remainder of order n^-2 (below 0.01 at n = 64); a third of what a_2 changes with unequal labels",
    ),
)
_TRACE = tends_to(
    lambda model: trace_error(_known_by_two(model)),
    ATTENTION["trace_error"],
    Margin(2.5e-3, "a remainder of order n^-2, for polynomials of degree 2 below 1e-3 at n = 64 (R11)"),
)

_LAYER = Attention(16, 8, ridge=0.1, snr=1.0, activation=Sign())
_QUADRATIC = HermiteSeries((math.sqrt(2 / math.pi), math.sqrt(1 - 2 / math.pi)))
"""A polynomial of degree 2 with a_1 and nu of the sign."""
_BALANCED = (_LAYER, replace(_LAYER, activation=_QUADRATIC))
_UNBALANCED = replace(_LAYER, snr=0.0, labels=Unbalanced(0.9))

C2 = Claim(
    "C2",
    source="Theorem 1",
    statement="The activation enters the limit through a_1 = E[xi f(xi)] and nu = E[f(xi)^2] alone.",
    falsifier="two activations with equal a_1 and nu, balanced labels, and different limits",
    design=(*_BALANCED, replace(_UNBALANCED, activation=_QUADRATIC)),
    published=_ERROR,
    repaired=Repair(
        (_ERROR, _TRACE),
        "so it is if as many labels are +1 as -1, or if a_2 = E[(xi^2 - 1) f(xi)]/sqrt 2 vanishes (R8)",
        design=(*_BALANCED, _UNBALANCED),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "nu alone: f replaced by a linear function of equal power",
            replace(_TRACE, prediction=lambda model: trace_error(_linear_of_equal_power(model))),
            distance=10,
        ),
        Mutant(
            "noise of variance nu/p: the linear part counted twice",
            replace(_TRACE, prediction=lambda model: trace_error(linear_part_twice(model))),
            distance=3,
        ),
    ),
    records=NARROWED,
    trials={"quick": 2**11, "full": 2**13},
)


# ------------------------------------------------------------------ C6: no signal without a_1

_UNSEEN = Margin(
    0.1,
    "the signal that a_2 carries fades as n^(-1/2) (R11), the contrast leaves a remainder of order 1/n, up to 0.03 at "
    "n = 64; less than half of what a linear part of a tenth of the power changes",
)
_ERROR_UNSEEN = tends_to(trace_error, ATTENTION["error"], _UNSEEN, order=0.5)
_MATCHED_UNSEEN = tends_to(trace_error, ATTENTION["matched_filter_error"], _UNSEEN, order=0.5)


def _matched_by_a_tenth(model: Attention) -> float:
    """S with a tenth of the power in the linear part."""
    power = hermite_data(model.activation).power
    slightly = Coefficients(linear=math.sqrt(0.1 * power), power=power)
    return matched_filter_error(replace(model, activation=slightly))


def _reproduced(model: Attention) -> float:
    """E = T/(1 + rho): the matched filter reproduced, S = 0."""
    return trace_error(model) / (1 + model.snr)


C6 = Claim(
    "C6",
    source="Section 4",
    statement="Without a linear part, a_1 = 0, attention does not see the signal: E = S = T, whatever rho and weights.",
    falsifier="an activation with a_1 = 0 and a limit of E that depends on the signal",
    design=(
        Attention(16, 8, ridge=0.1, snr=1.0, activation=Cosine()),
        Attention(16, 8, ridge=0.1, snr=2.0, activation=Cosine(), alignment=Aligned(0.5)),
    ),
    published=(
        Identity(
            trace_error, memorization_error, Margin(1e-10, "rounding of one closed form (R4)", relative=True)
        ),
        _ERROR_UNSEEN,
        _MATCHED_UNSEEN,
    ),
    mutants=(
        Mutant(
            "a linear part of a tenth of the power is not seen either",
            replace(_MATCHED_UNSEEN, prediction=_matched_by_a_tenth),
            distance=1.5,
        ),
        Mutant(
            "the signal reproduced all the same: E = T/(1 + rho)",
            replace(_ERROR_UNSEEN, prediction=_reproduced),
            distance=1.5,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2**11, "full": 2**13},
)
