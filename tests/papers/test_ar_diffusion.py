"""Exact laws and divergences of AR diffusion on Gaussian targets: R1-R7 and R10-R14 of docs/papers/ar_diffusion.md."""

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
from theory.ar_diffusion import (
    AR,
    Accuracy,
    Autoregressive,
    BlockDiagonal,
    ConstantBias,
    Custom,
    Divergence,
    EqualCalls,
    Equicorrelated,
    Exponential,
    FrozenScore,
    FrozenSteps,
    Gaussian,
    GaussianData,
    GaussianSampling,
    MarginalOptimal,
    Mixture,
    OptimalSteps,
    Parabola,
    PathOptimal,
    PointwiseDivergence,
    RuleSampling,
    Sampling,
    Scheme,
    ScoreBias,
    SunShadow,
    Uniform,
    Vanilla,
    WorstBias,
    best_patch_order,
    frozen_variance,
    joint_kl,
    leading_joint_kl,
    optimal_grid,
    output_law,
    output_moments,
    path_kl,
    phase_boundary,
    pointwise_conditional_kl,
    rule_violation,
    score_error_kl,
    stability_limit,
    stage_kl,
    steps_to_accuracy,
)
from theory.ar_diffusion.divergences import path_kl_terms
from theory.ar_diffusion.score_error import mean_response
from theory.ar_diffusion.stages import directions
from theory.numerics.gaussian_kl import divergence, variance_divergence
from theory.numerics.ornstein_uhlenbeck import noised_variance, reverse, step_weight

EPS = float(np.finfo(float).eps)
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ar_diffusion.json").read_text())
METHODS = (Vanilla(), AR())
WORKED = SunShadow(gain=2, rule_noise=0.5, mean=(1, -1))
WORKED_GRID = Exponential(40, 4, 0.01)


def condition(target_: Any) -> float:
    values = np.linalg.eigvalsh(target_.covariance_matrix())
    return float(values[-1] / values[0])


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


# ------------------------------------------------------------------ R3, R4, R6: divergences


@given(strategies.log_uniform(-3, 3), st.floats(-12, 1.5))
@example(1.0, -2.0000001)
@example(1.0, -1.9999999)
def test_r3_divergence_of_variances_to_full_relative_accuracy(variance: float, exponent: float) -> None:
    """R3: (r - 1 - ln r)/2 with r = variance/model, against 50 digits, for differences down to 1e-12."""
    import mpmath

    for sign in (1, -1) if exponent < -0.1 else (1,):
        difference = sign * 10**exponent * variance
        with mpmath.workdps(50):
            r = mpmath.mpf(variance) / (mpmath.mpf(variance) + mpmath.mpf(difference))
            exact = float((r - 1 - mpmath.log(r)) / 2)
        found = variance_divergence(np.array(variance), np.array(variance + difference), np.array(difference))
        # just above the switch to logarithms x^2 ~ 1e-4 is what remains of terms of order 1
        assert float(found) == pytest.approx(exact, rel=1e-11 if exponent > -2.1 else 16 * EPS)


@pytest.mark.parametrize("row", GOLDEN["divergence"], ids=lambda row: " ".join(map(str, row[:7])))
def test_r3_r4_divergences_agree_with_30_digits(row: list[Any]) -> None:
    """R3, R4: joint and stage divergences of both methods, relatively; mantissas of means near -18 cancel nowhere."""
    gain, noise, m1, m2, horizon, stop, steps = (float(x) for x in row[:7])
    sun = SunShadow(gain=gain, rule_noise=noise, mean=(m1, m2))
    slack = 64 * EPS * steps + 64 * EPS * condition(sun)
    for method, expected in ((Vanilla(), row[7:10]), (AR(), row[10:13])):
        joint, stages = kls(sun, method, Uniform(int(steps), horizon, stop))
        assert joint == pytest.approx(float(expected[0]), rel=slack)
        np.testing.assert_allclose(
            stages, [float(x) for x in expected[1:]], rtol=slack * 10, atol=slack * joint
        )


