"""Targets, grids and samplers that satisfy the hypotheses of the results by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from simulations.ar_diffusion.particles import streams_of
from theory.ar_diffusion import (
    AR,
    BlockDiagonal,
    Custom,
    Exponential,
    Gaussian,
    GaussianSampling,
    Mixture,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
)

Array = npt.NDArray[np.floating[Any]]
METHODS = (Vanilla(), AR())
WORKED = SunShadow(gain=2, rule_noise=0.5, mean=(1, -1))
"""The target of the worked example of R4, and its grid."""
WORKED_GRID = Exponential(40, 4, 0.01)
Grid = Uniform | Exponential | Custom


def log_uniform(low: float, high: float) -> st.SearchStrategy[float]:
    """Positive numbers whose decimal logarithm is spread over [low, high]."""
    return st.floats(low, high).map(lambda x: 10.0**x)


def condition(target: Any) -> float:
    """Largest over smallest eigenvalue of a Gaussian target's covariance."""
    values = np.linalg.eigvalsh(target.covariance_matrix())
    return float(values[-1] / values[0])


variances = log_uniform(-4, 2)
gains = st.floats(-10, 10)


def orthogonal(seed: int, dimension: int) -> Array:
    """An orthogonal matrix that a number stands for."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((dimension, dimension)))
    return q * np.sign(np.diag(r))


def common_noise(seed: int, dimension: int, count: int) -> Array:
    """The first numbers (d, count) that the coordinates' streams give on a generator of this seed."""
    numbers = np.empty((dimension, count))
    for stream, row in zip(streams_of(np.random.default_rng(seed), dimension), numbers, strict=True):
        stream.fill(row)
    return numbers


@st.composite
def sizes(draw: st.DrawFn, most: int = 5, least_patches: int = 1) -> tuple[int, ...]:
    """Sizes of patches, at most `most` in total."""
    count = draw(st.integers(least_patches, 3))
    return tuple(draw(st.integers(1, most // count)) for _ in range(count))


@st.composite
def gaussians(draw: st.DrawFn, least_patches: int = 1, low: float = -3, high: float = 1) -> Gaussian:
    """Gaussian targets: any eigenvalues over some decades in any basis, any mean, one to three patches."""
    patches = draw(sizes(least_patches=least_patches))
    d = sum(patches)
    basis = orthogonal(draw(st.integers(0, 2**16)), d)
    eigenvalues = np.array(draw(st.lists(log_uniform(low, high), min_size=d, max_size=d)))
    covariance = (basis * eigenvalues) @ basis.T
    mean = draw(st.lists(st.floats(-3, 3), min_size=d, max_size=d))
    return Gaussian(0.5 * (covariance + covariance.T), patches, mean)  # type: ignore[arg-type]


@st.composite
def block_diagonals(draw: st.DrawFn) -> BlockDiagonal:
    """Targets with independent patches."""
    return BlockDiagonal(draw(gaussians(least_patches=2)))


@st.composite
def sun_shadows(draw: st.DrawFn) -> SunShadow:
    """Rules of any gain, noise and spread."""
    return SunShadow(
        gain=draw(gains),
        rule_noise=draw(log_uniform(-1.5, 0.5)),
        sun_spread=draw(log_uniform(-0.5, 0.5)),
        mean=(draw(st.floats(-3, 3)), draw(st.floats(-3, 3))),
    )


@st.composite
def grids(draw: st.DrawFn, most_step: float = 1.5) -> Grid:
    """Uniform, exponential and irregular grids; with or without early stop; steps up to `most_step`."""
    horizon = draw(st.floats(1, 8))
    stop = draw(st.sampled_from([0.0, 1e-6, 1e-3, 0.1]))
    steps = draw(st.integers(int(2 * horizon / most_step) + 1, 120))
    kind = draw(st.sampled_from(["uniform", "exponential", "custom"]))
    if kind == "uniform":
        return Uniform(steps, horizon, stop)
    if kind == "exponential":
        return Exponential(steps, horizon, max(stop, 1e-6))
    places = draw(st.lists(st.floats(0.01, 0.99), min_size=steps, max_size=steps, unique=True))
    widths = np.diff([0.0, *sorted(places), 1.0])
    widths = np.minimum(widths, most_step / horizon) + 1e-3
    nodes = stop + np.concatenate(([0.0], np.cumsum(widths)))[::-1] * horizon / max(1.0, widths.sum())
    return Custom(tuple(nodes))


@st.composite
def samplings(draw: st.DrawFn, least_patches: int = 1, most_step: float = 1.5) -> GaussianSampling:
    """Samplers of either method on Gaussian targets."""
    method = draw(st.sampled_from([Vanilla(), AR()]))
    return GaussianSampling(draw(gaussians(least_patches)), Scheme(method, draw(grids(most_step))))


@st.composite
def mixtures(draw: st.DrawFn, dimension: int = 2) -> Mixture:
    """Mixtures of two or three components of moderate overlap, patches of one number each."""
    count = draw(st.integers(2, 3))
    weights = np.array(draw(st.lists(st.floats(0.2, 1), min_size=count, max_size=count)))
    means = [draw(st.lists(st.floats(-2, 2), min_size=dimension, max_size=dimension)) for _ in range(count)]
    covariances = []
    for _ in range(count):
        basis = orthogonal(draw(st.integers(0, 2**16)), dimension)
        values = np.array(draw(st.lists(st.floats(0.1, 1), min_size=dimension, max_size=dimension)))
        values = values + 0.1 * np.arange(dimension)  # never all equal by shrinking
        covariance = (basis * values) @ basis.T
        covariances.append((0.5 * (covariance + covariance.T)).tolist())
    return Mixture(tuple(weights / weights.sum()), means, covariances, (1,) * dimension)  # type: ignore[arg-type]
