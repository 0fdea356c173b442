"""Hypothesis profiles of the tests.

`default`: the same examples in every run (no deadline, since the first call of a kernel compiles; no database).
Neither profile fails a test for slow data: that would judge the machine's load, not the software.
`long`: free seeds and twenty times the examples. It is chosen when pytest runs without the default marker
expression (`pytest -m ""`, as `make test-full` does) or with `LEMMATA_HYPOTHESIS=long` in the environment;
`--hypothesis-profile` overrides both.

A costly test asks for a share of the profile's examples, not for a number: `@settings(max_examples=share(4))` with
`share` from `tests.profiles`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from lemmata.threads import pin_threads
from tests.browser import browser, open_file

__all__ = ["browser", "open_file"]

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", derandomize=True, database=None, max_examples=100, **_COMMON)
settings.register_profile(
    "long", derandomize=False, database=None, max_examples=2000, print_blob=True, **_COMMON
)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hypothesis-profile", None):
        return
    chosen = os.environ.get("LEMMATA_HYPOTHESIS") or ("default" if config.getoption("-m") else "long")
    settings.load_profile(chosen)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small matrices on two BLAS threads of a busy machine take many times longer than on one."""
    with pin_threads():
        yield
