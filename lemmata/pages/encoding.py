"""Tables as short text: rounded to twenty bits of mantissa, differenced, ordered by bytes, deflated, in base 64.

A page decodes them with what every browser has. The relative error is at most 2^-21 = 4.8e-7.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Sequence

import numpy as np

from lemmata.classroom.quantities import Array
from lemmata.domains import DomainError

DROPPED_BITS = 3
"""Of the 23 bits that a float of four bytes has."""
TINY, HUGE = 2.0**-126, 2.0**127
"""Between them (and at zero) a float of four bytes has all its bits."""


def encode(tables: Sequence[Array]) -> str:
    """All tables in one text, flat and one after the other; NaN is kept.

    Raises
    ------
    DomainError
        If a value is too large for a float of four bytes. Values below 1e-38 become 0.
    """
    flat = np.concatenate([np.ravel(table) for table in tables]) if tables else np.empty(0)
    sizes = np.abs(flat[~np.isnan(flat)])
    if sizes.size and sizes.max() > HUGE:
        raise DomainError("table", float(sizes.max()), f"<= {HUGE:.1e} in size; show its logarithm instead")
    flat = np.where(np.abs(flat) < TINY, 0.0, flat)
    bits = np.ascontiguousarray(flat, dtype="<f4").view("<u4")
    is_number = ~np.isnan(flat)
    half = np.uint32(1 << (DROPPED_BITS - 1))
    bits = np.where(
        is_number, (bits + half) >> np.uint32(DROPPED_BITS), np.uint32(0x7FC00000 >> DROPPED_BITS)
    )
    steps = np.diff(bits.astype(np.uint32), prepend=np.uint32(0))
    planes = steps.astype("<u4").view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(np.ascontiguousarray(planes).tobytes(), 9)).decode()


def decode(text: str, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """What a page makes of the text."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(4, -1)
    steps = np.ascontiguousarray(planes.T).view("<u4").ravel()
    bits = np.cumsum(steps, dtype=np.uint32) << np.uint32(DROPPED_BITS)
    flat = bits.astype("<u4").view("<f4").astype(float)
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


__all__ = ["decode", "encode"]
