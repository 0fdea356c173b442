"""A pool of threads in this process: kernels and BLAS release the interpreter lock and fill the cores."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Threads:
    """Runs calls on `workers` threads."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.capacity = 4 * workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="lemmata")
        self._done: queue.SimpleQueue[tuple[int, Future[Any]]] = queue.SimpleQueue()
        self._in_flight: set[Future[Any]] = set()

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        future = self._pool.submit(call)
        self._in_flight.add(future)
        future.add_done_callback(lambda done: self._done.put((tag, done)))

    def as_completed(self) -> Iterator[tuple[int, Any]]:
        while self._in_flight:
            tag, future = self._done.get()
            self._in_flight.discard(future)
            yield tag, future.result()

    def drain(self) -> Iterator[tuple[int, Any]]:
        for future in self._in_flight:
            future.cancel()
        while self._in_flight:
            tag, future = self._done.get()
            self._in_flight.discard(future)
            if not future.cancelled() and future.exception() is None:
                yield tag, future.result()

    def close(self) -> None:
        for _ in self.drain():
            pass
        self._pool.shutdown(cancel_futures=True)
