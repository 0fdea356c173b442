"""Training risk and optimal step sizes: R1-R6 of docs/papers/context_hijacking.md."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import assume, example, given, settings, target
from hypothesis import strategies as st
from scipy import integrate

from lemmata import DomainError
from tests.naive import context_hijacking as naive
from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import context_hijacking as strategies
from theory.context_hijacking import (
    Cone,
    DirectionalStep,
    NormalisedGaussian,
    PerDepth,
    PerLayer,
    Training,
    Tuning,
    VonMisesFisher,
    directional_excess_risk,
    excess_training_risk,
    excess_training_risk_limit,
    gradient_flow_risk,
    leading_order_excess_risk,
    leading_order_step_size,
    optimal_excess_risk,
    optimal_initial_scale,
    optimal_step_size,
    ridge_excess_risk,
)
from theory.context_hijacking.risk import BITS, TAU, TWO_OVER_PI, risk_form
from theory.context_hijacking.tuning import at_optimum

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "context_hijacking.json").read_text())
NOISE = 1 - 2 / math.pi


def rounded(value: float) -> float:
    """The risk is exact integers up to a final rounding, and the rounding of c and E rho on the way in."""
    return 16 * EPS * value


# ------------------------------------------------------------------ R1, R2: the construction


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(2, 6), st.integers(1, 4))
@settings(max_examples=share(2))
def test_r1_a_linear_transformer_is_gradient_descent(seed: int, n: int, d: int, depth: int) -> None:
    """R1: the construction's output is <w_L, x_q> with w <- w - Gamma^T X^T (X w - y), any Gamma_l and w_0."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), np.sign(rng.standard_normal(n))
    query, start = rng.standard_normal(d), rng.standard_normal(d)
    layers = list(0.1 * rng.standard_normal((depth, d, d)))
    output = naive.transformer_output(x, y, query, layers, start)
    # condition of the products: entries of w may grow by 1 + |Gamma||S| in each layer
    size = np.linalg.norm(query) * (np.linalg.norm(start) + 1)
    for gamma in layers:
        size *= 1 + np.linalg.norm(gamma) * np.linalg.norm(x) ** 2
    assert output == pytest.approx(
        naive.gradient_descent(x, y, layers, start) @ query, abs=float(64 * EPS * size)
    )


def test_r1_the_preconditioner_is_transposed() -> None:
    """R1: with Gamma in place of its transpose the output of a transformer with general Gamma is another one."""
    rng = np.random.default_rng(1)
    x, y, query, start = rng.standard_normal((7, 4)), np.ones(7), rng.standard_normal(4), np.ones(4)
    layers = list(0.1 * rng.standard_normal((3, 4, 4)))
    output = naive.transformer_output(x, y, query, layers, start)
    wrong = naive.gradient_descent(x, y, layers, start, transpose=False) @ query
    assert abs(output - wrong) > 1e-3


@given(strategies.schedules(), st.randoms(use_true_random=False))
def test_r2_the_order_of_steps_does_not_matter(model: Training, shuffler: Random) -> None:
    """R2, P5: the risk is symmetric in the step sizes; a further step of size zero changes nothing."""
    assert isinstance(model.steps, PerLayer)
    values = list(model.steps.values)
    shuffler.shuffle(values)
    risk = excess_training_risk(model)
    assert excess_training_risk(replace(model, steps=PerLayer(tuple(values)))) == risk
    longer = replace(model, depth=model.depth + 1, steps=PerLayer((*values, 0.0)))
    assert excess_training_risk(longer) == pytest.approx(risk, rel=EPS)


@given(strategies.training())
def test_r2_equal_entries_are_a_uniform_schedule(model: Training) -> None:
    """P5: the schedule (alpha, ..., alpha) has the risk of equal steps, spelt in either way."""
    risk = excess_training_risk(model)
    assert excess_training_risk(replace(model, steps=PerLayer((1.0,) * model.depth))) == risk
    assert excess_training_risk(replace(model, steps=PerDepth((model.depth,), (1.0,)))) == risk


