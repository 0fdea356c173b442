"""Invented statements of every kind whose truth is known, for the referee's calibration.

Half of their discrepancies are placed at an end of the margin: a hair inside it (the statement is true) or a hair
beyond (it is false); the others lie far inside or far beyond.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from scipy import special

from benchmarks.referee_samplers import ALONG, COIN, COMMON, LAWS, SHARE, VALUE, Share, Thing, true_mean
from lemmata.claims import (
    Bound,
    Enclosed,
    Identity,
    Law,
    Limit,
    Margin,
    Ordering,
    Outcome,
    Rate,
    Statement,
    Symbolic,
    Threshold,
    beta_binomial,
    empirical_bernstein,
    normal_mixture,
)
from lemmata.claims.limits import LimitQuestion
from lemmata.claims.questions import LawQuestion, MeanQuestion, Question, SlopeQuestion, decide
from lemmata.confidence import Interval
from lemmata.models import Model
from lemmata.records import Output


def true_outcome(question: Question) -> Outcome:
    """What a referee who knew the means would decide."""
    if isinstance(question, MeanQuestion):
        contrast = question.contrast
        value = sum(w * _true(s) for w, s in zip(contrast.weights, contrast.sources, strict=True))
    elif isinstance(question, LimitQuestion):
        gain = (question.factors[-1] / question.factors[-2]) ** question.order
        coarse, fine = (_true(source) for source in question.ladder[-2:])
        value = (gain * fine - coarse) / (gain - 1)
    elif isinstance(question, SlopeQuestion):
        x = np.log(question.scales)
        x = x - x.mean()
        value = float(x @ np.log([_true(s) for s in question.points]) / (x @ x))
    else:
        assert isinstance(question, LawQuestion)
        value = question.cdf.distance  # type: ignore[attr-defined]
    return decide(Interval(value - question.target, value - question.target), question.accept)


def _true(source: Any) -> float:
    if not source.is_sampled:
        return source.computed()
    return true_mean(source.model) * (-1.0 if source.index == (1,) else 1.0)


# ------------------------------------------------------------------ invented statements


@dataclass(frozen=True)
class Placed:
    """A statement at points of a design, and a formula that is far from the truth."""

    statement: Statement | Symbolic | Enclosed
    design: tuple[Model, ...]
    mutant: Any
    truth: Outcome | None = None


@dataclass(frozen=True)
class Off:
    """The mean, and an error that is placed with respect to the margin."""

    error: float

    def __call__(self, model: Any) -> float:
        return _limit(model) + self.error


def _limit(model: Any) -> float:
    return model.mean if isinstance(model, Share) else model.center


def invented_margin(value: float, *, relative: bool = False) -> Margin:
    return Margin(value, "invented", relative=relative)


def placed_error(rng: np.random.Generator, margin: float, *, must_hold: bool | None = None) -> float:
    """A discrepancy: half of them at an end of the margin, else far inside or far beyond it."""
    hair, far = 1e-9, rng.choice([2.0, 3.0])
    inside, beyond = ([0.0, 0.3], [far]) if rng.random() < 0.5 else ([1 - hair], [1 + hair])
    sizes = inside + beyond if must_hold is None else inside if must_hold else beyond
    return float(rng.choice(sizes) * margin * rng.choice([-1, 1]))


def invented_things(rng: np.random.Generator, count: int = 2, **fields: Any) -> tuple[Thing, ...]:
    return tuple(
        Thing(center=float(c), law=str(rng.choice(LAWS)), **fields) for c in rng.uniform(0.5, 2.0, count)
    )


def _shares(rng: np.random.Generator, count: int = 2) -> tuple[Share, ...]:
    return tuple(Share(float(p)) for p in rng.uniform(0.2, 0.8, count))


def identity(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.15, 0.25, 0.4]))
    off = Off(placed_error(rng, margin, must_hold=hold))
    return Placed(Identity(off, VALUE["value"], invented_margin(margin)), invented_things(rng), Off(9.0))


def identity_of_known_spread(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.15, 0.25]))
    off = Off(placed_error(rng, margin, must_hold=hold))
    things = tuple(replace(thing, law="normal") for thing in invented_things(rng))
    return Placed(
        Identity(off, VALUE["value"], invented_margin(margin), tool=normal_mixture(1.0)), things, Off(9.0)
    )


def identity_of_pairs(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.2, 0.3]))
    error = placed_error(rng, margin, must_hold=hold)

    def pair(model: Thing) -> list[float]:
        return [model.center + error, -model.center]

    wrong = lambda model: [model.center, model.center]  # noqa: E731
    return Placed(Identity(pair, VALUE["pair"], invented_margin(margin)), invented_things(rng, 1), wrong)


def identity_of_coins(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.05, 0.1]))
    off = Off(placed_error(rng, margin, must_hold=hold))
    return Placed(
        Identity(off, COIN["hit"], invented_margin(margin), tool=beta_binomial), _shares(rng), Off(3.0)
    )


def identity_of_shares(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.06, 0.1]))
    off = Off(placed_error(rng, margin, must_hold=hold))
    return Placed(
        Identity(off, SHARE["share"], invented_margin(margin), tool=empirical_bernstein),
        _shares(rng),
        Off(3.0),
    )


def identity_computed(rng: np.random.Generator, hold: bool | None) -> Placed:
    off = Off(placed_error(rng, 1e-6, must_hold=hold))
    return Placed(Identity(off, true_mean, invented_margin(1e-6)), invented_things(rng), Off(1.0))


def bound(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin, upper = 0.1, bool(rng.random() < 0.5)
    off = Off((1.0 if upper else -1.0) * _bound_error(rng, margin, hold))
    return Placed(
        Bound(off, VALUE["value"], invented_margin(margin), upper=upper),
        invented_things(rng),
        Off(-9.0 if upper else 9.0),
    )


def bound_attacked(rng: np.random.Generator, hold: bool | None) -> Placed:
    """A computed bound that fails, where it fails, away from the design's points."""
    holds = bool(rng.random() < 0.5) if hold is None else hold
    top = 1.0 if holds else 0.9

    def value(model: Thing) -> float:
        return math.exp(-((model.center - 1.7) ** 2))

    def ceiling(model: Thing) -> float:
        return top

    statement = Bound(ceiling, value, invented_margin(1e-9), attack=(("center", 0.1, 3.0),))
    truth = Outcome.HELD if holds else Outcome.FAILED
    return Placed(statement, (Thing(center=0.7), Thing(center=2.4)), lambda model: 0.5, truth)


