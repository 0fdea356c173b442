"""Exact output laws of AR and vanilla diffusion on Gaussian targets: R1, R2 and R4 of docs/papers/ar_diffusion.md."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, target
from hypothesis import strategies as st

from lemmata.models import DomainError
from tests.naive import ar_diffusion as naive
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS, WORKED, WORKED_GRID, condition
from theory.ar_diffusion import (
    AR,
    ConstantBias,
    Custom,
    Divergence,
    Exponential,
    FrozenScore,
    FrozenSteps,
    Gaussian,
    GaussianSampling,
    PointwiseDivergence,
    RuleSampling,
    Scheme,
    Uniform,
    Vanilla,
    frozen_variance,
    joint_kl,
    output_law,
    output_moments,
    pointwise_conditional_kl,
    rule_violation,
    stability_limit,
    stage_kl,
)
from theory.ar_diffusion.divergences import path_kl_terms
from theory.numerics.gaussian_kl import divergence
from theory.numerics.ornstein_uhlenbeck import noised_variance, reverse, step_weight

EPS = float(np.finfo(float).eps)
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ar_diffusion.json").read_text())


def kls(target_: Any, method: Any, grid: Any, reference: str = "data") -> tuple[float, Any]:
    model = Divergence(target_, Scheme(method, grid), reference)
    return joint_kl(model), stage_kl(model)


# ------------------------------------------------------------------ R1, R2: one direction


@pytest.mark.parametrize("row", GOLDEN["direction"], ids=lambda row: " ".join(map(str, row[:4])))
def test_r1_factor_error_and_response_agree_with_30_digits(row: list[Any]) -> None:
    """R1: A, v - lambda_delta and the shift by a unit bias; each product of N factors rounds N times."""
    variance, horizon, stop, steps, factor, error, response = (float(x) for x in row)
    nodes = Uniform(int(steps), horizon, stop).nodes(np.ones(1))
    made = reverse(np.array([variance]), nodes, np.ones((int(steps), 1)))
    slack = 8 * EPS * steps
    # a = 1 + q - 2 q/lambda_tau is a difference: where it is small against its terms it has fewer digits
    q = np.expm1(-np.diff(nodes))
    pull = 2 * q / noised_variance(variance, nodes[:-1])
    slack += 8 * EPS * float(np.sum((1 + q + pull) / np.abs(1 + q - pull)))
    assert made.factor[0] == pytest.approx(factor, rel=slack)
    assert made.shift[0] == pytest.approx(response, rel=slack)
    assert made.variance[0] == pytest.approx(error + noised_variance(variance, stop), rel=slack)
    # where lambda_tau crosses 2 there are terms of both signs, each up to about h lambda in total
    largest = max(abs(error), 2 * float(np.max(q)) * variance if variance > 1.9 else 0.0)
    assert made.error[0] == pytest.approx(error, abs=slack * largest)


@given(strategies.variances, strategies.grids(), st.floats(-2, 2))
@example(2.0, Uniform(10, 4, 0), 1.0)
@example(1e-4, Custom((0.5, 0.0)), 0.0)
@settings(max_examples=share(1))
def test_r1_suffix_products_are_the_recursion(variance: float, grid: Any, bias: float) -> None:
    """R1: v' = a^2 v + q(2+q), mean deviations u' = a u + 2 q b, one step after the other."""
    nodes = grid.nodes(np.ones(1))
    made = reverse(np.array([variance]), nodes, np.full((len(nodes) - 1, 1), bias))
    factor, spread, shift = 1.0, 1.0, 0.0
    for tau, after in itertools.pairwise(nodes):
        q = math.expm1(tau - after)
        a = 1 + q - 2 * q / (1 + math.exp(-2 * tau) * (variance - 1))
        factor, spread, shift = a * factor, a * a * spread + q * (2 + q), a * shift + 2 * q * bias
    end = 1 + math.exp(-2 * nodes[-1]) * (variance - 1)
    assert made.variance[0] == pytest.approx(spread, rel=1e-9)
    assert made.error[0] == pytest.approx(spread - end, rel=1e-9, abs=1e-9 * spread)
    assert made.factor[0] == pytest.approx(factor, rel=1e-9, abs=1e-13)
    assert made.shift[0] == pytest.approx(shift, rel=1e-9, abs=1e-11 * (1 + abs(bias) * spread))


@given(strategies.variances, st.floats(0.001, 1.0), st.floats(0, 3))
@example(2.0, 0.5, 0.0)
@example(1 + np.exp(2.5), 0.5, 0.75)  # lambda_tau = 2
def test_r1_local_error(variance: float, step: float, after: float) -> None:
    """R1: from v = lambda_tau one step errs by 2 q^2 (2 - lambda_tau)/lambda_tau; by nothing at lambda_tau = 2."""
    nodes = np.array([after + step, after])
    made = reverse(np.array([variance]), nodes)
    noised, q = noised_variance(variance, after + step), math.expm1(step)
    local = 2 * q * q * (2 - noised) / noised
    # the start N(0, 1) in place of lambda_tau: A^2 (1 - lambda_T)
    start = made.factor[0] ** 2 * (1 - noised)
    size = made.variance[0] + abs(start)
    assert made.error[0] - start == pytest.approx(local, rel=1e-12, abs=32 * EPS * size)


@given(strategies.samplings(most_step=1.0), st.floats(-3, 3))
@settings(max_examples=share(4))
def test_r1_r4_means_are_linear_and_covariances_do_not_see_them(
    model: GaussianSampling, scale: float
) -> None:
    """R1, R4: mu enters through (e^-delta - e^-T A) mu, or M_k, alone: the output's mean is linear in it."""
    other = replace(model, target=replace(model.target, mean=tuple(scale * model.target.mean_vector())))
    law, scaled = output_law(model), output_law(other)
    np.testing.assert_array_equal(scaled[1:], law[1:])
    size = (
        1e-13 * condition(model.target) * (1 + np.max(np.abs(model.target.mean_vector()))) * (1 + abs(scale))
    )
    np.testing.assert_allclose(scaled[0], scale * law[0], rtol=1e-9, atol=size)


