"""Sweeps: from what a command line or a file asks for to models, free axes and one tidy table.

A sweep file is TOML:

    version = 1
    result = "attention_memorization.ridge_regression_error"
    sampler = "literal"            # optional: the witness in place of the reduced sampler
    trials = 1000                  # optional: at least so many at every point
    precision = 1e-3               # optional: go on until every standard error is at most this, ...
    most_trials = 100000           # ... or so many trials are spent (default 1,000,000)
    seed = 0                       # optional

    [parameters]                   # values; arrays and ranges make a sweep
    tokens = 512
    dimension = [128, 512, 2048]
    ridge = "log:1e-5:1e2:25"      # text is read as on the command line
    snr = 1.0

With a precision, each model is looked at after `trials` trials, twice, four times as many, and so on, always on its
first chunks: where it stops does not depend on the engine, on the order of completion or on interruptions.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lemmata.models import Model
from lemmata.names import UnknownNameError
from lemmata.parsing import Sweep, ValueSyntaxError, build_models, check_names, parse_value

if TYPE_CHECKING:
    import pandas as pd

    from lemmata.catalogue import Catalogue
    from lemmata.laboratory import Laboratory, Run
    from lemmata.records import Comparison, Output, Result, Sampler

VERSION = 1
DEFAULT_TRIALS = 1000
DEFAULT_MOST_TRIALS = 1_000_000
REDUCED, LITERAL = "reduced", "literal"
_KEYS = ("version", "result", "sampler", "trials", "precision", "most_trials", "seed", "parameters")


@dataclass(frozen=True)
class Spec:
    """What a sweep file asks for; parameters are dotted keys to values and sweeps.

    Without a precision every model has `trials` trials, with one between `trials` and `most_trials`.
    """

    result: str
    parameters: Mapping[str, Any]
    literal: bool = False
    trials: int = DEFAULT_TRIALS
    seed: int | None = None
    precision: float | None = None
    most_trials: int = DEFAULT_MOST_TRIALS

    def looks(self) -> tuple[int, ...]:
        """The trial counts at which a model may stop."""
        if self.precision is None:
            return (self.trials,)
        doublings = math.ceil(math.log2(self.most_trials / self.trials))
        return (*(self.trials * 2**k for k in range(doublings)), self.most_trials)


@dataclass(frozen=True)
class Plan:
    """Models to run, and the free axes that one draw of each serves."""

    models: tuple[Model, ...]
    axes: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])


@dataclass(frozen=True)
class Sweeping:
    """A sweep file with its names looked up: what is simulated, where, and beside which result."""

    spec: Spec
    result: Result
    output: Output
    plan: Plan

    def runs(self, lab: Laboratory) -> list[Run]:
        """A growing estimate for each model, without any chunk yet."""
        return [lab.run(self.output.sampler, model, axes=self.plan.axes) for model in self.plan.models]


def read_spec(path: Path) -> Spec:
    """The sweep that a file asks for.

    Raises
    ------
    UnknownNameError
        If a key is none of those above; the nearest valid names are offered.
    ValueSyntaxError
        If the file is no TOML, a key is missing, or its value is of the wrong kind.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueSyntaxError(f"{path.name}: not a TOML file ({error})") from None
    try:
        return parse_spec(data)
    except ValueSyntaxError as error:
        raise ValueSyntaxError(f"{path.name}: {error}") from None


def parse_spec(data: Mapping[str, Any]) -> Spec:
    """The sweep that TOML data ask for; see `read_spec`."""
    for key in data:
        if key not in _KEYS:
            raise UnknownNameError("key", key, _KEYS)
    if data.get("version") != VERSION or isinstance(data["version"], bool):
        raise ValueSyntaxError(f"version = {data.get('version')!r}: must be {VERSION}")
    result, parameters = data.get("result"), data.get("parameters", {})
    if not isinstance(result, str):
        raise ValueSyntaxError(f"result = {result!r}: must be the text 'paper.name'")
    if not isinstance(parameters, Mapping):
        raise ValueSyntaxError(f"parameters = {parameters!r}: must be a table")
    sampler = data.get("sampler", REDUCED)
    if sampler not in (REDUCED, LITERAL):
        raise UnknownNameError("sampler", str(sampler), (REDUCED, LITERAL))
    trials = _whole("trials", data.get("trials", DEFAULT_TRIALS), least=1)
    precision = _precision(data)
    return Spec(
        result,
        dict(_flat(cast("Mapping[str, Any]", parameters))),
        literal=sampler == LITERAL,
        trials=trials,
        seed=None if "seed" not in data else _whole("seed", data["seed"], least=0),
        precision=precision,
        most_trials=_most_trials(data, trials, is_asked=precision is not None),
    )


def _precision(data: Mapping[str, Any]) -> float | None:
    value = data.get("precision")
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 0 < value < math.inf):
        raise ValueSyntaxError(f"precision = {value!r}: must be a standard error, a finite number > 0")
    return float(value)


