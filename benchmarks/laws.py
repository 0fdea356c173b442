"""Laws of trials with known moments, on which the tools are calibrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lemmata.confidence.validation import Array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Law:
    """A law of trials.

    Attributes
    ----------
    name : str
        For the tables.
    draw : function of (Generator, shape)
        Independent trials.
    mean, variance : float
        Of one trial.
    low, high : float
        Range (infinite where there is none).
    support : tuple of float
        Where it is finite.
    tilt : Tilt or None
        Exponentially tilted versions, for far tails.
    """

    name: str
    draw: Callable[[np.random.Generator, Shape], Array]
    mean: float
    variance: float
    low: float = -np.inf
    high: float = np.inf
    support: tuple[float, ...] = ()
    tilt: Tilt | None = None


@dataclass(frozen=True)
class Tilt:
    """The laws with density proportional to `exp(-l x)` under the given one.

    Attributes
    ----------
    draw : function of (Generator, tilts)
        One trial for each tilt l >= 0.
    log_moment : function of l
        `log E exp(-l X)`.
    """

    draw: Callable[[np.random.Generator, Array], Array]
    log_moment: Callable[[float], float]


def bernoulli(p: float) -> Law:
    """Zeros and ones."""

    def tilted(tilts: Array) -> Array:
        weight = p * np.exp(-tilts)
        return weight / (1 - p + weight)

    return Law(
        f"Bernoulli {p:g}".replace("0.", "."),
        lambda rng, shape: (rng.random(shape) < p).astype(np.float64),
        p,
        p * (1 - p),
        0.0,
        1.0,
        (0.0, 1.0),
        Tilt(
            lambda rng, tilts: (rng.random(tilts.shape) < tilted(tilts)).astype(np.float64),
            lambda tilt: float(np.log1p(p * np.expm1(-tilt))),
        ),
    )


def _draw_tilted_log_normal(rng: np.random.Generator, tilts: Array) -> Array:
    """By rejection: a log-normal draw x is kept with probability `exp(-l x)`."""
    x = np.exp(rng.standard_normal(tilts.shape))
    rejected = np.nonzero(rng.random(tilts.shape) > np.exp(-tilts * x))
    while len(rejected[0]):
        again = np.exp(rng.standard_normal(len(rejected[0])))
        kept = rng.random(len(again)) <= np.exp(-tilts[rejected] * again)
        x[tuple(axis[kept] for axis in rejected)] = again[kept]
        rejected = tuple(axis[~kept] for axis in rejected)
    return x


def _log_moment_of_log_normal(tilt: float) -> float:
    # The trapezoidal rule converges geometrically for this integrand.
    z = np.linspace(-10.0, 10.0, 4001)
    weights = np.exp(-z * z / 2)
    return float(np.log((weights * np.exp(-tilt * np.exp(z))).sum() / weights.sum()))


NORMAL = Law("normal", lambda rng, shape: rng.standard_normal(shape), 0.0, 1.0)
EXPONENTIAL = Law(
    "exponential",
    lambda rng, shape: rng.standard_exponential(shape),
    1.0,
    1.0,
    0.0,
    tilt=Tilt(
        lambda rng, tilts: rng.standard_exponential(tilts.shape) / (1 + tilts),
        lambda tilt: float(-np.log1p(tilt)),
    ),
)
LOG_NORMAL = Law(
    "log-normal",
    lambda rng, shape: np.exp(rng.standard_normal(shape)),
    float(np.exp(0.5)),
    float((np.e - 1) * np.e),
    0.0,
    tilt=Tilt(_draw_tilted_log_normal, _log_moment_of_log_normal),
)
UNIFORM = Law("uniform", lambda rng, shape: rng.random(shape), 0.5, 1 / 12, 0.0, 1.0)
DIE = Law(
    "die",
    lambda rng, shape: rng.integers(1, 7, shape).astype(np.float64),
    3.5,
    35 / 12,
    1.0,
    6.0,
    (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
)
RARE = bernoulli(0.01)
COIN = bernoulli(0.5)
