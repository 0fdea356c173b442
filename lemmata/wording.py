"""How records and evidence read in words, on the command line and on the site alike.

Rows of evidence are those of `Evidence.row`, fresh or as a ledger keeps them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemmata.records import Result

LEVELS_OF_ERROR = ("asymptotic", "exact", "no chance")
"""What a decision's error rate may be, the weakest first."""


def number(value: Any, digits: int = 7) -> str:
    """A number in a few significant digits; anything else as it prints."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value == "nan":
        return "–"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def counterexample_text(row: Mapping[str, Any]) -> str:
    """A row of evidence that refutes: point, estimate and target."""
    numbers = [f"{key} {number(row[key])}" for key in ("estimate", "target") if str(row[key]) != "nan"]
    return f"{row['point']}: {', '.join(numbers) or row['note']}"


def bluntest(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The question that detects least, in units of its margin, among those left to chance."""
    drawn = [row for row in rows if row["trials"]]
    return max(drawn, key=lambda row: _ratio(row["detectable"], row["margin"]), default=None)


def weakest_level(rows: Iterable[Mapping[str, Any]]) -> str:
    """The weakest error rate that a verdict rests on."""
    levels = {row["level"] for row in rows}
    return next((level for level in LEVELS_OF_ERROR if level in levels), "–")


def question(row: Mapping[str, Any]) -> str:
    """Which question a row of evidence answers."""
    part = "" if row["part"] == "published" else f"{row['part']}, "
    return f"{part}{row['statement']} at {row['point']}"


def still_needed(row: Mapping[str, Any]) -> str:
    """What would decide an open question."""
    words = f"open after {row['trials']} trials"
    if isinstance(row["needed"], float) and row["needed"] > 0:
        words += f", about {row['needed']:.2g} needed"
    elif row["trials"]:
        words += ", which no number of trials will change"
    return f"{words}; {row['note']}" if row["note"] else words


def judged_by(part: Any) -> str:
    """A statement of a claim: its kind, and its margin with the reason, or the words of a certificate."""
    margin = getattr(part, "margin", None)
    name = type(part).__name__
    return (
        f"{name}, margin {margin}: {margin.reason}"
        if margin is not None
        else f"{name}: {getattr(part, 'words', part)}"
    )


def predicted_by(parts: Sequence[Any], results: Iterable[Result]) -> list[Result]:
    """The results by which statements predict."""
    predictions = [getattr(part, "prediction", None) for part in parts]
    return [result for result in results if result.function in predictions]


def _ratio(detectable: Any, margin: Any) -> float:
    numbers = [float(detectable), float(margin)]
    return numbers[0] / numbers[1] if numbers[1] > 0 else numbers[0]


__all__ = [
    "bluntest",
    "counterexample_text",
    "judged_by",
    "number",
    "predicted_by",
    "question",
    "still_needed",
    "weakest_level",
]
