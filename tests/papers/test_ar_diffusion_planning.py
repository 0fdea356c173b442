"""Costs, orders, grids, score errors and rules of AR diffusion: R9d-R14 of docs/papers/ar_diffusion.md."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemmata import DomainError
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS, condition
from theory.ar_diffusion import (
    AR,
    Accuracy,
    Autoregressive,
    Divergence,
    EqualCalls,
    Equicorrelated,
    Exponential,
    Gaussian,
    GaussianData,
    GaussianSampling,
    MarginalOptimal,
    OptimalSteps,
    Parabola,
    PathOptimal,
    RuleSampling,
    Sampling,
    Scheme,
    ScoreBias,
    ShadowImages,
    SunShadow,
    Uniform,
    Vanilla,
    WorstBias,
    best_patch_order,
    joint_kl,
    leading_joint_kl,
    optimal_grid,
    output_law,
    path_kl,
    phase_boundary,
    rule_violation,
    score_error_kl,
    stage_kl,
    steps_to_accuracy,
)
from theory.ar_diffusion.planning import beyond_floor
from theory.ar_diffusion.score_error import mean_response
from theory.ar_diffusion.stages import directions
from theory.numerics.ornstein_uhlenbeck import reverse

EPS = float(np.finfo(float).eps)


def kls(target_: Any, method: Any, grid: Any, reference: str = "data") -> tuple[float, Any]:
    model = Divergence(target_, Scheme(method, grid), reference)
    return joint_kl(model), stage_kl(model)


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


def test_r10_levels_below_the_floor_are_said() -> None:
    """R10: the early stop alone is worth more than the level: a remark, with what is left at a million steps."""
    model = Accuracy(SunShadow(gain=1, rule_noise=0.5), Scheme(grid=Uniform(early_stop=0.1)), level=1e-6)
    assert steps_to_accuracy(model) == math.inf
    floor = float(beyond_floor(model).rsplit(" ", 1)[1].rstrip("."))
    many = Uniform(100_000, early_stop=0.1)
    assert joint_kl(Divergence(model.target, Scheme(grid=many))) == pytest.approx(floor, rel=1e-3)
    assert not beyond_floor(replace(model, level=2 * floor))


def test_r10_phase_boundary() -> None:
    """R10: g -> 1 as sigma -> 0; the boundary solves tr Sigma^-2 = 4 sum tr S_k^-2; exact divergences cross nearby."""
    assert phase_boundary(EqualCalls(1e-6)) == pytest.approx(1, abs=1e-10)
    assert phase_boundary(EqualCalls(1e-300, 1e8)) == 1
    assert phase_boundary(EqualCalls(1e200)) == pytest.approx(1e200)  # g -> sigma/s_1
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


@pytest.mark.parametrize(
    ("build", "parameter"),
    [
        (lambda: steps_to_accuracy(Accuracy(SunShadow(1.0, 1e-3))), "level"),
        (
            lambda: steps_to_accuracy(Accuracy(SunShadow(1.0, 0.5), Scheme(grid=Uniform(horizon=1e9)))),
            "scheme.grid",
        ),
        (
            lambda: output_law(GaussianSampling(Equicorrelated(64, 0.5, 2), Scheme(grid=Uniform(2**24)))),
            "scheme.grid.steps",
        ),
        (lambda: path_kl(Sampling(Parabola(4), Scheme(grid=Uniform(10**6)))), "scheme.grid.steps"),
        (lambda: Uniform(10**12), "steps"),
        (lambda: Autoregressive(10**12, 0.5, 1), "dimension"),
        (lambda: Equicorrelated(10**12, 0.5, 1), "dimension"),
        (lambda: Parabola(10**12), "centres_along"),
        (lambda: ShadowImages(10**12), "heights"),
    ],
)
def test_sizes_beyond_memory_or_patience_are_one_clear_error(
    build: Callable[[], object], parameter: str
) -> None:
    """Steps, dimensions and components: one line that names the parameter and its value."""
    with pytest.raises(DomainError) as caught:
        build()
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("method", [Vanilla(), AR()])
@pytest.mark.parametrize("level", [0.1, 0.003])
def test_r10_no_fewer_steps_reach_the_level(method: Vanilla | AR, level: float) -> None:
    """R10: the interpolated search ends at the first number of steps whose divergence is at most the level."""
    sun = SunShadow(2.0, 0.1)
    steps = int(steps_to_accuracy(Accuracy(sun, Scheme(method), level)))
    reached, missed = (joint_kl(Divergence(sun, Scheme(method, Uniform(n)))) for n in (steps, steps - 1))
    assert reached <= level < missed
