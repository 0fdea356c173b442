"""Controls of a demonstration as marimo's widgets, and which paper a page's address asks for."""

from __future__ import annotations

from typing import Any

from lemmata.classroom.controls import Choice, Control
from lemmata.classroom.demo import Demo

FINER = 4
"""Steps of a live slider in one step of the grid."""


def widgets(mo: Any, demo: Demo) -> Any:
    """A marimo dictionary with a widget for each control; its value is what `Demo.evaluate` takes."""
    return mo.ui.dictionary({control.name: _widget(mo, control) for control in demo.controls})


def _widget(mo: Any, control: Control) -> Any:
    if isinstance(control, Choice):
        return mo.ui.radio(list(control.options), value=control.default, label=control.label, inline=True)
    steps = [_short(value) for value in control.grid(FINER)]
    nearest = min(steps, key=lambda step: abs(step - control.default))
    return mo.ui.slider(steps=steps, value=nearest, label=control.label, show_value=True)


def _short(value: float) -> float:
    """Four digits: what a slider shows is what it stands for."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def paper_of(request: Any) -> str:
    """The paper's name in the address of a page, such as /attention_memorization/ws.

    Raises
    ------
    ValueError
        If the app does not run behind a server: `app.run(defs={"paper": ...})` names a paper.
    """
    if request is None:
        raise ValueError("no address names a paper; run the app by `lemmata classroom`")
    return str(request.url["path"]).rstrip("/").removesuffix("/ws").rpartition("/")[2]


__all__ = ["paper_of", "widgets"]
