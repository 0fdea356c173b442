"""R10, the test error: a new background enters through 2m normal numbers of covariance sigma_p^2 W_perp W_perp^T.

err = (1/2K) sum_k P(y_k F_k + c sum_p sum_jr y_k j act(v_p,jr) <= 0),  v_p ~ N(0, sigma_p^2 W_perp W_perp^T),

an integral over 2m P_b dimensions whatever d is. It is taken by a rank-one lattice, its first coordinates given to the
largest eigenvalues, so that the value is deterministic; its error is that of independent draws at the worst,
sqrt(err (1 - err) / POINTS) < 3e-3, and in few dimensions far less.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from lemmata.models import DomainError, Model, real, vector, whole
from theory.numerics.huberised_relu import huberised_relu

Array = npt.NDArray[np.float64]

POINTS = 2**15
MOST_NUMBERS = 2048
"""Normal numbers of a new background: the lattice takes a quarter of a megabyte for each."""
_SMALLEST = 1e-14
_ROUNDING = 1e-6
"""Negative eigenvalues of this share of the largest are what is left of W W^T by subtraction; they count as 0."""
_HERMITE = 120


class TrainedFilters(Model):
    """What new images see of a trained network.

    Parameters
    ----------
    features, filters, background, order, knee, output_exponent, noise
        As for `Training`.
    signals : 2m x 2K list
        Pre-activations <w_jr, mu_k>; the first m rows are the filters of sign +1.
    outside : 2m x 2m list
        W_perp W_perp^T = W W^T - Zs Zs^T/s^2, the Gram matrix of the filters orthogonal to the features (of all of W,
        if noise is full).
    """

    features: int = whole(least=1, doc="features K of each class")
    filters: int = whole(least=1, doc="filters m of each sign")
    noise: float = real(least=0, doc="standard deviation sigma_p of background entries")
    signals: tuple[tuple[float, ...], ...] = vector(depth=2, doc="pre-activations (2m x 2K) on the features")
    outside: tuple[tuple[float, ...], ...] = vector(depth=2, doc="Gram matrix (2m x 2m) off the features")
    background: int = whole(least=1, default=1, doc="background patches P_b of an image")
    order: float = real(least=2, default=3.0, doc="order q of the activation at 0")
    knee: float = real(above=0, default=10.0, doc="kappa, where the activation becomes linear")
    output_exponent: float = real(least=0, most=1, default=1.0, doc="p in the second layer +-m^-p")

    def validate(self) -> None:
        rows = 2 * self.filters
        for name, columns in (("signals", 2 * self.features), ("outside", rows)):
            matrix = getattr(self, name)
            if len(matrix) != rows or any(len(row) != columns for row in matrix):
                raise DomainError(name, f"{len(matrix)} rows", f"a matrix of shape {(rows, columns)}")
        gram = np.array(self.outside)
        if not np.allclose(gram, gram.T, rtol=1e-9, atol=1e-12 * np.abs(gram).max()):
            raise DomainError("outside", "the matrix", "symmetric")
        values = np.linalg.eigvalsh(gram)
        if values[0] < -_ROUNDING * max(values[-1], 0.0):
            raise DomainError(
                "outside", f"a matrix with eigenvalue {values[0]:.4g}", "positive semidefinite, as W W^T is"
            )


class CoherentNoise(Model):
    """A network of order q = 2 that has learnt features and noise alike.

    Parameters
    ----------
    ratio : float
        x, the margin of an object patch over the deviation of what a new background adds.
    """

    ratio: float = real(least=0, doc="margin over the deviation of the background's part")


def test_error(model: TrainedFilters) -> float:
    """Probability that a new image is classified wrongly.

    Raises
    ------
    DomainError
        If the background enters through more than 2048 normal numbers, one for each patch and direction of filters.

    References
    ----------
    R10 of docs/papers/cnn_rank.md.
    """
    return float(np.mean(_new_margins(model) <= 0.0))


def test_loss(model: TrainedFilters) -> float:
    """Mean logistic loss on new images.

    Raises
    ------
    DomainError
        As `test_error`.

    References
    ----------
    R10 of docs/papers/cnn_rank.md.
    """
    return float(np.mean(np.logaddexp(0.0, -_new_margins(model))))


def coherent_error(model: CoherentNoise) -> float:
    """Error of coherently memorised noise, Q(x)/2 + E[Q(x + v) | v > 0]/2: 3/8 at x = 0 (order q = 2, a heuristic).

    The background's part is the difference of two rectified normal numbers, one for each sign of the second layer: half
    of the time one of them is 0.

    References
    ----------
    R10 of docs/papers/cnn_rank.md.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_HERMITE)
    v = 6.0 * (nodes + 1.0)  # beyond 12 the density is below 1e-32
    density = 2.0 * np.exp(-(v**2) / 2.0) / np.sqrt(2.0 * np.pi)
    both = float(6.0 * (weights * density) @ ndtr(-(model.ratio + v)))
    return 0.5 * float(ndtr(-model.ratio)) + 0.5 * both


def _new_margins(model: TrainedFilters) -> Array:
    """y f of images of every kind before every background of the lattice; shape (points, 2K)."""
    own = np.repeat([1.0, -1.0], model.features) * _output(model, np.array(model.signals).T)
    if model.noise == 0.0:
        return own[None]
    values, vectors = np.linalg.eigh(np.array(model.outside))
    values, vectors = values[::-1], vectors[:, ::-1]
    seen = max(1, int(np.sum(values > _SMALLEST * values[0])))
    root = model.noise * vectors[:, :seen] * np.sqrt(np.maximum(values[:seen], 0.0))
    if seen * model.background > MOST_NUMBERS:
        allowed = f"at most {MOST_NUMBERS // seen} for filters of rank {seen}: {MOST_NUMBERS} normal numbers"
        raise DomainError("background", model.background, allowed)
    draws = ndtri(_lattice(seen * model.background)).reshape(POINTS, seen, model.background)
    added = sum(_output(model, draws[:, :, p] @ root.T) for p in range(model.background))
    return own + np.outer(added, np.repeat([1.0, -1.0], model.features))


def _output(model: TrainedFilters, pre_activations: Array) -> Array:
    """Signed outputs c sum_jr j act(z_jr) of rows of pre-activations (any, 2m)."""
    signs = np.repeat([1.0, -1.0], model.filters)
    scale = model.filters**-model.output_exponent
    return scale * huberised_relu(pre_activations, model.order, model.knee) @ signs


@lru_cache(maxsize=1)
def _lattice(dimension: int) -> Array:
    """Points of (0, 1)^dimension: multiples of the square roots of primes, modulo 1."""
    primes, candidate = [2], 3
    while len(primes) < dimension:
        if all(candidate % p for p in primes if p * p <= candidate):
            primes.append(candidate)
        candidate += 2
    steps = np.sqrt(np.array(primes[:dimension], dtype=float))
    return np.mod(np.outer(np.arange(1, POINTS + 1), steps), 1.0)
