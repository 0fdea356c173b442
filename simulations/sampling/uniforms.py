"""Words of 64 random bits and uniform numbers inside kernels, written out: NumPy's SFC64.

A number asked of a Generator inside a kernel is a call; the few operations of SFC64 are inlined among their neighbours.
The Generator that a sampler is given seeds it, so that all that is drawn follows from that one.

References
----------
C. Doty-Humphrey (2010), PractRand: the generator sfc64; NumPy's `numpy.random.SFC64`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel

Words = npt.NDArray[np.uint64]

_1, _3, _11, _24, _40 = (np.uint64(number) for number in (1, 3, 11, 24, 40))  # of one type with the words
_STEP = 2.0**-53


def seeded_state(rng: np.random.Generator) -> Words:
    """State (4,) of an SFC64 seeded by four words of a Generator: three words and a counter."""
    seed = rng.integers(0, 2**64, size=4, dtype=np.uint64)
    numpys = np.random.SFC64(seed.tolist())
    state: Words = numpys.state["state"]["state"]
    return state


@kernel
def next_word(
    a: np.uint64, b: np.uint64, c: np.uint64, counter: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """The word that follows on a state, and the four of the next state."""
    word = a + b + counter
    return word, b ^ (b >> _11), c + (c << _3), ((c << _24) | (c >> _40)) + word, counter + _1


@kernel
def draw_word(state: Words) -> np.uint64:
    """The next word of the generator, as `numpy.random.SFC64.random_raw`; its state moves on."""
    word, state[0], state[1], state[2], state[3] = next_word(state[0], state[1], state[2], state[3])
    return word


@kernel
def draw_uniform(state: Words) -> float:
    """A number in [0, 1), as `numpy.random.Generator.random`: the leading 53 bits of a word."""
    return _STEP * (draw_word(state) >> _11)
