"""The hearing of a claim: alpha, looks, budget, repairs, mutants, controls, records, and what is kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.referee_samplers import COIN, COMMON, SHARE, VALUE, Share, Thing, true_mean
from lemmata.claims import (
    CONFIRMED,
    CORRECTED,
    FULL,
    NARROWED,
    NOT_EXECUTABLE,
    QUICK,
    REFUTED,
    Bound,
    Claim,
    Control,
    Identity,
    Judgement,
    Law,
    Limit,
    Margin,
    Mutant,
    Ordering,
    Outcome,
    Rate,
    Repair,
    Symbolic,
    Verdict,
    beta_binomial,
    empirical_bernstein,
    judge,
    judge_claim,
)
from lemmata.engines import Engine, Serial, Threads
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger
from lemmata.models import Model
from lemmata.records import Sampler

THING = Thing(1.0)
DESIGN = (THING, Thing(2.0, law="die"), Thing(0.5, law="exponential"))
HELD, FAILED, OPEN = Outcome.HELD, Outcome.FAILED, Outcome.OPEN
INCONCLUSIVE = Verdict.INCONCLUSIVE
BUDGET = {"quick": 2**12, "full": 2**14}


def margin(value: float) -> Margin:
    return Margin(value, "a test")


def off(by: float):
    return lambda model: (model.mean if isinstance(model, Share) else model.center) + by


def identity(by: float = 0.0, size: float = 0.3) -> Identity:
    return Identity(off(by), VALUE["value"], margin(size))


def claim(**fields: Any) -> Claim:
    usual: dict[str, Any] = {
        "source": "here",
        "statement": "the mean is the center",
        "falsifier": "a gap",
        "design": DESIGN,
        "published": identity(),
        "mutants": (Mutant("five too much", off(5.0)),),
        "records": CONFIRMED,
        "trials": BUDGET,
    }
    return Claim("C", **(usual | fields))


def judged(
    made: Claim, level=QUICK, *, seed: int = 2, engine: Engine | None = None, **options: Any
) -> Judgement:
    with Laboratory(seed, engine=engine or Serial()) as lab:
        return judge_claim("p/C", made, lab, level, **options)


# ------------------------------------------------------------------ alpha, looks, budget


def test_alpha_is_split_evenly_over_all_sampled_questions():
    """Points of both designs, elements of vectors and controls count; what has no chance does not."""
    made = claim(
        published=(identity(3.0), Identity(lambda m: [m.center, -m.center], VALUE["pair"], margin(0.3))),
        repaired=Repair(
            (identity(), Identity(true_mean, true_mean, margin(1e-9))), "the mean", design=DESIGN[:2]
        ),
        mutants=(Mutant("a slip", identity(5.0)),),
        controls=(Control("the center", Identity(off(0.0), VALUE["value"], margin(1.0))),),
        records=CORRECTED,
    )
    judgement = judged(made, alpha=0.03)
    drawn = {evidence.alpha for evidence in judgement.evidence if evidence.trials}
    assert drawn == {0.03 / (3 + 3 * 2 + 2 + 3)}
    assert {e.alpha for e in judgement.evidence if e.level == "no chance"} == {0.0}
    assert judgement.verdict is CORRECTED


def test_looks_fall_on_the_ladder_and_the_budget_is_counted_in_trials():
    judgement = judged(claim(published=identity(0.3)))
    assert judgement.verdict is INCONCLUSIVE
    assert [e.trials for e in judgement.evidence] == [BUDGET["quick"]] * 3
    assert [e.trials for e in judged(claim(published=identity(0.3), trials={"quick": 3000})).evidence] == [
        2048
    ] * 3
    decided = judged(claim())
    assert all(math.log2(e.trials).is_integer() and e.trials < BUDGET["quick"] for e in decided.evidence)


def test_a_chunk_longer_than_the_budget_is_looked_at_once():
    """The budget is rounded up to a whole chunk: cheap samplers have chunks of 2^20 trials."""
    cheap = Sampler(VALUE.function, ranges=VALUE.ranges, work=lambda model: 1e8 / 2**14)
    judgement = judged(claim(published=Identity(off(0), cheap["value"], margin(0.3)), trials={"quick": 100}))
    assert [e.trials for e in judgement.evidence] == [2**14] * 3
    assert judgement.verdict is CONFIRMED


def test_sampling_stops_where_it_can_no_longer_matter():
    """One failure settles the published statement; the repair has its own evidence, and needs none if not needed."""
    far = lambda m: m.center + (5.0 if m == THING else 0.3)  # noqa: E731
    made = claim(
        published=replace(identity(), prediction=far), repaired=Repair(identity(), "r"), records=CORRECTED
    )
    judgement = judged(made)
    published = [e for e in judgement.evidence if e.part == "published"]
    assert judgement.verdict is CORRECTED
    assert [e.outcome for e in published] == [FAILED, OPEN, OPEN]
    assert max(e.trials for e in published) == published[0].trials < BUDGET["quick"]
    assert judgement.counterexample is published[0]
    assert judgement.summary == f"fails at {published[0].point}"
    unneeded = judged(claim(design=DESIGN[:2], repaired=Repair(identity(0.3), "never decided")))
    assert unneeded.verdict is CONFIRMED
    assert max(e.trials for e in unneeded.evidence) < BUDGET["quick"]


def test_the_same_sampler_is_run_once_for_all_statements():
    """An output named twice is one output; several outputs of a sampler come from one run."""
    with Laboratory(2, engine=Serial()) as lab:
        both = (
            identity(),
            Identity(off(0), VALUE["value"], margin(0.3)),
            Law(lambda m: _normal(m), VALUE["value"], margin(0.2)),
        )
        judge_claim(
            "p/C", claim(published=both, design=(THING,), mutants=(Mutant("slip", identity(5.0)),)), lab
        )
        assert lab.computed * 128 <= BUDGET["quick"]


def _normal(model: Thing):
    from scipy.special import ndtr

    return lambda x: ndtr(np.asarray(x) - model.center)


# ------------------------------------------------------------------ verdicts, mutants, controls


@pytest.mark.parametrize(
    ("published", "repair", "narrows", "verdict"),
    [
        (0.0, None, False, CONFIRMED),
        (2.0, None, False, REFUTED),
        (2.0, 0.0, False, CORRECTED),
        (2.0, 0.0, True, NARROWED),
        (2.0, 3.0, False, REFUTED),
        (2.0, 0.3, False, INCONCLUSIVE),
        (0.3, 0.0, False, INCONCLUSIVE),
    ],
)
def test_verdicts_follow_from_the_published_and_the_repaired_statement(published, repair, narrows, verdict):
    repaired = None if repair is None else Repair(identity(repair), "repaired", narrows=narrows)
    judgement = judged(claim(published=identity(published), repaired=repaired))
    assert judgement.verdict is verdict
    assert judgement.agrees == (verdict is CONFIRMED)
    if verdict is not CONFIRMED:
        assert judgement.summary == f"evidence: {verdict.value}; record: confirmed"


def test_mutants_are_judged_on_the_data_of_what_stands():
    judgement = judged(
        claim(
            published=identity(2.0),
            repaired=Repair(identity(), "repaired"),
            records=CORRECTED,
            mutants=(Mutant("two", off(2.0)),),
        )
    )
    assert judgement.agrees
    assert judgement.mutants[0]["outcome"] == "failed"


def test_a_mutant_that_survives_or_is_too_near_is_a_problem():
    near = judged(claim(mutants=(Mutant("a hair", off(1e-3)),)))
    assert near.verdict is CONFIRMED
    assert not near.agrees
    assert near.summary == "mutant survives (held): a hair"
    modest = judged(claim(mutants=(Mutant("one too much", off(1.0), distance=1000.0),)))
    assert modest.problems[0].endswith("declared 1000: one too much")


def test_distance_is_measured_beyond_the_margin_in_units_of_what_is_detected():
    judgement = judged(claim(design=(THING,), mutants=(Mutant("one too much", off(1.0)),)))
    evidence = judgement.evidence[0]
    expected = (abs(evidence.estimate - 2.0) - 0.3) / evidence.detectable
    assert judgement.mutants[0]["distance"] == pytest.approx(expected, rel=1e-9)


def test_mutants_of_mixed_statements_replace_the_formulas_that_there_are():
    """An ordering has no formula; a mutant formula is judged on the identity beside it."""
    order = Ordering(VALUE["value"], lambda m: [m, replace(m, center=m.center + 1)], True, margin(0.0))
    mutants = (Mutant("five too much", off(5.0)), Mutant("turned", replace(order, rises=False)))
    judgement = judged(claim(published=(identity(), order), mutants=mutants))
    assert judgement.verdict is CONFIRMED
    assert not judgement.problems
    assert [mutant["outcome"] for mutant in judgement.mutants] == ["failed", "failed"]


def test_a_mutant_whose_data_were_not_needed_survives_and_is_no_defect():
    """What has no chance fails first, so that nothing is sampled: the claim disagrees, its mutant is open."""
    computed = Identity(off(1.0), true_mean, margin(1e-9))
    judgement = judged(
        claim(published=(computed, identity()), mutants=(Mutant("five too much", identity(5.0)),))
    )
    assert judgement.verdict is REFUTED
    assert judgement.mutants[0]["outcome"] == "open"
    assert not judgement.agrees


def test_a_mutant_about_other_data_is_refused():
    other = Mutant("elsewhere", Identity(off(0), COMMON["value"], margin(0.1)))
    with pytest.raises(ValueError, match="own data"):
        judged(claim(mutants=(other,)))


def test_where_another_statement_stands_than_on_record_its_mutants_say_nothing():
    """They are made for the repaired statement and its data; the verdict and the record are what is reported."""
    judgement = judged(
        claim(
            repaired=Repair(Identity(off(0.0), COMMON["value"], margin(0.3)), "r"),
            mutants=(Mutant("five too much", Identity(off(5.0), COMMON["value"], margin(0.3))),),
            records=CORRECTED,
        )
    )
    assert judgement.verdict is CONFIRMED
    assert (judgement.mutants, judgement.problems) == ((), ())
    assert not judgement.agrees


def test_controls_get_the_evidence_they_need_and_must_hold():
    """A refuted claim fails at the first look; its control needs more, within the same budget."""
    made = claim(
        published=identity(9.0), records=REFUTED, mutants=(), controls=(Control("the center", off(0.0)),)
    )
    judgement = judged(made)
    assert judgement.agrees
    trials = {
        part: max(e.trials for e in judgement.evidence if e.part == part)
        for part in ("published", "the center")
    }
    assert trials["published"] < trials["the center"]
    wrong = judged(replace(made, controls=(Control("nine", off(9.0)),)))
    assert wrong.problems == ("control is failed: nine",)
    assert not wrong.agrees


def test_what_cannot_be_run_says_why():
    judgement = judged(claim(published=None, records=NOT_EXECUTABLE, why="needs a cluster", mutants=()))
    assert judgement.verdict is NOT_EXECUTABLE
    assert judgement.agrees
    assert judgement.evidence == ()


def test_an_error_names_the_claim():
    with Laboratory(engine=Serial()) as lab, pytest.raises(ValueError, match="must be finite") as caught:
        judge([("p/C9", claim(published=identity(math.nan)))], lab)
    assert caught.value.__notes__ == ["while judging p/C9"]


# ------------------------------------------------------------------ records on paper


def test_evidence_is_strict_json():
    """Infinite intervals, certificates without numbers, distances without end."""
    ordering = Ordering(COIN["hit"], lambda m: [m, m], True, margin(0.0), empirical_bernstein)
    made = (
        claim(
            published=(Bound(off(9.0), VALUE["value"], margin(0.0)), Symbolic(lambda: 0, "0 = 0")),
            mutants=(Mutant("low", off(-9.0)),),
        ),
        claim(published=Identity(true_mean, true_mean, margin(0.0)), mutants=(Mutant("a hair", off(1e-9)),)),
        claim(
            published=Rate(
                lambda m: 1.0, VALUE["value"], lambda m: [(s, Thing(-s)) for s in (1, 2, 4)], margin(0.1)
            )
        ),
        claim(
            published=ordering,
            design=(Share(0.5),),
            mutants=(Mutant("turned", replace(ordering, rises=False)),),
        ),
        claim(trials={"quick": 16}),
        claim(published=None, records=NOT_EXECUTABLE, why="too dear"),
    )
    for judgement in map(judged, made):
        text = json.dumps(judgement.to_data(), allow_nan=False)
        assert json.loads(text) == judgement.to_data()
        for row, evidence in zip(judgement.rows, judgement.evidence, strict=True):
            assert row["outcome"] == evidence.outcome.value
            assert float(row["low"]) <= float(row["high"]) or math.isnan(evidence.low)
    assert judged(made[1]).mutants[0]["distance"] > 1e6


def test_verdicts_are_kept_in_the_ledger(tmp_path: Path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger, Laboratory(2, engine=Serial(), ledger=ledger) as lab:
        heard: list[Judgement] = []
        (judgement,) = judge([("p/C", claim())], lab, notify=heard.append)
        (row,) = ledger.verdicts()
        assert (row.claim_id, row.level) == ("p/C", "quick")
        assert row.record == judgement.to_data()
        assert heard == [judgement]


# ------------------------------------------------------------------ the same verdicts however they are reached

COINS = (Share(0.5), Share(0.03))


def all_kinds() -> list[tuple[str, Claim]]:
    """Claims of every sampled kind, decided and open ones."""
    order = Ordering(COMMON["value"], lambda m: [m, replace(m, center=m.center + 0.4)], True, margin(0.0))
    grow = Rate(lambda m: 1.0, VALUE["value"], lambda m: [(s, Thing(4 * s)) for s in (1, 2, 4)], margin(0.3))
    limit = Limit(off(0), VALUE["value"], ("size",), (1, 2, 4, 8), 1.0, margin(0.5))
    slip = Mutant("turned", replace(order, rises=False))
    made = [
        claim(),
        claim(published=identity(0.3)),
        claim(published=identity(2.0), repaired=Repair(identity(), "r"), records=CORRECTED),
        claim(published=Identity(off(0), COIN["hit"], margin(0.1), beta_binomial), design=COINS),
        claim(published=Identity(off(0), SHARE["share"], margin(0.1), empirical_bernstein), design=COINS),
        claim(published=(order, limit, grow), design=(THING,), mutants=(slip,)),
        claim(
            published=Law(_normal, VALUE["value"], margin(0.1)),
            design=(THING,),
            mutants=(Mutant("slip", _at_zero),),
        ),
    ]
    return [(f"p/C{i}", item) for i, item in enumerate(made)]


def _at_zero(model: Thing):
    return _normal(Thing(0.0))


def records(judgements: list[Judgement]) -> list[dict[str, Any]]:
    return [judgement.to_data() for judgement in judgements]


@pytest.fixture(scope="module")
def undisturbed() -> list[dict[str, Any]]:
    with Laboratory(3, engine=Serial()) as lab:
        return records(judge(all_kinds(), lab))


@pytest.mark.parametrize("engine", [lambda: Threads(1), lambda: Threads(2)], ids=["1 thread", "2 threads"])
def test_verdicts_and_stopping_times_do_not_depend_on_the_engine(engine, undisturbed):
    with Laboratory(3, engine=engine()) as lab:
        assert records(judge(all_kinds(), lab)) == undisturbed


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("after", [5, 60])
def test_an_interrupted_hearing_resumes_to_the_same_verdicts(tmp_path: Path, workers, after, undisturbed):
    count = 0

    def interrupt(progress: Progress) -> None:
        nonlocal count
        count += 1
        if count == after:
            raise KeyboardInterrupt

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with Laboratory(3, engine=Threads(workers), ledger=ledger, progress=interrupt) as lab:
            with pytest.raises(KeyboardInterrupt):
                judge(all_kinds(), lab)
            assert 0 < lab.computed <= after + workers
        with Laboratory(3, engine=Threads(workers), ledger=ledger) as lab:
            assert records(judge(all_kinds(), lab)) == undisturbed
            assert lab.reused > 0
        with Laboratory(3, engine=Serial(), ledger=ledger) as lab:
            assert records(judge(all_kinds(), lab)) == undisturbed
            assert lab.computed == 0


def test_quick_is_a_prefix_of_full(tmp_path: Path):
    """What quick decides, full decides the same at the same look; what quick leaves open goes on from there."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with Laboratory(3, engine=Serial(), ledger=ledger) as lab:
            quick = judge(all_kinds(), lab, QUICK)
        with Laboratory(3, engine=Serial(), ledger=ledger) as lab:
            full = judge(all_kinds(), lab, FULL)
            assert lab.reused > 0
    more = 0
    for early, late in zip(quick, full, strict=True):
        for a, b in zip(early.evidence, late.evidence, strict=True):
            if a.outcome is OPEN:
                assert b.trials >= a.trials
                more += b.trials > a.trials
            else:
                assert (a.outcome, a.trials, a.low, a.high) == (b.outcome, b.trials, b.low, b.high)
        assert early.verdict in (late.verdict, INCONCLUSIVE)
    assert more > 0


