"""Training of the convolutional network: the clock, symmetries, promises of the samplers, real images."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata import Laboratory, Model
from lemmata.cli.warmup import _warm
from lemmata.extras import MissingExtraError
from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.cnn_rank import (
    DATA_RANK,
    DIGITS_NETWORK,
    MEMORISATION,
    REAL_IMAGES,
    TRAINING,
    TRAINING_LITERAL,
    WINNERS,
    DigitsNetwork,
    NearOnset,
    RealImages,
    sample_memorisation,
    sample_real_images,
    sample_starts,
    sample_training,
)
from simulations.cnn_rank.descent import descend
from simulations.cnn_rank.digits_network import CANVAS, FIELD, STRIDE, Layers, _fields
from simulations.cnn_rank.draws import Draw, draw_run
from simulations.cnn_rank.pictures import TASKS, load_digits
from simulations.cnn_rank.training import Run
from tests.naive import cnn_rank as naive
from tests.profiles import share
from tests.strategies.cnn_rank_training import rule, small_training
from theory.cnn_rank import NoisyStart, Start, Training, feature_margins, trained_signals

# ------------------------------------------------------------------ R5: the clock


def given_start(model: Training, seed: int) -> Start:
    signals = sample_starts(model, np.random.default_rng(seed), 1)["signals"][0]
    data = {name: value for name, value in model.to_data().items() if name != "kind"}
    return Start.from_data({**data, "signals": signals.tolist()})


@pytest.mark.parametrize(("order", "knee", "scale"), [(2.0, 0.05, 0.01), (3.0, 1.0, 0.3), (2.5, 1.0, 0.2)])
def test_r5_training_tends_to_the_clock_with_the_first_order_of_its_step(
    order: float, knee: float, scale: float
) -> None:
    """R5: errors of margins and pre-activations halve with the step (ratios 2 +- .3), sum extrapolates 10x closer."""
    model = Training(
        features=2, images=4, dimension=9, filters=5, order=order, knee=knee, initial_scale=scale
    )
    model = given_start(model, 3)
    time, errors, finals = 12.0, [], []
    exact = None
    for steps in (400, 800, 1600):
        run = replace(model, steps=steps).advancing(time / steps)
        exact = trained_signals(run)
        made = Run(run, draw_run(run, np.random.default_rng(0)), 0.0)
        made.advance(steps)
        finals.append(made.filters().on_features.copy())
        errors.append(np.abs(finals[-1] - exact).max())
        np.testing.assert_allclose(
            feature_margins(run), made.outcomes(np.empty((1, 1, 10)))["feature_margin"], rtol=0.05, atol=1e-3
        )
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.3)
    assert errors[1] / errors[2] == pytest.approx(2.0, abs=0.3)
    assert np.abs(2 * finals[2] - finals[1] - exact).max() < errors[2] / 5


# ------------------------------------------------------------------ properties of section R5-R7


@settings(max_examples=share(4))
@given(small_training(), st.integers(0, 99))
def test_filters_of_the_other_sign_never_gain_and_dead_ones_never_move(model: Training, seed: int) -> None:
    """R5, projected noise: z_jr,k with j != y_k never increases nor turns negative above 0; z <= 0 stays."""
    model = replace(model, noise_law="projected")
    run = Run(model, draw_run(model, np.random.default_rng(seed)), model.noise)
    kinds, m = 2 * model.features, model.filters
    other = np.zeros((2 * m, kinds), bool)
    other[m:, : model.features] = other[:m, model.features :] = True
    before = run.initial[:, :kinds]
    descend(run.state, (run.draw.members, run.draw.labels), rule(model), 5, run.margins)
    after = run.state[0][:, :kinds]
    assert (after[other] <= before[other]).all()
    dead = before <= 0
    assert (after[dead] == before[dead]).all()


@settings(max_examples=share(4))
@given(small_training(), st.integers(0, 99))
def test_r5_scales_of_strength_start_and_step_cancel(model: Training, seed: int) -> None:
    """(s, sigma_p, s0, eta) -> (c s, c sigma_p, s0/c, eta/c^2) leaves pre-activations and margins as they are."""
    c = 4.0  # a power of two: exactly
    other = replace(
        model,
        strength=c * model.strength,
        initial_scale=model.initial_scale / c,
        step_size=model.step_size / c**2,
    )
    draw = draw_run(model, np.random.default_rng(seed))
    runs = [Run(model, draw, model.noise), Run(other, draw, c * model.noise)]
    for run, its in zip(runs, (model, other), strict=True):
        descend(run.state, (draw.members, draw.labels), rule(its), 5, run.margins)
    np.testing.assert_allclose(runs[0].state[0], runs[1].state[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(runs[0].margins, runs[1].margins, rtol=1e-12, atol=1e-14)


@settings(max_examples=share(4))
@given(small_training(), st.integers(0, 99))
def test_swapping_classes_or_filters_changes_no_rank(model: Training, seed: int) -> None:
    """Labels and sign blocks swapped together, or filters permuted within a block: the same ranks and loss."""
    draw = draw_run(model, np.random.default_rng(seed))
    m, half = model.filters, model.features
    swap, turn = np.r_[m : 2 * m, 0:m], np.r_[half : 2 * half, 0:half]
    shuffle = np.r_[np.roll(np.arange(m), 1), np.arange(2 * m - 1, m - 1, -1)]
    swapped = Draw(
        draw.members[:, turn], -draw.labels, draw.noise, draw.mixing[:, turn], draw.along_features[swap][:, turn],
        draw.along_noise[swap], draw.bulk[np.ix_(swap, swap)],
    )  # fmt: skip
    permuted = replace(
        draw,
        along_features=draw.along_features[shuffle],
        along_noise=draw.along_noise[shuffle],
        bulk=draw.bulk[np.ix_(shuffle, shuffle)],
    )
    seen = []
    for each in (draw, swapped, permuted):
        run = Run(model, each, model.noise)
        descend(run.state, (each.members, each.labels), rule(model), 5, run.margins)
        made = run.outcomes(np.zeros((1, model.background, 2 * m)))
        seen.append(
            [made[name] for name in ("filter_rank", "learned_rank", "signal_rank", "memorised", "winners")]
        )
        seen[-1].append(float(np.mean(np.logaddexp(0.0, -run.margins))))
    np.testing.assert_allclose(seen[1], seen[0], rtol=1e-8)
    np.testing.assert_allclose(seen[2], seen[0], rtol=1e-8)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 99))
def test_r7_the_busiest_filter_is_counted(features: int, filters: int, seed: int) -> None:
    """Loads of the sampler are those of a loop over the same starts."""
    model = Training(features=features, images=2 * features, dimension=2 * features + 1, filters=filters)
    made = WINNERS.function(model, np.random.default_rng(seed), 20)
    starts = np.random.default_rng(seed).standard_normal((20, 2, features, filters))
    assert made["max_load"].tolist() == [naive.busiest(start) for start in starts]
    np.testing.assert_array_equal(made["rank"], 2 * features / made["max_load"])


# ------------------------------------------------------------------ promises of the samplers


def test_free_axes_are_no_part_of_the_draw() -> None:
    """One draw serves all noise levels and times, in any order: the same bits as one at a time."""
    model = Training(features=2, images=8, dimension=40, filters=4, initial_scale=2e-2, noise=0.5).advancing(
        10.0
    )
    levels, stops = [0.9, 0.0, 0.4], [30.0, 0.0, 7.0]
    together = sample_training(
        model, np.random.default_rng(7), 2, noise=np.array(levels), steps=np.array(stops)
    )
    for i, level in enumerate(levels):
        for j, stop in enumerate(stops):
            alone = sample_training(
                model, np.random.default_rng(7), 2, noise=np.array([level]), steps=np.array([stop])
            )
            for name, values in together.items():
                np.testing.assert_allclose(values[:, i, j], alone[name][:, 0, 0], rtol=1e-9, atol=1e-12)


def test_given_starts_are_kept() -> None:
    model = Training(features=2, images=8, dimension=10**6, filters=4, initial_scale=2e-2).with_noise_ratio(
        2.0
    )
    made = sample_starts(model, np.random.default_rng(1), 1)
    data = {name: value for name, value in model.to_data().items() if name != "kind"}
    starts = {name: made[name][0].tolist() for name in ("signals", "backgrounds")}
    noisy = NoisyStart.from_data({**data, **starts})
    run = Run(noisy, draw_run(noisy, np.random.default_rng(2)), noisy.noise)
    np.testing.assert_allclose(run.initial[:, :4], made["signals"][0], rtol=1e-12)
    np.testing.assert_allclose(run.initial[:, 4:], made["backgrounds"][0], rtol=1e-9)
    few = replace(noisy, dimension=11)
    with pytest.raises(DomainError, match=r"dimension = 11: must be at least 2K \+ n P_b = 12"):
        draw_run(few, np.random.default_rng(2))


def test_a_step_beyond_stability_is_named() -> None:
    """Steps that overshoot raise the loss: the error names the step size; steps 60 times smaller are fine.

    Backgrounds in so few dimensions that images of both classes pull filters along the same directions.
    """
    model = Training(
        features=1, images=20, dimension=6, filters=10, order=2.0, knee=0.05, initial_scale=0.01, noise=1.0
    ).advancing(60.0)
    axes = {"noise": np.array([1.0]), "steps": np.array([400.0])}
    with pytest.raises(DomainError, match=r"step_size = 1200.0: must be smaller: the loss rises in step \d+"):
        sample_training(model, np.random.default_rng(0), 1, **axes)
    stable = sample_training(model.advancing(1.0), np.random.default_rng(0), 1, **axes)
    assert stable["train_loss"][0, 0, 0] < 0.01


def test_r9_memorisation_starts_at_the_draws_own_onset() -> None:
    """d = 1e9: no image 5 % below a draw's onset, some 10 % above it, and never fewer than expected."""
    model = NearOnset(features=2, images=24, dimension=10**9, filters=10, initial_scale=5e-2).advancing(10.0)
    made = sample_memorisation(model, np.random.default_rng(0), 4, relative_noise=np.array([0.95, 1.1, 2.0]))
    assert (made["memorised"][:, 0] == 0).all()
    assert (made["any_memorised"][:, 1:] == 1).all()
    assert (made["expected"][:, 0] == 0).all()
    assert (made["memorised"] >= made["expected"]).all()
    with pytest.raises(DomainError, match=r"order = 2\.0: must be above 2"):
        replace(model, order=2.0)


