"""Closed forms of arXiv 2504.08628, filters, onset and test error: R7-R10 of docs/papers/cnn_rank.md."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemmata.models import DomainError
from theory.cnn_rank import (
    RESULTS,
    CoherentNoise,
    Counts,
    Data,
    FeatureClock,
    HiddenSignal,
    Multinomial,
    NoisyStart,
    Onset,
    SharedGrowth,
    Start,
    Tail,
    TrainedFilters,
    Training,
    WinnerTakesAll,
    coherent_error,
    collision_law,
    filter_stable_rank,
    hidden_stable_rank,
    image_stable_rank,
    initial_stable_rank,
    leading_onset,
    learned_stable_rank,
    mean_field_loss,
    memorisation_onset,
    memorised_images,
    memorised_share,
    no_collision_probability,
    no_memory_probability,
    shared_growth_rank,
    signal_stable_rank,
    weight_stable_rank,
    winner_stable_rank,
    winner_takes_all_rank,
)
from theory.cnn_rank import test_error as error_on_new_images
from theory.cnn_rank import test_loss as loss_on_new_images
from theory.cnn_rank.flow import escape_time
from theory.numerics.huberised_relu import huberised_relu
from theory.numerics.spiked_matrices import hard_edge, mean_edge

# ------------------------------------------------------------------ R7: stable ranks of filters


@given(st.integers(1, 30), st.integers(1, 200))
def test_r7_collisions_have_a_law(features: int, filters: int) -> None:
    """Probabilities sum to 1, E <= 2K, P(2K) = 0 for m < K, m = 1 gives 2; the mean rises with m."""
    model = WinnerTakesAll(features, filters)
    law, mean = collision_law(model), winner_takes_all_rank(model)
    assert law.sum() == pytest.approx(1.0, abs=1e-9)
    assert 2 - 1e-9 <= mean <= 2 * features * (1 + 1e-9)
    assert law[0] == pytest.approx(no_collision_probability(model), abs=1e-9)
    assert winner_takes_all_rank(replace(model, filters=filters + 1)) >= mean * (1 - 1e-9)
    if filters == 1:
        assert mean == pytest.approx(2.0)
    if filters < features:
        assert no_collision_probability(model) == 0.0


def test_r7_collisions_have_worked_values() -> None:
    law = collision_law(WinnerTakesAll(4, 50))
    np.testing.assert_allclose(law, [0.782078, 0.214772, 0.003134, 0.000016], atol=6e-7)
    assert winner_takes_all_rank(WinnerTakesAll(16, 50)) == pytest.approx(14.30, abs=6e-3)
    assert no_collision_probability(WinnerTakesAll(16, 50)) == pytest.approx(0.0046, abs=6e-5)
    assert winner_takes_all_rank(WinnerTakesAll(4, 10**6)) == pytest.approx(8.0, rel=1e-5)


@given(st.integers(1, 20), st.floats(0.01, 1))
def test_r7_shared_growth_interpolates(features: int, overlap: float) -> None:
    """2K/(1+(K-1)c) for many filters: 2 at c = 1, at most 2K, which it tends to as c -> 0, 2 for K = 1 whatever c."""
    many = 10**9
    rank = shared_growth_rank(SharedGrowth(features, many, overlap))
    assert 2 - 1e-6 <= rank <= 2 * features
    assert shared_growth_rank(SharedGrowth(features, many, 1.0)) == pytest.approx(2.0)
    assert shared_growth_rank(SharedGrowth(features, many**2, 1e-9)) == pytest.approx(2 * features, rel=1e-6)
    assert shared_growth_rank(SharedGrowth(1, many, overlap)) == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize(
    ("overlap", "ranks"), [(0.5, (2.614, 3.137, 3.486)), (1 / math.pi, (2.910, 3.924, 4.753))]
)
def test_r7_shared_growth_has_worked_values(overlap: float, ranks: tuple[float, ...]) -> None:
    for features, rank in zip((2, 4, 8), ranks, strict=True):
        assert shared_growth_rank(SharedGrowth(features, 50, overlap)) == pytest.approx(rank, abs=6e-4)


@pytest.mark.parametrize(
    ("time", "rank"), [(20, 6.044), (60, 4.234), (120, 4.006), (400, 3.918), (2000, 3.792)]
)
def test_r7_the_mean_field_has_worked_values(time: int, rank: float) -> None:
    model = Training(4, 160, 1000, filters=200, order=2, knee=20, initial_scale=0.05, steps=time).advancing(
        1.0
    )
    assert filter_stable_rank(model) == pytest.approx(rank, abs=1e-3)


def test_r6_the_mean_field_loss_has_worked_values() -> None:
    for time, loss in ((20, 0.10997), (100, 0.02110), (400, 0.00510)):
        model = Training(4, 160, 1000, filters=200, order=2, knee=0.1, initial_scale=0.01, steps=time)
        assert mean_field_loss(model.advancing(1.0)) == pytest.approx(loss, abs=6e-6)


def test_r7_winners_give_the_rank_where_they_are_alone() -> None:
    """One filter of each sign: SR of the two columns is sum z^2/max z^2."""
    signals = ((0.4, -1.0), (-1.0, 0.3))
    base = Training(1, 4, 50, filters=1, knee=0.5, order=3, steps=400).advancing(1.0)
    start = Start(**{name: getattr(base, name) for name in Training.parameters()}, signals=signals)
    alone = replace(start, signals=((0.4, -1e-9), (-1e-9, 0.3)))
    assert winner_stable_rank(alone) == pytest.approx(signal_stable_rank(alone), rel=1e-9)
    with pytest.raises(DomainError, match="signals"):
        winner_stable_rank(replace(start, signals=((-0.4, -1.0), (-1.0, 0.3))))


# ------------------------------------------------------------------ R8: the start


def test_r8_starts_have_worked_ranks() -> None:
    for filters, dimension, rank in ((10, 100, 10.25), (30, 800, 37.75), (50, 10000, 83.12)):
        assert initial_stable_rank(Training(1, 2, dimension, filters=filters)) == pytest.approx(
            rank, abs=6e-3
        )
    assert hidden_stable_rank(HiddenSignal(30, 792, 0.1, (12.0, 4.0))) == pytest.approx(24.1532, abs=6e-5)


def test_r8_limits() -> None:
    """Nothing learnt: the start's own rank; no start: sum theta/theta_max."""
    assert hidden_stable_rank(HiddenSignal(10, 100, 0.1, (0.0,))) == pytest.approx(10.249, abs=1e-3)
    assert hidden_stable_rank(HiddenSignal(10, 100, 0.0, (3.0, 2.0, 1.0))) == pytest.approx(2.0)
    with pytest.raises(DomainError, match="learned"):
        HiddenSignal(10, 100, 0.0, (0.0,))


