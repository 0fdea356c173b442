"""The exact probability that hijacked prompts are answered wrongly (R7, R8, R13).

All hijackers are one vector x_perp, so gradient descent moves along it alone. With r = |x_perp|, kappa = prod_l
(1 - alpha_l N r^2) and u the cosine of x_perp to the part of beta* orthogonal to w*, the query of margin s is wrong iff

    s c rho < 1 - kappa - kappa c sqrt(1 - rho^2) r u.

r has d - 1 degrees of freedom and u is one coordinate of a uniform direction: the probability is one integral over r
of a distribution function, which `quadrature` evaluates.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.models import DomainError
from theory.context_hijacking import quadrature
from theory.context_hijacking.models import Fixed, Hijack, Margin, Prior, Uniform
from theory.context_hijacking.quadrature import rule
from theory.context_hijacking.risk import dyadic
from theory.numerics import sphere
from theory.numerics.directions import gauss_rule

Array = npt.NDArray[np.float64]

LARGEST_RATE = 1e250  # of alpha N
ENOUGH_NODES = ((40, 10), (20, 12), (18, 14), (14, 24))
"""From how many dimensions on how few nodes of a random prior leave 1e-10."""


def hijack_error(model: Hijack) -> float:
    """Probability that a query is answered wrongly after N copies of its hijacker, exact at every size.

    Returns
    -------
    float
        Between 0 and 1; absolute error below 1e-12, and below 1e-10 where steps overshoot (alpha N r^2 > 1; then kappa
        has the sign of the depth's parity), where the margin is half-normal or the prior random. A random prior in
        fewer than eight dimensions leaves 1e-8, in two or three 1e-4: the law of the angle begins like a power.

    Raises
    ------
    DomainError
        If alpha N exceeds 1e250, where digits would be lost; `hijack_error_limit` has no such bound.

    References
    ----------
    arXiv 2502.15609, Lemma D.1; R7.
    """
    return hijack_error_at(model, model.hijackers)


def hijack_error_at(model: Hijack, hijackers: float) -> float:
    """`hijack_error` at any real number of hijackers in place of the model's."""
    if max(model.step_sizes) * hijackers > LARGEST_RATE:
        allowed = f"such that alpha N <= {LARGEST_RATE:g}"
        raise DomainError("step_size", model.step_size, allowed)
    counted = Counter(step * hijackers for step in model.step_sizes)
    rates = sorted((rate, layers) for rate, layers in counted.items() if rate > 0)
    freedom = model.dimension - 1
    total = quadrature.error(
        _correlations(model.prior, model.dimension),
        (np.array([rate for rate, _ in rates]), np.array([layers for _, layers in rates], dtype=np.int64)),
        freedom,
        model.initial_scale,
        _law(model.margin),
        sphere.coefficients(freedom),
        rule(freedom),
    )
    return min(max(float(total), 0.0), 1.0)


def _law(margin: Margin) -> tuple[int, float]:
    if isinstance(margin, Fixed):
        return quadrature.FIXED, margin.size
    if isinstance(margin, Uniform):
        return quadrature.UNIFORM, margin.most
    return quadrature.HALF_NORMAL, margin.scale


@lru_cache(maxsize=256)
def _correlations(prior: Prior, dimension: int) -> tuple[Array, Array]:
    """As few nodes of the law of rho as leave 1e-10: Gauss's rule in artanh(rho), in which errors are smooth.

    The relative spread of the angle to beta* falls with the dimension alone, so a strong prior needs as many nodes
    as a weak one; artanh(rho) is the angle's logarithm where it is small.
    """
    rhos, weights = (np.asarray(values, dtype=np.float64) for values in prior.correlations(dimension))
    for least, count in ENOUGH_NODES:
        if dimension >= least and count < len(rhos):
            nodes, weights = gauss_rule(np.arctanh(rhos), weights, count)
            return np.tanh(nodes), weights
    return rhos, weights


def hijack_error_limit(model: Hijack) -> float:
    """Limit of the error for infinitely many hijackers: normal probabilities that depend on the depth's parity.

    E_rho Phi(1/(|c| sqrt(1 - rho^2))) at odd depth and E_rho Phi(-1/(|c| sqrt(1 - rho^2))) at even depth: a transformer
    of even depth with equal steps becomes right again. The number of hijackers plays no part.

    References
    ----------
    R13.
    """
    rhos, weights = model.prior.correlations(model.dimension)
    layers = sum(step > 0 for step in model.step_sizes)
    if not layers:
        return hijack_error_at(model, 0.0)
    sign = 1.0 if layers % 2 else -1.0
    tilts = abs(model.initial_scale) * np.sqrt((1 - np.asarray(rhos)) * (1 + np.asarray(rhos)))
    with np.errstate(divide="ignore"):
        return float(np.asarray(weights) @ special.ndtr(sign / tilts))


def overshoot_probability(model: Hijack) -> float:
    """Probability that a step overshoots, alpha N r^2 > 1: kappa changes its sign with the depth.

    Where it is not small, errors need not grow with the number of hijackers, and parities of the depth differ.

    References
    ----------
    R13.
    """
    rate = max(model.step_sizes) * model.hijackers
    return float(special.chdtrc(model.dimension - 1, 1 / rate)) if rate else 0.0


def mean_contraction(model: Hijack) -> float:
    """Mean of kappa = prod_l (1 - alpha_l N r^2): a sum of moments of chi-squared, formed exactly.

    Rare long hijackers dominate it when steps overshoot: it is no typical value. For a uniform margin that covers the
    threshold, the error is (1 - E kappa) E[1/rho] / (c most).

    Raises
    ------
    DomainError
        If the mean has no floating-point number.

    References
    ----------
    R8.
    """
    steps, bits = dyadic(model.step_sizes)
    coefficients = [1]
    for step in steps:
        longer = zip([*coefficients, 0], [0, *coefficients], strict=True)
        coefficients = [x - step * model.hijackers * y for x, y in longer]
    total, moment = 0, 1
    for power, coefficient in enumerate(coefficients):
        total += coefficient * moment << bits * (model.depth - power)
        moment *= model.dimension - 1 + 2 * power
    try:
        return total / (1 << bits * model.depth)
    except OverflowError:
        raise DomainError("step_size", model.step_size, "small enough that the mean is a float") from None
