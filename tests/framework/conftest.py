"""Fixtures of the framework's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lemmata.engines import Serial
from lemmata.laboratory import Laboratory


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may be."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def lab() -> Iterator[Laboratory]:
    """A laboratory of one thread and seed 4, without a ledger."""
    with Laboratory(4, engine=Serial()) as laboratory:
        yield laboratory
