"""What the parts run, and the digest of everything that a ledger holds."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

import theory
from lemmata.catalogue import Catalogue
from lemmata.cli.warmup import small_models
from lemmata.domains import DomainError
from lemmata.laboratory import Laboratory, Run
from lemmata.models import Model
from lemmata.records import Sampler
from lemmata.streams import stream

CATALOGUE = Catalogue(theory.PAPERS)
MODELS_TRIED = 128


def one_sampler_of_each_paper() -> Iterator[tuple[Sampler, Model]]:
    """For each paper a sampler with a small model; one with short chunks (common random numbers) if there is any."""
    for paper in CATALOGUE:
        samplers = sorted(paper.samplers, key=lambda sampler: sampler.paired_trials or 2**62)
        for sampler in samplers:
            model = _model_for(sampler)
            if model is not None:
                yield sampler, model
                break


def _model_for(sampler: Sampler) -> Model | None:
    kind = get_type_hints(sampler.function)["model"]
    for model, _ in zip(small_models(kind), range(MODELS_TRIED), strict=False):
        with suppress(DomainError):
            axes = {name: np.array([getattr(model, name)]) for name in sampler.axes}
            sampler.function(model, stream(0, sampler.identifier, "tried", 0), 2, **axes)
            return model
    return None


def own_cluster(workers: int) -> Any:
    """A Dask cluster on this machine, as someone else would have started it; a context manager."""
    from dask import config
    from distributed import LocalCluster

    config.set({"distributed.deploy.lost-worker-timeout": "1 hour"})  # as of an own cluster of the engine
    started: Any = LocalCluster
    return started(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    )


def runs_of(lab: Laboratory, work: list[tuple[Sampler, Model]]) -> list[Run]:
    """A growing estimate of each."""
    return [lab.run(sampler, model, paired=sampler.paired_trials is not None) for sampler, model in work]


def digest_of_runs(runs: list[Run]) -> str:
    """A digest of the merged statistics."""
    digest = hashlib.sha256()
    for run in runs:
        for name in sorted(run.tallies):
            for key, array in run.tallies[name].to_arrays(name).items():
                digest.update(
                    f"{run.trials} {key} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
                )
    return digest.hexdigest()[:16]


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A ledger file as a plain database; None if there is none yet, or its maker was killed before it had tables."""
    if not path.exists():
        yield None
        return
    connection = sqlite3.connect(path)
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection if tables else None
    finally:
        connection.close()


def stored(path: Path) -> list[tuple[Any, ...]]:
    """Every chunk in a ledger file, by key: key, sampler, model, chunk, trials, payload."""
    query = "SELECT key, sampler, model, chunk, trials, payload FROM chunks JOIN runs ON runs.id = run ORDER BY key"
    with opened(path) as connection:
        return [] if connection is None else connection.execute(query).fetchall()


def digest_of_ledger(path: Path) -> str:
    """A digest of every chunk that is stored; platforms and the order of writing do not enter."""
    digest = hashlib.sha256()
    for row in stored(path):
        digest.update(repr(row).encode())
    return digest.hexdigest()[:16]


def health(path: Path) -> str:
    """What is wrong with a ledger file as such; empty if nothing is."""
    with opened(path) as connection:
        if connection is None:
            return ""
        (checked,) = connection.execute("PRAGMA integrity_check").fetchone()
        (rows,) = connection.execute("SELECT count(*) FROM chunks").fetchone()
        query = "SELECT count(*) FROM (SELECT DISTINCT sampler, model, chunk FROM chunks JOIN runs ON runs.id = run)"
        (distinct,) = connection.execute(query).fetchone()
    if checked != "ok":
        return f"integrity check: {checked}"
    return "" if rows == distinct else f"{rows - distinct} chunks are there twice"
