"""Whether depth helps: the published ordering, the phase boundary, a survey, the rate (C12, C13, R11, R12).

Everything is decided by exact sums and quadrature; nothing is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from lemmata.claims import (
    CONFIRMED,
    CORRECTED,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    Ordering,
    Rate,
    Repair,
)
from lemmata.models import Model, whole
from theory.context_hijacking import (
    Cone,
    Depths,
    Dose,
    Fixed,
    contraction,
    depth_gain,
    depth_helps,
    half_error_gain,
    half_error_hijackers,
)
from theory.context_hijacking.depth import critical_contraction
from theory.context_hijacking.limits import residual_share

# ------------------------------------------------------------------ C12, C13: depth

THEOREM_REGIME = (
    Depths(1000, 10, Cone(0.9), Fixed(0.5)),
    Depths(400, 20, Cone(0.97), Fixed(0.3)),
    Depths(200, 10, Cone(0.98), Fixed(0.5)),
)
EXPERIMENT_REGIME = (
    Depths(40, 20, Cone(0.995), Fixed(0.2)),
    Depths(40, 20, Cone(0.995), Fixed(0.4)),
    Depths(10, 20, Cone(0.995), Fixed(0.1)),
)


def _sign(function: Callable[[Depths], float]) -> Callable[[Depths], float]:
    return lambda model: math.copysign(1.0, function(model))


class Survey(Model):
    """Points of Halton's low-discrepancy sequence in bases 2, 3, 5, 7, each a comparison of depths.

    Dimension uniform in 8..30, n/d log-uniform in [2, 80], angle log-uniform in [0.03, 0.63], margin uniform in
    [0.15, 1]; without points of zero-shot error above 0.4 or kappa_c below 0.05.

    Parameters
    ----------
    points : int
        Length of the sequence.
    clear_percent : int
        Only points with 100 |q - kappa_c| (leading order) or 1000 |log N50 ratio| of this count or more.
    """

    points: int = whole(least=1)
    clear_percent: int = whole(least=0, default=0)

    def models(self) -> list[Depths]:
        """The points that are judged."""
        return [model for model in map(_survey_point, range(1, self.points + 1)) if _is_judged(model)]


def _corput(index: int, base: int) -> float:
    value, weight = 0.0, 1.0
    while index:
        weight /= base
        index, digit = divmod(index, base)
        value += weight * digit
    return value


def _survey_point(index: int) -> Depths:
    dimension = 8 + int(23 * _corput(index, 2))
    examples = round(dimension * 2 * 40 ** _corput(index, 3))
    angle = 0.03 * 21 ** _corput(index, 5)
    return Depths(examples, dimension, Cone(math.cos(angle)), Fixed(0.15 + 0.85 * _corput(index, 7)))


def _is_judged(model: Depths) -> bool:
    assert isinstance(model.prior, Cone)
    rho = model.prior.correlation
    zero_shot = 0.5 * math.erfc(model.margin.size * rho / math.sqrt(2 * (1 - rho * rho)))
    return zero_shot <= 0.4 and critical_contraction(model) >= 0.05


@lru_cache(maxsize=1024)
def _exact_gain(model: Depths) -> float:
    """log(N50(deep)/N50(shallow)); several rules are held to the same points."""
    return half_error_gain(model)


def _agreement(
    rule: Callable[[Depths], float], is_clear: Callable[[Depths, int], bool]
) -> Callable[[Survey], float]:
    """Share of the points at which a rule has the sign of the change of the exact N50."""

    def share(survey: Survey) -> float:
        models = [model for model in survey.models() if is_clear(model, survey.clear_percent)]
        agree = [_sign(rule)(model) == _sign(_exact_gain)(model) for model in models]
        return sum(agree) / len(agree)

    return share


def _is_far_from_boundary(model: Depths, percent: int) -> bool:
    return 100 * abs(depth_helps(model)) >= percent


def _is_visible(model: Depths, percent: int) -> bool:
    return 1000 * abs(_exact_gain(model)) >= percent


def _at_half_margin(model: Depths) -> Depths:
    return replace(model, margin=Fixed(model.margin.size / 2))


_leading_order = _agreement(depth_helps, _is_far_from_boundary)
_boundary_at_half_margin = _agreement(
    lambda model: depth_helps(_at_half_margin(model)), _is_far_from_boundary
)
_exact_steps = _agreement(depth_gain, _is_visible)
_MOST_BY_RULE = Margin(
    0.0,
    "stands in the bound: the leading order leaves out corrections of order d/n, which decide close to the boundary; "
    "of 330 other points it missed 14, all within .08 of it, and one in ten may be missed",
)
_MOST_BY_STEPS = Margin(
    0.0, "stands in the bound: only the spread of r^2 is left out; of 150 other points it missed one"
)
_ALL = Margin(0.0, "every one of the listed points, each decided by quadrature")

_DEPTH_HELPS = Ordering(
    half_error_hijackers,
    lambda model: [model.tuned_hijack(depth) for depth in (1, 2, 4, 8)],
    rises=True,
    margin=Margin(1e-6, "root finding and quadrature, far below any effect of depth"),
)

C12 = Claim(
    "C12",
    source="Theorem 4.5, Figures 2, 3 and 6",
    statement="Deeper transformers are more robust: it takes more hijackers to make half of the answers wrong.",
    falsifier="a deeper optimally trained transformer that needs fewer hijackers for half of its answers to be wrong",
    design=(*THEOREM_REGIME, *EXPERIMENT_REGIME),
    published=_DEPTH_HELPS,
    repaired=Repair(
        Identity(
            _sign(depth_helps),
            _sign(half_error_gain),
            Margin(0.0, "signs, at points where |q - kappa_c| > 0.1"),
        ),
        "Depth helps where 1 - s tau rho^2 < v/(B + v), and hurts elsewhere: in the theorem's own regime it hurts.",
        design=(*THEOREM_REGIME, *EXPERIMENT_REGIME),
    ),
    mutants=(
        Mutant("the rule with the sides exchanged", lambda model: -_sign(depth_helps)(model), distance=1),
        Mutant("depth hurts everywhere", lambda model: -1.0, distance=1),
        Mutant(
            "the boundary at twice the margin",
            lambda model: _sign(depth_helps)(replace(model, margin=Fixed(2 * model.margin.size))),
            distance=1,
        ),
    ),
    records=CORRECTED,
)

R12 = Claim(
    "R12",
    source="R12 of the page",
    statement="The rule has the sign of the exact change of N50 at 90 % of a survey, and wherever |q - kappa_c| >= .1; "
    "with exact steps at 97 %, and wherever N50 changes by .5 % or more.",
    falsifier="a smaller share of the listed points, or a point with a clear effect at which a rule is wrong",
    design=(Survey(200),),
    published=(
        Bound(lambda survey: 0.9, _leading_order, _MOST_BY_RULE, upper=False),
        Bound(lambda survey: 0.97, _exact_steps, _MOST_BY_STEPS, upper=False),
        Bound(
            lambda survey: 1.0,
            lambda survey: _leading_order(replace(survey, clear_percent=10)),
            _ALL,
            upper=False,
        ),
        Bound(
            lambda survey: 1.0,
            lambda survey: _exact_steps(replace(survey, clear_percent=5)),
            _ALL,
            upper=False,
        ),
    ),
    mutants=(
        Mutant(
            "the boundary at half the margin",
            Bound(lambda survey: 0.9, _boundary_at_half_margin, _MOST_BY_RULE, upper=False),
            distance=1,
        ),
        Mutant(
            "the boundary at half the margin, at clear points",
            Bound(
                lambda survey: 1.0,
                lambda survey: _boundary_at_half_margin(replace(survey, clear_percent=10)),
                _ALL,
                upper=False,
            ),
            distance=1,
        ),
        Mutant(
            "half the margin at exact steps",
            Bound(
                lambda survey: 0.97,
                _agreement(lambda model: depth_gain(_at_half_margin(model)), _is_visible),
                _MOST_BY_STEPS,
                upper=False,
            ),
            distance=1,
        ),
        Mutant(
            "depth hurts everywhere",
            Bound(
                lambda survey: 0.9,
                _agreement(lambda model: -1.0, _is_far_from_boundary),
                _MOST_BY_RULE,
                upper=False,
            ),
            distance=1,
        ),
    ),
    records=CONFIRMED,
)


def _gap(model: Depths, depth: int) -> float:
    """|N*(L) - N*(infinity)| r^2/n of the typical query at the leading-order steps."""
    q, critical = math.log(residual_share(model)), math.log(critical_contraction(model))
    return abs(math.expm1(critical / depth) / math.expm1(q / depth) - critical / q)


def _depth_gap(model: Depths) -> float:
    return _gap(model, model.deep)


_APPROACH = Rate(
    lambda model: -1.0,
    _depth_gap,
    lambda model: [(depth, replace(model, deep=depth)) for depth in (4, 8, 16, 32, 64)],
    Margin(0.1, "corrections of order 1/L at L = 4"),
)

C13 = Claim(
    "C13",
    source="After Theorem 4.5",
    statement="Robustness improves exponentially with depth.",
    falsifier="a critical number that approaches its limit at infinite depth like a power of the depth",
    design=(*THEOREM_REGIME, *EXPERIMENT_REGIME),
    published=Identity(
        lambda model: 1.0,
        lambda model: _gap(model, 8) * _gap(model, 24) / _gap(model, 16) ** 2,
        Margin(0.1, "an exponential has ratio 1 exactly, a power of depth (16^2/(8 24))^b"),
    ),
    repaired=Repair(_APPROACH, "The effect of depth saturates: |N*(L) - N*(infinity)| falls like 1/L."),
    mutants=(
        Mutant("an approach like 1/L^2", replace(_APPROACH, prediction=lambda model: -2.0), distance=5),
    ),
    records=CORRECTED,
)

# ------------------------------------------------------------------ R11: contractions


def _literal_contraction(model: Dose) -> float:
    """(1 - alpha N r^2)^L at the leading-order step."""
    depth = round(1 / model.exponent)
    step = 1 - residual_share(model) ** (1 / depth)
    return (1 - step * model.dose) ** depth


R11B = Claim(
    "R11b",
    source="R11 of the page",
    statement="A hijacker of any dose meets the power mean of 1 and q, negative for odd depths that overshoot.",
    falsifier="a dose at which the two differ",
    design=tuple(
        Dose(1000, 10, Cone(0.9), dose, 1 / depth) for dose in (0.3, 1.0, 1.5, 4.0) for depth in (1, 2, 3, 8)
    ),
    published=Identity(
        contraction, _literal_contraction, Margin(1e-12, "a few roundings, amplified by the depth")
    ),
    mutants=(
        Mutant(
            "the arithmetic mean at every depth",
            lambda model: contraction(replace(model, exponent=1.0)),
            distance=1e6,
        ),
        Mutant("no change of sign beyond overshoot", lambda model: abs(contraction(model)), distance=1e6),
    ),
    records=CONFIRMED,
)
