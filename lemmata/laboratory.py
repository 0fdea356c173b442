"""The laboratory: the one place through which samplers run.

It holds the root seed, the engine, the ledger and a progress callback, and hands out estimates, raw samples and tidy
tables. Every number it returns is a function of the seed and of what was asked, not of the engine or the workers.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast, overload

import numpy as np

from lemmata.chunks import Batch, ChunkCall, Finished, code_of
from lemmata.domains import DomainError, Range, Whole
from lemmata.engines import Engine, make_engine
from lemmata.estimates import Estimate
from lemmata.ledger import ChunkRow, Ledger
from lemmata.models import Model
from lemmata.records import Output, Sampler
from lemmata.statistics import Array
from lemmata.tally import Collect, Tally
from lemmata.threads import pin_threads

if TYPE_CHECKING:
    import pandas as pd

    from lemmata.records import Prediction

COMMIT_EVERY = 64
COMMIT_SECONDS = 0.1
"""Long chunks are kept one by one, short ones together: a killed process loses little work either way."""
MOST_WAITING = 256


@dataclass(frozen=True)
class Progress:
    """Chunks that are done and planned in the current call, with the trials done."""

    done: int
    planned: int
    trials: int
    label: str


@dataclass(eq=False)
class Run:
    """A growing estimate: a batch and the tallies of its first `chunks` chunks."""

    batch: Batch
    chunks: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    platforms: set[str] = field(default_factory=set[str])

    @property
    def trials(self) -> int:
        return self.chunks * self.batch.trials

    def absorb(self, arrays: Mapping[str, Array]) -> None:
        """Merge the next chunk."""
        for name in self.batch.sampler.ranges:
            tally = Tally.from_arrays(name, self.batch.trials, arrays)
            self.tallies[name] = self.tallies[name].merge(tally) if name in self.tallies else tally
        self.chunks += 1

    def chunks_for(self, trials: int) -> int:
        """Whole chunks that hold at least `trials` trials."""
        return -(-trials // self.batch.trials)

    def estimate(self, output: str) -> Estimate:
        """The estimate of one output over the chunks so far."""
        edges = self.batch.collect.histogram.get(output)
        return Estimate(
            f"{self.batch.sampler.identifier}[{output}]",
            self.tallies[output],
            frozenset(self.platforms),
            None if edges is None else np.asarray(edges),
        )


class Laboratory:
    """Runs samplers.

    Parameters
    ----------
    seed : int
        Root seed, >= 0. Different seeds give independent streams.
    engine : Engine, optional
        Default: threads on all usable cores.
    ledger : Ledger, optional
        Finished chunks are looked up and kept there; without one everything is computed anew.
    progress : callable, optional
        Called with a `Progress` after each finished chunk.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        engine: Engine | None = None,
        ledger: Ledger | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.seed = Whole(Range(least=0)).coerce("seed", seed)
        if ledger is not None and not isinstance(ledger, Ledger):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DomainError(
                "ledger", cast("object", ledger), "a lemmata.Ledger, such as Ledger('ledger.sqlite')"
            )
        self.engine = engine if engine is not None else make_engine()
        self.ledger = ledger
        self.progress = progress
        self.watch: Callable[[Batch, int], None] | None = None  # told what is run: a batch and its chunks
        self.label = ""
        self.computed = 0
        self.reused = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the engine's workers; the ledger belongs to the caller."""
        self.engine.close()

    # -------------------------------------------------------------- public

    @overload
    def estimate(
        self,
        sampler: Output,
        model: Model,
        trials: int,
        *,
        axes: Mapping[str, Sequence[float]] | None = None,
        paired: bool = False,
        collect: Collect | None = None,
    ) -> Estimate: ...
    @overload
    def estimate(
        self,
        sampler: Sampler,
        model: Model,
        trials: int,
        *,
        axes: Mapping[str, Sequence[float]] | None = None,
        paired: bool = False,
        collect: Collect | None = None,
    ) -> dict[str, Estimate]: ...
    def estimate(
        self,
        sampler: Sampler | Output,
        model: Model,
        trials: int,
        *,
        axes: Mapping[str, Sequence[float]] | None = None,
        paired: bool = False,
        collect: Collect | None = None,
    ) -> Estimate | dict[str, Estimate]:
        """Estimate the mean of a sampler's outputs from at least `trials` trials.

        Parameters
        ----------
        sampler : Sampler or Output
            A sampler (all outputs come back, by name) or one of its outputs.
        model : Model
        trials : int
            Rounded up to whole chunks.
        axes : mapping, optional
            Values of free axes; one draw serves them all.
        paired : bool
            Use the stream that is common to all models, for small variances of differences along a sweep.
        collect : Collect, optional
            What to keep beside the moments.

        Raises
        ------
        ValueError
            If `trials` is not a whole number >= 1, or an axis value lies outside its domain.
        SamplerError
            If the sampler returns what its record does not allow, such as NaN.
        """
        source = sampler.sampler if isinstance(sampler, Output) else sampler
        run = self.run(source, model, axes=axes, paired=paired, collect=collect)
        self.advance([(run, run.chunks_for(_positive("trials", trials)))])
        if isinstance(sampler, Output):
            return run.estimate(sampler.name)
        return {name: run.estimate(name) for name in source.ranges}

    def samples(self, output: Output, model: Model, trials: int, **options: Any) -> Array:
        """Raw trials of one output, first axis = trials (rounded up to whole chunks); options as `estimate`."""
        return self.estimate(output, model, trials, collect=Collect(rows=(output.name,)), **options).rows

    def sweep(
        self,
        sampler: Sampler | Output,
        models: Iterable[Model],
        trials: int,
        *,
        axes: Mapping[str, Sequence[float]] | None = None,
        paired: bool = False,
        predict: Prediction | None = None,
        predict_axes: Mapping[str, Sequence[float]] | None = None,
        label: str | None = None,
    ) -> pd.DataFrame:
        """Estimate along models and free axes, beside a prediction, as one long tidy table.

        Parameters
        ----------
        predict : callable, optional
            A prediction of the (first) output; adds rows of kind 'theory'.
        predict_axes : mapping, optional
            Values of free axes for the prediction (a dense line beside sparse markers); default `axes`.
        label : str, optional
            Fills a further column `series`.

        Returns
        -------
        DataFrame
            See `lemmata.tables.COLUMNS`: the parameters that vary, then output, kind, value, se, lo, hi, trials.
        """
        from lemmata.tables import sweep_table

        source = sampler.sampler if isinstance(sampler, Output) else sampler
        outputs = (sampler.name,) if isinstance(sampler, Output) else tuple(source.ranges)
        models = list(models)
        runs = [self.run(source, model, axes=axes, paired=paired) for model in models]
        trials = _positive("trials", trials)
        self.advance([(run, run.chunks_for(trials)) for run in runs])
        return sweep_table(runs, outputs, predict=predict, predict_axes=predict_axes, label=label)

    # -------------------------------------------------------------- for the referee and other callers that look

    def run(
        self,
        sampler: Sampler,
        model: Model,
        *,
        axes: Mapping[str, Sequence[float]] | None = None,
        paired: bool = False,
        collect: Collect | None = None,
    ) -> Run:
        """A growing estimate without any chunk yet."""
        batch = Batch(sampler, model, axes or {}, self.seed, paired, collect or Collect())
        return Run(batch)

    def advance(self, goals: Iterable[tuple[Run, int]]) -> None:
        """Grow runs to the given numbers of chunks (a run that has them already stays as it is).

        The chunks of all runs share the engine. Results are merged in the order of the chunks and kept in the
        ledger as they come, also when an error or an interrupt ends the call.
        """
        goals = list(goals)
        if self.watch is not None:
            for run, chunks in goals:
                self.watch(run.batch, chunks)
        tasks = _Tasks(self, goals)
        if not tasks.planned:
            return
        with pin_threads():
            try:
                tasks.fill()
                for tag, finished in self.engine.as_completed():
                    tasks.finish(tag, finished)
                    tasks.fill()
            except BaseException:
                for tag, finished in self.engine.drain():
                    tasks.keep(tag, finished)
                raise
            finally:
                tasks.commit()

    def report(self, progress: Progress) -> None:
        """Pass progress on to the callback."""
        if self.progress is not None:
            self.progress(progress)


