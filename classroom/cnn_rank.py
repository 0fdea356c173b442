"""Demonstrations of arXiv 2504.08628: the rank of noisy images, and the few filters that gradient descent chooses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

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
    Heatmap,
    LogSlider,
    Number,
    Plot,
    Points,
    Reading,
    Table,
    Task,
    Values,
    WholeSlider,
)
from lemmata.classroom.quantities import Array
from lemmata.laboratory import Laboratory
from simulations.cnn_rank import DATA_RANK, TRAINING
from theory.cnn_rank import (
    Data,
    FeatureClock,
    Training,
    WinnerTakesAll,
    clock_margin,
    data_stable_rank,
    feature_clock,
    winner_takes_all_rank,
)
from theory.cnn_rank.flow import flow

IMAGES, DIMENSION, FILTERS = 120, 200, 60
RATIOS = Axis(label="noise ratio $r$", low=0.1, high=100, scale=LOG, points=49)

# ------------------------------------------------------------------ ranks


def images(values: Values) -> Data:
    """Noisy images at the controls' values."""
    return Data(values["features"], IMAGES, DIMENSION).with_noise_ratio(values["noise"])


def data_rank(model: Data, ratios: Array) -> Array:
    """Stable rank of the images along their noise (R2)."""
    return np.array([data_stable_rank(model.with_noise_ratio(float(ratio))) for ratio in ratios])


def drawn_rank(lab: Laboratory, model: Data) -> Points:
    """Stable rank of one set of simulated images, the same draw at every noise."""
    ratios = np.geomspace(0.1, 100, 13)
    noise = [model.with_noise_ratio(float(ratio)).noise for ratio in ratios]
    return Points(ratios, lab.samples(DATA_RANK["patch_rank"], model, 1, axes={"noise": noise})[0])


def clean_rank(model: Data) -> float:
    """2K: the rank without noise (R1)."""
    return 2.0 * model.features


RANKS = Demo(
    id="ranks",
    title="Noise makes the data's rank explode, but not the filters'",
    sources=("R1", "R2", "R7"),
    story="Images show one of $2K$ objects before a noisy background. The stable rank counts in how many "
    "directions the images really vary. A convolutional network is trained on these images, and its filters "
    "have a stable rank, too.",
    ask="You will make the noise stronger and stronger. What happens to the stable rank of the images, and "
    "what happens to that of the filters?",
    answer="The rank of the images explodes as soon as the noise fills many directions, and then stays "
    "there. The filters learn the objects alone, so their rank stays near $2K$. It is a little smaller, as "
    "now and then one filter learns two objects.",
    controls=(
        LogSlider(name="noise", label="noise ratio $r$", low=0.1, high=100, default=1, steps=13),
        WholeSlider(name="features", label="objects of each class $K$", low=2, high=6, default=4),
    ),
    model=images,
    theory=(
        Curve(
            name="data", label="images", function=data_rank, along=RATIOS, uses=("features",), color="black"
        ),
        Number(
            name="filters",
            label=f"{FILTERS} filters of each class, trained",
            function=lambda model: winner_takes_all_rank(WinnerTakesAll(model.features, FILTERS)),
            uses=("features",),
            color="blue",
        ),
        Number(
            name="clean",
            label="clean images, $2K$",
            function=clean_rank,
            uses=("features",),
            color="green",
            dashed=True,
        ),
    ),
    readings=(Reading(name="data now", label="images now", curve="data", at="noise"),),
    dots=(
        Dots(
            name="drawn", label="simulated images", function=drawn_rank, uses=("features",), color="vermilion"
        ),
    ),
    pictures=(
        Plot(
            title="Stable rank along the noise",
            x=RATIOS,
            y=Axis(label="stable rank", low=0, high=60),
            curves=("data",),
            points=("data now",),
            levels=("filters", "clean"),
            dots=("drawn",),
        ),
        Bars(
            title="In how many directions?",
            y=Axis(label="stable rank", low=0, high=60),
            bars=(
                Bar(label="clean images", tops=("clean",)),
                Bar(label="noisy images", tops=("data now",)),
                Bar(label="filters", tops=("filters",)),
            ),
            labels=("stable rank",),
            colors=("sky",),
        ),
    ),
    badges=(
        Badge(label="rank of the images", value="data now"),
        Badge(label="rank of the filters", value="filters"),
    ),
    tasks=(
        Task(
            question="How large is the stable rank of the images at the start?",
            read="data now",
            because="The noise is as long as the objects, but it spreads over 200 directions.",
        ),
        Task(
            question="Set the noise ratio to 10. How large is it now?",
            read="data now",
            at={"noise": 10},
            because="The noise has taken over: the number says little about the objects.",
        ),
        Task(
            question="How large is the rank of the filters?",
            read="filters",
            because="Slightly below $2K = 8$: two objects may choose the same filter.",
        ),
    ),
    note="The curve is a limit of many patches. The filters' rank is the mean of its limit for long "
    "training, if each object is learnt by one filter alone; the noise plays no part as long as it is not "
    "memorised.",
)

