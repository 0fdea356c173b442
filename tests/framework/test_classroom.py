"""Demonstrations as records, and a visitor's session with one: what is refused, what moves, and what stays."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lemmata.classroom import (
    Axis,
    Badge,
    Choice,
    Demo,
    LogSlider,
    Plot,
    Reading,
    Slider,
    Task,
    WholeSlider,
    along,
)
from lemmata.classroom.easels import Easel, drawing
from lemmata.classroom.lesson import MOST_DRAWS, Lesson
from lemmata.domains import DomainError
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory
from lemmata.names import UnknownNameError
from lemmata.pictures.plotting import COLORS
from tests.framework.demonstrations import DECAY
from tests.framework.invented import Walk

# ------------------------------------------------------------------ controls


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e6), st.integers(2, 50), st.integers(1, 5))
def test_grids_reach_both_ends_and_a_finer_grid_holds_the_coarse_one(
    low: float, factor: float, steps: int, refined: int
) -> None:
    for kind in (Slider, LogSlider):
        slider = kind(name="x", label="x", low=low, high=low * factor, default=low, steps=steps)
        grid = np.array(slider.grid())
        assert (grid[0], grid[-1], len(grid)) == (low, low * factor, steps)
        assert np.all(np.diff(grid) > 0)
        np.testing.assert_allclose(slider.grid(refined)[::refined], grid, rtol=1e-12)
        distances = np.diff(np.log(grid) if kind is LogSlider else grid)
        assert np.ptp(distances) <= 1e-12 * (1 + np.abs(np.log(grid)).max() + grid[-1])


@pytest.mark.parametrize(
    ("make", "parameter"),
    [
        (lambda: LogSlider(name="x", label="", low=0, high=1, default=1), "x.low"),
        (lambda: Slider(name="x", label="", low=1, high=1, default=1), "x.high"),
        (lambda: Slider(name="x", label="", low=0, high=1, default=0, steps=1), "x.steps"),
        (lambda: Slider(name="x", label="", low=0, high=1, default=0.3, steps=3), "x.default"),
        (lambda: Slider(name="x", label="", low=0, high=1, default=2), "x"),
        (lambda: WholeSlider(name="n", label="", low=0, high=5, default=0, stride=2), "n.high"),
        (lambda: WholeSlider(name="n", label="", low=0, high=4, default=1, stride=2), "n.default"),
        (lambda: Choice(name="c", label="", options=("a", "a"), default="a"), "c.options"),
        (lambda: Choice(name="c", label="", options=("a", "b"), default="d"), "c"),
        (lambda: Axis(label="t", low=0, high=1, scale="log"), "t"),
        (lambda: Axis(label="t", low=0, high=1, scale="square"), "scale"),
    ],
)
def test_what_no_control_can_be_is_refused(make: Callable[[], object], parameter: str) -> None:
    with pytest.raises(DomainError) as caught:
        make()
    assert caught.value.parameter == parameter


def test_values_read_as_people_write_them() -> None:
    assert Slider(name="x", label="", low=0, high=1, default=0).text(1 / 3) == "0.333"
    counts = LogSlider(name="n", label="", low=20, high=2000, default=20, is_whole=True)
    assert counts.text(430.9) == "431"
    assert WholeSlider(name="n", label="", low=0, high=9, default=0).text(7) == "7"


# ------------------------------------------------------------------ demonstrations


def test_what_a_quantity_does_not_use_cannot_matter() -> None:
    """The curve uses rate and law; moving anything else changes nothing, and moving the rate does."""
    before = DECAY.evaluate({})
    after = DECAY.evaluate({"size": 0.25, "count": 5})
    np.testing.assert_array_equal(after["decay"], before["decay"])
    assert not np.array_equal(after["circle"], before["circle"])
    assert not np.array_equal(DECAY.evaluate({"rate": 2})["decay"], before["decay"])


def test_a_reading_is_the_curve_at_the_control_and_not_at_a_neighbour() -> None:
    """Between the grid's points too: exp(-rate t) at t = 5.3."""
    found = DECAY.evaluate({"now": 5.3, "rate": 0.7})
    assert float(found["decay now"]) == pytest.approx(math.exp(-0.7 * 5.3), rel=1e-14)


