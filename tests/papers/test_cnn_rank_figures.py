"""Figures of the convolutional network's ranks: what a reader must see is in their data (draft quality, real draws)."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import theory
from figures.cnn_rank import FIGURES
from figures.cnn_rank.dimension import CLEAN, ORTHOGONAL, RUNS
from figures.cnn_rank.noise import DATA, DOUBLED, FILTERS, MEMORISED, PEAK
from figures.cnn_rank.training import ABOVE, BELOW
from figures.cnn_rank.winners import BINS, DIAGRAM, TRAINED
from lemmata import Laboratory
from lemmata.cli import main
from lemmata.extras import MissingExtraError
from lemmata.pictures import Quality, style
from lemmata.tables import COLUMNS

BY_ID = {figure.id: figure for figure in FIGURES}


@cache
def drafted(name: str) -> pd.DataFrame:
    with Laboratory(0) as lab:
        return BY_ID[name].data(lab, Quality.DRAFT)


def rows(name: str, **wanted: object) -> pd.DataFrame:
    """Rows with the wanted entries; there are some."""
    data = drafted(name)
    chosen = np.ones(len(data), bool)
    for column, value in wanted.items():
        chosen &= (data[column] == value).to_numpy()
    assert chosen.any(), (name, wanted)
    return data[chosen]


def curve(name: str, x: str, **wanted: object) -> pd.Series:
    """Values over x."""
    return rows(name, **wanted).set_index(x)["value"].sort_index()


@pytest.mark.parametrize("name", BY_ID)
def test_a_figure_keeps_the_one_schema_and_is_drawn_from_its_data_alone(name: str) -> None:
    data = drafted(name)
    assert set(COLUMNS) <= set(data.columns)
    assert np.isfinite(data["value"]).all()
    simulated = data[data["kind"] == "simulation"]
    assert ((simulated["lo"] <= simulated["value"]) & (simulated["value"] <= simulated["hi"])).all()
    with style("page"):
        assert BY_ID[name].draw(data.copy()).axes


def test_f1_data_explode_and_filters_do_not() -> None:
    """Data lie on their line (5 %), peak at sigma_c and fall; filters lie on theirs below the onset (2 %)."""
    line = curve("F1", "ratio", series=DATA, kind="theory")
    marks = curve("F1", "ratio", series=DATA, kind="simulation")
    np.testing.assert_allclose(marks, np.interp(marks.index, line.index, line), rtol=0.05)
    peak, doubled, first = (curve("F1", "ratio", series=name).iloc[0] for name in (PEAK, DOUBLED, MEMORISED))
    assert line.idxmax() == pytest.approx(peak, rel=0.05)
    assert np.interp(doubled, line.index, line) == pytest.approx(8, rel=0.02)
    filters = curve("F1", "ratio", series=FILTERS, kind="simulation")
    below = filters[filters.index < 0.9 * first]
    predicted = curve("F1", "ratio", series=FILTERS, kind="theory").iloc[0]
    assert len(below) >= 2
    np.testing.assert_allclose(below, predicted, rtol=0.02)
    assert filters.max() < marks.max() / 3


def test_f2_2k_values_stand_out_of_the_bulk() -> None:
    for output in ("data", "filters"):
        values = curve("F2", "place", series="low", output=output, kind="simulation")
        lines = curve("F2", "place", series="low", output=output, kind="theory")
        np.testing.assert_allclose(values[1:4], lines[1:4], rtol=0.03)
        assert values[4] > 3 * values[5]
        assert values[5] < 1.2 * values[10]


def test_f3_the_loss_follows_the_clock_and_the_rank_falls_through_a_transition() -> None:
    marks = curve("F3", "time", series=BELOW, output="train_loss", kind="simulation")
    line = curve("F3", "time", series=BELOW, output="train_loss", kind="theory")
    assert marks.iloc[-1] == pytest.approx(line.iloc[-1], rel=0.1)  # steps as long as the knee
    limit = curve("F3", "time", series="limit")
    assert line.iloc[-1] == pytest.approx(limit.iloc[-1], rel=0.25)
    rank = curve("F3", "time", series=BELOW, output="filter_rank", kind="simulation")
    assert rank.iloc[0] > 15
    assert rank.iloc[-1] < 4
    learnt = curve("F3", "time", series=BELOW, output="signal_energy", kind="simulation").iloc[-1]
    lost = curve("F3", "time", series=ABOVE, output="signal_energy", kind="simulation").iloc[-1]
    assert lost < 0.3 < 0.9 < learnt


def test_f4_filters_stay_low_while_images_explode() -> None:
    for task in ("0 against 1", "0-4 against 5-9"):
        images = curve("F4", "noise", series=task, output="image_rank")
        filters = curve("F4", "noise", series=task, output="filter_rank")
        assert images.iloc[-1] > 20 * images.iloc[0]
        assert filters.iloc[-1] < images.iloc[-1] / 4
        accuracy = curve("F4", "noise", series=task, output="test_accuracy")
        assert accuracy.iloc[-1] < accuracy.iloc[0]


def test_b1_one_winner_on_the_left_and_shared_growth_on_the_right() -> None:
    """Training agrees with the clocks (8 %: steps as long as the knee), which fall with the start at every knee."""
    grid = rows("B1", series=DIAGRAM).pivot_table(index="knee", columns="scale", values="value")
    assert (grid.iloc[:, 0] > grid.iloc[:, -1]).all()
    trained = rows("B1", series=TRAINED)
    for _, row in trained.iterrows():
        i = int(np.argmin(np.abs(grid.index.to_numpy() - row["knee"])))
        j = int(np.argmin(np.abs(grid.columns.to_numpy() - row["scale"])))
        assert row["value"] == pytest.approx(float(grid.to_numpy()[i, j]), rel=0.08)


@pytest.mark.statistical
def test_b2_busiest_filters_have_the_exact_law() -> None:
    """Shares of starts lie within 5 standard errors of the law, those of trained networks within 5 and 2 %."""
    law = curve("B2", "x", series="law")
    found = rows("B2", series=BINS, output="share").set_index("x")
    error = np.sqrt(law * (1 - law) / found["trials"]) + 1e-3
    assert (abs(found["value"] - law) < 5 * error).all()
    trained = rows("B2", series=TRAINED, output="share").set_index("x")
    assert (abs(trained["value"] - law) < 5 * np.sqrt(law * (1 - law) / trained["trials"]) + 0.02).all()


def test_b3_above_the_onset_the_rank_is_low_and_nothing_is_learnt() -> None:
    rank = curve("B3", "ratio", output="filter_rank", kind="simulation")
    energy = curve("B3", "ratio", output="signal_energy", kind="simulation")
    error = curve("B3", "ratio", output="test_error", kind="simulation")
    memorised = curve("B3", "ratio", output="memorised", kind="simulation")
    assert rank.iloc[-1] < 8
    assert energy.iloc[0] > 0.9
    assert energy.iloc[-1] < 0.1
    assert error.iloc[0] < 0.01
    assert error.iloc[-1] > 0.2
    assert memorised.iloc[0] == 0
    assert memorised.iloc[-1] == 1


def test_b4_the_rank_grows_with_the_dimension_to_that_of_orthogonal_patches() -> None:
    marks = curve("B4", "dimension", series=RUNS)
    limit = curve("B4", "dimension", series=ORTHOGONAL).iloc[0]
    assert marks.iloc[-1] == pytest.approx(limit, rel=0.03)
    assert marks.iloc[0] < 0.7 * limit
    assert curve("B4", "dimension", series=CLEAN).iloc[0] == 4


def test_pictures_of_real_images_are_left_out_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lemmata figures` names what it leaves out and draws the others; the error reaches a caller of `data`."""
    for package in ("sklearn.datasets", "skimage.data"):
        monkeypatch.setitem(sys.modules, package, None)
    for name in ("F4", "B5", "B6"):
        with Laboratory(0) as lab, pytest.raises(MissingExtraError, match="install the extra 'images'"):
            BY_ID[name].data(lab, Quality.DRAFT)
    monkeypatch.setattr(theory, "PAPERS", ("cnn_rank",))
    options = ["--quality", "draft", "--out", str(tmp_path), "--ledger", str(tmp_path / "ledger.sqlite")]
    assert main(["figures", "cnn_rank/F4", "cnn_rank/B1", *options]) == 0
    printed = capsys.readouterr().out
    assert "cnn_rank/F4  left out: the digits come with scikit-learn: install the extra 'images'" in printed
    assert (tmp_path / "cnn_rank" / "B1.png").is_file()
    assert not (tmp_path / "cnn_rank" / "F4.png").exists()
