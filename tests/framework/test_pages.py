"""Pages without a browser: tables stand for theory, survive their encoding, and the page says how well they do."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemmata.classroom import Curve, Demo
from lemmata.domains import DomainError
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory
from lemmata.pages import Effort, Link, VendorError, prepare, vendor, write_page
from lemmata.pages.agreement import TOLERANCE, largest_difference, tabulation
from lemmata.pages.cache import kept_tabulation
from lemmata.pages.describe import agreement, guess, script_data, start
from lemmata.pages.encoding import decode, encode
from lemmata.pages.interpolation import between, weights
from lemmata.pages.simulated import simulate
from lemmata.pages.tables import at_nodes, thinned, truth
from lemmata.pages.words import inline, plain
from tests.framework.demonstrations import DECAY, DECAY_MODULE

EFFORT = Effort(values=2000, checks=8, settings=3, draws=2)


@pytest.fixture
def lab() -> Laboratory:
    return Laboratory(7, engine=make_engine("serial"))


# ------------------------------------------------------------------ between nodes


@given(
    st.integers(2, 9),
    st.floats(0, 1),
    st.sampled_from([1, 3]),
    st.lists(st.floats(-1, 1), min_size=4, max_size=4),
)
def test_interpolation_keeps_polynomials(
    nodes: int, part: float, degree: int, coefficients: list[float]
) -> None:
    """A polynomial of the interpolation's degree (or of nodes - 1) is its own interpolation, to rounding."""
    place = part * (nodes - 1)
    polynomial = np.polynomial.Polynomial(coefficients[: min(degree, nodes - 1) + 1])
    found = sum(weight * polynomial(node) for node, weight in weights(place, nodes, degree))
    assert found == pytest.approx(polynomial(place), abs=1e-11 * nodes**3)


def test_a_node_is_read_as_it_is_and_a_missing_neighbour_gives_way_to_the_nearest_node() -> None:
    table = np.array([[1.0, 2.0], [4.0, np.nan], [9.0, 8.0], [16.0, 0.1]])
    assert between(table, [2.0], 3, is_log=False).tolist() == [9.0, 8.0]
    found = between(table, [1.25], 1, is_log=False)
    assert found[0] == 4 + 0.25 * 5
    assert math.isnan(found[1])
    assert between(table, [1.75], 1, is_log=False)[1] == 8.0
    assert between(table, [0.5], 1, is_log=True)[0] == pytest.approx(2.0)


# ------------------------------------------------------------------ encoding


@given(st.lists(st.one_of(st.floats(-1e30, 1e30), st.just(math.nan)), min_size=1, max_size=40))
def test_encoding_keeps_six_digits(values: list[float]) -> None:
    """Every value comes back with a relative error of 1e-6 at most (2^-21 and that of four bytes); NaN comes back."""
    table = np.array(values)
    (back,) = decode(encode([table]), [table.shape])
    small = np.abs(table) < 2.0**-126
    assert np.array_equal(np.isnan(back), np.isnan(table))
    assert np.all(back[small] == 0)
    there = ~np.isnan(table) & ~small
    assert np.all(np.abs(back[there] - table[there]) <= 6e-7 * np.abs(table[there]))


def test_encoding_keeps_shapes_and_refuses_what_is_too_large() -> None:
    tables = [np.arange(6.0).reshape(2, 3), np.array(2.5), np.empty((0, 3))]
    back = decode(encode(tables), [table.shape for table in tables])
    assert [np.array_equal(a, b) for a, b in zip(tables, back, strict=True)] == [True] * 3
    with pytest.raises(DomainError, match=r"table = 1e\+39: must be <= 1\.7e\+38"):
        encode([np.array([1e39])])


# ------------------------------------------------------------------ tables


def test_tables_hold_theory_at_their_nodes() -> None:
    made = tabulation(DECAY, 2000, 4)
    for item in (*DECAY.theory, *DECAY.readings):
        table = made.tables[item.name]
        for positions in list(at_nodes(table.axes))[::7]:
            assert np.array_equal(table.at(positions), truth(DECAY, item, positions), equal_nan=True)


