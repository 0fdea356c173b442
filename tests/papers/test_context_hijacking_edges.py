"""Where the results on context hijacking end: divergence, overshoot, the range of floats; each refused by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lemmata import DomainError
from lemmata.cli import main
from theory.context_hijacking import (
    CleanContext,
    Cone,
    Depths,
    DirectionalStep,
    Dose,
    Fixed,
    Hijack,
    MixedContext,
    NormalisedGaussian,
    PerLayer,
    Query,
    Training,
    VonMisesFisher,
    clean_accuracy,
    contraction,
    critical_hijackers,
    depth_gain,
    depth_helps,
    directional_excess_risk,
    excess_training_risk,
    excess_training_risk_limit,
    gradient_flow_risk,
    half_error_hijackers,
    hijack_error,
    hijack_error_limit,
    mean_contraction,
    mixed_context_deviation,
    mixed_context_margin,
)
from theory.context_hijacking.limits import residual_share
from theory.context_hijacking.remarks import overshoots

CONE, MARGIN = Cone(0.9), Fixed(0.5)
TRAINING = Training(30, 10, 2, 0.02, 0.6, CONE)
HIJACK = Hijack(32, 10, 2, 0.001, 0.7, CONE, MARGIN)
MIXED = MixedContext(10, 10, 20, 2, 0.15, 0.7, CONE, MARGIN)


@pytest.mark.parametrize(
    ("build", "parameter"),
    [
        (lambda: Cone(math.nan), "correlation"),
        (lambda: Cone(-0.5), "correlation"),
        (lambda: NormalisedGaussian(1e-5), "spread"),
        (lambda: VonMisesFisher(1e9), "concentration"),
        (lambda: replace(HIJACK, dimension=1), "dimension"),
        (lambda: replace(HIJACK, steps=PerLayer((1.0,))), "steps.values"),
        (lambda: PerLayer(()), "values"),
        (lambda: excess_training_risk_limit(replace(TRAINING, step_size=1e100)), "step_size"),
        (lambda: excess_training_risk_limit(replace(TRAINING, initial_scale=1e200)), "step_size"),
        (lambda: gradient_flow_risk(replace(TRAINING, step_size=1e100)), "step_size"),
        (lambda: directional_excess_risk(DirectionalStep(100, 10, 1e200, 0.0, 0.7, CONE)), "across"),
        (lambda: hijack_error(replace(HIJACK, step_size=1e308)), "step_size"),
        (lambda: contraction(Dose(1000, 10, CONE, 1e300, 1 / 3)), "dose"),
        (lambda: depth_gain(Depths(1000, 10, Cone(1.0), MARGIN)), "prior"),
        (lambda: depth_gain(Depths(1000, 10, VonMisesFisher(0.0), MARGIN)), "prior"),
        (lambda: clean_accuracy(CleanContext(160, 20, 4, 0.02, 0.79, CONE)), "step_size"),
        (lambda: mixed_context_margin(MIXED), "hijackers"),
        (lambda: mixed_context_deviation(MIXED), "hijackers"),
    ],
)
def test_bad_input_is_one_clear_error(build: Callable[[], object], parameter: str) -> None:
    """No overflow, no NaN and no value of the wrong regime leaves the theory."""
    with pytest.raises(DomainError) as error:
        build()
    assert error.value.parameter == parameter


def test_r3_beyond_stability_the_risk_is_large_and_exact() -> None:
    """One layer of alpha n = 30 has the risk of the closed form; its limit at fixed d/n agrees to O(1/n)."""
    model = replace(TRAINING, depth=1, step_size=1.0)
    n, d, c, tau = 30, 10, 0.6, math.sqrt(2 / math.pi)
    start = c * c - 2 * c * tau * 0.9 + tau * tau
    closed = start * (1 - 2 * n + n * (n + d + 1)) + 2 * n * tau * (c * 0.9 - tau) + n * d * (1 - tau * tau)
    assert excess_training_risk(model) == pytest.approx(closed, rel=1e-14)
    assert excess_training_risk_limit(model) == pytest.approx(closed, rel=1 / n)


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_r13_a_rate_at_the_edge_of_the_domain_has_the_limits_error(depth: int) -> None:
    model = replace(HIJACK, depth=depth, step_size=3e248)
    assert hijack_error(model) == pytest.approx(hijack_error_limit(model), abs=1e-13)


def test_r15_margins_hold_up_to_the_edge_of_divergence() -> None:
    """At 0.001 of diverging hijackers the restricted mean is the average of R15's integrand over drawn r^2."""
    model = replace(MIXED, examples=100, hijackers=2, step_size=0.0104)
    square = np.random.default_rng(8).chisquare(19, 2**20)
    total = 100 + 2 * square
    share = np.mean(model.step_size * total >= 2)
    assert 0 < share < 1e-3
    square, total = (values[model.step_size * total < 2] for values in (square, total))
    kept, hijacked = (1 - 1.04) ** 2, (1 - model.step_size * total) ** 2
    clean = 0.5 * (kept * 0.7 * 0.9 + (1 - kept) * math.sqrt(2 / math.pi))
    margins = clean - (1 - hijacked) * 2 * square / total
    standard_error = np.std(margins) / math.sqrt(len(margins))
    assert abs(np.mean(margins) - mixed_context_margin(model)) < 4 * standard_error


