"""Formulas as the papers' pages and the results' records write them, set as MathML.

The notation is a line of plain text: Greek letters by name or as themselves, `a_1`, `x_{k+1}`, `m^2`, `e^-2t`, `q²`,
`X^T`, `sqrt(1 - c)`, `int`, `sum_k`, `<=`, `->`, words in between. It is set as it stands: scripts, radicals and
signs are drawn, but no fraction is stacked and no bracket is left out, so that a formula cannot change its meaning.
Letters are marked as plain ones and slanted by the style sheet: no mathematical font is needed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
GREEK: dict[str, str] = dict(zip(_NAMES.split(), "αβγδεζηθικλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ", strict=True))
SIGNS: dict[str, str] = {
    "<=": "≤", ">=": "≥", "!=": "≠", "<-": "←", "->": "→", "||": "‖", "-": "−", "~": "∼", "...": "…",
}  # fmt: skip
LARGE: dict[str, str] = {"int": "∫", "sum": "∑", "prod": "∏", "grad": "∇"}
RAISED: dict[str, str] = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵀ", "0123456789+−T", strict=True))
_CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}

_RAISED = "".join(RAISED)
_LETTERS = rf"^\W\d_{_RAISED}"  # the inside of a bracket of a pattern: all that is no letter is shut out
_TOKENS = re.compile(
    r"(?P<gap>\s{2,})|(?P<space>\s)"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    rf"|(?P<name>[{_LETTERS}]+\d*)"
    rf"|(?P<raised>[{_RAISED}]+)"
    r"|(?P<average><(?=\w+>))|(?P<sign>\.\.\.|<=|>=|!=|<-|->|\|\||.)"
)
_SUBSCRIPT = re.compile(rf"[<>]?=?(?:\.?\d+|[{_LETTERS}])[^\W_{_RAISED}]*(?:,[^\W_{_RAISED}]+)*|\*|\+|-")
_SUPERSCRIPT = re.compile(rf"[+-]?(?:\d+[{_LETTERS}]*|[{_LETTERS}]+)|\*|\+|-")

_FACTOR = re.compile(rf"[{_LETTERS}]|\d")
"""What follows a star that is a product; before a bracket it marks a function, as in `N*(L)`."""
_COMPOUND = re.compile(r"[-+−/·]|\d[^\W\d]")
"""What a bracketed superscript holds that is an exponent and not an index."""


def formula(text: str, *, block: bool = False) -> str:
    """A line as a `math` element, its source beside it as annotation.

    Parameters
    ----------
    text : str
    block : bool
        Displayed, and not inside a line of prose.
    """
    text = text.replace("\\", "").strip()
    display = ' display="block"' if block else ""
    row = "".join(_Line(text).row())
    return (
        f'<math{display}><semantics><mrow>{row}</mrow><annotation encoding="text/plain">{html.escape(text)}'
        "</annotation></semantics></math>"
    )


class _Line:
    """One formula, read from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    def row(self, until: str = "") -> Iterator[str]:
        """Everything up to a closing sign (which is left), or to the end."""
        while self.place < len(self.text) and not (until and self.text.startswith(until, self.place)):
            yield self._scripted()

    def _scripted(self) -> str:
        """The next thing with its scripts."""
        base, takes_scripts = self._thing()
        while takes_scripts and self.place < len(self.text):
            below = self._subscript()
            above = self._superscript()
            if below and above:
                base = f"<msubsup>{base}{below}{above}</msubsup>"
            elif below or above:
                kind = "msub" if below else "msup"
                base = f"<{kind}>{base}{below}{above}</{kind}>"
            else:
                break
        return base

    def _thing(self) -> tuple[str, bool]:
        """A name, number, sign or bracketed row, and whether scripts may follow."""
        match = _TOKENS.match(self.text, self.place)
        assert match is not None  # the last alternative takes any character
        kind, found = str(match.lastgroup), match.group()
        self.place = match.end()
        if kind in ("gap", "space"):
            return f'<mspace width="{"1.6" if kind == "gap" else "0.22"}em"></mspace>', False
        if kind == "number":
            return f"<mn>{found}</mn>", True
        if kind == "raised":
            return f"<msup><mrow></mrow>{_raised(found)}</msup>", False
        if kind == "average":
            return self._bracketed("⟨", ">"), True
        if kind == "name":
            return self._name(found)
        if found in _CLOSING:
            return self._bracketed(found, _CLOSING[found]), True
        return f'<mo stretchy="false">{html.escape(SIGNS.get(found, found))}</mo>', found in "|)]}⟩‖∫∑∏ΣΠ"

    def _bracketed(self, opening: str, closing: str) -> str:
        inside = "".join(self.row(until=closing))
        is_closed = self.place < len(self.text)
        self.place += len(closing) if is_closed else 0
        shown = {">": "⟩"}.get(closing, closing)
        end = f'<mo stretchy="false">{shown}</mo>' if is_closed else ""
        return f'<mrow><mo stretchy="false">{opening}</mo>{inside}{end}</mrow>'

    def _name(self, found: str) -> tuple[str, bool]:
        if found == "sqrt":
            while self.text.startswith(" ", self.place):
                self.place += 1
            return (
                f"<msqrt>{self._scripted()}</msqrt>" if self.place < len(self.text) else "<mo>√</mo>"
            ), True
        if found in LARGE:
            return f'<mo stretchy="false">{LARGE[found]}</mo>', True
        letters = _name(found)
        if self.text.startswith("*", self.place) and not _FACTOR.match(self.text, self.place + 1):
            self.place += 1  # an optimum or a star, not a product
            return f"<msup>{letters}<mo>*</mo></msup>", True
        if self.text.startswith("^", self.place) and not re.match(r"\^[\w({|+*-]", self.text[self.place :]):
            self.place += 1
            return f'<mover accent="true">{letters}<mo stretchy="false">^</mo></mover>', True
        return letters, True

    def _subscript(self) -> str:
        if not self.text.startswith("_", self.place):
            return ""
        return self._script(_SUBSCRIPT, "{")

    def _superscript(self) -> str:
        primes = re.match(r"['′]+", self.text[self.place :])
        if primes is not None:
            self.place += primes.end()
            return f"<mo>{'′' * primes.end()}</mo>"
        raised = re.match(rf"[{_RAISED}]+", self.text[self.place :])
        if raised is not None:
            self.place += raised.end()
            return _raised(raised.group())
        return self._script(_SUPERSCRIPT, "{(|") if self.text.startswith("^", self.place) else ""

    def _script(self, bare: re.Pattern[str], brackets: str) -> str:
        """What stands after `_` or `^`; brackets that only hold it together are not drawn."""
        bracketed = re.match(rf"[+-]?([{re.escape(brackets)}])", self.text[self.place + 1 :])
        if bracketed is not None:
            opening, sign = bracketed[1], bracketed[0][:-1]
            closing = _CLOSING.get(opening, opening)
            start = self.place = self.place + 1 + bracketed.end()
            inside = "".join(self.row(until=closing))
            inside_text = self.text[start : self.place]
            self.place += len(closing)
            is_grouping = opening == "{" or (opening == "(" and _COMPOUND.search(inside_text) is not None)
            drawn = inside if is_grouping else _mark(opening) + inside + _mark(closing)
            return f"<mrow>{_mark(SIGNS.get(sign, sign)) if sign else ''}{drawn}</mrow>"
        match = bare.match(self.text, self.place + 1)
        if match is None:  # a lone sign
            self.place += 1
            return _mark("_")
        self.place = match.end()
        if re.fullmatch("[ijklmnu]{2}", match.group()):  # indices
            return f"<mrow>{''.join(map(_letter, match.group()))}</mrow>"
        return f"<mrow>{''.join(_Line(match.group()).row())}</mrow>"


