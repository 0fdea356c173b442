"""Exact divergences and costs: along the steps (F3), patches (F5), the phase diagram (B2), rates (B3), order (B4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from figures.ar_diffusion.looks import LOOKS, METHODS, NAMES, line, whole
from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_theory
from theory.ar_diffusion import (
    AR,
    Accuracy,
    Autoregressive,
    Divergence,
    EqualCalls,
    Exponential,
    Noised,
    PathOptimal,
    Sampling,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    fisher_information,
    joint_kl,
    path_kl,
    phase_boundary,
    stage_kl,
    steps_to_accuracy,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

STYLES = {"joint": "-", "first": ":", "second": "--"}

# ------------------------------------------------------------------ F3: along the steps


def along_steps(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Joint and stage divergences along the number of steps."""
    target = SunShadow(gain=3, rule_noise=0.2)
    count = quality(draft=15, standard=40, paper=60)
    frames: list[pd.DataFrame] = []
    for grid, steps in (("uniform", whole(60, 60_000, count)), ("exponential", whole(15, 1000, count))):
        for name, method in METHODS.items():
            values: dict[int, dict[str, float]] = {}
            for n in steps:
                chosen = Uniform(n, 8, 0) if grid == "uniform" else Exponential(n, 8, 1e-7)
                model = Divergence(target, Scheme(method, chosen))
                values[n] = dict(zip(STYLES, (joint_kl(model), *stage_kl(model)), strict=True))
            frames += [
                line(name, output, "steps", steps, lambda n, v=values, o=output: v[n][o], grid=grid)
                for output in STYLES
            ]
    return pd.concat(frames, ignore_index=True)


def draw_along_steps(data: pd.DataFrame) -> mpl.Figure:
    """Log-log, one panel a grid."""
    figure, panels = canvas(1, 2, height=0.9, sharey=True)
    for axes, grid in zip(panels, ("uniform", "exponential"), strict=True):
        own = data[data["grid"] == grid]
        for name in METHODS:
            for output, style in STYLES.items():
                label = f"{NAMES[name]}, {output}" + ("" if output == "joint" else " patch")
                plot_theory(
                    axes,
                    own,
                    "steps",
                    series=name,
                    output=output,
                    label=label,
                    color=LOOKS[name]["color"],
                    linestyle=style,
                )
        axes.set(xscale="log", yscale="log", xlabel="steps of each stage", title=f"{grid} steps")
    panels[0].set_ylabel("KL (nats)")
    panels[0].legend(fontsize="x-small")
    return figure


# ------------------------------------------------------------------ F5: number of patches