@pytest.mark.parametrize("row", GOLDEN["path"], ids=lambda row: " ".join(map(str, row[:7])))
def test_r8_path_divergences_agree_with_30_digits(row: list[Any]) -> None:
    """R8: initial and discretisation part against the integrated squared increments of the score."""
    gain, noise, m1, m2, horizon, stop, steps = (float(x) for x in row[:7])
    sun = SunShadow(gain=gain, rule_noise=noise, mean=(m1, m2))
    for method, expected in ((Vanilla(), row[7:9]), (AR(), row[9:11])):
        terms = path_kl_terms(GaussianSampling(sun, Scheme(method, Uniform(int(steps), horizon, stop)))).sum(
            axis=0
        )
        np.testing.assert_allclose(terms, [float(x) for x in expected], rtol=64 * EPS * condition(sun))


@given(strategies.samplings(), st.sampled_from(["data", "stopped"]))
@settings(max_examples=share(1))
def test_r3_chain_rule_and_bounds_of_the_stages(model: GaussianSampling, reference: str) -> None:
    """R3, R6(i): D_k >= 0, and the D_k sum to the joint KL, so that none exceeds it: no blow-up on average."""
    divergence_ = Divergence(model.target, model.scheme, reference)
    joint, stages = joint_kl(divergence_), stage_kl(divergence_)
    assert np.all(stages >= 0)
    # conditional laws of vanilla's output come from dense matrices: rounding of their largest entries
    slack = 1e-12 + 64 * EPS * condition(model.target)
    assert float(np.sum(stages)) == pytest.approx(joint, rel=slack, abs=slack)
    target(float(np.max(stages) / max(joint, 1e-300)), label="largest stage / joint")
    assert np.max(stages) <= joint * (1 + slack) + slack


@given(strategies.samplings(most_step=0.8))
@settings(max_examples=share(2))
def test_r3_joint_kl_is_that_of_the_laws(model: GaussianSampling) -> None:
    """R3, R4: KL(p || output) from mean and covariance of both; AR's closed form needs no such law."""
    law = output_law(model)
    mean, covariance = model.target.mean_vector(), model.target.covariance_matrix()
    plain = naive.gaussian_kl(mean, covariance, law[0], law[1:])
    slack = 1e-11 * condition(model.target) * max(1.0, float(np.max(np.abs(law))))
    assert joint_kl(Divergence(model.target, model.scheme)) == pytest.approx(plain, rel=1e-8, abs=slack)


@given(strategies.gaussians(), strategies.grids(), st.integers(0, 2**16))
@settings(max_examples=share(2))
def test_r3_rotations_inside_patches_change_nothing(gaussian: Gaussian, grid: Any, seed: int) -> None:
    """R3: an orthogonal change of coordinates inside each patch leaves every divergence as it is."""
    rotation = np.zeros((gaussian.total_dimension,) * 2)
    start = 0
    for k, size in enumerate(gaussian.sizes):
        own = slice(start, start + size)
        rotation[own, own] = strategies.orthogonal(seed + k, size)
        start += size
    c = rotation @ gaussian.covariance_matrix() @ rotation.T
    rotated = Gaussian(0.5 * (c + c.T), gaussian.patches, rotation @ gaussian.mean_vector())  # type: ignore[arg-type]
    slack = 1e-9 + 1e3 * EPS * condition(gaussian)
    for method in METHODS:
        a, b = kls(gaussian, method, grid), kls(rotated, method, grid)
        assert a[0] == pytest.approx(b[0], rel=slack, abs=1e-12)
        np.testing.assert_allclose(a[1], b[1], rtol=slack, atol=slack * (1e-3 + a[0]))