def test_sliders_are_smooth_only_where_interpolation_is_as_good_as_a_line_is_wide() -> None:
    """Rate and size are interpolated well. Time now has a reading on five nodes, which is not good enough.

    What is stated is the largest error of a sample. Elsewhere it may be larger, but not twice as large as allowed:
    the error of a polynomial through four nodes has one maximum between two of them, and it is broad.
    """
    made = tabulation(DECAY, 2000, 16)
    assert made.fine == {"rate", "size"}
    assert set(made.errors) == {"decay", "until", "circle", "half-life", "decay now"}
    for name, stated in made.errors.items():
        item = DECAY.by_name[name]
        assert not hasattr(item, "marker")
        other = largest_difference(DECAY, item, made.tables[name], made.fine, 50, seed=1)  # type: ignore[arg-type]
        assert stated < TOLERANCE
        assert other < 2 * TOLERANCE


def _step(values: dict[str, float], t: np.ndarray) -> np.ndarray:
    return np.where(t < values["rate"], 1.0, 2.0)


def test_a_jump_takes_the_slider_to_the_grid() -> None:
    jump = Curve(name="jump", label="jump", function=_step, along=DECAY.curve("decay").along, uses=("rate",))
    demo = replace(DECAY, theory=(*DECAY.theory, jump))
    assert tabulation(demo, 2000, 16).fine == {"size"}


def test_grids_are_thinned_to_the_values_that_are_allowed() -> None:
    assert thinned(DECAY, 2000) == {}
    assert thinned(DECAY, 700) == {"rate": 2}
    made = tabulation(DECAY, 700, 16)
    assert made.tables["decay"].values.shape == (9, 2, 33)
    assert [axis.stride for axis in made.tables["decay"].axes] == [2, 1]
    exact = truth(DECAY, DECAY.curve("decay"), {"rate": 16.0, "law": 1.0})
    assert np.array_equal(made.tables["decay"].at({"rate": 16.0, "law": 1.0}), exact)


def test_tables_are_kept_until_code_or_effort_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kept_tabulation(DECAY, 700, 4, DECAY_MODULE, tmp_path)
    calls: list[Demo] = []
    monkeypatch.setattr("lemmata.pages.cache.tabulation", lambda demo, *_: calls.append(demo) or first)
    again = kept_tabulation(DECAY, 700, 4, DECAY_MODULE, tmp_path)
    assert calls == []
    assert (again.fine, again.strides, again.errors, again.checks) == (
        first.fine,
        first.strides,
        first.errors,
        first.checks,
    )
    for name, table in first.tables.items():
        other = again.tables[name]
        assert (other.axes, other.degree, other.is_log) == (table.axes, table.degree, table.is_log)
        assert np.array_equal(other.values, table.values, equal_nan=True)
    kept_tabulation(DECAY, 701, 4, DECAY_MODULE, tmp_path)
    assert len(calls) == 1


# ------------------------------------------------------------------ simulated points


def test_simulated_points_are_those_of_the_laboratory(lab: Laboratory) -> None:
    made = tabulation(DECAY, 2000, 4)
    starts = {control.name: start(made, control) for control in DECAY.controls}
    found = simulate(DECAY, lab, starts, made.strides, 3, 2)
    assert found is not None
    assert found.controls == ("count",)
    assert found.stops == ((0.0,), (1.0,), (3.0,))  # its start and both ends
    assert (found.draws, found.seed) == (2, 7)
    values = DECAY.settle({"count": 7})
    for draw in (0, 1):
        own = DECAY.draw(Laboratory(7 + draw, engine=make_engine("serial")), values)["walks"]
        assert np.array_equal(found.points["walks"][2 * 2 + draw].y, own.y)
    assert not np.array_equal(found.points["walks"][0].y, found.points["walks"][1].y)
    fewer = simulate(DECAY, lab, starts, made.strides, 1, 1)
    assert fewer is not None
    assert fewer.stops == ((1.0,),)
    assert simulate(replace(DECAY, dots=(), pictures=()), lab, starts, {}, 3, 2) is None


# ------------------------------------------------------------------ words and data


