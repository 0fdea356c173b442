"""The orbit of the flow in internal time, and its clock (R3).

With y_i = exp(-theta_i), y_i(0) = 1/pi_i(0), and the internal time s, ds = dt / sum_i 1/y_i, the flow is

    y_i(s) = y_i(0) - p_i s + W(s),   prod_i y_i(s) = prod_i y_i(0),   t(s) = int_0^s sum_i 1/y_i(u) du.

Differences of the y_i are straight lines in s, so the smallest y, the leader's, belongs to the lowest of the lines
y_i(0) - p_i s. The vertices of the lower envelope of these lines, where the leader changes, are the ends of plateaus;
between them everything is almost polynomial. So a place on the orbit is a vertex and a signed offset from it: near a
vertex, where a switch may be narrower than a rounding of s, the offset keeps all its digits. The unknown at each place
is x = ln y_leader, found from sum_i ln((e^x + delta_i) pi_i(0)) = 0 with delta_i = y_i - y_leader; nothing is ever
exponentiated that can overflow, and dt is kept as a logarithm.

References
----------
R3 of docs/papers/rlvr_gradient_flow.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Path = tuple[Array, Array, Array, Whole]
"""Policy at the start, rewards, vertices in s, and the leader from each vertex on."""
Nodes = tuple[Whole, Whole, Array, Array, Array]
"""Quadrature nodes along an orbit: their number, and whether there was too little room; vertex, offset, x and ln dt of
each."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
LAST = (np.polynomial.legendre.legvander(NODES, 15) * (np.arange(16) + 0.5)).T[-2:].copy()
"""Rows whose products with WEIGHTS times a function's values at NODES are its last two Legendre coefficients."""
PANEL = 2.0
"""Longest panel in tau, s = vertex + width sinh(tau). The integrand's singularities lie about pi/2 off the real axis
where two patterns alone matter at a time, and nearer where many switch together: then panels are halved."""
SHORTEST = PANEL * 2.0**-30
"""Panels are not halved below this length."""
TINY = 1e-300
"""Offsets around this have no digits left that a shorter panel could resolve."""
SMOOTH = 1e-7
"""Last coefficients, relative to the mean, at which a panel is believed: they fall like rho^-15 where the error of 16
Gauss nodes falls like rho^-32. A panel with a share e of the whole time is believed at SMOOTH / sqrt(e)."""
EASY = SMOOTH * 2.0**-15
"""Last coefficients after which the next panel may be twice as long."""
MANY = 65
"""Patterns from which long panels, looked over once the whole time is known, cost less than close ones at once."""
DEPTH = 17.0
"""Panels end at exp(-DEPTH) of a plateau's length from its vertex: time grows like the square of the offset, and what
is nearer is e^-34 of the plateau and needs no resolution."""
CLOSE = 1e-7
"""Last step in x at which a solution is final: steps converge cubically, the sum over i is corrected to order 2."""
MOST_STEPS = 200

# ------------------------------------------------------------------ one place


@kernel
def frame(path: Path, vertex: int, side: float, gap: Array, slope: Array) -> None:
    """Fill what the lines are on one side of a vertex: delta_i = gap_i + slope_i u at an offset u of that sign."""
    start, rates, vertices, leaders = path
    leader = leaders[vertex] if side > 0.0 or vertex == 0 else leaders[vertex - 1]
    s = vertices[vertex]
    for i in range(start.size):
        slope[i] = rates[leader] - rates[i]
        gap[i] = max(0.0, (1.0 / start[i] - 1.0 / start[leader]) + slope[i] * s)
    gap[leader] = 0.0
    if vertex > 0:
        gap[leaders[vertex]] = 0.0
        gap[leaders[vertex - 1]] = 0.0


@kernel
def lines_at(gap: Array, slope: Array, u: float, delta: Array) -> None:
    """Fill delta at an offset."""
    for i in range(gap.size):
        delta[i] = max(0.0, gap[i] + slope[i] * u)


@kernel
def solve(delta: Array, start: Array, x: float) -> tuple[float, float]:
    """Solve sum_i ln((e^x + delta_i) start_i) = 0 by Halley steps from x; also y_leader sum_i 1/y_i, within [1, K]."""
    total = 1.0
    for _ in range(MOST_STEPS):
        least = math.exp(x)
        log_product, product = 0.0, 1.0
        total, curvature = 0.0, 0.0
        for i in range(delta.size):
            if delta[i] == 0.0:  # the leader, or tied with it; e^x may underflow
                log_product += x + math.log(start[i])
                total += 1.0
                continue
            y = least + delta[i]
            share = least / y
            total += share
            curvature += share * (1.0 - share)
            product *= y * start[i]
            if not 1e-100 < product < 1e100:
                log_product += math.log(product)
                product = 1.0
        step = (log_product + math.log(product)) / total
        bend = 0.5 * step * curvature / total
        if abs(bend) < 0.5:
            step /= 1.0 - bend
        x -= step
        if abs(step) < CLOSE:
            return x, total - step * curvature
    return x, total


