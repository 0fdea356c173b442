"""Pages in a browser: from a file, without a network, they show theory, follow sliders and take guesses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theory
from lemmata.catalogue import Catalogue
from lemmata.classroom import Axis, Bar, Bars, Demo
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory
from lemmata.pages import Effort, Link, Prepared, page_text, prepare, vendor
from lemmata.pages.agreement import random_positions
from lemmata.pages.tables import FINE, TableAxis, truth
from lemmata.pages.writing import MOST_BYTES
from tests.browser import OpenFile
from tests.framework.demonstrations import DECAY, reduced

QUICK = Effort(values=2000, checks=4, settings=3, draws=2)
CATALOGUE = Catalogue(theory.PAPERS)
BESIDE = Bars(
    title="Beside each other",
    y=Axis(label="value", low=0, high=1),
    bars=(Bar(label="up", tops=("half", "half-life")), Bar(label="down", tops=("half-life", "half"))),
    labels=("first", "second"),
    colors=("orange", "blue"),
    stacked=False,
)
SECOND = dataclasses.replace(
    reduced(DECAY), id="second", title="The same again", pictures=(BESIDE, *DECAY.pictures)
)


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Prepared]]:
    """A page of two invented demonstrations, and what it was made of."""
    return built(tmp_path_factory.mktemp("pages") / "invented.html", [DECAY, SECOND], QUICK)


def built(path: Path, demos: list[Demo], effort: Effort, module: str = "") -> tuple[Path, list[Prepared]]:
    try:
        vendor.packages()
    except vendor.VendorError as error:
        pytest.skip(str(error))
    with Laboratory(0, engine=make_engine("serial")) as lab:
        prepared = [prepare(demo, lab, effort, module) for demo in demos]
    path.write_text(page_text("Invented", prepared, [Link("index.html", "Up")]), encoding="utf-8")
    return path, prepared


def ready(page: Any, demo: str) -> None:
    """Wait until a demonstration has been decoded and drawn."""
    page.locator(f"#{demo}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{demo}[data-state=ready]")


def shown(page: Any, demo: str) -> dict[str, list[float]]:
    """Every quantity as the page has it now; NaN comes as such."""
    return move(page, demo, {})


def move(page: Any, demo: str, positions: Mapping[str, float]) -> dict[str, list[float]]:
    """Move controls as a visitor does (the value of an input changes, and it says so), and read every quantity."""
    return page.evaluate(
        """([id, positions]) => {
            for (const [name, position] of Object.entries(positions)) {
                const input = document.querySelector(`#${id} [data-control="${name}"]`);
                input.value = position;
                input.dispatchEvent(new Event("input"));
            }
            const { demo } = lemmata.views[id];
            return Object.fromEntries(demo.quantities.map((item) => [item.name, [...demo.values(item.name)]]));
        }""",
        [demo, dict(positions)],
    )


def pixels(page: Any, demo: str, picture: int = 0) -> str:
    return page.evaluate(
        "([id, i]) => lemmata.views[id].pictures[i].frame.canvas.toDataURL()", [demo, picture]
    )


def axes(prepared: Prepared) -> list[TableAxis]:
    """Axes of all controls that some table has."""
    return list({axis.control: axis for t in prepared.tabulation.tables.values() for axis in t.axes}.values())


def hold_to_theory(page: Any, prepared: Prepared, settings: int) -> None:
    """At nodes the page equals theory to 1e-6; between them it equals Python's interpolation, judged elsewhere."""
    tables, demo = prepared.tabulation.tables, prepared.tabulation.demo
    items = {item.name: item for item in (*demo.theory, *demo.readings)}
    for fine in (set[str](), prepared.tabulation.fine):
        for positions in random_positions(axes(prepared), fine, settings, seed=5):
            for name, found in move(page, demo.id, positions).items():
                table = tables[name]
                wanted = truth(demo, items[name], positions) if not fine else table.at(positions)
                unit = np.abs(wanted) if not fine else np.nanmax(np.abs(table.values), initial=0)
                gap = np.abs(np.array(found).reshape(wanted.shape) - wanted)
                assert np.array_equal(np.isnan(gap), np.isnan(wanted)), (name, positions)
                assert np.all((gap <= 1e-6 * unit + 2e-38) | np.isnan(gap)), (name, positions)


