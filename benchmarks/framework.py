"""What a chunk costs besides its sampler: keys, streams, statistics, engine, ledger."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np

from lemmata.benchmarking import Benchmark
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from lemmata.ledger import Ledger
from lemmata.models import Model, real
from lemmata.records import Sampler
from lemmata.streams import CHUNK_OPERATIONS

CHUNKS = 512


class Nothing(Model):
    """A model of nothing in particular."""

    value: float = real(default=1.0)


def sample_nothing(model: Nothing, rng: np.random.Generator, trials: int) -> dict[str, np.ndarray]:
    """One normal number a trial."""
    return {"value": rng.standard_normal(trials)}


TRIVIAL = Sampler(
    sample_nothing, ranges={"value": (-np.inf, np.inf)}, work=lambda model: CHUNK_OPERATIONS / 16
)
_SEEDS = itertools.count()


def _through_the_laboratory() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger(Path(folder) / "ledger.sqlite") as ledger,
        Laboratory(next(_SEEDS), engine=Serial(), ledger=ledger) as lab,
    ):
        lab.estimate(TRIVIAL["value"], Nothing(), 16 * CHUNKS)


def _bare() -> None:
    rng = np.random.default_rng(0)
    for _ in range(CHUNKS):
        sample_nothing(Nothing(), rng, 16)


BENCHMARKS = (
    Benchmark(
        "overhead",
        "a chunk of a trivial sampler with the ledger on, beside the bare call",
        ours=_through_the_laboratory,
        reference=_bare,
        units=CHUNKS,
        reference_units=CHUNKS,
        excess_at_most=1e-3,
        clock=time.perf_counter,
    ),
)