@given(strategies.block_diagonals(), strategies.grids())
@settings(max_examples=share(2))
def test_r7_independent_patches_make_no_difference(model: BlockDiagonal, grid: Any) -> None:
    """R7: block diagonal, the same grid in every stage: equal output laws and divergences."""
    laws = [output_law(GaussianSampling(model, Scheme(method, grid))) for method in METHODS]
    size = float(np.max(np.abs(laws[0])))
    np.testing.assert_allclose(laws[0], laws[1], rtol=0, atol=1e-13 * max(size, 1) * condition(model))
    joint = [kls(model, method, grid)[0] for method in METHODS]
    assert joint[0] == pytest.approx(joint[1], rel=1e-12 + 64 * EPS * condition(model), abs=1e-14)


@given(strategies.gaussians(), strategies.grids())
@settings(max_examples=share(3))
def test_r7_one_patch_makes_no_difference(gaussian: Gaussian, grid: Any) -> None:
    """K = 1: AR is vanilla."""
    whole = replace(gaussian, patches=(gaussian.total_dimension,))
    for reference in ("data", "stopped"):
        a, b = (kls(whole, method, grid, reference) for method in METHODS)
        assert a[0] == b[0]
        assert b[1][0] == a[0]


@given(strategies.sun_shadows(), strategies.grids(0.8), st.floats(-20, 20))
@settings(max_examples=share(1))
def test_r6_pointwise_conditional_kl_is_that_of_the_conditional_laws(
    sun: SunShadow, grid: Any, x: float
) -> None:
    """R6(ii): the textbook KL of N(mu_2 + g(x - mu_1), sigma^2) and of the output's conditional law."""
    for method in METHODS:
        law = output_law(GaussianSampling(sun, Scheme(method, grid)))
        slope = law[2, 0] / law[1, 0]
        schur = law[2, 1] - slope * law[1, 1]
        truth = sun.mean[1] + sun.gain * (x - sun.mean[0])
        plain = naive.gaussian_kl(
            np.array([truth]),
            np.array([[sun.rule_noise**2]]),
            np.array([law[0, 1] + slope * (x - law[0, 0])]),
            np.array([[schur]]),
        )
        found = pointwise_conditional_kl(PointwiseDivergence(sun, Scheme(method, grid), (x,)))
        # the plain form subtracts conditional means and variances of size |law|
        slack = 1e-9 * (1 + plain) * condition(sun) * (1 + abs(x)) ** 2
        assert found == pytest.approx(plain, abs=min(slack, 1e-3 * (1 + plain)))


def test_r6_averaged_over_true_prefixes_the_pointwise_kl_is_the_stage_kl() -> None:
    """R6: E_{x_1 ~ p} of the pointwise KL, by a Gauss-Hermite rule that is exact for parabolas, is D_2."""
    x, w = np.polynomial.hermite_e.hermegauss(3)
    for method in METHODS:
        for bias in (Scheme(method, WORKED_GRID), Scheme(method, WORKED_GRID, ConstantBias((0.3, 0.2)))):
            values = [pointwise_conditional_kl(PointwiseDivergence(WORKED, bias, (1 + t,))) for t in x]
            assert float(w @ values / w.sum()) == pytest.approx(
                stage_kl(Divergence(WORKED, bias))[1], rel=1e-11
            )


def test_r6_blow_up_at_rare_prefixes() -> None:
    """R6(ii): g = 3, sigma = .2, T = 6, N = 3000: vanilla's conditional KL grows like x_1^2, AR's is flat."""
    sun, grid = SunShadow(gain=3, rule_noise=0.2), Uniform(3000, 6, 0)
    found = {
        method.kind(): [
            pointwise_conditional_kl(PointwiseDivergence(sun, Scheme(method, grid), (x,)))
            for x in (0, 3, 10, 30, 100)
        ]
        for method in METHODS
    }
    np.testing.assert_allclose(found["vanilla"], [0.0528, 0.0569, 0.0982, 0.462, 4.60], rtol=2e-3)
    np.testing.assert_allclose(found["ar"], 0.000624, rtol=1e-3)
    assert kls(sun, Vanilla(), grid)[0] == pytest.approx(0.0532, abs=5e-5)
    assert kls(sun, AR(), grid)[0] == pytest.approx(0.000625, abs=5e-7)


