"""What demonstrations compute by themselves, held to theory, to integration or to a literal descent."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from classroom.ar_diffusion import ellipse
from classroom.attention_memorization import TWO_PARTS, layer, on_tokens, regression_noise_part
from classroom.cnn_rank import FEATURES, FEW, WINNERS, competition, loss_along, rank_along, signals, starts
from classroom.context_hijacking import DIMENSION, MARGIN, RADIUS, Prompt, boundary, descent, typical_margin
from classroom.rlvr_gradient_flow.fine_tuning import Tuned, fine_tuned, total_time
from classroom.rlvr_gradient_flow.internal_feedback import slope_density
from classroom.rlvr_gradient_flow.patterns import GRPO, Training, policy
from classroom.rlvr_gradient_flow.regimes import envelope, line
from theory.attention_memorization import RidgeRegression, ridge_regression_error
from theory.cnn_rank import Start, signal_stable_rank, trained_signals, training_loss
from theory.rlvr_gradient_flow import (
    Bandit,
    Flow,
    Grpo,
    RandomPatterns,
    Target,
    Teacher,
    flow,
    grpo_time,
    hitting_time,
    rlif_gain_probability,
    sft_policy,
    sft_time,
)

SLOW = Bandit((0.05, 0.7, 0.25), (0.9, 0.7, 0.2))

# ------------------------------------------------------------------ attention and ridge regression


@pytest.mark.parametrize("ratio", ["1/4", "1/2", "2", "4"])
def test_the_noise_part_of_ridge_regression_is_the_trace_of_its_resolvent(ratio: str) -> None:
    """T = lim gamma^2 tr (B + gamma)^-2 / n of pure noise (R5), from drawn tokens: 1024 of them, one draw.

    The trace of 1024 eigenvalues deviates by some 1e-3; a forgotten 1/(1 + rho) would halve it.
    """
    model = layer(TWO_PARTS.settle({"ratio": ratio, "snr": 1.0, "ridge": 0.5}))
    n = 1024
    p = n * model.dimension // model.tokens
    noise = np.random.default_rng(5).standard_normal((p, n))
    gram = noise.T @ noise / n if p >= n else noise @ noise.T / n
    eigenvalues = np.concatenate([np.linalg.eigvalsh(gram), np.zeros(max(0, n - p))])
    literal = float(np.mean((0.5 / (eigenvalues + 0.5)) ** 2)) / 2
    (found,) = on_tokens(regression_noise_part)(model, np.array([0.5]))
    assert found == pytest.approx(literal, abs=2e-3)
    assert found < ridge_regression_error(RidgeRegression(n, p, ridge=0.5, snr=1.0))


def test_alignment_moves_the_signals_part_alone() -> None:
    """R5: what the story says of the two bars."""
    before, after = (TWO_PARTS.evaluate({"strength": t}) for t in (0.0, 4.0))
    assert after["attention noise now"] == pytest.approx(float(before["attention noise now"]), rel=1e-12)
    signal = [float(found["attention now"] - found["attention noise now"]) for found in (before, after)]
    assert signal[1] < 0.01 * signal[0]


# ------------------------------------------------------------------ hijacking


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
@pytest.mark.parametrize("hijackers", [0, 20, 90])
def test_the_weights_in_the_plane_are_those_of_gradient_descent(depth: int, hijackers: int) -> None:
    """Literal steps on N copies of the hijacker in d dimensions, with the prior's direction orthogonal to it."""
    model = Prompt(examples=200, correlation=0.9, depth=depth, hijackers=hijackers)
    task, across, other = np.eye(DIMENSION)[:3]
    hijacker = RADIUS * across
    w = model.transformer.initial_scale * (0.9 * task + math.sqrt(1 - 0.81) * other)
    places = [w]
    for _ in range(depth):
        w = w - model.transformer.step_size * hijackers * (w @ hijacker + 1) * hijacker
        places.append(w)
    literal = np.array([[w @ across, w @ task] for w in places]).T
    np.testing.assert_allclose(descent(model)[:, : depth + 1], literal, rtol=1e-9, atol=1e-12)
    assert np.all(descent(model)[:, depth:] == descent(model)[:, depth : depth + 1])
    assert typical_margin(model) == pytest.approx(
        places[-1] @ (hijacker + MARGIN * task), rel=1e-9, abs=1e-12
    )
    x, y = boundary(model)
    np.testing.assert_allclose(np.array([x, y]).T @ literal[:, -1], 0, atol=1e-9)


# ------------------------------------------------------------------ sampling by patches


def test_the_ellipse_holds_95_percent_of_its_law() -> None:
    """Every point of the border has the squared distance -2 ln 0.05, chi-squared's 95 % point in the plane."""
    mean, covariance, gain = np.array([0.3, -1.0]), np.array([[1.0, 2.0], [2.0, 5.0]]), 2.0
    x = ellipse(mean, covariance, gain)
    centred = np.array([x[0], x[1] * math.sqrt(1 + gain**2)]) - mean[:, None]
    distance = np.einsum("in,ij,jn->n", centred, np.linalg.inv(covariance), centred)
    np.testing.assert_allclose(distance, 5.991464547107979, rtol=1e-12)


