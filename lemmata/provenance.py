"""Where a file comes from: versions, commit, platform."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


__all__ = ["commit", "versions"]
