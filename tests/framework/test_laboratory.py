"""The laboratory: the same bits however they are computed, stored, interrupted or extended."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lemmata.engines import Engine, Serial, Threads
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger
from simulations.attention_memorization import RIDGE_REGRESSION
from tests.framework.invented import UNIFORM, WALK, Walk, same_bits
from tests.framework.walks import COLLECT, MODEL, bits
from theory.attention_memorization import RidgeRegression


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    with Laboratory(4, engine=Serial()) as lab:
        return bits(lab)


# ------------------------------------------------------------------ the same bits


@pytest.mark.parametrize("make", [Serial, lambda: Threads(1), lambda: Threads(2), lambda: Threads(4)])
def test_a_ledger_changes_no_bit(make: Callable[[], Engine], path: Path, expected: dict[str, Any]) -> None:
    """Computed with a ledger, read back from it, and half of each: always the bits of a run without one."""
    with Ledger(path) as ledger, Laboratory(4, engine=make(), ledger=ledger) as lab:
        bits(lab, chunks=4)
        assert (lab.computed, lab.reused) == (4, 0)
        assert same_bits(bits(lab), expected)
        assert (lab.computed, lab.reused) == (10, 4)
    with Ledger(path) as ledger, Laboratory(4, engine=make(), ledger=ledger) as lab:
        assert same_bits(bits(lab), expected)
        assert (lab.computed, lab.reused) == (0, 10)


@pytest.mark.parametrize("stored", [{0}, {9}, {1, 3, 5}, {8, 2}])
def test_chunks_that_are_stored_out_of_order_change_no_bit(
    stored: set[int], path: Path, expected: dict[str, Any]
) -> None:
    with Ledger(path) as ledger, Laboratory(4, engine=Threads(2), ledger=ledger) as lab:
        bits(lab)
    with Ledger(path) as ledger:
        ledger._usable().execute(  # pyright: ignore[reportPrivateUsage]
            f"DELETE FROM chunks WHERE chunk NOT IN ({', '.join(map(str, stored))})"
        )
        with Laboratory(4, engine=Threads(2), ledger=ledger) as lab:
            assert same_bits(bits(lab), expected)
            assert (lab.computed, lab.reused) == (10 - len(stored), len(stored))


@pytest.mark.parametrize("steps", [(1, 10), (3, 4, 9, 10), (10, 5, 10)])
def test_a_run_that_grows_in_steps_has_the_bits_of_one_at_once(
    steps: tuple[int, ...], expected: dict[str, Any]
) -> None:
    with Laboratory(4, engine=Threads(2)) as lab:
        run = lab.run(WALK, MODEL, axes={"scale": (1.0, 0.5)}, collect=COLLECT)
        for chunks in steps:
            lab.advance([(run, chunks)])
        found = {k: v for name, tally in run.tallies.items() for k, v in tally.to_arrays(name).items()}
    assert same_bits(found, expected)


def test_a_run_that_is_asked_for_twice_is_run_once(lab: Laboratory) -> None:
    """Also beyond the number of results that may wait for their turn."""
    once, twice = (lab.run(UNIFORM, MODEL) for _ in range(2))
    lab.advance([(once, 400)])
    before = lab.computed
    lab.advance([(twice, 300), (twice, 400), (twice, 20)])
    assert (twice.chunks, lab.computed - before) == (400, 400)
    assert same_bits(
        {name: tally.moments.mean for name, tally in twice.tallies.items()},
        {name: tally.moments.mean for name, tally in once.tallies.items()},
    )


def test_a_prefix_of_chunks_is_a_prefix_of_trials(lab: Laboratory) -> None:
    few, many = lab.samples(WALK["end"], MODEL, 300), lab.samples(WALK["end"], MODEL, 2000)
    assert (few.shape, many.shape) == ((512,), (2048,))
    assert same_bits(many[:512], few)


def test_what_is_collected_does_not_change_the_moments(lab: Laboratory) -> None:
    plain = lab.estimate(WALK["end"], MODEL, 1000)
    rich = lab.estimate(WALK["end"], MODEL, 1000, collect=COLLECT)
    assert same_bits(plain.tally.to_arrays("end")["end.moments"], rich.tally.to_arrays("end")["end.moments"])


def test_seed_model_sampler_and_pairing_change_the_draws() -> None:
    draws = []
    for seed in (0, 1):
        with Laboratory(seed, engine=Serial()) as lab:
            draws += [lab.samples(WALK["end"], Walk(n), 256)[0] for n in (1, 2)]
            draws += [lab.samples(WALK["end"], Walk(1), 256, paired=True)[0]]
            draws += [lab.samples(UNIFORM["mean"], Walk(1), 256)[0]]
    assert len({float(x) for x in draws}) == 8


# ------------------------------------------------------------------ common random numbers


def test_pairing_makes_differences_along_a_sweep_precise(lab: Laboratory) -> None:
    """Along the snr of ridge regression: the variance of a step's difference falls about a thousandfold (least 300)."""
    models = [RidgeRegression(tokens=64, dimension=48, ridge=0.1, snr=snr) for snr in (1.0, 1.1, 1.2)]
    ratios = []
    for near, far in itertools.pairwise(models):
        paired = [lab.samples(RIDGE_REGRESSION["error"], m, 8192, paired=True)[:8192] for m in (near, far)]
        free = [lab.samples(RIDGE_REGRESSION["error"], m, 8192)[:8192] for m in (near, far)]
        ratios.append(np.var(free[0] - free[1]) / np.var(paired[0] - paired[1]))
        # both have the same law: the variances of single errors agree (1 +- 6 * sqrt(2 / 8192) * ~2)
        assert np.var(free[0]) / np.var(paired[0]) == pytest.approx(1, abs=0.2)
    assert min(ratios) > 300


