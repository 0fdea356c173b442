"""Rules between patches: scatter with and without dependence (F1, F2), rare prefixes (F4), images (F6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from figures.ar_diffusion.looks import LOOKS, METHODS, NAMES, line, whole, with_steps
from lemmata.pictures import Figure, Quality, canvas, plot_simulation, plot_theory
from lemmata.tables import COLUMNS
from simulations.ar_diffusion import DATA, POSITION, RULE_VIOLATION
from theory.ar_diffusion import (
    Data,
    PointwiseDivergence,
    RuleSampling,
    Sampling,
    Scheme,
    ShadowImages,
    SunShadow,
    Uniform,
    pointwise_conditional_kl,
    rule_violation,
)

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

GRID = Uniform(300, 6, 0)
SIDE = 8


def _points(lab: Laboratory, target: Any, trials: int) -> pd.DataFrame:
    """Points (x_1, x_2) of data and of both methods, x_2 as the value: single draws and no means."""
    samples = {"data": lab.samples(DATA["position"], Data(target), trials)}
    for name, method in METHODS.items():
        samples[name] = lab.samples(POSITION["position"], Sampling(target, Scheme(method, GRID)), trials)
    frames = [
        pd.DataFrame(
            {
                "series": name,
                "x_1": x[:trials, 0],
                "output": "x_2",
                "kind": "draw",
                "value": x[:trials, 1],
            }
        )
        for name, x in samples.items()
    ]
    return pd.concat(frames, ignore_index=True).assign(trials=1)


def _violations(lab: Laboratory, target: SunShadow, quality: Quality) -> pd.DataFrame:
    """Rule violation of both methods along the number of steps, exact and sampled."""
    frames: list[pd.DataFrame] = []
    trials = quality(draft=1024, standard=1 << 17, paper=1 << 19)
    markers = quality(draft=(30, 300), standard=(30, 100, 300), paper=(30, 100, 300, 1000))
    for name, method in METHODS.items():
        model = RuleSampling(target, Scheme(method, GRID))
        exact = line(
            name,
            "violation",
            "steps",
            whole(30, 3000, 40),
            lambda n, m=model: rule_violation(with_steps(m, n)),
        )
        simulated = lab.sweep(
            RULE_VIOLATION["violation"], [with_steps(model, n) for n in markers], trials, label=name
        )
        frames += [exact, simulated.rename(columns={"scheme.grid.steps": "steps"})]
    return pd.concat(frames, ignore_index=True)


def _rule(gain: float) -> Any:
    def data(lab: Laboratory, quality: Quality) -> pd.DataFrame:
        target = SunShadow(gain=gain, rule_noise=0.2)
        points = _points(lab, target, quality(draft=200, standard=2000, paper=2000))
        return pd.concat([points, _violations(lab, target, quality)], ignore_index=True).assign(gain=gain)

    return data


def draw_rule(data: pd.DataFrame) -> mpl.Figure:
    """Scatter on a common scale with the rule's line, and the violation of the rule along the steps."""
    figure, panels = canvas(2, 2, height=1.5)
    points = data[data["output"] == "x_2"]
    gain = float(data["gain"].iloc[0])
    reach = 1.05 * float(points["value"].abs().max())
    for axes, name in zip(panels.flat, LOOKS, strict=False):
        own = points[points["series"] == name]
        axes.plot(own["x_1"], own["value"], ".", color=LOOKS[name]["color"], markersize=2, alpha=0.5)
        ends = np.array([-3.5, 3.5])
        axes.plot(ends, gain * ends, color="0.4", linewidth=0.8)
        axes.set(title=NAMES[name], xlabel="$x_1$", ylabel="$x_2$", xlim=(-4, 4), ylim=(-reach, reach))
    last = panels.flat[3]
    for name in METHODS:
        look = LOOKS[name]
        way = {"color": look["color"], "linestyle": "-" if name == "vanilla" else "--"}
        plot_theory(last, data, "steps", series=name, output="violation", label=NAMES[name], **way)
        plot_simulation(last, data, "steps", series=name, output="violation", label="_", **look)
    last.axhline(0.04, color="0.4", linewidth=0.8)
    last.set(
        xscale="log",
        yscale="log",
        xlabel="steps of each stage",
        ylabel=r"E$(x_2-g\,x_1)^2$",
        title="violation",
    )
    last.legend()
    return figure


# ------------------------------------------------------------------ F4: rare prefixes


