"""The KL-regularised problem: its optimum with frozen and with learnable answers, rates at the optimum (R1, R2, R7),
and the natural gradient, whose path is the path of optima (R8)."""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from lemmata.models import DomainError
from theory.rlvr_gradient_flow.models import Bandit, Flow, LearnableAnswers
from theory.rlvr_gradient_flow.orbit import Array
from theory.rlvr_gradient_flow.patterns import policy_and_rates


def regularised_optimum(model: Bandit) -> Array:
    """Policy that maximises E[reward] - beta KL(pi || pi_ref) with frozen answers: pi_ref e^(p/beta) / Z.

    Parameters
    ----------
    model : Bandit
        With beta = kl; at kl = 0 the limit, the reference policy restricted to the best patterns.

    Returns
    -------
    array of float, shape (K,)

    References
    ----------
    arXiv 2506.04695, Proposition 5.2; R1.
    """
    return np.exp(_log_optimum(model))


def regularised_value(model: Bandit) -> float:
    """Largest value of E[reward] - beta KL(pi || pi_ref): beta ln sum_i pi_ref,i e^(p_i/beta).

    Parameters
    ----------
    model : Bandit
        With beta = kl; at kl = 0 the largest rate.

    Returns
    -------
    float

    References
    ----------
    arXiv 2506.04695, Proposition 5.2; R1.
    """
    start, rates = policy_and_rates(model)
    top = float(rates.max())
    if model.kl == 0:
        return top
    exponents = _scaled(rates - top, model.kl)
    # at large penalties the logarithm's argument is near 1, and beta multiplies its roundings
    missing = float(start @ -np.expm1(exponents))
    log_mean = math.log1p(-missing) if missing < 0.5 else float(special.logsumexp(exponents + np.log(start)))
    return top + model.kl * log_mean


def joint_optimum(model: Bandit) -> Array:
    """Pattern marginal of the optimum when the answers are trainable too: pi_ref [1 + p (e^(1/beta) - 1)] / Z.

    Parameters
    ----------
    model : Bandit
        With beta = kl; at kl = 0 the limit pi_ref p / V(0), the base model's patterns given a correct answer.

    Returns
    -------
    array of float, shape (K,)

    Raises
    ------
    DomainError
        If kl = 0 and every rate is 0.

    References
    ----------
    R2.
    """
    start, rates = policy_and_rates(model)
    wrong = math.exp(-1.0 / model.kl) if model.kl > 0 else 0.0
    weights = start * (wrong + rates * (1.0 - wrong))
    if not weights.any():
        raise DomainError("rates", model.rates, "a list with a positive entry at kl = 0 (or a smaller 1/kl)")
    return weights / weights.sum()


def joint_accuracy(model: Bandit) -> float:
    """Accuracy of the optimum when the answers are trainable too: V e^(1/beta) / (1 + V (e^(1/beta) - 1)).

    Parameters
    ----------
    model : Bandit
        With beta = kl; at kl = 0 the limit, 1.

    Returns
    -------
    float
        Not below the accuracy of the optimum with frozen answers.

    Raises
    ------
    DomainError
        If kl = 0 and every rate is 0.

    References
    ----------
    R2.
    """
    start, rates = policy_and_rates(model)
    value = float(start @ rates)
    wrong = math.exp(-1.0 / model.kl) if model.kl > 0 else 0.0
    if value == 0.0 == wrong:
        raise DomainError("rates", model.rates, "a list with a positive entry at kl = 0 (or a smaller 1/kl)")
    return value / (wrong + value * (1.0 - wrong))


def kl_flow_rate(model: Bandit) -> Array:
    """Rates at which the regularised flow settles at its optimum: beta times the non-zero eigenvalues of H.

    H = diag(pi) - pi pi^T at the optimum pi. Its eigenvalues solve sum_i pi_i/(pi_i - x) = 0, one between each two
    neighbouring probabilities. The first is exponentially small in 1/beta.

    Parameters
    ----------
    model : Bandit
        With kl > 0.

    Returns
    -------
    array of float, shape (K - 1,)
        Increasing; the slowest first, per unit of time.

    Raises
    ------
    DomainError
        If kl = 0.

    References
    ----------
    R7.
    """
    if model.kl == 0:
        raise DomainError("kl", model.kl, "> 0: without a penalty no rate is exponential")
    policy = np.sort(np.exp(_log_optimum(model)))
    return model.kl * np.array([_eigenvalue(policy, k) for k in range(policy.size - 1)])


def natural_gradient_flow(model: Flow) -> Array:
    """Policy of the natural policy gradient at a time: pi(0) e^(p tau) / Z, tau = (1 - e^(-beta t))/beta.

    Without a penalty tau = t, and the policy is the regularised optimum at beta = 1/t: no entanglement.

    Parameters
    ----------
    model : Flow

    Returns
    -------
    array of float, shape (K,)

    References
    ----------
    R8.
    """
    start, rates = policy_and_rates(model)
    clock = model.time if model.kl == 0 else -math.expm1(-model.kl * model.time) / model.kl
    return np.exp(_log_normalised(np.log(start) + clock * (rates - rates.max())))


def learnable_natural_gradient_flow(model: LearnableAnswers) -> Array:
    """Pattern policy of the natural gradient at a time when binary answers are trained too: pi(0)[1 - p + p e^t] / Z.

    Parameters
    ----------
    model : LearnableAnswers
        With one wrong answer a pattern.

    Returns
    -------
    array of float, shape (K,)

    Raises
    ------
    DomainError
        If there are several wrong answers.

    References
    ----------
    R8.
    """
    if model.wrong_answers != 1:
        raise DomainError("wrong_answers", model.wrong_answers, "1")
    start, rates = np.array(model.start), np.array(model.rates)
    weights = start * ((1.0 - rates) * math.exp(-model.time) + rates)
    return weights / weights.sum()


# ------------------------------------------------------------------ logarithms


def _scaled(differences: Array, kl: float) -> Array:
    """differences / kl, where kl may be so small that the quotient is -inf."""
    with np.errstate(over="ignore"):
        return differences / kl


def _log_optimum(model: Bandit) -> Array:
    start, rates = policy_and_rates(model)
    behind = rates - rates.max()
    if model.kl == 0:
        return _log_normalised(np.where(behind < 0, -math.inf, np.log(start)))
    return _log_normalised(np.log(start) + _scaled(behind, model.kl))


def _log_normalised(log_weights: Array) -> Array:
    return log_weights - special.logsumexp(log_weights)


def _eigenvalue(policy: Array, k: int) -> float:
    """The eigenvalue between the k-th and the next probability, sought from the nearer pole so that it keeps digits."""
    low, high = policy[k], policy[k + 1]
    if low == high:
        return float(low)

    if low == 0.0:
        return 0.0

    def product(offset: float, pole: float) -> float:
        # sum pi/(pi - x) times its two nearest factors: falls through 0 once between them
        distances = (policy - pole) - offset
        return float(np.sum(policy / distances)) * ((low - pole) - offset) * ((high - pole) - offset)

    middle = 0.5 * (high - low)
    is_lower = product(middle, low) < 0
    pole, at_pole = (low, low * (high - low)) if is_lower else (high, high * (low - high))

    def function(offset: float) -> float:
        return at_pole if offset == 0.0 else product(offset, pole)

    begin, end = (0.0, middle) if is_lower else (-middle, 0.0)
    if function(begin) * function(end) >= 0:
        return float(low + middle)
    return float(pole + optimize.brentq(function, begin, end, xtol=1e-300, rtol=1e-15, maxiter=2000))
