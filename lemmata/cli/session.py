"""What commands share: options, the catalogue, a laboratory with its ledger and progress bar."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from lemmata.catalogue import Catalogue
    from lemmata.cli.observed import ObservedLaboratory
    from lemmata.laboratory import Progress

Command = TypeVar("Command", bound=Callable[..., Any])
Value = TypeVar("Value")

BAR_AFTER = 1.0
"""Seconds after which a running command shows its progress."""


class Bar:
    """A progress bar on standard error that appears after a second and leaves nothing behind."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_open = False
        self._last: dict[str, Any] = {"description": "working", "total": None, "unit": ""}
        self._shown: RichProgress | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        self._is_open = True
        self._timer = threading.Timer(BAR_AFTER, self._show)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._is_open = False  # the timer may be on its way to show the bar
            if self._shown is not None:
                self._shown.stop()
                self._shown = None

    def __call__(self, progress: Progress) -> None:
        """A laboratory's progress."""
        self.tell(progress.label, progress.done, progress.planned)

    def tell(self, label: str, done: int, planned: int, unit: str = "chunks") -> None:
        """What is being worked on, and how much of it is done."""
        with self._lock:
            self._last = {"description": label, "completed": done, "total": planned, "unit": unit}
            self._update()

    def count(
        self, function: Callable[..., Value], label: str, planned: int, unit: str
    ) -> Callable[..., Value]:
        """The same function; its calls are told."""
        calls = itertools.count(1)
        self.tell(label, 0, planned, unit)

        def told(*arguments: Any) -> Value:
            value = function(*arguments)
            self.tell(label, next(calls), planned, unit)
            return value

        return told

    @contextmanager
    def aside(self) -> Generator[None]:
        """Room to print: the bar is away inside."""
        with self._lock:
            if self._shown is not None:
                self._shown.stop()
            try:
                yield
            finally:
                if self._shown is not None:
                    self._shown.start()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        if not console.is_terminal:
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        columns = (*columns, TextColumn("{task.fields[unit]}"), TimeElapsedColumn())
        with self._lock:
            if not self._is_open:
                return
            self._shown = Progress(*columns, console=console, transient=True)
            self._shown.add_task(**self._last)
            self._shown.start()

    def _update(self) -> None:
        if self._shown is not None:
            self._shown.update(self._shown.tasks[0].id, **self._last)


@dataclass
class State:
    """What outlives a command that is interrupted, and the command's progress bar."""

    lab: ObservedLaboratory | None = None
    bar: Bar = field(default_factory=Bar)

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
            "--engine", default="threads", show_default=True, metavar="NAME", help="threads, serial or dask."
        ),
        click.option("--cluster", metavar="ADDRESS", help="Running Dask scheduler, such as tcp://host:8786."),
        click.option(
            "--tls",
            type=click.Path(path_type=Path),
            help="Folder with ca.pem, cert.pem and key.pem for a scheduler with TLS.",
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
    state: State,
    *,
    seed: int | None,
    workers: int | None,
    engine: str,
    cluster: str | None,
    tls: Path | None,
    ledger: Path | None,
) -> Generator[ObservedLaboratory]:
    """A laboratory as the common options describe it."""
    from lemmata.cli.observed import ObservedLaboratory
    from lemmata.engines import make_engine
    from lemmata.ledger import DEFAULT_PATH, Ledger

    if cluster is not None and engine == "threads":
        engine = "dask"
    security = _security(tls) if tls is not None else None
    made = make_engine(engine, workers, cluster=cluster, security=security)
    with (
        state.bar as bar,
        Ledger(ledger if ledger is not None else DEFAULT_PATH) as opened,
        ObservedLaboratory(seed or 0, engine=made, ledger=opened, progress=bar) as lab,
    ):
        state.lab = lab
        yield lab


def _security(folder: Path) -> Any:
    """What a Dask client shows to a scheduler with TLS."""
    files = {name: folder / f"{name}.pem" for name in ("ca", "cert", "key")}
    for path in files.values():
        if not path.is_file():
            raise ValueError(f"--tls {folder}: there is no {path.name} in it")
    try:
        from distributed.security import Security
    except ImportError:
        raise ValueError(f"--tls {folder}: needs Dask; install the extra `dask`") from None
    return Security(
        tls_ca_file=str(files["ca"]),
        tls_client_cert=str(files["cert"]),
        tls_client_key=str(files["key"]),
        require_encryption=True,
    )


__all__ = ["Bar", "State", "laboratory_options", "load_catalogue", "open_laboratory"]
