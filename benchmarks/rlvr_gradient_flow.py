"""Hitting times of forty random bandits beside an integration of the flow, an empty call; then samplers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import integrate, special

from benchmarks.rlvr_gradient_flow_samplers import SAMPLERS
from lemmata.benchmarking import Benchmark
from theory.rlvr_gradient_flow import Target, hitting_time
from theory.rlvr_gradient_flow.hitting import target_place

COUNT = 40


def random_targets(count: int, seed: int) -> list[Target]:
    """Bandits of 2 to 10 patterns with starts down to 1e-6, and the level 0.9 of the best pattern ahead."""
    rng = np.random.default_rng(seed)
    targets: list[Target] = []
    while len(targets) < count:
        patterns = int(rng.integers(2, 11))
        start = np.maximum(rng.dirichlet(np.full(patterns, 0.5)), 1e-6)
        rates = rng.random(patterns)
        start /= start.sum()
        if start[rates.argmax()] < 0.9:
            targets.append(Target(tuple(start), tuple(rates), level=0.9))
    return targets


def nodes_of(target: Target) -> int:
    """Quadrature nodes that a hitting time takes."""
    orbit, place = target_place(target)
    return 0 if place is None else len(orbit.nodes(place)[0])


def integrated_time(target: Target) -> float:
    """The hitting time by SciPy: a stiff solver at relative tolerance 1e-10, stopped by an event."""
    rates = np.array(target.rates)
    star = int(rates.argmax())

    def speed(_: float, theta: np.ndarray) -> np.ndarray:
        policy = special.softmax(theta)
        return policy * (rates - policy @ rates)

    def reached(_: float, theta: np.ndarray) -> float:
        return float(special.softmax(theta)[star]) - target.level

    reached.terminal = True  # type: ignore[attr-defined]
    run = integrate.solve_ivp(
        speed, (0.0, 1e300), np.log(target.start), method="LSODA", rtol=1e-10, atol=1e-12, events=reached
    )
    assert run.t_events is not None
    return float(run.t_events[0][0])


TARGETS = random_targets(COUNT, seed=1)
DEEPEST = max(TARGETS, key=nodes_of)
SHORT = [target for target in TARGETS if hitting_time(target) < 1e6]


def _all(function: Callable[[Target], float], targets: list[Target]) -> Callable[[], object]:
    return lambda: [function(target) for target in targets]


BENCHMARKS = (
    Benchmark(
        "hitting time",
        f"{COUNT} random bandits of 2 to 10 patterns, beside an empty call, a time",
        ours=_all(hitting_time, TARGETS),
        reference=lambda: None,
        units=COUNT,
        rounds=15,
        excess_at_most=50e-6,
    ),
    Benchmark(
        "hitting time, most nodes",
        "the one of them that takes the most nodes, beside an empty call",
        ours=_all(hitting_time, [DEEPEST] * 20),
        reference=lambda: None,
        units=20,
        rounds=15,
        excess_at_most=200e-6,
    ),
    Benchmark(
        "hitting time, integrated",
        f"the {len(SHORT)} of them below 1e6, beside SciPy's LSODA at relative tolerance 1e-10, a time",
        ours=_all(hitting_time, SHORT),
        reference=_all(integrated_time, SHORT),
        units=len(SHORT),
        reference_units=len(SHORT),
        ratio_at_least=100,
    ),
    *SAMPLERS,
)
