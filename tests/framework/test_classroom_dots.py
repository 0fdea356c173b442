"""Dots that a demonstration makes from samples fall onto its theory: to chance, at a stated rate of false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from classroom.ar_diffusion import FEWEST, RARE
from classroom.context_hijacking import FLIP, POWER_MEANS, PROMPTS
from lemmata.classroom import Demo, Points
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory

FALSE_ALARM = 1e-6  # of one test


def drawn(demo: Demo, values: dict[str, Any]) -> dict[str, Points]:
    with Laboratory(0, engine=make_engine("serial")) as lab:
        return demo.draw(lab, values)


@pytest.mark.parametrize(
    ("demo", "curve", "dots", "values"),
    [
        (FLIP, "error", "drawn", {}),
        (FLIP, "error", "drawn", {"depth": 5, "angle": 10, "examples": 2000}),
        (POWER_MEANS, "error 1", "drawn 1", {}),
        (POWER_MEANS, "error 4", "drawn 4", {}),
        (POWER_MEANS, "error 1", "drawn 1", {"angle": 5, "examples": 2000, "margin": 1}),
        (POWER_MEANS, "error 4", "drawn 4", {"angle": 45, "examples": 20, "margin": 0.1}),
    ],
)
def test_shares_of_wrong_answers_are_binomial_about_the_error(
    demo: Demo, curve: str, dots: str, values: dict[str, Any]
) -> None:
    points = drawn(demo, values)[dots]
    settled = demo.settle(values)
    errors = demo.curve(curve).at(demo.model(settled), points.x)
    wrong = np.round(points.y * PROMPTS).astype(int)
    chances = [stats.binomtest(int(k), PROMPTS, float(p)).pvalue for k, p in zip(wrong, errors, strict=True)]
    assert len(chances) >= 4
    assert min(chances) > FALSE_ALARM / len(chances)


@pytest.mark.parametrize("values", [{}, {"calls": "20"}, {"gain": 10, "noise": 0.05}, {"gain": 0}])
def test_means_of_particles_lie_on_the_tilted_line(values: dict[str, Any]) -> None:
    """Their distances in standard errors are Student's t, with no fewer degrees of freedom than `FEWEST` - 1.

    The test sees 8 standard errors. With 20 calls, vanilla's line is 20 of them from the level one, and 39 from its own
    mirror image.
    """
    theory, points = RARE.evaluate(values), drawn(RARE, values)
    most = stats.t.ppf(1 - FALSE_ALARM / 50, FEWEST - 1)
    for method in ("vanilla", "AR"):
        found = points[f"{method} means"]
        assert found.high is not None
        assert len(found.x) >= 8
        (_, x), (_, y) = theory[f"{method} tilt"]
        away = (found.y - found.x * y / x) / ((found.high - found.y) / 1.96)
        assert np.abs(away).max() < most
