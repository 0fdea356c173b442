"""The hijack error under a random prior by another order of integration: beta* first, then the hijacker's length.

w* and the hijacker x_perp span a plane. With a = (s c, kappa c r) in it, the query is wrong iff <beta*, a> < 1 - kappa:
given r = |x_perp| that is the law of one projection of beta*, on an axis at an angle psi to w*. For von Mises-Fisher
its density is known; for a normalised Gaussian it is a normal number beside a noncentral chi-squared one.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from scipy import optimize, special

from theory.context_hijacking import Fixed, Hijack, VonMisesFisher

NODES = 32
FAR = 9.0  # standard deviations
AGREED = 1e-14


def hijack_error(model: Hijack) -> float:
    """The error at a fixed margin, c > 0, at least one hijacker and alpha > 0."""
    assert isinstance(model.margin, Fixed)
    d, c = model.dimension, model.initial_scale
    lift = model.margin.size * c
    rates = [step * model.hijackers for step in model.step_sizes]

    def kappa(r: Any) -> Any:
        return np.prod([1 - rate * np.square(r) for rate in rates], axis=0)

    def level(r: Any) -> Any:
        return (1 - kappa(r)) / np.hypot(lift, kappa(r) * c * r)

    def part(low: float, high: float, start: float, end: float) -> float:
        """The integral over r = low + (high - low) sin^2 between two angles."""
        angle, weights = gauss(start, end)
        r = low + (high - low) * np.sin(angle) ** 2
        log_density = (
            (d - 2) * np.log(r) - 0.5 * r * r - (0.5 * (d - 1) - 1) * math.log(2) - math.lgamma(0.5 * (d - 1))
        )
        weights = weights * (high - low) * np.sin(2 * angle) * np.exp(log_density)
        total = 0.0
        for length, weight in zip(r, weights, strict=True):
            if weight > 1e-20:
                size = abs(kappa(length)) * c * length
                total += weight * projection_cdf(model, math.atan2(size, lift), float(level(length)))
        return total

    middle = math.sqrt(max(d - 2, 0))
    ends = [max(middle - FAR, 0.0), middle + FAR]
    ends += [rate**-0.5 for rate in set(rates) if ends[0] < rate**-0.5 < ends[1]]
    grid = np.unique(
        [*np.linspace(ends[0], ends[1], 6000)[1:], *np.geomspace(1e-6, ends[1], 1500), *ends[2:]]
    )
    for edge in (-1, 1):
        above = level(grid) > edge
        for k in np.nonzero(above[1:] != above[:-1])[0]:
            ends.append(optimize.brentq(lambda r, e=edge: level(r) - e, grid[k], grid[k + 1], xtol=1e-15))
    total = 0.0
    for low, high in itertools.pairwise(sorted(ends)):
        open_parts = [(0.0, 0.5 * math.pi, part(low, high, 0.0, 0.5 * math.pi))]
        while open_parts:
            start, end, whole = open_parts.pop()
            cut = 0.5 * (start + end)
            halves = part(low, high, start, cut), part(low, high, cut, end)
            if abs(sum(halves) - whole) < AGREED:
                total += sum(halves)
            else:
                assert end - start > 1e-7
                open_parts += [(start, cut, halves[0]), (cut, end, halves[1])]
    return total


def gauss(low: float, high: float, pieces: int = 1) -> tuple[Any, Any]:
    """Gauss-Legendre nodes and weights on equal pieces of an interval."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = 0.5 * (high - low) / pieces
    starts = low + 2 * half * np.arange(pieces)[:, None]
    return (starts + half * (1 + nodes)).ravel(), np.tile(half * weights, pieces)


def projection_cdf(model: Hijack, psi: float, level: float) -> float:
    """P(<beta*, e> < level) for an axis e at an angle psi to w*."""
    if abs(level) >= 1:
        return float(level > 0)
    if isinstance(model.prior, VonMisesFisher):
        return von_mises_fisher_cdf(model.dimension, model.prior.concentration, psi, level)
    assert not hasattr(model.prior, "correlation")
    return gaussian_cdf(model.dimension, model.dimension**0.5 / model.prior.spread, psi, level)  # type: ignore[union-attr]


def von_mises_fisher_cdf(d: int, k: float, psi: float, level: float) -> float:
    """By the density of the angle p to e, ~ sin(p)^(d-2) exp(k cos p cos psi) I_nu(y)/y^nu, y = k sin p sin psi."""
    order, reach = 0.5 * (d - 3), math.sqrt(80 / k) if k else math.pi

    def mass(low: float, high: float) -> float:
        if high <= low:
            return 0.0
        angle, weights = gauss(low, high, 4)
        y = k * math.sin(psi) * np.sin(angle)
        near = y < 1e-3
        series = (1 + y**2 / (4 * order + 4) + y**4 / (32 * (order + 1) * (order + 2))) if order > -1 else 0.0
        small = series / (2**order * math.gamma(order + 1)) * np.exp(-y)
        safe = np.where(near, 1.0, y)
        bessel = np.where(near, small, special.ive(order, safe) / safe**order)
        if d == 2:  # the order is -1/2: a hyperbolic cosine
            bessel = math.sqrt(2 / math.pi) * 0.5 * (1 + np.exp(-2 * y))
        return float(weights @ (np.exp(k * (np.cos(angle - psi) - 1)) * bessel * np.sin(angle) ** (d - 2)))

    low, high = max(psi - reach, 0.0), min(psi + reach, math.pi)
    cut = min(max(math.acos(level), low), high)
    below, above = mass(cut, high), mass(low, cut)
    return below / (below + above)


def gaussian_cdf(d: int, offset: float, psi: float, level: float) -> float:
    """P(Y < level sqrt(Y^2 + Q)): Y the component of the Gaussian along e, Q the square of the rest."""
    mean, noncentrality = offset * math.cos(psi), (offset * math.sin(psi)) ** 2
    if level < 0:  # the other end of the axis
        return 1 - gaussian_cdf(d, offset, math.pi - psi, -level)
    total = float(special.ndtr(-mean))
    low, high = max(mean - FAR, 0.0), mean + FAR
    if high <= low:
        return total
    slope = level / math.sqrt((1 - level) * (1 + level))  # wrong iff Y < slope sqrt(Q)
    rest = math.sqrt(noncentrality)
    cuts = [slope * max(rest - FAR, 0.0), slope * (math.sqrt(noncentrality + d) + FAR)]
    start, end = (min(max(cut, low), high) for cut in cuts)
    total += float(special.ndtr(start - mean) - special.ndtr(low - mean))
    if end > start:
        y, weights = gauss(start, end, 6)
        inside = special.chndtr((y / slope) ** 2, d - 1, noncentrality)
        total += float(weights @ (np.exp(-0.5 * (y - mean) ** 2) * (1 - inside))) / math.sqrt(2 * math.pi)
    return total
