"""Real images before noise (F4, B5, B6): pictures that need the extra `images`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from lemmata.pictures import COLORS, Figure, Quality, canvas, plot_simulation
from simulations.cnn_rank import DIGITS_NETWORK, REAL_IMAGES, DigitsNetwork, RealImages

if TYPE_CHECKING:
    from matplotlib import figure as mpl

    from lemmata.laboratory import Laboratory

LEVELS = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5)
SOME = (0.0, 0.2, 0.7, 1.5, 2.5)
FEW = (0.0, 0.4, 1.5)
RANKS = {
    "image_rank": ("images", "blue"),
    "patch_rank": ("patches", "sky"),
    "filter_rank": ("filters", "vermilion"),
}
ACCURACY = {"train_accuracy": ("training", "orange"), "test_accuracy": ("new images", "green")}


def _tasks(
    lab: Laboratory, tasks: dict[str, RealImages], levels: Sequence[Sequence[float]], trials: int
) -> pd.DataFrame:
    """A sweep along the noise for each task."""
    frames = [
        lab.sweep(REAL_IMAGES, [model], trials, axes={"noise": noise}, label=name)
        for (name, model), noise in zip(tasks.items(), levels, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def digits(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Digits 0 against 1, and 0-4 against 5-9."""
    steps = quality(draft=60, standard=600, paper=600)
    tasks = {
        "0 against 1": RealImages("zero_or_one", steps=steps),
        "0-4 against 5-9": RealImages("low_or_high", steps=steps),
    }
    levels = quality(draft=(FEW, FEW), standard=(LEVELS, SOME), paper=(LEVELS, LEVELS))
    return _tasks(lab, tasks, levels, quality(draft=2, standard=3, paper=20))


def other_images(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """Faces against other crops, and patches of two photographs."""
    steps = quality(draft=10, standard=150, paper=300)
    tasks = {
        "faces against other crops": RealImages("faces", step_size=2.0, steps=steps),
        "two photographs": RealImages("photographs", step_size=2.0, steps=steps),
    }
    levels = quality(draft=FEW[:2], standard=SOME[:-1], paper=LEVELS)
    return _tasks(lab, tasks, (levels, levels), quality(draft=2, standard=4, paper=10))


def network(lab: Laboratory, quality: Quality) -> pd.DataFrame:
    """A standard convolutional network on all ten digits."""
    model = quality(
        draft=DigitsNetwork(images=60, steps=20),
        standard=DigitsNetwork(steps=250),
        paper=DigitsNetwork(steps=1000),
    )
    levels = quality(draft=FEW, standard=(0.0, 0.2, 0.5, 1.0, 2.0), paper=LEVELS)
    trials = quality(draft=2, standard=3, paper=10)
    return lab.sweep(DIGITS_NETWORK, [model], trials, axes={"noise": levels}, label="ten digits")


def draw_ranks_and_accuracy(data: pd.DataFrame) -> mpl.Figure:
    """Above, ranks over the noise; below, accuracies; a column for each task."""
    from matplotlib.ticker import LogFormatter

    tasks = list(dict.fromkeys(data["series"]))
    figure, axes = canvas(2, len(tasks), height=1.35, sharex=True, squeeze=False)
    ranks = dict(RANKS)
    if "learned_rank" in set(data["output"]) and len(tasks) == 1:
        ranks["learned_rank"] = ("filters less start", "pink")
    for column, task in enumerate(tasks):
        for row, outputs in enumerate((ranks, ACCURACY)):
            for output, (label, color) in outputs.items():
                plot_simulation(axes[row, column], data, "noise", series=task, output=output, label=label,
                                color=COLORS[color])  # fmt: skip
                _connect(axes[row, column], data, task, output, COLORS[color])
        axes[0, column].set(yscale="log", title=task, ylim=(1, None))
        scale = axes[0, column].yaxis  # 2, 3, ... as plain numbers
        scale.set_major_formatter(LogFormatter())
        scale.set_minor_formatter(LogFormatter())
        axes[1, column].set(xlabel="noise of background pixels", ylim=(0, 1.05))
    axes[0, 0].set_ylabel("stable rank")
    axes[1, 0].set_ylabel("accuracy")
    for row in range(2):
        axes[row, 0].legend()
    return figure


def _connect(axes: Any, data: pd.DataFrame, task: str, output: str, color: str) -> None:
    """A thin dotted guide to the eye between markers; nothing here has a closed form."""
    rows = data[(data["series"] == task) & (data["output"] == output)].sort_values("noise")
    axes.plot(rows["noise"].to_numpy(), rows["value"].to_numpy(), ":", color=color, linewidth=0.8, zorder=1)


_SHOWN = (
    "Dots: means of runs (shuffled images, new noise, new filters) with 95 % intervals, dotted lines guide the "
    "eye; there is no closed form. "
)
FIGURES = (
    Figure(
        id="F4",
        reproduces="real images (MNIST and CIFAR-10 in the paper)",
        title="Digits before noise: ranks of data and filters",
        caption="Images of one 8 x 8 digit (pixels in [0, 1]) and eight patches of noise; the paper's two-layer "
        "network with m = 20, order 2, knee .5, initial scale .01, 600 steps of size 40; ours are the digits of "
        "scikit-learn in place of MNIST and all parameters. Above a noise of about .7 the filters' rank is still "
        "low while new images are no "
        "longer recognised. " + _SHOWN,
        data=digits,
        draw=draw_ranks_and_accuracy,
    ),
    Figure(
        id="B5",
        reproduces="",
        title="Faces and photographs before noise: ranks of data and filters",
        caption="As F4, for 25 x 25 crops with and without a face (scikit-image) and for 8 x 8 colour patches of two "
        "photographs (scikit-learn); 150 steps of size 2. " + _SHOWN,
        data=other_images,
        draw=draw_ranks_and_accuracy,
    ),
    Figure(
        id="B6",
        reproduces="",
        title="A standard convolutional network: ranks of data and filters",
        caption="Digits in the middle of 16 x 16 pixels of noise; 16 filters of 5 x 5 pixels with rectified linear "
        "units, and a trained dense layer with ten classes, by gradient descent. Ranks of all fields that the "
        "filters see, of "
        "whole images, of the filters, and of what the filters have learnt. " + _SHOWN,
        data=network,
        draw=draw_ranks_and_accuracy,
    ),
)
