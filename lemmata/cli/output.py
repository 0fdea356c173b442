"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemmata.wording import number

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 160
"""Columns of a table that goes into a file or pipe."""
NARROWEST = 24
"""Columns of a wrapped text where there is little room."""


def console(least: int = 0) -> Console:
    """Standard output, at least so wide; wide and without colours where it is no terminal."""
    from rich.console import Console

    plain = Console(highlight=False)
    width = plain.width if plain.is_terminal or "COLUMNS" in os.environ else WIDE
    return Console(highlight=False, width=max(width, least))


def several_platforms(platforms: Iterable[str]) -> str:
    """A line for numbers that were made on more than one platform; empty for one."""
    names = sorted(platforms)
    if len(names) < 2:
        return ""
    return f"made on {len(names)} platforms, so last bits may differ from those of one: " + " | ".join(names)


def print_json(data: Any) -> None:
    """JSON on standard output; NaN and infinities become null and text."""
    print(json.dumps(clean(data), indent=2, ensure_ascii=False, allow_nan=False))


def clean(data: Any) -> Any:
    """Data that JSON can hold."""
    if isinstance(data, Mapping):
        return {str(key): clean(value) for key, value in data.items()}  # type: ignore[reportUnknownVariableType]
    if isinstance(data, list | tuple):
        return [clean(value) for value in data]  # type: ignore[reportUnknownVariableType]
    if isinstance(data, float) and not math.isfinite(data):
        return None if math.isnan(data) else str(data)
    return data


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "", text: Sequence[str] = ()
) -> None:
    """A table; the columns named in `text` are left-aligned, and wrap between words where there is little room.

    Numbers and names are never broken or cut: a table that needs more room than the terminal has is printed wider.
    """
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table

    cells = [[_escaped(number(value)) for value in row] for row in rows]
    table = Table(title=title or None, box=box.SIMPLE_HEAD, header_style="bold")
    table.title_justify, table.title_style = "left", "bold"
    for i, column in enumerate(columns):
        entries = [column, *(row[i] for row in cells)]
        longest = max(map(len, entries))
        wraps = column in text and any(" " in entry for entry in entries)
        least = min(longest, NARROWEST) if wraps else longest
        justify = "left" if column in text else "right"
        table.add_column(column, justify=justify, no_wrap=not wraps, overflow="fold", min_width=least)
    for row in cells:
        table.add_row(*row)
    roomy = console(least=10_000)
    needed = Measurement.get(roomy, roomy.options, table).minimum
    console(needed).print(table)


def print_facts(facts: Mapping[str, str], *, title: str = "") -> None:
    """Names and texts, one line each; empty texts are left out."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, _escaped(value))
    out = console()
    if title:
        out.print(_escaped(title), style="bold")
    out.print(table)


def short(path: Path) -> str:
    """A path as seen from the working folder, if it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


__all__ = [
    "clean",
    "console",
    "print_facts",
    "print_json",
    "print_table",
    "several_platforms",
    "short",
]
