"""Chunks on a Dask cluster: one of this machine's own, or any scheduler that is running already.

A task bundles calls until they are worth about half a second, so that the cluster's own cost per task (a few
milliseconds) does not show. Bundles change no chunk: a chunk's trials follow from the sampler's declared work alone.
Only the process that owns the laboratory merges and stores results.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lemmata.engines.errors import EngineError
from lemmata.threads import ONE_THREAD, pin_threads

BUNDLE_SECONDS = 0.5
MOST_IN_BUNDLE = 1024
BUNDLES_AHEAD = 3
"""Bundles in flight for each worker: one runs, the others wait at the worker."""
LOOK_EVERY = 5.0
"""Seconds after which the number of workers is looked up again."""
PATIENCE = 60.0
"""Seconds for which a cluster may be without any worker: they are started anew, or come from a queue of jobs."""
GROWTH = 8
"""A bundle is at most this many times longer than the last: a first chunk's time holds the compiling of kernels."""


class Dask:
    """Runs calls on the workers of a Dask cluster.

    Parameters
    ----------
    workers : int, optional
        Worker processes of an own cluster on this machine, one thread each.
    address : str, optional
        A running scheduler, such as 'tcp://10.0.0.1:8786'; then no cluster is started.
    security : distributed.Security, optional
        TLS certificates for a scheduler that asks for them.
    timeout : float
        Seconds for which the scheduler may not answer.
    patience : float
        Seconds for which the cluster may be without any worker in the middle of a run.

    Raises
    ------
    EngineError
        If Dask is not installed, or the scheduler does not answer.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str | None = None,
        *,
        security: Any = None,
        timeout: float = 15,
        patience: float = PATIENCE,
    ) -> None:
        distributed = _distributed()
        # a lost scheduler is one EngineError; the client would print its own attempts to find it as tracebacks
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        logging.getLogger("asyncio").addFilter(_is_news)
        self.address = address
        self._lost_errors = _lost_errors()
        self._cluster: Any = _own_cluster(distributed, workers) if address is None else None
        target = address if self._cluster is None else self._cluster
        try:
            self._client = distributed.Client(
                target, security=security, timeout=timeout, set_as_default=False
            )
            self._client.wait_for_workers(1, timeout=timeout)
        except (OSError, ValueError, TimeoutError) as error:
            self._close_cluster()
            raise EngineError(f"cluster {address}: no Dask workers there ({_words(error)})") from None
        self._threads, self._looked = 1, -LOOK_EVERY
        self._patience = patience
        self._bundle: list[tuple[int, Callable[[], Any]]] = []
        self._size = 1
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._in_flight: dict[Any, tuple[int, ...]] = {}
        self._ready: list[tuple[int, Any]] = []  # results of a bundle that nobody has asked for yet

    @property
    def workers(self) -> int:
        """Threads of all workers, as last looked up."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            try:
                self._threads = max(1, sum(self._client.nthreads().values()))
            except self._lost_errors as error:
                raise self._lost(error) from None
        return self._threads

    @property
    def capacity(self) -> int:
        """Calls to keep in flight: a few bundles a worker."""
        return self._size * BUNDLES_AHEAD * self.workers

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        self._bundle.append((tag, call))
        if len(self._bundle) >= self._size:
            self._send()

    def as_completed(self) -> Iterator[tuple[int, Any]]:
        while self._ready or self._bundle or self._in_flight:
            if self._ready:
                yield self._ready.pop()
                continue
            self._send()
            future = self._patiently(
                lambda seconds: self._done.get(timeout=seconds), min(LOOK_EVERY, self._patience)
            )
            self._receive(future)

    def drain(self) -> Iterator[tuple[int, Any]]:
        left, self._in_flight, self._done = self._in_flight, {}, queue.SimpleQueue()
        ready, self._ready, self._bundle = self._ready, [], []
        yield from ready
        finished = [future for future in left if future.status == "finished"]
        try:
            self._client.cancel([future for future in left if future.status != "finished"], force=True)
            for future in finished:
                yield from zip(left[future], future.result(timeout=5)[0], strict=True)
        except self._lost_errors:
            return  # the cluster is gone; what it had is computed again by the next run

    def close(self) -> None:
        if self._client.status == "running":
            for _ in self.drain():
                pass
        self._client.close(timeout=5)
        self._close_cluster()

    def _close_cluster(self) -> None:
        if self._cluster is not None:
            self._cluster.close(timeout=10)
            self._cluster = None

    def _send(self) -> None:
        """Submit what waits as one task."""
        if not self._bundle:
            return
        bundle, self._bundle = self._bundle, []
        try:
            future = self._client.submit(run_bundle, [call for _, call in bundle], pure=False, retries=0)
        except self._lost_errors as error:
            raise self._lost(error) from None
        self._in_flight[future] = tuple(tag for tag, _ in bundle)
        future.add_done_callback(self._done.put)

    def _patiently(self, wait: Callable[[float], Any], seconds: float) -> Any:
        """What `wait` returns, asked again whenever it gives up after some seconds.

        Dask itself would wait for ever where no worker is left, also for a result that was lost with its worker.
        """
        deserted: float | None = None  # since when
        while True:
            try:
                return wait(seconds)
            except (queue.Empty, TimeoutError):
                pass
            try:
                is_deserted = not self._client.nthreads()
            except self._lost_errors as error:
                raise self._lost(error) from None
            now = time.monotonic()
            deserted = (deserted or now) if is_deserted else None
            if deserted is not None and now - deserted >= self._patience:
                raise EngineError(
                    f"{self._where()} has had no worker for {self._patience:g} s; finished chunks are kept, "
                    "run the same again to go on"
                )

    def _receive(self, future: Any) -> None:
        if future not in self._in_flight:
            return  # of a run that was given up
        if future.status == "cancelled":
            raise self._lost(None)
        try:
            if future.status == "error":
                future = self._first_error(future)
            tags = self._in_flight.pop(future)
            found = self._patiently(
                lambda limit: None if future.status == "error" else future.result(timeout=limit),
                self._patience,
            )
            results, seconds = found or future.result()  # which raises what the task has raised
        except self._lost_errors as error:
            raise self._lost(error) from None
        finally:
            future.release()
        self._ready = list(zip(tags, results, strict=True))[::-1]
        fitting = int(BUNDLE_SECONDS / max(seconds / len(tags), 1e-9))
        self._size = max(1, min(fitting, GROWTH * len(tags), MOST_IN_BUNDLE))

    def _first_error(self, failed: Any) -> Any:
        """The bundle that was submitted first among those that fail, however fast each was."""
        if not isinstance(failed.exception(), self._lost_errors):
            for future in self._in_flight:
                if future == failed:
                    break
                if self._patiently(lambda limit, future=future: future.exception(timeout=limit), LOOK_EVERY):
                    return future
        return failed

    def _lost(self, error: BaseException | None) -> EngineError:
        why = "" if error is None else f" ({_words(error)})"
        return EngineError(
            f"{self._where()} is gone{why}; finished chunks are kept, run the same again to go on"
        )

    def _where(self) -> str:
        return "the cluster" if self.address is None else f"the cluster at {self.address}"


