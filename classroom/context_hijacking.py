"""Demonstrations of arXiv 2502.15609: how copies of one example turn an answer, and whether depth helps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from lemmata.classroom import (
    Axis,
    Badge,
    Curve,
    Demo,
    Dots,
    LogSlider,
    Number,
    Path,
    Plot,
    Points,
    Reading,
    Slider,
    Task,
    Values,
    WholeSlider,
)
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from simulations.context_hijacking import HIJACK
from theory.context_hijacking import (
    Cone,
    Depths,
    Dose,
    Fixed,
    Hijack,
    TunedHijack,
    contraction,
    depth_helps,
)
from theory.context_hijacking.depth import critical_contraction
from theory.context_hijacking.hijacking import hijack_error_at
from theory.context_hijacking.thresholds import trained

DIMENSION, MARGIN = 10, 0.5
RADIUS = math.sqrt(DIMENSION - 1)  # of the typical hijacker
MOST_LAYERS, PROMPTS = 8, 400
HIJACKERS = Axis(label="hijackers $N$", low=0, high=200, points=101)
ANGLE = Slider(
    name="angle", label="angle of the task to the prior, degrees", low=5, high=45, default=25, steps=5
)
EXAMPLES = LogSlider(
    name="examples",
    label="length of the training prompts $n$",
    low=20,
    high=2000,
    default=200,
    steps=7,
    is_whole=True,
)


@dataclass(frozen=True)
class Prompt:
    """What a prompt is answered by and filled with: a transformer's training and depth, and N hijackers."""

    examples: int
    correlation: float
    depth: int
    hijackers: int

    @property
    def transformer(self) -> Hijack:
        """The transformer with its best step size."""
        return _trained(self.examples, self.correlation, self.depth)

    def at_depth(self, depth: int) -> Hijack:
        """Another transformer for the same training prompts."""
        return _trained(self.examples, self.correlation, depth)


@lru_cache(maxsize=256)
def _trained(examples: int, correlation: float, depth: int) -> Hijack:
    return trained(TunedHijack(examples, DIMENSION, depth, Cone(correlation), Fixed(MARGIN)))


def prompt(values: Values) -> Prompt:
    """The prompt at the controls' values."""
    correlation = math.cos(math.radians(values["angle"]))
    return Prompt(round(values["examples"]), correlation, values["depth"], values["hijackers"])


# ------------------------------------------------------------------ the plane of the task and the hijacker


def descent(model: Prompt) -> Array:
    """Places of w_0, ..., w_L in the plane of the hijacker's direction and the task, for g = 0 (R7).

    w_0 lies above the origin, at c rho; a step moves w along the hijacker alone. Beyond the last layer it stays.
    """
    rate = model.transformer.step_size * model.hijackers * RADIUS**2
    kept = (1 - rate) ** np.minimum(np.arange(MOST_LAYERS + 1), model.depth)
    return np.array([-(1 - kept) / RADIUS, np.full(len(kept), _height(model))])


def boundary(model: Prompt) -> Array:
    """Two points of the line between the answers +1 (above) and -1 (below) after the last layer."""
    across = descent(model)[0, -1]
    x = np.array([-1.0, 5.0])
    return np.array([x, -across * x / _height(model)])


def typical_margin(model: Prompt) -> float:
    """The answer to the typical query: right where it is positive."""
    return float(MARGIN * _height(model) + descent(model)[0, -1] * RADIUS)


def _height(model: Prompt) -> float:
    return model.transformer.initial_scale * model.correlation


# ------------------------------------------------------------------ errors


def error_at_depth(depth: int | None):
    """The exact error along the number of hijackers (R7); without a depth at that of the control."""

    def values(model: Prompt, hijackers: Array) -> Array:
        transformer = model.transformer if depth is None else model.at_depth(depth)
        return np.array([hijack_error_at(transformer, float(count)) for count in hijackers])

    return values


def drawn_errors(lab: Laboratory, model: Prompt) -> Points:
    """Share of wrong answers along the number of hijackers."""
    counts = np.arange(0.0, 201.0, 20.0)
    return wrong_answers(lab, model.transformer, counts, counts)


