"""Random patterns rewarded by self-certainty R(p) = -(ln p + ln(1-p))/2: the accuracy's first slope, and the winner.

Uniform numbers are made, squashed and summed in blocks that stay in the cache, one logarithm each (ln p + ln(1-p) =
ln(p(1-p))); what is kept of a trial does not grow with its number of patterns.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from lemmata.records import Sampler
from theory.rlvr_gradient_flow import RandomPatterns

Array = npt.NDArray[np.float64]
Bits = npt.NDArray[np.int64]

BLOCK = 4096  # numbers: 32 KiB
_SHIFT = 2.0**-55  # a quarter of the generator's unit: lifts 0, and leaves the largest number below 1
# columns of the sums of a trial, with c = p - 1/2, q = p(1-p): c, ln q, c ln q, 2 c q; its least and largest p
_C, _LOG, _PRODUCT, _TURN, _LEAST, _MOST, _COLUMNS = range(7)


def sample_internal_feedback(
    model: RandomPatterns, rng: np.random.Generator, trials: int
) -> dict[str, Array]:
    """First slope of the accuracy under self-certainty, whether it gains, and whether the worst pattern wins.

    K independent uniform rates, given that their mean is at least 1/2 + margin. Without a margin a draw of smaller mean
    is reflected, p to 1-p. With one, rates are drawn with density like e^(x p) and kept with probability
    e^(-x (sum p - K (1/2 + margin))): the same law, for any x; at the x near which that mean is typical the share kept
    falls like 1/(margin sqrt K) and no faster.

    Parameters
    ----------
    model : RandomPatterns
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        'slope': array (trials,), dACC/dt at 0 times K: the covariance of reward and rate over the patterns, plus the
        mean of p(1-p)(2p-1) where answers are learnable; 'gain': 1 where it is positive; 'worst': 1 where the reward
        is largest at the smallest rate.

    References
    ----------
    arXiv 2506.04695, Theorem 5.6; R11 of docs/papers/rlvr_gradient_flow.md.
    """
    sums = _reflected(model, rng, trials) if model.margin == 0 else _tilted(model, rng, trials)
    count = model.patterns
    # R = -l/2, and constants drop out of a covariance
    slope = -0.5 * (sums[:, _PRODUCT] - sums[:, _LOG] * sums[:, _C] / count) / count
    if model.answers == "learnable":
        slope += sums[:, _TURN] / count
    worst = sums[:, _LEAST] + sums[:, _MOST] < 1.0
    return {"slope": slope, "gain": (slope > 0).astype(float), "worst": worst.astype(float)}


def _reflected(model: RandomPatterns, rng: np.random.Generator, trials: int) -> Array:
    """Sums of trials (trials, columns) whose mean rate is above 1/2."""
    sums = _sums(model.patterns, rng, trials, 0.0)
    flipped = sums[:, _C] < 0
    sums[flipped, _C] *= -1
    sums[flipped, _PRODUCT] *= -1
    sums[flipped, _TURN] *= -1
    sums[flipped, _LEAST], sums[flipped, _MOST] = 1 - sums[flipped, _MOST], 1 - sums[flipped, _LEAST]
    return sums


def _tilted(model: RandomPatterns, rng: np.random.Generator, trials: int) -> Array:
    """Sums of trials (trials, columns) whose mean rate is at least 1/2 + margin."""
    tilt = tilt_of(model.margin)
    kept = np.empty((trials, _COLUMNS))
    done = 0
    while done < trials:
        sums = _sums(model.patterns, rng, trials - done, tilt)
        excess = sums[:, _C] - model.patterns * model.margin
        accepted = (excess >= 0) & (rng.random(len(sums)) < np.exp(-tilt * np.maximum(excess, 0.0)))
        sums = sums[accepted]
        kept[done : done + len(sums)] = sums
        done += len(sums)
    return kept


def tilt_of(margin: float) -> float:
    """x at which the density e^(x p) on [0, 1] has a mean near 1/2 + margin, by A. Cohen's approximation of 1991."""
    y = 2.0 * margin
    return 2.0 * y * (3.0 - y * y) / (1.0 - y * y)


def _sums(patterns: int, rng: np.random.Generator, trials: int, tilt: float) -> Array:
    """Sums over the patterns of independent trials, rates of density like e^(tilt p): shape (trials, columns)."""
    sums = np.zeros((trials, _COLUMNS))
    sums[:, _LEAST] = 1.0
    together = max(1, BLOCK // patterns)
    room = np.empty((2, min(together, trials) * min(patterns, BLOCK)))
    for first in range(0, trials, together):
        rows = sums[first : first + together]
        for start in range(0, patterns, BLOCK):
            width = min(BLOCK, patterns - start)
            rates, logs = room[:, : len(rows) * width]
            rng.random(out=rates)
            if tilt:
                _tilt(rates, tilt)
            _spread(rates, logs)
            np.log(logs, out=logs)
            shape = (len(rows), width)
            bits = rates.view(np.int64)
            _add_up(rates.reshape(shape), logs.reshape(shape), bits.reshape(shape), rows, rows.view(np.int64))
    return sums


def _tilt(uniforms: Array, tilt: float) -> None:
    """Numbers of density like e^(tilt p) from uniform ones, in place: 1 + ln(1 - u (1 - e^-tilt))/tilt."""
    uniforms *= math.expm1(-tilt)
    np.log1p(uniforms, out=uniforms)
    uniforms /= tilt
    uniforms += 1.0
    np.clip(uniforms, 0.0, 1.0 - 2.0**-53, out=uniforms)


@kernel(fastmath={"contract"})
def _spread(rates: Array, products: Array) -> None:
    """Fill `products` with p(1-p), after rates in [0, 1) have been moved inside (0, 1)."""
    for i in range(rates.size):
        p = rates[i] + _SHIFT
        rates[i] = p
        products[i] = p * (1.0 - p)


@kernel(fastmath={"contract", "reassoc"})
def _add_up(rates: Array, logs: Array, bits: Bits, sums: Array, sum_bits: Bits) -> None:
    """Add each trial's stretch of rates and of ln(p(1-p)), one row each, to its sums.

    Extremes are those of the numbers' bits, which for positive numbers have the same order: a loop over floats with
    `min` does not become vector instructions.
    """
    for trial in range(len(sums)):
        total = log_total = product = turn = 0.0
        least, most = sum_bits[trial, _LEAST], sum_bits[trial, _MOST]
        for i in range(rates.shape[1]):
            p, log = rates[trial, i], logs[trial, i]
            c = p - 0.5
            total += c
            log_total += log
            product += log * c
            turn += 2.0 * c * p * (1.0 - p)
            least = min(least, bits[trial, i])
            most = max(most, bits[trial, i])
        sums[trial, _C] += total
        sums[trial, _LOG] += log_total
        sums[trial, _PRODUCT] += product
        sums[trial, _TURN] += turn
        sum_bits[trial, _LEAST] = least
        sum_bits[trial, _MOST] = most


def _work(model: RandomPatterns) -> float:
    return 5.0 * model.patterns * (1.0 + 10.0 * model.margin * math.sqrt(12.0 * model.patterns)) + 50.0


INTERNAL_FEEDBACK = Sampler(
    sample_internal_feedback,
    ranges={"slope": (-math.inf, math.inf), "gain": (0.0, 1.0), "worst": (0.0, 1.0)},
    work=_work,
)
