"""The parts of `tests.reliability`, small and each in a process of its own; `make reliability` runs them in full.

What a killed worker or scheduler does is tested in `test_engine_dask.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lemmata.codedigest import ROOT
from lemmata.threads import ONE_THREAD
from tests.framework.ledgers import posix_only
from tests.reliability.tables import Table

pytestmark = posix_only


@pytest.mark.parametrize(
    "part",
    [
        "bits",
        "kills",
        "writes",
        "damage",
        "machine",
        "load",
        "fuzz",
        "safety",
        pytest.param("cluster", marks=pytest.mark.long),
    ],
)
def test_a_part_finds_no_problem(part: str) -> None:
    """Its tables hold no problem: nothing lost, nothing twice, no other bits, no traceback, no torn file."""
    command = [sys.executable, "-W", "error", "-m", "tests.reliability", "--here", part, "--small"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PROBLEM" not in done.stdout


def test_a_problem_is_printed_and_counts() -> None:
    """The instrument itself: what is not as expected ends up in the table's text and in its problems."""
    table = Table("Title", ["fault", "times"])
    table.add("a kill", 3)
    assert table.expect(True, "fine")
    assert not table.expect(False, "a chunk is lost")
    assert table.problems == ["a chunk is lost"]
    assert table.text().splitlines() == [
        "",
        "Title",
        "",
        "fault   times",
        "------  -----",
        "a kill  3",
        "PROBLEM: a chunk is lost",
    ]


def test_an_unknown_part_is_refused() -> None:
    command = [sys.executable, "-m", "tests.reliability", "kill"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such part: kill" in done.stderr
