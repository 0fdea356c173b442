"""When an asymptotic sequence may speak: the first-look rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lemmata.confidence.validation import Array, finite, least, positive
from lemmata.statistics import Moments


@dataclass(frozen=True)
class FirstLook:
    r"""Speak only where the trials' skewness can no longer spoil the level.

    At a critical value z of the t-statistic, skewness g of a trial changes the tail probability by a factor
    of about `exp(|g| z^3 / (3 sqrt(n)))`. A fixed bound on `|g| / sqrt(n)` is therefore good for moderate
    levels only: the smaller alpha, the larger z, and the longer one must wait. The rule is

        (|g| + sqrt(6/n)) / sqrt(n) <= min(ratio, 3 tail / z^3),

    where g is the sample's skewness and `sqrt(6/n)` its standard error for normal trials: a sample too small
    to know its skewness, or one that is mild by luck, waits too. At the default values the first bound is the
    smaller one for levels above about 3e-4.

    Parameters
    ----------
    ratio : float or None
        Largest skewness of the mean, over 1 (the mean's skewness is `g / sqrt(n)`); None: not used.
    tail : float or None
        Largest logarithm of the factor; None: not used. 3 is a factor of 20 in one tail. A mixture's reserve
        absorbs it: at a single look its tail is 1/20 of alpha (at .05) to 1/80 (at 2.5e-7), and
        docs/calibration.md has the measured levels.
    noise : float
        Standard errors to be added to the sample's skewness.

    References
    ----------
    Wang (2005), "Limit theorems for self-normalized large deviation"; Johnson (1978), "Modified t tests and
    confidence intervals for asymmetrical populations".
    """

    ratio: float | None = 0.1
    tail: float | None = 3.0
    noise: float = 1.0

    def __post_init__(self) -> None:
        for name in ("ratio", "tail"):
            if (value := getattr(self, name)) is not None:
                positive(name, value)
        least("noise", self.noise, 0.0)

    def allows(self, moments: Moments, critical: float) -> npt.NDArray[np.bool_]:
        """Where the sample meets the rule, `critical` being the t-statistic's critical value at this look."""
        n = float(moments.count)
        skewness = (np.abs(moments.skewness) + self.noise * np.sqrt(6 / n)) / np.sqrt(n)
        return np.asarray(skewness <= self._bound(critical))

    def trials(self, skewness: float, critical: float) -> float:
        """About how many trials a law of this skewness must wait, at a constant critical value."""
        bound = float(self._bound(critical))
        if bound == 0:
            return np.inf
        g, noise = abs(float(finite("skewness", skewness))), self.noise * np.sqrt(6)
        return float(np.ceil(((g + np.sqrt(g**2 + 4 * bound * noise)) / (2 * bound)) ** 2))

    def _bound(self, critical: float) -> Array:
        bounds = [np.inf if self.ratio is None else self.ratio]
        if self.tail is not None:
            bounds.append(3 * self.tail / critical**3)
        return np.asarray(min(bounds))
