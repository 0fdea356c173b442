"""The live pages in a browser: how long from a slider's move to the repainted picture, and from Draw to the points.

    python -m benchmarks.classroom [PAPER]...

Every slider of a page takes a few steps by key; a move ends when all that changes is decoded and handed to the screen.
Wall times are no smaller than the machine's load allows.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOVES = 6
SECONDS = 60_000
REPAINT = 150
"""Milliseconds within which a move is to be seen."""

_WATCH = """() => {
    const shown = () => [...document.querySelectorAll(".lemmata-pictures img")].map((image) => image.src).join();
    window.lemmataShown = shown;
    window.lemmataBefore = shown();
    for (const kind of ["keydown", "click"])
        addEventListener(kind, () => { window.lemmataStarted = performance.now(); }, { capture: true, once: true });
}"""
_WAIT = """async (most) => {
    while (window.lemmataShown() === window.lemmataBefore) {
        if (performance.now() - window.lemmataStarted > most) return -1;
        await new Promise(requestAnimationFrame);
    }
    await Promise.all([...document.querySelectorAll(".lemmata-pictures img")].map((image) => image.decode()));
    await new Promise(requestAnimationFrame);
    return performance.now() - window.lemmataStarted;
}"""


@dataclass(frozen=True)
class Timing:
    """Times of one paper's page in milliseconds.

    Attributes
    ----------
    paper : str
    moves : tuple of float
        Of sliders, that changed a picture.
    draws : tuple of float
    """

    paper: str
    moves: tuple[float, ...]
    draws: tuple[float, ...]

    def line(self) -> str:
        """The timing in words."""
        middle, draw = statistics.median(self.moves), max(self.draws, default=0.0)
        most = statistics.quantiles(self.moves, n=10, method="inclusive")[-1]
        late = sum(move > REPAINT for move in self.moves)
        return (
            f"{self.paper}: slider to repaint {middle:.0f} ms median, {most:.0f} ms for 90 %, "
            f"{max(self.moves):.0f} ms at most, {late} of {len(self.moves)} above {REPAINT} ms; "
            f"draw {draw:.0f} ms at most of {len(self.draws)}"
        )


def measure(page: Page, address: str, paper: str) -> Timing:
    """Time the page of one paper."""
    page.goto(f"{address}{paper}/")
    page.locator(".lemmata-pictures img").first.wait_for(timeout=SECONDS)
    moves: list[float] = []
    draws: list[float] = []
    for slider in page.locator("[role=slider]").all():
        if not slider.is_visible():
            continue
        for step in range(MOVES):
            page.evaluate(_WATCH)
            slider.focus()
            page.keyboard.press("ArrowRight" if step % 2 == 0 else "ArrowLeft")
            moves.append(page.evaluate(_WAIT, 3000))
    button = page.get_by_role("button", name="Draw").first
    for _ in range(3 if button.is_visible() else 0):
        page.evaluate(_WATCH)
        button.click()
        draws.append(page.evaluate(_WAIT, 20000))
    return Timing(paper, *(tuple(time for time in times if time >= 0) for times in (moves, draws)))


def main(papers: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    import theory
    from tests.browser import launch
    from tests.framework.test_classroom_live import served

    with served() as (address, _), sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page()
        for paper in papers or theory.PAPERS:
            print(measure(page, address, paper).line(), flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
