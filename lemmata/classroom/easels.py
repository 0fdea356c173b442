"""Pictures of a demonstration as images, fast enough to follow a slider.

What does not move (axes, ticks, legends) is drawn once; after that only curves, points and bars are drawn anew.
Line = theory, marker = simulation.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from lemmata.classroom.controls import Axis
from lemmata.classroom.demo import Demo
from lemmata.classroom.pictures import Bars, Heatmap, Picture, Plot
from lemmata.classroom.quantities import Array, Dots, Number, Path, Points, Reading
from lemmata.pictures.plotting import COLORS
from lemmata.pictures.style import style

Found = Mapping[str, Array]
Drawn = Mapping[str, Sequence[Points]]

SIZE, DOTS_PER_INCH = (5.4, 4.0), 138
DASHES = (0, (4, 1.6))
_DRAWING = threading.RLock()  # Matplotlib's settings are the process's own


@contextmanager
def drawing() -> Generator[None]:
    """Easels are set up and painted in here, as many at once as there are: entering takes longer than painting one."""
    with _DRAWING, style():
        yield


class _Marks(Protocol):
    """What moves in a picture."""

    def move(self, found: Found, drawn: Drawn, values: Mapping[str, Any]) -> None:
        """Put everything where it belongs now."""
        ...

    @property
    def artists(self) -> Iterable[Any]:
        """What has to be drawn anew, from the back to the front."""
        ...


class Easel:
    """One picture of a demonstration, to be painted again and again; both within `drawing`."""

    def __init__(self, demo: Demo, picture: Picture) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure: Any = Figure(figsize=SIZE, dpi=DOTS_PER_INCH)  # Matplotlib's annotations are incomplete
        self._canvas: Any = FigureCanvasAgg(figure)
        axes: Any = figure.subplots()
        self._axes = axes
        axes.set_title(picture.title)
        self._marks = _marks(demo, picture, axes)
        self._canvas.draw()  # lays everything out
        figure.set_layout_engine("none")
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(figure.bbox)

    def paint(self, found: Found, drawn: Drawn, values: Mapping[str, Any]) -> bytes:
        """The picture as PNG.

        Parameters
        ----------
        found : mapping
            What `Demo.evaluate` returns.
        drawn : mapping
            Simulated points by the names of the dots; every draw is one entry of its list.
        values : mapping
            Where the controls stand.
        """
        self._canvas.restore_region(self._background)
        self._marks.move(found, drawn, values)
        for artist in self._marks.artists:
            self._axes.draw_artist(artist)
        return _png(self._canvas)


def _png(canvas: Any) -> bytes:
    from PIL import Image

    image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    out = io.BytesIO()
    # 256 colours differ from all of them by less than the eye sees, and are compressed in a third of the time
    palette = image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _marks(demo: Demo, picture: Picture, axes: Any) -> _Marks:
    if isinstance(picture, Plot):
        return _PlotMarks(demo, picture, axes)
    if isinstance(picture, Bars):
        return _BarMarks(picture, axes)
    return _HeatMarks(demo, picture, axes)


def _frame(axes: Any, x: Axis | None, y: Axis) -> None:
    """Labels, ranges and scales."""
    for name, axis in (("x", x), ("y", y)):
        if axis is not None:
            axes.set(
                **{
                    f"{name}label": axis.label,
                    f"{name}scale": axis.scale,
                    f"{name}lim": (axis.low, axis.high),
                }
            )
            if axis.ticks:
                axes.set(**{f"{name}ticks": range(len(axis.ticks)), f"{name}ticklabels": axis.ticks})


def _legend(axes: Any, handles: Sequence[Any]) -> None:
    """A legend below the axes: wherever curves go, it covers nothing."""
    columns = 2 if max(len(handle.get_label()) for handle in handles) > 24 else 3
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))


# ------------------------------------------------------------------ plots


class _PlotMarks:
    """Lines, markers and bands over two axes."""

    def __init__(self, demo: Demo, picture: Plot, axes: Any) -> None:
        self.picture = picture
        _frame(axes, picture.x, picture.y)
        if picture.equal:
            axes.set_aspect("equal")
        self.items = {name: _item(demo, name) for name in _named(picture)}
        self.lines = {
            name: axes.plot([], [], animated=True, **_line_look(item))[0] for name, item in self.items.items()
        }
        self.spans = {
            name: axes.vlines([], 0, 1, animated=True, color=self.lines[name].get_color(), linewidth=1.2)
            for name in picture.dots
        }
        self.bands = {
            (low, high): axes.axvspan(
                0, 1, animated=True, color=COLORS["sky"], alpha=0.25, linewidth=0,
                label=f"{_item(demo, low).label} to {_item(demo, high).label}",
            )
            for low, high in picture.bands
        }  # fmt: skip
        shown = [line for name, line in self.lines.items() if name not in picture.points]
        _legend(axes, [*self.bands.values(), *shown])

    @property
    def artists(self) -> Iterable[Any]:
        return (*self.bands.values(), *self.spans.values(), *self.lines.values())

    def move(self, found: Found, drawn: Drawn, values: Mapping[str, Any]) -> None:
        picture = self.picture
        for name in picture.curves:
            self.lines[name].set_data(self.items[name].along.grid(), found[name])
        for name in picture.paths:
            self.lines[name].set_data(*found[name])
        for name in picture.points:
            self.lines[name].set_data([values[self.items[name].at]], [found[name]])
        for name in picture.levels:
            self.lines[name].set_data([picture.x.low, picture.x.high], [found[name]] * 2)
        for name in picture.uprights:
            self.lines[name].set_data([found[name]] * 2, [picture.y.low, picture.y.high])
        for (low, high), band in self.bands.items():
            band.set_x(found[low])
            band.set_width(found[high] - found[low])
        for name in picture.dots:
            self._scatter(name, drawn.get(name, ()))

    def _scatter(self, name: str, draws: Sequence[Points]) -> None:
        nothing = np.empty(0)
        x = np.concatenate([nothing, *(points.x for points in draws)])
        self.lines[name].set_data(x, np.concatenate([nothing, *(points.y for points in draws)]))
        ends = [
            ((a, low), (a, high))
            for points in draws
            if points.low is not None and points.high is not None
            for a, low, high in zip(points.x, points.low, points.high, strict=True)
        ]
        self.spans[name].set_segments(ends)


def _named(picture: Plot) -> tuple[str, ...]:
    """Quantities from the back to the front."""
    return (
        *picture.levels,
        *picture.uprights,
        *picture.curves,
        *picture.paths,
        *picture.dots,
        *picture.points,
    )


def _item(demo: Demo, name: str) -> Any:
    return demo.by_name[name]


def _line_look(item: Any) -> dict[str, Any]:
    if isinstance(item, Reading):
        return {"label": item.label, "color": "#222222", "marker": "o", "linestyle": "none", "markersize": 9,
                "markerfacecolor": "none", "markeredgewidth": 2}  # fmt: skip
    look: dict[str, Any] = {"label": item.label, "color": COLORS[item.color]}
    if isinstance(item, Dots):
        return look | {"marker": item.marker, "linestyle": "none", "markersize": 5, "markeredgecolor": "white",
                       "markeredgewidth": 0.6}  # fmt: skip
    look["linestyle"] = DASHES if item.dashed else "-"
    if isinstance(item, Number):
        return look | {"linewidth": 1.2}
    if isinstance(item, Path):
        look |= {"marker": "o" if item.marked else ""} | (
            {} if item.joined else {"linestyle": "none", "markersize": 9}
        )
    return look


# ------------------------------------------------------------------ bars and heat maps


class _BarMarks:
    """Bars with their heights in digits."""

    def __init__(self, picture: Bars, axes: Any) -> None:
        self.picture = picture
        _frame(axes, None, picture.y)
        axes.set_xlim(-0.5, len(picture.bars) - 0.5)
        axes.set_xticks(range(len(picture.bars)), [bar.label for bar in picture.bars])
        axes.grid(visible=False, axis="x")
        parts = len(picture.labels)
        width = 0.55 if picture.stacked else 0.8 / parts
        self.bars: list[tuple[str, str | None, Any]] = []
        self.texts: list[tuple[str, Any]] = []
        for place, bar in enumerate(picture.bars):
            for k, top in enumerate(bar.tops):
                centre = place if picture.stacked else place + width * (k - (parts - 1) / 2)
                below = bar.tops[k - 1] if picture.stacked and k else None
                (rectangle,) = axes.bar(centre, 1, width, color=COLORS[picture.colors[k]], animated=True)
                self.bars.append((top, below, rectangle))
                if not picture.stacked or k == parts - 1:
                    size = "medium" if picture.stacked else "small"  # digits of neighbours do not touch
                    text = axes.text(centre, 1, "", ha="center", va="bottom", size=size, animated=True)
                    self.texts.append((top, text))
        handles = [rectangle for _, _, rectangle in self.bars[:parts]]
        for rectangle, label in zip(handles, picture.labels, strict=True):
            rectangle.set_label(label)
        _legend(axes, handles)

    @property
    def artists(self) -> Iterable[Any]:
        return (*(rectangle for *_, rectangle in self.bars), *(text for _, text in self.texts))

    def move(self, found: Found, drawn: Drawn, values: Mapping[str, Any]) -> None:
        floor = self.picture.y.low
        for top, below, rectangle in self.bars:
            bottom = floor if below is None else float(found[below])
            rectangle.set_y(bottom)
            rectangle.set_height(float(found[top]) - bottom)
        for top, text in self.texts:
            height = float(found[top])
            text.set_y(min(max(height, floor), self.picture.y.high))
            text.set_text(f"{height:.3g}")


class _HeatMarks:
    """A table in colours."""

    def __init__(self, demo: Demo, picture: Heatmap, axes: Any) -> None:
        _frame(axes, picture.x, picture.y)
        axes.grid(visible=False)
        self.table = picture.table
        shape = _item(demo, picture.table).shape
        extent = (picture.x.low, picture.x.high, picture.y.low, picture.y.high)
        self.image = axes.imshow(
            np.zeros(shape), cmap="viridis_r", origin="lower", aspect="auto", extent=extent, vmin=picture.low,
            vmax=picture.high, interpolation="nearest", animated=True,
        )  # fmt: skip
        axes.figure.colorbar(self.image, ax=axes)

    @property
    def artists(self) -> Iterable[Any]:
        return (self.image,)

    def move(self, found: Found, drawn: Drawn, values: Mapping[str, Any]) -> None:
        self.image.set_data(found[self.table])


__all__ = ["Easel", "drawing"]
