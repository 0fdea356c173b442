"""The verdict table, what a claim may record, and when evidence and record agree."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from benchmarks.referee_samplers import VALUE, Thing
from lemmata.claims import (
    CERTIFIED,
    CLAIM_ALPHA,
    CONFIRMED,
    CORRECTED,
    FULL,
    LEVELS,
    NARROWED,
    NOT_EXECUTABLE,
    QUICK,
    REFUTED,
    SUITE_ALPHA,
    Claim,
    Control,
    Identity,
    Judgement,
    Margin,
    Mutant,
    Outcome,
    Repair,
    Symbolic,
    Verdict,
    derive,
)
from lemmata.claims.verdicts import conjunction
from lemmata.names import UnknownNameError
from theory import PAPERS

HELD, FAILED, OPEN = Outcome.HELD, Outcome.FAILED, Outcome.OPEN
INCONCLUSIVE = Verdict.INCONCLUSIVE

TABLE = {
    # published, repaired: verdict if the repair is another formula, and if it narrows
    (HELD, None): (CONFIRMED, CONFIRMED),
    (HELD, HELD): (CONFIRMED, CONFIRMED),
    (HELD, FAILED): (CONFIRMED, CONFIRMED),
    (HELD, OPEN): (CONFIRMED, CONFIRMED),
    (FAILED, None): (REFUTED, REFUTED),
    (FAILED, HELD): (CORRECTED, NARROWED),
    (FAILED, FAILED): (REFUTED, REFUTED),
    (FAILED, OPEN): (INCONCLUSIVE, INCONCLUSIVE),
    (OPEN, None): (INCONCLUSIVE, INCONCLUSIVE),
    (OPEN, HELD): (INCONCLUSIVE, INCONCLUSIVE),
    (OPEN, FAILED): (INCONCLUSIVE, INCONCLUSIVE),
    (OPEN, OPEN): (INCONCLUSIVE, INCONCLUSIVE),
}


def test_the_verdict_table_is_complete_and_exact():
    assert set(TABLE) == set(itertools.product(Outcome, [None, *Outcome]))
    for (published, repaired), verdicts in TABLE.items():
        for narrows, verdict in zip((False, True), verdicts, strict=True):
            assert derive(published, repaired, narrows=narrows) is verdict
            proved = derive(published, repaired, narrows=narrows, proved=True)
            assert proved is (CERTIFIED if published is HELD else verdict)
    assert derive(None) is NOT_EXECUTABLE


def test_held_at_every_point_failed_at_one():
    assert conjunction([HELD, HELD]) is HELD
    assert conjunction([HELD, OPEN, FAILED]) is FAILED
    assert conjunction([HELD, OPEN]) is OPEN
    assert conjunction([]) is OPEN


def test_every_claim_has_its_slot_and_all_of_them_stay_within_the_suites_alpha():
    from importlib import import_module

    claims = [claim for paper in PAPERS for claim in import_module(f"paper_checks.{paper}").CLAIMS]
    assert CLAIM_ALPHA == 5e-6
    assert len(claims) * CLAIM_ALPHA <= SUITE_ALPHA == 1e-3


def test_levels_differ_in_budget_alone():
    assert list(LEVELS) == ["quick", "full"]
    assert QUICK.trials < FULL.trials
    assert QUICK.rank < FULL.rank


# ------------------------------------------------------------------ what a claim may be

IDENTITY = Identity(lambda m: m.center, VALUE["value"], Margin(0.2, "a test"))
SLIP = Mutant("a slip", lambda m: m.center + 5)
PROOF = Symbolic(lambda: 0, "nothing")


def claim(**fields) -> Claim:
    usual = {
        "source": "here",
        "statement": "stated",
        "falsifier": "a gap",
        "design": (Thing(1.0),),
        "published": IDENTITY,
        "mutants": (SLIP,),
        "records": CONFIRMED,
    }
    return Claim("C", **(usual | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mutants": ()}, "needs a mutant"),
        ({"design": ()}, "design is empty"),
        ({"records": INCONCLUSIVE}, "cannot follow"),
        ({"records": NOT_EXECUTABLE}, "cannot follow"),
        ({"records": CERTIFIED}, "cannot follow"),
        ({"records": CORRECTED}, "cannot follow"),
        ({"records": NARROWED, "repaired": Repair(IDENTITY, "another")}, "cannot follow"),
        ({"records": CORRECTED, "repaired": Repair(IDENTITY, "a part", narrows=True)}, "cannot follow"),
        ({"published": PROOF, "records": CONFIRMED}, "cannot follow"),
        ({"published": PROOF, "records": CERTIFIED}, "no statement has one to replace"),
        ({"published": None, "records": NOT_EXECUTABLE}, "with its reason"),
        ({"published": None, "why": "too dear"}, "'not executable'"),
        ({"controls": (Control("repaired", IDENTITY),)}, "different words"),
        ({"controls": (Control("twice", IDENTITY), Control("twice", IDENTITY))}, "different words"),
        ({"trials": {"quick": 0}}, r"trials\['quick'\] = 0"),
        ({"trials": {"full": 1.5}}, r"trials\['full'\] = 1.5"),
    ],
)
def test_a_claim_that_cannot_be_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        claim(**fields)


def test_levels_are_named_and_distances_positive():
    with pytest.raises(UnknownNameError, match="quick"):
        claim(trials={"quik": 10})
    with pytest.raises(ValueError, match="distance"):
        Mutant("none", lambda m: 0.0, distance=-1.0)
    assert claim(trials={"quick": 100}).budget(QUICK) == 100
    assert claim(trials={"quick": 100}).budget(FULL) == FULL.trials
    refuted = claim(mutants=(), records=REFUTED, controls=(Control("it can hold", lambda m: 1.0),))
    assert refuted.records is REFUTED


# ------------------------------------------------------------------ agreement with the record


@pytest.mark.parametrize("found", list(Verdict))
@pytest.mark.parametrize("settles", [QUICK, FULL])
@pytest.mark.parametrize("level", [QUICK, FULL])
def test_a_contradiction_fails_at_every_level_and_inconclusive_from_where_it_settles(found, settles, level):
    judgement = Judgement(claim(settles=settles), "p/C", level, found, ())
    undecided = found is INCONCLUSIVE and (level, settles) == (QUICK, FULL)
    assert judgement.is_open == undecided
    assert judgement.agrees == (found is CONFIRMED or undecided)
    if not judgement.agrees:
        assert judgement.summary == f"evidence: {found.value}; record: confirmed"
    with_problem = replace(judgement, problems=("mutant survives",))
    assert not with_problem.agrees
