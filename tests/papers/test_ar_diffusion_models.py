"""Targets and schemes of AR diffusion: what they are, what is refused, how they travel."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from lemmata.models import DomainError
from tests.strategies.ar_diffusion import WORKED, WORKED_GRID
from theory.ar_diffusion import (
    AR,
    Accuracy,
    Autoregressive,
    BinnedSampling,
    BlockDiagonal,
    ConstantBias,
    CoupledSampling,
    Custom,
    Divergence,
    Equicorrelated,
    Exponential,
    Gaussian,
    GaussianSampling,
    Mixture,
    OptimalSteps,
    Parabola,
    PathOptimal,
    PointwiseDivergence,
    Sampling,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    WorstBias,
    leading_joint_kl,
    optimal_grid,
)


def test_named_targets() -> None:
    """The covariances that the page defines."""
    np.testing.assert_allclose(Autoregressive(3, 0.5, 3).covariance_matrix()[0], [1, 0.5, 0.25])
    np.testing.assert_allclose(Equicorrelated(3, -0.4, 1).covariance_matrix()[0], [1, -0.4, -0.4])
    assert Autoregressive(8, 0.9, 4).sizes == (2, 2, 2, 2)
    c = BlockDiagonal(WORKED).covariance_matrix()
    assert c[0, 1] == 0
    assert c[1, 1] == WORKED.covariance_matrix()[1, 1]


def test_rounding_of_a_covariance_is_no_asymmetry() -> None:
    """Off-diagonal entries of the size of rounding may differ in every digit."""
    assert Gaussian(((0.66, -2.8e-17), (-1.4e-17, 0.52)), (1, 1)).sizes == (1, 1)
    with pytest.raises(DomainError, match="symmetric"):
        Gaussian(((1e-8, 2e-16), (1e-16, 1e-8)), (1, 1))


def test_factors_are_those_of_the_covariance_in_any_order() -> None:
    """Rules and autoregressions have exact factors: L L^T is the covariance, L lower triangular, diagonal positive."""
    for target in (
        WORKED,
        SunShadow(gain=-3, rule_noise=0.1),
        Autoregressive(4, -0.9, 2),
        Equicorrelated(4, 0.3, 1),
    ):
        for order in itertools.permutations(range(target.total_dimension)):
            factor, place = target.covariance_factor(order), list(order)
            expected = target.covariance_matrix()[np.ix_(place, place)]
            np.testing.assert_allclose(factor @ factor.T, expected, rtol=1e-13)
            assert np.all(np.triu(factor, 1) == 0)
            assert np.all(np.diag(factor) > 0)


@pytest.mark.parametrize(
    ("make", "parameter"),
    [
        (lambda: Gaussian(((1, 2), (2, 1)), (1, 1)), "covariance"),
        (lambda: Gaussian(((1, 1), (1, 1)), (1, 1)), "covariance"),
        (lambda: Gaussian(((1, 0.5), (0.4, 1)), (1, 1)), "covariance"),
        (lambda: Gaussian(((1, 0.5),), (1, 1)), "covariance"),
        (lambda: Gaussian(((1, 0), (0, 1)), (1, 2)), "patches"),
        (lambda: Gaussian(((1, 0, 0), (0, 1, 0), (0, 0, 1)), (1.5, 1.5)), "patches"),
        (lambda: Gaussian(((1, 0), (0, 1)), (1, 1), (1,)), "mean"),
        (lambda: SunShadow(gain=1, rule_noise=0), "rule_noise"),
        (lambda: SunShadow(gain=1e9, rule_noise=1e-3), "rule_noise"),
        (lambda: Equicorrelated(3, -0.5, 1), "correlation"),
        (lambda: Autoregressive(8, 0.9, 3), "patches"),
        (lambda: Mixture((0.5, 0.6), ((0,), (1,)), (((1,),), ((1,),)), (1,)), "weights"),
        (lambda: Mixture((0.5, 0.5), ((0,), (1, 2)), (((1,),), ((1,),)), (1,)), "means"),
        (lambda: Mixture((0.5, 0.5), ((0,), (1,)), (((1,),), ((-1,),)), (1,)), "covariances[1]"),
        (lambda: Uniform(0), "steps"),
        (lambda: Uniform(10, 1.0, 1.0), "early_stop"),
        (lambda: Exponential(10, 1.0, 0.0), "early_stop"),
        (lambda: Custom(()), "times"),
        (lambda: Custom((1.0, 1.0)), "times"),
        (lambda: AR((0, 2)), "order"),
        (lambda: Sampling(WORKED, Scheme(AR((0, 1, 2)))), "order"),
        (lambda: Sampling(WORKED, Scheme(score_error=ConstantBias((1, 2, 3)))), "scheme.score_error.bias"),
        (lambda: Sampling(Parabola(), Scheme(grid=PathOptimal())), "scheme.grid"),
        (lambda: PointwiseDivergence(WORKED, Scheme(), (1, 2)), "prefix"),
        (lambda: BinnedSampling(Parabola(), Scheme(), (0, 0)), "edges"),
        (lambda: BinnedSampling(Parabola(), Scheme(), (0,)), "edges"),
        (lambda: BinnedSampling(Gaussian(((1,),), (1,))), "target"),
        (lambda: CoupledSampling(Parabola(), Scheme(grid=Uniform(10)), 3), "merged"),
        (lambda: CoupledSampling(WORKED, Scheme(grid=PathOptimal(50)), 2), "scheme.grid"),
        (lambda: Accuracy(WORKED, Scheme(grid=Custom((1, 0)))), "scheme.grid"),
        (lambda: optimal_grid(OptimalSteps(WORKED, Vanilla(), PathOptimal(5, 6, 0))), "steps"),
        (lambda: leading_joint_kl(GaussianSampling(WORKED, Scheme(grid=WORKED_GRID))), "scheme.grid"),
        (lambda: SunShadow(gain=1e200, rule_noise=1), "rule_noise"),
    ],
)
def test_bad_input_is_named(make: Any, parameter: str) -> None:
    with pytest.raises(DomainError) as caught:
        make()
    assert caught.value.parameter == parameter


def test_wide_parabolas_have_weights() -> None:
    """Of centres far out all but the two innermost ones are too improbable for a float."""
    weights, _ = Parabola(centres_along=4, extent=300).centres()
    np.testing.assert_allclose(weights, [0, 0.5, 0.5, 0], rtol=1e-10)


def test_models_travel_as_json() -> None:
    """Nested models keep every bit and their digest."""
    for model in (
        Sampling(Parabola(), Scheme(AR(), Exponential())),
        Divergence(WORKED, Scheme(AR((1, 0)), PathOptimal(50), WorstBias((1, 0.1)))),
        Sampling(Mixture((0.3, 0.7), ((0,), (1,)), (((1,),), ((2,),)), (1,))),
    ):
        again = type(model).from_json(model.to_json())
        assert again == model
        assert again.digest() == model.digest()
