"""Simulations of the convolutional network: kernels beside loops, reductions beside literal runs (R4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata import Laboratory
from lemmata.comparing import compare
from lemmata.statistics import Array
from paper_checks.cnn_rank import COMPARISONS
from simulations.cnn_rank import DATA_RANK, DATA_RANK_LITERAL, TRAINING, TRAINING_LITERAL, sample_training
from simulations.cnn_rank.data_rank import _background, _everywhere
from simulations.cnn_rank.descent import descend, descend_filters
from simulations.cnn_rank.draws import Draw, draw_members, draw_run
from simulations.cnn_rank.literal import draw_features, draw_normals, make_images
from simulations.cnn_rank.outcomes import activate, stable_rank, stable_rank_of
from simulations.cnn_rank.training import Run
from tests.naive import cnn_rank as naive
from tests.profiles import share
from tests.strategies.cnn_rank_training import rule, small_training
from theory.cnn_rank import RESULTS, Balanced, Counts, Data, Multinomial, Training, data_stable_rank

# ------------------------------------------------------------------ models


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
