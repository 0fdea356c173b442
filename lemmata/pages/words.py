"""Labels of demonstrations, formulas between dollar signs, as HTML and as plain text."""

from __future__ import annotations

import html
import re

from lemmata.site.formulas import GREEK, formula

_FORMULA = re.compile(r"\$([^$]+)\$")
_GREEK_WORD = re.compile(r"(?<![A-Za-z])(" + "|".join(GREEK) + r")(?![A-Za-z])")
_TEX = (
    (r"\\,", " "),
    (r"\\l?dots", "..."),
    (r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)"),
    (r"\\([A-Za-z]+)(?=\\)", r"\1 "),  # so that \tau\rho stays two letters
    (r"\\([A-Za-z]+)", r"\1"),
)
"""TeX's commands in the site's one-line notation of formulas."""


def inline(text: str) -> str:
    """Text as HTML, its formulas as MathML."""
    pieces = _FORMULA.split(text)
    return "".join(
        _set(piece) if i % 2 else html.escape(piece, quote=False) for i, piece in enumerate(pieces)
    )


def plain(text: str) -> str:
    """Text for a canvas, a table or a screen reader: formulas in one line, Greek letters as such."""

    def line(match: re.Match[str]) -> str:
        letters = _GREEK_WORD.sub(lambda name: GREEK[name.group(1)], _line(match.group(1)))
        return letters.replace("{", "").replace("}", "")

    return _FORMULA.sub(line, text)


def _line(tex: str) -> str:
    for pattern, notation in _TEX:
        tex = re.sub(pattern, notation, tex)
    return tex


def _set(tex: str) -> str:
    """One formula; signs bring their own space."""
    return formula(re.sub(r"\s*([=+/<>-])\s*", r"\1", _line(tex)))


__all__ = ["inline", "plain"]
