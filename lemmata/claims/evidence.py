"""Evidence and judgements: what the referee found, as records that print and serialise."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, cast

from lemmata import confidence
from lemmata.claims.claim import CLAIM_ALPHA, Claim
from lemmata.claims.verdicts import Level, Outcome, Verdict
from lemmata.codedigest import CodeDigests
from lemmata.models import Model
from lemmata.provenance import versions
from lemmata.records import Sampler


@dataclass(frozen=True)
class Evidence:
    """What was found for one question.

    Attributes
    ----------
    part : str
        'published', 'repaired', or the words of a control.
    statement, point : str
        Kind of the statement; the point of the design.
    estimate, target : float
        Observed and predicted number.
    low, high : float
        Interval for their difference.
    accept : tuple of float
        Differences with which the statement holds.
    trials : int
        Trials of each sampled mean; 0 when nothing is left to chance.
    detectable : float
        Distance beyond the margin that would be seen with probability 0.9 at these trials.
    needed : float
        While open: trials that would decide it if the difference is what it seems; infinite where no number of
        trials will, such as a limit whose guards object.
    level : str
        'exact' or 'asymptotic' error rate, or 'no chance'.
    alpha : float
        Error rate of this question.
    note : str
        What held a decision back, or what was fitted beside it.
    """

    part: str
    statement: str
    point: str
    estimate: float
    target: float
    low: float
    high: float
    accept: tuple[float, float]
    outcome: Outcome
    trials: int
    detectable: float
    needed: float
    level: str
    alpha: float
    note: str = ""

    def row(self) -> dict[str, Any]:
        """As a row of the evidence table."""
        finite_ends = [abs(end) for end in self.accept if math.isfinite(end)]
        row = asdict(self) | {"outcome": self.outcome.value, "margin": max(finite_ends, default=0.0)}
        return _jsonable(row)


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim, with its evidence."""

    claim: Claim
    identifier: str
    level: Level
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    problems: tuple[str, ...] = ()
    mutants: tuple[dict[str, Any], ...] = ()
    seconds: float = field(default=0.0, compare=False)
    platforms: frozenset[str] = frozenset()
    seed: int = 0

    @property
    def is_open(self) -> bool:
        """Inconclusive at a level at which the claim need not settle."""
        return self.verdict is Verdict.INCONCLUSIVE and self.level.rank < self.claim.settles.rank

    @property
    def agrees(self) -> bool:
        """Whether evidence and record agree and no check turned out to be toothless."""
        return not self.problems and (self.verdict is self.claim.records or self.is_open)

    @property
    def counterexample(self) -> Evidence | None:
        """The first question at which the published statement failed."""
        failed = (e for e in self.evidence if e.part == "published" and e.outcome is Outcome.FAILED)
        return next(failed, None)

    @property
    def summary(self) -> str:
        """One line."""
        if self.verdict is not self.claim.records and not self.is_open:
            return f"evidence: {self.verdict.value}; record: {self.claim.records.value}"
        if self.problems:
            return "; ".join(self.problems)
        if self.is_open:
            return f"open at level {self.level.name}; settles at {self.claim.settles.name}"
        found = self.counterexample
        return f"fails at {found.point}" if found else self.claim.statement

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The evidence as rows of a table."""
        return [evidence.row() for evidence in self.evidence]

    def to_data(self) -> dict[str, Any]:
        """JSON data; infinite numbers as text."""
        counterexample = self.counterexample
        return {
            "claim": self.identifier,
            "source": self.claim.source,
            "statement": self.claim.statement,
            "falsifier": self.claim.falsifier,
            "verdict": self.verdict.value,
            "record": self.claim.records.value,
            "agrees": self.agrees,
            "open": self.is_open,
            "level": self.level.name,
            "seed": self.seed,
            "settles": self.claim.settles.name,
            "summary": self.summary,
            "problems": list(self.problems),
            "counterexample": None if counterexample is None else counterexample.row(),
            "evidence": self.rows,
            "mutants": [_jsonable(mutant) for mutant in self.mutants],
            "platforms": sorted(self.platforms),
        }


def evidence_key(identifier: str, claim: Claim, level: Level, seed: int, alpha: float = CLAIM_ALPHA) -> str:
    """Digest of everything that decides a verdict: another key means an older claim, older code or other libraries.

    It covers the claim's record, the code of all functions in it (formulas, samplers, mutants, proofs), the referee's
    own code, and the versions of the numerical libraries.
    """
    libraries = {name: versions().get(name) for name in ("numpy", "scipy", "numba")}
    content = [identifier, level.name, claim.budget(level), seed, alpha, libraries, _referee_code()]
    text = json.dumps([*content, _content(claim)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _content(value: Any) -> Any:
    """A claim's record as JSON data, with digests in place of code."""
    if isinstance(value, Model):
        return value.to_json()
    if isinstance(value, Sampler):
        return [
            value.identifier,
            _code(value.function),
            value.axes,
            value.paired_trials,
            _content(value.ranges),
        ]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_content(getattr(value, item.name)) for item in fields(value))]
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return [[str(key), _content(item)] for key, item in pairs]
    if isinstance(value, tuple | list):
        return [_content(item) for item in cast("tuple[Any, ...]", value)]
    if isinstance(value, functools.partial):
        part = cast("functools.partial[Any]", value)
        return [_content(part.func), _content(part.args), _content(part.keywords)]
    return _code(value) if callable(value) else repr(value)


def _code(function: Any) -> str:
    """Name and code digest of a function; the name alone where there is no source."""
    name = f"{function.__module__}.{getattr(function, '__qualname__', function.__class__.__name__)}"
    try:
        return f"{name} {_digests().of(function)}"
    except ValueError:
        return name


@functools.cache
def _digests() -> CodeDigests:
    """Of the code that this process runs."""
    return CodeDigests()


@functools.cache
def _referee_code() -> str:
    """Digest of the referee's own files."""
    folders = (Path(__file__).parent, Path(confidence.__file__).parent)
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _jsonable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, tuple):
        return [_jsonable(item) for item in cast("tuple[Any, ...]", value)]
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in cast("dict[str, Any]", value).items()}
    return value
