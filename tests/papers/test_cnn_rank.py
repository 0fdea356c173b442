"""Closed forms of arXiv 2504.08628, data and clock: R1-R3, R5 and R6 of docs/papers/cnn_rank.md."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemmata.models import DomainError
from tests.profiles import share
from tests.strategies import cnn_rank as strategies
from theory.cnn_rank import (
    Counts,
    Data,
    FeatureClock,
    FeatureFlow,
    Multinomial,
    Start,
    Tail,
    Training,
    clock_margin,
    data_singular_values,
    data_stable_rank,
    escape_times,
    feature_clock,
    feature_clocks,
    feature_flow,
    image_stable_rank,
    noise_transition,
    peak_stable_rank,
    signal_stable_rank,
    tail_loss,
    tail_margin,
    trained_signals,
    training_loss,
)
from theory.cnn_rank.flow import escape_time, flow
from theory.numerics.huberised_relu import huberised_relu_slope
from theory.numerics.spiked_matrices import hard_edge, mean_edge

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cnn_rank.json").read_text())
CLOCK = 1e-9
"""Relative error of a clock: panels leave 1e-10 of the time, and a margin up to 5 of its digits."""


# ------------------------------------------------------------------ R1-R3: data


IMAGES = Data(4, 200, 500)
FALLING = Start(
    1,
    2,
    100,
    counts=Counts((1.0, 1.0)),
    filters=1,
    order=2.0,
    knee=0.5,
    step_size=10.0,
    signals=((0.0, 0.0), (0.5, 0.0)),
)
"""One filter, which the other class's feature excites alone."""


def test_r1_multinomial_counts_have_worked_means() -> None:
    """R1: E[n/max n_k] for 200 images of 4 and of 10 features."""
    for features, value in ((2, 3.49949), (5, 7.42403)):
        assert data_stable_rank(Data(features, 200, 500, counts=Multinomial())) == pytest.approx(
            value, abs=6e-6
        )


@pytest.mark.parametrize(
    ("law", "noise", "rank"),
    [
        ("projected", 0.05, 17.84), ("projected", 0.1, 47.36), ("projected", 0.13, 74.52), ("projected", 0.2, 79.79),
        ("projected", 0.5, 76.55), ("everywhere", 0.05, 24.17), ("everywhere", 0.1, 57.49), ("everywhere", 0.13, 76.03),
    ],
)  # fmt: skip
def test_r2_r3_patches_have_worked_ranks(law: str, noise: float, rank: float) -> None:
    assert data_stable_rank(replace(IMAGES, noise_law=law, noise=noise)) == pytest.approx(rank, abs=6e-3)


def test_r2_images_have_worked_ranks() -> None:
    for noise, rank in ((0.05, 16.82), (0.1, 37.66), (0.13, 50.98)):
        assert image_stable_rank(replace(IMAGES, noise=noise)) == pytest.approx(rank, abs=6e-3)
    assert image_stable_rank(Data(1, 90, 300, noise=0.15)) == pytest.approx(13.20, abs=6e-3)


@given(strategies.images(noise_laws=("projected", "full", "everywhere")), st.floats(0.1, 10))
def test_r2_r3_ranks_know_no_unit(model: Data, unit: float) -> None:
    """(s, sigma) -> (c s, c sigma) changes no stable rank."""
    scaled = replace(model, strength=unit * model.strength, noise=unit * model.noise)
    assert data_stable_rank(scaled) == pytest.approx(data_stable_rank(model), rel=1e-9)


@given(strategies.images(noise_laws=("projected", "full", "everywhere")))
def test_r1_without_noise_the_rank_is_2k(model: Data) -> None:
    """R1: balanced counts have stable rank 2K, of patches and of images."""
    clean = replace(model, noise=0.0)
    assert data_stable_rank(clean) == pytest.approx(2 * model.features, rel=1e-12)
    if model.noise_law != "everywhere":
        assert image_stable_rank(clean) == pytest.approx(2 * model.features, rel=1e-12)


