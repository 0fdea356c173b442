"""Which pattern is which: the best, the runner-up, the gaps between success rates, formed by index (R5, R6)."""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError
from theory.rlvr_gradient_flow.models import Bandit
from theory.rlvr_gradient_flow.orbit import Array

MOST_LOG = math.log(np.finfo(float).max)


def policy_and_rates(model: Bandit) -> tuple[Array, Array]:
    """Start policy and success rates as arrays, shape (K,)."""
    return np.array(model.start), np.array(model.rates)


def best(model: Bandit) -> int:
    """Index of r*: highest success rate; among equals the one most likely at the start, which takes everything."""
    return max(range(len(model.start)), key=lambda i: (model.rates[i], model.start[i], -i))


def runner_up(model: Bandit) -> int:
    """Index of r': the next of the same order."""
    star = best(model)
    others = (i for i in range(len(model.start)) if i != star)
    return max(others, key=lambda i: (model.rates[i], model.start[i], -i))


def lows(model: Bandit) -> list[int]:
    """Indices of all patterns but r* and r'."""
    return [i for i in range(len(model.start)) if i not in (best(model), runner_up(model))]


def accuracy_above(model: Bandit, pattern: int) -> float:
    """V(0) - p_pattern, from differences of rates."""
    return math.fsum(pi * (p - model.rates[pattern]) for pi, p in zip(model.start, model.rates, strict=True))


def without_penalty(model: Bandit) -> None:
    """Refuse a KL penalty where the closed form is that of the plain flow.

    Raises
    ------
    DomainError
        If `kl` is not 0.
    """
    if model.kl != 0.0:
        raise DomainError("kl", model.kl, "0: this closed form is for the flow without a KL penalty")


def from_log(log_value: float) -> float:
    """exp, with inf for what exceeds the largest float."""
    return math.exp(log_value) if log_value <= MOST_LOG else math.inf