def wrong_answers(lab: Laboratory, transformer: Hijack, hijackers: Array, x: Array) -> Points:
    """Share of wrong answers among simulated prompts at places x, with 95 % intervals of Wilson."""
    axes = {
        "hijackers": hijackers.tolist(),
        "depth": [transformer.depth],
        "step_size": [transformer.step_size],
    }
    wrong = lab.samples(HIJACK["error"], transformer, PROMPTS, axes=axes)[:PROMPTS, :, 0, 0]
    share, z = wrong.mean(axis=0), 1.96
    middle = (share + z * z / (2 * PROMPTS)) / (1 + z * z / PROMPTS)
    half = z * np.sqrt(share * (1 - share) / PROMPTS + (z / (2 * PROMPTS)) ** 2) / (1 + z * z / PROMPTS)
    return Points(x, share, np.minimum(middle - half, share), np.maximum(middle + half, share))


def depth_advantage(model: Prompt) -> float:
    """q - kappa_c of R12: depth helps where it is positive."""
    return depth_helps(Depths(model.examples, DIMENSION, Cone(model.correlation), Fixed(MARGIN)))


FLIP = Demo(
    id="flip",
    title="Copies of one true example turn the answer",
    sources=("R1", "R7", "R12", "R13"),
    story="A transformer of $L$ linear layers takes $L$ steps of gradient descent on its prompt. It starts "
    "from what training taught it. Now the prompt holds nothing but $N$ copies of one example. The example "
    "is true, it lies near the query, and it belongs to the other side of the boundary.",
    ask="You will add more and more copies. The answer turns wrong at some number of copies. Then choose an "
    "even number of layers and go on adding copies: does the answer stay wrong for ever?",
    answer="The layers push the weight vector sideways, so the boundary turns and passes over the query. "
    "With an even number of layers the steps become so long that they jump back over the optimum an even "
    "number of times: the boundary turns the other way and the answer is right again. With an odd number it "
    "stays wrong.",
    controls=(
        WholeSlider(name="hijackers", label="hijackers $N$", low=0, high=200, default=20, stride=10),
        WholeSlider(name="depth", label="layers $L$", low=1, high=MOST_LAYERS, default=2),
        ANGLE,
        EXAMPLES,
    ),
    model=prompt,
    theory=(
        Path(
            name="descent",
            label="weights $w_0, \\dots, w_L$",
            function=descent,
            length=MOST_LAYERS + 1,
            marked=True,
            color="blue",
        ),
        Path(name="boundary", label="decision line", function=boundary, length=2, color="vermilion"),
        Path(
            name="query",
            label="query",
            function=lambda model: np.array([[RADIUS], [MARGIN]]),
            length=1,
            uses=(),
            joined=False,
            marked=True,
            color="green",
        ),
        Path(
            name="hijacker",
            label="hijacker",
            function=lambda model: np.array([[RADIUS], [0.0]]),
            length=1,
            uses=(),
            joined=False,
            marked=True,
            color="pink",
        ),
        Curve(
            name="shallow",
            label="$L = 1$",
            function=error_at_depth(1),
            along=HIJACKERS,
            uses=("angle", "examples"),
            color="sky",
            dashed=True,
        ),
        Curve(
            name="deep",
            label=f"$L = {MOST_LAYERS}$",
            function=error_at_depth(MOST_LAYERS),
            along=HIJACKERS,
            uses=("angle", "examples"),
            color="orange",
            dashed=True,
        ),
        Curve(
            name="error",
            label="error at depth $L$",
            function=error_at_depth(None),
            along=HIJACKERS,
            uses=("depth", "angle", "examples"),
            color="blue",
        ),
        Number(name="margin", label="answer to the typical query", function=typical_margin),
        Number(name="advantage", label="depth", function=depth_advantage, uses=("angle", "examples")),
    ),
    readings=(Reading(name="error now", label="error now", curve="error", at="hijackers"),),
    dots=(
        Dots(
            name="drawn",
            label=f"{PROMPTS} simulated prompts",
            function=drawn_errors,
            uses=("depth", "angle", "examples"),
            color="vermilion",
        ),
    ),
    pictures=(
        Plot(
            title="The plane of the hijacker and the task",
            x=Axis(label="along the hijacker", low=-1, high=4),
            y=Axis(label="along the task $w^*$", low=-1.5, high=1.5),
            paths=("boundary", "descent", "query", "hijacker"),
        ),
        Plot(
            title="Probability of a wrong answer",
            x=HIJACKERS,
            y=Axis(label="error", low=0, high=1),
            curves=("shallow", "deep", "error"),
            points=("error now",),
            dots=("drawn",),
        ),
    ),
    badges=(
        Badge(label="answer to the typical query", value="margin", cases=((0, "wrong"), (math.inf, "right"))),
        Badge(
            label="more layers",
            value="advantage",
            cases=((0, "hurt (leading order)"), (math.inf, "help (leading order)")),
        ),
        Badge(label="error", value="error now"),
    ),
    tasks=(
        Task(
            question="Leave everything as it is. How large is the error with 20 hijackers?",
            read="error now",
            because="Most queries are already answered wrongly.",
        ),
        Task(
            question="Go on to 200 hijackers, still with two layers. How large is the error now?",
            read="error now",
            at={"hijackers": 200},
            because="Two layers: the second step jumps back. The answer is right again.",
        ),
        Task(
            question="Now take one layer, again with 200 hijackers. How large is the error?",
            read="error now",
            at={"hijackers": 200, "depth": 1},
            because="An odd number of layers never comes back.",
        ),
        Task(
            question="Set the angle to 5 degrees, the training prompts to 20, the hijackers to 20, the "
            "layers to 1, then to 8. Is the deeper transformer better? Write down the error at 8.",
            read="error now",
            at={"angle": 5, "examples": 20, "hijackers": 20, "depth": 8},
            because="Yes: with one layer it is twice as large. With a strong prior and short training "
            "prompts depth helps; with long ones it hurts.",
        ),
    ),
    note="The dots hold exact finite-size draws, so they scatter about the curve by chance alone. The plane "
    "shows the typical query ($g = 0$, hijacker of length $\\sqrt{d-1}$); the error counts all queries.",
)

