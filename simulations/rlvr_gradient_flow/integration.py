"""The gradient flow by step-by-step integration of its differential equation: the witness of the exact solution.

dtheta_i/dt = c pi_i (A_i - sum_j pi_j A_j), A_i = p_i - kl ln(pi_i/start_i), in differences of rates, which keep their
digits on a plateau. The clock c is 1, or for GRPO the mean advantage of a right answer less that of a wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate, special

from theory.rlvr_gradient_flow import Bandit, Flow, Grpo, GrpoPath, Target

Array = npt.NDArray[np.float64]
TOLERANCE = 1e-12


def integrate_policy(model: Flow, times: Sequence[float]) -> Array:
    """Policies of the flow at times, also with a KL penalty or under GRPO.

    Parameters
    ----------
    model : Flow, ReinforcePath or GrpoPath
        Its own time, step size and number of samples play no part.
    times : increasing numbers >= 0

    Returns
    -------
    array of float, shape (times, K)

    References
    ----------
    arXiv 2506.04695; R3, R7 and R9 of docs/papers/rlvr_gradient_flow.md.
    """
    stops = np.array([0.0, *times])
    run = integrate.solve_ivp(
        _speed(model), (0.0, stops[-1]), np.log(model.start), method="DOP853", t_eval=stops,
        rtol=TOLERANCE, atol=0.1 * TOLERANCE,
    )  # fmt: skip
    theta: Any = run.y
    return special.softmax(theta[:, 1:].T, axis=1)


def integrate_time(model: Target, *, latest: float = 1e15, tolerance: float = TOLERANCE) -> float:
    """Time at which the accuracy or the policy first reaches a level, also with a KL penalty or under GRPO.

    Parameters
    ----------
    model : Target, Reinforce or Grpo
    latest : float
        Where to give up.
    tolerance : float
        Relative error of a step.

    Returns
    -------
    float
        0 if the level is reached at the start, inf if it is not by `latest`.

    References
    ----------
    arXiv 2506.04695; R3 and R9 of docs/papers/rlvr_gradient_flow.md.
    """
    if model.quantity == "accuracy":
        weights = np.array(model.rates) - model.level
    else:
        weights = np.full(len(model.start), -model.level)
        weights[best_pattern(model)] += 1.0
    return _time_of_sign(model, weights, latest, tolerance)


def integrate_entanglement(model: Bandit, *, latest: float = 1e15) -> float:
    """Time at which the accuracy reaches the second-best rate, from differences of rates.

    Parameters
    ----------
    model : Bandit
        Its best pattern is the only one of its rate.
    latest : float
        Where to give up.

    Returns
    -------
    float

    References
    ----------
    arXiv 2506.04695; R6 of docs/papers/rlvr_gradient_flow.md.
    """
    second = sorted(model.rates)[-2]
    return _time_of_sign(model, np.array(model.rates) - second, latest, TOLERANCE)


def best_pattern(model: Bandit) -> int:
    """Index of the pattern of the highest rate; among equals the one most likely at the start."""
    return max(range(len(model.start)), key=lambda i: (model.rates[i], model.start[i], -i))


def clock_of_groups(size: int, advantage: str) -> Callable[[float, float], float]:
    """Mean advantage of a right answer less that of a wrong one, as a function of V and 1 - V.

    Either is averaged over the number of right answers among the other G - 1 of its group.
    """
    others = np.arange(size)
    ways = np.array([math.comb(size - 1, k) for k in range(size)], float)
    gains = [_standardised(k + 1, size, advantage)[0] for k in range(size)]
    losses = [_standardised(k, size, advantage)[1] for k in range(size)]
    differences = ways * (np.array(gains) - np.array(losses))

    def clock(accuracy: float, failure: float) -> float:
        return float(np.sum(differences * accuracy**others * failure ** others[::-1]))

    return clock


def _standardised(correct: int, size: int, advantage: str) -> tuple[float, float]:
    """Advantages of a right and of a wrong answer in a group with so many right ones."""
    rewards = np.concatenate([np.ones(correct), np.zeros(size - correct)])
    mean, scale = correct / size, 1.0
    if advantage == "rloo":
        scale = size / (size - 1)
    elif advantage != "mean":
        deviation = float(rewards.std(ddof=int(advantage == "sample_std")))
        scale = 1.0 / deviation if deviation > 0 else 0.0
    return scale * (1 - mean), -scale * mean


def _speed(model: Bandit) -> Callable[[float, Array], Array]:
    rates, reference = np.array(model.rates), np.log(model.start)
    above = rates[:, None] - rates[None, :]
    is_grouped = isinstance(model, Grpo | GrpoPath)
    clock = clock_of_groups(model.size, model.advantage) if is_grouped else None

    def speed(_: float, theta: Array) -> Array:
        log_policy: Any = special.log_softmax(theta)
        policy = np.exp(log_policy)
        advantage = above @ policy
        if clock is not None:
            advantage = advantage * clock(float(policy @ rates), float(policy @ (1 - rates)))
        if model.kl:
            penalty = model.kl * (log_policy - reference)
            advantage = advantage - (penalty - policy @ penalty)
        return policy * advantage

    return speed


def _time_of_sign(model: Bandit, weights: Array, latest: float, tolerance: float) -> float:
    """First time at which sum_i weights_i pi_i is no longer negative."""
    if weights @ np.array(model.start) >= 0:
        return 0.0

    def height(_: float, theta: Array) -> float:
        return float(weights @ special.softmax(theta))

    height.terminal, height.direction = True, 1.0  # type: ignore[attr-defined]
    run = integrate.solve_ivp(
        _speed(model), (0.0, latest), np.log(model.start), method="DOP853", events=height,
        rtol=tolerance, atol=0.1 * tolerance,
    )  # fmt: skip
    found: Any = run.t_events
    return float(found[0][0]) if len(found[0]) else math.inf
