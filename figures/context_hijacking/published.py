"""What was published of language models (Fig. 1, right), beside what the theory has for linear transformers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from figures.context_hijacking.shared import rows
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_theory
from theory.context_hijacking import Cone, Fixed, TunedHijack, half_error_hijackers

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

LAYERS = (12, 24, 36, 48)  # of GPT-2 small, medium, large, XL
READ: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "language": (3.2, 4.3, 4.6, 6.1),
        "country": (3.1, 10.5, 17.7, 21.7),
        "sports": (2.0, 3.0, 5.6, 14.3),
        "city": (1.1, 1.8, 8.2, 14.3),
    }
)
REGIMES: Mapping[str, tuple[int, int, float, float]] = MappingProxyType(
    {"theorem's regime": (1000, 10, 0.9, 0.5), "experiments' regime": (40, 20, 0.995, 0.2)}
)
READ_OUTPUT, THEORY_OUTPUT = "hijackers to the first wrong answer", "N50"


def hijackers_needed(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Readings of the published figure, and N50 of optimally trained linear transformers, along the depth."""
    depths = quality(
        draft=(1, 2, 4, 12), standard=(1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48), paper=tuple(range(1, 49))
    )
    parts = [
        rows("published", READ_OUTPUT, "depth", zip(LAYERS, values, strict=True), series=task)
        for task, values in READ.items()
    ]
    for name, (n, d, rho, s) in REGIMES.items():
        points = [
            (depth, half_error_hijackers(TunedHijack(n, d, depth, Cone(rho), Fixed(s)))) for depth in depths
        ]
        parts.append(rows("theory", THEORY_OUTPUT, "depth", points, series=name))
    return pd.concat(parts, ignore_index=True)


def draw_hijackers_needed(data: pd.DataFrame) -> mpl.Figure:
    """Left: the readings. Right: the theory, which saturates."""
    figure, (left, right) = canvas(1, 2)
    for task, marker, color in zip(READ, "osD^", ("blue", "vermilion", "green", "pink"), strict=True):
        chosen = data[data["series"] == task]
        look = {"marker": marker, "color": COLORS[color], "linestyle": (0, (1, 2)), "markerfacecolor": "none"}
        left.plot(chosen["depth"].to_numpy(), chosen["value"].to_numpy(), label=task, **look)
    for name, color in zip(REGIMES, ("black", "orange"), strict=True):
        plot_theory(right, data, "depth", series=name, label=name, color=COLORS[color])
    left.set(
        xlabel="layers", ylabel="hijackers needed", title="GPT-2 (published)", xticks=LAYERS, ylim=(0, 40)
    )
    right.set(xlabel="layers $L$", ylabel="$N_{50}$", title="linear transformers (theory)", ylim=(0, 40))
    left.legend(loc="upper left")
    right.legend(loc="upper right")
    return figure


FIGURES = (
    Figure(
        id="F1",
        reproduces="Fig. 1",
        title="Hijackers needed, by depth: published readings beside the theory",
        caption="Left: the average number of prepended sentences at which GPT-2 of 12, 24, 36 and 48 layers changes "
        "its answer, on four tasks; approximate values read off the published figure, nothing is computed. Right: N50, "
        "the number of hijackers at which half of the answers of an optimally trained linear transformer are wrong, "
        "exact; (n, d, rho, margin) = (1000, 10, .9, .5) in the theorem's regime and (40, 20, .995, .2) in the "
        "experiments'. It saturates with depth, from above or from below; the language models' numbers go on rising.",
        data=hijackers_needed,
        draw=draw_hijackers_needed,
    ),
)