class _Tasks:
    """The chunks of one `advance`: looked up, submitted within the engine's capacity, merged in order."""

    def __init__(self, lab: Laboratory, goals: list[tuple[Run, int]]) -> None:
        self.lab = lab
        most: dict[Run, int] = {}
        for run, chunks in goals:
            most[run] = max(chunks, most.get(run, 0))
        goals = [(run, chunks) for run, chunks in most.items() if chunks > run.chunks]
        self.runs = [run for run, _ in goals]
        self.planned = sum(chunks - run.chunks for run, chunks in goals)
        spans = [(r, run.chunks, chunks) for r, (run, chunks) in enumerate(goals)]
        self.slots = ((r, i) for r, first, stop in spans for i in range(first, stop))
        self.next: deque[tuple[int, int]] = deque()
        self.keys: dict[tuple[int, int], str] = {}
        self.known: dict[Any, Mapping[str, Array]] = {}
        self.in_flight: dict[int, tuple[int, int]] = {}
        self.waiting: dict[tuple[int, int], Mapping[str, Array]] = {}
        self.unsaved: list[ChunkRow] = []
        self.committed = time.monotonic()
        self.tags = itertools.count()
        self.done = self.trials = 0

    def _prepare(self) -> None:
        """Keys and stored results of the next stretch of chunks."""
        stretch = list(itertools.islice(self.slots, COMMIT_EVERY))
        self.next.extend(stretch)
        for r, group in itertools.groupby(stretch, key=lambda slot: slot[0]):
            indices = [i for _, i in group]
            batch = self.runs[r].batch
            keys = batch.keys(indices[0], indices[-1] + 1, code_of(batch))
            self.keys |= {(r, i): key for i, key in zip(indices, keys, strict=True)}
            if self.lab.ledger is not None:
                self.known |= self.lab.ledger.get(keys)
                self.runs[r].platforms |= self.lab.ledger.platforms(keys)

    def fill(self) -> None:
        """Submit until the engine is full; stored chunks are merged at once."""
        capacity = self.lab.engine.capacity
        while len(self.in_flight) < capacity and len(self.waiting) < MOST_WAITING + capacity:
            if not self.next:
                self._prepare()
                if not self.next:
                    return
            slot = self.next.popleft()
            stored = self.known.pop(self.keys[slot], None)
            if stored is not None:
                self.lab.reused += 1
                del self.keys[slot]
                self._arrive(slot, stored)
            else:
                tag = next(self.tags)
                self.in_flight[tag] = slot
                batch = self.runs[slot[0]].batch
                self.lab.engine.submit(tag, ChunkCall(batch, slot[1], code_of(batch)))

    def finish(self, tag: int, finished: Finished) -> None:
        """Take one computed chunk."""
        slot = self.in_flight[tag]
        self.keep(tag, finished)
        self.runs[slot[0]].platforms.add(finished.platform)
        self._arrive(slot, finished.arrays)

    def keep(self, tag: int, finished: Finished) -> None:
        """Queue a computed chunk for the ledger."""
        self.lab.computed += 1
        slot = self.in_flight.pop(tag)
        batch, key = self.runs[slot[0]].batch, self.keys.pop(slot)
        if self.lab.ledger is not None:
            self.unsaved.append(
                ChunkRow(
                    key=key,
                    sampler=batch.sampler.identifier,
                    model_json=batch.model.to_json(),
                    chunk=slot[1],
                    trials=batch.trials,
                    arrays=dict(finished.arrays),
                    platform=finished.platform,
                )
            )
            if len(self.unsaved) >= COMMIT_EVERY or abs(time.monotonic() - self.committed) >= COMMIT_SECONDS:
                self.commit()

    def commit(self) -> None:
        """Write the queued chunks in one transaction."""
        if self.unsaved and self.lab.ledger is not None:
            self.lab.ledger.put(self.unsaved)  # interrupted, it is tried again when the run ends
            self.unsaved = []
        self.committed = time.monotonic()

    def _arrive(self, slot: tuple[int, int], arrays: Mapping[str, Array]) -> None:
        self.waiting[slot] = arrays
        r = slot[0]
        run = self.runs[r]
        while (r, run.chunks) in self.waiting:
            run.absorb(self.waiting.pop((r, run.chunks)))
        self.done += 1
        self.trials += run.batch.trials
        self.lab.report(Progress(self.done, self.planned, self.trials, self.lab.label))


def _positive(name: str, value: int) -> int:
    return Whole(Range(least=1)).coerce(name, value)


__all__ = ["Laboratory", "Progress", "Run"]