@kernel
def guess(delta: Array, start: Array) -> float:
    """A point at or above the solution: the two lowest lines alone, or all patterns alike."""
    leader, second, log_rest, log_all = 0, -1, 0.0, 0.0
    for i in range(1, delta.size):
        if delta[i] < delta[leader]:
            leader = i
    for i in range(delta.size):
        log_all += math.log(start[i])
        if i != leader and (second < 0 or delta[i] < delta[second]):
            second = i
    alike = -log_all / delta.size
    for i in range(delta.size):
        if i != leader and i != second:
            if delta[i] == 0.0:
                return alike
            log_rest += math.log(delta[i]) + math.log(start[i])
    # y (y + gap) = exp(log_area)
    log_area = -log_rest - math.log(start[leader]) - math.log(start[second])
    log_gap = math.log(delta[second]) if delta[second] > 0.0 else -math.inf
    if log_gap - 0.5 * log_area > 20.0:
        return min(alike, log_area - log_gap)
    ratio = math.exp(log_gap - 0.5 * log_area)
    return min(alike, 0.5 * log_area + math.log(2.0 / (ratio + math.sqrt(ratio * ratio + 4.0))))


@kernel
def drift(delta: Array, slope: Array, x: float, total: float) -> float:
    """dx/ds = (V - p_leader) / y_leader."""
    least, pull = math.exp(x), 0.0
    for i in range(delta.size):
        if slope[i] != 0.0 and least + delta[i] > 0.0:
            pull += slope[i] / (least + delta[i])
    return -pull / total


@kernel
def seat(start: Array, gap: Array, slope: Array) -> tuple[float, float]:
    """x at a vertex, and the width of what happens there: how far s goes before some y_i changes by its own size."""
    x, total = solve(gap, start, guess(gap, start))
    least, shift = math.exp(x), 0.0
    for i in range(start.size):
        shift += slope[i] * (1.0 if gap[i] == 0.0 else least / (least + gap[i]))
    shift /= total  # rate of the leader minus V
    width = math.inf
    for i in range(start.size):
        speed = abs(slope[i] - shift)
        if speed > 0.0:
            width = min(width, (least + gap[i]) / speed)
    return x, width if width < math.inf else least


@kernel
def fill_log_policies(path: Path, nodes: Nodes, log_policies: Array) -> None:
    """Fill ln pi_i at each node, shape (nodes, K)."""
    gap, slope = np.empty(path[0].size), np.empty(path[0].size)
    for n in range(nodes[0][0]):
        u, x = nodes[2][n], nodes[3][n]
        frame(path, nodes[1][n], u, gap, slope)
        row = log_policies[n]
        lines_at(gap, slope, u, row)
        least, total = math.exp(x), 0.0
        for i in range(row.size):
            if row[i] == 0.0:
                row[i] = 0.0
                total += 1.0
            else:
                total += least / (least + row[i])
                row[i] = x - math.log(least + row[i])
        for i in range(row.size):
            row[i] -= math.log(total)


# ------------------------------------------------------------------ the orbit


@kernel
def envelope(start: Array, rates: Array, vertices: Array, leaders: Whole) -> int:
    """Lower envelope of the lines 1/start_i - rates_i s on s >= 0: where leaders change, and to whom; their number."""
    leader = 0
    for i in range(1, start.size):
        if start[i] > start[leader] or (start[i] == start[leader] and rates[i] > rates[leader]):
            leader = i
    vertices[0], leaders[0] = 0.0, leader
    count = 1
    while True:
        best, where = -1, math.inf
        for i in range(start.size):
            if rates[i] > rates[leader]:
                s = max(0.0, 1.0 / start[i] - 1.0 / start[leader]) / (rates[i] - rates[leader])
                if s < where or (s == where and rates[i] > rates[best]):
                    best, where = i, s
        if best < 0:
            return count
        vertices[count], leaders[count] = max(where, vertices[count - 1]), best
        leader = best
        count += 1


@kernel
def room_for_nodes(panels: int) -> Nodes:
    """Empty nodes, for so many panels."""
    most = panels * NODES.size
    return np.zeros(2, np.int64), np.empty(most, np.int64), np.empty(most), np.empty(most), np.empty(most)


@kernel
def usual_panels(count: int) -> int:
    """Panels of an orbit with so many vertices, on both sides of each, where one in two is halved."""
    return 3 * count * (int(DEPTH / PANEL) + 2)