@given(strategies.sun_shadows(), st.integers(20, 400))
@settings(max_examples=share(2))
def test_r5_ar_keeps_the_regression_slope(sun: SunShadow, steps: int) -> None:
    """R5: slope M_2 g, whatever the steps, M_2 - 1 = -e^-T A with |A| <= 1 where lambda <= 2 (delta = 0)."""
    grid = Uniform(steps, 8, 0)
    law = output_law(GaussianSampling(sun, Scheme(AR(), grid)))
    factor = reverse(np.array([sun.rule_noise**2]), grid.nodes(np.ones(1))).factor[0]
    slope = law[2, 0] / law[1, 0]
    assert slope == pytest.approx(sun.gain * (1 - math.exp(-8) * factor), rel=1e-12)


def test_r5_vanilla_loses_slope_in_proportion_to_the_step() -> None:
    """R5: slope error -h g/s_1^2 + O(h^2): -1.00332 (g = 1, h = 1e-4), -3.02497 (g = 3, h = 5e-5) per unit h."""
    for gain, step, expected in ((1, 1e-4, -1.00332), (3, 5e-5, -3.02497)):
        law = output_law(
            GaussianSampling(
                SunShadow(gain=gain, rule_noise=0.2), Scheme(Vanilla(), Uniform(round(8 / step), 8, 0))
            )
        )
        assert (law[2, 0] / law[1, 0] - gain) / step == pytest.approx(expected, abs=2e-4)


# ------------------------------------------------------------------ R9d, R10-R12: leading orders and planning


@given(strategies.gaussians(least_patches=2))
@settings(max_examples=share(1))
def test_r9d_ar_is_better_at_equal_small_steps(gaussian: Gaussian) -> None:
    """R9d, R10: tr Sigma^-2 >= sum of tr S_k^-2, and lambda_min(Sigma) <= lambda(S_k) <= lambda_max(Sigma)."""
    sampling = [GaussianSampling(gaussian, Scheme(m, Uniform(100, 6, 0))) for m in METHODS]
    vanilla, ar = (leading_joint_kl(model) for model in sampling)
    slack = 64 * EPS * condition(gaussian)
    assert ar <= vanilla * (1 + slack)
    whole = np.linalg.eigvalsh(gaussian.covariance_matrix())
    for part in directions(gaussian, AR()):
        assert whole[0] * (1 - slack) <= np.min(part.variances)
        assert np.max(part.variances) <= whole[-1] * (1 + slack)


def test_r9d_leading_order_against_exact() -> None:
    """R9d: ratio of the exact to the leading divergence within 1e-4 at h = 1e-4 .. and a ratio of methods of 100.8."""
    sun = SunShadow(gain=3, rule_noise=0.3)
    pair = [Divergence(sun, Scheme(m, Uniform(60_000, 6, 0))) for m in METHODS]
    for model in pair:
        assert joint_kl(model) == pytest.approx(leading_joint_kl(model), rel=1.5e-3)
    assert joint_kl(pair[0]) / joint_kl(pair[1]) == pytest.approx(100.80, abs=0.05)


def test_r10_step_counts() -> None:
    """R10: sigma = .2, T = 6, KL <= .01, uniform and exponential steps; infinite below the floor."""
    for gain, uniform, exponential in ((0, 741, 57), (1, 1494, 55), (3, 7412, 48)):
        sun = SunShadow(gain=gain, rule_noise=0.2)
        for grid, vanilla, ar in ((Uniform(), uniform, 741), (Exponential(early_stop=1e-5), exponential, 57)):
            assert steps_to_accuracy(Accuracy(sun, Scheme(Vanilla(), grid))) == vanilla
            assert steps_to_accuracy(Accuracy(sun, Scheme(AR(), grid))) == ar
    sun = SunShadow(gain=10, rule_noise=0.2)
    for stop, level, vanilla, ar in (
        (1e-5, 1e-3, 592, 175),
        (1e-6, 1e-3, 163, 198),
        (1e-5, 5e-4, math.inf, None),
    ):
        grid = Exponential(early_stop=stop)
        assert steps_to_accuracy(Accuracy(sun, Scheme(Vanilla(), grid), level)) == vanilla
        if ar is not None:
            assert steps_to_accuracy(Accuracy(sun, Scheme(AR(), grid), level)) == ar


