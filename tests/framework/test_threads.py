"""BLAS and OpenMP held to one thread inside a block, and given back after it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from lemmata.codedigest import ROOT
from lemmata.threads import ONE_THREAD, pin_threads


def threads_now() -> list[int]:
    return [pool.num_threads for pool in ThreadpoolController().lib_controllers]


@pytest.fixture
def two_threads() -> Any:
    """Pools of two threads, also where the environment or the machine gives one."""
    np.linalg.inv(np.eye(2))  # BLAS is loaded
    if not threads_now():
        pytest.skip("this NumPy's BLAS has no threads to set")
    with ThreadpoolController().limit(limits=2):
        if set(threads_now()) != {2}:
            pytest.fail(f"BLAS does not take two threads: {threads_now()}")
        yield


@pytest.mark.usefixtures("two_threads")
def test_blocks_may_be_nested() -> None:
    with pin_threads():
        assert set(threads_now()) == {1}
        with pin_threads():
            assert set(threads_now()) == {1}
        assert set(threads_now()) == {1}
    assert set(threads_now()) == {2}


@pytest.mark.usefixtures("two_threads")
def test_an_error_gives_the_threads_back() -> None:
    with pytest.raises(KeyError), pin_threads():
        raise KeyError
    assert set(threads_now()) == {2}


@pytest.mark.usefixtures("two_threads")
def test_overlapping_threads_keep_the_pools_pinned() -> None:
    """Of two overlapping blocks in two threads the last to end restores, whichever began first."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with pin_threads():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with pin_threads():
        thread.start()
        assert inside.wait(10)
    # OpenMP's limit belongs to the thread: this one's block has ended
    assert {
        pool.num_threads for pool in ThreadpoolController().lib_controllers if pool.user_api == "blas"
    } == {1}
    leave.set()
    thread.join()
    assert set(threads_now()) == {2}


@pytest.mark.usefixtures("two_threads")
def test_many_threads_leave_nothing_behind() -> None:
    seen: list[set[int]] = []

    def work() -> None:
        for _ in range(200):
            with pin_threads():
                seen.append(set(threads_now()) if len(seen) % 50 == 0 else {1})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [{1}] * 800
    assert set(threads_now()) == {2}


def test_a_library_loaded_inside_a_block_is_pinned_by_the_next() -> None:
    """SciPy brings a BLAS of its own; a chunk that is the first to need it must not run on all cores."""
    program = """
import numpy
from threadpoolctl import ThreadpoolController
from lemmata.threads import pin_threads
pools = lambda: {pool.filepath: pool for pool in ThreadpoolController().lib_controllers}
with pin_threads():
    before = pools()
    import scipy.linalg
    for path in pools().keys() - before.keys():
        pools()[path].set_num_threads(3)
    with pin_threads():
        print([pool.num_threads for pool in pools().values()])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=True
    )
    counts = json.loads(done.stdout)
    assert len(counts) >= 1
    assert set(counts) == {1}


def test_worker_environment_names_every_blas() -> None:
    assert set(ONE_THREAD.values()) == {"1"}
    assert {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"} <= set(ONE_THREAD)
