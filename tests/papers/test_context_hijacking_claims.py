"""Verdicts on arXiv 2502.15609, and what the instruments behind them rest on."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from lemmata.claims import Claim, judge_claim
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from paper_checks.context_hijacking import CLAIMS
from paper_checks.context_hijacking.depth import Survey
from theory.context_hijacking import Cone, half_error_gain


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(engine=Serial()) as lab:
        yield lab


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_verdict_on_record_comes_out(claim: Claim, laboratory: Laboratory) -> None:
    """The verdict on record follows from the evidence, and every mutant is refuted by the same data."""
    judgement = judge_claim(f"context_hijacking/{claim.id}", claim, laboratory)
    assert judgement.agrees, judgement.summary


def test_the_survey_fills_its_ranges_and_keeps_its_conditions() -> None:
    """R12: the points lie in the stated ranges, reach both ends, and fall on both sides of the boundary."""
    models = Survey(200).models()
    assert len(models) >= 150
    assert {model.dimension for model in models} == set(range(8, 31))
    ratios = [model.examples / model.dimension for model in models]
    angles = [math.acos(model.prior.correlation) for model in models if isinstance(model.prior, Cone)]
    assert 1.9 < min(ratios) < 2.5
    assert 60 < max(ratios) < 81
    assert 0.029 < min(angles) < 0.035
    assert 0.55 < max(angles) < 0.631
    signs = [half_error_gain(model) > 0 for model in models[:40]]
    assert 5 <= sum(signs) <= 35
