"""Slow, obviously right twins: the differential equations themselves, sums over all outcomes, high precision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from mpmath import mp, mpf
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

Array = NDArray[np.float64]


def softmax_flow(start: ArrayLike, rewards: ArrayLike, time: float, kl: float = 0.0) -> Array:
    """Policy after dtheta_i/dt = pi_i (A_i - sum_j pi_j A_j), A_i = reward_i - kl ln(pi_i/start_i)."""
    reference, values = np.log(np.asarray(start, float)), np.asarray(rewards, float)

    def speed(_: float, theta: Array) -> Array:
        log_policy = theta - special.logsumexp(theta)
        policy = np.exp(log_policy)
        advantage = values - kl * (log_policy - reference)
        return policy * (advantage - policy @ advantage)

    run = integrate.solve_ivp(speed, (0.0, time), reference, method="DOP853", rtol=1e-12, atol=1e-13)
    return special.softmax(run.y[:, -1])


def natural_flow(start: ArrayLike, rates: ArrayLike, time: float, kl: float) -> Array:
    """Policy after d ln pi_i/dt = A_i - sum_j pi_j A_j."""
    reference, values = np.log(np.asarray(start, float)), np.asarray(rates, float)

    def speed(_: float, log_policy: Array) -> Array:
        policy = np.exp(log_policy)
        advantage = values - kl * (log_policy - reference)
        return advantage - policy @ advantage

    run = integrate.solve_ivp(speed, (0.0, time), reference, method="DOP853", rtol=1e-12, atol=1e-13)
    return np.exp(run.y[:, -1])


def teaching_time(start: ArrayLike, teacher: ArrayLike, weights: ArrayLike) -> tuple[float, Array]:
    """When sum_i weights_i pi_i reaches 0 under dtheta_i/dt = q_i - pi_i, and the policy there."""
    q, w = np.asarray(teacher, float), np.asarray(weights, float)

    def reached(_: float, theta: Array) -> float:
        return float(w @ special.softmax(theta))

    reached.terminal = True  # type: ignore[attr-defined]
    run = integrate.solve_ivp(
        lambda _, theta: q - special.softmax(theta),
        (0.0, 1e4),
        np.log(np.asarray(start, float)),
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
        events=reached,
    )
    times, states = run.t_events, run.y_events
    assert times is not None
    assert states is not None
    return float(times[0][0]), special.softmax(states[0][0])


def lines(start: Sequence[float], rates: Sequence[float], s: float, digits: int = 60) -> list[Any]:
    """ln y_i(s), found by bisection on the common shift of the lines 1/start_i - rates_i s."""
    with mp.workdps(digits):
        bare = [1 / mpf(pi) - mpf(p) * mpf(s) for pi, p in zip(start, rates, strict=True)]
        product = -mp.fsum(mp.log(mpf(pi)) for pi in start)
        # ln of the smallest y, between bounds that are certainly wide enough
        low, high = mpf(-4000), product + 10
        for _ in range(230):
            middle = (low + high) / 2
            total = mp.fsum(mp.log(mp.exp(middle) + line - min(bare)) for line in bare)
            low, high = (middle, high) if total < product else (low, middle)
        return [mp.log(mp.exp(high) + line - min(bare)) for line in bare]


def expected_group_update(
    policy: Sequence[float], rates: Sequence[float], size: int, advantage: str
) -> Array:
    """Mean of (1/G) sum_b A_b (e_{r_b} - pi), over all groups of patterns and rewards."""
    pi, count = np.array(policy), len(policy)
    outcomes = [(r, reward) for r in range(count) for reward in (0, 1)]
    total = np.zeros(count)
    for group in itertools.product(outcomes, repeat=size):
        chance = math.prod(policy[r] * (rates[r] if reward else 1 - rates[r]) for r, reward in group)
        rewards = np.array([reward for _, reward in group], float)
        centred = rewards - rewards.mean()
        if advantage == "rloo":
            centred *= size / (size - 1)
        elif advantage != "mean":
            deviation = rewards.std(ddof=int(advantage == "sample_std"))
            centred = centred / deviation if deviation > 0 else np.zeros(size)
        for (r, _), a in zip(group, centred, strict=True):
            total += chance * a * (np.eye(count)[r] - pi) / size
    return total


def two_pattern_moments(
    begin: float, end: float, rates: tuple[float, float], step_size: float, batch: int
) -> tuple[float, float, float, float, float]:
    """Flow, diffusion, Euler, crossing and deviation of the hitting time by quadrature in the logit, value baseline."""
    gap = rates[0] - rates[1]

    def parts(logit: float) -> tuple[float, float, float]:
        one, other = special.expit(logit), special.expit(-logit)
        value = one * rates[0] + other * rates[1]
        first, second = (p * (1 - p) + (p - value) ** 2 for p in rates)
        force = 2 * one * other * gap
        noise = 4 * one * other**2 * first + 4 * other * one**2 * second - force**2
        return force, noise, force * (other - one)

    def integral(function) -> float:
        return integrate.quad(lambda x: function(*parts(x)), begin, end, epsabs=0, epsrel=1e-12, limit=500)[0]

    last, _, _ = parts(end)
    one, other = special.expit(end), special.expit(-end)
    value = one * rates[0] + other * rates[1]
    # moves of the logit by one sample and their chances: e_r - pi has logit difference 2 pi_other or -2 pi_one
    sample = [
        (p * (reward * rate + (1 - reward) * (1 - rate)), (reward - value) * move)
        for p, rate, move in ((one, rates[0], 2 * other), (other, rates[1], -2 * one))
        for reward in (0, 1)
    ]
    central = [sum(p * (x - last) ** k for p, x in sample) for k in (2, 3)]
    deviation = math.sqrt(central[0] / batch)
    skewness = central[1] / central[0] ** 1.5 / math.sqrt(batch)
    return (
        integral(lambda f, d, df: 1 / f),
        step_size / batch * integral(lambda f, d, df: d * df / (2 * f**3)),
        step_size / 2 * math.log(last / parts(begin)[0]),
        step_size * deviation / last * (spitzer_overshoot(last / deviation) + skewness / 6),
        math.sqrt(step_size / batch * integral(lambda f, d, df: d / f**3)),
    )


def spitzer_overshoot(drift: float) -> float:
    """E S_N^2 / (2 E S_N) at the first N with S_N > 0: Gaussian steps of mean `drift`, densities folded on a grid."""
    h = 0.01
    x = h * (np.arange(2000) - 1999.5)  # places <= 0 of the walk that has not yet risen above 0
    step = np.exp(-0.5 * (h * np.arange(-1000, 1001) - drift) ** 2) * h / math.sqrt(2 * math.pi)
    alive = np.zeros(x.size)
    first = second = 0.0
    for n in range(4000):
        mean = drift if n == 0 else x + drift
        weight = 1.0 if n == 0 else alive
        density = np.exp(-0.5 * np.square(mean)) / math.sqrt(2 * math.pi)
        above = special.ndtr(mean)
        first += float(np.sum(weight * (mean * above + density)))
        second += float(np.sum(weight * ((1 + np.square(mean)) * above + mean * density)))
        if n == 0:
            alive = np.exp(-0.5 * (x - drift) ** 2) * h / math.sqrt(2 * math.pi)
        else:
            alive = np.convolve(alive, step)[1000 : 1000 + x.size]
        if alive.sum() < 1e-12:
            break
    return second / (2 * first)