def _most_trials(data: Mapping[str, Any], trials: int, *, is_asked: bool) -> int:
    if "most_trials" not in data:
        return max(DEFAULT_MOST_TRIALS, trials)
    if not is_asked:
        raise ValueSyntaxError(f"most_trials = {data['most_trials']!r}: only with a precision")
    return _whole("most_trials", data["most_trials"], least=trials)


def _whole(key: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueSyntaxError(f"{key} = {value!r}: must be a whole number >= {least}")
    return value


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Parameters with dotted keys; text is parsed, arrays become sweeps."""
    items: list[tuple[str, Any]] = []
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, Mapping):
            items += _flat(value, f"{key}.")  # type: ignore[reportUnknownArgumentType]
        elif isinstance(value, list):
            if not value:
                raise ValueSyntaxError(f"{key} = []: a sweep needs at least one value")
            items.append((key, Sweep(tuple(value))))  # type: ignore[reportUnknownArgumentType]
        else:
            items.append((key, parse_value(key, value) if isinstance(value, str) else value))
    return items


def plan(
    model: type[Model], sampler: Sampler, values: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> Plan:
    """Swept free axes of the sampler go into one draw, everything else makes models.

    Parameters
    ----------
    values : mapping
        Dotted keys to values and sweeps.
    base : mapping, optional
        Data of a model over which the values are laid.

    Raises
    ------
    UnknownNameError, DomainError, ValueSyntaxError
        If a key is no parameter (nearest names offered), a value lies outside its domain or is missing.
    """
    check_names(model, values)
    domains = model.parameters()
    axes = {
        key: value.for_domain(domains[key]).values
        for key, value in values.items()
        if isinstance(value, Sweep) and key in sampler.axes
    }
    fixed = {key: axes[key][0] if key in axes else value for key, value in values.items()}
    models = build_models(model, fixed, base)
    checked = {key: tuple(domains[key].coerce(key, value) for value in axis) for key, axis in axes.items()}
    return Plan(tuple(models), checked)


def choose_output(comparison: Comparison, *, literal: bool) -> Output:
    """The comparison's output, or its literal witness.

    Raises
    ------
    ValueError
        If there is no witness.
    """
    if not literal:
        return comparison.output
    if comparison.witness is None:
        raise ValueError(
            f"literal: {comparison.name} has no simulation beside {comparison.output.identifier}"
        )
    return comparison.witness


def look_up(spec: Spec, catalogue: Catalogue) -> Sweeping:
    """The sweep with its names looked up and its models built.

    Raises
    ------
    UnknownNameError, DomainError, ValueSyntaxError
        If the result or a parameter is unknown, or a value lies outside its domain or is missing.
    """
    result = catalogue.result(spec.result)
    output = choose_output(catalogue.comparison(result), literal=spec.literal)
    return Sweeping(spec, result, output, plan(result.model, output.sampler, spec.parameters))


def run_sweep(sweeping: Sweeping, lab: Laboratory, runs: Sequence[Run] | None = None) -> pd.DataFrame:
    """Theory and simulation along the sweep in the schema of `lemmata.tables`, every parameter in its own column."""
    from lemmata.tables import sweep_table

    runs = sweeping.runs(lab) if runs is None else runs
    lab.label = sweeping.result.identifier
    unfinished = list(runs)
    for trials in sweeping.spec.looks():
        lab.advance([(run, run.chunks_for(trials)) for run in unfinished])
        unfinished = imprecise(sweeping, unfinished)
    return sweep_table(runs, (sweeping.output.name,), predict=sweeping.result.function)


def imprecise(sweeping: Sweeping, runs: Sequence[Run]) -> list[Run]:
    """Those runs that have not reached the precision that is asked for, if one is."""
    precision = sweeping.spec.precision
    if precision is None:
        return []
    errors = [run.tallies[sweeping.output.name].moments.standard_error for run in runs]
    # not `error > precision`: the standard error of a single trial is NaN, and nothing is known then
    return [run for run, error in zip(runs, errors, strict=True) if not (error <= precision).all()]


def run_spec(spec: Spec, catalogue: Catalogue, lab: Laboratory) -> pd.DataFrame:
    """Look a sweep's names up and run it."""
    return run_sweep(look_up(spec, catalogue), lab)


def with_seed(spec: Spec, seed: int | None) -> Spec:
    """The same sweep with another seed, if one is given."""
    return spec if seed is None else replace(spec, seed=seed)


def extended(spec: Spec, trials: int | None) -> Spec:
    """The same sweep with more trials (with a precision: with more at the most), if a number is given.

    Raises
    ------
    ValueSyntaxError
        If it is less than what the file asks for: chunks would be left out, not added.
    """
    if trials is None:
        return spec
    name = "trials" if spec.precision is None else "most_trials"
    asked = getattr(spec, name)
    if trials < asked:
        raise ValueSyntaxError(
            f"extend = {trials}: must be at least what the file asks for, {name} = {asked}"
        )
    return replace(spec, **{name: trials})


__all__ = [
    "Plan",
    "Spec",
    "Sweeping",
    "choose_output",
    "extended",
    "imprecise",
    "look_up",
    "parse_spec",
    "plan",
    "read_spec",
    "run_spec",
    "run_sweep",
    "with_seed",
]
