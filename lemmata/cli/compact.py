"""`lemmata compact`: give back room in a ledger."""

from __future__ import annotations

from pathlib import Path

import click

from lemmata.cli.output import console, short


@click.command("compact")
@click.option("--ledger", type=click.Path(path_type=Path), help="The file (default build/ledger.sqlite).")
def command(ledger: Path | None) -> None:
    """Give back room in a ledger: verdicts that are no longer current are removed, chunks never."""
    from lemmata.forecasts import size
    from lemmata.ledger import DEFAULT_PATH, Ledger

    path = ledger if ledger is not None else DEFAULT_PATH
    if not path.exists():
        raise ValueError(f"--ledger {path}: there is no such file")
    with Ledger(path) as opened:
        freed = opened.compact()
        held = opened.summary()
    console().print(
        f"{short(path)}  {size(max(freed, 0))} given back  {held.rows} chunks, {held.verdicts} verdicts in "
        f"{size(held.bytes)}",
        markup=False,
        soft_wrap=True,
    )
