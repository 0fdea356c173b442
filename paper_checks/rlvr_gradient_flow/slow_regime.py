"""Regime 2: the entanglement time and its growth (C5-C7), fine-tuning before it (C8), GRPO's orbits (C12)."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import optimize

from lemmata.claims import CONFIRMED, CORRECTED, Bound, Claim, Identity, Margin, Mutant, Repair
from simulations.rlvr_gradient_flow import integrate_entanglement, integrate_policy
from theory.rlvr_gradient_flow import (
    Bandit,
    Convergence,
    Flow,
    GrpoPath,
    Target,
    Teacher,
    convergence_time,
    entanglement_bounds,
    entanglement_time,
    flow,
    hitting_time,
    log_entanglement_time,
    natural_gradient_flow,
    regime,
    sft_policy,
    sft_threshold,
    sft_time,
)

SIX = Bandit((0.05, 0.7, 0.25), (0.9, 0.7, 0.2))
LOWS = Bandit((0.05, 0.5, 0.3, 0.15), (0.9, 0.7, 0.5, 0.1))

# ------------------------------------------------------------------ C5: the transition


def _time_to_half(model: Bandit) -> float:
    """The time at which the best pattern takes over, in place of T_0."""
    return hitting_time(Target(model.start, model.rates))


def _lower_bound(model: Bandit) -> float:
    return float(entanglement_bounds(model)[0])


def _regime_at(model: Bandit, share: float) -> int:
    """Regime of the policy after a share of T_0."""
    policy = flow(Flow(model.start, model.rates, time=share * entanglement_time(model)))
    return regime(Bandit(_normalised(policy), model.rates))


def _regime_after(model: Bandit) -> float:
    """Regime of the policy a little after T_0, and much later."""
    return float(max(_regime_at(model, share) for share in (1.001, 1.5, 10.0)))


def _regime_before(model: Bandit) -> float:
    """Regime of the policy a little before T_0."""
    return float(_regime_at(model, 0.999))


def _normalised(policy: np.ndarray) -> tuple[float, ...]:
    return tuple((policy / policy.sum()).tolist())


def _one(model: Bandit) -> float:
    return 1.0


C5 = Claim(
    "C5",
    source="Theorem 5.4",
    statement="From Regime 2 the flow enters Regime 1 after a transition time T_0 and stays there.",
    falsifier="a Regime 2 start whose accuracy never reaches p', or falls below it again",
    design=(SIX, LOWS, Bandit((0.01, 0.85, 0.14), (0.9, 0.8, 0.1))),
    published=(
        Identity(
            entanglement_time,
            integrate_entanglement,
            Margin(1e-7, "the integration's error: 1e-12 a step over thousands of steps", relative=True),
        ),
        Identity(_one, _regime_after, Margin(1e-9, "regimes are whole numbers")),
    ),
    mutants=(
        Mutant(
            "the time at which the best pattern takes over",
            Identity(_time_to_half, integrate_entanglement, Margin(1e-7, "as for the claim", relative=True)),
            distance=1e5,
        ),
        Mutant(
            "the asymptotic value T_low",
            Identity(_lower_bound, integrate_entanglement, Margin(1e-7, "as for the claim", relative=True)),
            distance=1e3,
        ),
        Mutant(
            "Regime 1 a thousandth of T_0 earlier",
            Identity(_one, _regime_before, Margin(1e-9, "regimes are whole numbers")),
            distance=1e6,
        ),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C6: growth with gamma


def _growing(gamma: int) -> Bandit:
    """gamma - 1 low patterns of the mass of the best one each, gap .1, fall .3."""
    mass = 1e-5
    lows = gamma - 1
    return Bandit((mass, 1 - mass * (lows + 1), *(mass,) * lows), (0.9, 0.8, *(0.5,) * lows))


def _slope(model: Bandit) -> float:
    """Half the rise of ln T_0 from gamma - 1 to gamma + 1."""
    gamma = len(model.start) - 1
    return 0.5 * (log_entanglement_time(_growing(gamma + 1)) - log_entanglement_time(_growing(gamma - 1)))


def _super_exponential(model: Bandit) -> float:
    """Slope of ln gamma^gamma."""
    return math.log(len(model.start) - 1) + 1


def _exponential(model: Bandit) -> float:
    """d/g: the largest rate that any arrangement of the low patterns has."""
    best, second, *lows = model.rates
    return (second - lows[0]) / (best - second)


def _product_rate(model: Bandit) -> float:
    """ln(1 + d/g), the limit for low patterns of the best one's mass."""
    return math.log1p(_exponential(model))


