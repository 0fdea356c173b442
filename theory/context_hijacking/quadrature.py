"""The integral behind the hijack error: over the hijacker's length r, and the law of the task's correlation rho (R7).

With kappa = prod_l (1 - alpha_l N r^2), u one coordinate of a uniform direction and a margin s, a query is wrong iff

    s c rho < 1 - kappa - kappa c sqrt(1 - rho^2) r u.

Given r and rho its probability is the law of u where s is fixed, a difference of that law's integrals where s is
uniform, and one smooth integral over u where s is half-normal. All of them are smooth in r between the radii at which
the threshold leaves the range of u, which `splitting` finds. Between two of them one panel is tried first (in fewer
than eight dimensions none); where its last Legendre coefficients are not negligible it is halved until halves agree.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from lemmata.kernels import kernel
from theory.context_hijacking import splitting
from theory.context_hijacking.splitting import Rates
from theory.numerics import sphere
from theory.numerics.directions import gauss_legendre

Array = npt.NDArray[np.float64]
Angles = tuple[Array, Array, Array]
"""Their cosines rho, sines, and 1 - s c rho at the largest margin, with all its digits."""
Nodes = tuple[Array, Array, Array]
"""Nodes and weights on [0, 1], and rows that give the last two Legendre coefficients of the weighed values."""
Rule = tuple[Nodes, Nodes, Nodes, Nodes, bool]
"""Panels of radii, those of little mass, the law of u, halved panels, and whether all panels are halved."""

FIXED, UNIFORM, HALF_NORMAL = 0, 1, 2
NODES, RARE_NODES = 64, 16
INNER_NODES, WIDE_INNER_NODES, NARROW_INNER_NODES = 20, 32, 72
CROWDED_NODES, NARROW_NODES = 72, 112  # the latter in many dimensions, where peaks of the law of u are narrow
HALVED_NODES, MOST_HALVINGS, MOST_PANELS = 16, 40, 2000  # of refined panels
TANGENT_BELOW = 7  # degrees of freedom below which tangencies are sharp
FLAT_FROM = 9  # degrees of freedom from which roots at the ends of the range of u are too flat to matter
MANY = 40
TINY, HUGE = 1e-300, 1e150
NEGLIGIBLE, RARE = 1e-15, 1e-10  # masses of panels that are left out, and that need few nodes
NARROW, NARROWEST = 0.02, 1e-5  # ranges of uniform margins, beside the spread of the threshold or kappa
SATURATION = 8.3  # standard deviations beyond which a normal law has no mass


@lru_cache(maxsize=256)
def rule(freedom: int, is_refined: bool = False) -> Rule:
    """Quadrature for d - 1 = `freedom`: nodes crowded at both ends (x = sin^2) where roots of the distance begin."""
    if has_roots(freedom) or freedom >= MANY:
        x, weights, checks = _unit_rule(NARROW_NODES if freedom >= MANY else CROWDED_NODES)
        angle = 0.5 * math.pi * x
        panel = np.sin(angle) ** 2, 0.5 * math.pi * weights * np.sin(2 * angle), checks
    else:
        panel = _unit_rule(NODES)
    inner = NARROW_INNER_NODES if freedom >= MANY else WIDE_INNER_NODES if _is_wide(freedom) else INNER_NODES
    return panel, _unit_rule(RARE_NODES), _unit_rule(inner), _unit_rule(HALVED_NODES), is_refined


@kernel
def _is_wide(freedom: int) -> bool:
    """Whether integrals over u are taken over its angle."""
    return has_roots(freedom) or freedom < FLAT_FROM


def _unit_rule(count: int) -> Nodes:
    x, weights = gauss_legendre(count)
    orders = np.array([[count - 2], [count - 1]])
    checks = np.sqrt(2 * orders + 1) * special.eval_legendre(orders, x)
    return 0.5 * (1 + x), 0.5 * weights, checks


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
        rho, sqrt(1 - rho^2), and 1 - s c rho for the size s of the margin.
    allowed : array
        What a panel may be off by before it is halved, for each angle.
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
        Probabilities, and what they may be off by: last coefficients of panels, differences from halves.
    """
    wrong, doubt = np.empty(angles[0].size), np.empty(angles[0].size)
    window = splitting.span(freedom)
    for k in range(wrong.size):
        tilt, law = _law(angles, k, scale, margin)
        wrong[k], doubt[k] = _given(rates, freedom, window, tilt, law, coefficients, nodes, allowed[k])
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
    splits = np.empty(splitting.most(rates[0].size))
    window = splitting.span(freedom)
    for k in range(signs.size):
        tilt, law = _law(angles, k, scale, margin)
        rooms = (1.0, 1.0) if margin[0] == HALF_NORMAL else _rooms(law)
        count = splitting.fill(rates, freedom, window, tilt, rooms, splits) if freedom < TANGENT_BELOW else 0
        signs[k] = 2 * count + int(rooms[1] < 0.0)
    return signs


@kernel
def _law(
    angles: Angles, k: int, scale: float, margin: tuple[int, float]
) -> tuple[float, tuple[int, float, float]]:
    """c sqrt(1 - rho^2), and the law of s c rho at one angle: its kind, its size x and 1 - x."""
    return abs(scale) * angles[1][k], (margin[0], margin[1] * scale * angles[0][k], angles[2][k])


