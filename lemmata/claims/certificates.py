"""Certificates: statements that are proved, by algebra or by enclosure, each time anew.

A certificate starts from the definitions. `Symbolic` holds when an expression that should vanish is brought to zero
by exact algebra, and fails when exact evaluation at a rational point shows that it does not; `Enclosed` holds when
ball arithmetic (python-flint, extra `certify`) proves an inequality, and fails when it disproves it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lemmata.claims.verdicts import Outcome


@dataclass(frozen=True)
class Proof:
    """The outcome of replaying a certificate, with one line on how it was reached."""

    outcome: Outcome
    reason: str


class MissingExtraError(RuntimeError):
    """An optional dependency that a certificate needs is not installed."""


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
        import sympy

        made = self.residue()
        parts = tuple(made) if isinstance(made, (tuple, list)) else (made,)
        for part in map(sympy.sympify, parts):
            if sympy.simplify(sympy.together(part)) == 0:
                continue
            point = _nonzero_point(part)
            if point is not None:
                return Proof(Outcome.FAILED, f"does not vanish at {point}")
            return Proof(Outcome.OPEN, f"could not be brought to zero: {str(part)[:120]}")
        return Proof(Outcome.HELD, f"{len(parts)} expression(s) brought to zero by exact algebra")


def _nonzero_point(expression: Any) -> str | None:
    """A rational point at which the expression is certainly not zero (100 digits), if one is found."""
    import sympy

    rng = random.Random(0)  # the points are part of the proof, not of a simulation
    symbols = sorted(expression.free_symbols, key=str)
    for _ in range(20):
        point = {symbol: sympy.Rational(rng.randint(1, 997), rng.randint(1, 997)) for symbol in symbols}
        value = expression.subs(point)
        if not value.is_finite:
            continue
        number = sympy.N(value, 100)
        if number.is_number and abs(number) > sympy.Float(10) ** -60:
            return ", ".join(f"{symbol} = {value}" for symbol, value in point.items()) or "every point"
    return None


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
            import flint
        except ImportError:
            raise MissingExtraError("this certificate needs python-flint: install the extra 'certify'") from None
        made = self.gap(flint)
        parts = tuple(made) if isinstance(made, (tuple, list)) else (made,)
        for part in parts:
            if part < 0:
                return Proof(Outcome.FAILED, f"the ball {part} is negative")
            if not part > 0:
                return Proof(Outcome.OPEN, f"the ball {part} contains zero")
        return Proof(Outcome.HELD, f"{len(parts)} ball(s) proved positive")


Certificate = Symbolic | Enclosed
