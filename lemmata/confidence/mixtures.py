"""What the normal and the t-mixture share: the width of the mixing law, fixed before the data."""

from __future__ import annotations

import math

from lemmata.confidence.validation import probability, whole

TIGHTEST_AT = 4096
"""Trials at which the mixtures are tightest unless told otherwise."""


def optimal_spread(alpha: float) -> float:
    r"""The value of `s = 1 + n g` that makes the normal mixture's interval shortest at `n` trials.

    The squared half width in units of `variance / n` is `s / (s - 1) (2 log(1/alpha) + log s)`; its minimum
    solves `s - 1 - log s = 2 log(1/alpha)` and equals `s` itself.
    """
    target = 2 * math.log(1 / probability("alpha", alpha))
    spread = 1 + target
    for _ in range(100):
        spread, previous = 1 + target + math.log(spread), spread
        if abs(spread - previous) <= 1e-14 * spread:
            break
    return spread


def mixing_variance(alpha: float, tightest_at: int) -> float:
    """Variance `g` of the mixing law, in units of a trial's variance: `(s - 1) / tightest_at`."""
    return (optimal_spread(alpha) - 1) / whole("tightest_at", tightest_at)
