"""Fisher information, dependence and path KL, for Gaussians and mixtures: R8 and R9 of docs/papers/ar_diffusion.md."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, target
from hypothesis import strategies as st

from lemmata.models import DomainError
from tests.naive import ar_diffusion as naive
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS
from theory.ar_diffusion import (
    AR,
    Autoregressive,
    BlockDiagonal,
    Custom,
    Data,
    Divergence,
    Gaussian,
    GaussianSampling,
    IsotropicMixture,
    Mixture,
    Noised,
    Parabola,
    Sampling,
    Scheme,
    ShadowImages,
    SunShadow,
    Uniform,
    Vanilla,
    dependence,
    fisher_information,
    joint_kl,
    path_kl,
)
from theory.numerics import gaussian_mixture

EPS = float(np.finfo(float).eps)

LINE = Mixture((0.3, 0.7), ((-1,), (1.5,)), (((0.05,),), ((0.2,),)), (1,))  # type: ignore[arg-type]
PLANE = Mixture(
    (0.5, 0.3, 0.2),
    ((-1, -1), (0.5, 1), (2, -0.5)),
    (((0.3, 0.1), (0.1, 0.2)), ((0.2, -0.05), (-0.05, 0.4)), ((0.4, 0), (0, 0.15))),
    (1, 1),  # type: ignore[arg-type]
)


def as_mixture(gaussian: Any) -> Mixture:
    """A Gaussian as a mixture of one component, patches of one number each."""
    c = gaussian.covariance_matrix()
    return Mixture((1.0,), (gaussian.mean_vector(),), (c,), gaussian.sizes)  # type: ignore[arg-type]


# ------------------------------------------------------------------ R8 for Gaussians


@given(strategies.samplings())
@settings(max_examples=share(1))
def test_r8_the_path_kl_bounds_the_kl_from_the_stopped_data(model: GaussianSampling) -> None:
    """R8: PathKL >= KL(p_delta || output) >= 0; AR: >= the sum of the stages given clean prefixes."""
    path = path_kl(model)
    law = joint_kl(Divergence(model.target, model.scheme, "stopped"))
    target(law / max(path, 1e-300), label="tightness")
    assert 0 <= law <= path * (1 + 1e-9)


@given(strategies.gaussians(), strategies.grids(0.8), st.sampled_from(METHODS))
@settings(max_examples=share(1))
def test_r8_halving_steps_lowers_the_path_kl(gaussian: Gaussian, grid: Any, method: Any) -> None:
    """R8b: splitting steps of up to 2 x 1.59 never increases the path KL."""
    nodes = grid.nodes(np.ones(1))
    middle = 0.5 * (nodes[1:] + nodes[:-1])
    finer = np.sort(np.concatenate((nodes, middle)))[::-1]
    coarse, fine = (path_kl(Sampling(gaussian, Scheme(method, Custom(tuple(t))))) for t in (nodes, finer))
    assert fine <= coarse * (1 + 1e-9)


@pytest.mark.parametrize(("variance", "step"), [(1e-6, 18.9), (380.0, 18.9), (1e-3, 40.0), (2.0, 300.0)])
def test_r8_the_path_kl_of_one_long_step(variance: float, step: float) -> None:
    """R8: finite where lambda_n rounds to 1: h + ln(lambda_n/lambda_0)/2 - c(h)/lambda_n, and the start."""
    import mpmath

    found = path_kl(Sampling(Gaussian(((variance,),), (1,)), Scheme(Vanilla(), Custom((step, 0.0)))))
    with mpmath.workdps(300):
        h, end = mpmath.mpf(step), mpmath.mpf(variance)
        first = 1 + mpmath.exp(-2 * h) * (end - 1)
        steps = h + mpmath.log(first / end) / 2 - (2 * (1 - mpmath.exp(-h)) - h) / first
        exact = float(steps + (first - 1 - mpmath.log(first)) / 2)
    assert found == pytest.approx(exact, rel=1e-14)


@given(strategies.gaussians(least_patches=2))
@settings(max_examples=share(1))
def test_r9_dependence_is_nonnegative_and_the_difference_of_fisher_informations(gaussian: Gaussian) -> None:
    """R9b: Dep = tr Sigma^-1 - sum tr S_k^-1 >= 0."""
    value = dependence(Data(gaussian))
    assert value >= 0
    pair = [fisher_information(Noised(gaussian, method, 0.0)) for method in METHODS]
    values = np.linalg.eigvalsh(gaussian.covariance_matrix())
    assert pair[0] - pair[1] == pytest.approx(
        value, rel=1e-9, abs=64 * EPS * pair[0] * values[-1] / values[0]
    )


@given(strategies.block_diagonals())
@settings(max_examples=share(4))
def test_r9_dependence_vanishes_for_independent_patches(model: BlockDiagonal) -> None:
    assert dependence(Data(model)) == 0


@given(strategies.sun_shadows())
def test_r9_dependence_of_a_rule(sun: SunShadow) -> None:
    """R9b: g^2/sigma^2, zero iff there is no rule."""
    assert dependence(Data(sun)) == pytest.approx((sun.gain / sun.rule_noise) ** 2, rel=1e-9, abs=1e-300)


def test_r9_the_gain_in_path_kl_is_half_a_step_times_the_dependence() -> None:
    """R9c: (PathKL_van - PathKL_AR)/(h Dep/2): .989, .995 (rho = .3) and .955, .977 (.9) at N = 2000, 4000."""
    for rho, steps, ratio in ((0.3, 2000, 0.989), (0.3, 4000, 0.995), (0.9, 2000, 0.955), (0.9, 4000, 0.977)):
        model = Autoregressive(6, rho, 3)
        vanilla, ar = (path_kl(Sampling(model, Scheme(m, Uniform(steps, 10, 0)))) for m in METHODS)
        assert (vanilla - ar) / (0.5 * 10 / steps * dependence(Data(model))) == pytest.approx(ratio, abs=6e-4)


def test_r8b_explicit_constants() -> None:
    """R8b: ar1(6, .9), T = 10, h = 2.5e-4: h [area + d T + (J_0 - d)/2] = .021367 against .021358."""
    model, step, horizon = Autoregressive(6, 0.9, 1), 2.5e-4, 10
    matrix = model.covariance_matrix()
    area = -0.5 * np.linalg.slogdet(matrix)[1]
    bracket = area + 6 * horizon + 0.5 * (np.trace(np.linalg.inv(matrix)) - 6)
    assert step * bracket == pytest.approx(0.021367, abs=1e-6)
    assert path_kl(Sampling(model, Scheme(Vanilla(), Uniform(40_000, horizon, 0)))) == pytest.approx(
        0.021358, abs=1e-6
    )


# ------------------------------------------------------------------ R8 for mixtures


@given(strategies.mixtures(1), st.floats(0, 2))
@settings(max_examples=share(4))
def test_r8_fisher_information_of_a_mixture_on_the_line(mixture: Mixture, time: float) -> None:
    """R8, R15: the trapezoid rule against a Gauss-Hermite rule for each component."""
    parts = gaussian_mixture.noised(*mixture.components(), time)
    found = fisher_information(Noised(mixture, Vanilla(), time))
    assert found == pytest.approx(naive.mixture_fisher(*parts, count=120), rel=1e-3)


@given(strategies.mixtures(2), st.floats(0, 1))
@settings(max_examples=share(25))
def test_r8_fisher_information_of_a_mixture_in_the_plane(mixture: Mixture, time: float) -> None:
    parts = gaussian_mixture.noised(*mixture.components(), time)
    found = fisher_information(Noised(mixture, Vanilla(), time))
    assert found == pytest.approx(naive.mixture_fisher(*parts, count=120), rel=5e-3)


def test_r8_the_quadrature_has_converged() -> None:
    """Twice the nodes change nothing beyond rounding."""
    nodes = gaussian_mixture.NODES
    values = []
    for count in (nodes, 2 * nodes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gaussian_mixture, "NODES", count)
            values.append(
                [
                    *gaussian_mixture.information(*LINE.components()),
                    *gaussian_mixture.information(*PLANE.components()),
                    *gaussian_mixture.conditional_information(*PLANE.components(), 0.05),
                ]
            )
    np.testing.assert_allclose(values[0], values[1], rtol=1e-12)


def test_r8_the_increment_of_the_score_by_fisher_informations() -> None:
    """R8: E|s_a(X_a) - s_b(X_b)|^2 = J_a - (2 e^-(b-a) - 1) J_b, by a rule over the paths: 2.08169 at .1, .35."""
    fisher = [fisher_information(Noised(LINE, Vanilla(), t)) for t in (0.1, 0.35)]
    found = fisher[0] - (2 * math.exp(-0.25) - 1) * fisher[1]
    assert found == pytest.approx(2.08169, abs=6e-6)
    assert naive.score_increment(*LINE.components(), 0.1, 0.35, count=120) == pytest.approx(found, rel=1e-4)
    plane = [fisher_information(Noised(PLANE, Vanilla(), t)) for t in (0.3, 0.5)]
    found = plane[0] - (2 * math.exp(-0.2) - 1) * plane[1]
    assert naive.score_increment(*PLANE.components(), 0.3, 0.5, count=18) == pytest.approx(found, rel=2e-2)


def test_r8_path_kl_of_a_mixture() -> None:
    """R8: uniform T = 4, delta = .02, N = 20, 40, 80."""
    for steps, value in ((20, 1.02962), (40, 0.58375), (80, 0.31485)):
        found = path_kl(Sampling(LINE, Scheme(grid=Uniform(steps, 4, 0.02))))
        assert found == pytest.approx(value, abs=6e-6)


@pytest.mark.parametrize(
    "sun", [SunShadow(gain=2, rule_noise=0.5, mean=(1, -1)), SunShadow(gain=-1, rule_noise=0.3)]
)
def test_r8_a_mixture_of_one_component_is_gaussian(sun: SunShadow) -> None:
    """R8, R15: path KL by quadrature and by eigenvalues, all methods and orders."""
    grid = Custom((3.0, 0.6, 0.1, 0.0))
    for method in (*METHODS, AR((1, 0))):
        mixed = path_kl(Sampling(as_mixture(sun), Scheme(method, grid)))
        exact = path_kl(Sampling(sun, Scheme(method, grid)))
        assert mixed == pytest.approx(exact, rel=1e-12, abs=1e-12)


def test_r9_dependence_of_a_mixture() -> None:
    """R9b: 2.05392674 by the difference of informations, and by the definition E|d/dx_1 log p(x_2|x_1)|^2."""
    assert dependence(Data(PLANE)) == pytest.approx(2.05392674, abs=6e-9)
    x = np.linspace(-4, 5, 721)
    first, second = np.meshgrid(x, x, indexing="ij")
    points = np.column_stack((first.ravel(), second.ravel()))
    weights, means, covariances = PLANE.components()
    joint = naive.mixture_scores(weights, means, covariances, points)[:, 0]
    alone = naive.mixture_scores(weights, means[:, :1], covariances[:, :1, :1], points[:, :1])[:, 0]
    density = np.zeros(len(points))
    for w, m, c in zip(weights, means, covariances, strict=True):
        away = points - m
        density += (
            w
            * np.exp(-0.5 * np.einsum("pi,ij,pj->p", away, np.linalg.inv(c), away))
            / (2 * math.pi * math.sqrt(np.linalg.det(c)))
        )
    value = float(np.sum(density * (joint - alone) ** 2)) * (x[1] - x[0]) ** 2
    assert dependence(Data(PLANE)) == pytest.approx(value, rel=1e-8)


def test_r9_the_total_fisher_information_is_conserved() -> None:
    """R9a: the integral of J_van - J_AR over all noising times vanishes; Gaussians, and the mixture up to its tail."""
    x, w = np.polynomial.legendre.leggauss(60)
    edges = np.array([0, 1e-3, 0.01, 0.1, 0.5, 1.5, 4, 12, 30])
    sun = SunShadow(gain=3, rule_noise=0.3)
    total = size = 0.0
    for low, high in itertools.pairwise(edges):
        for node, weight in zip(
            0.5 * (high - low) * x + 0.5 * (high + low), 0.5 * (high - low) * w, strict=True
        ):
            vanilla, ar = (fisher_information(Noised(sun, method, float(node))) for method in METHODS)
            total += weight * (vanilla - ar)
            size += weight * abs(vanilla - ar)
    assert abs(total) < 1e-9 * size
    x, w = np.polynomial.legendre.leggauss(9)
    total = 0.0
    for low, high in ((0, 0.4), (0.4, 3)):
        for node, weight in zip(
            0.5 * (high - low) * x + 0.5 * (high + low), 0.5 * (high - low) * w, strict=True
        ):
            vanilla, ar = (fisher_information(Noised(PLANE, method, float(node))) for method in METHODS)
            total += weight * (vanilla - ar)
    assert total == pytest.approx(7.4e-4, abs=0.1e-4)


def test_targets_beyond_the_quadrature_are_refused() -> None:
    for call in (
        lambda: path_kl(Sampling(ShadowImages())),
        lambda: fisher_information(Noised(ShadowImages())),
        lambda: dependence(Data(ShadowImages())),
    ):
        with pytest.raises(DomainError, match="two dimensions"):
            call()


def test_named_mixtures() -> None:
    """R14's parabola: E(x_2 - x_1^2 + 1)^2 = s^2 + 4 s^2 sum w c^2 + 3 s^4 = .03639; images and their independence."""
    weights, means, covariances = Parabola().components()
    s = 0.1
    violation = s**2 + 4 * s**2 * float(weights @ means[:, 0] ** 2) + 3 * s**4
    assert violation == pytest.approx(0.03639, abs=5e-6)
    np.testing.assert_allclose(means[:, 1], means[:, 0] ** 2 - 1)
    np.testing.assert_allclose(covariances[3], s**2 * np.eye(2))
    linked, free = ShadowImages(heights=4), ShadowImages(heights=4, is_linked=False)
    assert len(linked.components().weights) == 4
    assert len(free.components().weights) == 16
    for images in (linked, free):  # equal laws of each half
        _, centres = images.centres()
        halves = [{tuple(row) for row in half} for half in np.hsplit(centres, 2)]
        assert halves[0] == {tuple(row) for row in linked.halves()[0]}
        assert halves[1] == {tuple(row) for row in linked.halves()[1]}
        assert np.max(np.abs(centres)) <= 1
    isotropic = IsotropicMixture((0.4, 0.6), ((0, 1), (1, 0)), 0.5, (1, 1))  # type: ignore[arg-type]
    full = Mixture((0.4, 0.6), ((0, 1), (1, 0)), (((0.25, 0), (0, 0.25)),) * 2, (1, 1))  # type: ignore[arg-type]
    for one, other in zip(isotropic.components(), full.components(), strict=True):
        np.testing.assert_array_equal(one, other)
