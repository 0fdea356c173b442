"""`lemmata bench`: run the benchmarks."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from lemmata.cli.output import print_facts, print_json, print_table
from lemmata.cli.session import load_catalogue
from lemmata.names import UnknownNameError

if TYPE_CHECKING:
    from lemmata.benchmarking import Benchmark, Timing

_OWN = "framework"


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[PAPERS]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Time kernels beside what one would otherwise write: both in turns, on one thread; ratios of medians.

    PAPERS are papers or 'framework'; all of them when none is named.
    """
    catalogue = load_catalogue()
    valid = [_OWN, *catalogue.papers]
    for name in names:
        if name not in valid:
            raise UnknownNameError("benchmark", name, valid)
    from lemmata.benchmarking import measure
    from lemmata.platforms import platform_text

    benchmarks: list[Benchmark] = []
    for name in names or valid:
        module = (
            importlib.import_module("benchmarks.framework")
            if name == _OWN
            else catalogue.papers[name].floor("benchmarks")
        )
        benchmarks += getattr(module, "BENCHMARKS", ())
    timings: list[Timing] = []
    for benchmark in benchmarks:
        if sys.stderr.isatty():
            print(f"\r\x1b[2K{benchmark.id} ...", end="", file=sys.stderr, flush=True)
        timings.append(measure(benchmark))
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
    if as_json:
        print_json({"platform": platform_text(), "timings": [timing.to_data() for timing in timings]})
        return
    print_facts({"platform": platform_text()})
    columns = ("benchmark", "what", "ours [µs]", "reference [µs]", "ratio", "range", "target", "met")
    rows = [
        (
            timing.id,
            timing.title,
            f"{1e6 * timing.ours:.4g}",
            f"{1e6 * timing.reference:.4g}",
            f"{timing.ratio:.4g}",
            f"{timing.lowest_ratio:.3g} to {timing.highest_ratio:.3g}",
            timing.target,
            "yes" if timing.is_met else "NO",
        )
        for timing in timings
    ]
    print_table(columns, rows, text=("benchmark", "what", "target", "met"))