# ------------------------------------------------------------------ training of patterns


def test_the_lines_are_the_flows_inverse_weights() -> None:
    """R3: at any time 1/pi_i - 1/pi_j is a difference of the lines, at the place s at which the first one fits."""
    model = Training(SLOW)
    scale = (SLOW.rates[0] - SLOW.rates[1]) * SLOW.start[0]
    for time in (10.0, 100.0, 300.0):
        policies = flow(Flow(SLOW.start, SLOW.rates, time=time))
        # policies have sum 1, the y of R3 a constant product: equal up to a factor
        inverse = 1 / policies
        inverse *= (np.prod(1 / np.array(SLOW.start)) / np.prod(inverse)) ** (1 / 3)
        first, second, low = scale * inverse
        place = ((scale / SLOW.start[0] - scale / SLOW.start[1]) - (first - second)) / 0.2
        lines = [float(line(i)(model, np.array([place]))[0]) for i in range(3)]
        assert lines[0] - lines[1] == pytest.approx(first - second, rel=1e-9)
        assert lines[2] - lines[1] == pytest.approx(low - second, rel=1e-6)
        assert envelope(model, np.array([place]))[0] == min(lines)
        assert int(np.argmin(lines)) == int(np.argmax(policies))


def test_grpos_curve_reaches_its_levels_when_theory_says_so() -> None:
    """R9: the clock that is integrated for the picture, against the exact time to three levels.

    The trapezoidal rule in ln t with 241 nodes errs by some 1e-3.
    """
    for level in (0.2, 0.5, 0.9):
        time = grpo_time(Grpo(SLOW.start, SLOW.rates, level=level, size=8))
        found = policy(0)(Training(SLOW, GRPO), np.array([0.98 * time, 1.02 * time]))
        assert found[0] < level < found[1]


@pytest.mark.parametrize("amount", [0.0, 0.7, 4.0, 10.0])
def test_fine_tuning_follows_its_flow(amount: float) -> None:
    """dtheta = q - pi with q the best pattern (R10), integrated."""
    target = np.array([1.0, 0.0, 0.0])

    def speed(t: float, theta: np.ndarray) -> np.ndarray:
        weights = np.exp(theta - theta.max())
        return target - weights / weights.sum()

    end = integrate.solve_ivp(speed, (0, amount), np.log(SLOW.start), rtol=1e-11, atol=1e-12).y[:, -1]
    literal = np.exp(end - end.max())
    np.testing.assert_allclose(fine_tuned(SLOW.start, amount), literal / literal.sum(), rtol=1e-7)


def test_enough_fine_tuning_is_that_of_theory() -> None:
    """R10: after the time tau_c the policy is that of `sft_policy`; without any, the time is that of training."""
    teacher = Teacher(SLOW.start, SLOW.rates)
    np.testing.assert_allclose(fine_tuned(SLOW.start, sft_time(teacher)), sft_policy(teacher), rtol=1e-9)
    (total,) = total_time(Tuned(SLOW, 0.0), np.array([0.0]))
    assert total == pytest.approx(hitting_time(Target(SLOW.start, SLOW.rates, level=0.99)), rel=1e-9)


@pytest.mark.parametrize("margin", [0.0, 0.03, 0.1])
def test_the_density_of_slopes_has_the_gains_probability(margin: float) -> None:
    """R11: it integrates to 1, and to the probability of a gain above 0."""
    model = RandomPatterns(64, margin)
    x = np.linspace(-2, 2, 40001)
    density = slope_density(model, x)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-8)
    gain = np.trapezoid(density[20000:], x[20000:])
    assert gain == pytest.approx(rlif_gain_probability(model), abs=1e-8)


# ------------------------------------------------------------------ the race of filters


@pytest.mark.parametrize("order", ["2", "3", "4"])
def test_the_race_is_that_of_theory_at_every_time(order: str) -> None:
    """R5 to R7: signals, their stable rank and the loss, one by one at the steps of a training."""
    model = competition(WINNERS.settle({"order": order}))
    steps = (0, 300, 4000)
    times = np.array([model.training.advance * count for count in steps])
    data = {name: value for name, value in model.training.to_data().items() if name not in ("kind", "steps")}
    begin = tuple(map(tuple, model.training.initial_scale * starts()))
    for k, count in enumerate(steps):
        single = Start(**data, steps=count, signals=begin)
        np.testing.assert_allclose(signals(model, times)[k], trained_signals(single), rtol=1e-9, atol=1e-12)
        assert rank_along(model, times)[k] == pytest.approx(signal_stable_rank(single), rel=1e-9)
        assert loss_along(model, times)[k] == pytest.approx(training_loss(single), rel=1e-9)


def test_no_filter_of_a_class_is_ahead_on_two_of_its_features() -> None:
    """As the starts promise: with the largest starts of a class on different filters, winners are different."""
    for own in (starts()[:FEW, :FEATURES], starts()[FEW:, FEATURES:]):
        assert len(set(own.argmax(axis=0))) == FEATURES
