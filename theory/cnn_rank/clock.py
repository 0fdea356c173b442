"""R5, the clock of one feature: training without learnt noise is one quadrature for each feature.

All pre-activations of a feature see the same scalar clock tau: those of its own sign flow forward, the others backward.
With the margin F(tau) = c [sum_own act(Phi_tau(z)) - sum_other act(Phi_-tau(z))], c = m^-p,

    dtau/dt = 1/(1 + e^F(tau)),   t = tau + int_0^tau e^F(u) du.

The integral is taken by Gauss panels whose ends are graded towards the escapes tau* of the filters, where F bends most,
and are no wider than F needs to grow by 5/2; it is inverted by Newton steps on a convex function. Time and clock are in
units of kappa inside this module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, Model, real, vector

Array = npt.NDArray[np.float64]

MOST_ORDER = 1e5  # act bends within a share 1/q of the knee: as many panels
_NODES = 12
_GROWTH = 2.5  # of F within a panel: twelve nodes interpolate e^F to 1e-11
_GRADE = 1.0  # length of a panel over the scale on which act grows e-fold
_UNSEEN = 1e-14  # parts of F that are smaller need no panels of their own
_MOST_MARGIN = 690.0  # e^F beyond is no float, and no time is as late
_MANY, _REFINED = 64, 2  # panels from which on it pays to look where they are needed, and how often to look
_EVENLY: Array = np.linspace(0.0, 1.0, _MANY)
_NOTHING = -45.0
_NEWTON = 4  # from a start that is off by 1e-2 of a panel at most


class FeatureClock(Model):
    """The filters' starts on one feature, and times of training.

    Parameters
    ----------
    own : list of m floats
        z(0) of the filters whose sign is that of the feature's class.
    other : list of m floats
        z(0) of the filters of the other sign.
    times : list of float
        t = eta s^2 m^-p / (2K) x steps, balanced counts.
    order : float
        Order q >= 2 of the activation.
    knee : float
        kappa > 0.
    output_exponent : float
        p: the second layer is +-m^-p.
    """

    own: tuple[float, ...] = vector(doc="pre-activations z(0) of the filters of the feature's sign")
    other: tuple[float, ...] = vector(doc="pre-activations z(0) of the filters of the other sign")
    times: tuple[float, ...] = vector(least=0, doc="times t of training")
    order: float = real(least=2, most=MOST_ORDER, default=3.0, doc="order q of the activation at 0")
    knee: float = real(above=0, default=10.0, doc="kappa, where the activation becomes linear")
    output_exponent: float = real(least=0, most=1, default=1.0, doc="p in the second layer +-m^-p")

    def validate(self) -> None:
        if len(self.own) != len(self.other):
            raise DomainError("other", self.other, f"as many as own, {len(self.own)}")

    @property
    def clock(self) -> Clock:
        """The clock of these starts."""
        scale = len(self.own) ** -self.output_exponent
        return Clock(np.array(self.own), np.array(self.other), self.order, self.knee, scale)


def feature_clock(model: FeatureClock) -> Array:
    """The clock tau at each time: t = tau + int_0^tau e^F(u) du.

    Parameters
    ----------
    model : FeatureClock

    Returns
    -------
    Array of shape (len(times),)

    References
    ----------
    R5 of docs/papers/cnn_rank.md.
    """
    return model.clock.at(np.array(model.times))


def clock_margin(model: FeatureClock) -> Array:
    """The margin y F of a noiseless image of the feature at each time; shape (len(times),).

    References
    ----------
    R5 of docs/papers/cnn_rank.md.
    """
    clock = model.clock
    return clock.margin(clock.at(np.array(model.times)))


@dataclass(frozen=True)
class Clock:
    """The clock of given starts.

    Parameters
    ----------
    own, other : arrays of any length
        z(0) of the filters of the feature's sign and of the others.
    order, knee : float
        Of the activation.
    scale : float
        c, the size of the second layer's weights.
    """

    own: Array
    other: Array
    order: float
    knee: float
    scale: float

    def at(self, times: Array) -> Array:
        """tau at each time; any shape."""
        flat = np.ravel(times) / self.knee
        latest = float(flat.max(initial=0.0))
        if latest == 0.0:
            return np.zeros(np.shape(times))
        most = self._most(latest)
        if most == 0.0:  # e^F is no float at the start: the clock stands
            return np.zeros(np.shape(times))
        ends = np.array(self._panels(most))
        half, start = np.diff(ends) / 2.0, ends[:-1]
        rules = _rules()
        rates = self._rate(start[:, None] + half[:, None] * rules.places)
        inner = rates[:, 1:-1]
        reached = np.concatenate(([0.0], np.cumsum(half * (inner @ rules.weights))))
        place = np.minimum(np.searchsorted(reached, flat, side="right") - 1, len(half) - 1)
        target = (flat - reached[place]) / half[place]
        # first guess: the rate grows exponentially from the panel's start to its end
        growth = np.maximum(np.log(rates[place, -1] / rates[place, 0]), 1e-9)
        x = 2.0 * np.log1p(target / (inner @ rules.weights)[place] * np.expm1(growth)) / growth - 1.0
        x = _invert(inner[place] @ rules.integral, inner[place] @ rules.slope, target, x)
        found = np.minimum(start[place] + half[place] * (1.0 + x), flat)  # the clock never runs ahead of time
        return self.knee * found.reshape(np.shape(times))

    def time(self, clock: float) -> float:
        """t at a value of the clock."""
        ends, rules = np.array(self._panels(clock / self.knee)), _rules()
        half = np.diff(ends)[:, None] / 2.0
        rates = self._rate(ends[:-1, None] + half * rules.places[1:-1])
        return self.knee * float((half * rates @ rules.weights).sum())

    def margin(self, clock: npt.ArrayLike) -> Array:
        """F at each value of the clock; any shape."""
        return self._margin(np.asarray(clock, dtype=float) / self.knee)

    def _rate(self, clock: Array) -> Array:
        """dt/dtau = 1 + e^F."""
        return 1.0 + np.exp(np.minimum(self._margin(clock), _MOST_MARGIN))

    def _margin(self, clock: Array) -> Array:
        filters = self._filters
        total = filters.bent(clock)
        for escape in filters.escapes[filters.escapes < clock.max(initial=0.0)]:
            total += np.maximum(clock - escape, 0.0)
        for landing in filters.landings:
            total -= np.maximum(landing - clock, 0.0)
        return self.scale * self.knee * total

    @cached_property
    def _filters(self) -> _Filters:
        return _Filters(self.own / self.knee, self.other / self.knee, self.order)

    # -------------------------------------------------------------- panels

    def _panels(self, most: float) -> list[float]:
        """Ends of the panels, from 0 to the most that the clock is to be."""
        filters, power, size = self._filters, self.order - 2.0, self.scale * self.knee
        escapes = np.maximum(filters.escapes[np.isfinite(filters.escapes)], 0.0).tolist()
        bends = sorted({*escapes, *filters.landings.tolist(), math.inf})
        seen = min(1.0, (_UNSEEN * self.order / (size * filters.count)) ** (1.0 / self.order))
        unseen = _time_to_knee(seen, power)
        last, landed = filters.slowest, float(filters.landings.max(initial=0.0))
        decayed = landed + unseen - last  # from here on nothing is seen of the falling filters
        clock = self._first(most) if most * size * len(escapes) > _MANY * _GROWTH else 0.0
        ends, escaped, bend = [0.0, clock] if clock else [0.0], 0, 0
        while clock < most:
            while escaped < len(escapes) and escapes[escaped] <= clock:
                escaped += 1
            while bends[bend] <= clock:
                bend += 1
            width, slope = math.inf, float(escaped)  # the slope of F is at most size x slope
            if escaped < len(escapes):
                left = escapes[escaped] - clock
                width = max(_GRADE / self.order * (1.0 + power * left), left - unseen)
                slope += (len(escapes) - escaped) * _slope(max(left - width, 0.0), power)
            if clock < decayed:
                since = last + max(0.0, clock - landed)
                width = min(width, _GRADE / self.order * (1.0 + power * since))
                slope += filters.falling * _slope(since, power)
            width = min(width, _GROWTH / (size * slope) if slope * size * width > _GROWTH else width)
            clock = min(clock + width, bends[bend], most)
            ends.append(clock)
        return ends

    def _most(self, latest: float) -> float:
        """An upper bound of the clock at the latest time: what the escaped filters alone make of it."""
        size, filters = self.scale * self.knee, self._filters
        escapes = np.maximum(filters.escapes[np.isfinite(filters.escapes)], 0.0).tolist()
        margin = -size * filters.opposed
        clock = time = 0.0
        for escaped, (clock, stop) in enumerate(zip([0.0, *escapes], [*escapes, math.inf], strict=True)):
            slope, width, room = size * escaped, stop - clock, latest - time
            needed = float(np.logaddexp(0.0, math.log(slope * room) - margin)) / slope if slope else room
            if needed <= width:
                break
            if width and slope:  # e^margin alone may be no float
                time += math.exp(margin + slope * width) * -math.expm1(-slope * width) / slope
            else:
                time += width
            margin += slope * width + size / self.order
        else:
            needed = 0.0
        start = float(self._margin(np.zeros(1))[0])  # the rate is never below that at the start
        most = min(latest, clock + needed, latest * math.exp(min(-start, 700.0)))
        for _ in range(_REFINED if most * size * len(escapes) > _MANY * _GROWTH else 0):
            # from any place on, the rate is at least what it is there
            places = most * _EVENLY
            with np.errstate(over="ignore"):
                most = min(most, float((places + latest * np.exp(-self._margin(places))).min()))
        return most

    def _first(self, most: float) -> float:
        """A place up to which e^F is nothing beside 1, where opposite filters hold the margin far below 0."""
        first = 0.0
        for _ in range(_REFINED):
            places = first + (most - first) * _EVENLY
            below = places[self._margin(places) < _NOTHING]
            if not len(below) or below[-1] == first:
                break
            first, most = float(below[-1]), float(min(most, below[-1] + (places[1] - places[0])))
        return first


class _Filters:
    """What the margin needs of starts in units of kappa; those <= 0 never move and never act."""

    def __init__(self, own: Array, other: Array, order: float) -> None:
        power = order - 2.0
        own, other = np.sort(own[own > 0.0])[::-1], other[other > 0.0]
        starts = np.concatenate((own, other))
        signs = np.ones(len(starts))
        signs[len(own) :] = -1.0
        reach, beyond = np.minimum(starts, 1.0), np.maximum(starts - 1.0, 0.0)
        self.logs = np.log(reach)
        left = -self.logs
        if power:
            with np.errstate(over="ignore"):  # starts of 1e-200 never arrive
                left = np.expm1(power * left) / power
        self.order, self.power = order, power
        self.escapes = (left - beyond)[: len(own)]
        self.landings = beyond[len(own) :][beyond[len(own) :] > 0.0]
        self.slowest = float(left[len(own) :].min(initial=math.inf))
        self.opposed = float((reach**order / order + beyond)[len(own) :].sum())
        self.count, self.falling = max(1, len(starts)), len(other)
        # up to the knee act/kappa = weights x (reach base^(-1/(q-2)))^q, base = 1 - (q-2) speeds (clock - delays), and
        # weights x exp(q (speeds (clock - delays) - left)) for q = 2
        self.weights, self.reach, self.floor = signs / order, reach, np.expm1(power * self.logs)
        self.speeds, self.delays, self.left = signs * reach**power, -signs * beyond, left

    def bent(self, clock: Array) -> Array:
        """Sum over filters of +-act/kappa, each stopped at the knee, at values of the clock of any shape."""
        since = clock[..., None] - self.delays
        if self.power == 0.0:
            return np.exp(self.order * np.minimum(self.speeds * since - self.left, 0.0)) @ self.weights
        since *= -self.power * self.speeds
        moved = np.maximum(since, self.floor, out=since)
        if self.order == 3.0:  # products in place, since powers and fresh arrays take longer
            moved += 1.0
            cubes = moved * moved
            cubes *= moved
            return np.divide(1.0, cubes, out=cubes) @ (self.weights * self.reach**3)
        return np.exp(self.order * (self.logs - np.log1p(moved) / self.power)) @ self.weights


def _slope(left: float, power: float) -> float:
    """act' at a time `left` before (or after) the knee, in units of kappa."""
    return math.exp(-left) if power == 0.0 else math.exp(-math.log1p(power * left) * (1.0 + 1.0 / power))


