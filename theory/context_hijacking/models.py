"""Models of arXiv 2502.15609: priors and query margins, and prompts to train, to hijack and to classify with.

A linear transformer of L layers runs L steps of gradient descent on the examples of its prompt, from w_0 = c beta*, on
the summed loss (1/2) sum_i (<w, x_i> - y_i)^2. The step sizes of the layers are `step_size` times the factors of
`steps` (`Equal`, `PerLayer`, `PerDepth`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from lemmata.models import DomainError, Model, choice, nested, real, vector, whole
from theory.numerics import directions

MOST_LAYERS = 10**15  # their numbers and parities are exact as floats

# ------------------------------------------------------------------ the prior of the task


class Cone(Model):
    """Task vectors at one angle to the prior direction beta*: rho = <w*, beta*> is constant.

    Parameters
    ----------
    correlation : float
        rho, above 0 and at most 1.
    """

    correlation: float = real(above=0, most=1, doc="rho = <w*, beta*>")

    def mean_correlation(self, dimension: int) -> float:
        """E rho."""
        return self.correlation

    def correlations(self, dimension: int) -> tuple[Any, Any]:
        """Nodes rho and weights of the law of rho."""
        return (self.correlation,), (1.0,)


class NormalisedGaussian(Model):
    """Task vectors w/|w|, w = (1, ..., 1) + spread * standard normal vector; beta* = (1, ..., 1)/sqrt d.

    Parameters
    ----------
    spread : float
        Standard deviation s0 of each coordinate of w; at least 1e-4, below which 1 - E[rho] loses its digits.
    """

    spread: float = real(least=1e-4, doc="standard deviation of each coordinate before normalisation")

    def mean_correlation(self, dimension: int) -> float:
        """E rho."""
        return directions.projected_normal_mean(dimension, dimension**0.5 / self.spread)

    def correlations(self, dimension: int) -> tuple[Any, Any]:
        """Nodes rho and weights of the law of rho."""
        return directions.projected_normal_nodes(dimension, dimension**0.5 / self.spread)

    def angles(self, dimension: int) -> directions.AngleLaw:
        """Law of the angle between w* and beta*."""
        return directions.projected_normal_angles(dimension, dimension**0.5 / self.spread)


class VonMisesFisher(Model):
    """Task vectors with density proportional to exp(k <w*, beta*>) on the sphere.

    Parameters
    ----------
    concentration : float
        k >= 0; 0 is the uniform law. At most 1e8, above which 1 - E[rho] loses its digits.
    """

    concentration: float = real(least=0, most=1e8, doc="concentration k; 0 is the uniform law on the sphere")

    def mean_correlation(self, dimension: int) -> float:
        """E rho."""
        return directions.von_mises_fisher_mean(dimension, self.concentration)

    def correlations(self, dimension: int) -> tuple[Any, Any]:
        """Nodes rho and weights of the law of rho."""
        return directions.von_mises_fisher_nodes(dimension, self.concentration)

    def angles(self, dimension: int) -> directions.AngleLaw:
        """Law of the angle between w* and beta*."""
        return directions.von_mises_fisher_angles(dimension, self.concentration)


Prior = Cone | NormalisedGaussian | VonMisesFisher
PRIORS = (Cone, NormalisedGaussian, VonMisesFisher)

# ------------------------------------------------------------------ the margin |sigma| of the query


class Fixed(Model):
    """Every query has the same margin.

    Parameters
    ----------
    size : float
        s = |sigma|.
    """

    size: float = real(above=0, doc="margin s = |sigma|")


class Uniform(Model):
    """Margins uniform between 0 and `most`.

    Parameters
    ----------
    most : float
        Largest margin.
    """

    most: float = real(above=0, doc="largest margin")


class HalfNormal(Model):
    """Margins |sigma| of a centred normal sigma; with scale 1 the law of clean data.

    Parameters
    ----------
    scale : float
        Standard deviation of sigma.
    """

    scale: float = real(above=0, default=1.0, doc="standard deviation of sigma")


Margin = Fixed | Uniform | HalfNormal
MARGINS = (Fixed, Uniform, HalfNormal)

# ------------------------------------------------------------------ step sizes of the layers


class Equal(Model):
    """All layers take the same step, whatever the depth."""

    def factors(self, depth: int) -> tuple[float, ...]:
        """Step sizes of the layers, in units of `step_size`."""
        return (1.0,) * depth

    def counts(self, depth: int) -> dict[float, int]:
        """How many layers have each step size, in units of `step_size`."""
        return {1.0: depth}


class PerLayer(Model):
    """Each layer has a step of its own; the depth is their number.

    Parameters
    ----------
    values : list of float
        Step sizes of the layers, in units of `step_size`.
    """

    values: tuple[float, ...] = vector(least=0, doc="step size of each layer, in units of step_size")

    def factors(self, depth: int) -> tuple[float, ...]:
        """Step sizes of the layers, in units of `step_size`."""
        if depth != len(self.values):
            raise DomainError("steps.values", self.values, f"a list of length depth = {depth}")
        return self.values

    def counts(self, depth: int) -> dict[float, int]:
        """How many layers have each step size, in units of `step_size`."""
        return Counter(self.factors(depth))


class PerDepth(Model):
    """One transformer for each depth, its layers with equal steps: what a comparison of depths needs.

    Parameters
    ----------
    depths : list of int
        The depths, rising.
    values : list of float
        Step size at each depth, in units of `step_size`.
    """

    depths: tuple[float, ...] = vector(least=1, doc="depths, rising")
    values: tuple[float, ...] = vector(least=0, doc="step size at each depth, in units of step_size")

    def validate(self) -> None:
        if any(depth != int(depth) for depth in self.depths) or sorted(set(self.depths)) != [*self.depths]:
            raise DomainError("depths", self.depths, "whole numbers in rising order")
        if len(self.values) != len(self.depths):
            raise DomainError(
                "values", self.values, f"a list of length {len(self.depths)}, one for each depth"
            )

    def factors(self, depth: int) -> tuple[float, ...]:
        """Step sizes of the layers, in units of `step_size`."""
        return tuple(Counter(self.counts(depth)).elements())

    def counts(self, depth: int) -> dict[float, int]:
        """How many layers have each step size, in units of `step_size`."""
        if depth not in self.depths:
            raise DomainError("depth", depth, f"one of steps.depths = {self.depths}")
        return {self.values[self.depths.index(depth)]: depth}


Steps = Equal | PerLayer | PerDepth
STEPS = (Equal, PerLayer, PerDepth)

# ------------------------------------------------------------------ prompts


class _Layered:
    """What the models of one transformer share."""

    depth: int
    step_size: float
    steps: Steps

    def validate(self) -> None:
        self.steps.counts(self.depth)

    @property
    def layers(self) -> dict[float, int]:
        """How many layers have each step size."""
        sizes = Counter[float]()
        for factor, count in self.steps.counts(self.depth).items():
            sizes[self.step_size * factor] += count
        return sizes

    def contraction(self, total: Any) -> Any:
        """prod_l (1 - alpha_l x) at x = total, a number or an array."""
        kept: Any = 1.0
        for step, layers in self.layers.items():
            part = step * total
            slow = np.exp(layers * np.log1p(-np.minimum(part, 0.5)))  # 1 - part would lose its digits
            kept = kept * np.where(part < 0.5, slow, np.power(1.0 - part, float(layers)))
        return kept

    @property
    def step_sizes(self) -> tuple[float, ...]:
        """Step sizes of the layers."""
        return tuple(self.step_size * factor for factor in self.steps.factors(self.depth))


class Training(_Layered, Model):
    """A transformer beside the training prompts: clean examples of one task, then a query.

    Parameters
    ----------
    examples : int
        Number n of clean examples x_i ~ N(0, I_d), y_i = sign <w*, x_i>.
    dimension : int
        Dimension d.
    depth : int
        Number L of layers.
    step_size : float
        Step size alpha of each layer (times its factor in `steps`).
    initial_scale : float
        c in w_0 = c beta*.
    prior : Cone, NormalisedGaussian or VonMisesFisher
        Law of the task vector w*.
    steps : Equal, PerLayer or PerDepth
        How the step size is spread over the layers.
    """

    examples: int = whole(least=1, doc="number of clean examples n")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, most=MOST_LAYERS, doc="number of layers L")
    step_size: float = real(least=0, doc="step size alpha on the summed loss")
    initial_scale: float = real(doc="c in w_0 = c beta*")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    steps: Steps = nested(*STEPS, default=Equal(), doc="step sizes of the layers, in units of step_size")


class DirectionalStep(Model):
    """One layer with the preconditioner that treats beta* apart: `along` beta* beta*^T + `across` (I - beta* beta*^T).

    Parameters
    ----------
    examples, dimension, initial_scale
        As for `Training`.
    across, along : float
        Step sizes orthogonal to beta* and along it.
    prior : Cone
        Law of the task vector.
    """

    examples: int = whole(least=1, doc="number of clean examples n")
    dimension: int = whole(least=2, doc="dimension d")
    across: float = real(doc="step size orthogonal to beta*")
    along: float = real(doc="step size along beta*")
    initial_scale: float = real(doc="c in w_0 = c beta*")
    prior: Cone = nested(Cone, doc="law of the task vector")


class Tuning(Model):
    """Training prompts and a depth, for which the best step size (equal in all layers) is sought.

    Parameters
    ----------
    examples, dimension, depth, prior
        As for `Training`.
    initialisation : 'prior_mean' or 'joint'
        Whether w_0 is the prior mean sqrt(2/pi) E[w*] of the regression vector, or its length is tuned together with
        the step size.
    """

    examples: int = whole(least=1, doc="number of clean examples n")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, doc="number of layers L")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    initialisation: str = choice(
        "prior_mean", "joint", default="prior_mean", doc="w_0 the prior mean, or its length tuned as well"
    )


class Hijack(_Layered, Model):
    """A transformer whose prompt holds nothing but copies of one hijacking example.

    The query is x_q = x_perp + sigma w*, the hijacker its part orthogonal to w* with the opposite label.

    Parameters
    ----------
    hijackers : int
        Number N of copies.
    dimension, depth, step_size, initial_scale, prior, steps
        As for `Training`.
    margin : Fixed, Uniform or HalfNormal
        Law of |sigma|.
    """

    hijackers: int = whole(least=0, doc="number of hijacking examples N")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, most=MOST_LAYERS, doc="number of layers L")
    step_size: float = real(least=0, doc="step size alpha on the summed loss")
    initial_scale: float = real(doc="c in w_0 = c beta*")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    margin: Margin = nested(*MARGINS, doc="law of the query's margin |sigma|")
    steps: Steps = nested(*STEPS, default=Equal(), doc="step sizes of the layers, in units of step_size")


class TunedHijack(Model):
    """A transformer with the best step size for its training prompts, to be hijacked afterwards.

    Parameters
    ----------
    examples, dimension, depth, prior, initialisation
        As for `Tuning`.
    margin : Fixed, Uniform or HalfNormal
        Law of |sigma|.
    """

    examples: int = whole(least=1, doc="number of clean examples n of a training prompt")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, doc="number of layers L")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    margin: Margin = nested(*MARGINS, doc="law of the query's margin |sigma|")
    initialisation: str = choice(
        "prior_mean", "joint", default="prior_mean", doc="w_0 the prior mean, or its length tuned as well"
    )

    @property
    def tuning(self) -> Tuning:
        """The training that fixes the step size."""
        return Tuning(self.examples, self.dimension, self.depth, self.prior, self.initialisation)


class DeepHijack(Model):
    """A transformer of unbounded depth, trained as well as its filter can be, to be hijacked afterwards.

    Parameters
    ----------
    hijackers : int
        Number N of copies.
    examples, dimension, prior
        As for `Training`.
    margin : Fixed
        The query's margin.
    limit : 'flow' or 'ridge'
        Gradient flow, the limit of real equal steps; or the ridge filter, that of steps free to be complex.
    """

    hijackers: int = whole(least=0, doc="number of hijacking examples N")
    examples: int = whole(least=1, doc="number of clean examples n of a training prompt")
    dimension: int = whole(least=2, doc="dimension d")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    margin: Fixed = nested(Fixed, doc="the query's margin |sigma|")
    limit: str = choice("flow", "ridge", default="flow", doc="gradient flow, or the ridge filter")

    @property
    def tuning(self) -> Tuning:
        """The training, whose depth plays no part."""
        return Tuning(self.examples, self.dimension, 1, self.prior)


class Depths(Model):
    """Two transformers of different depth, both with the best step size for the same training prompts.

    Parameters
    ----------
    examples, dimension, prior
        As for `Training`.
    margin : Fixed
        The query's margin.
    shallow, deep : int
        Their numbers of layers.
    """

    examples: int = whole(least=1, doc="number of clean examples n of a training prompt")
    dimension: int = whole(least=2, doc="dimension d")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    margin: Fixed = nested(Fixed, doc="the query's margin |sigma|")
    shallow: int = whole(least=1, default=1, doc="number of layers of the shallower transformer")
    deep: int = whole(least=2, default=8, doc="number of layers of the deeper transformer")

    def validate(self) -> None:
        if self.deep <= self.shallow:
            raise DomainError("deep", self.deep, f"more than shallow = {self.shallow}")

    def tuned_hijack(self, depth: int) -> TunedHijack:
        """The transformer of a depth."""
        return TunedHijack(self.examples, self.dimension, depth, self.prior, self.margin)


class Query(_Layered, Model):
    """One query and its hijacker, given by what the answer depends on.

    Parameters
    ----------
    depth, step_size, initial_scale, steps
        As for `Training`.
    correlation : float
        rho = <w*, beta*> of this task.
    margin : float
        s = |sigma|.
    alignment : float
        g, the component of x_perp along the part of beta* orthogonal to w*, with the sign of the query's label.
    squared_norm : float
        r^2 = |x_perp|^2.
    """

    depth: int = whole(least=1, most=MOST_LAYERS, doc="number of layers L")
    step_size: float = real(above=0, doc="step size alpha on the summed loss")
    initial_scale: float = real(doc="c in w_0 = c beta*")
    correlation: float = real(least=-1, most=1, doc="rho = <w*, beta*>")
    margin: float = real(above=0, doc="margin s = |sigma| of the query")
    alignment: float = real(doc="g, component of x_perp along beta*'s part orthogonal to w*")
    squared_norm: float = real(above=0, doc="r^2 = |x_perp|^2")
    steps: Steps = nested(*STEPS, default=Equal(), doc="step sizes of the layers, in units of step_size")

    def validate(self) -> None:
        super().validate()
        if self.alignment**2 > self.squared_norm:
            raise DomainError("alignment", self.alignment, "at most sqrt(squared_norm) in absolute value")


class Dose(Model):
    """A hijacking dose beside what the training data hold, in the leading order of many training examples.

    Parameters
    ----------
    examples, dimension, prior
        As for `Training`.
    dose : float
        N r^2 / n: 1 means as much squared norm of hijackers as the training prompt had in that direction.
    exponent : float
        1/L for a depth of L, 0 for gradient flow (infinite depth), -1 for the ridge filter.
    """

    examples: int = whole(least=1, doc="number of clean examples n of a training prompt")
    dimension: int = whole(least=2, doc="dimension d")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    dose: float = real(least=0, doc="N r^2 / n")
    exponent: float = real(least=-1, most=1, doc="1/L at depth L, 0 for gradient flow, -1 for ridge")


class CleanContext(_Layered, Model):
    """A transformer whose prompt holds clean examples of a task and a query of the same law.

    Parameters
    ----------
    examples : int
        Number n' of clean examples of the test prompt.
    dimension, depth, step_size, initial_scale, prior, steps
        As for `Training`.
    """

    examples: int = whole(least=0, doc="number of clean examples n' of the test prompt")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, most=MOST_LAYERS, doc="number of layers L")
    step_size: float = real(least=0, doc="step size alpha on the summed loss")
    initial_scale: float = real(doc="c in w_0 = c beta*")
    prior: Prior = nested(*PRIORS, doc="law of the task vector")
    steps: Steps = nested(*STEPS, default=Equal(), doc="step sizes of the layers, in units of step_size")


class MixedContext(_Layered, Model):
    """A transformer whose prompt holds clean examples and copies of one hijacking example.

    Parameters
    ----------
    examples : int
        Number n' of clean examples of the test prompt.
    hijackers, dimension, depth, step_size, initial_scale, steps
        As for `Hijack`.
    prior : Cone
        Law of the task vector.
    margin : Fixed
        The query's margin.
    """

    examples: int = whole(least=1, doc="number of clean examples n' of the test prompt")
    hijackers: int = whole(least=0, doc="number of hijacking examples N")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, most=MOST_LAYERS, doc="number of layers L")
    step_size: float = real(above=0, doc="step size alpha on the summed loss")
    initial_scale: float = real(doc="c in w_0 = c beta*")
    prior: Cone = nested(Cone, doc="law of the task vector")
    margin: Fixed = nested(Fixed, doc="the query's margin |sigma|")
    steps: Steps = nested(*STEPS, default=Equal(), doc="step sizes of the layers, in units of step_size")


class RandomLayers(Model):
    """A transformer with random preconditioners on a random prompt: the two sides of the equivalence.

    Parameters
    ----------
    examples, dimension, depth
        As for `Training`.
    preconditioner : 'general' or 'symmetric'
        Whether each Gamma_l has independent normal entries, or is symmetric; entries of standard deviation
        `step_size`.
    step_size : float
        Size of the preconditioners' entries.
    """

    examples: int = whole(least=1, doc="number of examples n")
    dimension: int = whole(least=2, doc="dimension d")
    depth: int = whole(least=1, doc="number of layers L")
    step_size: float = real(above=0, doc="standard deviation of the entries of Gamma_l")
    preconditioner: str = choice(
        "general", "symmetric", default="general", doc="whether Gamma_l is symmetric"
    )
