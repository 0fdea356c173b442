"""The ridge-regularised linear probe on given features: its errors at all ridges from one reduction.

With features A (p, n), G = A^T A / n and Q = (G + gamma)^-1, a probe that is fitted to a vector v of n values leaves
the residual gamma Q v. Its error is |gamma Q v|^2 / |v|^2, or gamma^2 tr Q^2 / n on pure noise. The smaller Gram matrix
of A is brought to tridiagonal form, together with v; after that a ridge costs min(n, p) operations.

References
----------
Section "Model" and R5 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from lemmata.models import DomainError
from simulations.sampling.blas import gram_of_columns, gram_of_rows, tridiagonalise

Array = npt.NDArray[np.float64]

LARGEST = 1e150
"""Of the penalty on features as they are given: its square must not overflow."""


def probe_errors(
    features: Array, targets: Array, ridge: Array, *, scale: float = 1.0, room: Array | None = None
) -> tuple[Array, Array]:
    """Errors of the probe on each target and on pure noise.

    They are exact for a Gram matrix within rounding of that of the features: an error is good to about
    eps |G| / gamma, where G has eigenvalues as small as that.

    Parameters
    ----------
    features : array (p, n)
    targets : array (k, n)
        None of them zero.
    ridge : array (r,)
        gamma; the penalty of the probe w is n gamma |w|^2.
    scale : float
        The features are given times sqrt(scale).
    room : array (at least min(n, p)^2,), optional
        Work space.

    Returns
    -------
    tuple of arrays
        |gamma Q v|^2 / |v|^2 for each target v, shape (k, r), and gamma^2 tr Q^2 / n, shape (r,).

    Raises
    ------
    DomainError
        If squares of the features or of the ridge overflow, or a ridge lies below the rounding of the Gram matrix.
    """
    require_finite_squares(features)
    # errors are ratios; squares of tiny targets would underflow, powers of two change no digit
    targets = np.ldexp(targets, -np.frexp(np.abs(targets).max(axis=1, keepdims=True))[1])
    p, n = features.shape
    size = min(n, p)
    gram = (np.empty(size * size) if room is None else room[: size * size]).reshape(size, size)
    if p < n:
        gram_of_rows(features, gram)
        vectors = targets @ features.T
    else:
        gram_of_columns(features, gram)
        vectors = targets.copy()
    diagonal, off = tridiagonalise(gram, vectors)
    largest = LARGEST / (n * scale)
    if ridge.max(initial=0.0) > largest:
        raise DomainError("ridge", float(ridge.max()), f"at most {largest:.3g} at this size")
    shift = n * scale * ridge
    forms, trace = np.empty((2, len(targets), len(ridge))), np.empty(len(ridge))
    solved = _shifted_forms(diagonal, off, vectors, shift, forms, trace)
    if solved < len(ridge):
        raise DomainError(
            "ridge", float(ridge[solved]), "larger: it is lost in the rounding of the features' Gram matrix"
        )
    norms = np.einsum("kn,kn->k", targets, targets)[:, None]
    # gamma Q v, with the Gram matrix on the left side (p < n) or on the right one
    left = norms - forms[0] - shift * forms[1] if p < n else shift**2 * forms[1]
    total = max(n - p, 0) + shift**2 * trace
    return np.clip(left / norms, 0.0, 1.0), np.clip(total / n, 0.0, 1.0)


def require_finite_squares(features: Array) -> None:
    """Refuse features that are not finite, or whose Gram matrix would not be.

    Raises
    ------
    DomainError
    """
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(np.vdot(features, features))
    if not math.isfinite(total):
        raise DomainError(
            "features", "overflow", "of finite squares; the activation is too large on these tokens"
        )


@kernel
def _shifted_forms(
    diagonal: Array, off: Array, vectors: Array, shift: Array, forms: Array, trace: Array
) -> int:
    """v^T S v and v^T S^2 v for each vector, and tr S^2, S = (T + shift)^-1 with T tridiagonal, positive semidefinite.

    T + shift = L D L^T, with pivots d_1, d_2, ...; tr S^2 = -sum (ln d_i)'' in the shift, a sum of positive terms. No
    pivot is below the shift; where rounding makes one not positive, the kernel stops and returns the number of shifts
    that it has solved.
    """
    size = len(diagonal)
    ratio, pivot, solved = np.empty(size), np.empty(size), np.empty(size)
    for r in range(len(shift)):
        g = shift[r]
        slope, curve, total = 1.0, 0.0, 0.0
        for i in range(size):
            d = diagonal[i] + g
            if i > 0:
                f = off[i - 1] / pivot[i - 1]
                d -= f * off[i - 1]
                ratio[i] = f
                # derivatives of the pivot, the second one with its sign turned
                curve = f * f * (curve + 2.0 * slope * slope / pivot[i - 1])
                slope = 1.0 + f * f * slope
            if not d > 0.0:
                return r
            pivot[i] = d
            total += (slope / d) * (slope / d) + curve / d
        trace[r] = total
        for k in range(len(vectors)):
            for i in range(size):
                solved[i] = vectors[k, i] - (ratio[i] * solved[i - 1] if i > 0 else 0.0)
            first = second = after = 0.0
            for i in range(size - 1, -1, -1):
                first += solved[i] * solved[i] / pivot[i]
                after = solved[i] / pivot[i] - (ratio[i + 1] * after if i + 1 < size else 0.0)
                second += after * after
            forms[0, k, r] = first
            forms[1, k, r] = second
    return len(shift)
