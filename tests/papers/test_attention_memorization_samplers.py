"""Samplers of the attention layer: their draws, and what they refuse (docs/papers/attention_memorization.md)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata import DomainError
from lemmata.records import Sampler
from lemmata.statistics import Array
from simulations.attention_memorization import (
    ATTENTION,
    ATTENTION_GAP,
    ATTENTION_SINGLE,
    LABEL_AVERAGE,
    LINEAR_CHAIN,
    layer_errors,
    sample_attention,
    sample_attention_gap,
    sample_label_average,
    sample_linear_chain,
    sample_softmax,
)
from simulations.attention_memorization.attention import layer_of
from simulations.attention_memorization.draws import draws, labels_from
from simulations.attention_memorization.weights import Weights, weights_of
from tests.naive import attention_layer as naive
from tests.naive.attention_memorization import error_of_tokens
from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import attention_layer as strategies
from tests.strategies.attention_layer import GENERAL
from theory.attention_memorization import (
    Aligned,
    Attention,
    Balanced,
    Gram,
    Independent,
    Softmax,
    Spherical,
    Strong,
    Unbalanced,
)
from theory.numerics.activations import Coefficients, Exponential, Linear, Sign, Tanh

pytestmark = pytest.mark.usefixtures("one_thread")

# ------------------------------------------------------------------ samplers, against naive twins on their own draws


def replayed(model: Attention | Softmax, seed: int) -> tuple[Array, Array, Array, Array]:
    """Tokens, labels, w_K and w_Q of the first trial that a sampler draws from this seed."""
    tokens, labels = next(draws(model, np.random.default_rng(seed), 1))
    weights = weights_of(model)
    key, query = np.zeros((2, model.dimension))
    key[: len(weights.key)], query[: len(weights.query)] = weights.key, weights.query
    return tokens, labels, key, query


@given(strategies.attention(most=8), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_the_sampler_returns_the_errors_of_its_own_draws(model: Attention, seed: int) -> None:
    """Model: E, T, S of the drawn tokens by the definition, with the activation's own formula entry by entry."""
    if isinstance(model.activation, Sign) or model.activation.kind() not in naive.FUNCTIONS:
        model = replace(model, activation=Tanh())
    ridge = np.array([model.ridge])
    sampled = sample_attention(model, np.random.default_rng(seed), 1, ridge=ridge)
    tokens, labels, key, query = replayed(model, seed)
    function = naive.FUNCTIONS[model.activation.kind()]
    matrix = naive.attention_matrix(tokens, key, query, function, keep_diagonal=model.diagonal == "keep")
    expected = naive.errors(tokens, matrix, labels, np.eye(model.dimension)[0], model.ridge)
    slack = naive.rounding(tokens, matrix, model.ridge)
    assert abs(sampled["error"][0, 0] - expected.error) <= slack
    assert abs(sampled["trace_error"][0, 0] - expected.trace_error) <= slack
    assert abs(sampled["matched_filter_error"][0, 0] - expected.matched_filter_error) <= slack
    gap = sample_attention_gap(model, np.random.default_rng(seed), 1, ridge=ridge)
    plain = float(error_of_tokens(tokens, labels, model.ridge))
    norm = float(np.linalg.norm(tokens, 2)) ** 2 / len(labels)
    assert abs(gap["error"][0, 0] - expected.error) <= slack
    assert abs(gap["ridge_regression_error"][0, 0] - plain) <= 64 * EPS * (1 + norm / model.ridge)
    assert gap["gap"][0, 0] == gap["error"][0, 0] - gap["ridge_regression_error"][0, 0]


