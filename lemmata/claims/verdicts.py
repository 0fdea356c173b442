"""Outcomes of statements, and the one table that turns them into verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What the evidence says of a statement."""

    HELD = "held"
    FAILED = "failed"
    OPEN = "open"


class Verdict(Enum):
    """What the evidence says of a claim."""

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    NARROWED = "confirmed under narrower assumptions"
    REFUTED = "refuted"
    CERTIFIED = "certified"
    INCONCLUSIVE = "inconclusive"
    NOT_EXECUTABLE = "not executable"

    @property
    def letter(self) -> str:
        """One letter for narrow tables."""
        return {"CONFIRMED": "C", "CORRECTED": "X", "NARROWED": "N", "REFUTED": "R", "CERTIFIED": "P"}.get(
            self.name, "?" if self is Verdict.INCONCLUSIVE else "-"
        )


@dataclass(frozen=True)
class Level:
    """How much evidence is gathered: `trials` is the budget of each sampled mean. Margins do not depend on it."""

    name: str
    trials: int
    rank: int


QUICK = Level("quick", 2**17, 0)
FULL = Level("full", 2**21, 1)
LEVELS = {level.name: level for level in (QUICK, FULL)}


def conjunction(outcomes: Iterable[Outcome]) -> Outcome:
    """Failed at one point is failed; held is held at every point; nothing to hold is open."""
    outcomes = tuple(outcomes)
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    if outcomes and all(outcome is Outcome.HELD for outcome in outcomes):
        return Outcome.HELD
    return Outcome.OPEN


def derive(
    published: Outcome | None, repaired: Outcome | None = None, *, narrows: bool = False, proved: bool = False
) -> Verdict:
    """The verdict that follows from the outcomes of the published and the repaired statement.

    Parameters
    ----------
    published, repaired : Outcome or None
        None where there is no such statement.
    narrows : bool
        The repair keeps the formula and shrinks its domain.
    proved : bool
        The published statement was held by certificates alone.
    """
    if published is None:
        return Verdict.NOT_EXECUTABLE
    if published is Outcome.HELD:
        return Verdict.CERTIFIED if proved else Verdict.CONFIRMED
    if published is Outcome.OPEN or repaired is Outcome.OPEN:
        return Verdict.INCONCLUSIVE
    if repaired is Outcome.HELD:
        return Verdict.NARROWED if narrows else Verdict.CORRECTED
    return Verdict.REFUTED
