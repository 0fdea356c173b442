"""Exact moments of a Gaussian matrix X (n x d) along a unit vector w, as integers.

Golub-Kahan bidiagonalisation of X started at w has independent chi entries, of n, d - 1, n - 1, d - 2, ... degrees of
freedom. A moment of order k is a sum over closed paths on this chain, that is over compositions a_1 + ... + a_h = k:

    D_k^(j) = sum E[chi_n^(2 a_1 - j)] prod_{i >= 2} binom(a_{i-1} + a_i - 1, a_i) E[chi_{nu_i}^(2 a_i)],

and even moments of chi are integers, E chi_nu^(2b) = nu (nu + 2) ... (nu + 2b - 2). Then, with S = X^T X, z = X w,

    E w^T S^k w = D_k^(0),    E[w^T S^k X^T z / |z|] = D_{k+1}^(1),    E[z^T (X X^T)^k z / |z|^2] = D_{k+1}^(2).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from operator import mul


@dataclass(frozen=True)
class Moments:
    """Moments up to an order K, all integers.

    Parameters
    ----------
    power : tuple of int, length K + 1
        m_k = D_k^(0) = E tr S^k / d.
    mixed : tuple of int, length K
        F_k = D_{k+1}^(1) / E chi_n.
    along : tuple of int, length K
        D_{k+1}^(2).
    """

    power: tuple[int, ...]
    mixed: tuple[int, ...]
    along: tuple[int, ...]


@lru_cache(maxsize=256)
def moments(rows: int, columns: int, order: int) -> Moments:
    """Moments of a `rows` x `columns` matrix up to an order >= 1; O(order^4) operations on integers.

    References
    ----------
    R3 of docs/papers/context_hijacking.md.
    """
    paths = _path_sums(rows, columns, order)
    chi_square = _rising(rows, order)  # E chi^(2a), a = 0..order
    chi_odd = _rising(rows + 1, order)  # E chi^(2a+1) / E chi
    power, mixed, along = [1], [], []
    for k in range(1, order + 1):
        tails = [paths[a][k - a] for a in range(1, k + 1)]
        power.append(sum(map(mul, chi_square[1:], tails)))
        mixed.append(sum(map(mul, chi_odd, tails)))
        along.append(sum(map(mul, chi_square, tails)))
    return Moments(tuple(power), tuple(mixed), tuple(along))


def _path_sums(rows: int, columns: int, order: int) -> list[list[int]]:
    """F_1[a][k]: sums over what lies below a first level of weight a, for a remaining length k."""
    choose = [[math.comb(a + b - 1, b) for b in range(1, order + 1)] for a in range(order + 1)]
    below: list[list[int]] = [[], [1]]  # of the deepest level that a path of this length can reach
    for level in range(order - 1, 0, -1):
        # the chi variable that leads from this level to the next one: d - 1, n - 1, d - 2, ...
        freedom = (columns if level % 2 else rows) - (level + 1) // 2
        weight = _rising(max(freedom, 0), order)
        longest = order - level
        terms = [[weight[b] * below[b][k - b] for b in range(1, k + 1)] for k in range(1, longest + 1)]
        below = [
            [1, *(sum(map(mul, choose[a], row)) for row in terms[: longest - a + 1])]
            for a in range(longest + 2)
        ]
    return below


def _rising(start: int, count: int) -> list[int]:
    """1, start, start (start + 2), ...: `count` + 1 products."""
    return list(itertools.accumulate(range(start, start + 2 * count, 2), mul, initial=1))
