"""`lemmata site` and the manual: what is built of the real papers, what is said when something is missing."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import theory
from lemmata import Laboratory
from lemmata.catalogue import Catalogue, PaperFloors
from lemmata.claims import QUICK, Verdict
from lemmata.cli import USAGE, main
from lemmata.engines import Serial
from lemmata.parsing import build_models, parse_assignments
from lemmata.records import Waiver
from lemmata.site import About, findings, write_manual, write_site
from lemmata.site.blueprint import blueprint
from lemmata.site.commands import predicting
from lemmata.site.markdown import render
from tests.framework.test_site import Site

ROOT = Path(__file__).parents[2]
CATALOGUE = Catalogue(theory.PAPERS)
ABOUT = About("quick", "standard", 0, "2026-01-01T00:00:00+00:00", None, {})
SPHINX_ALONE = pytest.mark.filterwarnings("ignore:'myst_parser:PendingDeprecationWarning")
"""What MyST takes from Sphinx that Sphinx will take away is theirs to mend."""
JUDGED = (
    "attention_memorization/R1",
    "attention_memorization/R2",
    "rlvr_gradient_flow/C7",
    "rlvr_gradient_flow/C4",
)


def story(paper: str) -> str:
    return (ROOT / "docs" / "papers" / f"{paper}.md").read_text(encoding="utf-8")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """All papers, a few claims judged."""
    folder = tmp_path_factory.mktemp("site")
    with Laboratory(0, engine=Serial()) as lab:
        found = findings(CATALOGUE.claims(JUDGED), lab, QUICK)
    write_site(CATALOGUE, folder, ABOUT, stories=story, found=found, pictures={})
    return Site(folder)


def test_the_site_of_all_papers_is_valid_and_whole(site: Site) -> None:
    assert site.missing() == []
    for paper in CATALOGUE:
        ids = set(site.ids(f"{paper.name}/statements.html"))
        assert {entry.item.id for entry in paper.claims} <= ids
        assert {entry.item.id for entry in paper.figures} <= set(site.ids(f"{paper.name}/figures.html"))
        assert site.text[f"{paper.name}/index.html"].count('<math display="block">') >= 3
        assert paper.metadata is not None
        unjudged = len([e for e in paper.claims if e.identifier not in JUDGED])
        assert site.words(f"{paper.name}/statements.html").count("Not judged yet") == unjudged


def test_a_real_counterexample_and_its_repair_are_shown(site: Site) -> None:
    text = site.words("rlvr_gradient_flow/statements.html")
    assert re.search(
        r"Counterexample to the published statement: start=\[.*?\] rates=.*?: estimate [\d.]+, target [\d.]+",
        text,
    )
    assert "What holds instead:" in text
    assert "What holds, on a smaller domain:" in text
    assert Verdict.CERTIFIED.value in site.words("attention_memorization/statements.html")


@pytest.mark.parametrize("paper", list(CATALOGUE), ids=lambda paper: paper.name)
def test_a_blueprint_has_every_statement_and_figure_in_its_place(paper: PaperFloors) -> None:
    """All definitions and assumptions are used, and every result and claim rests on something."""
    graph = blueprint(paper, render(story(paper.name)).headings)
    about = paper.metadata
    assert about is not None
    assert set(about.statements) <= set(graph.nodes)
    assert {entry.item.id for entry in (*paper.claims, *paper.figures)} <= set(graph.nodes)
    assert about.foundations, "no definition or assumption is on record"
    assert all(words.words and words.title for words in about.foundations.values())
    for name in about.foundations:
        assert graph.used_by(name), f"nothing rests on {name}"
    for node in graph.nodes.values():
        if node.kind in ("result", "claim") and not isinstance(about.statements.get(node.id), Waiver):
            assert graph.uses(node.id), f"{node.id} rests on nothing"


@pytest.mark.parametrize("paper", list(CATALOGUE), ids=lambda paper: paper.name)
def test_commands_that_evaluate_results_are_understood_and_print_what_is_said(paper: PaperFloors) -> None:
    commands = {result: predicting(result, paper) for result in paper.results}
    assert any(command.startswith("lemmata predict ") for command, _ in commands.values())
    for result, (command, value) in commands.items():
        _, verb, identifier, *words = shlex.split(command)
        assert identifier == result.identifier
        assert verb == ("predict" if words else "show")
        if words:
            (model,) = build_models(result.model, parse_assignments(words))
            assert any(model in (*e.item.design, *e.item.repaired_design) for e in paper.claims)
            assert not value or float(value) == pytest.approx(float(result.function(model)), rel=1e-5)


# ------------------------------------------------------------------ the command


def test_the_command_writes_what_is_stored_and_judges_nothing(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    words = ("site", "attention_memorization", "--stored", "--no-manual", "--out", tmp_path / "out")
    code, out, err = run(*words, "--ledger", tmp_path / "l.sqlite")
    assert (code, err) == (0, "")
    assert "verdicts     0 of" in out
    site = Site(tmp_path / "out")
    assert site.missing() == []
    assert set(site.pages) >= {"index.html", "attention_memorization/statements.html"}
    assert "rlvr_gradient_flow" not in site.text["index.html"]


def test_a_missing_extra_and_an_unknown_paper_are_one_line_each(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run("site", "attention_memorisation", "--out", tmp_path)
    assert (code, err.count("\n")) == (USAGE, 1)
    assert "attention_memorization" in err
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, _, err = run("site", "--out", tmp_path)
    assert (code, err.count("\n")) == (USAGE, 1)
    assert "needs jinja2: install the extra `site`" in err


# ------------------------------------------------------------------ the manual


@SPHINX_ALONE
def test_the_manual_has_guides_and_modules_and_shows_plain_formulas_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "guide.md").write_text(
        "# A guide\n\nSee [a paper](papers/walks.md) and [this](#more).\n\n## More\n"
    )
    (root / "docs" / "sheets").mkdir()
    (root / "docs" / "sheets" / "walks.md").write_text("# A sheet\n\nSee [a paper](../papers/walks.md#R1).\n")
    package = root / "invented_package"
    package.mkdir()
    (package / "__init__.py").write_text('"""The package."""\n')
    (package / "walks.py").write_text(
        '"""Walks."""\n\ndef mean(steps: int) -> float:\n    """The mean |E x_n| = w* n of x_ (a_1 * b_).'
        '\n\n    Parameters\n    ----------\n    steps : int\n        Number n of steps, `n >= 1`.\n    """\n'
        "    return 0.0\n"
    )
    (package / "_private.py").write_text('"""Not for readers."""\n')
    monkeypatch.syspath_prepend(str(root))
    target, work = tmp_path / "manual", tmp_path / "work"
    assert write_manual(root, target, work, ("invented_package", "no_such_package")) == []
    page = (target / "api" / "invented_package.walks.html").read_text()
    assert "The mean |E x_n| = w* n of x_ (a_1 * b_)." in page
    assert "Number n of steps" in page
    assert 'href="../walks/index.html#"' in (target / "guide.html").read_text()
    assert 'href="../../walks/index.html#R1"' in (target / "sheets" / "walks.html").read_text()
    assert not (target / "api" / "invented_package._private.html").exists()
    for path in target.rglob("*.html"):
        assert not re.search(r"""(?:src|<link[^>]*href)=["'](?:https?:)?//""", path.read_text()), path.name


@SPHINX_ALONE
@pytest.mark.long
def test_the_manual_of_this_suite_builds_without_a_warning(tmp_path: Path) -> None:
    assert write_manual(ROOT, tmp_path / "manual", tmp_path / "work") == []
    for path in (tmp_path / "manual").rglob("*.html"):
        assert not re.search(r"""(?:src|<link[^>]*href)=["'](?:https?:)?//""", path.read_text()), path.name
