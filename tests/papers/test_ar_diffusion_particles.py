"""Particles of vanilla and AR diffusion: kernels beside naive twins, and laws beside R1, R4 and R14."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata.kernels import kernel
from lemmata.models import DomainError
from simulations.ar_diffusion import (
    particles,
    positions,
    sample_output,
    sample_output_literal,
    sample_rule_violation,
)
from simulations.ar_diffusion.kernels import EMPTY, line_steps, plane_steps
from simulations.ar_diffusion.particles import step_table
from simulations.sampling.exponential import LOG2E, LOWEST, exp2_of_nonpositive
from tests.naive import ar_diffusion as naive
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS, WORKED
from theory.ar_diffusion import (
    AR,
    BlockDiagonal,
    ConstantBias,
    Custom,
    Exponential,
    ExponentialIntegrator,
    Gaussian,
    GaussianSampling,
    IsotropicMixture,
    Mixture,
    Parabola,
    RuleSampling,
    Sampling,
    Scheme,
    ShadowImages,
    Uniform,
    Vanilla,
    WorstBias,
    output_moments,
    rule_violation,
)

GRID = Exponential(12, 3, 0.01)
STATISTIC = 5.0  # standard errors: 6e-7 a number, some 200 numbers here


@kernel(fastmath={"contract"})
def exponentials(x: Any, out: Any) -> None:
    for i in range(len(x)):
        out[i] = exp2_of_nonpositive(x[i])


def test_own_exp_is_the_librarys_in_the_build_that_is_used() -> None:
    """On the same inputs, in a loop that vectorises: relative difference below 1e-12 (found: 7e-15)."""
    rng = np.random.default_rng(4)
    x = np.concatenate((-np.logspace(-18, 3, 200_000), LOWEST * rng.random(200_000), [0.0, LOWEST]))
    found = np.empty_like(x)
    exponentials(x, found)
    assert np.max(np.abs(found / np.exp2(x) - 1)) < 1e-14
    far = np.array([-1022.0, -1023.0, -1e4, -1e300, -np.inf])
    small = np.empty_like(far)
    exponentials(far, small)
    np.testing.assert_array_equal(small, 2.0**LOWEST)


# ------------------------------------------------------------------ kernels beside naive twins


def replay(model: Sampling, seed: int, size: int) -> tuple[Any, Any]:
    """Positions (size, d), and the noise that each coordinate saw: start (d, size) and steps (d, N, size)."""
    found = positions(model, np.random.default_rng(seed), size)
    steps = len(model.scheme.grid.nodes(np.ones(1))) - 1
    numbers = strategies.common_noise(seed, found.shape[1], (steps + 1) * size)
    return found, numbers.reshape(-1, steps + 1, size)


def naive_position(model: Sampling, numbers: Any) -> Any:
    """One particle from its numbers (d, N + 1)."""
    mixture, nodes = model.target.components(), model.scheme.grid.nodes(np.ones(1))
    order = [j for stage in model.scheme.method.stages(model.target.sizes) for j in stage]
    mixture = (mixture.weights, mixture.means[:, order], mixture.covariances[:, order][:, :, order])
    made = np.zeros(0)
    for stage in model.scheme.method.stages(model.target.sizes):
        rest = naive.conditional_mixture(*mixture, made) if len(made) else mixture
        d = len(stage)
        part = rest[0], rest[1][:, :d], rest[2][:, :d, :d]
        own = numbers[list(stage)]
        made = np.concatenate((made, naive.walk(*part, nodes, own[:, 0], own[:, 1:].T)))
    return made[np.argsort(order)]


@given(
    strategies.mixtures(2) | strategies.mixtures(3), st.sampled_from([Vanilla(), AR()]), st.integers(0, 2**16)
)
@settings(max_examples=share(4))
def test_r15_particles_are_those_of_the_definitions(target: Any, method: Any, seed: int) -> None:
    """R15: score of the mixture, or of its conditional given the clean patches made before; any covariances."""
    model = Sampling(target, Scheme(method, GRID))
    found, numbers = replay(model, seed, 3)
    for i in range(3):
        np.testing.assert_allclose(found[i], naive_position(model, numbers[:, :, i]), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("method", [Vanilla(), AR(), AR((1, 0))])
@pytest.mark.parametrize("size", [1, 7, particles.BLOCK])
def test_r15_isotropic_particles_are_those_of_the_definitions(method: Any, size: int) -> None:
    """R15 on the fast path: two dimensions at once, and one dimension at a time."""
    model = Sampling(Parabola(5), Scheme(method, Uniform(9, 3, 0)))
    found, numbers = replay(model, 3, size)
    for i in (0, size // 2, size - 1):
        np.testing.assert_allclose(found[i], naive_position(model, numbers[:, :, i]), rtol=1e-9, atol=1e-10)


def test_r15_three_dimensions_of_one_stage() -> None:
    """R15 on the fast path with as many dimensions as the means span."""
    target = IsotropicMixture((0.2, 0.5, 0.3), ((1, 0, 0), (0, 1, 1), (1, 1, 0)), 0.4, (2, 1))  # type: ignore[arg-type]
    model = Sampling(target, Scheme(Vanilla(), Uniform(9, 3, 0)))
    found, numbers = replay(model, 3, 4)
    for i in range(4):
        np.testing.assert_allclose(found[i], naive_position(model, numbers[:, :, i]), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("distance", [0.0, 20.0, 34.0, 36.0, 38.0, 50.0, 64.0, 100.0, 1e4, 1e160])
@pytest.mark.parametrize("walk", [line_steps, plane_steps])
def test_r15_particles_far_from_all_components(walk: Any, distance: float) -> None:
    """One step from `distance` s_tau off the likely component; an unlikely one, 100 s_tau off, takes over at 64."""
    table = step_table(np.array([0.5, 0.2]), 0.01, ExponentialIntegrator())
    ((grow, pull, spread, decay, variance),) = table
    r, s = (1 if walk is line_steps else 2), np.sqrt(variance)
    logs, centres = np.array([0.0, -1400.0, EMPTY, EMPTY]), np.zeros((4, r))
    centres[:2, -1] = 0.3, 0.3 - 100 * s / decay
    y = np.full((r, 3), 0.2)
    y[-1] = decay * 0.3 + s * np.array([-distance, 0.0, -distance])
    noise = np.random.default_rng(1).standard_normal((r, 1, 3))
    likely, unlikely = decay * centres[:2, :, None] - y
    ahead = -1400 - np.sum((unlikely - likely) * (unlikely + likely), axis=0) / (2 * variance)
    weight = 1 / (1 + np.exp(-np.clip(ahead, -700, 700)))
    score = (likely + weight * (unlikely - likely)) / variance
    expected = grow * y + pull * score + spread * noise[:, 0]
    base = np.repeat(LOG2E * logs[:, None], 3, axis=1)
    walk(y, base, centres, table, noise, np.empty((6 + r, 3)))
    np.testing.assert_allclose(y, expected, rtol=1e-10)


def test_streams_do_not_depend_on_how_noise_is_cut() -> None:
    """Particles are the same whatever the room for noise, and the first block whatever the number of trials."""
    model = Sampling(Parabola(), Scheme(AR(), Uniform(20, 4, 0)))
    whole = positions(model, np.random.default_rng(0), particles.BLOCK + 44)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(particles, "SLAB", 700)
        np.testing.assert_array_equal(positions(model, np.random.default_rng(0), particles.BLOCK + 44), whole)
    first = positions(model, np.random.default_rng(0), particles.BLOCK)
    np.testing.assert_array_equal(first, whole[: particles.BLOCK])


def test_r7_independent_patches_give_the_same_particles() -> None:
    """R7, particle by particle: on common streams both methods make the same moves if patches are independent."""
    target = BlockDiagonal(Gaussian(((1, 0.9, 0.2), (0.9, 2, 0.1), (0.2, 0.1, 0.5)), (2, 1), (1, 0, -2)))
    pair = [positions(Sampling(target, Scheme(m, GRID)), np.random.default_rng(5), 40) for m in METHODS]
    np.testing.assert_allclose(pair[0], pair[1], rtol=1e-11, atol=1e-12)


# ------------------------------------------------------------------ laws


def scores(sample: Any, mean: Any) -> Any:
    """Deviations of a sample's mean in standard errors."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    return (sample.mean(axis=0) - mean) / error


