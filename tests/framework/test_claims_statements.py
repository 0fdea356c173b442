"""Each kind of statement on trials whose truth is known: held, failed, open; and what its mutants meet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.referee_samplers import ALONG, COIN, COMMON, SHARE, VALUE, Share, Thing, true_mean
from lemmata.claims import (
    CONFIRMED,
    REFUTED,
    Bound,
    Claim,
    Identity,
    Judgement,
    Law,
    Level,
    Limit,
    Margin,
    Mutant,
    Ordering,
    Outcome,
    Rate,
    Threshold,
    beta_binomial,
    empirical_bernstein,
    judge_claim,
    normal_mixture,
)
from lemmata.claims.attacks import attack_bound
from lemmata.claims.freefit import free_fit
from lemmata.claims.observations import Contrast, Source
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory
from lemmata.models import Model, real, whole
from lemmata.names import UnknownNameError
from lemmata.records import Sampler
from lemmata.statistics import Moments

LEVEL = Level("quick", 2**13, 0)
THING = Thing(center=1.0)
SKEWED = Thing(center=2.0, law="exponential")
HELD, FAILED, OPEN = Outcome.HELD, Outcome.FAILED, Outcome.OPEN


def margin(value: float, *, relative: bool = False) -> Margin:
    return Margin(value, "a test", relative=relative)


def off(by: float):
    return lambda model: (model.mean if isinstance(model, Share) else model.center) + by


FAR = off(5.0)


def claim_of(statement, design, mutant, **fields: Any) -> Claim:
    mutants = (mutant,) if isinstance(mutant, Mutant) else (Mutant("a slip", mutant),)
    usual: dict[str, Any] = {
        "source": "here",
        "statement": "stated",
        "falsifier": "a gap",
        "records": CONFIRMED,
        "mutants": mutants,
    }
    return Claim("C", design=design, published=statement, **(usual | fields))


def judged(statement, design=(THING, SKEWED), mutant=FAR, *, seed: int = 1, **fields) -> Judgement:
    with Laboratory(seed, engine=Serial()) as lab:
        return judge_claim("C", claim_of(statement, design, mutant, **fields), lab, LEVEL)


def outcomes(judgement: Judgement) -> list[Outcome]:
    return [evidence.outcome for evidence in judgement.evidence]


@pytest.mark.parametrize(
    ("by", "verdict"), [(0.0, CONFIRMED), (0.1, CONFIRMED), (-0.5, REFUTED), (0.6, REFUTED), (0.2, None)]
)
def test_identity_is_held_failed_or_open_as_its_discrepancy_lies(by, verdict):
    judgement = judged(Identity(off(by), VALUE["value"], margin(0.2)))
    if verdict is None:
        assert judgement.verdict.value == "inconclusive"
        assert all(evidence.needed > 0 for evidence in judgement.evidence if evidence.outcome is OPEN)
    else:
        assert judgement.verdict is verdict
        assert not judgement.problems


def test_identity_takes_vectors_element_by_element():
    right = Identity(lambda m: [m.center, -m.center], VALUE["pair"], margin(0.2))
    wrong = right.with_prediction(lambda m: [m.center, m.center])
    held = judged(right, mutant=lambda m: [m.center, m.center])
    assert held.verdict is CONFIRMED
    assert not held.problems
    assert [evidence.point[-3:] for evidence in held.evidence] == ["[0]", "[1]", "[0]", "[1]"]
    assert judged(wrong, mutant=lambda m: [9.0, 9.0]).verdict is REFUTED


@pytest.mark.parametrize("prediction", [lambda m: 1.0, lambda m: [1.0, 1.0, 1.0]])
def test_a_prediction_of_another_shape_than_the_output_is_an_error(prediction):
    with pytest.raises(ValueError, match=r"pair\] has shape \(2,\): must have the prediction's"):
        judged(Identity(prediction, VALUE["pair"], margin(0.2)))


def test_a_mutant_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match="shape of the claim's"):
        judged(Identity(off(0), VALUE["value"], margin(0.2)), mutant=lambda m: [1.0, 2.0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_prediction_that_is_no_number_is_an_error_that_names_it_and_the_model(value):
    def closed_form(model: Thing) -> float:
        return value

    with pytest.raises(ValueError, match=r"closed_form = (nan|inf): must be finite \(at Thing"):
        judged(Identity(closed_form, VALUE["value"], margin(0.2)))


def test_margins_are_closed_and_relative_ones_scale():
    assert margin(0.1, relative=True).at(-3.0) == pytest.approx(0.3)
    exactly = Identity(lambda m: true_mean(m) + 0.25, true_mean, margin(0.25))
    nothing = Identity(true_mean, true_mean, margin(0.0))
    assert judged(exactly).verdict is CONFIRMED
    assert judged(nothing).verdict is CONFIRMED
    assert judged(nothing.with_prediction(off(1e-12))).verdict is REFUTED
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="must be finite and >= 0"):
            margin(value)
    with pytest.raises(ValueError, match="reason"):
        Margin(0.1, " ")


def test_statements_without_chance_spend_no_alpha_and_take_the_margin_as_unit():
    judgement = judged(Identity(true_mean, true_mean, margin(1e-3)), mutant=Mutant("a slip", off(0.011), 9.9))
    assert not judgement.problems
    assert {evidence.level for evidence in judgement.evidence} == {"no chance"}
    assert {(evidence.alpha, evidence.trials, evidence.detectable) for evidence in judgement.evidence} == {
        (0.0, 0, 0.0)
    }
    assert judgement.mutants[0]["distance"] == pytest.approx(10.0)


# ------------------------------------------------------------------ tools


def test_exact_tools_say_so_and_decide():
    coins = judged(
        Identity(off(0), COIN["hit"], margin(0.1), beta_binomial), (Share(0.5), Share(0.03)), off(0.9)
    )
    shares = judged(
        Identity(off(0), SHARE["share"], margin(0.1), empirical_bernstein), (Share(0.3),), off(0.9)
    )
    known = judged(Identity(off(0), VALUE["value"], margin(0.2), normal_mixture(1.0)), (THING,))
    for judgement in (coins, shares, known):
        assert judgement.verdict is CONFIRMED, judgement.rows
        assert {evidence.level for evidence in judgement.evidence} == {"exact"}
        assert all(math.isfinite(evidence.detectable) for evidence in judgement.evidence)


def test_a_tool_that_does_not_fit_objects_before_anything_is_sampled():
    for statement, words in (
        (Identity(off(0), VALUE["value"], margin(0.1), empirical_bernstein), "finite"),
        (Identity(off(0), VALUE["value"], margin(0.1), beta_binomial), "proportion"),
        (Limit(off(0), COIN["hit"], ("size",), (1, 2, 4, 8), 1, margin(0.1), beta_binomial), "proportion"),
    ):
        with Laboratory(engine=Serial()) as lab:
            design = (Share(0.5),) if "hit" in repr(statement) else (THING,)
            with pytest.raises(ValueError, match=words):
                judge_claim("C", claim_of(statement, design, off(5.0)), lab, LEVEL)
            assert lab.computed == 0


def test_a_known_spread_is_scaled_with_the_contrast():
    """2 T(2n) - T(n) of outputs with standard deviation 1 has standard deviation sqrt(5)."""
    made = Limit(off(0), VALUE["value"], ("size",), (1, 2, 4, 8), 1, margin(0.4), normal_mixture(1.0))
    evidence = judged(made, (THING,)).evidence[0]
    plain = judged(Identity(off(0), VALUE["value"], margin(1e-3), normal_mixture(1.0)), (THING,)).evidence[0]
    width = (evidence.high - evidence.low) * math.sqrt(evidence.trials)
    assert width == pytest.approx(math.sqrt(5) * (plain.high - plain.low) * math.sqrt(plain.trials), rel=0.5)
    assert width > 1.5 * (plain.high - plain.low) * math.sqrt(plain.trials)


# ------------------------------------------------------------------ bounds


def test_bounds_hold_fail_and_stay_open():
    upper, lower = (Bound(off(s), VALUE["value"], margin(0.0), upper=s > 0) for s in (0.3, -0.3))
    for statement, mutant in ((upper, off(-3.0)), (lower, off(3.0))):
        assert judged(statement, mutant=mutant).verdict is CONFIRMED
        assert judged(statement.with_prediction(mutant)).verdict is REFUTED
        assert judged(statement.with_prediction(off(0.0)), mutant=mutant).verdict.value == "inconclusive"


class Hill(Model):
    """Height exp(-(place - 1.7)^2) * peak."""

    place: float = real()
    peak: int = whole(least=1, most=9, default=1)


def height(model: Hill) -> float:
    return model.peak * math.exp(-((model.place - 1.7) ** 2))


@pytest.mark.parametrize(("ceiling", "verdict"), [(1.0, CONFIRMED), (0.999, REFUTED)])
def test_a_computed_bound_is_attacked_between_the_points_of_its_design(ceiling, verdict):
    statement = Bound(lambda m: ceiling, height, margin(1e-9), attack=(("place", 0.1, 3.0),))
    judgement = judged(statement, (Hill(0.5), Hill(2.8)), lambda m: 0.9)
    assert judgement.verdict is verdict
    if verdict is CONFIRMED:
        assert "no violation in" in judgement.evidence[0].note
        assert "tightest ratio 1" in judgement.evidence[0].note
        assert (
            not judgement.problems
        )  # the mutant holds at the design's points and fails where it is attacked
    else:
        assert judgement.counterexample is not None
        assert "violation found by attack" in judgement.counterexample.note
        assert float(judgement.counterexample.point.split("place=")[1].split()[0]) == pytest.approx(
            1.7, abs=0.05
        )


def test_an_attack_moves_whole_parameters_and_counts_what_the_domain_forbids():
    statement = Bound(lambda m: 4.5, height, margin(0.0), attack=(("peak", 1, 20), ("place", 1.0, 2.0)))
    found = attack_bound(statement, Hill(1.2, 1))
    assert found.worst is not None
    assert found.worst.peak >= 5  # type: ignore[attr-defined]
    assert found.cases <= 400
    lower = Bound(lambda m: 0.5, height, margin(0.0), upper=False, attack=(("place", 1.0, 2.0),))
    assert attack_bound(lower, Hill(1.6)).worst is None
    assert attack_bound(lower, Hill(1.6)).tightness == pytest.approx(0.5 / math.exp(-0.49), rel=1e-3)


def test_attacks_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="computed"):
        Bound(off(0), VALUE["value"], margin(0), attack=(("center", 0, 1),))
    with pytest.raises(ValueError, match="finite range"):
        Bound(off(0), true_mean, margin(0), attack=(("center", 1, 1),))
    with pytest.raises(UnknownNameError, match="center"):
        attack_bound(Bound(off(1), true_mean, margin(0), attack=(("centre", 0, 1),)), THING)


# ------------------------------------------------------------------ limits


def limit(by: float = 0.0, order: float = 1.0, size: float = 0.4, **fields) -> Limit:
    return Limit(off(by), VALUE["value"], ("size",), (1, 2, 4, 8), order, margin(size), **fields)


def test_a_limit_is_judged_at_the_limit():
    """With a correction of 2/n the largest size is 0.125 off its limit; the contrast is not."""
    thing = Thing(center=1.0, correction=2.0, size=2)
    assert judged(limit(), (thing,)).verdict is CONFIRMED
    assert judged(limit(1.0), (thing,), off(5.0)).verdict is REFUTED
    note = judged(limit(), (replace(thing, correction=80.0, spread=0.5),)).evidence[0].note
    assert note.startswith("free fit: limit ")


def test_a_limit_of_a_vector_is_judged_element_by_element():
    thing = Thing(center=1.0, correction=2.0, size=2)
    made = Limit(lambda m: [m.center, -m.center], VALUE["pair"], ("size",), (1, 2, 4, 8), 1, margin(0.5))
    assert outcomes(judged(made, (thing,), lambda m: [9.0, 9.0])) == [HELD, HELD]
    assert (
        judged(made.with_prediction(lambda m: [9.0, -m.center]), (thing,), lambda m: [5.0, 5.0]).verdict
        is REFUTED
    )


def test_a_limit_whose_contrasts_disagree_or_whose_exponent_is_another_stays_open():
    """Declared order 1, true order 1/2: guards open the question, whatever the contrast says."""
    slow = Thing(center=1.0, correction=30.0, size=2, order=0.5)
    judgement = judged(limit(), (slow,))
    assert judgement.verdict.value == "inconclusive"
    assert "differ by more than the margin" in judgement.evidence[0].note
    assert judgement.evidence[0].needed == math.inf
    faint = Thing(center=1.0, correction=300.0, size=64, order=2.0, spread=0.01)
    open_ = judged(limit(size=0.1), (faint,))
    assert "leaves out the declared order" in open_.evidence[0].note
    assert judged(limit(order=2.0, size=0.1), (faint,)).verdict is CONFIRMED


def test_a_mutant_with_another_order_sees_the_raw_sizes():
    """The same sources in another combination: the slip of declaring 1/n^2 for 1/n is found."""
    thing = Thing(center=1.0, correction=40.0, size=2)
    slip = Mutant("order 2 for 1", limit(order=2.0))
    judgement = judged(limit(), (thing,), slip)
    assert judgement.verdict is CONFIRMED
    assert judgement.mutants[0]["outcome"] == "failed"
    assert not judgement.problems


@pytest.mark.parametrize("factors", [(1, 2, 4), (1, 2, 4, 7), (8, 4, 2, 1), (1, 1, 1, 1)])
def test_a_ladder_must_be_geometric(factors):
    with pytest.raises(ValueError, match="geometric ladder"):
        Limit(off(0), VALUE["value"], ("size",), factors, 1, margin(0.1))


def _parts(values, error: float) -> list[Moments]:
    rng = np.random.default_rng(3)
    made = []
    for value in values:
        noise = rng.standard_normal(1000)
        made.append(Moments.of(value + error * math.sqrt(1000) * (noise - noise.mean()) / noise.std()))
    return made


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
def test_the_free_fit_finds_limit_and_exponent(order):
    scales = (1, 2, 4, 8)
    fit = free_fit(scales, _parts([3 + 2 * s**-order for s in scales], 1e-3), z=4.0)
    assert fit.exponent == pytest.approx(order, rel=1e-3)
    assert fit.limit == pytest.approx(3, abs=1e-3)
    assert fit.exponent_interval.contains(order)
    assert fit.limit_interval.contains(3.0)
    assert fit.exponent_interval.is_bounded


def test_the_free_fit_says_nothing_where_nothing_is_seen():
    """No visible correction: any exponent will do, and small ones leave the limit unknown."""
    flat = free_fit((1, 2, 4, 8), _parts([3, 3, 3, 3], 1e-3), z=4.0)
    assert not flat.exponent_interval.is_bounded
    assert not flat.limit_interval.is_bounded
    assert "too small" in str(flat)
    still = free_fit((1, 2, 4, 8), _parts([3, 3, 3, 3], 0.0), z=4.0)
    assert flat.exponent_interval.contains(1.0)
    assert still.exponent_interval.contains(1.0)


def test_the_free_fit_is_open_at_the_ends_of_its_exponents():
    """Beyond the grid of exponents the interval has no end on that side."""
    logarithmic = free_fit((1, 2, 4, 8), _parts([0.0, 1.0, 2.0, 3.0], 1e-3), z=4.0)
    steep = free_fit((1, 2, 4, 8), _parts([1.0, 1e-6, 0.0, 0.0], 1e-3), z=4.0)
    assert logarithmic.exponent_interval.low == -math.inf
    assert not logarithmic.exponent_interval.contains(1.0)
    assert steep.exponent_interval.high == math.inf
    assert not steep.exponent_interval.contains(1.0)


# ------------------------------------------------------------------ rates


def along(exponent: float):
    return lambda model: [(s, replace(model, center=4 * s**exponent)) for s in (1.0, 2.0, 4.0, 8.0)]


def test_rates_hold_fail_and_stay_open():
    made = Rate(lambda m: 1.5, VALUE["value"], along(1.5), margin(0.2))
    for prediction, verdict in ((1.5, "confirmed"), (2.0, "refuted"), (1.7, "inconclusive")):
        statement = made.with_prediction(lambda m, p=prediction: p)
        judgement = judged(statement, (THING,), lambda m: 3.0)
        assert judgement.verdict.value == verdict
        assert not judgement.problems
    open_ = judged(made.with_prediction(lambda m: 1.7), (THING,)).evidence[0]
    assert open_.needed > open_.trials


def test_a_rate_of_something_that_is_not_positive_is_never_decided():
    made = Rate(
        lambda m: 1.0,
        VALUE["value"],
        lambda m: [(s, THING.__class__(center=-s)) for s in (1, 2, 4)],
        margin(0.2),
    )
    judgement = judged(made, (THING,))
    assert judgement.verdict.value == "inconclusive"
    assert judgement.rows[0]["estimate"] == "nan"
    with pytest.raises(ValueError, match="at least three"):
        judged(replace(made, along=lambda m: [(1.0, m), (2.0, m)]), (THING,))


# ------------------------------------------------------------------ orderings


def steps(by: float):
    return lambda model: [replace(model, center=model.center + i * by) for i in range(3)]


def ordering(output, by: float, *, rises: bool = True, least: float = 0.0) -> Ordering:
    return Ordering(output, steps(by), rises, margin(least))


@pytest.mark.parametrize("sampler", [VALUE, COMMON, ALONG])
def test_orderings_hold_and_fail_and_a_turned_one_is_a_mutant_that_dies(sampler):
    thing = replace(THING, spread=0.5)
    held = judged(ordering(sampler["value"], 0.3), (thing,), ordering(sampler["value"], 0.3, rises=False))
    assert held.verdict is CONFIRMED
    assert not held.problems
    assert held.mutants[0]["outcome"] == "failed"
    assert held.mutants[0]["distance"] > 1
    failed = judged(ordering(sampler["value"], -0.3), (thing,), ordering(sampler["value"], -0.3, least=9.0))
    assert failed.verdict is REFUTED
    assert not failed.problems


def test_no_difference_is_never_decided_and_orderings_have_no_formula():
    turned = ordering(VALUE["value"], 0.0, rises=False)
    assert judged(ordering(VALUE["value"], 0.0), (THING,), turned).verdict.value == "inconclusive"
    with pytest.raises(ValueError, match="no statement has one to replace"):
        judged(ordering(VALUE["value"], 0.3), mutant=off(1.0))
    with pytest.raises(ValueError, match="relative"):
        Ordering(VALUE["value"], steps(1), True, margin(0.1, relative=True))


def test_sources_that_share_their_draws_are_combined_trial_by_trial():
    """Models that differ in a free axis alone have one stream: taken as independent, the variance would be wrong."""
    pair = (Source(ALONG["value"], THING), Source(ALONG["value"], replace(THING, center=1.5)))
    contrast = Contrast((-1.0, 1.0), pair)
    assert contrast.shares_draws
    evidence = judged(
        ordering(ALONG["value"], 0.3), (THING,), ordering(ALONG["value"], 0.3, rises=False)
    ).evidence
    half = 0.5 * (evidence[0].high - evidence[0].low) * math.sqrt(evidence[0].trials)
    apart = judged(
        ordering(VALUE["value"], 0.3), (THING,), ordering(VALUE["value"], 0.3, rises=False)
    ).evidence[0]
    assert half > 1.2 * 0.5 * (apart.high - apart.low) * math.sqrt(apart.trials)
    assert not Contrast(
        (-1.0, 1.0), (Source(VALUE["value"], THING), Source(VALUE["value"], SKEWED))
    ).shares_draws


def test_the_same_output_twice_is_no_independent_pair():
    """x - x is zero, not a variable with twice the variance."""
    twice = Contrast((-1.0, 1.0), (Source(VALUE["value"], THING), Source(VALUE["value"], THING)))
    assert twice.shares_draws
    assert Source(VALUE["value"], THING) == Source(VALUE["value"], THING)
    assert Source(VALUE["value"], THING) != Source(VALUE["pair"], THING)


def test_chunks_whose_length_depends_on_a_free_axis_are_refused():
    sampler = Sampler(ALONG.function, ranges=ALONG.ranges, work=lambda m: 1e6 * m.center, axes=("center",))
    with pytest.raises(ValueError, match="must not depend on a free axis"):
        judged(ordering(sampler["value"], 3.0), (THING,), ordering(sampler["value"], 3.0, rises=False))


# ------------------------------------------------------------------ thresholds and laws


def test_thresholds_hold_fail_and_their_mutants_are_judged_at_the_claims_places():
    made = Threshold(
        lambda m: 1.05, VALUE["value"], "center", lambda m: 1.0, True, margin(0.3, relative=True)
    )
    held = judged(made, mutant=Mutant("the place doubled", lambda m: 2.1))
    assert held.verdict is CONFIRMED
    assert not held.problems
    assert held.mutants[0]["distance"] > 1
    assert judged(made.with_prediction(lambda m: 1.1), mutant=lambda m: 0.2).verdict is CONFIRMED
    failed = judged(replace(made, prediction=lambda m: 2.1), mutant=lambda m: 5.0)
    assert failed.verdict is REFUTED
    survivor = judged(made, mutant=lambda m: 1.1)
    assert any("survives" in problem for problem in survivor.problems)
    falling = Threshold(lambda m: 1.0, VALUE["value"], "center", lambda m: 1.0, False, margin(0.3))
    assert judged(falling, mutant=lambda m: 9.0).verdict is REFUTED


def normal_cdf(shift: float):
    from scipy.special import ndtr

    return lambda model: lambda x: ndtr(np.asarray(x) - model.center - shift)


def test_laws_hold_and_fail_and_their_mutants_make_new_functions():
    made = Law(normal_cdf(0.0), VALUE["value"], margin(0.1))
    held = judged(made, (THING,), normal_cdf(1.0))
    assert held.verdict is CONFIRMED
    assert not held.problems
    assert held.evidence[0].level == "exact"
    assert judged(made, (replace(THING, law="exponential"),), normal_cdf(3.0)).verdict is REFUTED
    with pytest.raises(TypeError, match="sampled output"):
        Law(normal_cdf(0.0), true_mean, margin(0.1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"has shape \(2,\)"):
        judged(Law(normal_cdf(0.0), VALUE["pair"], margin(0.1)), (THING,))