@given(st.floats(0, 2), strategies.grids(0.88))
@example(0.0, Custom((0.88, 0.0)))
def test_r2_the_sampler_is_stable_below_088(variance: float, grid: Any) -> None:
    """R2: |a_n| <= 1 whenever h_n <= ln(1 + sqrt 2) and lambda <= 2, on every grid down to any early stop >= 0."""
    nodes = grid.nodes(np.ones(1))
    assume(np.max(-np.diff(nodes)) <= math.log(1 + math.sqrt(2)))
    q = np.expm1(-np.diff(nodes))
    a = 1 + q - 2 * q / noised_variance(variance, nodes[:-1])
    target(float(np.max(np.abs(a))), label="largest factor")
    assert np.max(np.abs(a)) <= 1 + 1e-9


@given(strategies.log_uniform(-1, 2), st.floats(0, 0.5))
def test_r2_equal_steps_err_by_the_step_in_every_direction(variance: float, stop: float) -> None:
    """R2: error/h -> 1 - e^{-2(T-delta)} (lambda_delta/lambda_T)^2, with a remainder of order h/lambda."""
    horizon, steps = 6.0, 60_000
    step = (horizon - stop) / steps
    error = reverse(np.array([variance]), Uniform(steps, horizon, stop).nodes(np.ones(1))).error[0]
    ends = noised_variance(variance, np.array([stop, horizon]))
    start = (1 - variance) * math.exp(-4 * horizon + 2 * stop) * (ends[0] / ends[1]) ** 2
    limit = 1 - math.exp(-2 * (horizon - stop)) * (ends[0] / ends[1]) ** 2
    remainder = 2 * step * (4 / ends[0] + 1 + ends[0])
    assert (error - start) / step == pytest.approx(limit, abs=remainder + abs(start) / step)


@pytest.mark.parametrize("variance", [0.01, 0.1, 0.5, 1.0, 3.0, 30.0])
def test_r2_second_order(variance: float) -> None:
    """R2: v = lambda + h + h^2 (4/lambda + 1 + lambda)/6 + O(h^3/lambda^2) for a large horizon."""
    steps = round(12e3 / min(variance, 1.0))
    error = reverse(np.array([variance]), Uniform(steps, 12, 0).nodes(np.ones(1))).error[0]
    second = (error - 12 / steps) / (12 / steps) ** 2
    assert second == pytest.approx((4 / variance + 1 + variance) / 6, rel=0.01)


