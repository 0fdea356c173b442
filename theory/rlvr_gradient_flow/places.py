"""Places on an orbit: where an accuracy or a policy reaches a level, and where it is at a time (R3).

A level of an accuracy, a level of a policy and the end of an entanglement are all places at which a combination
sum_i weights_i pi_i changes its sign. Its weights are formed from the rates by index, so that nothing cancels on a deep
plateau, where V - p' has no digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from lemmata.kernels import kernel
from theory.rlvr_gradient_flow.orbit import (
    DEPTH,
    MOST_STEPS,
    Array,
    Nodes,
    Path,
    envelope,
    fill_log_policies,
    frame,
    guess,
    lines_at,
    log_total,
    resolved_log_time,
    room_for_nodes,
    seat,
    solve,
    trace,
    usual_panels,
    walk,
)

Place = tuple[int, float]
"""A vertex of the envelope and a signed offset from it."""
START: Place = (0, 0.0)


def along(place: Place) -> tuple[int, float]:
    """Sorting key: places in the order in which the flow passes them."""
    vertex, offset = place
    return 2 * vertex - (offset < 0), offset


@dataclass(frozen=True, eq=False)
class Orbit:
    """The flow of one policy under fixed rewards.

    Parameters
    ----------
    start, rewards : array of float, shape (K,)
        Positive probabilities, and rewards of the patterns (any finite numbers).
    """

    start: Array
    rewards: Array
    path: Path
    count: int

    @classmethod
    def of(cls, start: npt.ArrayLike, rewards: npt.ArrayLike) -> Orbit:
        """The orbit from a policy."""
        policy, values = np.array(start, float), np.array(rewards, float)
        path = (policy, values, np.empty(policy.size), np.empty(policy.size, np.int64))
        return cls(policy, values, path, envelope(*path))

    def balance(self, weights: npt.ArrayLike) -> Place | None:
        """Where sum_i weights_i pi_i stops being negative, if that happens once and for all; None: never."""
        vertex, offset = reach(self.path, self.count, np.asarray(weights, float))
        return None if vertex < 0 else (vertex, offset)

    def at(self, time: float) -> Place:
        """Where the flow is at a time."""
        if time == 0.0:
            return START
        return self._with_room(lambda nodes: arrive(self.path, self.count, math.log(time), nodes))[0]

    def nodes(self, place: Place) -> tuple[Array, Array]:
        """Quadrature nodes from the start to a place: ln dt, shape (n,), and ln pi, shape (n, K)."""
        nodes = self._traced(place)
        log_policies = np.empty((nodes[0][0], self.start.size))
        fill_log_policies(self.path, nodes, log_policies)
        return nodes[4][: nodes[0][0]], log_policies

    def places(self, place: Place) -> list[Place]:
        """The places of `nodes`."""
        count, vertices, offsets, _, _ = self._traced(place)
        return list(zip(vertices[: count[0]].tolist(), offsets[: count[0]].tolist(), strict=True))

    def log_time(self, place: Place) -> float:
        """ln of the time at a place."""
        return self._with_room(lambda nodes: resolved_log_time(self.path, self.count, *place, nodes))[0]

    def log_policy(self, place: Place) -> Array:
        """ln pi at a place, shape (K,)."""
        gap, slope, delta = (np.empty(self.start.size) for _ in range(3))
        vertex, offset = place
        frame(self.path, vertex, offset, gap, slope)
        lines_at(gap, slope, offset, delta)
        x, _ = solve(delta, self.start, guess(delta, self.start))
        one = np.array([1]), np.array([vertex]), np.array([offset]), np.array([x]), np.empty(1)
        log_policies = np.empty((1, self.start.size))
        fill_log_policies(self.path, one, log_policies)
        return log_policies[0]

    def between(self, before: Place, after: Place, function: Callable[[Place], float]) -> Place:
        """Where a function of the place changes its sign, between neighbouring nodes at which it differs in sign."""
        vertex, low = before
        high = after[1] + float(self.path[2][after[0]] - self.path[2][vertex])
        # offsets may differ by hundreds of powers of ten: bisection alone takes a thousand steps to the smallest
        offset = optimize.brentq(
            lambda u: function((vertex, u)), low, high, xtol=1e-300, rtol=1e-15, maxiter=5000
        )
        return vertex, float(offset)

    def internal_time(self, place: Place) -> float:
        """s at a place."""
        return float(self.path[2][place[0]]) + place[1]

    def _traced(self, place: Place) -> Nodes:
        # functions of the policy may count most where little time passes: nothing is negligible
        return self._with_room(lambda nodes: trace(self.path, self.count, *place, nodes, -math.inf))[1]

    def _with_room(self, fill: Callable[[Nodes], Any]) -> tuple[Any, Nodes]:
        """What a function returns, and the nodes that it has filled, in as much room as it needs."""
        panels = usual_panels(self.count)
        while True:
            nodes = room_for_nodes(panels)
            found = fill(nodes)
            if not nodes[0][1]:
                return found, nodes
            panels *= 4


@kernel
def log_time_to_balance(start: Array, rewards: Array, weights: Array) -> float:
    """ln of the time at which sum_i weights_i pi_i stops being negative; -inf at the start, inf if never.

    The sum must change its sign once at most, as that of an accuracy or of a policy above 1/2 does. The same as the
    methods of `Orbit` one after the other, in a single call.
    """
    path = (start, rewards, np.empty(start.size), np.empty(start.size, np.int64))
    count = envelope(path[0], path[1], path[2], path[3])
    vertex, offset = reach(path, count, weights)
    if vertex < 0:
        return math.inf
    panels = usual_panels(count)
    while True:
        nodes = room_for_nodes(panels)
        log_time = resolved_log_time(path, count, vertex, offset, nodes)
        if nodes[0][1] == 0:
            return log_time
        panels *= 4


# ------------------------------------------------------------------ where a combination changes its sign


@kernel
def balance(delta: Array, weights: Array, x: float) -> float:
    """A number of the sign of sum_i weights_i / y_i, smooth in x: relative to the leaders where these count."""
    least, led, rest = math.exp(x), 0.0, 0.0
    for i in range(delta.size):
        if delta[i] == 0.0:
            led += weights[i]
        else:
            rest += weights[i] / (least + delta[i])
    return rest if led == 0.0 else led + least * rest


@kernel
def reach(path: Path, count: int, weights: Array) -> Place:
    """Where sum_i weights_i / y_i stops being negative, if it does so once and for all; vertex -1: never."""
    start, _, vertices, _ = path
    gap, slope, delta = np.empty(start.size), np.empty(start.size), np.empty(start.size)
    after = count
    for k in range(count):
        frame(path, k, 1.0, gap, slope)
        if balance(gap, weights, seat(start, gap, slope)[0]) >= 0.0:
            after = k
            break
    if after == 0:
        return 0, 0.0
    vertex = after - 1
    frame(path, vertex, 1.0, gap, slope)
    _, width = seat(start, gap, slope)
    low, high = 0.0, max(width, math.exp(-DEPTH) * vertices[vertex])
    if after < count:
        high = 0.5 * (vertices[after] - vertices[vertex])
        lines_at(gap, slope, high, delta)
        x, _ = solve(delta, start, guess(delta, start))
        if balance(delta, weights, x) < 0.0:
            vertex, low, high = after, -high, 0.0
            frame(path, vertex, -1.0, gap, slope)
            _, width = seat(start, gap, slope)
        return vertex, crossing(start, weights, low, high, width, gap, slope)
    final, moves = 0.0, False
    for i in range(start.size):
        if gap[i] == 0.0 and slope[i] == 0.0:
            final += weights[i]
        moves = moves or slope[i] != 0.0
    if final <= 0.0 or not moves:
        return -1, math.inf
    while high < 1e300:
        lines_at(gap, slope, high, delta)
        x, _ = solve(delta, start, guess(delta, start))
        if balance(delta, weights, x) >= 0.0:
            break
        low, high = high, 4.0 * high
    return vertex, crossing(start, weights, low, high, width, gap, slope)


@kernel
def crossing(
    start: Array, weights: Array, low: float, high: float, width: float, gap: Array, slope: Array
) -> float:
    """Offset between two others at which sum_i weights_i / y_i changes its sign (Chandrupatla's method in tau)."""
    delta = np.empty(start.size)
    width = max(width, 1e-290 * max(abs(low), abs(high)))
    one, two = math.asinh(low / width), math.asinh(high / width)
    at_one = at_two = at_three = share = 0.5
    three = x = math.nan
    for step in range(MOST_STEPS):
        tau = one if step == 0 else two if step == 1 else one + share * (two - one)
        lines_at(gap, slope, width * math.sinh(tau), delta)
        x, _ = solve(delta, start, guess(delta, start) if step == 0 else x)
        value = balance(delta, weights, x)
        if step == 0:
            at_one = value
            continue
        if step == 1:
            at_two = value
        else:
            if (value < 0.0) == (at_one < 0.0):
                three, at_three = one, at_one
            else:
                three, at_three, two, at_two = two, at_two, one, at_one
            one, at_one = tau, value
            least = 2e-16 * max(1.0, abs(one)) / abs(two - one)
            if least > 0.5 or value == 0.0:
                break
            place, height = (one - two) / (three - two), (at_one - at_two) / (at_three - at_two)
            share = 0.5
            if height * height < place and (1.0 - height) ** 2 < 1.0 - place:
                share = at_one / (at_two - at_one) * at_three / (at_two - at_three)
                share += (
                    (three - one) / (two - one) * at_one / (at_three - at_one) * at_two / (at_three - at_two)
                )
                share = min(1.0 - least, max(least, share))
    return width * math.sinh(one)


# ------------------------------------------------------------------ where the orbit is at a time


@kernel
def arrive(path: Path, count: int, log_time: float, nodes: Nodes) -> Place:
    """Where the orbit is at a time; the nodes are scratch.

    Both sides of a vertex are passed in stretches that grow or shrink eightfold, so that times far below a plateau's
    own are resolved as well.
    """
    start, _, vertices, _ = path
    gap, slope = np.empty(start.size), np.empty(start.size)
    left, x, near = 1.0, 0.0, 0.0  # time still to go, in units of the whole
    for k in range(count):
        half = 0.5 * (vertices[k + 1] - vertices[k]) if k < count - 1 else math.inf
        frame(path, k, 1.0, gap, slope)
        near, far = 0.0, min(half, max(seat(start, gap, slope)[1], math.exp(-DEPTH) * vertices[k]))
        while near < far < math.inf:
            nodes[0][0] = 0
            x = walk(path, k, near, far, x, nodes, log_time)
            spent = math.exp(log_total(nodes) - log_time)
            if spent >= left:
                return k, pinpoint(path, k, near, far, left, log_time, nodes)
            left -= spent
            near, far = far, min(half, 8.0 * far)
        if k < count - 1:
            near = -half
            while near < 0.0:
                far = 0.125 * near if near < -math.exp(-DEPTH) * half else 0.0
                nodes[0][0] = 0
                x = walk(path, k + 1, near, far, x, nodes, log_time)
                spent = math.exp(log_total(nodes) - log_time)
                if spent >= left:
                    return k + 1, pinpoint(path, k + 1, near, far, left, log_time, nodes)
                left -= spent
                near = far
    return count - 1, near


@kernel
def pinpoint(
    path: Path, vertex: int, near: float, far: float, left: float, log_time: float, nodes: Nodes
) -> float:
    """Offset at which a share of the time is spent, counted from `near`: Newton steps inside a bracket."""
    start = path[0]
    gap, slope, delta = np.empty(start.size), np.empty(start.size), np.empty(start.size)
    frame(path, vertex, far, gap, slope)
    lines_at(gap, slope, near, delta)
    here, _ = solve(delta, start, guess(delta, start))
    low, high, u, before = near, far, far, math.inf
    for _ in range(MOST_STEPS):
        nodes[0][0] = 0
        walk(path, vertex, near, u, here, nodes, log_time)
        excess = math.exp(log_total(nodes) - log_time) - left
        low, high = (u, high) if excess < 0.0 else (low, u)
        lines_at(gap, slope, u, delta)
        x, total = solve(delta, start, guess(delta, start))
        step = excess / total * math.exp(x + log_time)
        trial = u - step
        if not low < trial < high:
            trial = 0.5 * (low + high)
        if not low < trial < high or (abs(step) >= before and abs(step) < 1e-12 * abs(u)):
            break
        before, u = abs(step), trial
    return u
