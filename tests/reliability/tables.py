"""Tables of what was tried and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Table:
    """Rows of text under a title; `problems` are what must not have happened, in words."""

    title: str
    columns: Sequence[str]
    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    problems: list[str] = field(default_factory=list[str])

    def add(self, *cells: Any) -> None:
        """One more row."""
        self.rows.append(cells)

    def expect(self, is_so: bool, words: str) -> bool:
        """Note a problem if something is not so."""
        if not is_so:
            self.problems.append(words)
        return is_so

    def text(self) -> str:
        """The table as it is printed."""
        cells = [[str(cell) for cell in row] for row in [tuple(self.columns), *self.rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells
        ]
        rule = "  ".join("-" * width for width in widths)
        problems = [f"PROBLEM: {problem}" for problem in self.problems[:20]]
        return "\n".join(
            ["", self.title, "", lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), *problems]
        )
