"""The claims of arXiv 2506.18656: verdicts at the quick level, and the formulas that only the claims have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from lemmata.claims import FULL, QUICK, Claim, Level, Limit, judge_claim
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from paper_checks.attention_memorization import CLAIMS
from paper_checks.attention_memorization.limit_law import C1, exchanged, linear_part_twice
from paper_checks.attention_memorization.wrong_noise import (
    INDEPENDENT,
    SHARED,
    SIGN_LOST,
    trace_error_with_noise,
)
from theory.attention_memorization import Aligned, Attention, Gram, memorization_error, trace_error
from theory.numerics.activations import Coefficients, Cosine, Linear, Relu, Sign, Tanh


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(engine=Serial()) as lab:
        yield lab


def assert_agrees(claim: Claim, lab: Laboratory, level: Level) -> None:
    judgement = judge_claim(f"attention_memorization/{claim.id}", claim, lab, level)
    assert judgement.agrees, judgement.summary


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_verdict_on_record_comes_out_at_the_quick_level(claim: Claim, laboratory: Laboratory) -> None:
    assert_agrees(claim, laboratory, QUICK)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.design], ids=lambda claim: claim.id)
def test_the_verdict_on_record_comes_out_with_other_seeds(claim: Claim, seed: int) -> None:
    """At the full level, so that no budget ends early; a wrong verdict has probability 5e-6."""
    with Laboratory(seed) as lab:
        assert_agrees(claim, lab, FULL)


# ------------------------------------------------------------------ the noise paired wrongly (mutants of C1)

LAYERS = (
    Attention(1000, 2000, ridge=0.05, snr=0.0, activation=Sign()),
    Attention(1000, 500, ridge=0.1, snr=0.0, activation=Tanh()),
    Attention(1000, 1000, ridge=1e-3, snr=1.0, activation=Relu(), alignment=Aligned(1.0)),
    Attention(1000, 100, ridge=10.0, snr=0.0, activation=Tanh(), diagonal="keep"),
    Attention(1000, 500, ridge=0.1, snr=0.0, activation=Linear(), diagonal="keep"),
    Attention(1000, 500, ridge=0.1, snr=0.0, activation=Cosine()),
)


@pytest.mark.parametrize("model", LAYERS, ids=lambda model: type(model.activation).__name__)
def test_with_shared_noise_the_quadrature_gives_the_closed_form(model: Attention) -> None:
    """R3 by quadrature and a root finder; its central difference has a relative error of about 1e-8."""
    assert trace_error_with_noise(model, SHARED) == pytest.approx(trace_error(model), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "wrong"), [(LAYERS[0], 0.14176), (replace(LAYERS[1], activation=Sign()), 0.54078)]
)
def test_with_independent_noise_the_trace_error_is_wrong_by_little(model: Attention, wrong: float) -> None:
    """Values of an independent computation, to five digits."""
    assert trace_error_with_noise(model, INDEPENDENT) == pytest.approx(wrong, abs=6e-6)


@pytest.mark.parametrize("activation", [Linear(), Cosine()], ids=["no noise", "no linear part"])
def test_pairing_matters_only_between_the_extremes(activation) -> None:
    """Without noise s2 = 0, and without a linear part r = 0."""
    model = Attention(1000, 500, ridge=0.1, snr=0.0, activation=activation)
    wrong = [trace_error_with_noise(model, pairing) for pairing in (INDEPENDENT, SIGN_LOST)]
    assert wrong == pytest.approx([trace_error(model)] * 2, rel=1e-6)


def test_the_most_sensitive_point_of_c1_tells_noise_without_symmetry_from_its_margin() -> None:
    """The slip changes T by more than 1.5 margins there, whatever the trials."""
    model, statement = C1.design[0], C1.published_parts[0]
    assert isinstance(model, Attention)
    assert isinstance(statement, Limit)
    change = abs(trace_error_with_noise(model, INDEPENDENT) - trace_error(model))
    assert change > 1.5 * statement.margin.value


# ------------------------------------------------------------------ other formulas of mutants and observations


def test_the_linear_part_counted_twice_adds_a_1_squared_to_the_power() -> None:
    noisier = linear_part_twice(Attention(10, 5, ridge=1.0, snr=0.0, activation=Sign())).activation
    assert isinstance(noisier, Coefficients)
    assert (noisier.linear**2, noisier.power) == pytest.approx((2 / np.pi, 1 + 2 / np.pi))


def test_exchanged_weights_are_those_of_the_other_product() -> None:
    """R4 is not symmetric in w_K and w_Q; values of an independent computation."""
    gram = Gram(
        ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 2.0))
    )  # mu = (1, 0), w_K = (2, 0), w_Q = (1, 1)
    model = Attention(1000, 500, ridge=0.1, snr=1.0, activation=Tanh(), alignment=gram)
    assert memorization_error(model) == pytest.approx(0.345469, abs=1e-6)
    assert memorization_error(exchanged(model)) == pytest.approx(0.325329, abs=1e-6)
    assert exchanged(exchanged(model)) == model
