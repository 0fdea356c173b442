"""The evidence that the site shows: verdicts as a ledger keeps them, reached anew where there is none of this code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemmata.claims import Verdict, judge
from lemmata.claims.evidence import evidence_key
from lemmata.extras import MissingExtraError

if TYPE_CHECKING:
    from lemmata.catalogue import Entry
    from lemmata.claims import Claim, Level
    from lemmata.laboratory import Laboratory


@dataclass(frozen=True)
class Finding:
    """What is known of a claim.

    Attributes
    ----------
    record : mapping or None
        The judgement's data (see `Judgement.to_data`); None if it has not been judged.
    why : str
        Why it has not.
    """

    record: Mapping[str, Any] | None = None
    why: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that was reached."""
        return Verdict(self.record["verdict"]) if self.record is not None else None


def findings(
    entries: Iterable[Entry[Claim]],
    lab: Laboratory,
    level: Level,
    *,
    judging: bool = True,
) -> dict[str, Finding]:
    """What is known of claims, by identifier.

    A verdict in the laboratory's ledger counts if it was reached on this claim, by this code, at this level and
    seed, and with these versions of the libraries.

    Parameters
    ----------
    judging : bool
        Judge what has no such verdict; otherwise it stays unjudged.
    """
    stored = {} if lab.ledger is None else {(row.claim_id, row.level): row for row in lab.ledger.verdicts()}
    found: dict[str, Finding] = {}
    for entry in entries:
        name = entry.identifier
        row = stored.get((name, level.name))
        if row is not None and row.key == evidence_key(name, entry.item, level, lab.seed):
            found[name] = Finding(row.record)
        elif judging:
            found[name] = _judged(entry, lab, level)
        else:
            older = "a verdict of an older state of the code is in the ledger" if row else ""
            found[name] = Finding(why=older)
    return found


def _judged(entry: Entry[Claim], lab: Laboratory, level: Level) -> Finding:
    try:
        (judgement,) = judge([(entry.identifier, entry.item)], lab, level)
    except MissingExtraError as error:
        return Finding(why=str(error))
    return Finding(judgement.to_data())


__all__ = ["Finding", "findings"]
