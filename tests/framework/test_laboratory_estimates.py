"""The laboratory: trials, free axes, estimates and sweeps, and samplers that break their promise."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import lemmata.laboratory
from lemmata.chunks import SamplerError
from lemmata.engines import Engine, Serial, Threads
from lemmata.laboratory import Laboratory
from lemmata.ledger import Ledger
from lemmata.models import DomainError, Model, choice, nested, real, whole
from lemmata.names import UnknownNameError
from lemmata.records import Sampler
from lemmata.streams import stream
from lemmata.tables import COLUMNS, theory_table
from lemmata.tally import Collect
from tests.framework.invented import WALK, Walk, same_bits, walk_end_mean, work_256
from tests.framework.walks import COLLECT, MODEL, bits

# ------------------------------------------------------------------ trials and free axes


@pytest.mark.parametrize(("asked", "given"), [(1, 256), (256, 256), (257, 512), (np.int64(1000), 1024)])
def test_trials_are_rounded_up_to_whole_chunks(lab: Laboratory, asked: int, given: int) -> None:
    assert lab.estimate(WALK["end"], MODEL, asked).trials == given


@pytest.mark.parametrize("trials", [0, -1, 1.5, math.nan, True, "10", None])
def test_trials_must_be_a_positive_whole_number(lab: Laboratory, trials: Any) -> None:
    with pytest.raises(ValueError, match=r"^trials = .*: must be a whole number >= 1$"):
        lab.estimate(WALK, MODEL, trials)
    with pytest.raises(ValueError, match=r"^trials = .*: must be a whole number >= 1$"):
        lab.sweep(WALK, [MODEL], trials)


@pytest.mark.parametrize("seed", [-1, 1.5, math.inf, True, "1", None])
def test_the_seed_must_be_a_whole_number(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"^seed = .*: must be a whole number >= 0$"):
        Laboratory(seed, engine=Serial())


def test_one_draw_serves_all_values_of_a_free_axis(lab: Laboratory) -> None:
    """The draws do not depend on the axis: columns are exact multiples of each other."""
    own = lab.samples(WALK["end"], Walk(3), 512)
    table = lab.samples(WALK["end"], Walk(3), 512, axes={"scale": [1.0, 2.0, 0.25]})
    assert table.shape == (512, 3)
    assert same_bits(table, own[:, None] * np.array([1.0, 2.0, 0.25]))
    assert same_bits(lab.samples(WALK["end"], Walk(3, scale=2.0), 512), table[:, 1].copy())


def test_only_an_axis_that_is_given_adds_an_axis_to_the_output(lab: Laboratory) -> None:
    shapes = {}
    for axes in (None, {"scale": [3.0]}, {"scale": [1.0, 2.0]}):
        estimates = lab.estimate(WALK, Walk(3), 256, axes=axes)
        shapes[len(axes["scale"]) if axes else 0] = {name: e.mean.shape for name, e in estimates.items()}
    assert shapes == {
        0: {"end": (), "pair": (2,)},
        1: {"end": (1,), "pair": (1, 2)},
        2: {"end": (2,), "pair": (2, 2)},
    }


def test_stored_chunks_serve_only_the_same_axis_values(lab: Laboratory) -> None:
    lab.ledger = Ledger.memory()
    counts = []
    for model, axes in [
        (Walk(3), {"scale": [1.0, 2.0]}),
        (Walk(3), {"scale": [1.0, 2.5]}),
        (Walk(3), None),
        (Walk(3, scale=9.0), {"scale": [1.0, 2.0]}),  # the model's own value is hidden
        (Walk(3), {"scale": [1.0, 2.0]}),
    ]:
        lab.estimate(WALK, model, 256, axes=axes)
        counts.append((lab.computed, lab.reused))
    lab.ledger.close()
    assert counts == [(1, 0), (2, 0), (3, 0), (3, 1), (3, 2)]


# ------------------------------------------------------------------ estimates


def test_an_estimate_is_of_the_trials(lab: Laboratory) -> None:
    estimate = lab.estimate(WALK["end"], MODEL, 2000, collect=COLLECT)
    rows = lab.samples(WALK["end"], MODEL, 2000)
    assert same_bits(estimate.rows, rows)
    assert estimate.mean == pytest.approx(rows.mean(), rel=1e-13)
    assert estimate.variance == pytest.approx(rows.var(ddof=1), rel=1e-12)
    assert estimate.standard_error == pytest.approx(stats.sem(rows), rel=1e-12)
    assert estimate.skewness == pytest.approx(stats.skew(rows), rel=1e-9)
    assert estimate.moments.excess_kurtosis == pytest.approx(stats.kurtosis(rows), rel=1e-9)
    assert (estimate.minimum, estimate.maximum) == (rows.min(), rows.max())
    assert estimate.quantile([0.1, 0.5]) == pytest.approx(np.quantile(rows, [0.1, 0.5]))
    edges, counts = estimate.histogram
    assert np.array_equal(counts, np.histogram(rows, bins=edges)[0])
    assert "trials=2048" in repr(estimate)
    assert len(estimate.platforms) == 1


def test_the_covariance_of_an_output_is_of_its_trials(lab: Laboratory) -> None:
    collect = Collect(rows=("pair",), covariance=("pair",))
    estimate = lab.estimate(WALK["pair"], MODEL, 2000, collect=collect)
    assert estimate.covariance == pytest.approx(np.cov(estimate.rows.T), rel=1e-12)


@pytest.mark.parametrize("name", ["rows", "covariance", "histogram"])
def test_what_was_not_collected_is_said(lab: Laboratory, name: str) -> None:
    estimate = lab.estimate(WALK["end"], MODEL, 1)
    with pytest.raises(ValueError, match=rf"^{name} of .*sample_walk\[end\]: w.* not collected; ask for"):
        getattr(estimate, name)


def test_a_sampler_gives_all_outputs_and_an_output_itself(lab: Laboratory) -> None:
    both = lab.estimate(WALK, MODEL, 256)
    assert list(both) == ["end", "pair"]
    assert same_bits(both["end"].mean, lab.estimate(WALK["end"], MODEL, 256).mean)
    with pytest.raises(UnknownNameError, match=r"unknown output 'ends'; did you mean end\?"):
        WALK["ends"]


@pytest.mark.statistical
def test_the_estimate_covers_the_exact_mean(lab: Laboratory) -> None:
    """Mean 3 * 0.2, variance 3: |z| exceeds 5 with probability 6e-7 at a wrong seed."""
    estimate = lab.estimate(WALK["end"], MODEL, 50_000)
    assert abs(float(estimate.mean) - walk_end_mean(MODEL)) < 5 * math.sqrt(3 / estimate.trials)
    assert abs(float(estimate.variance) - 3) < 5 * 3 * math.sqrt(2 / estimate.trials)


# ------------------------------------------------------------------ samplers that break their promise


class Faulty(Model):
    fault: str = choice(
        "nan",
        "inf",
        "low",
        "high",
        "missing",
        "extra",
        "few",
        "scalar",
        "no_axis",
        "complex",
        "text",
        "rare",
        "own",
    )
    scale: float = real(above=0, default=1.0)


def sample_faulty(
    model: Faulty, rng: np.random.Generator, trials: int, *, scale: np.ndarray
) -> dict[str, Any]:
    """Uniforms, spoilt in the way that the model names."""
    value: Any = rng.random((trials, len(scale)))
    bad = {"nan": math.nan, "inf": math.inf, "low": -1e-9, "high": 1 + 1e-9}
    if model.fault in bad:
        value[trials // 2, -1] = bad[model.fault]
    elif model.fault == "rare" and value[0, 0] < 0.2:
        value[0, 0] = math.nan
    elif model.fault == "own":
        raise ArithmeticError("the sampler's own error")
    elif model.fault == "few":
        value = value[:-1]
    elif model.fault == "scalar":
        value = 0.5
    elif model.fault == "no_axis":
        value = value[:, 0]
    elif model.fault == "complex":
        value = value + 0j
    elif model.fault == "text":
        value = value.astype(str)
    outputs = {"value": value}
    if model.fault == "missing":
        outputs = {}
    elif model.fault == "extra":
        outputs["other"] = value
    return outputs


FAULTY = Sampler(sample_faulty, axes=("scale",), ranges={"value": (0.0, 1.0)}, work=work_256)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            "nan",
            r"sample_faulty\[value\] = nan: must be finite and in \[0, 1\] \(chunk 0, seed 4, Faulty\(fault='nan'",
        ),
        ("inf", r"sample_faulty\[value\] = inf: must be finite and in \[0, 1\]"),
        ("low", r"sample_faulty\[value\] = -1e-09: must be finite and in \[0, 1\]"),
        ("high", r"sample_faulty\[value\] = 1\.000000001: must be finite and in \[0, 1\]"),
        ("missing", r"sample_faulty: outputs \[\], declared \['value'\]"),
        ("extra", r"sample_faulty: outputs \['other', 'value'\], declared \['value'\]"),
        ("few", r"sample_faulty\[value\]: shape \(255, 2\), expected \(256, 2\) first"),
        ("scalar", r"sample_faulty\[value\]: shape \(\), expected \(256, 2\) first"),
        ("no_axis", r"sample_faulty\[value\]: shape \(256,\), expected \(256, 2\) first"),
        ("complex", r"sample_faulty\[value\]: complex128, expected real numbers"),
        ("text", r"sample_faulty\[value\]: <U\d+, expected real numbers"),
    ],
)
@pytest.mark.parametrize("make", [Serial, lambda: Threads(2)])
def test_a_broken_promise_is_an_error_that_says_which(
    make: Callable[[], Engine], fault: str, message: str
) -> None:
    with Laboratory(4, engine=make()) as lab:
        with pytest.raises(SamplerError, match=message):
            lab.estimate(FAULTY, Faulty(fault), 1000, axes={"scale": [1.0, 2.0]})
        assert lab.estimate(WALK["end"], MODEL, 256).trials == 256


def first_bad_chunk(seed: int) -> int:
    """The first chunk of `Faulty("rare")` that holds a NaN, from its stream."""
    from lemmata.chunks import Batch

    key = Batch(FAULTY, Faulty("rare"), seed=seed).stream_key
    return next(i for i in range(1000) if stream(seed, FAULTY.identifier, key, i).random() < 0.2)


@pytest.mark.parametrize("make", [Serial, lambda: Threads(2)])
def test_chunks_finished_before_an_error_are_kept(make: Callable[[], Engine], path: Path) -> None:
    """The chunks before the bad one are in the ledger; the laboratory goes on, and a rerun meets the same error."""
    seed = next(seed for seed in range(100) if first_bad_chunk(seed) >= 4)
    bad = first_bad_chunk(seed)
    with Ledger(path) as ledger, Laboratory(seed, engine=make(), ledger=ledger) as lab:
        for _ in range(2):
            run = lab.run(FAULTY, Faulty("rare"))
            with pytest.raises(SamplerError, match=rf"chunk {bad}, seed {seed}"):
                lab.advance([(run, bad + 1)])
            assert run.chunks <= bad
        assert ledger.summary().rows == bad
        lab.computed = lab.reused = 0
        run = lab.run(FAULTY, Faulty("rare"))
        lab.advance([(run, bad)])
        assert (lab.computed, lab.reused) == (0, bad)


def test_a_samplers_own_error_comes_through(lab: Laboratory) -> None:
    with pytest.raises(ArithmeticError, match="the sampler's own error") as caught:
        lab.estimate(FAULTY, Faulty("own"), 1)
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"in chunk 0 of .*sample_faulty \(seed 4, Faulty\(.*\)\)", note)
    assert lab.estimate(WALK["end"], MODEL, 1).trials == 256


@pytest.mark.parametrize(("seconds", "batches"), [(0.0, [1] * 10), (1e9, [4, 4, 2])])
def test_long_chunks_are_kept_one_by_one_and_short_ones_together(
    monkeypatch: pytest.MonkeyPatch, seconds: float, batches: list[int]
) -> None:
    """A killed process loses no finished chunk that took long."""
    monkeypatch.setattr(lemmata.laboratory, "COMMIT_SECONDS", seconds)
    monkeypatch.setattr(lemmata.laboratory, "COMMIT_EVERY", 4)
    kept: list[int] = []
    with Ledger.memory() as ledger, Laboratory(4, engine=Serial(), ledger=ledger) as lab:
        plain = ledger.put
        monkeypatch.setattr(ledger, "put", lambda rows: kept.append(len(rows)) or plain(rows))
        bits(lab)
    assert kept == batches


# ------------------------------------------------------------------ sweeps


def test_a_sweep_is_one_long_tidy_table(lab: Laboratory) -> None:
    """Parameters that vary, then the schema's columns; every number as `estimate` gives it."""
    models = [Walk(steps, drift=0.5) for steps in (1, 2)]
    table = lab.sweep(WALK, models, 1000, axes={"scale": [1.0, 3.0]})
    assert list(table.columns) == ["steps", "scale", *COLUMNS]
    assert COLUMNS == ("output", "kind", "value", "se", "lo", "hi", "trials")
    assert len(table) == 2 * (2 + 2 * 2)
    assert set(table["output"]) == {"end", "pair[0]", "pair[1]"}
    assert set(table["kind"]) == {"simulation"}
    for model in models:
        estimates = lab.estimate(WALK, model, 1000, axes={"scale": [1.0, 3.0]})
        width = stats.t.ppf(0.975, 1023)
        for i, scale in enumerate([1.0, 3.0]):
            for output, index in [("end", (i,)), ("pair[0]", (i, 0)), ("pair[1]", (i, 1))]:
                here = (
                    (table["steps"] == model.steps) & (table["scale"] == scale) & (table["output"] == output)
                )
                assert here.sum() == 1
                row = table[here].iloc[0]
                estimate = estimates[output.split("[")[0]]
                value, se = estimate.mean[index], estimate.standard_error[index]
                assert (row["value"], row["se"], row["trials"]) == (value, se, 1024)
                assert row["lo"] == pytest.approx(value - width * se, rel=1e-12)
                assert row["hi"] == pytest.approx(value + width * se, rel=1e-12)


