"""`lemmata sweep`: run a sweep file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemmata.cli.output import console, several_platforms, short
from lemmata.cli.session import State, laboratory_options, load_catalogue, open_laboratory


@click.command("sweep")
@click.argument("spec", type=click.Path(path_type=Path), metavar="SPEC.toml")
@click.option("--out", type=click.Path(path_type=Path), help="CSV file (default build/sweeps/SPEC.csv).")
@laboratory_options
@click.pass_obj
def command(state: State, spec: Path, out: Path | None, **options: Any) -> None:
    """Run a sweep file into a tidy CSV table; what the ledger holds is not run again."""
    from lemmata.files import write_whole
    from lemmata.ledger import BUILD
    from lemmata.sweeps import read_spec, run_spec, with_seed

    asked = with_seed(read_spec(spec), options.pop("seed"))
    target = out if out is not None else BUILD / "sweeps" / f"{spec.stem}.csv"
    if target.is_dir():
        raise ValueError(f"--out {target}: this is a folder; give the path of a file")
    with open_laboratory(state, seed=asked.seed, **options) as lab:
        table = run_spec(asked, load_catalogue(), lab)
        chunks = f"{lab.computed} chunks computed, {lab.reused} from the ledger"
        mixed = several_platforms(lab.platforms)
    write_whole(target, table.to_csv(index=False).encode())
    console().print(f"{short(target)}  {len(table)} rows  {chunks}", markup=False, soft_wrap=True)
    if mixed:
        console().print(mixed, markup=False, soft_wrap=True)
