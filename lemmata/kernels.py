"""The decorator `kernel`: the only place that hands a function to Numba.

Numba keeps compiled code per function and looks only at that function's own file; a kernel whose callee lies
in another file would go on running stale code after an edit of the callee. So the compiled code of a module
lies in `build/kernels/<digest>/`, where the digest covers the module, everything of the checkout that it
imports, and the versions and processor that the code was made for.

`LEMMATA_JIT=0` in the environment (or Numba's own `NUMBA_DISABLE_JIT`) leaves kernels plain Python functions.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
import os
import platform
import tempfile
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, overload

from lemmata.codedigest import ROOT, source_digest

Function = TypeVar("Function", bound=Callable[..., Any])

CACHE = ROOT / "build" / "kernels"
FASTMATH = frozenset({"contract", "reassoc", "arcp", "nsz", "afn"})
"""Relaxations of floating-point rules that a kernel may ask for (`nnan` and `ninf` break checks for NaN)."""

_decorating = threading.Lock()


class _Decorator(Protocol):
    def __call__(self, function: Function, /) -> Function: ...


@overload
def kernel(function: Function, /) -> Function: ...
@overload
def kernel(*, fastmath: Collection[str] = ...) -> _Decorator: ...
def kernel(function: Callable[..., Any] | None = None, /, *, fastmath: Collection[str] = ()) -> Any:
    """Compile a serial function on its first call: no GIL, NumPy's rules of division, cached on disk.

    Parameters
    ----------
    function : function
        Takes arrays, numbers and a `numpy.random.Generator`; fills arrays of its caller.
    fastmath : set of names, optional
        Some of contract, reassoc, arcp, nsz, afn; none by default. A test bounds the difference they make.

    Returns
    -------
    function
        The compiled function; the Python function is its attribute `py_func`.

    Raises
    ------
    ValueError
        If `fastmath` names anything else.
    """
    flags = _checked_fastmath(fastmath)
    if function is None:
        return functools.partial(_compiled, fastmath=flags)
    return _compiled(function, flags)


def jit_enabled() -> bool:
    """Whether kernels are compiled: `LEMMATA_JIT` is not 0 and `NUMBA_DISABLE_JIT` is not set."""
    choice = os.environ.get("LEMMATA_JIT", "1")
    if choice not in ("0", "1"):
        raise ValueError(f"LEMMATA_JIT = {choice!r}: must be 0 (plain Python) or 1 (compiled)")
    return choice == "1" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def _checked_fastmath(fastmath: Collection[str]) -> set[str]:
    if isinstance(fastmath, bool | str | None):
        raise ValueError(f"fastmath = {fastmath!r}: must be a set of names out of {sorted(FASTMATH)}")
    unknown = sorted({str(flag) for flag in fastmath} - FASTMATH)
    if unknown:
        raise ValueError(f"fastmath = {unknown}: allowed are {sorted(FASTMATH)}")
    return set(fastmath)


def _compiled(function: Function, fastmath: set[str]) -> Function:
    if not inspect.isfunction(function):
        raise ValueError(f"kernel: {function!r} is no plain Python function")
    plain = cast("Any", function)
    if not jit_enabled():
        plain.py_func = plain
        return plain

    import numba

    folder = _cache_folder(plain)
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath or False}
    # the wrapper serves functions as arguments, which kernels are not, and takes a tenth of the time to compile
    options["no_cfunc_wrapper"] = True
    config: Any = importlib.import_module("numba.core.config")
    with _decorating:  # Numba reads this setting when it decorates
        before = config.CACHE_DIR
        config.CACHE_DIR = "" if folder is None else str(folder)
        try:
            dispatcher = cast("Any", numba.njit(cache=folder is not None, **options)(plain))
        finally:
            config.CACHE_DIR = before
    if folder is not None:
        dispatcher.compile = _in_turn(dispatcher.compile, folder / f"{function.__qualname__}.lock")
    return dispatcher


def _in_turn(compile_: Callable[[Any], Any], lock: Path) -> Callable[[Any], Any]:
    """Compile in one process at a time: those that wait load what it has made.

    A kernel's compiling holds the locks of kernels that it calls, never of one that calls it, so none wait in a circle.
    """
    try:
        import fcntl
    except ImportError:  # Windows: each process compiles for itself
        return compile_
    threads: Any = importlib.import_module("numba.core.compiler_lock").global_compiler_lock

    def compile_in_turn(signature: Any) -> Any:
        with contextlib.ExitStack() as stack:
            stack.enter_context(threads)  # first: a thread must not wait for it with a lock of this process
            with contextlib.suppress(OSError):  # a folder that is gone, or a file system without locks
                fcntl.flock(stack.enter_context(lock.open("a")), fcntl.LOCK_EX)
            return compile_(signature)

    return compile_in_turn


def _cache_folder(function: Callable[..., Any]) -> Path | None:
    """Where the compiled code of a function's module lies; None where nothing can be kept."""
    try:
        source = source_digest(function.__module__, file=inspect.getsourcefile(function))
    except (ValueError, TypeError):  # no source file: typed in, or made by exec
        return None
    folder = CACHE / hashlib.blake2b(f"{source} {_toolchain()}".encode(), digest_size=12).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


@functools.cache
def _toolchain() -> str:
    """Everything besides the kernels' sources that decides the compiled code."""
    import numba
    import numpy as np

    llvmlite = importlib.import_module("llvmlite")
    binding = importlib.import_module("llvmlite.binding")
    versions = f"python {platform.python_implementation()} {platform.python_version()}"
    versions += f" numba {numba.__version__} llvmlite {llvmlite.__version__} numpy {np.__version__}"
    target = f"{binding.get_process_triple()} {binding.get_host_cpu_name()}"
    features = binding.get_host_cpu_features().flatten()
    return f"{versions} {target} {features} {source_digest(__name__, file=__file__)}"