@kernel
def walk(path: Path, vertex: int, near: float, far: float, x: float, nodes: Nodes, log_time: float) -> float:
    """Append the Gauss nodes between two offsets on one side of a vertex, near < far; x at the last one.

    They are as close as their share of the whole time asks for, about e^log_time; if that is infinite, no panel is
    halved. Too little room is marked in the nodes, which then do not hold all.
    """
    start = path[0]
    gap, slope, delta = np.empty(start.size), np.empty(start.size), np.empty(start.size)
    frame(path, vertex, far, gap, slope)
    here, width = seat(start, gap, slope)
    width = max(width, math.exp(-DEPTH) * max(abs(near), abs(far)))
    low, high = math.asinh(near / width), math.asinh(far / width)
    lines_at(gap, slope, near, delta)
    x, total = solve(delta, start, here if near == 0.0 else x)
    at, is_weighed = near, False
    length = (high - low) / max(1, math.ceil((high - low) / PANEL))
    while low < high:
        is_last = high - low < 1.5 * length
        half = 0.5 * (high - low if is_last else length)
        first, before = nodes[0][0], (x, total, at)
        if first + NODES.size > nodes[1].size:
            nodes[0][1] = 1
            return x
        for q in range(NODES.size):
            growth = math.exp(low + half * (1.0 + NODES[q]))
            u = 0.5 * width * (growth - 1.0 / growth)
            x += min(3.0, max(-3.0, drift(delta, slope, x, total) * (u - at)))
            lines_at(gap, slope, u, delta)
            x, total = solve(delta, start, x)
            n = first + q
            nodes[1][n], nodes[2][n], nodes[3][n] = vertex, u, x
            nodes[4][n] = math.log(WEIGHTS[q] * half * 0.5 * width * (growth + 1.0 / growth) * total) - x
            at = u
        rough = roughness(nodes[4][first : first + NODES.size], log_time)
        if rough > SMOOTH and not is_weighed:
            is_weighed = True
            log_time = max(log_time, log_stretch(start, gap, slope, near if -near > far else far))
            rough = roughness(nodes[4][first : first + NODES.size], log_time)
        if rough > SMOOTH and length > SHORTEST and width > TINY:
            length = half
            x, total, at = before
            lines_at(gap, slope, at, delta)
            continue
        nodes[0][0] = first + NODES.size
        low = high if is_last else low + length
        if rough < EASY:
            length = min(2.0 * length, PANEL)
    return x


@kernel
def log_stretch(start: Array, gap: Array, slope: Array, offset: float) -> float:
    """ln of about the least time that passes between a vertex and an offset: it is longest where the offset is."""
    delta = np.empty(start.size)
    lines_at(gap, slope, offset, delta)
    x, total = solve(delta, start, guess(delta, start))
    return math.log(0.25 * abs(offset) * total) - x


@kernel
def roughness(logs: Array, log_time: float) -> float:
    """Size of the last two Legendre coefficients on a panel, relative to its mean and the root of its share of a time.

    The panel is given as ln of weights times values.
    """
    most = -math.inf
    for value in logs:
        most = max(most, value)
    mean, one, two = 0.0, 0.0, 0.0
    for q in range(logs.size):
        value = math.exp(logs[q] - most)
        mean += 0.5 * value
        one += LAST[0, q] * value
        two += LAST[1, q] * value
    return max(abs(one), abs(two)) / mean * math.exp(min(0.0, 0.5 * (most - log_time)))


@kernel
def trace(path: Path, count: int, vertex: int, offset: float, nodes: Nodes, log_time: float) -> None:
    """Fill the Gauss nodes of the orbit from the start to a place; `log_time` as for `walk`."""
    vertices = path[2]
    x = 0.0
    nodes[0][0] = nodes[0][1] = 0
    for k in range(count):
        is_last = k == vertex and offset >= 0.0
        far = offset if is_last else 0.5 * (vertices[k + 1] - vertices[k])
        if far > 0.0:
            x = walk(path, k, 0.0, far, x, nodes, log_time)
        if is_last:
            return
        is_last = k + 1 == vertex and offset < 0.0
        if far > 0.0:
            x = walk(path, k + 1, -far, offset if is_last else 0.0, x, nodes, log_time)
        if is_last:
            return


@kernel
def resolved_log_time(path: Path, count: int, vertex: int, offset: float, nodes: Nodes) -> float:
    """ln of the time from the start to a place, with shorter panels where long ones do not do.

    The nodes are scratch.
    """
    if path[0].size < MANY:
        trace(path, count, vertex, offset, nodes, -math.inf)
        return log_total(nodes)
    trace(path, count, vertex, offset, nodes, math.inf)
    log_time = log_total(nodes)
    for first in range(0, nodes[0][0], NODES.size):
        if roughness(nodes[4][first : first + NODES.size], log_time) > SMOOTH:
            trace(path, count, vertex, offset, nodes, log_time)
            return log_total(nodes)
    return log_time


@kernel
def log_total(nodes: Nodes) -> float:
    """ln of the time that the nodes stand for."""
    count, terms = nodes[0][0], nodes[4]
    most, total = -math.inf, 0.0
    for i in range(count):
        most = max(most, terms[i])
    for i in range(count):
        total += math.exp(terms[i] - most)
    return most + math.log(total) if count else -math.inf