@given(st.lists(st.integers(0, 20), min_size=3, max_size=3).map(lambda rest: [1, *rest]), st.integers(5, 300))
def test_r1_r2_given_counts_leave_n_over_the_largest(counts: list[int], dimension: int) -> None:
    """R1: n/max n_k without noise, of patches and of images; R2: SR(sigma_c) - SR(infinity) = n/n_max."""
    model = Data(2, sum(counts), dimension, counts=Counts(tuple(map(float, counts))))
    clean = sum(counts) / max(counts)
    assert data_stable_rank(model) == pytest.approx(clean, rel=1e-12)
    assert image_stable_rank(model) == pytest.approx(clean, rel=1e-12)
    end = data_stable_rank(replace(model, noise=1e6 * noise_transition(model)))
    assert peak_stable_rank(model) - end == pytest.approx(clean, rel=1e-6)


@given(strategies.images())
def test_r2_images_never_have_more_than_the_union_of_spectra(model: Data) -> None:
    """R2: the image matrix's top is at least the larger of the features' and the noise's."""
    rows, columns = model.images, model.background * model.noise_dimension
    v, theta = model.noise**2, model.images / (2 * model.features) * model.strength**2
    energy = rows * model.strength**2 + v * rows * columns
    assert image_stable_rank(model) <= energy / max(theta, v * mean_edge(rows, columns)) * (1 + 1e-12)


@given(strategies.images(), st.floats(0.05, 0.95), st.floats(1.05, 20))
def test_r2_the_rank_peaks_at_the_transition(model: Data, below: float, above: float) -> None:
    """R2: rising below sigma_c, falling above, continuous; the peak is 2K above the end."""
    place = noise_transition(model)

    def rank(share: float) -> float:
        return data_stable_rank(replace(model, noise=share * place))

    peak = peak_stable_rank(model)
    assert rank(1.0) == pytest.approx(peak, rel=1e-9)
    assert rank(below) <= rank((1 + below) / 2) * (1 + 1e-12) <= peak * (1 + 1e-9)
    assert peak * (1 + 1e-9) >= rank(above) >= rank(2 * above) * (1 - 1e-12)
    assert peak - rank(1e6) == pytest.approx(2 * model.features, rel=1e-6)


def test_r2_doubles_where_it_says() -> None:
    """R2: the rank has doubled at sigma = s/sqrt(P_b d')."""
    model = replace(IMAGES, background=2)
    doubled = replace(model, noise=1 / math.sqrt(2 * model.noise_dimension))
    assert data_stable_rank(doubled) == pytest.approx(16.0, rel=1e-12)


def test_r2_singular_values_add_up() -> None:
    """R2: quantiles of the bulk have the law's mean, v max(N, d'), and its edges."""
    model = replace(IMAGES, noise=0.1)
    values = data_singular_values(model)
    assert len(values) == 8 + 200
    assert values[0] == pytest.approx(5.0)
    bulk = values[8:] ** 2 / model.noise**2
    assert bulk.mean() == pytest.approx(model.noise_dimension, rel=2e-3)  # tails beyond the last quantiles
    assert bulk.max() < hard_edge(200, model.noise_dimension)


def test_r1_given_counts_keep_their_proportions_at_other_sizes() -> None:
    """R1, R2: half the images at (7, 4, 5, 4) is none, twice is (14, 8, 10, 8); a training keeps its time."""
    model = Data(2, 20, 500, counts=Counts((7, 4, 5, 4)))
    assert model.resized({"images": 40, "dimension": 1000}) == Data(
        2, 40, 1000, counts=Counts((14, 8, 10, 8))
    )
    with pytest.raises(DomainError, match="whole numbers"):
        model.resized({"images": 10, "dimension": 250})
    training = Training(2, 8, 100, filters=10, steps=7, output_exponent=0.5).advancing(0.3)
    assert training.resized({"filters": 20}).time == pytest.approx(training.time, rel=1e-15)


