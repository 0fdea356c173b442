"""The site in a browser: from files, without a network; readable, reachable by keyboard, on a phone and a projector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lemmata import Laboratory
from lemmata.claims import QUICK
from lemmata.engines import Serial
from lemmata.pages import vendor
from lemmata.site import findings, write_site
from tests.browser import OpenFile
from tests.framework.papers import STORY, paper
from tests.framework.test_site import ABOUT

PAGES = ("index", "blueprint", "walks/index", "walks/statements", "walks/figures", "walks/blueprint")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with Laboratory(0, engine=Serial()) as lab:
        found = findings(paper().claims[:2], lab, QUICK)
    write_site([paper()], folder, ABOUT, stories=lambda name: STORY, found=found, pictures={})
    return folder


def violations(page: Any) -> list[str]:
    """What axe-core finds that is serious or worse by its rules of WCAG 2 A and AA, everything unfolded."""
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.evaluate((vendor.packages() / "axe-core/axe.min.js").read_text(encoding="utf-8"))
    rules = "runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
    found = page.evaluate(f"axe.run({{ {rules}, preload: false }})")
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:120]}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(site: Path, open_file: OpenFile, name: str, scheme: str) -> None:
    try:
        vendor.packages()
    except vendor.VendorError as error:
        pytest.skip(str(error))
    assert violations(open_file(site / f"{name}.html", scheme=scheme)) == []


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1920, 1080)])
def test_pages_fit_a_phone_and_a_projector(site: Path, open_file: OpenFile, width: int, height: int) -> None:
    """Nothing but tables, formulas and graphs inside of their own frames scrolls sideways."""
    for name in PAGES:
        page = open_file(site / f"{name}.html", width, height)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_the_blueprint_is_walked_by_keyboard(site: Path, open_file: OpenFile) -> None:
    """A node with the focus shows its edges; Enter leads to its statement, and a cell of the matrix to its evidence."""
    page = open_file(site / "walks" / "blueprint.html")
    page.locator("[data-node=C2]").focus()
    near = "[...document.querySelectorAll('.edge.near')].map((e) => e.dataset.from + e.dataset.to).sort()"
    assert page.evaluate(near) == ["A1C2", "R1C2"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.node") == "C3"
    assert page.evaluate(near) == ["D1C3"]
    page.locator("[data-node=C2]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/walks/statements.html#C2")
    page = open_file(site / "index.html")
    page.locator("a", has_text="X C2").press("Enter")
    page.wait_for_url("**/walks/statements.html#C2")
    assert page.locator("#C2").is_visible()


def test_formulas_are_drawn_as_mathematics(site: Path, open_file: OpenFile) -> None:
    """A subscript is smaller and lower than its base; letters are slanted, words are not."""
    page = open_file(site / "walks" / "index.html")
    box = "(selector) => document.querySelector(selector).getBoundingClientRect().toJSON()"
    base, index = (page.evaluate(box, f".formula msub > :nth-child({i})") for i in (1, 2))
    assert index["height"] < base["height"]
    assert index["y"] + index["height"] > base["y"] + base["height"]
    style = "(selector) => getComputedStyle(document.querySelector(selector)).fontStyle"
    assert page.evaluate(style, ".formula mi.letter") == "italic"
    assert page.evaluate(style, ".formula mn, .formula mo") == "normal"