def hold_to_statement(page: Any, prepared: Prepared) -> None:
    """The errors that the page states are those that are measured in the browser, at the same settings."""
    tabulation = prepared.tabulation
    demo = tabulation.demo
    items = {item.name: item for item in (*demo.theory, *demo.readings)}
    for name, stated in tabulation.errors.items():
        table = tabulation.tables[name]
        found: list[float] = []
        for positions in random_positions(table.axes, tabulation.fine, tabulation.checks):
            wanted = truth(demo, items[name], positions)
            value = np.array(move(page, demo.id, positions)[name]).reshape(wanted.shape)
            found.append(table.gap(value, wanted))
        assert max(found) == pytest.approx(stated, rel=1e-2, abs=2e-6)
    if tabulation.errors:
        worst = 100 * max(tabulation.errors.values())
        assert (
            f"the largest difference from theory is {worst:.2g} %"
            in page.locator(f"#{demo.id}").text_content()
        )


def violations(page: Any) -> list[str]:
    """What axe-core finds that is serious or worse, by its rules of WCAG 2 A and AA."""
    page.evaluate((vendor.packages() / "axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })")
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:120]}"
        for item in found["violations"]
        if item["impact"] in ("serious", "critical")
    ]


# ------------------------------------------------------------------ the invented page


def test_the_page_shows_theory_at_every_setting(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile
) -> None:
    path, prepared = invented
    page = open_file(path)
    for one in prepared:
        ready(page, one.tabulation.demo.id)
        hold_to_theory(page, one, 12)
        hold_to_statement(page, one)


def test_sliders_answer_to_keys_and_change_what_is_drawn(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile
) -> None:
    page = open_file(invented[0])
    ready(page, "decay")
    before, values = pixels(page, "decay"), shown(page, "decay")
    page.get_by_label("rate").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("lemmata.views.decay.demo.settings().rate") == pytest.approx(10 ** (1 / 8 / FINE))
    assert page.locator("#decay-rate + output").inner_text() == "1.07"
    assert page.locator("#decay-rate").get_attribute("aria-valuetext") == "1.07"
    after = shown(page, "decay")
    assert all(b < a for a, b in zip(values["decay"], after["decay"], strict=True))
    assert after["circle"] == values["circle"]
    assert pixels(page, "decay") != before
    page.locator("#decay-law").select_option("hyperbolic")
    assert shown(page, "decay")["decay"] != after["decay"]
    page.locator("#decay").get_by_role("button", name="Reset").click()
    assert str(shown(page, "decay")) == str(values)  # NaN is no number, but one word
    assert pixels(page, "decay") == before


def test_every_kind_of_picture_leaves_ink(invented: tuple[Path, list[Prepared]], open_file: OpenFile) -> None:
    page = open_file(invented[0])
    ready(page, "decay")
    for picture in range(4):
        ink = page.evaluate(
            """(i) => {
                const { canvas } = lemmata.views.decay.pictures[i].frame;
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let k = 3; k < data.length; k += 4) count += data[k] > 0;
                return count;
            }""",
            picture,
        )
        assert ink > 300


def test_bars_stand_beside_each_other_when_they_are_told_to(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile
) -> None:
    """Each part has its own colour from the bottom to its value and none above, whichever of the two is higher."""
    page = open_file(invented[0])
    ready(page, "second")
    value = {name: found[0] for name, found in shown(page, "second").items()}
    assert value["half-life"] > value["half"]
    seen = page.evaluate(
        """(tops) => {
            const { frame, picture } = lemmata.views.second.pictures[0];
            const pen = frame.pen();
            const { data, width } = pen.context.getImageData(0, 0, frame.canvas.width, frame.canvas.height);
            const paint = (place, top) => {
                const spot = pen.context.getTransform().transformPoint({ x: pen.left(place), y: top });
                const first = 4 * (Math.round(spot.y) * width + Math.round(spot.x));
                return [...data.slice(first, first + 4)];
            };
            const look = (place, top) => [pen.height - 3, top + 3, top - 2].map((y) => paint(place, y));
            return tops.flatMap((pair, bar) => pair.map((value, i) => look(bar - 0.2 + 0.4 * i, pen.top(value))));
        }""",
        [[value[top] for top in bar.tops] for bar in BESIDE.bars],
    )
    orange, blue, nothing = [0xB9, 0x77, 0x00, 255], [0x00, 0x72, 0xB2, 255], [0, 0, 0, 0]
    assert seen == 2 * [[orange, orange, nothing], [blue, blue, nothing]]