# ------------------------------------------------------------------ power means

DOSES = Axis(label="dose $N r^2 / n$", low=0, high=1.6, points=65)
EXPONENTS = MappingProxyType({"L = 1": 1.0, "L = 2": 0.5, "L = 4": 0.25, "gradient flow": 0.0, "ridge": -1.0})
LOOKS = MappingProxyType(
    {"L = 1": "sky", "L = 2": "blue", "L = 4": "green", "gradient flow": "orange", "ridge": "vermilion"}
)
TRIED = MappingProxyType({1: "sky", 4: "green"})  # depths whose exact errors are shown


def training(values: Values) -> Depths:
    """The training prompts at the controls' values."""
    correlation = math.cos(math.radians(values["angle"]))
    return Depths(round(values["examples"]), DIMENSION, Cone(correlation), Fixed(values["margin"]))


def contraction_at(exponent: float):
    """kappa along the dose (R11)."""

    def values(model: Depths, doses: Array) -> Array:
        given = (model.examples, model.dimension, model.prior)
        return np.array([contraction(Dose(*given, dose=float(dose), exponent=exponent)) for dose in doses])

    return values


def answering(model: Depths, depth: int) -> Hijack:
    """The transformer of this depth with its exact best step size."""
    return trained(TunedHijack(model.examples, model.dimension, depth, model.prior, model.margin))


def hijackers_in(model: Depths, doses: Array) -> Array:
    """How many hijackers of the typical length are these doses, as real numbers."""
    return doses * model.examples / RADIUS**2


def error_along_dose(depth: int):
    """The exact error along the dose (R7)."""

    def values(model: Depths, doses: Array) -> Array:
        transformer = answering(model, depth)
        counts = hijackers_in(model, doses)
        return np.array([hijack_error_at(transformer, float(count)) for count in counts])

    return values