def test_a_sampler_that_draws_in_its_own_order_refuses_to_be_paired(lab: Laboratory) -> None:
    with pytest.raises(ValueError, match=r"^paired = True: .*sample_uniform does not draw in the same order"):
        lab.estimate(UNIFORM, MODEL, 1, paired=True)


# ------------------------------------------------------------------ interrupts and progress


class Interrupt:
    """A progress callback that behaves like Ctrl-C after some chunks."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, progress: Progress) -> None:
        if progress.done == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 4, 10])
@pytest.mark.parametrize("make", [Serial, lambda: Threads(1), lambda: Threads(2)])
def test_an_interrupt_keeps_finished_chunks_and_the_rerun_has_the_same_bits(
    make: Callable[[], Engine], after: int, path: Path, expected: dict[str, Any]
) -> None:
    with (
        Ledger(path) as ledger,
        Laboratory(4, engine=make(), ledger=ledger, progress=Interrupt(after)) as lab,
    ):
        with pytest.raises(KeyboardInterrupt):
            bits(lab)
        kept = ledger.summary().rows
        assert after <= kept <= 10
        assert lab.computed == kept
        # the same laboratory goes on after the interrupt
        lab.progress = None
        assert same_bits(bits(lab), expected)
        assert lab.reused == kept
        assert lab.computed == 10
    with Ledger(path) as ledger, Laboratory(4, engine=make(), ledger=ledger) as lab:
        assert same_bits(bits(lab), expected)
        assert lab.computed == 0


def test_an_interrupt_while_stored_chunks_are_read_loses_nothing(
    path: Path, expected: dict[str, Any]
) -> None:
    with Ledger(path) as ledger, Laboratory(4, engine=Threads(2), ledger=ledger) as lab:
        bits(lab, chunks=6)
        lab.progress = Interrupt(3)
        with pytest.raises(KeyboardInterrupt):
            bits(lab)
        assert ledger.summary().rows >= 6
        lab.progress = None
        assert same_bits(bits(lab), expected)


def test_an_interrupted_run_itself_can_go_on(expected: dict[str, Any]) -> None:
    with Laboratory(4, engine=Threads(2), progress=Interrupt(3)) as lab:
        run = lab.run(WALK, MODEL, axes={"scale": (1.0, 0.5)}, collect=COLLECT)
        with pytest.raises(KeyboardInterrupt):
            lab.advance([(run, 10)])
        assert run.chunks <= 3
        lab.progress = None
        lab.advance([(run, 10)])
        found = {k: v for name, tally in run.tallies.items() for k, v in tally.to_arrays(name).items()}
    assert same_bits(found, expected)


@pytest.mark.parametrize("make", [Serial, lambda: Threads(2)])
def test_progress_counts_chunks_and_trials(make: Callable[[], Engine]) -> None:
    seen: list[Progress] = []
    ledger = Ledger.memory()
    with Laboratory(4, engine=make(), progress=seen.append, ledger=ledger) as lab:
        lab.label = "walks"
        lab.estimate(WALK, Walk(2), 512)
        seen.clear()
        lab.sweep(WALK["end"], [Walk(1), Walk(2), Walk(3)], trials=1000)  # 4 chunks each, 2 of them stored
        assert [p.done for p in seen] == list(range(1, 13))
        assert [p.trials for p in seen] == list(range(256, 12 * 256 + 1, 256))
        assert {(p.planned, p.label) for p in seen} == {(12, "walks")}
        assert (lab.computed, lab.reused) == (12, 2)
        seen.clear()
        lab.advance([])
        run = lab.run(WALK, Walk(2))
        lab.advance([(run, 0)])
        assert seen == []
    ledger.close()


def test_the_watcher_is_told_what_is_run(lab: Laboratory) -> None:
    told: list[dict[str, Any]] = []
    lab.watch = lambda batch, chunks: told.append(batch.describe(chunks))
    lab.estimate(WALK, Walk(2), 300, axes={"scale": [1, 2]})
    assert told == [
        {
            "sampler": WALK.identifier,
            "model": Walk(2).to_data(),
            "axes": {"scale": [1.0, 2.0]},
            "paired": False,
            "chunks": 2,
            "trials": 512,
        }
    ]