@given(strategies.softmax(), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_softmax_returns_the_errors_of_its_own_draws(model: Softmax, seed: int) -> None:
    """R10: K = n/sqrt p times the softmax of the logits over the keys or the queries, masked or not."""
    sampled = sample_softmax(model, np.random.default_rng(seed), 1, ridge=np.array([model.ridge]))
    tokens, labels, key, query = replayed(model, seed)
    matrix = naive.softmax_matrix(tokens, key, query, over=model.over, masked=model.masked)
    expected = naive.errors(tokens, matrix, labels, np.eye(model.dimension)[0], model.ridge)
    # shares of one large logit are as exact as the logit: its absolute error is that of its size
    size = 1 + float(np.abs(naive.logits(tokens, key, query)).max())
    slack = size * naive.rounding(tokens, matrix, model.ridge)
    assert abs(sampled["error"][0, 0] - expected.error) <= slack
    assert abs(sampled["trace_error"][0, 0] - expected.trace_error) <= slack
    assert abs(sampled["matched_filter_error"][0, 0] - expected.matched_filter_error) <= slack


def test_softmax_has_no_overflow() -> None:
    """R10: logits of any size: strong weights give logits of thousands, and the shares stay finite."""
    for over in ("keys", "queries"):
        model = Softmax(40, 20, ridge=0.1, snr=4.0, over=over, alignment=Strong(30.0))
        sampled = sample_softmax(model, np.random.default_rng(1), 3, ridge=np.array([0.1]))
        assert all(np.isfinite(values).all() for values in sampled.values())


@given(strategies.attention(), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_outputs_are_finite_and_in_their_ranges(model: Attention, seed: int) -> None:
    """Every sampler of the layer, on any model that it takes."""
    samplers: list[Sampler] = [ATTENTION, ATTENTION_GAP, ATTENTION_SINGLE]
    if isinstance(model.labels, Independent | Spherical):
        samplers.append(LABEL_AVERAGE)
    for sampler in samplers:
        outputs = sampler.function(model, np.random.default_rng(seed), 2, ridge=np.array([model.ridge, 1e3]))
        assert set(outputs) == set(sampler.ranges)
        for name, values in outputs.items():
            low, high = sampler.ranges[name]
            assert values.shape == (2, 2)
            assert ((values >= low) & (values <= high)).all()


@pytest.mark.parametrize("sampler", [ATTENTION, ATTENTION_SINGLE, ATTENTION_GAP, LABEL_AVERAGE])
def test_one_draw_serves_every_ridge_bit_by_bit(sampler: Sampler) -> None:
    """Free axis: an error does not depend on which other ridges are asked for."""
    model = Attention(30, 20, ridge=1.0, snr=1.0, activation=Tanh(), labels=Independent())
    ridge = np.array([1e-6, 0.3, 100.0])
    together = sampler.function(model, np.random.default_rng(1), 3, ridge=ridge)
    for r in range(3):
        alone = sampler.function(model, np.random.default_rng(1), 3, ridge=ridge[r : r + 1])
        for name, values in alone.items():
            # matrix products over ridges (averages) may sum in another order
            assert values[:, 0] == pytest.approx(together[name][:, r], rel=1e-12, abs=1e-15)


# ------------------------------------------------------------------ draws


@pytest.mark.parametrize(
    "change",
    [
        {"snr": 0.0},
        {"snr": 9.0},
        {"ridge": 5.0},
        {"activation": Sign()},
        {"alignment": GENERAL},
        {"alignment": Strong(1.0)},
        {"labels": Spherical()},
        {"labels": Unbalanced(0.3)},
    ],
    ids=str,
)
def test_draws_are_shared_along_every_parameter_but_the_sizes(change: dict[str, object]) -> None:
    """Common random numbers: the noise Z has equal bits whatever the model, trial by trial."""
    model = Attention(12, 7, ridge=1.0, snr=1.0, activation=Tanh())
    changed = replace(model, **change)  # type: ignore[arg-type]
    one, other = np.random.default_rng(2), np.random.default_rng(2)
    for (a, y), (b, z) in zip(draws(model, one, 3), draws(changed, other, 3), strict=True):
        assert np.array_equal(a[1:], b[1:])
        noise = a[0] - math.sqrt(model.snr) * y, b[0] - math.sqrt(changed.snr) * z
        assert noise[0] == pytest.approx(noise[1], abs=1e-13)
    assert one.random() == other.random()


def test_tokens_are_signal_and_numpys_normals() -> None:
    """Model: X = mu y^T + Z with mu along the first axis; Z has the bits of `Generator.standard_normal`."""
    model = Attention(10, 6, ridge=1.0, snr=2.25, activation=Tanh(), labels=Independent())
    rng = np.random.default_rng(4)
    for tokens, labels in draws(model, np.random.default_rng(4), 3):
        normals, noise = rng.standard_normal(10), rng.standard_normal((6, 10))
        assert np.array_equal(labels, np.copysign(1.0, normals))
        noise[0] += 1.5 * labels
        assert np.array_equal(tokens, noise)


@given(st.integers(1, 200), st.floats(-1, 1), st.integers(0, 2**32))
@settings(max_examples=share(4))
def test_labels_are_what_their_kind_says(half: int, mean: float, seed: int) -> None:
    """Model: balanced labels sum to zero, unbalanced ones to the nearest label; squared length n for every kind."""
    n = 2 * half
    normals = np.random.default_rng(seed).standard_normal(n)
    for kind in (Balanced(), Unbalanced(mean), Independent(), Spherical()):
        labels = labels_from(kind, normals)
        assert float(labels @ labels) == pytest.approx(n, rel=4 * n * EPS)
        if not isinstance(kind, Spherical):
            assert set(labels.tolist()) <= {-1.0, 1.0}
    assert labels_from(Balanced(), normals).sum() == 0
    assert abs(labels_from(Unbalanced(mean), normals).mean() - mean) <= 1 / n + 1e-12


@given(strategies.attention())
@settings(max_examples=share(2))
def test_weights_have_the_inner_products_that_the_model_gives(model: Attention) -> None:
    """Model: the limit and the layer know mu, w_K and w_Q by their Gram matrix alone; the sampler realises it."""
    weights = weights_of(model)
    assert len(weights.key) == len(weights.query) <= min(3, model.dimension)
    vectors = np.zeros((3, len(weights.key)))
    vectors[0, 0] = math.sqrt(model.snr)
    vectors[1], vectors[2] = weights.key, weights.query
    expected = np.array(model.alignment.gram(model.snr, model.dimension))
    lengths = np.sqrt(np.diag(expected))
    assert (np.abs(vectors @ vectors.T - expected) <= 1e-5 * np.outer(lengths, lengths) + 1e-300).all()


def test_parallel_weights_are_a_stretch_and_others_are_not() -> None:
    """The symmetric path is taken where I + w_K w_Q^T is a stretch along one direction, and only there."""
    key = np.array([1.0, -2.0, 0.5])
    found = Weights(key, 3 * key).stretch()
    assert found is not None
    direction, factor = found
    matrix = np.eye(3) + (factor - 1) * np.outer(direction, direction)
    assert np.allclose(matrix, np.eye(3) + np.outer(key, 3 * key), rtol=1e-14)
    assert Weights(key, -key).stretch() is None
    assert Weights(key, key + np.array([0, 0, 1e-9])).stretch() is None
    nothing = Weights(key, 0 * key).stretch()
    assert nothing is not None
    assert nothing[1] == 1.0


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tokens": np.array([[1.0, np.nan]])}, "tokens"),
        ({"tokens": np.zeros((0, 2))}, "tokens"),
        ({"tokens": np.ones(3)}, "tokens"),
        ({"tokens": "X"}, "tokens"),
        ({"labels": np.ones(3)}, "labels"),
        ({"labels": np.zeros(2)}, "labels"),
        ({"ridge": np.array([0.0])}, "ridge"),
        ({"ridge": np.array([])}, "ridge"),
        ({"ridge": np.array([-1.0, 1.0])}, "ridge"),
        ({"key": np.ones(2)}, "key"),
        ({"query": np.array([np.inf])}, "query"),
        ({"direction": np.zeros(1)}, "direction"),
    ],
)
def test_bad_matrices_are_refused_by_name(change: dict[str, object], words: str) -> None:
    arguments: dict[str, object] = {
        "tokens": np.array([[1.0, 2.0]]),
        "labels": np.ones(2),
        "ridge": np.array([1.0]),
        "activation": np.tanh,
    }
    with pytest.raises(DomainError, match=f"^{words} = "):
        layer_errors(**(arguments | change))  # type: ignore[arg-type]