def test_r8_at_its_threshold_the_outlier_meets_the_hard_edge() -> None:
    """The limit is continuous there; what is left of a step is the Tracy-Widom shift of the edge."""
    m, free, s0 = 30, 792, 0.1
    threshold = s0**2 * (2 * m + math.sqrt(2 * m * free))
    below, above = (
        hidden_stable_rank(HiddenSignal(m, free, s0, (threshold * (1 + sign * 1e-7), 1.0)))
        for sign in (-1, 1)
    )
    assert below / above == pytest.approx(hard_edge(2 * m, free) / mean_edge(2 * m, free), rel=1e-5)


def test_r8_the_start_fades_in_training() -> None:
    """From about 2m towards the rank along the features."""
    signals = tuple(tuple(1e-2 * math.sin(5 * r + 3 * c) for c in range(4)) for r in range(40))
    base = Training(2, 8, 500, filters=20, initial_scale=1e-2, knee=0.5, order=2).advancing(0.5)
    start = Start(**{name: getattr(base, name) for name in Training.parameters()}, signals=signals)
    ranks = [weight_stable_rank(replace(start, steps=steps)) for steps in (0, 20, 2000)]
    late = signal_stable_rank(replace(start, steps=2000))
    assert ranks[0] > 20 > ranks[1] > ranks[2] > late
    assert ranks[2] == pytest.approx(late, rel=0.05)


# ------------------------------------------------------------------ R9: onset


def test_r9_onsets_have_worked_values() -> None:
    base = Onset(2, 120, 20000, order=2, knee=0.05, initial_scale=1e-3, signal_start=2.3, noise_start=3.8)
    for loss, ratio in ((1e-2, 0.688), (2e-3, 0.606), (1e-3, 0.579)):
        assert memorisation_onset(replace(base, loss=loss)) == pytest.approx(ratio, abs=6e-4)


@given(st.floats(2.01, 6), st.floats(0.3, 4), st.floats(0.3, 4), st.integers(1, 50))
def test_r9_small_starts_have_the_leading_onset(order: float, x_k: float, x_i: float, images: int) -> None:
    """r^q = (n/2K)(x_k/x_i)^(q-2) as the starts vanish, and both clocks agree at the onset."""
    model = Onset(
        2, 4 * images, 1000, order=order, knee=1.0, initial_scale=1e-9, signal_start=x_k, noise_start=x_i
    )
    onset = memorisation_onset(model)
    beta = 4 * onset**2 / model.images
    feature, noise = escape_time([1e-9 * x_k, 1e-9 * onset * x_i], order, 1.0)
    assert beta * feature == pytest.approx(noise, rel=1e-9)
    if order > 2.5:  # corrections of relative order start^(q-2)
        assert onset == pytest.approx(leading_onset(model), rel=1e-3)


