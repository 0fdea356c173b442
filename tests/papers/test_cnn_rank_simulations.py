"""Simulations of the convolutional network: kernels beside loops, reductions beside literal runs, promises."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata import Laboratory, Model
from lemmata.cli.warmup import _warm
from lemmata.comparing import compare
from lemmata.extras import MissingExtraError
from lemmata.models import DomainError
from lemmata.records import Sampler
from lemmata.statistics import Array
from paper_checks.cnn_rank import COMPARISONS
from simulations.cnn_rank import (
    DATA_RANK,
    DATA_RANK_LITERAL,
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
from simulations.cnn_rank.data_rank import _background, _everywhere
from simulations.cnn_rank.descent import descend, descend_filters
from simulations.cnn_rank.digits_network import CANVAS, FIELD, STRIDE, Layers, _fields
from simulations.cnn_rank.draws import Draw, draw_members, draw_run
from simulations.cnn_rank.literal import draw_features, draw_normals, make_images
from simulations.cnn_rank.outcomes import activate, stable_rank, stable_rank_of
from simulations.cnn_rank.pictures import TASKS, load_digits
from simulations.cnn_rank.training import Run
from tests.naive import cnn_rank as naive
from tests.profiles import share
from theory.cnn_rank import (
    RESULTS,
    Balanced,
    Counts,
    Data,
    Multinomial,
    NoisyStart,
    Start,
    Training,
    data_stable_rank,
    feature_margins,
    trained_signals,
)

NEVER = 1e300
"""A rise of the loss that no step reaches."""

# ------------------------------------------------------------------ models


@st.composite
def small_training(draw: st.DrawFn) -> Training:
    """Networks that loops can train: every noise law, several objects and backgrounds, unbalanced counts, real q."""
    features = draw(st.integers(1, 3))
    counts = tuple(float(draw(st.integers(0, 2))) for _ in range(2 * features))
    counts = (counts[0] + 1.0, *counts[1:])
    return Training(
        features=features,
        images=int(sum(counts)),
        dimension=draw(st.integers(2 * features + 1, 2 * features + 5)),
        background=draw(st.integers(1, 2)),
        strength=draw(st.sampled_from([1.0, 0.5, 2.0])),
        noise=draw(st.sampled_from([0.3, 1.0])),
        noise_law=draw(st.sampled_from(["projected", "full"])),
        counts=Counts(counts),
        objects=draw(st.integers(1, features)),
        filters=draw(st.integers(1, 3)),
        order=draw(st.sampled_from([2.0, 3.0]) | st.floats(2.0, 4.0)),
        knee=draw(st.sampled_from([0.2, 1.0])),
        initial_scale=0.5,
        output_exponent=draw(st.sampled_from([0.0, 0.5, 1.0])),
        step_size=0.3,
    )


def literal(model: Training, seed: int) -> tuple[Any, Array]:
    """Images and filters at the start, all entries drawn."""
    rng = np.random.default_rng(seed)
    members, features = draw_members(model, rng), draw_features(model, rng)
    images = make_images(model, model.noise, features, members, draw_normals(model, rng, len(members)))
    return images, model.initial_scale * rng.standard_normal((2 * model.filters, model.dimension))


def as_draw(model: Training, images: Any, filters: Array) -> Draw:
    """The same images and filters as the reduction sees them, in coordinates whose first are the features."""
    frame = images.features / model.strength
    noise = images.patches[:, model.objects :].reshape(-1, model.dimension) / model.noise
    rest = np.linalg.svd(frame)[2][
        len(frame) :
    ]  # the complement of the features, all of it taken as the noise's span
    weights = filters / model.initial_scale
    return Draw(
        members=members_of(model, images),
        labels=images.labels,
        noise=noise @ rest.T,
        mixing=noise @ frame.T,
        along_features=weights @ frame.T,
        along_noise=weights @ rest.T,
        bulk=np.zeros((len(weights), len(weights))),
    )


def members_of(model: Training, images: Any) -> Array:
    shown = images.patches[:, : model.objects] @ images.features.T / model.strength**2
    return np.rint(shown.sum(axis=1))


# ------------------------------------------------------------------ R4: the reduction is exact


@settings(max_examples=share(4))
@given(small_training(), st.integers(0, 99))
def test_r4_training_on_inner_products_is_training_on_patches(model: Training, seed: int) -> None:
    """R4: pre-activations, losses and W W^T after some steps equal those of loops over patches to 1e-10."""
    images, filters = literal(model, seed)
    network = naive.Network(filters.tolist(), model.order, model.knee, model.output_scale)
    patches, labels = images.patches.tolist(), images.labels.tolist()
    run = Run(model, as_draw(model, images, filters), model.noise)
    for _ in range(4):
        network.step(patches, labels, model.step_size)
        descend(run.state, (run.draw.members, run.draw.labels), rule(model), 1, run.margins)
    trained = np.array(network.filters)
    seen = run.filters()
    size = np.abs(trained @ trained.T).max()
    np.testing.assert_allclose(seen.on_features, trained @ images.features.T, rtol=0, atol=1e-10 * size)
    np.testing.assert_allclose(seen.gram, trained @ trained.T, rtol=0, atol=1e-10 * size)
    moved = trained - filters
    np.testing.assert_allclose(seen.learned_gram, moved @ moved.T, rtol=0, atol=1e-10 * size)
    loss = float(np.mean(np.logaddexp(0.0, -run.margins)))
    assert loss == pytest.approx(network.loss(patches, labels), rel=1e-10)


def rule(model: Training) -> tuple[float, float, float, float, float]:
    """What a step needs to know, without the check of stability: what is compared is arithmetic."""
    return model.order, model.knee, model.output_scale, model.step_size, NEVER


@settings(max_examples=share(4))
@given(small_training(), st.integers(0, 99))
def test_training_on_unique_rows_is_training_on_patches(model: Training, seed: int) -> None:
    """The kernel that holds filters takes the steps of the loops."""
    images, filters = literal(model, seed)
    network = naive.Network(filters.tolist(), model.order, model.knee, model.output_scale)
    rows = images.patches.reshape(-1, model.dimension)
    margins = np.empty(len(images.labels))
    trained = filters.copy()
    descend_filters(trained, rows, np.ascontiguousarray(rows.T), images.labels, rule(model), 3, margins)
    for _ in range(3):
        network.step(images.patches.tolist(), images.labels.tolist(), model.step_size)
    np.testing.assert_allclose(trained, network.filters, rtol=0, atol=1e-11 * np.abs(trained).max())


@given(st.floats(-2.0, 4.0), st.floats(2.0, 5.0), st.floats(0.1, 2.0))
def test_the_activation_is_the_scalar_one(z: float, order: float, knee: float) -> None:
    assert float(activate(np.array(z), order, knee)) == pytest.approx(
        naive.act(z, order, knee), rel=1e-12, abs=1e-300
    )


@pytest.mark.parametrize("noise_law", ["projected", "full", "everywhere"])
@pytest.mark.parametrize("objects", [1, 2])
def test_r2_gram_matrices_have_the_spectra_of_the_patches(noise_law: str, objects: int) -> None:
    """From the same normal numbers, in coordinates whose first are the features: ranks equal to rounding."""
    model = Data(features=2, images=8, dimension=9, background=2, noise_law=noise_law, objects=objects)
    features = model.strength * np.eye(4, 9)

    class Given:
        """Hands out prepared normals: what lies along the features, then the triangular factor's rows."""

        def __init__(self, along: Array) -> None:
            self.along = along

        def standard_normal(self, size: Any = None, out: Any = None) -> Any:
            if out is None:
                return self.along
            out[:] = self.along
            return out

    rng = np.random.default_rng(5)
    members = draw_members(model, rng)
    normals = draw_normals(model, rng, model.images)
    images = make_images(model, 0.4, features, members, normals)
    everywhere = noise_law == "everywhere"
    first = normals if everywhere else normals[:, objects:]
    # rows of object patches come place by place, backgrounds image by image (or, where all are noisy, place by place)
    rows = first.transpose(1, 0, 2).reshape(-1, 9) if everywhere else first.reshape(-1, 9)
    prepared: Any = Given(rows[:, :4])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simulations.cnn_rank.data_rank.draw_factor", lambda *_: rows[:, 4:])
        build = _everywhere if everywhere else _background
        patches, whole = build(model, prepared, members)
    flat = images.patches.reshape(-1, 9)
    assert stable_rank(patches(0.4)) == pytest.approx(naive.stable_rank(flat), rel=1e-12)
    assert stable_rank(whole(0.4)) == pytest.approx(
        naive.stable_rank(images.patches.reshape(8, -1)), rel=1e-12
    )
    assert stable_rank_of(flat) == pytest.approx(naive.stable_rank(flat), rel=1e-12)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_stable_ranks_know_no_order_of_rows_and_no_rotation(rows: int, columns: int, seed: int) -> None:
    """1 <= SR <= min(rows, d); rows permuted and columns rotated it is the same."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((rows, columns))
    rotation = np.linalg.qr(rng.standard_normal((columns, columns)))[0]
    rank = stable_rank_of(matrix)
    assert 1 - 1e-12 <= rank <= min(rows, columns) * (1 + 1e-12)
    assert stable_rank_of(rng.permutation(matrix) @ rotation) == pytest.approx(rank, rel=1e-10)


# ------------------------------------------------------------------ R4: draws without the dimension


@pytest.mark.statistical
@pytest.mark.parametrize("dimension", [12, 9, 7])
def test_r4_draws_have_the_moments_of_normal_matrices(dimension: int) -> None:
    """E Gn = sp^2 d' I, E Gn_ij^2 = sp^4 d', E W(0) W(0)^T = s0^2 d I, also where d' < N + 2m: within 5 errors."""
    model = Training(features=2, images=4, dimension=dimension, filters=2, noise=0.5, initial_scale=0.3)
    rng, trials, free = np.random.default_rng(dimension), 2000, dimension - 4
    values = []
    for _ in range(trials):
        run = Run(model, draw_run(model, rng), model.noise)
        gram, start = run.state[2][4:, 4:], run.initial_gram
        values.append(
            [gram[0, 0], gram[1, 1], gram[0, 1], gram[0, 1] ** 2, start[0, 0], start[3, 3], start[0, 3]]
        )
    wanted = [0.25 * free, 0.25 * free, 0.0, 0.0625 * free, 0.09 * dimension, 0.09 * dimension, 0.0]
    table = np.array(values)
    errors = (table.mean(axis=0) - wanted) / (table.std(axis=0) / math.sqrt(trials))
    assert np.abs(errors).max() < 5  # 7 numbers x 3 dimensions: one in 1e5 seeds fails


