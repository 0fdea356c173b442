"""Training: the reduction (R4), the clock (R5b, R6), loss (C3, C4), ranks before noise (C6), onset (C8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from lemmata.claims import (
    CONFIRMED,
    NARROWED,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    Rate,
    Repair,
    beta_binomial,
    empirical_bernstein,
)
from paper_checks.cnn_rank.starts import Spread, from_start, literal_and_reduced_loss, outcomes
from simulations.cnn_rank import DATA_RANK, MEMORISATION, TRAINING, NearOnset
from theory.cnn_rank import (
    Start,
    Tail,
    Training,
    data_stable_rank,
    feature_margins,
    tail_margin,
    training_loss,
)

# ------------------------------------------------------------------ R4: training on inner products


@lru_cache(maxsize=8)
def _losses(model: Training) -> tuple[float, float]:
    return literal_and_reduced_loss(model)


def _literal_loss(model: Training) -> float:
    return _losses(model)[0]


def _reduced_loss(model: Training) -> float:
    return _losses(model)[1]


def _loss_as_if_projected(model: Training) -> float:
    """The reduction that forgets the noise's components along the features."""
    return _losses(replace(model, noise_law="projected"))[1]


def _small(noise_law: str, order: float, background: int) -> Training:
    model = Training(
        2, 12, 60, noise=0.2, noise_law=noise_law, background=background, filters=5, order=order, knee=0.5,
        initial_scale=0.1,
    )  # fmt: skip
    return replace(model.advancing(0.2), steps=300)


_ROUNDING = Margin(1e-11, "rounding over 300 steps")