def test_r2_unequal_steps_can_be_better() -> None:
    """R2: at n = 400, d = 20, rho = 0.05 two unequal steps gain 1.04 % over the best equal ones (c optimal in both)."""
    equal = optimal_excess_risk(Tuning(400, 20, 2, Cone(0.05), "joint"))
    unequal = risk_form(400, 20, [0.8049 / 400, 1.0594 / 400]).best_excess(0.05)
    assert equal == pytest.approx(0.0199246, abs=5e-8)
    assert unequal == pytest.approx(0.0197171, abs=5e-8)


@pytest.mark.parametrize(("n", "d", "across", "along", "rho", "c", "exact"), GOLDEN["directional"])
def test_r2_another_step_along_the_prior_is_literal_descent(
    n: int, d: int, across: float, along: float, rho: float, c: float, exact: str
) -> None:
    """R2: one preconditioned step on small prompts, averaged monomial by monomial (30 digits)."""
    model = DirectionalStep(n, d, across, along, c, Cone(rho))
    assert directional_excess_risk(model) == pytest.approx(float(exact), rel=32 * EPS)


@given(strategies.training(st.just(1)))
def test_r2_equal_directions_are_one_layer(model: Training) -> None:
    """R2: with the same step along and across, the risk is that of one layer."""
    prior = Cone(max(model.prior.mean_correlation(model.dimension), 1e-3))
    model = replace(model, prior=prior)
    step = model.step_size
    both = DirectionalStep(model.examples, model.dimension, step, step, model.initial_scale, prior)
    size = (1 + abs(model.initial_scale)) ** 2 * (1 + step * model.examples) ** 2 * (1 + model.dimension)
    assert directional_excess_risk(both) == pytest.approx(excess_training_risk(model), abs=32 * EPS * size)


@pytest.mark.parametrize(
    ("n", "d", "rho", "step", "excess", "gain"),
    [
        (100, 10, 0.95, 0.615408, 0.0238718, 0.046),
        (30, 4, 0.9, 0.703687, 0.0358413, 0.112),
        (1000, 10, 0.9, 0.964639, 0.00427724, 0.059),
    ],
)
def test_r2_no_step_along_the_prior_is_best(
    n: int, d: int, rho: float, step: float, excess: float, gain: float
) -> None:
    """R2: at c = tau rho the best step along beta* is 0, and the gain over equal directions is 5 to 11 %."""
    model = DirectionalStep(n, d, step / n, 0.0, TAU * rho, Cone(rho))
    best = directional_excess_risk(model)
    assert best == pytest.approx(excess, rel=3e-6)
    for change in (
        {"along": 0.01 / n},
        {"along": -0.01 / n},
        {"across": 1.01 * step / n},
        {"across": 0.99 * step / n},
    ):
        assert directional_excess_risk(replace(model, **change)) > best
    assert 1 - best / optimal_excess_risk(Tuning(n, d, 1, Cone(rho))) == pytest.approx(gain, abs=6e-4)


# ------------------------------------------------------------------ R3: the exact risk


@pytest.mark.parametrize(("n", "d", "steps", "rho", "c", "exact"), GOLDEN["excess"])
def test_r3_is_the_mean_of_literal_gradient_descent(
    n: int, d: int, steps: list[float], rho: float, c: float, exact: str
) -> None:
    """R3: the risk of small prompts, from the polynomial that gradient descent is in the entries of X (30 digits)."""
    model = Training(n, d, len(steps), 1.0, c, Cone(rho), PerLayer(tuple(steps)))
    assert excess_training_risk(model) == pytest.approx(float(exact), rel=16 * EPS)


@pytest.mark.parametrize(("d", "steps", "rho", "c", "exact"), GOLDEN["single"])
def test_r3_of_one_example(d: int, steps: list[float], rho: float, c: float, exact: str) -> None:
    """R3: n = 1, up to eight steps, from one-dimensional integrals over |x| (30 digits)."""
    model = Training(1, d, len(steps), 1.0, c, Cone(rho), PerLayer(tuple(steps)))
    assert excess_training_risk(model) == pytest.approx(float(exact), rel=16 * EPS)


