"""What every figure asks for at each quality, without its simulations.

The laboratory is a real one; an engine gives each chunk to a stand-in for its sampler, so that the models, free axes
and numbers of trials of the paper's own sizes pass through tables and drawing in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import theory
from lemmata import Laboratory
from lemmata.catalogue import Catalogue, Entry, PaperFloors
from lemmata.chunks import Batch, ChunkCall, Finished, run_chunk
from lemmata.engines import Serial
from lemmata.models import Model
from lemmata.pictures import Figure, Quality, read_data, render
from lemmata.records import Sampler

ENTRIES = Catalogue(theory.PAPERS).figures()
DENSE = {f"context_hijacking/{name}" for name in ("F1", "G1", "G2", "G4")} | {
    f"rlvr_gradient_flow/{name}" for name in ("B3", "B4")
}
"""Figures whose closed forms alone take seconds at the paper's quality."""
CASES = [
    pytest.param(entry, id=entry.identifier, marks=[pytest.mark.long] if entry.identifier in DENSE else [])
    for entry in ENTRIES
]


class Pretending(Serial):
    """Runs a stand-in: outputs of the declared shape between 1/4 and 3/4 of their range, at no cost."""

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        assert isinstance(call, ChunkCall)
        batch = replace(call.batch, sampler=stand_in(call.batch.sampler))
        super().submit(tag, lambda: Finished(run_chunk(batch, call.index), "nowhere"))


CHEAP = 1e8
"""Operations of a trial up to which a sampler is run once, for the shapes that its outputs have of their own."""


@cache
def own_shapes(sampler: Sampler, model: Model) -> dict[str, tuple[int, ...]]:
    """The shapes of a sampler's outputs beyond trials and free axes."""
    axes = {name: np.array([getattr(model, name)]) for name in sampler.axes}
    made = sampler.function(model, np.random.default_rng(0), 1, **axes)
    return {name: np.shape(values)[1 + len(axes) :] for name, values in made.items()}


def stand_in(sampler: Sampler) -> Sampler:
    def function(model: Model, rng: np.random.Generator, trials: int, **axes: Any) -> dict[str, Any]:
        lead = (trials, *(len(values) for values in axes.values()))
        own = {} if sampler.work(model) > CHEAP else own_shapes(sampler, model)
        made: dict[str, Any] = {}
        for name, (low, high) in sampler.ranges.items():
            low, high = max(low, -1.0), min(high, 1.0)
            made[name] = low + (high - low) * (0.25 + 0.5 * rng.random((*lead, *own.get(name, ()))))
        return made

    return replace(sampler, function=function)


@dataclass
class Asked:
    """What a figure asked of the laboratory: for each sampler the models, values of free axes and trials."""

    requests: list[tuple[Batch, int]] = field(default_factory=list[tuple[Batch, int]])

    def __call__(self, batch: Batch, chunks: int) -> None:
        self.requests.append((batch, chunks * batch.trials))

    def of(self, sampler: str) -> list[tuple[Batch, int]]:
        return [(batch, trials) for batch, trials in self.requests if batch.sampler.name == sampler]

    def samplers(self) -> set[str]:
        return {batch.sampler.name for batch, _ in self.requests}

    def trials(self, sampler: str) -> int:
        """The fewest trials of any of a sampler's markers."""
        return min(trials for _, trials in self.of(sampler))

    def markers(self, sampler: str) -> int:
        """How many values the sampler is asked for."""
        sizes = (np.prod([len(values) for values in batch.axes.values()]) for batch, _ in self.of(sampler))
        return int(sum(sizes))

    def effort(self, sampler: str) -> float:
        """The least work, trials times operations of a trial, behind any of a sampler's markers."""
        return min(trials * batch.sampler.work(batch.model) for batch, trials in self.of(sampler))

    def size(self) -> float:
        """Markers times effort of everything."""
        return sum(self.markers(sampler) * self.effort(sampler) for sampler in self.samplers())


@cache
def asked(entry: Entry[Figure], quality: Quality) -> tuple[Asked, Any]:
    """The requests of a figure's data, and the data."""
    record = Asked()
    with Laboratory(0, engine=Pretending()) as lab:
        lab.watch = record
        return record, entry.item.data(lab, quality)