def test_r9_the_leading_onset_of_a_high_order_is_the_ratio_of_starts() -> None:
    """[(n/2K)(x_k/x_i)^(q-2)]^(1/q), where the power itself is beyond any float."""
    model = Onset(1, 2, 1000, order=1e6, knee=1.0, signal_start=3.0, noise_start=1.0)
    assert leading_onset(model) == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize(("order", "leading"), [(2.0, 2.0**0.5), (6.0, 2.0 ** (1 / 6)), (10.0, 2.0**0.1)])
def test_r9_onsets_know_no_smallest_start(order: float, leading: float) -> None:
    """Times to the knee overflow, their logarithms do not; at equal starts r^q -> n/2K, for q = 2 as well."""
    model = Onset(2, 8, 100, order=order, initial_scale=1e-300, signal_start=2.0, noise_start=2.0)
    assert memorisation_onset(model) == pytest.approx(leading, rel=2e-3 if order == 2 else 1e-9)


def test_r9_shares_rise_with_the_noise_and_match_their_law() -> None:
    """Shares and the probability that nothing is memorised are monotone; a direct sum over starts agrees."""
    model = Training(2, 120, 10**9)
    at = [model.with_noise_ratio(r) for r in (0.0, 1.0, 2.2, 2.6, 3.0, 5.0)]
    shares, clean = [memorised_share(m) for m in at], [no_memory_probability(m) for m in at]
    assert shares == sorted(shares)
    assert clean == sorted(clean, reverse=True)
    assert (shares[0], clean[0]) == (0.0, pytest.approx(1.0))
    # P(x_i > x_k (n/2K)/r^3) over a grid of both maxima
    u = (np.arange(1000) + 0.5) / 1000
    from scipy.special import ndtri

    tops = ndtri(u ** (1 / model.filters))
    direct = np.mean(30 * tops[:, None] < 3.0**3 * tops[None, :])
    assert shares[4] == pytest.approx(direct, abs=4e-3)
    with pytest.raises(DomainError, match="order"):
        memorised_share(replace(model, order=2.0))


def test_r9_joint_clocks_know_the_onset() -> None:
    """Below an image's onset its background is not memorised, above it is; without noise learnt W - W(0) is Zs."""
    rows, columns = 6, 4
    signals = tuple(tuple(1e-3 * (1 + 0.1 * ((r + c) % 3)) for c in range(2)) for r in range(rows))
    h = 1e-3 * np.array([[1 + 0.1 * ((2 * r + c) % 3) for c in range(columns)] for r in range(rows)])
    base = Training(1, columns, 10**9, filters=3, order=3, knee=1.0, initial_scale=1e-3).advancing(1.0)
    onset = math.sqrt(columns / 2) ** (2 / 3)  # equal leading starts
    for factor, expected in ((0.9, 0.0), (1.1, 1.0)):
        noisy = replace(base, steps=12000).with_noise_ratio(factor * onset)
        fields = {name: getattr(noisy, name) for name in Training.parameters()}
        model = NoisyStart(
            **fields, signals=signals, backgrounds=tuple(map(tuple, (factor * onset * h).tolist()))
        )
        assert memorised_images(model).mean() == expected
        assert 1.0 <= learned_stable_rank(model) <= 6.0


# ------------------------------------------------------------------ R10: test error


def network(noise: float, spread: float, signal: float = 1.0) -> TrainedFilters:
    """One filter of each sign on K = 1; both see independent noise of variance (noise spread)^2."""
    outside = ((spread**2, 0.0), (0.0, spread**2))
    return TrainedFilters(1, 1, noise, ((signal, 0.0), (0.0, signal)), outside, order=2, knee=1e-9)


def test_r10_two_linear_filters_have_a_closed_form() -> None:
    """relu(v1) - relu(v2) against a margin x: Q(x)/2 + E[Q(x + v) | v > 0]/2; without noise the loss of the margin."""
    for x in (0.25, 0.5, 1.0, 2.0):
        assert error_on_new_images(network(1.0, 1.0, x)) == pytest.approx(
            coherent_error(CoherentNoise(x)), abs=2e-3
        )
    assert loss_on_new_images(network(0.0, 1.0, 2.0)) == pytest.approx(math.log1p(math.exp(-2.0)), rel=1e-8)
    assert error_on_new_images(network(0.0, 1.0)) == 0.0