def test_badges_say_numbers_and_words(invented: tuple[Path, list[Prepared]], open_file: OpenFile) -> None:
    page = open_file(invented[0])
    ready(page, "decay")
    assert page.locator("#decay [data-badge]").all_inner_texts() == ["0.693", "slow"]
    move(page, "decay", {"rate": 16})
    assert page.locator("#decay [data-badge]").all_inner_texts() == ["0.0693", "fast"]


def test_numbers_are_written_as_python_writes_them(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile, tmp_path: Path
) -> None:
    """Formats of badges; halves that fall between two decimals are left out."""
    script = (Path(vendor.__file__).parent / "assets" / "numbers.js").read_text(encoding="utf-8")
    page = open_file(invented[0])
    numbers = [
        0.0,
        1.0,
        -2.5e-5,
        123456.7,
        0.00012345,
        3.14159,
        1e15,
        -1e-300,
        0.1 + 0.2,
        42.0,
        999.96,
        1e5,
        20.0,
    ]
    write = f"([numbers, spec]) => {{ {script} return numbers.map((x) => formatNumber(x, spec)); }}"
    for spec in (".3g", ".1f", ".0f", ".2%", ".2e", ".6g", ",.0f", ".1g"):
        assert page.evaluate(write, [numbers, spec]) == [format(number, spec) for number in numbers], spec
    assert page.evaluate(write, [[3, -12], "d"]) == ["3", "-12"]


def test_simulated_points_fall_where_the_laboratory_drew_them(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile
) -> None:
    path, prepared = invented
    page = open_file(path, reduced_motion="reduce")
    ready(page, "decay")
    bare = pixels(page, "decay")
    draw = page.locator("#decay").get_by_role("button", name="Draw simulated points")
    move(page, "decay", {"count": 2})  # nothing is stored there
    draw.click()
    says = page.locator("#decay [data-role=says]")
    assert "the controls went to the nearest one" in says.inner_text()
    stop = page.evaluate("lemmata.views.decay.demo.positions.count")
    simulated = prepared[0].simulated
    assert simulated is not None
    assert (stop,) in simulated.stops
    first = pixels(page, "decay")
    assert first != bare
    draw.click()
    assert "draw 2 of 2 (seed 1)" in says.inner_text()
    assert pixels(page, "decay") != first
    page.locator("#decay summary", has_text="Show the values").click()
    page.wait_for_selector("#decay table")
    place = 2 * simulated.stops.index((stop,)) + 1
    row = (
        page.locator("#decay table", has_text="walks")
        .locator("tbody tr")
        .first.locator("td")
        .all_inner_texts()
    )
    assert float(row[1]) == pytest.approx(float(simulated.points["walks"][place].y[0]), rel=1e-4)
    move(page, "decay", {"size": 3})
    assert "seed" in says.inner_text()  # points do not depend on it
    move(page, "decay", {"count": 2})
    assert says.inner_text() == ""


def test_a_guess_is_drawn_by_pointer_hidden_theory_appears_and_the_distance_is_told(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile
) -> None:
    page = open_file(invented[0])
    ready(page, "decay")
    section = page.locator("#decay")
    section.get_by_role("button", name="Draw your guess first").click()
    assert section.locator("[data-badge]").all_inner_texts() == ["?", "?"]
    box = section.locator("[data-guess=pad]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 1, steps=20)
    page.mouse.up()
    heights = page.evaluate("[...lemmata.views.decay.guess.heights]")
    assert min(heights) > 0.98
    section.get_by_role("button", name="Reveal").click()
    y, top, low = np.array(shown(page, "decay")["decay"]), 2, 1e-3
    height = np.clip(np.log(np.maximum(y, 1e-300) / low) / np.log(top / low), 0, 1)
    said = section.locator("[data-role=says]").inner_text()
    score = float(said.split("is ")[1].split(" %")[0])
    assert score == pytest.approx(100 * np.mean(1 - height), abs=1.5)
    assert section.locator("[data-badge]").first.inner_text() == "0.693"


def test_a_guess_is_drawn_by_keys(invented: tuple[Path, list[Prepared]], open_file: OpenFile) -> None:
    page = open_file(invented[0])
    ready(page, "decay")
    section = page.locator("#decay")
    section.get_by_role("button", name="Draw your guess first").press("Enter")
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowUp"):
        page.keyboard.press(key)
    heights = page.evaluate("[...lemmata.views.decay.guess.heights]")
    assert heights[40] == pytest.approx(0.62)
    assert heights[36] == pytest.approx(0.56)
    assert "your guess is" in section.locator("[data-role=says]").inner_text()
    section.get_by_role("button", name="Cancel").press("Enter")
    assert section.locator("[data-badge]").first.inner_text() == "0.693"
    assert page.evaluate("document.activeElement.textContent") == "Draw your guess first"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile, scheme: str
) -> None:
    page = open_file(invented[0], scheme=scheme)
    ready(page, "decay")
    for summary in page.locator("#second summary").all():  # in one of them: a table has many cells
        summary.click()
    page.locator("#decay [data-guess=start]").click()
    assert violations(page) == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1080)])