# ------------------------------------------------------------------ winners

FEATURES, FEW = 4, 10
TIMES = Axis(label="training time $t$", low=1, high=1e4, scale=LOG, points=65)
RUN_TIMES = np.geomspace(1, 1000, 11)


@dataclass(frozen=True)
class Competition:
    """A training of few filters, and a time of it."""

    training: Training
    time: float


def competition(values: Values) -> Competition:
    """The training at the controls' values."""
    training = Training(
        FEATURES,
        IMAGES,
        DIMENSION,
        filters=FEW,
        order=float(values["order"]),
        knee=1.0,
        initial_scale=values["start"],
        step_size=8.0,
    )
    return Competition(training, values["time"])


def starts() -> Array:
    """Starts of all filters on all features at scale 1, (2m, 2K): normal quantiles in an order that looks random.

    No filter of a class is ahead on two of its features.
    """
    row, column = np.mgrid[1 : 2 * FEW + 1, 1 : 2 * FEATURES + 1]
    return ndtri(
        (row * math.sqrt(2) + column * math.sqrt(3) + row * column * math.sqrt(5) + 0.1 * math.pi) % 1
    )


def clocks(model: Competition) -> list[FeatureClock]:
    """The clock of each feature, without times."""
    begin = model.training.initial_scale * starts()
    halves = begin[:FEW], begin[FEW:]
    shared = {"order": model.training.order, "knee": model.training.knee, "times": (0.0,)}
    return [
        FeatureClock(tuple(halves[k >= FEATURES][:, k]), tuple(halves[k < FEATURES][:, k]), **shared)
        for k in range(2 * FEATURES)
    ]


def signals(model: Competition, times: Array) -> Array:
    """Pre-activations of all filters on all features along the time, (times, 2m, 2K) (R5)."""
    reached = np.array([feature_clock(replace(clock, times=tuple(times))) for clock in clocks(model)]).T
    signs = np.outer(np.repeat([1.0, -1.0], FEW), np.repeat([1.0, -1.0], FEATURES))
    begin = model.training.initial_scale * starts()
    return np.array([flow(begin, signs * tau, model.training.order, model.training.knee) for tau in reached])


def rank_along(model: Competition, times: Array) -> Array:
    """Stable rank of the filters' part along the features (R7)."""
    values = np.linalg.svd(signals(model, times), compute_uv=False)
    return (values**2).sum(axis=1) / values[:, 0] ** 2


def loss_along(model: Competition, times: Array) -> Array:
    """Training loss (R6)."""
    margins = [clock_margin(replace(clock, times=tuple(times))) for clock in clocks(model)]
    return np.logaddexp(0.0, -np.array(margins)).mean(axis=0)


def shares(model: Competition) -> Array:
    """What the filters of class +1 have learnt of its features, as a share of the best one of each."""
    learnt = np.maximum(signals(model, np.array([model.time]))[0, :FEW, :FEATURES], 0.0)
    return learnt / learnt.max(axis=0)


def drawn_training(output: str) -> Callable[[Laboratory, Competition], Points]:
    """One run of gradient descent from another random start."""

    def draw(lab: Laboratory, model: Competition) -> Points:
        steps = np.round(RUN_TIMES / model.training.advance)
        run = replace(model.training, steps=int(steps[-1]))  # the work of a run
        rows = lab.samples(TRAINING[output], run, 1, axes={"steps": steps.tolist()})
        return Points(RUN_TIMES, rows[0].reshape(len(steps)))

    return draw