def test_the_command_line_fails_naming_evidence_and_record(tmp_path: Path, monkeypatch, capsys):
    from lemmata.cli import main
    from paper_checks import attention_memorization as paper

    (right,) = (c for c in paper.CLAIMS if c.id == "R1")
    wrong = replace(right, published=right.mutants[0].replacement)
    ledger = ["--ledger", str(tmp_path / "ledger.sqlite")]
    monkeypatch.setattr(paper, "CLAIMS", (right,))
    assert main(["check", "attention_memorization/R1", *ledger]) == 0
    monkeypatch.setattr(paper, "CLAIMS", (wrong,))
    capsys.readouterr()
    assert main(["check", "attention_memorization/R1", *ledger]) == 1
    said = capsys.readouterr().err
    assert "refuted" in said
    assert "certified" in said


def test_models_without_a_closed_form_need_none():
    """An observed function and a bound of it: nothing is sampled, no chunk is run."""
    with Laboratory(engine=Serial()) as lab:
        statement = Bound(lambda m: 10.0, true_mean, margin(0.0), attack=(("center", -5.0, 5.0),))
        judgement = judge_claim(
            "p/C", claim(published=statement, mutants=(Mutant("lower", lambda m: 1.0),)), lab
        )
        assert judgement.agrees
        assert lab.computed == 0
        assert isinstance(judgement.claim.design[0], Model)
