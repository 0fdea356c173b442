"""Ornstein-Uhlenbeck noising dX = -X dt + sqrt(2) dW of a Gaussian direction, and the sampler that reverses it.

A direction of variance lambda has variance lambda_t = 1 + e^{-2t} (lambda - 1) at noising time t. The exponential
integrator with frozen score, step h, q = e^h - 1, from the noisier time tau to tau - h, maps the deviation u from
the exact mean to a u + sqrt(q (2 + q)) Z with a = 1 + q - 2 q / lambda_tau, starting from N(0, 1).

References
----------
R1, R2 and R8 of docs/papers/ar_diffusion.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

BLOCK = 1 << 16  # steps x directions that are handled together: they stay in the cache


def noised_variance(variance: Any, time: Any) -> Any:
    """lambda_t = 1 - e^{-2t} + e^{-2t} lambda: two positive terms; broadcasts."""
    return np.exp(-2.0 * np.asarray(time)) * variance - np.expm1(-2.0 * np.asarray(time))


def step_weight(variance: Any, time: Any, early_stop: float) -> Any:
    """w(tau) in: error of the output variance = int h(tau) w(tau) dtau, to first order in the steps h (R2)."""
    noised, end = noised_variance(variance, time), noised_variance(variance, early_stop)
    decay = np.exp(-2.0 * (np.asarray(time) - early_stop))
    return 2.0 * (2.0 - noised) * end**2 * decay / noised**3


class Steps(Protocol):
    """How a sampler steps from tau to tau - h: Y <- e^h Y + pull s_tau(Y) + sqrt(noise) Z.

    From the exact variance lambda_tau a step multiplies deviations by its factor and errs by its local error.
    Arguments: nodes (N+1,); variances lambda_tau at the nodes, noised (d, N+1), and lambda itself (d,).
    """

    def pull(self, nodes: Array) -> Array:
        """Shape (N,)."""
        ...

    def noise(self, nodes: Array) -> Array:
        """Shape (N,)."""
        ...

    def factors(self, nodes: Array, noised: Array) -> Array:
        """Shape (d, N)."""
        ...

    def local_errors(self, nodes: Array, noised: Array, variances: Array) -> Array:
        """Variance after a step from lambda_tau, minus lambda_{tau-h}: shape (d, N)."""
        ...


class FrozenScoreSteps:
    """The exponential integrator: the score is held during the step."""

    def pull(self, nodes: Array) -> Array:
        return 2.0 * np.expm1(-np.diff(nodes))

    def noise(self, nodes: Array) -> Array:
        return np.expm1(-2.0 * np.diff(nodes))

    def factors(self, nodes: Array, noised: Array) -> Array:
        q = np.expm1(-np.diff(nodes))
        return (1.0 + q) - 2.0 * q / noised[:, :-1]

    def local_errors(self, nodes: Array, noised: Array, variances: Array) -> Array:
        q = np.expm1(-np.diff(nodes))
        errors = 2.0 / noised[:, :-1]
        errors -= 1.0
        errors *= 2.0 * q * q
        return errors


class PosteriorMeanSteps:
    """DDPM's step: X_{tau-h} given X_tau = Y and X_0 = its posterior mean, e^tau (Y + sigma_tau^2 s_tau(Y)).

    pull = e^h - e^-h and noise = (1 - e^-2h) sigma_{tau-h}^2/sigma_tau^2. Factors are those of the exact process,
    e^-h lambda_{tau-h}/lambda_tau; the local error is -(pull e^-tau)^2 lambda/(lambda_tau sigma_tau^2).
    """

    def pull(self, nodes: Array) -> Array:
        return -2.0 * np.sinh(np.diff(nodes))

    def noise(self, nodes: Array) -> Array:
        ends = np.expm1(-2.0 * nodes)
        return -np.expm1(2.0 * np.diff(nodes)) * ends[1:] / ends[:-1]

    def factors(self, nodes: Array, noised: Array) -> Array:
        return np.exp(np.diff(nodes)) * noised[:, 1:] / noised[:, :-1]

    def local_errors(self, nodes: Array, noised: Array, variances: Array) -> Array:
        pull = np.exp(-nodes[1:]) - np.exp(np.diff(nodes) - nodes[:-1])  # times e^-tau
        return pull**2 / np.expm1(-2.0 * nodes[:-1]) * variances[:, None] / noised[:, :-1]


FROZEN_SCORE = FrozenScoreSteps()


class Reversal(NamedTuple):
    """What the steps of a sampler do to directions of variances lambda (d,).

    Attributes
    ----------
    factor : array (d,)
        A, by which the deviation of the start is multiplied; it may be negative.
    variance : array (d,)
        Variance of the output; infinite where it exceeds the largest number.
    error : array (d,)
        Variance of the output minus lambda_delta, to full relative accuracy.
    shift : array (d,)
        Shift of the mean by the bias of the score.
    """

    factor: Array
    variance: Array
    error: Array
    shift: Array


def reverse(
    variances: Array, nodes: Array, bias: Array | None = None, steps: Steps = FROZEN_SCORE
) -> Reversal:
    """Factor, variance, its error and the shift of a sampler's output, in each direction.

    With suffix products P_n = prod_{m >= n} a_m of the steps' factors: A = P_0, v = P_0^2 + sum noise P_{n+1}^2, and,
    exactly, v - lambda_delta = P_0^2 (1 - lambda_T) + sum (local error) P_{n+1}^2. For steps with a frozen score
    noise = q (2+q) and the local error is 2 q^2 (2 - lambda_n)/lambda_n.

    Parameters
    ----------
    variances : array (d,)
        lambda > 0.
    nodes : array (N+1,)
        Noising times, strictly decreasing.
    bias : array (N, d), optional
        Additive error of the score at the first N nodes.
    steps : Steps
        How the sampler steps.

    Returns
    -------
    Reversal
    """
    width = max(1, BLOCK // (len(nodes) - 1))
    parts = [
        _reverse(variances[i : i + width], nodes, None if bias is None else bias[:, i : i + width], steps)
        for i in range(0, len(variances), width)
    ]
    return Reversal(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _reverse(
    variances: Array, nodes: Array, bias: Array | None, steps: Steps
) -> tuple[Array, Array, Array, Array]:
    """One block of directions; rows are directions, columns are steps."""
    with np.errstate(over="ignore", invalid="ignore"):
        noised = noised_variance(variances[:, None], nodes)
        product = np.ones((len(variances), len(nodes)))
        np.cumprod(steps.factors(nodes, noised)[:, ::-1], axis=1, out=product[:, 1:])
        factor, after = product[:, -1].copy(), product[:, -2::-1]  # column n: the steps after step n
        shift = np.zeros(len(variances)) if bias is None else (after * bias.T) @ steps.pull(nodes)
        after = after * after
        variance = factor**2 + after @ steps.noise(nodes)
        local = steps.local_errors(nodes, noised, variances)
        local *= after
        start = factor**2 * (1.0 - variances) * np.exp(-2.0 * nodes[0])
        error = local.sum(axis=1) + start
    lost = ~(np.isfinite(variance) & np.isfinite(error) & np.isfinite(shift))
    for values in (factor, variance, error, shift):
        values[lost] = np.inf
    return factor, variance, error, shift


def path_divergence(variances: Array, nodes: Array) -> Array:
    """Path KL of each direction, without its initial term: sum of -log1p(-r (1 - e^{-2h}))/2 - c(h) r, r = 1/lambda_n.

    c(h) = 2 (1 - e^{-h}) - h. Where h max(1, r) < 1e-5 the terms of order h r cancel, and the series
    h^2 r^2 + h^3 r (4 r^2 - 6 r + 1)/3 takes over; where r (1 - e^{-2h}) > 1/2 the logarithm's argument is
    e^{-2h} lambda_{n+1}/lambda_n.

    Parameters
    ----------
    variances : array (d,)
        lambda >= 0; at 0 and an early stop of 0 the last step is infinite.
    nodes : array (N+1,)

    Returns
    -------
    array (d,)
    """
    h = -np.diff(nodes)
    total = np.zeros(len(variances))
    width = max(1, BLOCK // len(h))
    for i in range(0, len(variances), width):
        noised = noised_variance(variances[i : i + width, None], nodes)
        r = 1.0 / noised[:, :-1]
        lost = r * np.expm1(-2.0 * h)
        with np.errstate(divide="ignore"):
            area = -0.5 * np.log1p(np.maximum(lost, -0.5))
            area = np.where(lost < -0.5, h - 0.5 * np.log(noised[:, 1:] * r), area)
        terms = area + (2.0 * np.expm1(-h) + h) * r
        series = h * h * r * (r + h * ((4.0 * r - 6.0) * r + 1.0) / 3.0)
        terms = np.where(h * np.maximum(1.0, r) < 1e-5, series, terms)
        total[i : i + width] = terms.sum(axis=1)
    return total