def test_r15_layers_without_steps_leave_the_prior() -> None:
    """Steps of zero: w_0 = c beta*, margin s c rho on average, deviation c sqrt(1 - rho^2)."""
    model = replace(MIXED, steps=PerLayer((0.0, 0.0)))
    assert mixed_context_margin(model) == pytest.approx(0.5 * 0.7 * 0.9, rel=1e-12)
    assert mixed_context_deviation(model) == pytest.approx(0.7 * math.sqrt(1 - 0.81), rel=1e-12)


def test_r12_margins_that_no_hijacker_overcomes_are_labelled() -> None:
    """kappa_c < 0: above q, where `depth_gain` refuses and N50 is infinite at every depth."""
    model = Depths(1000, 10, CONE, Fixed(3.0))
    assert depth_helps(model) > residual_share(model)
    with pytest.raises(DomainError):
        depth_gain(model)
    assert half_error_hijackers(model.tuned_hijack(8)) == math.inf


def test_r10_large_margins_flip_only_when_steps_overshoot() -> None:
    """s c rho >= 1: no hijacker flips the answer while kappa is in [0, 1]; an odd depth gives way far beyond."""
    query = Query(3, 0.001, 0.7, 0.9, 2.0, 0.5, 12.0)
    assert critical_hijackers(query) == math.inf
    lift, lean = 2.0 * 0.7 * 0.9, 1 + 0.7 * math.sqrt(0.19) * 0.5
    kappas = (1 - 0.001 * 12.0 * np.arange(1000)) ** 3
    margins = lift - 1 + kappas * lean
    assert np.all(margins[kappas >= 0] > 0)
    assert margins[-1] < 0


@pytest.mark.parametrize("prior", [NormalisedGaussian(1e-4), VonMisesFisher(1e8)])
@pytest.mark.parametrize("dimension", [2, 20, 1000, 1001, 1_000_000])
def test_the_most_concentrated_priors_keep_their_digits(
    prior: NormalisedGaussian | VonMisesFisher, dimension: int
) -> None:
    """1 - E rho is (d-1)/(2 k) - (d-1)(d-3)/(8 k^2) for k large beside d; with delta^2 = d/s0^2 in place of k."""
    size = dimension / 1e-8 if isinstance(prior, NormalisedGaussian) else 1e8
    expected = (dimension - 1) / (2 * size) * (1 - (dimension - 3) / (4 * size))
    assert 1 - prior.mean_correlation(dimension) == pytest.approx(expected, rel=1e-4)
    rho, weights = map(np.asarray, prior.correlations(dimension))
    assert weights @ (1 - rho) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("steps", ["0.01", "0.05", "0.01,0.05"])
