"""Kernels: their options, the compiled code kept for them, plain Python on request."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lemmata.codedigest import ROOT
from lemmata.kernels import FASTMATH, kernel

PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from simulations.first import outer
value = outer(np.arange(4.0))
stats = getattr(outer, "stats", None)
hits, misses = (sum(stats.cache_hits.values()), sum(stats.cache_misses.values())) if stats else (None, None)
print(json.dumps({"value": value, "hits": hits, "misses": misses, "numba": "numba" in sys.modules}))
"""
FIRST = """
from lemmata.kernels import kernel
from simulations.second import inner

@kernel
def outer(x):
    total = 0.0
    for value in x:
        total += inner(value)
    return total
"""
SECOND = """
from lemmata.kernels import kernel
from theory.numerics.third import FACTOR

@kernel
def inner(x):
    return FACTOR * x
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with this framework and two kernels in two files."""
    (tmp_path / "lemmata").mkdir()
    for name in ("__init__", "codedigest", "kernels", "syntax"):
        shutil.copy(ROOT / "lemmata" / f"{name}.py", tmp_path / "lemmata")
    for name, text in (
        ("simulations/first.py", FIRST),
        ("simulations/second.py", SECOND),
        ("theory/numerics/third.py", "FACTOR = 2.0\n"),
        ("simulations/__init__.py", ""),
        ("theory/__init__.py", ""),
        ("theory/numerics/__init__.py", ""),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(checkout: Path, **environment: str) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("NUMBA_", "LEMMATA_", "COV"))
    }
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", PROGRAM, str(checkout)],
        env=kept | environment, cwd=checkout, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_compiled_code_follows_the_sources(checkout: Path) -> None:
    """An unchanged tree loads compiled code; a changed callee in another file is compiled anew, and runs."""
    first = run(checkout)
    assert (first["value"], first["hits"], first["misses"]) == (12.0, 0, 1)
    again = run(checkout)
    assert (again["value"], again["hits"], again["misses"]) == (12.0, 1, 0)

    (checkout / "simulations/second.py").write_text(SECOND.replace("FACTOR * x", "FACTOR * x + 1.0"))
    changed = run(checkout)
    assert (changed["value"], changed["hits"]) == (16.0, 0)

    (checkout / "theory/numerics/third.py").write_text("FACTOR = 3.0\n")
    assert run(checkout)["value"] == 22.0
    assert not list(checkout.rglob("__pycache__/*.nb*")), "compiled code belongs below build/ only"


@pytest.mark.skipif(sys.platform == "win32", reason="there each process compiles for itself")
def test_processes_compile_a_kernel_once(checkout: Path) -> None:
    """Of several processes that want a kernel at the same time one compiles it, and the others wait and load it."""
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: run(checkout), range(3)))
    assert sorted(result["misses"] for result in results) == [0, 0, 1]
    assert {result["value"] for result in results} == {12.0}


@pytest.mark.parametrize("variable", ["LEMMATA_JIT=0", "NUMBA_DISABLE_JIT=1"])
def test_plain_python_on_request(checkout: Path, variable: str) -> None:
    name, value = variable.split("=")
    result = run(checkout, **{name: value})
    assert result == {"value": 12.0, "hits": None, "misses": None, "numba": False}
    assert not (checkout / "build").exists()


def test_kernels_compile_where_nothing_can_be_written(checkout: Path) -> None:
    (checkout / "build").write_text("a file where the folder should be")
    result = run(checkout, NUMBA_CACHE_DIR=str(checkout / "elsewhere"))
    assert (result["value"], result["hits"]) == (12.0, 0)
    assert not (checkout / "elsewhere").exists()
    assert not list(checkout.rglob("*.nb*"))


def test_an_unknown_switch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEMMATA_JIT", "maybe")
    with pytest.raises(ValueError, match="LEMMATA_JIT = 'maybe'"):
        kernel(lambda x: x)


@kernel
def reciprocal(x: float) -> float:
    return 1.0 / x


@kernel(fastmath={"contract", "nsz"})
def normal_sum(rng: np.random.Generator, out: np.ndarray) -> None:
    for i in range(len(out)):
        out[i] = rng.standard_normal() + reciprocal(2.0)


def test_kernel_options() -> None:
    """No GIL, NumPy's division, the flags asked for; a Generator draws the same numbers as in NumPy."""
    config: Any = importlib.import_module("numba.core.config")
    before = config.CACHE_DIR
    out = np.empty(5)
    normal_sum(np.random.default_rng(1), out)
    np.testing.assert_array_equal(out, np.random.default_rng(1).standard_normal(5) + 0.5)
    assert before == config.CACHE_DIR
    plain: Any = normal_sum
    assert plain.py_func.__name__ == "normal_sum"
    if hasattr(plain, "targetoptions"):
        assert reciprocal(0.0) == np.inf
        assert plain.targetoptions["nogil"] is True
        assert plain.targetoptions["fastmath"] == {"contract", "nsz"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (True, "True"),
        (False, "False"),
        ("contract", "'contract'"),
        (None, "None"),
        ({"nnan", "contract"}, "nnan"),
        ({"fast"}, "fast"),
    ],
)
def test_other_fastmath_is_refused(given: Any, named: str) -> None:
    with pytest.raises(ValueError, match=f"fastmath = .*{named}.*{min(FASTMATH)}"):
        kernel(fastmath=given)


def test_only_functions_are_kernels() -> None:
    with pytest.raises(ValueError, match="kernel: 3 is no plain Python function"):
        kernel(3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_a_function_without_source_is_compiled_without_cache() -> None:
    namespace: dict[str, Any] = {"__name__": "typed_in"}
    exec("def double(x): return 2 * x", namespace)
    assert kernel(namespace["double"])(2.0) == 4.0
