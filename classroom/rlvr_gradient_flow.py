"""Demonstrations of arXiv 2506.04695: which reasoning pattern training picks, and how long it is stuck with another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lemmata.classroom import (
    LOG,
    Axis,
    Badge,
    Choice,
    Curve,
    Demo,
    Dots,
    LogSlider,
    Number,
    Plot,
    Points,
    Reading,
    Slider,
    Task,
    Values,
)
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from lemmata.tally import Collect
from simulations.rlvr_gradient_flow import GRPO_POLICY, INTERNAL_FEEDBACK, REINFORCE_POLICY
from theory.rlvr_gradient_flow import (
    Bandit,
    Flow,
    Group,
    GrpoPath,
    RandomPatterns,
    ReinforcePath,
    Target,
    Teacher,
    entanglement_bounds,
    entanglement_time,
    flow,
    grpo_clock,
    hitting_time,
    natural_gradient_flow,
    regime,
    rlif_correlation,
    rlif_gain_probability,
    rlif_worst_limit,
    rlif_worst_probability,
    sft_time,
)
from theory.rlvr_gradient_flow.rlif import SLOPE_SQUARED

BEST_RATE, LOW_RATE = 0.9, 0.2
TIMES = Axis(label="training time $t$", low=1, high=1e9, scale=LOG, points=46)
GRADIENT, GRPO, NATURAL = "policy gradient", "GRPO, groups of 8", "natural gradient"
PATTERNS = (("best", "best $r^*$", "blue"), ("second", "second best $r'$", "orange"), ("low", "low", "black"))
RUN_TIMES = np.round(np.geomspace(1.0, 1e5, 21), 1)
SHARE = Axis(label="probability $\\pi$", low=0, high=1)

START = LogSlider(
    name="start",
    label="start of the best pattern $\\pi(r^*)$",
    low=1e-4,
    high=0.4096,
    default=0.0512,
    steps=13,
)
SECOND = Slider(
    name="second", label="share of the second best in the rest", low=0.1, high=0.9, default=0.7, steps=5
)
GAP = Slider(name="gap", label="gap $g$ between the two", low=0.1, high=0.6, default=0.2, steps=6)


@dataclass(frozen=True)
class Training:
    """A bandit of three patterns (best, second best, low) and how it is trained."""

    bandit: Bandit
    algorithm: str = GRADIENT


def bandit_of(values: Values) -> Bandit:
    """Best, second best and low pattern at the controls' values."""
    best = values["start"]
    second = (1 - best) * values["second"]
    rates = (BEST_RATE, BEST_RATE - values["gap"], LOW_RATE)
    return Bandit((best, second, 1 - best - second), rates)


# ------------------------------------------------------------------ two regimes


def training(values: Values) -> Training:
    """The training run at the controls' values."""
    return Training(bandit_of(values), values["algorithm"])


def line(index: int) -> Callable[[Training, Array], Array]:
    """y_i of R3 without the common W, in units of 1/(g pi_*), along s in the same units."""

    def values(model: Training, places: Array) -> Array:
        start, rates = model.bandit.start, model.bandit.rates
        return (rates[0] - rates[1]) * start[0] / start[index] - rates[index] * places

    return values


def envelope(model: Training, places: Array) -> Array:
    """The lowest of the lines."""
    return np.min([line(index)(model, places) for index in range(3)], axis=0)


def policy(index: int) -> Callable[[Training, Array], Array]:
    """Probability of a pattern along the time of training."""

    def values(model: Training, times: Array) -> Array:
        return _policies(model, tuple(times))[:, index]

    return values


@lru_cache(maxsize=16)
def _policies(model: Training, times: Sequence[float]) -> Array:
    """Policies (times, 3), computed once for the three curves."""
    start, rates = model.bandit.start, model.bandit.rates
    if model.algorithm == NATURAL:
        return np.array([natural_gradient_flow(Flow(start, rates, time=float(t))) for t in times])
    if model.algorithm == GRPO:
        times = _flow_times(model.bandit, np.array(times)).tolist()
    return np.array([flow(Flow(start, rates, time=float(t))) for t in times])


