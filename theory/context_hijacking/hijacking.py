"""The exact probability that hijacked prompts are answered wrongly (R7, R8, R13).

All hijackers are one vector x_perp, so gradient descent moves along it alone. With r = |x_perp|, kappa = prod_l
(1 - alpha_l N r^2) and u the cosine of x_perp to the part of beta* orthogonal to w*, the query of margin s is wrong iff

    s c rho < 1 - kappa - kappa c sqrt(1 - rho^2) r u.

r has d - 1 degrees of freedom and u is one coordinate of a uniform direction: the probability is one integral over r
of a distribution function. It is smooth between the radii at which the threshold leaves the range of u; these are found
exactly, since log|kappa| + log|1 +- y r| is concave between its zeros.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.models import DomainError
from theory.context_hijacking.models import Fixed, Hijack, Margin, Uniform
from theory.context_hijacking.risk import dyadic
from theory.numerics import sphere
from theory.numerics.directions import gauss_legendre

Array = npt.NDArray[np.float64]
Rates = tuple[tuple[float, int], ...]  # alpha_l N, and how many layers have it

NODES, WIDE_NODES = 72, 112  # of each panel between two split points; many dimensions make narrow peaks
TINY, HUGE = 1e-300, 1e150
LARGEST_RATE = 1e250  # of alpha N
BELOW, ABOVE = 6.2, 8.7  # distances from the peak of a chi density beyond which its mass is below 1e-16


def hijack_error(model: Hijack) -> float:
    """Probability that a query is answered wrongly after N copies of its hijacker, exact at every size.

    Returns
    -------
    float
        Between 0 and 1; absolute error below 1e-12, and below 1e-9 where steps overshoot (alpha N r^2 > 1; then kappa
        has the sign of the depth's parity). Half-normal margins: 1e-6 where steps overshoot in few dimensions.

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
    rates = tuple(sorted((rate, layers) for rate, layers in counted.items() if rate > 0))

    def at(rho: float) -> float:
        tilt = abs(model.initial_scale) * math.sqrt((1 - rho) * (1 + rho))
        return _error_of_margin(rates, model.dimension - 1, model.initial_scale * rho, tilt, model.margin)

    rhos, weights = model.prior.correlations(model.dimension)
    total = sum(weight * at(float(rho)) for rho, weight in zip(rhos, weights, strict=True) if weight > 1e-17)
    return min(max(float(total), 0.0), 1.0)


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


# ------------------------------------------------------------------ given the task's correlation


def _error_of_margin(rates: Rates, freedom: int, slope: float, tilt: float, margin: Margin) -> float:
    """The error at one rho; slope = c rho, tilt = |c| sqrt(1 - rho^2)."""
    if isinstance(margin, Fixed):
        return _error(rates, freedom, tilt, (margin.size * slope,))
    if slope == 0:
        return _error(rates, freedom, tilt, (0.0,))
    if isinstance(margin, Uniform):
        return _error(rates, freedom, tilt, _range(margin.most * slope))
    # a half-normal margin is uniform below a Maxwell-distributed one
    sizes, weights = _maxwell_nodes(1 / (abs(slope) * margin.scale))
    errors = [_error(rates, freedom, tilt, _range(m * margin.scale * slope)) for m in sizes]
    return float(weights @ errors)


def _range(end: float) -> tuple[float, float]:
    return (0.0, end) if end > 0 else (end, 0.0)


def _maxwell_nodes(split: float) -> tuple[Array, Array]:
    """Nodes and weights of the chi law of three degrees of freedom, crowded at `split`."""
    ends = [0.0, *([split] if split < 9.0 else []), 9.5]
    half, mass = _panel_rule(32)
    points, weights = [], []
    for low, high in itertools.pairwise(ends):
        m = low + (high - low) * half
        points.append(m)
        weights.append((high - low) * mass * math.sqrt(2 / math.pi) * m * m * np.exp(-0.5 * m * m))
    return np.concatenate(points), np.concatenate(weights)


def _error(rates: Rates, freedom: int, tilt: float, levels: tuple[float, ...]) -> float:
    """P(1 - kappa - kappa tilt r u > level), averaged over levels uniform between the two if there are two."""
    splits = _splits(rates, freedom, tilt, [1 - level for level in levels])
    rule, mass = _panel_rule(NODES if freedom < 40 else WIDE_NODES)
    width = (splits[1:] - splits[:-1])[:, None]
    radius = splits[:-1, None] + width * rule
    weights = width * mass * np.exp(_log_chi(radius, freedom))
    with np.errstate(over="ignore"):
        kappa = _kappa(rates, radius)
        if len(levels) == 1:
            wrong = sphere.coordinate_cdf(_threshold(kappa, tilt * radius, levels[0]), freedom)
        else:
            wrong = _mean_wrong(kappa, tilt * radius, levels, freedom)
    return float(np.vdot(weights, wrong))


def _threshold(kappa: Array, lean: Array, level: float) -> Array:
    """(1 - kappa - level) / |kappa lean|, infinite where kappa or lean vanishes."""
    ratio = (1 - level) / np.maximum(np.abs(kappa), TINY) - np.copysign(1.0, kappa)
    return ratio / np.maximum(lean, TINY)


def _mean_wrong(kappa: Array, lean: Array, levels: tuple[float, ...], freedom: int) -> Array:
    """The mean of the distribution function over a range of levels, from its integral."""
    low, high = levels
    kappa = np.clip(kappa, -HUGE, HUGE)
    spread = np.abs(kappa) * lean
    integrals = []
    for level in levels:
        ratio = _threshold(kappa, lean, level)
        inside = spread * sphere.mean_above(np.clip(ratio, -1, 1), freedom)
        integrals.append(np.where(ratio >= 1, 1 - kappa - level, np.where(ratio <= -1, 0.0, inside)))
    mean = (integrals[0] - integrals[1]) / (high - low)
    # where the range is narrow beside kappa the difference cancels, and the middle is as good
    middle = sphere.coordinate_cdf(_threshold(kappa, lean, 0.5 * (low + high)), freedom)
    return np.where(np.abs(kappa) > 1e5 * (high - low), middle, mean)


def _kappa(rates: Rates, radius: Array) -> Array:
    kappa = np.ones_like(radius)
    for rate, layers in rates:
        kappa *= (1 - rate * radius * radius) ** layers
    return kappa


def _log_chi(radius: Array, freedom: int) -> Array:
    """Logarithm of the density of the length of a normal vector."""
    norm = (0.5 * freedom - 1) * math.log(2) + math.lgamma(0.5 * freedom)
    if freedom == 1:
        return -0.5 * radius * radius - norm
    return (freedom - 1) * np.log(radius) - (0.5 * radius * radius + norm)


@lru_cache(maxsize=8)
def _panel_rule(count: int) -> tuple[Array, Array]:
    """Nodes and weights on [0, 1], crowded at both ends (x = sin^2), where a root may begin."""
    nodes, weights = gauss_legendre(count)
    angle = 0.25 * math.pi * (1 + nodes)
    return np.sin(angle) ** 2, 0.25 * math.pi * weights * np.sin(2 * angle)


# ------------------------------------------------------------------ where the integrand is not smooth


def _splits(rates: Rates, freedom: int, tilt: float, targets: Sequence[float]) -> Array:
    """Ends and split points of the integral over the radius, rising."""
    peak = math.sqrt(freedom - 1)
    low, high = max(peak - BELOW, 0.0), peak + ABOVE
    zeros = sorted(rate**-0.5 for rate, _ in rates)
    reach = sphere.reach(freedom) * tilt
    points = [low, high]  # nothing happens at a zero of kappa: the threshold is far out on both sides
    for lean in (reach, -reach):
        ends = [low, *sorted(p for p in (*zeros, _inverse(-lean)) if low < p < high), high]
        for left, right in itertools.pairwise(ends):
            points += _crossings(_Product(rates, lean), targets, left, right)
        if not reach:
            break
    return np.array(sorted(set(points)))


def _inverse(number: float) -> float:
    return 1 / number if number > 0 else math.inf


class _Product:
    """log|kappa (1 + lean r)| between two of its zeros: concave."""

    def __init__(self, rates: Rates, lean: float) -> None:
        self.rates, self.lean = rates, lean

    def is_positive(self, r: float) -> bool:
        """Whether the product itself is positive."""
        flips = sum(layers for rate, layers in self.rates if rate * r * r > 1)
        return (flips % 2 == 0) == (1 + self.lean * r > 0)

    def at(self, r: float) -> tuple[float, float]:
        """Value and slope."""
        factor = 1 + self.lean * r
        value, slope = _log(factor), self.lean / (factor or -TINY)
        for rate, layers in self.rates:
            factor = 1 - rate * r * r
            value += layers * _log(factor)
            slope -= 2 * layers * rate * r / (factor or TINY)
        return value, slope


def _log(number: float) -> float:
    return math.log(abs(number)) if number else -math.inf


def _crossings(product: _Product, targets: Sequence[float], left: float, right: float) -> list[float]:
    """Radii between two zeros of the product at which it equals a target: at most two for each."""
    is_positive = product.is_positive(0.5 * (left + right))
    levels = [math.log(abs(target)) for target in targets if target and (target > 0) == is_positive]
    found: list[float] = []
    for level in levels:
        if product.at(left)[0] >= level:
            inner, outer = left, (right,)
        elif product.at(right)[0] >= level:
            inner, outer = right, (left,)
        else:
            inner, outer = _summit(product, level, left, right), (left, right)
        if product.at(inner)[0] >= level:
            found += [
                _outward_root(product, level, inner, end) for end in outer if product.at(end)[0] < level
            ]
    return found


def _summit(product: _Product, level: float, left: float, right: float) -> float:
    """A point at which a concave function is above a level, if there is one."""
    low, high = left, right
    while high - low > 1e-9 * right:
        middle = 0.5 * (low + high)
        value, slope = product.at(middle)
        if value > level or value + abs(slope) * (high - middle) < level:  # above it, or nowhere above it
            return middle
        low, high = (middle, high) if slope > 0 else (low, middle)
    return 0.5 * (low + high)


def _outward_root(product: _Product, level: float, inner: float, end: float) -> float:
    """Where the product falls to the level on the way from a point above it to an end."""
    gap = end - inner
    for _ in range(50):  # the end itself may be a zero of the product, with no slope to follow
        gap *= 0.5
        r = end - gap
        value, slope = product.at(r)
        if value < level:
            break
    else:
        return end
    for _ in range(60):  # Newton's method on a concave function, from below: monotone
        step = (value - level) / slope
        r -= step
        if abs(step) <= 1e-9 * abs(r):  # what is left is its square
            break
        value, slope = product.at(r)
    return min(max(r, min(inner, end)), max(inner, end))
