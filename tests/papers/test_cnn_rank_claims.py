"""Verdicts on arXiv 2504.08628."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemmata.claims import FULL, QUICK, Claim, judge_claim
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from paper_checks.cnn_rank import CLAIMS


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(engine=Serial()) as lab:
        yield lab


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.settles is QUICK], ids=lambda claim: claim.id)
def test_the_verdict_on_record_comes_out(claim: Claim, laboratory: Laboratory) -> None:
    """The verdict on record follows from the evidence; mutants are refuted by the same data. At full: see below."""
    judgement = judge_claim(f"cnn_rank/{claim.id}", claim, laboratory, QUICK)
    assert judgement.agrees, judgement.summary


@pytest.mark.long
@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.settles is FULL], ids=lambda claim: claim.id)
def test_what_stays_open_at_quick_settles_at_full(claim: Claim, laboratory: Laboratory) -> None:
    judgement = judge_claim(f"cnn_rank/{claim.id}", claim, laboratory, FULL)
    assert judgement.agrees, judgement.summary
