"""The largest eigenvalue of a real symmetric Gaussian matrix (GOE) of any size: its exact law and mean.

Off-diagonal entries have variance 1, diagonal entries 2. The eigenvalues have density
~ prod |x_i - x_j| exp(-sum x^2/4), so that by de Bruijn's formula P(max <= x) is a Pfaffian of integrals over
(-infinity, x] of Hermite functions.

References
----------
N. G. de Bruijn (1955), On some multiple integrals involving determinants. M. Chiani (2014), Distribution of the largest
eigenvalue for real Wishart and Gaussian random matrices.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lemmata.domains import DomainError

Array = npt.NDArray[np.float64]

MOST_SIZE = 120
_NODES = 12
_BEYOND = 9.0
"""How far beyond the edges +-2 sqrt(size) the density is integrated."""


@lru_cache(maxsize=128)
def goe_top_mean(size: int) -> float:
    """Mean of the largest eigenvalue of a `size` x `size` matrix: 0, sqrt(pi/2), ..., ~ 2 sqrt(size).

    Parameters
    ----------
    size : int
        Between 1 and 120.

    Raises
    ------
    DomainError
        Outside this range.
    """
    if not 1 <= size <= MOST_SIZE:
        raise DomainError("size", size, f"a whole number between 1 and {MOST_SIZE}")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    inner = _antiderivatives(nodes)
    edge = 2.0 * np.sqrt(size) + _BEYOND
    ends = np.linspace(-edge, edge, 24 + 2 * size)
    half = (ends[1] - ends[0]) / 2.0
    single, double = np.zeros(size), np.zeros((size, size))  # integrals over (-infinity, start of the panel]
    logs = []
    for start in ends[:-1]:
        values = _hermite_functions(start + half * (1.0 + nodes), size)
        reached = single + half * inner @ values
        wedge = reached[:, :, None] * values[:, None, :]
        wedge -= wedge.swapaxes(1, 2)
        logs.append(_log_pfaffian(double + half * np.tensordot(inner, wedge, 1), reached))
        single = single + half * weights @ values
        double = double + half * np.tensordot(weights, wedge, 1)
    whole = _log_pfaffian(double[None], single[None])[0]
    below = np.exp(np.minimum(np.array(logs) - whole, 0.0))
    return float(edge - half * (below @ weights).sum())


def _hermite_functions(places: Array, count: int) -> Array:
    """Orthonormal functions He_k(x) exp(-x^2/4) / norm; shape (places, count)."""
    values = np.empty((len(places), count))
    values[:, 0] = np.exp(-(places**2) / 4.0) / (2.0 * np.pi) ** 0.25
    for k in range(1, count):
        values[:, k] = places * values[:, k - 1] / np.sqrt(k)
        if k > 1:
            values[:, k] -= np.sqrt((k - 1) / k) * values[:, k - 2]
    return values


def _antiderivatives(nodes: Array) -> Array:
    """Matrix from values at the nodes to integrals from -1 to each node, exact for the interpolating polynomial."""
    legendre = np.polynomial.legendre
    coefficients = np.linalg.inv(legendre.legvander(nodes, len(nodes) - 1))
    return legendre.legvander(nodes, len(nodes)) @ legendre.legint(coefficients, lbnd=-1)


def _log_pfaffian(double: Array, single: Array) -> Array:
    """Logarithm of |Pf| of antisymmetric matrices (points, k, k), bordered by `single` (points, k) if k is odd."""
    if single.shape[1] % 2:
        bordered = np.zeros((len(single), single.shape[1] + 1, single.shape[1] + 1))
        bordered[:, :-1, :-1] = double
        bordered[:, :-1, -1], bordered[:, -1, :-1] = single, -single
        double = bordered
    return np.linalg.slogdet(double)[1] / 2.0
