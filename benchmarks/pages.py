"""Interactive pages in a browser: how soon they answer, and how long from a slider's move to the painted picture.

    python -m benchmarks.pages build/site/*/interactive.html

`ready` is the time from the start of navigation until the first demonstration is drawn, at full speed and with the
processor slowed down 4 times. With the processor slowed down, `repaint` is the time from a slider's input event until
everything has been handed to the browser's canvas, over 40 moves of every control, and `frame` the time between two
frames of the screen while this control moves in each; both are shown for the slowest control of the page. Wall times
are no smaller than the machine's load allows: `script` is the processor's time a move, at full speed.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOVES = 40
THROTTLING = 4

_MOVE = """([id, name, moves]) => {
    const input = document.querySelector(`#${id} [data-control="${name}"]`);
    const control = lemmata.views[id].demo.control(name);
    const positions = Math.round(control.steps / control.step) + 1;
    performance.clearMeasures("lemmata:repaint");
    for (let i = 0; i < moves; i++) {
        input.value = ((i * 7) % positions) * control.step;
        input.dispatchEvent(new Event("input"));
    }
    return performance.getEntriesByName("lemmata:repaint").map((entry) => entry.duration);
}"""

_FRAMES = """async ([id, name, moves]) => {
    const input = document.querySelector(`#${id} [data-control="${name}"]`);
    const control = lemmata.views[id].demo.control(name);
    const positions = Math.round(control.steps / control.step) + 1;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const times = [await frame()];
    for (let i = 0; i < moves; i++) {
        input.value = ((i * 7) % positions) * control.step;
        input.dispatchEvent(new Event("input"));
        times.push(await frame());
    }
    return times.slice(1).map((time, i) => time - times[i]);
}"""


@dataclass(frozen=True)
class PageTiming:
    """Times of one page.

    Parameters
    ----------
    page : str
    bytes : int
    ready, slow_ready : float
        Milliseconds until the first demonstration is drawn, at full speed and slowed down.
    control : str
        The slowest one, after its demonstration.
    repaint, largest : float
        Median and largest milliseconds from its input to the painted picture.
    frame : float
        Median milliseconds between frames while it moves.
    script : float
        Milliseconds of the processor a move, at full speed, over all controls.
    """

    page: str
    bytes: int
    ready: float
    slow_ready: float
    control: str
    repaint: float
    largest: float
    frame: float
    script: float


def time_page(browser: Browser, path: Path, throttling: float = THROTTLING) -> PageTiming:
    """Open a page, move all of its controls, and measure."""
    window = browser.new_context(viewport={"width": 1920, "height": 1080}, offline=True)
    page = window.new_page()
    session = window.new_cdp_session(page)
    ready = _ready(page, path)
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttling})
    slow_ready = _ready(page, path)
    controls = _controls(page)
    slow = {f"{demo}.{name}": page.evaluate(_MOVE, [demo, name, MOVES]) for demo, name in controls}
    slowest = max(slow, key=lambda name: statistics.median(slow[name]))
    frames: list[float] = page.evaluate(_FRAMES, [*slowest.split(".", 1), MOVES])
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _script_seconds(session)
    for demo, name in controls:
        page.evaluate(_MOVE, [demo, name, MOVES])
    script = 1000 * (_script_seconds(session) - before) / (MOVES * len(controls))
    window.close()
    times = slow[slowest]
    return PageTiming(
        f"{path.parent.name}/{path.name}",
        path.stat().st_size,
        ready,
        slow_ready,
        slowest,
        statistics.median(times),
        max(times),
        statistics.median(frames),
        script,
    )


def _ready(page: Page, path: Path) -> float:
    page.goto(path.resolve().as_uri())
    first = page.locator("[data-demo]").first.get_attribute("data-demo")
    page.wait_for_selector(f"#{first}[data-state=ready]", timeout=60_000)
    return page.evaluate(f"performance.getEntriesByName('lemmata:ready:{first}')[0].startTime")


def _controls(page: Page) -> list[tuple[str, str]]:
    """Every control with its demonstration, all demonstrations drawn."""
    found: list[tuple[str, str]] = []
    for section in page.locator("[data-demo]").all():
        demo = str(section.get_attribute("data-demo"))
        section.scroll_into_view_if_needed()
        page.wait_for_selector(f"#{demo}[data-state=ready]", timeout=60_000)
        names = page.evaluate("(id) => lemmata.views[id].demo.controls.map((control) => control.name)", demo)
        found += [(demo, name) for name in names]
    return found


def _script_seconds(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration")


def main(paths: list[str]) -> None:
    """Print a table of the pages' times."""
    from playwright.sync_api import sync_playwright

    from tests.browser import launch

    print(f"processor slowed {THROTTLING} times; {MOVES} moves of each control")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for path in map(Path, paths):
            t = time_page(browser, path)
            print(
                f"{t.page}: {t.bytes / 1e6:.2f} MB, ready {t.ready:.0f} ms (slowed {t.slow_ready:.0f}), repaint "
                f"{t.repaint:.1f} ms (at most {t.largest:.1f}), frame {t.frame:.1f} ms (slowest control {t.control}), "
                f"script {t.script:.2f} ms a move"
            )
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
