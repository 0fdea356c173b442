"""The integral behind the hijack error: over the hijacker's length r, and the law of the task's correlation rho (R7).

With kappa = prod_l (1 - alpha_l N r^2), u one coordinate of a uniform direction and a margin s, a query is wrong iff

    s c rho < 1 - kappa - kappa c sqrt(1 - rho^2) r u.

Given r and rho its probability is the law of u where s is fixed, a difference of that law's integrals where s is
uniform, and one smooth integral over u where s is half-normal. All of them are smooth in r between the radii at which
the threshold leaves the range of u; these are found exactly, since log|kappa| + log|1 +- y r| is concave between its
zeros.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from theory.numerics import sphere
from theory.numerics.directions import gauss_legendre

Array = npt.NDArray[np.float64]
Rates = tuple[Array, npt.NDArray[np.int64]]
"""alpha_l N, rising, and how many layers have each."""
Angles = tuple[Array, Array, Array]
"""Their cosines rho, sines, and 1 - rho."""
Nodes = tuple[Array, Array]
Rule = tuple[Nodes, Nodes, Nodes, Nodes]
"""Nodes and weights on [0, 1] of panels of radii, of those of little mass, and of the law of u."""

FIXED, UNIFORM, HALF_NORMAL = 0, 1, 2
NODES, RARE_NODES = 40, 16
INNER_NODES, WIDE_INNER_NODES, NARROW_INNER_NODES = 20, 32, 72
CROWDED_NODES, NARROW_NODES = 72, 112  # the latter in many dimensions, where peaks of the law of u are narrow
HALVED_NODES, MOST_HALVINGS, MOST_PANELS = 16, 40, 2000  # of refined panels
TANGENT_BELOW = 7  # degrees of freedom below which tangencies are sharp
SMOOTH_FROM = 18  # degrees of freedom from which no law of u begins like a root that matters
FLAT_FROM = 9  # degrees of freedom from which roots at the ends of the range of u are too flat to matter
MANY = 40
TINY, HUGE = 1e-300, 1e150
BELOW, ABOVE = 6.2, 8.7  # distances from the peak of a chi density beyond which its mass is below 1e-16
NEGLIGIBLE, RARE = 1e-15, 1e-10  # masses of panels that are left out, and that need few nodes
SHORTEST = 0.01  # of all panels
SATURATION = 8.3  # standard deviations beyond which a normal law has no mass
BLUNT = 0.3  # scales of half-normal margins from which poles of the threshold play no part


@lru_cache(maxsize=256)
def rule(freedom: int, is_refined: bool = False) -> Rule:
    """Quadrature for d - 1 = `freedom`: nodes crowded at both ends (x = sin^2) where roots of the distance begin."""
    if has_roots(freedom) or freedom >= MANY:
        x, weights = gauss_legendre(NARROW_NODES if freedom >= MANY else CROWDED_NODES)
        angle = 0.25 * math.pi * (1 + x)
        panel = np.sin(angle) ** 2, 0.25 * math.pi * weights * np.sin(2 * angle)
    else:
        panel = _unit_rule(NODES)
    inner = NARROW_INNER_NODES if freedom >= MANY else WIDE_INNER_NODES if _is_wide(freedom) else INNER_NODES
    halved = _unit_rule(HALVED_NODES) if is_refined else (np.empty(0), np.empty(0))
    return panel, _unit_rule(RARE_NODES), _unit_rule(inner), halved


@kernel
def _is_wide(freedom: int) -> bool:
    """Whether integrals over u are taken over its angle."""
    return has_roots(freedom) or freedom < FLAT_FROM


def _unit_rule(count: int) -> Nodes:
    x, weights = gauss_legendre(count)
    return 0.5 * (1 + x), 0.5 * weights


@kernel
def has_roots(freedom: int) -> bool:
    """Whether the law of u begins like a root of the distance from the ends of its range."""
    return freedom % 2 == 0 and freedom < 2 * FLAT_FROM


@kernel
def errors(
    angles: Angles,
    allowed: Array,
    rates: Rates,
    freedom: int,
    scale: float,
    margin: tuple[int, float],
    coefficients: Array,
    nodes: Rule,
) -> tuple[Array, Array]:
    """The error given each of some angles between w* and beta*.

    Parameters
    ----------
    angles : triple of arrays
        rho, sqrt(1 - rho^2) and 1 - rho.
    allowed : array
        Where panels are refined: difference of a panel's integral from that over its halves, for each angle.
    rates : pair of arrays
        alpha_l N and how many layers have it.
    freedom : int
        d - 1.
    scale : float
        c.
    margin : (int, float)
        FIXED and s, UNIFORM and the largest s, or HALF_NORMAL and its scale.
    coefficients : array
        `sphere.coefficients` of `freedom`.
    nodes : tuple of arrays
        `rule` of `freedom`.

    Returns
    -------
    pair of arrays
        Probabilities, and what they may be off by where panels are refined (otherwise 0).
    """
    wrong, doubt = np.empty(angles[0].size), np.empty(angles[0].size)
    for k in range(wrong.size):
        tilt, law = _law(angles, k, scale, margin)
        wrong[k], doubt[k] = _given(rates, freedom, tilt, law, coefficients, nodes, allowed[k])
    return wrong, doubt


@kernel
def signatures(
    angles: Angles, rates: Rates, freedom: int, scale: float, margin: tuple[int, float]
) -> npt.NDArray[np.int64]:
    """Numbers that change at angles at which the error given the angle is not smooth.

    In few dimensions that is where two radii at which the threshold enters or leaves the range of u meet and vanish;
    in many the law of u is flat there. And it is where s c rho passes 1, at which kappa = 0: there the error begins
    like a root of the order of the depth.
    """
    signs = np.empty(angles[0].size, dtype=np.int64)
    splits = np.empty(6 + 8 * (rates[0].size + 2))
    for k in range(signs.size):
        tilt, law = _law(angles, k, scale, margin)
        rooms = (1.0, 1.0) if margin[0] == HALF_NORMAL else _rooms(law)
        count = _fill_splits(rates, freedom, tilt, rooms, splits) if freedom < TANGENT_BELOW else 0
        signs[k] = 2 * count + int(rooms[1] < 0.0)
    return signs


@kernel
def _law(
    angles: Angles, k: int, scale: float, margin: tuple[int, float]
) -> tuple[float, tuple[int, float, float]]:
    """c sqrt(1 - rho^2), and the law of s c rho at one angle: its kind, its size x and 1 - x, with all its digits."""
    level = margin[1] * scale
    room = (1.0 - level) + level * angles[2][k]
    return abs(scale) * angles[1][k], (margin[0], level * angles[0][k], room)


@kernel
def _given(
    rates: Rates,
    freedom: int,
    tilt: float,
    margin: tuple[int, float, float],
    coefficients: Array,
    nodes: Rule,
    allowed: float,
) -> tuple[float, float]:
    """The error at one rho, and how far off it may be where panels are refined; `margin` holds the law of s c rho."""
    rooms = _rooms(margin)
    is_blunt = margin[0] == HALF_NORMAL and abs(margin[1]) > BLUNT
    is_refined = nodes[3][0].size > 0
    splits = np.empty(6 + 8 * (rates[0].size + 2))
    count = _fill_splits(rates, freedom, tilt, rooms, splits)
    norm = (0.5 * freedom - 1) * math.log(2.0) + math.lgamma(0.5 * freedom)
    total = doubt = 0.0
    for k in range(count - 1):
        low, end = splits[k], splits[k + 1]
        side = _side(rates, freedom, tilt, rooms, 0.5 * (low + end))
        if side < 0:
            continue
        if is_refined:
            if _most_mass(low, end, freedom, norm) >= NEGLIGIBLE:
                value, gap = _refined(
                    rates, freedom, tilt, margin, coefficients, nodes, allowed, norm, side > 0, low, end
                )
                total, doubt = total + value, doubt + gap
            continue
        while low < end:
            mass = _most_mass(low, end, freedom, norm)
            if mass < NEGLIGIBLE:
                break
            high = end if side > 0 or is_blunt or mass < RARE else _panel_end(rates, low, end)
            panel = nodes[0] if mass > RARE else nodes[1]
            total += _panel(
                rates, freedom, tilt, margin, coefficients, nodes[2], norm, side > 0, low, high - low, panel
            )
            low = high
    return total, doubt


@kernel
def _refined(
    rates: Rates,
    freedom: int,
    tilt: float,
    margin: tuple[int, float, float],
    coefficients: Array,
    nodes: Rule,
    allowed: float,
    norm: float,
    is_certain: bool,
    low: float,
    end: float,
) -> tuple[float, float]:
    """The integral between two split points, on panels that are halved until halves agree; and what they disagree by.

    Panels are those of an angle, r = low + (end - low) sin^2, which turns roots at the ends into smooth functions.
    """
    starts, widths, values = (
        np.empty(MOST_HALVINGS + 2),
        np.empty(MOST_HALVINGS + 2),
        np.empty(MOST_HALVINGS + 2),
    )
    starts[0], widths[0], values[0] = 0.0, 0.5 * math.pi, math.nan
    halves, panel = np.empty(2), (np.empty(nodes[3][0].size), np.empty(nodes[3][0].size))
    total = doubt = 0.0
    size, spent = 1, 0
    while size:
        size -= 1
        spent += 1
        start, width, value = starts[size], 0.5 * widths[size], values[size]
        for half in range(2):
            for node in range(nodes[3][0].size):
                angle = start + width * (half + nodes[3][0][node])
                panel[0][node] = math.sin(angle) ** 2
                panel[1][node] = width * nodes[3][1][node] * math.sin(2.0 * angle)
            halves[half] = _panel(
                rates, freedom, tilt, margin, coefficients, nodes[2], norm, is_certain, low, end - low, panel
            )
        gap = abs(halves[0] + halves[1] - value)
        if gap <= allowed or size == MOST_HALVINGS or spent > MOST_PANELS:
            total += halves[0] + halves[1]
            doubt += gap
        else:  # also at first, where there is nothing to compare with
            for half in range(2):
                starts[size], widths[size], values[size] = start + half * width, width, halves[half]
                size += 1
    return total, doubt


@kernel
def _panel(
    rates: Rates,
    freedom: int,
    tilt: float,
    margin: tuple[int, float, float],
    coefficients: Array,
    inner: Nodes,
    norm: float,
    is_certain: bool,
    low: float,
    width: float,
    panel: Nodes,
) -> float:
    """The integral over a panel of radii, by nodes and weights on [0, 1]."""
    total = 0.0
    for node in range(panel[0].size):
        r = low + width * panel[0][node]
        wrong = 1.0 if is_certain else _wrong(rates, freedom, tilt, margin, coefficients, inner, r)
        total += width * panel[1][node] * _density(r, freedom, norm) * wrong
    return total


@kernel
def _most_mass(low: float, high: float, freedom: int, norm: float) -> float:
    """Upper bound of the mass of the radius between two values."""
    return (high - low) * _density(min(max(math.sqrt(freedom - 1.0), low), high), freedom, norm)


@kernel
def _density(r: float, freedom: int, norm: float) -> float:
    """Density of the length of a normal vector."""
    return math.exp((freedom - 1) * math.log(max(r, TINY)) - 0.5 * r * r - norm)


@kernel
def _rooms(margin: tuple[int, float, float]) -> tuple[float, float]:
    """Largest and least 1 - s c rho."""
    kind, size, room = margin
    if kind == FIXED:
        return room, room
    far = 1.0 - SATURATION * size if kind == HALF_NORMAL else room
    return max(far, 1.0), min(far, 1.0)


@kernel
def _side(rates: Rates, freedom: int, tilt: float, rooms: tuple[float, float], r: float) -> int:
    """1 where all answers are wrong, -1 where none is, 0 between."""
    kappa = min(max(_contraction(rates, r), -HUGE), HUGE)
    spread = abs(kappa) * tilt * r
    far = sphere.reach(freedom)
    return int(_ratio(rooms[1] - kappa, spread) >= far) - int(_ratio(rooms[0] - kappa, spread) <= -far)


@kernel
def _panel_end(rates: Rates, low: float, end: float) -> float:
    """End of a panel no longer than its distance from any zero of kappa, a pole of high order of the threshold."""
    for k in range(rates[0].size):
        zero = rates[0][k] ** -0.5
        if zero <= low:
            end = min(end, low + max(low - zero, SHORTEST))
        elif 2.0 * (zero - end) < zero - low:
            end = min(end, low + max(0.5 * (zero - low), SHORTEST))
    return end


@kernel
def _wrong(
    rates: Rates,
    freedom: int,
    tilt: float,
    margin: tuple[int, float, float],
    coefficients: Array,
    inner: Nodes,
    r: float,
) -> float:
    """The error given r. Like the panel it takes no more arrays than it needs: each costs as much as its arithmetic."""
    kappa = min(max(_contraction(rates, r), -HUGE), HUGE)
    kind, size, room = margin
    spread = abs(kappa) * tilt * r
    if kind == HALF_NORMAL and size != 0.0:
        if size > 0.0:
            return _below_half_normal(1.0 - kappa, spread, size, freedom, coefficients, inner)
        return 1.0 - _below_half_normal(kappa - 1.0, spread, -size, freedom, coefficients, inner)
    if kind == UNIFORM and abs(kappa) <= 1e5 * abs(size):
        above = _mean_above(1.0 - kappa, spread, freedom, coefficients)
        return (above - _mean_above(room - kappa, spread, freedom, coefficients)) / size
    # a narrow range beside kappa would cancel, and its middle is as good
    middle = 1.0 - 0.5 * size if kind == UNIFORM else room
    return sphere.cdf(_ratio(middle - kappa, spread), freedom, coefficients)


@kernel
def _ratio(gap: float, spread: float) -> float:
    return gap / max(spread, TINY)


@kernel
def _mean_above(gap: float, spread: float, freedom: int, coefficients: Array) -> float:
    """E max(gap - spread u, 0)."""
    ratio = _ratio(gap, spread)
    if ratio >= 1.0:
        return gap
    return spread * sphere.mean_above(ratio, freedom, coefficients) if ratio > -1.0 else 0.0


@kernel
def _below_half_normal(
    gap: float, spread: float, size: float, freedom: int, coefficients: Array, inner: Nodes
) -> float:
    """P(size |z| < gap - spread u) for a normal z: erf where its argument counts, the law of u where it is 1."""
    if freedom == 1:
        return 0.5 * (_erf(gap - spread, size) + _erf(gap + spread, size))
    far = sphere.reach(freedom)
    top = min(_ratio(gap, spread), far)
    if top <= -far:
        return 0.0
    bottom = max(_ratio(gap - SATURATION * size, spread), -far)
    total = 0.0
    if bottom > -far:
        total = sphere.cdf(min(bottom, 1.0), freedom, coefficients)
        if bottom >= top:
            return total
    by_angle = _is_wide(freedom)
    low, high = (math.asin(bottom), math.asin(top)) if by_angle else (bottom, top)
    part = 0.0
    for node in range(inner[0].size):
        x = low + (high - low) * inner[0][node]
        u = math.sin(x) if by_angle else x
        w = (1.0 - u) * (1.0 + u)
        power = freedom - 2 if by_angle else freedom - 3  # of sqrt(w): the density of u, or of its angle
        density = w ** (power // 2) * (math.sqrt(w) if power % 2 else 1.0)
        part += inner[1][node] * density * _erf(gap - spread * u, size)
    return total + coefficients[0] * (high - low) * part


@kernel
def _erf(gap: float, size: float) -> float:
    """P(size |z| < gap) for a normal z."""
    return math.erf(gap / (size * math.sqrt(2.0))) if gap > 0.0 else 0.0


@kernel
def _contraction(rates: Rates, r: float) -> float:
    kappa = 1.0
    for k in range(rates[0].size):
        kappa *= (1.0 - rates[0][k] * r * r) ** rates[1][k]
    return kappa


# ------------------------------------------------------------------ where the integrand is not smooth


@kernel
def _fill_splits(rates: Rates, freedom: int, tilt: float, rooms: tuple[float, float], splits: Array) -> int:
    """Fill the ends and split points of the integral over the radius, rising; return their number."""
    peak = math.sqrt(freedom - 1.0)
    low, high = max(peak - BELOW, 0.0), peak + ABOVE
    splits[0], splits[1] = low, high
    count = 2  # nothing happens at a zero of kappa: the threshold is far out on both sides
    ends = np.empty(rates[0].size + 3)
    for side in range(2):
        lean = (1.0 - 2.0 * side) * sphere.reach(freedom) * tilt
        ends[0] = low
        size = 1
        for k in range(rates[0].size):
            if low < rates[0][k] ** -0.5 < high:
                ends[size] = rates[0][k] ** -0.5
                size += 1
        if lean < 0.0 and low < -1.0 / lean < high:
            ends[size] = -1.0 / lean
            if rooms[0] == 0.0 or rooms[1] == 0.0:
                splits[count] = ends[size]
                count += 1
            size += 1
        ends[size] = high
        _sort(ends, size + 1)
        for k in range(size):
            zeros = k > 0, k < size - 1
            count = _add_crossings(rates, lean, rooms[0], ends[k], ends[k + 1], zeros, splits, count)
            if rooms[0] > rooms[1]:
                count = _add_crossings(rates, lean, rooms[1], ends[k], ends[k + 1], zeros, splits, count)
        if lean == 0.0:
            break
    _sort(splits, count)
    return count


@kernel
def _sort(values: Array, count: int) -> None:
    for k in range(1, count):
        value, place = values[k], k
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@kernel
def _product(rates: Rates, lean: float, r: float) -> tuple[float, float]:
    """log|kappa (1 + lean r)|, concave between two of its zeros, and its slope."""
    factor = 1.0 + lean * r
    value = math.log(abs(factor)) if factor else -math.inf
    slope = lean / (factor if factor else -TINY)
    for k in range(rates[0].size):
        rate, layers = rates[0][k], rates[1][k]
        factor = 1.0 - rate * r * r
        value += layers * (math.log(abs(factor)) if factor else -math.inf)
        slope -= 2.0 * layers * rate * r / (factor if factor else TINY)
    return value, slope


@kernel
def _add_crossings(
    rates: Rates,
    lean: float,
    target: float,
    left: float,
    right: float,
    zeros: tuple[bool, bool],
    splits: Array,
    count: int,
) -> int:
    """Append the radii at which the product equals a target, at most two between two zeros of the product.

    `zeros` says which of the two ends are zeros: rounded, the product may be far from 0 there.
    """
    middle = 0.5 * (left + right)
    flips = 0 if 1.0 + lean * middle > 0.0 else 1
    for k in range(rates[0].size):
        flips += rates[1][k] * (rates[0][k] * middle * middle > 1.0)
    if target == 0.0 or (target > 0.0) != (flips % 2 == 0):
        return count
    level = math.log(abs(target))
    at_left = -math.inf if zeros[0] else _product(rates, lean, left)[0]
    at_right = -math.inf if zeros[1] else _product(rates, lean, right)[0]
    inner = left
    if at_left < level:
        inner = right if at_right >= level else _summit(rates, lean, level, left, right)
    if _product(rates, lean, inner)[0] >= level:
        if at_left < level:
            splits[count] = _outward_root(rates, lean, level, inner, left)
            count += 1
        if at_right < level:
            splits[count] = _outward_root(rates, lean, level, inner, right)
            count += 1
    return count


@kernel
def _summit(rates: Rates, lean: float, level: float, left: float, right: float) -> float:
    """A point at which a concave function is above a level, if there is one."""
    low, high = left, right
    while high - low > 1e-9 * right:
        middle = 0.5 * (low + high)
        value, slope = _product(rates, lean, middle)
        if value > level or value + abs(slope) * (high - middle) < level:  # above it, or nowhere above it
            return middle
        if slope > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def _outward_root(rates: Rates, lean: float, level: float, inner: float, end: float) -> float:
    """Where the product falls to the level on the way from a point above it to an end."""
    gap, r = end - inner, inner
    value, slope = math.inf, 0.0
    for _ in range(50):  # the end itself may be a zero of the product, with no slope to follow
        gap *= 0.5
        r = end - gap
        value, slope = _product(rates, lean, r)
        if value < level:
            break
    if value >= level:
        return end
    for _ in range(60):  # Newton's method on a concave function, from below: monotone
        step = (value - level) / slope
        r -= step
        if abs(step) <= 1e-9 * abs(r):  # what is left is its square
            break
        value, slope = _product(rates, lean, r)
    return min(max(r, min(inner, end)), max(inner, end))
