"""One chunk after the other, in the calling thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any


class Serial:
    """Runs each call when its result is asked for."""

    workers = capacity = 1

    def __init__(self) -> None:
        self._calls: deque[tuple[int, Callable[[], Any]]] = deque()

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        self._calls.append((tag, call))

    def as_completed(self) -> Iterator[tuple[int, Any]]:
        while self._calls:
            tag, call = self._calls.popleft()
            yield tag, call()

    def drain(self) -> Iterator[tuple[int, Any]]:
        self._calls.clear()
        return iter(())

    def close(self) -> None:
        self._calls.clear()