C6 = Claim(
    "C6",
    source="Theorem 5.4",
    statement="T_0 grows super-exponentially in gamma, like gamma^(C gamma), C = 1 here.",
    falsifier="local slopes of ln T_0 in gamma that stay bounded at a fixed gap",
    design=tuple(_growing(gamma) for gamma in (5, 10, 25, 50)),
    published=Bound(
        _super_exponential, _slope, Margin(1e-9, "rounding of a difference of logarithms"), upper=False
    ),
    repaired=Repair(
        (
            Bound(_exponential, _slope, Margin(1e-9, "rounding of a difference of logarithms")),
            Bound(_product_rate, _slope, Margin(1e-9, "rounding of a difference of logarithms")),
        ),
        "Only as an upper bound. At a fixed gap growth is exponential at most: slopes below d/g, here ln(1 + d/g).",
    ),
    mutants=(
        Mutant(
            "half of the rate ln(1 + d/g) as a bound",
            Bound(lambda model: 0.5 * _product_rate(model), _slope, Margin(1e-9, "as for the claim")),
            distance=1e6,
        ),
    ),
    records=CORRECTED,
)

# ------------------------------------------------------------------ C7: gamma alone


def _double(best: float) -> Bandit:
    """gamma = 2: one low pattern as likely as the best."""
    return Bandit((best, 1 - 2 * best, best), (0.9, 0.8, 0.5))


def _ten_times_the_shortest(model: Bandit) -> float:
    """Ten times the T_0 of gamma = 2 at pi_* = .1."""
    return 10 * entanglement_time(_double(0.1))


def _upper_bound(model: Bandit) -> float:
    return float(entanglement_bounds(model)[1])


C7 = Claim(
    "C7",
    source="Theorem 5.4",
    statement="gamma controls the entanglement time: starts of one gamma have times of one order (here a factor 10).",
    falsifier="starts of the same gamma and rates whose times differ without bound",
    design=tuple(_double(best) for best in (0.1, 0.01, 1e-3, 1e-4)),
    published=Bound(
        _ten_times_the_shortest,
        entanglement_time,
        Margin(1e-9, "rounding of a time, relative to it", relative=True),
    ),
    repaired=Repair(
        Bound(
            _upper_bound, entanglement_time, Margin(1e-9, "rounding of a time, relative to it", relative=True)
        ),
        "1/pi_* and the gap matter as well: T_0 <= T_up#, which grows like 1/(g pi_*) at fixed gamma.",
    ),
    mutants=(
        Mutant(
            "T_up# without its prefactor 1/pi_*",
            Bound(
                lambda model: _upper_bound(model) * model.start[0],
                entanglement_time,
                Margin(1e-9, "as for the claim", relative=True),
            ),
            distance=1e3,
        ),
    ),
    records=CORRECTED,
)

# ------------------------------------------------------------------ C8: fine-tuning first


def _tuned_total(model: Teacher) -> float:
    """Fine-tuning until V = p', then RLVR to pi_* = .99."""
    policy = _normalised(sft_policy(model))
    return sft_time(model) + convergence_time(Convergence(policy, model.rates))


def _plain_total(model: Teacher) -> float:
    """RLVR alone to pi_* = .99."""
    return convergence_time(Convergence(model.start, model.rates))


def _limit_regime(model: Teacher) -> float:
    """1 if fine-tuning on the teacher, followed to its end, leads to Regime 1; 0 otherwise."""
    teacher = np.array(model.teacher or np.eye(len(model.start))[0])
    nearly = (1 - 1e-9) * teacher + 1e-9 * np.array(model.start)
    return float(regime(Bandit(_normalised(nearly), model.rates)) == 1)


def _is_good(model: Teacher) -> float:
    """Whether the teacher's accuracy exceeds p'."""
    teacher = np.array(model.teacher or np.eye(len(model.start))[0])
    return float(teacher @ np.array(model.rates) > sorted(model.rates)[-2])


def _is_better_than_the_start(model: Teacher) -> float:
    """Whether the teacher is better than the base model, which is not enough."""
    return float(sft_threshold(model) < math.inf)


_PURE = (
    Teacher(SIX.start, SIX.rates),
    Teacher((0.001, 0.9, 0.099), (0.9, 0.8, 0.1)),
    Teacher((0.01, 0.5, 0.2, 0.29), (0.95, 0.9, 0.5, 0.1)),
)

