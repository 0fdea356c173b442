"""Divergences of AR and vanilla diffusion, stage by stage and at a prefix: R3-R8 of docs/papers/ar_diffusion.md."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st

from lemmata import DomainError
from tests.naive import ar_diffusion as naive
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS, WORKED, WORKED_GRID, condition
from theory.ar_diffusion import (
    AR,
    BlockDiagonal,
    ConstantBias,
    Divergence,
    Equicorrelated,
    Exponential,
    ExponentialIntegrator,
    Gaussian,
    GaussianSampling,
    PointwiseDivergence,
    PosteriorMean,
    Sampling,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    joint_kl,
    output_law,
    path_kl,
    pointwise_conditional_kl,
    stage_kl,
)
from theory.ar_diffusion.divergences import path_kl_terms
from theory.numerics.gaussian_kl import variance_divergence
from theory.numerics.ornstein_uhlenbeck import reverse

EPS = float(np.finfo(float).eps)
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ar_diffusion.json").read_text())


def kls(target_: Any, method: Any, grid: Any, reference: str = "data") -> tuple[float, Any]:
    model = Divergence(target_, Scheme(method, grid), reference)
    return joint_kl(model), stage_kl(model)


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


@pytest.mark.parametrize("steps", [1, 3, 40])
def test_r3_ar_divergences_keep_their_digits_at_large_spreads(steps: int) -> None:
    """R4: Schur complements of a rule are s_1^2 and sigma^2 however small sigma is beside g s_1; 40 digits."""
    import mpmath

    sun = SunShadow(gain=-0.53, rule_noise=1.15e-4, sun_spread=96.1)
    grid = Exponential(steps, 3.7, 1e-6)
    with mpmath.workdps(40):
        times = [mpmath.mpf(float(t)) for t in grid.nodes(np.ones(1))]
        total = mpmath.mpf(0)
        for variance, square in (
            (mpmath.mpf(sun.sun_spread) ** 2, 0),
            (mpmath.mpf(sun.rule_noise) ** 2, (mpmath.mpf(sun.gain) * mpmath.mpf(sun.sun_spread)) ** 2),
        ):
            v = factor = mpmath.mpf(1)
            for tau, after in itertools.pairwise(times):
                q = mpmath.expm1(tau - after)
                a = 1 + q - 2 * q / (1 + mpmath.exp(-2 * tau) * (variance - 1))
                v, factor = a * a * v + q * (2 + q), factor * a
            lost = 1 - mpmath.exp(-times[-1]) + mpmath.exp(-times[0]) * factor
            total += (variance / v - 1 - mpmath.log(variance / v) + lost**2 * square / v) / 2
    assert kls(sun, AR(), grid)[0] == pytest.approx(float(total), rel=1e-12)


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


def test_r6_conditional_laws_that_lost_their_digits_are_refused() -> None:
    """Stages that do not sum to the joint divergence: steps that leave far less variance than the data have."""
    for correlation, refused in ((0.9, False), (1 - 1e-9, True), (1 - 1e-11, True)):
        target = Equicorrelated(dimension=3, patches=3, correlation=correlation)
        scheme = Scheme(integrator=PosteriorMean())
        stage = partial(stage_kl, Divergence(target, scheme))
        pointwise = partial(pointwise_conditional_kl, PointwiseDivergence(target, scheme, prefix=(0.1, 0.2)))
        for divergence_ in (stage, pointwise):
            if refused:
                with pytest.raises(
                    DomainError, match=r"scheme\.integrator = 'posterior_mean': .* digits are lost"
                ):
                    divergence_()
            else:
                assert np.all(np.isfinite(divergence_()))
        exact = joint_kl(Divergence(target, replace(scheme, integrator=ExponentialIntegrator())))
        plain = stage_kl(Divergence(target, replace(scheme, integrator=ExponentialIntegrator())))
        assert np.sum(plain) == pytest.approx(exact, rel=1e-10)


def test_r6_averaged_over_true_prefixes_the_pointwise_kl_is_the_stage_kl() -> None:
    """R6: E_{x_1 ~ p} of the pointwise KL, by a Gauss-Hermite rule that is exact for parabolas, is D_2."""
    x, w = np.polynomial.hermite_e.hermegauss(3)
    for method in METHODS:
        for bias in (Scheme(method, WORKED_GRID), Scheme(method, WORKED_GRID, ConstantBias((0.3, 0.2)))):
            values = [pointwise_conditional_kl(PointwiseDivergence(WORKED, bias, (1 + t,))) for t in x]
            assert float(w @ values / w.sum()) == pytest.approx(
                stage_kl(Divergence(WORKED, bias))[1], rel=1e-11
            )


def test_more_exponential_steps_need_not_lower_the_kl() -> None:
    """R10: KL(N) is not monotone on exponential grids of few nodes, whose first steps exceed .88 (R2)."""
    sun = SunShadow(gain=3, rule_noise=0.2)
    values = np.array([kls(sun, Vanilla(), Exponential(n, 8, 1e-7))[0] for n in range(6, 60)])
    rises = np.nonzero(np.diff(values) > 0)[0] + 6
    assert len(rises) > 0
    assert np.max(rises) < 25  # the path KL falls all the same
    paths = [path_kl(Sampling(sun, Scheme(Vanilla(), Exponential(n, 8, 1e-7)))) for n in (8, 16, 32, 64)]
    assert np.all(np.diff(paths) < 0)


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
