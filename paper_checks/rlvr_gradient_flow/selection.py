"""Which pattern is selected, and how fast: optimum (C1), convergence (C2), Regime 1 (C3, C4), moving answers (C11)."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
from scipy import special

from lemmata.claims import (
    CONFIRMED,
    NARROWED,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    Ordering,
    Rate,
    Repair,
)
from lemmata.models import Model
from simulations.rlvr_gradient_flow import integrate_policy
from theory.rlvr_gradient_flow import (
    Bandit,
    Convergence,
    Flow,
    LearnableAnswers,
    convergence_time,
    flow,
    joint_optimum,
    learnable_flow,
    regime_one_bound,
    regularised_optimum,
    tail_time,
)

# ------------------------------------------------------------------ C1: the optimum


@cache
def _end_of_ascent(model: Bandit) -> np.ndarray:
    """Where gradient ascent on E[reward] - beta KL(pi || pi_ref) ends: the penalised flow, integrated for t = 5000."""
    return integrate_policy(Flow(model.start, model.rates, kl=model.kl), [5e3])[0]


def _penalty_upside_down(model: Bandit) -> np.ndarray:
    """pi_ref e^(p beta)."""
    return special.softmax(np.log(model.start) + np.array(model.rates) * model.kl)


def _reference_forgotten(model: Bandit) -> np.ndarray:
    """e^(p/beta), as if the reference were uniform."""
    return special.softmax(np.array(model.rates) / model.kl)


C1 = Claim(
    "C1",
    source="Proposition 5.2",
    statement="With frozen answers pi_ref e^(p/beta)/Z maximises reward minus the KL penalty.",
    falsifier="a policy with a larger value, or another stationary point",
    design=(
        Bandit((0.2, 0.5, 0.3), (0.9, 0.6, 0.1), kl=0.2),
        Bandit((0.05, 0.7, 0.25), (0.9, 0.7, 0.2), kl=0.3),
        Bandit((0.1, 0.2, 0.3, 0.4), (0.3, 0.9, 0.5, 0.4), kl=1.0),
    ),
    published=Identity(
        regularised_optimum,
        _end_of_ascent,
        Margin(1e-8, "the flow settles at rates above .005, so e^-25 is left; the integration errs by 1e-10"),
    ),
    mutants=(
        Mutant("the penalty multiplied in place of divided by", _penalty_upside_down, distance=1e5),
        Mutant("the reference policy forgotten", _reference_forgotten, distance=1e5),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C1b: vanishing penalties


def _share_at_small_penalty(model: Bandit | LearnableAnswers) -> float:
    """Probability of the best pattern at the optimum with beta = .001, with frozen or learnable answers."""
    bandit = Bandit(model.start, model.rates, kl=0.001)
    optimum = regularised_optimum(bandit) if isinstance(model, Bandit) else joint_optimum(bandit)
    return float(optimum[int(np.argmax(model.rates))])


def _everything(model: Model) -> float:
    """All probability on the best pattern."""
    return 1.0


def _posterior(model: Bandit | LearnableAnswers) -> float:
    """pi_ref p / V(0) of the best pattern: what learnable answers lead to."""
    weights = np.array(model.start) * np.array(model.rates)
    return float(weights[int(np.argmax(model.rates))] / weights.sum())


_FROZEN = (Bandit((0.2, 0.5, 0.3), (0.9, 0.6, 0.1)), Bandit((0.01, 0.6, 0.3, 0.09), (0.9, 0.7, 0.5, 0.1)))

C1B = Claim(
    "C1b",
    source="after Proposition 5.2",
    statement="As the penalty vanishes (beta = .001 here), the optimum puts everything on the best pattern.",
    falsifier="an optimum at small beta that leaves probability to another pattern",
    design=(*_FROZEN, LearnableAnswers((0.2, 0.5, 0.3), (0.9, 0.6, 0.1))),
    published=Identity(
        _everything, _share_at_small_penalty, Margin(1e-9, "e^(-gap/beta) is below e^-200 here")
    ),
    repaired=Repair(
        Identity(_everything, _share_at_small_penalty, Margin(1e-9, "e^(-gap/beta) is below e^-200 here")),
        "With frozen answers. With learnable ones the optimum tends to the base model's patterns given a right answer.",
        design=_FROZEN,
        narrows=True,
    ),
    mutants=(Mutant("the posterior of the patterns given a right answer", _posterior, distance=1e6),),
    records=NARROWED,
)

# ------------------------------------------------------------------ C2: the best pattern wins, and how


def _others_in_mean(model: Convergence) -> float:
    """The tail's constant as a mean over the K - 1 other patterns."""
    count = len(model.start)
    return tail_time(model) * count / (count - 1)


