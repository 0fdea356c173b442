"""Pictures: same data, same bytes; a saved CSV redraws the figure; no partial file; provenance and the page of all."""

from __future__ import annotations

import html.parser
import json
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as MplFigure

import theory
from lemmata import Laboratory, Ledger
from lemmata.catalogue import Catalogue, Entry, PaperFloors
from lemmata.engines import make_engine
from lemmata.laboratory import Progress
from lemmata.names import UnknownNameError
from lemmata.pictures import (
    FORMATS,
    MEDIA,
    Figure,
    Quality,
    canvas,
    picture,
    plot_simulation,
    plot_theory,
    read_data,
    render,
)
from lemmata.report import write_index
from tests.framework.invented import UNIFORM, WALK, Walk, walk_end_mean

SCALES = (0.1, 1 / 3, 2.0)


def _data(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    trials = quality(draft=256, standard=512, paper=1024)
    walk = lab.sweep(
        WALK["end"], [Walk(3, 0.1)], trials, axes={"scale": SCALES}, predict=walk_end_mean, label="walk, 'NA'"
    )
    steps = lab.sweep(UNIFORM["mean"], [Walk(1), Walk(2)], 100, label="NA").assign(scale=[1.0, 2.0])
    return pd.concat([walk, steps], ignore_index=True)


def _draw(data: pd.DataFrame) -> MplFigure:
    figure, axes = canvas()
    plot_theory(axes, data, "scale")
    plot_simulation(axes, data, "scale", series="walk, 'NA'")
    plot_simulation(axes, data, "scale", series="NA", marker="D", filled=False)
    axes.legend()
    return figure


FIGURE = Figure(
    id="F1", reproduces="Fig. 1", title="A <walk>", caption="Ours & theirs", data=_data, draw=_draw
)
ENTRY = Entry("invented", FIGURE, "figure")
PAPER = PaperFloors("invented")


@pytest.fixture
def lab() -> Laboratory:
    return Laboratory(5, engine=make_engine("serial"))


def test_quality_picks_its_value() -> None:
    assert [quality(draft=1, standard="b", paper=None) for quality in Quality] == [1, "b", None]


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
@pytest.mark.parametrize("media", MEDIA)
def test_same_data_same_bytes(lab: Laboratory, form: str, media: str) -> None:
    """No date, version or random identifier gets into a file, and the user's own style does not matter."""
    data = _data(lab, Quality.DRAFT)
    first = picture(FIGURE, data, media=media, form=form)
    with mpl.rc_context({"lines.linewidth": 17, "font.size": 3, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        assert picture(FIGURE, data, media=media, form=form) == first
        assert dict(mpl.rcParams) == before


def test_media_differ_in_size(lab: Laboratory) -> None:
    data = _data(lab, Quality.DRAFT)
    widths = {m: int.from_bytes(picture(FIGURE, data, media=m)[16:20], "big") for m in MEDIA}
    assert widths == {"page": 1024, "paper": 1020, "slide": 1600}


def test_saved_csv_redraws_the_figure(lab: Laboratory, tmp_path: Path) -> None:
    """Every number comes back bit for bit, and text that looks like a missing value stays text."""
    made = render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path, formats=("png", "svg", "parquet"))
    folder = tmp_path / "invented"
    assert {path.name for path in made.files} == {"F1.csv", "F1.png", "F1.svg", "F1.parquet"}
    again = read_data(folder / "F1.csv")
    direct = _data(lab, Quality.DRAFT)
    for column in ("value", "se", "lo", "hi", "scale"):
        assert again[column].to_numpy().tobytes() == direct[column].to_numpy(dtype=float).tobytes()
    assert list(again["series"]) == list(direct["series"])
    assert picture(FIGURE, again) == (folder / "F1.png").read_bytes()
    assert picture(FIGURE, direct) == (folder / "F1.png").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "F1.parquet"), again, check_dtype=False)


