"""The referee: gathers evidence for claims and derives their verdicts.

Each question of a claim gets an even share of the claim's alpha (questions without chance spend none). All are looked
at on one ladder of trial counts, on prefixes of the chunks in order, so that stopping times and verdicts do not
depend on the engine. Sampling goes on until every question is decided, or its part has failed elsewhere, or the
budget is spent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lemmata.claims.attacks import attack_bound
from lemmata.claims.certificates import Certificate, Enclosed, Symbolic
from lemmata.claims.claim import CLAIM_ALPHA, Claim
from lemmata.claims.evidence import Evidence, Judgement
from lemmata.claims.freefit import free_fit
from lemmata.claims.observations import Source
from lemmata.claims.questions import Question, decide
from lemmata.claims.statements import Bound, Limit, Statement
from lemmata.claims.verdicts import QUICK, Level, Outcome, Verdict, conjunction, derive
from lemmata.confidence import look_sizes
from lemmata.confidence.special import normal_quantile
from lemmata.estimates import Estimate
from lemmata.laboratory import Laboratory, Run
from lemmata.models import Model
from lemmata.records import Output
from lemmata.tally import Collect

FIRST_LOOK = 16


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
        Where samplers run; its seed decides the data.
    level : Level
    alpha : float
        Probability of a wrong verdict that each claim may spend.
    notify : callable, optional
        Called with each judgement as it is reached.
    """
    judgements: list[Judgement] = []
    for identifier, claim in claims:
        lab.label = identifier
        judgement = judge_claim(identifier, claim, lab, level, alpha=alpha)
        judgements.append(judgement)
        if lab.ledger is not None:
            lab.ledger.put_verdict(identifier, level.name, f"seed {lab.seed}", judgement.to_data())
        if notify is not None:
            notify(judgement)
    return judgements


def judge_claim(
    identifier: str, claim: Claim, lab: Laboratory, level: Level = QUICK, *, alpha: float = CLAIM_ALPHA
) -> Judgement:
    """Judge one claim; see `judge`."""
    started = time.perf_counter()
    if claim.published is None:
        return Judgement(claim, identifier, level, Verdict.NOT_EXECUTABLE, ())
    trial = _Trial(claim, lab, claim.budget(level), alpha)
    trial.hear()
    outcome = {part: trial.outcome(part) for part in ("published", "repaired")}
    repaired = outcome["repaired"] if claim.repaired else None
    proved = all(isinstance(part, (Symbolic, Enclosed)) for part in claim.published_parts)
    narrows = claim.repaired is not None and claim.repaired.narrows
    verdict = derive(outcome["published"], repaired, narrows=narrows, proved=proved)
    mutants, problems = trial.cross_examine(verdict)
    platforms = frozenset[str]().union(*(run.platforms for run in trial.runs.values()))
    seconds = time.perf_counter() - started
    evidence = tuple(trial.evidence())
    return Judgement(claim, identifier, level, verdict, evidence, tuple(problems), tuple(mutants), seconds, platforms)