def test_r2_the_weight_of_a_step_is_the_first_order_of_the_error() -> None:
    """R2: sum of h w(tau) is the error of the output variance, for exponential steps too."""
    for variance in (0.05, 0.7, 2.0, 9.0):
        nodes = Exponential(20_000, 8, 0.01).nodes(np.ones(1))
        steps = -np.diff(nodes)
        weight = step_weight(variance, 0.5 * (nodes[1:] + nodes[:-1]), 0.01)
        # the trapezoid in h^2: sum of h^2 w
        assert reverse(np.array([variance]), nodes).error[0] == pytest.approx(
            float(steps**2 @ weight), rel=5e-3
        )


def test_r2_exponential_steps_err_by_half_a_step_in_stiff_directions() -> None:
    """R2: error/lambda_delta -> kappa/2 for delta << lambda << 1."""
    for kappa, coefficient in ((0.05, 0.5082), (0.02, 0.5030)):
        steps = round((7 - math.log(1e-7)) / kappa)
        nodes = Exponential(steps, 8, 1e-7).nodes(np.ones(1))
        error = reverse(np.array([0.01]), nodes).error[0]
        used = (7 - math.log(1e-7)) / steps
        assert error / 0.01 / used == pytest.approx(coefficient, abs=2e-3)


@given(strategies.log_uniform(-4, 0.3))
def test_r2_a_frozen_score_explodes_beyond_its_limit(variance: float) -> None:
    """R2: |a| <= 1 iff q <= 2 lambda/(2 - lambda); the settled variance solves v = a^2 v + q(2 + q)."""
    assume(variance < 1.99)
    limit = stability_limit(FrozenScore(variance))
    for share_, is_stable in ((0.98, True), (1.02, False)):
        q = math.expm1(share_ * limit)
        a = 1 + q - 2 * q / variance
        assert (abs(a) < 1) == is_stable
    q = math.expm1(0.98 * limit)
    a = 1 + q - 2 * q / variance
    settled = frozen_variance(FrozenSteps(variance, 0.98 * limit))
    assert settled == pytest.approx(a * a * settled + q * (2 + q), rel=1e-9)
    with pytest.raises(DomainError, match="explodes"):
        frozen_variance(FrozenSteps(variance, 1.02 * limit))


def test_r2_values() -> None:
    assert stability_limit(FrozenScore(2.5)) == math.inf
    assert frozen_variance(FrozenSteps(1.0, 0.1)) == pytest.approx(
        (2 + math.expm1(0.1)) / (2 - math.expm1(0.1))
    )
    with pytest.raises(DomainError, match="variance"):
        frozen_variance(FrozenSteps(2.0, 0.1))
    # the sampler itself, ten times beyond the frozen limit: plain discretisation error
    for factor, v in ((0.98, 0.0244), (1.02, 0.0251), (3, 0.0636), (10, 0.221)):
        grid = Uniform(round(6 / (0.01 * factor)), 6, 0)
        assert reverse(np.array([0.01]), grid.nodes(np.ones(1))).variance[0] == pytest.approx(v, rel=0.02)


def test_coarse_steps_give_a_large_or_infinite_divergence_and_never_nan() -> None:
    """R1: v is about 26 at lambda = .1, h = 1; beyond the largest number it is infinity."""
    assert reverse(np.array([0.1]), Uniform(6, 6, 0).nodes(np.ones(1))).variance[0] == pytest.approx(
        26.23, abs=0.01
    )
    for method in METHODS:
        large = kls(WORKED, method, Uniform(6, 6, 0))
        assert 0.1 < large[0] < 100
        assert np.all(large[1] >= 0)
        for grid in (Custom((2000.0, 1000.0, 0.0)), Uniform(3, 900, 0)):
            joint, stages = kls(WORKED, method, grid)
            assert joint == math.inf
            assert np.all((stages == math.inf) | (stages >= 0))
            scheme = Scheme(method, grid)
            assert pointwise_conditional_kl(PointwiseDivergence(WORKED, scheme, (0.0,))) == math.inf
            assert not np.any(np.isnan(output_law(GaussianSampling(WORKED, scheme))))
            assert rule_violation(RuleSampling(WORKED, scheme)) == math.inf


# ------------------------------------------------------------------ R1, R4: laws


@given(strategies.samplings(most_step=1.0))
@settings(max_examples=share(2))
def test_r1_r4_laws_are_those_of_the_matrix_recursions(model: GaussianSampling) -> None:
    """R1, R4: vanilla with Sigma_tau as a matrix; AR by propagating (patches made, patch being made) jointly."""
    nodes = model.scheme.grid.nodes(np.ones(1))
    mean, covariance = model.target.mean_vector(), model.target.covariance_matrix()
    if isinstance(model.scheme.method, AR):
        expected = naive.ar_law(mean, covariance, nodes, model.target.sizes)
    else:
        expected = naive.vanilla_law(mean, covariance, nodes)
    found = output_law(model)
    slack = 1e-11 * condition(model.target) * max(1.0, float(np.max(np.abs(expected[1]))))
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=slack * (1 + np.max(np.abs(mean))))
    np.testing.assert_allclose(found[1:], expected[1], rtol=0, atol=slack)


