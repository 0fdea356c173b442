"""Engines: where chunks run. They never change what a chunk is.

`submit` takes a tag and a call, `as_completed` yields (tag, result) in any order until nothing is in flight
(calls may be submitted while it runs), `drain` gives a run up but keeps what is finished, `close` ends it.
An engine may bundle consecutive calls; `capacity` says how many it wants to hold at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from lemmata.domains import as_whole
from lemmata.engines.errors import EngineError
from lemmata.engines.serial import Serial
from lemmata.engines.threads import Threads
from lemmata.names import UnknownNameError

__all__ = ["ENGINES", "Engine", "EngineError", "Serial", "Threads", "make_engine", "usable_cores"]


class Engine(Protocol):
    """What the laboratory needs of an engine."""

    @property
    def workers(self) -> int:
        """Calls that run at once."""
        ...

    @property
    def capacity(self) -> int:
        """Calls to keep in flight."""
        ...

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        """Take a call; its result comes back under `tag`."""
        ...

    def as_completed(self) -> Iterator[tuple[int, Any]]:
        """Results as they come. A call's exception is raised here; of several, that of the call submitted first."""
        ...

    def drain(self) -> Iterator[tuple[int, Any]]:
        """After an error or interrupt: drop what has not started, wait for what runs, yield what succeeded."""
        ...

    def close(self) -> None:
        """Drain and free the workers."""
        ...


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads(workers: int | None) -> Engine:
    return Threads(workers if workers is not None else usable_cores())


def _serial(workers: int | None) -> Engine:
    if workers not in (None, 1):
        raise ValueError(f"workers = {workers!r}: must be 1 with the serial engine")
    return Serial()


def _dask(workers: int | None, *, cluster: str | None = None, security: Any = None) -> Engine:
    from lemmata.engines.dask import Dask

    if cluster is not None and workers is not None:
        raise ValueError(f"workers = {workers!r}: a running cluster has its own workers; leave it out")
    return Dask(workers if workers is not None else usable_cores(), cluster, security=security)


ENGINES: dict[str, Callable[..., Engine]] = {"threads": _threads, "serial": _serial, "dask": _dask}


def make_engine(
    name: str = "threads", workers: int | None = None, *, cluster: str | None = None, security: Any = None
) -> Engine:
    """The engine of that name.

    Parameters
    ----------
    name : str
        'threads', 'serial' or 'dask'.
    workers : int, optional
        Default: all usable cores.
    cluster : str, optional
        Address of a running Dask scheduler.
    security : distributed.Security, optional
        TLS certificates for it.

    Raises
    ------
    UnknownNameError
        If there is no such engine.
    ValueError
        If `workers` is not a positive whole number, or `cluster` is given to another engine than Dask.
    EngineError
        If the engine cannot start.
    """
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)
    count = as_whole(workers)
    if workers is not None and (count is None or count < 1):
        raise ValueError(f"workers = {workers!r}: must be a whole number >= 1")
    if cluster is not None and name != "dask":
        raise ValueError(f"cluster = {cluster!r}: only with the engine dask, not {name}")
    return ENGINES[name](count, **({"cluster": cluster, "security": security} if name == "dask" else {}))
