"""Errors on given vectors, with the perturbation of low rank that weights and unbalanced labels add to the bulk.

For a unit vector v let Psi = lim v^T Q v; the error on v is gamma^2 v^T Q^2 v = -gamma^2 dPsi/dgamma. In the block
form in which the bulk has the resolvent [[phi, theta], [theta, -eta]], the weights couple (w_Q; 0) with (0; w_K) by
al = a_1/c, and for labels of mean beta the second Hermite coefficient couples (t; 0) with (0; 1) and (1; 0) with (0; t)
by a_2/c, where 1 is the unit constant vector and t the direction of the tokens' norms. With couplings Omega,

    Psi = <phi>_vv - g^T (I + Omega Sigma)^-1 Omega g,     g_i = <.>_{v v_i},     Sigma_ij = <.>_{v_i v_j},

<.> = phi, theta or -eta according to the blocks of the two vectors, integrated against their spectral measure (R0).

References
----------
arXiv 2506.18656, Theorem 1; R4 and R8 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from theory.attention_memorization.bulk import Law, Solution
from theory.attention_memorization.models import Matrix
from theory.attention_memorization.residues import (
    ETA,
    ETA_ETA,
    PHI,
    PHI_ETA,
    PHI_PHI,
    PHI_THETA,
    THETA,
    THETA_ETA,
    THETA_THETA,
)

Array = npt.NDArray[np.float64]


class Perturbation:
    """The coupled vectors, by their spectral measures.

    Parameters
    ----------
    gram : 3 x 3
        Inner products of (mu, w_K, w_Q).
    slope : float
        al, the coupling of the weights.
    quadratic : float
        a_2/c, with the sign that makes al >= 0.
    mean : float
        Mean beta of the labels.
    """

    def __init__(self, gram: Matrix, slope: float, quadratic: float, mean: float) -> None:
        snr = gram[0][0]
        signal, key, query = (math.sqrt(max(gram[i][i], 0.0)) for i in range(3))
        weighted = slope * key * query > 0
        self.sees_imbalance = mean != 0 and quadratic != 0
        vectors = ["query", "key"] * weighted + ["norms", "ones", "ones", "norms"] * self.sees_imbalance
        strengths = [slope * key * query] * weighted + [quadratic, quadratic] * self.sees_imbalance
        self._couplings = np.array([x for x in strengths for _ in range(2)])

        # spectral measures of pairs of unit vectors, as combinations of the four measures
        noise, matched, plain, tilted = np.eye(4)
        label = (noise + snr * matched) / (1 + snr)
        measure = {
            ("label", "label"): label,
            ("filter", "filter"): matched,
            ("norms", "norms"): noise,
            ("ones", "ones"): mean**2 * label + (1 - mean**2) * noise,
            ("ones", "label"): mean * label,
            ("ones", "filter"): mean * signal / math.sqrt(1 + snr) * matched,
        }
        if weighted:
            cosine = {
                "key": 0.0,
                "query": 0.0,
            }  # with mu; without signal the weights count as orthogonal to it
            if snr > 0:
                cosine = {"key": gram[0][1] / (signal * key), "query": gram[0][2] / (signal * query)}
            for one in cosine:
                measure[one, "label"] = signal * cosine[one] * matched
                measure[one, "filter"] = math.sqrt(1 + snr) * cosine[one] * matched
                measure[one, "ones"] = measure["ones", one] = mean * measure[one, "label"]
                for other in cosine:
                    product = 1.0 if one == other else gram[1][2] / (key * query)
                    measure[one, other] = product * plain + snr * cosine[one] * cosine[other] * tilted

        def measures(ones: list[str], others: list[str]) -> Array:
            table = [[measure.get((a, b), np.zeros(4)) for b in others] for a in ones]
            return np.array(table).reshape(len(ones), len(others), 4)

        self._own = {v: measure[v, v] for v in ("label", "filter")}
        self._with = {v: measures(vectors, [v])[:, 0] for v in ("label", "filter")}
        self._pairs = measures(vectors, vectors)

    def error_on_labels(self, law: Law, solution: Solution) -> Array:
        """E at each ridge of a solution of the bulk."""
        return self._error("label", law, solution)

    def error_on_matched_filter(self, law: Law, solution: Solution) -> Array:
        """S at each ridge of a solution of the bulk: the error on the unit vector along X^T mu."""
        return self._error("filter", law, solution)

    def _error(self, vector: str, law: Law, solution: Solution) -> Array:
        forms = _forms(solution.integrals)
        slopes = _slopes(law, solution)
        first, second = np.arange(len(self._couplings)) % 2, np.zeros(len(self._couplings), dtype=int)
        change = slopes[:, 0] @ self._own[vector]
        if len(first):
            g, dg = (_contract(self._with[vector], x[:, first + second]) for x in (forms, slopes))
            sigma, dsigma = (_contract(self._pairs, x[:, first[:, None] + first]) for x in (forms, slopes))
            swap = np.arange(len(first)) ^ 1  # Omega couples 0 with 1, 2 with 3, 4 with 5
            omega = np.zeros((len(first), len(first)))
            omega[np.arange(len(first)), swap] = self._couplings
            x = np.linalg.solve(np.eye(len(first)) + omega @ sigma, (omega @ g[..., None]))[..., 0]
            change += np.einsum("ni,nij,nj->n", x, dsigma, x) - 2 * np.einsum("ni,ni->n", dg, x)
        return -solution.ridge * change


def _forms(integrals: Array) -> Array:
    """Values (N, 3, 4) of phi, theta and -eta, in the order of the number of vectors in the second block."""
    return np.stack([integrals[..., PHI], integrals[..., THETA], -integrals[..., ETA]], axis=1)


def _slopes(law: Law, solution: Solution) -> Array:
    """Their derivatives in ln gamma, through A, D and r."""
    level = (solution.level * solution.level_slope)[:, None]
    coupling = (law.excess * solution.trace * solution.trace_slope)[:, None]
    offset = law.excess * solution.offset_slope[:, None]
    i = solution.integrals
    phi = -level * i[..., PHI_PHI] + 2 * offset * i[..., PHI_THETA] + coupling * i[..., THETA_THETA]
    theta = (
        -level * i[..., PHI_THETA]
        - offset * (i[..., PHI_ETA] - i[..., THETA_THETA])
        - coupling * i[..., THETA_ETA]
    )
    eta = level * i[..., THETA_THETA] + 2 * offset * i[..., THETA_ETA] - coupling * i[..., ETA_ETA]
    return np.stack([phi, theta, -eta], axis=1)


def _contract(measures: Array, forms: Array) -> Array:
    """Integrals against each vector's or pair's own measure: (..., 4) with (N, ..., 4)."""
    return np.sum(measures * forms, axis=-1)