def test_r1_r4_laws_under_a_biased_score() -> None:
    """R1: a constant bias moves the mean and leaves the covariance."""
    bias = (0.3, -0.7)
    nodes = WORKED_GRID.nodes(np.ones(1))
    mean, covariance = WORKED.mean_vector(), WORKED.covariance_matrix()
    for method, expected in (
        (Vanilla(), naive.vanilla_law(mean, covariance, nodes, np.array(bias))),
        (AR(), naive.ar_law(mean, covariance, nodes, (1, 1), np.array(bias))),
    ):
        found = output_law(GaussianSampling(WORKED, Scheme(method, WORKED_GRID, ConstantBias(bias))))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-11)
        np.testing.assert_allclose(found[1:], expected[1], rtol=1e-11)
        # the divergences see it too
        model = Divergence(WORKED, Scheme(method, WORKED_GRID, ConstantBias(bias)))
        plain = divergence(mean, covariance, *expected)
        assert joint_kl(model) == pytest.approx(plain, rel=1e-10)
        assert float(np.sum(stage_kl(model))) == pytest.approx(plain, rel=1e-10)


def test_r4_a_patch_order_permutes_the_law() -> None:
    """R4, R11: making the shadow first is AR on the exchanged coordinates."""
    c = WORKED.covariance_matrix()[::-1, ::-1]
    exchanged = Gaussian(c.tolist(), (1, 1), (-1, 1))  # type: ignore[arg-type]
    found = output_law(GaussianSampling(WORKED, Scheme(AR((1, 0)), WORKED_GRID)))
    expected = output_law(GaussianSampling(exchanged, Scheme(AR(), WORKED_GRID)))
    np.testing.assert_allclose(found[0], expected[0][::-1], rtol=1e-13)
    np.testing.assert_allclose(found[1:], expected[1:][::-1, ::-1], rtol=1e-13)


def test_r4_worked_example() -> None:
    """R4: the values on docs/papers/ar_diffusion.md, ten digits."""
    vanilla, ar = (output_law(GaussianSampling(WORKED, Scheme(m, WORKED_GRID))) for m in METHODS)
    np.testing.assert_allclose(
        vanilla.ravel()[[0, 1, 2, 3, 5]],
        [0.9902146968, -0.9896748483, 1.0648074782, 2.0780473479, 4.4416344186],
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        ar.ravel()[[0, 1, 2, 3, 5]],
        [0.9899000784, -1.0100103937, 1.0925841097, 2.1633434158, 4.5764891621],
        rtol=1e-10,
    )
    for method, reference, joint, stages in (
        (Vanilla(), "data", 0.0462713374, (0.0010104205, 0.0452609169)),
        (AR(), "data", 0.0087822769, (0.0019501705, 0.0068321064)),
        (AR(), "stopped", 0.0019034986 + 0.0024693996, (0.0019034986, 0.0024693996)),
    ):
        found = kls(WORKED, method, WORKED_GRID, reference)
        assert found[0] == pytest.approx(joint, abs=1.1e-10)
        np.testing.assert_allclose(found[1], stages, atol=1e-10)
    assert kls(WORKED, Vanilla(), WORKED_GRID, "stopped")[0] == pytest.approx(0.0045300025, abs=1e-10)
    for method, start, steps in (
        (Vanilla(), 3.359844e-4, 1.2985244539),
        (AR(), 1.00640371e-3, 1.3458922609),
    ):
        terms = path_kl_terms(GaussianSampling(WORKED, Scheme(method, WORKED_GRID))).sum(axis=0)
        np.testing.assert_allclose(terms, (start, steps), rtol=1e-6)


def test_output_moments_are_those_of_the_law() -> None:
    model = GaussianSampling(WORKED, Scheme(AR(), WORKED_GRID))
    law, moments = output_law(model), output_moments(model)
    np.testing.assert_allclose(moments[0], law[0])
    np.testing.assert_allclose(moments[1:], law[1:] + np.outer(law[0], law[0]))