@pytest.mark.parametrize("entry", CASES)
def test_every_quality_asks_for_more_than_the_one_below(entry: Entry[Figure]) -> None:
    """The same samplers, each at no fewer markers and no less work a marker, and more of something.

    Not trials: a draft may show many draws of a smaller model, since trials come in whole chunks.
    """
    draft, standard, paper = (asked(entry, quality)[0] for quality in Quality)
    assert draft.samplers() == standard.samplers() == paper.samplers()
    for less, more in ((draft, standard), (standard, paper)):
        for sampler in less.samplers():
            assert less.markers(sampler) <= more.markers(sampler)
            assert less.effort(sampler) <= 2 * more.effort(sampler)  # a chunk's length is a power of two
        assert less.size() < more.size() or not less.samplers()  # a figure of closed forms asks for nothing


@pytest.mark.parametrize("entry", CASES)
def test_a_figure_of_the_papers_sizes_is_drawn(entry: Entry[Figure], tmp_path: Path) -> None:
    """Data, table, picture and provenance at quality `paper`, everything but the numbers as in earnest."""
    known = replace(entry.item, data=lambda lab, quality: asked(entry, quality)[1])
    with Laboratory(0, engine=Pretending()) as lab:
        made = render(replace(entry, item=known), PaperFloors(entry.paper), lab, Quality.PAPER, tmp_path)
    data = read_data(made.provenance.with_suffix(".csv"))
    simulated = data[data["kind"] == "simulation"]
    assert np.isfinite(data["value"]).all()
    drawn = simulated[simulated["trials"] != 1]  # one trial: an integration, in which nothing is random
    assert (drawn["trials"] >= 2).all()
    assert (drawn["se"] > 0).all()
    assert (simulated.loc[simulated["trials"] == 1, "se"] == 0).all()
    assert {path.suffix for path in made.files} == {".csv", ".png"}


# ------------------------------------------------------------------ what the papers' pages promise


MEMORIZATION = {
    "F1a": {"tokens": {512}, "dimension": {2048}, "snr": {1.0}},
    "F1b": {"tokens": {4096}, "ridge": {1e-5}, "snr": {1.0}},
    "F1c": {"tokens": {2048}, "dimension": {512}, "ridge": {1e-5}},
}
LAYERS = {f"F2{name[-1]}": values for name, values in MEMORIZATION.items()}


@pytest.mark.parametrize("figure", MEMORIZATION)
@pytest.mark.parametrize("quality", Quality)
def test_figures_of_memorization_have_the_papers_parameters(figure: str, quality: Quality) -> None:
    """arXiv 2506.18656, Fig. 1a-c: sizes, ridge and signal at every quality; ours are range and grid of one axis."""
    record, data = asked(by_id(f"attention_memorization/{figure}"), quality)
    for name, values in MEMORIZATION[figure].items():
        assert {getattr(batch.model, name) for batch, _ in record.requests} == values
    free = {"F1a": "ridge", "F1b": "dimension", "F1c": "snr"}[figure]
    theory_rows, simulation = (data[data["kind"] == kind] for kind in ("theory", "simulation"))
    assert len(set(theory_rows[free])) > 3 * len(set(simulation[free]))
    assert theory_rows[free].min() <= simulation[free].min()
    assert theory_rows[free].max() >= simulation[free].max()


@pytest.mark.parametrize("figure", LAYERS)
def test_figures_of_the_layer_have_the_papers_parameters_at_its_quality(figure: str) -> None:
    """arXiv 2506.18656, Fig. 2a-c: as Fig. 1a-c, the draws at quality `paper`; twenty draws a marker."""
    record, _ = asked(by_id(f"attention_memorization/{figure}"), Quality.PAPER)
    for name, values in LAYERS[figure].items():
        assert {getattr(batch.model, name) for batch, _ in record.requests} == values
    assert record.trials("sample_attention_gap") >= 20


@pytest.mark.parametrize("figure", MEMORIZATION)
def test_figures_of_memorization_have_enough_trials(figure: str) -> None:
    entry = by_id(f"attention_memorization/{figure}")
    standard, paper = (asked(entry, quality)[0] for quality in (Quality.STANDARD, Quality.PAPER))
    assert paper.trials("sample_ridge_regression") >= 10_000
    assert paper.trials("sample_ridge_regression_literal") >= 20
    assert standard.trials("sample_ridge_regression") >= 1000
    assert standard.trials("sample_ridge_regression_literal") >= 3


def by_id(identifier: str) -> Entry[Figure]:
    return next(entry for entry in ENTRIES if entry.identifier == identifier)
