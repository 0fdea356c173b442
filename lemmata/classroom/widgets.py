"""Controls of a demonstration as marimo's widgets, and which paper a page's address asks for."""

from __future__ import annotations

from typing import Any

from lemmata.classroom.controls import Choice, Control, WholeSlider
from lemmata.classroom.demo import Demo

FINER = 4
"""Steps of a live slider in one step of the grid."""


def widgets(mo: Any, demo: Demo) -> Any:
    """A marimo dictionary with a widget for each control; its value is what `Demo.evaluate` takes."""
    return mo.ui.dictionary({control.name: _widget(mo, control) for control in demo.controls})


def _widget(mo: Any, control: Control) -> Any:
    """Sliders stand at values of at most four digits: what is shown is what is computed."""
    if isinstance(control, Choice):
        return mo.ui.radio(list(control.options), value=control.default, label=control.label, inline=True)
    is_whole = isinstance(control, WholeSlider) or control.is_whole
    steps = sorted({round(value) if is_whole else float(f"{value:.4g}") for value in control.grid(FINER)})
    nearest = min(steps, key=lambda step: abs(step - control.default))
    return mo.ui.slider(steps=steps, value=nearest, label=control.label, show_value=True)


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