@pytest.mark.parametrize("sampler", [TRAINING, TRAINING_LITERAL, DATA_RANK, WINNERS, MEMORISATION])
def test_chunks_are_about_as_large_as_declared(sampler: Sampler) -> None:
    """A chunk of trials runs, its outputs in range, whatever the engine asks."""
    model: Model = Training(features=2, images=8, dimension=30, filters=4, noise=0.2, steps=3000)
    if sampler is MEMORISATION:
        model = NearOnset(features=2, images=8, dimension=10**6, filters=10, initial_scale=0.5).advancing(
            10.0
        )
    with Laboratory(0) as lab:
        estimates = lab.estimate(sampler, model, 2)
    assert all(np.isfinite(estimate.mean).all() for estimate in estimates.values())


# ------------------------------------------------------------------ real images


def test_tasks_have_two_classes_and_pixels_between_0_and_1() -> None:
    for name, load in TASKS.items():
        objects = load(np.random.default_rng(0))
        assert objects.patches.shape[0] == len(objects.classes), name
        assert set(objects.classes.tolist()) == {0, 1}
        assert 0 <= objects.patches.min() < objects.patches.max() <= 1
    assert len(TASKS["zero_or_one"](np.random.default_rng(0)).classes) == 360


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("sklearn.datasets", "skimage.data"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match="the digits come with scikit-learn: install the extra 'images'"
    ):
        load_digits()
    axes = {"noise": np.array([0.0])}
    with pytest.raises(MissingExtraError, match="face crops come with scikit-image"):
        sample_real_images(RealImages("faces"), np.random.default_rng(0), 1, **axes)
    with pytest.raises(MissingExtraError, match="digits"):
        DIGITS_NETWORK.function(DigitsNetwork(), np.random.default_rng(0), 1, **axes)
    assert _warm(DIGITS_NETWORK, []).startswith("left out: the digits come with scikit-learn")


