"""First-order errors for smooth targets on the line: R5b of docs/papers/ar_diffusion.md."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata.models import DomainError
from tests.naive import ar_diffusion as naive
from tests.profiles import share
from tests.strategies import ar_diffusion as strategies
from theory.ar_diffusion import (
    Exponential,
    Gaussian,
    Mixture,
    Parabola,
    Sampling,
    Scheme,
    Uniform,
    leading_moment_errors,
    path_kl,
)
from theory.numerics import gaussian_mixture

SKEWED = Mixture((0.3, 0.7), ((-1.75,), (0.75,)), (((0.05,),), ((0.2,),)), (1,))  # type: ignore[arg-type]
SMOOTH = Mixture((0.3, 0.7), ((-1.75,), (0.75,)), (((0.3,),), ((0.5,),)), (1,))  # type: ignore[arg-type]


def exact_errors(target: Mixture, grid: Uniform) -> np.ndarray:
    """Errors of E x and E x^2 of the output against the data at the early stop, by density propagation."""
    parts = target.components()
    weights, means, covariances = gaussian_mixture.noised(*parts, grid.early_stop)
    truth = np.array([weights @ means[:, 0], weights @ (means[:, 0] ** 2 + covariances[:, 0, 0])])
    x, density = naive.propagated_density(*parts, grid.nodes(np.ones(1)))
    return np.array([x @ density, (x * x) @ density]) * (x[1] - x[0]) - truth


@given(strategies.log_uniform(-2, 1.5), st.sampled_from([0.0, 0.02, 0.3]), st.floats(-2, 2))
@settings(max_examples=share(10))
def test_r5b_gaussians_have_the_errors_of_r2(variance: float, stop: float, mean: float) -> None:
    """R5b, R2: no error of the mean; that of the variance is h [1 - e^{-2(T-delta)} (lambda_delta/lambda_T)^2]."""
    horizon, steps = 6.0, 100
    model = Sampling(Gaussian(((variance,),), (1,), (mean,)), Scheme(grid=Uniform(steps, horizon, stop)))
    found = leading_moment_errors(model)
    start, end = (1 + np.exp(-2 * t) * (variance - 1) for t in (horizon, stop))
    expected = (horizon - stop) / steps * (1 - np.exp(-2 * (horizon - stop)) * (end / start) ** 2)
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found[1] == pytest.approx(expected, rel=1e-7)


def test_r5b_the_bias_of_a_skewed_target() -> None:
    """R5b: .3 N(-1, .05) + .7 N(1.5, .2) recentred, T = 6, delta = .02: -.10279 h; exactly -.1581 h at N = 40."""
    grid = Uniform(40, 6, 0.02)
    step = (6 - 0.02) / 40
    assert leading_moment_errors(Sampling(SKEWED, Scheme(grid=grid)))[0] / step == pytest.approx(
        -0.10279, abs=6e-6
    )
    assert exact_errors(SKEWED, grid)[0] / step == pytest.approx(-0.1578, abs=5e-4)


def test_r5b_exact_errors_tend_to_the_first_order() -> None:
    """R5b: 2 e(h/2) - e(h)/2 cancels the next order of e/h: both moments of a smooth mixture within 1 % of it."""
    coarse, fine = (exact_errors(SMOOTH, Uniform(n, 6, 0.1)) for n in (60, 120))
    leading = leading_moment_errors(Sampling(SMOOTH, Scheme(grid=Uniform(120, 6, 0.1))))
    for k in range(2):
        assert 2 * fine[k] - 0.5 * coarse[k] == pytest.approx(leading[k], rel=0.01)
        assert fine[k] != pytest.approx(leading[k], rel=0.01)  # the contrast matters


def test_r8_the_path_kl_bounds_the_kl_of_a_mixture() -> None:
    """R8: .3 N(-1, .05) + .7 N(1.5, .2), T = 4, delta = .02: path KL 1.02962, .58375; true KL .27318, .11935."""
    target = Mixture((0.3, 0.7), ((-1,), (1.5,)), (((0.05,),), ((0.2,),)), (1,))  # type: ignore[arg-type]
    parts = target.components()
    for steps, path, true in ((20, 1.02962, 0.27318), (40, 0.58375, 0.11935)):
        grid = Uniform(steps, 4, 0.02)
        x, density = naive.propagated_density(*parts, grid.nodes(np.ones(1)))
        weights, means, covariances = gaussian_mixture.noised(*parts, 0.02)
        spread = np.sqrt(covariances[:, 0])
        exact = (
            np.exp(-0.5 * ((x[:, None] - means[:, 0]) / spread[:, 0]) ** 2)
            / np.sqrt(2 * np.pi)
            / spread[:, 0]
            @ weights
        )
        inside = exact > 1e-200
        found = np.sum(exact[inside] * np.log(exact[inside] / density[inside])) * (x[1] - x[0])
        assert found == pytest.approx(true, abs=1e-5)
        assert path_kl(Sampling(target, Scheme(grid=grid))) == pytest.approx(path, abs=1e-5)


@pytest.mark.long
def test_r5b_a_skewed_target_on_fine_grids() -> None:
    """R5b: mean bias/h is -.10492, -.10324, -.10282 at N = 320, 640, 1280."""
    for steps, value in ((320, -0.10492), (640, -0.10324), (1280, -0.10282)):
        grid = Uniform(steps, 6, 0.02)
        assert exact_errors(SKEWED, grid)[0] * steps / 5.98 == pytest.approx(value, abs=1e-4)


def test_r5b_other_targets_and_grids_are_refused() -> None:
    with pytest.raises(DomainError, match="one dimension"):
        leading_moment_errors(Sampling(Parabola()))
    with pytest.raises(DomainError, match="uniform"):
        leading_moment_errors(Sampling(SMOOTH, Scheme(grid=Exponential())))
