"""From a figure's record to its files: pictures, data and provenance.

A picture is always drawn from the data as they are read back from CSV, so a saved CSV redraws it to the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemmata.files import write_whole
from lemmata.names import UnknownNameError
from lemmata.pictures.style import MEDIA, style
from lemmata.provenance import commit, versions

if TYPE_CHECKING:
    import pandas as pd

    from lemmata.catalogue import Entry, PaperFloors
    from lemmata.chunks import Batch
    from lemmata.laboratory import Laboratory
    from lemmata.pictures.records import Figure, Quality

FORMATS = ("png", "pdf", "svg", "parquet")
"""What may be asked for; the data are always kept as CSV as well."""
_SILENT = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}


@dataclass(frozen=True)
class Rendering:
    """What was made of one figure."""

    identifier: str
    provenance: Path
    files: tuple[Path, ...]
    seconds: float
    computed: int
    reused: int


def render(
    entry: Entry[Figure],
    paper: PaperFloors,
    lab: Laboratory,
    quality: Quality,
    folder: Path,
    *,
    media: Sequence[str] = MEDIA[:1],
    formats: Sequence[str] = FORMATS[:1],
) -> Rendering:
    """Compute a figure's data and write its files into `folder/<paper>/`.

    The provenance is written last; a picture of other data that an earlier run left there is removed.

    Raises
    ------
    UnknownNameError
        If there is no such medium or format.
    """
    _check(media, formats)
    figure = entry.item
    started, computed, reused = time.perf_counter(), lab.computed, lab.reused
    runs: list[dict[str, Any]] = []

    def watch(batch: Batch, chunks: int) -> None:
        runs.append(batch.describe(chunks))

    lab.label, lab.watch = entry.identifier, watch
    try:
        text = figure.data(lab, quality).to_csv(index=False)
    finally:
        lab.label, lab.watch = "", None
    data = read_data(io.StringIO(text))
    place = folder / entry.paper
    contents = {f"{figure.id}.csv": text.encode()}
    for form in formats:
        if form == "parquet":
            contents[f"{figure.id}.parquet"] = _parquet(data)
        else:
            names = {m: f"{figure.id}{'' if m == MEDIA[0] else f'-{m}'}.{form}" for m in media}
            contents |= {name: picture(figure, data, media=m, form=form) for m, name in names.items()}
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = place / f"{figure.id}.json"
    kept = _kept(record, digest)
    for name, content in contents.items():
        write_whole(place / name, content)
    rendering = Rendering(
        entry.identifier,
        record,
        tuple(place / name for name in contents),
        time.perf_counter() - started,
        lab.computed - computed,
        lab.reused - reused,
    )
    provenance = {
        "identifier": entry.identifier,
        "paper": {
            "name": entry.paper,
            "title": paper.title,
            "url": paper.metadata.url if paper.metadata else None,
        },
        "reproduces": figure.reproduces,
        "title": figure.title,
        "caption": figure.caption,
        "quality": quality.value,
        "seed": lab.seed,
        "runs": runs,
        "chunks": {"computed": rendering.computed, "reused": rendering.reused},
        "seconds": round(rendering.seconds, 3),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": _platform(),
        "versions": versions(),
        "commit": commit(),
        "data_sha256": digest,
        "files": sorted({*kept, *contents}),
    }
    write_whole(record, (json.dumps(provenance, indent=2, ensure_ascii=False) + "\n").encode())
    return rendering


def picture(figure: Figure, data: pd.DataFrame, *, media: str = MEDIA[0], form: str = "png") -> bytes:
    """The bytes of a picture; the same data give the same bytes on one platform."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with style(media):
        drawn: Any = figure.draw(data)
        FigureCanvasAgg(drawn)
        buffer = io.BytesIO()
        drawn.savefig(buffer, format=form, metadata=_SILENT[form])
    return buffer.getvalue()


def read_data(source: Path | io.StringIO) -> pd.DataFrame:
    """A figure's data from CSV, every bit of every number kept (which pandas' own parser does not promise)."""
    import pandas as pd

    texts = pd.read_csv(source, dtype=str, keep_default_na=False)
    return pd.DataFrame({name: _values(list(texts[name])) for name in texts.columns})


def _values(texts: list[str]) -> list[Any]:
    """A column's values: truth values, whole numbers, numbers (nothing means NaN), or text."""
    if texts and set(texts) <= {"True", "False"}:
        return [text == "True" for text in texts]
    if any("_" in text for text in texts):  # which Python's numbers may hold
        return texts
    for parse in (int, _number):
        try:
            return [parse(text) for text in texts]
        except ValueError:
            continue
    return texts


def _number(text: str) -> float:
    return float(text or "nan")


def _check(media: Sequence[str], formats: Sequence[str]) -> None:
    for medium in media:
        if medium not in MEDIA:
            raise UnknownNameError("medium", medium, MEDIA)
    for form in formats:
        if form not in FORMATS:
            raise UnknownNameError("format", form, FORMATS)


def _parquet(data: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    try:
        data.to_parquet(buffer, index=False)
    except ImportError:
        raise ValueError("format parquet: pyarrow is not installed (the extra 'parquet')") from None
    return buffer.getvalue()


def _kept(record: Path, digest: str) -> list[str]:
    """Files of an earlier run that show the same data; those that show others are removed."""
    try:
        earlier = json.loads(record.read_text())
        files, is_same = [str(name) for name in earlier["files"]], earlier["data_sha256"] == digest
    except (OSError, ValueError, KeyError, TypeError):
        return []
    paths = [record.parent / Path(name).name for name in files]
    if not is_same:
        for path in paths:
            path.unlink(missing_ok=True)
    return [path.name for path in paths if path.exists()]


def _platform() -> str:
    from lemmata.platforms import platform_text

    return platform_text()


__all__ = ["FORMATS", "Rendering", "picture", "read_data", "render"]