def test_what_double_precision_cannot_hold_is_refused() -> None:
    """No NaN and no noise in silence: squares that overflow, and a ridge below the rounding of the Gram matrix."""
    tokens, labels = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([1.0, -1.0])
    with pytest.raises(DomainError, match="features"):
        layer_errors(tokens, labels, np.array([1.0]), lambda t: 1e200 * t)
    rank_one = np.outer(np.arange(1.0, 9.0), np.arange(1.0, 9.0))
    with pytest.raises(DomainError, match="ridge"):
        layer_errors(rank_one, np.ones(8), np.array([1e-12]), lambda t: 1e6 * t)


@pytest.mark.parametrize("alignment", [Strong(40.0), GENERAL], ids=lambda a: a.kind())
@pytest.mark.parametrize("labels", [Independent(), Spherical()], ids=lambda kind: kind.kind())
@pytest.mark.parametrize("sampler", [ATTENTION, ATTENTION_SINGLE, ATTENTION_GAP, LABEL_AVERAGE])
def test_an_activation_that_overflows_is_refused(
    sampler: Sampler, labels: Independent | Spherical, alignment: Strong | Gram
) -> None:
    """exp of logits in the thousands: one error, no warning, whichever way the features are formed."""
    snr = 1.0
    if isinstance(alignment, Gram):
        snr, alignment = 1e4, Gram((1e4 * np.array(alignment.matrix)).tolist())
    model = Attention(12, 6, ridge=1.0, snr=snr, activation=Exponential(), alignment=alignment, labels=labels)
    with pytest.raises(DomainError, match=r"^features = 'overflow': must be of finite squares"):
        sampler.function(model, np.random.default_rng(1), 2, ridge=np.array([1.0]))


