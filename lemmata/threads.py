"""One thread for BLAS and OpenMP while a simulation runs.

The suite runs its own threads over chunks. BLAS threads on top of them fight for the cores and change the
last bits of a product, so BLAS is held to one thread under every engine.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from threadpoolctl import (  # pyright: ignore[reportMissingTypeStubs]
    OpenBLASController,
    ThreadpoolController,
)

_VARIABLES = (
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
ONE_THREAD: Mapping[str, str] = MappingProxyType(dict.fromkeys(_VARIABLES, "1"))
"""Environment for worker processes, to be set before NumPy is loaded in them."""


class _Pools:
    """Pools held to one thread, with the numbers of threads to give back."""

    def __init__(self) -> None:
        self.before: dict[str, tuple[Any, int]] = {}

    def pin(self, pools: list[Any]) -> None:
        for pool in pools:
            if pool.filepath not in self.before:
                self.before[pool.filepath] = (pool, pool.num_threads)
                _set_threads(pool, 1)

    def restore(self) -> None:
        while self.before:
            _, (pool, threads) = self.before.popitem()
            _set_threads(pool, threads)


class _Pins:
    """What is pinned in this process, and in each of its threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.blocks = 0  # in all threads
        self.modules_seen = -1
        self.shared_pools: list[Any] = []
        self.thread_pools: list[Any] = []  # of OpenMP: their limit holds for the thread that sets it
        self.pinned = _Pools()
        self.local = _Local()

    def enter(self) -> None:
        with self.lock:
            self.blocks += 1
            self.local.blocks += 1
            if self.modules_seen != len(sys.modules):  # only an import brings in new libraries
                self._look()
            self.pinned.pin(self.shared_pools)
            self.local.pinned.pin(self.thread_pools)

    def leave(self) -> None:
        with self.lock:
            self.blocks -= 1
            self.local.blocks -= 1
            if self.local.blocks == 0:
                self.local.pinned.restore()
            if self.blocks == 0:
                self.pinned.restore()

    def _look(self) -> None:
        modules = len(sys.modules)
        pools: list[Any] = ThreadpoolController().lib_controllers  # pyright: ignore[reportUnknownMemberType]
        self.shared_pools = [pool for pool in pools if not _is_openmp(pool)]
        self.thread_pools = [pool for pool in pools if _is_openmp(pool)]
        self.modules_seen = modules


class _Local(threading.local):
    def __init__(self) -> None:
        self.blocks = 0
        self.pinned = _Pools()


def _is_openmp(pool: Any) -> bool:
    return pool.user_api == "openmp" or getattr(pool, "threading_layer", None) == "openmp"


def _set_threads(pool: Any, threads: int) -> None:
    """Newer threadpoolctl lets only one Python thread set a shared pool: pins and restores come from any."""
    release = getattr(OpenBLASController, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    pool.set_num_threads(threads)
    if release is not None:
        release(force=True)


_PINS = _Pins()


@contextmanager
def pin_threads() -> Generator[None]:
    """Hold the BLAS and OpenMP pools to one thread inside the `with` block.

    Blocks may be nested, and entered by several threads at once: a pool of the whole process gets its threads
    back when the last block ends, an OpenMP pool (whose limit belongs to the calling thread) when the calling
    thread's last block ends. A library loaded inside a block is pinned as soon as another block is entered;
    workers therefore enter one for each chunk, which takes microseconds.
    """
    _PINS.enter()
    try:
        yield
    finally:
        _PINS.leave()
