"""What changes the digest of a simulation's code, and what does not."""

from __future__ import annotations

import ast
import functools
import hashlib
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lemmata.codedigest import ROOT, code_digest, source_digest
from lemmata.syntax import parse, tree_digest, tree_text

TREE = {
    "simulations/__init__.py": "",
    "simulations/ridge.py": '''
"""A sampler."""
from __future__ import annotations
import numpy as np
import simulations.sampling.chi
from simulations.sampling import sphere as on_sphere
from theory.attention import Chain, tanh
from theory.folder import Target
from theory import priors
from .nearby import step

def sample(model, rng, trials):
    """Draw."""
    from simulations.late import shift  # imported when it is needed
    import theory.schedules as schedules
    return step(trials) + shift(schedules.cosine(1.0)) + priors.gaussian(0.0)
''',
    "simulations/nearby.py": "from theory.numerics import hermite\ndef step(x): return hermite.value(x)\n",
    "simulations/late.py": "def shift(x):\n    return x + 1\n",
    "simulations/unused.py": "def other(x):\n    return x\n",
    "simulations/sampling/__init__.py": "FACTOR = 1\n",
    "simulations/sampling/chi.py": "from ._table import TABLE\ndef draw():\n    return TABLE[0]\n",
    "simulations/sampling/_table.py": "TABLE = (1, 2)\n",
    "simulations/sampling/sphere.py": "def point():\n    return 1.0\n",
    "simulations/sampling/haar.py": "def vector():\n    return 1.0\n",
    "theory/__init__.py": "PAPERS = ('attention',)\n",
    "theory/attention.py": '''
"""Closed forms."""
from dataclasses import dataclass
import math
from theory.numerics.laws import edge
from theory.domains import whole, real

LEAST = 1
TABLE = {"a": 1}
TABLE["b"] = 2

class Base:
    def check(self):
        return limit(self.tokens)

def limit(n):
    return n >= LEAST

class Noise:
    scale: float = 1.0

@dataclass(frozen=True)
class Chain(Base):
    """The model."""
    tokens: int = whole(least=1)
    noise: "Noise" = None
    error: float = 0.0

    def total(self):
        closed_form = self.tokens  # a local variable, no reference
        return closed_form + TABLE["a"] + sum(edge_of for edge_of in (1, 2))

def tanh(x):
    return math.tanh(x)

def error(model):
    return model.tokens * 2

def closed_form(model):
    return error(model) + edge(2.0)

def edge_of(x):
    return x
''',
    "theory/domains.py": (
        "def whole(least):\n    return least\ndef real(above):\n    return above\nclass Far:\n    size = 1\n"
    ),
    "theory/priors.py": "def gaussian(x):\n    return x\ndef moment(x):\n    return x + 1\n",
    "theory/schedules.py": "import math\ndef cosine(t):\n    return math.cos(t)\ndef law(t):\n    return t\n",
    "theory/folder/__init__.py": "from .models import Target\nfrom .forms import *\n",
    "theory/folder/models.py": "from theory.folder import gain\nclass Target:\n    gain = gain()\n",
    "theory/folder/forms.py": "def gain():\n    return 2\ndef theorem():\n    return 3\n",
    "theory/numerics/__init__.py": "",
    "theory/numerics/hermite.py": "from theory.numerics.base import one\ndef value(x): return one() * x\n",
    "theory/numerics/base.py": "def one():\n    return 1\n",
    "theory/numerics/laws.py": "def edge(x):\n    return x\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def function_in(path: Path) -> Callable[..., Any]:
    """A function that says it lies in `path`, whose content is never run."""
    namespace: dict[str, Any] = {}
    exec(compile("def sample(model, rng, trials): pass", str(path), "exec"), namespace)
    return namespace["sample"]


def class_in(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> type:
    module = types.ModuleType("stand_in")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "stand_in", module)
    return type(name, (), {"__module__": "stand_in"})


def digest(tree: Path, name: str = "simulations/ridge.py") -> str:
    return code_digest(function_in(tree / name), root=tree)


def edit(tree: Path, name: str, old: str, new: str) -> None:
    text = (tree / name).read_text()
    assert old in text
    (tree / name).write_text(text.replace(old, new))


CHANGES = {
    "the sampler": ("simulations/ridge.py", "step(trials)", "step(2 * trials)"),
    "a helper, imported relatively": ("simulations/nearby.py", "value(x)", "value(x + 1)"),
    "a helper, imported inside a function": ("simulations/late.py", "x + 1", "x + 2"),
    "a helper's helper behind a relative import": ("simulations/sampling/_table.py", "(1, 2)", "(1, 3)"),
    "a module taken from a package": ("simulations/sampling/sphere.py", "1.0", "1"),
    "a package's __init__": ("simulations/sampling/__init__.py", "1", "2"),
    "a module of numerics": ("theory/numerics/hermite.py", "one() * x", "x * one()"),
    "a module of numerics behind another": ("theory/numerics/base.py", "1", "2"),
    "a model's field": (
        "theory/attention.py",
        "tokens: int = whole(least=1)",
        "tokens: int = whole(least=2)",
    ),
    "a model's method": ("theory/attention.py", "return closed_form +", "return 2 * closed_form +"),
    "a model's decorator": ("theory/attention.py", "frozen=True", "frozen=False"),
    "a model's base": ("theory/attention.py", "return limit(self.tokens)", "return not limit(self.tokens)"),
    "a function that the base calls": ("theory/attention.py", "n >= LEAST", "n > LEAST"),
    "a constant behind that function": ("theory/attention.py", "LEAST = 1", "LEAST = 2"),
    "a table that a statement fills": ("theory/attention.py", '["b"] = 2', '["b"] = 3'),
    "a nested model, quoted": ("theory/attention.py", "scale: float = 1.0", "scale: float = 2.0"),
    "a validator in another theory module": ("theory/domains.py", "return least", "return least + 1"),
    "an activation": ("theory/attention.py", "math.tanh(x)", "math.atan(x)"),
    "what an alias stands for": ("theory/attention.py", "import math", "import cmath as math"),
    "a schedule, taken from a module's alias": ("theory/schedules.py", "math.cos(t)", "math.sin(t)"),
    "a prior, taken from a module": ("theory/priors.py", "return x\n", "return -x\n"),
    "a re-exported model": ("theory/folder/models.py", "gain()", "2 * gain()"),
    "a name behind a star import": ("theory/folder/forms.py", "return 2", "return 4"),
    "where a re-export points": (
        "theory/folder/__init__.py",
        ".models import Target",
        ".forms import theorem as Target",
    ),
}
KEEPS = {
    "a comment": ("simulations/ridge.py", "# imported when it is needed", "# late"),
    "a docstring of the module": ("simulations/ridge.py", '"""A sampler."""', '"""A better\nsampler."""'),
    "no docstring at all": ("simulations/ridge.py", '    """Draw."""\n', ""),
    "a model's docstring": ("theory/attention.py", '    """The model."""\n', ""),
    "layout": ("simulations/nearby.py", "hermite.value(x)", "(\n        hermite . value( x, )  )"),
    "an alias's other name": ("theory/attention.py", "import whole, real", "import whole, real as positive"),
    "a closed form": ("theory/attention.py", "error(model) + edge(2.0)", "error(model) - edge(2.0)"),
    "a closed form called as a field": ("theory/attention.py", "model.tokens * 2", "model.tokens * 3"),
    "a closed form called as a loop variable": ("theory/attention.py", "    return x\n", "    return -x\n"),
    "numerics that only a closed form uses": ("theory/numerics/laws.py", "return x", "return -x"),
    "an unused validator": ("theory/domains.py", "return above", "return above + 1"),
    "an unused model": ("theory/domains.py", "size = 1", "size = 2"),
    "a law beside a schedule": ("theory/schedules.py", "return t\n", "return -t\n"),
    "a law beside a prior": ("theory/priors.py", "x + 1", "x + 2"),
    "a theorem behind a star import": ("theory/folder/forms.py", "return 3", "return 4"),
    "the list of papers": ("theory/__init__.py", "('attention',)", "('attention', 'second')"),
    "a simulation module that is not imported": ("simulations/unused.py", "return x", "return -x"),
    "a sampling module that is not imported": ("simulations/sampling/haar.py", "1.0", "2.0"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_digest_changes_with(tree: Path, case: str) -> None:
    before = digest(tree)
    edit(tree, *CHANGES[case])
    assert digest(tree) != before


@pytest.mark.parametrize("case", KEEPS)
def test_digest_keeps_through(tree: Path, case: str) -> None:
    before = digest(tree)
    edit(tree, *KEEPS[case])
    assert digest(tree) == before


def test_swapped_aliases_change_the_digest(tree: Path) -> None:
    """The same definitions under exchanged names are other code."""
    (tree / "theory/pair.py").write_text(
        "from theory.domains import whole as a, real as b\ndef f(): return a(1) - b(1)\n"
    )
    edit(tree, "simulations/ridge.py", "from .nearby", "from theory.pair import f\nfrom .nearby")
    before = digest(tree)
    edit(tree, "theory/pair.py", "whole as a, real as b", "real as a, whole as b")
    assert digest(tree) != before


def test_a_bare_theory_module_enters_whole(tree: Path) -> None:
    """Where a module itself is handed on, any of its names may be used."""
    edit(tree, "simulations/ridge.py", "priors.gaussian(0.0)", "apply(priors)")
    before = digest(tree)
    edit(tree, "theory/priors.py", "x + 1", "x + 2")
    assert digest(tree) != before


def test_a_missing_helper_and_its_arrival_change_the_digest(tree: Path) -> None:
    edit(tree, "simulations/ridge.py", "from .nearby", "from simulations.absent import f\nfrom .nearby")
    before = digest(tree)
    (tree / "simulations/absent.py").write_text("def f(): pass\n")
    assert digest(tree) != before


def test_circular_imports_end(tree: Path) -> None:
    (tree / "theory/domains.py").write_text(
        "from theory.attention import Chain\ndef whole(least): return Chain\n"
    )
    edit(tree, "simulations/nearby.py", "from theory", "import simulations.ridge\nfrom theory")
    assert digest(tree) == digest(tree)


def test_digest_does_not_depend_on_the_folder(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    for name, text in TREE.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    assert digest(tree) == digest(other)


def test_model_classes_enter(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that the sampler does not import itself enter by `models`."""
    sampler = function_in(tree / "simulations/late.py")
    model = class_in(tree / "theory/attention.py", "Chain", monkeypatch)
    assert code_digest(sampler, [model], root=tree) != code_digest(sampler, root=tree)
    before = code_digest(sampler, [model], root=tree)
    edit(tree, "theory/attention.py", "error(model) + edge(2.0)", "0")
    assert code_digest(sampler, [model], root=tree) == before
    edit(tree, "theory/attention.py", "LEAST = 1", "LEAST = 3")
    assert code_digest(sampler, [model], root=tree) != before


def test_function_outside_the_floors(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A user's script brings the modules beside it, and the floors that it imports."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "script.py").write_text("import numpy\nimport helper\nfrom simulations.late import shift\n")
    (folder / "helper.py").write_text("A = 1\n")
    seen = {code_digest(function_in(folder / "script.py"), root=tree)}
    (folder / "helper.py").write_text("A = 2\n")
    seen.add(code_digest(function_in(folder / "script.py"), root=tree))
    edit(tree, "simulations/late.py", "x + 1", "x - 1")
    seen.add(code_digest(function_in(folder / "script.py"), root=tree))
    assert len(seen) == 3


def test_function_in_a_package_outside_the_floors(tree: Path) -> None:
    (tree / "tests/naive").mkdir(parents=True)
    (tree / "tests/naive/ridge.py").write_text("from tests.naive.tools import f\n")
    (tree / "tests/naive/tools.py").write_text("def f(): return 1\n")
    before = digest(tree, "tests/naive/ridge.py")
    (tree / "tests/naive/tools.py").write_text("def f(): return 2\n")
    assert digest(tree, "tests/naive/ridge.py") != before


def test_this_function_has_a_digest() -> None:
    """Wrappers and local functions are found; a factory's constants tell its products apart."""

    def make(factor: float) -> Callable[..., float]:
        def sampler(x: float) -> float:
            return factor * x

        return sampler

    @functools.wraps(digest)
    def wrapped(*args: Any) -> str:
        return digest(*args)

    assert code_digest(make(1.0)) == code_digest(make(1.0))
    assert code_digest(make(1.0)) != code_digest(make(2.0))
    assert code_digest(wrapped) == code_digest(digest)


@pytest.mark.parametrize(
    "thing",
    [len, functools.partial(print), eval("lambda: 1"), 3],
    ids=["builtin", "partial", "evaluated", "number"],
)
def test_no_source_is_a_clear_error(thing: Any) -> None:
    with pytest.raises(ValueError, match="function"):
        code_digest(thing)


def test_bad_models_are_named() -> None:
    with pytest.raises(ValueError, match="models: 3 is not a class"):
        code_digest(digest, [3])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="models: int has no source file"):
        code_digest(digest, [int])


def test_interactive_function_is_a_clear_error() -> None:
    code = "from lemmata.codedigest import code_digest\ndef f(): pass\ncode_digest(f)\n"
    run = subprocess.run([sys.executable], input=code, text=True, capture_output=True, cwd=ROOT, check=False)
    assert run.returncode == 1
    assert "ValueError: function: f has no source file" in run.stderr


def test_unreadable_source_is_named(tree: Path) -> None:
    (tree / "simulations/late.py").write_text("def broken(:\n")
    with pytest.raises(ValueError, match=r"late\.py: not readable as Python"):
        digest(tree)


def test_source_digest_follows_imports(tree: Path) -> None:
    before = source_digest("simulations.sampling.chi", root=tree)
    edit(tree, "simulations/sampling/sphere.py", "1.0", "2.0")
    assert source_digest("simulations.sampling.chi", root=tree) == before
    edit(tree, "simulations/sampling/_table.py", "(1, 2)", "(2, 1)")
    assert source_digest("simulations.sampling.chi", root=tree) != before
    with pytest.raises(ValueError, match=r"module_name = 'simulations\.nowhere'"):
        source_digest("simulations.nowhere", root=tree)


def test_serialisation_is_pinned() -> None:
    """The text is our own: this literal must come out on every Python version.

    (`type_params` of newer versions is an empty field, left out; neighbouring texts of an f-string are one.)
    """
    source = 'def f(x: int = 1, *, y=None):\n    "doc"\n    return f"a{{{x!r:>{y}}}}" + "é" if x else -1.5\n'
    text = tree_text(ast.parse(source))
    assert text == (
        "Module(body=[FunctionDef(args=arguments(args=[arg(annotation=Name(id=str 'int'),arg=str 'x')],"
        "defaults=[Constant(int 0x1)],kw_defaults=[Constant(NoneType None)],kwonlyargs=[arg(arg=str 'y')]),"
        "body=[Return(value=IfExp(body=BinOp(left=JoinedStr(values=[Constant(str 'a{'),"
        "FormattedValue(conversion=int 0x72,format_spec=JoinedStr(values=[Constant(str '>'),"
        "FormattedValue(conversion=int -0x1,value=Name(id=str 'y'))]),value=Name(id=str 'x')),"
        "Constant(str '}')]),"
        "op=Add(),right=Constant(str '\\xe9')),orelse=UnaryOp(op=USub(),operand=Constant(float 1.5)),"
        "test=Name(id=str 'x')))],name=str 'f')])"
    )


def test_serialisation_ignores_empty_fields_of_newer_versions() -> None:
    plain, newer = ast.parse("def f(): pass").body[0], ast.parse("def f(): pass").body[0]
    newer._fields = (*newer._fields, "type_params", "invented")  # pyright: ignore[reportAttributeAccessIssue]
    newer.type_params = []  # pyright: ignore[reportAttributeAccessIssue]
    newer.invented = None  # pyright: ignore[reportAttributeAccessIssue]
    assert tree_digest(newer) == tree_digest(plain)
    newer.type_params = [ast.Name("T")]  # pyright: ignore[reportAttributeAccessIssue]
    assert tree_digest(newer) != tree_digest(plain)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = True", "x = 1"),
        ("x = 'a'", "x = b'a'"),
        ("x = y", "x = 'y'"),
        ("x = -0.0", "x = 0.0"),
    ],
)
def test_serialisation_tells_apart(one: str, other: str) -> None:
    assert tree_digest(ast.parse(one)) != tree_digest(ast.parse(other))


SCOPES = {
    "def f(a, *b, c=d, **e): return a + b + c + e + g": {"d", "g"},
    "def f():\n    x = y\n    def g(): return x + z\n    return g": {"y", "z"},
    "def f():\n    global x\n    x = 1": {"x"},
    "def f(): return [x for x in x if x > y]": {"x", "y"},
    "def f(): return [(z := x) for x in w] + z": {"w"},
    "def f():\n    import a.b as c\n    return c.d + a": {"a"},
    "def f(v):\n    match v:\n        case {'k': x, **rest}: return x, rest, y": {"y"},
    "def f():\n    try: g()\n    except E as e: return e": {"g", "E"},
    "f = lambda x: x + y": {"y"},
    "class C(B):\n    x = 1\n    def m(self): return x": {"B", "x"},
    "class C:\n    x: 'A | B' = 1": {"A", "B"},
    "@d\ndef f(x: A) -> 'R': pass": {"d", "A", "R"},
}


@pytest.mark.parametrize("source", SCOPES)
def test_references_respect_scopes(source: str) -> None:
    (statement,) = parse(source.encode()).statements
    assert {chain[0] for chain in statement.free_chains} == SCOPES[source]


def test_framework_modules_of_this_checkout_have_digests() -> None:
    names = sorted(path.stem for path in (ROOT / "lemmata").glob("*.py") if path.stem != "__init__")
    digests = [source_digest(f"lemmata.{name}") for name in names]
    assert all(len(bytes.fromhex(text)) == 20 for text in digests)
    assert hashlib.blake2b(digest_size=20).hexdigest() not in digests
