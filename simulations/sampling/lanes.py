"""Standard normals from many small generators side by side, so that drawing becomes vector instructions.

Each lane is the generator SFC64: the very bits of `numpy.random.SFC64` from the same state. Two words of a lane make
two normals by the Box-Muller transform r (cos t, sin t), r^2 = -2 ln u. The upper 52 bits of the first word are u, an
odd multiple of 2^-53, so that normals reach 8.57. Those of the second are t, within an eighth of a turn of 0; two of
its lower bits spread the points over the circle, the one by mirroring, the other by exchanging the axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from simulations.sampling.interpolation import interpolating
from simulations.sampling.uniforms import next_word

Array = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

LANES = 64

_SWAP, _SIGN, _LOW = (np.uint64(n) for n in (2, 63, 12))
_UNIT = np.uint64(0x3FF0000000000000)  # the bits of 1.0
_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)  # those of sqrt(1/2)
_ROUND = np.int64(0x4338000000000000)  # those of 1.5 * 2^52, whose low bits take an integer
_EXPONENT = np.int64(52)


def _even(function: Callable[[Array], Array], largest: float) -> tuple[float, ...]:
    """Coefficients of an even function, a polynomial in the square of its argument (errors below 1e-15)."""
    return interpolating(lambda square: function(np.sqrt(square)), 7, 0.0, largest**2)


_COSINE = _even(np.cos, math.pi / 4)
_SINE = _even(lambda t: np.sin(t) / t, math.pi / 4)
_ARTANH = _even(lambda s: np.arctanh(s) / s, 3 - math.sqrt(8))


class NormalLanes:
    """A stream of standard normals; the same whatever calls it is cut into.

    Parameters
    ----------
    rng : numpy.random.Generator
        Gives the lanes their states, 192 random bits each.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.state = np.ones((4, LANES), dtype=np.uint64)  # the last row counts
        self.state[:3] = rng.integers(2**64, size=(3, LANES), dtype=np.uint64)
        self.stock = np.empty(2 * LANES)
        self.used = len(self.stock)

    def fill(self, out: Array) -> None:
        """Fill `out` (length,) with the next numbers."""
        with np.errstate(over="ignore"):  # words wrap around, of which plain Python would warn
            self.used = _fill(self.state, self.stock, self.used, out)


@kernel
def _fill(state: Words, stock: Array, used: int, out: Array) -> int:
    done = 0
    while done < len(out):
        if used == len(stock):
            normal_pairs(state, stock)
            used = 0
        count = min(len(stock) - used, len(out) - done)
        for i in range(count):
            out[done + i] = stock[used + i]
        done += count
        used += count
    return used


@kernel(fastmath={"contract"})
def normal_pairs(state: Words, out: Array) -> None:
    """Two normals of each lane: the first ones in out[:LANES], the second ones in out[LANES:]."""
    a, b, c, counter = state[0], state[1], state[2], state[3]
    for i in range(LANES):
        u, p, q, r, n = next_word(a[i], b[i], c[i], counter[i])
        v, a[i], b[i], c[i], counter[i] = next_word(p, q, r, n)
        radius = math.sqrt(-2.0 * _log(_from_one_to_two(u) - (1.0 - 2.0**-53)))
        t = (_from_one_to_two(v) - 1.5) * (0.5 * math.pi)
        square = t * t
        cosine = _COSINE[0]
        for coefficient in _COSINE[1:]:
            cosine = cosine * square + coefficient
        sine = _SINE[0]
        for coefficient in _SINE[1:]:
            sine = sine * square + coefficient
        x = np.float64(radius * cosine).view(np.uint64) ^ (v << _SIGN)
        x = np.uint64(x).view(np.float64)
        y = radius * (t * sine)
        swap = v & _SWAP == _SWAP
        out[i] = y if swap else x
        out[LANES + i] = x if swap else y


@kernel
def _from_one_to_two(word: np.uint64) -> float:
    """1 + k 2^-52 with k the upper 52 bits."""
    return np.uint64((word >> _LOW) | _UNIT).view(np.float64)


@kernel(fastmath={"contract"})
def _log(u: float) -> float:
    """ln u for normal u > 0: exponent ln 2 + ln m, m from sqrt(1/2) to sqrt(2), ln m = 2 artanh((m - 1)/(m + 1))."""
    bits = np.float64(u).view(np.int64)
    exponent = (bits - _ROOT_HALF) >> _EXPONENT
    m = np.int64(bits - (exponent << _EXPONENT)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    p = _ARTANH[0]
    for coefficient in _ARTANH[1:]:
        p = p * square + coefficient
    whole = np.int64(exponent + _ROUND).view(np.float64) - 1.5 * 2.0**52
    return whole * math.log(2.0) + 2.0 * s * p


__all__ = ["LANES", "NormalLanes", "normal_pairs"]
