"""Engines decide where chunks run, and nothing else: any engine gives the same bits."""

from __future__ import annotations

import pickle
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info

from lemmata.chunks import Batch, run_chunk
from lemmata.engines import ENGINES, Engine, Serial, Threads, make_engine, usable_cores
from lemmata.laboratory import Laboratory
from lemmata.names import UnknownNameError
from lemmata.records import Sampler
from lemmata.tally import Collect
from simulations.attention_memorization import RIDGE_REGRESSION, RIDGE_REGRESSION_LITERAL, SAMPLERS
from tests.framework import invented
from tests.framework.invented import BLAS_THREADS, UNIFORM, WALK, Walk, same_bits
from theory.attention_memorization import RidgeRegression

COLLECT = Collect(rows=("end",), covariance=("pair",), histogram={"end": (-1.0, 0.0, 1.0)})


class Shuffled:
    """An engine of its own: it holds many calls and finishes them in an order that someone chose against us."""

    def __init__(self, capacity: int, choose: Callable[[int], int]) -> None:
        self.capacity, self.workers = capacity, 1
        self.choose = choose
        self.calls: list[tuple[int, Callable[[], Any]]] = []

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        assert len(self.calls) < self.capacity
        self.calls.append((tag, call))

    def as_completed(self) -> Iterator[tuple[int, Any]]:
        while self.calls:
            tag, call = self.calls.pop(self.choose(len(self.calls)))
            yield tag, call()

    def drain(self) -> Iterator[tuple[int, Any]]:
        self.calls.clear()
        return iter(())

    def close(self) -> None:
        self.calls.clear()


class Copied(Shuffled):
    """An engine to which calls travel as bytes, as to another process."""

    def submit(self, tag: int, call: Callable[[], Any]) -> None:
        super().submit(tag, pickle.loads(pickle.dumps(call)))


def arrays_with(engine: Engine, model: Walk, trials: int = 5000) -> dict[str, Any]:
    with Laboratory(3, engine=engine) as lab:
        run = lab.run(WALK, model, axes={"scale": (1.0, 0.5)}, collect=COLLECT)
        lab.advance([(run, run.chunks_for(trials))])
    return {k: v for name, tally in run.tallies.items() for k, v in tally.to_arrays(name).items()}


ENGINES_TO_TRY: list[tuple[str, Callable[[], Engine]]] = [
    ("one thread", lambda: Threads(1)),
    ("two threads", lambda: Threads(2)),
    ("four threads", lambda: Threads(4)),
    ("last first", lambda: Shuffled(50, lambda n: n - 1)),
    ("first last", lambda: Shuffled(7, lambda n: min(1, n - 1))),
    ("at random", lambda: Shuffled(11, random.Random(5).randrange)),
    ("as bytes", lambda: Copied(5, random.Random(6).randrange)),
    ("one at a time", lambda: Shuffled(1, lambda _: 0)),
]


@pytest.mark.parametrize(
    "make", [make for _, make in ENGINES_TO_TRY], ids=[name for name, _ in ENGINES_TO_TRY]
)
def test_every_engine_gives_the_bits_of_the_serial_one(make: Callable[[], Engine]) -> None:
    model = Walk(3, drift=0.1)
    serial = arrays_with(Serial(), model)
    assert same_bits(arrays_with(make(), model), serial)
    assert serial["end.rows"].shape == (5120, 2)  # 20 chunks of 256


@pytest.mark.parametrize("make", [Serial, lambda: Threads(2), lambda: Shuffled(9, lambda n: n - 1)])
def test_many_runs_share_an_engine_and_keep_their_bits(make: Callable[[], Engine]) -> None:
    """Several models at once, each with its own number of chunks, give what each gives alone."""
    models = [Walk(n) for n in (1, 2, 5)]
    with Laboratory(3, engine=make()) as lab:
        runs = [lab.run(UNIFORM, model) for model in models]
        lab.advance([(run, 2 + i) for i, run in enumerate(runs)])
        together = [run.tallies["mean"].to_arrays("mean") for run in runs]
    for i, model in enumerate(models):
        with Laboratory(3, engine=Serial()) as lab:
            run = lab.run(UNIFORM, model)
            lab.advance([(run, 2 + i)])
        assert same_bits(together[i], run.tallies["mean"].to_arrays("mean"))


def test_the_papers_samplers_give_the_same_bits_on_every_engine() -> None:
    model = RidgeRegression(tokens=16, dimension=24, ridge=0.1, snr=1.0)
    found = []
    for engine in (Serial(), Threads(2), Copied(4, lambda n: n - 1)):
        with Laboratory(engine=engine) as lab:
            estimates = [
                lab.estimate(s, model, max(40, 3 * (s.paired_trials or 1)), paired=True)
                for s in (RIDGE_REGRESSION, RIDGE_REGRESSION_LITERAL)
            ]
            found.append(
                [e["error"].moments.mean.tobytes() + e["error"].moments.m4.tobytes() for e in estimates]
            )
    assert found[0] == found[1] == found[2]