def two_sample(ours: dict[str, Array], theirs: dict[str, Array], names: list[str]) -> float:
    """The largest difference of two means in standard errors."""
    worst = 0.0
    for name in names:
        left, right = (values[name].reshape(len(values[name]), -1) for values in (ours, theirs))
        error = np.sqrt(left.var(axis=0) / len(left) + right.var(axis=0) / len(right))
        gap = np.abs(left.mean(axis=0) - right.mean(axis=0))
        worst = max(worst, float(np.max(gap / np.maximum(error, 1e-9))))
    return worst


@pytest.mark.statistical
@pytest.mark.parametrize("noise_law", ["projected", "full"])
def test_r4_r10_outcomes_have_the_literal_law(noise_law: str) -> None:
    """Means of all outputs of the reduction and of literal runs agree within 5 standard errors."""
    model = Training(
        features=2, images=12, dimension=30, background=2, filters=4, order=2.0, knee=0.5, initial_scale=0.02,
        noise_law=noise_law, counts=Multinomial(),
    ).advancing(0.2).with_noise_ratio(2.0)  # fmt: skip
    axes = {"noise": np.array([model.noise]), "steps": np.array([0.0, 60.0, 200.0])}
    ours = TRAINING.function(model, np.random.default_rng(1), 300, **axes)
    theirs = TRAINING_LITERAL.function(model, np.random.default_rng(2), 100, **axes)
    names = [name for name in ours if not name.startswith("feature_")]
    assert (
        two_sample(dict(ours), dict(theirs), names) < 5
    )  # 13 outputs x 3 times x 2 laws: one in 2e4 seeds fails


