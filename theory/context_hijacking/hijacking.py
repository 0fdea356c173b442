"""The exact probability that hijacked prompts are answered wrongly (R7, R8, R13).

All hijackers are one vector x_perp, so gradient descent moves along it alone. With r = |x_perp|, kappa = prod_l
(1 - alpha_l N r^2) and u the cosine of x_perp to the part of beta* orthogonal to w*, the query of margin s is wrong iff

    s c rho < 1 - kappa - kappa c sqrt(1 - rho^2) r u.

r has d - 1 degrees of freedom and u is one coordinate of a uniform direction: the probability is one integral over r
of a distribution function, which `quadrature` evaluates.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.models import DomainError
from theory.context_hijacking import quadrature
from theory.context_hijacking.models import (
    Cone,
    Fixed,
    Hijack,
    Margin,
    NormalisedGaussian,
    Uniform,
    VonMisesFisher,
)
from theory.context_hijacking.quadrature import Angles, Rule, rule
from theory.context_hijacking.risk import dyadic
from theory.context_hijacking.splitting import Rates
from theory.numerics import sphere
from theory.numerics.adaptive import integrate
from theory.numerics.directions import AngleLaw, gauss_rule

Array = npt.NDArray[np.float64]
HijackLaw = tuple[Rates, int, float, tuple[int, float]]
"""alpha_l N and layers, d - 1, c, and the law of the margin."""

LARGEST_RATE = 1e250  # of alpha N
LARGEST_SCALE, LARGEST_LEVEL = 1e150, 1e250  # of |c| and s |c|: their products with contractions are floats
MOST_DIMENSIONS = 10**5  # the density of r is a difference of numbers of order d log d: 1e-11 is rounded off
MOST_DEPTH = 10**6  # powers of rounded factors lose as many units in the last place: 1e-10
MOST_SUMMED_DEPTH = 2**14  # of equal steps in an exact mean: numbers of a million bits, a second
MOST_UNEQUAL_DEPTH = 1024  # the same of unequal steps
STATED = 1e-10  # absolute error that is promised
AGREED = 1e-12  # difference of an integral over angles from that over its halves
AGREED_GIVEN = 1e-13  # the same of an integral over radii given the angle
AGREED_AT_FEW = 1e-11  # the same where few angles are taken
LEAST_SHARE = 1e-15  # of an error that matters
FEW_ENOUGH = 4e-12  # square of the last coefficients at few angles
SMALL_ROOM = 1e-3  # 1 - s c rho that is computed exactly
CLOSE = 0.75  # s c beyond which s c rho = 1 is too close for few angles
MANY_DIMENSIONS = 8  # from which roots at ends and tangencies are flat
NO_OVERSHOOT = 1e-12  # probability of an overshoot that does not count
GRID = 400  # angles between which the number of split points is compared
ENOUGH_NODES = ((40, 10), (20, 12), (18, 14), (14, 24))
"""From how many dimensions on how many nodes of a random prior are tried first."""


def hijack_error(model: Hijack) -> float:
    """Probability that a query is answered wrongly after N copies of its hijacker, exact at every size.

    Returns
    -------
    float
        Between 0 and 1; absolute error below 1e-12, and below 1e-10 where steps overshoot (alpha N r^2 > 1; then kappa
        has the sign of the depth's parity), where the margin is half-normal or the prior random, or where the dimension
        or the depth exceeds 1000. Every panel of the
        quadrature is held to its last coefficients or to its halves; where these do not agree it is halved.

    Raises
    ------
    DomainError
        If alpha N or s |c| exceeds 1e250, |c| 1e150, the dimension 1e5 or the depth 1e6, where digits would be lost;
        `hijack_error_limit` has no such bounds. If what the panels still differ by adds up to more than 1e-10.

    References
    ----------
    arXiv 2502.15609, Lemma D.1; R7.
    """
    return hijack_error_at(model, model.hijackers)


def hijack_error_at(model: Hijack, hijackers: float) -> float:
    """`hijack_error` at any real number of hijackers in place of the model's."""
    steps = model.layers
    largest = max(steps) * hijackers
    _check_digits(model, largest)
    rates = sorted((step * hijackers, layers) for step, layers in steps.items() if step * hijackers > 0)
    freedom = model.dimension - 1
    is_calm = model.dimension >= MANY_DIMENSIONS and (
        largest == 0 or special.chdtrc(freedom, 1 / largest) <= NO_OVERSHOOT
    )
    law = (
        (np.array([rate for rate, _ in rates]), np.array([layers for _, layers in rates], dtype=np.int64)),
        freedom,
        model.initial_scale,
        _law(model.margin),
    )
    nodes = rule(freedom, model.dimension < MANY_DIMENSIONS)
    if isinstance(model.prior, Cone):
        rho = model.prior.correlation
        room = 1 - law[3][1] * law[2] * rho
        if abs(room) < SMALL_ROOM:  # in which a rounding of s c would be seen
            room = float(1 - Fraction(law[3][1]) * Fraction(law[2]) * Fraction(rho))
        angle = np.array([rho]), np.array([math.sqrt((1 - rho) * (1 + rho))]), np.array([room])
        (total,), (doubt,) = _errors(law, nodes, angle, np.array([AGREED_GIVEN]))
    else:
        total, doubt = _few_angles_mean(model, law, nodes) if is_calm else (0.0, math.inf)
        if doubt == math.inf:
            total, doubt = _mean(model.prior.angles(model.dimension), law, nodes)
    if doubt > STATED:
        allowed = f"one at which double precision suffices (two resolutions differ by {doubt:.1e})"
        raise DomainError("step_size", model.step_size, allowed)
    return min(max(float(total), 0.0), 1.0)


def _check_digits(model: Hijack, largest: float) -> None:
    """Refuse what the quadrature has no digits for; `largest` is that of alpha N."""
    for name, most in (("dimension", MOST_DIMENSIONS), ("depth", MOST_DEPTH)):
        if getattr(model, name) > most:
            raise DomainError(name, getattr(model, name), f"at most {most} for the hijack error's digits")
    scale = abs(model.initial_scale)
    if scale > LARGEST_SCALE or _law(model.margin)[1] * scale > LARGEST_LEVEL:
        allowed = f"such that |c| <= {LARGEST_SCALE:g}, and |c| times the margin's size <= {LARGEST_LEVEL:g}"
        raise DomainError("initial_scale", model.initial_scale, allowed)
    if largest > LARGEST_RATE:
        raise DomainError("step_size", model.step_size, f"such that alpha N <= {LARGEST_RATE:g}")


def _errors(law: HijackLaw, nodes: Rule, angles: Angles, allowed: Array) -> tuple[Array, Array]:
    """Errors given cosines and sines of angles, and what they may be off by."""
    rates, freedom, scale, margin = law
    return quadrature.errors(
        angles, allowed, rates, freedom, scale, margin, sphere.coefficients(freedom), nodes
    )


def _few_angles_mean(model: Hijack, law: HijackLaw, nodes: Rule) -> tuple[float, float]:
    """Mean of the error over few angles, and the order of what it may be off by; infinite where they cannot do.

    That is in few dimensions, and where tasks may come close to s c rho = 1, beyond which hijacking cannot win: the
    error begins there like a root of the angle.
    """
    kind, size = _law(model.margin)
    is_close = kind != quadrature.HALF_NORMAL and size * abs(model.initial_scale) > CLOSE
    if is_close or model.dimension < ENOUGH_NODES[-1][0] or isinstance(model.prior, Cone):
        return 0.0, math.inf
    angles, weights, last, allowed = _few_angles(model.prior, model.dimension)
    wrong, doubts = _errors(law, nodes, _with_rooms(law, angles), allowed)
    doubt = float(np.abs(last @ wrong).max()) ** 2
    if doubt > FEW_ENOUGH:
        return 0.0, math.inf
    return float(weights @ wrong), doubt + float(weights @ doubts)


def _mean(angles: AngleLaw, law: HijackLaw, nodes: Rule) -> tuple[float, float]:
    """Mean of the error over the angle, and what it may be off by."""
    density = angles.density()

    def weighed(t: Array, shares: Array) -> tuple[Array, Array]:
        weights = density(t)
        wrong, doubts = _errors(
            law, nodes, _with_rooms(law, _triple(t)), _allowed(shares * weights, AGREED_GIVEN)
        )
        return weights * wrong, weights * doubts

    return integrate(weighed, [angles.low, *_breaks(angles, law), angles.high], AGREED)


def _allowed(shares: Array, agreed: float) -> Array:
    """What integrals over radii may be off by whose shares of a mean are given."""
    return agreed + LEAST_SHARE / np.maximum(shares, LEAST_SHARE)


def _with_rooms(law: HijackLaw, angles: Angles) -> Angles:
    """1 - s c rho in place of 1 - rho, of which it keeps the digits."""
    level = law[3][1] * law[2]
    return angles[0], angles[1], (1 - level) + level * angles[2]


def _triple(t: Array) -> Angles:
    """Cosines, sines, and 1 - cosines."""
    return np.cos(t), np.sin(t), 2 * np.sin(0.5 * t) ** 2


def _breaks(angles: AngleLaw, law: HijackLaw) -> list[float]:
    """Angles at which the error given the angle is not smooth, by bisection."""

    def signatures(t: Array) -> npt.NDArray[np.int64]:
        rates, freedom, scale, margin = law
        return quadrature.signatures(_with_rooms(law, _triple(t)), rates, freedom, scale, margin)

    grid = np.linspace(angles.low, angles.high, GRID + 1)
    inset = 1e-3 * (grid[1] - grid[0])  # nothing is tilted at angle 0
    grid[0], grid[-1] = grid[0] + inset, grid[-1] - inset
    found = signatures(grid)
    (changes,) = np.nonzero(np.diff(found))
    low, high = grid[changes], grid[changes + 1]
    for _ in range(50):
        middle = 0.5 * (low + high)
        is_low = signatures(middle) == found[changes]
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return sorted({float(angle) for angle in high})


def _law(margin: Margin) -> tuple[int, float]:
    if isinstance(margin, Fixed):
        return quadrature.FIXED, margin.size
    if isinstance(margin, Uniform):
        return quadrature.UNIFORM, margin.most
    return quadrature.HALF_NORMAL, margin.scale


@lru_cache(maxsize=256)
def _few_angles(
    prior: NormalisedGaussian | VonMisesFisher, dimension: int
) -> tuple[Angles, Array, Array, Array]:
    """Few angles and their weights, the rows of `gauss_rule` that tell whether they are enough, and what is allowed.

    Gauss's rule in y = artanh(rho) = -log tan(t/2), in which errors are smooth: the relative spread of the angle t to
    beta* falls with the dimension alone, so a strong prior needs as many nodes as a weak one, and y is the logarithm
    of the angle where that is small.
    """
    angles, weights = prior.angles(dimension).nodes()
    count = next(count for least, count in ENOUGH_NODES if dimension >= least)
    y, weights, last = gauss_rule(-np.log(np.tan(0.5 * angles)), weights, count)
    return _triple(2 * np.arctan(np.exp(-y))), weights, last, _allowed(weights, AGREED_AT_FEW)


def hijack_error_limit(model: Hijack) -> float:
    """Limit of the error for infinitely many hijackers: normal probabilities that depend on the depth's parity.

    E_rho Phi(1/(|c| sqrt(1 - rho^2))) at odd depth and E_rho Phi(-1/(|c| sqrt(1 - rho^2))) at even depth: a transformer
    of even depth with equal steps becomes right again. The number of hijackers plays no part. Under a random prior the
    mean over rho leaves 1e-9 in two dimensions, 1e-10 in three and 1e-11 in more.

    References
    ----------
    R13.
    """
    rhos, weights = model.prior.correlations(model.dimension)
    layers = sum(count for step, count in model.layers.items() if step > 0)
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
    rate = max(model.layers) * model.hijackers
    return float(special.chdtrc(model.dimension - 1, 1 / rate)) if rate else 0.0


def mean_contraction(model: Hijack) -> float:
    """Mean of kappa = prod_l (1 - alpha_l N r^2): a sum of moments of chi-squared, formed exactly.

    Rare long hijackers dominate it when steps overshoot: it is no typical value. For a uniform margin that covers the
    threshold, the error is (1 - E kappa) E[1/rho] / (c most).

    Raises
    ------
    DomainError
        If the mean has no floating-point number, or there are more than 16384 layers with equal steps, or 1024 with
        unequal ones.

    References
    ----------
    R8.
    """
    layers = {step: count for step, count in model.layers.items() if step > 0}
    if not layers or not model.hijackers:
        return 1.0
    most = MOST_SUMMED_DEPTH if len(layers) == 1 else MOST_UNEQUAL_DEPTH
    if sum(layers.values()) > most:
        kind = "equal" if len(layers) == 1 else "unequal"
        raise DomainError("depth", model.depth, f"at most {most} for an exact sum with {kind} steps")
    total, unit, bits = _equal_sum(model, *layers.popitem()) if len(layers) == 1 else _unequal_sum(model)
    try:
        return total / (unit << bits)
    except OverflowError:
        raise DomainError("step_size", model.step_size, "small enough that the mean is a float") from None


def _unequal_sum(model: Hijack) -> tuple[int, int, int]:
    """E kappa as x, y, z in x / (y 2^z): elementary symmetric polynomials of the steps times moments."""
    steps, bits = dyadic(model.step_sizes)
    coefficients = [1]
    for step in steps:
        longer = zip([*coefficients, 0], [0, *coefficients], strict=True)
        coefficients = [x - step * model.hijackers * y for x, y in longer]
    total, moment = 0, 1
    for power, coefficient in enumerate(coefficients):
        total += coefficient * moment << bits * (model.depth - power)
        moment *= model.dimension - 1 + 2 * power
    return total, 1, bits * model.depth


def _equal_sum(model: Hijack, step: float, layers: int) -> tuple[int, int, int]:
    """The same for equal steps, whose terms have simple ratios: by binary splitting."""
    (size,), bits = dyadic([step])

    def split(low: int, high: int) -> tuple[int, int, int]:
        """p = prod p_k and q = prod q_k of the ratios p_k / (q_k 2^bits), and t in sum of products = t / (q 2^...)."""
        if high - low == 1:
            ratio = -(layers - low) * (model.dimension - 1 + 2 * low) * size * model.hijackers
            return ratio, low + 1, ratio
        middle = (low + high) // 2
        p, q, t = split(low, middle)
        following = split(middle, high)
        t = (t * following[1] << bits * (high - middle)) + p * following[2]
        return p * following[0], q * following[1], t

    _, unit, total = split(0, layers)
    return (unit << bits * layers) + total, unit, bits * layers