def run_bundle(calls: Sequence[Callable[[], Any]]) -> tuple[list[Any], float]:
    """Results of the calls, one after the other, and the seconds that they took; runs in a worker."""
    start = time.perf_counter()
    with pin_threads():
        results = [call() for call in calls]
    return results, time.perf_counter() - start


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise EngineError(
            "engine = 'dask': Dask is not installed; install the extra `dask` (pip install -e '.[dask]')"
        ) from None
    return distributed


def _lost_errors() -> tuple[type[BaseException], ...]:
    """What Dask raises when its scheduler or its workers are gone."""
    from concurrent.futures import CancelledError

    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    return (CommClosedError, CancelledError, FutureCancelledError, KilledWorker, TimeoutError)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message is more than what Dask leaves behind where a result was not waited for."""
    return not record.exc_info or getattr(record.exc_info[0], "__name__", "") != "AllExit"


def _own_cluster(distributed: Any, workers: int | None) -> Any:
    from dask import config as dask_config

    # read at each loss of a worker; by default one that takes longer than 15 s to come back is given up for good
    dask_config.set({"distributed.deploy.lost-worker-timeout": "1 hour"})
    with dask_config.set({"distributed.nanny.pre-spawn-environ": dict(ONE_THREAD)}):
        return distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would be port 8787, which a second cluster finds taken
            silence_logs="CRITICAL",
        )


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer'}"
