"""Kernels: options, the compiled cache, plain Python on request; and BLAS pinned to one thread."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from lemmata.codedigest import ROOT
from lemmata.kernels import FASTMATH, kernel
from lemmata.threads import ONE_THREAD, pin_threads

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


# ---- threads


def threads_now() -> list[int]:
    return [pool.num_threads for pool in ThreadpoolController().lib_controllers]


@pytest.fixture
def two_threads() -> Any:
    """Pools of two threads, also where the environment or the machine gives one."""
    with ThreadpoolController().limit(limits=2):
        if set(threads_now()) != {2}:
            pytest.fail(f"BLAS does not take two threads: {threads_now()}")
        yield


@pytest.mark.usefixtures("two_threads")
def test_blocks_may_be_nested() -> None:
    with pin_threads():
        assert set(threads_now()) == {1}
        with pin_threads():
            assert set(threads_now()) == {1}
        assert set(threads_now()) == {1}
    assert set(threads_now()) == {2}


@pytest.mark.usefixtures("two_threads")
def test_an_error_gives_the_threads_back() -> None:
    with pytest.raises(KeyError), pin_threads():
        raise KeyError
    assert set(threads_now()) == {2}


@pytest.mark.usefixtures("two_threads")
def test_overlapping_threads_keep_the_pools_pinned() -> None:
    """Of two overlapping blocks in two threads the last to end restores, whichever began first."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with pin_threads():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with pin_threads():
        thread.start()
        assert inside.wait(10)
    assert set(threads_now()) == {1}
    leave.set()
    thread.join()
    assert set(threads_now()) == {2}


@pytest.mark.usefixtures("two_threads")
def test_many_threads_leave_nothing_behind() -> None:
    seen: list[set[int]] = []

    def work() -> None:
        for _ in range(200):
            with pin_threads():
                seen.append(set(threads_now()) if len(seen) % 50 == 0 else {1})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{1}] * 800
    assert set(threads_now()) == {2}


def test_a_library_loaded_inside_a_block_is_pinned_by_the_next() -> None:
    """SciPy brings a BLAS of its own; a chunk that is the first to need it must not run on all cores."""
    program = """
import numpy
from threadpoolctl import ThreadpoolController
from lemmata.threads import pin_threads
pools = lambda: {pool.filepath: pool for pool in ThreadpoolController().lib_controllers}
with pin_threads():
    before = pools()
    import scipy.linalg
    for path in pools().keys() - before.keys():
        pools()[path].set_num_threads(3)
    with pin_threads():
        print([pool.num_threads for pool in pools().values()])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True
    )
    counts = json.loads(done.stdout)
    assert len(counts) >= 1
    assert set(counts) == {1}


def test_worker_environment_names_every_blas() -> None:
    assert set(ONE_THREAD.values()) == {"1"}
    assert {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"} <= set(ONE_THREAD)
