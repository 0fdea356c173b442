"""The exact training risk at every size and depth (R3), and the initial scale that minimises it (R4).

After L steps w_L = p(S) w_0 + Q(S) X^T y with p(t) = prod_l (1 - alpha_l t), Q(t) = (1 - p(t))/t. With w_0 = c beta*
and tau = sqrt(2/pi) the excess risk E|w_L - tau w*|^2 is c^2 a + 2 c E[rho] b + g; a, b / tau and the two parts of
g = tau^2 g_1 + g_2 are sums of integer moments times powers of the step sizes. Floating-point step sizes are dyadic
rationals, so these sums are formed exactly: alternating as they are, nothing cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from lemmata.models import DomainError
from theory.context_hijacking.models import DirectionalStep, Training
from theory.numerics.wishart_moments import moments

TAU = math.sqrt(2 / math.pi)
"""E|x| of a standard normal x: regression of sign<w*, x> on x is TAU w*."""

MOST_EXACT_DEPTH = 64

BITS = 320
TWO_OVER_PI = (  # 2/pi times 2^BITS
    63661977236758134307553505349005744813783858296182579499066937623558719053690614036045521106501234382429
    * 2**BITS
    // 10**104
)
_ROOT = math.isqrt(TWO_OVER_PI << BITS)  # tau times 2^BITS


def excess_training_risk(model: Training) -> float:
    """Excess of the training risk over the best linear predictor's, exact at every size, depth and schedule.

    excess = E|w_L - tau w*|^2 = c^2 a + 2 c E[rho] b + g; the risk itself is excess + 1 - 2/pi.

    Parameters
    ----------
    model : Training
        Any step sizes: beyond stability the risk is large, and still exact. Only the mean of the prior enters.

    Returns
    -------
    float
        At least 0; correct to a few units in the last place.

    Raises
    ------
    DomainError
        If the depth exceeds 64 (the limit `excess_training_risk_limit` has no such bound), or the value has no
        floating-point number.

    References
    ----------
    arXiv 2502.15609, Section 4; R3.
    """
    check_depth(model.depth)
    form = risk_form(model.examples, model.dimension, model.step_sizes)
    value = form.excess(model.initial_scale, model.prior.mean_correlation(model.dimension))
    if not math.isfinite(value):
        raise DomainError(
            "step_size",
            model.step_size,
            "small enough, as initial_scale, that the risk is a floating-point number",
        )
    return value


def directional_excess_risk(model: DirectionalStep) -> float:
    """Excess training risk of one layer that takes another step along beta* than across it, exact at every size.

    With x = c - tau rho, y = tau^2 (1 - rho^2), t = (d - 1) a^2 + e^2 for steps a across and e along, it is

        x^2 + y - 2n (e x^2 + a y) + n(n+1)(e^2 x^2 + a^2 y) + n t (x^2 + y)
        + 2 n tau (rho^2 e^2 + (1 - rho^2) a^2)(c rho - tau) + n (1 - 2/pi) t.

    At c = tau rho no step along beta* is best: the prior knows that coordinate.

    Raises
    ------
    DomainError
        If the value has no floating-point number.

    References
    ----------
    R2.
    """
    n, c, rho = model.examples, model.initial_scale, model.prior.correlation
    a, e = model.across, model.along
    offset = c - TAU * rho
    shift, rest = offset * offset, TAU**2 * (1 - rho) * (1 + rho)
    size = (model.dimension - 1) * a * a + e * e
    kept = shift * (1 - 2 * n * e + n * (n + 1) * e * e) + rest * (1 - 2 * n * a + n * (n + 1) * a * a)
    label = 2 * TAU * (rho * rho * e * e + (1 - rho) * (1 + rho) * a * a) * (c * rho - TAU)
    value = kept + n * (size * (shift + rest) + label + (1 - 2 / math.pi) * size)
    if not math.isfinite(value):
        allowed = "small enough, as along and initial_scale, that the risk is a floating-point number"
        raise DomainError("across", a, allowed)
    return value


@dataclass(frozen=True)
class RiskForm:
    """The excess risk as a quadratic form of the initial scale, exact: integers in units of 2^-`shift`.

    Parameters
    ----------
    spread, cross, along, noise : int
        a, -b/tau, g_1 and g_2, with g = tau^2 g_1 + g_2.
    shift : int
    """

    spread: int
    cross: int
    along: int
    noise: int
    shift: int

    @property
    def a(self) -> float:
        """E tr p(S)^2 / d."""
        return _ratio(self.spread, self.shift)

    @property
    def b(self) -> float:
        """E <w*, p(S) (Q(S) X^T y - tau w*)>."""
        return -_ratio(self.cross * _ROOT, self.shift + BITS)

    @property
    def g(self) -> float:
        """E|Q(S) X^T y - tau w*|^2."""
        return _ratio(self.along * TWO_OVER_PI + (self.noise << BITS), self.shift + BITS)

    def best_scale(self, mean_correlation: float) -> float:
        """c* = -E[rho] b / a, the minimiser of the excess."""
        if not self.spread:
            return 0.0  # every component is forgotten: no scale matters
        numerator, denominator = mean_correlation.as_integer_ratio()
        return quotient(_ROOT * self.cross * numerator, (self.spread * denominator) << BITS)

    def excess(self, scale: float, mean_correlation: float) -> float:
        """c^2 a + 2 c E[rho] b + g."""
        c, c_bits = dyadic((scale,))
        rho, rho_bits = dyadic((mean_correlation,))
        terms = (
            (c[0] * c[0] * self.spread) << BITS >> 2 * c_bits,
            -(2 * c[0] * rho[0] * self.cross * _ROOT) >> c_bits + rho_bits,
            self.along * TWO_OVER_PI,
            self.noise << BITS,
        )
        return self._sum(terms)

    def best_excess(self, mean_correlation: float) -> float:
        """The excess at the best scale, g - E[rho]^2 b^2 / a."""
        rho, bits = dyadic((mean_correlation,))
        gain = 0
        if self.spread:
            gain = (rho[0] ** 2 * self.cross**2 * TWO_OVER_PI >> 2 * bits) // self.spread
        return self._sum((self.along * TWO_OVER_PI, self.noise << BITS, -gain))

    def _sum(self, terms: Sequence[int]) -> float:
        """The sum of terms in units of 2^-(shift + BITS), each known to a few parts in 2^BITS."""
        total, size = sum(terms), sum(map(abs, terms))
        if total < size >> BITS - 64:
            raise ArithmeticError("excess risk: all digits cancel")
        return _ratio(total, self.shift + BITS)


def risk_form(examples: int, dimension: int, step_sizes: Sequence[float]) -> RiskForm:
    """The quadratic form of the excess risk for step sizes alpha_1, ..., alpha_L >= 0."""
    depth = len(step_sizes)
    check_depth(depth)
    known = moments(examples, dimension, 2 * depth)
    steps, bits = dyadic(step_sizes)
    once = _filter(steps)
    twice = _product(once, once)  # p(t)^2; coefficients of t^r in units of 2^-(bits r)
    once += [0] * depth
    top = 2 * depth
    spread = cross = along = noise = 0
    for r in range(top + 1):
        up = bits * (top - r)
        spread += twice[r] * known.power[r] << up
        cross += once[r] * known.power[r] << up
        if r:
            label = examples * known.mixed[r - 1]
            floor = dimension * known.power[r - 1]
            rest = twice[r] - 2 * once[r]
            cross += (twice[r] - once[r]) * label << up
            along += rest * (examples * known.along[r - 1] - floor) + 2 * once[r] * label << up
            noise += rest * floor << up
    shift = bits * top
    return RiskForm(spread, cross, along + (1 << shift), noise, shift)


def check_depth(depth: int) -> None:
    """Refuse depths whose sums have too many terms."""
    if depth > MOST_EXACT_DEPTH:
        allowed = f"at most {MOST_EXACT_DEPTH} for exact sums; deeper ones have a limit"
        raise DomainError("depth", depth, allowed)


def _filter(steps: Sequence[int]) -> list[int]:
    """Coefficients of prod_l (1 - steps[l] t)."""
    coefficients = [1]
    for step in steps:
        coefficients = [x - step * y for x, y in zip([*coefficients, 0], [0, *coefficients], strict=True)]
    return coefficients


def _product(left: Sequence[int], right: Sequence[int]) -> list[int]:
    """Coefficients of a product of polynomials."""
    backwards = [0] * (len(left) - 1) + list(right[::-1]) + [0] * (len(left) - 1)
    size, width = len(left) + len(right) - 1, len(left)
    return [sum(map(mul, left, backwards[size - 1 - r : size - 1 - r + width])) for r in range(size)]


def dyadic(numbers: Sequence[float]) -> tuple[list[int], int]:
    """Floats as integers in units of one power of two: numbers[i] = integers[i] 2^-bits."""
    ratios = [float(number).as_integer_ratio() for number in numbers]
    bits = max(denominator.bit_length() - 1 for _, denominator in ratios)
    return [numerator << bits - (denominator.bit_length() - 1) for numerator, denominator in ratios], bits


def _ratio(integer: int, shift: int) -> float:
    """integer 2^-shift, correctly rounded."""
    return quotient(integer, 1 << shift)


def quotient(numerator: int, denominator: int) -> float:
    """numerator/denominator, correctly rounded; infinite beyond the largest float."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf
