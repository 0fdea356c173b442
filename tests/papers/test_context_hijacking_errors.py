"""The exact hijack error: R7 of docs/papers/context_hijacking.md."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st
from scipy import integrate, special

from tests.naive import context_hijacking as naive
from tests.numerics.regions import EPS
from tests.profiles import share
from tests.strategies import context_hijacking as strategies
from theory.context_hijacking import (
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    NormalisedGaussian,
    PerLayer,
    Uniform,
    VonMisesFisher,
    hijack_error,
    hijack_error_limit,
    hijacking,
    mean_contraction,
    overshoot_probability,
    quadrature,
)
from theory.context_hijacking.hijacking import hijack_error_at
from theory.context_hijacking.risk import TAU

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "context_hijacking.json").read_text())
STATED = 1e-12  # absolute error of the quadrature at a fixed margin before overshoot
LEFT_OUT = 1e-14  # mass of the radius outside of the integral
OVERSHOOT = 1e-10  # absolute error where steps overshoot or margins are half-normal


# ------------------------------------------------------------------ R7: the exact error


@pytest.mark.parametrize(("count", "d", "depth", "step", "c", "rho", "s", "exact"), GOLDEN["error"])
def test_r7_agrees_with_30_digits_of_another_reduction(
    count: int, d: int, depth: int, step: float, c: float, rho: float, s: float, exact: str
) -> None:
    """R7: the error integrated over g with explicit roots in r^2 (30 digits), with and without overshoot."""
    model = Hijack(count, d, depth, step, c, Cone(rho), Fixed(s))
    assert hijack_error(model) == pytest.approx(float(exact), abs=STATED)


@pytest.mark.parametrize(
    ("count", "step", "depth", "c", "rho", "s", "d", "digits"),
    [
        (5, 0.01, 1, 0.8, 0.9, 0.3, 10, 0.7872311318),
        (20, 0.005, 4, 0.7, 0.8, 0.5, 20, 0.5836524222),
        (60, 0.004, 3, 0.7, 0.9, 0.2, 20, 0.9995099391),
        (60, 0.004, 4, 0.7, 0.9, 0.2, 20, 0.0164385964),
        (3, 0.2, 2, 0.9, 0.5, 0.4, 2, 0.6282024445),
        (10, 0.05, 2, 1.5, 0.6, 1.0, 4, 0.4325593103),
    ],
)
def test_r7_worked_values(
    count: int, step: float, depth: int, c: float, rho: float, s: float, d: int, digits: float
) -> None:
    """R7: the values on the paper's page, ten digits."""
    model = Hijack(count, d, depth, step, c, Cone(rho), Fixed(s))
    assert hijack_error(model) == pytest.approx(digits, abs=6e-11)


def test_r7_worked_schedule_and_random_prior() -> None:
    """R7: steps (.1, .3) at d = 3, and the normalised Gaussian prior, as on the paper's page."""
    schedule = Hijack(3, 3, 2, 1.0, 1.3, Cone(0.5), Fixed(0.4), PerLayer((0.1, 0.3)))
    assert hijack_error(schedule) == pytest.approx(0.7929832066, abs=6e-11)
    gaussian = Hijack(10, 20, 3, 0.0008, 0.79, NormalisedGaussian(0.2), Fixed(0.2))
    assert hijack_error(gaussian) == pytest.approx(0.95715313, abs=6e-9)


