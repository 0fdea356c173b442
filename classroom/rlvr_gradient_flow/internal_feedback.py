"""Training on one's own certainty: the first slope of the accuracy, and the worst end (R11)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from lemmata.classroom import (
    LOG,
    Axis,
    Badge,
    Curve,
    Demo,
    Dots,
    LogSlider,
    Plot,
    Points,
    Reading,
    Slider,
    Task,
)
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from lemmata.tally import Collect
from simulations.rlvr_gradient_flow import INTERNAL_FEEDBACK
from theory.rlvr_gradient_flow import (
    RandomPatterns,
    rlif_correlation,
    rlif_gain_probability,
    rlif_worst_limit,
    rlif_worst_probability,
)
from theory.rlvr_gradient_flow.rlif import SLOPE_SQUARED

COUNTS = Axis(label="number of patterns $K$", low=2, high=1024, scale=LOG, points=10)
SIZES = (4, 16, 128)
SLOPES = Axis(label="first slope of the accuracy, times $\\sqrt{K}$", low=-0.6, high=0.8, points=71)


def slope_density(model: RandomPatterns, slopes: Array) -> Array:
    """Density of the scaled slope: a normal one, tilted by what is known of the mean (R11).

    Slope and mean are jointly normal with correlation rho, and the mean exceeds delta sqrt(12 K) deviations.
    """
    from scipy import special

    rho, z = rlif_correlation(model), model.margin * math.sqrt(12 * model.patterns)
    scale = math.sqrt(SLOPE_SQUARED[model.answers])
    x = slopes / scale
    log_density = (
        -0.5 * x * x + special.log_ndtr((rho * x - z) / math.sqrt(1 - rho * rho)) - special.log_ndtr(-z)
    )
    return np.exp(log_density) / math.sqrt(2 * math.pi) / scale


def gain_along(model: RandomPatterns, counts: Array) -> Array:
    """Share of base models whose accuracy rises at first."""
    return np.array([rlif_gain_probability(RandomPatterns(round(k), model.margin)) for k in counts])


def worst_along(model: RandomPatterns, counts: Array) -> Array:
    """Share that ends at the worst pattern: exact without a margin, the limit of many patterns with one."""
    if model.margin:
        return np.full(len(counts), rlif_worst_limit(model))
    return np.array([rlif_worst_probability(RandomPatterns(round(k))) for k in counts])


def drawn_slopes(lab: Laboratory, model: RandomPatterns) -> Points:
    """A histogram of 2000 simulated slopes, as a density."""
    slopes = lab.samples(INTERNAL_FEEDBACK["slope"], model, 2000)[:2000] * math.sqrt(model.patterns)
    counts, edges = np.histogram(slopes, bins=np.linspace(SLOPES.low, SLOPES.high, 29))
    return Points((edges[1:] + edges[:-1]) / 2, counts / len(slopes) / np.diff(edges))


def drawn_shares(output: str) -> Callable[[Laboratory, RandomPatterns], Points]:
    """Share of 400 simulated base models, at a few numbers of patterns."""

    def draw(lab: Laboratory, model: RandomPatterns) -> Points:
        shares = [_shares(lab, RandomPatterns(count, model.margin))[output] for count in SIZES]
        return Points(np.array(SIZES, dtype=float), np.array(shares))

    return draw


@lru_cache(maxsize=8)
def _shares(lab: Laboratory, model: RandomPatterns) -> Mapping[str, float]:
    """Shares of the first 400 models, drawn once for both curves."""
    rows = Collect(rows=("gain", "worst"))
    found = lab.estimate(INTERNAL_FEEDBACK, model, 400, collect=rows)
    return {name: float(found[name].rows[:400].mean()) for name in rows.rows}


FEEDBACK = Demo(
    id="internal-feedback",
    title="Trusting its own certainty: first a gain, then a coin flip",
    sources=("R11",),
    story="A model without a teacher is trained to be certain. It has $K$ ways of reasoning with random "
    "success rates, and its base is right by majority. Certainty rewards patterns that are nearly always "
    "right, and just as much patterns that are nearly always wrong.",
    ask="Does the accuracy rise at first? And when training has gone on for very long, how often does the "
    "model end at its very worst pattern? Guess both numbers for a model with many patterns.",
    answer="At first the accuracy rises in 68 % of the cases, not always. In the end, nearly half of the "
    "models with many patterns finish at their worst pattern: the most extreme success rate may be near 1 "
    "or near 0. A base model that is clearly better than even (a margin) makes the first gain nearly "
    "certain, but with a margin of 0.1 more than one in five still ends at its worst.",
    controls=(
        LogSlider(
            name="patterns",
            label="number of patterns $K$",
            low=2,
            high=1024,
            default=64,
            steps=10,
            is_whole=True,
        ),
        Slider(
            name="margin",
            label="margin of the mean rate over 1/2 $\\delta$",
            low=0,
            high=0.1,
            default=0,
            steps=11,
        ),
    ),
    model=lambda values: RandomPatterns(round(values["patterns"]), values["margin"]),
    theory=(
        Curve(name="density", label="normal law, tilted", function=slope_density, along=SLOPES, color="blue"),
        Curve(
            name="gain",
            label="the accuracy rises at first",
            function=gain_along,
            along=COUNTS,
            uses=("margin",),
            color="blue",
        ),
        Curve(
            name="worst",
            label="the worst pattern wins",
            function=worst_along,
            along=COUNTS,
            uses=("margin",),
            color="vermilion",
        ),
    ),
    readings=(
        Reading(name="gain now", label="rises at first", curve="gain", at="patterns"),
        Reading(name="worst now", label="ends at the worst", curve="worst", at="patterns"),
    ),
    dots=(
        Dots(name="drawn slopes", label="2000 simulated models", function=drawn_slopes, color="blue"),
        Dots(
            name="drawn gain",
            label="400 models each",
            function=drawn_shares("gain"),
            uses=("margin",),
            color="blue",
        ),
        Dots(
            name="drawn worst",
            label="400 models each",
            function=drawn_shares("worst"),
            uses=("margin",),
            color="vermilion",
            marker="s",
        ),
    ),
    pictures=(
        Plot(
            title="How the accuracy starts to move",
            x=SLOPES,
            y=Axis(label="density", low=0, high=3),
            curves=("density",),
            dots=("drawn slopes",),
        ),
        Plot(
            title="How often",
            x=COUNTS,
            y=Axis(label="share of models", low=0, high=1),
            curves=("gain", "worst"),
            points=("gain now", "worst now"),
            dots=("drawn gain", "drawn worst"),
        ),
    ),
    badges=(
        Badge(label="rises at first", value="gain now", digits=".1%"),
        Badge(label="ends at its worst pattern", value="worst now", digits=".1%"),
    ),
    tasks=(
        Task(
            question="With 64 patterns and no margin, how often does the accuracy rise at first?",
            read="gain now",
            digits=".1%",
            because="$1/2 + \\arcsin(\\rho)/\\pi$: being right by majority helps, but not always.",
        ),
        Task(
            question="And how often does the model end at its worst pattern?",
            read="worst now",
            digits=".1%",
            because="The most extreme rate is nearly as often near 0 as near 1.",
        ),
        Task(
            question="With 4 patterns, how often does it end at the worst one?",
            read="worst now",
            at={"patterns": 4},
            digits=".1%",
            because="Exactly one in six.",
        ),
        Task(
            question="Set the margin to 0.1, again with 64 patterns. How often does the accuracy rise at "
            "first?",
            read="gain now",
            at={"margin": 0.1},
            digits=".1%",
            because="A clear majority makes the first gain nearly certain.",
        ),
    ),
    note="The curve of the gain and the density are limits of many patterns, so at few patterns the dots "
    "lie beside them.",
)
