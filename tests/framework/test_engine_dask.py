"""The Dask engine: the bits of every other engine, through crashes of workers and the loss of the scheduler."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lemmata.chunks import Batch, ChunkCall, WorkerMismatchError, code_of
from lemmata.codedigest import ROOT
from lemmata.engines import EngineError, Serial, make_engine
from lemmata.engines.dask import BUNDLES_AHEAD, Dask
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger
from lemmata.models import Model
from lemmata.records import Sampler
from simulations.attention_memorization import RIDGE_REGRESSION
from tests.framework.invented import same_bits
from theory.attention_memorization import RidgeRegression

MODEL = RidgeRegression(tokens=16, dimension=24, ridge=0.1, snr=1.0)
CHUNKS = 40


def estimate(lab: Laboratory, chunks: int = CHUNKS) -> dict[str, Any]:
    run = lab.run(RIDGE_REGRESSION, MODEL, paired=True, axes={"ridge": (0.1, 1.0)})
    lab.advance([(run, chunks)])
    return run.tallies["error"].to_arrays("error")


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    with Laboratory(3, engine=Serial()) as lab:
        return estimate(lab)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A running scheduler with two worker processes, as someone else would have started it."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as running:
        yield running


def test_a_running_cluster_gives_the_bits_of_the_serial_engine(
    cluster: Any, reference: dict[str, Any]
) -> None:
    with Laboratory(3, engine=make_engine("dask", cluster=cluster.scheduler_address)) as lab:
        assert same_bits(estimate(lab), reference)
        assert same_bits(estimate(lab), reference)  # and again by the same engine


def test_a_killed_worker_costs_nothing(cluster: Any, reference: dict[str, Any]) -> None:
    """Dask starts it anew and runs its bundle again; no chunk is lost or counted twice."""
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        if progress.done == 5:
            pid = next(iter(cluster.workers.values())).pid
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    with Laboratory(3, engine=Dask(address=cluster.scheduler_address), progress=kill) as lab:
        assert same_bits(estimate(lab), reference)
    assert len(killed) == 1


def test_an_error_of_a_sampler_is_raised_here_and_the_engine_lives_on(
    cluster: Any, reference: dict[str, Any]
) -> None:
    with Laboratory(3, engine=Dask(address=cluster.scheduler_address)) as lab:
        run = lab.run(BROKEN, MODEL)
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            lab.advance([(run, 4)])
        assert same_bits(estimate(lab), reference)


def test_of_several_errors_the_first_submitted_is_raised_however_late_it_comes(cluster: Any) -> None:
    engine = Dask(address=cluster.scheduler_address)
    for tag, seconds in enumerate((0.5, 0.0)):
        engine.submit(tag, partial(fail_after, seconds, f"call {tag}"))
    with pytest.raises(ArithmeticError, match="call 0"):
        list(engine.as_completed())
    assert not dict(engine.drain())
    engine.submit(2, partial(int, 2))
    assert list(engine.as_completed()) == [(2, 2)]
    engine.close()


def test_a_worker_with_other_code_refuses_and_names_both(cluster: Any) -> None:
    batch = Batch(RIDGE_REGRESSION, MODEL)
    engine = Dask(address=cluster.scheduler_address)
    engine.submit(0, ChunkCall(batch, 0, "0123; numpy 0.0"))
    with pytest.raises(WorkerMismatchError) as caught:
        list(engine.as_completed())
    assert "0123; numpy 0.0" in str(caught.value)
    assert code_of(batch) in str(caught.value)
    engine.close()


@pytest.mark.parametrize(("seconds", "sizes"), [(1e9, [8, 64, 512, 1024, 1024]), (0.0, [1, 1, 1])])
def test_bundles_grow_as_far_as_their_seconds_allow(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, seconds: float, sizes: list[int]
) -> None:
    """Eight times at once and up to 1024 calls; what is in flight stays a few bundles a worker."""
    monkeypatch.setattr("lemmata.engines.dask.BUNDLE_SECONDS", seconds)
    cluster.wait_for_workers(2)
    engine = Dask(address=cluster.scheduler_address)
    assert engine.capacity == BUNDLES_AHEAD * 2
    for calls, size in zip((1, 8, 64, 512, 3000), sizes, strict=False):
        for tag in range(calls):
            engine.submit(tag, _nothing)
        assert sorted(tag for tag, _ in engine.as_completed()) == list(range(calls))
        assert engine.capacity == BUNDLES_AHEAD * 2 * size
    engine.close()


@pytest.mark.parametrize(
    ("victim", "words"), [("scheduler", "is gone"), ("worker", r"has had no worker for 0\.5 s")]
)
def test_a_cluster_that_dies_loses_no_finished_chunk(
    tmp_path: Path, reference: dict[str, Any], victim: str, words: str
) -> None:
    """One clear error, also where Dask would wait for ever; the next run goes on from what the ledger has."""
    running = start_scheduler()
    try:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:

            def kill(progress: Progress) -> None:
                if progress.done == 3:
                    getattr(running, victim).kill()

            engine = Dask(address=running.address, patience=0.5)
            with (
                Laboratory(3, engine=engine, ledger=ledger, progress=kill) as lab,
                pytest.raises(EngineError, match=f"{words}.*finished chunks are kept"),
            ):
                estimate(lab, 400)
            with Laboratory(3, engine=Serial(), ledger=ledger) as again:
                assert same_bits(estimate(again), reference)
                assert again.reused >= 3
    finally:
        running.stop()


def test_a_result_that_is_lost_with_the_last_worker_is_not_waited_for(tmp_path: Path) -> None:
    """The task is done and the client knows it, but the worker that keeps its result is gone."""
    running = start_scheduler()
    done = tmp_path / "done"
    try:
        engine = Dask(address=running.address, patience=0.5)
        engine.submit(0, done.touch)
        end = time.monotonic() + 60
        while not done.exists() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.3)  # until the client has heard of it
        running.worker.kill()
        running.worker.wait()
        with pytest.raises(EngineError, match=r"no worker for 0\.5 s"):
            list(engine.as_completed())
        engine.close()
    finally:
        running.stop()


def test_where_no_scheduler_answers() -> None:
    with pytest.raises(EngineError, match=r"tcp://127\.0\.0\.1:9"):
        Dask(address="tcp://127.0.0.1:9", timeout=2)


def test_what_an_engine_refuses() -> None:
    with pytest.raises(ValueError, match="cluster = 'tcp://a:1': only with the engine dask"):
        make_engine("threads", cluster="tcp://a:1")
    with pytest.raises(ValueError, match="workers = 2: a running cluster has its own workers"):
        make_engine("dask", 2, cluster="tcp://a:1")


# ------------------------------------------------------------------ what the tests run


def _broken(model: Model, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    raise ZeroDivisionError("on purpose")


def _work(model: Model) -> float:
    return 1e8


def fail_after(seconds: float, words: str) -> None:
    time.sleep(seconds)
    raise ArithmeticError(words)


def _nothing() -> None:
    return None


BROKEN = Sampler(_broken, ranges={"error": (0.0, 1.0)}, work=_work)


@dataclass
class Running:
    """A scheduler and a worker, each a process of its own."""

    address: str
    scheduler: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]

    def stop(self) -> None:
        for process in (self.worker, self.scheduler):
            process.kill()
            process.wait()


def start_scheduler() -> Running:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    scheduler = start_quietly("distributed.cli.dask_scheduler", *options)
    worker = start_quietly(
        "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"
    )
    return Running(address, scheduler, worker)


def start_quietly(module: str, *options: str) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", module, *options], stdout=nowhere, stderr=nowhere, cwd=ROOT
    )
