"""A chunk of trials: what identifies it, how it runs, what comes back.

`Batch` is everything that the chunks of one estimate share; `run_chunk` is the only place where a sampler is
called. `ChunkCall` is a chunk as engines get it: it runs in this process or in any other that has the same code.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lemmata.codedigest import code_digest
from lemmata.models import DomainError, Model
from lemmata.names import UnknownNameError
from lemmata.platforms import platform_text
from lemmata.records import Sampler
from lemmata.statistics import Array
from lemmata.streams import COMMON, chunk_trials, stream
from lemmata.tally import Collect, Tally
from lemmata.threads import pin_threads

MOST_VALUES = 2**24
"""Values of one output (trials times free axes) that one call of a sampler returns at the most: 128 MiB."""


class SamplerError(RuntimeError):
    """A sampler broke its promise: wrong outputs, shapes, values that are not finite or out of range."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A sampler at a model, with values for its free axes; an endless row of chunks.

    Parameters
    ----------
    axes : mapping
        Free axis to its values. An axis that is not given has the model's own value and no axis in the output.
    """

    sampler: Sampler
    model: Model
    axes: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    seed: int = 0
    paired: bool = False
    collect: Collect = field(default_factory=Collect)

    def __post_init__(self) -> None:
        for name in self.sampler.axes:
            if name not in self.model.parameters():
                raise UnknownNameError(
                    f"parameter of {self.model.kind()} (a free axis)", name, self.model.parameters()
                )
        for name in self.axes:
            if name not in self.sampler.axes:
                raise UnknownNameError("free axis", name, self.sampler.axes)
        for name in self.collect.outputs:
            self.sampler[name]  # names the nearest output when there is no such one
        checked: dict[str, tuple[float, ...]] = {}
        for name in self.sampler.axes:
            if name in self.axes:
                checked[name] = self._axis(name, self.axes[name])
        object.__setattr__(self, "axes", checked)

    def _axis(self, name: str, values: Sequence[float]) -> tuple[float, ...]:
        array = np.asarray(values)
        if array.ndim != 1 or len(array) == 0:
            raise DomainError(name, values, "a non-empty one-dimensional list (a free axis)")
        domain = self.model.parameters()[name]
        return tuple(domain.coerce(f"{name}[{i}]", value) for i, value in enumerate(array.tolist()))

    @cached_property
    def trials(self) -> int:
        """Trials in each chunk."""
        return chunk_trials(self.sampler, self.model, paired=self.paired)

    @cached_property
    def _drawn(self) -> str:
        """Canonical JSON of the model without its free axes, which are no part of the draw."""
        data = {name: value for name, value in self.model.to_data().items() if name not in self.sampler.axes}
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    @cached_property
    def stream_key(self) -> str:
        """What stands for the model in the stream's key."""
        return COMMON if self.paired else hashlib.sha256(self._drawn.encode()).hexdigest()

    def axis_values(self, name: str) -> tuple[float, ...]:
        """The values that the sampler gets for a free axis."""
        return tuple(self.axes[name]) if name in self.axes else (getattr(self.model, name),)

    def blocks(self) -> tuple[Batch, ...]:
        """The batch in parts along its first given axis, each of a size that one call of the sampler can hold."""
        name = next((axis for axis in self.sampler.axes if axis in self.axes), None)
        if name is None or self.collect.covariance:  # covariances need all values at once
            return (self,)
        values = self.axes[name]
        others = math.prod(len(self.axes[axis]) for axis in self.axes if axis != name)
        width = max(1, MOST_VALUES // (self.trials * others))
        if width >= len(values):
            return (self,)
        starts = range(0, len(values), width)
        return tuple(replace(self, axes={**self.axes, name: values[i : i + width]}) for i in starts)

    def describe(self, chunks: int) -> dict[str, Any]:
        """The batch and a number of its chunks as JSON data, for a record of what was run."""
        return {
            "sampler": self.sampler.identifier,
            "model": self.model.to_data(),
            "axes": {name: list(values) for name, values in self.axes.items()},
            "paired": self.paired,
            "chunks": chunks,
            "trials": chunks * self.trials,
        }

    def keys(self, first: int, stop: int, code: str) -> list[str]:
        """Digests that identify the chunks `first` to `stop` (exclusive) in a ledger.

        `code` stands for everything that can change the numbers beside the batch: code digest and versions.
        """
        identity = {
            "sampler": self.sampler.identifier,
            "code": code,
            "model": self._drawn,
            "axes": {name: list(self.axis_values(name)) for name in self.sampler.axes},
            "given": sorted(self.axes),
            "seed": self.seed,
            "stream": self.stream_key,
            "trials": self.trials,
            "collect": self.collect.to_data(),
        }
        base = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
        keys: list[str] = []
        for index in range(first, stop):
            digest = base.copy()
            digest.update(index.to_bytes(8, "little"))
            keys.append(digest.hexdigest())
        return keys


class WorkerMismatchError(RuntimeError):
    """A worker process has other code or libraries than the process that asks it for a chunk."""


_CODES: dict[tuple[Any, ...], str] = {}


def code_of(batch: Batch) -> str:
    """Everything beside the batch that can change a sampler's numbers; computed once a process."""
    import numba
    import scipy

    function, classes = batch.sampler.function, batch.model.classes()
    slot = (function, *classes)
    if slot not in _CODES:
        versions = f"numpy {np.__version__}, scipy {scipy.__version__}, numba {numba.__version__}"
        _CODES[slot] = f"{code_digest(function, models=classes)}; {versions}"
    return _CODES[slot]


@dataclass(frozen=True)
class Finished:
    """What comes back of a chunk: named arrays, and the platform that computed them."""

    arrays: Mapping[str, Array]
    platform: str


@dataclass(frozen=True)
class ChunkCall:
    """One chunk as a call that any worker can make; `code` is `code_of` the process that asks.

    Raises
    ------
    WorkerMismatchError
        If this process has other code or other versions of the numerical libraries.
    SamplerError
        As `run_chunk`.
    """

    batch: Batch
    index: int
    code: str

    def __call__(self) -> Finished:
        own = code_of(self.batch)
        if own != self.code:
            raise WorkerMismatchError(
                f"{self.batch.sampler.identifier}: a worker runs other code than this process "
                f"(code digest and versions here: {self.code}; there: {own}); "
                "give all workers the same checkout and environment"
            )
        return Finished(run_chunk(self.batch, self.index), platform_text())


def run_chunk(batch: Batch, index: int) -> dict[str, Array]:
    """Run one chunk and reduce it to named arrays (`Tally.to_arrays` of every output).

    Where a free axis has so many values that trials times values would fill the memory, the same draws serve it
    block by block.

    Raises
    ------
    SamplerError
        If the sampler's outputs are not as its record declares, or a value is not finite.
    """
    parts = [_run_block(block, index) for block in batch.blocks()]
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


def _run_block(batch: Batch, index: int) -> dict[str, Array]:
    sampler, model = batch.sampler, batch.model
    rng = stream(batch.seed, sampler.identifier, batch.stream_key, index)
    axes = {name: np.array(batch.axis_values(name)) for name in sampler.axes}
    with pin_threads():  # again here: a library may have been loaded since the run began
        try:
            outputs = sampler.function(model, rng, batch.trials, **axes)
        except Exception as error:
            error.add_note(f"in chunk {index} of {sampler.identifier} (seed {batch.seed}, {model})")
            raise
    if set(outputs) != set(sampler.ranges):
        raise SamplerError(
            f"{sampler.identifier}: outputs {sorted(outputs)}, declared {sorted(sampler.ranges)}"
        )
    lead = (batch.trials, *(len(values) for values in axes.values()))
    drop = tuple(1 + i for i, name in enumerate(sampler.axes) if name not in batch.axes)
    arrays: dict[str, Array] = {}
    for name, raw in outputs.items():
        given = np.asarray(raw)
        if given.dtype.kind not in "biuf":
            raise SamplerError(f"{sampler.identifier}[{name}]: {given.dtype}, expected real numbers")
        values = given.astype(np.float64, copy=False)
        if values.shape[: len(lead)] != lead:
            raise SamplerError(f"{sampler.identifier}[{name}]: shape {values.shape}, expected {lead} first")
        _check_values(batch, index, name, values)
        arrays |= Tally.of(np.squeeze(values, axis=drop), name, batch.collect).to_arrays(name)
    return arrays


def _check_values(batch: Batch, index: int, output: str, values: Array) -> None:
    low, high = batch.sampler.ranges[output]
    smallest, largest = values.min(), values.max()
    if np.isfinite(smallest) and np.isfinite(largest) and low <= smallest and largest <= high:
        return
    bad: Any = values[~(np.isfinite(values) & (values >= low) & (values <= high))].flat[0]
    raise SamplerError(
        f"{batch.sampler.identifier}[{output}] = {bad}: must be finite and in [{low:g}, {high:g}] "
        f"(chunk {index}, seed {batch.seed}, {batch.model})"
    )
