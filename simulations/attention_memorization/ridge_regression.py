"""Samplers of the error of ridge regression.

It is drawn in two ways: by an exact chain of chi variates whose cost does not grow with the size, and
literally, token by token, as the witness that the chain is right.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import linalg

from lemmata.kernels import kernel
from lemmata.records import Sampler
from simulations.sampling.chi import fill_chi_squared
from theory.attention_memorization import RidgeRegression

Array = npt.NDArray[np.float64]

BLOCK = 512  # trials that walk down the chain together: enough to pay for the calls
FIRST_LEVELS = 16
TOLERANCE = 1e-14  # relative width of the enclosure of each error at which its chain ends


def sample_ridge_regression(
    model: RidgeRegression, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Exact law of the error at finite size, by a bidiagonal chain of chi variates.

    Golub-Kahan bidiagonalisation of the tokens, started at the labels, has independent entries: diagonal a_j^2 ~
    chi^2 with p - j + 1 degrees of freedom (j = 1: noncentral, n rho), superdiagonal b_j^2 ~ chi^2 with n - j. The
    error is a continued fraction in them and its derivative; levels are drawn until every error is enclosed to
    1e-14, so that the cost depends on the ridge and not on the size. Literal twin: `sample_ridge_regression_literal`.

    Parameters
    ----------
    model : RidgeRegression
    rng : numpy.random.Generator
    trials : int
    ridge : array (r,)
        Free axis: one draw serves all ridges. A level's draws do not depend on ridge or snr.

    Returns
    -------
    dict
        'error': array (trials, r).

    References
    ----------
    R9 of docs/papers/attention_memorization.md.
    """
    error = np.empty((trials, len(ridge)))
    entries = np.empty((2, 0, 0))  # grown on demand and used again by the next block
    for start in range(0, trials, BLOCK):
        block = error[start : start + BLOCK]
        if entries.shape[2] != len(block):
            entries = np.empty((2, 0, len(block)))
        block[:], entries = _chain_errors(model, rng.spawn(2), ridge, entries)
    return {"error": error}