def _nearest_alone(model: Convergence) -> float:
    """The runner-up's gap alone, 1/(K g e)."""
    best, second = sorted(model.rates)[:-3:-1]
    return 1 / (best - second) / len(model.start) / model.error


C2 = Claim(
    "C2",
    source="Theorem 5.3",
    statement="The flow ends at the best pattern: pi_* = 1 - e after C/e, C = (1/K) sum 1/Delta_j, within 2.5 % (with "
    "the first correction of R5, which is 1 % at most here).",
    falsifier="a start with a unique best pattern whose time differs by more than 2.5 %",
    design=(
        Convergence((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), error=1e-6),
        Convergence((0.05, 0.7, 0.25), (0.9, 0.7, 0.2), error=1e-6),
        Convergence((0.05, 0.7, 0.25), (0.9, 0.7, 0.2), error=1e-9),
        Convergence((0.1, 0.3, 0.2, 0.4), (0.9, 0.6, 0.4, 0.1), error=1e-8),
    ),
    published=Identity(
        tail_time,
        convergence_time,
        Margin(0.025, "second order: half of tail_spread squared, which is at most .2 here", relative=True),
    ),
    mutants=(
        Mutant("a mean over the K - 1 other patterns", _others_in_mean, distance=2),
        Mutant("the runner-up's gap alone", _nearest_alone, distance=2),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C3: Regime 1


def _one(model: Model) -> float:
    return 1.0


def _with_logarithm(model: Convergence) -> float:
    """Slope of ln(1/e)/e between the ends of the ladder."""
    logs = [math.log(scale) for scale, _ in _errors(model)]
    return 1 + (math.log(logs[-1]) - math.log(logs[0])) / (logs[-1] - logs[0])


def _errors(model: Convergence) -> list[tuple[float, Convergence]]:
    return [(1 / error, replace(model, error=error)) for error in (1e-8, 1e-9, 1e-10, 1e-11)]


def _best_share(model: Flow) -> float:
    return float(flow(model)[int(np.argmax(model.rates))])


def _times(model: Convergence) -> list[Flow]:
    return [Flow(model.start, model.rates, time=time) for time in (0.0, 1.0, 10.0, 100.0, 1e3, 1e4)]


_REGIME_ONE = (
    Convergence((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), error=0.01),
    Convergence((0.4, 0.6), (0.8, 0.5), error=0.05),
    Convergence((0.25, 0.25, 0.25, 0.25), (0.9, 0.35, 0.3, 0.1), error=0.001),
)

C3 = Claim(
    "C3",
    source="Theorem 5.3",
    statement="In Regime 1 pi_* increases and T_1(e) = O(1/e), explicitly T_1 <= [F(1-e) - F(pi_*)]/Delta_min.",
    falsifier="a Regime 1 start whose pi_* falls, whose time exceeds the bound, or does not grow like 1/e",
    design=_REGIME_ONE,
    published=(
        Rate(_one, convergence_time, _errors, Margin(0.01, "the slope's own correction is of order e^(1/K)")),
        Bound(
            regime_one_bound,
            convergence_time,
            Margin(
                1e-11, "relative rounding of a time, and two patterns attain half of the bound", relative=True
            ),
            attack=(("error", 1e-9, 0.4),),
        ),
        Ordering(
            _best_share, _times, rises=True, margin=Margin(0.0, "the sign alone: pi_* strictly increases")
        ),
    ),
    mutants=(
        Mutant(
            "a time like 1/e^2",
            Rate(lambda model: 2.0, convergence_time, _errors, Margin(0.01, "as for the claim")),
            distance=50,
        ),
        Mutant(
            "a time like ln(1/e)/e",
            Rate(_with_logarithm, convergence_time, _errors, Margin(0.01, "as for the claim")),
            distance=1,
        ),
        Mutant(
            "the bound over K, as if the runner-up alone were slow",
            Bound(
                lambda model: regime_one_bound(model) / len(model.start),
                convergence_time,
                Margin(1e-11, "as for the claim", relative=True),
            ),
            distance=1e6,
        ),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C4: a strong base model


def _twice_the_tail(model: Convergence) -> float:
    """2/(Delta_min e), without the start."""
    best, second = sorted(model.rates)[:-3:-1]
    return 2 / ((best - second) * model.error)


_NOT_SMALL = (
    Convergence((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), error=0.01),
    Convergence((0.1, 0.9), (0.8, 0.5), error=0.01),
    Convergence((0.25, 0.25, 0.25, 0.25), (0.9, 0.35, 0.3, 0.1), error=0.01),
)

C4 = Claim(
    "C4",
    source="Theorem 5.3",
    statement="A strong base model (Regime 1) converges rapidly: T_1 is a constant (here 2) times 1/(Delta_min e).",
    falsifier="Regime 1 starts whose times at e = .01 are more than twice 1/(Delta_min e)",
    design=(*_NOT_SMALL, Convergence((1e-6, 1 - 1e-6), (0.8, 0.5), error=0.01)),
    published=Bound(
        _twice_the_tail,
        convergence_time,
        Margin(1e-9, "2 covers the logarithms at e = .01; relative rounding", relative=True),
    ),
    repaired=Repair(
        Bound(
            _twice_the_tail,
            convergence_time,
            Margin(1e-9, "2 covers the logarithms at e = .01; relative rounding", relative=True),
        ),
        "If pi_*(0) is not small as well: the time holds a term 1/(2 pi_*(0) Delta) too.",
        design=_NOT_SMALL,
        narrows=True,
    ),
    mutants=(
        Mutant(
            "the tail of two patterns, 1/(2 Delta_min e), as a bound",
            lambda model: 0.25 * _twice_the_tail(model),
            distance=1e6,
        ),
    ),
    records=NARROWED,
)

# ------------------------------------------------------------------ C11: answers that move


def _winner_is_best(model: LearnableAnswers) -> float:
    """Probability of the pattern with the highest rate at the start, after t = 1e12."""
    return float(learnable_flow(replace(model, time=1e12))[0][int(np.argmax(model.rates))])


_ABOVE = (LearnableAnswers((0.45, 0.55), (0.6, 0.4)), LearnableAnswers((0.15, 0.85), (0.9, 0.1)))

C11 = Claim(
    "C11",
    source="Assumption 5.1",
    statement="That success rates move in training does not change which pattern is selected.",
    falsifier="a start from which, with learnable answers, another pattern than the best wins",
    design=(*_ABOVE, LearnableAnswers((0.3, 0.7), (0.6, 0.4))),
    published=Identity(
        _everything, _winner_is_best, Margin(1e-3, "odds of 1e6 at t = 1e12; a lost race leaves 0")
    ),
    repaired=Repair(
        Identity(_everything, _winner_is_best, Margin(1e-3, "odds of 1e6 at t = 1e12; a lost race leaves 0")),
        "From starts above the separatrix, for instance pi_1(0) > .3856 at rates .6 and .4.",
        design=_ABOVE,
        narrows=True,
    ),
    mutants=(Mutant("the worse pattern wins", lambda model: 0.0, distance=100),),
    records=NARROWED,
)
