"""The site's files: pages from templates, figures, data and assets, all in one folder that needs no network."""

from __future__ import annotations

import html
import json
import posixpath
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lemmata.catalogue import PaperFloors
from lemmata.files import write_whole
from lemmata.site.drawing import draw, place
from lemmata.site.evidence import Finding
from lemmata.site.formulas import formula
from lemmata.site.gallery import Picture
from lemmata.site.markdown import inline, render
from lemmata.site.views import LEGEND, PaperView, paper_view
from lemmata.wording import number

HERE = Path(__file__).parent
PAPER_PAGES = {"index": "story", "statements": "statements", "figures": "figures", "blueprint": "blueprint"}
"""Pages of a paper and their templates."""


@dataclass(frozen=True)
class About:
    """What holds for the whole site: with which level, seed and quality it is made, when, and from what."""

    level: str
    quality: str
    seed: int
    made: str
    commit: Mapping[str, Any] | None
    versions: Mapping[str, str]
    has_manual: bool = False


def write_site(
    papers: Iterable[PaperFloors],
    folder: Path,
    about: About,
    *,
    stories: Callable[[str], str],
    found: Mapping[str, Finding],
    pictures: Mapping[str, Picture],
    interactive: Callable[[PaperFloors, Path], bool] = lambda paper, place: False,
) -> Path:
    """Write the pages of the papers, the home page and the blueprint; returns the home page.

    Parameters
    ----------
    papers : iterable of PaperFloors
    folder : Path
    about : About
    stories : callable
        The Markdown text of a paper's page, by the paper's name.
    found, pictures : mapping
        Findings and pictures by the identifiers of claims and figures; what is missing is said to be missing.
    interactive : callable
        Writes a paper's interactive page to a path; whether there is one.
    """
    environment = _environment()
    views = [_view(paper, folder, about, stories, found, pictures, interactive) for paper in papers]
    for path in sorted((HERE / "static").iterdir()):
        write_whole(folder / "assets" / path.name, path.read_bytes())
    common = {"about": about, "legend": LEGEND}
    for view in views:
        drawing = draw(view)
        for page, template in PAPER_PAGES.items():
            text = environment.get_template(f"{template}.html").render(
                common, paper=view, drawing=drawing, root="../", here=page
            )
            write_whole(folder / view.name / f"{page}.html", text.encode())
        _write_data(view, folder / view.name)
    drawings = [(view, draw(view)) for view in views]
    pages = {
        "blueprint": ("blueprints.html", {"drawings": drawings}),
        "index": ("home.html", {"papers": views}),
    }
    for page, (template, content) in pages.items():
        here = "home" if page == "index" else page
        text = environment.get_template(template).render(common, **content, root="", here=here)
        write_whole(folder / f"{page}.html", text.encode())
    return folder / "index.html"


def _view(
    paper: PaperFloors,
    folder: Path,
    about: About,
    stories: Callable[[str], str],
    found: Mapping[str, Finding],
    pictures: Mapping[str, Picture],
    interactive: Callable[[PaperFloors, Path], bool],
) -> PaperView:
    text = stories(paper.name)
    numbers = set(paper.metadata.statements) if paper.metadata else set[str]()

    def beside(identifier: str) -> str:
        if identifier not in numbers:
            return ""
        return f' <a class="small" href="statements.html#{html.escape(identifier)}">evidence</a>'

    def refer(identifier: str) -> str:
        if any(entry.item.id == identifier for entry in paper.figures):
            return f"figures.html#{identifier}"
        return f"#{identifier}" if identifier in stated else ""

    stated = render(text).headings.keys() & numbers
    story = render(
        text, link=lambda target: _led(target, about), beside=beside, refer=refer, with_formulas=True
    )
    return paper_view(
        paper,
        story,
        found,
        pictures,
        level=about.level,
        seed=about.seed,
        quality=about.quality,
        is_interactive=interactive(paper, folder / paper.name / "interactive.html"),
    )


def _led(target: str, about: About) -> str:
    """Where a link on a paper's page leads: pages of `docs/` are in the manual, those of papers beside this one."""
    parts = urlsplit(target)
    if parts.scheme or not parts.path.endswith(".md"):
        return target
    page = posixpath.normpath(posixpath.join("papers", parts.path)).removesuffix(".md")
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    if page.startswith("papers/"):
        return f"../{page.removeprefix('papers/')}/index.html{fragment}"
    return f"../manual/{page}.html{fragment}" if about.has_manual else "#content"


def _write_data(view: PaperView, folder: Path) -> None:
    records = {name: card.record for name, card in view.cards.items()}
    write_whole(folder / "evidence.json", (json.dumps(records, indent=1, ensure_ascii=False) + "\n").encode())
    for item in view.gallery:
        for name in item.picture.files if item.picture else ():
            assert item.picture is not None
            write_whole(folder / "figures" / name, (item.picture.folder / name).read_bytes())


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {"inline": _inline, "formula": _formula, "short": _short, "place": place}
    environment.filters.update(filters)  # type: ignore[reportUnknownMemberType]
    return environment


def _inline(text: str) -> Markup:
    return Markup(inline(text))


def _formula(text: str) -> Markup:
    return Markup(formula(text, block=True))


def _short(value: Any) -> str:
    """A number in four digits; what is no more than a rounding away from zero is zero."""
    return "0" if isinstance(value, float) and abs(value) < sys.float_info.min else number(value, 4)


__all__ = ["About", "write_site"]
