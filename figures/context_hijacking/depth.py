"""Whether depth helps: the reversal (G1), power means of contractions (G3), parity beyond overshoot (G4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import theory_table
from simulations.context_hijacking import HIJACK, HIJACK_DESCENT
from theory.context_hijacking import (
    Cone,
    DeepHijack,
    Dose,
    Fixed,
    Hijack,
    PerDepth,
    Tuning,
    contraction,
    deep_hijack_error,
    hijack_error,
    hijack_error_limit,
    optimal_initial_scale,
    optimal_step_size,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

DEPTHS = (1, 2, 4, 8, 32)
SHADES = dict(zip(DEPTHS, ("blue", "sky", "green", "orange", "vermilion"), strict=True))
ERROR = HIJACK["error"]
DIFFERENCE = "error - error of one layer"
LIMITS = {
    "flow": {"label": r"$L=\infty$", "color": COLORS["black"], "linestyle": (0, (4, 1.5))},
    "ridge": {"label": "ridge", "color": COLORS["black"], "linestyle": (0, (1, 1.2))},
}
"""Looks of the limits of unbounded depth."""

# ------------------------------------------------------------------ G1: the reversal

REGIMES = {
    "theorem": (1000, 10, 0.9, 0.5, (1, 200)),
    "experiments": (40, 20, 0.995, 0.2, (1, 40)),
}


def tuned_depths(examples: int, dimension: int, rho: float, margin: float, depths: Sequence[int]) -> Hijack:
    """Transformers of all depths, each with its optimal step size, as one model."""
    tunings = [Tuning(examples, dimension, depth, Cone(rho)) for depth in depths]
    steps = PerDepth(tuple(depths), tuple(optimal_step_size(tuning) for tuning in tunings))
    scale = optimal_initial_scale(tunings[0])
    return Hijack(1, dimension, depths[0], 1.0, scale, Cone(rho), Fixed(margin), steps)


def whole_numbers(low: float, high: float, count: int) -> list[float]:
    """Whole numbers that are even in the logarithm, as far as they can be."""
    return sorted({float(round(x)) for x in np.geomspace(low, high, count)})


def depth_reversal(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Error along the number of hijackers in both regimes; one draw serves all depths and numbers."""
    depths = [float(depth) for depth in DEPTHS]
    dense = quality(draft=40, standard=120, paper=200)
    frames = []
    for name, (n, d, rho, margin, (low, high)) in REGIMES.items():
        model = tuned_depths(n, d, rho, margin, DEPTHS)
        counts = whole_numbers(low, high, dense)
        table = lab.sweep(
            ERROR,
            [model],
            trials=quality(draft=2**12, standard=2**19, paper=2**21),
            axes={"hijackers": whole_numbers(low, high, 12), "depth": depths},
            predict=hijack_error,
            predict_axes={"hijackers": counts, "depth": depths},
            label=name,
        )
        literal = lab.sweep(
            HIJACK_DESCENT["error"],
            [model],
            trials=quality(draft=2**9, standard=2**13, paper=2**16),
            axes={"hijackers": whole_numbers(low, high, 5)[1:-1], "depth": [1.0, 8.0]},
            label=f"{name}, literal",
        )
        limits = [
            theory_table(
                deep_hijack_error,
                [DeepHijack(int(count), n, d, Cone(rho), Fixed(margin), limit) for count in counts],
                "error",
                label=name,
            ).assign(filter=limit)
            for limit in LIMITS
        ]
        lines = pd.concat([table[table["kind"] == "theory"], *limits], ignore_index=True)
        frames += [table, *limits, _above_one_layer(lines), literal]
    return pd.concat(frames, ignore_index=True)


def _above_one_layer(exact: pd.DataFrame) -> pd.DataFrame:
    """Exact errors less that of one layer at the same number of hijackers."""
    shallow = exact[exact["depth"] == 1].set_index("hijackers")["value"]
    return exact.assign(output=DIFFERENCE, value=exact["value"] - exact["hijackers"].map(shallow))


