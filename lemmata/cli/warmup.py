"""`lemmata warmup`: compile all kernels."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, get_type_hints

import click

from lemmata.cli.output import console
from lemmata.cli.session import State, load_catalogue

if TYPE_CHECKING:
    from lemmata.catalogue import PaperFloors
    from lemmata.models import Model
    from lemmata.records import Sampler


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
    """Run a sampler once; how long that took."""
    started = time.perf_counter()
    model = _model(sampler, designs)
    if model is None:
        return "left out: no model at hand"
    _run(sampler, model)
    return f"{time.perf_counter() - started:.1f} s"


def _run(sampler: Sampler, model: Model) -> None:
    import numpy as np

    from lemmata.streams import stream
    from lemmata.threads import pin_threads

    axes = {name: np.array([getattr(model, name)]) for name in sampler.axes}
    with pin_threads():
        sampler.function(model, stream(0, sampler.identifier, "warmup", 0), 2, **axes)


def _model(sampler: Sampler, designs: list[Model]) -> Model | None:
    """A model for the sampler: a made-up small one, or the cheapest of the claims' designs."""
    kind: Any = get_type_hints(sampler.function).get("model")
    fitting = [model for model in designs if isinstance(model, kind)] if isinstance(kind, type) else []
    try:
        return small_model(kind)
    except (ValueError, TypeError, AttributeError):
        return min(fitting, key=sampler.work, default=None)


def small_model(kind: type[Model]) -> Model:
    """A small legal model, made from the parameters' defaults and domains."""
    import dataclasses

    from lemmata.models import Nested

    values: dict[str, Any] = {}
    for item in dataclasses.fields(kind):  # type: ignore[arg-type]
        if item.default is dataclasses.MISSING:
            domain = item.metadata["domain"]
            values[item.name] = small_model(domain.kinds[0]) if isinstance(domain, Nested) else _small(domain)
    return kind(**values)


def _small(domain: Any) -> Any:
    """A small value of a domain."""
    from lemmata.domains import Choice, Flag, Vector

    if isinstance(domain, Flag):
        return False
    if isinstance(domain, Choice):
        return domain.options[0]
    if isinstance(domain, Vector):
        return [_small(domain.element)] * int(domain.lengths.least or 1)
    for value in (8, 1, 2, 0.5, 0.1, 0, -1, 64):
        if value in domain.range and domain.coerce("value", value) == value:
            return value
    raise ValueError(f"no small value is {domain.words}")