def test_digits_before_noise_are_learnt_and_their_filters_rank_stays_low() -> None:
    """At 40 steps and noise .4: training images are learnt; the filters' rank is below a quarter of the data's."""
    made = REAL_IMAGES.function(RealImages(steps=40), np.random.default_rng(0), 1, noise=np.array([0.0, 0.4]))
    assert made["train_accuracy"].min() > 0.95
    assert made["filter_rank"][0, 1] < made["patch_rank"][0, 1] / 4
    assert made["patch_rank"][0, 1] > 4 * made["patch_rank"][0, 0]


def test_the_standard_network_steps_down_its_gradient() -> None:
    """One step equals central differences of the loss of loops, in filters, dense layer and offsets."""
    rng = np.random.default_rng(2)
    images = rng.standard_normal((3, CANVAS, CANVAS))
    classes = np.array([4, 0, 9])
    fields = _fields(images)
    layers = Layers(
        rng.standard_normal((2, FIELD**2)) / 5,
        rng.standard_normal((2 * fields.shape[1], 10)) / 8,
        np.zeros(10),
    )
    start = [part.copy() for part in (layers.filters, layers.dense, layers.offsets)]
    layers.step(fields, classes, 1.0)
    after = (layers.filters, layers.dense, layers.offsets)
    for part, index in ((0, (1, 7)), (0, (0, 24)), (1, (5, 3)), (1, (70, 0)), (2, (9,))):
        losses = []
        for sign in (1, -1):
            moved = [values.copy() for values in start]
            moved[part][index] += sign * 1e-5
            losses.append(naive.digits_loss(moved[0], moved[1], moved[2], images, classes.tolist(), STRIDE))
        slope = (losses[0] - losses[1]) / 2e-5
        assert start[part][index] - after[part][index] == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_digits_network_learns_and_returns_what_it_declares() -> None:
    made = DIGITS_NETWORK.function(
        DigitsNetwork(images=60, steps=60), np.random.default_rng(0), 1, noise=np.array([0.0])
    )
    assert set(made) == set(DIGITS_NETWORK.ranges)
    assert made["train_accuracy"][0, 0] > 0.8
    assert made["test_accuracy"][0, 0] > 0.5