def _flow_times(bandit: Bandit, times: Array) -> Array:
    """Times of the policy gradient at which it is where GRPO is at these times: dt = c_G(V) dt_GRPO (R9).

    The clock is integrated in ln t by the trapezoidal rule on a grid of its own; before its first node it is constant.
    """
    logs = np.linspace(math.log(1e-2), math.log(1e10), 241)
    rates = np.array(bandit.rates)
    accuracy = np.array([flow(Flow(bandit.start, bandit.rates, time=math.exp(u))) @ rates for u in logs])
    factor = np.array([grpo_clock(Group(min(float(v), 1.0), size=8)) for v in accuracy])
    speed = np.exp(logs) / factor
    first = speed[0]
    passed = first + np.concatenate([[0.0], np.cumsum(np.diff(logs) * (speed[1:] + speed[:-1]) / 2)])
    return np.exp(np.interp(np.log(times), np.log(passed), logs))


def of_gradient(function: Callable[[Bandit], float]) -> Callable[[Training], float]:
    """A time of the slow regime, which the policy gradient alone has; not there elsewhere."""

    def value(model: Training) -> float:
        if model.algorithm != GRADIENT or regime(model.bandit) != 2:
            return math.nan
        return function(model.bandit)

    return value


def lower_bound(model: Bandit) -> float:
    """T_low of R6."""
    return float(entanglement_bounds(model)[0])


def upper_bound(model: Bandit) -> float:
    """T_up# of R6."""
    return float(entanglement_bounds(model)[1])


def drawn_policy(index: int) -> Callable[[Laboratory, Training], Points]:
    """Probability of a pattern in one run of REINFORCE (step 0.1, batch 32) or GRPO (step 0.1, 4 groups)."""

    def draw(lab: Laboratory, model: Training) -> Points:
        if model.algorithm == NATURAL:
            return Points(np.empty(0), np.empty(0))
        return Points(RUN_TIMES, _one_run(lab, model)[:, index])

    return draw


@lru_cache(maxsize=4)
def _one_run(lab: Laboratory, model: Training) -> Array:
    """Policies (times, 3) of a run, drawn once for the three patterns."""
    given, times = (model.bandit.start, model.bandit.rates), RUN_TIMES.tolist()
    if model.algorithm == GRPO:
        source, run = GRPO_POLICY, GrpoPath(*given, time=times[-1], step_size=0.1, groups=4)
    else:
        source, run = REINFORCE_POLICY, ReinforcePath(*given, time=times[-1], step_size=0.1, batch=32)
    return lab.samples(source["policy"], run, 1, axes={"time": times})[0]


REGIMES = Demo(
    id="regimes",
    title="The second best pattern may have to win first",
    sources=("R3", "R5", "R6", "R8", "R9"),
    story="A model answers by picking one of three ways of reasoning. The best one is right in 90 % of the "
    "cases, the low one in 20 %. Training raises the probability of what works better than average. On the "
    "left, each pattern is a straight line, and the lowest line is the pattern that leads.",
    ask="The best pattern starts at 5 %. Will its probability grow from the first step on? Then make the "
    "start smaller and smaller, and watch how long training is stuck with the second best.",
    answer="If the accuracy at the start is below the rate of the second best pattern (regime 2), the "
    "second best grows first, and the best one may even fall. It takes over only when its line gets below. "
    "This time grows like one over its start. GRPO takes the same way at another speed. The natural "
    "gradient has no such plateau.",
    controls=(
        START,
        SECOND,
        GAP,
        Choice(name="algorithm", label="training by", options=(GRADIENT, GRPO, NATURAL), default=GRADIENT),
    ),
    model=training,
    theory=(
        *(
            Curve(
                name=f"{name} line",
                label=label,
                function=line(index),
                along=(
                    PLACES := Axis(
                        label="internal time $s$, in units of $1/(g\\,\\pi(r^*))$", low=0, high=1.5, points=33
                    )
                ),
                uses=("start", "second", "gap"),
                color=color,
            )
            for index, (name, label, color) in enumerate(PATTERNS)
        ),
        Curve(
            name="envelope",
            label="the lowest leads",
            function=envelope,
            along=PLACES,
            uses=("start", "second", "gap"),
            color="vermilion",
            dashed=True,
        ),
        *(
            Curve(name=name, label=label, function=policy(index), along=TIMES, color=color)
            for index, (name, label, color) in enumerate(PATTERNS)
        ),
        Number(name="entanglement", label="$T_0$", function=of_gradient(entanglement_time), dashed=True),
        Number(name="lower", label="lower bound", function=of_gradient(lower_bound)),
        Number(name="upper", label="upper bound", function=of_gradient(upper_bound)),
        Number(
            name="regime",
            label="regime",
            function=lambda model: regime(model.bandit),
            uses=("start", "second", "gap"),
        ),
    ),
    dots=tuple(
        Dots(name=f"drawn {name}", label=f"{label}, one run", function=drawn_policy(index), color=color)
        for index, (name, label, color) in enumerate(PATTERNS)
    ),
    pictures=(
        Plot(
            title="Straight lines: the lowest one leads",
            x=PLACES,
            y=Axis(label="inverse weight $y_i$", low=-1.2, high=0.6),
            curves=("best line", "second line", "low line", "envelope"),
        ),
        Plot(
            title="What is picked along training",
            x=TIMES,
            y=SHARE,
            curves=("best", "second", "low"),
            uprights=("entanglement",),
            bands=(("lower", "upper"),),
            dots=("drawn best", "drawn second", "drawn low"),
        ),
    ),
    badges=(
        Badge(label="start", value="regime", cases=((1, "Regime 1"), (2, "Regime 2"), (3, "neither"))),
        Badge(label="stuck until $T_0 =$", value="entanglement"),
    ),
    tasks=(
        Task(
            question="At the start of the demonstration, in which regime is training?",
            read="regime",
            digits=".0f",
            because="The accuracy is below the rate of the second best pattern.",
        ),
        Task(
            question="How long does the slow phase $T_0$ take there?",
            read="entanglement",
            because="Until then the accuracy is below what the second best pattern alone would give.",
        ),
        Task(
            question="Now start the best pattern at 0.0064, eight times lower. How long does the slow phase "
            "take?",
            read="entanglement",
            at={"start": 0.0064},
            because="Much more than eight times as long: the second best has time to take nearly everything.",
        ),
        Task(
            question="Leave the start at 0.0064 and set the gap to 0.1. How long does the slow phase take?",
            read="entanglement",
            at={"start": 0.0064, "gap": 0.1},
            because="Two nearly equal patterns are hard to tell apart.",
        ),
    ),
    note="One simulated run scatters about the curves; a run from a small start may be early or late by "
    "chance. Runs are drawn up to $t = 10^5$; there is no sampler for the natural gradient.",
)