@pytest.mark.parametrize("dimension", [2, 3, 4, 5, 8, 20, 100, 1000])
def test_r7_the_quadrature_keeps_its_stated_error_in_every_region(
    dimension: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R7: against a rule of five times the nodes, on a lattice of depths, doses, priors and margins."""
    models = [
        Hijack(count, dimension, depth, dose / (count * dimension * depth), scale, Cone(rho), margin)
        for depth, count in ((1, 3), (2, 50), (5, 8), (8, 30))
        for dose in (0.05, 0.5, 3.0, 10.0)
        for rho, scale in ((0.05, 1.4), (0.7, 0.5), (0.99, 0.79), (1.0, 0.6))
        for margin in (Fixed(0.3), Fixed(1.1), Uniform(0.8), HalfNormal(1.0), HalfNormal(0.2))
    ]
    found = [hijack_error(model) for model in models]
    nodes = {
        "NODES": 160,
        "CROWDED_NODES": 240,
        "NARROW_NODES": 560,
        "RARE_NODES": 80,
        "INNER_NODES": 100,
        "WIDE_INNER_NODES": 120,
        "NARROW_INNER_NODES": 200,
        "HALVED_NODES": 40,
    }
    for name, count in nodes.items():
        monkeypatch.setattr(quadrature, name, count)
    monkeypatch.setattr(hijacking, "rule", quadrature.rule.__wrapped__)
    worst: dict[str, float] = defaultdict(float)
    for model, value in zip(models, found, strict=True):
        rate = model.step_size * model.hijackers
        region = "overshoot" if special.chdtrc(dimension - 1, 1 / rate) > 1e-12 else "before overshoot"
        if isinstance(model.margin, HalfNormal):
            region = "half-normal"
        error = abs(hijack_error(model) - value)
        worst[region] = max(worst[region], error)
    print(
        f"\nE at d = {dimension}: largest error", {region: f"{error:.1e}" for region, error in worst.items()}
    )
    assert worst["before overshoot"] <= STATED
    assert worst["overshoot"] <= OVERSHOOT
    assert worst["half-normal"] <= OVERSHOOT


@given(strategies.hijacks())
@example(Hijack(1, 2, 1, 0.5, 0.5, Cone(0.5), Fixed(0.5)))
@example(Hijack(10, 3, 2, 0.2, 1.0, Cone(1.0), Fixed(1.0)))
def test_p9_the_error_is_a_probability_that_depends_on_the_dose(model: Hijack) -> None:
    """P9: 0 <= E <= 1, and E depends on the step size and N through their product alone."""
    error = hijack_error(model)
    assert 0 <= error <= 1
    doubled = replace(model, hijackers=2 * model.hijackers, step_size=model.step_size / 2)
    assert hijack_error(doubled) == error


@given(strategies.hijacks(), st.floats(1.0001, 3))
def test_p9_the_error_falls_with_the_margin(model: Hijack, factor: float) -> None:
    """P9, C15: E is nonincreasing in s, in every regime: the margin of the answer rises with s pointwise (c > 0)."""
    assert isinstance(model.margin, Fixed)
    wider = replace(model, margin=Fixed(factor * model.margin.size))
    assert hijack_error(wider) <= hijack_error(model) + OVERSHOOT


@given(
    strategies.hijacks(), st.lists(st.floats(0, 1), min_size=6, max_size=6), st.randoms(use_true_random=False)
)
@settings(max_examples=share(2))
def test_p9_the_order_of_steps_does_not_matter(model: Hijack, values: list[float], shuffler: Random) -> None:
    """P9: E is symmetric in the step sizes, and a step of zero changes nothing."""
    values = [*values[: model.depth], *([0.5] * (model.depth - 6))]
    scheduled = replace(model, steps=PerLayer(tuple(values)))
    error = hijack_error(scheduled)
    shuffler.shuffle(values)
    assert hijack_error(replace(model, steps=PerLayer(tuple(values)))) == pytest.approx(error, abs=STATED)
    longer = replace(model, depth=model.depth + 1, steps=PerLayer((*values, 0.0)))
    assert hijack_error(longer) == pytest.approx(error, abs=STATED)


@given(strategies.hijacks())
@example(Hijack(0, 2, 1, 0.5, 0.5, Cone(1.0), Fixed(0.5)))
def test_p8_without_hijackers_the_prior_decides(model: Hijack) -> None:
    """P8, R8: E(0) = Phi(-s rho / sqrt(1 - rho^2)) for every step size, depth and scale: C16."""
    assert isinstance(model.prior, Cone)
    assert isinstance(model.margin, Fixed)
    rho = model.prior.correlation
    with np.errstate(divide="ignore"):
        zero_shot = special.ndtr(-np.float64(model.margin.size * rho) / math.sqrt((1 - rho) * (1 + rho)))
    assert hijack_error(replace(model, hijackers=0)) == pytest.approx(float(zero_shot), abs=LEFT_OUT + STATED)


@given(strategies.before_overshoot(), st.integers(1, 5))
def test_p10_more_hijackers_are_worse_before_overshoot(model: Hijack, divisor: int) -> None:
    """P10, C10: E is nondecreasing in N while alpha N r^2 <= 1 and s c rho < 1."""
    fewer = hijack_error_at(model, model.hijackers / (divisor + 1))
    target(hijack_error(model) - fewer, label="rise")
    assert fewer <= hijack_error(model) + STATED


@given(strategies.before_overshoot(), st.floats(1.01, 4))
def test_r8_the_safe_zone(model: Hijack, factor: float) -> None:
    """R8: for s >= 1/(c rho) the error is nonincreasing in N before overshoot: hijacking cannot win."""
    assert isinstance(model.prior, Cone)
    margin = Fixed(factor / (model.initial_scale * model.prior.correlation))
    safe = replace(model, margin=margin)
    assert hijack_error(safe) <= hijack_error_at(safe, 0.5 * model.hijackers) + STATED


@given(strategies.hijacks(), st.integers(1, 8))
def test_p11_many_hijackers_leave_the_parity_of_the_depth(model: Hijack, depth: int) -> None:
    """P11, R13: E -> Phi(+-1/(c sqrt(1 - rho^2))), + at odd depth, - at even depth, whatever the margin."""
    assert isinstance(model.prior, Cone)
    many = replace(model, depth=depth, step_size=1.0, hijackers=10**9, dimension=max(model.dimension, 12))
    tilt = model.initial_scale * math.sqrt((1 - model.prior.correlation) * (1 + model.prior.correlation))
    limit = float(special.ndtr((1 if depth % 2 else -1) / tilt))
    assert hijack_error_limit(many) == pytest.approx(limit, abs=4 * EPS)
    # kappa > 1e6 but for r^2 < 1e-3, of probability below 1e-15 at d >= 12; then the threshold moves by 1e-6 (1 + s c)
    assert hijack_error(many) == pytest.approx(limit, abs=1e-5)


@given(strategies.hijacks())
def test_p12_a_certain_prior_makes_the_error_a_chi_squared_tail(model: Hijack) -> None:
    """P12: rho = 1, s c < 1: E = P(kappa < 1 - s c), a sum of tails of chi^2 at the two roots of kappa = 1 - s c."""
    assert isinstance(model.margin, Fixed)
    certain = replace(model, prior=Cone(1.0))
    lift = model.margin.size * model.initial_scale
    certain = certain if lift < 0.999 else replace(certain, margin=Fixed(0.5 / model.initial_scale))
    assert isinstance(certain.margin, Fixed)
    lift = certain.margin.size * certain.initial_scale
    rate = certain.step_size * certain.hijackers
    root = (1 - lift) ** (1 / certain.depth)
    expected = 0.0
    if rate:
        expected = special.chdtrc(certain.dimension - 1, (1 - root) / rate)
        if certain.depth % 2 == 0:
            expected -= special.chdtrc(certain.dimension - 1, (1 + root) / rate)
    assert hijack_error(certain) == pytest.approx(float(expected), abs=STATED)


@given(strategies.hijacks(largest_dimension=20), strategies.random_margins)
@settings(max_examples=share(10))
def test_r7_random_margins_are_averages_of_fixed_ones(model: Hijack, margin: Uniform | HalfNormal) -> None:
    """R7: uniform and half-normal margins against adaptive quadrature over fixed ones."""
    assert isinstance(model.prior, Cone)
    most = margin.most if isinstance(margin, Uniform) else 9 * margin.scale
    split = 1 / (model.initial_scale * model.prior.correlation)

    def weighed(s: float) -> float:
        error = hijack_error(replace(model, margin=Fixed(s)))
        if isinstance(margin, Uniform):
            return error / margin.most
        return error * TAU / margin.scale * math.exp(-0.5 * (s / margin.scale) ** 2)

    points = [split] if split < most else None
    expected, error = integrate.quad(weighed, 0, most, points=points, limit=100, epsabs=1e-8, epsrel=1e-8)
    assert hijack_error(replace(model, margin=margin)) == pytest.approx(expected, abs=1e-9 + 4 * error)


@pytest.mark.parametrize("dimension", [8, 10, 12, 14, 18, 20, 40])
@pytest.mark.parametrize("spread", [0.02, 0.1, 0.4])
def test_r7_r8_few_angles_of_a_random_prior_keep_the_digits(dimension: int, spread: float) -> None:
    """R8 without hijackers, where margins are as small as the angles: rho/sqrt(1 - rho^2) is a ratio of a normal
    number and a chi one, so the error is a mean of Phi over both; Gauss rules of 60 by 300 nodes."""
    x, wx = np.polynomial.hermite_e.hermegauss(60)
    t, wt = np.polynomial.legendre.leggauss(300)
    far, freedom = math.sqrt(dimension) + 9, dimension - 1
    r = 0.5 * far * (t + 1)
    wr = wt * np.exp((freedom - 1) * np.log(r) - 0.5 * r * r)
    ratios = (math.sqrt(dimension) + spread * x)[:, None] / (spread * r)
    for margin in (0.3 * spread, spread, 3 * spread):
        expected = (wx @ special.ndtr(-margin * ratios) @ wr) / (wx.sum() * wr.sum())
        model = Hijack(0, dimension, 1, 0.001, 0.8, NormalisedGaussian(spread), Fixed(margin))
        assert hijack_error(model) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    "prior", [NormalisedGaussian(0.2), NormalisedGaussian(1.5), VonMisesFisher(15.0)], ids=str
)
def test_r7_random_priors_are_averages_of_cones(prior: NormalisedGaussian | VonMisesFisher) -> None:
    """R7: the average over the law of rho, with the law drawn from its definition on a lattice of quantiles.

    rho = (sqrt d + s0 g)/sqrt(..)^2 + s0^2 chi2_{d-1}) of the normalised Gaussian, the density of von Mises-Fisher in
    rho: by products of Gauss rules, which converge to 1e-7 (24 x 24 nodes).
    """
    d = 12
    base = Hijack(8, d, 3, 0.004, 0.75, Cone(0.5), Fixed(0.3))

    def error(rho: float) -> float:  # rho enters with c, or by its absolute value
        scale = math.copysign(base.initial_scale, rho)
        return hijack_error(replace(base, initial_scale=scale, prior=Cone(abs(rho))))

    if isinstance(prior, NormalisedGaussian):
        g, wg = np.polynomial.hermite_e.hermegauss(24)
        y, wy = special.roots_genlaguerre(24, 0.5 * (d - 1) - 1)
        total = sum(
            a
            * b
            * error(
                (math.sqrt(d) + prior.spread * x)
                / math.hypot(math.sqrt(d) + prior.spread * x, prior.spread * math.sqrt(2 * z))
            )
            for x, a in zip(g, wg, strict=True)
            for z, b in zip(y, wy, strict=True)
            if a * b > 1e-13 * wg.sum() * wy.sum()
        ) / (wg.sum() * wy.sum())
    else:
        nodes, weights = special.roots_gegenbauer(60, 0.5 * (d - 2))
        mass = weights * np.exp(prior.concentration * (nodes - 1))
        total = sum(m * error(rho) for rho, m in zip(nodes, mass, strict=True)) / mass.sum()
    assert hijack_error(replace(base, prior=prior)) == pytest.approx(float(total), abs=2e-7)


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(2, 8), st.integers(1, 4))
@settings(max_examples=share(2))
def test_p17_the_literal_prompt_gives_the_margin(seed: int, count: int, d: int, depth: int) -> None:
    """P17, C9: y_q times the transformer's output on the hijacked prompt is the margin of R7, to rounding."""
    rng = np.random.default_rng(seed)
    task, normal = np.linalg.qr(rng.standard_normal((d, 2)))[0].T
    rho, c, s = rng.uniform(-1, 1), rng.uniform(0.1, 2), rng.uniform(0.1, 2)
    sign = rng.choice([-1.0, 1.0])
    prior = rho * task + math.sqrt(1 - rho * rho) * normal
    x = rng.standard_normal(d)
    perp = x - (x @ task) * task
    steps = rng.uniform(0, 1.5, depth) / (max(count, 1) * d)
    layers = [step * np.eye(d) for step in steps]
    query = perp + sign * s * task
    output = naive.transformer_output([perp] * count, [-sign] * count, query, layers, c * prior)
    kappa = np.prod(1 - steps * count * (perp @ perp))
    margin = s * c * rho + kappa * c * math.sqrt(1 - rho * rho) * sign * (perp @ normal) - (1 - kappa)
    size = np.prod(1 + steps * count * (perp @ perp)) * (
        1 + c * np.linalg.norm(query) * (1 + np.linalg.norm(perp))
    )
    assert sign * output == pytest.approx(float(margin), abs=float(256 * EPS * size))


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(2, 8), st.integers(1, 4))
@settings(max_examples=share(2))
def test_r7_one_symmetric_preconditioner(seed: int, count: int, d: int, depth: int) -> None:
    """R7: with one symmetric Gamma in all layers the literal transformer answers

    <w_0, x_q> - (1 - kappa) (x_p^T Gamma x_q)/(x_p^T Gamma x_p) (<w_0, x_p> - y_hc), kappa = (1 - N x_p^T Gamma x_p)^L.
    """
    rng = np.random.default_rng(seed)
    perp, query, start = rng.standard_normal((3, d))
    label = rng.choice([-1.0, 1.0])
    gamma = rng.standard_normal((d, d)) / (max(count, 1) * d**1.5)
    gamma = gamma + gamma.T
    output = naive.transformer_output([perp] * count, [label] * count, query, [gamma] * depth, start)
    form = perp @ gamma @ perp
    kappa = (1 - count * form) ** depth
    pull = (1 - kappa) * (perp @ gamma @ query) / form * (start @ perp - label)
    growth = (1 + count * np.linalg.norm(gamma) * (perp @ perp)) ** depth
    size = growth * (1 + np.linalg.norm(start)) * (1 + np.linalg.norm(query)) * (1 + np.linalg.norm(perp))
    relative = np.linalg.norm(gamma) * (perp @ perp) / abs(form)  # digits that x_p^T Gamma x_p has lost
    assert output == pytest.approx(start @ query - pull, abs=float(256 * EPS * size * relative))