def test_r1_several_objects_count_their_patches() -> None:
    """Each image of feature k shows k+1 as well: counts (5, 6), (4, 5) become (11, 11), (9, 9)."""
    model = Data(2, 20, 500, counts=Counts((5, 6, 4, 5)), objects=2)
    assert data_stable_rank(model) == pytest.approx(40 / 11)
    assert image_stable_rank(model) == pytest.approx(20 / 6)  # images that start alike are equal


# ------------------------------------------------------------------ R5: flow


@given(st.floats(-3, 3), st.floats(-30, 30), st.floats(-30, 30), strategies.orders, st.floats(0.3, 10))
@example(1.0, 1.0, -1.0, 3.0, 1.0)
@example(1e-300, 5.0, 5.0, 2.0, 1.0)
def test_r5_the_flow_is_a_group(z: float, s: float, t: float, order: float, knee: float) -> None:
    """Phi_s(Phi_t) = Phi_(s+t), and Phi_0 = id; to the error that a flow back through q > 2 magnifies."""
    start = z * knee
    s, t = s * knee / 10, t * knee / 10
    twice, once = flow(flow(start, t, order, knee), s, order, knee), flow(start, s + t, order, knee)
    # a rounding of the middle is carried by dPhi_s/dz = act'(Phi_s)/act'(z)
    middle = flow(start, t, order, knee)
    slope = huberised_relu_slope(once, order, knee) / np.maximum(
        huberised_relu_slope(middle, order, knee), 1e-300
    )
    spacing = 1e-13 * (np.abs(middle) * np.maximum(slope, 1.0) + knee * 10 + np.abs(once))
    assert abs(float(twice - once)) <= float(spacing) * 10 + 1e-300
    assert float(flow(start, 0.0, order, knee)) == pytest.approx(start, rel=1e-14)


@given(st.floats(1e-3, 3), strategies.orders, st.floats(0.1, 10))
def test_r5_the_flow_has_the_speed_of_act(z: float, order: float, knee: float) -> None:
    """dPhi/dtau at 0 is act'(z0); starts <= 0 stay."""
    h = 1e-6 * knee
    start = z * knee
    speed = float(flow(start, h, order, knee) - flow(start, -h, order, knee)) / (2 * h)
    assert speed == pytest.approx(float(huberised_relu_slope(start, order, knee)), rel=1e-4, abs=1e-8)
    assert float(flow(-start, 100.0, order, knee)) == -start


@given(st.floats(0.01, 3), st.floats(0.01, 3), st.floats(-2, 20), strategies.orders, st.floats(0.1, 10))
def test_r5_the_flow_keeps_the_order_and_scales(
    a: float, b: float, t: float, order: float, unit: float
) -> None:
    """Order preserving; Phi_(c tau; c kappa)(c z) = c Phi_(tau; kappa)(z)."""
    low, high = flow([min(a, b), max(a, b)], t, order, 1.0)
    assert low <= high * (1 + 1e-12)
    scaled = float(flow(unit * a, unit * t, order, unit))
    assert scaled == pytest.approx(unit * float(flow(a, t, order, 1.0)), rel=1e-10)


def test_r5_flows_have_worked_values() -> None:
    for start, time, order, knee, value in (
        (0.1, 1.5, 3, 0.5, 0.25), (0.1, 5, 3, 0.5, 3.5), (2, -1.8, 3, 0.5, 0.3125),
        (0.02, 0.1, 2, 0.05, 0.104185), (0.02, -0.1, 2, 0.05, 0.00270671),
    ):  # fmt: skip
        assert feature_flow(FeatureFlow((start,), time, order, knee))[0] == pytest.approx(value, rel=1e-5)
    assert escape_time(0.1, 3.0, 0.5) == pytest.approx(2.0)


# ------------------------------------------------------------------ R5: clock


@pytest.mark.parametrize("case", GOLDEN["clock"], ids=lambda case: f"q={case['order']} knee={case['knee']}")
def test_r5_clocks_agree_with_quadrature_at_thirty_digits(case: dict[str, Any]) -> None:
    """t = tau + int e^F, from the definitions: the clock at that time is tau, the margin F."""
    model = FeatureClock(
        tuple(map(float, case["own"])),
        tuple(map(float, case["other"])),
        tuple(map(float, case["time"])),
        order=float(case["order"]),
        knee=float(case["knee"]),
    )
    np.testing.assert_allclose(feature_clock(model), np.array(case["clock"], dtype=float), rtol=CLOCK)
    np.testing.assert_allclose(
        clock_margin(model), np.array(case["margin"], dtype=float), rtol=20 * CLOCK, atol=1e-12
    )


