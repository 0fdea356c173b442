"""Integer moments of a Gaussian matrix along a direction: R3 of docs/papers/context_hijacking.md."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.profiles import share
from theory.numerics.wishart_moments import moments

sizes = st.integers(1, 60)


def trace_moment(rows: int, columns: int, order: int) -> int:
    """E tr (X^T X)^order by Wick's theorem: every pairing of the 2 order entries, summed over equal indices.

    The trace is a sum over closed walks column, row, column, row, ...; a pairing identifies rows and columns, and
    counts rows^(classes of rows) columns^(classes of columns).
    """
    entries = [(i, i) for i in range(order)] + [(i, (i + 1) % order) for i in range(order)]
    total = 0
    for pairing in pairings(list(range(2 * order))):
        row_class, column_class = list(range(order)), list(range(order))
        for a, b in pairing:
            merge(row_class, entries[a][0], entries[b][0])
            merge(column_class, entries[a][1], entries[b][1])
        total += rows ** len(set(row_class)) * columns ** len(set(column_class))
    return total


def pairings(items: list[int]) -> Iterator[list[tuple[int, int]]]:
    if not items:
        yield []
        return
    first, *rest = items
    for i, other in enumerate(rest):
        for pairing in pairings(rest[:i] + rest[i + 1 :]):
            yield [(first, other), *pairing]


def merge(classes: list[int], a: int, b: int) -> None:
    old, new = classes[b], classes[a]
    classes[:] = [new if c == old else c for c in classes]


def test_traces_are_sums_over_all_pairings() -> None:
    """R3: d m_k = E tr S^k, every moment up to the fifth, from Wick's theorem."""
    for rows, columns in itertools.product((1, 2, 3, 5), repeat=2):
        known = moments(rows, columns, 5)
        for k in range(1, 6):
            assert columns * known.power[k] == trace_moment(rows, columns, k)


@given(sizes, sizes, st.integers(1, 12))
@example(1, 1, 12)
@settings(max_examples=share(2))
def test_moments_are_symmetric_in_rows_and_columns(rows: int, columns: int, order: int) -> None:
    """P6: d m_k(n, d) = n m_k(d, n); F_k and D_k^(2) are symmetric in n and d."""
    one, other = moments(rows, columns, order), moments(columns, rows, order)
    assert all(columns * x == rows * y for x, y in zip(one.power[1:], other.power[1:], strict=True))
    assert one.mixed == other.mixed
    assert one.along == other.along


@given(sizes, st.integers(1, 12))
def test_one_column_has_moments_of_chi_squared(rows: int, order: int) -> None:
    """P7: d = 1: m_k = n (n + 2) ... (n + 2k - 2), F_k = (n+1)(n+3)..., D_k^(2) = m_{k-1}(n)."""
    known = moments(rows, 1, order)
    rising = [math.prod(range(rows, rows + 2 * k, 2)) for k in range(order + 1)]
    assert known.power == tuple(rising)
    assert known.along == tuple(rising[:-1])
    assert known.mixed == tuple(math.prod(range(rows + 1, rows + 1 + 2 * k, 2)) for k in range(order))


@given(sizes, sizes)
@example(17, 6)
def test_low_moments(n: int, d: int) -> None:
    """P3: m_1 = n, m_2 = n(n+d+1), m_3 = n[(n+d)^2 + nd + 3(n+d) + 4]; f_0 = n tau; D_1^(2) = 1, D_2^(2) = n+d-1."""
    known = moments(n, d, 3)
    assert known.power[:3] == (1, n, n * (n + d + 1))
    assert known.power[3] == n * ((n + d) ** 2 + n * d + 3 * (n + d) + 4)
    assert known.mixed[0] == 1
    assert known.along[:2] == (1, n + d - 1)


def test_worked_moments() -> None:
    """R3: the values of n = 5, d = 3 on the paper's page, and m_3 = 11968 at n = 17, d = 6."""
    known = moments(5, 3, 4)
    assert known.power == (1, 5, 45, 535, 7595)
    assert known.mixed == (1, 8, 88, 1176)
    assert known.along == (1, 7, 71, 893)
    assert moments(17, 6, 3).power[3] == 11968


def test_the_pairings_are_complete() -> None:
    """The instrument itself: (2k - 1)!! pairings, each once."""
    found = Counter(tuple(sorted(pairing)) for pairing in pairings(list(range(8))))
    assert len(found) == 105
    assert set(found.values()) == {1}
