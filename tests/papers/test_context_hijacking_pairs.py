"""Small differences on common draws, and where unequal steps begin to pay: R2, R4, R12 of the paper's page."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special, stats

from simulations.context_hijacking import sample_hijack, sample_training_mean
from theory.context_hijacking import (
    Cone,
    Depths,
    Fixed,
    PerDepth,
    PerLayer,
    Training,
    Tuning,
    excess_training_risk,
    hijack_error,
    optimal_initial_scale,
    optimal_step_size,
)
from theory.context_hijacking.risk import TAU, risk_form
from theory.context_hijacking.thresholds import trained
from theory.numerics.wishart_moments import moments

ALPHA = 1e-6  # of each test, for all that it compares


def _excess(model: Training, trials: int) -> npt.NDArray[np.float64]:
    """Excess risks of drawn prompts, the same prompts for every transformer."""
    axes = {"depth": model.depth, "step_size": model.step_size, "initial_scale": model.initial_scale}
    arrays: Any = {name: np.array([value]) for name, value in axes.items()}
    drawn = sample_training_mean(model, np.random.default_rng(31), trials, **arrays)
    return drawn["excess"].reshape(trials)


def _assert_gain(better: Training, worse: Training, trials: int) -> None:
    """On common prompts the difference is positive, and the exact one; two tests."""
    gain = _excess(worse, trials) - _excess(better, trials)
    error = float(gain.std()) / math.sqrt(trials)
    exact = excess_training_risk(worse) - excess_training_risk(better)
    quantile = special.ndtri(1 - ALPHA / 4)
    assert exact > 0
    assert gain.mean() > quantile * error
    assert abs(gain.mean() - exact) < quantile * error


def test_c2_unequal_steps_gain_on_common_prompts() -> None:
    """R2, C2: at (400, 20, 0.05) steps of .8049/n and 1.0594/n have 1.04 % less risk than the best equal ones."""
    tuning = Tuning(400, 20, 2, Cone(0.05), "joint")
    equal = Training(
        400,
        20,
        2,
        optimal_step_size(tuning),
        optimal_initial_scale(tuning),
        tuning.prior,
        PerLayer((1.0, 1.0)),
    )
    scale = risk_form(400, 20, [0.8049 / 400, 1.0594 / 400]).best_scale(0.05)
    unequal = replace(equal, step_size=1 / 400, initial_scale=scale, steps=PerLayer((0.8049, 1.0594)))
    _assert_gain(unequal, equal, 2**15)


def test_c4_a_scale_of_minus_13_gains_on_common_prompts() -> None:
    """R4, C4: at (1000, 3, 0.9) and three layers the joint optimum, c = -13.03, beats the best step at c = tau rho."""
    joint, usual = Tuning(1000, 3, 3, Cone(0.9), "joint"), Tuning(1000, 3, 3, Cone(0.9))
    best, other = (
        Training(1000, 3, 3, optimal_step_size(tuning), optimal_initial_scale(tuning), tuning.prior)
        for tuning in (joint, usual)
    )
    assert best.initial_scale == pytest.approx(-13.03, abs=0.01)
    assert other.initial_scale == pytest.approx(TAU * 0.9)
    _assert_gain(best, other, 2**15)


@pytest.mark.parametrize(
    ("model", "hijackers", "deeper_is_worse"),
    [
        (Depths(1000, 10, Cone(0.9), Fixed(0.5)), 32, True),
        (Depths(40, 20, Cone(0.995), Fixed(0.2)), 16, False),
    ],
)
def test_c12_depth_reverses_on_a_million_common_queries(
    model: Depths, hijackers: int, deeper_is_worse: bool
) -> None:
    """R12, C12: McNemar's test of one layer against eight, and both exact errors, at 2^20 queries; three tests."""
    tuned = [trained(model.tuned_hijack(depth), hijackers) for depth in (1, 8)]
    both = replace(
        tuned[0], step_size=1.0, steps=PerDepth((1, 8), tuple(hijack.step_size for hijack in tuned))
    )
    axes: Any = {"hijackers": np.array([hijackers]), "depth": np.array([1, 8]), "step_size": np.array([1.0])}
    drawn = sample_hijack(both, np.random.default_rng(32), 2**20, **axes)["error"].reshape(2**20, 2)
    wrong = drawn.astype(bool)
    for answers, hijack in zip(wrong.T, tuned, strict=True):
        assert stats.binomtest(int(answers.sum()), 2**20, hijack_error(hijack)).pvalue > ALPHA / 3
    only_deep, only_shallow = (wrong[:, 1] & ~wrong[:, 0]).sum(), (wrong[:, 0] & ~wrong[:, 1]).sum()
    worse = int(only_deep if deeper_is_worse else only_shallow)
    test = stats.binomtest(worse, int(only_deep + only_shallow), 0.5, alternative="greater")
    assert test.pvalue < ALPHA / 3


def _discriminant(n: int, d: int, rho: float) -> float:
    """p_1^2 - 4 p_2 of the best filter 1 + p_1 t + p_2 t^2 at c = tau rho, t = eigenvalue/n: two real steps if > 0.

    R3 with free coefficients: a quadratic form in (p_1, p_2), in exact moments and 40 digits.
    """
    import mpmath

    with mpmath.workdps(40):
        known = moments(n, d, 4)
        tau = mpmath.sqrt(2 / mpmath.pi)
        c = tau * rho
        m = [mpmath.mpf(known.power[k]) / n**k for k in range(5)]
        f = [tau * mpmath.mpf(known.mixed[k]) / n**k for k in range(4)]
        h = [
            (tau**2 * known.along[k] + (1 - tau**2) * known.power[k] * mpmath.mpf(d) / n) / mpmath.mpf(n) ** k
            for k in range(4)
        ]

        def pair(j: int, k: int) -> Any:
            return c * c * m[j + k] - 2 * c * rho * f[j + k - 1] + h[j + k - 1]

        form = mpmath.matrix([[pair(j, k) for k in (1, 2)] for j in (1, 2)])
        linear = mpmath.matrix(
            [c * c * m[k] - c * rho * (f[k - 1] + tau * m[k]) + tau * f[k - 1] for k in (1, 2)]
        )
        p = mpmath.lu_solve(form, -linear)
        return float(p[0] ** 2 - 4 * p[1])


@pytest.mark.parametrize(
    ("n", "d", "exact"),
    [
        (2000, 20, 0.684),
        (20_000, 20, 0.807),
        (100_000, 20, 0.927),
        (10**6, 20, 0.991),
        (1000, 10, 0.746),
        (20_000, 200, 0.649),
        (10**7, 1000, 0.656),
    ],
)
def test_r2_unequal_steps_pay_below_a_threshold_of_the_prior(n: int, d: int, exact: float) -> None:
    """R2: the best quadratic filter has real roots iff rho < rho_switch; the formula is right to 0.01."""
    assert _discriminant(n, d, exact - 6e-4) > 0 > _discriminant(n, d, exact + 6e-4)
    formula = math.sqrt(1 - (math.pi / 2 - 1) / (1 + n / (4 * d**3)))
    assert formula == pytest.approx(exact, abs=0.01)
