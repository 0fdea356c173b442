"""Bandits that satisfy the hypotheses of the results by construction, and the one of the worked values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from theory.rlvr_gradient_flow import Bandit, Target

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "rlvr_gradient_flow.json").read_text())
SIX = Bandit((0.05, 0.7, 0.25), (0.9, 0.7, 0.2))
"""The bandit of the worked values: the paper's start with gamma = 6; the rates are ours."""
CLOCK = 1e-11
"""Relative error of a time: 2e-13 of quadrature a panel, and roundings that a power s^K of the panels takes K-fold."""
LEAST_GAP = 0.02


def at(model: Bandit, level: float, **options: str) -> Target:
    """The time at which the bandit's accuracy is at a level."""
    return Target(model.start, model.rates, level=level, **options)  # type: ignore[arg-type]


@st.composite
def policies(draw: st.DrawFn, count: int, decades: float = 4.0) -> list[float]:
    """Probabilities whose sizes are spread over some decades."""
    logs = draw(st.lists(st.floats(-decades, 0), min_size=count, max_size=count))
    weights = 10.0 ** np.array(logs)
    return (weights / weights.sum()).tolist()


@st.composite
def spread_rates(draw: st.DrawFn, count: int, least_gap: float = LEAST_GAP) -> list[float]:
    """Rates in [0, 1] in any order, each two at least a gap apart."""
    steps = np.array(draw(st.lists(st.floats(0, 1), min_size=count + 1, max_size=count + 1))) + 1e-3
    room = 1.0 - least_gap * (count - 1)
    rates = np.cumsum(steps[:-1] / steps.sum() * room) + least_gap * np.arange(count)
    return draw(st.permutations(rates.tolist()))


@st.composite
def bandits(draw: st.DrawFn, most: int = 8, least: int = 2, decades: float = 4.0) -> Bandit:
    """Any bandit with 2 to 8 patterns and distinct rates."""
    count = draw(st.integers(least, most))
    return Bandit(tuple(draw(policies(count, decades))), tuple(draw(spread_rates(count))))


@st.composite
def regime_one(draw: st.DrawFn, most: int = 6) -> Bandit:
    """V(0) above every sub-optimal rate: p_j = p_* - Delta (1 + e_j) with sum_j pi_j e_j < pi_*."""
    count = draw(st.integers(2, most))
    start = draw(policies(count))
    shares = np.array(draw(st.lists(st.floats(0, 1), min_size=count - 1, max_size=count - 1)))
    shares[draw(st.integers(0, count - 2))] = 0.0  # the runner-up
    total = max(shares.sum(), 1e-3)
    excess = draw(st.floats(0.0, 0.98)) * start[0] * shares / total / np.array(start[1:])
    top = draw(st.floats(0.1, 1.0))
    gap = draw(st.floats(0.05, 1.0)) * top / (1.0 + excess.max())
    return Bandit(tuple(start), (top, *(top - gap * (1.0 + excess)).clip(0.0, 1.0).tolist()))


@st.composite
def regime_two(draw: st.DrawFn, most_lows: int = 6) -> Bandit:
    """p' > V(0) > p_l, r' the most likely pattern, d_l >= g: the hypotheses of the lower bound of T_0."""
    lows = draw(st.integers(1, most_lows))
    gap = draw(st.floats(0.02, 0.3))
    second = draw(st.floats(gap + 0.02, 1.0 - gap))
    falls = np.array([gap + draw(st.floats(0.0, 1.0)) * (second - gap) for _ in range(lows)])
    masses = np.array(draw(policies(lows, 2.0))) * draw(st.floats(0.02, 0.35))
    masses *= min(
        1.0, 0.98 * falls.min() / float(masses @ falls)
    )  # V(0) > p_l: sum_k d_k pi_k < d_l for each l
    # V(0) < p': g pi_* < sum_l d_l pi_l
    most = min(0.2, float(masses @ falls) / gap)
    best = most * 10.0 ** -draw(st.floats(0.05, 5.0))
    start = (best, 1.0 - best - float(masses.sum()), *masses.tolist())
    return Bandit(start, (second + gap, second, *(second - falls).clip(0.0, 1.0).tolist()))


@st.composite
def regime_two_behind_a_low(draw: st.DrawFn) -> Bandit:
    """Regime 2 where a low pattern is the most likely at the start, with d_l >= g; up to three more are no better."""
    gap = draw(st.floats(0.02, 0.2))
    second = draw(st.floats(2 * gap + 0.02, 1.0 - gap))
    fall = draw(st.floats(gap, second))
    low = draw(st.floats(0.5, 0.95))
    best = (1.0 - low) * 10.0 ** -draw(st.floats(0.6, 6.0))
    rest = 1.0 - low - best
    more = draw(st.integers(0, 3))
    falls = np.array([fall + draw(st.floats(0.0, 1.0)) * (second - fall) for _ in range(more)])
    masses = 0.5 * rest * np.array(draw(policies(more, 2.0)) if more else [])
    # V(0) above the likely low's rate: sum_l m_l (d_l - d) < d pi'
    masses *= min(1.0, 0.45 * rest * fall / max(float(masses @ (falls - fall)), 1e-300))
    start = (best, rest - float(masses.sum()), low, *masses.tolist())
    return Bandit(start, (second + gap, *(second - np.array([0.0, fall, *falls])).clip(0.0, 1.0).tolist()))
