"""What filters learn of the features: stable rank (C2, C2b-C2d), one direction each (C5)."""

from __future__ import annotations

from dataclasses import replace

from lemmata.claims import (
    CONFIRMED,
    NARROWED,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    Repair,
)
from paper_checks.cnn_rank.starts import Spread, from_start, outcomes
from simulations.cnn_rank import TRAINING, WINNERS
from theory.cnn_rank import (
    SharedGrowth,
    Training,
    WinnerTakesAll,
    filter_stable_rank,
    shared_growth_rank,
    signal_stable_rank,
    winner_stable_rank,
    winner_takes_all_rank,
)


def _clean_rank(model: Training) -> float:
    return 2.0 * model.features


def _winner_takes_all(features: int, filters: int = 60) -> Spread:
    """Order 3, small start: one filter passes the knee on each feature."""
    model = Spread(features, 2 * features, 10**6, filters=filters, order=3, knee=10.0, initial_scale=1e-3)
    return replace(model.advancing(10.0), steps=40000)


def _shared(features: int, filters: int = 50) -> Spread:
    """Order 2, small knee: half of the filters pass the knee on each feature."""
    model = Spread(features, 2 * features, 10**6, filters=filters, order=2, knee=0.05, initial_scale=0.01)
    return replace(model.advancing(0.05), steps=4000)


# ------------------------------------------------------------------ C2: stable rank close to 2K


def _learned_rank(model: Spread) -> float:
    """Stable rank along the features after training by gradient descent."""
    return float(outcomes(model)["signal_rank"])


_CLOSE = Identity(
    _clean_rank,
    _learned_rank,
    Margin(0.15, "the limit is approached like 1/log t: .91-.98 of it at a loss of 1e-3", relative=True),
)
_ONE = _winner_takes_all(1)
_THREE = _winner_takes_all(3)
_COLLISION = replace(_THREE, collides=True)
_SHARED = _shared(8)

C2 = Claim(
    "C2",
    source="Section 1",
    statement="The stable rank of the trained filters is close to 2K, the rank of the clean data.",
    falsifier="a training to small loss after which the stable rank is 15 % from 2K",
    design=(_ONE, _THREE, _SHARED, _COLLISION),
    published=_CLOSE,
    repaired=Repair(
        _CLOSE,
        "With q > 2, a small start and no filter that leads on two features (m >> K^2), or with K = 1.",
        design=(_ONE, _THREE, _shared(1, 400)),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "each block of filters counted twice: 4K",
            Identity(
                lambda model: 4.0 * model.features,
                _learned_rank,
                Margin(0.15, "as for the claim", relative=True),
            ),
            distance=1,
        ),
    ),
    records=NARROWED,
)

# ------------------------------------------------------------------ C2b: the laws of R7 for given and for random starts


def _without_collisions(model: Spread) -> float:
    """Every feature a row of its own: sum z_k^2 / max z_k^2."""
    z = (1.0 - 1.0 / model.order) * model.knee + outcomes(model)["feature_margin"] / model.output_scale
    return float((z**2).sum() / (z**2).max())


_STEP = Margin(
    2e-3, "gradient steps of one knee: relative error below 1e-3 of the pre-activations", relative=True
)

C2B = Claim(
    "C2b",
    source="page",
    statement="At any time the filters' stable rank is that of the clocks; of the winners alone if one takes all.",
    falsifier="a start after which gradient descent has another stable rank",
    design=(_THREE, _COLLISION),
    published=(
        Identity(from_start(signal_stable_rank), _learned_rank, _STEP),
        Identity(from_start(winner_stable_rank), _learned_rank, _STEP),
    ),
    mutants=(
        Mutant(
            "no collisions: every feature has a filter of its own",
            Identity(_without_collisions, _learned_rank, _STEP),
            distance=10,
        ),
        Mutant(
            "the limit 2K in place of the law at finite time",
            Identity(_clean_rank, _learned_rank, _STEP),
            distance=2,
        ),
    ),
    records=CONFIRMED,
)


