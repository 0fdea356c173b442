"""Certificates: identities proved from definitions, enclosures by ball arithmetic, and how each of them breaks."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import sympy

from lemmata.claims import (
    CERTIFIED,
    CORRECTED,
    REFUTED,
    Certificate,
    Claim,
    Enclosed,
    MissingExtraError,
    Mutant,
    Outcome,
    Repair,
    Symbolic,
    Verdict,
    judge_claim,
)
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory

WORDS = {"source": "here", "statement": "stated", "falsifier": "a point"}


def variance_residue(coefficient: int) -> Any:
    """The variance of a binomial law from its generating function, less coefficient * n p (1 - p)."""
    n, p, t = sympy.symbols("n p t", positive=True)
    generating = (1 - p + p * t) ** n
    first: Any = sympy.diff(generating, t).subs(t, 1)
    second: Any = sympy.diff(generating, t, 2).subs(t, 1)
    return second + first - first**2 - coefficient * n * p * (1 - p)


IDENTITY = Symbolic(lambda: variance_residue(1), "the variance of a binomial law")
SLIP = Symbolic(lambda: variance_residue(2), "twice the variance")


def judged(published: Certificate, mutant: Certificate, records: Verdict = CERTIFIED, **fields):
    claim = Claim(
        "C",
        design=(),
        published=published,
        mutants=(Mutant("slip", mutant),),
        records=records,
        **WORDS,
        **fields,
    )
    with Laboratory(engine=Serial()) as lab:
        return judge_claim("C", claim, lab)


def test_an_identity_is_proved_from_the_definition_and_broken_by_its_mutant():
    judgement = judged(IDENTITY, SLIP)
    assert judgement.verdict is CERTIFIED
    assert judgement.agrees
    assert judgement.mutants[0]["outcome"] == "failed"
    assert judgement.evidence[0].alpha == 0


def test_a_false_identity_is_refuted_at_a_point_and_a_proved_repair_corrects_it():
    refuted = judged(SLIP, SLIP, REFUTED)
    assert refuted.verdict is REFUTED
    assert "does not vanish at n = " in refuted.evidence[0].note
    repaired = judged(SLIP, SLIP, CORRECTED, repaired=Repair(IDENTITY, "the variance"))
    assert repaired.verdict is CORRECTED


def test_a_mutant_that_is_proved_too_is_a_problem():
    judgement = judged(IDENTITY, IDENTITY)
    assert not judgement.agrees
    assert "survives (held)" in judgement.problems[0]


def test_points_respect_what_is_assumed_of_the_symbols():
    """sqrt(x^2) = x for positive x, not for all real x; (-1)^(2k) = 1 for whole k."""
    x, y, k = sympy.Symbol("x", positive=True), sympy.Symbol("y", real=True), sympy.Symbol("k", integer=True)
    negative = sympy.Symbol("z", negative=True)
    assert Symbolic(lambda: sympy.sqrt(x**2) - x, "").replay().outcome is Outcome.HELD
    assert Symbolic(lambda: sympy.sqrt(y**2) - y, "").replay().outcome is Outcome.FAILED
    assert Symbolic(lambda: (-1) ** (2 * k) - 1, "").replay().outcome is Outcome.HELD
    assert Symbolic(lambda: sympy.Abs(negative) + negative, "").replay().outcome is Outcome.HELD
    assert Symbolic(lambda: sympy.Abs(negative) - negative, "").replay().outcome is Outcome.FAILED


def test_several_expressions_must_all_vanish_and_one_that_does_not_fails_them():
    x = sympy.Symbol("x")
    both = Symbolic(lambda: ((x + 1) ** 2 - x**2 - 2 * x - 1, sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1), "")
    assert both.replay().reason.startswith("2 expression")
    assert Symbolic(lambda: (sympy.Function("f")(x), x), "").replay().outcome is Outcome.FAILED
    assert Symbolic(lambda: (), "").replay().outcome is Outcome.OPEN
    assert Symbolic(lambda: sympy.Function("f")(x), "").replay().outcome is Outcome.OPEN
    assert Symbolic(lambda: sympy.nan, "").replay().outcome is Outcome.OPEN


def test_balls_prove_disprove_and_leave_open():
    pytest.importorskip("flint")
    proved = Enclosed(lambda f: f.arb(2).sqrt() - f.arb(7) / 5, "sqrt 2 > 7/5")
    disproved = Enclosed(lambda f: f.arb(2).sqrt() - f.arb(3) / 2, "sqrt 2 > 3/2")
    within = Enclosed(lambda f: f.arb(2).sqrt() ** 2 - 2, "2 > 2")
    assert [c.replay().outcome for c in (proved, disproved, within)] == [
        Outcome.HELD,
        Outcome.FAILED,
        Outcome.OPEN,
    ]
    assert judged(proved, disproved).agrees
    assert judged(within, disproved).verdict is Verdict.INCONCLUSIVE
    assert Enclosed(lambda f: (f.arb(0, 1), f.arb(-2)), "").replay().outcome is Outcome.FAILED


def test_a_float_is_no_ball():
    pytest.importorskip("flint")
    with pytest.raises(TypeError, match=r"sqrt 2.*must be real balls"):
        Enclosed(lambda f: 2**0.5 - 1.4, "sqrt 2 > 7/5").replay()


def test_without_flint_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(
        MissingExtraError, match=r"'sqrt 2 > 7/5' needs python-flint: install the extra 'certify'"
    ):
        Enclosed(lambda f: f.arb(2).sqrt() - f.arb(7) / 5, "sqrt 2 > 7/5").replay()