# ------------------------------------------------------------------ fine-tuning first


@dataclass(frozen=True)
class Tuned:
    """A bandit and an amount of fine-tuning on its best pattern before it is trained."""

    bandit: Bandit
    amount: float

    @property
    def after(self) -> Bandit:
        """The bandit after fine-tuning."""
        return Bandit(fine_tuned(self.bandit.start, self.amount), self.bandit.rates)


def fine_tuned(start: tuple[float, ...], amount: float) -> tuple[float, ...]:
    """Policy after fine-tuning on the first pattern for a time: y_j = 1/pi_j + s for the others (R10).

    The time is int_0^s pi_* prod (1 + u pi_j) du + sum ln(1 + s pi_j), increasing in s.
    """
    from scipy.optimize import brentq

    best, others = start[0], np.array(start[1:])
    nodes, weights = np.polynomial.legendre.leggauss(12)

    def time(s: float) -> float:
        u = s * (1 + nodes) / 2
        area = s / 2 * weights @ np.prod(1 + np.outer(u, others), axis=1)
        return best * float(area) + float(np.sum(np.log1p(s * others)))

    high = 1.0
    while time(high) < amount:
        high *= 2
    s = float(brentq(lambda u: time(u) - amount, 0.0, high, rtol=1e-14))
    logs = np.log(start) - np.log1p(s * np.array(start))
    logs[0] = math.log(best) + float(np.sum(np.log1p(s * others)))
    after = np.exp(logs - logs.max())
    return tuple(float(share) for share in after / after.sum())


AMOUNTS = Axis(label="fine-tuning $\\tau$ on the best pattern", low=0, high=15, points=61)


def total_time(model: Tuned, amounts: Array) -> Array:
    """Fine-tuning and training together, until the best pattern has 99 %."""
    start, rates = model.bandit.start, model.bandit.rates
    return np.array([amount + _rest(fine_tuned(start, float(amount)), rates) for amount in amounts])


def _rest(start: tuple[float, ...], rates: tuple[float, ...]) -> float:
    return 0.0 if start[0] >= 0.99 else hitting_time(Target(start, rates, level=0.99))


def tuned_policy(index: int) -> Callable[[Tuned, Array], Array]:
    """Probability of a pattern along the time of training after fine-tuning."""

    def values(model: Tuned, times: Array) -> Array:
        return policy(index)(Training(model.after), times)

    return values


def drawn_after(index: int) -> Callable[[Laboratory, Tuned], Points]:
    """One run of REINFORCE after fine-tuning."""

    def draw(lab: Laboratory, model: Tuned) -> Points:
        return drawn_policy(index)(lab, Training(model.after))

    return draw


