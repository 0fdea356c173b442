"""`lemmata warmup`: compile all kernels."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_type_hints

import click

from lemmata.cli.output import console
from lemmata.cli.session import State, load_catalogue
from lemmata.domains import DomainError
from lemmata.extras import MissingExtraError

if TYPE_CHECKING:
    from lemmata.catalogue import PaperFloors
    from lemmata.models import Model
    from lemmata.records import Sampler

MOST_TRIED = 512


@click.command("warmup")
@click.argument("papers", nargs=-1, metavar="[PAPERS]...")
@click.pass_obj
def command(state: State, papers: tuple[str, ...]) -> None:
    """Compile all kernels, by running every sampler of the papers (default: all) once at a small model."""
    catalogue = load_catalogue()
    chosen = [catalogue.paper(name) for name in papers] or list(catalogue)
    stdout = console()
    with state.bar as bar:
        work = [(sampler, _designs(paper)) for paper in chosen for sampler in paper.samplers]
        for done, (sampler, designs) in enumerate(work):
            bar.tell(sampler.identifier, done, len(work), "samplers")
            line = _warm(sampler, designs)
            with bar.aside():
                stdout.print(f"{sampler.identifier}  {line}", markup=False)


def _designs(paper: PaperFloors) -> list[Model]:
    return [model for entry in paper.claims for model in entry.item.design]


def _warm(sampler: Sampler, designs: list[Model]) -> str:
    """Run a sampler once, at the first model that it takes; how long that took."""
    started = time.perf_counter()
    for model in _models(sampler, designs):
        try:
            _run(sampler, model)
        except DomainError:
            continue
        except MissingExtraError as error:
            return f"left out: {error}"
        return f"{time.perf_counter() - started:.1f} s"
    return "left out: no model at hand"


def _run(sampler: Sampler, model: Model) -> None:
    import numpy as np

    from lemmata.streams import stream
    from lemmata.threads import pin_threads

    axes = {name: np.array([getattr(model, name)]) for name in sampler.axes}
    with pin_threads():
        sampler.function(model, stream(0, sampler.identifier, "warmup", 0), 2, **axes)


def _models(sampler: Sampler, designs: list[Model]) -> Iterator[Model]:
    """Models to try: made-up small ones, then the claims' designs, the cheapest first."""
    kind: Any = get_type_hints(sampler.function).get("model")
    yield from small_models(kind)
    fitting = [model for model in designs if isinstance(model, kind)] if isinstance(kind, type) else []
    yield from sorted(fitting, key=sampler.work)


def small_models(kind: type[Model]) -> Iterator[Model]:
    """Small legal models: defaults and small values, then every choice among names and kinds of parts."""
    import dataclasses

    options = {item.name: list(_options(item)) for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for values in itertools.islice(itertools.product(*options.values()), MOST_TRIED):
        with contextlib.suppress(DomainError):  # together the small values may be no model
            yield kind(**dict(zip(options, values, strict=True)))


def _options(item: Any) -> Iterator[Any]:
    """Values to try for a field, its default first."""
    import dataclasses

    from lemmata.domains import Choice
    from lemmata.models import Nested

    domain = item.metadata["domain"]
    if item.default is not dataclasses.MISSING:
        yield item.default
    if isinstance(domain, Nested):
        for kind in domain.kinds:
            yield from itertools.islice(small_models(kind), 1)
    elif isinstance(domain, Choice):
        yield from domain.options
    elif item.default is dataclasses.MISSING:
        yield _small(domain)


def _small(domain: Any) -> Any:
    """A small value of a domain."""
    from lemmata.domains import Flag, Vector

    if isinstance(domain, Flag):
        return False
    if isinstance(domain, Vector):
        return [_small(domain.element)] * int(domain.lengths.least or 1)
    for value in (8, 1, 2, 0.5, 0.1, 0, -1, 64):
        if value in domain.range and domain.coerce("value", value) == value:
            return value
    raise ValueError(f"no small value is {domain.words}")