C8 = Claim(
    "C8",
    source="version 1, on fine-tuning before RLVR",
    statement="Fine-tuning on good data first removes the slow regime: good means an accuracy of the data above p'.",
    falsifier="good data after which the start is not in Regime 1, or total times that are not shorter",
    design=_PURE,
    published=(
        Bound(_plain_total, _tuned_total, Margin(1e-9, "shorter at all; factors of 1.9 to 2e4 are expected")),
        Identity(_is_good, _limit_regime, Margin(1e-9, "yes or no")),
    ),
    mutants=(
        Mutant(
            "good means an accuracy above p_*",
            Identity(lambda model: 0.0, _limit_regime, Margin(1e-9, "yes or no")),
            distance=1e8,
        ),
        Mutant(
            "the two totals exchanged",
            Bound(_tuned_total, _plain_total, Margin(1e-9, "shorter at all")),
            distance=1e8,
        ),
    ),
    records=CONFIRMED,
)

C8B = Claim(
    "C8b",
    source="version 1, on fine-tuning before RLVR",
    statement="Any data better than the base model will do.",
    falsifier="data better than the base model that leave fine-tuning's limit outside Regime 1",
    design=(
        Teacher(SIX.start, SIX.rates, teacher=(0.6, 0.3, 0.1)),
        Teacher(SIX.start, SIX.rates, teacher=(0.1, 0.5, 0.4)),
        Teacher(SIX.start, SIX.rates, teacher=(0.3, 0.4, 0.3)),
    ),
    published=Identity(_is_better_than_the_start, _limit_regime, Margin(1e-9, "yes or no")),
    repaired=Repair(
        Identity(_is_good, _limit_regime, Margin(1e-9, "yes or no")),
        "Data with an accuracy above p', the success rate of the second-best pattern, and no others.",
    ),
    mutants=(Mutant("all data", lambda model: 1.0, distance=1e8),),
    records=CORRECTED,
)

# ------------------------------------------------------------------ C12: GRPO


@cache
def _grpo_orbit(model: GrpoPath) -> np.ndarray:
    """Policy of GRPO's flow at a time, by integration."""
    return integrate_policy(model, [model.time])[0]


def _plain_orbit(model: GrpoPath) -> np.ndarray:
    """Policy of the plain flow where it has the accuracy that GRPO's flow has at the time."""
    value = float(_grpo_orbit(model) @ np.array(model.rates))
    time = hitting_time(Target(model.start, model.rates, level=value, quantity="accuracy"))
    return flow(Flow(model.start, model.rates, time=time))


def _same_clock(model: GrpoPath) -> np.ndarray:
    """The plain flow at the same time."""
    return flow(Flow(model.start, model.rates, time=model.time))


def _natural_orbit(model: GrpoPath) -> np.ndarray:
    """Policy of the natural gradient where it has the accuracy of GRPO's flow at the time."""
    value = float(_grpo_orbit(model) @ np.array(model.rates))

    def missing(time: float) -> float:
        return value - float(_naturally(model, time) @ np.array(model.rates))

    return _naturally(model, float(optimize.brentq(missing, 0.0, 1e3)))


def _naturally(model: GrpoPath, time: float) -> np.ndarray:
    return natural_gradient_flow(Flow(model.start, model.rates, time=time))


C12 = Claim(
    "C12",
    source="page",
    statement="GRPO and the plain policy gradient have the same orbits; GRPO's clock runs faster by c_G(V).",
    falsifier="policies of equal accuracy on the two flows that differ",
    design=(
        GrpoPath(SIX.start, SIX.rates, time=20, size=8),
        GrpoPath(SIX.start, SIX.rates, time=60, size=8),
        GrpoPath((0.3, 0.4, 0.3), (0.9, 0.4, 0.2), time=15, size=4),
        GrpoPath(LOWS.start, LOWS.rates, time=30, size=16, advantage="sample_std"),
    ),
    published=Identity(
        _plain_orbit,
        _grpo_orbit,
        Margin(
            1e-9, "the integration's 1e-12 a step over some hundred steps, felt through dpi/dV at equal V"
        ),
    ),
    mutants=(
        Mutant("the same clock", _same_clock, distance=1e5),
        Mutant("the orbits of the natural gradient", _natural_orbit, distance=1e5),
    ),
    records=CONFIRMED,
)
