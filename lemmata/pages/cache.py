"""Tables that are kept from one build to the next, as long as the code behind them stays the same."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from lemmata.classroom import Demo
from lemmata.codedigest import ROOT, source_digest
from lemmata.files import write_whole
from lemmata.ledger import BUILD
from lemmata.pages.agreement import Tabulation, tabulation
from lemmata.pages.tables import Table, TableAxis
from lemmata.provenance import versions

FOLDER = BUILD / "pages"
OWN = (
    "classroom/controls.py",
    "classroom/demo.py",
    "classroom/quantities.py",
    "pages/agreement.py",
    "pages/cache.py",
    "pages/interpolation.py",
    "pages/tables.py",
)
"""Modules of the framework that decide what a table holds."""


def kept_tabulation(demo: Demo, most: int, checks: int, module: str, folder: Path = FOLDER) -> Tabulation:
    """As `tabulation`, from a file if there is one.

    Parameters
    ----------
    module : str
        Module or package that holds the demonstration. The file's name is a digest of everything that it imports
        from theory, of the framework's modules in `OWN`, and of the versions of what computes.
    """
    path = folder / f"{demo.id}-{_key(demo, most, checks, module)}.npz"
    if path.is_file():
        return _read(path, demo)
    made = tabulation(demo, most, checks)
    write_whole(path, _bytes(made))
    return made


def _key(demo: Demo, most: int, checks: int, module: str) -> str:
    own = [ROOT / "lemmata" / name for name in OWN]
    parts = [source_digest(module), demo.id, f"{most} {checks}", json.dumps(versions(), sort_keys=True)]
    parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in own]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _bytes(made: Tabulation) -> bytes:
    described: list[dict[str, Any]] = []
    for table in made.tables.values():
        axes = [dataclasses.asdict(axis) for axis in table.axes]
        described.append({"name": table.name, "axes": axes, "degree": table.degree, "is_log": table.is_log})
    record: dict[str, Any] = {
        "tables": described,
        "strides": made.strides,
        "fine": sorted(made.fine),
        "errors": made.errors,
    }
    record["checks"] = made.checks
    arrays = {f"table{i}": table.values for i, table in enumerate(made.tables.values())}
    text = np.frombuffer(json.dumps(record).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, record=text, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _read(path: Path, demo: Demo) -> Tabulation:
    with np.load(path, allow_pickle=False) as held:
        record: dict[str, Any] = json.loads(bytes(held["record"]))
        tables: dict[str, Table] = {}
        for i, described in enumerate(record["tables"]):
            axes = tuple(TableAxis(**axis) for axis in described["axes"])
            values = np.asarray(held[f"table{i}"], dtype=float)
            name: str = described["name"]
            tables[name] = Table(name, axes, values, described["degree"], described["is_log"])
    fine = frozenset(record["fine"])
    return Tabulation(demo, tables, record["strides"], fine, record["errors"], record["checks"])


__all__ = ["FOLDER", "kept_tabulation"]