@kernel
def _given(
    rates: Rates,
    freedom: int,
    window: tuple[float, float],
    tilt: float,
    margin: tuple[int, float, float],
    coefficients: Array,
    nodes: Rule,
    allowed: float,
) -> tuple[float, float]:
    """The error at one rho, and what it may be off by; `margin` holds the law of s c rho."""
    rooms = _rooms(margin)
    splits = np.empty(splitting.most(rates[0].size))
    count = splitting.fill(rates, freedom, window, tilt, rooms, splits)
    if margin[0] == FIXED and abs(rooms[0]) < splitting.CLOSE:
        count = splitting.add_levels(rates, rooms[0], splits, count)
    norm = (0.5 * freedom - 1) * math.log(2.0) + math.lgamma(0.5 * freedom)
    total = doubt = 0.0
    for k in range(count - 1):
        low, end = splits[k], splits[k + 1]
        side = _side(rates, freedom, tilt, rooms, 0.5 * (low + end))
        mass = _most_mass(low, end, freedom, norm)
        if side < 0 or mass < NEGLIGIBLE:
            continue
        if side > 0:
            total += _tail(low, freedom, norm) - _tail(end, freedom, norm)
            continue
        value = gap = math.nan
        if not nodes[4]:
            panel = nodes[0] if mass > RARE else nodes[1]
            value, gap = _panel(
                rates, freedom, tilt, margin, coefficients, nodes[2], norm, low, end - low, panel
            )
        if not gap <= allowed:
            value, gap = _refined(
                rates, freedom, tilt, margin, coefficients, nodes, allowed, norm, low, end, value
            )
        total, doubt = total + value, doubt + gap
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
    low: float,
    end: float,
    guess: float,
) -> tuple[float, float]:
    """The integral between two split points, on panels that are halved until halves agree; and what they disagree by.

    `guess` is another value of the whole, or NaN. Panels are those of an angle, r = low + (end - low) sin^2, which
    turns roots at the ends into smooth functions.
    """
    starts, widths, values = (
        np.empty(MOST_HALVINGS + 2),
        np.empty(MOST_HALVINGS + 2),
        np.empty(MOST_HALVINGS + 2),
    )
    starts[0], widths[0], values[0] = 0.0, 0.5 * math.pi, guess
    halves, panel = np.empty(2), (np.empty(nodes[3][0].size), np.empty(nodes[3][0].size), nodes[3][2])
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
            halves[half], _ = _panel(
                rates, freedom, tilt, margin, coefficients, nodes[2], norm, low, end - low, panel
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
    low: float,
    width: float,
    panel: Nodes,
) -> tuple[float, float]:
    """The integral over a panel of radii, by nodes and weights on [0, 1], and what it may be off by.

    That is the size of the last two Legendre coefficients of the integrand: where it is negligible all that varies has
    been seen, and what the nodes leave out is smaller.
    """
    total = last = next_to_last = 0.0
    for node in range(panel[0].size):
        r = low + width * panel[0][node]
        kappa = 1.0
        for k in range(rates[0].size):
            kappa *= (1.0 - rates[0][k] * r * r) ** rates[1][k]
        kappa = min(max(kappa, -HUGE), HUGE)
        wrong = _wrong(kappa, abs(kappa) * tilt * r, freedom, margin, coefficients, inner)
        value = width * panel[1][node] * _density(r, freedom, norm) * wrong
        total += value
        next_to_last += value * panel[2][0, node]
        last += value * panel[2][1, node]
    return total, abs(next_to_last) + abs(last)


@kernel
def _most_mass(low: float, high: float, freedom: int, norm: float) -> float:
    """Upper bound of the mass of the radius between two values."""
    return (high - low) * _density(min(max(math.sqrt(freedom - 1.0), low), high), freedom, norm)


@kernel
def _density(r: float, freedom: int, norm: float) -> float:
    """Density of the length of a normal vector."""
    return math.exp((freedom - 1) * math.log(max(r, TINY)) - 0.5 * r * r - norm)


@kernel
def _tail(r: float, freedom: int, norm: float) -> float:
    """P(|x_perp| > r): a finite sum of positive terms, from the last one down."""
    if r <= 0.0:
        return 1.0
    x, order = 0.5 * r * r, 0.5 * freedom - 1.0
    total = math.erfc(math.sqrt(x)) if freedom % 2 else 0.0
    term = _density(r, freedom, norm) / r
    while order >= 0.0 and (term > 1e-18 or order > x):
        total += term
        term *= order / x
        order -= 1.0
    return total


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
def _wrong(
    kappa: float,
    spread: float,
    freedom: int,
    margin: tuple[int, float, float],
    coefficients: Array,
    inner: Nodes,
) -> float:
    """The error given r. Like the panel it takes no more arrays than it needs: each costs as much as its arithmetic."""
    kind, size, room = margin
    if kind == HALF_NORMAL and size != 0.0:
        if size > 0.0:
            return _below_half_normal(1.0 - kappa, spread, size, freedom, coefficients, inner)
        return 1.0 - _below_half_normal(kappa - 1.0, spread, -size, freedom, coefficients, inner)
    if kind == UNIFORM:
        wide = NARROW * spread / math.sqrt(freedom) if freedom >= FLAT_FROM else NARROWEST * abs(kappa)
        if abs(size) >= wide:
            above = _mean_above(1.0 - kappa, spread, freedom, coefficients)
            return (above - _mean_above(room - kappa, spread, freedom, coefficients)) / size
        # means over narrow ranges would cancel: three nodes of Gauss's rule
        total = 0.0
        for place, weight in (
            (0.5 - 0.15**0.5, 5.0 / 18.0),
            (0.5, 8.0 / 18.0),
            (0.5 + 0.15**0.5, 5.0 / 18.0),
        ):
            total += weight * sphere.cdf(_ratio(1.0 - place * size - kappa, spread), freedom, coefficients)
        return total
    return sphere.cdf(_ratio(room - kappa, spread), freedom, coefficients)


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
