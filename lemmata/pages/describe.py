"""A demonstration as data for the page's script, and as words for its template."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lemmata.classroom import (
    Axis,
    Bars,
    Choice,
    Control,
    Curve,
    Demo,
    Heatmap,
    Number,
    Path,
    Picture,
    Plot,
    Reading,
    Slider,
)
from lemmata.classroom.quantities import Points
from lemmata.pages.agreement import Tabulation
from lemmata.pages.simulated import Simulated
from lemmata.pages.tables import FINE
from lemmata.pages.words import plain

Data = dict[str, Any]
KINDS: Mapping[type, str] = {Curve: "curve", Path: "path", Number: "number", Reading: "reading"}


def start(tabulation: Tabulation, control: Control) -> float:
    """The position nearest to the control's default at which the page's control can stand."""
    if isinstance(control, Choice):
        return control.options.index(control.default)
    step = step_of(tabulation, control)
    low, high, default = float(control.low), float(control.high), float(control.default)
    if control.scale == "log":
        low, high, default = math.log(low), math.log(high), math.log(default)
    return round((default - low) / (high - low) * (control.steps - 1) / step) * step


def step_of(tabulation: Tabulation, control: Control) -> float:
    """Distance of the positions of a control: a part of a step of its grid, or the distance of nodes."""
    return 1 / FINE if control.name in tabulation.fine else tabulation.strides.get(control.name, 1)


def script_data(tabulation: Tabulation, simulated: Simulated | None) -> Data:
    """What the page's script is told."""
    demo = tabulation.demo
    return {
        "id": demo.id,
        "controls": [_control(tabulation, control) for control in demo.controls],
        "quantities": _quantities(tabulation),
        "pictures": [_picture(picture) for picture in demo.pictures],
        "badges": [
            {
                "value": badge.value,
                "digits": badge.digits,
                "cases": [[bound if math.isfinite(bound) else None, words] for bound, words in badge.cases],
            }
            for badge in demo.badges
        ],
        "dots": None if simulated is None else _dots(demo, simulated),
        "guess": guess(demo),
    }


def guess(demo: Demo) -> Data | None:
    """The curve that a visitor may guess, on the first plot that has one: one with a reading, or a solid one."""
    for place, picture in enumerate(demo.pictures):
        if isinstance(picture, Plot) and picture.curves:
            read = {item.curve for item in demo.readings if item.name in picture.points}
            curves = [demo.curve(name) for name in picture.curves]
            best = max(curves, key=lambda curve: (curve.name in read, not curve.dashed))
            return {"picture": place, "curve": best.name}
    return None


def _control(tabulation: Tabulation, control: Control) -> Data:
    found: Data = {
        "name": control.name,
        "label": plain(control.label),
        "start": start(tabulation, control),
        "step": step_of(tabulation, control),
        "steps": control.steps - 1,
    }
    if isinstance(control, Choice):
        return found | {"options": control.options}
    found |= {"low": control.low, "high": control.high, "scale": control.scale}
    return found if isinstance(control, Slider) else found | {"stride": control.stride}


def _quantities(tabulation: Tabulation) -> list[Data]:
    demo, offset = tabulation.demo, 0
    found: list[Data] = []
    for item in (*demo.theory, *demo.readings):
        table = tabulation.tables[item.name]
        shape = table.values.shape[len(table.axes) :]
        described: Data = {
            "name": item.name,
            "label": plain(item.label),
            "kind": KINDS.get(type(item), "table"),
            "shape": shape,
            "axes": [{"control": a.control, "nodes": a.nodes, "stride": a.stride} for a in table.axes],
            "offset": offset,
            "degree": table.degree,
            "isLog": table.is_log,
        }
        if isinstance(item, Reading):
            described |= {"curve": item.curve, "at": item.at}
        else:
            described |= {"color": item.color, "dashed": item.dashed}
        if isinstance(item, Curve):
            along = _axis(item.along) | {"points": item.along.points}
            described |= {"along": along, "joined": True, "marked": False}
        elif isinstance(item, Path):
            described |= {"joined": item.joined, "marked": item.marked}
        found.append(described)
        offset += table.values.size
    return found


def _axis(axis: Axis) -> Data:
    ticks = {"ticks": [plain(name) for name in axis.ticks]} if axis.ticks else {}
    return {"label": plain(axis.label), "low": axis.low, "high": axis.high, "scale": axis.scale} | ticks


def _picture(picture: Picture) -> Data:
    if isinstance(picture, Plot):
        names = ("curves", "paths", "dots", "points", "levels", "uprights", "bands", "equal")
        shown: Data = {name: getattr(picture, name) for name in names}
        return {"kind": "plot", "x": _axis(picture.x), "y": _axis(picture.y)} | shown
    if isinstance(picture, Bars):
        bars = [{"label": plain(bar.label), "tops": bar.tops} for bar in picture.bars]
        look: Data = {"colors": picture.colors, "stacked": picture.stacked}
        return {"kind": "bars", "y": _axis(picture.y), "bars": bars} | look
    ends = {"low": picture.low, "high": picture.high}
    return {"kind": "heatmap", "x": _axis(picture.x), "y": _axis(picture.y), "table": picture.table} | ends


