"""The newest verdict on a claim in a ledger, which is neither made nor written to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Latest(NamedTuple):
    """A stored verdict: its record, and the key of its evidence."""

    record: Mapping[str, Any]
    key: str


def latest_verdict(path: Path, identifier: str) -> Latest | None:
    """The verdict on a claim that was stored last, at whatever level and seed.

    Raises
    ------
    LedgerError
        If the file is no ledger.
    """
    from lemmata.ledger import APPLICATION, LedgerError

    if not path.is_file() or path.stat().st_size == 0:
        return None
    # what has not yet left the write-ahead log is seen; without one nothing, not even a lock file, is made
    has_log = path.with_name(f"{path.name}-wal").exists()
    query = "SELECT record, key FROM verdicts WHERE claim = ? ORDER BY id DESC LIMIT 1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}", uri=True
    )
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        row = connection.execute(query, (identifier,)).fetchone() if application == APPLICATION else None
        found = None if row is None else Latest(json.loads(row[0]), row[1])
    except (sqlite3.Error, ValueError) as error:
        raise LedgerError(f"ledger {path}: cannot be read ({error})") from None
    finally:
        connection.close()
    if application != APPLICATION:
        raise LedgerError(f"ledger {path}: not a Lemmata ledger; the file is left as it is")
    return found


__all__ = ["Latest", "latest_verdict"]