def test_predict_says_where_steps_are_beyond_stability(
    steps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """R3 beyond 2/(sqrt n + sqrt d)^2 = 0.0115: the value is exact and huge, and carries a remark."""
    model = "examples=100 dimension=10 depth=4 initial_scale=0.7 prior.kind=cone prior.correlation=0.9"
    assert not main(
        ["predict", "context_hijacking.excess_training_risk", f"step_size={steps}", *model.split()]
    )
    assert ("beyond stability" in capsys.readouterr().out) == ("0.05" in steps)


def test_remarks_say_where_steps_overshoot() -> None:
    """R13: a remark from an overshoot of one hijacker in a thousand on."""
    model = Hijack(10, 5, 2, 1e-3, 0.7, Cone(0.9), Fixed(0.3))
    assert overshoots(model) == ""
    assert "overshoot" in overshoots(replace(model, hijackers=200))


SIZES = Hijack(1, 20, 4, 0.01, 0.3, Cone(0.5), Fixed(1.0))


@pytest.mark.parametrize(
    ("function", "model", "parameter"),
    [
        (hijack_error, replace(SIZES, dimension=10**12), "dimension"),
        (hijack_error, replace(SIZES, depth=10**15), "depth"),
        (hijack_error, replace(SIZES, prior=NormalisedGaussian(5e-4), initial_scale=1e300), "initial_scale"),
        (mean_contraction, replace(SIZES, depth=10**15), "depth"),
        (mean_contraction, replace(SIZES, depth=1025, steps=PerLayer((1.0, 2.0) * 512 + (1.0,))), "depth"),
        (excess_training_risk, Training(20, 5, 10**15, 0.01, 0.3, Cone(0.5)), "depth"),
        (excess_training_risk_limit, Training(20, 5, 10**15, 0.01, 0.3, Cone(0.5)), "depth"),
    ],
)
def test_sizes_beyond_what_can_be_computed_are_refused_by_name(
    function: Callable[[Hijack | Training], float], model: Hijack | Training, parameter: str
) -> None:
    """Depth, dimension and scale beyond digits, memory or patience: one line at once, and no search for memory."""
    with pytest.raises(DomainError, match=f"^{parameter} = ") as caught:
        function(model)
    assert len(str(caught.value)) < 200


def test_r8_mean_contractions_of_deep_transformers() -> None:
    """E (1 - x r^2/L)^L is E e^(-x r^2) (1 - x^2 r^4/(2 L)) to second order in 1/L, r^2 a chi-squared number."""
    freedom, dose, depth = 19, 0.01, 4096
    flow = (1 + 2 * dose) ** (-freedom / 2)
    fourth = freedom * (freedom + 2) / (1 + 2 * dose) ** 2  # of r under the tilted law
    deep = mean_contraction(replace(SIZES, depth=depth, step_size=dose / depth))
    assert deep == pytest.approx(flow * (1 - dose**2 * fourth / (2 * depth)), rel=1e-8)


def test_r8_mean_contractions_of_equal_steps_are_those_of_their_list() -> None:
    """Binary splitting of a sum of simple ratios against elementary symmetric polynomials of the same steps."""
    listed = replace(SIZES, depth=30, steps=PerLayer((1.0,) * 30))
    apart = replace(SIZES, depth=31, steps=PerLayer((1.0,) * 30 + (1e-300,)))  # a second step: the other sum
    assert mean_contraction(listed) == mean_contraction(apart)
    assert mean_contraction(replace(SIZES, depth=30)) == mean_contraction(listed)


def test_depths_that_no_list_holds_are_those_of_the_flow() -> None:
    """A million layers and 10^15 with the same total step, beside gradient flow."""
    deep = Training(20, 5, 10**6, 1e-7, 0.3, Cone(0.5))
    flow = gradient_flow_risk(replace(deep, depth=10**15, step_size=1e-16))
    assert excess_training_risk_limit(deep) == pytest.approx(flow, rel=1e-7)
    contexts = [CleanContext(20, 5, depth, 0.1 / depth, 0.3, Cone(0.5)) for depth in (10**6, 10**15)]
    assert clean_accuracy(contexts[0]) == pytest.approx(clean_accuracy(contexts[1]), rel=1e-6)
    assert clean_accuracy(contexts[0]) != clean_accuracy(replace(contexts[0], depth=10))