@given(strategies.sun_shadows(), st.sampled_from(METHODS), strategies.log_uniform(-3, 0))
@settings(max_examples=share(10))
def test_r10_the_step_count_is_where_the_level_is_crossed(sun: SunShadow, method: Any, level: float) -> None:
    """R10: N reaches the level and N - 1 does not (uniform steps of at most 1/2)."""
    steps = steps_to_accuracy(Accuracy(sun, Scheme(method, Uniform(horizon=8)), level))
    assert steps < math.inf
    assert kls(sun, method, Uniform(int(steps), 8, 0))[0] <= level
    if steps > 1:
        assert kls(sun, method, Uniform(int(steps) - 1, 8, 0))[0] > level


def test_r10_phase_boundary() -> None:
    """R10: g -> 1 as sigma -> 0; the boundary solves tr Sigma^-2 = 4 sum tr S_k^-2; exact divergences cross nearby."""
    assert phase_boundary(EqualCalls(1e-6)) == pytest.approx(1, abs=1e-10)
    for noise, spread in ((0.2, 1.0), (1.0, 1.0), (2.0, 0.5), (1e-3, 7.0)):
        gain = phase_boundary(EqualCalls(noise, spread))
        stiff = np.linalg.inv(SunShadow(gain=gain, rule_noise=noise, sun_spread=spread).covariance_matrix())
        assert np.sum(stiff**2) == pytest.approx(4 * (spread**-4 + noise**-4), rel=1e-6)
    boundary = phase_boundary(EqualCalls(0.2))
    for factor, sign in ((0.99, -1), (1.01, 1)):
        sun = SunShadow(gain=boundary * factor, rule_noise=0.2)
        vanilla, ar = kls(sun, Vanilla(), Uniform(40_000, 6, 0))[0], kls(sun, AR(), Uniform(20_000, 6, 0))[0]
        assert math.copysign(1, vanilla - ar) == sign


@given(strategies.gaussians(least_patches=2))
@settings(max_examples=share(4))
def test_r11_the_best_order_is_best_among_all(gaussian: Gaussian) -> None:
    """R11: no permutation has a smaller leading divergence."""

    def leading(order: Any) -> float:
        return leading_joint_kl(GaussianSampling(gaussian, Scheme(AR(tuple(order)), Uniform(100, 6, 0))))

    best = leading(best_patch_order(GaussianData(gaussian)))
    least = min(leading(order) for order in itertools.permutations(range(len(gaussian.sizes))))
    assert best == pytest.approx(least, rel=1e-9 + 64 * EPS * condition(gaussian))


def test_r11_values() -> None:
    """R11: sun to shadow and shadow to sun at sigma = .2, N = 4000, T = 8."""
    grid = Uniform(4000, 8, 0)
    for gain, forward, backward in ((0.5, 6.25e-4, 6.4e-5), (1, 6.25e-4, 6.76e-4), (3, 6.25e-4, 4.44e-2)):
        sun = SunShadow(gain=gain, rule_noise=0.2)
        assert kls(sun, AR(), grid)[0] == pytest.approx(forward, rel=0.01)
        assert kls(sun, AR((1, 0)), grid)[0] == pytest.approx(backward, rel=0.01)
        assert list(best_patch_order(GaussianData(sun))) == ([0, 1] if forward < backward else [1, 0])


