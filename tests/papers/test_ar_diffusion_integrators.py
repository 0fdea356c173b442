"""DDPM's posterior-mean step beside the exponential integrator: R2 of docs/papers/ar_diffusion.md."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from lemmata.models import DomainError
from simulations.ar_diffusion import positions, sample_output, sample_output_literal
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from tests.strategies.ar_diffusion import METHODS, WORKED
from theory.ar_diffusion import (
    AR,
    ConstantBias,
    CoupledSampling,
    Custom,
    Divergence,
    ExactScore,
    Exponential,
    GaussianSampling,
    Parabola,
    PosteriorMean,
    Sampling,
    Scheme,
    SunShadow,
    Uniform,
    Vanilla,
    joint_kl,
    leading_joint_kl,
    leading_moment_errors,
    output_law,
    output_moments,
    path_kl,
)
from theory.numerics.ornstein_uhlenbeck import PosteriorMeanSteps, noised_variance, reverse

DDPM = PosteriorMean()
STATISTIC = 5.0  # standard errors: 6e-7 a number, some eighty numbers here


def bridge_step(
    y_mean: float, y_variance: float, lam: float, tau: float, after: float, z: float
) -> tuple[float, float]:
    """Mean and variance after a step from N(y_mean, y_variance), by conditioning three Gaussians.

    (X_0, X_after, X_tau) with X_0 replaced by its posterior mean: coefficients of E[X_after | X_0, X_tau] solve the
    normal equations of X_after = e^-after X_0 + .., X_tau = e^-tau X_0 + .., at a flat X_0 of mean z.
    """
    covariance = np.array(
        [[1.0, math.exp(-tau)], [math.exp(-tau), 1.0]]
    )  # of (X_0, X_tau) for data of variance 1: the conditional law does not depend on that of X_0
    cross = np.array([math.exp(-after), math.exp(-(tau - after))])
    on_data, on_noised = np.linalg.solve(covariance, cross)
    residual = 1.0 - cross @ np.linalg.solve(covariance, cross)
    gain = lam * math.exp(-tau) / noised_variance(lam, tau)  # E[X_0 | X_tau] = z + gain (X_tau - e^-tau z)
    factor = on_noised + on_data * gain
    constant = on_data * (z - gain * math.exp(-tau) * z)
    return factor * y_mean + constant, factor**2 * y_variance + residual


@given(strategies.log_uniform(-3, 2), strategies.grids(), strategies.gains)
@settings(max_examples=share(2))
def test_the_posterior_mean_step_is_a_bridge_from_the_posterior_mean(
    lam: float, grid: Any, mean: float
) -> None:
    """R1 of DDPM: variance, its error and the mean, one step after the other by conditioning Gaussians."""
    nodes = grid.nodes(np.ones(1))
    m, v = 0.0, 1.0
    for tau, after in itertools.pairwise(nodes):
        m, v = bridge_step(m, v, lam, tau, after, mean)
    made = reverse(np.array([lam]), nodes, steps=PosteriorMeanSteps())
    assert made.variance[0] == pytest.approx(v, rel=1e-7)
    end = noised_variance(lam, nodes[-1])
    assert made.error[0] == pytest.approx(v - end, rel=1e-7, abs=1e-7 * v)
    found = mean * (math.exp(-nodes[-1]) - math.exp(-nodes[0]) * made.factor[0])
    assert found == pytest.approx(m, rel=1e-7, abs=1e-9)


@given(strategies.log_uniform(-8, 4), strategies.grids())
@settings(max_examples=share(2))
def test_the_posterior_mean_step_keeps_means_and_loses_variance(lam: float, grid: Any) -> None:
    """R2: A is that of the exact reversal on every grid; steps from lambda_tau lose variance and never add any."""
    nodes = grid.nodes(np.ones(1))
    made = reverse(np.array([lam]), nodes, steps=PosteriorMeanSteps())
    horizon, stop = nodes[0], nodes[-1]
    exact = math.exp(stop - horizon) * noised_variance(lam, stop) / noised_variance(lam, horizon)
    assert made.factor[0] == pytest.approx(exact, rel=1e-11)
    assert made.error[0] <= exact**2 * (1 - lam) * math.exp(-2 * horizon)


def test_the_posterior_mean_step_errs_by_h_log_h() -> None:
    """R2: variance error/h grows like -2 ln(1/h) at equal steps down to delta = 0: doubling N adds 2 ln 2."""
    errors = [
        reverse(np.array([0.5]), Uniform(n, 8, 0).nodes(np.ones(1)), steps=PosteriorMeanSteps()).error[0]
        * n
        / 8
        for n in (20_000, 40_000, 80_000)
    ]
    np.testing.assert_allclose(-np.diff(errors), 2 * math.log(2), rtol=0.01)
    # a horizon at which e^h overflows leaves the law finite
    far = reverse(np.array([0.1, 3.0]), np.array([2000.0, 1000.0, 0.0]), steps=PosteriorMeanSteps())
    assert np.all(np.isfinite(far.variance))


@pytest.mark.statistical
@pytest.mark.parametrize("error", [ExactScore(), ConstantBias((0.3, -0.2))])
@pytest.mark.parametrize("method", [Vanilla(), AR((1, 0))])
def test_moments_of_particles_with_posterior_means(method: Any, error: Any) -> None:
    """R1, R4 for DDPM's step: compiled and literal particles."""
    model = GaussianSampling(WORKED, Scheme(method, Exponential(12, 4, 0.01), error, DDPM))
    for sample, trials in ((sample_output, 40_000), (sample_output_literal, 10_000)):
        found = sample(model, np.random.default_rng(31), trials)["moments"]
        errors = found.std(axis=0) / np.sqrt(len(found))
        assert np.max(np.abs(found.mean(axis=0) - output_moments(model)) / errors) < STATISTIC