def drawn_along_dose(depth: int):
    """Share of wrong answers along the dose, each time with a whole number of hijackers."""

    def draw(lab: Laboratory, model: Depths) -> Points:
        counts = np.unique(np.round(hijackers_in(model, np.linspace(0, DOSES.high, 9))))
        counts = counts[counts <= hijackers_in(model, np.array(DOSES.high))]
        return wrong_answers(lab, answering(model, depth), counts, counts * RADIUS**2 / model.examples)

    return draw


POWER_MEANS = Demo(
    id="power-means",
    title="Depth takes another mean of the same two numbers",
    sources=("R11", "R12"),
    story="How much of the starting answer survives the hijackers? The surviving share $\\kappa$ is a mean "
    "of two numbers: 1 (no hijackers) and $q$ (as much as training leaves). One layer takes the arithmetic "
    "mean, many layers take the geometric mean, ridge regression takes the harmonic mean.",
    ask="All curves meet in one point. To the left of it, which depth keeps more of the answer? Now make "
    "the training prompts longer: does the dashed line (where the answer flips) cross the curves to the "
    "left or to the right of that point?",
    answer="The arithmetic mean is the largest, so one layer keeps most before the curves meet; beyond the "
    "meeting point the order is reversed. Long training prompts push the meeting point below the dashed "
    "line: the answer flips before the curves meet, and depth hurts. Short prompts lift it above the line, "
    "and depth helps. Press Draw: simulated prompts are answered wrongly as often as the exact errors say, and "
    "up to a dose of 1 one layer errs less often than four.",
    controls=(
        ANGLE,
        EXAMPLES,
        Slider(name="margin", label="margin of the query $s$", low=0.1, high=1, default=0.5, steps=10),
    ),
    model=training,
    theory=(
        *(
            Curve(
                name=name,
                label=f"${name}$" if "=" in name else name,
                function=contraction_at(exponent),
                along=DOSES,
                uses=("angle", "examples"),
                color=LOOKS[name],
            )
            for name, exponent in EXPONENTS.items()
        ),
        *(
            Curve(
                name=f"error {depth}",
                label=f"$L = {depth}$",
                function=error_along_dose(depth),
                along=DOSES,
                color=color,
            )
            for depth, color in TRIED.items()
        ),
        Number(
            name="critical",
            label="the typical answer flips",
            function=critical_contraction,
            uses=("angle", "margin"),
            dashed=True,
        ),
        Number(name="advantage", label="depth", function=depth_helps),
    ),
    dots=tuple(
        Dots(
            name=f"drawn {depth}",
            label=f"{PROMPTS} prompts, $L = {depth}$",
            function=drawn_along_dose(depth),
            color=color,
            marker=marker,
        )
        for (depth, color), marker in zip(TRIED.items(), "os", strict=True)
    ),
    pictures=(
        Plot(
            title="How much of the answer survives",
            x=DOSES,
            y=Axis(label="contraction $\\kappa$", low=-0.2, high=1),
            curves=tuple(EXPONENTS),
            levels=("critical",),
        ),
        Plot(
            title="Probability of a wrong answer",
            x=DOSES,
            y=Axis(label="error", low=0, high=1),
            curves=tuple(f"error {depth}" for depth in TRIED),
            dots=tuple(f"drawn {depth}" for depth in TRIED),
        ),
    ),
    badges=(
        Badge(label="more layers", value="advantage", cases=((0, "hurt"), (math.inf, "help"))),
        Badge(label="flips at contraction", value="critical"),
    ),
    tasks=(
        Task(
            question="At the start, where does the typical answer flip? Give $\\kappa$.",
            read="critical",
            because="$1 - s\\,\\tau\\rho^2$ with $\\tau = \\sqrt{2/\\pi}$: the query's own lift against the "
            "push.",
        ),
        Task(
            question="Raise the margin to 1. Where does it flip now?",
            read="critical",
            at={"margin": 1},
            because="A query far from the boundary survives more hijacking.",
        ),
    ),
    note="The contractions are of leading order for long training prompts, for hijackers of the typical length. "
    "The errors are exact, for best step sizes and hijackers of any length, and the dots scatter about them by chance "
    "alone. There are few dots where training prompts are short: a dose of 1.6 is then three copies.",
)

DEMOS = (FLIP, POWER_MEANS)
