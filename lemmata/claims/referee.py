"""The referee: gathers evidence for claims and derives their verdicts.

Each question of a claim gets an even share of the claim's alpha (questions without chance spend none). All are
looked at on one ladder of trial counts, on prefixes of the chunks in order, so that stopping times and verdicts do
not depend on the engine. Sampling goes on until every question is decided, or can no longer matter because its
part of the claim is settled, or the budget is spent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lemmata.claims.attacks import attack_bound
from lemmata.claims.certificates import Certificate
from lemmata.claims.claim import CLAIM_ALPHA, Claim, Judged
from lemmata.claims.evidence import Evidence, Judgement, evidence_key
from lemmata.claims.observations import Look, Source
from lemmata.claims.questions import Question, decide, distance_beyond
from lemmata.claims.statements import Bound, Statement
from lemmata.claims.verdicts import QUICK, Level, Outcome, Verdict, conjunction, derive
from lemmata.confidence import look_sizes
from lemmata.laboratory import Laboratory, Run
from lemmata.models import Model
from lemmata.records import Prediction, Sampler
from lemmata.tally import Collect

FIRST_LOOK = 16
PUBLISHED, REPAIRED = "published", "repaired"


def judge(
    claims: Iterable[tuple[str, Claim]],
    lab: Laboratory,
    level: Level = QUICK,
    *,
    alpha: float = CLAIM_ALPHA,
    notify: Callable[[Judgement], None] | None = None,
) -> list[Judgement]:
    """Judge claims, one after the other.

    Parameters
    ----------
    claims : iterable of (identifier, Claim)
        For example ('attention_memorization/C7', C7).
    lab : Laboratory
        Where samplers run; its seed decides the data. Verdicts are kept in its ledger.
    level : Level
    alpha : float
        Probability of a wrong verdict that each claim may spend.
    notify : callable, optional
        Called with each judgement as it is reached.
    """
    judgements: list[Judgement] = []
    for identifier, claim in claims:
        lab.label = identifier
        try:
            judgement = judge_claim(identifier, claim, lab, level, alpha=alpha)
        except Exception as error:
            error.add_note(f"while judging {identifier}")
            raise
        judgements.append(judgement)
        if lab.ledger is not None:
            key = evidence_key(identifier, claim, level, lab.seed, alpha)
            lab.ledger.put_verdict(identifier, level.name, key, judgement.to_data())
        if notify is not None:
            notify(judgement)
    return judgements


def judge_claim(
    identifier: str, claim: Claim, lab: Laboratory, level: Level = QUICK, *, alpha: float = CLAIM_ALPHA
) -> Judgement:
    """Judge one claim; see `judge`."""
    started = time.perf_counter()
    if claim.published is None:
        return Judgement(claim, identifier, level, Verdict.NOT_EXECUTABLE, (), seed=lab.seed)
    hearing = _Hearing(claim, lab, claim.budget(level), alpha)
    hearing.hear()
    verdict = derive(
        hearing.outcome(PUBLISHED),
        hearing.outcome(REPAIRED) if claim.repaired else None,
        narrows=claim.repaired is not None and claim.repaired.narrows,
        proved=all(isinstance(part, Certificate) for part in claim.published_parts),
    )
    mutants, problems = hearing.cross_examine(verdict)
    evidence = tuple(hearing.evidence())
    platforms = frozenset[str]().union(*(run.platforms for run in hearing.runs.values()))
    seconds = time.perf_counter() - started
    return Judgement(
        claim,
        identifier,
        level,
        verdict,
        evidence,
        tuple(problems),
        tuple(mutants),
        seconds,
        platforms,
        seed=lab.seed,
    )


@dataclass(eq=False)
class _Case:
    """One question in the course of a hearing; `position` is its place among its statement's questions."""

    part: str
    statement: Statement
    model: Model
    position: int
    question: Question
    looks: list[Look] = field(default_factory=list[Look])
    history: list[Any] = field(default_factory=list[Any])
    outcome: Outcome = Outcome.OPEN
    trials: int = 0
    note: str = ""

    def look(self, look: Look, trials: int, alpha: float) -> None:
        """Take one more look, and decide."""
        question = self.question
        self.looks.append(look)
        self.history.append(question.observe(look))
        self.trials, self.note = trials, ""
        self.outcome = decide(question.interval(self.history, alpha), question.accept)
        if self.outcome is not Outcome.OPEN and (reason := question.reservation(self.history, alpha)):
            self.outcome, self.note = Outcome.OPEN, f"kept open: {reason}"