def _name(found: str) -> str:
    """A name as one or two elements: letters slanted, words upright, digits after a Greek letter below it."""
    word = found.rstrip("0123456789")
    if word in GREEK and word != found:
        return f"<msub>{_letter(GREEK[word])}<mn>{found[len(word) :]}</mn></msub>"
    if found in GREEK or len(found) == 1:
        return _letter(GREEK.get(found, found))
    if found[0] == "d" and (found[1:] in GREEK or (len(found) == 2 and found[1] not in "oe")):
        return f"<mrow>{_letter('d')}{_letter(GREEK.get(found[1:], found[1:]))}</mrow>"
    return f"<mi>{html.escape(found)}</mi>"


def _letter(letter: str) -> str:
    return f'<mi mathvariant="normal" class="letter">{html.escape(letter)}</mi>'


def _raised(signs: str) -> str:
    plain = "".join(RAISED[sign] for sign in signs)
    return f"<mn>{plain}</mn>" if plain.isdigit() else f"<mrow><mtext>{plain}</mtext></mrow>"


def _mark(sign: str) -> str:
    return f'<mo stretchy="false">{html.escape(sign)}</mo>'


# ------------------------------------------------------------------ formulas inside prose

_SPACED = re.compile(r"sqrt (?=[\w(])|(?:sqrt|[_^][+-]?)(?=[({])")
_MATTER = re.compile(
    rf"\^|(?<!\w)sqrt[ (]|(?<![\w.])(?:{'|'.join(GREEK)})(?![A-Za-z\d_-])"
    rf"|(?<![\w])(?:[{_LETTERS}]{{1,2}}|{'|'.join([*GREEK, 'sum', 'prod', 'int'])}|\))['{_RAISED}]*_[\w{{.<*+-]"
)
"""What makes a word a formula: a superscript, a root, a Greek name, a subscript of something short."""


def prose(text: str) -> str:
    """Running text as HTML in which words with scripts, roots and Greek names are set as formulas.

    A word is what stands between spaces; brackets after a root or a script belong to their word.
    """
    return "".join(
        formula(word) if _MATTER.search(word) else html.escape(SIGNS.get(word, word) if word != "-" else word)
        for word in _words(text)
    )


def _words(text: str) -> Iterator[str]:
    """Words, spaces and the marks around words; together they are the text."""
    for piece in re.split(r"(\s+)", _with_firm_spaces(text)):
        match = re.fullmatch(r"([\"“(]*)(.*?)([.,;:\"”)?!]*)", piece, re.DOTALL)
        assert match is not None  # each part may be empty
        before, inside, after = match.groups()
        while after.startswith(")") and inside.count("(") > inside.count(")"):
            inside, after = inside + ")", after[1:]
        yield from (part.replace("\0", " ") for part in (before, inside, after) if part)


def _with_firm_spaces(text: str) -> str:
    """The text with the spaces inside of roots and bracketed scripts replaced by null characters."""
    made, place = "", 0
    for found in _SPACED.finditer(text):
        if found.start() < place:
            continue
        end = _after_bracket(text, found.end())
        made += text[place : found.start()] + text[found.start() : end].replace(" ", "\0")
        place = end
    return made + text[place:]


def _after_bracket(text: str, start: int) -> int:
    """The place after the bracket that opens at `start`, or `start` if none does or it is never closed."""
    depth = 0
    for place, sign in enumerate(text[start:], start):
        depth += (sign in "({") - (sign in ")}")
        if depth == 0:
            return place + 1 if place > start else start
    return start


__all__ = ["GREEK", "LARGE", "RAISED", "SIGNS", "formula", "prose"]