@pytest.mark.parametrize(
    ("n", "d", "depth", "rho", "step", "c", "digits"),
    [
        (30, 10, 2, 0.8, 0.02, 0.6, 0.0955338718),
        (10, 4, 3, 0.9, 0.05, 0.7, 0.0964669288),
        (8, 12, 4, 0.7, 0.03, 0.5, 0.2691184820),
    ],
)
def test_r3_worked_values(
    n: int, d: int, depth: int, rho: float, step: float, c: float, digits: float
) -> None:
    """R3: the values on the paper's page, ten digits."""
    assert excess_training_risk(Training(n, d, depth, step, c, Cone(rho))) == pytest.approx(digits, abs=6e-11)


@given(strategies.training(st.just(1)))
@example(Training(1, 2, 1, 0.1, 0.5, Cone(0.5)))
def test_r3_one_layer_has_a_closed_form(model: Training) -> None:
    """P4: excess_1 = E2 (1 - 2 a n + a^2 n (n+d+1)) + 2 a^2 n tau (c E rho - tau) + a^2 n d (1-2/pi)."""
    n, d, a, c = model.examples, model.dimension, model.step_size, model.initial_scale
    rho = model.prior.mean_correlation(d)
    e2 = c * c - 2 * c * TAU * rho + TAU**2
    terms = (
        e2 * (1 - 2 * a * n + a * a * n * (n + d + 1)),
        2 * a * a * n * TAU * (c * rho - TAU),
        a * a * n * d * NOISE,
    )
    size = e2 * (1 + a * n) ** 2 * (1 + d) + abs(terms[1]) + terms[2]
    assert excess_training_risk(model) == pytest.approx(sum(terms), abs=32 * EPS * size)


@given(strategies.training())
def test_r3_without_steps_the_risk_is_that_of_the_start(model: Training) -> None:
    """P1: at alpha = 0 the excess is c^2 - 2 c tau E rho + tau^2, for every n, d and L."""
    rho = model.prior.mean_correlation(model.dimension)
    c = model.initial_scale
    start = (c - TAU * rho) ** 2 + TAU**2 * (1 - rho) * (1 + rho)
    assert excess_training_risk(replace(model, step_size=0.0)) == pytest.approx(start, rel=1e-12, abs=4 * EPS)


@given(strategies.schedules())
@example(Training(1, 2, 2, 0.3, 1.0, Cone(0.5), PerLayer((1.0, 0.2))))
def test_r3_is_a_positive_quadratic_form(model: Training) -> None:
    """P2: a, g >= 0, b^2 <= a g (Cauchy-Schwarz), and no scale has less risk than the best one, which is >= 0."""
    form = risk_form(model.examples, model.dimension, model.step_sizes)
    rho = model.prior.mean_correlation(model.dimension)
    assert form.a >= 0
    assert form.g >= 0
    assert form.b**2 <= form.a * form.g * (1 + 8 * EPS)
    risk, best = excess_training_risk(model), form.best_excess(rho)
    assert 0 <= best <= risk + rounded(risk)
    target(math.log(max(best, 1e-300) / max(risk, 1e-300)), label="best over given scale")
    at_best = replace(model, initial_scale=form.best_scale(rho))
    # c is rounded, which costs a c^2 eps^2 only; the sum of large terms is exact
    assert excess_training_risk(at_best) == pytest.approx(best, rel=64 * EPS)


@given(strategies.schedules(), st.floats(-1, 1))
@example(Training(1, 2, 1, 0.3, 0.0, Cone(0.5), PerLayer((0.0,))), 1e-6)
def test_r3_no_direction_of_the_start_beats_the_prior_mean(model: Training, off: float) -> None:
    """C3: moving w_0 off beta* by an orthogonal delta raises the risk by a |delta|^2 exactly.

    A start of length c' at correlation rho' = c rho / c' to the task has the same component along E[w*].
    """
    assume(model.prior.mean_correlation(model.dimension) > 0.01)
    rho = model.prior.mean_correlation(model.dimension)
    moved = math.hypot(model.initial_scale, off)
    form = risk_form(model.examples, model.dimension, model.step_sizes)
    along = form.excess(model.initial_scale, rho)
    assume(moved > 0)
    other = form.excess(moved, abs(model.initial_scale) * rho / moved * math.copysign(1, model.initial_scale))
    size = form.a * moved**2 + 2 * abs(moved * form.b) + form.g
    assert other - along == pytest.approx(form.a * off**2, abs=32 * EPS * size)


@pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0])
def test_p15_the_limit_is_approached_like_1_over_n(ratio: float) -> None:
    """P15: at fixed d/n, alpha n and L the limit minus the exact risk is O(1/n): doubling n halves it."""
    gaps = []
    for n in (40, 80, 160):
        model = Training(n, round(ratio * n), 3, 0.4 / n / (1 + ratio), 0.8 * TAU, Cone(0.8))
        gaps.append(excess_training_risk_limit(model) - excess_training_risk(model))
    assert gaps[0] / gaps[1] == pytest.approx(2, abs=0.25)
    assert gaps[1] / gaps[2] == pytest.approx(2, abs=0.12)


def test_p15_worked_differences() -> None:
    """P15: +.00281, +.00137, +.00068 at n = 40, 80, 160 (d = n/4, L = 3, alpha n = .4, rho = .8, c = tau rho)."""
    for n, gap in ((40, 0.00281), (80, 0.00137), (160, 0.00068)):
        model = Training(n, n // 4, 3, 0.4 / n, 0.8 * TAU, Cone(0.8))
        assert excess_training_risk_limit(model) - excess_training_risk(model) == pytest.approx(gap, abs=6e-6)


def test_r3_digits_are_kept_where_sums_alternate() -> None:
    """R3: at L = 24 and alpha n near 1 the terms are 10^10 times the sum; duality of n and d checks the result.

    With one example more than dimensions and the reverse, E tr p(S)^2 differs by the zero eigenvalues alone:
    n a(n, d) - d a(d, n) ... = n - d, since the nonzero spectra of X^T X and X X^T agree.
    """
    n, d, steps = 40, 25, [1 / 60] * 24
    one, other = risk_form(n, d, steps).a, risk_form(d, n, steps).a
    assert d * one == pytest.approx(n * other - (n - d), rel=1e-13)


def test_r3_steps_of_few_bits_keep_their_digits() -> None:
    """R3: without a step a = 1, b = -tau and g = tau^2, although the step has no bits at all."""
    form = risk_form(3, 2, [0.0])
    assert (form.a, form.b, form.g) == pytest.approx((1.0, -TAU, TAU**2), rel=4 * EPS)


def test_the_constant_two_over_pi() -> None:
    """2/pi to the stated number of bits, by mpmath."""
    import mpmath

    with mpmath.workprec(BITS + 40):
        exact = int(mpmath.floor(2 / mpmath.pi * mpmath.mpf(2) ** BITS))
    assert abs(TWO_OVER_PI - exact) <= 1


# ------------------------------------------------------------------ R4, R5: the optimum


@given(strategies.tuning())
@settings(max_examples=share(2))
def test_r5_no_step_size_is_better(model: Tuning) -> None:
    """R5: the optimum is global: no step of a fine grid, and no neighbour, has less risk."""
    best, step = optimal_excess_risk(model), optimal_step_size(model)
    rho = model.prior.mean_correlation(model.dimension)
    edge = 2 / (1 + math.sqrt(model.dimension / model.examples)) ** 2 / model.examples
    others = [*np.linspace(0, 1.6 * edge, 150), *(step * np.array([0.99, 0.9999, 1.0001, 1.01]))]
    for other in others:
        form = risk_form(model.examples, model.dimension, [float(other)] * model.depth)
        risk = form.best_excess(rho) if model.initialisation == "joint" else form.excess(TAU * rho, rho)
        assert best <= risk * (1 + 1e-12)


@given(strategies.tuning(st.just(1)))
def test_r5_one_layer_has_a_closed_form(model: Tuning) -> None:
    """R5: at c = tau E rho: alpha_1 = B/(B (n+d-1) + d (1-2/pi)), excess = B (1 - n alpha_1)."""
    model = replace(model, initialisation="prior_mean")
    n, d, rho = model.examples, model.dimension, model.prior.mean_correlation(model.dimension)
    b = TAU**2 * (1 - rho) * (1 + rho)
    step = b / (b * (n + d - 1) + d * NOISE)
    assert optimal_step_size(model) == pytest.approx(step, rel=1e-12)
    assert optimal_excess_risk(model) == pytest.approx(b * (1 - n * step), rel=1e-10)


@given(strategies.tuning(), st.integers(1, 3))
@settings(max_examples=share(4))
def test_p5_more_layers_of_free_steps_are_no_worse(model: Tuning, extra: int) -> None:
    """P5: the best equal steps of depth L, padded with steps of zero, are a schedule of depth L + extra."""
    best = at_optimum(model)
    values = (1.0,) * model.depth + (0.0,) * extra
    padded = replace(best, depth=model.depth + extra, steps=PerLayer(values))
    assert excess_training_risk(padded) == pytest.approx(excess_training_risk(best), rel=4 * EPS)


@given(strategies.tuning())
@settings(max_examples=share(4))
def test_r4_joint_tuning_is_no_worse(model: Tuning) -> None:
    """R4: tuning c as well cannot raise the risk; c = tau E rho is what 'prior_mean' says."""
    mean, joint = (replace(model, initialisation=mode) for mode in ("prior_mean", "joint"))
    assert optimal_excess_risk(joint) <= optimal_excess_risk(mean) * (1 + 1e-12)
    assert optimal_initial_scale(mean) == TAU * model.prior.mean_correlation(model.dimension)
    form = risk_form(model.examples, model.dimension, at_optimum(joint).step_sizes)
    assert optimal_initial_scale(joint) == form.best_scale(model.prior.mean_correlation(model.dimension))


@pytest.mark.parametrize(
    ("n", "d", "rho", "products"),
    [
        (1000, 10, 0.9, {1: 0.9637, 2: 1.7571, 3: 2.1682, 4: 2.4316, 6: 2.7460, 8: 2.9260}),
        (40, 20, 0.995, {1: 0.0332, 2: 0.0337, 3: 0.0339, 4: 0.0339, 6: 0.0340, 8: 0.0340}),
        (
            400,
            20,
            0.9,
            {1: 0.8357, 2: 1.4025, 3: 1.6017, 4: 1.7214, 6: 1.8543, 8: 1.9260, 16: 2.041, 24: 2.081},
        ),
    ],
)
def test_r5_worked_steps(n: int, d: int, rho: float, products: dict[int, float]) -> None:
    """R5: alpha n L at the joint optimum, the table on the paper's page."""
    for depth, product in products.items():
        step = optimal_step_size(Tuning(n, d, depth, Cone(rho), "joint"))
        assert step * n * depth == pytest.approx(product, abs=6e-5 if depth <= 8 else 6e-4)


@pytest.mark.parametrize(
    ("depth", "scale", "excess"),
    [(1, 0.54, None), (2, 0.18, None), (3, -13.03, 0.0009946), (6, -50.54, 0.0010269)],
)
def test_r4_the_best_scale_can_be_far_from_the_prior_mean(
    depth: int, scale: float, excess: float | None
) -> None:
    """R4: n = 1000, d = 3, rho = 0.9: the exact joint optimum uses the forgotten start as a control variate."""
    model = Tuning(1000, 3, depth, Cone(0.9), "joint")
    assert optimal_initial_scale(model) == pytest.approx(scale, abs=6e-3)
    if excess is not None:
        assert optimal_excess_risk(model) == pytest.approx(excess, abs=6e-8)


def test_r5_random_priors_enter_through_their_mean() -> None:
    """R3, R5: a random rho has the risk and the optimum of the cone at its mean; steps of Fig. 2 at d = 20."""
    for n, step, wide in ((10, 0.000806, 0.00626), (30, 0.000793, 0.00556), (50, 0.000781, 0.00501)):
        prior = NormalisedGaussian(0.1)
        assert optimal_step_size(Tuning(n, 20, 1, prior)) == pytest.approx(step, abs=6e-7)
        assert optimal_step_size(Tuning(n, 20, 1, NormalisedGaussian(math.sqrt(0.1)))) == pytest.approx(
            wide, abs=6e-6
        )
        cone = Cone(prior.mean_correlation(20))
        assert optimal_step_size(Tuning(n, 20, 3, prior)) == optimal_step_size(Tuning(n, 20, 3, cone))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_r5_leading_order(depth: int) -> None:
    """R5: alpha n -> 1 - q^(1/L) and excess -> B v/(B+v) as d/n -> 0 at a fixed B/v."""
    gaps = []
    for n in (10**3, 10**5):
        # 1 - rho^2 proportional to d/n keeps q
        model = Tuning(n, 10, depth, Cone(math.sqrt(1 - 20 / n)))
        gaps.append(
            (
                abs(optimal_step_size(model) / leading_order_step_size(model) - 1),
                abs(optimal_excess_risk(model) / leading_order_excess_risk(model) - 1),
            )
        )
    # the remainder is of order d/n, up to a moderate factor
    assert max(gaps[1]) <= 5e-4
    assert max(gaps[1]) <= 0.05 * max(gaps[0])


def test_r5_the_optimal_step_in_far_more_dimensions_than_examples() -> None:
    """R5, n << d: S = d on the examples' span, where 1 - (1 - alpha d)^L = B/(1 - tau^2 rho^2); slopes overflow."""
    depth, rho = 32, 0.5
    learned = TAU**2 * (1 - rho**2) / (1 - TAU**2 * rho**2)
    step = optimal_step_size(Tuning(100, 10**15, depth, Cone(rho)))
    assert step * 1e15 == pytest.approx(-math.expm1(math.log1p(-learned) / depth), rel=1e-9)


def test_a_certain_prior_leaves_nothing_to_learn() -> None:
    """R5: rho = 1: no step at all is best, at every depth."""
    for initialisation in ("prior_mean", "joint"):
        model = Tuning(10, 5, 3, Cone(1.0), initialisation)
        assert (optimal_step_size(model), optimal_excess_risk(model)) == (0.0, 0.0)
        assert optimal_initial_scale(model) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-15)
    assert leading_order_step_size(Tuning(10, 5, 3, Cone(1.0))) == 0.0
    assert ridge_excess_risk(Tuning(10, 5, 3, Cone(1.0))) == 0.0