def _time_to_knee(start: float, power: float) -> float:
    """From start <= 1, in units of kappa."""
    return -math.log(start) if power == 0.0 else math.expm1(-power * math.log(start)) / power


@dataclass(frozen=True)
class _Rules:
    """On [-1, 1]: places 1 + x of ends and Gauss nodes, weights, values at the nodes -> monomial coefficients."""

    places: Array
    weights: Array
    integral: Array
    slope: Array


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    slope = np.asarray(np.linalg.inv(np.vander(nodes, increasing=True)), dtype=float)
    integral = np.asarray(np.polynomial.polynomial.polyint(slope, lbnd=-1), dtype=float)
    return _Rules(np.concatenate(([0.0], 1.0 + nodes, [2.0])), weights, integral.T, slope.T)


def _invert(integrals: Array, slopes: Array, targets: Array, x: Array) -> Array:
    """Where increasing convex polynomials on [-1, 1], given with their slopes, take their targets: Newton from x."""
    powers = np.ones(integrals.shape)
    for _ in range(_NEWTON):
        powers[:, 1:] = x[:, None]
        np.multiply.accumulate(powers[:, 1:], axis=1, out=powers[:, 1:])
        value = np.einsum("ij,ij->i", powers, integrals) - targets
        x = x - value / np.einsum("ij,ij->i", powers[:, :-1], slopes)
        x = np.minimum(np.maximum(x, -1.0), 1.0)
    return x
