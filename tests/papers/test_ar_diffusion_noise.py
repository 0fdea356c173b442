"""Conditional moments in bins, and particles on several grids that share their noise: R5, R14 and R15."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata.models import DomainError
from simulations.ar_diffusion import (
    positions,
    sample_binned,
    sample_controlled,
    sample_coupled,
    sample_coupled_violation,
    sample_output_literal,
)
from simulations.ar_diffusion.controlled import affine_moments, moment_matched
from simulations.ar_diffusion.coupling import coupled_blocks
from simulations.ar_diffusion.particles import BLOCK
from tests.naive import ar_diffusion as naive
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS, WORKED, WORKED_GRID
from theory.ar_diffusion import (
    AR,
    BinnedGaussian,
    BinnedSampling,
    CoupledSampling,
    Custom,
    Exponential,
    ExponentialIntegrator,
    GaussianSampling,
    Mixture,
    Parabola,
    PosteriorMean,
    Sampling,
    Scheme,
    ShadowImages,
    SunShadow,
    Uniform,
    Vanilla,
    binned_moments,
    output_law,
    output_moments,
    rule_violation,
)
from theory.ar_diffusion.models import RuleSampling

STATISTIC = 5.0  # standard errors: 6e-7 a number, some hundred numbers here

# ------------------------------------------------------------------ R5: bins


@given(strategies.sun_shadows(), st.floats(-5, 3), st.lists(st.floats(0.01, 3), min_size=1, max_size=4))
@settings(max_examples=share(4))
def test_r5_binned_moments_are_integrals_of_the_law(
    sun: SunShadow, start: float, widths: list[float]
) -> None:
    """Gauss-Legendre over each bin of density x conditional moments 1, E[y|x] and E[y^2|x]."""
    scheme = Scheme(AR(), Exponential(30, 4, 0.01))
    law = output_law(GaussianSampling(sun, scheme))
    s = np.sqrt(law[1, 0])
    edges = law[0, 0] + s * (start + np.cumsum([0.0, *widths]))
    x, w = np.polynomial.legendre.leggauss(80)
    found = binned_moments(BinnedGaussian(sun, scheme, tuple(edges)))
    slope = law[2, 0] / law[1, 0]
    residual = law[2, 1] - slope * law[1, 1]
    for row, low, high in zip(found, edges[:-1], edges[1:], strict=True):
        at = 0.5 * (high - low) * x + 0.5 * (high + low)
        density = (
            np.exp(-0.5 * ((at - law[0, 0]) / s) ** 2) / (s * np.sqrt(2 * np.pi)) * w * 0.5 * (high - low)
        )
        mean = law[0, 1] + slope * (at - law[0, 0])
        for k, values in enumerate((np.ones_like(at), mean, mean**2 + residual)):
            size = float(density @ np.abs(values))
            # first moments in a bin are differences of densities, of size up to 1 in units of s
            slack = 1e-10 * size + 1e-14 * (1 + np.max(np.abs(law))) ** k
            assert row[k] == pytest.approx(float(density @ values), abs=slack)


def test_r5_binned_moments_over_all_bins_are_those_of_the_law() -> None:
    """R5: bins that cover everything sum to P = 1, E y and E y^2; in an infinitesimal bin E[y|x] is the regression."""
    scheme = Scheme(Vanilla(), WORKED_GRID)
    found = binned_moments(BinnedGaussian(WORKED, scheme, (-40, -1, 0, 0.5, 40)))
    moments = output_moments(GaussianSampling(WORKED, scheme))
    np.testing.assert_allclose(found.sum(axis=0), [1, moments[0, 1], moments[2, 1]], rtol=1e-13)
    narrow = binned_moments(BinnedGaussian(WORKED, scheme, (0.3, 0.3001)))[0]
    law = output_law(GaussianSampling(WORKED, scheme))
    expected = law[0, 1] + law[2, 0] / law[1, 0] * (0.30005 - law[0, 0])
    assert narrow[1] / narrow[0] == pytest.approx(expected, rel=1e-8)


def test_r5_tails_and_coarse_steps() -> None:
    """Far bins keep their digits on both sides; steps beyond the largest number give infinity."""
    centred = SunShadow(gain=0, rule_noise=1)
    far = binned_moments(BinnedGaussian(centred, Scheme(grid=WORKED_GRID), (-30, -29, 29, 30)))
    np.testing.assert_allclose(far[0], far[2], rtol=1e-10)
    assert far[0, 0] > 0
    coarse = BinnedGaussian(WORKED, Scheme(grid=Custom((2000.0, 1000.0, 0.0))))
    assert np.all(binned_moments(coarse) == np.inf)


@pytest.mark.parametrize("method", [Vanilla(), AR((1, 0))])
def test_binned_particles_are_counted_one_by_one(method: Any) -> None:
    """The sampler beside a loop over the same particles; ends belong to the bin above, the last one to none."""
    model = BinnedSampling(Parabola(), Scheme(method, Uniform(9, 3, 0)), (-1.0, 0.0, 0.25, 2.0))
    found = sample_binned(model, np.random.default_rng(7), 600)["moments"]
    expected = np.zeros((600, 3, 3))
    for i, (x, y) in enumerate(positions(model, np.random.default_rng(7), 600)):
        for b, (low, high) in enumerate(zip(model.edges[:-1], model.edges[1:], strict=True)):
            if low <= x < high:
                expected[i, b] = (1, y, y * y)
    np.testing.assert_allclose(found, expected)


@pytest.mark.statistical
@pytest.mark.parametrize("method", METHODS)
def test_r5_moments_of_particles_in_bins(method: Any) -> None:
    model = BinnedGaussian(WORKED, Scheme(method, Exponential(12, 4, 0.01)), (-1.0, 0.0, 1.0, 3.0))
    found = sample_binned(model, np.random.default_rng(8), 40_000)["moments"]
    error = found.std(axis=0) / np.sqrt(len(found))
    assert np.max(np.abs(found.mean(axis=0) - binned_moments(model)) / error) < STATISTIC


# ------------------------------------------------------------------ common noise across step counts


def merged_walk(model: CoupledSampling, seed: int, size: int, merged: int) -> Any:
    """One particle after the other on every `merged`-th time, its noise summed from a Brownian motion's increments."""
    nodes = model.scheme.grid.nodes(np.ones(1))
    numbers = strategies.common_noise(seed, 2, len(nodes) * size).reshape(2, len(nodes), size)
    clock = np.exp(2 * nodes)  # W runs over e^2tau, from the horizon down
    path = np.concatenate(
        (np.zeros((2, 1, size)), np.cumsum(np.sqrt(-np.diff(clock))[:, None] * numbers[:, 1:], axis=1)),
        axis=1,
    )[:, ::merged]
    coarse = nodes[::merged]
    noise = np.diff(path, axis=1) / np.sqrt(-np.diff(clock[::merged]))[:, None]
    mixture = model.target.components()
    made = np.empty((size, 2))
    for i in range(size):
        x = np.zeros(0)
        for stage in model.scheme.method.stages((1, 1)):
            rest = naive.conditional_mixture(*mixture, x) if len(x) else mixture
            d = len(stage)
            part = rest[0], rest[1][:, :d], rest[2][:, :d, :d]
            own = list(stage)
            x = np.concatenate((x, naive.walk(*part, coarse, numbers[own, 0, i], noise[own, :, i].T)))
        made[i] = x
    return made


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grid", [Uniform(12, 3, 0), Exponential(12, 3, 0.01)])
def test_r15_coarser_grids_run_on_the_fine_noise(method: Any, grid: Any) -> None:
    """Increments of one Brownian motion over e^2tau drive all grids; one merged step is the plain sampler."""
    model = CoupledSampling(Parabola(5, 0.4), Scheme(method, grid))
    blocks = list(coupled_blocks(model, np.random.default_rng(3), 4, (1, 2, 3)))
    assert len(blocks) == 1
    for merged, x in zip((1, 2, 3), blocks[0][1], strict=True):
        np.testing.assert_allclose(x.T, merged_walk(model, 3, 4, merged), rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(blocks[0][1][0].T, positions(model, np.random.default_rng(3), 4))


@pytest.mark.parametrize("target", [SunShadow(gain=2, rule_noise=0.3), ShadowImages(3), Parabola()])
def test_one_merged_step_is_the_plain_sampler(target: Any) -> None:
    """Particle by particle, where all, some or none of a stage's coordinates are simulated step by step."""
    for method in METHODS:
        model = CoupledSampling(target, Scheme(method, Uniform(6, 3, 0)))
        blocks = coupled_blocks(model, np.random.default_rng(5), BLOCK + 44, (1,))
        found = np.concatenate([x[0].T for _, x in blocks])
        np.testing.assert_array_equal(found, positions(model, np.random.default_rng(5), BLOCK + 44))


@pytest.mark.statistical
@pytest.mark.parametrize("method", METHODS)
def test_r14_coupled_violations_and_moments(method: Any) -> None:
    """Each grid has its own exact law (R4, R14), and differences between grids vary less than on independent noise."""
    model = CoupledSampling(
        SunShadow(gain=2, rule_noise=0.5, mean=(1, -1)), Scheme(method, Uniform(80, 4, 0))
    )
    merged = np.array([1, 2, 4])
    found = sample_coupled_violation(model, np.random.default_rng(9), 30_000, merged=merged)["violation"]
    moments = sample_coupled(model, np.random.default_rng(9), 30_000, merged=merged)["moments"]
    for k, m in enumerate(merged):
        coarse = RuleSampling(model.target, model.coarser(int(m)).scheme)  # type: ignore[arg-type]
        error = found[:, k].std() / np.sqrt(len(found))
        assert abs(found[:, k].mean() - rule_violation(coarse)) < STATISTIC * error
        errors = moments[:, k].std(axis=0) / np.sqrt(len(moments))
        assert np.max(np.abs(moments[:, k].mean(axis=0) - output_moments(coarse)) / errors) < STATISTIC
    assert np.var(found[:, 1] - found[:, 0]) < 0.5 * (np.var(found[:, 1]) + np.var(found[:, 0]))


def test_merged_steps_divide_the_steps() -> None:
    model = CoupledSampling(Parabola(), Scheme(grid=Uniform(10)))
    with pytest.raises(DomainError, match="divisor"):
        sample_coupled(model, np.random.default_rng(0), 2, merged=np.array([3]))


# ------------------------------------------------------------------ control variate

OVERLAPPING = Mixture(
    (0.6, 0.4),
    ((0, 0), (0.7, 0.5)),
    (((1, 0.3), (0.3, 1)), ((0.8, 0.2), (0.2, 0.9))),
    (1, 1),  # type: ignore[arg-type]
)


@pytest.mark.parametrize("integrator", [ExponentialIntegrator(), PosteriorMean()])
@pytest.mark.parametrize("method", [Vanilla(), AR(), AR((1, 0))])
def test_the_surrogates_moments_are_those_of_its_law(method: Any, integrator: Any) -> None:
    """R1, R4 beside the affine maps, step by step, that the sampler itself expects."""
    scheme = Scheme(method, WORKED_GRID, integrator=integrator)
    exact = output_moments(GaussianSampling(WORKED, scheme))
    np.testing.assert_allclose(affine_moments(Sampling(WORKED, scheme)), exact, rtol=1e-11)


def test_the_surrogate_matches_two_moments() -> None:
    """Mean and covariance of the mixture, by the law of total variance written out."""
    found = moment_matched(Sampling(OVERLAPPING))
    np.testing.assert_allclose(found.mean, (0.28, 0.2))
    expected = [
        [0.6 + 0.32 + 0.24 * 0.49, 0.18 + 0.08 + 0.24 * 0.35],
        [0.26 + 0.24 * 0.35, 0.96 + 0.24 * 0.25],
    ]
    np.testing.assert_allclose(found.covariance, expected)


@pytest.mark.statistical
@pytest.mark.parametrize("method", METHODS)
def test_controlled_moments_have_the_same_expectation_and_less_variance(method: Any) -> None:
    """Beside literal particles of another seed; a tenth of the variance for a mixture that is nearly Gaussian."""
    model = Sampling(OVERLAPPING, Scheme(method, Uniform(20, 3, 0)))
    found = sample_controlled(model, np.random.default_rng(41), 8_000)
    literal = sample_output_literal(model, np.random.default_rng(42), 20_000)["moments"]
    a = found["controlled"]
    error = np.sqrt(a.var(axis=0) / len(a) + literal.var(axis=0) / len(literal))
    assert np.max(np.abs(a.mean(axis=0) - literal.mean(axis=0)) / error) < STATISTIC
    assert np.all(a.var(axis=0) < 0.1 * found["moments"].var(axis=0))


@pytest.mark.parametrize("target", [WORKED, SunShadow(gain=0, rule_noise=0.5)])
def test_both_methods_see_the_same_noise(target: Any) -> None:
    """On a common generator x_1 of AR is not independent of vanilla's, and all is the same without a rule (R7)."""
    pair = [
        positions(Sampling(target, Scheme(m, WORKED_GRID)), np.random.default_rng(6), 2000) for m in METHODS
    ]
    assert np.corrcoef(pair[0][:, 0], pair[1][:, 0])[0, 1] > STATISTIC / np.sqrt(2000)
    if target.gain == 0:
        np.testing.assert_allclose(pair[0], pair[1], rtol=1e-9, atol=1e-10)
