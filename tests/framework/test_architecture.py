"""The house keeps its plan: who may import whom, what is named where, and a paper that is complete on every floor.

The flow is read from the sources (syntax trees), not from what happens to be imported; lazy imports inside functions
count like any other.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import theory
from lemmata.catalogue import Catalogue
from lemmata.claims import CLAIM_ALPHA, SUITE_ALPHA, Certificate, Claim
from lemmata.classroom import Demo
from lemmata.codedigest import ROOT
from lemmata.models import Model
from lemmata.pictures import Figure
from lemmata.records import Comparison, Output, Paper, Result, Sampler, Waiver

FLOORS = ("theory", "simulations", "paper_checks", "figures")
FLOORS_AND_CLASSROOM = (*FLOORS, "classroom")
PUBLIC = {
    "theory": {"RESULTS": Result},
    "simulations": {"SAMPLERS": Sampler},
    "paper_checks": {"CLAIMS": Claim, "COMPARISONS": Comparison},
    "figures": {"FIGURES": Figure},
    "classroom": {"DEMOS": Demo},
}
MOST_LINES = 600
CATALOGUE = Catalogue(theory.PAPERS)

# ------------------------------------------------------------------ reading the sources


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def package_of(path: Path) -> list[str]:
    return list(path.relative_to(ROOT).parts[:-1])


def imports(path: Path, module: ast.Module | None = None) -> Iterator[tuple[str, str | None]]:
    """Every import of a file: (module, name), the name None for `import module`; strings count in import_module."""
    for node in ast.walk(module or tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = package_of(path)
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((source, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value, None


def imported(path: Path) -> set[str]:
    """Dotted names that a file imports, modules and what is taken from them."""
    found = set()
    for module, name in imports(path):
        found.add(module if name is None else f"{module}.{name}")
        found.add(module)
    return found


def offenders(paths: list[Path], forbidden: tuple[str, ...]) -> dict[str, list[str]]:
    """Files that import something below a forbidden name."""
    found: dict[str, list[str]] = {}
    for path in paths:
        bad = sorted(n for n in imported(path) if any(n == f or n.startswith(f"{f}.") for f in forbidden))
        if bad:
            found[str(path.relative_to(ROOT))] = bad
    return found


def test_the_reader_of_imports_sees_every_spelling() -> None:
    """The instrument itself: plain, aliased, lazy, relative and spelt-out imports are all seen."""
    text = """
import theory.numerics as t
from figures import attention_memorization
def f():
    import importlib
    from random import random
    from . import sibling
    from .numerics import laws
    importlib.import_module("paper_checks.x")
    if True:
        import matplotlib.pyplot
"""
    found = imports(ROOT / "theory" / "invented.py", ast.parse(text))
    assert {module if name is None else f"{module}.{name}" for module, name in found} == {
        "theory.numerics",
        "figures.attention_memorization",
        "importlib",
        "random.random",
        "theory.sibling",
        "theory.numerics.laws",
        "paper_checks.x",
        "matplotlib.pyplot",
    }


# ------------------------------------------------------------------ the flow


def test_only_the_command_line_imports_the_floors() -> None:
    """lemmata knows no paper; its command line alone imports floors. The catalogue finds them by name."""
    framework = [path for path in sources("lemmata") if (ROOT / "lemmata" / "cli") not in path.parents]
    assert len(framework) > 20
    assert (
        offenders(framework, ("theory", "simulations", "paper_checks", "figures", "classroom", "tests")) == {}
    )


def test_the_command_line_imports_floors_lazily() -> None:
    """At the top of the command line's modules stands no floor but `theory`, the list of papers."""
    for path in sources("lemmata/cli"):
        top = ast.Module([n for n in tree(path).body if isinstance(n, (ast.Import, ast.ImportFrom))], [])
        names = {module for module, _ in imports(path, top)}
        heads = {name.split(".")[0] for name in names}
        assert (
            heads & {"simulations", "paper_checks", "figures", "classroom", "numpy", "numba", "scipy"}
            == set()
        ), path


def test_theory_has_no_randomness_no_plots_and_looks_down_only() -> None:
    forbidden = (
        "simulations",
        "figures",
        "paper_checks",
        "classroom",
        "tests",
        "random",
        "secrets",
        "matplotlib",
    )
    assert offenders(sources("theory"), (*forbidden, "pandas", "numpy.random", "numba")) == {}
    for path in sources("theory"):
        assert "random" not in {n.attr for n in ast.walk(tree(path)) if isinstance(n, ast.Attribute)}, path


