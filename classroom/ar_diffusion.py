"""Demonstrations of arXiv 2504.21314: a rule between two patches, sampled at once or one patch after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.classroom import (
    LOG,
    Axis,
    Badge,
    Bar,
    Bars,
    Choice,
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
)
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from simulations.ar_diffusion import POSITION
from theory.ar_diffusion import (
    AR,
    Divergence,
    Exponential,
    GaussianSampling,
    PointwiseDivergence,
    Sampling,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    joint_kl,
    output_law,
    pointwise_conditional_kl,
    stage_kl,
)

HORIZON, EARLY_STOP = 6.0, 1e-5
EQUAL, ADAPTED = "equal steps", "exponential steps"
Variant = Vanilla | AR
VANILLA, BY_PATCH = Vanilla(), AR()
PARTICLES = 150
GAINS = Axis(label="gain of the rule $g$", low=0, high=10, points=41)
DIVERGENCES = Axis(label="KL divergence", low=1e-5, high=100, scale=LOG)
CALLS = ("20", "60", "200", "600", "2000")

GAIN = Slider(name="gain", label="gain of the rule $g$", low=0, high=10, default=3, steps=21)
NOISE = LogSlider(name="noise", label="noise of the rule $\\sigma$", low=0.05, high=0.8, default=0.2, steps=5)
BUDGET = Choice(name="calls", label="network calls in all", options=CALLS, default="600")
GRID = Choice(name="grid", label="grid", options=(EQUAL, ADAPTED), default=EQUAL)


@dataclass(frozen=True)
class Contest:
    """A rule x_2 = g x_1 + sigma xi, and how many calls of which grid both methods have for it."""

    gain: float
    noise: float
    calls: int
    grid: str

    @property
    def target(self) -> SunShadow:
        """The law of the data."""
        return SunShadow(self.gain, self.noise)

    def scheme(self, method: Variant) -> Scheme:
        """How a method spends the calls: AR has two stages, so each of them has half of the steps."""
        steps = self.calls // 2 if isinstance(method, AR) else self.calls
        grid = Uniform(steps, HORIZON) if self.grid == EQUAL else Exponential(steps, HORIZON, EARLY_STOP)
        return Scheme(method, grid)


def contest(values: Values) -> Contest:
    """The contest at the controls' values."""
    return Contest(values["gain"], values["noise"], int(values["calls"]), values["grid"])


# ------------------------------------------------------------------ the clouds


def squeezed(x: Array, gain: float) -> Array:
    """Coordinates (2, N) with x_2 divided by sqrt(1 + g^2), so that every rule fits on the screen."""
    return np.array([x[0], x[1] / math.sqrt(1 + gain**2)])


def ellipse(mean: npt.NDArray[Any], covariance: npt.NDArray[Any], gain: float) -> Array:
    """Border of the region that holds 95 % of a normal law in the plane, (2, 33)."""
    turn = np.linspace(0, 2 * math.pi, 33)
    circle = math.sqrt(-2 * math.log(0.05)) * np.array([np.cos(turn), np.sin(turn)])
    return squeezed(mean[:, None] + np.linalg.cholesky(covariance) @ circle, gain)


def truth(model: Contest) -> Array:
    """The data's ellipse."""
    return ellipse(model.target.mean_vector(), model.target.covariance_matrix(), model.gain)


def made_by(method: Variant) -> Callable[[Contest], Array]:
    """The ellipse of a method's output, whose law is exact (R1, R4)."""

    def values(model: Contest) -> Array:
        law = output_law(GaussianSampling(model.target, model.scheme(method)))
        return ellipse(law[0], law[1:], model.gain)

    return values


def rule(model: Contest) -> Array:
    """Two points of the line x_2 = g x_1."""
    x = np.array([-3.0, 3.0])
    return squeezed(np.array([x, model.gain * x]), model.gain)


def cloud(method: Variant) -> Callable[[Laboratory, Contest], Points]:
    """Particles of a method's sampler."""

    def draw(lab: Laboratory, model: Contest) -> Points:
        run = Sampling(model.target, model.scheme(method))
        x = lab.samples(POSITION["position"], run, PARTICLES)[:PARTICLES].T
        return Points(*squeezed(x, model.gain))

    return draw


