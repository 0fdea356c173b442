"""Sampler of linear attention by the chain of ridge regression (R9).

For f(t) = t with its diagonal kept and w = 0, K = X^T X / p, so that G = K^T (X^T X / n) K = B^3 / c^2 is a function of
B = X^T X / n alone, c = p/n. Started at the labels, Golub-Kahan bidiagonalisation turns B into L^T L with a small
bidiagonal matrix L of independent entries.

References
----------
R9 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg

from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.attention_memorization.ridge_regression import draw_levels
from theory.attention_memorization import Aligned, Attention
from theory.numerics.activations import Linear

Array = npt.NDArray[np.float64]


def sample_linear_chain(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Exact law of the errors of linear attention at finite size, from eigenvalues of a tridiagonal matrix.

    With eigenvalues b_k of L^T L and first components u_k of its eigenvectors,
    E = sum u_k^2 (gamma/(b_k^3/c^2 + gamma))^2; T is the plain mean over all n eigenvalues. The law does not depend on
    the labels, which have squared length n. A trial costs 2 min(n, p) chi variates and about 50 min(n, p)^2 operations.
    Literal twin: `sample_attention`.

    Parameters
    ----------
    model : Attention
        With linear activation, kept diagonal and no weights.
    rng : numpy.random.Generator
    trials : int
    ridge : array (r,)
        Free axis: one draw serves all ridges.

    Returns
    -------
    dict
        Arrays (trials, r): 'error' (E, on the labels) and 'trace_error' (T, on pure noise).

    Raises
    ------
    DomainError
        If the activation is not linear, its diagonal is not kept, or there are weights.
    """
    _check(model)
    n, p = model.tokens, model.dimension
    levels = min(n, p)
    diagonal, superdiagonal = np.empty((2, levels, trials))
    first, redraws = rng.spawn(2)
    draw_levels(first, redraws, (n, p, model.snr), 0, diagonal, superdiagonal)
    outputs = {name: np.empty((trials, len(ridge))) for name in _RANGES}
    for trial in range(trials):
        values, weights = spectrum(diagonal[:, trial], superdiagonal[:, trial])
        left = (ridge / ((n / p) ** 2 * values[:, None] ** 3 + ridge)) ** 2
        outputs["error"][trial] = np.minimum(weights @ left, 1.0)
        outputs["trace_error"][trial] = (n - len(values) + left.sum(axis=0)) / n
    return outputs


def spectrum(diagonal: Array, superdiagonal: Array) -> tuple[Array, Array]:
    """Eigenvalues of L^T L and squared first components of its eigenvectors.

    Parameters
    ----------
    diagonal, superdiagonal : array (levels,)
        Squared entries of the bidiagonal matrix L. If the last superdiagonal one is not zero, L has a column more.
    """
    inner = np.append(diagonal, 0.0)
    inner[1:] += superdiagonal
    outer = np.sqrt(diagonal * superdiagonal)
    if superdiagonal[-1] == 0:
        inner, outer = inner[:-1], outer[:-1]
    values, vectors = linalg.eigh_tridiagonal(inner, outer, check_finite=False)
    return np.maximum(values, 0.0), vectors[0] ** 2


def _check(model: Attention) -> None:
    if not isinstance(model.activation, Linear):
        raise DomainError("activation", model.activation, "linear")
    if model.diagonal != "keep":
        raise DomainError("diagonal", model.diagonal, "keep")
    if not isinstance(model.alignment, Aligned) or model.alignment.strength * model.snr != 0:
        raise DomainError("alignment", model.alignment, "none: aligned, of strength 0")


def _work(model: Attention) -> float:
    return 1e4 + 50.0 * min(model.tokens, model.dimension) ** 2


_RANGES: dict[str, tuple[float, float]] = {"error": (0.0, 1.0), "trace_error": (0.0, 1.0)}

LINEAR_CHAIN = Sampler(sample_linear_chain, axes=("ridge",), ranges=_RANGES, work=_work)