WINNERS = Demo(
    id="winners",
    title="The winner takes all, if the start is small",
    sources=("R5", "R6", "R7"),
    story="Ten filters compete for four objects. Each row of the table is a filter, each column an object; "
    "dark means that the filter has learnt it. One clock for each object replaces the whole training, so "
    "you may go to any time at once.",
    ask="Let the time run. Will every filter learn a little of everything, or will each object have one "
    "filter of its own? Then change the order $q$ from 3 to 2.",
    answer="With $q = 3$ the filter that is ahead at the start runs away: one dark cell in each column. "
    "With $q = 2$ all filters grow at the same rate, about half of the cells have learnt something, and the "
    "stable rank is much smaller. A large start blurs the race, too.",
    controls=(
        LogSlider(name="time", label="training time $t$", low=1, high=1e4, default=10, steps=17),
        LogSlider(name="start", label="scale of the start $s_0$", low=0.01, high=1, default=0.01, steps=9),
        Choice(name="order", label="order $q$", options=("2", "3", "4"), default="3"),
    ),
    model=competition,
    theory=(
        Table(name="shares", label="share learnt", function=shares, shape=(FEW, FEATURES)),
        Curve(
            name="rank",
            label="this start",
            function=rank_along,
            along=TIMES,
            uses=("start", "order"),
            color="blue",
        ),
        Curve(
            name="loss",
            label="this start",
            function=loss_along,
            along=TIMES,
            uses=("start", "order"),
            color="blue",
        ),
        Number(
            name="most",
            label="$2K$",
            function=lambda model: 2.0 * FEATURES,
            uses=(),
            color="green",
            dashed=True,
        ),
    ),
    readings=(
        Reading(name="rank now", label="now", curve="rank", at="time"),
        Reading(name="loss now", label="now", curve="loss", at="time"),
    ),
    dots=(
        Dots(
            name="drawn rank",
            label="gradient descent, another start",
            function=drawn_training("signal_rank"),
            uses=("start", "order"),
            color="vermilion",
        ),
        Dots(
            name="drawn loss",
            label="gradient descent, another start",
            function=drawn_training("train_loss"),
            uses=("start", "order"),
            color="vermilion",
        ),
    ),
    pictures=(
        Heatmap(
            title="Which filter has learnt which object",
            table="shares",
            x=Axis(label="object", low=-0.5, high=FEATURES - 0.5, ticks=("1", "2", "3", "4")),
            y=Axis(label="filter", low=-0.5, high=FEW - 0.5, ticks=tuple(str(r + 1) for r in range(FEW))),
            low=0,
            high=1,
        ),
        Plot(
            title="Stable rank of the filters",
            x=TIMES,
            y=Axis(label="stable rank", low=0, high=9),
            curves=("rank",),
            points=("rank now",),
            levels=("most",),
            dots=("drawn rank",),
        ),
        Plot(
            title="Training loss",
            x=TIMES,
            y=Axis(label="loss", low=1e-4, high=1, scale=LOG),
            curves=("loss",),
            points=("loss now",),
            dots=("drawn loss",),
        ),
    ),
    badges=(
        Badge(label="stable rank of the filters", value="rank now"),
        Badge(label="loss", value="loss now"),
    ),
    tasks=(
        Task(
            question="How large is the stable rank of the filters at the start of the demonstration?",
            read="rank now",
            because="This is still the rank of a random start.",
        ),
        Task(
            question="Go to the time 1000. How large is it now?",
            read="rank now",
            at={"time": 1000},
            because="Each object has a filter of its own; at equal strength it would be $2K = 8$.",
        ),
        Task(
            question="Stay there and set the order to 2. How large is it?",
            read="rank now",
            at={"time": 1000, "order": "2"},
            because="All filters share all objects, and directions are lost.",
        ),
        Task(
            question="Set the order to 3 again and the scale of the start to 1. How large is it?",
            read="rank now",
            at={"time": 1000, "start": 1},
            because="A large start leaves no time for a race.",
        ),
    ),
    note="The curve belongs to one fixed start, the dots to random ones: they should look alike, not agree. "
    "Where two objects choose the same filter the rank falls to about half. Runs are drawn up to $t = "
    "1000$.",
)

DEMOS = (RANKS, WINNERS)