def _bound_error(rng: np.random.Generator, margin: float, hold: bool | None) -> float:
    """Slack of a bound (negative: violated) about minus the margin."""
    holds = bool(rng.random() < 0.5) if hold is None else hold
    if rng.random() < 0.5:
        return -margin * ((1 - 1e-9) if holds else (1 + 1e-9))
    return float(rng.choice([0.2, 0.5])) if holds else -margin - 0.3


def limit(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin, order = float(rng.choice([0.3, 0.5])), float(rng.choice([0.5, 1.0, 2.0]))
    off = Off(placed_error(rng, margin, must_hold=hold))
    declared = order if rng.random() < 0.8 else 1.0
    things = invented_things(rng, 1, correction=float(rng.choice([0.0, 0.5, 3.0])), size=2, order=order)
    statement = Limit(off, VALUE["value"], ("size",), (1, 2, 4, 8), declared, invented_margin(margin))
    return Placed(statement, things, Off(9.0))


def limit_of_shares(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.2, 0.3]))
    off = Off(placed_error(rng, margin, must_hold=hold))
    shares = tuple(replace(share, correction=0.1, size=2) for share in _shares(rng, 1))
    tool = empirical_bernstein
    statement = Limit(off, SHARE["share"], ("size",), (1, 2, 4, 8), 1.0, invented_margin(margin), tool)
    return Placed(statement, shares, Off(3.0))


def rate(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.3, 0.4]))
    exponent = float(rng.choice([1.0, 1.5]))
    error = placed_error(rng, margin, must_hold=hold)

    def ladder(model: Thing) -> list[tuple[float, Model]]:
        return [(s, replace(model, center=4 * s**exponent)) for s in (1.0, 2.0, 4.0, 8.0)]

    statement = Rate(lambda model: exponent + error, VALUE["value"], ladder, invented_margin(margin))
    return Placed(statement, invented_things(rng, 1), lambda model: 9.0)


