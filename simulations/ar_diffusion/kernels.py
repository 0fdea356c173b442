"""Kernels: all steps of a stage for one block of particles, coordinate by coordinate in rows, particles in columns.

A step is Y <- e^h Y + pull (s(Y) + bias) + spread Z with the exact score of a noised mixture. Components are weighed by
their densities, powers of two: log-weights are binary logarithms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from simulations.sampling.exponential import LOG2E, exp2_of_nonpositive

Array = npt.NDArray[np.floating[Any]]

GROW, PULL, SPREAD, DECAY, VARIANCE = range(5)
"""Columns of a table of steps: e^h, pull, spread (exponential integrator: 2(e^h - 1) and sqrt(e^2h - 1)), e^-tau, and
s_tau^2 where components are isotropic."""

EMPTY = -1e300
"""Log-weight of a component that is not there; also below any largest log-weight."""
GROUP = 4
"""Components that `line_steps` and `plane_steps` take at a time; absent ones fill the last group."""
FAINT = 1e-270
"""Smallest sum of weights beside which the lowest weight that `exp2_of_nonpositive` knows is nothing."""


@kernel(fastmath={"contract"})
def isotropic_steps(
    y: Array, base: Array, centres: Array, steps: Array, noise: Array, scratch: Array
) -> None:
    """All steps with components N(m_c, s^2 I) of one width.

    Log-weights are linear in y: base_c + (e^-tau m_c . y - e^-2tau |m_c|^2/2)/(s_tau^2 ln 2); the largest is taken off.

    Parameters
    ----------
    y : array (r, B)
        Particles; changed in place.
    base : array (C, B)
        Fixed log-weights of the components, particle by particle.
    centres : array (C, r)
        m_c.
    steps : array (N, 5)
    noise : array (r, N, B)
    scratch : array (C + 2 + r, B)
        Room for log-weights, their largest, the sum of weights, and the weighted centre.
    """
    count, r = centres.shape
    block = y.shape[1]
    logs, top, total, centre = scratch[:count], scratch[count], scratch[count + 1], scratch[count + 2 :]
    for n in range(len(steps)):
        decay, precision = steps[n, DECAY], 1.0 / steps[n, VARIANCE]
        slope = LOG2E * decay * precision
        for i in range(block):
            top[i] = EMPTY
            total[i] = 0.0
        for c in range(count):
            square = 0.0
            for j in range(r):
                square += centres[c, j] * centres[c, j]
            shift = -0.5 * slope * decay * square
            for i in range(block):
                logs[c, i] = base[c, i] + shift
            for j in range(r):
                a = slope * centres[c, j]
                for i in range(block):
                    logs[c, i] += a * y[j, i]
            for i in range(block):
                top[i] = max(top[i], logs[c, i])
        for j in range(r):
            for i in range(block):
                centre[j, i] = 0.0
        for c in range(count):
            for i in range(block):
                weight = exp2_of_nonpositive(logs[c, i] - top[i])
                logs[c, i] = weight
                total[i] += weight
            for j in range(r):
                m = centres[c, j]
                for i in range(block):
                    centre[j, i] += logs[c, i] * m
        grow = steps[n, GROW] - steps[n, PULL] * precision
        pull, spread = steps[n, PULL] * precision * decay, steps[n, SPREAD]
        for i in range(block):
            total[i] = pull / total[i]
        for j in range(r):
            for i in range(block):
                y[j, i] = grow * y[j, i] + total[i] * centre[j, i] + spread * noise[j, n, i]


@kernel(fastmath={"contract"})
def line_steps(y: Array, base: Array, centres: Array, steps: Array, noise: Array, scratch: Array) -> None:
    """`isotropic_steps` in one dimension, C a multiple of `GROUP`, the largest of each particle's `base` 0.

    Log-weights are base_c - (w - a_c)^2 with w = y/(s_tau sqrt(2 ln 2)) and a_c that of e^-tau m_c: at most 0, so that
    none has to be taken off. A step that finds a particle too far from all components (some 35 s_tau) is taken by
    `isotropic_steps`. A group's sums stay in registers.

    Parameters
    ----------
    y, base, centres, steps, noise, scratch
        As for `isotropic_steps`, r = 1.
    """
    count, block = base.shape
    x, total, centre = y[0], scratch[0], scratch[1]
    for n in range(len(steps)):
        precision, decay = 1.0 / steps[n, VARIANCE], steps[n, DECAY]
        scale = math.sqrt(0.5 * LOG2E * precision)
        at = scale * decay
        for i in range(block):
            total[i] = 0.0
            centre[i] = 0.0
        for c in range(0, count, 4):
            p, q, r, s = base[c], base[c + 1], base[c + 2], base[c + 3]
            mp, mq, mr, ms = centres[c, 0], centres[c + 1, 0], centres[c + 2, 0], centres[c + 3, 0]
            ap, aq, ar, as_ = at * mp, at * mq, at * mr, at * ms
            for i in range(block):
                w = scale * x[i]
                wp = exp2_of_nonpositive(p[i] - (w - ap) * (w - ap))
                wq = exp2_of_nonpositive(q[i] - (w - aq) * (w - aq))
                wr = exp2_of_nonpositive(r[i] - (w - ar) * (w - ar))
                ws = exp2_of_nonpositive(s[i] - (w - as_) * (w - as_))
                total[i] += (wp + wq) + (wr + ws)
                centre[i] = centre[i] + wp * mp + wq * mq + wr * mr + ws * ms
        if _any_faint(total):
            isotropic_steps(y, base, centres, steps[n : n + 1], noise[:, n : n + 1], scratch)
            continue
        grow = steps[n, GROW] - steps[n, PULL] * precision
        pull, spread = steps[n, PULL] * precision * decay, steps[n, SPREAD]
        for i in range(block):
            x[i] = grow * x[i] + pull * centre[i] / total[i] + spread * noise[0, n, i]


@kernel(fastmath={"contract"})
def plane_steps(y: Array, base: Array, centres: Array, steps: Array, noise: Array, scratch: Array) -> None:
    """`line_steps` in two dimensions.

    Parameters
    ----------
    y, base, centres, steps, noise, scratch
        As for `isotropic_steps`, r = 2.
    """
    count, block = base.shape
    x, y1, total, centre, height = y[0], y[1], scratch[0], scratch[1], scratch[2]
    for n in range(len(steps)):
        precision, decay = 1.0 / steps[n, VARIANCE], steps[n, DECAY]
        scale = math.sqrt(0.5 * LOG2E * precision)
        at = scale * decay
        for i in range(block):
            total[i] = 0.0
            centre[i] = 0.0
            height[i] = 0.0
        for c in range(0, count, 4):
            p, q, r, s = base[c], base[c + 1], base[c + 2], base[c + 3]
            mp, mq, mr, ms = centres[c, 0], centres[c + 1, 0], centres[c + 2, 0], centres[c + 3, 0]
            hp, hq, hr, hs = centres[c, 1], centres[c + 1, 1], centres[c + 2, 1], centres[c + 3, 1]
            ap, aq, ar, as_ = at * mp, at * mq, at * mr, at * ms
            bp, bq, br, bs = at * hp, at * hq, at * hr, at * hs
            for i in range(block):
                w, v = scale * x[i], scale * y1[i]
                wp = exp2_of_nonpositive(p[i] - (w - ap) * (w - ap) - (v - bp) * (v - bp))
                wq = exp2_of_nonpositive(q[i] - (w - aq) * (w - aq) - (v - bq) * (v - bq))
                wr = exp2_of_nonpositive(r[i] - (w - ar) * (w - ar) - (v - br) * (v - br))
                ws = exp2_of_nonpositive(s[i] - (w - as_) * (w - as_) - (v - bs) * (v - bs))
                total[i] += (wp + wq) + (wr + ws)
                centre[i] = centre[i] + wp * mp + wq * mq + wr * mr + ws * ms
                height[i] = height[i] + wp * hp + wq * hq + wr * hr + ws * hs
        if _any_faint(total):
            isotropic_steps(y, base, centres, steps[n : n + 1], noise[:, n : n + 1], scratch)
            continue
        grow = steps[n, GROW] - steps[n, PULL] * precision
        pull, spread = steps[n, PULL] * precision * decay, steps[n, SPREAD]
        for i in range(block):
            share = pull / total[i]
            x[i] = grow * x[i] + share * centre[i] + spread * noise[0, n, i]
            y1[i] = grow * y1[i] + share * height[i] + spread * noise[1, n, i]


@kernel
def _any_faint(total: Array) -> bool:
    count = 0
    for i in range(len(total)):
        count += total[i] < FAINT
    return count > 0


@kernel(fastmath={"contract"})
def general_steps(
    y: Array,
    base: Array,
    means: Array,
    precisions: Array,
    steps: Array,
    push: Array,
    noise: Array,
    scratch: Array,
) -> None:
    """All steps with components of any covariance.

    With u_c = (C_c)_tau^-1 (e^-tau m_c - y) the score is the weighted mean of u_c and the log-weights are
    base_c + level_c - u_c . (e^-tau m_c - y)/(2 ln 2); the largest is taken off.

    Parameters
    ----------
    y : array (d, B)
        Particles; changed in place.
    base : array (C, B)
        Fixed log-weights of the components, particle by particle.
    means : array (C, d, B)
        Means of the components, particle by particle.
    precisions : array (N, C, d, d + 1)
        (C_c)_tau^-1, and in the last column's first row the level -log2|(C_c)_tau|/2.
    steps : array (N, 5)
    push : array (N, d)
        pull times the bias of the score.
    noise : array (d, N, B)
    scratch : array (C (d + 1) + 2 + 2 d, B)
    """
    count, d = means.shape[0], means.shape[1]
    block = y.shape[1]
    logs, top, total = scratch[:count], scratch[count], scratch[count + 1]
    score, away = scratch[count + 2 : count + 2 + d], scratch[count + 2 + d : count + 2 + 2 * d]
    pulls = scratch[count + 2 + 2 * d :]
    for n in range(len(steps)):
        decay = steps[n, DECAY]
        for i in range(block):
            top[i] = EMPTY
            total[i] = 0.0
        for c in range(count):
            for j in range(d):
                for i in range(block):
                    away[j, i] = decay * means[c, j, i] - y[j, i]
            level = precisions[n, c, 0, d]
            for i in range(block):
                logs[c, i] = base[c, i] + level
            for j in range(d):
                u = pulls[c * d + j]
                for i in range(block):
                    u[i] = 0.0
                for k in range(d):
                    p = precisions[n, c, j, k]
                    for i in range(block):
                        u[i] += p * away[k, i]
                for i in range(block):
                    logs[c, i] -= 0.5 * LOG2E * u[i] * away[j, i]
            for i in range(block):
                top[i] = max(top[i], logs[c, i])
        for j in range(d):
            for i in range(block):
                score[j, i] = 0.0
        for c in range(count):
            for i in range(block):
                weight = exp2_of_nonpositive(logs[c, i] - top[i])
                logs[c, i] = weight
                total[i] += weight
            for j in range(d):
                u = pulls[c * d + j]
                for i in range(block):
                    score[j, i] += logs[c, i] * u[i]
        for j in range(d):
            for i in range(block):
                drift = steps[n, PULL] * score[j, i] / total[i] + push[n, j]
                y[j, i] = steps[n, GROW] * y[j, i] + drift + steps[n, SPREAD] * noise[j, n, i]
