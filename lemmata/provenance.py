"""Where a file comes from: versions, commit, platform."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lemmata.codedigest import ROOT
from lemmata.files import write_whole

_PACKAGES = ("lemmata", "numpy", "scipy", "numba", "pandas", "matplotlib")


@functools.cache
def versions() -> dict[str, str]:
    """Python's version and those of the packages that decide numbers and pictures."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def commit() -> dict[str, str | bool] | None:
    """The checkout's commit and whether files differ from it; None without git or a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        return {"hash": head, "modified": bool(_git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return None


def add_platforms(record: Path, platforms: Iterable[str]) -> None:
    """Add to a file's provenance where the chunks that it shows were computed, which may be elsewhere and long ago."""
    data = json.loads(record.read_text(encoding="utf-8")) | {"platforms": sorted(platforms)}
    write_whole(record, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


__all__ = ["add_platforms", "commit", "versions"]
