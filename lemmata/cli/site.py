"""`lemmata site`: write the static site."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemmata.cli.output import console, short
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory
from lemmata.extras import MissingExtraError
from lemmata.pictures.records import Quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from lemmata.catalogue import Catalogue, Entry, PaperFloors
    from lemmata.cli.observed import ObservedLaboratory
    from lemmata.pictures import Figure
    from lemmata.site import Picture


@click.command("site")
@click.argument("papers", nargs=-1, metavar="[PAPERS]...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder (default build/site).")
@click.option(
    "--level",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="Level of the verdicts.",
)
@click.option(
    "--quality",
    type=click.Choice([q.value for q in Quality]),
    default="standard",
    show_default=True,
    help="How much work goes into figures.",
)
@click.option(
    "--stored", is_flag=True, help="Judge and draw nothing: show what the ledger and build/figures hold."
)
@click.option("--manual/--no-manual", default=True, help="Build the manual with the API reference.")
@laboratory_options
@click.pass_obj
def command(
    state: State,
    papers: tuple[str, ...],
    out: Path | None,
    level: str,
    quality: str,
    stored: bool,
    manual: bool,
    **options: Any,
) -> None:
    """Write the site of all papers (or of those named): verdicts, stories, figures, blueprints, manual.

    Claims without a verdict in the ledger are judged, figures that were not drawn from this commit are drawn.
    """
    catalogue = _chosen(load_catalogue(), papers)
    _need_extra()
    from lemmata import site
    from lemmata.claims import LEVELS
    from lemmata.ledger import BUILD
    from lemmata.provenance import ROOT, commit, versions

    folder = out if out is not None else BUILD / "site"
    stdout = console()

    def tell(line: str) -> None:
        with state.bar.aside():
            stdout.print(line, markup=False, soft_wrap=True)

    with open_laboratory(state, **options) as lab:
        found = site.findings(catalogue.claims(), lab, LEVELS[level], judging=not stored)
        judged = sum(finding.record is not None for finding in found.values())
        tell(f"verdicts     {judged} of {len(found)} claims at level {level}, seed {lab.seed}")
        pictures = _pictures(catalogue, lab, quality=quality, is_stored=stored)
        tell(f"figures      {len(pictures)} of {len(catalogue.figures())}")
        if manual:
            state.bar.tell("manual", 0, 1, "parts")
            warnings = site.write_manual(ROOT, folder / "manual", BUILD / "manual")
            tell(f"manual       {short(folder / 'manual' / 'index.html')}")
            for warning in warnings:
                tell(f"    {warning}")
        about = site.About(
            level=level,
            quality=quality,
            seed=lab.seed,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            commit=commit(),
            versions=versions(),
            has_manual=(folder / "manual" / "index.html").is_file(),
        )
        home = site.write_site(
            catalogue,
            folder,
            about,
            stories=_story,
            found=found,
            pictures=pictures,
            interactive=_stored_page if stored else _Interactive(lab, tell),
        )
    tell(f"site         {short(home)}")


def _chosen(catalogue: Catalogue, papers: tuple[str, ...]) -> Catalogue:
    """The catalogue, or that of the named papers alone."""
    from lemmata.catalogue import Catalogue

    return Catalogue([catalogue.paper(name).name for name in papers]) if papers else catalogue


def _need_extra() -> None:
    try:
        import jinja2
        import markdown_it

        _ = jinja2, markdown_it
    except ImportError as error:
        raise MissingExtraError(
            f"the site needs {error.name}: install the extra `site` (`make site` does)"
        ) from None


def _story(paper: str) -> str:
    from lemmata.provenance import ROOT

    path = ROOT / "docs" / "papers" / f"{paper}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _stored_page(paper: PaperFloors, place: Path) -> bool:
    """The interactive page as an earlier run left it."""
    return place.is_file()


class _Interactive:
    """Writes interactive pages; says once why there are none where what they need is missing."""

    def __init__(self, lab: ObservedLaboratory, tell: Callable[[str], None]) -> None:
        self.lab, self.tell, self._is_able = lab, tell, True

    def __call__(self, paper: PaperFloors, place: Path) -> bool:
        from lemmata.pages import Link, VendorError, write_paper_page

        if not self._is_able:
            return False
        links = [
            Link("../index.html", "Verdicts"),
            Link("index.html", "Story"),
            Link("statements.html", "Statements"),
        ]
        try:
            is_written = write_paper_page(paper, place, self.lab, links=links)
        except VendorError as error:
            self.tell(f"interactive  none: {error}")
            self._is_able = False
            return False
        if is_written:
            self.tell(f"interactive  {short(place)}")
        return is_written


def _pictures(
    catalogue: Catalogue, lab: ObservedLaboratory, *, quality: str, is_stored: bool
) -> dict[str, Picture]:
    """Figures by identifier: those in build/figures that are current or all there is, the others drawn."""
    from lemmata.ledger import BUILD
    from lemmata.site import drawn, is_current

    folder = BUILD / "figures"
    found: dict[str, Picture] = {}
    for entry in catalogue.figures():
        picture = drawn(entry, folder)
        if not is_stored and (picture is None or not is_current(picture, quality, lab.seed)):
            with contextlib.suppress(MissingExtraError):  # then the page says that there is no picture
                _draw(entry, catalogue, lab, Quality(quality), folder)
            picture = drawn(entry, folder)
        if picture is not None:
            found[entry.identifier] = picture
    return found


def _draw(
    entry: Entry[Figure], catalogue: Catalogue, lab: ObservedLaboratory, quality: Quality, folder: Path
) -> None:
    from lemmata.pictures import render
    from lemmata.provenance import add_platforms

    lab.forget()
    made = render(entry, catalogue.paper(entry.paper), lab, quality, folder)
    add_platforms(made.provenance, lab.platforms)
