"""Certificates: statements that are proved, by algebra or by enclosure, each time anew.

A certificate starts from the definitions. `Symbolic` holds when an expression that should vanish is brought to
zero by exact algebra, and fails when exact evaluation at a rational point shows that it does not; `Enclosed` holds
when ball arithmetic (python-flint, extra `certify`) proves an inequality, and fails when it disproves it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from lemmata.claims.verdicts import Outcome
from lemmata.extras import MissingExtraError


@dataclass(frozen=True)
class Proof:
    """The outcome of replaying a certificate, with one line on how it was reached."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Symbolic:
    """An algebraic identity.

    Parameters
    ----------
    residue : callable
        Builds, from the definitions, a sympy expression (or several) that should be identically zero.
    words : str
        The identity in words.
    """

    residue: Callable[[], Any]
    words: str

    def replay(self) -> Proof:
        """Prove or disprove the identity."""
        sympy: Any = import_module("sympy")
        parts = _parts(self.residue())
        unproved = ""
        for part in map(sympy.sympify, parts):
            if sympy.expand(part) == 0 or sympy.simplify(sympy.together(part)) == 0:
                continue
            point = _nonzero_point(part)
            if point is not None:
                return Proof(Outcome.FAILED, f"does not vanish at {point}")
            unproved = unproved or f"could not be brought to zero: {str(part)[:120]}"
        if unproved or not parts:
            return Proof(Outcome.OPEN, unproved or "nothing to prove")
        return Proof(Outcome.HELD, f"{len(parts)} expression(s) brought to zero by exact algebra")


def _nonzero_point(expression: Any) -> str | None:
    """A rational point at which the expression is certainly not zero (100 digits), if one is found."""
    sympy: Any = import_module("sympy")
    rng = random.Random(0)  # the points are part of the proof, not of a simulation
    symbols = sorted(expression.free_symbols, key=str)
    for _ in range(20):
        point = {symbol: _rational(symbol, rng) for symbol in symbols}
        number = sympy.N(expression.subs(point), 100)
        if number.is_number and number.is_finite and abs(number) > sympy.Float(10) ** -60:
            return ", ".join(f"{symbol} = {value}" for symbol, value in point.items()) or "every point"
    return None


def _rational(symbol: Any, rng: random.Random) -> Any:
    """A number that the symbol may stand for by its assumptions."""
    sympy: Any = import_module("sympy")
    denominator = 1 if symbol.is_integer else rng.randint(1, 997)
    size = sympy.Rational(rng.randint(1, 997), denominator)
    is_negative = symbol.is_nonpositive or (not symbol.is_nonnegative and rng.random() < 0.5)
    return -size if is_negative else size


@dataclass(frozen=True)
class Enclosed:
    """An inequality proved by ball arithmetic.

    Parameters
    ----------
    gap : callable
        `gap(flint)` returns a real ball (`flint.arb`), or several, that should be positive.
    words : str
        The inequality in words.
    """

    gap: Callable[[Any], Any]
    words: str

    def replay(self) -> Proof:
        """Prove or disprove the inequality."""
        try:
            flint: Any = import_module("flint")
        except ImportError:
            raise MissingExtraError(
                f"the certificate '{self.words}' needs python-flint: install the extra 'certify'"
            ) from None
        parts = _parts(self.gap(flint))
        unproved = ""
        for part in parts:
            if not isinstance(part, flint.arb):
                raise TypeError(f"gap of '{self.words}' = {part!r}: must be real balls (flint.arb)")
            if part < 0:
                return Proof(Outcome.FAILED, f"the ball {part} is negative")
            if not part > 0:
                unproved = unproved or f"the ball {part} contains zero"
        if unproved or not parts:
            return Proof(Outcome.OPEN, unproved or "nothing to prove")
        return Proof(Outcome.HELD, f"{len(parts)} ball(s) proved positive")


def _parts(made: Any) -> tuple[Any, ...]:
    return tuple(cast("Iterable[Any]", made)) if isinstance(made, (tuple, list)) else (made,)


Certificate = Symbolic | Enclosed
