"""Where the closed forms of arXiv 2504.08628 end: sizes, units and orders that are refused by name, or cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lemmata.models import DomainError
from theory.cnn_rank import (
    Data,
    FeatureClock,
    HiddenSignal,
    Multinomial,
    Start,
    TrainedFilters,
    Training,
    WinnerTakesAll,
    collision_law,
    data_singular_values,
    data_stable_rank,
    hidden_stable_rank,
    image_stable_rank,
    no_collision_probability,
    noise_transition,
)
from theory.cnn_rank import test_error as error_on_new_images

DATA = Data(2, 8, 20, noise=0.3)
HUGE = 10**12


@pytest.mark.parametrize(
    ("build", "parameter"),
    [
        (lambda: data_stable_rank(replace(DATA, images=HUGE, counts=Multinomial())), "images"),
        (lambda: noise_transition(replace(DATA, images=HUGE, counts=Multinomial())), "images"),
        (lambda: data_singular_values(Data(HUGE, 2 * HUGE, 3 * HUGE)), "features"),
        (lambda: data_singular_values(Data(1, HUGE, HUGE)), "dimension"),
        (lambda: image_stable_rank(Data(100, 2000, 300, noise=0.01)), "features"),
        (lambda: collision_law(WinnerTakesAll(HUGE, 6)), "features"),
        (lambda: no_collision_probability(WinnerTakesAll(10**8, 10**15)), "features"),
        (
            lambda: error_on_new_images(TrainedFilters(1, 1, 0.2, ((1, 0),) * 2, ((1, 0), (0, 1)), HUGE)),
            "background",
        ),
        (lambda: FeatureClock((11.0,), (12.0,), (1.0,), order=1e12), "order"),
        (lambda: Start(1, 2, 20, filters=1, order=1e12, signals=((1.0, 2.0),) * 2), "order"),
        (lambda: Training(1, 2, 20, strength=1e300), "strength"),
    ],
)
def test_sizes_beyond_memory_or_patience_are_one_clear_error(
    build: Callable[[], object], parameter: str
) -> None:
    """One line that names the parameter, at once."""
    with pytest.raises(DomainError, match=f"^{parameter} = "):
        build()


def test_r2_counts_of_balanced_features_need_no_list() -> None:
    """10^12 features cost no more than one; nothing is learnt of their rank but that it is of their order."""
    many = Data(HUGE, 2 * HUGE, 3 * HUGE)
    assert data_stable_rank(many) == image_stable_rank(many) == 2 * HUGE
    assert no_collision_probability(WinnerTakesAll(HUGE, 2 * HUGE)) == 0.0


@pytest.mark.parametrize("unit", [1e-300, 1e-120, 1e120, 1e300])
def test_r2_r8_stable_ranks_have_no_unit(unit: float) -> None:
    """Features and noise times one number, where squares are no floats, have the same stable rank."""
    for noise_law in ("projected", "full", "everywhere"):
        data = replace(DATA, noise_law=noise_law)
        scaled = replace(data, strength=unit, noise=0.3 * unit)
        assert data_stable_rank(scaled) == pytest.approx(data_stable_rank(data), rel=1e-12)
    hidden = HiddenSignal(4, 10, 0.3, (1.0, 2.0))
    tiny = min(unit, 1 / unit)
    alone = hidden_stable_rank(HiddenSignal(4, 10, 1.0, (0.0,)))
    assert hidden_stable_rank(replace(hidden, initial_scale=1 / tiny)) == pytest.approx(alone)
    assert hidden_stable_rank(replace(hidden, initial_scale=tiny)) == pytest.approx(1.5)


def test_r1_multinomial_counts_of_a_hundred_thousand_images() -> None:
    """The largest of 2K counts exceeds n/2K by sqrt(n/2K) times the largest of four normal numbers, 1.0294."""
    images = 100_000
    share = images / data_stable_rank(Data(2, images, 20, counts=Multinomial()))
    spread = np.sqrt(images / 4 * (1 - 1 / 4))
    # four normal numbers that sum to zero: the mean of their largest is sqrt(4/3) times that of independent ones
    assert (share - images / 4) / spread == pytest.approx(1.0294 * np.sqrt(4 / 3), rel=0.01)