@pytest.mark.parametrize("lead", [30.0, 600.0, 1400.0, 5000.0, 1e6])
def test_r5_clocks_take_time_as_it_is_while_the_other_sign_leads(lead: float) -> None:
    """One filter of each sign beyond the knee: F = 2 tau - lead and t = tau + (e^F - e^-lead)/2, whatever the lead."""
    clock = np.array([lead / 3, (lead + 6.0) / 2])
    margin = 2 * clock - lead
    times = clock + (np.exp(margin) - math.exp(-lead)) / 2
    model = FeatureClock((11.0,), (11.0 + lead,), tuple(times.tolist()))
    np.testing.assert_allclose(feature_clock(model), clock, rtol=CLOCK)
    np.testing.assert_allclose(clock_margin(model), margin, rtol=1e-8, atol=1e-7)


def test_r5_clocks_stand_where_the_margin_is_huge_at_the_start() -> None:
    """dtau/dt = 1/(1 + e^F) is no float for F(0) = 1000: nothing is left to be learned."""
    model = FeatureClock((1000.0 + 20 / 3, 3.0), (0.0, -1.0), (0.0, 1.0, 1e6), output_exponent=0.0)
    np.testing.assert_array_equal(feature_clock(model), 0.0)
    np.testing.assert_allclose(clock_margin(model), 1000.0 + 3.0**3 / 300)


@given(strategies.clocks())
def test_r5_clocks_rise_and_slow_down(model: FeatureClock) -> None:
    """tau(t) increases, is concave, and stays below t; F does not fall; t = tau + int e^F inverts it."""
    times, clock = np.array(model.times), feature_clock(model)
    halfway = feature_clock(replace(model, times=tuple(((times[1:] + times[:-1]) / 2).tolist())))
    assert np.all(halfway >= (clock[1:] + clock[:-1]) / 2 - 2 * CLOCK * clock[-1])
    assert np.all(clock <= times * (1 + CLOCK))
    assert np.all(np.diff(clock) >= -CLOCK * clock[-1])
    assert np.all(np.diff(clock_margin(model)) >= -1e-9 * (1 + abs(clock_margin(model)[-1])))
    steep = 10 + len(model.own) * float(clock[-1])  # an error of tau is magnified by dF/dtau, at most m
    for t, tau in zip(times, clock, strict=True):
        assert model.clock.time(float(tau)) == pytest.approx(t, rel=steep * CLOCK, abs=CLOCK * model.knee)


@given(strategies.starts(), st.floats(0.2, 5))
@settings(max_examples=share(2))
def test_r5_training_knows_no_unit_of_length(model: Start, unit: float) -> None:
    """(s, s0, eta) -> (c s, s0/c, eta/c^2) leaves pre-activations and loss as they are."""
    scaled = replace(
        model,
        strength=unit * model.strength,
        initial_scale=model.initial_scale / unit,
        step_size=model.step_size / unit**2,
    )
    np.testing.assert_allclose(
        trained_signals(scaled), trained_signals(model), rtol=1e-7, atol=1e-12 * model.knee
    )
    assert training_loss(scaled) == pytest.approx(training_loss(model), rel=1e-8)


@given(strategies.starts())
@settings(max_examples=share(2))
def test_r5_swapping_labels_and_blocks_changes_nothing(model: Start) -> None:
    """The two classes are alike: swap features and the blocks of filters."""
    k, m = model.features, model.filters
    rows = [(*row[k:], *row[:k]) for row in (*model.signals[m:], *model.signals[:m])]
    assert isinstance(model.counts, Counts)
    counts = model.counts.values
    other = replace(model, signals=tuple(rows), counts=Counts((*counts[k:], *counts[:k])))
    assert training_loss(other) == pytest.approx(training_loss(model), rel=1e-12)
    np.testing.assert_allclose(feature_clocks(other), np.roll(feature_clocks(model), k), rtol=1e-12)