def test_results_are_kept_and_cannot_be_written_to() -> None:
    """Moving another slider computes nothing anew."""
    calls = 0

    def counted(values: Any, t: Any) -> Any:
        nonlocal calls
        calls += 1
        return t * values["rate"]

    curves = tuple(replace(item, function=counted) if item.name == "decay" else item for item in DECAY.theory)
    demo = replace(DECAY, theory=curves)
    first = demo.evaluate({})["decay"]
    demo.evaluate({"size": 0.125})
    assert calls == 3  # the curve once, the reading twice
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"readings": (Reading(name="x", label="", curve="no", at="now"),)}, UnknownNameError),
        ({"readings": (Reading(name="x", label="", curve="decay", at="rate"),)}, DomainError),
        ({"badges": (Badge(label="", value="decay"),)}, UnknownNameError),
        ({"tasks": (Task(question="?", read="half-life", at={"speed": 1}),)}, UnknownNameError),
        ({"tasks": (Task(question="?", read="half-life", at={"rate": 11}),)}, DomainError),
        ({"controls": (*DECAY.controls, DECAY.controls[0])}, DomainError),
        ({"controls": DECAY.controls[1:]}, UnknownNameError),
        ({"dots": (replace(DECAY.dots[0], name="decay"),)}, DomainError),
    ],
)
def test_a_demonstration_that_names_what_is_not_there_is_refused(change: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        replace(DECAY, **change)


@pytest.mark.parametrize("part", ["curves", "paths", "points", "levels", "uprights", "dots"])
def test_a_picture_that_names_what_is_not_there_is_refused(part: str) -> None:
    axis = Axis(label="", low=0, high=1)
    wrong: Any = {part: ("hills",)}
    with pytest.raises(UnknownNameError, match="hills"):
        replace(DECAY, pictures=(Plot(title="", x=axis, y=axis, **wrong),))


def test_a_function_of_another_shape_is_refused_when_it_is_computed() -> None:
    item = next(item for item in DECAY.theory if item.name == "circle")
    demo = replace(DECAY, theory=tuple(replace(i, length=16) if i is item else i for i in DECAY.theory))
    with pytest.raises(DomainError, match="shape"):
        demo.evaluate({})


def test_a_badge_says_the_first_case_that_holds() -> None:
    badge = Badge(label="", value="x", cases=((0, "hurts"), (math.inf, "helps")))
    assert [badge.text(number) for number in (-1, 0, 0.1)] == ["hurts", "hurts", "helps"]
    assert Badge(label="", value="x", digits=".1%").text(0.25) == "25.0%"
    assert badge.text(math.nan) == "none"


def test_a_result_becomes_a_curve_along_one_field() -> None:
    curve = along(lambda model: model.steps**2, "steps")
    np.testing.assert_array_equal(curve(Walk(steps=3), np.array([1.0, 4.0])), [1.0, 16.0])


def test_draws_are_the_laboratorys() -> None:
    """Equal seeds, equal points; another seed, others. The model is the controls' one."""

    def ends(seed: int, count: int) -> Any:
        with Laboratory(seed, engine=make_engine("serial")) as lab:
            return DECAY.draw(lab, {"count": count})["walks"].y

    np.testing.assert_array_equal(ends(0, 3), ends(0, 3))
    assert not np.array_equal(ends(0, 3), ends(1, 3))
    assert not np.array_equal(ends(0, 3), ends(0, 5))


# ------------------------------------------------------------------ a visitor's session


def pixels(png: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=int)


def painted(easel: Easel, values: Any, drawn: Any = None) -> Any:
    settled = DECAY.settle(values)
    with drawing():
        return pixels(easel.paint(DECAY.evaluate(settled), drawn or {}, settled))


def test_every_kind_of_picture_moves_and_comes_back() -> None:
    """What a slider moves is drawn anew, nothing is left behind, and equal values give equal pixels."""
    moves = ({"rate": 3}, {"size": 1.0}, {"now": 7}, {"count": 7})
    for picture, move in zip(DECAY.pictures, moves, strict=True):
        with drawing():
            easel = Easel(DECAY, picture)
        before, after, again = (painted(easel, values) for values in ({}, move, {}))
        assert (before != after).any(), picture.title
        np.testing.assert_array_equal(before, again)


def test_a_band_is_named_by_its_ends() -> None:
    with drawing():
        easel = Easel(DECAY, DECAY.pictures[0])
    (legend,) = easel._canvas.figure.legends
    assert "one half to half-life" in [text.get_text() for text in legend.get_texts()]


def test_a_curve_is_where_its_numbers_are() -> None:
    """The blue pixels of the decay, read back on both logarithmic axes, hold exp(-rate t)."""
    picture: Any = DECAY.pictures[0]
    with drawing():
        easel = Easel(DECAY, replace(picture, curves=("decay",), levels=(), uprights=(), bands=(), points=()))
    image = painted(easel, {"rate": 0.5})
    colour = [int(COLORS["blue"][i : i + 2], 16) for i in (1, 3, 5)]
    axes = easel._axes
    height = image.shape[0]
    for t in (0.3, 1.5, 4.0):
        x, y = axes.transData.transform((t, math.exp(-0.5 * t)))
        spot = image[height - round(y) - 2 : height - round(y) + 3, round(x) - 2 : round(x) + 3]
        assert np.abs(spot - colour).sum(axis=2).min() < 60, t
        x, y = axes.transData.transform((t, 0.6 * math.exp(-0.5 * t)))
        spot = image[height - round(y) - 2 : height - round(y) + 3, round(x) - 2 : round(x) + 3]
        assert np.abs(spot - colour).sum(axis=2).min() > 60, t


def test_drawn_points_stay_with_the_values_at_which_they_were_drawn() -> None:
    """Dots use the count alone: they outlive moves of the rate, leave with the count and come back with it."""
    lesson = Lesson(DECAY)
    lesson.draw({"count": 3})
    lesson.draw({"count": 3})
    first, second = lesson.points({"count": 3, "rate": 2})["walks"]
    assert not np.array_equal(first.y, second.y)
    assert lesson.points({"count": 5}) == {}
    assert len(lesson.points({"count": 3})["walks"]) == 2
    lesson.clear()
    assert lesson.points({"count": 3}) == {}


def test_a_long_session_forgets_its_oldest_draws() -> None:
    lesson = Lesson(replace(DECAY, pictures=()))
    for _ in range(MOST_DRAWS + 3):
        lesson.draw({})
    kept = lesson.points({})["walks"]
    assert len(kept) == MOST_DRAWS
    with Laboratory(MOST_DRAWS + 2, engine=make_engine("serial")) as lab:
        np.testing.assert_array_equal(kept[-1].y, DECAY.draw(lab, {})["walks"].y)


def test_pictures_are_described_and_words_are_escaped() -> None:
    """A page for those who do not see it, and a label with signs of HTML in it."""
    badge = Badge(label="a < b", value="half-life")
    lesson = Lesson(replace(DECAY, badges=(badge,), pictures=DECAY.pictures[:1]))
    text = lesson.paint({"rate": 2})
    assert f'alt="Decay. a &lt; b: {math.log(2) / 2:.3g}"' in text
    assert "<span>a &lt; b</span><strong>0.347</strong>" in text
    assert "a < b" not in text
    before, after = text, lesson.paint({"rate": 3})
    assert before != after


def test_solving_a_task_reads_the_demonstration() -> None:
    task = Task(question="?", read="decay now", at={"rate": 2, "now": 3}, digits=".4g")
    demo: Demo = replace(DECAY, tasks=(task,))
    assert demo.solve(task) == format(math.exp(-6), ".4g")
