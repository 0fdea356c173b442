"""What a chunk of trials leaves behind, and how chunks merge.

Moments are kept always; covariances, histograms and raw rows on request. A tally travels as a flat mapping of
arrays, so that it can be stored and sent without pickling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lemmata.statistics import Array, Moments


@dataclass(frozen=True)
class Collect:
    """What to keep of a sampler's outputs beside their moments.

    Parameters
    ----------
    rows : tuple of str
        Outputs whose raw trials are kept.
    covariance : tuple of str
        Outputs whose covariance matrix (over the flattened output) is kept.
    histogram : mapping
        Output to increasing bin edges; values below and above are counted in two more bins.
    """

    rows: tuple[str, ...] = ()
    covariance: tuple[str, ...] = ()
    histogram: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])

    def __post_init__(self) -> None:
        for output, edges in self.histogram.items():
            if len(edges) < 2 or not np.all(np.diff(edges) > 0):
                raise ValueError(f"histogram[{output!r}] = {edges!r}: must be at least two increasing edges")

    def to_data(self) -> dict[str, Any]:
        """JSON data for the key of a chunk."""
        histogram = {name: [float(edge) for edge in edges] for name, edges in sorted(self.histogram.items())}
        return {"rows": sorted(self.rows), "covariance": sorted(self.covariance), "histogram": histogram}

    @property
    def outputs(self) -> set[str]:
        """Every output that is named."""
        return {*self.rows, *self.covariance, *self.histogram}


@dataclass(frozen=True, eq=False)
class Tally:
    """The statistics of one output over some trials.

    Attributes
    ----------
    moments : Moments
    comoments : array (k, k), optional
        Sums of products of deviations over the flattened output.
    counts : array (bins + 2, *output shape), optional
        Histogram counts, the first and last for values outside the edges.
    rows : tuple of arrays, optional
        Raw trials in order, one array a chunk.
    """

    moments: Moments
    comoments: Array | None = None
    counts: Array | None = None
    rows: tuple[Array, ...] | None = None

    @classmethod
    def of(cls, values: Array, output: str, collect: Collect) -> Tally:
        """The tally of an array of trials, its first axis."""
        moments = Moments.of(values)
        comoments = counts = rows = None
        if output in collect.covariance:
            deviations = (values - moments.mean).reshape(len(values), -1)
            comoments = deviations.T @ deviations
        if output in collect.histogram:
            edges = np.asarray(collect.histogram[output])
            bins = np.searchsorted(edges, values, side="right")
            bins[values == edges[-1]] = len(edges) - 1  # the last bin is closed
            counts = np.stack([(bins == i).sum(axis=0) for i in range(len(edges) + 1)]).astype(np.float64)
        if output in collect.rows:
            rows = (values,)
        return cls(moments, comoments, counts, rows)

    def merge(self, other: Tally) -> Tally:
        """Both together, `self` first."""
        comoments = counts = rows = None
        if self.comoments is not None and other.comoments is not None:
            a, b = self.moments.count, other.moments.count
            gap = (other.moments.mean - self.moments.mean).ravel()
            comoments = self.comoments + other.comoments + np.outer(gap, gap) * (a * b / (a + b))
        if self.counts is not None and other.counts is not None:
            counts = self.counts + other.counts
        if self.rows is not None and other.rows is not None:
            rows = self.rows + other.rows
        return Tally(self.moments.merge(other.moments), comoments, counts, rows)

    def to_arrays(self, output: str) -> dict[str, Array]:
        """As named arrays; `from_arrays` reads them back to the same bits."""
        m = self.moments
        arrays = {f"{output}.moments": np.stack([m.mean, m.m2, m.m3, m.m4, m.minimum, m.maximum])}
        if self.comoments is not None:
            arrays[f"{output}.comoments"] = self.comoments
        if self.counts is not None:
            arrays[f"{output}.counts"] = self.counts
        if self.rows is not None:
            arrays[f"{output}.rows"] = np.concatenate(self.rows)
        return arrays

    @classmethod
    def from_arrays(cls, output: str, trials: int, arrays: Mapping[str, Array]) -> Tally:
        """The tally that `to_arrays` wrote."""
        rows = arrays.get(f"{output}.rows")
        return cls(
            Moments(trials, *arrays[f"{output}.moments"]),
            arrays.get(f"{output}.comoments"),
            arrays.get(f"{output}.counts"),
            None if rows is None else (rows,),
        )
