"""R6, how the training loss converges: with A filters beyond the knee a feature's loss falls like m^p/(A t).

Once A filters of its sign are in the linear part of the activation, a feature's margin obeys dF/dt = c A/(1 + e^F) with
c = m^-p:

    F + e^F = c A (t - T) + F* + e^F*      from the margin F* at the time T of the last escape on,

whatever came before; the loss ln(1 + e^-F) tends to 1/(c A t).
"""

from __future__ import annotations

import math

import numpy as np

from lemmata.models import DomainError, Model, real, whole
from theory.numerics.log_linear import log_linear_root


class Tail(Model):
    """A feature on which filters are beyond the knee, and time since.

    Parameters
    ----------
    winners : int
        A, filters of the feature's sign beyond the knee.
    filters : int
        m.
    margin : float
        F*, the feature's margin when the last of them got there.
    elapsed : float
        t - T, the time since.
    output_exponent : float
        p: the second layer is +-m^-p.
    """

    winners: int = whole(least=1, doc="filters A beyond the knee")
    filters: int = whole(least=1, doc="filters m of each sign")
    margin: float = real(doc="margin F* at the last escape")
    elapsed: float = real(least=0, doc="time t - T since")
    output_exponent: float = real(least=0, most=1, default=1.0, doc="p in the second layer +-m^-p")

    def validate(self) -> None:
        if self.winners > self.filters:
            raise DomainError("winners", self.winners, f"at most filters = {self.filters}")
        if self.margin > 700.0:
            raise DomainError("margin", self.margin, "at most 700, since e^margin must be a float")


def tail_margin(model: Tail) -> float:
    """The margin F: the root of F + e^F = c A (t - T) + F* + e^F*.

    References
    ----------
    R6 of docs/papers/cnn_rank.md.
    """
    slope = model.winners * model.filters**-model.output_exponent
    return float(log_linear_root(slope * model.elapsed + model.margin + math.exp(model.margin)))


def tail_loss(model: Tail) -> float:
    """The feature's loss ln(1 + e^-F); it tends to m^p/(A t).

    References
    ----------
    R6 of docs/papers/cnn_rank.md.
    """
    return float(np.logaddexp(0.0, -tail_margin(model)))
