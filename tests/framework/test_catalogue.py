"""The catalogue: names find the right things, floors are imported when they are asked for, misspelling is answered."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import theory
from lemmata.catalogue import Catalogue, Entry, NoComparisonError, PaperFloors
from lemmata.names import UnknownNameError

THEORY = '''
from lemmata.models import Model, real
from lemmata.records import Exact, Result


class Line(Model):
    slope: float = real()


def height(model: Line) -> float:
    """The height at one."""
    return model.slope


RESULTS = (Result(height, Line, source="R1", nature=Exact()),)
'''
FIGURES = """
from lemmata.pictures import Figure

FIGURES = (Figure(id="F1a", reproduces="", title="t", caption="c", data=None, draw=None),)
"""
REAL = "attention_memorization"


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """The real papers, and an invented one that lives in `theory` and `figures` only."""
    for floor, text in (("theory", THEORY), ("figures", FIGURES)):
        package = importlib.import_module(floor)
        folder = tmp_path / floor
        folder.mkdir()
        (folder / "toy_lines.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield Catalogue((*theory.PAPERS, "toy_lines"))
    for floor in ("theory", "figures"):
        sys.modules.pop(f"{floor}.toy_lines", None)


def test_nothing_is_imported_until_it_is_asked_for(catalogue: Catalogue) -> None:
    assert "theory.toy_lines" not in sys.modules
    assert [paper.name for paper in catalogue] == [*theory.PAPERS, "toy_lines"]
    assert catalogue.result("toy_lines.height").name == "height"
    assert "theory.toy_lines" in sys.modules
    assert "figures.toy_lines" not in sys.modules


def test_a_missing_floor_holds_nothing(catalogue: Catalogue) -> None:
    paper = catalogue.paper("toy_lines")
    assert paper.claims == paper.samplers == paper.comparisons == ()
    assert paper.metadata is None
    assert paper.title == "toy_lines"
    assert paper.floor("classroom") is None
    assert paper.floor("no_such_floor") is None


def test_an_error_inside_a_floor_is_not_a_missing_floor(catalogue: Catalogue) -> None:
    """A paper whose file imports what is not there says so."""
    package = importlib.import_module("theory")
    (Path(package.__path__[-1]) / "toy_lines.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        _ = catalogue.paper("toy_lines").results


@pytest.mark.parametrize("name", ["toy_lines.height", "height"])
def test_results_by_full_and_by_bare_name(catalogue: Catalogue, name: str) -> None:
    assert catalogue.result(name).identifier == "toy_lines.height"
    found = catalogue.find(name)
    assert not isinstance(found, (PaperFloors, Entry))
    assert found.identifier == "toy_lines.height"


def test_claims_and_figures_by_identifier_paper_and_bare_id(catalogue: Catalogue) -> None:
    assert [e.identifier for e in catalogue.claims([f"{REAL}/C7"])] == [f"{REAL}/C7"]
    only = next(
        e.item.id
        for e in catalogue.claims([REAL])
        if not any(e.item.id == other.item.id for other in catalogue.claims() if other.paper != REAL)
    )
    assert [e.identifier for e in catalogue.claims([only])] == [f"{REAL}/{only}"]
    assert {f"{REAL}/F1b", "toy_lines/F1a"} <= {e.identifier for e in catalogue.figures()}
    assert [e.identifier for e in catalogue.figures(["toy_lines"])] == ["toy_lines/F1a"]
    twice = catalogue.figures(["F1c", REAL, "F1c"])
    assert [e.item.id for e in twice].count("F1c") == 1
    assert twice[0].item.id == "F1c"
    assert catalogue.claims(["toy_lines"]) == ()


def test_a_bare_id_that_several_papers_have_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError, match=f"several papers.*{REAL}/F1a.*toy_lines/F1a"):
        catalogue.figures(["F1a"])
    with pytest.raises(UnknownNameError, match="several papers"):
        catalogue.find("F1a")


@pytest.mark.parametrize(
    ("ask", "nearest"),
    [
        (lambda c: c.paper("toy_linse"), "toy_lines"),
        (lambda c: c.result("toy_lines.hight"), "toy_lines.height"),
        (lambda c: c.result("attention_memorisation.x"), REAL),
        (lambda c: c.result("ridge_regresion_error"), f"{REAL}.ridge_regression_error"),
        (lambda c: c.claims([f"{REAL}/C77"]), f"{REAL}/C7"),
        (lambda c: c.claims(["attention_memorizaton/C7"]), REAL),
        (lambda c: c.figures([f"{REAL}/F1x"]), f"{REAL}/F1a"),
        (lambda c: c.find("toy_line"), "toy_lines"),
    ],
)
def test_misspelt_names_are_answered_with_the_nearest(catalogue: Catalogue, ask, nearest: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnknownNameError) as caught:
        ask(catalogue)
    assert nearest in str(caught.value)


def test_comparison_pairs_the_result_with_its_sampler(catalogue: Catalogue) -> None:
    comparison = catalogue.comparison(catalogue.result("ridge_regression_error"))
    assert comparison.output.identifier == f"{REAL}.sample_ridge_regression[error]"


def test_a_result_without_a_sampler_has_no_comparison(catalogue: Catalogue) -> None:
    with pytest.raises(NoComparisonError, match=r"toy_lines\.height is computed only.*: none"):
        catalogue.comparison(catalogue.result("toy_lines.height"))


def test_every_floor_of_every_paper_names_its_own_things() -> None:
    """A paper has the same file name on every floor, and identifiers follow from it."""
    for paper in Catalogue(theory.PAPERS):
        assert paper.floor("theory") is not None
        assert paper.floor("simulations") is not None
        assert paper.floor("paper_checks") is not None
        assert all(result.paper == paper.name for result in paper.results)
        assert all(sampler.paper == paper.name for sampler in paper.samplers)
        names = [result.name for result in paper.results]
        assert all(comparison.name in names for comparison in paper.comparisons)
        ids = [entry.item.id for entry in (*paper.claims, *paper.figures)]
        assert len(ids) == len(set(ids))