def draw_depth_reversal(data: pd.DataFrame) -> mpl.Figure:
    """Depths and their limits in two columns; below, errors less that of one layer: of opposite signs."""
    figure, panels = canvas(2, 2, height=1.3, sharex="col", gridspec_kw={"height_ratios": [2, 1]})
    for (axes, strip), (name, (n, d, rho, margin, span)) in zip(panels.T, REGIMES.items(), strict=True):
        for depth in DEPTHS:
            rows, color = data[data["depth"] == depth], COLORS[SHADES[depth]]
            plot_theory(
                axes, rows, "hijackers", series=name, output="error", label=f"$L={depth}$", color=color
            )
            plot_simulation(axes, rows, "hijackers", series=name, label="_", color=color)
            plot_theory(strip, rows, "hijackers", series=name, output=DIFFERENCE, label="_", color=color)
            look = {"color": COLORS["black"], "marker": "D", "filled": False}
            plot_simulation(axes, rows, "hijackers", series=f"{name}, literal", label="_", **look)
        for limit, look in LIMITS.items():
            rows = data[data["filter"] == limit]
            plot_theory(axes, rows, "hijackers", series=name, output="error", **look)
            plot_theory(strip, rows, "hijackers", series=name, output=DIFFERENCE, **(look | {"label": "_"}))
        ticks = [x for x in (1, 3, 10, 30, 100) if x < span[1]]
        for each in (axes, strip):
            each.axvline(n / (d - 1), color="#888888", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
            each.set(xscale="log", xlim=(span[0] * 0.9, span[1] * 1.1))
            each.set_xticks(ticks, [str(tick) for tick in ticks])
            each.minorticks_off()
        axes.set(ylim=(-0.02, 1.02), title=rf"$n={n}$, $d={d}$, $\rho={rho}$, $s={margin}$")
        strip.set(xlabel="hijackers $N$")
    panels[0, 0].set(ylabel="error $E$")
    panels[1, 0].set(ylabel="$E_L - E_1$")
    panels[0, 1].legend(loc="upper left")
    return figure


# ------------------------------------------------------------------ G3: power means

MEANS = {"$L=1$": 1.0, "$L=2$": 0.5, "$L=4$": 0.25, r"$L=\infty$": 0.0, "ridge": -1.0}


def power_means(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Contractions along the dose, for a little and for much knowledge left by training."""
    count = quality(draft=31, standard=121, paper=241)
    frames = []
    for rho in (0.9, 0.995):
        for label, exponent in MEANS.items():
            doses = np.linspace(0, 1.5, count)
            models = [Dose(400, 20, Cone(rho), float(dose), exponent) for dose in doses]
            # a single layer overshoots where its straight line meets zero
            models = [model for model in models if exponent <= 0 or contraction(model) >= 0]
            table = theory_table(contraction, models, f"rho={rho}", label=label)
            frames.append(table)
    return pd.concat(frames, ignore_index=True)


def draw_power_means(data: pd.DataFrame) -> mpl.Figure:
    """All curves run through (0, 1) and (1, q); between, the deeper one is lower."""
    figure, panels = canvas(1, 2, height=0.95, sharey=True)
    for axes, rho in zip(panels, (0.9, 0.995), strict=True):
        for label, color in zip(MEANS, ("blue", "sky", "green", "orange", "vermilion"), strict=True):
            plot_theory(
                axes, data, "dose", series=label, output=f"rho={rho}", label=label, color=COLORS[color]
            )
        axes.axvline(1, color="#888888", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.set(xlabel=r"dose $N r^2/n$", title=rf"$n=400$, $d=20$, $\rho={rho}$", xlim=(0, 1.5))
    panels[0].set(ylabel=r"contraction $\kappa$", ylim=(0, 1.02))
    panels[0].legend(loc="upper right")
    return figure


# ------------------------------------------------------------------ G4: parity

PARITY = Hijack(1, 12, 1, 0.001, 0.75, Cone(0.6), Fixed(0.4))


def parity(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Error far beyond overshoot, at a fixed step size; one draw serves all depths and numbers."""
    depths = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    dense = quality(draft=40, standard=150, paper=300)
    table = lab.sweep(
        ERROR,
        [PARITY],
        trials=quality(draft=2**12, standard=2**19, paper=2**22),
        axes={"hijackers": whole_numbers(1, 3000, 14), "depth": depths},
        predict=hijack_error,
        predict_axes={"hijackers": whole_numbers(1, 3000, dense), "depth": depths},
        label="error",
    )
    ends = [Hijack(1, 12, depth, 0.001, 0.75, Cone(0.6), Fixed(0.4)) for depth in (1, 2)]
    return pd.concat(
        [table, theory_table(hijack_error_limit, ends, "limit", label="limit")], ignore_index=True
    )


def draw_parity(data: pd.DataFrame) -> mpl.Figure:
    """Odd depths end almost always wrong, even depths almost always right."""
    figure, axes = canvas()
    colors = ("blue", "vermilion", "sky", "orange", "green", "pink")
    for depth, color in enumerate(colors, start=1):
        rows = data[(data["depth"] == depth) & (data["series"] == "error")]
        style = "-" if depth % 2 else (0, (6, 1.5))
        plot_theory(axes, rows, "hijackers", label=f"$L={depth}$", color=COLORS[color], linestyle=style)
        plot_simulation(axes, rows, "hijackers", label="_", color=COLORS[color])
    for level in data[data["series"] == "limit"]["value"]:
        axes.axhline(level, color="#888888", linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    axes.set(xscale="log", xlabel="hijackers $N$", ylabel="error $E$", ylim=(-0.02, 1.02))
    axes.set_title(r"$\alpha=0.001$, $c=0.75$, $d=12$, $\rho=0.6$, $s=0.4$")
    axes.legend(loc="center right", ncols=2)
    return figure


_MARKERS = " Lines: exact. Filled circles: sampled queries, by the exact reduction; bars: 95 % intervals of the means."

FIGURES = (
    Figure(
        id="G1",
        reproduces="",
        title="The effect of depth reverses between the theorem's regime and the experiments'",
        caption="Error against the number of hijackers N for transformers of L layers, each trained to the exact "
        "optimum of its step size on prompts of n examples (c = tau rho). Left, the regime of the paper's theorem "
        "(n far above d squared): deeper is worse. Right, that of its experiments (n about d, a concentrated prior): "
        "deeper is a little better where half of the answers are wrong. Dashed: gradient flow of the best time, the "
        "limit of infinite depth (R5); dotted: the ridge filter (R6), that of steps free to be complex; both trained "
        "to the limit of large n and d, their errors exact. Below: errors less that of one layer. "
        "The thin grey line is N = n/(d-1), where a "
        "typical hijacker has dose 1. Open diamonds: literal gradient descent on N identical tokens, one and eight "
        "layers." + _MARKERS,
        data=depth_reversal,
        draw=draw_depth_reversal,
    ),
    Figure(
        id="G3",
        reproduces="",
        title="Contractions are power means of 1 and q",
        caption="Contraction kappa of the hijacked direction at the leading-order optimal step size against the dose "
        "N r^2/n. One layer is the arithmetic mean of 1 and q = v/(B+v), infinite depth (gradient flow) the geometric, "
        "the ridge filter the harmonic one. All curves meet at dose 1: before it depth lowers kappa and helps the "
        "hijacker, beyond it raises it. The typical query flips at kappa = 1 - s tau rho^2. Exact formulas only.",
        data=power_means,
        draw=draw_power_means,
    ),
    Figure(
        id="G4",
        reproduces="",
        title="Far beyond overshoot the parity of the depth decides",
        caption="Error against the number of hijackers at one step size. Beyond alpha N r^2 = 1 the contraction is "
        "negative at odd depth and grows again at even depth. Dotted: the limits Phi(+-1/(c sqrt(1 - rho^2)))."
        + _MARKERS,
        data=parity,
        draw=draw_parity,
    ),
)