# ------------------------------------------------------------------ divergences


def divergence(method: Variant) -> Callable[[Contest, Array], Array]:
    """KL divergence of a method's output along the gain (R3, R4)."""

    def values(model: Contest, gains: Array) -> Array:
        scheme = model.scheme(method)
        return np.array([joint_kl(Divergence(SunShadow(float(g), model.noise), scheme)) for g in gains])

    return values


def stage(method: Variant, index: int) -> Callable[[Contest], float]:
    """What a patch adds to the KL divergence, given the patches before it."""
    return lambda model: _stages(model, method)[index]


@lru_cache(maxsize=16)
def _stages(model: Contest, method: Variant) -> Sequence[float]:
    """Of both patches, computed once."""
    return stage_kl(Divergence(model.target, model.scheme(method))).tolist()


def advantage(model: Contest) -> float:
    """Logarithm of how many times larger vanilla's divergence is than AR's."""
    vanilla, by_patch = (sum(_stages(model, method)) for method in (VANILLA, BY_PATCH))
    return math.log(vanilla / by_patch)


FLIP = Demo(
    id="winner",
    title="The stronger the rule, the more it pays to paint one patch after the other",
    sources=("R1", "R3", "R4", "R10"),
    story="A picture has two patches, a sun and its shadow. The shadow follows the sun by a rule: $x_2 = "
    "g\\,x_1$ plus a little noise. A vanilla diffusion model makes both patches at once. An auto-regressive "
    "(AR) one makes the sun first and then the shadow, so with the same number of network calls it has only "
    "half of the steps for each.",
    ask="With a weak rule, which of the two is better at equal cost? At which gain does the winner change? "
    "Then choose exponential steps: does the winner stay?",
    answer="With a weak rule vanilla wins, as it can afford twice the steps. The winner changes near a gain "
    "of 1. With a strong rule vanilla blurs the narrow ridge around the line, and AR does not. Exponential "
    "steps, which become small where the law is narrow, take nearly all of this advantage away.",
    controls=(GAIN, NOISE, BUDGET, GRID),
    model=contest,
    theory=(
        Path(name="rule", label="the rule", function=rule, length=2, uses=("gain",), dashed=True),
        Path(name="truth", label="data, 95 %", function=truth, length=33, uses=("gain", "noise")),
        Path(
            name="vanilla law", label="vanilla, 95 %", function=made_by(VANILLA), length=33, color="vermilion"
        ),
        Path(name="AR law", label="AR, 95 %", function=made_by(BY_PATCH), length=33, color="blue"),
        Curve(
            name="vanilla",
            label="vanilla",
            function=divergence(VANILLA),
            along=GAINS,
            uses=("noise", "calls", "grid"),
            color="vermilion",
        ),
        Curve(
            name="AR",
            label="AR",
            function=divergence(BY_PATCH),
            along=GAINS,
            uses=("noise", "calls", "grid"),
            color="blue",
        ),
        Number(name="vanilla sun", label="vanilla, sun", function=stage(VANILLA, 0)),
        Number(name="vanilla shadow", label="vanilla, shadow", function=stage(VANILLA, 1)),
        Number(name="AR sun", label="AR, sun", function=stage(BY_PATCH, 0)),
        Number(name="AR shadow", label="AR, shadow", function=stage(BY_PATCH, 1)),
        Number(name="advantage", label="advantage of AR", function=advantage),
    ),
    readings=(
        Reading(name="vanilla now", label="vanilla now", curve="vanilla", at="gain"),
        Reading(name="AR now", label="AR now", curve="AR", at="gain"),
    ),
    dots=(
        Dots(
            name="vanilla cloud",
            label="vanilla, particles",
            function=cloud(VANILLA),
            color="vermilion",
        ),
        Dots(name="AR cloud", label="AR, particles", function=cloud(BY_PATCH), color="blue", marker="s"),
    ),
    pictures=(
        Plot(
            title="Sun and shadow",
            x=Axis(label="sun $x_1$", low=-3.2, high=3.2),
            y=Axis(label="shadow $x_2 / \\sqrt{1 + g^2}$", low=-3.2, high=3.2),
            paths=("rule", "truth", "vanilla law", "AR law"),
            dots=("vanilla cloud", "AR cloud"),
        ),
        Plot(
            title="Error at equal cost, along the gain",
            x=GAINS,
            y=DIVERGENCES,
            curves=("vanilla", "AR"),
            points=("vanilla now", "AR now"),
        ),
        Bars(
            title="Where the error comes from",
            y=DIVERGENCES,
            bars=(
                Bar(label="both", tops=("vanilla now", "AR now")),
                Bar(label="sun", tops=("vanilla sun", "AR sun")),
                Bar(label="shadow, given the sun", tops=("vanilla shadow", "AR shadow")),
            ),
            labels=("vanilla", "AR"),
            colors=("vermilion", "blue"),
            stacked=False,
        ),
    ),
    badges=(
        Badge(label="better at equal cost", value="advantage", cases=((0, "vanilla"), (math.inf, "AR"))),
        Badge(label="KL of vanilla", value="vanilla now"),
        Badge(label="KL of AR", value="AR now"),
    ),
    tasks=(
        Task(
            question="How large is the KL divergence of vanilla sampling at the start?",
            read="vanilla now",
            because="Equal steps add the same blur in every direction, and the ridge is narrow.",
        ),
        Task(
            question="And that of AR, which has the same number of calls?",
            read="AR now",
            because="Given the sun, the law of the shadow is as wide as the noise of the rule, at every "
            "gain.",
        ),
        Task(
            question="Set the gain to 0. How large is the divergence of AR now?",
            read="AR now",
            at={"gain": 0},
            because="Nearly the same as before: AR hardly feels the gain.",
        ),
        Task(
            question="And vanilla's at gain 0? Which of the two is better here?",
            read="vanilla now",
            at={"gain": 0},
            because="Vanilla: without a rule it can use its calls better.",
        ),
        Task(
            question="Set the gain to 3 again and choose exponential steps. How large is vanilla's "
            "divergence?",
            read="vanilla now",
            at={"grid": ADAPTED},
            because="Steps that are short where the law is narrow do what AR does.",
        ),
    ),
    note="The clouds follow the exact law of the samplers, so they scatter about the ellipses by chance "
    "alone: 5 % of the particles should lie outside.",
)

