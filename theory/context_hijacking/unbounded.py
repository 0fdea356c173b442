"""The hijack error of unbounded depth: gradient flow, and the ridge filter.

Steps that shrink like 1/L tend to gradient flow, steps free to be complex to the ridge filter (R6). On the hijacked
prompt they contract by

    kappa = exp(-T N r^2)   and   kappa = 1/(1 + N r^2/(n delta)),   n delta = d (1 - 2/pi)/B,

both falling from 1 to 0: nothing overshoots. Given the component g of the hijacker, an answer therefore turns at one
r^2 = g^2 + chi^2_{d-2}, and the error is a normal integral over g of chi-squared probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from lemmata.models import DomainError
from theory.context_hijacking.limits import NOISE, prior_uncertainty, semicircle
from theory.context_hijacking.models import Cone, DeepHijack, Tuning
from theory.context_hijacking.risk import TAU
from theory.numerics.adaptive import integrate
from theory.numerics.directions import gauss_legendre

Array = npt.NDArray[np.float64]

FAR = 9.0  # |g| beyond which a normal law has no mass
NO_MASS = 1e-17
NODES = 80
TOLERANCE, STATED = 1e-12, 1e-10  # differences between two resolutions: of a panel, and of the whole
AGREED = 1e-13  # the same of a panel given the angle


def optimal_flow_time(model: Tuning) -> float:
    """Time T = sum_l alpha_l of least risk of gradient flow from the prior mean, as examples and dimension grow.

    It minimises `gradient_flow_risk`: where an eigenvalue t of S/n alone is to be learned, T n = log(1 + B t/v)/t is
    best, and T n lies between these values at the two ends of the Marchenko-Pastur law. The depth plays no part; 0 if
    the prior is certain.

    References
    ----------
    R5.
    """
    uncertainty, ratio = prior_uncertainty(model), model.dimension / model.examples
    if uncertainty == 0:
        return 0.0
    noise = NOISE * ratio
    ends = ((1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2)
    low, high = sorted(math.log1p(uncertainty * t / noise) / t if t else uncertainty / noise for t in ends)
    eigenvalues, weights = semicircle(ratio, 64 + int(16 * math.sqrt(high * math.sqrt(ratio))))

    def slope(time: float) -> float:
        kept = np.exp(-time * eigenvalues)
        learned = -np.expm1(-time * eigenvalues) / eigenvalues
        return float(weights @ (kept * (noise * learned - uncertainty * kept)))

    low, high = (
        low * (1 - 1e-9),
        high * (1 + 1e-9),
    )  # few dimensions beside the examples: the ends all but meet
    return float(optimize.brentq(slope, low, high, xtol=1e-15 * low, rtol=1e-14)) / model.examples


def deep_hijack_error(model: DeepHijack) -> float:
    """Probability that a query is answered wrongly after N copies of its hijacker, at unbounded depth.

    Returns
    -------
    float
        Between 0 and 1, for gradient flow of the time `optimal_flow_time` or the ridge filter of R6, from the prior
        mean. The absolute error of the integral is below 1e-12, and below 1e-10 where the prior is random: panels are
        held to their last coefficients or to their halves.

    Raises
    ------
    DomainError
        If what the panels still differ by adds up to more than 1e-10.

    References
    ----------
    R6, R7, R10.
    """
    scale = TAU * model.prior.mean_correlation(model.dimension)
    if model.limit == "flow":
        rate = model.hijackers * optimal_flow_time(model.tuning)
    else:
        rate = model.hijackers * prior_uncertainty(model) / (NOISE * model.dimension)
    if isinstance(model.prior, Cone):
        total, doubt = _given(model, rate, scale, math.acos(model.prior.correlation))
    else:
        total, doubt = _mean(model, rate, scale)
    if doubt > STATED:
        allowed = f"one at which double precision suffices (two resolutions differ by {doubt:.1e})"
        raise DomainError("hijackers", model.hijackers, allowed)
    return min(max(total, 0.0), 1.0)


def _mean(model: DeepHijack, rate: float, scale: float) -> tuple[float, float]:
    """Mean of the error over a random prior's angle, and what it may be off by.

    Where s c rho = 1 the error is not smooth.
    """
    assert not isinstance(model.prior, Cone)
    law, lift = model.prior.angles(model.dimension), scale * model.margin.size
    density = law.density()
    turn = math.acos(1 / lift) if lift > 1 else law.low

    def weighed(t: Array, shares: Array) -> tuple[Array, Array]:
        wrong, doubts = np.transpose([_given(model, rate, scale, float(angle)) for angle in t])
        return density(t) * wrong, density(t) * doubts

    points = [law.low, *([turn] if law.low < turn < law.high else []), law.high]
    return integrate(weighed, points, TOLERANCE)


def _given(model: DeepHijack, rate: float, scale: float, angle: float) -> tuple[float, float]:
    """The error at one angle, and what it may be off by.

    kappa (1 + b g) falls below m, where kappa = exp(-rate r^2) or 1/(1 + rate r^2).
    """
    rho, tilt = math.cos(angle), math.sin(angle)
    m, b = 1 - model.margin.size * scale * rho, scale * tilt
    if rate == 0:
        return (float(special.ndtr(-model.margin.size * rho / tilt)) if tilt else float(rho < 0)), 0.0
    if m == 0:
        return (float(special.ndtr(-1 / b)) if b else 0.0), 0.0

    def room(g: np.ndarray | float) -> np.ndarray:
        """What r^2 may be at the turning point, less g^2: concave in g."""
        lift = np.maximum((1 + b * np.asarray(g)) / m, 1e-300)
        return (np.log(lift) if model.limit == "flow" else lift - 1) / rate - np.square(g)

    if model.limit == "ridge":
        peak = b / (2 * m * rate)
    else:
        root = math.sqrt(1 + 2 * b * b / rate)
        peak = b / (rate * (1 + root)) if m > 0 else -(1 + root) / (2 * b) if b else 0.0
    inside, doubt = _mass_below(room, min(max(peak, -FAR), FAR), model.dimension - 2)
    return (1 - inside if m > 0 else inside), doubt


def _mass_below(
    room: Callable[[np.ndarray | float], np.ndarray], peak: float, freedom: int
) -> tuple[float, float]:
    """P(chi^2_freedom < room(g)) and what it may be off by.

    g is normal, and the room is concave with its largest value at a peak. One panel on either side is believed if its
    last Legendre coefficients are negligible.
    """
    half = 0.5 * freedom
    least = 2 * float(special.gammaincinv(half, NO_MASS)) if freedom else 0.0
    most = 2 * float(special.gammainccinv(half, NO_MASS)) if freedom else 0.0
    outer, inner = (_interval(room, peak, level) for level in (least, most))
    total, doubt = float(special.ndtr(inner[1]) - special.ndtr(inner[0])), 0.0
    x, weights, checks = _nodes()

    def weighed(angle: Array, low: float, high: float) -> Array:
        """The integrand in an angle, g = low + (high - low) sin^2, in which roots at the ends are smooth."""
        g = low + (high - low) * np.sin(angle) ** 2
        density = np.exp(-0.5 * g * g) / math.sqrt(2 * math.pi)
        return (high - low) * np.sin(2 * angle) * density * special.chdtr(freedom, np.maximum(room(g), 0))

    for low, high in ((outer[0], inner[0]), (inner[1], outer[1])):
        if freedom and high > low:
            values = weights * weighed(x, low, high)
            part, gap = float(values.sum()), float(np.abs(checks @ values).sum())
            if gap > AGREED:
                part, gap = integrate(
                    lambda angle, _, a=low, b=high: (weighed(angle, a, b), np.zeros(len(angle))),
                    [0.0, 0.5 * math.pi],
                    AGREED,
                )
            total, doubt = total + part, doubt + gap
    return total, doubt


@cache
def _nodes() -> tuple[Array, Array, Array]:
    """Angles and weights on [0, pi/2], and rows that give the last two Legendre coefficients of weighed values."""
    x, weights = gauss_legendre(NODES)
    orders = np.array([[NODES - 2], [NODES - 1]])
    checks = np.sqrt(2 * orders + 1) * special.eval_legendre(orders, x)
    return 0.25 * math.pi * (1 + x), 0.25 * math.pi * weights, checks


def _interval(
    room: Callable[[np.ndarray | float], np.ndarray], peak: float, level: float
) -> tuple[float, float]:
    """Where the room is above a level: an interval around the peak, or the peak alone."""

    def end(limit: float) -> float:
        if room(peak) <= level:
            return peak
        if room(limit) >= level:
            return limit
        return float(optimize.bisect(lambda g: float(room(g)) - level, peak, limit, xtol=1e-15, rtol=1e-15))

    return end(-FAR), end(FAR)