R4 = Claim(
    "R4",
    source="page",
    statement="Gradient descent on inner products is gradient descent on patches: the loss is the same to rounding.",
    falsifier="a network whose two losses differ",
    design=(_small("projected", 3.0, 2), _small("full", 2.0, 1), _small("full", 2.5, 2)),
    published=Identity(_reduced_loss, _literal_loss, _ROUNDING),
    mutants=(
        Mutant(
            "no noise along the features where there is some",
            Identity(_loss_as_if_projected, _literal_loss, _ROUNDING),
            distance=1e3,
        ),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C3: the training loss converges


def _shared(features: int) -> Spread:
    """Order 2, small knee: half of the filters learn each feature."""
    model = Spread(features, 2 * features, 10**6, filters=30, order=2, knee=1.0, initial_scale=0.1)
    return replace(model.advancing(1.0), steps=20000)


def _late(model: Spread) -> Sequence[tuple[float, Spread]]:
    """The last decade of a training, by its time."""
    return [(float(steps), replace(model, steps=steps)) for steps in (2000, 5000, 10000, 20000)]


def _loss(model: Spread) -> float:
    return float(outcomes(model)["train_loss"])


_TAKEN = replace(
    Spread(2, 4, 10**6, filters=30, order=3, knee=5.0, initial_scale=2e-3).advancing(5.0), steps=12000
)
"""Order 3, small start: the winner takes all."""


_TAKEN_EARLY = Spread(2, 4, 10**6, filters=5, order=3, knee=10.0, initial_scale=0.2).advancing(10.0)
"""The same with a start from which every winner has escaped long before the last decade: T/t < .05."""


def _late_growth(model: Spread) -> list[float]:
    """d(F + e^F)/dt of each feature over the last half of the training, from gradient descent."""
    half = replace(model, steps=model.steps // 2)
    late, early = outcomes(model)["feature_margin"], outcomes(half)["feature_margin"]
    gained = [b + math.exp(b) - a - math.exp(a) for a, b in zip(early, late, strict=True)]
    return [gain / (model.time - half.time) for gain in gained]


def _winners_growth(model: Spread) -> list[float]:
    """m^-p A_k, A_k the filters that are beyond the knee."""
    return [
        model.output_scale * a for a in outcomes(replace(model, steps=model.steps // 2))["feature_winners"]
    ]


def _all_growth(model: Spread) -> list[float]:
    """As if every filter with a positive start learned the feature."""
    return [model.output_scale * model.filters / 2] * (2 * model.features)


def _homogeneous(model: Spread) -> float:
    """Slope of 1/(t ln(t)^(2 - 2/q)), the loss of filters without a knee, homogeneous of order q; 1/loss for t.

    Between the ends of the ladder.
    """
    (begin, early), *_, (end, late) = _late(model)
    logs = [math.log(-math.log(_loss(point))) for point in (early, late)]
    return -1.0 - (2.0 - 2.0 / model.order) * (logs[1] - logs[0]) / math.log(end / begin)


def _one_filter_more(model: Spread) -> list[float]:
    """m^-p (A_k + 1)."""
    return [growth + model.output_scale for growth in _winners_growth(model)]


_RATE = Margin(
    0.02, "step error and what the filters that are not beyond the knee add: below 1 %", relative=True
)

C3 = Claim(
    "C3",
    source="Theorem on convergence (abstract)",
    statement="The training loss converges; it falls like 1/t.",
    falsifier="a slope of the loss in logarithms other than -1 on the last decade",
    design=(_shared(2), _shared(1), _TAKEN_EARLY),
    published=Rate(
        lambda model: -1.0, _loss, _late, Margin(0.05, "offset T_k/t and ln t/t at the decade's beginning")
    ),
    mutants=(
        Mutant(
            "a loss like t^-1/2",
            Rate(lambda model: -0.5, _loss, _late, Margin(0.05, "as for the claim")),
            distance=4,
        ),
        Mutant(
            "a loss like 1/(t ln(t)^(2 - 2/q)), as without a knee",
            Rate(_homogeneous, _loss, _late, Margin(0.05, "as for the claim")),
            distance=0.5,
        ),
    ),
    records=CONFIRMED,
)

C3B = Claim(
    "C3b",
    source="page",
    statement="Each feature's F + e^F grows at the rate A_k/m^p, A_k its filters beyond the knee.",
    falsifier="a feature whose F + e^F grows at another rate once its filters are beyond the knee",
    design=(_shared(2), _TAKEN),
    published=Identity(_winners_growth, _late_growth, _RATE),
    mutants=(
        Mutant(
            "half of the filters, whoever has escaped", Identity(_all_growth, _late_growth, _RATE), distance=1
        ),
        Mutant(
            "one filter more beyond the knee", Identity(_one_filter_more, _late_growth, _RATE), distance=1
        ),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ R5 and R6: by the clock


def _tail(model: Spread) -> list[float]:
    """Margins from those at half time, by the tail law of R6."""
    half = replace(model, steps=model.steps // 2)
    seen = outcomes(half)
    return [
        tail_margin(Tail(int(a), model.filters, float(f), model.time - half.time, model.output_exponent))
        for a, f in zip(seen["feature_winners"], seen["feature_margin"], strict=True)
    ]


def _margins(model: Spread) -> list[float]:
    return list(outcomes(model)["feature_margin"])


def _one_way(model: Start) -> list[float]:
    """The clocks of filters of the feature's sign alone: opposite filters taken to stay where they are at 0."""
    m, k = model.filters, model.features
    own = tuple(
        tuple(z if (r < m) == (c < k) else -abs(z) for c, z in enumerate(row))
        for r, row in enumerate(model.signals)
    )
    return list(feature_margins(replace(model, signals=own)))


_COARSE = Margin(4e-3, "steps of at most one knee: relative error of F below 2e-3", relative=True)
_OPPOSED = replace(
    Spread(2, 8, 10**6, filters=6, order=3, knee=0.5, initial_scale=0.2).advancing(0.0005), steps=4000
)

R5B = Claim(
    "R5b",
    source="page",
    statement="Gradient descent follows one clock for each feature: margins and loss are those of the clocks.",
    falsifier="a start from which small steps lead to other margins",
    design=(_OPPOSED, replace(_TAKEN, steps=9000)),
    published=(
        Identity(from_start(feature_margins), _margins, _COARSE),
        Identity(from_start(training_loss), _loss, Margin(4e-3, "as for the margins", relative=True)),
    ),
    mutants=(
        Mutant(
            "filters of the other sign ignored",
            Identity(from_start(_one_way), _margins, _COARSE),
            distance=0.5,
        ),
    ),
    records=CONFIRMED,
)

R6 = Claim(
    "R6",
    source="page",
    statement="After the last escape margins obey F + e^F = (A/m^p)(t - T) + F* + e^F*.",
    falsifier="a margin that leaves the tail law",
    design=(_TAKEN,),
    published=Identity(_tail, _margins, _COARSE),
    mutants=(
        Mutant(
            "a margin that grows by the logarithm of time alone",
            Identity(
                lambda model: [
                    f + math.log(2.0)
                    for f in outcomes(replace(model, steps=model.steps // 2))["feature_margin"]
                ],
                _margins,
                _COARSE,
            ),
            distance=1,
        ),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C4 and C6: before noise

_NOISY = replace(
    Spread(2, 60, 3000, filters=8, order=3, knee=10.0, initial_scale=0.05).advancing(20.0), steps=600
).start
"""A given start on the features, with x_k about 1.4; the onset for x_i = 2.9 is r = 1.9."""
_HALF, _BELOW, _ABOVE = (_NOISY.with_noise_ratio(r) for r in (1.0, 1.5, 4.0))


def _a_tenth(model: Training) -> float:
    """Nine of ten new images are recognised, as in C7b."""
    return 0.1


def _loss_at_twice_the_time(model: Start) -> float:
    return training_loss(replace(model, steps=2 * model.steps))


_WELL = (
    Bound(
        _a_tenth,
        TRAINING["test_error"],
        Margin(0.0, "a bare bound: a network that errs more often has not learnt the features"),
        tool=empirical_bernstein,
    ),
    Identity(
        training_loss,
        TRAINING["test_loss"],
        Margin(
            0.05, "steps of two knees move the loss by about 1 %, a twentieth does not matter", relative=True
        ),
    ),
)

C4 = Claim(
    "C4",
    source="Theorem on the test loss (abstract)",
    statement="New images are classified well despite the noise, at the loss of training: far below the onset (R9).",
    falsifier="a noise ratio below the onset with a test error above a tenth, or a test loss above that of training",
    design=(_HALF, _ABOVE),
    published=_WELL,
    repaired=Repair(
        _WELL, "At half the onset r^q = (n/2K)(x_k/x_i)^(q-2): r = 1 here.", design=(_HALF,), narrows=True
    ),
    mutants=(
        Mutant(
            "an error of 3/8 and more at every noise level, as of guesses and of memorised images",
            Bound(
                lambda model: 0.375,
                TRAINING["test_error"],
                Margin(0.0, "a bare bound"),
                upper=False,
                tool=empirical_bernstein,
            ),
            distance=0.5,
        ),
        Mutant(
            "time with K in place of 2K",
            Identity(_loss_at_twice_the_time, TRAINING["test_loss"], Margin(0.05, "as above", relative=True)),
            distance=1,
        ),
    ),
    records=NARROWED,
    trials={"quick": 1024},
)


def _clean_rank(model: Training) -> float:
    return 2.0 * model.features


C6 = Claim(
    "C6",
    source="Section 1",
    statement="The filters' stable rank is affected far less than the data's: at most 2K + .2 where theirs exceeds 6K.",
    falsifier="a noise level below the onset at which the filters' rank grows with the data's",
    design=(_BELOW,),
    published=(
        Bound(_clean_rank, TRAINING["filter_rank"], Margin(0.2, "5 % of 2K, a marker's height in F1")),
        Bound(
            lambda model: 3.0 * _clean_rank(model),
            DATA_RANK["patch_rank"],
            Margin(0.0, "a bare bound"),
            upper=False,
        ),
    ),
    mutants=(
        Mutant(
            "the rank of centred data, 2K - 1, as the bound",
            Bound(
                lambda model: _clean_rank(model) - 1.0,
                TRAINING["filter_rank"],
                Margin(0.2, "as for the claim"),
            ),
            distance=1e3,
        ),
        Mutant(
            "filters with the rank of the data",
            Identity(data_stable_rank, TRAINING["filter_rank"], Margin(1.0, "a rank of one")),
            distance=1,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 512},
)

# ------------------------------------------------------------------ C8: the onset of memorisation

_RACE = NearOnset(1, 12, 10**9, filters=10, order=3, knee=1.0, initial_scale=1e-3).advancing(1.0)


def _whether(model: NearOnset) -> float:
    """1 above the onset of the draw, 0 below."""
    return float(model.relative_noise > 1.0)


def _whether_later(model: NearOnset) -> float:
    """The onset at r^2 in place of r^q, as if q were 2."""
    return float(model.relative_noise > (model.images / (2 * model.features)) ** (1 / 2 - 1 / model.order))


def _whether_earlier(model: NearOnset) -> float:
    """The onset at n/4K in place of n/2K."""
    return float(model.relative_noise > 0.5 ** (1 / model.order))


_SHARE = Margin(0.1, "a second feature or image may decide a draw at 10 % from its onset")

C8 = Claim(
    "C8",
    source="page",
    statement="Memorisation starts at r^q = (n/2K)(x_k/x_i)^(q-2): no image 5 % below a draw's onset, one 10 % above, "
    "in nine draws of ten.",
    falsifier="draws that memorise below their onset, or do not above it",
    design=(replace(_RACE, relative_noise=0.95), replace(_RACE, relative_noise=1.1)),
    published=Identity(_whether, MEMORISATION["any_memorised"], _SHARE, tool=beta_binomial),
    mutants=(
        Mutant("an onset at r^2 = n/2K, a third higher", _whether_later, distance=2),
        Mutant("an onset at r^q = n/4K, a fifth lower", _whether_earlier, distance=2),
    ),
    records=CONFIRMED,
    trials={"quick": 1024},
)
