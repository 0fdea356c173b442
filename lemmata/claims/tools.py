"""Which confidence sequence judges a mean.

A tool is a function of alpha, the range of one trial, the predicted mean and the scale of a contrast.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lemmata.confidence import BetaBinomial, EmpiricalBernstein, NormalMixture, Sequence, TMixture

Tool = Callable[[float, float, float, float, float], Sequence]
"""`tool(alpha, low, high, guess, scale)` makes the sequence for trials that lie in [low, high] (infinite where
unknown). `guess` is a prediction of their mean, fixed before the data, on which no level depends. A trial is a
combination of sampled numbers; `scale` bounds its standard deviation in units of the largest of theirs."""


def t_mixture(alpha: float, low: float, high: float, guess: float, scale: float) -> Sequence:
    """For means of any trials with a finite variance; its level is asymptotic."""
    return TMixture(alpha)


def empirical_bernstein(alpha: float, low: float, high: float, guess: float, scale: float) -> Sequence:
    """For means of trials in a known finite range; exact."""
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"range = [{low:g}, {high:g}]: empirical Bernstein needs a finite one")
    return EmpiricalBernstein(alpha, low, high, guess=guess)


def beta_binomial(alpha: float, low: float, high: float, guess: float, scale: float) -> Sequence:
    """For proportions: trials that are 0 or 1; exact."""
    if (low, high) != (0.0, 1.0):
        raise ValueError(f"range = [{low:g}, {high:g}]: a proportion needs one output with trials 0 or 1")
    return BetaBinomial(alpha)


def normal_mixture(sd: float) -> Tool:
    """For means of normal (or sub-Gaussian) outputs of at most the given standard deviation; exact."""

    def tool(alpha: float, low: float, high: float, guess: float, scale: float) -> Sequence:
        return NormalMixture(alpha, sd * scale)

    return tool
