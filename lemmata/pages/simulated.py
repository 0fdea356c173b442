"""Simulated points of a demonstration at a few settings, for a page on which nothing can be simulated."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from lemmata.classroom import Choice, Demo, Slider
from lemmata.classroom.quantities import Points
from lemmata.laboratory import Laboratory
from lemmata.pages.tables import values_at


@dataclass(frozen=True, eq=False)
class Simulated:
    """Points of every kind of dots.

    Parameters
    ----------
    controls : tuple of str
        Controls that some dots depend on.
    stops : tuple
        Settings: positions of these controls.
    draws : int
        Independent draws at each stop, with the seeds `seed`, `seed` + 1, ...
    seed : int
    points : mapping
        Name to the points of all draws of the first stop, then of the second, ...
    """

    controls: tuple[str, ...]
    stops: tuple[tuple[float, ...], ...]
    draws: int
    seed: int
    points: Mapping[str, tuple[Points, ...]]


def simulate(
    demo: Demo,
    lab: Laboratory,
    starts: Mapping[str, float],
    strides: Mapping[str, int],
    most: int,
    draws: int,
) -> Simulated | None:
    """Draw at no more than `most` settings about where the controls start; None if the demonstration has no dots.

    Parameters
    ----------
    starts : mapping
        Positions of the controls at which the page starts: one of the settings.
    strides : mapping
        Steps between nodes of the controls whose grid is thinned: there are settings at nodes only.
    """
    if not demo.dots:
        return None
    used = {name for item in demo.dots for name in demo.used(item)}
    controls = tuple(name for name in demo.by_control if name in used)
    stops = tuple(itertools.product(*_places(demo, controls, starts, strides, most)))
    points: dict[str, list[Points]] = {item.name: [] for item in demo.dots}
    for stop in stops:
        values = values_at(demo, dict(starts) | dict(zip(controls, stop, strict=True)))
        for draw in range(draws):
            own = Laboratory(
                lab.seed + draw, engine=lab.engine, ledger=lab.ledger
            )  # the engine stays the caller's
            for name, found in demo.draw(own, values).items():
                points[name].append(found)
    return Simulated(controls, stops, draws, lab.seed, {name: tuple(all_) for name, all_ in points.items()})


def _places(
    demo: Demo,
    controls: tuple[str, ...],
    starts: Mapping[str, float],
    strides: Mapping[str, int],
    most: int,
) -> list[list[float]]:
    """Places along each control: every option, a few places of a slider, fewer where the settings are too many."""
    wanted = [_preferred(demo, name, starts[name], strides.get(name, 1)) for name in controls]
    while math.prod(len(places) for places in wanted) > most:
        longest = max(range(len(wanted)), key=lambda k: (len(wanted[k]), k))
        if len(wanted[longest]) == 1:
            break
        wanted[longest].pop()
    return [sorted(places) for places in wanted]


def _preferred(demo: Demo, name: str, start: float, stride: int) -> list[float]:
    """Positions of a control in the order in which they are wanted, the start first."""
    control = demo.by_control[name]
    last = control.steps - 1
    if isinstance(control, Choice):
        others = [float(place) for place in range(last + 1)]
    else:
        parts = (1, 0, 0.5, 0.25, 0.75) if isinstance(control, Slider) else (1, 0, 0.5)
        others = [float(round(part * last / stride) * stride) for part in parts]
    return list(dict.fromkeys([float(start), *others]))


__all__ = ["Simulated", "simulate"]
