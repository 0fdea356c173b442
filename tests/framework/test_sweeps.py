"""Sweep files: what they read, what they refuse, and that nothing is run twice."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import theory
from lemmata import DomainError, Laboratory, Ledger, UnknownNameError
from lemmata.catalogue import Catalogue
from lemmata.engines import make_engine
from lemmata.forecasts import count_chunks, run_pilot
from lemmata.parsing import Sweep, ValueSyntaxError
from lemmata.sweeps import (
    Plan,
    Spec,
    extended,
    imprecise,
    look_up,
    parse_spec,
    plan,
    read_spec,
    run_spec,
    run_sweep,
    with_seed,
)
from tests.framework.invented import WALK, Scene, Walk
from theory.attention_memorization import RidgeRegression, ridge_regression_error

SPEC = """
version = 1
result = "attention_memorization.ridge_regression_error"
trials = 100
seed = 3

[parameters]
tokens = [32, 64]
dimension = 16
ridge = "log:0.01:1:3"
snr = 1
"""
CATALOGUE = Catalogue(theory.PAPERS)


def _laboratory(seed: int = 0, **options: Any) -> Laboratory:
    return Laboratory(seed, engine=make_engine("serial"), **options)


# ------------------------------------------------------------------ files


def test_a_file_is_read_as_the_command_line_would_be(tmp_path: Path) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    spec = read_spec(path)
    assert spec.result == "attention_memorization.ridge_regression_error"
    assert (spec.trials, spec.seed, spec.literal) == (100, 3, False)
    assert spec.parameters["tokens"] == Sweep((32, 64))
    assert spec.parameters["ridge"].values == pytest.approx((0.01, 0.1, 1.0), rel=1e-15)
    assert spec.parameters["snr"] == 1
    assert with_seed(spec, None) is spec
    assert with_seed(spec, 9).seed == 9


def test_nested_tables_vectors_and_names() -> None:
    spec = parse_spec(
        tomllib.loads(
            'version = 1\nresult = "a.b"\n[parameters]\nstart = "[.3, .7]"\nlight = [1, 2.5]\nopen = true\n'
            '[parameters.target]\nkind = "sun_shadow"\ngain = "1,2"\n'
        )
    )
    assert spec.parameters == {
        "start": [0.3, 0.7],
        "light": Sweep((1, 2.5)),
        "open": True,
        "target.kind": "sun_shadow",
        "target.gain": Sweep((1, 2)),
    }


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("version = 2\nresult = 'a.b'", ValueSyntaxError, "version = 2: must be 1"),
        ("result = 'a.b'", ValueSyntaxError, "version = None"),
        ("version = true\nresult = 'a.b'", ValueSyntaxError, "version = True"),
        ("version = 1", ValueSyntaxError, "result = None"),
        ("version = 1\nresult = 'a.b'\ntrails = 5", UnknownNameError, "trails.*trials"),
        ("version = 1\nresult = 'a.b'\ntrials = 0", ValueSyntaxError, "trials = 0"),
        ("version = 1\nresult = 'a.b'\ntrials = 1.5", ValueSyntaxError, "trials = 1.5"),
        ("version = 1\nresult = 'a.b'\nseed = -1", ValueSyntaxError, "seed = -1"),
        ("version = 1\nresult = 'a.b'\nprecision = 0", ValueSyntaxError, "precision = 0: must be"),
        ("version = 1\nresult = 'a.b'\nprecision = nan", ValueSyntaxError, "precision = nan"),
        ("version = 1\nresult = 'a.b'\nprecision = true", ValueSyntaxError, "precision = True"),
        ("version = 1\nresult = 'a.b'\nprecission = 1", UnknownNameError, "precission.*precision"),
        ("version = 1\nresult = 'a.b'\nmost_trials = 9", ValueSyntaxError, "only with a precision"),
        (
            "version = 1\nresult = 'a.b'\nprecision = 1\ntrials = 10\nmost_trials = 9",
            ValueSyntaxError,
            "most_trials = 9: must be a whole number >= 10",
        ),
        ("version = 1\nresult = 'a.b'\nsampler = 'litteral'", UnknownNameError, "literal"),
        ("version = 1\nresult = 'a.b'\nparameters = 3", ValueSyntaxError, "must be a table"),
        ("version = 1\nresult = 'a.b'\n[parameters]\nx = []", ValueSyntaxError, "x = \\[\\]"),
        ("version = 1\nresult = 'a.b'\n[parameters]\nx = '1:2'", ValueSyntaxError, "x=1:2"),
        ("version = ", ValueSyntaxError, "spec.toml: not a TOML file"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, error: type[Exception], words: str) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(error, match=words) as caught:
        read_spec(path)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ plans


def test_swept_free_axes_share_a_draw_and_the_rest_makes_models() -> None:
    made = plan(Walk, WALK, {"steps": Sweep((1, 2)), "scale": Sweep((0.5, 2)), "drift": 0.25})
    assert made == Plan((Walk(1, 0.25, 0.5), Walk(2, 0.25, 0.5)), {"scale": (0.5, 2.0)})
    assert plan(Walk, WALK, {"steps": 1, "scale": 2}).axes == {}
    assert plan(Walk, WALK, {"scale": Sweep((1, 2))}, base={"steps": 7}).models == (Walk(7),)


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"stepz": 1}, UnknownNameError, "steps"),
        ({"drift": 1.0}, DomainError, "steps"),
        ({"steps": 0}, DomainError, "steps = 0"),
        ({"steps": 1, "scale": Sweep((1.0, -1.0))}, DomainError, "scale = -1.0"),
        ({"steps": 1, "scale": Sweep((-1.0, 1.0))}, DomainError, "scale = -1.0"),
        ({"steps": 1, "scale": Sweep((1.0, math.nan))}, DomainError, "scale = nan"),
        ({"steps": 1, "drift": Sweep((0.0, math.inf))}, DomainError, "drift = inf"),
    ],
)
def test_bad_values_are_named(values: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        plan(Walk, WALK, values)
    with pytest.raises(UnknownNameError, match="light"):
        plan(Scene, WALK, {"ligth": 1})


# ------------------------------------------------------------------ runs


def test_a_pilot_runs_nothing_that_the_sweep_does_not_need() -> None:
    """Another process has computed all chunks after they were counted: none is left to be timed."""
    sweeping = look_up(parse_spec(tomllib.loads(SPEC)), CATALOGUE)
    with Ledger.memory() as ledger:
        lab, another = _laboratory(3, ledger=ledger), _laboratory(3, ledger=ledger)
        runs = sweeping.runs(lab)
        count = count_chunks(sweeping, runs, ledger)
        assert count.least_missing == (1, 1)
        run_sweep(sweeping, another, sweeping.runs(another))
        assert run_pilot(lab, runs, count) is None
        assert lab.computed == 0
        assert count_chunks(sweeping, runs, ledger).stored == 2


def test_a_sweep_holds_theory_and_simulation_and_runs_once() -> None:
    spec = parse_spec(tomllib.loads(SPEC))
    with Ledger.memory() as ledger:
        first_lab, second_lab = _laboratory(3, ledger=ledger), _laboratory(3, ledger=ledger)
        first, second = run_spec(spec, CATALOGUE, first_lab), run_spec(spec, CATALOGUE, second_lab)
    assert (first_lab.reused, second_lab.computed) == (0, 0)
    assert second_lab.reused == first_lab.computed == 2
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert list(first.columns[:3]) == ["tokens", "ridge", "output"]
    assert first["kind"].value_counts().to_dict() == {"theory": 6, "simulation": 6}
    theory_rows = first[first["kind"] == "theory"]
    for tokens, ridge, value in theory_rows[["tokens", "ridge", "value"]].to_numpy():
        assert value == ridge_regression_error(RidgeRegression(int(tokens), 16, float(ridge), 1.0))


def test_looks_are_doublings_up_to_the_most_trials() -> None:
    spec = Spec("a.b", {}, trials=3, precision=1.0, most_trials=13)
    assert spec.looks() == (3, 6, 12, 13)
    assert extended(spec, 48).looks() == (3, 6, 12, 24, 48)
    assert Spec("a.b", {}, trials=3, precision=1.0, most_trials=3).looks() == (3,)
    assert Spec("a.b", {}, trials=3).looks() == (3,)
    assert extended(Spec("a.b", {}, trials=3), 5).looks() == (5,)
    with pytest.raises(ValueSyntaxError, match=r"extend = 2: must be at least .* trials = 3"):
        extended(Spec("a.b", {}, trials=3), 2)
    with pytest.raises(ValueSyntaxError, match=r"extend = 12: must be at least .* most_trials = 13"):
        extended(spec, 12)


PRECISE = Spec(
    "attention_memorization.ridge_regression_error",
    {"tokens": Sweep((64, 256)), "dimension": 16, "ridge": Sweep((0.1, 1.0)), "snr": 1},
    literal=True,
    trials=512,
    seed=3,
    precision=6e-4,
    most_trials=32768,
)


def test_a_precise_sweep_stops_where_its_prefix_is_precise() -> None:
    """Each model stops at the first look at which all its standard errors are small enough, and not before."""
    sweeping, lab = look_up(PRECISE, CATALOGUE), _laboratory(3)
    runs = sweeping.runs(lab)
    table = run_sweep(sweeping, lab, runs)
    assert imprecise(sweeping, runs) == []
    stopped = [run.trials for run in runs]
    assert stopped[0] > stopped[1]  # the smaller model varies more
    for run, model in zip(runs, sweeping.plan.models, strict=True):
        earlier = max(n for n in PRECISE.looks() if run.chunks_for(n) < run.chunks)
        shorter = lab.estimate(sweeping.output, model, earlier, axes=sweeping.plan.axes)
        assert (shorter.standard_error > 6e-4).any()
    simulated = table[table["kind"] == "simulation"]
    assert (simulated["se"] <= 6e-4).all()
    assert sorted(set(simulated["trials"])) == sorted(stopped)


def test_a_precision_that_is_out_of_reach_spends_the_most_trials() -> None:
    sweeping, lab = look_up(replace(PRECISE, precision=1e-9, most_trials=600), CATALOGUE), _laboratory(3)
    runs = sweeping.runs(lab)
    run_sweep(sweeping, lab, runs)
    assert imprecise(sweeping, runs) == runs
    assert [run.chunks for run in runs] == [run.chunks_for(600) for run in runs]


@pytest.mark.parametrize(
    ("spec", "trials"),
    [
        (parse_spec(tomllib.loads(SPEC)), 70_000),
        (replace(PRECISE, precision=1e-9, most_trials=600), 3000),
    ],
    ids=["trials", "precision"],
)
def test_an_extended_sweep_keeps_its_chunks_and_equals_a_longer_one(spec: Spec, trials: int) -> None:
    more = extended(spec, trials)
    with Ledger.memory() as ledger:
        first, second = _laboratory(3, ledger=ledger), _laboratory(3, ledger=ledger)
        run_spec(spec, CATALOGUE, first)
        table = run_spec(more, CATALOGUE, second)
    assert second.reused == first.computed > 0
    assert second.computed > 0
    pd.testing.assert_frame_equal(table, run_spec(more, CATALOGUE, _laboratory(3)), check_exact=True)


def test_the_literal_sampler_is_chosen_by_name() -> None:
    parameters = {"tokens": 64, "dimension": 64, "ridge": 1.0, "snr": Sweep((0.0, 1.0))}
    spec = Spec("attention_memorization.ridge_regression_error", parameters, literal=True, trials=10)
    lab = _laboratory()
    seen: list[str] = []
    lab.watch = lambda batch, chunks: seen.append(batch.sampler.name)
    run_spec(spec, CATALOGUE, lab)
    assert seen == ["sample_ridge_regression_literal"] * 2
