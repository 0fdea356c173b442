"""What commands share: options, the catalogue, a laboratory with its ledger and progress bar."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from lemmata.catalogue import Catalogue
    from lemmata.laboratory import Laboratory, Progress

Command = TypeVar("Command", bound=Callable[..., Any])

BUILD = Path(__file__).resolve().parents[2] / "build"
"""Everything generated lies here unless an option says otherwise."""
BAR_AFTER = 1.0
"""Seconds after which a running command shows its progress."""


@dataclass
class State:
    """What outlives a command that is interrupted."""

    lab: Laboratory | None = None

    @property
    def kept(self) -> int:
        """Chunks that the same command would find in its ledger."""
        return 0 if self.lab is None else self.lab.computed + self.lab.reused


def laboratory_options(function: Command) -> Command:
    """Add the options of every command that simulates; they arrive as keywords for `open_laboratory`."""
    options = (
        click.option("--seed", type=int, help="Root seed of all random streams (default 0)."),
        click.option("--workers", type=int, help="Workers of the engine (default: all usable cores)."),
        click.option(
            "--engine", default="threads", show_default=True, metavar="NAME", help="threads or serial."
        ),
        click.option(
            "--ledger",
            type=click.Path(path_type=Path),
            help="File in which finished chunks are kept (default build/ledger.sqlite).",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def load_catalogue() -> Catalogue:
    """The catalogue of all papers; none is imported yet."""
    import theory
    from lemmata.catalogue import Catalogue

    return Catalogue(theory.PAPERS)


@contextmanager
def open_laboratory(
    state: State, *, seed: int | None, workers: int | None, engine: str, ledger: Path | None
) -> Generator[Laboratory]:
    """A laboratory as the common options describe it."""
    from lemmata.engines import make_engine
    from lemmata.laboratory import Laboratory
    from lemmata.ledger import DEFAULT_PATH, Ledger

    made = make_engine(engine, workers)
    with (
        Ledger(ledger if ledger is not None else DEFAULT_PATH) as opened,
        Bar() as bar,
        Laboratory(seed or 0, engine=made, ledger=opened, progress=bar) as lab,
    ):
        state.lab = lab
        yield lab


class Bar:
    """A progress bar on standard error that appears after a second and leaves nothing behind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Progress | None = None
        self._shown: RichProgress | None = None
        self._timer = threading.Timer(BAR_AFTER, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._shown is not None:
                self._shown.stop()
                self._shown = None

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            self._last = progress
            self._update()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        if not console.is_terminal:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("chunks"))
        with self._lock:
            self._shown = Progress(*columns, TimeElapsedColumn(), console=console, transient=True)
            self._shown.add_task("working", total=None)
            self._shown.start()
            self._update()

    def _update(self) -> None:
        if self._shown is not None and self._last is not None:
            last = self._last
            task = self._shown.tasks[0].id
            self._shown.update(task, description=last.label, completed=last.done, total=last.planned)


__all__ = ["BUILD", "Bar", "State", "laboratory_options", "load_catalogue", "open_laboratory"]
