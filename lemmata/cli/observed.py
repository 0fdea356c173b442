"""A laboratory that remembers on which platforms the chunks of its runs were computed."""

from __future__ import annotations

from typing import Any

from lemmata.laboratory import Laboratory, Run


class ObservedLaboratory(Laboratory):
    """As `Laboratory`; `platforms` are those of all runs since `forget` was called."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._seen: list[set[str]] = []

    @property
    def platforms(self) -> frozenset[str]:
        """Where the chunks in use were computed, by this process or by those that filled the ledger."""
        return frozenset[str]().union(*self._seen)

    def forget(self) -> None:
        """Begin anew, for the next figure or table."""
        self._seen = []

    def run(self, *arguments: Any, **options: Any) -> Run:
        """A growing estimate without any chunk yet."""
        run = super().run(*arguments, **options)
        self._seen.append(run.platforms)  # the set alone: a run holds all its statistics
        return run


__all__ = ["ObservedLaboratory"]
