"""Rows that a reader can check, and programs that write them: shared by the tests of the ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lemmata.codedigest import ROOT
from lemmata.ledger import ChunkRow, Ledger
from lemmata.threads import ONE_THREAD

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs fork, signals or POSIX permissions")


def arrays_of(index: int) -> dict[str, np.ndarray]:
    """Arrays that a reader can check knowing the index alone."""
    rng = np.random.default_rng(index)
    return {"error.mean": rng.random(7), "error.count": np.array([index])}


def chunk_row(index: int, **changes: Any) -> ChunkRow:
    fields: dict[str, Any] = {
        "key": f"{index:064x}",
        "sampler": "paper.sampler",
        "model_json": '{"tokens":128}',
        "chunk": index,
        "trials": 100,
        "arrays": arrays_of(index),
        "platform": "a platform",
    }
    return ChunkRow(**(fields | changes))


def assert_holds(ledger: Ledger, indices: range) -> None:
    found = ledger.get([f"{index:064x}" for index in indices])
    assert len(found) == len(indices)
    for index, arrays in zip(indices, found.values(), strict=True):
        assert_same(arrays, arrays_of(index))


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert one[name].shape == other[name].shape
        assert one[name].tobytes() == other[name].tobytes()


WRITER = """
import sys
sys.path.insert(0, {root!r})
from lemmata.ledger import Ledger, LedgerError
from tests.framework.ledgers import chunk_row
"""


def python(program: str, *arguments: str) -> subprocess.Popen[str]:
    text = WRITER.format(root=str(ROOT)) + program
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", text, *arguments],
        cwd=ROOT, env=os.environ | ONE_THREAD, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