def _one_sign(model: WinnerTakesAll) -> float:
    """Collisions counted in the filters of one sign only: 2K/L for K balls in m bins."""
    from theory.numerics.max_load import max_load_law

    law = max_load_law(model.features, model.filters)
    return float(sum(2 * model.features / (i + 1) * p for i, p in enumerate(law)))


_RANDOM = Identity(
    winner_takes_all_rank,
    WINNERS["rank"],
    Margin(0.03, "an exact law: .03 is what two decimals of a printed rank leave open, at every K"),
)

C2C = Claim(
    "C2c",
    source="page",
    statement="If winners take all, the limit is 2K/L on average over starts, L the largest load of K balls in m bins.",
    falsifier="numbers of features and filters with another mean",
    design=(WinnerTakesAll(4, 40), WinnerTakesAll(16, 8), WinnerTakesAll(3, 4)),
    published=_RANDOM,
    mutants=(
        Mutant("collisions within one sign only", _one_sign, distance=3),
        Mutant("2K whatever the number of filters", _clean_rank, distance=5),
    ),
    records=CONFIRMED,
    trials={"quick": 2**18},
)

# ------------------------------------------------------------------ C2d: shared growth


def _random_shared(features: int) -> Training:
    model = Training(features, 2 * features, 10**6, filters=60, order=2, knee=0.05, initial_scale=0.01)
    return replace(model.advancing(0.2), steps=400)


def _shared_limit(model: Training) -> float:
    return shared_growth_rank(SharedGrowth(model.features, model.filters, overlap=0.5))


def _no_opposite_filters(model: Training) -> float:
    """2K/(1 + (K-1)/4): the overlap of columns over both signs, as if opposite filters counted."""
    return shared_growth_rank(SharedGrowth(model.features, model.filters, overlap=0.25))


_MANY = Margin(
    0.05, "corrections of order 1/m = .017 beyond the factor given, and ln t/t of time", relative=True
)

C2D = Claim(
    "C2d",
    source="page",
    statement="If all filters with a positive start learn (q = 2), the stable rank is 4K/((K+1)(1+1/m)): at most 4.",
    falsifier="a number of features with another mean rank at q = 2",
    design=(_random_shared(4), _random_shared(8)),
    published=(
        Identity(_shared_limit, TRAINING["signal_rank"], _MANY),
        Identity(filter_stable_rank, TRAINING["signal_rank"], _MANY),
    ),
    mutants=(
        Mutant("columns that overlap in a quarter of the filters", _no_opposite_filters, distance=3),
        Mutant("2K", _clean_rank, distance=3),
    ),
    records=CONFIRMED,
    trials={"quick": 512},
)

# ------------------------------------------------------------------ C5: one direction for each filter


def _one(model: Spread) -> float:
    return 1.0


def _follows(model: Spread) -> float:
    """Share of features whose largest pre-activation belongs to the filter that led at the start."""
    return float(outcomes(model)["follows_start"])


def _directions(model: Spread) -> float:
    """Participation ratio (sum_k z_k^2)^2 / sum_k z_k^4 of the leading filters: how many features each has learnt."""
    return float(outcomes(model)["participation"])


_MOSTLY = (
    Identity(_one, _follows, Margin(1e-12, "a share of a few features, counted")),
    Bound(
        _one, _directions, Margin(0.25, "'mainly': the other features hold less than an eighth of the square")
    ),
)

C5 = Claim(
    "C5",
    source="Section 1",
    statement="Each filter ends mostly along one direction, which its random start decides.",
    falsifier="a winner that did not lead at the start, or a leading filter with two features",
    design=(_ONE, _THREE, _shared(4)),
    published=_MOSTLY,
    repaired=Repair(
        _MOSTLY,
        "With q > 2, a small start and no filter that leads on two features: at q = 2 a filter learns K/2 features.",
        design=(_ONE, _THREE),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "two features for each filter",
            Identity(lambda model: 2.0, _directions, Margin(0.25, "as for the claim")),
            distance=1,
        ),
    ),
    records=NARROWED,
)
