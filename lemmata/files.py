"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there: a killed process leaves the old file or the new one.

    The folder is made if it is missing; a link is followed, and what it points to replaced.

    Raises
    ------
    ValueError
        If something is there that is no regular file, such as a folder or a device.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: is no regular file; give the path of a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


__all__ = ["write_whole"]
