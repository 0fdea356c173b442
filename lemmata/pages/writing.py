"""One paper's demonstrations as one HTML file that needs nothing else: no Python, no network, no other file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemmata.catalogue import PaperFloors
from lemmata.classroom import Demo
from lemmata.domains import DomainError
from lemmata.files import write_whole
from lemmata.laboratory import Laboratory
from lemmata.pages.agreement import Tabulation, tabulation
from lemmata.pages.cache import kept_tabulation
from lemmata.pages.describe import script_data, start, template_data
from lemmata.pages.encoding import encode
from lemmata.pages.simulated import Simulated, simulate
from lemmata.pages.vendor import file
from lemmata.pages.words import inline

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "numbers.js",
    "tables.js",
    "demo.js",
    "frame.js",
    "marks.js",
    "pictures.js",
    "guess.js",
    "values.js",
    "view.js",
    "main.js",
)
"""In the order in which they build on each other."""
MOST_BYTES = 2_000_000
"""Of a page."""


@dataclass(frozen=True)
class Effort:
    """How much is stored on a page.

    Parameters
    ----------
    values : int
        Values of one table, about; grids of sliders are thinned to it.
    checks : int
        Random settings at which tables are held to theory, for each control and for all together.
    settings, draws : int
        Settings with simulated points, at most, and independent draws at each.
    """

    values: int = 150_000
    checks: int = 32
    settings: int = 24
    draws: int = 2


@dataclass(frozen=True)
class Link:
    """A way to another page."""

    address: str
    words: str


@dataclass(frozen=True, eq=False)
class Prepared:
    """A demonstration with everything that its page holds."""

    tabulation: Tabulation
    simulated: Simulated | None


def prepare(demo: Demo, lab: Laboratory, effort: Effort, module: str = "") -> Prepared:
    """Compute a demonstration's tables and simulated points; tables are kept if its module is given."""
    asked = (demo, effort.values, effort.checks)
    tables = kept_tabulation(*asked, module) if module else tabulation(*asked)
    starts = {control.name: start(tables, control) for control in demo.controls}
    return Prepared(tables, simulate(demo, lab, starts, tables.strides, effort.settings, effort.draws))


def page_text(title: str, demos: Sequence[Prepared], links: Sequence[Link] = ()) -> str:
    """The page as text.

    Raises
    ------
    DomainError
        If it is larger than `MOST_BYTES`.
    VendorError
        If the plotting library is neither here nor to be had.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True)
    environment.filters.update(inline=_markup)  # pyright: ignore[reportUnknownMemberType]
    script = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    parts: dict[str, Any] = {
        "title": title,
        "links": links,
        "style": Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "plotting_style": Markup(file("uplot/dist/uPlot.min.css")),
        "plotting_script": Markup(file("uplot/dist/uPlot.iife.min.js")),
        "demos": [_section(prepared) for prepared in demos],
    }
    text = environment.get_template("page.html").render(parts)
    size = len(text.encode())
    if size > MOST_BYTES:
        tables = {p.tabulation.demo.id: _tables(p) for p in demos}
        each = ", ".join(f"{name} {len(table) / 1e6:.2f} MB" for name, table in tables.items())
        raise DomainError(f"size of the page of {title!r}", size, f"<= {MOST_BYTES} bytes (tables: {each})")
    return text


def _markup(text: str) -> str:
    from markupsafe import Markup

    return Markup(inline(text))


def _section(prepared: Prepared) -> dict[str, Any]:
    from markupsafe import Markup

    data = script_data(prepared.tabulation, prepared.simulated)
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    found = template_data(prepared.tabulation, prepared.simulated)
    return found | {"data": Markup(text.replace("<", "\\u003c")), "tables": Markup(_tables(prepared))}


def _tables(prepared: Prepared) -> str:
    return encode([table.values for table in prepared.tabulation.tables.values()])


def write_page(
    path: Path,
    title: str,
    demos: Sequence[Demo],
    lab: Laboratory,
    *,
    links: Sequence[Link] = (),
    effort: Effort | None = None,
    module: str = "",
) -> Path:
    """Write the interactive page of a paper's demonstrations.

    Parameters
    ----------
    path : Path
        Of the HTML file; its folder is made.
    title : str
    demos : sequence of Demo
    lab : Laboratory
        Draws the simulated points; its seed is the first.
    links : sequence of Link
        Shown at the top, such as the way back to the paper.
    effort : Effort, optional
    module : str, optional
        Module or package that holds the demonstrations, such as 'classroom.attention_memorization'. If it is given,
        tables are kept in build/pages and computed anew when code behind them has changed.

    Raises
    ------
    DomainError
        If the page would be larger than 2 MB.
    VendorError
        If npm is needed and missing.
    """
    chosen = effort if effort is not None else Effort()
    text = page_text(title, [prepare(demo, lab, chosen, module) for demo in demos], links)
    write_whole(path, text.encode())
    return path


def write_paper_page(
    paper: PaperFloors,
    path: Path,
    lab: Laboratory,
    *,
    links: Sequence[Link] = (),
    effort: Effort | None = None,
) -> bool:
    """Write a paper's page, as `write_page`; False if the paper has no demonstrations."""
    floor = paper.floor("classroom")
    demos = [entry.item for entry in paper.demos]
    if floor is None or not demos:
        return False
    write_page(path, paper.title, demos, lab, links=links, effort=effort, module=floor.__name__)
    return True


__all__ = ["Effort", "Link", "Prepared", "page_text", "prepare", "write_page", "write_paper_page"]
