"""Worked values beside the published statements: the paper's step, weak priors, lengths of prompts: R2, R5, R8, R14."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lemmata import DomainError
from theory.context_hijacking import (
    Cone,
    Fixed,
    Hijack,
    Training,
    TunedHijack,
    Tuning,
    Uniform,
    excess_training_risk,
    hijack_error,
    mean_contraction,
    optimal_excess_risk,
    optimal_schedule,
    optimal_schedule_excess_risk,
    optimal_step_size,
    switch_correlation,
)
from theory.context_hijacking.risk import TAU, risk_form
from theory.context_hijacking.thresholds import trained


def _published_step(depth: int) -> float:
    """log(n/d)/(2 n L) at n = 1000, d = 10."""
    return math.log(100) / (2 * 1000 * depth)


@pytest.mark.parametrize(
    ("depth", "excess"), [(1, 0.2421), (2, 0.003867), (3, 0.003585), (4, 0.003589), (8, 0.003817)]
)
def test_r5_the_published_step_trains_shallow_transformers_badly(depth: int, excess: float) -> None:
    """R5: alpha = log(n/d)/(2 n L), c = tau, at (1000, 10, 0.9): alpha n = 2.30 diverges at one layer."""
    model = Training(1000, 10, depth, _published_step(depth), TAU, Cone(0.9))
    assert excess_training_risk(model) == pytest.approx(excess, rel=3e-4)


def test_r12_the_published_step_gives_the_published_order() -> None:
    """R12: with that step alpha L is held fixed, and deeper transformers look more robust (N = 32, s = 0.5)."""
    depths, errors = (1, 2, 3, 4, 6, 8), (0.8151, 0.7464, 0.7204, 0.7070, 0.6934, 0.6866)
    for depth, error in zip(depths, errors, strict=True):
        model = Hijack(32, 10, depth, _published_step(depth), TAU, Cone(0.9), Fixed(0.5))
        assert hijack_error(model) == pytest.approx(error, abs=6e-5)


@pytest.mark.parametrize(
    ("dimension", "rho", "depth", "steps"),
    [
        (20, 0.3, 3, {5: 0.014708, 10: 0.014972, 20: 0.014857}),
        (30, 0.5, 2, {10: 0.011658, 20: 0.011736, 30: 0.011723, 40: 0.011089}),
        (20, 0.995, 1, {10: 0.000852, 30: 0.000838, 50: 0.000824}),
    ],
)
def test_r5_steps_that_hardly_depend_on_the_number_of_examples(
    dimension: int, rho: float, depth: int, steps: dict[int, float]
) -> None:
    """R5, C5, C6: few examples; for weak priors with n < d the step even rises."""
    for n, step in steps.items():
        assert optimal_step_size(Tuning(n, dimension, depth, Cone(rho))) == pytest.approx(step, abs=6e-7)


@pytest.mark.parametrize(
    ("n", "d", "rho", "products"),
    [
        (40, 30, 0.5, (0.4356, 0.4436, 0.3215)),
        (200, 30, 0.5, (0.7942, 0.8145, 0.7066)),
    ],
)
def test_c6_two_layers_can_take_larger_steps_than_one(
    n: int, d: int, rho: float, products: tuple[float, ...]
) -> None:
    """R5, C6: alpha n at one, two and three layers."""
    for depth, product in enumerate(products, 1):
        assert optimal_step_size(Tuning(n, d, depth, Cone(rho))) * n == pytest.approx(product, abs=6e-5)


@pytest.mark.parametrize(
    ("depth", "errors"),
    [
        (1, (0.9937, 0.9902, 0.9798, 0.9413, 0.8090, 0.5586)),
        (4, (0.9902, 0.9877, 0.9815, 0.9636, 0.9083, 0.7652)),
    ],
)
def test_r14_longer_training_prompts_are_more_robust(depth: int, errors: tuple[float, ...]) -> None:
    """R14, C11: (d, rho, s, N) = (20, .95, .3, 6) at n = 10, 20, ..., 320; the two depths cross between 20 and 40."""
    for k, error in enumerate(errors):
        model = TunedHijack(10 * 2**k, 20, depth, Cone(0.95), Fixed(0.3))
        assert hijack_error(trained(model, 6)) == pytest.approx(error, abs=6e-5)


def test_r2_three_unequal_steps() -> None:
    """R2: (40, 20, 0.05) at three layers: .2008793 with equal steps, .2002168 with (.3325, .670, .670)/n."""
    assert optimal_excess_risk(Tuning(40, 20, 3, Cone(0.05), "joint")) == pytest.approx(0.2008793, abs=6e-8)
    form = risk_form(40, 20, [0.3325 / 40, 0.670 / 40, 0.670 / 40])
    assert form.best_excess(0.05) == pytest.approx(0.2002168, abs=6e-8)


def test_r8_the_identity_of_uniform_margins_ends_where_the_threshold_leaves_the_range() -> None:
    """R8: kappa near 1: the linear identity gives .4028, the exact error .4185 is above it."""
    model = Hijack(100, 20, 4, 0.0006, 0.75, Cone(0.99), Uniform(3.0))
    linear = (1 - mean_contraction(model)) / (0.99 * 0.75 * 3)
    values = sorted((linear, hijack_error(model)))
    assert values == pytest.approx([0.4028, 0.4185], abs=6e-5)
    assert values[0] == linear


@pytest.mark.parametrize(
    ("n", "d", "rho", "steps", "excess"),
    [
        (400, 20, 0.05, (0.8049, 1.0594), 0.0197171),
        (1000, 10, 0.2, (0.868, 1.022), 0.0036462),
        (40, 20, 0.05, (0.3325, 0.670, 0.670), 0.2002168),
        (400, 20, 0.9, (0.7013, 0.7013), 0.0168624),
    ],
)
def test_r2_best_real_schedules(n: int, d: int, rho: float, steps: tuple[float, ...], excess: float) -> None:
    """R2: unequal steps below rho_switch, equal ones above, with the digits of the paper's page."""
    model = Tuning(n, d, len(steps), Cone(rho), "joint")
    assert optimal_schedule(model) * n == pytest.approx(steps, abs=6e-4)
    assert optimal_schedule_excess_risk(model) == pytest.approx(excess, abs=6e-8)
    is_equal = optimal_schedule_excess_risk(model) == optimal_excess_risk(model)
    assert is_equal == (rho > switch_correlation(model))
    with pytest.raises(DomainError, match="depth"):
        optimal_schedule(replace(model, depth=5))


@pytest.mark.parametrize(
    ("n", "d", "switch"), [(2000, 20, 0.680), (20_000, 20, 0.805), (1000, 10, 0.737), (10**7, 1000, 0.656)]
)
def test_r2_switch_of_the_prior(n: int, d: int, switch: float) -> None:
    """R2: rho_switch, as on the paper's page."""
    assert switch_correlation(Tuning(n, d, 2, Cone(0.5))) == pytest.approx(switch, abs=1e-3)