@given(strategies.starts())
@settings(max_examples=share(2))
@example(replace(FALLING, steps=149))
def test_r5_opposite_filters_never_grow_and_r7_ranks_lie_in_range(model: Start) -> None:
    """Pre-activations of the other sign fall, and keep their sign while they are floats; <= 0 stays; SR in [1, 2K]."""
    start, end = np.array(model.signals), trained_signals(model)
    m, k = model.filters, model.features
    opposite = np.ones_like(start, dtype=bool)
    opposite[:m, :k] = opposite[m:, k:] = False
    assert np.all(end[opposite] <= start[opposite] + 1e-12)
    assert np.all((end > 0) == (start > 0), where=(end != 0) | ~opposite)
    assert np.all(end[start > 0] >= 0)
    assert np.array_equal(end[start <= 0], start[start <= 0])
    if np.any(end):
        assert 1 - 1e-12 <= signal_stable_rank(model) <= 2 * k * (1 + 1e-12)


def test_r7_a_rank_of_nothing_is_refused() -> None:
    """Where all pre-activations fall, they end below the smallest float; before that, squares do."""
    model = replace(FALLING, steps=100)
    assert np.max(trained_signals(model)) < 1e-200
    assert signal_stable_rank(model) == 1.0
    with pytest.raises(DomainError, match=r"signals = .* after 200 steps"):
        signal_stable_rank(replace(model, steps=200))


@given(strategies.starts())
@settings(max_examples=share(2))
def test_r6_the_loss_never_rises(model: Start) -> None:
    """Loss at twice the time is no larger."""
    later = replace(model, steps=2 * model.steps)
    assert training_loss(later) <= training_loss(model) * (1 + 1e-9)


def test_r5_coupled_clocks_are_one_if_all_objects_are_shown() -> None:
    """With objects = K every feature of a class has the same clock, and with one object the decoupled one."""
    signals = tuple(tuple(0.1 + 0.05 * ((3 * r + c) % 7) for c in range(4)) for r in range(6))
    base = Training(2, 8, 50, objects=2, filters=3, knee=0.5, steps=200).advancing(0.5)
    fields = {name: getattr(base, name) for name in Training.parameters()}
    tau = feature_clocks(Start(**fields, signals=signals))
    assert tau[0] == pytest.approx(tau[1], rel=1e-9)
    assert tau[2] == pytest.approx(tau[3], rel=1e-9)
    with pytest.raises(DomainError, match="objects"):
        escape_times(Start(**fields, signals=signals))


def test_r6_features_escape_when_their_clock_says() -> None:
    """At the escape time the leading pre-activation is at the knee."""
    signals = ((0.2, 0.1), (0.05, -0.1), (0.1, 0.3), (-0.2, 0.15))
    base = Training(1, 4, 50, filters=2, knee=0.5, order=3, steps=1)
    fields = {name: getattr(base, name) for name in Training.parameters()}
    start = Start(**fields, signals=signals)
    for k, time in enumerate(escape_times(start)):
        at = replace(start.advancing(float(time)), steps=1)
        assert trained_signals(at)[[0, 2][k], k] == pytest.approx(0.5, rel=1e-7)


# ------------------------------------------------------------------ R6: tail


@given(st.integers(1, 30), st.floats(-2, 20), st.floats(0, 1e8))
def test_r6_the_tail_is_conserved(winners: int, margin: float, elapsed: float) -> None:
    """F + e^F - cAt is constant; the loss tends to m/(A t)."""
    model = Tail(winners, 30, margin, elapsed)
    root = tail_margin(model)
    assert root + math.exp(root) == pytest.approx(
        winners / 30 * elapsed + margin + math.exp(margin), rel=1e-11
    )
    if elapsed > 1e7 and margin < 5:
        assert tail_loss(model) == pytest.approx(30 / (winners * elapsed), rel=1e-3)
