"""Tallies: what a chunk leaves behind is what its trials say, and survives storage to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lemmata.statistics import Array
from lemmata.tally import Collect, Tally
from tests.framework.invented import same_bits

EPS = np.finfo(float).eps
EDGES = (-1.0, 0.0, 0.25, 1.0)
ALL = Collect(rows=("x",), covariance=("x",), histogram={"x": EDGES})

values = st.floats(-3, 3, allow_subnormal=False) | st.sampled_from(EDGES)
trials = hnp.arrays(np.float64, st.tuples(st.integers(2, 20), st.integers(1, 3)), elements=values)


def split(rows: Array, cut: int) -> Tally:
    """The tally of all rows, merged from two chunks."""
    return Tally.of(rows[:cut], "x", ALL).merge(Tally.of(rows[cut:], "x", ALL))


@given(trials, st.integers(1, 19))
def test_comoments_are_sums_of_products_of_deviations(rows: Array, cut: int) -> None:
    """C_ij = sum (x_i - mean_i)(x_j - mean_j) over all trials, in one chunk or merged from two."""
    n, k = rows.shape
    cut = min(cut, n - 1)
    mean = rows.mean(axis=0)
    direct = np.array(
        [[np.sum((rows[:, i] - mean[i]) * (rows[:, j] - mean[j])) for j in range(k)] for i in range(k)]
    )
    # sums of n products of numbers up to 6, each with a few roundings, and a merge of the same size
    bound = 16 * n * n * EPS * 36
    for tally in (Tally.of(rows, "x", ALL), split(rows, cut)):
        assert tally.comoments is not None
        assert np.abs(tally.comoments - direct).max() <= bound
        assert np.abs(np.diag(tally.comoments) - tally.moments.m2).max() <= bound
        assert np.array_equal(tally.comoments, tally.comoments.T)


def test_comoments_flatten_an_output_with_a_shape() -> None:
    rows = np.random.default_rng(0).standard_normal((200, 2, 3))
    tally = Tally.of(rows, "x", ALL)
    assert tally.comoments is not None
    assert tally.comoments / 199 == pytest.approx(np.cov(rows.reshape(200, 6).T), rel=1e-12, abs=1e-14)


@given(trials)
@example(np.array([[-1.0], [0.0], [0.25], [1.0], [np.nextafter(-1, -2)], [np.nextafter(1, 2)]]))
def test_histogram_bins_are_half_open_and_the_last_is_closed(rows: Array) -> None:
    """Counts: below, [-1, 0), [0, .25), [.25, 1], above; every trial falls in exactly one."""
    counts = Tally.of(rows, "x", ALL).counts
    assert counts is not None
    x = rows
    expected = [x < -1, (x >= -1) & (x < 0), (x >= 0) & (x < 0.25), (x >= 0.25) & (x <= 1), x > 1]
    assert np.array_equal(counts, [where.sum(axis=0) for where in expected])
    assert np.array_equal(counts.sum(axis=0), [len(rows)] * rows.shape[1])
    inside = [np.histogram(rows[:, i], bins=EDGES)[0] for i in range(rows.shape[1])]
    assert np.array_equal(counts[1:-1], np.transpose(inside))


@given(trials, st.integers(1, 19))
def test_counts_and_rows_merge_without_loss(rows: Array, cut: int) -> None:
    cut = min(cut, len(rows) - 1)
    whole, merged = Tally.of(rows, "x", ALL), split(rows, cut)
    assert merged.moments.count == len(rows)
    assert same_bits(merged.counts, whole.counts)
    assert merged.rows is not None
    assert same_bits(np.concatenate(merged.rows), rows)


@given(
    trials, st.integers(1, 19), st.sampled_from([ALL, Collect(), Collect(rows=("x",)), Collect(rows=("y",))])
)
@example(np.array([[-0.0], [0.0]]), 1, ALL)
def test_arrays_read_back_to_the_same_bits(rows: Array, cut: int, collect: Collect) -> None:
    """from_arrays(to_arrays(t)) is t, and merging it gives the bits that merging t gives."""
    cut = min(cut, len(rows) - 1)
    first, second = Tally.of(rows[:cut], "x", collect), Tally.of(rows[cut:], "x", collect)
    arrays = first.to_arrays("x")
    again = Tally.from_arrays("x", cut, arrays)
    assert same_bits(again.to_arrays("x"), arrays)
    assert again.moments.count == cut
    assert same_bits(again.merge(second).to_arrays("x"), first.merge(second).to_arrays("x"))
    assert set(arrays) == {"x.moments"} | (
        {"x.comoments", "x.counts", "x.rows"}
        if collect is ALL
        else {"x.rows"}
        if "x" in collect.rows
        else set()
    )


def test_only_what_is_asked_for_is_kept() -> None:
    tally = Tally.of(np.ones((4, 2)), "x", Collect(rows=("y",), covariance=("y",), histogram={"y": (0, 1)}))
    assert (tally.comoments, tally.counts, tally.rows) == (None, None, None)


def test_outputs_of_one_tally_do_not_mix() -> None:
    rows = np.arange(6.0).reshape(3, 2)
    arrays = Tally.of(rows, "x", ALL).to_arrays("x") | Tally.of(-rows, "x2", ALL).to_arrays("x2")
    assert np.array_equal(Tally.from_arrays("x", 3, arrays).moments.mean, rows.mean(axis=0))
    assert np.array_equal(Tally.from_arrays("x2", 3, arrays).moments.mean, -rows.mean(axis=0))


@pytest.mark.parametrize("edges", [(), (1.0,), (0.0, 0.0), (1.0, 0.0), (0.0, float("nan"), 1.0)])
def test_edges_must_increase(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"^histogram\['x'\] = .*: must be at least two increasing edges$"):
        Collect(histogram={"x": edges})


def test_what_is_collected_has_one_canonical_form() -> None:
    """Order of names and spelling of edges do not change a chunk's key."""
    one = Collect(rows=("b", "a"), histogram={"y": (0, 1), "x": (0, 2)})
    other = Collect(rows=("a", "b"), histogram={"x": (0.0, 2.0), "y": (0.0, 1.0)})
    assert repr(one.to_data()) == repr(other.to_data())
    assert one.outputs == {"a", "b", "x", "y"}