def test_the_page_fits_a_phone_and_a_projector(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile, width: int, height: int
) -> None:
    """Nothing scrolls sideways; letters are no smaller than 13 pixels; the picture stands by its controls."""
    page = open_file(invented[0], width, height)
    ready(page, "decay")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    texts = "[...document.querySelectorAll('p, li, label, output')]"
    assert page.evaluate(f"Math.min(...{texts}.map((e) => parseFloat(getComputedStyle(e).fontSize)))") >= 13
    slider, picture = (
        page.locator(selector).first.bounding_box() for selector in ("#decay input", "#decay .holder")
    )
    assert slider is not None
    assert picture is not None
    top = min(slider["y"], picture["y"])
    assert max(slider["y"] + slider["height"], picture["y"] + picture["height"]) - top < height


def test_a_phone_shows_that_there_is_a_next_picture_and_draw_turns_to_the_points(
    invented: tuple[Path, list[Prepared]], open_file: OpenFile
) -> None:
    page = open_file(invented[0], 375, 812, reduced_motion="reduce")
    ready(page, "second")
    figures = page.locator("#second figure")

    def left_edge(i: int) -> float:
        box = figures.nth(i).bounding_box()
        assert box is not None
        return box["x"]

    start = left_edge(0)
    assert 250 < left_edge(1) < 375 - 24
    page.locator("#second").get_by_role("button", name="Draw simulated points").click()
    page.wait_for_function(
        "(x) => Math.abs(document.querySelectorAll('#second figure')[1].getBoundingClientRect().x - x) < 2",
        arg=start,
    )


def test_the_dark_button_turns_colours(invented: tuple[Path, list[Prepared]], open_file: OpenFile) -> None:
    page = open_file(invented[0])
    ready(page, "decay")
    before = pixels(page, "decay")
    button = page.get_by_role("button", name="Dark")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 22, 26)"
    page.wait_for_function(
        "(old) => lemmata.views.decay.pictures[0].frame.canvas.toDataURL() !== old", arg=before
    )


# ------------------------------------------------------------------ every paper


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_a_papers_page_shows_its_theory(paper: str, open_file: OpenFile, tmp_path: Path) -> None:
    """Each demonstration with few positions of its controls: theory at nodes, curves that move, nothing serious."""
    demos = [reduced(entry.item) for entry in CATALOGUE.paper(paper).demos]
    if not demos:
        pytest.skip(f"{paper} has no demonstrations yet")
    path, prepared = built(
        tmp_path / "page.html", demos, dataclasses.replace(QUICK, settings=1, draws=1, checks=1)
    )
    page = open_file(path)
    for one in prepared:
        demo = one.tabulation.demo
        ready(page, demo.id)
        hold_to_theory(page, one, 3)
        ends = {axis.control: (0.0, float((axis.nodes - 1) * axis.stride)) for axis in axes(one)}
        move(page, demo.id, {control: low for control, (low, _) in ends.items()})
        before = [pixels(page, demo.id, i) for i in range(len(demo.pictures))]
        move(page, demo.id, {control: high for control, (_, high) in ends.items()})
        assert [pixels(page, demo.id, i) for i in range(len(demo.pictures))] != before
    assert violations(page) == []


@pytest.mark.long
@pytest.mark.parametrize("paper", theory.PAPERS)
def test_a_papers_whole_page_is_small_and_keeps_what_it_states(
    paper: str, open_file: OpenFile, tmp_path: Path
) -> None:
    demos = [entry.item for entry in CATALOGUE.paper(paper).demos]
    module = getattr(CATALOGUE.paper(paper).floor("classroom"), "__name__", "")
    effort = dataclasses.replace(Effort(), settings=2, draws=1)
    path, prepared = built(tmp_path / "page.html", demos, effort, module)
    assert path.stat().st_size <= MOST_BYTES
    page = open_file(path)
    for one in prepared:
        ready(page, one.tabulation.demo.id)
        hold_to_theory(page, one, 20)
        hold_to_statement(page, one)