FINE_TUNING = Demo(
    id="fine-tuning",
    title="A little fine-tuning saves a very long training",
    sources=("R3", "R10"),
    story="Before training on rewards, the model may be fine-tuned on examples of the best pattern. Here "
    "you choose how much, and see the total time until the best pattern has 99 %. The gap between the two "
    "best rates is 0.2.",
    ask="The best pattern starts at 0.08 %, and training alone needs a very long time. How much fine-tuning "
    "is needed to make it short: 1, 5, or 100 units of time?",
    answer="About five are enough. Fine-tuning raises a small probability exponentially fast, while "
    "training on rewards raises it only slowly, as it hardly ever sees the pattern. The dashed line marks "
    "the amount that leads into regime 1.",
    controls=(
        LogSlider(
            name="start",
            label="start of the best pattern $\\pi(r^*)$",
            low=1e-4,
            high=0.4096,
            default=0.0008,
            steps=13,
        ),
        SECOND,
        Slider(name="amount", label="fine-tuning $\\tau$", low=0, high=15, default=0, steps=16),
    ),
    model=lambda values: Tuned(bandit_of({**values, "gap": GAP.default}), values["amount"]),
    theory=(
        Curve(
            name="total",
            label="time to 99 %",
            function=total_time,
            along=AMOUNTS,
            uses=("start", "second"),
            color="blue",
        ),
        *(
            Curve(
                name=name,
                label=label,
                function=tuned_policy(index),
                along=TIMES,
                color=color,
            )
            for index, (name, label, color) in enumerate(PATTERNS)
        ),
        Number(
            name="enough",
            label="regime 1 from here on",
            function=lambda model: sft_time(Teacher(model.bandit.start, model.bandit.rates)),
            uses=("start", "second"),
            dashed=True,
        ),
        Number(name="regime", label="regime", function=lambda model: regime(model.after)),
    ),
    readings=(Reading(name="total now", label="total time now", curve="total", at="amount"),),
    dots=tuple(
        Dots(
            name=f"drawn {name}",
            label=f"{label}, one run",
            function=drawn_after(index),
            color=color,
        )
        for index, (name, label, color) in enumerate(PATTERNS)
    ),
    pictures=(
        Plot(
            title="Total time until the best pattern has 99 %",
            x=AMOUNTS,
            y=Axis(label="fine-tuning and training", low=1, high=1e9, scale=LOG),
            curves=("total",),
            points=("total now",),
            uprights=("enough",),
        ),
        Plot(
            title="Training after fine-tuning",
            x=TIMES,
            y=SHARE,
            curves=("best", "second", "low"),
            dots=("drawn best", "drawn second", "drawn low"),
        ),
    ),
    badges=(
        Badge(
            label="training starts in",
            value="regime",
            cases=((1, "Regime 1"), (2, "Regime 2"), (3, "neither")),
        ),
        Badge(label="total time", value="total now"),
        Badge(label="enough fine-tuning", value="enough"),
    ),
    tasks=(
        Task(
            question="Without any fine-tuning, how long does it take until the best pattern has 99 %?",
            read="total now",
            because="Training on rewards hardly ever sees the best pattern.",
        ),
        Task(
            question="And with five units of fine-tuning? The total time counts them, too.",
            read="total now",
            at={"amount": 5},
            because="Fine-tuning raises a small probability exponentially fast.",
        ),
        Task(
            question="How much fine-tuning leads into regime 1?",
            read="enough",
            because="It grows only with the logarithm of one over the start.",
        ),
    ),
    note="One simulated run scatters about the curves.",
)

# ------------------------------------------------------------------ internal feedback

COUNTS = Axis(label="number of patterns $K$", low=2, high=1024, scale=LOG, points=49)
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
        shares = [_shares(lab, RandomPatterns(count, model.margin))[output] for count in (2, 4, 16, 64, 256)]
        return Points(np.array([2.0, 4.0, 16.0, 64.0, 256.0]), np.array(shares))

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
    answer="At first the accuracy rises in 68 % of the cases, not always. In the end, half of the models "
    "finish at their worst pattern: the most extreme success rate may be near 1 or near 0. A base model "
    "that is clearly better than even (a margin) makes the first gain certain, but the bad end only a "
    "little rarer.",
    controls=(
        LogSlider(name="patterns", label="number of patterns $K$", low=2, high=1024, default=64, steps=10),
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
            y=Axis(label="density", low=0, high=5),
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

DEMOS = (REGIMES, FINE_TUNING, FEEDBACK)
