"""What hijacking does: hijackers, examples, depth, margins (C8, C10-C16). Exact quadrature: nothing is sampled."""

from __future__ import annotations

import math
from dataclasses import replace

from lemmata.claims import (
    CONFIRMED,
    CORRECTED,
    NARROWED,
    Bound,
    Claim,
    Identity,
    Margin,
    Mutant,
    Ordering,
    Repair,
)
from lemmata.models import Model, whole
from theory.context_hijacking import (
    Cone,
    Fixed,
    Hijack,
    TunedHijack,
    Uniform,
    hijack_error,
    hijack_error_bound,
    hijack_error_limit,
)
from theory.context_hijacking.thresholds import trained

QUADRATURE = Margin(1e-9, "the quadrature's error is below 1e-9")

# ------------------------------------------------------------------ C8: a bound that is linear in N


def _density_of_both_signs(model: Hijack) -> float:
    """The bound with the density of sigma, half of that of |sigma|."""
    clean = hijack_error(replace(model, hijackers=0))
    return clean + 0.5 * (hijack_error_bound(model) - clean)


C8 = Claim(
    "C8",
    source="Lemma 4.4",
    statement="Few hijackers do little: the error grows at most linearly, E(N) - E(0) = O(N d log(n/d)/n).",
    falsifier="a model whose exact error exceeds the bound",
    design=(
        Hijack(2, 10, 3, 0.001, 0.7, Cone(0.8), Uniform(2.0)),
        Hijack(5, 20, 1, 0.0008, 0.79, Cone(0.99), Uniform(1.0)),
        Hijack(10, 10, 8, 0.0003, 0.718, Cone(0.9), Uniform(3.0)),
        Hijack(3, 3, 4, 0.001, 0.5, Cone(0.5), Uniform(0.5)),
    ),
    published=Bound(
        hijack_error_bound,
        hijack_error,
        QUADRATURE,
        attack=(("step_size", 1e-5, 5e-3), ("initial_scale", 0.3, 1.5)),
    ),
    mutants=(
        Mutant(
            "the sum of the steps in place of N times it",
            lambda model: hijack_error_bound(replace(model, step_size=model.step_size / model.hijackers)),
            distance=1e4,
        ),
        Mutant("the density of sigma in place of |sigma|'s", _density_of_both_signs, distance=1e6),
    ),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C10, C15: more hijackers, smaller margins


def _more_hijackers(model: Hijack) -> list[Hijack]:
    return [replace(model, hijackers=count) for count in (0, 1, 2, 5, 10, 20, 40, 80, 160)]


_RISES_WITH_HIJACKERS = Ordering(
    hijack_error,
    _more_hijackers,
    rises=True,
    margin=Margin(1e-12, "the quadrature's error before overshoot is below 1e-12"),
)

C10 = Claim(
    "C10",
    source="Theorem 4.5",
    statement="More hijackers make the error larger.",
    falsifier="a larger number of hijackers with a smaller exact error",
    design=(
        Hijack(1, 20, 4, 0.004, 0.7, Cone(0.9), Fixed(0.2)),
        Hijack(1, 10, 3, 0.0002, 1.0, Cone(0.9), Fixed(1.3)),
    ),
    published=_RISES_WITH_HIJACKERS,
    repaired=Repair(
        _RISES_WITH_HIJACKERS,
        "They do while alpha N r^2 < 1 and the margin is below 1/(c rho); beyond, even depths come back.",
        design=(
            Hijack(1, 20, 4, 0.0001, 0.7, Cone(0.9), Fixed(0.2)),
            Hijack(1, 10, 8, 0.0001, 0.718, Cone(0.9), Fixed(0.5)),
            Hijack(1, 10, 1, 0.0002, 0.718, Cone(0.7), Fixed(1.2)),
        ),
        narrows=True,
    ),
    mutants=(Mutant("a falling error", replace(_RISES_WITH_HIJACKERS, rises=False), distance=1e6),),
    records=NARROWED,
)

_FALLS_WITH_MARGIN = Ordering(
    hijack_error,
    lambda model: [replace(model, margin=Fixed(size)) for size in (0.1, 0.2, 0.4, 0.8)],
    rises=False,
    margin=QUADRATURE,
)

C15 = Claim(
    "C15",
    source="Figure 6",
    statement="Queries closer to the boundary are less robust: the error falls with the margin.",
    falsifier="a larger margin with a larger exact error",
    design=(
        Hijack(8, 20, 3, 0.0005, 0.79, Cone(0.98), Fixed(0.1)),
        Hijack(32, 10, 1, 0.00096, 0.718, Cone(0.9), Fixed(0.1)),
        Hijack(60, 20, 4, 0.004, 0.7, Cone(0.9), Fixed(0.1)),
    ),
    published=_FALLS_WITH_MARGIN,
    mutants=(Mutant("a rising error", replace(_FALLS_WITH_MARGIN, rises=True), distance=1e6),),
    records=CONFIRMED,
)

# ------------------------------------------------------------------ C11: more training examples


class Attacked(Model):
    """A number of hijackers before a transformer that is tuned to its training prompts.

    Parameters
    ----------
    examples, depth, dimension, hijackers : int
    percent : int
        100 rho.
    tenths : int
        10 s.
    """

    examples: int = whole(least=1)
    depth: int = whole(least=1)
    dimension: int = whole(least=2)
    hijackers: int = whole(least=0)
    percent: int = whole(least=1, most=100)
    tenths: int = whole(least=1)


def _tuned_error(model: Attacked) -> float:
    """Exact error of the optimally trained transformer."""
    prior, margin = Cone(model.percent / 100), Fixed(model.tenths / 10)
    tuned = TunedHijack(model.examples, model.dimension, model.depth, prior, margin)
    return hijack_error(trained(tuned, model.hijackers))


_FALLS_WITH_EXAMPLES = Ordering(
    _tuned_error,
    lambda model: [replace(model, examples=k * model.examples) for k in (1, 2, 4, 8)],
    rises=False,
    margin=QUADRATURE,
)

C11 = Claim(
    "C11",
    source="Theorem 4.5",
    statement="Transformers trained with longer contexts are more robust.",
    falsifier="a longer training context with a larger exact error at the same number of hijackers",
    design=(
        Attacked(examples=5, depth=3, dimension=20, hijackers=1, percent=30, tenths=3),
        Attacked(examples=10, depth=4, dimension=20, hijackers=6, percent=95, tenths=3),
    ),
    published=_FALLS_WITH_EXAMPLES,
    repaired=Repair(
        _FALLS_WITH_EXAMPLES,
        "They are for priors of rho >= 0.9 or n >= d, with margins below 1/(c rho) and before overshoot.",
        design=(
            Attacked(examples=10, depth=1, dimension=20, hijackers=6, percent=95, tenths=3),
            Attacked(examples=10, depth=4, dimension=20, hijackers=6, percent=95, tenths=3),
            Attacked(examples=100, depth=8, dimension=10, hijackers=4, percent=90, tenths=5),
            Attacked(examples=40, depth=2, dimension=20, hijackers=1, percent=50, tenths=3),
        ),
        narrows=True,
    ),
    mutants=(Mutant("a rising error", replace(_FALLS_WITH_EXAMPLES, rises=True), distance=1e6),),
    records=NARROWED,
)

# ------------------------------------------------------------------ C14, C16: very many hijackers, and none

C14 = Claim(
    "C14",
    source="Figures 3 and 6",
    statement="With many hijackers the accuracy tends to one half.",
    falsifier="an exact error far from one half at a very large number of hijackers",
    design=tuple(
        Hijack(10**9, 12, depth, 0.01, 0.75, Cone(rho), Fixed(0.4))
        for depth in (1, 2, 3, 4)
        for rho in (0.6, 0.9)
    ),
    published=Identity(
        lambda model: 0.5, hijack_error, Margin(0.05, "what a plateau at one half would show as")
    ),
    repaired=Repair(
        Identity(
            hijack_error_limit,
            hijack_error,
            Margin(1e-4, "at N = 10^9 the threshold has moved by 1e-6, except where r^2 < 1e-3"),
        ),
        "E tends to Phi(1/(c sqrt(1 - rho^2))) at odd depth and to Phi(-1/(c sqrt(1 - rho^2))) at even depth.",
    ),
    mutants=(
        Mutant("the parities exchanged", lambda model: 1 - hijack_error_limit(model), distance=100),
        Mutant("all wrong at every depth", lambda model: 1.0, distance=10),
    ),
    records=CORRECTED,
)


def _zero_shot(model: Hijack) -> float:
    """Phi(-s rho/sqrt(1 - rho^2))."""
    assert isinstance(model.prior, Cone)
    assert isinstance(model.margin, Fixed)
    rho = model.prior.correlation
    return 0.5 * math.erfc(model.margin.size * rho / math.sqrt(2 * (1 - rho * rho)))


C16 = Claim(
    "C16",
    source="R8 of the page (against Figures 3 and 6 at N = 0)",
    statement="Without hijackers the error is the same at every depth, step size and scale: the prior decides.",
    falsifier="an exact error at N = 0 that depends on the depth",
    design=tuple(
        Hijack(0, d, depth, 0.01 / depth, c, Cone(rho), Fixed(s))
        for d, c, rho, s in ((20, 0.79, 0.995, 0.1), (5, 0.5, 0.7, 0.8))
        for depth in (1, 3, 8)
    ),
    published=Identity(_zero_shot, hijack_error, Margin(1e-12, "the quadrature's error before overshoot")),
    mutants=(
        Mutant(
            "rho in place of rho/sqrt(1 - rho^2)",
            lambda model: 0.5 * math.erfc(model.margin.size * model.prior.correlation / math.sqrt(2)),
            distance=1e6,
        ),
    ),
    records=CONFIRMED,
)
