"""The live pages: the app runs for every paper, is served to this machine alone, moves, draws and stops."""

from __future__ import annotations

import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import theory
from lemmata.catalogue import PaperFloors
from lemmata.classroom import Choice, serving
from lemmata.classroom.lesson import Lesson
from lemmata.classroom.widgets import paper_of
from lemmata.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
PAPER = "attention_memorization"
OTHER_ADDRESS = "127.0.0.2"  # this machine too, and not the one address that is served
SECONDS = 60_000  # milliseconds: kernels may have to be compiled first
OTHERS = [pytest.param(p, marks=() if p == PAPER else pytest.mark.long) for p in theory.PAPERS]

pytest.importorskip("marimo", reason="the extra `classroom` is not installed")


# ------------------------------------------------------------------ the app, without a server


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_the_app_runs_for_every_paper(paper: str) -> None:
    """Its first demonstration, with a widget for each control at its default, and all pictures painted."""
    from lemmata.classroom.live import app

    _, found = app.run(defs={"paper": paper})
    demo = PaperFloors(paper).demos[0].item
    assert found["demo"] is demo
    assert set(found["controls"].value) == set(demo.defaults)
    for control in demo.controls:
        value, widget = found["controls"].value[control.name], found["controls"].elements[control.name]
        if isinstance(control, Choice):
            assert value == control.default
            assert [*widget.options] == list(control.options)
        else:
            assert value == pytest.approx(control.default, rel=1e-3)
            assert (min(widget.steps), max(widget.steps)) == pytest.approx(
                (control.low, control.high), rel=1e-3
            )
    text = found["lesson"].paint(found["controls"].value)
    assert text.count("data:image/png;base64,") == len(demo.pictures)


def test_an_address_names_its_paper() -> None:
    @dataclass
    class Request:
        url: dict[str, str]

    for path in (f"/{PAPER}/ws", f"/{PAPER}/", f"/{PAPER}"):
        assert paper_of(Request({"path": path})) == PAPER
    with pytest.raises(ValueError, match="no address names a paper"):
        paper_of(None)


@pytest.fixture
def nothing_is_warm() -> Iterator[None]:
    serving._use.cache_clear()
    yield
    serving._use.cache_clear()
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_is_warm")
def test_demonstrations_are_used_once_before_anybody_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two visitors come at once: one waits for the other, nothing is drawn twice, and full collections are short."""
    begun, may_go_on = threading.Event(), threading.Event()
    drawn: list[str] = []

    def draw(lesson: Lesson, values: object) -> None:
        begun.set()
        assert may_go_on.wait(60)
        drawn.append(lesson.demo.id)

    monkeypatch.setattr(Lesson, "draw", draw)
    seen: list[list[str]] = []

    def visit() -> None:
        serving.warm(PAPER)
        seen.append(list(drawn))

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    assert begun.wait(60)
    assert seen == []
    may_go_on.set()
    for visitor in visitors:
        visitor.join(60)
    demos = [entry.item.id for entry in PaperFloors(PAPER).demos]
    assert seen == [demos, demos]
    assert gc.get_freeze_count() > 100_000


# ------------------------------------------------------------------ the command


def test_errors_of_usage_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["classroom", "attention_memorisation", "--no-browser"]) == 2
    assert "did you mean attention_memorization" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["classroom", PAPER, "--no-browser", "--port", str(port)]) == 2
        assert f"127.0.0.1:{port}" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "marimo", None)
    assert main(["classroom", PAPER, "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert "install the extra `classroom`" in error
    assert "Traceback" not in error


def test_worksheets_are_printed_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classroom", PAPER, "--worksheet"]) == 0
    out = capsys.readouterr().out
    demo = PaperFloors(PAPER).demos[0].item
    assert f"1. {demo.tasks[0].question}" in out
    assert f"| 1 | {demo.solve(demo.tasks[0])} |" in out


@contextmanager
def served(*words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address that the command prints, once it answers; interrupted at the end."""
    command = [sys.executable, "-m", "lemmata.cli", "classroom", "--no-browser", *words]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen(command, **pipes, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        try:
            found = re.match(r"(http://127\.0\.0\.1:\d+/\S*)", process.stdout.readline())
            assert found, process.stderr.read() if process.stderr else ""
            address = found.group(1)
            _until_it_answers(address)
            yield address, process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def _until_it_answers(address: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def test_the_first_page_leads_to_every_paper_and_an_interrupt_is_the_end() -> None:
    with served() as (address, process):
        with urllib.request.urlopen(address) as answer:
            page = answer.read().decode()
        for paper in theory.PAPERS:
            assert f'href="/{paper}/"' in page
        host, port = address.removeprefix("http://").rstrip("/").split(":")
        assert host == "127.0.0.1"
        with socket.socket() as other:
            other.settimeout(2)
            assert other.connect_ex((OTHER_ADDRESS, int(port))) != 0
    assert process.returncode == 0


# ------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served() as (found, _):
        yield found


@pytest.mark.parametrize("paper", OTHERS)
def test_a_page_moves_and_draws(browser: Browser, address: str, paper: str) -> None:
    """A key on the first slider changes pictures and badges as Python says; Draw adds points, Clear takes them away."""
    demo = PaperFloors(paper).demos[0].item
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{address}{paper}/")
    pictures = page.locator(".lemmata-pictures img")
    pictures.first.wait_for(timeout=SECONDS)
    assert pictures.count() == len(demo.pictures)
    assert badges(page) == spoken(demo, {})
    slider = next(control for control in demo.controls if not isinstance(control, Choice))
    before = images(page)
    page.locator("[role=slider]").first.focus()
    page.keyboard.press("End")
    after = changed(page, before)
    assert badges(page) == spoken(demo, {slider.name: slider.high})
    page.get_by_role("button", name="Draw").click()
    drawn = changed(page, after)
    page.get_by_role("button", name="Clear").click()
    assert changed(page, drawn) == after
    page.close()
    assert wrong == []


def images(page: Page) -> list[str]:
    return page.locator(".lemmata-pictures img").evaluate_all("all => all.map(image => image.src)")


def changed(page: Page, before: list[str]) -> list[str]:
    """The pictures, once they are others."""
    for _ in range(SECONDS // 50):
        now = images(page)
        if now and now != before:
            return now
        page.wait_for_timeout(50)
    raise AssertionError("the pictures did not change")


def badges(page: Page) -> list[tuple[str, str]]:
    tiles = page.locator(".lemmata-badges > div")
    return [(tile.locator("span").inner_text(), tile.locator("strong").inner_text()) for tile in tiles.all()]


def spoken(demo: Any, values: dict[str, Any]) -> list[tuple[str, str]]:
    found = demo.evaluate(values)
    return [(badge.label, badge.text(float(found[badge.value]))) for badge in demo.badges]
