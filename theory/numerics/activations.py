"""Entrywise nonlinearities f(t), each a model: it has a name on the command line, parameters and a digest.

They are centred, E f(xi) = 0 for a standard normal xi. `apply` overwrites an array with f of its entries, in the
array's own precision; it is meant for blocks that stay in the cache. What a theory needs of an activation, its
Hermite coefficients, is computed in `theory.numerics.hermite`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, Model, real, vector, whole

Array = npt.NDArray[Any]


class Linear(Model):
    """f(t) = t."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""


class Tanh(Model):
    """f(t) = tanh t."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        np.tanh(values, out=values)


class Sign(Model):
    """f(t) = sign t, with sign(+-0) = +-1."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        np.copysign(1.0, values, out=values)  # no branches, unlike np.sign


class Relu(Model):
    """f(t) = max(t, 0) - 1/sqrt(2 pi), the centred rectifier."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        np.maximum(values, 0.0, out=values)
        values -= 1 / math.sqrt(2 * math.pi)


class Sine(Model):
    """f(t) = sin t."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        np.sin(values, out=values)


class Cosine(Model):
    """f(t) = cos t - exp(-1/2), centred."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        np.cos(values, out=values)
        values -= math.exp(-0.5)


class Cubic(Model):
    """f(t) = t^3 / sqrt 15, of unit power."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        values *= values * values / math.sqrt(15)


class Exponential(Model):
    """f(t) = exp(t) - exp(1/2), centred."""

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        np.exp(values, out=values)
        values -= math.exp(0.5)


class HermiteSeries(Model):
    """f(t) = sum_k a_k h_k(t), k = 1, 2, ..., with h_k the Hermite polynomials of unit power under the Gaussian.

    Parameters
    ----------
    coefficients : list of float
        a_1, a_2, ...; at least one is not zero.
    """

    coefficients: tuple[float, ...] = vector(
        doc="coefficients a_1, a_2, ... of the normalised Hermite polynomials"
    )

    def validate(self) -> None:
        power = sum(a * a for a in self.coefficients)
        if not 0 < power < math.inf:
            raise DomainError(
                "coefficients",
                self.coefficients,
                "a list with an entry that is not zero, whose sum of squares neither vanishes nor overflows",
            )

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        # sqrt(k+1) h_{k+1} = t h_k - sqrt(k) h_{k-1}
        before, current = np.ones_like(values), values.copy()
        total = self.coefficients[0] * values
        for k, coefficient in enumerate(self.coefficients[1:], start=1):
            before, current = current, (values * current - math.sqrt(k) * before) / math.sqrt(k + 1)
            if coefficient:
                total += coefficient * current
        values[...] = total


class Hermite(Model):
    """f(t) = h_k(t), the Hermite polynomial of degree k with unit power under the Gaussian.

    Parameters
    ----------
    degree : int
        k >= 1.
    """

    degree: int = whole(least=1, most=40, doc="degree k of the normalised Hermite polynomial")

    def apply(self, values: Array) -> None:
        """Overwrite `values` with f of its entries."""
        HermiteSeries((*(0.0,) * (self.degree - 1), 1.0)).apply(values)


class Coefficients(Model):
    """An activation known by its Hermite data alone: enough for a limit, not for a simulation.

    Parameters
    ----------
    linear : float
        a_1 = E[xi f(xi)].
    power : float
        nu = E[f(xi)^2] > 0.
    quadratic : float
        a_2 = E[(xi^2 - 1) f(xi)] / sqrt 2. Bessel's inequality: a_1^2 + a_2^2 <= nu.
    """

    linear: float = real(doc="a_1 = E[xi f(xi)]")
    power: float = real(above=0, doc="nu = E[f(xi)^2]")
    quadratic: float = real(default=0.0, doc="a_2 = E[(xi^2 - 1) f(xi)] / sqrt 2")

    def validate(self) -> None:
        least = self.linear**2 + self.quadratic**2
        if not self.power >= least * (1 - 1e-12):
            raise DomainError(
                "power", self.power, f"at least linear^2 + quadratic^2 = {least:g} (Bessel's inequality)"
            )


ACTIVATIONS = (
    Tanh, Linear, Sign, Relu, Sine, Cosine, Cubic, Exponential, Hermite, HermiteSeries, Coefficients
)  # fmt: skip
"""Every kind; the first is the default where an activation is chosen by its parameters alone."""

Activation = (
    Tanh | Linear | Sign | Relu | Sine | Cosine | Cubic | Exponential | Hermite | HermiteSeries | Coefficients
)
