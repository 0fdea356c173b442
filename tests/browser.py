"""A browser for tests: Debian's Chromium by Playwright, without a network, with a profile of its own.

`open_file` opens a file in a new window and, when the test is over, holds the page to have said nothing on the
console and to have asked for nothing but files and data.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

OpenFile = Callable[..., "Page"]


def executable() -> str | None:
    """Path of the first Chromium on the path."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """A new Chromium, or the test is skipped."""
    path = executable()
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on the path (apt-get install chromium)")
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture
def open_file(browser: Browser) -> Iterator[OpenFile]:
    """`open_file(path, width=, height=, scheme=)` opens a file and returns the page."""
    windows: list[BrowserContext] = []
    wrong: list[str] = []

    def opened(
        path: Path,
        width: int = 1280,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
        **options: Any,
    ) -> Page:
        size: Any = {"width": width, "height": height}
        window = browser.new_context(viewport=size, color_scheme=scheme, offline=True, **options)
        windows.append(window)
        page = window.new_page()
        page.on(
            "console", lambda said: wrong.append(f"{said.type}: {said.text}") if said.type != "log" else None
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if _is_elsewhere(asked.url) else None)
        page.goto(path.resolve().as_uri())
        return page

    yield opened
    for window in windows:
        window.close()
    assert wrong == []


def _is_elsewhere(address: str) -> bool:
    return not address.startswith(("file:", "data:", "blob:"))