def rate_of_shares(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = 0.4
    error = placed_error(rng, margin, must_hold=hold)

    def ladder(model: Share) -> list[tuple[float, Model]]:
        return [(s, Share(min(model.mean, 0.4) * s)) for s in (0.5, 1.0, 2.0)]

    tool = empirical_bernstein
    return Placed(
        Rate(lambda m: 1 + error, SHARE["share"], ladder, invented_margin(margin), tool),
        _shares(rng, 1),
        _nine,
    )


def _nine(model: Model) -> float:
    return 9.0


def _ordering(
    rng: np.random.Generator, hold: bool | None, output: Output, start: Callable[[], Thing], least: float
) -> Placed:
    holds = bool(rng.random() < 0.5) if hold is None else hold
    hard = rng.random() < 0.5
    step = least * ((1 + 1e-9) if holds else (1 - 1e-9)) if hard else least + (0.4 if holds else -0.4)
    rises = bool(rng.random() < 0.5)
    steps = step if rises else -step

    def along(model: Thing) -> list[Model]:
        return [model, replace(model, center=model.center + steps)]

    statement = Ordering(output, along, rises, invented_margin(least))
    turned = Ordering(output, along, not rises, invented_margin(least + 9.0))
    return Placed(statement, (start(),), turned)


def ordering(rng: np.random.Generator, hold: bool | None) -> Placed:
    return _ordering(rng, hold, VALUE["value"], lambda: invented_things(rng, 1)[0], 0.1)


def ordering_of_common_draws(rng: np.random.Generator, hold: bool | None) -> Placed:
    return _ordering(rng, hold, COMMON["value"], lambda: invented_things(rng, 1)[0], 0.2)


def ordering_along_an_axis(rng: np.random.Generator, hold: bool | None) -> Placed:
    law = str(rng.choice(LAWS))
    return _ordering(rng, hold, ALONG["value"], lambda: Thing(center=1.0, law=law, spread=0.7), 0.1)


def threshold(rng: np.random.Generator, hold: bool | None) -> Placed:
    """The mean crosses 1 where the center is 1."""
    margin = float(rng.choice([0.2, 0.4]))
    holds = bool(rng.random() < 0.5) if hold is None else hold
    hard = rng.random() < 0.5
    size = (1 - 1e-9 if holds else 1 + 1e-9) if hard else (0.1 if holds else 2.0)
    place = 1 / (1 + size * margin * float(rng.choice([-1, 1])))
    law = str(rng.choice(LAWS))
    statement = Threshold(
        lambda model: place,
        VALUE["value"],
        "center",
        lambda model: 1.0,
        True,
        invented_margin(margin, relative=True),
    )
    wrong = 9.0 if place > 1 else 0.01
    return Placed(statement, (Thing(center=1.0, law=law),), lambda model: wrong)


@dataclass(frozen=True)
class Cdf:
    """A distribution function at a known distance from the law of the trials."""

    law: str
    distance: float
    center: float

    def __call__(self, x: Any) -> np.ndarray:
        z = np.asarray(x) - self.center
        if self.law == "normal":
            true = special.ndtr(z)
        elif self.law == "exponential":
            true = -np.expm1(-np.maximum(z + 1, 0.0))
        else:
            faces = self.center + (np.arange(1, 7) - 3.5) / math.sqrt(35 / 12)
            true = np.searchsorted(faces, x, side="right") / 6
        return true * (1 - self.distance)


@dataclass(frozen=True)
class CdfOf:
    """The distribution function at a model; `Kolmogorov distance = distance`."""

    distance: float

    def __call__(self, model: Thing) -> Cdf:
        return Cdf(model.law, self.distance, model.center)


def law(rng: np.random.Generator, hold: bool | None) -> Placed:
    margin = float(rng.choice([0.1, 0.15]))
    distance = abs(placed_error(rng, margin, must_hold=hold))
    thing = replace(invented_things(rng, 1)[0], law=str(rng.choice(["normal", "exponential", "die"])))
    return Placed(Law(CdfOf(distance), VALUE["value"], invented_margin(margin)), (thing,), CdfOf(0.9))


def certificate(rng: np.random.Generator, hold: bool | None) -> Placed:
    holds = bool(rng.random() < 0.5) if hold is None else hold
    off = 0 if holds else 1
    truth = Outcome.HELD if holds else Outcome.FAILED
    if rng.random() < 0.5:
        return Placed(square_identity(off), (), square_identity(5), truth)
    return Placed(_root(off), (), _root(5), truth)


def square_identity(off: int) -> Symbolic:
    def residue() -> Any:
        a, b = sympy.symbols("a b")
        return (a + b) ** 2 - a**2 - 2 * a * b - b**2 - off * a * b

    return Symbolic(residue, "a square")


def _root(off: int) -> Enclosed:
    return Enclosed(lambda flint: flint.arb(2).sqrt() - flint.arb(7) / 5 - off, "sqrt 2 > 7/5")


KINDS: tuple[Callable[[np.random.Generator, bool | None], Placed], ...] = (
    identity,
    identity_of_known_spread,
    identity_of_pairs,
    identity_of_coins,
    identity_of_shares,
    identity_computed,
    bound,
    bound_attacked,
    limit,
    limit_of_shares,
    rate,
    rate_of_shares,
    ordering,
    ordering_of_common_draws,
    ordering_along_an_axis,
    threshold,
    law,
    certificate,
)
