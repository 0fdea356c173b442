"""Experiments that hold a confidence sequence to its promise: false alarms, wrong decisions, power.

Experiments run side by side, one to an element of the moments; any look at which an interval errs counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.laws import Law
from lemmata.confidence.binomial import clopper_pearson
from lemmata.confidence.dkw import DKWBand
from lemmata.confidence.sequence import Sequence
from lemmata.confidence.special import normal_quantile
from lemmata.confidence.validation import Array
from lemmata.statistics import Moments

_BATCH = 1000
_ROWS = 128


@dataclass(frozen=True)
class ErrorCount:
    """How often something happened whose probability is stated.

    Attributes
    ----------
    events, experiments : int
        Counts.
    promise : float
        The stated probability.
    """

    events: int
    experiments: int
    promise: float

    @property
    def rate(self) -> float:
        """Observed frequency."""
        return self.events / self.experiments

    def exceeds(self, doubt: float = 1e-4) -> bool:
        """Whether there are too many events for the promise: one-sided Clopper-Pearson at level `doubt`."""
        return float(clopper_pearson(self.events, self.experiments, 2 * doubt).low) > self.promise

    def differs(self, doubt: float = 1e-4) -> bool:
        """Whether the frequency disagrees with the promise, either way: two-sided at level `doubt`."""
        return not clopper_pearson(self.events, self.experiments, doubt).contains(self.promise)


@dataclass(frozen=True)
class Alarms:
    """What one sequence did on one law.

    Attributes
    ----------
    missed : ErrorCount
        Experiments in which an interval missed the mean.
    confirmed : ErrorCount
        Experiments in which a mean exactly a margin away from a point was called within the margin.
    refuted : ErrorCount
        Experiments in which a mean just within the margin was called outside.
    """

    missed: ErrorCount
    confirmed: ErrorCount
    refuted: ErrorCount


class Mixture(Protocol):
    """A sequence that can be watched after every trial cheaply: it has evidence against a given mean."""

    @property
    def alpha(self) -> float:
        """Its level."""
        ...

    def log_evidence(self, moments: Moments, mean: npt.ArrayLike) -> Array:
        """The mean is left out where this reaches `log(1/alpha)`."""
        ...


def watch(
    sequences: Items[Sequence],
    alphas: Items[float],
    law: Law,
    experiments: int,
    looks: Items[int],
    seed: int,
    margin: float = 0.1,
) -> list[Alarms]:
    """False alarms of several sequences on the same data, watched at every look.

    Parameters
    ----------
    sequences, alphas : sequences of one length
        Tools and their promised levels.
    law : Law
        Of the trials.
    experiments : int
        Independent repetitions.
    looks : sequence of int
        Increasing trial counts.
    seed : int
        Entropy of the streams.
    margin : float
        Of the equivalence decisions, in standard deviations of a trial.
    """
    counts = np.zeros((len(sequences), 3), dtype=np.int64)
    width = margin * float(np.sqrt(law.variance))
    just_within = width * (1 - 1e-9)
    for rng, batch in _batches(seed, experiments):
        history: list[Moments] = []
        state = np.zeros((len(sequences), 3, batch), dtype=np.bool_)
        for moments in _prefixes(law, rng, batch, looks):
            history.append(moments)
            for happened, sequence in zip(state, sequences, strict=True):
                error = sequence.interval(history).shift(-law.mean)
                happened[0] |= ~np.asarray(error.contains(0.0))
                for sign in (-1.0, 1.0):
                    happened[1] |= np.asarray(error.shift(sign * width).inside(-width, width))
                    happened[2] |= np.asarray(error.shift(sign * just_within).outside(-width, width))
        counts += state.sum(axis=2)
    return [
        Alarms(*(ErrorCount(int(count), experiments, alpha) for count in row))
        for row, alpha in zip(counts, alphas, strict=True)
    ]


def watch_every_trial(
    mixtures: Items[Mixture], law: Law, experiments: int, trials: int, seed: int
) -> list[ErrorCount]:
    """Misses of mixtures that are watched after every single trial, up to `trials`."""
    counts = np.zeros(len(mixtures), dtype=np.int64)
    for rng, batch in _batches(seed, experiments):
        missed = np.zeros((len(mixtures), batch), dtype=np.bool_)
        for moments in _every_prefix(law, rng, batch, trials):
            for happened, mixture in zip(missed, mixtures, strict=True):
                happened |= mixture.log_evidence(moments, law.mean) >= -np.log(mixture.alpha)
        counts += missed.sum(axis=1)
    return [
        ErrorCount(int(count), experiments, mixture.alpha)
        for count, mixture in zip(counts, mixtures, strict=True)
    ]


def watch_band(
    bands: Items[DKWBand], law: Law, experiments: int, looks: Items[int], seed: int
) -> list[ErrorCount]:
    """How often a distribution function leaves its band, watched at every look.

    `law` is uniform on [0, 1], which stands for all continuous laws, or one on equally likely or two points.
    """
    counts = np.zeros(len(bands), dtype=np.int64)
    points = np.asarray(law.support)
    if len(points) == 2:
        reference = np.array([1 - law.mean, 1.0])
    else:
        reference = np.arange(1, len(points) + 1) / max(len(points), 1)
    for rng, batch in _batches(seed, experiments):
        missed = np.zeros((len(bands), batch), dtype=np.bool_)
        rows = law.draw(rng, (batch, looks[-1]))
        for k, n in enumerate(looks):
            if len(points):
                reached = np.stack([(rows[:, :n] <= x).mean(axis=1) for x in points], axis=1)
                distance = np.abs(reached - reference).max(axis=1)
            else:
                ranked = np.sort(rows[:, :n], axis=1)
                steps = np.arange(n) / n
                distance = np.maximum((ranked - steps).max(axis=1), (steps + 1 / n - ranked).max(axis=1))
            for happened, band in zip(missed, bands, strict=True):
                happened |= distance > band.radius(n, k + 1)
        counts += missed.sum(axis=1)
    return [ErrorCount(int(c), experiments, band.alpha) for c, band in zip(counts, bands, strict=True)]


def power_at_last_look(
    sequence: Sequence,
    law: Law,
    experiments: int,
    looks: Items[int],
    seed: int,
    *,
    power: float = 0.9,
    side: int = 1,
) -> ErrorCount:
    """How often the last look leaves out a point at the distance that the sequence says it detects.

    The point lies above the mean for `side = 1`, below for -1.
    """
    # A hair beyond: counts make the interval end at the very point, which then belongs to it.
    distance = float(np.asarray(sequence.detectable(looks[-1], law.variance, power))) * (1 + 1e-9)
    detected = 0
    for rng, batch in _batches(seed, experiments):
        interval = sequence.interval(list(_prefixes(law, rng, batch, looks)))
        detected += int(np.sum(~np.asarray(interval.contains(law.mean + side * distance))))
    return ErrorCount(detected, experiments, power)


def relative_width(sequence: Sequence, alpha: float, trials: int, variance: float) -> float:
    """Half width expected at `trials` over that of the normal interval for a fixed number of trials."""
    # With probability 1/2 a distance of one half width is detected.
    half = float(np.asarray(sequence.detectable(trials, variance, 0.5)))
    return half / (-normal_quantile(alpha / 2) * float(np.sqrt(variance / trials)))


def _prefixes(law: Law, rng: np.random.Generator, batch: int, looks: Items[int]) -> Iterator[Moments]:
    """Moments of the prefixes of trials at the looks, one experiment to an element."""
    total: Moments | None = None
    for look in looks:
        while total is None or total.count < look:
            rows = min(_ROWS, look - (0 if total is None else total.count))
            block = Moments.of(law.draw(rng, (rows, batch)))
            total = block if total is None else total.merge(block)
        yield total


def _every_prefix(law: Law, rng: np.random.Generator, batch: int, trials: int) -> Iterator[Moments]:
    """Moments (no fourth ones) of all prefixes from 2 trials on, by running power sums."""
    first, second, third = np.zeros((3, batch))
    low, high = np.full(batch, np.inf), np.full(batch, -np.inf)
    for n in range(1, trials + 1):
        x = law.draw(rng, (batch,))
        low, high = np.minimum(low, x), np.maximum(high, x)
        x = x - law.mean
        square = x * x
        first, second, third = first + x, second + square, third + square * x
        if n == 1:
            continue
        mean = first / n
        m2 = np.maximum(second - mean * first, 0.0)
        m3 = third - 3 * mean * second + 2 * mean * mean * first
        yield Moments(n, law.mean + mean, m2, m3, np.full(batch, np.nan), low, high)


def _batches(seed: int, experiments: int) -> Iterator[tuple[np.random.Generator, int]]:
    for index in range(-(-experiments // _BATCH)):
        stream = np.random.SeedSequence(seed, spawn_key=(index,))
        yield np.random.default_rng(stream), min(_BATCH, experiments - index * _BATCH)
