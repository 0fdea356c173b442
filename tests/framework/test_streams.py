"""Streams and chunks follow from what is computed, never from when or where."""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemmata.chunks import Batch, run_chunk
from lemmata.models import DomainError
from lemmata.names import UnknownNameError
from lemmata.records import Sampler
from lemmata.streams import COMMON, chunk_trials, stream
from lemmata.tally import Collect
from simulations.attention_memorization import RIDGE_REGRESSION
from tests.framework.invented import UNIFORM, WALK, Walk, same_bits, sample_uniform
from theory.attention_memorization import RidgeRegression


def test_a_stream_is_the_keyed_seed_sequence() -> None:
    """PCG64 on SeedSequence(root seed, spawn key = 128 bits of each name's SHA-256, and the chunk's index)."""

    def four_words(text: str) -> list[int]:
        return [int(w) for w in np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], dtype="<u4")]

    sequence = np.random.SeedSequence(7, spawn_key=(*four_words("paper.sampler"), *four_words("model"), 12))
    expected = np.random.Generator(np.random.PCG64(sequence)).integers(2**63, size=50)
    assert same_bits(stream(7, "paper.sampler", "model", 12).integers(2**63, size=50), expected)


def test_streams_differ_in_seed_sampler_model_and_chunk() -> None:
    """No two of 2,400 keys share a first number: coincidence has probability 2,400^2 / 2 / 2^63 < 1e-12."""
    models = [Walk(n).digest() for n in range(1, 6)] + [COMMON]
    keys = itertools.product(range(4), ("a.f", "a.g"), models, range(50))
    first = {int(stream(*key).integers(2**63)) for key in keys}
    assert len(first) == 4 * 2 * 6 * 50


@pytest.mark.parametrize("length", [0, -1, 3, 2.5, 100])
def test_paired_chunks_must_be_a_power_of_two(length: Any) -> None:
    with pytest.raises(DomainError, match=r"^paired_trials = .*: must be a power of two$"):
        replace(WALK, paired_trials=length)


def test_a_range_must_have_a_lowest_below_a_highest_value() -> None:
    with pytest.raises(DomainError, match="a lowest below a highest value"):
        replace(WALK, ranges={"end": (1.0, 1.0)})


def test_a_free_axis_must_be_a_parameter_of_the_model() -> None:
    with pytest.raises(UnknownNameError, match="did you mean steps"):
        Batch(replace(WALK, axes=("stepz",)), Walk(3))


def test_only_the_model_is_left_out_of_a_paired_stream() -> None:
    one, other = Walk(3, drift=0.0), Walk(3, drift=1.0)
    paired = [Batch(WALK, model, paired=True).stream_key for model in (one, other)]
    assert paired == [COMMON, COMMON]
    assert Batch(WALK, one).stream_key != Batch(WALK, other).stream_key


@given(st.floats(1e-3, 1e12))
def test_a_chunk_is_the_power_of_two_that_fits_1e8_operations(work: float) -> None:
    """At least one trial, at most 2^20; otherwise within a factor 2 below 1e8 / work."""
    sampler = Sampler(sample_uniform, ranges={"mean": (0, 1)}, work=lambda _: work)
    trials = chunk_trials(sampler, Walk(1), paired=False)
    assert trials & (trials - 1) == 0
    assert 1 <= trials <= 2**20
    if 100 <= work <= 1e8:
        # the logarithm may be off by a bit where 1e8 / work is a power of two
        assert trials <= 1e8 / work * (1 + 1e-12)
        assert 2 * trials > 1e8 / work * (1 - 1e-12)


@pytest.mark.parametrize("work", [0.0, -1.0, math.nan, math.inf])
def test_work_that_is_no_positive_number_is_refused(work: float) -> None:
    sampler = Sampler(sample_uniform, ranges={"mean": (0, 1)}, work=lambda _: work)
    with pytest.raises(ValueError, match=r"^work = .*sample_uniform must declare a positive finite work"):
        chunk_trials(sampler, Walk(1), paired=False)


def test_paired_chunks_have_one_length_for_all_models() -> None:
    assert {chunk_trials(WALK, Walk(n), paired=True) for n in (1, 10, 1000)} == {512}
    assert chunk_trials(UNIFORM, Walk(1), paired=False) != chunk_trials(UNIFORM, Walk(100), paired=False)
    with pytest.raises(ValueError, match=r"^paired = True: .*sample_uniform does not draw in the same order"):
        chunk_trials(UNIFORM, Walk(1), paired=True)


