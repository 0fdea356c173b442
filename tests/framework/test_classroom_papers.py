"""Every paper's demonstrations: they run everywhere, name sources that exist, use all that they compute, and draw."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theory
from lemmata.catalogue import Catalogue
from lemmata.classroom import Bars, Choice, Demo, Heatmap, Plot, WholeSlider
from lemmata.classroom.controls import LOG
from lemmata.classroom.worksheet import worksheet
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory
from lemmata.streams import words

ROOT = Path(__file__).parents[2]
CATALOGUE = Catalogue(theory.PAPERS)
DEMOS = [(paper.name, entry.item) for paper in CATALOGUE for entry in paper.demos]
CASES = [pytest.param(paper, demo, id=f"{paper}-{demo.id}") for paper, demo in DEMOS]
DRAWN = [pytest.param(paper, demo, id=f"{paper}-{demo.id}") for paper, demo in DEMOS if demo.dots]


def corners(demo: Demo) -> list[dict[str, Any]]:
    """The defaults, both ends of every control with the others at their defaults, and all ends at once."""
    ends = [{}, *({c.name: value} for c in demo.controls for value in (c.grid()[0], c.grid()[-1]))]
    return [
        *ends,
        {c.name: c.grid()[0] for c in demo.controls},
        {c.name: c.grid()[-1] for c in demo.controls},
    ]


def somewhere(paper: str, demo: Demo, count: int) -> list[dict[str, Any]]:
    """Values between the grid's points, the same in every run."""
    rng = np.random.default_rng(words(f"{paper}/{demo.id}"))

    def value(control: Any) -> Any:
        if isinstance(control, Choice | WholeSlider):
            return control.grid()[int(rng.integers(len(control.grid())))]
        share = float(rng.random())
        if control.scale == LOG:
            return control.low * (control.high / control.low) ** share
        return control.low + (control.high - control.low) * share

    return [{control.name: value(control) for control in demo.controls} for _ in range(count)]


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_identifiers_of_demonstrations_are_unique(paper: str) -> None:
    ids = [demo.id for name, demo in DEMOS if name == paper]
    assert ids
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z-]*", name) for name in ids)


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_a_demonstration_says_what_a_teacher_needs(paper: str, demo: Demo) -> None:
    page = (ROOT / "docs" / "papers" / f"{paper}.md").read_text(encoding="utf-8")
    for source in demo.sources:
        assert re.search(rf"^### {source}\b", page, re.MULTILINE), f"{source} is not on the page of {paper}"
    assert demo.sources
    assert "?" in demo.ask
    for text in (demo.story, demo.ask, demo.answer, demo.note):
        assert len(text.split()) >= 8
    assert 2 <= len(demo.tasks) <= 6
    assert any(task.at for task in demo.tasks)


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_all_that_is_computed_is_seen(paper: str, demo: Demo) -> None:
    """Every quantity is in a picture, on a badge or the answer of a task, and every control matters to one."""
    seen = {badge.value for badge in demo.badges} | {task.read for task in demo.tasks}
    for picture in demo.pictures:
        if isinstance(picture, Plot):
            seen |= {*picture.curves, *picture.paths, *picture.dots, *picture.points, *picture.levels}
            seen |= {*picture.uprights, *(name for pair in picture.bands for name in pair)}
        elif isinstance(picture, Bars):
            seen |= {top for bar in picture.bars for top in bar.tops}
        elif isinstance(picture, Heatmap):
            seen.add(picture.table)
    seen |= {reading.curve for reading in demo.readings if reading.name in seen}
    assert set(demo.by_name) - seen == set()
    used = {name for item in (*demo.theory, *demo.dots) for name in demo.used(item)}
    assert {control.name for control in demo.controls} == used | {reading.at for reading in demo.readings}


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_theory_is_defined_wherever_the_controls_go(paper: str, demo: Demo) -> None:
    """At every end and between: the declared shapes (held by `Demo` itself), no infinities, NaN for lines alone."""
    for values in (*corners(demo), *somewhere(paper, demo, 6)):
        for name, found in demo.evaluate(values).items():
            assert not np.isinf(found).any(), (name, values)
            if not _may_be_missing(demo, name):
                assert np.isfinite(found).all(), (name, values)


