"""Figures G1-G5 of arXiv 2502.15609 at draft quality: tables have the schema, pictures are drawn from them alone."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pandas as pd
import pytest

from figures.context_hijacking import depth, phases, step_sizes
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from lemmata.pictures import Figure, Quality
from lemmata.pictures.style import style
from lemmata.tables import COLUMNS

FIGURES = (*depth.FIGURES, *phases.FIGURES, *step_sizes.FIGURES)


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(engine=Serial()) as lab:
        yield lab


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_a_draft_is_drawn_from_its_saved_table(figure: Figure, laboratory: Laboratory) -> None:
    """The table survives a CSV file, has no missing value, and draws again; markers lie on their lines.

    At draft quality no marker of an exact result is 6 standard errors from its line at the same point.
    """
    table = figure.data(laboratory, Quality.DRAFT)
    assert set(COLUMNS) <= set(table.columns)
    assert table["value"].notna().all()
    saved = io.StringIO(table.to_csv(index=False))
    with style():
        picture = figure.draw(pd.read_csv(saved))
        picture.savefig(io.BytesIO(), format="png")
    assert all(axes.lines or axes.collections or axes.images for axes in picture.axes)
    keys = [name for name in ("series", "output", "hijackers", "depth", "step_size") if name in table.columns]
    simulated, exact = (table[table["kind"] == kind] for kind in ("simulation", "theory"))
    both = simulated.merge(exact, on=keys, suffixes=("", "_exact"))
    assert (
        len(both) or not len(simulated) or figure.id == "G5"
    )  # its markers stand between the points of the line
    assert ((both["value"] - both["value_exact"]).abs() <= 6 * both["se"].clip(lower=1e-3)).all()
