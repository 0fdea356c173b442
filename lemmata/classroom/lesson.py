"""One visitor's session with a demonstration: its pictures, and the points that have been drawn so far."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lemmata.classroom.demo import Demo
from lemmata.classroom.easels import Easel, drawing
from lemmata.classroom.quantities import Array, Points
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory

MOST_DRAWS = 50
"""Draws that are kept; the oldest go first."""


@dataclass(frozen=True)
class Draw:
    """Points of one kind of dots, and the controls' values on which they depend."""

    name: str
    used: tuple[tuple[str, Any], ...]
    points: Points


class Lesson:
    """A demonstration in use.

    Parameters
    ----------
    demo : Demo
    seed : int
        Root seed of the first draw; each further draw has the next one.
    """

    def __init__(self, demo: Demo, seed: int = 0) -> None:
        self.demo = demo
        self.seed = seed
        self.draws: list[Draw] = []
        with drawing():
            self._easels = [Easel(demo, picture) for picture in demo.pictures]

    def draw(self, values: Mapping[str, Any]) -> None:
        """Let simulated points fall."""
        settled = self.demo.settle(values)
        with Laboratory(self.seed, engine=make_engine("serial")) as lab:
            found = self.demo.draw(lab, settled)
        self.seed += 1
        self.draws += [Draw(name, self._used(name, settled), points) for name, points in found.items()]
        del self.draws[: -MOST_DRAWS * max(1, len(found))]

    def clear(self) -> None:
        """Forget the points that were drawn."""
        self.draws.clear()

    def points(self, values: Mapping[str, Any]) -> dict[str, list[Points]]:
        """Points that were drawn at these values of the controls on which they depend."""
        settled = self.demo.settle(values)
        found: dict[str, list[Points]] = {}
        for draw in self.draws:
            if draw.used == self._used(draw.name, settled):
                found.setdefault(draw.name, []).append(draw.points)
        return found

    def paint(self, values: Mapping[str, Any]) -> str:
        """Pictures and badges as HTML."""
        settled = self.demo.settle(values)
        found = self.demo.evaluate(settled)
        points = self.points(settled)
        badges = self.badges(found)
        spoken = "; ".join(f"{label}: {text}" for label, text in badges)
        with drawing():
            painted = [easel.paint(found, points, settled) for easel in self._easels]
        images = "".join(
            _image(png, f"{picture.title}. {spoken}")
            for png, picture in zip(painted, self.demo.pictures, strict=True)
        )
        tiles = "".join(_badge(label, text) for label, text in badges)
        return f'<div class="lemmata-badges">{tiles}</div><div class="lemmata-pictures">{images}</div>'

    def badges(self, found: Mapping[str, Array]) -> list[tuple[str, str]]:
        """Labels and texts of the badges."""
        return [(badge.label, badge.text(float(found[badge.value]))) for badge in self.demo.badges]

    def _used(self, name: str, settled: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        (item,) = (dots for dots in self.demo.dots if dots.name == name)
        return tuple((control, settled[control]) for control in self.demo.used(item))


def _image(png: bytes, words: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(words, quote=True)}" src="data:image/png;base64,{data}">'


def _badge(label: str, text: str) -> str:
    return f"<div><span>{html.escape(label)}</span><strong>{html.escape(text)}</strong></div>"


STYLE = """
<style>
html { font-size: clamp(16px, 11px + 0.4vw, 24px); } /* a projector's page is read from the last row */
#App { padding-top: 0; }
.markdown.prose h2 { margin: 0.4rem 0; }
.lemmata-pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.lemmata-pictures img { width: 100%; max-width: 48rem; height: auto; }
.lemmata-badges { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 0.25rem 0 0.75rem; }
.lemmata-badges div { border: 1px solid #767676; border-radius: 0.4rem; padding: 0.3rem 0.8rem; }
.lemmata-badges div { color: #222; background: #fff; }
.lemmata-badges span { display: block; font-size: 0.85rem; color: #444; }
.lemmata-badges strong { font-size: 1.35rem; }
</style>
"""

__all__ = ["STYLE", "Lesson"]