_RunKey = tuple[Sampler, Model, bool]


class _Hearing:
    """The hearing of one claim."""

    def __init__(self, claim: Claim, lab: Laboratory, budget: int, alpha: float) -> None:
        self.claim, self.lab, self.budget = claim, lab, budget
        self.runs: dict[_RunKey, Run] = {}
        self.cases: list[_Case] = []
        self.certificates: list[Evidence] = []
        self._hear_of(PUBLISHED, claim.published_parts, claim.design)
        self._hear_of(REPAIRED, claim.repaired_parts, claim.repaired_design)
        for control in claim.controls:
            self._hear_of(control.words, _control(claim, control.replacement), claim.design)
        sampled = [case for case in self.cases if case.question.sources]
        self.alpha = alpha / max(len(sampled), 1)
        rows: dict[_RunKey, set[str]] = {}
        for case in sampled:
            case.question.is_exact(self.alpha)  # a tool that does not fit objects now
            for source in case.question.sources:
                outputs = rows.setdefault(_run_key(case, source), set())
                outputs |= {source.output.name} if case.question.needs_rows else set()
        for (sampler, model, paired), outputs in rows.items():
            collect = Collect(rows=tuple(sorted(outputs)))
            self.runs[sampler, model, paired] = lab.run(sampler, model, paired=paired, collect=collect)

    def _hear_of(self, part: str, statements: Iterable[Judged], design: tuple[Model, ...]) -> None:
        for statement in statements:
            if isinstance(statement, Certificate):
                self.certificates.append(_replayed(part, statement))
                continue
            for model in design:
                for position, question in enumerate(statement.questions(model)):
                    self.cases.append(_Case(part, statement, model, position, question))

    # -------------------------------------------------------------- gathering

    def hear(self) -> None:
        """Gather evidence until everything that matters is decided or the budget is spent."""
        for case in self.cases:
            if not case.question.sources:
                case.look({}, 0, self.alpha)
                self._attack(case)
        sampled = [case for case in self.cases if case.question.sources]
        most = max([self.budget, FIRST_LOOK, *map(self._first_look, sampled)])
        for trials in look_sizes(most, FIRST_LOOK):
            waiting = [
                case for case in sampled if case.outcome is Outcome.OPEN and not self._is_settled(case.part)
            ]
            ready = [
                case
                for case in waiting
                if self._first_look(case) <= trials <= max(self.budget, self._first_look(case))
            ]
            runs = dict.fromkeys(
                self._run(case, source) for case in ready for source in case.question.sources
            )
            self.lab.advance((run, trials // run.batch.trials) for run in runs)
            for case in ready:
                look = {s: self._run(case, s).estimate(s.output.name) for s in case.question.sources}
                case.look(look, trials, self.alpha)

    def _is_settled(self, part: str) -> bool:
        """Whether further evidence on a part can no longer change the verdict."""
        if part == REPAIRED and self.outcome(PUBLISHED) is Outcome.HELD:
            return True
        return self.outcome(part) is Outcome.FAILED

    def _run(self, case: _Case, source: Source) -> Run:
        return self.runs[_run_key(case, source)]

    def _first_look(self, case: _Case) -> int:
        """A look falls on whole chunks: the budget is rounded up to one."""
        return max(FIRST_LOOK, *(self._run(case, source).batch.trials for source in case.question.sources))

    def _attack(self, case: _Case) -> None:
        statement = case.statement
        if not isinstance(statement, Bound) or not statement.attack or case.outcome is Outcome.FAILED:
            return
        found = attack_bound(statement, case.model)
        case.note = f"no violation in {found}"
        if found.worst is not None:
            worst = statement.questions(found.worst)
            case.model, case.question, case.looks, case.history = found.worst, worst[case.position], [], []
            case.look({}, 0, self.alpha)
            case.note = f"violation found by attack after {found}"

    # -------------------------------------------------------------- deciding

    def outcome(self, part: str) -> Outcome:
        """Outcome of the published or the repaired statement, or of a control."""
        cases = [case.outcome for case in self.cases if case.part == part]
        return conjunction([*cases, *(proof.outcome for proof in self.certificates if proof.part == part)])

    def evidence(self) -> Iterator[Evidence]:
        """All evidence in the order of the claim; questions that were never looked at are left out."""
        yield from self.certificates
        for case in self.cases:
            if case.history:
                yield self._evidence(case)

    def _evidence(self, case: _Case) -> Evidence:
        question, sampled = case.question, bool(case.question.sources)
        interval = question.interval(case.history, self.alpha)
        is_open = case.outcome is Outcome.OPEN
        return Evidence(
            part=case.part,
            statement=type(case.statement).__name__,
            point=question.label,
            estimate=question.estimate(case.history),
            target=question.target,
            low=float(interval.low),
            high=float(interval.high),
            accept=question.accept,
            outcome=case.outcome,
            trials=case.trials,
            detectable=question.detectable(case.history, self.alpha),
            needed=self._needed(case) if is_open else 0.0,
            level=("exact" if question.is_exact(self.alpha) else "asymptotic") if sampled else "no chance",
            alpha=self.alpha if sampled else 0.0,
            note=case.note or question.remark(case.history, self.alpha),
        )

    def _needed(self, case: _Case) -> float:
        """Trials that would decide an open question; none will while something but noise holds it back."""
        return math.inf if case.note else case.question.needed(case.history, self.alpha)

    # -------------------------------------------------------------- mutants

    def cross_examine(self, verdict: Verdict) -> tuple[list[dict[str, Any]], list[str]]:
        """Judge mutants (must fail) on the data at hand, and controls (must hold).

        Mutants are made for the statement that stands on record. Where the other one stands, the verdict is not
        the recorded one, and nothing is said of mutants.
        """
        if verdict is Verdict.INCONCLUSIVE:
            return [], []
        stands = _standing(verdict)
        reports: list[dict[str, Any]] = []
        problems: list[str] = []
        for mutant in self.claim.mutants if stands == _standing(self.claim.records) else ():
            outcome, distance = self._mutated(mutant.replacement, stands)
            reports.append({"words": mutant.words, "outcome": outcome.value, "distance": distance})
            if outcome is not Outcome.FAILED:
                problems.append(f"mutant survives ({outcome.value}): {mutant.words}")
            elif distance is not None and distance < mutant.distance:
                problems.append(
                    f"mutant at distance {distance:.3g}, declared {mutant.distance:g}: {mutant.words}"
                )
        for control in self.claim.controls:
            outcome = self.outcome(control.words)
            reports.append({"words": control.words, "outcome": outcome.value, "distance": None})
            if outcome is not Outcome.HELD:
                problems.append(f"control is {outcome.value}: {control.words}")
        return reports, problems

    def _mutated(self, replacement: Prediction | Judged, stands: str) -> tuple[Outcome, float | None]:
        """Outcome of a mutant, and the distance at the point where it is farthest from the data."""
        if isinstance(replacement, Certificate):
            return replacement.replay().outcome, None
        outcomes: list[Outcome] = []
        distances: list[float] = []
        for question, looks in self._mutant_questions(replacement, stands):
            history = [question.observe(look) for look in looks]
            outcomes.append(decide(question.interval(history, self.alpha), question.accept))
            distances.append(_distance(question, history, self.alpha))
        return conjunction(outcomes), max(distances, default=0.0)

    def _mutant_questions(
        self, replacement: Prediction | Statement, stands: str
    ) -> Iterator[tuple[Question, list[Look]]]:
        """What a mutant asks, each with the looks that answer it."""
        cases = [case for case in self.cases if case.part == stands]
        if not isinstance(replacement, Statement):
            for case in (case for case in cases if case.history and hasattr(case.statement, "prediction")):
                mutant = case.statement.with_prediction(replacement)
                model = _attacked(mutant, case.model)
                questions = mutant.questions(model)
                if (
                    len(questions) <= case.position
                    or questions[case.position].sources != case.question.sources
                ):
                    raise ValueError(
                        f"{self.claim.id}: a mutant's prediction must have the shape of the claim's"
                    )
                yield questions[case.position], case.looks
            return
        matched = False
        for model in dict.fromkeys(case.model for case in cases):
            for question in replacement.questions(_attacked(replacement, model)):
                answering = [case for case in cases if _answers(case, question, model)]
                matched = matched or bool(answering)
                longest = max(answering, key=lambda case: len(case.looks), default=None)
                if longest is not None and longest.looks:  # none, where other evidence settled the claim
                    yield question, longest.looks
        if cases and not matched:
            raise ValueError(f"{self.claim.id}: a mutant must be judged on the claim's own data")


def _standing(verdict: Verdict) -> str:
    """The statement that a verdict rests on."""
    return REPAIRED if verdict in (Verdict.CORRECTED, Verdict.NARROWED) else PUBLISHED


def _control(claim: Claim, replacement: Prediction | Judged) -> tuple[Judged, ...]:
    """The statements that a control stands for."""
    if isinstance(replacement, Certificate | Statement):
        return (replacement,)
    statements = (part for part in claim.published_parts if not isinstance(part, Certificate))
    return tuple(part.with_prediction(replacement) for part in statements if hasattr(part, "prediction"))


def _attacked(statement: Statement, model: Model) -> Model:
    """The model at which a mutant is judged: a violation that its own attack finds, if there is one."""
    if isinstance(statement, Bound) and statement.attack:
        return attack_bound(statement, model).worst or model
    return model


def _answers(case: _Case, question: Question, model: Model) -> bool:
    """Whether a case's looks hold what a question asks for."""
    asked, held = set(question.sources), case.question
    if not asked:
        return case.model == model and not held.sources
    return (
        asked <= set(held.sources)
        and question.paired == held.paired
        and question.needs_rows <= held.needs_rows
    )


def _distance(question: Question, history: list[Any], alpha: float) -> float:
    """How far beyond the margin the data lie, in units of what is detected there."""
    discrepancy = question.estimate(history) - question.target
    beyond = distance_beyond(discrepancy, question.accept) if math.isfinite(discrepancy) else 0.0
    unit = question.detectable(history, alpha)
    if not question.sources:
        unit = min((abs(end) for end in question.accept if math.isfinite(end)), default=0.0)
    return beyond / unit if unit > 0 else math.inf if beyond > 0 else 0.0


def _run_key(case: _Case, source: Source) -> _RunKey:
    return source.output.sampler, source.model, case.question.paired


def _replayed(part: str, certificate: Certificate) -> Evidence:
    proof = certificate.replay()
    nothing = (math.nan,) * 4
    return Evidence(
        part,
        type(certificate).__name__,
        certificate.words,
        *nothing,
        accept=(0.0, 0.0),
        outcome=proof.outcome,
        trials=0,
        detectable=0.0,
        needed=0.0,
        level="no chance",
        alpha=0.0,
        note=proof.reason,
    )


__all__ = ["judge", "judge_claim"]