@pytest.mark.statistical
@pytest.mark.parametrize(("order", "background", "noise"), [(2.0, 2, 0.6), (3.0, 1, 0.3)])
def test_r10_the_lattice_keeps_its_stated_error_in_many_dimensions(
    order: float, background: int, noise: float
) -> None:
    """2m P_b = 80 and 40 dimensions: within 3e-3 of the share among independent backgrounds, five errors of it aside.

    The mean loss is within 1/180 of the loss's deviation, with as much room.
    """
    rng, m, draws = np.random.default_rng(0), 20, 2**14
    root = rng.standard_normal((2 * m, 2 * m)) * np.geomspace(1, 0.2, 2 * m)
    signals = np.kron(np.eye(2), np.where(rng.random((m, 2)) < 0.3, 3 * rng.random((m, 2)), 0.0))
    model = TrainedFilters(
        2, m, noise, tuple(map(tuple, signals.tolist())), tuple(map(tuple, (root @ root.T).tolist())),
        background=background, order=order, knee=0.05 if order == 2 else 1.0,
    )  # fmt: skip

    def outputs(seen: np.ndarray) -> np.ndarray:
        act = huberised_relu(seen, order, model.knee)
        return (act[..., :m].sum(axis=-1) - act[..., m:].sum(axis=-1)) / m

    added = sum(outputs(noise * rng.standard_normal((draws, 2 * m)) @ root.T) for _ in range(background))
    labels = np.repeat([1.0, -1.0], 2)
    margins = labels * (outputs(signals.T) + np.asarray(added)[:, None])
    for value, found, error in (
        (error_on_new_images(model), np.mean(margins <= 0, axis=1), 3e-3),
        (loss_on_new_images(model), np.logaddexp(0, -margins).mean(axis=1), None),
    ):
        spread = found.std()
        stated = spread / 180 if error is None else error
        assert abs(value - found.mean()) < stated + 5 * spread / math.sqrt(draws)


def test_r10_values_of_the_lattice_say_that_they_are_numerical() -> None:
    natures = {result.name: str(result.nature) for result in RESULTS if result.source == "R10"}
    assert natures["test_error"] == (
        "numerical value of an exact formula; error below 3e-3, about 1e-3 at a test error of .05"
    )
    assert "1/180 of the loss's deviation" in natures["test_loss"]
    assert natures["coherent_error"].startswith("leading order")


def test_r10_the_coherent_error_has_worked_values() -> None:
    for x, error in ((0.0, 0.375), (0.5, 0.2197), (1.0, 0.1081), (2.0, 0.0145)):
        assert coherent_error(CoherentNoise(x)) == pytest.approx(error, abs=6e-5)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Training(2, 12, 50, order=1.9), "order = 1.9: must be a finite real number >= 2"),
        (lambda: Training(2, 12, 50, knee=0.0), "knee = 0.0: must be a finite real number > 0"),
        (lambda: Data(3, 12, 6), "dimension = 6: must be more than the number of features, 2K = 6"),
        (lambda: Data(2, 13, 50), "images = 13: must be a multiple of 2K = 4"),
        (lambda: Data(2, 12, 50, counts=Counts((3, 3, 3, 2))), "numbers whose sum is images = 12"),
        (lambda: Data(2, 12, 50, counts=Counts((6, 6))), "a list of length 2K = 4"),
        (lambda: Data(2, 12, 50, objects=3), "objects = 3: must be at most"),
        (lambda: Training(2, 12, 50, noise_law="everywhere"), "noise_law = 'everywhere'"),
        (lambda: Counts((1.5, 2.0)), "values = "),
        (lambda: FeatureClock((1.0,), (1.0, 2.0), (1.0,)), "other = "),
        (lambda: Tail(5, 4, 0.0, 1.0), "winners = 5: must be at most filters = 4"),
        (lambda: Start(1, 4, 50, filters=1, signals=((0.1,), (0.2,))), "signals"),
        (lambda: Onset(2, 12, 50, initial_scale=10.0), "signal_start"),
        (
            lambda: TrainedFilters(1, 1, 1.0, ((1.0, 0.0),) * 2, ((-1.0, 0.0), (0.0, 1.0))),
            "positive semidefinite",
        ),
        (lambda: image_stable_rank(Data(2, 12, 50, noise_law="everywhere")), "noise_law"),
        (lambda: filter_stable_rank(Training(2, 12, 50, counts=Multinomial(), steps=1)), "counts"),
    ],
)
def test_bad_input_is_named(make: Any, match: str) -> None:
    with pytest.raises(DomainError, match=match):
        make()
