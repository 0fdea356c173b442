"""What to know of a value: is a level reached, has it a float, which of equals is meant, where is no plateau."""

from __future__ import annotations

import math
import sys

from theory.rlvr_gradient_flow.entanglement import least_policy
from theory.rlvr_gradient_flow.hitting import log_hitting_time
from theory.rlvr_gradient_flow.models import Bandit, Target
from theory.rlvr_gradient_flow.patterns import best, runner_up
from theory.rlvr_gradient_flow.regimes import regime
from theory.rlvr_gradient_flow.two_patterns import two_pattern_time


def on_hitting_time(model: Target) -> str:
    """Says of `hitting_time` that it is infinite, or no float, or that patterns tie."""
    log_time = log_hitting_time(model)
    if log_time == math.inf:
        return _joined(f"never reached: the {model.quantity} tends to {_end(model):.6g}", _tie(model))
    if log_time > math.log(sys.float_info.max):
        return _joined(f"beyond the largest float: e^{log_time:.9g} (log_hitting_time)", _tie(model))
    return _tie(model)


def on_log_hitting_time(model: Target) -> str:
    """Says of `log_hitting_time` that it is infinite, or that patterns tie."""
    return on_hitting_time(model) if log_hitting_time(model) == math.inf else _tie(model)


def on_two_pattern_time(model: Target) -> str:
    """As `on_hitting_time`, for two patterns; a KL penalty may keep them from the level."""
    if model.kl == 0:
        return on_hitting_time(model)
    return "never reached: the KL penalty holds it off" if two_pattern_time(model) == math.inf else ""


def on_plateau_time(model: Bandit) -> str:
    """Says of `plateau_time` that the start is not that of a plateau."""
    if regime(model) == 2 and model.start[runner_up(model)] == max(model.start):
        return ""
    return "outside Regime 2 with the most likely pattern as runner-up: no plateau, for which this holds"


def on_least_policy(model: Bandit) -> str:
    """Says of `least_policy` that there is no plateau, or none deep enough for it to lie below the start."""
    start = model.start[best(model)]
    shallow = f"no deep plateau: the smallest probability is at most that of the start, {start:.6g}"
    return _joined(on_plateau_time(model), shallow if least_policy(model) > start else "")


def _end(model: Target) -> float:
    """What the quantity tends to."""
    star = best(model)
    if model.quantity == "accuracy":
        return model.rates[star]
    if len(set(model.rates)) == 1:
        return model.start[star]  # nothing moves
    twins = [s for s, p in zip(model.start, model.rates, strict=True) if p == model.rates[star]]
    return 1 / twins.count(model.start[star])


def _tie(model: Bandit) -> str:
    count = model.rates.count(max(model.rates))
    return (
        f"{count} patterns tie for the best rate: the most likely one at the start is meant"
        if count > 1
        else ""
    )


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