def along_patches(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Calls, and calls times dimensions, that reach KL <= 0.01, along the number of patches."""
    frames: list[pd.DataFrame] = []
    for grid, chosen in (("uniform", Uniform(1, 6, 0)), ("exponential", Exponential(1, 6, 1e-5))):
        for name, method in METHODS.items():
            for patches in (1, 2, 4, 8):
                target = Autoregressive(8, 0.9, patches)
                steps = steps_to_accuracy(Accuracy(target, Scheme(method, chosen), 0.01))
                stages = len(method.stages(target.sizes))
                for output, calls in (("calls", steps * stages), ("calls x dimensions", steps * 8)):
                    frames.append(line(name, output, "patches", [patches], lambda _, c=calls: c, grid=grid))
    return pd.concat(frames, ignore_index=True)


def draw_along_patches(data: pd.DataFrame) -> mpl.Figure:
    """One panel for calls, one for calls times dimensions; line styles tell the grids apart."""
    figure, panels = canvas(1, 2, height=0.9)
    for axes, output in zip(panels, ("calls", "calls x dimensions"), strict=True):
        for grid, style in (("uniform", "-"), ("exponential", "--")):
            for name in METHODS:
                own = data[data["grid"] == grid]
                look = {
                    "color": LOOKS[name]["color"],
                    "linestyle": style,
                    "marker": ".",
                    "label": f"{NAMES[name]}, {grid}",
                }
                plot_theory(axes, own, "patches", series=name, output=output, **look)
        axes.set(xscale="log", yscale="log", xlabel="patches $K$", title=output)
        axes.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
        axes.minorticks_off()
    panels[1].legend(fontsize="x-small")
    return figure


# ------------------------------------------------------------------ B1: Fisher area


def fisher_areas(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Fisher information along the noising time, both methods."""
    target = SunShadow(gain=3, rule_noise=0.3)
    times = np.geomspace(1e-4, 4, quality(draft=60, standard=200, paper=400))
    frames = [
        line(name, "J", "time", times, lambda t, m=method: fisher_information(Noised(target, m, float(t))))
        for name, method in METHODS.items()
    ]
    return pd.concat(frames, ignore_index=True)


def draw_fisher_areas(data: pd.DataFrame) -> mpl.Figure:
    """(J - d) tau over log tau, so that areas are those of J over tau; the two areas are equal."""
    figure, axes = canvas()
    curves = {}
    for name in METHODS:
        rows = data[data["series"] == name].sort_values("time")
        curves[name] = (rows["value"].to_numpy() - 2) * rows["time"].to_numpy()
        axes.plot(rows["time"], curves[name], color=LOOKS[name]["color"], label=NAMES[name])
    time = data[data["series"] == "ar"].sort_values("time")["time"]
    axes.fill_between(time, curves["vanilla"], curves["ar"], color="0.9", linewidth=0)
    axes.set(xscale="log", xlabel=r"noising time $\tau$", ylabel=r"$\tau\,(J_\tau-d)$")
    axes.legend()
    return figure


# ------------------------------------------------------------------ B2: phase diagram


def phases(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """log10 of KL(vanilla)/KL(AR) at equal total calls, along gain and calls; and the boundary to leading order."""
    size = quality(draft=8, standard=23, paper=31)
    frames: list[pd.DataFrame] = []
    for grid, low, high in (("uniform", 200, 40_000), ("exponential", 40, 2000)):
        for calls in whole(low, high, size):
            even = 2 * (calls // 2)

            def advantage(gain: float, calls: int = even, grid: str = grid) -> float:
                target = SunShadow(gain=float(gain), rule_noise=0.2)
                pair = []
                for method, steps in ((Vanilla(), calls), (AR(), calls // 2)):
                    chosen = Uniform(steps, 6, 0) if grid == "uniform" else Exponential(steps, 6, 1e-6)
                    pair.append(joint_kl(Divergence(target, Scheme(method, chosen))))
                return float(np.log10(pair[0] / pair[1]))

            gains = np.linspace(0, 3, size)
            frames.append(line("advantage", "log10 ratio", "gain", gains, advantage, calls=even, grid=grid))
    boundary = phase_boundary(EqualCalls(0.2))
    frames.append(line("boundary", "gain", "gain", [boundary], lambda g: g, calls=0, grid="uniform"))
    return pd.concat(frames, ignore_index=True)


def draw_phases(data: pd.DataFrame) -> mpl.Figure:
    """Blue: AR better; red: vanilla better."""
    figure, panels = canvas(1, 2, height=0.9)
    boundary = float(data[data["series"] == "boundary"]["value"].iloc[0])
    colours = {"cmap": "RdBu", "vmin": -1.5, "vmax": 1.5, "shading": "nearest", "rasterized": True}
    for axes, grid in zip(panels, ("uniform", "exponential"), strict=True):
        own = data[(data["grid"] == grid) & (data["series"] == "advantage")]
        table = own.pivot_table(index="calls", columns="gain", values="value")
        calls, gains, values = table.index.to_numpy(), table.columns.to_numpy(), table.to_numpy()
        axes.pcolormesh(gains, calls, values, **colours)
        axes.contour(gains, calls, values, levels=[0], colors="black", linewidths=0.9)
        axes.set(yscale="log", xlabel="gain $g$", title=f"{grid} steps")
    panels[0].axvline(boundary, color="black", linestyle=":", linewidth=0.9)
    panels[0].set_ylabel("total calls")
    figure.colorbar(panels[0].collections[0], ax=list(panels), label=r"$\log_{10}$ KL vanilla / KL AR")
    return figure


# ------------------------------------------------------------------ B3: two rates, and grids


def rates(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Path KL and KL of the output from the stopped data, vanilla, on three grids."""
    target = SunShadow(gain=3, rule_noise=0.5)
    steps = whole(20, 2560, quality(draft=8, standard=25, paper=50))
    frames: list[pd.DataFrame] = []
    for name, kind in (("uniform", Uniform), ("exponential", Exponential), ("path-optimal", PathOptimal)):
        for n in steps:
            scheme = Scheme(Vanilla(), kind(n, 8, 1e-3))
            for output, value in (
                ("path KL", path_kl(Sampling(target, scheme))),
                ("KL", joint_kl(Divergence(target, scheme, "stopped"))),
            ):
                frames.append(line(name, output, "steps", [n], lambda _, v=value: v))
    return pd.concat(frames, ignore_index=True)


def draw_rates(data: pd.DataFrame) -> mpl.Figure:
    """Log-log, slopes -1 and -2."""
    figure, axes = canvas()
    for name, color in (("uniform", "vermilion"), ("exponential", "blue"), ("path-optimal", "green")):
        for output, style in (("path KL", "--"), ("KL", "-")):
            plot_theory(
                axes,
                data,
                "steps",
                series=name,
                output=output,
                label=f"{output}, {name}",
                color=COLORS[color],
                linestyle=style,
            )
    axes.set(xscale="log", yscale="log", xlabel="steps $N$", ylabel="nats")
    axes.legend(fontsize="x-small", loc="lower left")
    return figure


# ------------------------------------------------------------------ B4: order of the patches


def orders(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """KL of AR along the gain for both orders, and of vanilla."""
    gains = np.linspace(0.05, 4, quality(draft=20, standard=80, paper=160))
    ways = {"sun first": AR(), "shadow first": AR((1, 0)), "vanilla": Vanilla()}
    frames = [
        line(
            name,
            "KL",
            "gain",
            gains,
            lambda g, m=method: joint_kl(
                Divergence(SunShadow(gain=float(g), rule_noise=0.2), Scheme(m, Uniform(4000, 8, 0)))
            ),
        )
        for name, method in ways.items()
    ]
    return pd.concat(frames, ignore_index=True)


def draw_orders(data: pd.DataFrame) -> mpl.Figure:
    """The curves of the two orders cross near gain 1."""
    figure, axes = canvas()
    for name, color in (("sun first", "blue"), ("shadow first", "sky"), ("vanilla", "vermilion")):
        plot_theory(axes, data, "gain", series=name, label=name, color=COLORS[color])
    axes.set(yscale="log", xlabel="gain $g$", ylabel="KL (nats)")
    axes.legend()
    return figure


FIGURES = (
    Figure(
        id="F3",
        reproduces="convergence of the conditionals, by exact laws",
        title="Joint and stage divergences fall like the inverse square of the steps",
        caption="Exact KL from the data (R3, R4); gain 3, sigma = 0.2, T = 8; equal steps without early stop, and "
        "exponential steps with early stop 1e-7, on which the advantage of AR is gone. Parameters are ours.",
        data=along_steps,
        draw=draw_along_steps,
    ),
    Figure(
        id="F5",
        reproduces="inference cost against the number of stages",
        title="Cost of equal accuracy along the number of patches",
        caption="Calls (left) and calls times dimensions (right) until KL(p || output) <= 0.01 (exact, R10); x an "
        "autoregression, d = 8, rho = 0.9, in K equal patches; T = 6, early stop 0 (uniform) or 1e-5 (exponential).",
        data=along_patches,
        draw=draw_along_patches,
    ),
    Figure(
        id="B1",
        reproduces="",
        title="AR moves Fisher information from low to high noise",
        caption="Fisher information along the noising, gain 3, sigma = 0.3 (exact, R9). Over log tau the height is tau "
        "(J - d), so that areas are integrals of J over tau: the two grey areas are equal.",
        data=fisher_areas,
        draw=draw_fisher_areas,
    ),
    Figure(
        id="B2",
        reproduces="",
        title="Which sampler is better at equal total calls",
        caption="Exact divergences with sigma = 0.2, T = 6 (R10). Blue: AR is better; red: vanilla. Black: equal. "
        "Dotted: the boundary to leading order. Exponential steps stop at 1e-6.",
        data=phases,
        draw=draw_phases,
    ),
    Figure(
        id="B3",
        reproduces="",
        title="The bound falls like 1/N, the divergence like 1/N^2",
        caption="Path KL (dashed, what the theory bounds) and KL of the output from the stopped data (solid), "
        "vanilla, gain 3, sigma = 0.5, T = 8, early stop 1e-3; three grids (R8, R12).",
        data=rates,
        draw=draw_rates,
    ),
    Figure(
        id="B4",
        reproduces="",
        title="The order of the patches matters",
        caption="Exact KL along the gain, sigma = 0.2, 4000 equal steps of each stage, T = 8 (R11).",
        data=orders,
        draw=draw_orders,
    ),
)