@pytest.mark.statistical
@pytest.mark.parametrize("error", [None, ConstantBias((0.3,)), WorstBias((0.3, -0.2))])
@pytest.mark.parametrize("method", [Vanilla(), AR(), AR((1, 0))])
def test_r1_r4_moments_of_particles(method: Any, error: Any) -> None:
    """R1, R4: first and second moments of the compiled and of the literal particles, same grid."""
    scheme = Scheme(method, Exponential(40, 4, 0.01), *([] if error is None else [error]))
    model = GaussianSampling(WORKED, scheme)
    for sample, trials in ((sample_output, 40_000), (sample_output_literal, 10_000)):
        found = sample(model, np.random.default_rng(11), trials)["moments"]
        assert np.max(np.abs(scores(found, output_moments(model)))) < STATISTIC


@pytest.mark.statistical
@pytest.mark.parametrize("method", METHODS)
def test_r4_moments_of_particles_in_blocks(method: Any) -> None:
    """R4: patches of sizes (2, 1, 1), a mean, a custom grid."""
    basis = strategies.orthogonal(9, 4)
    covariance = (basis * [0.2, 0.5, 1.0, 3.0]) @ basis.T
    target = Gaussian(0.5 * (covariance + covariance.T), (2, 1, 1), (1, -1, 0, 2))  # type: ignore[arg-type]
    model = GaussianSampling(target, Scheme(method, Custom((5, 3, 2, 1, 0.6, 0.3, 0.15, 0.05, 0))))
    found = sample_output(model, np.random.default_rng(12), 40_000)["moments"]
    assert np.max(np.abs(scores(found, output_moments(model)))) < STATISTIC