def test_a_ridge_that_is_lost_is_named_as_it_was_given() -> None:
    model = Attention(64, 32, ridge=1.0, snr=1.0, activation=Exponential(), alignment=Strong(2.0))
    with pytest.raises(DomainError, match=r"^ridge = 0\.5: must be larger"):
        sample_attention(model, np.random.default_rng(0), 3, ridge=np.array([0.5]))


@pytest.mark.parametrize("sampler", [ATTENTION, ATTENTION_SINGLE, ATTENTION_GAP, LABEL_AVERAGE])
def test_a_ridge_whose_square_overflows_is_refused(sampler: Sampler) -> None:
    model = Attention(8, 4, ridge=1.0, snr=1.0, activation=Sign(), labels=Spherical())
    with pytest.raises(DomainError, match=r"^ridge = 1e\+300: must be at most 3\.12e\+148 at this size"):
        sampler.function(model, np.random.default_rng(0), 2, ridge=np.array([1.0, 1e300]))


@pytest.mark.parametrize("sampler", [ATTENTION, ATTENTION_SINGLE, ATTENTION_GAP, LABEL_AVERAGE])
def test_coefficients_alone_are_no_layer(sampler: Sampler) -> None:
    model = Attention(
        4, 3, ridge=1.0, snr=1.0, activation=Coefficients(linear=0.5, power=1.0), labels=Spherical()
    )
    with pytest.raises(DomainError, match="activation"):
        sampler.function(model, np.random.default_rng(1), 1, ridge=np.array([1.0]))


def test_weights_need_room_in_the_dimension() -> None:
    """Gram of rank above p: refused with the rank. Without signal its direction needs an axis of its own."""
    model = Attention(4, 3, ridge=1.0, snr=1.0, activation=Tanh(), alignment=GENERAL)
    layer_of(model)
    with pytest.raises(DomainError, match="dimension = 2: must be at least 3"):
        layer_of(replace(model, dimension=2))
    alone = Gram(((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 1.0, 1.0)))
    with pytest.raises(DomainError, match="dimension = 1: must be at least 2"):
        layer_of(replace(model, dimension=1, snr=0.0, alignment=alone))


def test_averages_need_labels_that_vary() -> None:
    model = Attention(4, 3, ridge=1.0, snr=1.0, activation=Tanh())
    with pytest.raises(DomainError, match="labels"):
        sample_label_average(model, np.random.default_rng(1), 1, ridge=np.array([1.0]))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"activation": Tanh()}, "activation"),
        ({"diagonal": "zero"}, "diagonal"),
        ({"alignment": Aligned(1.0)}, "alignment"),
        ({"alignment": Strong(1.0)}, "alignment"),
    ],
)
def test_the_chain_is_for_plain_linear_attention(change: dict[str, object], name: str) -> None:
    model = Attention(4, 3, ridge=1.0, snr=1.0, activation=Linear(), diagonal="keep")
    assert set(LINEAR_CHAIN.function(model, np.random.default_rng(1), 1, ridge=np.ones(1))) == set(
        LINEAR_CHAIN.ranges
    )
    with pytest.raises(DomainError, match=f"^{name} = "):
        sample_linear_chain(replace(model, **change), np.random.default_rng(1), 1, ridge=np.ones(1))  # type: ignore[arg-type]