@given(strategies.hijacks())
@settings(max_examples=share(2))
def test_r8_the_mean_contraction_is_an_average_over_the_radius(model: Hijack) -> None:
    """R8: E kappa by Gauss-Laguerre quadrature, exact for polynomials of this degree; and the mass of overshoots."""
    half = 0.5 * (model.dimension - 1)
    nodes, weights = special.roots_genlaguerre(12, half - 1)
    kappa = np.prod([1 - 2 * step * model.hijackers * nodes for step in model.step_sizes], axis=0)
    mass = weights / weights.sum()
    assert mean_contraction(model) == pytest.approx(
        float(mass @ kappa), abs=1e-11 * float(mass @ np.abs(kappa))
    )
    rate = model.step_size * model.hijackers
    expected = special.gammaincc(half, 0.5 / rate) if rate else 0.0
    assert overshoot_probability(model) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("depth", "mean", "digits"), [(4, 454, 0.5), (40, 2.7e-3, 5e-5), (100, 2.35e-5, 5e-8)]
)
def test_r8_worked_means(depth: int, mean: float, digits: float) -> None:
    """R8: alpha L = .02, N = 50, d = 20: E kappa = 454, 2.7e-3, 2.35e-5: dominated by rare long hijackers."""
    model = Hijack(50, 20, depth, 0.02 / depth, 0.7, Cone(0.9), Fixed(0.3))
    assert mean_contraction(model) == pytest.approx(mean, abs=digits)


def test_r8_the_error_of_a_uniform_margin_is_linear_in_the_mean_contraction() -> None:
    """R8: (1 - E kappa) E[1/rho]/(c most) = .32158 against the exact .32161, whose thresholds are clipped at 0."""
    model = Hijack(20, 12, 2, 0.002, 0.75, Cone(0.9), Uniform(3.0))
    linear = (1 - mean_contraction(model)) / (0.9 * 0.75 * 3.0)
    assert linear == pytest.approx(0.32158, abs=6e-5)
    assert linear <= hijack_error(model) == pytest.approx(linear, abs=5e-5)