# ---- free axes: in the chunk's key, not in the stream's


def keys(batch: Batch) -> list[str]:
    return batch.keys(0, 3, "code")


def test_free_axes_are_in_the_key_and_not_in_the_stream() -> None:
    base = Batch(WALK, Walk(3), {"scale": (1.0, 2.0)})
    others = [
        Batch(WALK, Walk(3), {"scale": (1.0, 3.0)}),
        Batch(WALK, Walk(3), {"scale": (2.0, 1.0)}),
        Batch(WALK, Walk(3)),
        Batch(WALK, Walk(3, scale=2.0)),
        Batch(WALK, Walk(3), {"scale": (1.0,)}),
    ]
    assert {batch.stream_key for batch in (base, *others)} == {base.stream_key}
    assert len({key for batch in (base, *others) for key in keys(batch)}) == 3 * 6


def test_a_free_axis_that_is_given_hides_the_models_own_value() -> None:
    one, other = (Batch(WALK, Walk(3, scale=scale), {"scale": (1.0, 2.0)}) for scale in (1.0, 7.0))
    assert keys(one) == keys(other)
    assert same_bits(run_chunk(one, 1), run_chunk(other, 1))


def test_everything_else_changes_the_key() -> None:
    base = Batch(WALK, Walk(3))
    variants: list[Batch] = [
        base,
        replace(base, sampler=UNIFORM),
        replace(base, sampler=replace(WALK, work=lambda _: 1e6)),  # chunks of another length
        replace(base, model=Walk(4)),
        replace(base, model=Walk(3, drift=1e-300)),
        replace(base, seed=1),
        replace(base, paired=True),
        replace(base, collect=Collect(rows=("end",))),
        replace(base, collect=Collect(histogram={"end": (0.0, 1.0)})),
        replace(base, collect=Collect(covariance=("end",))),
    ]
    found = [key for batch in variants for key in keys(batch)] + base.keys(0, 3, "other code")
    assert len(set(found)) == 3 * (len(variants) + 1)
    assert base.keys(1, 3, "code") == keys(base)[1:]


@pytest.mark.parametrize(
    ("axes", "error", "message"),
    [
        ({"scal": [1.0]}, UnknownNameError, "unknown free axis 'scal'; did you mean scale?"),
        ({"drift": [1.0]}, UnknownNameError, "unknown free axis 'drift'; "),
        ({"scale": []}, DomainError, "scale = []: must be a non-empty one-dimensional list"),
        ({"scale": 1.0}, DomainError, "scale = 1.0: must be a non-empty one-dimensional list"),
        ({"scale": [[1.0]]}, DomainError, "scale = [[1.0]]: must be a non-empty one-dimensional list"),
        ({"scale": [1.0, 0.0]}, DomainError, "scale[1] = 0.0: must be a finite real number > 0"),
        ({"scale": [1.0, math.nan]}, DomainError, "scale[1] = nan: must be a finite real number > 0"),
        ({"scale": ["a"]}, DomainError, "scale[0] = 'a': must be a finite real number > 0"),
    ],
)
def test_bad_free_axes_are_named(axes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        Batch(WALK, Walk(3), axes)
    assert message in str(caught.value)


def test_an_output_that_is_not_there_is_named() -> None:
    for collect in (
        Collect(rows=("ends",)),
        Collect(covariance=("ends",)),
        Collect(histogram={"ends": (0, 1)}),
    ):
        with pytest.raises(UnknownNameError, match=r"unknown output 'ends'; did you mean end\?"):
            Batch(WALK, Walk(3), collect=collect)


# ---- the paper's own sampler keeps the rules


@pytest.mark.parametrize("change", [{"snr": 0.0}, {"snr": 30.0}, {"dimension": 70}, {"tokens": 50}])
def test_ridge_regression_draws_in_the_same_order_for_every_model(change: dict[str, Any]) -> None:
    """Two models on one stream: their errors move together (by chance they would correlate by less than 0.1)."""
    model = RidgeRegression(tokens=48, dimension=64, ridge=1.0, snr=1.0)
    collect = Collect(rows=("error",))
    errors = [
        run_chunk(Batch(RIDGE_REGRESSION, m, paired=True, collect=collect), 0)["error.rows"]
        for m in (model, replace(model, **change))
    ]
    assert np.asarray(np.corrcoef(np.stack(errors)))[0, 1] > 0.5
