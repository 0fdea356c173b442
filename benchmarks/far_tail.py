"""Probabilities that plain simulation cannot see: how often a sequence errs at a level of 5e-6 or below.

Trials are drawn from exponentially tilted laws, under which the mean comes out low, and each experiment that
ends in an error counts with its likelihood ratio (importance sampling). For a law skewed to the right this is
the dangerous side: the sample that lacks the large values looks narrower and less skewed than it should.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass

import numpy as np

from benchmarks.laws import Law
from lemmata.confidence.tmixture import TMixture
from lemmata.confidence.validation import Array
from lemmata.statistics import Moments

_BATCH = 1000
_ROWS = 128


@dataclass(frozen=True)
class Estimate:
    """A probability with its standard error."""

    value: float
    standard_error: float


def probability_of_error(
    sequences: Items[TMixture], law: Law, experiments: int, looks: Items[int], seed: int
) -> list[Estimate]:
    """Probability that an interval lies below the mean at any look, for several sequences of one level.

    An experiment takes one of as many tilts as there are looks, each the one that makes an error at its look
    typical; its weight at the look n of its first error is `1 / average_l exp(-l S_n - n log E exp(-l X))`,
    with the sum `S_n` of the trials.

    Raises
    ------
    ValueError
        If the law has no tilted versions, or the levels differ.
    """
    if law.tilt is None:
        raise ValueError(f"law = {law.name}: must have tilted versions")
    if len({sequence.alpha for sequence in sequences}) != 1:
        raise ValueError("sequences: must have one level")
    reach = np.sqrt(-2 * np.log(sequences[0].alpha)) + 0.5
    tilts = np.array([reach / np.sqrt(n * law.variance) for n in looks])
    log_moments = np.array([law.tilt.log_moment(float(tilt)) for tilt in tilts]) + tilts * law.mean
    total, squares = np.zeros(len(sequences)), np.zeros(len(sequences))
    batches = -(-experiments // _BATCH)
    for index in range(batches):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        chosen = tilts[rng.integers(len(tilts), size=_BATCH)]
        weights = np.zeros((len(sequences), _BATCH))
        erred = np.zeros((len(sequences), _BATCH), dtype=np.bool_)
        moments: Moments | None = None
        for look in looks:
            while moments is None or moments.count < look:
                rows = min(_ROWS, look - (0 if moments is None else moments.count))
                spread = np.broadcast_to(chosen, (rows, _BATCH)).copy()
                block = Moments.of(law.tilt.draw(rng, spread))
                moments = block if moments is None else moments.merge(block)
            ratio = _likelihood_ratio(moments, law.mean, tilts, log_moments)
            for i, sequence in enumerate(sequences):
                below = np.asarray(sequence.interval([moments]).high) < law.mean
                weights[i] += np.where(below & ~erred[i], ratio, 0.0)
                erred[i] |= below
        total += weights.sum(axis=1)
        squares += (weights**2).sum(axis=1)
    size = batches * _BATCH
    value = total / size
    error = np.sqrt(np.maximum(squares / size - value**2, 0.0) / size)
    return [Estimate(float(v), float(e)) for v, e in zip(value, error, strict=True)]


def _likelihood_ratio(moments: Moments, mean: float, tilts: Array, log_moments: Array) -> Array:
    excess = moments.count * (moments.mean - mean)
    exponents = -np.multiply.outer(excess, tilts) - moments.count * log_moments
    return np.exp(np.log(len(tilts)) - np.logaddexp.reduce(exponents, axis=1))