def _chain_errors(
    model: RidgeRegression, streams: list[np.random.Generator], ridge: Array, entries: Array
) -> tuple[Array, Array]:
    """Errors (trials, ridges) of one block; `entries` (2, levels, trials) is room for its chain, returned grown."""
    length, trials = min(model.tokens, model.dimension), entries.shape[2]
    levels = drawn = 0
    error = np.empty((len(ridge), trials))
    open_ridges = np.arange(len(ridge))
    while len(open_ridges):
        levels = min(max(FIRST_LEVELS, levels + levels // 2), length)
        if entries.shape[1] < levels:
            grown = np.empty((2, levels, trials))
            grown[:, :drawn] = entries[:, :drawn]
            entries = grown
        diagonal, superdiagonal = entries[:, :levels]
        size = (model.tokens, model.dimension, model.snr)
        draw_levels(streams[0], streams[1], size, drawn, diagonal, superdiagonal)
        drawn = levels
        width = np.empty(len(open_ridges))
        values = np.empty((len(open_ridges), trials))
        _enclose(diagonal, superdiagonal, ridge[open_ridges], levels == length, values, width)
        error[open_ridges] = values
        open_ridges = open_ridges[~(width <= TOLERANCE)] if levels < length else open_ridges[:0]
    return error.T, entries


@kernel
def draw_levels(
    rng: np.random.Generator,
    redraws: np.random.Generator,
    size: tuple[int, int, float],
    first: int,
    diagonal: Array,
    superdiagonal: Array,
) -> None:
    """Draw the squared entries of the levels from `first` on, divided by n; row = level, column = trial."""
    tokens, dimension, snr = size
    trials = diagonal.shape[1]
    for level in range(first, len(diagonal)):
        if level == 0:
            # noncentral: one squared normal about sqrt(n rho) beside a central part
            shift = math.sqrt(tokens * snr)
            if dimension > 1:
                fill_chi_squared(rng, redraws, dimension - 1.0, diagonal[0])
            else:
                diagonal[0, :] = 0.0
            for i in range(trials):
                x = rng.standard_normal() + shift
                diagonal[0, i] += x * x
        else:
            fill_chi_squared(rng, redraws, float(dimension - level), diagonal[level])
        if level < tokens - 1:
            fill_chi_squared(rng, redraws, tokens - level - 1.0, superdiagonal[level])
        else:
            superdiagonal[level, :] = 0.0
        for i in range(trials):
            diagonal[level, i] /= tokens
            superdiagonal[level, i] /= tokens


@kernel
def _enclose(
    diagonal: Array, superdiagonal: Array, ridge: Array, is_complete: bool, error: Array, width: Array
) -> None:
    """Enclose the errors of all trials at each ridge g; write midpoints and the largest relative width.

    With q, e the squared entries and s_j = q_j d_j / (d_j + e_j), d_j = g + s_{j+1}, the error is
    g^2 u_1 / (g + s_1)^2, where u_j = 1 + q_j e_j u_{j+1} / (d_j + e_j)^2 is the derivative of g + s_j in g. Below
    the last level s lies between 0 and infinity and 1 <= u <= d/g; walking up with both ends encloses the error,
    since every step is monotone. All terms are positive, so nothing cancels.
    """
    levels, trials = diagonal.shape
    s_low, s_high = np.empty(trials), np.empty(trials)
    u_low, u_high = np.empty(trials), np.empty(trials)
    for r in range(len(ridge)):
        g = ridge[r]
        for i in range(trials):
            q, e = diagonal[levels - 1, i], superdiagonal[levels - 1, i]
            exact = q * g / (g + e)
            slope = q * e / ((g + e) * (g + e))
            s_low[i] = exact
            s_high[i] = exact if is_complete else q
            u_low[i] = 1.0 + (slope if is_complete else 0.0)
            u_high[i] = 1.0 + (slope if is_complete else 0.25 * q / g)
        for level in range(levels - 2, -1, -1):
            for i in range(trials):
                q, e = diagonal[level, i], superdiagonal[level, i]
                d = g + s_low[i]
                t = 1.0 / (d + e)
                s_low[i] = q * d * t
                u_high[i] = 1.0 + q * t * e * t * u_high[i]
                d = g + s_high[i]
                t = 1.0 / (d + e)
                s_high[i] = q * d * t
                u_low[i] = 1.0 + q * t * e * t * u_low[i]
        widest = 0.0
        for i in range(trials):
            x, y = g / (g + s_low[i]), g / (g + s_high[i])
            high, low = x * x * u_high[i], y * y * u_low[i]
            middle = 0.5 * (low + high)
            error[r, i] = min(middle, 1.0)
            gap = (high - low) / middle if middle > 0.0 else high - low
            if not gap <= widest:
                widest = gap
        width[r] = widest


def sample_ridge_regression_literal(
    model: RidgeRegression, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """The error from drawn tokens: the end-to-end witness of `sample_ridge_regression`.

    Tokens are the columns of X = mu y^T + Z (p, n); the smaller of the two Gram matrices is factorised once for each
    ridge. A trial costs n p normals, n p min(n, p) operations for the product and min(n, p)^3 / 3 a ridge.

    Parameters and returns as `sample_ridge_regression`.

    References
    ----------
    Section "Model" of docs/papers/attention_memorization.md.
    """
    n, p = model.tokens, model.dimension
    labels = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    error = np.empty((trials, len(ridge)))
    for trial in range(trials):
        tokens = rng.standard_normal((p, n))
        tokens[0] += math.sqrt(model.snr) * labels
        gram = tokens @ tokens.T / n if p < n else tokens.T @ tokens / n
        target = tokens @ labels / n if p < n else labels
        for r, g in enumerate(ridge):
            shifted = gram.copy()
            shifted.flat[:: len(gram) + 1] += g
            factor = np.linalg.cholesky(shifted)  # unlike SciPy's it lets other threads run
            half = linalg.solve_triangular(factor, target, lower=True, check_finite=False)
            solution = linalg.solve_triangular(factor, half, lower=True, trans="T", check_finite=False)
            residual = labels - tokens.T @ solution if p < n else g * solution
            error[trial, r] = residual @ residual / n
    return {"error": error}


def _chain_work(model: RidgeRegression) -> float:
    return 60.0 * min(model.tokens, model.dimension, 2048)


def _literal_work(model: RidgeRegression) -> float:
    small, large = sorted((model.tokens, model.dimension))
    return 40.0 * small * large + small * small * (large + small) / 4.0


RIDGE_REGRESSION = Sampler(
    sample_ridge_regression,
    axes=("ridge",),
    ranges={"error": (0.0, 1.0)},
    work=_chain_work,
    paired_trials=2048,
)
RIDGE_REGRESSION_LITERAL = Sampler(
    sample_ridge_regression_literal,
    axes=("ridge",),
    ranges={"error": (0.0, 1.0 + 1e-9)},
    work=_literal_work,
    paired_trials=1,
)
