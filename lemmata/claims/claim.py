"""Claims: what a paper says, where it is judged, what would kill it, and the verdict that is on record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lemmata.claims.certificates import Certificate
from lemmata.claims.statements import Statement
from lemmata.claims.verdicts import LEVELS, QUICK, Level, Verdict
from lemmata.models import Model
from lemmata.names import UnknownNameError
from lemmata.records import Prediction

CLAIM_ALPHA = 5e-6
"""Probability of a wrong verdict that one claim may spend."""
SUITE_ALPHA = 1e-3
"""What all claims of the suite together may spend."""

Judged = Statement | Certificate


@dataclass(frozen=True)
class Mutant:
    """A plausible slip that the claim's own data must refute.

    Parameters
    ----------
    words : str
        The slip in words.
    replacement : callable or statement
        A wrong formula in place of the prediction of every statement that has one; or a wrong statement about the
        same data (for a certificate, a wrong certificate).
    distance : float
        How far at least it lies beyond its margin from what was observed, in units of the smallest distance that
        is detected there with probability 0.9 (where nothing is left to chance: in units of the margin), at the
        point of the design where that is most. Sampling stops when the claim is decided, which may be a look
        earlier or later with other data: leave it a factor of 2. 0 promises only that the mutant fails. Not used
        for certificates.
    """

    words: str
    replacement: Prediction | Judged
    distance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.distance < math.inf:
            raise ValueError(f"distance = {self.distance!r}: must be >= 0 and finite")


@dataclass(frozen=True)
class Control:
    """A statement that must hold where the published one is judged: for refuted claims, to show that the check can.

    A formula takes the place of the published statements' predictions. Controls are judged like statements of the
    claim, out of its alpha and its budget.
    """

    words: str
    replacement: Prediction | Judged


@dataclass(frozen=True)
class Repair:
    """The statement that stands where the published one fails.

    Parameters
    ----------
    statement : statement or tuple of statements
    words : str
        The repaired statement.
    design : tuple of Model, optional
        Where it is judged; default the claim's.
    narrows : bool
        It keeps the formula and shrinks the domain.
    """

    statement: Judged | tuple[Judged, ...]
    words: str
    design: tuple[Model, ...] | None = None
    narrows: bool = False


@dataclass(frozen=True)
class Claim:
    """One checkable statement of a paper.

    Parameters
    ----------
    id : str
        Its number in the paper's page, such as 'C7'.
    source : str
        Where the paper (or its page here) states it.
    statement, falsifier : str
        In words; what would show it false.
    design : tuple of Model
        Points at which it is judged: held means held at all of them, failed at one.
    published : statement, tuple of statements or None
        None when there is nothing to run; then `why` says why.
    records : Verdict
        The verdict that the suite stands for.
    settles : Level
        The lowest level at which it must not be open.
    trials : mapping, optional
        Level name to budget of trials, where it differs from the level's own.
    why : str
        Why there is nothing to run.

    Raises
    ------
    ValueError
        If the record cannot follow from the statements, or nothing shows that the check is able to fail.
    """

    id: str
    source: str
    statement: str
    falsifier: str
    design: tuple[Model, ...]
    published: Judged | tuple[Judged, ...] | None
    records: Verdict
    repaired: Repair | None = None
    mutants: tuple[Mutant, ...] = ()
    controls: tuple[Control, ...] = ()
    settles: Level = QUICK
    trials: Mapping[str, int] = field(default_factory=dict[str, int])
    why: str = ""

    def __post_init__(self) -> None:
        for name, trials in self.trials.items():
            if name not in LEVELS:
                raise UnknownNameError("level", name, LEVELS)
            if isinstance(trials, bool) or trials != int(trials) or trials < 1:
                raise ValueError(f"{self.id}: trials[{name!r}] = {trials!r}: must be a whole number >= 1")
        if self.published is None:
            if self.records is not Verdict.NOT_EXECUTABLE or not self.why:
                raise ValueError(
                    f"{self.id}: without a statement the record is 'not executable', with its reason"
                )
            return
        self._check_record()
        words = [control.words for control in self.controls]
        if len({*words, "published", "repaired"}) < len(words) + 2:
            raise ValueError(f"{self.id}: controls {words}: must have different words, and not a part's name")
        if not self.mutants and not (self.records is Verdict.REFUTED and self.controls):
            raise ValueError(
                f"{self.id}: needs a mutant (or, if refuted, a control): a check must be able to fail"
            )
        for parts, design in (
            (self.published_parts, self.design),
            (self.repaired_parts, self.repaired_design),
        ):
            if not design and not all(isinstance(part, Certificate) for part in parts):
                raise ValueError(f"{self.id}: design is empty: must list the models on which it is judged")
        has_formula = any(hasattr(part, "prediction") for part in self.published_parts + self.repaired_parts)
        for change in self.mutants + self.controls:
            if not isinstance(change.replacement, Certificate | Statement) and not has_formula:
                raise ValueError(
                    f"{self.id}: '{change.words}' is a formula, but no statement has one to replace"
                )

    def _check_record(self) -> None:
        """The record is a verdict that these statements can bring about."""
        narrows = self.repaired is not None and self.repaired.narrows
        possible = {
            Verdict.CONFIRMED: not all(isinstance(part, Certificate) for part in self.published_parts),
            Verdict.CERTIFIED: all(isinstance(part, Certificate) for part in self.published_parts),
            Verdict.CORRECTED: self.repaired is not None and not narrows,
            Verdict.NARROWED: narrows,
            Verdict.REFUTED: True,
        }
        if not possible.get(self.records, False):
            raise ValueError(f"{self.id}: record = {self.records.value!r}: cannot follow from its statements")

    @property
    def published_parts(self) -> tuple[Judged, ...]:
        return _parts(self.published)

    @property
    def repaired_parts(self) -> tuple[Judged, ...]:
        return _parts(self.repaired.statement) if self.repaired else ()

    @property
    def repaired_design(self) -> tuple[Model, ...]:
        return (self.repaired.design if self.repaired else None) or self.design

    def budget(self, level: Level) -> int:
        """Trials of each sampled mean at a level."""
        return self.trials.get(level.name, level.trials)


def _parts(statement: Judged | tuple[Judged, ...] | None) -> tuple[Judged, ...]:
    if statement is None:
        return ()
    return statement if isinstance(statement, tuple) else (statement,)