def test_shared_mathematics_and_sampling_know_no_paper() -> None:
    papers = tuple(f"{floor}.{paper}" for floor in FLOORS_AND_CLASSROOM for paper in theory.PAPERS)
    assert offenders(sources("theory/numerics", "simulations/sampling"), papers) == {}


def test_papers_do_not_import_each_other() -> None:
    for floor in FLOORS_AND_CLASSROOM:
        for paper in theory.PAPERS:
            others = tuple(
                f"{f}.{other}" for f in FLOORS_AND_CLASSROOM for other in theory.PAPERS if other != paper
            )
            assert offenders(paper_files(floor, paper), others) == {}


def paper_files(floor: str, paper: str) -> list[Path]:
    """A paper's file, or the files of its folder."""
    folder = ROOT / floor / paper
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / floor / f"{paper}.py"]


def test_simulations_look_down_only() -> None:
    forbidden = ("figures", "paper_checks", "classroom", "tests", "matplotlib", "pandas", "random", "secrets")
    assert offenders(sources("simulations"), forbidden) == {}


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_a_simulation_takes_models_from_theory_and_no_closed_form(paper: str) -> None:
    """From `theory.<paper>`: model classes and what a model names; no function of RESULTS, nothing that calls one."""
    closed_forms = {result.function for result in CATALOGUE.paper(paper).results}
    for path in paper_files("simulations", paper):
        for module, name in imports(path):
            if module == "theory" or (
                module.startswith("theory.") and not module.startswith("theory.numerics")
            ):
                assert name is not None, f"{path.name} imports {module} whole"
                value = getattr(importlib.import_module(module), name)
                assert not any(value is form for form in closed_forms), (
                    f"{path.name} imports the result {name}"
                )
                assert is_model_matter(value, module), f"{path.name} imports {name} from {module}"


def is_model_matter(value: Any, module: str) -> bool:
    """A model class, a type, or something that a model class of the module names (an activation, a schedule)."""
    if isinstance(value, type):
        return True
    named = "".join(
        ast.unparse(node)
        for node in tree(Path(importlib.import_module(module).__file__ or "")).body
        if isinstance(node, ast.ClassDef)
    )
    return getattr(value, "__name__", "") in named


def test_figures_and_checks_are_imported_by_the_command_line_and_tests_alone() -> None:
    for floor in ("figures", "paper_checks", "classroom"):
        above = [f for f in ("theory", "simulations", "paper_checks", "figures", "classroom") if f != floor]
        assert offenders(sources(*(f for f in above if (ROOT / f).is_dir())), (floor,)) == {}


def test_demonstrations_describe_and_the_live_page_alone_serves() -> None:
    """A paper's demonstrations hold no page and no picture; of the framework only the live page knows marimo."""
    assert offenders(sources("classroom"), ("marimo", "matplotlib", "pandas", "numpy.random", "random")) == {}
    live = {ROOT / "lemmata" / "classroom" / name for name in ("live.py", "serving.py")}
    others = [path for path in sources("lemmata") if path not in live]
    assert offenders(others, ("marimo", "starlette", "uvicorn")) == {}


def test_nothing_but_tests_imports_tests() -> None:
    assert offenders(sources("lemmata", *FLOORS_AND_CLASSROOM), ("tests",)) == {}