# ------------------------------------------------------------------ rare prefixes

SUNS = Axis(label="sun that was made first $x_1$", low=0, high=30, points=41)
COMMON_SUNS = Axis(label="sun $x_1$", low=-4, high=4)
BINS = np.linspace(-3, 3, 13)  # of suns
MANY, FEWEST = 4000, 25  # particles in all, and in a bin that is shown


def at_prefix(method: Variant) -> Callable[[Contest, Array], Array]:
    """KL divergence of the shadow given the sun, along the sun (R6)."""

    def values(model: Contest, suns: Array) -> Array:
        given = (model.target, model.scheme(method))
        return np.array(
            [pointwise_conditional_kl(PointwiseDivergence(*given, prefix=(float(x),))) for x in suns]
        )

    return values


def total(method: Variant) -> Callable[[Contest], float]:
    """KL divergence of sun and shadow together."""
    return lambda model: joint_kl(Divergence(model.target, model.scheme(method)))


def tilt(method: Variant) -> Callable[[Contest], Array]:
    """Two points of the line on which the mean shadow lies, as its distance from the rule in units of the noise."""

    def values(model: Contest) -> Array:
        law = output_law(GaussianSampling(model.target, model.scheme(method)))
        slope = law[2, 0] / law[1, 0]
        suns = np.array([COMMON_SUNS.low, COMMON_SUNS.high])
        return np.array([suns, (slope - model.gain) * suns / model.noise])

    return values


def drawn_tilt(method: Variant) -> Callable[[Laboratory, Contest], Points]:
    """Mean distance of particles' shadows from the rule, bin of suns by bin, with 95 % intervals."""

    def draw(lab: Laboratory, model: Contest) -> Points:
        run = Sampling(model.target, model.scheme(method))
        sun, shadow = lab.samples(POSITION["position"], run, MANY)[:MANY].T
        away = (shadow - model.gain * sun) / model.noise
        bins = [(BINS[k] <= sun) & (sun < BINS[k + 1]) for k in range(len(BINS) - 1)]
        shown = [(sun[own], away[own]) for own in bins if own.sum() >= FEWEST]
        x, y = np.array([(suns.mean(), distances.mean()) for suns, distances in shown]).T
        half = np.array([1.96 * distances.std(ddof=1) / math.sqrt(len(distances)) for _, distances in shown])
        return Points(x, y, y - half, y + half)

    return draw


