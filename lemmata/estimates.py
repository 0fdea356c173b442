"""What a laboratory returns: the estimate of an output's mean, with what was collected beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lemmata.statistics import Array, Moments
from lemmata.tally import Tally


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimate of the mean of one output.

    Attributes
    ----------
    output : str
        Identifier of the output.
    tally : Tally
        The merged statistics.
    platforms : frozenset of str
        Where the chunks were computed; more than one means that last bits may differ from a single platform's.
    edges : array, optional
        Bin edges of the histogram.
    """

    output: str
    tally: Tally
    platforms: frozenset[str] = frozenset()
    edges: Array | None = None

    @property
    def moments(self) -> Moments:
        return self.tally.moments

    @property
    def trials(self) -> int:
        return self.moments.count

    @property
    def mean(self) -> Array:
        return self.moments.mean

    @property
    def standard_error(self) -> Array:
        return self.moments.standard_error

    @property
    def variance(self) -> Array:
        return self.moments.variance

    @property
    def skewness(self) -> Array:
        return self.moments.skewness

    @property
    def minimum(self) -> Array:
        return self.moments.minimum

    @property
    def maximum(self) -> Array:
        return self.moments.maximum

    @property
    def covariance(self) -> Array:
        """Covariance matrix of one trial over the flattened output (collected on request); NaN for a single trial."""
        if self.tally.comoments is None:
            raise ValueError(f"covariance of {self.output}: was not collected; ask for it with collect=")
        if self.trials < 2:
            return np.full_like(self.tally.comoments, np.nan)
        return self.tally.comoments / (self.trials - 1)

    @property
    def histogram(self) -> tuple[Array, Array]:
        """Edges and counts inside them (collected on request)."""
        if self.tally.counts is None or self.edges is None:
            raise ValueError(f"histogram of {self.output}: was not collected; ask for it with collect=")
        return self.edges, self.tally.counts[1:-1]

    @property
    def rows(self) -> Array:
        """Raw trials in order (collected on request)."""
        if self.tally.rows is None:
            raise ValueError(f"rows of {self.output}: were not collected; ask for them with collect=")
        # row by row in memory, whether just computed or read from a ledger: sums over them then have the same bits
        return np.ascontiguousarray(np.concatenate(self.tally.rows))

    def quantile(self, probability: Any) -> Array:
        """Quantiles of one trial, from the raw rows."""
        return np.quantile(self.rows, probability, axis=0)

    def __repr__(self) -> str:
        return f"Estimate({self.output}, mean={self.mean}, standard_error={self.standard_error}, trials={self.trials})"
