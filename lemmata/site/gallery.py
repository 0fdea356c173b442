"""Figures for the site: those that were drawn from this commit already, and the others drawn anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemmata.provenance import commit

if TYPE_CHECKING:
    from lemmata.catalogue import Entry
    from lemmata.pictures import Figure


@dataclass(frozen=True)
class Picture:
    """A figure that lies in a folder: its provenance and its files, by name."""

    provenance: Mapping[str, Any]
    folder: Path
    files: tuple[str, ...]

    @property
    def shown(self) -> str | None:
        """The file that is shown: the smallest name among pictures that browsers draw."""
        return next(
            (f for ending in (".png", ".svg") for f in sorted(self.files, key=len) if f.endswith(ending)),
            None,
        )


def drawn(entry: Entry[Figure], folder: Path) -> Picture | None:
    """A figure as an earlier run left it in `folder/<paper>/`, if all of its files are there."""
    place = folder / entry.paper
    record = f"{entry.item.id}.json"
    try:
        provenance = json.loads((place / record).read_text(encoding="utf-8"))
        files = tuple(str(name) for name in provenance["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not all((place / name).is_file() for name in files):
        return None
    picture = Picture(provenance, place, (*files, record))
    return picture if picture.shown else None


def is_current(picture: Picture, quality: str, seed: int) -> bool:
    """Whether a figure was drawn with this quality and seed, from this commit, with no file of it modified."""
    here = commit()
    record = picture.provenance
    return (
        here is not None
        and not here["modified"]
        and record.get("commit") == here
        and (record.get("quality"), record.get("seed")) == (quality, seed)
    )


__all__ = ["Picture", "drawn", "is_current"]
