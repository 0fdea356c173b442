"""GRPO is the policy gradient on another clock: same orbits, dt divided by c_G(V) (R9)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from lemmata.models import DomainError
from theory.rlvr_gradient_flow.hitting import target_place
from theory.rlvr_gradient_flow.models import Group, Grpo
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import from_log, without_penalty

MOST_SIZE = (
    10**5
)  # of a group whose deviation counts: binomials lose 1e-10 beyond, and each accuracy has as many terms
_ROOM = 10**6  # terms that are formed at once


def grpo_clock(model: Group) -> float:
    """Factor by which a group's expected update exceeds the policy gradient.

    c_G(V) = E sqrt(k (G-k)) / (G V (1-V)), k ~ Bin(G, V), with the population deviation; times sqrt((G-1)/G) with the
    sample deviation; (G-1)/G for R - mean; 1 for leave-one-out.

    Parameters
    ----------
    model : Group

    Returns
    -------
    float
        sqrt(G-1) at V = 0 and 1 with the population deviation; 1 for every V at G = 2.

    Raises
    ------
    DomainError
        If groups larger than 1e5 are divided by their deviation.

    References
    ----------
    R9.
    """
    value = np.array([model.accuracy])
    return float(clock_factors(value, 1.0 - value, model.size, model.advantage)[0])


def clock_factors(accuracy: Array, failure: Array, size: int, advantage: str) -> Array:
    """c_G at accuracies V, given with their complements 1 - V; same shape.

    Raises
    ------
    DomainError
        If groups larger than 1e5 are divided by their deviation.
    """
    if advantage == "rloo":
        return np.ones_like(accuracy)
    if advantage == "mean":
        return np.full_like(accuracy, (size - 1) / size)
    if size > MOST_SIZE:
        raise DomainError("size", size, f"at most {MOST_SIZE} where a group is divided by its deviation")
    # E sqrt(k(G-k)) / (G V (1-V)) without the division: each term has V (1-V) taken out
    k = np.arange(1, size)
    log_terms = special.gammaln(size + 1) - special.gammaln(k + 1) - special.gammaln(size - k + 1)
    log_terms = log_terms + 0.5 * np.log(k * (size - k)) - math.log(size)
    factors = np.empty_like(accuracy)
    rows = max(1, _ROOM // size)
    for start in range(0, len(accuracy), rows):
        some = slice(start, start + rows)
        powers = special.xlogy(k - 1, accuracy[some, None]) + special.xlogy(size - k - 1, failure[some, None])
        factors[some] = np.exp(log_terms + powers).sum(axis=1)
    return factors * math.sqrt((size - 1) / size) if advantage == "sample_std" else factors


def grpo_time(model: Grpo) -> float:
    """Time at which GRPO with small steps reaches a level, int dt / c_G(V(t)): infinite if it never does.

    Parameters
    ----------
    model : Grpo
        Without a KL penalty; step size and number of groups play no part.

    Returns
    -------
    float
        0 at the start, inf if the level is never reached.

    Raises
    ------
    DomainError
        If there is a KL penalty, or groups larger than 1e5 are divided by their deviation.

    References
    ----------
    R9.
    """
    without_penalty(model)
    orbit, place = target_place(model)
    if place is None:
        return math.inf
    log_dt, log_policies = orbit.nodes(place)
    return grpo_total(log_dt, np.exp(log_policies), np.array(model.rates), model.size, model.advantage)


def grpo_total(log_dt: Array, policies: Array, rates: Array, size: int, advantage: str) -> float:
    """Sum of dt / c_G over quadrature nodes."""
    if not log_dt.size:
        return 0.0
    factors: Any = clock_factors(policies @ rates, policies @ (1.0 - rates), size, advantage)
    return from_log(float(special.logsumexp(log_dt - np.log(factors))))
