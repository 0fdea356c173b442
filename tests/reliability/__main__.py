"""Run the parts, each in a process of its own, and print their tables; exit code 1 if anything went wrong."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from lemmata.codedigest import ROOT
from lemmata.engines import usable_cores
from lemmata.threads import ONE_THREAD

PARTS = ("load", "bits", "kills", "writes", "damage", "cluster", "machine", "fuzz", "safety")
"""The longest first: two are run at a time."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--small", action="store_true", help="what the default tests run")
    parser.add_argument("--here", action="store_true", help="run a single part in this process")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    size = "small" if asked.small else "full"
    if asked.here:
        return max(run_here(part, size) for part in asked.parts)
    start = time.perf_counter()
    with ThreadPoolExecutor(min(2, usable_cores())) as pool:
        codes = list(pool.map(lambda part: run_apart(part, asked.small), asked.parts or PARTS))
    print(f"{codes.count(0)} of {len(codes)} parts without a problem, {time.perf_counter() - start:.0f} s")
    return max(codes)


def run_here(part: str, size: str) -> int:
    """Run one part and print its tables."""
    start = time.perf_counter()
    problems = 0
    for table in importlib.import_module(f"tests.reliability.{part}").run(size):
        print(table.text(), flush=True)
        problems += len(table.problems)
    print(f"({part}: {time.perf_counter() - start:.0f} s)\n", flush=True)
    return int(problems > 0)


def run_apart(part: str, is_small: bool) -> int:
    """The same in a new process, with BLAS on one thread from the start; its tables are printed when it has ended."""
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.reliability",
        "--here",
        part,
        *(["--small"] * is_small),
    ]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True)
    print(done.stdout + done.stderr, flush=True)
    return int(done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
