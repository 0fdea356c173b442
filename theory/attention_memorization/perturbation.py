"""Errors on given vectors, with the perturbation of low rank that weights and unbalanced labels add to the bulk.

The error on a unit vector v is gamma^2 v^T Q^2 v = -gamma^2 dPsi/dgamma, Psi = lim v^T Q v. In the block form in which
the bulk has the resolvent [[phi, theta], [theta, -eta]], the weights couple (w_Q; 0) with (0; w_K) by al = a_1/c; for
labels of mean beta the second Hermite coefficient couples (t; 0) with (0; 1) and (1; 0) with (0; t) by a_2/c, where
1 is the unit constant vector and t the direction of the tokens' norms.

All of these vectors are combinations of a few components with orthogonal spectral measures: the matched filter
along X^T mu, vectors X^T w with w orthogonal to mu, and noise. With the couplings K and the 2 x 2 blocks Sigma of the
components' integrals,

    Psi = v^T Sigma z,     z = (1 + K Sigma)^-1 v,     -dPsi = z^T dSigma z,

and -dSigma is the sum of dA (phi a + theta b)^2, -dD (theta a - eta b)^2 and the cross term of dr for a component whose
entries of z in the two blocks are a, b: an error is a sum of squares, as it has to be.

References
----------
arXiv 2506.18656, Theorem 1; R4 and R8 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from theory.attention_memorization.bulk import Law, Solution
from theory.attention_memorization.models import Matrix
from theory.attention_memorization.residues import (
    ETA,
    ETA_ETA,
    MATCHED,
    NOISE,
    PHI,
    PHI_ETA,
    PHI_PHI,
    PHI_THETA,
    PLAIN,
    THETA,
    THETA_ETA,
    THETA_THETA,
)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Perturbation:
    """Couplings between components, and two unit vectors in them.

    Parameters
    ----------
    measures : tuple of int
        The spectral measure of each component.
    coupling : array
        W in K = [[0, W], [W^T, 0]]: first block by second block.
    matched_filter, labels : array
        The unit vectors along X^T mu and y.
    """

    measures: tuple[int, ...]
    coupling: Array
    matched_filter: Array
    labels: Array


def of_weights(gram: Matrix, slope: float) -> Perturbation:
    """The perturbation by the weights alone: it sees of the labels the matched filter only.

    Parameters
    ----------
    gram : 3 x 3
        Inner products of (mu, w_K, w_Q).
    slope : float
        al.
    """
    snr = gram[0][0]
    signal, key, query = (math.sqrt(max(gram[i][i], 0.0)) for i in range(3))
    matched_filter = np.array([1.0, 0.0, 0.0])
    labels = math.sqrt(snr / (1 + snr)) * matched_filter  # the rest is noise
    coupling = np.zeros((3, 3))
    if key * query > 0:
        # w_K and w_Q in units of their norms: along mu, orthogonal to it, and w_K orthogonal to w_Q besides;
        # without signal they count as orthogonal to its direction
        of_key, of_query = (gram[0][1] / key / signal, gram[0][2] / query / signal) if snr > 0 else (0.0, 0.0)
        across = _leg(1 - of_query**2)
        along = (gram[1][2] / key / query - of_key * of_query) / across if across > 0 else 0.0
        rest = _leg(1 - of_key**2 - along**2)
        lift = math.sqrt(1 + snr)  # |X^T w| / sqrt n for a unit w along mu
        coupling = (
            slope * key * query * np.outer([lift * of_query, across, 0.0], [lift * of_key, along, rest])
        )
    return Perturbation((MATCHED, PLAIN, PLAIN), coupling, matched_filter, labels)


def _leg(square: float) -> float:
    """Square root of what is left of one; what is left by rounding counts as nothing."""
    return math.sqrt(square) if square > 1e-15 else 0.0


def of_weights_and_labels(gram: Matrix, slope: float, quadratic: float, mean: float) -> Perturbation:
    """The perturbation by weights and by labels of mean beta, with the coupling a_2/c."""
    weights, snr = of_weights(gram, slope), gram[0][0]
    # three components of noise: in the labels, in the constant vector besides, along the norms
    labels = np.array([*weights.labels, 1 / math.sqrt(1 + snr), 0.0, 0.0])
    constant = mean * labels + math.sqrt(1 - mean**2) * np.eye(6)[4]
    norms = np.eye(6)[5]
    coupling = quadratic * (np.outer(norms, constant) + np.outer(constant, norms))
    coupling[:3, :3] += weights.coupling
    matched_filter = np.array([*weights.matched_filter, 0.0, 0.0, 0.0])
    return Perturbation((*weights.measures, NOISE, NOISE, NOISE), coupling, matched_filter, labels)


def error_on(vector: Array, perturbation: Perturbation, law: Law, solution: Solution) -> Array:
    """The error on a vector in the components of a perturbation, at each ridge (N,) of a solution of the bulk."""
    size = len(vector)
    i = solution.integrals[:, perturbation.measures]
    # K Sigma = [[W theta, -W eta], [W^T phi, W^T theta]]
    system = np.empty((len(i), 2 * size, 2 * size))
    system[:, :size, :size] = perturbation.coupling * i[:, None, :, THETA]
    system[:, :size, size:] = -perturbation.coupling * i[:, None, :, ETA]
    system[:, size:, :size] = perturbation.coupling.T * i[:, None, :, PHI]
    system[:, size:, size:] = perturbation.coupling.T * i[:, None, :, THETA]
    system += np.eye(2 * size)
    z = np.linalg.solve(system, np.concatenate([vector, np.zeros(size)])[:, None])[..., 0]
    a, b = z[:, :size], z[:, size:]

    by_level = a * a * i[..., PHI_PHI] + 2 * a * b * i[..., PHI_THETA] + b * b * i[..., THETA_THETA]
    by_coupling = a * a * i[..., THETA_THETA] - 2 * a * b * i[..., THETA_ETA] + b * b * i[..., ETA_ETA]
    by_offset = (
        a * a * i[..., PHI_THETA]
        + a * b * (i[..., THETA_THETA] - i[..., PHI_ETA])
        - b * b * i[..., THETA_ETA]
    )
    return solution.ridge * (
        solution.level * solution.level_slope * by_level.sum(axis=1)
        - law.excess * solution.trace * solution.trace_slope * by_coupling.sum(axis=1)
        - 2 * law.excess * solution.offset_slope * by_offset.sum(axis=1)
    )
