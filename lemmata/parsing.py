"""From text to values and models: one parser for the command line and for sweep files.

A value is a TOML literal; a bare word is a name; `.5` and `1.` are numbers too. Commas outside brackets and
quotes make a sweep, `lo:hi:count` and `log:lo:hi:count` are ranges (both ends included). A dotted key reaches
into a nested model.
"""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from lemmata.domains import Domain, Whole
from lemmata.models import Model, Nested
from lemmata.names import UnknownNameError

MOST_VALUES = 1_000_000
_WORD = re.compile(r"[A-Za-z_][\w\-.]*")
_NUMBER = r"[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(log:)?({_NUMBER}):({_NUMBER}):([^:,]+)")
_STRINGS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")


class ValueSyntaxError(ValueError):
    """Text that stands for no value; the message names the key and the text."""


@dataclass(frozen=True)
class Sweep:
    """Several values of one parameter, in order."""

    values: tuple[Any, ...]
    is_range: bool = False

    def for_domain(self, domain: Domain | None) -> Sweep:
        """A range of a parameter that takes whole numbers is rounded to them, each kept once."""
        if not (self.is_range and isinstance(domain, Whole)):
            return self
        return Sweep(tuple(dict.fromkeys(round(value) for value in self.values)))


def parse_value(key: str, text: str) -> Any:
    """One value, or a `Sweep` of them.

    Raises
    ------
    ValueSyntaxError
        If a part of the text is no TOML literal, name or range.
    """
    parts = [part.strip() for part in _split(text)]
    if any(not part for part in parts):
        raise ValueSyntaxError(f"{key}={text}: a value is missing")
    values: list[Any] = []
    swept, ranges = len(parts) > 1, 0
    for part in parts:
        span = _RANGE.fullmatch(part)
        if span is not None:
            values.extend(_range(key, part, span))
            swept, ranges = True, ranges + 1
        else:
            values.append(_literal(key, part))
    if len(values) > MOST_VALUES:
        raise ValueSyntaxError(f"{key}={text}: more than {MOST_VALUES} values")
    return Sweep(tuple(values), is_range=ranges == len(parts)) if swept else values[0]


def _split(text: str) -> list[str]:
    """Split at the commas outside brackets and quotes."""
    parts: list[str] = []
    depth, start, quote, is_escaped = 0, 0, "", False
    for i, char in enumerate(text):
        if quote:
            if char == quote and not is_escaped:
                quote = ""
            is_escaped = quote == '"' and char == "\\" and not is_escaped
        elif char in "\"'":
            quote = char
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _range(key: str, part: str, span: re.Match[str]) -> list[float]:
    logarithmic, (low_text, high_text, count_text) = bool(span[1]), span.groups()[1:]
    low, high = float(low_text), float(high_text)
    try:
        count = int(count_text)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_VALUES:
        raise ValueSyntaxError(
            f"{key}={part}: the count of a range must be a whole number from 1 to {MOST_VALUES}, not {count_text}"
        )
    if not math.isfinite(high - low):
        raise ValueSyntaxError(f"{key}={part}: the ends of a range must be finite")
    if logarithmic and not (low > 0 and high > 0):
        raise ValueSyntaxError(f"{key}={part}: the ends of a logarithmic range must be > 0")
    if count == 1:
        return [low]
    start, stop = (math.log10(low), math.log10(high)) if logarithmic else (low, high)
    inner = [start + (stop - start) * i / (count - 1) for i in range(1, count - 1)]
    return [low, *(map(_power_of_ten, inner) if logarithmic else inner), high]


def _power_of_ten(exponent: float) -> float:
    """10**exponent; a decade is the float of its literal, which 10**exponent may miss by a bit."""
    return float(f"1e{exponent:.0f}") if exponent == round(exponent) else 10**exponent


