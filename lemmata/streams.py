"""Keyed random streams and fixed chunks: why a number does not depend on who computed it.

The stream of a chunk is derived from what it is (root seed, sampler, model or 'common', index of the chunk), never
from when or where it runs; a chunk's length follows from the sampler's declared work alone.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from lemmata.models import Model
from lemmata.records import Sampler

CHUNK_OPERATIONS = 1e8
LARGEST_CHUNK = 2**20
COMMON = "common"


def words(text: str) -> tuple[int, ...]:
    """Four 32-bit integers that name a text (the first 128 bits of its SHA-256)."""
    digest = hashlib.sha256(text.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))


def stream(seed: int, sampler_id: str, model_key: str, chunk: int) -> np.random.Generator:
    """The generator of one chunk.

    Parameters
    ----------
    seed : int
        Root seed of the laboratory, >= 0.
    sampler_id : str
        `Sampler.identifier`.
    model_key : str
        Digest of the model, or `COMMON` in paired runs.
    chunk : int
        Index of the chunk.
    """
    key = (*words(sampler_id), *words(model_key), chunk)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy=seed, spawn_key=key)))


def chunk_trials(sampler: Sampler, model: Model, *, paired: bool) -> int:
    """Trials in a chunk: the power of two that fits about 1e8 operations; in paired runs a constant.

    Raises
    ------
    ValueError
        If `paired` is asked of a sampler that does not offer it, or its declared work is not a positive number.
    """
    if paired:
        if sampler.paired_trials is None:
            raise ValueError(
                f"paired = True: {sampler.identifier} does not draw in the same order for every model"
            )
        return sampler.paired_trials
    work = float(sampler.work(model))
    if not (math.isfinite(work) and work > 0):
        raise ValueError(
            f"work = {work}: {sampler.identifier} must declare a positive finite work for {model}"
        )
    return 2 ** int(min(max(math.log2(CHUNK_OPERATIONS / work), 0), math.log2(LARGEST_CHUNK)))