RARE = Demo(
    id="rare-suns",
    title="Good on average, hopeless for a rare sun",
    sources=("R5", "R6"),
    story="The same rule between sun and shadow. Now the sun is fixed, and only the shadow is judged. Suns "
    "beyond 3 are very rare, so they hardly count in the average.",
    ask="The dashed lines are the errors of the whole picture. Can the error of the shadow at one sun be "
    "larger than that? Where, and for which method?",
    answer="Yes, for vanilla sampling: its slope is a little wrong, so the error grows with the square of "
    "the sun, without any bound. On average this does not show, as large suns are rare. AR keeps the slope "
    "whatever its steps are, and its error stays the same at every sun. Press Draw: the means of vanilla's shadows "
    "lie on a tilted line, and at a sun of 30 the tilt has become a large distance.",
    controls=(GAIN, NOISE, BUDGET, GRID),
    model=contest,
    theory=(
        Curve(name="vanilla", label="vanilla", function=at_prefix(VANILLA), along=SUNS, color="vermilion"),
        Curve(name="AR", label="AR", function=at_prefix(BY_PATCH), along=SUNS, color="blue"),
        Number(
            name="vanilla total",
            label="vanilla, whole picture",
            function=total(VANILLA),
            color="vermilion",
            dashed=True,
        ),
        Number(
            name="AR total", label="AR, whole picture", function=total(BY_PATCH), color="blue", dashed=True
        ),
        Number(
            name="rare",
            label="vanilla at a sun of 30",
            function=lambda model: at_prefix(VANILLA)(model, np.array([30.0]))[0],
        ),
        Path(name="vanilla tilt", label="vanilla", function=tilt(VANILLA), length=2, color="vermilion"),
        Path(name="AR tilt", label="AR", function=tilt(BY_PATCH), length=2, color="blue"),
    ),
    dots=(
        Dots(
            name="vanilla means",
            label="vanilla, means of particles",
            function=drawn_tilt(VANILLA),
            color="vermilion",
        ),
        Dots(
            name="AR means",
            label="AR, means of particles",
            function=drawn_tilt(BY_PATCH),
            color="blue",
            marker="s",
        ),
    ),
    pictures=(
        Plot(
            title="Error of the shadow, given the sun",
            x=SUNS,
            y=DIVERGENCES,
            curves=("vanilla", "AR"),
            levels=("vanilla total", "AR total"),
        ),
        Plot(
            title="Mean shadow of the suns that do occur",
            x=COMMON_SUNS,
            y=Axis(label="distance from the rule, in $\\sigma$", low=-2, high=2),
            paths=("vanilla tilt", "AR tilt"),
            dots=("vanilla means", "AR means"),
        ),
    ),
    badges=(
        Badge(label="KL of vanilla, whole picture", value="vanilla total"),
        Badge(label="KL of vanilla at a sun of 30", value="rare"),
    ),
    tasks=(
        Task(
            question="How large is vanilla's error of the whole picture at the start?",
            read="vanilla total",
            because="It is an average over suns, and nearly all suns lie between -3 and 3.",
        ),
        Task(
            question="And its error of the shadow at a sun of 30?",
            read="rare",
            because="The wrong slope costs the square of the sun.",
        ),
        Task(
            question="Choose exponential steps. How large is vanilla's error at a sun of 30 now?",
            read="rare",
            at={"grid": ADAPTED},
            because="Good steps keep the slope nearly right, so rare suns are safe as well.",
        ),
    ),
    note="The curves are exact. A dot is the mean of those of 4000 particles whose suns lie in one of twelve bins, "
    "with a 95 % interval. No particle comes near a sun of 30: what happens there is known by theory alone.",
)

DEMOS = (FLIP, RARE)