def rare_prefixes(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Conditional KL along the prefix, both methods; the joint KL as a level is its average."""
    target = SunShadow(gain=3, rule_noise=0.2)
    frames = [
        line(
            name,
            "conditional KL",
            "x_1",
            np.geomspace(0.1, 200, quality(draft=40, standard=120, paper=240)),
            lambda x, m=method: pointwise_conditional_kl(
                PointwiseDivergence(target, Scheme(m, Uniform(3000, 6, 0)), (float(x),))
            ),
        )
        for name, method in METHODS.items()
    ]
    return pd.concat(frames, ignore_index=True)


def draw_rare_prefixes(data: pd.DataFrame) -> mpl.Figure:
    """Log-log: flat for AR, slope 2 for vanilla beyond the bulk of the prefixes."""
    figure, axes = canvas()
    axes.axvspan(0.1, 3, color="0.92", linewidth=0)
    axes.text(0.12, 3, "99.7 % of\nprefixes", color="0.4", va="top")
    for name in METHODS:
        plot_theory(axes, data, "x_1", series=name, color=LOOKS[name]["color"], label=NAMES[name])
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=r"prefix $|x_1|$ (standard deviations)",
        ylabel="conditional KL (nats)",
    )
    axes.legend(loc="center right")
    return figure


# ------------------------------------------------------------------ F6: images


def images(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Generated images, and the share of them whose shadow has not the sun's length, linked and independent."""
    trials = quality(draft=256, standard=4096, paper=1 << 15)
    frames: list[pd.DataFrame] = []
    for linked in (True, False):
        target = ShadowImages(is_linked=linked)
        for name, method in METHODS.items():
            models = [Sampling(target, Scheme(method, Uniform(n, 4, 0))) for n in (25, 50, 100, 200)]
            swept = lab.sweep(RULE_VIOLATION["broken"], models, trials, label=name)
            frames.append(swept.rename(columns={"scheme.grid.steps": "steps"}).assign(linked=linked))
    target = ShadowImages()
    shown = {"data": lab.samples(DATA["position"], Data(target), 8)}
    for name, method in METHODS.items():
        model = Sampling(target, Scheme(method, Uniform(25, 4, 0)))
        shown[name] = lab.samples(POSITION["position"], model, 8)
    for name, pixels in shown.items():
        where = np.indices((8, SIDE, SIDE)).reshape(3, -1)
        frames.append(
            pd.DataFrame({"series": name, "image": where[0], "row": where[1], "column": where[2]}).assign(
                output="pixel", kind="draw", value=pixels[:8].ravel(), trials=1
            )
        )
    table = pd.concat(frames, ignore_index=True)
    return table[["series", "steps", "linked", "image", "row", "column", *COLUMNS]]


def draw_images(data: pd.DataFrame) -> mpl.Figure:
    """Rows of images above, shares of broken rules below."""
    figure, _ = canvas(height=1.5)
    figure.clear()
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    pictures, charts = parts
    grid: Any = pictures.subplots(3, 8)
    for row, name in zip(grid, LOOKS, strict=True):
        own = data[(data["series"] == name) & (data["output"] == "pixel")]
        for i, axes in enumerate(row):
            pixels = own[own["image"] == i].sort_values(["row", "column"])["value"].to_numpy()
            axes.imshow(pixels.reshape(SIDE, SIDE), cmap="gray", vmin=-1.4, vmax=1.4)
            axes.set(xticks=[], yticks=[])
            axes.axhline(SIDE / 2 - 0.5, color=LOOKS["ar"]["color"], linewidth=0.6)
        row[0].set_ylabel(NAMES[name])
    panels: Any = charts.subplots(1, 2, sharex=True)
    for axes, linked in zip(panels, (True, False), strict=True):
        own = data[(data["output"] == "broken") & (data["linked"].astype(str) == str(linked))]
        for name in METHODS:
            plot_simulation(axes, own, "steps", series=name, label=NAMES[name], **LOOKS[name])
        axes.set(xscale="log", xlabel="steps of each stage", ylabel="share of broken rules")
        axes.set_title("shadow follows sun" if linked else "independent halves")
        axes.set_xticks([25, 50, 100, 200], ["25", "50", "100", "200"])
        axes.minorticks_off()
    panels[0].set_yscale("log")
    panels[1].set_ylim(0, 1)
    panels[0].legend()
    return figure


_SCATTER = (
    "Points: data, and the output of both samplers after 300 equal steps of each stage (T = 6, no early stop). Grey "
    "line: the rule. Below right: mean squared violation along the steps; lines: exact (R14), markers: particles with "
    "95 % intervals, grey: data. All parameters are ours; the paper's task has images of networks."
)

FIGURES = (
    Figure(
        id="F1",
        reproduces="task 1 (a rule between patches)",
        title="With a rule between patches, AR keeps to it",
        caption=f"x_2 = 3 x_1 + 0.2 xi. {_SCATTER}",
        data=_rule(3.0),
        draw=draw_rule,
    ),
    Figure(
        id="F2",
        reproduces="task 2 (independent patches)",
        title="Without dependence the two samplers agree",
        caption=f"As F1, with gain 0: x_2 = 0.2 xi is independent of x_1. {_SCATTER}",
        data=_rule(0.0),
        draw=draw_rule,
    ),
    Figure(
        id="F4",
        reproduces="the lemma on conditional KL, by its exact counterpart",
        title="Vanilla diffusion's conditional KL grows with the prefix, AR's does not",
        caption="KL of the second patch's conditional law at a prefix x_1 (exact, R6); gain 3, sigma = 0.2, 3000 equal "
        "steps, T = 6. Grey: where 99.7 % of the prefixes are. On average no conditional KL exceeds the joint one.",
        data=rare_prefixes,
        draw=draw_rare_prefixes,
    ),
    Figure(
        id="F6",
        reproduces="tasks 1 and 2, by images that this suite draws",
        title="Images whose lower half must fit the upper one",
        caption="8 x 8 images of a disc, whose height fixes the length of a bar below the line: a mixture of six "
        "clean images with pixel noise 0.1, sampled with its exact score. Above: data, and both samplers after 25 "
        "equal steps of each stage (T = 4). Below: share of images whose bar has not the disc's length (by the nearest "
        "clean halves), with 95 % intervals; right: independent halves, 36 clean images. Parameters are ours.",
        data=images,
        draw=draw_images,
    ),
)