def _may_be_missing(demo: Demo, name: str) -> bool:
    """A number that is drawn as a line may be missing, such as a time that one of the methods does not have."""
    plots = [picture for picture in demo.pictures if isinstance(picture, Plot)]
    lines = {
        n for plot in plots for n in (*plot.levels, *plot.uprights, *(m for pair in plot.bands for m in pair))
    }
    return name in lines


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_every_control_moves_something_that_is_seen(paper: str, demo: Demo) -> None:
    before = demo.evaluate({})
    for control in demo.controls:
        moved = False
        for value in (control.grid()[0], control.grid()[-1]):
            after = demo.evaluate({control.name: value})
            moved |= any(not np.array_equal(after[name], before[name], equal_nan=True) for name in before)
        assert moved, control.name


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_curves_pass_through_their_pictures_at_the_defaults(paper: str, demo: Demo) -> None:
    """Something of each curve and path is inside the axes, so that a visitor sees it at first."""
    found = demo.evaluate({})
    for picture in demo.pictures:
        if not isinstance(picture, Plot):
            continue
        for name in (*picture.curves, *picture.paths):
            item: Any = demo.by_name[name]
            x, y = (np.array(item.along.grid()), found[name]) if name in picture.curves else found[name]
            inside = (
                (picture.x.low <= x) & (x <= picture.x.high) & (picture.y.low <= y) & (y <= picture.y.high)
            )
            assert inside.mean() > 0.05, name
            if name in picture.curves:
                assert (item.along.low, item.along.high) == (picture.x.low, picture.x.high), name


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_readings_lie_on_their_curves(paper: str, demo: Demo) -> None:
    """At grid points of the axis a reading is the curve's own value."""
    for reading in demo.readings:
        curve, control = demo.curve(reading.curve), demo.by_control[reading.at]
        grid = np.array(curve.along.grid())
        inside = (grid >= control.grid()[0]) & (grid <= control.grid()[-1])  # type: ignore[operator]
        for k in np.flatnonzero(inside)[:: max(1, inside.sum() // 4)]:
            value = round(float(grid[k])) if isinstance(control, WholeSlider) else float(grid[k])
            if math.isclose(value, grid[k], rel_tol=1e-9):
                expected = demo.evaluate({})[curve.name][k]
                assert demo.read(reading, {reading.at: value}) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("paper", "demo"), CASES)
def test_answers_of_the_worksheet_are_numbers_and_not_all_the_same(paper: str, demo: Demo) -> None:
    answers = [demo.solve(task) for task in demo.tasks]
    assert all(math.isfinite(float(answer.rstrip("%").replace(",", ""))) for answer in answers)
    assert len(set(answers)) >= 2


@pytest.mark.parametrize(("paper", "demo"), DRAWN)
def test_draws_fall_into_the_pictures_and_differ(paper: str, demo: Demo) -> None:
    """Finite points, most of them inside the axes; another seed gives others."""
    first, other = (drawn(demo, seed) for seed in (0, 1))
    assert set(first) == {item.name for item in demo.dots}
    assert any(not np.array_equal(first[name].y, other[name].y) for name in first)
    places = {
        name: (plot.x, plot.y) for plot in demo.pictures if isinstance(plot, Plot) for name in plot.dots
    }
    for name, points in first.items():
        x_axis, y_axis = places[name]
        assert points.x.shape == points.y.shape
        assert np.isfinite(points.x).all()
        assert np.isfinite(points.y).all()
        inside = (x_axis.low <= points.x) & (points.x <= x_axis.high)
        inside &= (y_axis.low <= points.y) & (points.y <= y_axis.high)
        assert inside.mean() >= 0.5, name
        if points.low is not None:
            assert np.all(points.low <= points.y)
            assert np.all(points.y <= points.high)


def drawn(demo: Demo, seed: int) -> dict[str, Any]:
    with Laboratory(seed, engine=make_engine("serial")) as lab:
        return demo.draw(lab, {})


# ------------------------------------------------------------------ the page for the teacher

TEACHING = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_the_teachers_page_has_a_lesson_and_the_worksheet_that_theory_computes(paper: str) -> None:
    """`lemmata classroom PAPER --worksheet` prints what stands between the marks."""
    found = re.search(rf"<!-- worksheet {paper} -->\n\n(.*?)\n\n<!-- end -->", TEACHING, re.DOTALL)
    assert found, f"docs/teaching.md has no worksheet of {paper}"
    demos = [demo for name, demo in DEMOS if name == paper]
    assert found.group(1) == worksheet(demos)
    lesson = TEACHING[: found.start()].rpartition("### Lesson")[2]
    for words_of_a_lesson in ("Ask", "Move", "They see", "Why", "Draw"):
        assert words_of_a_lesson in lesson, words_of_a_lesson
    assert "8-10" in lesson or "7-10" in lesson or "6-10" in lesson
