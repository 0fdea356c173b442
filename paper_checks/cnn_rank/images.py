"""Real images before noise: rank of the filters beside that of the data (C7), and what they recognise (C7b)."""

from __future__ import annotations

from dataclasses import replace

from lemmata.claims import (
    CONFIRMED,
    FULL,
    NARROWED,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    Repair,
    empirical_bernstein,
)
from simulations.cnn_rank import REAL_IMAGES, RealImages

_DIGITS = RealImages("zero_or_one", noise=1.0, steps=601)
"""Digits 0 and 1 as in F4: one patch of each image before eight of noise, 600 steps, and one more.

Draws are keyed by the model: with a step more the claims have their own, which no figure and no trial run has shown.
"""

_BARE = Margin(0.0, "a bare bound")


C7 = Claim(
    "C7",
    source="Section 5 (experiments)",
    statement="On real images before strong noise the filters' stable rank is less than a quarter of the data's.",
    falsifier="real images before strong noise whose filters have a quarter of the data's stable rank",
    design=(_DIGITS,),
    published=Bound(lambda model: 0.25, REAL_IMAGES["rank_share"], _BARE),
    mutants=(
        Mutant(
            "filters with the rank of the data",
            Identity(
                lambda model: 1.0, REAL_IMAGES["rank_share"], Margin(0.25, "a quarter, as in the claim")
            ),
            distance=1,
        ),
    ),
    records=CONFIRMED,
    settles=FULL,
    trials={"quick": 16, "full": 512},
)

_RECOGNISED = Bound(
    lambda model: 0.9,
    REAL_IMAGES["test_accuracy"],
    _BARE,
    upper=False,
    tool=empirical_bernstein,
)

C7B = Claim(
    "C7b",
    source="page",
    statement="Filters of low stable rank have learnt the images: nine of ten new ones are recognised.",
    falsifier="a noise level with a low rank of the filters and fewer new images recognised",
    design=(replace(_DIGITS, noise=0.2), _DIGITS),
    published=_RECOGNISED,
    repaired=Repair(
        _RECOGNISED,
        "Before little noise (.2 of the brightest pixel).",
        design=(replace(_DIGITS, noise=0.2),),
        narrows=True,
    ),
    mutants=(
        Mutant(
            "guessing",
            Bound(lambda model: 0.6, REAL_IMAGES["test_accuracy"], _BARE, tool=empirical_bernstein),
            distance=0.1,
        ),
    ),
    records=NARROWED,
    settles=FULL,
    trials={"quick": 16, "full": 2048},
)
