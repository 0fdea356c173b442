"""One page of all figures in a folder: captions, sources, data and provenance; opens from disk, needs no network."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lemmata.files import write_whole

_PICTURES = (".png", ".svg")
_STYLE = """
:root { color-scheme: light dark;
  --ink: #1d1d1f; --dim: #66666b; --paper: #fbfbfa; --card: #fff; --line: #e3e3e0; --link: #0a5c96; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececee; --dim: #a2a2a8; --paper: #17181a; --card: #202225; --line: #34363a; --link: #7cc0ee; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 3rem 0 .2rem; }
h3 { font-size: 1.02rem; margin: 0 0 .6rem; }
a { color: var(--link); text-underline-offset: .15em; }
p { margin: .3rem 0; }
.dim { color: var(--dim); font-size: .9rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr));
  gap: 1.4rem; margin-top: 1.2rem; align-items: start; }
figure { margin: 0; padding: 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; }
figure img { display: block; width: 100%; height: auto; background: #fff; border-radius: .4rem; padding: .3rem; }
figcaption { margin-top: .8rem; font-size: .93rem; }
.tag { float: right; font-size: .78rem; color: var(--dim); border: 1px solid var(--line); border-radius: 1rem;
  padding: .05rem .6rem; }
details { margin-top: .5rem; }
summary { cursor: pointer; }
"""


def write_index(folder: Path) -> Path:
    """Write `index.html` of every figure whose provenance lies below the folder; returns its path."""
    records: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*/*.json")):
        record = _read(path)
        if record is not None:
            records.setdefault(path.parent.name, []).append(record)
    target = folder / "index.html"
    write_whole(target, index_html(records).encode())
    return target


def index_html(records: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page, from the figures' provenance by paper."""
    sections = "\n".join(_section(name, papers) for name, papers in records.items())
    count = sum(len(papers) for papers in records.values())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Lemmata: figures</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Figures</h1>\n"
        f'<p class="dim">{count} {"figure" if count == 1 else "figures"}. A line is theory, a marker with its '
        "interval is simulation. Each figure has its data and the record of how it was made beside it.</p>\n"
        f"{sections}\n</body>\n</html>\n"
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict):
        return None
    fields = cast("dict[str, Any]", record)
    return fields if {"identifier", "files", "paper"} <= fields.keys() else None


def _section(folder: str, records: Sequence[Mapping[str, Any]]) -> str:
    paper = records[0]["paper"]
    title = html.escape(paper["title"])
    source = (
        f'<a href="{html.escape(paper["url"])}">{html.escape(paper["url"])}</a>' if paper.get("url") else ""
    )
    cards = "\n".join(_card(folder, record) for record in records)
    name = html.escape(folder)
    return f'<h2 id="{name}">{title}</h2>\n<p class="dim">{name} {source}</p>\n<div class="grid">\n{cards}\n</div>'


def _card(folder: str, record: Mapping[str, Any]) -> str:
    def text(key: str) -> str:
        return html.escape(str(record.get(key, "")))

    files = [str(name) for name in record["files"]]
    shown = next((f for suffix in _PICTURES for f in sorted(files, key=len) if f.endswith(suffix)), None)
    short = str(record["identifier"]).rpartition("/")[2]
    links = [_link(folder, name) for name in files] + [_link(folder, f"{short}.json", "provenance")]
    place = _url(folder, shown)
    image = f'<a href="{place}"><img loading="lazy" src="{place}" alt="{text("title")}"></a>'
    chunks = record.get("chunks", {})
    commit: dict[str, Any] = record.get("commit") or {}
    made = f"made {text('made')} in {text('seconds')} s, {chunks.get('computed', 0)} chunks computed, "
    made += f"{chunks.get('reused', 0)} from the ledger; quality {text('quality')}, seed {text('seed')}"
    if commit:
        made += f"; commit {html.escape(str(commit['hash'])[:10])}{' (modified)' if commit.get('modified') else ''}"
    source = f'<span class="tag">{text("reproduces")}</span>' if record.get("reproduces") else ""
    heading = f"<h3>{html.escape(short)}. {text('title')}</h3>"
    return (
        f'<figure id="{html.escape(folder)}-{html.escape(short)}">\n{source}{heading}\n'
        f"{image if shown else ''}\n<figcaption>{text('caption')}\n"
        f'<p class="dim">{" · ".join(links)}</p>\n'
        f'<details class="dim"><summary>how it was made</summary>{made}</details></figcaption>\n</figure>'
    )


def _url(folder: str, name: str | None) -> str:
    from urllib.parse import quote

    return quote(f"{folder}/{name}")


def _link(folder: str, name: str, words: str | None = None) -> str:
    return f'<a href="{_url(folder, name)}">{html.escape(words or name)}</a>'


__all__ = ["index_html", "write_index"]
