"""The gradient flow of the whole token policy, question and answers, by integration: the witness of the joint flow.

All logits move: dtheta_i/dt = pi_i (p_i - V) in the question's column, and in the column of pattern r
dtheta_ra/dt = pi_r p_ra (1[a = 0] - p_r). Time runs as u = ln(1 + t).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate, special

from theory.rlvr_gradient_flow import LearnableAnswers

Array = npt.NDArray[np.float64]
TOLERANCE = 1e-11


def integrate_learnable(model: LearnableAnswers, times: Sequence[float]) -> Array:
    """Policy and success rates at times when the answers are trained too.

    Parameters
    ----------
    model : LearnableAnswers or TokenPolicy
        Its own time, step size and number of samples play no part.
    times : increasing numbers >= 0

    Returns
    -------
    array of float, shape (times, 2, K)
        Policy, success rates.

    References
    ----------
    R12 of docs/papers/rlvr_gradient_flow.md.
    """
    count, answers = len(model.start), 1 + model.wrong_answers
    rates = np.array(model.rates)
    wrong = np.repeat(np.log((1 - rates) / model.wrong_answers)[:, None], model.wrong_answers, axis=1)
    columns = np.concatenate([np.log(rates)[:, None], wrong], axis=1)
    stops = np.log1p([0.0, *times])

    def speed(u: float, logits: Array) -> Array:
        policy, second = _probabilities(logits, count, answers)
        failure = second[:, 1:].sum(axis=1)  # differences of rates keep their digits when all are near 1
        first = policy * (policy @ failure - failure)
        turn = -second * second[:, :1]
        turn[:, 0] = second[:, 0] * failure
        return np.exp(u) * np.concatenate([first, (policy[:, None] * turn).ravel()])

    run = integrate.solve_ivp(
        speed, (0.0, stops[-1]), np.concatenate([np.log(model.start), columns.ravel()]), method="LSODA",
        t_eval=stops, rtol=TOLERANCE, atol=0.1 * TOLERANCE,
    )  # fmt: skip
    states: Any = run.y
    found = np.empty((len(times), 2, count))
    for i, logits in enumerate(states[:, 1:].T):
        policy, second = _probabilities(logits, count, answers)
        found[i] = policy, second[:, 0]
    return found


def _probabilities(logits: Array, count: int, answers: int) -> tuple[Array, Array]:
    """Probabilities of the patterns (K,), and of the answers given each (K, answers)."""
    first: Any = special.softmax(logits[:count])
    second: Any = special.softmax(logits[count:].reshape(count, answers), axis=1)
    return first, second