# ------------------------------------------------------------------ R5, R6: limits


def spectral_integral(
    n: int, d: int, kept: Callable[[float], float], learned: Callable[[float], float], start: float
) -> float:
    """E2 int p^2 dmu + v int (1-p)^2/t dmu by adaptive quadrature over the Marchenko-Pastur density and its atom."""
    ratio = d / n
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2

    def integrand(angle: float) -> float:
        t = 1 + ratio + 2 * math.sqrt(ratio) * math.cos(angle)
        density = 2 * math.sin(angle) ** 2 / math.pi  # of t dmu
        return density * (start * kept(t) ** 2 / t + NOISE * ratio * learned(t) ** 2)

    assert 0 <= low < high
    atom = max(0.0, 1 - 1 / ratio)
    return integrate.quad(integrand, 0, math.pi, epsabs=1e-13, limit=500)[0] + start * atom


@pytest.mark.parametrize(("n", "d"), [(40, 10), (40, 160), (50, 45), (200, 2)])
def test_r5_r6_limits_are_integrals_over_the_marchenko_pastur_law(n: int, d: int) -> None:
    """R5, R6: Gauss-Chebyshev sums and the closed form of ridge against the density, its atom included."""
    model = Training(n, d, 5, 0.1 / n, 0.3, Cone(0.8))
    start = 0.09 - 0.6 * TAU * 0.8 + TAU**2
    uncertainty = TAU**2 * 0.36
    delta = NOISE * d / n / uncertainty
    gd = spectral_integral(n, d, lambda t: (1 - 0.1 * t) ** 5, lambda t: (1 - (1 - 0.1 * t) ** 5) / t, start)
    flow = spectral_integral(n, d, lambda t: math.exp(-0.5 * t), lambda t: -math.expm1(-0.5 * t) / t, start)
    ridge = spectral_integral(n, d, lambda t: delta / (t + delta), lambda t: 1 / (t + delta), uncertainty)
    assert excess_training_risk_limit(model) == pytest.approx(gd, rel=1e-11)
    assert gradient_flow_risk(model) == pytest.approx(flow, rel=1e-11)
    assert ridge_excess_risk(Tuning(n, d, 1, Cone(0.8))) == pytest.approx(ridge, rel=1e-11)


