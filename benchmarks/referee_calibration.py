"""Hold the whole referee to its promise: `python -m benchmarks.referee_calibration`.

Invented suites of claims of every kind, whose truth is known, are judged by `lemmata.claims.judge` with streams of
the laboratory, at alpha = .05 for a suite. A suite errs when any question of any claim is decided against the
truth, or any verdict is neither the true one nor inconclusive. Half of the discrepancies are placed at an end of
the margin, a hair inside it or a hair beyond. The result is written to docs/referee.md; ten minutes on one core.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.referee_samplers import VALUE
from benchmarks.referee_statements import (
    KINDS,
    Off,
    Placed,
    invented_margin,
    invented_things,
    placed_error,
    square_identity,
    true_outcome,
)
from benchmarks.sequence_experiments import ErrorCount
from lemmata.claims import (
    Bound,
    Claim,
    Control,
    Enclosed,
    Identity,
    Judgement,
    Mutant,
    Outcome,
    Repair,
    Statement,
    Symbolic,
    Verdict,
    derive,
    judge,
)
from lemmata.claims.questions import Question
from lemmata.claims.verdicts import Level, conjunction
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory

ALPHA = 0.05
LEVEL = Level("calibration", 2**12, 0)
PAGE = Path(__file__).parents[1] / "docs" / "referee.md"
BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"


# ------------------------------------------------------------------ suites of claims


@dataclass(frozen=True)
class Invented:
    """A claim with the truth about it."""

    kind: str
    claim: Claim
    truth: dict[str, Outcome]
    verdict: Verdict


def invented_suite(rng: np.random.Generator) -> list[Invented]:
    """Twenty-six claims: each kind by itself, pairs of statements, and published statements with repairs."""
    made = [_claim(kind.__name__.replace("_", " "), kind(rng, None)) for kind in KINDS]
    made += [_pair(rng) for _ in range(2)]
    drawn = [KINDS[i] for i in rng.integers(len(KINDS), size=12)]
    for published, repaired in zip(drawn[:6], drawn[6:], strict=True):
        holds = None if rng.random() < 0.3 else False
        narrows = bool(rng.random() < 0.5)
        made.append(_claim("published and repaired", published(rng, holds), repaired(rng, None), narrows))
    return made


def _claim(kind: str, published: Placed, repaired: Placed | None = None, narrows: bool = False) -> Invented:
    truth = {"published": _truth(published)}
    repair = None
    if repaired is not None:
        truth["repaired"] = _truth(repaired)
        repair = Repair(repaired.statement, "invented", design=repaired.design, narrows=narrows)
    proved = isinstance(published.statement, Symbolic | Enclosed)
    verdict = derive(truth["published"], truth.get("repaired"), narrows=narrows, proved=proved)
    stands = repaired if repaired and verdict in (Verdict.CORRECTED, Verdict.NARROWED) else published
    claim = Claim(
        kind,
        source="invented",
        statement=kind,
        falsifier="invented",
        design=published.design,
        published=published.statement,
        repaired=repair,
        mutants=(Mutant("far away", stands.mutant),)
        if _replaceable(published, repaired, stands)
        else (_ANY_MUTANT,),
        records=verdict,
    )
    return Invented(kind, claim, truth, verdict)


def _replaceable(published: Placed, repaired: Placed | None, stands: Placed) -> bool:
    """Whether the mutant is one of the only statement that has a formula (others' shapes differ)."""
    return repaired is None or not callable(stands.mutant)


_ANY_MUTANT = Mutant("a proof that breaks", square_identity(1))


def _pair(rng: np.random.Generator) -> Invented:
    """Two statements that must both hold, with a control that holds."""
    margin = 0.25
    things = invented_things(rng, 1)
    first, second = (Off(placed_error(rng, margin)) for _ in range(2))
    parts = (
        Identity(first, VALUE["value"], invented_margin(margin)),
        Bound(second, VALUE["value"], invented_margin(margin), upper=False),
    )
    truth = conjunction(outcome for part in parts for outcome in map(true_outcome, part.questions(things[0])))
    verdict = derive(truth)
    control = Control("the truth", Identity(Off(0.0), VALUE["value"], invented_margin(0.5)))
    claim = Claim(
        "pair",
        source="invented",
        statement="two statements",
        falsifier="invented",
        design=things,
        published=parts,
        mutants=(Mutant("far away", Off(9.0)),),
        controls=(control,),
        records=verdict,
    )
    return Invented("two statements", claim, {"published": truth, control.words: Outcome.HELD}, verdict)


def _truth(placed: Placed) -> Outcome:
    if placed.truth is not None:
        return placed.truth
    assert isinstance(placed.statement, Statement)
    return conjunction(true_outcome(q) for model in placed.design for q in placed.statement.questions(model))


# ------------------------------------------------------------------ judging them


@dataclass
class Score:
    """What came of the claims of one kind."""

    claims: int = 0
    wrong: int = 0
    inconclusive: int = 0
    problems: int = 0


@dataclass
class Calibration:
    """What came of all suites."""

    suites: int = 0
    claims: int = 0
    wrong_suites: int = 0
    scores: dict[str, Score] = field(default_factory=dict[str, Score])
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    mistakes: list[str] = field(default_factory=list[str])

    @property
    def errors(self) -> ErrorCount:
        """Suites with any wrong verdict, against what was promised."""
        return ErrorCount(self.wrong_suites, self.suites, ALPHA)

    @property
    def inconclusive(self) -> float:
        """Share of inconclusive verdicts."""
        return sum(score.inconclusive for score in self.scores.values()) / self.claims


def errs(judgement: Judgement, invented: Invented) -> str:
    """What is wrong about a judgement; empty if nothing is."""
    if judgement.verdict not in (invented.verdict, Verdict.INCONCLUSIVE):
        return f"verdict {judgement.verdict.value}, truth {invented.verdict.value}"
    for evidence in judgement.evidence:
        if evidence.outcome is Outcome.OPEN:
            continue
        # what fails at one point makes its part fail; what holds there may still fail elsewhere
        if evidence.outcome is Outcome.FAILED and invented.truth[evidence.part] is Outcome.HELD:
            return f"{evidence.part} failed at {evidence.point}, but it is true"
        for question in _questions(invented.claim, evidence.part):
            same = question.label == evidence.point and question.target == evidence.target
            if same and question.accept == evidence.accept and true_outcome(question) is not evidence.outcome:
                return f"{evidence.part} is {evidence.outcome.value} at {evidence.point}, against the truth"
    return ""


def _questions(claim: Claim, part: str) -> Iterator[Question]:
    repaired = part == "repaired"
    statements = claim.repaired_parts if repaired else claim.published_parts
    for statement in statements:
        if isinstance(statement, Statement):
            for model in claim.repaired_design if repaired else claim.design:
                yield from statement.questions(model)


def calibrate(suites: int, seed: int = 0, *, claim_alpha: float | None = None) -> Calibration:
    """Judge invented suites, each claim at an even share of `ALPHA`, or at a level of its own."""
    found = Calibration()
    for index in range(suites):
        invented = invented_suite(np.random.default_rng([seed, index]))
        lab = Laboratory(seed=1000 * seed + index, engine=Serial())
        named = [(f"{i}", item.claim) for i, item in enumerate(invented)]
        judgements = judge(named, lab, LEVEL, alpha=claim_alpha or ALPHA / len(invented))
        mistakes = 0
        for judgement, item in zip(judgements, invented, strict=True):
            score = found.scores.setdefault(item.kind, Score())
            score.claims += 1
            score.inconclusive += judgement.verdict is Verdict.INCONCLUSIVE
            score.problems += bool(judgement.problems)
            found.verdicts[item.verdict.value, judgement.verdict.value] += 1
            if mistake := errs(judgement, item):
                mistakes += 1
                score.wrong += 1
                found.mistakes.append(f"suite {index}, {item.kind}: {mistake}")
        found.suites += 1
        found.claims += len(invented)
        found.wrong_suites += mistakes > 0
    return found


def markdown(found: Calibration, sharper: Calibration) -> str:
    """The result as a page's section; `sharper` has claims that were judged at level `ALPHA` each."""
    errors = found.errors
    size = found.claims // found.suites
    wrong = sum(score.wrong for score in sharper.scores.values())
    lines = [
        f"{found.suites} suites of {size} claims, promised: at most {ALPHA:g} of the suites err. Erred: "
        f"{errors.events} ({errors.rate:.3f}). Inconclusive: {found.inconclusive:.0%} of the verdicts.",
        "",
        f"Mixtures over a few looks stay well below their promise, so {sharper.suites} more suites were judged at "
        f"alpha = {ALPHA:g} *for a claim*: {wrong} of {sharper.claims} claims erred ({wrong / sharper.claims:.4f}).",
        "",
        f"| kind of claim | claims | wrong | inconclusive | claims at {ALPHA:g} each | wrong |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind, score in found.scores.items():
        other = sharper.scores[kind]
        lines.append(
            f"| {kind} | {score.claims} | {score.wrong} | {score.inconclusive / score.claims:.0%} "
            f"| {other.claims} | {other.wrong} |"
        )
    lines += ["", "| true verdict | found | claims |", "|---|---|---:|"]
    lines += [
        f"| {true} | {verdict} | {count} |" for (true, verdict), count in sorted(found.verdicts.items())
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suites", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--print", action="store_true", help="print the table, leave the page alone")
    options = parser.parse_args()
    found = calibrate(options.suites, options.seed)
    sharper = calibrate(max(options.suites // 2, 1), options.seed + 1, claim_alpha=ALPHA)
    table = markdown(found, sharper)
    for mistake in found.mistakes:
        print(mistake)
    if options.print:
        print(table)
        return
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