def test_a_sweep_holds_its_prediction_beside_it(lab: Laboratory) -> None:
    models = [Walk(steps, drift=0.5, scale=7.0) for steps in (1, 2)]
    table = lab.sweep(
        WALK["end"],
        models,
        1,
        axes={"scale": [1.0, 3.0]},
        predict=walk_end_mean,
        predict_axes={"scale": [1.0, 2.0, 3.0]},
        label="walks",
    )
    assert list(table.columns) == ["series", "steps", "scale", *COLUMNS]
    theory = table[table["kind"] == "theory"]
    assert len(theory) == 6
    assert (table["kind"] == "simulation").sum() == 4
    assert np.array_equal(theory["value"], theory["steps"] * 0.5 * theory["scale"])
    assert set(theory["scale"]) == {1.0, 2.0, 3.0}
    assert (theory["trials"] == 0).all()
    assert theory[["se", "lo", "hi"]].isna().all(axis=None)
    assert set(table["series"]) == {"walks"}
    default = lab.sweep(WALK["end"], models, 1, axes={"scale": [1.0, 3.0]}, predict=walk_end_mean)
    assert (default["kind"] == "theory").sum() == 4


def test_without_axes_the_prediction_is_at_the_models(lab: Laboratory) -> None:
    models = [Walk(2, drift=drift, scale=3.0) for drift in (0.0, 1.0)]
    table = lab.sweep(WALK["end"], models, 1, predict=walk_end_mean)
    assert list(table.columns) == ["drift", *COLUMNS]
    assert table[table["kind"] == "theory"]["value"].to_list() == [0.0, 6.0]
    assert theory_table(walk_end_mean, models, "end")["value"].to_list() == [0.0, 6.0]