def test_r12_optimal_grids() -> None:
    """R12: sun_shadow(3, .1), T = 6, N = 200, delta = 1e-6: KL and path KL of four grids."""
    sun = SunShadow(gain=3, rule_noise=0.1)
    for grid, joint, path in (
        (Uniform(200, 6, 1e-6), 1.57, 2.12),
        (PathOptimal(200, 6, 1e-6), 0.00316, 0.623),
        (Exponential(200, 6, 1e-6), 0.00070, 1.09),
        (MarginalOptimal(200, 6, 1e-6), 0.00028, 2.08),
    ):
        assert kls(sun, Vanilla(), grid)[0] == pytest.approx(joint, rel=0.02)
        assert path_kl(Sampling(sun, Scheme(Vanilla(), grid))) == pytest.approx(path, rel=0.005)


@given(strategies.gaussians(), st.sampled_from(METHODS), st.sampled_from([PathOptimal, MarginalOptimal]))
@settings(max_examples=share(4))
def test_r12_optimal_grids_are_grids(gaussian: Gaussian, method: Any, kind: Any) -> None:
    """R12: strictly decreasing from the horizon to the early stop, steps below the cap, one grid a stage."""
    nodes = optimal_grid(OptimalSteps(gaussian, method, kind(50, 6, 1e-4)))
    assert nodes.shape == (len(method.stages(gaussian.sizes)), 51)
    assert np.all(nodes[:, 0] == 6)
    assert np.all(nodes[:, -1] == 1e-4)
    assert np.all(np.diff(nodes) < 0)
    assert np.max(-np.diff(nodes)) <= 0.5 * 1.02


@given(strategies.gaussians(), strategies.grids(0.8))
@settings(max_examples=share(4))
def test_r12_no_grid_has_a_smaller_path_kl_than_the_path_optimal_one(gaussian: Gaussian, grid: Any) -> None:
    """R12: at equal horizon, stop and N, up to higher orders in the steps, which halve with N."""
    nodes = grid.nodes(np.ones(1))
    fine = [PathOptimal(4000, nodes[0], nodes[-1]), Uniform(4000, nodes[0], nodes[-1])]
    best, other = (path_kl(Sampling(gaussian, Scheme(Vanilla(), g))) for g in fine)
    assert best <= other * 1.02


# ------------------------------------------------------------------ R13, R14


@given(strategies.log_uniform(-8, 8))
@example(1.0)
@example(1.001)
@example(0.999)
def test_r13_the_response_to_a_constant_bias(variance: float) -> None:
    """R13: R increases, R(1) = 2, and R^2/(2 lambda) <= pi^2/2."""
    import mpmath

    assert mean_response(1.0) == 2
    assert mean_response(variance) < mean_response(variance * 1.001)
    assert score_error_kl(ScoreBias(variance)) <= math.pi**2 / 2
    with mpmath.workdps(40):
        c = mpmath.mpf(variance) - 1
        root = mpmath.sqrt(c) if c > 0 else mpmath.sqrt(-c)
        exact = 2 if c == 0 else 2 * (c + 1) * (mpmath.atan(root) if c > 0 else mpmath.atanh(root)) / root
        assert mean_response(variance) == pytest.approx(float(exact), rel=1e-13)


def test_r13_values_and_finite_grids() -> None:
    """R13: limits of the exact shifts, and the profile for which the Girsanov bound is attained."""
    assert mean_response(0.3) == pytest.approx(0.8676894435, abs=1e-10)
    assert mean_response(10) == pytest.approx(8.3269718160, abs=1e-9)
    nodes = Uniform(100_000, 12, 0).nodes(np.ones(1))
    for variance in (0.3, 1.0, 10.0):
        shift = reverse(np.array([variance]), nodes, np.ones((100_000, 1))).shift[0]
        assert shift == pytest.approx(mean_response(variance), rel=1e-3)
        gaussian = Gaussian(((variance,),), (1,))
        model = Divergence(gaussian, Scheme(Vanilla(), Uniform(20_000, 12, 0), WorstBias((1,))))
        worst = score_error_kl(ScoreBias(variance, profile="worst"))
        assert joint_kl(model) == pytest.approx(worst, rel=5e-3)
        exact = Sampling(gaussian, Scheme(Vanilla(), Uniform(20_000, 12, 0)))
        cost = path_kl(Sampling(gaussian, model.scheme)) - path_kl(exact)
        assert cost == pytest.approx(worst, rel=5e-3)  # int b^2 dtau


