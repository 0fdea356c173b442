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
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._in_flight: dict[Future[Any], int] = {}

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        future = self._pool.submit(call)
        self._in_flight[future] = tag
        future.add_done_callback(self._done.put)

    def as_completed(self) -> Iterator[tuple[int, Any]]:
        while self._in_flight:
            future = self._done.get()
            if future.exception() is not None:
                self._raise_first()
            yield self._in_flight.pop(future), future.result()

    def _raise_first(self) -> None:
        """Raise the error of the call that was submitted first among those that fail, however fast each was.

        Calls start in the order in which they were submitted: all before one that has failed run or have run.
        """
        for future in list(self._in_flight):
            if future.exception() is not None:
                del self._in_flight[future]
                future.result()

    def drain(self) -> Iterator[tuple[int, Any]]:
        # straight from the futures: an interrupt may have come between the queue and the book-keeping
        left, self._in_flight, self._done = self._in_flight, {}, queue.SimpleQueue()
        for future in left:
            future.cancel()
        for future, tag in left.items():
            if not future.cancelled() and future.exception() is None:
                yield tag, future.result()

    def close(self) -> None:
        for _ in self.drain():
            pass
        self._pool.shutdown(cancel_futures=True)