def test_provenance_says_what_was_run(lab: Laboratory, tmp_path: Path) -> None:
    made = render(ENTRY, PAPER, lab, Quality.STANDARD, tmp_path)
    record = json.loads(made.provenance.read_text())
    assert record["identifier"] == "invented/F1"
    assert (record["quality"], record["seed"]) == ("standard", 5)
    assert record["caption"] == FIGURE.caption
    assert record["chunks"] == {"computed": lab.computed, "reused": 0}
    models = [(run["sampler"], run["model"].get("steps"), run["trials"]) for run in record["runs"]]
    assert models == [
        ("invented.sample_walk", 3, 512),
        ("invented.sample_uniform", 1, 512),
        ("invented.sample_uniform", 2, 256),
    ]
    assert record["runs"][0]["axes"] == {"scale": list(SCALES)}
    assert {"python", "numpy", "numba", "matplotlib", "lemmata"} <= record["versions"].keys()
    assert {"platform", "seconds", "commit", "data_sha256", "made"} <= record.keys()
    assert record["files"] == ["F1.csv", "F1.png"]
    assert lab.watch is None


def test_pictures_of_other_data_do_not_stay(lab: Laboratory, tmp_path: Path) -> None:
    """A new medium joins the pictures of the same data; other data replace them all."""
    render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path)
    made = render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path, media=("slide",), formats=("svg",))
    assert json.loads(made.provenance.read_text())["files"] == ["F1-slide.svg", "F1.csv", "F1.png"]
    render(ENTRY, PAPER, lab, Quality.STANDARD, tmp_path, formats=("pdf",))
    assert {path.name for path in (tmp_path / "invented").iterdir()} == {"F1.csv", "F1.json", "F1.pdf"}


def test_a_failure_leaves_what_was_there(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a broken draw function nor a failed write leaves a partial file."""
    render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "invented").iterdir()}

    def broken(data: pd.DataFrame) -> MplFigure:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        render(replace(ENTRY, item=replace(FIGURE, draw=broken)), PAPER, lab, Quality.PAPER, tmp_path)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "invented").iterdir()} == before


def test_unknown_medium_and_format_are_named(lab: Laboratory, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="slide"):
        render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path, media=("slides",))
    with pytest.raises(UnknownNameError, match="png"):
        render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path, formats=("pgn",))
    assert not (tmp_path / "invented").exists()
    assert FORMATS[0] == "png"


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a":
            self.linked.append(given["href"] or "")
        elif tag in ("img", "script", "link"):
            self.loaded.append(given.get("src") or given.get("href") or "")


def test_index_shows_everything_and_needs_no_network(lab: Laboratory, tmp_path: Path) -> None:
    render(ENTRY, PAPER, lab, Quality.DRAFT, tmp_path)
    other = Entry("other paper", replace(FIGURE, id="F2", reproduces=""), "figure")
    render(other, PaperFloors("other paper"), lab, Quality.DRAFT, tmp_path, formats=("svg",))
    (tmp_path / "invented" / "broken.json").write_text("{")
    page = write_index(tmp_path).read_text(encoding="utf-8")
    links = _Links()
    links.feed(page)
    assert links.loaded == ["invented/F1.png", "other%20paper/F2.svg"]
    assert {"invented/F1.csv", "invented/F1.json", "other%20paper/F2.json"} <= set(links.linked)
    for link in (*links.loaded, *links.linked):
        assert (tmp_path / link.replace("%20", " ")).exists()
    assert "Ours &amp; theirs" in page
    assert "A &lt;walk&gt;" in page
    assert "Fig. 1" in page
    assert "prefers-color-scheme: dark" in page


# ------------------------------------------------------------------ the papers' own figures


ENTRIES = Catalogue(theory.PAPERS).figures()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.identifier)
def test_draft_figures(entry: Entry[Figure], tmp_path: Path) -> None:
    """Every figure is drawn at draft quality; drawn again it comes from the ledger, with other workers, bit for bit."""
    paper = PaperFloors(entry.paper)
    seen: list[Progress] = []
    with Ledger.memory() as ledger:
        with Laboratory(0, engine=make_engine("serial"), ledger=ledger, progress=seen.append) as lab:
            first = render(entry, paper, lab, Quality.DRAFT, tmp_path / "one")
        with Laboratory(0, engine=make_engine("threads", 2), ledger=ledger) as lab:
            second = render(entry, paper, lab, Quality.DRAFT, tmp_path / "two")
    assert first.computed + first.reused == second.reused
    assert second.computed == 0
    for one, two in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == two.read_bytes()
    data = read_data(first.provenance.with_suffix(".csv"))
    assert set(data["kind"]) <= {"theory", "simulation", "published", "draw"}
    assert np.isfinite(data["value"]).all()
    assert all(report.label == entry.identifier for report in seen)
    assert entry.item.caption.strip()