class Setting(Model):
    inner: Walk = nested(Walk)
    copies: int = whole(least=1, default=1)


def sample_setting(model: Setting, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """The end of the inner model's walk."""
    return {"end": rng.standard_normal((trials, model.inner.steps)).sum(axis=1)}


SETTING = Sampler(sample_setting, ranges={"end": (-math.inf, math.inf)}, work=work_256)


def test_fields_of_nested_models_have_dotted_columns(lab: Laboratory) -> None:
    models = [Setting(Walk(steps)) for steps in (1, 4)]
    table = lab.sweep(SETTING, models, 1)
    assert list(table.columns) == ["inner.steps", *COLUMNS]
    assert table["inner.steps"].to_list() == [1, 4]


def test_a_sweep_over_a_bad_axis_value_is_refused_before_anything_runs(lab: Laboratory) -> None:
    with pytest.raises(DomainError, match=r"^scale\[1\] = -1\.0: must be a finite real number > 0$"):
        lab.sweep(WALK, [MODEL, replace(MODEL, steps=4)], 1, axes={"scale": [1.0, -1.0]})
    assert lab.computed == 0


def test_an_axis_of_any_length_fits_into_memory(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where trials times values are many, the same draws serve the axis block by block."""
    axes = {"scale": [0.5 + i for i in range(7)]}
    whole_axis = lab.run(
        WALK, MODEL, axes=axes, collect=Collect(rows=("end",), histogram={"end": (-1.0, 0.0, 1.0)})
    )
    lab.advance([(whole_axis, 2)])
    monkeypatch.setattr("lemmata.chunks.MOST_VALUES", 2 * whole_axis.batch.trials)
    assert [len(block.axes["scale"]) for block in whole_axis.batch.blocks()] == [2, 2, 2, 1]
    in_blocks = lab.run(WALK, MODEL, axes=axes, collect=whole_axis.batch.collect)
    lab.advance([(in_blocks, 2)])
    for name, tally in whole_axis.tallies.items():
        found = in_blocks.tallies[name].to_arrays(name)
        for key, array in tally.to_arrays(name).items():
            np.testing.assert_allclose(found[key], array, rtol=1e-13, atol=1e-13)
    assert same_bits(in_blocks.estimate("end").rows, whole_axis.estimate("end").rows)


def test_a_ledger_must_be_a_ledger() -> None:
    with pytest.raises(DomainError, match=r"^ledger = 'file.sqlite': must be a lemmata.Ledger"):
        Laboratory(0, engine=Serial(), ledger="file.sqlite")  # type: ignore[arg-type]