def test_words_become_html_and_plain_text() -> None:
    assert "<math>" in inline("rate $\\gamma$")
    assert inline("a < b & c") == "a &lt; b &amp; c"
    assert plain("rate $\\gamma_{k}$ at $t$") == "rate γ_k at t"
    assert plain("$1 - s\\,\\tau\\rho^2$, $\\sqrt{1 + g^2}$, $w_0, \\dots, w_L$") == (
        "1 - s τ ρ^2, sqrt(1 + g^2), w_0, ..., w_L"
    )
    assert inline("$\\sqrt{\\pi}$") == inline("$sqrt(pi)$") != inline("$sqrtpi$")


def test_the_script_is_told_what_the_records_say(lab: Laboratory) -> None:
    prepared = prepare(DECAY, lab, EFFORT)
    data = json.loads(json.dumps(script_data(prepared.tabulation, prepared.simulated), allow_nan=False))
    controls = {control["name"]: control for control in data["controls"]}
    assert controls["rate"]["step"] == 0.25
    assert controls["now"]["step"] == 1
    assert controls["count"] | {"label": ""} == {
        "name": "count",
        "label": "",
        "start": 1,
        "step": 1,
        "steps": 3,
        "low": 1,
        "high": 7,
        "scale": "linear",
        "stride": 2,
    }
    assert data["guess"] == {"picture": 0, "curve": "decay"}
    turned = replace(DECAY.pictures[0], curves=("until", "decay"))
    assert guess(replace(DECAY, pictures=(turned,))) == {"picture": 0, "curve": "decay"}  # it has a reading
    assert guess(replace(DECAY, pictures=DECAY.pictures[1:])) is None
    assert data["badges"][1]["cases"] == [[0.5, "fast"], [None, "slow"]]
    offsets = [quantity["offset"] for quantity in data["quantities"]]
    sizes = [table.values.size for table in prepared.tabulation.tables.values()]
    assert offsets == [sum(sizes[:i]) for i in range(len(sizes))]


def test_the_page_says_how_exact_it_is(lab: Laboratory) -> None:
    prepared = prepare(DECAY, lab, EFFORT)
    exact, smooth, drawn = agreement(prepared.tabulation, prepared.simulated)[1:]
    assert exact.startswith("law, count, time now $t$: every value")
    worst = max(prepared.tabulation.errors.values())
    assert "Measured at 8 random settings for each quantity" in smooth
    assert f"{100 * worst:.2g} %" in smooth
    assert "2 draws at each of 3 settings, with seeds from 7" in drawn


# ------------------------------------------------------------------ the file


def test_a_page_is_one_file(lab: Laboratory, tmp_path: Path) -> None:
    path = write_page(
        tmp_path / "deep" / "page.html",
        "Invented & new",
        [DECAY],
        lab,
        links=[Link("a.html", "Up")],
        effort=EFFORT,
    )
    text = path.read_text(encoding="utf-8")
    assert "<title>Invented &amp; new: interactive</title>" in text
    assert '<a href="a.html">Up</a>' in text
    assert "one half to half-life" in text  # the band's name
    assert re.findall(r'(?:src|href)="(?!a\.html|#|data:)[^"]*"', text) == []
    outside_of_scripts = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert "http" not in outside_of_scripts.replace("http://www.w3.org", "")
    assert not re.search(r"/(?:home|work|tmp|usr)/", text)


def test_a_page_that_is_too_large_is_refused_with_its_parts(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lemmata.pages.writing.MOST_BYTES", 1000)
    with pytest.raises(DomainError, match=r"<= 1000 bytes \(tables: decay 0\.0\d MB\)"):
        write_page(tmp_path / "page.html", "x", [DECAY], lab, effort=EFFORT)
    assert not (tmp_path / "page.html").exists()


def test_npm_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VendorError, match=r"npm is missing: .* install Node"):
        vendor.packages(tmp_path / "vendor")
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error code EUSAGE' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(VendorError, match="npm ci: npm error code EUSAGE"):
        vendor.packages(tmp_path / "vendor")
    npm.write_text("#!/bin/sh\n/bin/mkdir node_modules\n")
    assert vendor.packages(tmp_path / "vendor").is_dir()
    npm.unlink()
    assert vendor.packages(tmp_path / "vendor").is_dir()  # it is not asked for again
    assert [path.name for path in (tmp_path / "vendor").iterdir() if path.name.startswith(".")] == []


def test_the_lock_names_digests_and_no_address() -> None:
    lock = json.loads(vendor.MANIFESTS[1].read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all(
        entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages.values()
    )
