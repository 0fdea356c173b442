"""Nearest valid names, for every place where a name can be misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnknownNameError(LookupError):
    """A name that stands for nothing, with the nearest names that do.

    Parameters
    ----------
    kind : str
        What was looked for: 'paper', 'result', 'parameter', ...
    name : str
        What was given.
    valid : iterable of str
        All valid names.
    """

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        self.kind, self.name, self.valid = kind, name, tuple(valid)
        super().__init__(f"unknown {kind} {name!r}{nearest(name, self.valid)}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        return type(self), (self.kind, self.name, self.valid)


def nearest(name: str, valid: Iterable[str], count: int = 3) -> str:
    """The clause '; did you mean a, b?' with the nearest valid names, or all of a few valid names.

    Empty when there is no valid name at all.
    """
    names = list(dict.fromkeys(valid))
    if not names:
        return ""
    folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=count, cutoff=0.5)
    if not close:
        tails = {candidate.casefold().rpartition(".")[2]: candidate for candidate in reversed(names)}
        tail = name.casefold().rpartition(".")[2]
        return_names = [tails[t] for t in difflib.get_close_matches(tail, list(tails), n=count, cutoff=0.5)]
    else:
        return_names = [folded[c] for c in close]
    if return_names:
        return f"; did you mean {', '.join(return_names)}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; valid: {shown}"
