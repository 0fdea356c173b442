"""The ridge-regularised linear probe on given features: its errors at all ridges from one factorisation.

With features A (p, n), G = A^T A / n and Q = (G + gamma)^-1, a probe that is fitted to a vector v of n values leaves
the residual gamma Q v. The errors are |gamma Q v|^2 / |v|^2, and gamma^2 tr Q^2 / n for pure noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def probe_errors(features: Array, targets: Array, ridge: Array) -> tuple[Array, Array]:
    """Errors of the probe on each target and on pure noise.

    Parameters
    ----------
    features : array (p, n)
    targets : array (k, n)
    ridge : array (r,)
        gamma; the penalty of the probe w is n gamma |w|^2.

    Returns
    -------
    tuple of arrays
        |gamma Q v|^2 / |v|^2 for each target v, shape (k, r), and gamma^2 tr Q^2 / n, shape (r,).
    """
    p, n = features.shape
    shift = n * ridge
    norms = np.einsum("kn,kn->k", targets, targets)[:, None]
    if p < n:
        values, vectors = np.linalg.eigh(features @ features.T)
        values = np.maximum(values, 0.0)
        weights = (vectors.T @ (features @ targets.T)) ** 2
        explained = (values[:, None] + 2 * shift) / (values[:, None] + shift) ** 2
        errors = 1 - weights.T @ explained / norms
    else:
        values, vectors = np.linalg.eigh(features.T @ features)
        values = np.maximum(values, 0.0)
        weights = (vectors.T @ targets.T) ** 2
        errors = weights.T @ (shift / (values[:, None] + shift)) ** 2 / norms
    left = (shift / (values[:, None] + shift)) ** 2
    trace = (max(n - p, 0) + left.sum(axis=0)) / n
    return np.clip(errors, 0.0, 1.0), np.clip(trace, 0.0, 1.0)