@dataclass(eq=False)
class _Case:
    """One question in the course of a trial."""

    part: str
    statement: Statement
    model: Model
    question: Question
    guards: tuple[Question, ...]
    history: list[Any] = field(default_factory=list)
    guard_histories: list[list[Any]] = field(default_factory=list)
    ladder: list[Any] = field(default_factory=list)
    outcome: Outcome = Outcome.OPEN
    trials: int = 0
    note: str = ""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everything that is sampled for it, its guards and its free fit included."""
        found = dict.fromkeys(self.question.sources)
        for guard in self.guards:
            found |= dict.fromkeys(guard.sources)
        if isinstance(self.statement, Limit) and self.question.sources:
            found |= {Source(self.statement.observed, m): None for m in self.statement.models(self.model)}
        return tuple(found)


_RunKey = tuple[Output, Model, bool, bool]


class _Trial:
    """The hearing of one claim."""

    def __init__(self, claim: Claim, lab: Laboratory, budget: int, alpha: float) -> None:
        self.claim, self.lab, self.budget = claim, lab, budget
        self.runs: dict[_RunKey, Run] = {}
        self.cases: list[_Case] = []
        self.certificates: list[Evidence] = []
        parts = [("published", part, claim.design) for part in claim.published_parts]
        parts += [("repaired", part, claim.repaired_design) for part in claim.repaired_parts]
        for part, statement, design in parts:
            if isinstance(statement, (Symbolic, Enclosed)):
                self.certificates.append(_replayed(part, statement))
                continue
            for model in design:
                guards = statement.guards(model)
                for question in statement.questions(model):
                    self.cases.append(_Case(part, statement, model, question, guards))
        sampled = sum(1 for case in self.cases if case.question.sources)
        self.alpha = alpha / max(sampled, 1)

    # -------------------------------------------------------------- gathering

    def hear(self) -> None:
        """Gather evidence until everything is decided or the budget is spent."""
        for case in self.cases:
            if not case.question.sources:
                self._look(case, {}, 0)
                self._attack(case)
        for trials in look_sizes(max(self.budget, FIRST_LOOK), FIRST_LOOK):
            waiting = [case for case in self.cases if self._is_waiting(case)]
            if not waiting:
                return
            ready = [case for case in waiting if self._smallest_look(case) <= trials]
            goals = [self._run(case, source) for case in ready for source in case.sources]
            self.lab.advance((run, trials // run.batch.trials) for run in dict.fromkeys(goals))
            for case in ready:
                estimates = {source: self._estimate(case, source) for source in case.sources}
                self._look(case, estimates, trials)

    def _is_waiting(self, case: _Case) -> bool:
        return bool(case.question.sources) and case.outcome is Outcome.OPEN and not self._has_failed(case)

    def _has_failed(self, case: _Case) -> bool:
        return any(
            other.part == case.part and other.statement is case.statement and other.outcome is Outcome.FAILED
            for other in self.cases
        )

    def _run(self, case: _Case, source: Source) -> Run:
        output = source.observed
        assert isinstance(output, Output)
        paired, rows = case.question.paired, case.question.needs_rows
        key = (output, source.model, paired, rows)
        if key not in self.runs:
            collect = Collect(rows=(output.name,)) if rows else Collect()
            self.runs[key] = self.lab.run(output.sampler, source.model, paired=paired, collect=collect)
        return self.runs[key]

    def _estimate(self, case: _Case, source: Source) -> Estimate:
        assert isinstance(source.observed, Output)
        return self._run(case, source).estimate(source.observed.name)

    def _smallest_look(self, case: _Case) -> int:
        return max(self._run(case, source).batch.trials for source in case.sources)

    def _look(self, case: _Case, estimates: Mapping[Source, Estimate], trials: int) -> None:
        case.trials = trials
        case.history.append(case.question.observe(estimates))
        case.outcome = decide(case.question.interval(case.history, self.alpha), case.question.accept)
        case.guard_histories = case.guard_histories or [[] for _ in case.guards]
        case.note = ""
        for guard, history in zip(case.guards, case.guard_histories, strict=True):
            history.append(guard.observe(estimates))
            if guard.interval(history, self.alpha).outside(*guard.accept):
                case.outcome, case.note = Outcome.OPEN, f"kept open: {guard.label} is beyond the margin"
        if isinstance(case.statement, Limit) and estimates:
            self._fit(case, case.statement, estimates)

    def _fit(self, case: _Case, statement: Limit, estimates: Mapping[Source, Estimate]) -> None:
        parts = [estimates[Source(statement.observed, m)].moments for m in statement.models(case.model)]
        fit = free_fit(statement.factors, parts, -float(normal_quantile(self.alpha / 2)))
        if not fit.exponent_interval.contains(statement.order):
            case.outcome = Outcome.OPEN
            case.note = f"kept open: {fit} leaves out the declared order {statement.order:g}"
        else:
            case.note = case.note or str(fit)

    def _attack(self, case: _Case) -> None:
        statement = case.statement
        if not isinstance(statement, Bound) or not statement.attack or case.outcome is Outcome.FAILED:
            return
        found = attack_bound(statement, case.model)
        case.note = f"{found.cases} cases, tightest ratio {found.tightness:.6g}"
        if found.slack < -statement.margin.at(float(statement.prediction(found.worst))):
            worst = statement.questions(found.worst)[0]
            case.question, case.model, case.history = worst, found.worst, []
            self._look(case, {}, 0)
            case.note = f"violation found by attack after {found.cases} cases"

    # -------------------------------------------------------------- deciding

    def outcome(self, part: str) -> Outcome:
        """Outcome of the published or the repaired statement."""
        cases = [case.outcome for case in self.cases if case.part == part]
        return conjunction([*cases, *(proof.outcome for proof in self.certificates if proof.part == part)])

    def evidence(self) -> Iterable[Evidence]:
        """All evidence in the order of the claim."""
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
            needed=question.needed(case.history, self.alpha) if is_open else 0.0,
            level=("exact" if question.is_exact(self.alpha) else "asymptotic") if sampled else "no chance",
            alpha=self.alpha if sampled else 0.0,
            note=case.note,
        )

    # -------------------------------------------------------------- mutants

    def cross_examine(self, verdict: Verdict) -> tuple[list[dict[str, Any]], list[str]]:
        """Judge mutants (must fail) and controls (must hold) on the data at hand."""
        if verdict is Verdict.INCONCLUSIVE:
            return [], []
        stands = "repaired" if verdict in (Verdict.CORRECTED, Verdict.NARROWED) else "published"
        reports: list[dict[str, Any]] = []
        problems: list[str] = []
        for mutant in self.claim.mutants:
            outcome, distance = self._replace(mutant.replacement, stands)
            reports.append({"words": mutant.words, "outcome": outcome.value, "distance": distance})
            if outcome is not Outcome.FAILED:
                problems.append(f"mutant survives ({outcome.value}): {mutant.words}")
            elif distance is not None and distance < mutant.distance:
                problems.append(f"mutant at distance {distance:.3g}, declared {mutant.distance:g}: {mutant.words}")
        for control in self.claim.controls:
            outcome, _ = self._replace(control.replacement, stands)
            reports.append({"words": control.words, "outcome": outcome.value, "distance": None})
            if outcome is not Outcome.HELD:
                problems.append(f"control is {outcome.value}: {control.words}")
        return reports, problems

    def _replace(self, replacement: Any, stands: str) -> tuple[Outcome, float | None]:
        """Outcome of a replaced statement on the claim's data, and its largest distance from the original."""
        if isinstance(replacement, (Symbolic, Enclosed)):
            return replacement.replay().outcome, None
        outcomes: list[Outcome] = []
        distances = [0.0]
        for case in (case for case in self.cases if case.part == stands and case.history):
            index = case.statement.questions(case.model).index(case.question)
            other = replacement if _is_statement(replacement) else case.statement.with_prediction(replacement)
            question = other.questions(case.model)[index]
            if question.sources != case.question.sources:
                raise ValueError(f"{self.claim.id}: a mutant must be judged on the claim's own data")
            history = case.history if case.question.sources else [question.observe({})]
            outcomes.append(decide(question.interval(history, self.alpha), question.accept))
            unit = question.detectable(history, self.alpha) or _margin(case.question)
            gap = abs(_centre(question) - _centre(case.question)) + abs(
                question.estimate(history) - case.question.estimate(case.history)
            )
            distances.append(gap / unit if unit > 0 else math.inf)
        return conjunction(outcomes), max(distances)


def _is_statement(replacement: Any) -> bool:
    return hasattr(replacement, "questions")


def _centre(question: Question) -> float:
    """Target plus the middle of the accepted differences where both ends are finite."""
    low, high = question.accept
    return question.target + (0.5 * (low + high) if math.isfinite(low) and math.isfinite(high) else 0.0)


def _margin(question: Question) -> float:
    ends = [abs(end) for end in question.accept if math.isfinite(end) and end != 0]
    return min(ends, default=0.0)


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