@pytest.mark.statistical
@pytest.mark.parametrize("noise_law", ["projected", "full", "everywhere"])
def test_r2_r3_data_ranks_have_the_literal_law(noise_law: str) -> None:
    """Ranks of patches and images, from factors and from patches, agree within 5 standard errors."""
    model = Data(features=2, images=16, dimension=25, background=2, noise_law=noise_law, counts=Multinomial())
    axes = {"noise": np.array([0.0, 0.15, 0.6])}
    ours = dict(DATA_RANK.function(model, np.random.default_rng(3), 400, **axes))
    theirs = dict(DATA_RANK_LITERAL.function(model, np.random.default_rng(4), 200, **axes))
    assert two_sample(ours, theirs, list(ours)) < 5


@pytest.mark.statistical
@pytest.mark.parametrize(
    "counts",
    [Balanced(), Counts((8.0, 4.0, 4.0, 4.0)), Counts((7.0, 4.0, 5.0, 4.0))],
    ids=["balanced", "halved", "doubled"],
)
def test_r2_comparisons_know_what_to_expect_at_this_size(counts: Balanced | Counts) -> None:
    """`compare` of ranks that grow with the size, at half the images or, where counts cannot be halved, at twice."""
    (pair,) = (c for c in COMPARISONS if c.prediction is data_stable_rank)
    (result,) = (r for r in RESULTS if r.function is data_stable_rank)
    model = Data(features=2, images=20, dimension=100, noise=0.1, counts=counts)
    with Laboratory(0) as lab:
        (row,) = compare(lab, result, pair.output, [model], 256)
    assert row.correction is not None
    assert row.correction_error is not None
    assert abs(row.correction) < 0.05 + 5 * row.correction_error < 0.5
    assert row.z is not None
    assert abs(row.z) < 5


def test_r4_no_dimension_is_too_large() -> None:
    """d = 1e12: ranks, losses and errors are numbers; the bulk of the start alone is as large as d."""
    model = Training(features=2, images=8, dimension=10**12, filters=4, initial_scale=2e-2, steps=40)
    model = model.advancing(10.0).with_noise_ratio(4.0)
    made = sample_training(
        model, np.random.default_rng(0), 1, noise=np.array([model.noise]), steps=np.array([0.0, 40.0])
    )
    assert all(np.isfinite(values).all() for values in made.values())
    assert made["filter_rank"][0, 0, 0] == pytest.approx(8, rel=1e-3)


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
