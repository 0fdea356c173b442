"""The catalogue: every paper's public things, found by name and imported only when they are asked for.

A result is `paper.name`, a claim `paper/C7`, a figure `paper/F1a`. A bare paper name stands for all of its things,
a bare `C7`, `F1a` or result name for the only paper's that has it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lemmata.names import UnknownNameError

if TYPE_CHECKING:
    from lemmata.claims import Claim
    from lemmata.classroom import Demo
    from lemmata.pictures import Figure
    from lemmata.records import Comparison, Paper, Result, Sampler

Item = TypeVar("Item", covariant=True)


class NoComparisonError(ValueError):
    """A result that is paired with no sampler."""


@dataclass(frozen=True)
class Entry(Generic[Item]):
    """A paper's claim, figure or demonstration with the identifier that the paper's name gives it."""

    paper: str
    item: Item
    kind: str

    @property
    def identifier(self) -> str:
        """`paper/id`."""
        return f"{self.paper}/{self.item.id}"  # type: ignore[attr-defined]


class PaperFloors:
    """One paper on every floor; a floor that has no file for it holds nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def floor(self, floor: str) -> ModuleType | None:
        """The module `<floor>.<paper>`, or None if there is no such file."""
        module = f"{floor}.{self.name}"
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError as error:
            if error.name != floor:
                raise
            found = None
        return importlib.import_module(module) if found is not None else None

    def _items(self, floor: str, name: str) -> tuple[Any, ...]:
        return tuple(getattr(self.floor(floor), name, ()))

    @cached_property
    def metadata(self) -> Paper | None:
        """What `paper_checks` says of the paper itself."""
        return getattr(self.floor("paper_checks"), "PAPER", None)

    @cached_property
    def results(self) -> tuple[Result, ...]:
        return self._items("theory", "RESULTS")

    @cached_property
    def samplers(self) -> tuple[Sampler, ...]:
        return self._items("simulations", "SAMPLERS")

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        return self._items("paper_checks", "COMPARISONS")

    @cached_property
    def claims(self) -> tuple[Entry[Claim], ...]:
        return tuple(Entry(self.name, claim, "claim") for claim in self._items("paper_checks", "CLAIMS"))

    @cached_property
    def figures(self) -> tuple[Entry[Figure], ...]:
        return tuple(Entry(self.name, figure, "figure") for figure in self._items("figures", "FIGURES"))

    @cached_property
    def demos(self) -> tuple[Entry[Demo], ...]:
        return tuple(Entry(self.name, demo, "demo") for demo in self._items("classroom", "DEMOS"))

    @property
    def title(self) -> str:
        return self.metadata.title if self.metadata is not None else self.name


class Catalogue:
    """All papers, given by name.

    Parameters
    ----------
    papers : sequence of str
        The names that the papers' files have on every floor.
    """

    def __init__(self, papers: Sequence[str]) -> None:
        self.papers = {name: PaperFloors(name) for name in papers}

    def __iter__(self) -> Iterator[PaperFloors]:
        return iter(self.papers.values())

    def paper(self, name: str) -> PaperFloors:
        """One paper by its name.

        Raises
        ------
        UnknownNameError
        """
        if name not in self.papers:
            raise UnknownNameError("paper", name, self.papers)
        return self.papers[name]

    def result(self, identifier: str) -> Result:
        """A result by `paper.name`, or by a name that only one paper has.

        Raises
        ------
        UnknownNameError
        """
        paper, dot, name = identifier.partition(".")
        papers = [self.paper(paper)] if dot else list(self)
        found = [r for p in papers for r in p.results if r.name == (name if dot else identifier)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _several("result", identifier, found)
        raise UnknownNameError("result", identifier, [r.identifier for p in papers for r in p.results])

    def comparison(self, result: Result) -> Comparison:
        """The sampled output that goes with a result.

        Raises
        ------
        NoComparisonError
            If the paper pairs the result with no sampler.
        """
        comparisons = self.paper(result.paper).comparisons
        for comparison in comparisons:
            if comparison.prediction is result.function:
                return comparison
        sampled = ", ".join(f"{result.paper}.{comparison.name}" for comparison in comparisons)
        raise NoComparisonError(
            f"{result.identifier} is computed only; results with a sampler to compare with: {sampled or 'none'}"
        )

    def claims(self, identifiers: Iterable[str] = ()) -> tuple[Entry[Claim], ...]:
        """The named claims (all of them when none is named), each once, in the order asked for.

        Raises
        ------
        UnknownNameError
        """
        return self._select("claim", lambda paper: paper.claims, identifiers)

    def figures(self, identifiers: Iterable[str] = ()) -> tuple[Entry[Figure], ...]:
        """The named figures, as `claims`."""
        return self._select("figure", lambda paper: paper.figures, identifiers)

    def _select(
        self, kind: str, of: Callable[[PaperFloors], tuple[Entry[Any], ...]], identifiers: Iterable[str]
    ) -> tuple[Entry[Any], ...]:
        names = list(identifiers) or list(self.papers)
        chosen: dict[str, Entry[Any]] = {}
        for name in names:
            paper, slash, own = name.partition("/")
            if not slash and name in self.papers:
                found = of(self.papers[name])
            else:
                papers = [self.paper(paper)] if slash else list(self)
                offered = [entry for p in papers for entry in of(p)]
                found = (_only(kind, name, offered, own if slash else name),)
            chosen |= {entry.identifier: entry for entry in found}
        return tuple(chosen.values())

    def find(self, identifier: str) -> PaperFloors | Result | Entry[Any]:
        """Whatever an identifier names: a paper, a result, a claim or a figure.

        Raises
        ------
        UnknownNameError
        """
        if identifier in self.papers:
            return self.papers[identifier]
        name = identifier.replace("/", ".").partition(".")[0]
        papers = [self.paper(name)] if name != identifier else list(self)
        entries = [entry for paper in papers for entry in (*paper.claims, *paper.figures)]
        found: list[Any] = [entry for entry in entries if identifier in (entry.identifier, entry.item.id)]
        results = [result for paper in papers for result in paper.results]
        found += [result for result in results if identifier in (result.identifier, result.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _several("identifier", identifier, found)
        valid = [item.identifier for item in (*results, *entries)]
        raise UnknownNameError(
            "identifier", identifier, [*self.papers, *valid, *(e.item.id for e in entries)]
        )


def _only(kind: str, name: str, offered: Sequence[Entry[Any]], own: str) -> Entry[Any]:
    found = [entry for entry in offered if entry.item.id == own]
    if len(found) == 1:
        return found[0]
    if found:
        raise _several(kind, name, found)
    valid = [entry.identifier for entry in offered]
    raise UnknownNameError(
        kind, name, valid if "/" in name else [*valid, *(entry.item.id for entry in offered)]
    )


def _several(kind: str, name: str, found: Iterable[Any]) -> UnknownNameError:
    return UnknownNameError(f"{kind} (several papers have it)", name, [item.identifier for item in found])


__all__ = ["Catalogue", "Entry", "PaperFloors"]
