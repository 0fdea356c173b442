"""Labels of demonstrations, formulas between dollar signs, as HTML and as plain text."""

from __future__ import annotations

import html
import re

from lemmata.site.formulas import GREEK, formula

_FORMULA = re.compile(r"\$([^$]+)\$")
_GREEK_WORD = re.compile(r"(?<![A-Za-z])(" + "|".join(GREEK) + r")(?![A-Za-z])")


def inline(text: str) -> str:
    """Text as HTML, its formulas as MathML."""
    pieces = _FORMULA.split(text)
    return "".join(
        formula(piece) if i % 2 else html.escape(piece, quote=False) for i, piece in enumerate(pieces)
    )


def plain(text: str) -> str:
    """Text for a canvas, a table or a screen reader: formulas in one line, Greek letters as such."""

    def line(match: re.Match[str]) -> str:
        bare = match.group(1).replace("\\", "")
        return _GREEK_WORD.sub(lambda name: GREEK[name.group(1)], bare).replace("{", "").replace("}", "")

    return _FORMULA.sub(line, text)


__all__ = ["inline", "plain"]
