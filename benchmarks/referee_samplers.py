"""Invented trials whose means are known, for the referee's calibration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lemmata.models import Model, choice, real, whole
from lemmata.records import Sampler

LAWS = ("normal", "exponential", "log_normal", "uniform", "die", "coin")


class Thing(Model):
    """Trials with mean `center + correction / size^order` about which a law of standard deviation `spread` lies."""

    center: float = real()
    law: str = choice(*LAWS, default="normal")
    spread: float = real(above=0, default=1.0)
    correction: float = real(default=0.0)
    size: int = whole(least=1, default=1)
    order: float = real(above=0, default=1.0)


class Share(Model):
    """Trials in [0, 1] with mean `mean + correction / size`: coins, or shares of a beta law."""

    mean: float = real(above=0, below=1)
    correction: float = real(default=0.0)
    size: int = whole(least=1, default=1)


def true_mean(model: Any) -> float:
    """The exact mean of every output."""
    if isinstance(model, Share):
        return model.mean + model.correction / model.size
    return model.center + model.correction * model.size**-model.order


def _standard(law: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if law == "normal":
        return rng.standard_normal(shape)
    if law == "exponential":
        return rng.standard_exponential(shape) - 1
    if law == "log_normal":
        return (np.exp(0.5 * rng.standard_normal(shape)) - math.exp(1 / 8)) / _LOG_NORMAL_SD
    if law == "uniform":
        return (rng.random(shape) - 0.5) * math.sqrt(12)
    if law == "die":
        return (rng.integers(1, 7, shape) - 3.5) / math.sqrt(35 / 12)
    return np.where(rng.random(shape) < 0.5, 1.0, -1.0)


_LOG_NORMAL_SD = math.sqrt(math.expm1(1 / 4) * math.exp(1 / 4))


def sample_value(model: Thing, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """The mean, with noise; and a pair whose second element is its negative."""
    value = true_mean(model) + model.spread * _standard(model.law, rng, (trials,))
    return {"value": value, "pair": np.stack([value, -value], axis=-1)}


def sample_common(model: Thing, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """Noise that grows with the mean, of draws that do not depend on it."""
    noise = _standard(model.law, rng, (trials,))
    return {"value": true_mean(model) + model.spread * (1 + model.center) * noise}


def sample_along(
    model: Thing, rng: np.random.Generator, trials: int, *, center: np.ndarray
) -> dict[str, Any]:
    """One draw for all centers; above 1 it enters with the other sign, so that differences vary most."""
    noise = model.spread * _standard(model.law, rng, (trials,))
    return {"value": center * (1 + np.where(center > 1, -1.0, 1.0) * noise[:, None])}


def sample_coin(model: Share, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """Zeros and ones."""
    return {"hit": (rng.random(trials) < true_mean(model)).astype(float)}


def sample_share(model: Share, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """Shares with most of their mass near 0 and 1."""
    mean = true_mean(model)
    return {"share": rng.beta(mean, 1 - mean, trials)}


def _work(model: Model) -> float:
    return 1e8 / 256


_ANY = (-math.inf, math.inf)
VALUE = Sampler(sample_value, ranges={"value": _ANY, "pair": _ANY}, work=lambda model: 1e8 / 128)
COMMON = Sampler(sample_common, ranges={"value": _ANY}, work=_work, paired_trials=256)
ALONG = Sampler(sample_along, ranges={"value": _ANY}, work=_work, axes=("center",))
COIN = Sampler(sample_coin, ranges={"hit": (0.0, 1.0)}, work=_work)
SHARE = Sampler(sample_share, ranges={"share": (0.0, 1.0)}, work=_work)
SAMPLERS = (VALUE, COMMON, ALONG, COIN, SHARE)
