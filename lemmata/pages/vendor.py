"""What pages are made of that others wrote: npm packages, fetched once at build by `npm ci` and checked by its lock."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from lemmata.codedigest import ROOT
from lemmata.ledger import BUILD

MANIFESTS = (ROOT / "package.json", ROOT / "package-lock.json")
"""Names, versions and digests of the packages."""
MOST_SECONDS = 300


class VendorError(ValueError):
    """The packages are not here and cannot be fetched."""


def packages(folder: Path = BUILD / "vendor") -> Path:
    """The folder `node_modules` with the packages of the lock, fetched if it is not there yet.

    Parameters
    ----------
    folder : Path
        Where fetched packages are kept, under a name that is the lock's digest.

    Raises
    ------
    VendorError
        If npm is missing or fails.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in MANIFESTS)).hexdigest()
    home = folder / digest[:16]
    if not home.is_dir():
        _fetch(home)
    return home / "node_modules"


def _fetch(home: Path) -> None:
    """Fetch beside the place and move there, so that the folder is either whole or absent."""
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError(
            "npm is missing: interactive pages need it once, to fetch uPlot; install Node.js with npm"
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=home.parent) as name:
        place = Path(name) / "packages"
        place.mkdir()
        for path in MANIFESTS:
            shutil.copy(path, place)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            raise VendorError(f"npm ci: did not finish in {MOST_SECONDS} s") from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [done.stderr]
            raise VendorError(f"npm ci: {lines[0].strip()}")
        try:
            place.rename(home)
        except OSError:
            if not home.is_dir():  # another process was faster
                raise


def file(name: str) -> str:
    """The text of a file of a package, such as 'uplot/dist/uPlot.min.css'."""
    return (packages() / name).read_text(encoding="utf-8")


__all__ = ["VendorError", "file", "packages"]
