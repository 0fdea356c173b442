"""Sweeps: from what a command line or a file asks for to models, free axes and one tidy table.

A sweep file is TOML:

    version = 1
    result = "attention_memorization.ridge_regression_error"
    sampler = "literal"            # optional: the witness in place of the reduced sampler
    trials = 1000                  # optional
    seed = 0                       # optional

    [parameters]                   # values; arrays and ranges make a sweep
    tokens = 512
    dimension = [128, 512, 2048]
    ridge = "log:1e-5:1e2:25"      # text is read as on the command line
    snr = 1.0
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lemmata.models import Model
from lemmata.names import UnknownNameError
from lemmata.parsing import Sweep, ValueSyntaxError, build_models, check_names, parse_value

if TYPE_CHECKING:
    import pandas as pd

    from lemmata.catalogue import Catalogue
    from lemmata.laboratory import Laboratory
    from lemmata.records import Comparison, Output, Sampler

VERSION = 1
DEFAULT_TRIALS = 1000
REDUCED, LITERAL = "reduced", "literal"
_KEYS = ("version", "result", "sampler", "trials", "seed", "parameters")


@dataclass(frozen=True)
class Spec:
    """What a sweep file asks for; parameters are dotted keys to values and sweeps."""

    result: str
    parameters: Mapping[str, Any]
    literal: bool = False
    trials: int = DEFAULT_TRIALS
    seed: int | None = None


@dataclass(frozen=True)
class Plan:
    """Models to run, and the free axes that one draw of each serves."""

    models: tuple[Model, ...]
    axes: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])


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
    return Spec(
        result,
        dict(_flat(cast("Mapping[str, Any]", parameters))),
        literal=sampler == LITERAL,
        trials=_whole("trials", data.get("trials", DEFAULT_TRIALS), least=1),
        seed=None if "seed" not in data else _whole("seed", data["seed"], least=0),
    )


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


def run_spec(spec: Spec, catalogue: Catalogue, lab: Laboratory) -> pd.DataFrame:
    """Theory and simulation along the sweep in the schema of `lemmata.tables`, every parameter in its own column."""
    result = catalogue.result(spec.result)
    output = choose_output(catalogue.comparison(result), literal=spec.literal)
    planned = plan(result.model, output.sampler, spec.parameters)
    lab.label = result.identifier
    axes = planned.axes or None
    return lab.sweep(output, planned.models, spec.trials, axes=axes, predict=result.function)


def with_seed(spec: Spec, seed: int | None) -> Spec:
    """The same sweep with another seed, if one is given."""
    return spec if seed is None else replace(spec, seed=seed)


__all__ = ["Plan", "Spec", "choose_output", "parse_spec", "plan", "read_spec", "run_spec", "with_seed"]