@pytest.mark.statistical
@pytest.mark.parametrize("method", METHODS)
def test_r15_the_reduced_law_is_the_literal_one(method: Any) -> None:
    """Means that span two of six dimensions: compiled particles of the span and its complement, and literal ones."""
    means = ((1, 0, 0, 1, 0, 0), (0, 1, 0, 0, 1, 1), (1, 1, 0, 1, 1, 1))
    target = IsotropicMixture((0.5, 0.3, 0.2), means, 0.3, (3, 3))  # type: ignore[arg-type]
    model = Sampling(target, Scheme(method, Uniform(15, 3, 0)))
    a = sample_output(model, np.random.default_rng(13), 40_000)["moments"]
    b = sample_output_literal(model, np.random.default_rng(14), 10_000)["moments"]
    error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
    assert np.max(np.abs(a.mean(axis=0) - b.mean(axis=0)) / error) < STATISTIC


@pytest.mark.statistical
def test_r14_rule_violations() -> None:
    """R14: the exact value for a linear rule with a mean; the parabola's violations on the page at N = 50 and 100."""
    for method in METHODS:
        model = RuleSampling(WORKED, Scheme(method, Uniform(25, 4, 0)))
        found = sample_rule_violation(model, np.random.default_rng(15), 40_000)["violation"]
        assert abs(scores(found, rule_violation(model))) < STATISTIC
    for method, steps, value in (
        (Vanilla(), 50, 0.667),
        (Vanilla(), 100, 0.320),
        (AR(), 50, 0.249),
        (AR(), 100, 0.125),
    ):
        curved = Sampling(Parabola(), Scheme(method, Uniform(steps, 4, 0)))
        found = sample_rule_violation(curved, np.random.default_rng(16), 20_000)["violation"]
        own = found.std() / np.sqrt(len(found))
        assert abs(found.mean() - value) < STATISTIC * np.hypot(
            own, 0.01 * value
        )  # the values have 1 % error


def test_rules_of_clean_data_hold() -> None:
    """Off-rule distance: zero for clean images and points on the curve; a target without a rule is refused."""
    images = ShadowImages(heights=5)
    _, centres = images.centres()
    np.testing.assert_array_equal(images.off_rule(centres), 0)
    mixed = np.hstack((centres[:, :32], np.roll(centres[:, 32:], 1, axis=0)))
    assert np.all(np.abs(images.off_rule(mixed)) >= 1)
    np.testing.assert_allclose(replace(WORKED, gain=3).off_rule(np.array([[2.0, 2.0]])), 0)
    mixture = Mixture((1.0,), ((0,),), (((1,),),), (1,))  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="rule"):
        sample_rule_violation(Sampling(mixture), np.random.default_rng(0), 2)