def test_threads_run_at_once() -> None:
    """Two chunks are inside their calls at the same time: each waits for the other."""
    barrier = threading.Barrier(2, timeout=60)
    engine = Threads(2)
    for tag in range(2):
        engine.submit(tag, barrier.wait)
    assert sorted(tag for tag, _ in engine.as_completed()) == [0, 1]
    engine.close()


def test_calls_may_be_submitted_while_results_come() -> None:
    for engine in (Serial(), Threads(2)):
        engine.submit(0, lambda: 0)
        seen = []
        for tag, value in engine.as_completed():
            seen.append((tag, value))
            if tag < 20:
                engine.submit(tag + 1, partial(int, tag + 1))
        assert seen == [(i, i) for i in range(21)]
        engine.close()


def fail() -> None:
    raise ArithmeticError("no")


@pytest.mark.parametrize("make", [Serial, lambda: Threads(2)])
def test_an_error_is_raised_and_the_engine_can_be_drained_and_used_again(make: Callable[[], Engine]) -> None:
    engine = make()
    engine.submit(0, fail)
    for tag in range(1, 20):
        engine.submit(tag, partial(int, tag))
    with pytest.raises(ArithmeticError, match="no"):
        list(engine.as_completed())
    drained = dict(engine.drain())
    assert 0 not in drained
    assert all(tag == value for tag, value in drained.items())
    engine.submit(7, partial(int, 7))
    assert list(engine.as_completed()) == [(7, 7)]
    engine.close()


def test_of_several_errors_the_first_submitted_is_raised_however_late_it_comes() -> None:
    """An error names the same chunk in every run: here call 2 fails long before call 1 does, and 0 is well."""
    failed = threading.Event()

    def late() -> None:
        assert failed.wait(60)
        time.sleep(0.05)
        raise ArithmeticError("call 1")

    def early() -> None:
        failed.set()
        raise ArithmeticError("call 2")

    engine = Threads(2)
    for tag, call in enumerate([lambda: None, late, early]):
        engine.submit(tag, call)
    with pytest.raises(ArithmeticError, match="call 1"):
        list(engine.as_completed())
    assert not dict(engine.drain())
    engine.close()


def test_draining_waits_for_what_runs_and_drops_what_has_not_started() -> None:
    started, release, dropped = threading.Event(), threading.Event(), []

    def slow() -> str:
        started.set()
        assert release.wait(60)
        return "kept"

    engine = Threads(1)
    engine.submit(0, slow)
    engine.submit(1, partial(dropped.append, 1))
    assert started.wait(60)
    drain = engine.drain()
    timer = threading.Timer(0.05, release.set)
    timer.start()
    assert list(drain) == [(0, "kept")]
    timer.join()
    engine.close()
    assert dropped == []


# ---- one thread of BLAS


@pytest.mark.parametrize("make", [Serial, lambda: Threads(2), lambda: Shuffled(3, lambda _: 0)])
def test_blas_has_one_thread_inside_chunks_and_its_own_afterwards(make: Callable[[], Engine]) -> None:
    def pools() -> dict[str, int]:
        return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}

    with ThreadpoolController().limit(limits=2):
        before = pools()
        assert 2 in before.values()
        with Laboratory(engine=make()) as lab:
            estimate = lab.estimate(BLAS_THREADS["threads"], Walk(1), 2000)
            during = pools()
        assert estimate.minimum == estimate.maximum == 1.0
        assert during == before
        assert pools() == before


# ---- making engines


def test_engines_by_name() -> None:
    threads = make_engine()
    assert isinstance(threads, Threads)
    assert threads.workers == usable_cores()
    assert isinstance(make_engine("serial"), Serial)
    assert isinstance(make_engine("serial", 1), Serial)
    three = make_engine("threads", 3)
    assert isinstance(three, Threads)
    assert three.workers == 3
    for engine in (threads, three):
        engine.close()


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "two", float("nan"), float("inf")])
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_workers_must_be_a_positive_whole_number(name: str, workers: Any) -> None:
    with pytest.raises(ValueError, match=r"^workers = .*: must be a whole number >= 1$"):
        make_engine(name, workers)


def test_the_serial_engine_has_one_worker() -> None:
    with pytest.raises(ValueError, match=r"^workers = 2: must be 1 with the serial engine$"):
        make_engine("serial", 2)


def test_an_unknown_engine_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown engine 'thread'; did you mean threads\?"):
        make_engine("thread")


# ---- what travels to workers


@pytest.mark.parametrize("sampler", [*SAMPLERS, *invented.SAMPLERS], ids=lambda sampler: sampler.name)
def test_a_sampler_travels_by_reference(sampler: Sampler) -> None:
    """What is sent names the sampler's module and function; what arrives is the sampler of that module."""
    sent = pickle.dumps(sampler)
    assert pickle.loads(sent) is sampler
    assert len(sent) < 200


def test_a_chunk_travels_and_gives_the_same_bits() -> None:
    batch = Batch(WALK, Walk(4), {"scale": (1.0, 2.0)}, seed=9, collect=COLLECT)
    here = run_chunk(batch, 5)
    there = pickle.loads(pickle.dumps(partial(run_chunk, batch, 5)))()
    assert same_bits(here, there)
    assert not np.array_equal(here["end.rows"], run_chunk(batch, 6)["end.rows"])