def _literal(key: str, text: str) -> Any:
    try:
        return tomllib.loads("value = " + _as_toml(text))["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        pass
    if _WORD.fullmatch(text):
        return text
    raise ValueSyntaxError(
        f"{key}={text}: not a TOML literal, a name or a range (lo:hi:count, log:lo:hi:count)"
    )


def _as_toml(text: str) -> str:
    """Give bare `.5` and `1.` the digits that TOML wants, outside of strings; never a second line."""
    if "\n" in text or "\r" in text:
        raise ValueError(text)
    pieces: list[str] = []
    start = 0
    for string in [*_STRINGS.finditer(text), None]:
        plain = text[start : string.start() if string else len(text)]
        if "#" in plain:
            raise ValueError(text)
        plain = re.sub(r"(?<![\w.])\.(?=\d)", "0.", plain)
        pieces.append(re.sub(r"(?<=\d)\.(?![\d\w])", ".0", plain))
        if string:
            pieces.append(string[0])
            start = string.end()
    return "".join(pieces)


def parse_assignments(words: Iterable[str]) -> dict[str, Any]:
    """`key=value` words as a mapping of dotted keys to values and sweeps.

    Raises
    ------
    ValueSyntaxError
        If a word has no '=', no key, or repeats a key, or its value does not parse.
    """
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        key = key.strip()
        if not equals or not all(_WORD.fullmatch(part) for part in key.split(".")):
            raise ValueSyntaxError(f"{word}: expected parameter=value")
        if key in values:
            raise ValueSyntaxError(f"{key}: given twice")
        values[key] = parse_value(key, text)
    return values


def nest(values: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Dotted keys as nested mappings, laid over `base`."""
    tree: dict[str, Any] = {}
    for key, value in (base or {}).items():
        tree[key] = nest({}, cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
    for key, value in sorted(
        values.items(), key=lambda item: item[0].count(".")
    ):  # a kind before its parameters
        *path, last = key.split(".")
        node = tree
        for step in path:
            child: Any = node.get(step)
            if not isinstance(child, dict):
                child = {"kind": child} if isinstance(child, str) else {}
            node[step] = child
            node = cast("dict[str, Any]", child)
        node[last] = value
    return tree


def points(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the sweeps, the last key running fastest.

    Raises
    ------
    ValueSyntaxError
        If there are more than `MOST_VALUES` combinations.
    """
    axes = [value.values if isinstance(value, Sweep) else (value,) for value in values.values()]
    if math.prod(len(axis) for axis in axes) > MOST_VALUES:
        raise ValueSyntaxError(f"{', '.join(values)}: more than {MOST_VALUES} combinations")
    return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*axes)]


def build_models(
    model: type[Model], values: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> list[Model]:
    """One model for each combination of the swept values, laid over the data `base`.

    Raises
    ------
    UnknownNameError, DomainError, ValueSyntaxError
        If a key is no parameter (nearest names offered), a value lies outside its domain or is missing.
    """
    check_names(model, values)
    values = {
        key: value.for_domain(_domain(model, key)) if isinstance(value, Sweep) else value
        for key, value in values.items()
    }
    return [model.from_data(nest(point, base)) for point in points(values)]


def _domain(model: type[Model], key: str) -> Domain | None:
    """The domain of a dotted parameter, if it is the same sort of domain in every kind that has it."""
    *path, last = key.split(".")
    kinds = (model,)
    for step in path:
        inner = [kind.parameters().get(step) for kind in kinds]
        kinds = tuple(kind for domain in inner if isinstance(domain, Nested) for kind in domain.kinds)
    domains = [kind.parameters()[last] for kind in kinds if last in kind.parameters()]
    return domains[0] if len({type(domain) for domain in domains}) == 1 else None


def check_names(model: type[Model], keys: Iterable[str], also: Sequence[str] = ()) -> None:
    """Refuse keys whose first part is neither a parameter of the model nor one of `also`."""
    valid = [*model.parameters(), *also]
    for key in keys:
        if key.split(".")[0] not in valid:
            raise UnknownNameError("parameter", key, valid)


__all__ = [
    "Sweep",
    "ValueSyntaxError",
    "build_models",
    "check_names",
    "nest",
    "parse_assignments",
    "parse_value",
    "points",
]
