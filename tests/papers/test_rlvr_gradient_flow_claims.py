"""Verdicts on arXiv 2506.04695."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemmata.claims import Claim, judge_claim
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from paper_checks.rlvr_gradient_flow import CLAIMS


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(engine=Serial()) as lab:
        yield lab


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_verdict_on_record_comes_out(claim: Claim, laboratory: Laboratory) -> None:
    """The verdict on record follows from the evidence, and every mutant is refuted by the same data."""
    judgement = judge_claim(f"rlvr_gradient_flow/{claim.id}", claim, laboratory)
    assert judgement.agrees, judgement.summary