@pytest.mark.parametrize("modules", ["lemmata, theory", "lemmata.models, lemmata.parsing, lemmata.catalogue"])
def test_importing_the_vocabulary_loads_neither_numpy_nor_numba(modules: str) -> None:
    program = (
        f"import sys, {modules}\nprint(*sorted({{'numpy', 'numba', 'scipy', 'pandas'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


# ------------------------------------------------------------------ rules of the code


def attributes(path: Path) -> Iterator[str]:
    """Dotted attribute chains of a file, such as 'np.random.rand'."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


NEW_RANDOM = {
    "Generator",
    "SeedSequence",
    "PCG64",
    "BitGenerator",
    "default_rng",
    "SFC64",
    "Philox",
    "PCG64DXSM",
}


@pytest.mark.parametrize("package", ["lemmata", *FLOORS_AND_CLASSROOM, "benchmarks"])
def test_legacy_random_numbers_are_nowhere(package: str) -> None:
    """Inside kernels too: of np.random only generators and their seeds; no RandomState, no global seed."""
    for path in sources(package):
        for chain in attributes(path):
            for prefix in ("np.random.", "numpy.random."):
                if chain.startswith(prefix):
                    assert chain.removeprefix(prefix).split(".")[0] in NEW_RANDOM, f"{path.name}: {chain}"
        for module, name in imports(path):
            if module in ("numpy.random", "np.random"):
                assert name in NEW_RANDOM, f"{path.name}: from {module} import {name}"
        for chain in attributes(
            path
        ):  # the standard library's: an own instance with its own seed, or nothing
            if chain.startswith("random."):
                assert chain.split(".")[1] == "Random", f"{path.name}: {chain}"
        assert not any(module == "random" and name is not None for module, name in imports(path)), path.name


@pytest.mark.parametrize("package", FLOORS_AND_CLASSROOM)
def test_generators_are_made_from_keyed_seeds_only(package: str) -> None:
    """`default_rng` and seeds stand in `lemmata.streams` and in calibration experiments, never in a floor."""
    for path in sources(package):
        names = {chain.split(".")[-1] for chain in attributes(path)}
        assert names & {"default_rng", "SeedSequence", "PCG64"} == set(), path


def test_only_the_kernel_module_names_numbas_decorators() -> None:
    decorators = {"njit", "jit", "vectorize", "guvectorize", "stencil", "cfunc"}
    for path in sources("lemmata", *FLOORS_AND_CLASSROOM, "benchmarks"):
        if path == ROOT / "lemmata" / "kernels.py":
            continue
        found = {c for c in attributes(path) if c.startswith("numba.") and c.split(".")[1] in decorators}
        found |= {f"{m}.{n}" for m, n in imports(path) if m.split(".")[0] == "numba" and n in decorators}
        assert found == set(), path


def test_no_module_outgrows_its_idea() -> None:
    sizes = {
        p: len(p.read_text(encoding="utf-8").splitlines()) for p in sources("lemmata", *FLOORS_AND_CLASSROOM)
    }
    assert {str(p.relative_to(ROOT)): n for p, n in sizes.items() if n > MOST_LINES} == {}


def test_the_library_prints_nothing() -> None:
    """No print outside the command line: the library returns records and calls callbacks."""
    for path in sources("lemmata", *FLOORS_AND_CLASSROOM):
        if (ROOT / "lemmata" / "cli") in path.parents:
            continue
        calls = {
            n.func.id
            for n in ast.walk(tree(path))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert "print" not in calls, path


# ------------------------------------------------------------------ a paper on every floor


@pytest.mark.parametrize("paper", theory.PAPERS)
@pytest.mark.parametrize("floor", FLOORS_AND_CLASSROOM)
def test_a_paper_has_its_module_with_the_public_tuples_on_every_floor(floor: str, paper: str) -> None:
    module: ModuleType = importlib.import_module(f"{floor}.{paper}")
    for name, kind in PUBLIC[floor].items():
        items = getattr(module, name)
        assert isinstance(items, tuple), f"{floor}.{paper}.{name}"
        assert items, f"{floor}.{paper}.{name} is empty"
        assert all(isinstance(item, kind) for item in items)
    if floor == "paper_checks":
        assert isinstance(module.PAPER, Paper)


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_a_paper_has_its_page_its_tests_and_their_helpers(paper: str) -> None:
    for name in (
        f"docs/papers/{paper}.md",
        f"tests/papers/test_{paper}.py",
        f"tests/strategies/{paper}.py",
        f"tests/naive/{paper}.py",
    ):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("floor", FLOORS_AND_CLASSROOM)
def test_every_module_of_a_floor_belongs_to_a_paper_or_is_shared(floor: str) -> None:
    shared = {"numerics", "sampling", "__init__", "__pycache__", "drawing", "shared"}
    names = {path.stem for path in (ROOT / floor).iterdir() if path.suffix == ".py" or path.is_dir()}
    assert names - shared <= set(theory.PAPERS)


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_results_and_samplers_stand_where_they_say(paper: str) -> None:
    floors = CATALOGUE.paper(paper)
    page = (ROOT / "docs" / "papers" / f"{paper}.md").read_text(encoding="utf-8")
    for result in floors.results:
        assert result.paper == paper
        assert issubclass(result.model, Model)
        assert result.title
        assert result.source in page, f"{result.source} is not on the page of {paper}"
    for sampler in floors.samplers:
        assert sampler.paper == paper
        assert sampler.title
        assert sampler.ranges
    for comparison in floors.comparisons:
        assert any(comparison.prediction is result.function for result in floors.results)
        for output in (comparison.output, comparison.witness):
            assert output is None or any(output.sampler is sampler for sampler in floors.samplers)
            assert output is None or isinstance(output, Output)


def test_identifiers_are_unique() -> None:
    for paper in CATALOGUE:
        claims = [entry.identifier for entry in paper.claims]
        figures = [entry.identifier for entry in paper.figures]
        results = [result.identifier for result in paper.results]
        samplers = [sampler.identifier for sampler in paper.samplers]
        for names in (claims + figures, results, samplers):
            assert len(set(names)) == len(names)
    assert len(set(theory.PAPERS)) == len(theory.PAPERS)


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_every_statement_of_a_paper_is_covered(paper: str) -> None:
    """Each numbered result or figure has a claim, a figure or a result that exists, or a waiver with a reason."""
    floors = CATALOGUE.paper(paper)
    assert floors.metadata is not None
    ids = {entry.item.id for entry in (*floors.claims, *floors.figures)}
    names = {result.name for result in floors.results} | {result.source for result in floors.results}
    assert floors.metadata.statements
    for statement, cover in floors.metadata.statements.items():
        if isinstance(cover, Waiver):
            assert len(cover.reason.split()) >= 3, f"{statement}: a waiver needs its reason"
        else:
            assert cover, f"{statement} is covered by nothing"
            assert set(cover) <= ids | names, f"{statement}: {set(cover) - ids - names} does not exist"
    waived = [cover for cover in floors.metadata.statements.values() if isinstance(cover, Waiver)]
    assert len(waived) <= len(floors.metadata.statements) / 2
    # and the other way round: no claim or figure without its place in the inventory
    covered = {
        i for cover in floors.metadata.statements.values() if not isinstance(cover, Waiver) for i in cover
    }
    assert ids <= covered


@pytest.mark.parametrize("paper", theory.PAPERS)
def test_the_inventory_stands_on_the_papers_page(paper: str) -> None:
    """A reader of the repository finds every number that the code refers to, and the code knows every number there."""
    metadata = CATALOGUE.paper(paper).metadata
    assert metadata is not None
    page = (ROOT / "docs" / "papers" / f"{paper}.md").read_text(encoding="utf-8")
    assert set(metadata.statements) == stated_on(page)


def stated_on(page: str) -> set[str]:
    """Numbers of the headings `### R...`, `### C...` and of the rows `| F... |` of a paper's page."""
    return set(re.findall(r"^(?:### (?=[RC])|\| (?=F\d))([A-Z]\d+[a-z]?)\b", page, re.MULTILINE))


def test_numbers_are_read_from_headings_and_rows() -> None:
    page = "### R0. A\nas R7 says\n### R10b: B\n#### R5\n### C7. C\n### Remarks\n| figure |\n| F1a | 1 |\n### R0 x\n"
    assert stated_on(page) == {"R0", "R10b", "C7", "F1a"}


# ------------------------------------------------------------------ claims


def all_claims() -> list[Claim]:
    return [entry.item for paper in CATALOGUE for entry in paper.claims]


def test_the_suite_spends_no_more_than_its_alpha() -> None:
    """Fixed slots: 5e-6 a claim, 1e-3 for all claims of all papers."""
    assert (CLAIM_ALPHA, SUITE_ALPHA) == (5e-6, 1e-3)
    assert len(all_claims()) * CLAIM_ALPHA <= SUITE_ALPHA


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_every_claim_can_fail_and_says_why_its_margins_are_what_they_are(claim: Claim) -> None:
    for words in (claim.source, claim.statement, claim.falsifier):
        assert words.strip()
    if claim.published is None:
        assert claim.why.strip()
        return
    assert claim.mutants or claim.controls
    for mutant in claim.mutants:
        assert mutant.words.strip()
        assert isinstance(mutant.replacement, Certificate) or mutant.distance > 0
    for part in (*claim.published_parts, *claim.repaired_parts):
        margin = getattr(part, "margin", None)
        if margin is not None:
            assert len(margin.reason.split()) >= 3, f"{claim.id}: a margin needs its reason"
