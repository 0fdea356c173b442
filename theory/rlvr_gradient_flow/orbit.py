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
"""Quadrature nodes along an orbit: their number; vertex, offset, x and ln dt of each."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
PANEL = 2.5
"""Length of a panel in tau, s = vertex + width sinh(tau). The integrand's singularities lie about pi/2 off the real
axis, so that 16 Gauss nodes leave 1e-13 or less."""
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
def room_for_nodes(count: int) -> Nodes:
    """Empty nodes, enough for an orbit with so many vertices: both sides of each, to DEPTH and a little more."""
    most = 2 * count * (int(DEPTH / PANEL) + 2) * NODES.size
    return np.zeros(1, np.int64), np.empty(most, np.int64), np.empty(most), np.empty(most), np.empty(most)


@kernel
def walk(path: Path, vertex: int, near: float, far: float, x: float, nodes: Nodes) -> float:
    """Append the Gauss nodes between two offsets on one side of a vertex, near < far; x at the last one."""
    start = path[0]
    gap, slope, delta = np.empty(start.size), np.empty(start.size), np.empty(start.size)
    frame(path, vertex, far, gap, slope)
    here, width = seat(start, gap, slope)
    width = max(width, math.exp(-DEPTH) * max(abs(near), abs(far)))
    low, high = math.asinh(near / width), math.asinh(far / width)
    panels = max(1, math.ceil((high - low) / PANEL))
    half = 0.5 * (high - low) / panels
    lines_at(gap, slope, near, delta)
    x, total = solve(delta, start, here if near == 0.0 else x)
    at = near
    for panel in range(panels):
        middle = low + (2 * panel + 1) * half
        for q in range(NODES.size):
            growth = math.exp(middle + half * NODES[q])
            u = 0.5 * width * (growth - 1.0 / growth)
            x += min(3.0, max(-3.0, drift(delta, slope, x, total) * (u - at)))
            lines_at(gap, slope, u, delta)
            x, total = solve(delta, start, x)
            n = nodes[0][0]
            nodes[1][n], nodes[2][n], nodes[3][n] = vertex, u, x
            nodes[4][n] = math.log(WEIGHTS[q] * half * 0.5 * width * (growth + 1.0 / growth) * total) - x
            nodes[0][0] += 1
            at = u
    return x


@kernel
def trace(path: Path, count: int, vertex: int, offset: float, nodes: Nodes) -> None:
    """Fill the Gauss nodes of the orbit from the start to a place."""
    vertices = path[2]
    x = 0.0
    nodes[0][0] = 0
    for k in range(count):
        is_last = k == vertex and offset >= 0.0
        far = offset if is_last else 0.5 * (vertices[k + 1] - vertices[k])
        if far > 0.0:
            x = walk(path, k, 0.0, far, x, nodes)
        if is_last:
            return
        is_last = k + 1 == vertex and offset < 0.0
        if far > 0.0:
            x = walk(path, k + 1, -far, offset if is_last else 0.0, x, nodes)
        if is_last:
            return


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
