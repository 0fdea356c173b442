"""`lemmata figures`: draw figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemmata.cli.output import console, several_platforms, short
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory
from lemmata.extras import MissingExtraError
from lemmata.pictures.records import Quality
from lemmata.pictures.rendering import FORMATS
from lemmata.pictures.style import MEDIA


@click.command("figures")
@click.argument("ids", nargs=-1, metavar="[IDS]...")
@click.option(
    "--quality",
    type=click.Choice([q.value for q in Quality]),
    default="standard",
    show_default=True,
    help="How much work.",
)
@click.option(
    "--media", type=click.Choice(MEDIA), multiple=True, default=MEDIA[:1], help="Size; may be repeated."
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    default=FORMATS[:1],
    help="May be repeated.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder (default build/figures)."
)
@laboratory_options
@click.pass_obj
def command(
    state: State,
    ids: tuple[str, ...],
    quality: str,
    media: tuple[str, ...],
    formats: tuple[str, ...],
    out: Path | None,
    **options: Any,
) -> None:
    """Draw figures (all of them when none is named), each with its data and provenance, and an index.html.

    A figure that needs an optional package is left out, with the name of its extra, where that is not installed.
    """
    catalogue = load_catalogue()
    entries = catalogue.figures(ids)
    from lemmata.ledger import BUILD
    from lemmata.pictures import render
    from lemmata.provenance import add_platforms
    from lemmata.report import write_index

    folder = out if out is not None else BUILD / "figures"
    stdout = console()
    with open_laboratory(state, **options) as lab:
        for entry in entries:
            lab.forget()
            paper = catalogue.paper(entry.paper)
            try:
                made = render(entry, paper, lab, Quality(quality), folder, media=media, formats=formats)
            except MissingExtraError as error:
                with state.bar.aside():
                    stdout.print(f"{entry.identifier}  left out: {error}", markup=False, soft_wrap=True)
                continue
            chunks = f"{made.computed} chunks computed, {made.reused} from the ledger"
            files = ", ".join(short(path) for path in made.files)
            add_platforms(made.provenance, lab.platforms)
            lines = [
                f"{made.identifier}  {made.seconds:.1f} s  {chunks}",
                files,
                several_platforms(lab.platforms),
            ]
            with state.bar.aside():
                stdout.print("\n    ".join(filter(None, lines)), markup=False, soft_wrap=True)
    stdout.print(f"index  {short(write_index(folder))}", markup=False, soft_wrap=True)