@pytest.mark.statistical
def test_r15_posterior_means_of_mixtures() -> None:
    """R15: the fast path and the literal witness agree on the parabola."""
    for method in METHODS:
        model = Sampling(Parabola(5, 0.3), Scheme(method, Uniform(12, 3, 0.01), integrator=DDPM))
        a = sample_output(model, np.random.default_rng(32), 40_000)["moments"]
        b = sample_output_literal(model, np.random.default_rng(33), 10_000)["moments"]
        error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
        assert np.max(np.abs(a.mean(axis=0) - b.mean(axis=0)) / error) < STATISTIC


def test_the_last_step_without_early_stop_makes_no_noise() -> None:
    """One step from the horizon to 0 puts every particle at a posterior mean."""
    model = Sampling(SunShadow(gain=2, rule_noise=0.5), Scheme(grid=Custom((1.5, 0.0)), integrator=DDPM))
    found = positions(model, np.random.default_rng(1), 5)
    start = strategies.common_noise(1, 2, 5)
    covariance = model.target.covariance_matrix()  # type: ignore[union-attr]
    noised = math.exp(-3) * covariance - math.expm1(-3) * np.eye(2)
    np.testing.assert_allclose(
        found, (math.exp(-1.5) * covariance @ np.linalg.inv(noised) @ start).T, rtol=1e-10
    )


def test_divergences_and_dependence_hold_for_posterior_means_too() -> None:
    """C2 and the sign of C4: the chain rule holds for any law; AR is closer at equal small steps under a rule."""
    sun = SunShadow(gain=3, rule_noise=0.3, mean=(1, -1))
    pair = [joint_kl(Divergence(sun, Scheme(m, Uniform(4000, 8, 1e-4), integrator=DDPM))) for m in METHODS]
    assert pair[1] < pair[0]
    law = output_law(GaussianSampling(sun, Scheme(AR(), Uniform(50, 8, 1e-2), integrator=DDPM)))
    slope = law[2, 0] / law[1, 0]
    assert slope == pytest.approx(3 * math.exp(-1e-2), rel=1e-5)  # R5


def test_formulas_of_the_exponential_integrator_are_not_lent_out() -> None:
    scheme = Scheme(grid=Uniform(20, 4, 0.01), integrator=DDPM)
    line = Sampling(Parabola(2), scheme)
    for call in (
        lambda: path_kl(line),
        lambda: leading_joint_kl(GaussianSampling(WORKED, scheme)),
        lambda: leading_moment_errors(line),
        lambda: CoupledSampling(Parabola(), scheme),
    ):
        with pytest.raises(DomainError, match="exponential_integrator"):
            call()