@given(strategies.sun_shadows(), strategies.grids(0.8))
@settings(max_examples=share(2))
def test_r14_rule_violation_is_that_of_the_law(sun: SunShadow, grid: Any) -> None:
    """R14: (-g, 1) Cov (-g, 1)^T + ((-g, 1) mean error)^2; AR with mean 0: V_2 + (1 - M_2)^2 g^2 V_1."""
    residual = np.array([-sun.gain, 1.0])
    for method in METHODS:
        law = output_law(GaussianSampling(sun, Scheme(method, grid)))
        found = rule_violation(RuleSampling(sun, Scheme(method, grid)))
        size = float(np.sum(np.abs(np.outer(residual, residual) * law[1:])))
        off = residual @ (law[0] - sun.mean_vector())
        expected = residual @ law[1:] @ residual + off**2
        assert found == pytest.approx(expected, abs=1e-12 * condition(sun) * (1 + size))
        if isinstance(method, AR):
            centred = replace(sun, mean=(0, 0))
            found = rule_violation(RuleSampling(centred, Scheme(method, grid)))
            nodes = grid.nodes(np.ones(1))
            made = reverse(np.array([sun.sun_spread**2, sun.rule_noise**2]), nodes)
            lost = 1 - math.exp(-nodes[-1]) + math.exp(-nodes[0]) * made.factor[1]
            exact = made.variance[1] + lost**2 * sun.gain**2 * made.variance[0]
            assert found == pytest.approx(exact, rel=1e-9, abs=1e-12 * size)


def test_r14_values() -> None:
    """R14: g = 3, sigma = .2, T = 6, h = 5e-5: the excess over sigma^2 is 10.084 h and 1.0008 h."""
    sun = SunShadow(gain=3, rule_noise=0.2)
    for method, excess in ((Vanilla(), 10.084), (AR(), 1.0008)):
        found = rule_violation(RuleSampling(sun, Scheme(method, Uniform(120_000, 6, 0))))
        assert (found - 0.04) / 5e-5 == pytest.approx(excess, abs=5e-4)


@given(strategies.gaussians(), st.sampled_from(METHODS))
@settings(max_examples=share(10))
def test_fine_grids_reproduce_the_target(gaussian: Gaussian, method: Any) -> None:
    """N -> inf, T -> inf, delta -> 0: KL -> 0."""
    grid = Uniform(200_000, 12, 0)
    smallest = float(np.linalg.eigvalsh(gaussian.covariance_matrix())[0])
    assert (
        kls(gaussian, method, grid)[0]
        <= 0.3 * gaussian.total_dimension * (12 / 200_000 / smallest) ** 2 + 1e-6
    )


# ------------------------------------------------------------------ targets, and what is refused


def test_named_targets() -> None:
    """The covariances that the page defines."""
    np.testing.assert_allclose(Autoregressive(3, 0.5, 3).covariance_matrix()[0], [1, 0.5, 0.25])
    np.testing.assert_allclose(Equicorrelated(3, -0.4, 1).covariance_matrix()[0], [1, -0.4, -0.4])
    assert Autoregressive(8, 0.9, 4).sizes == (2, 2, 2, 2)
    c = BlockDiagonal(WORKED).covariance_matrix()
    assert c[0, 1] == 0
    assert c[1, 1] == WORKED.covariance_matrix()[1, 1]


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
        (lambda: Accuracy(WORKED, Scheme(grid=Custom((1, 0)))), "scheme.grid"),
        (lambda: optimal_grid(OptimalSteps(WORKED, Vanilla(), PathOptimal(5, 6, 0))), "steps"),
        (lambda: leading_joint_kl(GaussianSampling(WORKED, Scheme(grid=WORKED_GRID))), "scheme.grid"),
    ],
)
def test_bad_input_is_named(make: Any, parameter: str) -> None:
    with pytest.raises(DomainError) as caught:
        make()
    assert caught.value.parameter == parameter


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