def _dots(demo: Demo, simulated: Simulated) -> Data:
    items: Data = {}
    for item in demo.dots:
        sets = [_points(points) for points in simulated.points[item.name]]
        items[item.name] = {
            "label": plain(item.label),
            "marker": item.marker,
            "color": item.color,
            "sets": sets,
        }
    return {
        "controls": simulated.controls,
        "stops": simulated.stops,
        "draws": simulated.draws,
        "seed": simulated.seed,
        "items": items,
    }


def _points(points: Points) -> Data:
    given = {"x": points.x, "y": points.y, "low": points.low, "high": points.high}
    return {name: [_short(value) for value in values] for name, values in given.items() if values is not None}


def _short(value: float) -> float | None:
    """Five digits are more than a picture shows."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


# ------------------------------------------------------------------ words for the template


def template_data(tabulation: Tabulation, simulated: Simulated | None) -> Data:
    """What the page's template is told."""
    demo = tabulation.demo
    return {
        "id": demo.id,
        "title": demo.title,
        "story": demo.story,
        "ask": demo.ask,
        "answer": demo.answer,
        "note": demo.note,
        "controls": [_control(tabulation, c) | {"words": c.label} for c in demo.controls],
        "guess": guess(demo),
        "dots": simulated is not None,
        "badges": [{"words": badge.label} for badge in demo.badges],
        "pictures": [_caption(demo, picture) for picture in demo.pictures],
        "agreement": agreement(tabulation, simulated),
    }


def _caption(demo: Demo, picture: Picture) -> Data:
    caption: Data = {"title": picture.title, "y": {"words": picture.y.label}, "up": True}
    if isinstance(picture, Bars):
        blocks = zip(picture.labels, picture.colors, strict=True)
        return caption | {"legend": [{"words": w, "color": c, "marker": "block"} for w, c in blocks]}
    caption["x"] = {"words": picture.x.label}
    if isinstance(picture, Heatmap):
        words = demo.by_name[picture.table].label
        ramp = {"words": words, "low": f"{picture.low:g}", "high": f"{picture.high:g}"}
        return caption | {"legend": [], "ramp": ramp}
    return caption | {"legend": _legend(demo, picture)}


def _legend(demo: Demo, plot: Plot) -> list[Data]:
    entries: list[Data] = []
    for name in (*plot.curves, *plot.paths, *plot.levels, *plot.uprights):
        item = demo.by_name[name]
        assert not isinstance(item, Reading)
        is_marked = isinstance(item, Path) and not item.joined
        look = {"marker": "dot"} if is_marked else {"dashed": item.dashed}
        entries.append({"words": item.label, "color": item.color} | look)
    for low, high in plot.bands:
        item = demo.by_name[low]
        color = demo.curve(item.curve).color if isinstance(item, Reading) else item.color
        entries.append(
            {"words": f"{item.label} to {demo.by_name[high].label}", "color": color, "marker": "band"}
        )
    for name in plot.points:
        item = demo.by_name[name]
        assert isinstance(item, Reading)
        entries.append({"words": item.label, "color": demo.curve(item.curve).color, "marker": "dot"})
    for item in demo.dots:
        if item.name in plot.dots:
            entries.append({"words": item.label, "color": item.color, "marker": item.marker})
    return entries


def agreement(tabulation: Tabulation, simulated: Simulated | None) -> list[str]:
    """Sentences that say how the page's numbers were made and how exact they are."""
    demo = tabulation.demo
    exact = [c.label for c in demo.controls if c.name not in tabulation.fine]
    fine = [c.label for c in demo.controls if c.name in tabulation.fine]
    lines = [
        "The page holds tables of theory, computed before by the same functions that the tests examine. It computes "
        "no theory itself.",
    ]
    if exact:
        lines.append(
            f"{_listed(exact)}: every value that can be set is in the tables, so numbers agree with theory to six "
            "digits (relative difference at most 1e-6)."
        )
    if fine:
        errors = tabulation.errors
        worst = max(errors, key=lambda name: errors[name])
        unit = "of its value" if tabulation.tables[worst].is_relative else "of its range"
        lines.append(
            f"{_listed(fine)}: some values are in the tables, those between them are interpolated. Measured at "
            f"{tabulation.checks} random settings for each quantity, the largest difference from theory is "
            f"{100 * errors[worst]:.2g} % {unit} ({demo.by_name[worst].label})."
        )
    if simulated is not None:
        lines.append(
            f"The simulated points were drawn before: {simulated.draws} draws at each of {len(simulated.stops)} "
            f"settings, with seeds from {simulated.seed}."
        )
    return lines


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels)


__all__ = ["agreement", "guess", "script_data", "start", "template_data"]
