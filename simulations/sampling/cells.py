"""Counts of some draws by cells, inside kernels: 16 bits of each draw settle nearly all of them.

A draw is a uniform number on [0, mass), counted in the cell that it lies in. For some hundred draws it is sooner to
hold each to every edge than to draw a binomial count for every cell: the leading bits of four draws are one word of the
generator, and vector instructions hold 32 of them to an edge at once. Where they equal the edge's own (one in 65,536),
the 53 bits that follow are drawn.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel
from simulations.sampling.uniforms import Words, draw_uniform, draw_word

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
LeadingBits = npt.NDArray[np.uint16]

_LARGEST = 65535  # of 16 bits
_AT_ONCE = 32


@kernel
def room_for(draws: int) -> Words:
    """Words for the leading bits of so many draws, and zeros up to a multiple of what is compared at once."""
    return np.zeros((draws + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE // 4, np.uint64)


@kernel
def count_cells(
    state: Words, draws: int, ends: Array, words: Words, leading: LeadingBits, counts: Counts
) -> None:
    """Fill `counts` (cells,) with the numbers of draws in cells that end at `ends` (cells,), the last at the mass.

    At most 65,535 draws. `words` is room for them, and `leading` is `words.view(np.uint16)`: a view costs more than an
    argument.
    """
    used = (draws + 3) // 4
    for i in range(used):
        words[i] = draw_word(state)
    for i in range(draws, 4 * used):
        leading[i] = 0
    counts[:] = 0
    last, left, bin_before = ends.size - 1, draws, -1
    scale = (_LARGEST + 1) / ends[last]
    for k in range(last):
        edge = np.uint16(min(int(scale * ends[k]), _LARGEST))
        beyond, at = np.uint16(0), np.uint16(0)  # sums as narrow as the bits stay one vector instruction
        for i in range(leading.size):
            beyond = np.uint16(beyond + np.uint16(leading[i] > edge))
            at = np.uint16(at + np.uint16(leading[i] == edge))
        counts[k] += left - beyond
        left = np.int64(beyond)
        # draws with an edge's bits lie before it so far, and before all other edges of the same bits
        for i in range(draws if at > 0 and edge > bin_before else 0):
            if leading[i] == edge:
                rest, cell = draw_uniform(state), k
                while cell < last and rest >= scale * ends[cell] - edge:
                    cell += 1
                counts[k] -= 1
                counts[cell] += 1
        bin_before = np.int64(edge)
    counts[last] += left
