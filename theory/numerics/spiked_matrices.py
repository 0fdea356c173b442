"""Largest eigenvalues of Gaussian matrices with planted directions: edges, outliers, and what finite sizes add.

All are for matrices of independent N(0, v) entries with `rows` rows and `columns` columns.

- Noise alone: the largest eigenvalue of Xi^T Xi tends to v (sqrt rows + sqrt columns)^2; at finite size its mean is
  moved by the mean of the Tracy-Widom law (real symmetric, order 1).
- A spike theta u u^T added to Xi^T Xi in dimension p with D degrees of freedom: by the R-transform
  R(g) = D v / (1 - v p g) at g = 1/theta the outlier is theta + D v theta / (theta - v p) for
  theta > v (p + sqrt(p D)), the edge below (Baik-Ben Arous-Peche).
- A spike of squared size theta planted in the matrix itself: (theta + v rows)(theta + v columns) / theta
  for theta > v sqrt(rows columns).
- r equal spikes are split by the noise like the eigenvalues of an r x r Gaussian matrix: the largest of them is above
  the outlier by its spread times the mean largest eigenvalue of that matrix.

References
----------
I. M. Johnstone (2001), On the distribution of the largest eigenvalue in principal components analysis. J. Baik, G. Ben
Arous, S. Peche (2005), Phase transition of the largest eigenvalue for nonnull complex sample covariance matrices.
F. Benaych-Georges, R. R. Nadakuditi (2011), (2012), on finite-rank perturbations. Results R2, R3, R8 of
docs/papers/cnn_rank.md.
"""

from __future__ import annotations

import math

from theory.numerics.gaussian_orthogonal import goe_top_mean

TRACY_WIDOM_MEAN = -1.2065335745820
"""Mean of the Tracy-Widom law of order 1."""
TRACY_WIDOM_VARIANCE = 1.6077810345810
"""Its variance."""


def hard_edge(rows: float, columns: float) -> float:
    """(sqrt rows + sqrt columns)^2, the limit of the largest eigenvalue of noise of unit variance."""
    return (math.sqrt(rows) + math.sqrt(columns)) ** 2


def mean_edge(rows: int, columns: int) -> float:
    """Mean of the largest eigenvalue of noise of unit variance at finite size, by the Tracy-Widom law.

    c + w x mean, with a = sqrt(rows - 1/2), b = sqrt(columns - 1/2), c = (a + b)^2, w = (a + b)(1/a + 1/b)^(1/3), and
    never below the mean of all eigenvalues > 0, max(rows, columns), which is exact for a single row.

    Parameters
    ----------
    rows, columns : int
        At least 1.
    """
    a, b = math.sqrt(rows - 0.5), math.sqrt(columns - 0.5)
    edge = (a + b) ** 2 + TRACY_WIDOM_MEAN * (a + b) * (1.0 / a + 1.0 / b) ** (1.0 / 3.0)
    return max(edge, float(max(rows, columns)))


def added_spike(theta: float, dimension: float, degrees: float, variance: float) -> float:
    """Limit of the top eigenvalue of theta u u^T + Xi^T Xi in `dimension` with `degrees` rows of noise.

    Continuous at the threshold, and never below theta or the edge.

    Parameters
    ----------
    theta : float
        Eigenvalue of the spike, >= 0.
    dimension, degrees : float
        Columns p and rows D of Xi.
    variance : float
        v >= 0.
    """
    if theta > variance * (dimension + math.sqrt(dimension * degrees)):
        return theta + degrees * variance * theta / (theta - variance * dimension)
    return variance * hard_edge(dimension, degrees)


def added_spikes(theta: float, count: int, dimension: int, degrees: int, variance: float) -> float:
    """Mean top eigenvalue with `count` equal spikes at finite size: `added_spike`, split spikes, Tracy-Widom edge.

    Parameters
    ----------
    theta, dimension, degrees, variance
        As for `added_spike`.
    count : int
        Number of equal orthogonal spikes, 1 to 120.
    """
    if theta <= variance * (dimension + math.sqrt(dimension * degrees)):
        return variance * mean_edge(dimension, degrees)
    decay = degrees * dimension * (variance / (theta - variance * dimension)) ** 2
    spread = theta * math.sqrt(decay * (1.0 - decay) / dimension)
    return added_spike(theta, dimension, degrees, variance) + goe_top_mean(count) * spread


def planted_spike(theta: float, rows: float, columns: float, variance: float) -> float:
    """Limit of the top eigenvalue of A^T A, A = noise + a matrix of one squared singular value theta.

    Continuous at the threshold, and never below theta or the edge.
    """
    if theta > variance * math.sqrt(rows * columns):
        return (theta + variance * rows) * (theta + variance * columns) / theta
    return variance * hard_edge(rows, columns)


def planted_spikes(theta: float, count: int, rows: int, columns: int, variance: float) -> float:
    """Mean top eigenvalue with `count` equal planted spikes at finite size; parameters as for `added_spikes`."""
    if theta <= variance * math.sqrt(rows * columns):
        return variance * mean_edge(rows, columns)
    shape = 1.0 - (variance / theta) ** 2 * rows * columns
    spread = math.sqrt(variance * shape * (2.0 * theta + variance * (rows + columns)))
    return planted_spike(theta, rows, columns, variance) + goe_top_mean(count) * spread
