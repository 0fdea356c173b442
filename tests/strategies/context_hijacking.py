"""Models of context hijacking that satisfy the hypotheses of the results by construction."""

from __future__ import annotations

from hypothesis import strategies as st

from theory.context_hijacking import (
    Cone,
    Fixed,
    HalfNormal,
    Hijack,
    NormalisedGaussian,
    PerLayer,
    Training,
    Tuning,
    Uniform,
    VonMisesFisher,
)


def log_uniform(low: float, high: float) -> st.SearchStrategy[float]:
    """Positive numbers whose decimal logarithm is spread over [low, high]."""
    return st.floats(low, high).map(lambda x: 10.0**x)


correlations = st.floats(0.01, 0.999)
cones = correlations.map(Cone)
priors = (
    cones
    | log_uniform(-2, 1).map(NormalisedGaussian)
    | (st.just(0.0) | log_uniform(-2, 3)).map(VonMisesFisher)
)
scales = st.floats(0.01, 2.0)
margins = st.floats(0.01, 2.0)
depths = st.integers(1, 8)
examples = st.integers(1, 200)
dimensions = st.integers(2, 40)


@st.composite
def training(draw: st.DrawFn, depth: st.SearchStrategy[int] = depths) -> Training:
    """Any model with equal steps, from no step to one and a half times the edge of stability."""
    n, d, layers = draw(examples), draw(dimensions), draw(depth)
    edge = 2 / (n**0.5 + d**0.5) ** 2
    step = draw(st.just(0.0) | log_uniform(-4, 0.2)) * edge
    return Training(n, d, layers, step, draw(st.floats(-2, 2)), draw(priors))


@st.composite
def schedules(draw: st.DrawFn, longest: int = 6) -> Training:
    """Models with unequal steps."""
    model = draw(training(st.integers(1, longest)))
    values = draw(st.lists(st.floats(0, 1.5), min_size=model.depth, max_size=model.depth))
    edge = 2 / (model.examples**0.5 + model.dimension**0.5) ** 2
    return Training(
        model.examples,
        model.dimension,
        model.depth,
        edge,
        model.initial_scale,
        model.prior,
        PerLayer(tuple(values)),
    )


@st.composite
def tuning(draw: st.DrawFn, depth: st.SearchStrategy[int] = depths) -> Tuning:
    """Models to be tuned, with something to learn; in either mode of initialisation."""
    mode = draw(st.sampled_from(["prior_mean", "joint"]))
    return Tuning(draw(examples), draw(dimensions), draw(depth), draw(cones), mode)


@st.composite
def hijacks(
    draw: st.DrawFn, most_dose: float = 2.0, largest_dimension: int = 40, most_hijackers: int = 100
) -> Hijack:
    """Cone priors and fixed margins, in doses alpha N (d - 1) from none to beyond overshoot."""
    d, depth = draw(st.integers(2, largest_dimension)), draw(depths)
    dose = draw(st.just(0.0) | st.floats(0.001, most_dose))
    count = draw(st.integers(1, most_hijackers))
    step = dose / (count * (d - 1))
    return Hijack(count, d, depth, step, draw(scales), draw(cones), Fixed(draw(margins)))


@st.composite
def before_overshoot(draw: st.DrawFn) -> Hijack:
    """Models with alpha N r^2 <= 1 but for an event of probability 1e-12, and s c rho < 1."""
    d, depth = draw(st.integers(2, 40)), draw(depths)
    count = draw(st.integers(1, 100))
    farthest = ((d - 1) ** 0.5 + 7.5) ** 2  # P(chi_{d-1} > sqrt(d-1) + x) <= exp(-x^2/2)
    step = draw(st.floats(0.001, 1)) / (count * farthest)
    scale, prior = draw(scales), draw(cones)
    margin = draw(st.floats(0.01, 0.99)) / (scale * prior.correlation)
    return Hijack(count, d, depth, step, scale, prior, Fixed(margin))


random_margins = st.floats(0.1, 3.0).map(Uniform) | st.floats(0.1, 2.0).map(HalfNormal)
