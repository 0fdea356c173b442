"""The best real step sizes of the layers when they need not be equal, and the prior at which they become equal (R2).

The training risk is symmetric in the step sizes, but its least value need not have them equal. For two layers the best
filter, up to a factor x^2 + e_1 x + e_2 in x = t/n - 1 with e_1 = -1/d and e_2 = v/B - d/n to leading order, is a
product of real steps only if its roots are real.

References
----------
arXiv 2502.15609, Proposition 4.2; R2 of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from lemmata.models import DomainError
from theory.context_hijacking.models import Tuning
from theory.context_hijacking.risk import TAU, risk_form
from theory.context_hijacking.tuning import optimal_excess_risk, optimal_step_size

Array = npt.NDArray[np.float64]

MOST_LAYERS = 4  # of a local search
SPREADS = (0.15, 0.4)  # of the starts about equal steps
EQUAL = 1e-9  # relative gain up to which steps count as equal


def optimal_schedule(model: Tuning) -> Array:
    """Step sizes of the layers, rising, of least exact training risk among all real ones: a local search.

    Returns
    -------
    array (L,)
        Equal entries where no unequal ones gain more than 1e-9.

    Raises
    ------
    DomainError
        If the depth is above 4.

    References
    ----------
    R2.
    """
    return np.array(_search(model)[0])


def optimal_schedule_excess_risk(model: Tuning) -> float:
    """Excess training risk of `optimal_schedule`, never above that of the best equal steps.

    References
    ----------
    R2.
    """
    return _search(model)[1]


def switch_correlation(model: Tuning) -> float:
    """Leading order of the prior's correlation below which two unequal steps are better than equal ones.

    rho_switch^2 = 1 - (pi/2 - 1) / (1 + n/(4 d^3)): 0.655 for n far below d^3, towards 1 for n far above. The model's
    prior and depth play no part.

    References
    ----------
    R2.
    """
    return math.sqrt(1 - (0.5 * math.pi - 1) / (1 + model.examples / (4 * model.dimension**3)))


@lru_cache(maxsize=1024)
def _search(model: Tuning) -> tuple[tuple[float, ...], float]:
    if model.depth > MOST_LAYERS:
        raise DomainError("depth", model.depth, f"at most {MOST_LAYERS} for the search over unequal steps")
    mean = model.prior.mean_correlation(model.dimension)
    equal, least = optimal_step_size(model), optimal_excess_risk(model)
    best = (equal,) * model.depth

    def risk(factors: Any) -> float:
        steps = [equal * abs(float(factor)) for factor in factors]
        form = risk_form(model.examples, model.dimension, steps)
        joint = model.initialisation == "joint"
        return form.best_excess(mean) if joint else form.excess(TAU * mean, mean)

    gain = EQUAL * least
    for spread in SPREADS if model.depth > 1 and equal > 0 else ():
        centre = 1 + spread * np.linspace(-1, 1, model.depth)
        simplex = np.vstack([centre, centre + 0.5 * spread * np.eye(model.depth)])
        options: Any = {"initial_simplex": simplex, "xatol": 1e-8, "fatol": 1e-13 * least}
        found = optimize.minimize(risk, centre, method="Nelder-Mead", options=options)
        if found.fun < least - gain:
            best, least = tuple(sorted(equal * abs(float(x)) for x in found.x)), float(found.fun)
    return best, least