@given(st.integers(1, 200), st.integers(2, 400), strategies.cones, st.floats(0.01, 100))
@settings(max_examples=share(2))
def test_r5_many_small_steps_are_the_flow(n: int, d: int, prior: Cone, time: float) -> None:
    """R5: L steps of size T/(n L) tend to the flow of time T like 1/L."""
    deep = Training(n, d, 4000, time / (4000 * n), 0.5, prior)
    flow = gradient_flow_risk(deep)
    # p = (1 - x/L)^L = exp(-x) (1 - x^2/(2L) + ...) with x <= T (1 + sqrt(d/n))^2
    largest = time * (1 + math.sqrt(d / n)) ** 2
    assume(largest < 800)
    assert excess_training_risk_limit(deep) == pytest.approx(flow, rel=4 * (1 + largest) ** 2 / 4000 + 1e-12)


@given(strategies.tuning())
@settings(max_examples=share(4))
def test_r6_no_filter_beats_ridge_in_the_limit(model: Tuning) -> None:
    """R6: ridge minimises the limiting risk pointwise in the spectrum: no gradient descent is below it."""
    model = replace(model, initialisation="prior_mean")
    limit = excess_training_risk_limit(at_optimum(model))
    ridge = ridge_excess_risk(model)
    target(ridge / limit, label="ridge over gradient descent")
    assert ridge <= limit * (1 + 1e-11)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("build", "parameter"),
    [
        (lambda: Cone(0.0), "correlation"),
        (lambda: Cone(1.1), "correlation"),
        (lambda: NormalisedGaussian(0.0), "spread"),
        (lambda: VonMisesFisher(-1.0), "concentration"),
        (lambda: Training(0, 3, 1, 0.1, 0.5, Cone(0.5)), "examples"),
        (lambda: Training(3, 1, 1, 0.1, 0.5, Cone(0.5)), "dimension"),
        (lambda: Training(3, 3, 1.5, 0.1, 0.5, Cone(0.5)), "depth"),  # type: ignore[arg-type]
        (lambda: Training(3, 3, -1, 0.1, 0.5, Cone(0.5)), "depth"),
        (lambda: Training(3, 3, 1, -0.1, 0.5, Cone(0.5)), "step_size"),
        (lambda: Training(3, 3, 1, math.nan, 0.5, Cone(0.5)), "step_size"),
        (lambda: Training(3, 3, 2, 0.1, 0.5, Cone(0.5), PerLayer((1.0,))), "steps.values"),
        (lambda: Training(3, 3, 2, 0.1, 0.5, Cone(0.5), PerDepth((1, 4), (1.0, 1.0))), "depth"),
        (lambda: PerDepth((2, 1), (1.0, 1.0)), "depths"),
        (lambda: PerDepth((1, 2), (1.0,)), "values"),
        (lambda: excess_training_risk(Training(3, 3, 65, 0.1, 0.5, Cone(0.5))), "depth"),
        (lambda: optimal_step_size(Tuning(3, 3, 65, Cone(0.5))), "depth"),
        (lambda: excess_training_risk(Training(3, 3, 60, 1e6, 0.5, Cone(0.5))), "step_size"),
    ],
)
def test_bad_input_is_one_clear_error(build: Callable[[], object], parameter: str) -> None:
    """What lies outside a domain, or beyond the range of floats, is refused by name."""
    with pytest.raises(DomainError) as error:
        build()
    assert error.value.parameter == parameter


def test_one_example_and_two_dimensions_are_no_exception() -> None:
    """R3: n = 1 and d = 2 need no special form: excess of finite value at every depth."""
    for n, d, depth in itertools.product((1, 2), (2, 3), (1, 2, 7)):
        assert 0 < optimal_excess_risk(Tuning(n, d, depth, Cone(0.7), "joint")) < TAU**2
