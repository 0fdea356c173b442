"""`lemmata sweep`: run a sweep file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemmata.cli.output import console, print_facts, several_platforms, short
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory

if TYPE_CHECKING:
    import pandas as pd

    from lemmata.laboratory import Run
    from lemmata.sweeps import Sweeping

SUFFIXES = (".csv", ".parquet")


@click.command("sweep")
@click.argument("spec", type=click.Path(path_type=Path), metavar="SPEC.toml")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Table, FILE.csv or FILE.parquet (default build/sweeps/SPEC.csv).",
)
@click.option("--dry-run", is_flag=True, help="Say what the sweep would cost, and keep nothing.")
@click.option(
    "--extend", type=int, metavar="TRIALS", help="More trials than the file says; finished chunks are kept."
)
@laboratory_options
@click.pass_obj
def command(
    state: State, spec: Path, out: Path | None, dry_run: bool, extend: int | None, **options: Any
) -> None:
    """Run a sweep file into a tidy table, CSV or Parquet; what the ledger holds is not run again.

    Run the same command again to go on after an interruption.
    """
    from lemmata.forecasts import FEW, count_chunks, forecast, run_pilot
    from lemmata.ledger import BUILD
    from lemmata.sweeps import extended, imprecise, look_up, read_spec, run_sweep, with_seed

    asked = extended(with_seed(read_spec(spec), options.pop("seed")), extend)
    target = out if out is not None else BUILD / "sweeps" / f"{spec.stem}.csv"
    _check_target(target, options["ledger"])
    sweeping = look_up(asked, load_catalogue())
    if dry_run:
        _say_cost(state, sweeping, options)
        return
    with open_laboratory(state, seed=asked.seed, **options) as lab:
        runs = sweeping.runs(lab)
        lab.label = sweeping.result.identifier
        count = count_chunks(sweeping, runs, lab.ledger)
        pilot = run_pilot(lab, runs, count) if sum(count.least_missing) > FEW else None
        with state.bar.aside():
            _print_cost(sweeping, forecast(count, pilot, runs, lab.engine.workers))
        piloted, lab.computed, lab.reused = (
            lab.computed,
            0,
            0,
        )  # the sweep reads the pilot's chunks from the ledger
        table = run_sweep(sweeping, lab, runs)
        chunks = f"{lab.computed + piloted} chunks computed, {lab.reused - piloted} from the ledger"
        remarks = [_imprecise(sweeping, imprecise(sweeping, runs)), several_platforms(lab.platforms)]
    _write(target, table)
    for line in filter(None, (f"{short(target)}  {len(table)} rows  {chunks}", *remarks)):
        console().print(line, markup=False, soft_wrap=True)


def _check_target(target: Path, ledger: Path | None) -> None:
    """Refuse before an hour's work what could not be written after it."""
    if ledger is not None and target.resolve() == ledger.resolve():
        raise ValueError(f"--out {target}: this is the ledger")
    if target.is_dir():
        raise ValueError(f"--out {target}: this is a folder; give the path of a file")
    if target.suffix not in SUFFIXES:
        raise ValueError(f"--out {target}: must end in .csv or .parquet")
    if target.suffix == ".parquet":
        try:
            import pyarrow  # type: ignore  # noqa: F401
        except ImportError:
            raise ValueError(
                f"--out {target}: needs pyarrow; install the extra `parquet` (pip install -e '.[parquet]')"
            ) from None


def _say_cost(state: State, sweeping: Sweeping, options: dict[str, Any]) -> None:
    """Count against the ledger, if there is one, and time a pilot whose chunks are not kept."""
    from lemmata.engines import Serial, usable_cores
    from lemmata.forecasts import count_chunks, forecast, run_pilot
    from lemmata.laboratory import Laboratory
    from lemmata.ledger import DEFAULT_PATH, Ledger

    path = options["ledger"] if options["ledger"] is not None else DEFAULT_PATH
    with state.bar as bar, Laboratory(sweeping.spec.seed or 0, engine=Serial(), progress=bar) as lab:
        runs = sweeping.runs(lab)
        if path.exists():
            with Ledger(path) as ledger:
                count = count_chunks(sweeping, runs, ledger)
        else:
            count = count_chunks(sweeping, runs, None)
        pilot = run_pilot(lab, runs, count)
    is_single = (
        options["engine"] == "serial" or options["cluster"] is not None
    )  # a cluster's size is not known here
    workers = options["workers"] or (1 if is_single else usable_cores())
    _print_cost(sweeping, forecast(count, pilot, runs, workers))
    console().print("dry run: nothing was kept")


def _print_cost(sweeping: Sweeping, facts: dict[str, str]) -> None:
    points = [f"{len(sweeping.plan.models):,} models"]
    points += [f"{len(values):,} values of {name}" for name, values in sweeping.plan.axes.items()]
    print_facts(
        {"points": " x ".join(points)} | facts, title=f"{sweeping.result.identifier}: {sweeping.result.title}"
    )


def _imprecise(sweeping: Sweeping, runs: list[Run]) -> str:
    """A line for models that have not reached the precision; empty if all have."""
    if not runs:
        return ""
    spec = sweeping.spec
    return (
        f"{len(runs)} of {len(sweeping.plan.models)} models have a standard error above {spec.precision:g} after "
        f"{spec.most_trials:,} trials; --extend TRIALS goes on"
    )


def _write(target: Path, table: pd.DataFrame) -> None:
    from io import BytesIO

    from lemmata.files import write_whole

    if target.suffix == ".csv":
        write_whole(target, table.to_csv(index=False).encode())
        return
    content = BytesIO()
    table.to_parquet(content, index=False)
    write_whole(target, content.getvalue())
