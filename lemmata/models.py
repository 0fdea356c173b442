"""Models: frozen, validated records of all parameters of one experiment.

A model is declared like a dataclass; each field names its domain:

    class RidgeRegression(Model):
        tokens: int = whole(least=1)
        ridge: float = real(above=0)

Values are coerced to the declared domain on construction, so equal experiments compare, print, serialise and
digest alike. A field may be another model, or one of several (`nested`). Models hold data only: no callables.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar, Self, cast, dataclass_transform

from lemmata.domains import Choice, Domain, DomainError, Flag, Range, Real, Vector, Whole
from lemmata.names import UnknownNameError

__all__ = ["DomainError", "Model", "choice", "flag", "nested", "real", "vector", "whole"]

_ONLY = "kind"


def _field(domain: Domain, default: Any, doc: str) -> Any:
    return dataclasses.field(default=default, metadata={"domain": domain, "doc": doc})


def real(
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    default: Any = MISSING,
    doc: str = "",
) -> Any:
    """A field that holds a finite real number, optionally bounded (`above`, `below` strictly)."""
    return _field(Real(Range(above, least, below, most)), default, doc)


def whole(*, least: int | None = None, most: int | None = None, default: Any = MISSING, doc: str = "") -> Any:
    """A field that holds an integer, optionally bounded."""
    return _field(Whole(Range(least=least, most=most)), default, doc)


def flag(*, default: Any = MISSING, doc: str = "") -> Any:
    """A field that holds true or false."""
    return _field(Flag(), default, doc)


def choice(*options: str, default: Any = MISSING, doc: str = "") -> Any:
    """A field that holds one of the named options."""
    return _field(Choice(options), default, doc)


def vector(
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    length: int | None = None,
    least_length: int = 1,
    shape: tuple[int, int] | None = None,
    depth: int = 1,
    default: Any = MISSING,
    doc: str = "",
) -> Any:
    """A field that holds a tuple of real numbers, or with `shape` a matrix as a tuple of row tuples.

    With `depth` 2, 3, ... it holds an array of that many indices whose inner lengths are left to `validate`.
    """
    element: Domain = Real(Range(above, least, below, most))
    for _ in range(depth - 1):
        element = Vector(element, Range(least=1))
    if shape is not None:
        element, length = Vector(element, Range(least=shape[1], most=shape[1])), shape[0]
    lengths = Range(least=least_length) if length is None else Range(least=length, most=length)
    return _field(Vector(element, lengths), default, doc)


def nested(*kinds: type[Model], default: Any = MISSING, doc: str = "") -> Any:
    """A field that holds another model: an instance of one of `kinds`.

    Data (a mapping) becomes a model: its entry `kind` chooses among several kinds (the snake-case class name). Left
    out, it is the first kind that has the data's other entries.
    """
    return _field(Nested(kinds), default, doc)


@dataclass(frozen=True)
class Nested:
    """The domain of a field that holds another model."""

    kinds: tuple[type[Model], ...]

    def coerce(self, name: str, value: Any) -> Model:
        if isinstance(value, self.kinds):
            return value
        if isinstance(value, str):
            value = {_ONLY: value}
        if not isinstance(value, Mapping):
            raise DomainError(name, value, self.words)
        data: dict[str, Any] = dict(value)  # type: ignore[reportUnknownArgumentType]
        by_name = {cls.kind(): cls for cls in self.kinds}
        fitting = (cls for cls in self.kinds if set(data) <= set(cls.parameters()))
        kind = data.get(_ONLY, next(fitting, self.kinds[0]).kind())
        kind = Choice(tuple(by_name)).coerce(f"{name}.{_ONLY}", kind)
        return by_name[kind].from_data(data, prefix=f"{name}.")

    def plain(self, value: Model) -> dict[str, Any]:
        return value.to_data()

    @property
    def words(self) -> str:
        return " or ".join(cls.__name__ for cls in self.kinds)


@dataclass_transform(frozen_default=True, field_specifiers=(real, whole, flag, choice, vector, nested))
@dataclass(frozen=True)
class Model:
    """Base of all models; see the module's docstring. Subclasses become frozen dataclasses.

    Raises
    ------
    DomainError
        (a `ValueError`) on construction, when a value lies outside its domain or `validate` objects; it names
        the parameter, its value and the allowed domain.
    """

    _domains: ClassVar[Mapping[str, Domain]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True)(cls)
        domains: dict[str, Domain] = {}
        for item in dataclasses.fields(cls):  # type: ignore[arg-type]
            if "domain" not in item.metadata:
                raise TypeError(f"{cls.__name__}.{item.name}: declare its domain (real, whole, flag, ...)")
            if item.name == _ONLY:
                raise TypeError(f"{cls.__name__}.{item.name}: this name is reserved")
            domains[item.name] = item.metadata["domain"]
        cls._domains = domains

    def __post_init__(self) -> None:
        for name, domain in self._domains.items():
            object.__setattr__(self, name, domain.coerce(name, getattr(self, name)))
        self.validate()

    def validate(self) -> None:
        """Check what no single field can: raise `DomainError`. To be overridden."""

    def resized(self, sizes: Mapping[str, int]) -> Self:
        """The same experiment at other sizes. To be overridden where more must change with them.

        Raises
        ------
        DomainError
            If there is no such experiment.
        """
        return dataclasses.replace(self, **sizes)

    @classmethod
    def kind(cls) -> str:
        """The snake-case name of the class, by which data and command line choose it."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()

    @classmethod
    def parameters(cls) -> dict[str, Domain]:
        """Names and domains of all fields, in order."""
        return dict(cls._domains)

    @classmethod
    def describe(cls) -> list[tuple[str, str, str, str]]:
        """One row a parameter: name, domain in words, default (or empty), meaning."""
        rows: list[tuple[str, str, str, str]] = []
        for item in dataclasses.fields(cls):  # type: ignore[arg-type]
            default = "" if item.default is MISSING else str(item.default)
            rows.append((item.name, item.metadata["domain"].words, default, item.metadata["doc"]))
        return rows

    def classes(self) -> tuple[type[Model], ...]:
        """The class of this model and of every model that it holds."""
        held = (getattr(self, name) for name in self._domains)
        inner = (cls for value in held if isinstance(value, Model) for cls in value.classes())
        return tuple(dict.fromkeys((type(self), *inner)))

    def to_data(self) -> dict[str, Any]:
        """The model as JSON data, its kind included."""
        fields = {name: domain.plain(getattr(self, name)) for name, domain in self._domains.items()}
        return {_ONLY: self.kind(), **fields}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], prefix: str = "") -> Self:
        """The model that `to_data` describes; omitted parameters take their defaults.

        Raises
        ------
        UnknownNameError
            If an entry is no parameter; the nearest valid names are offered.
        DomainError
            If a value lies outside its domain, a parameter without default is missing, or `kind` is another.
        """
        values = dict(data)
        kind = values.pop(_ONLY, cls.kind())
        if kind != cls.kind():
            raise DomainError(f"{prefix}{_ONLY}", kind, cls.kind())
        for name in values:
            if name not in cls._domains:
                raise UnknownNameError("parameter", f"{prefix}{name}", [prefix + n for n in cls._domains])
        for item in dataclasses.fields(cls):  # type: ignore[arg-type]
            if item.name not in values and item.default is MISSING:
                raise DomainError(f"{prefix}{item.name}", None, f"given: {item.metadata['domain'].words}")
        try:
            return cls(**values)
        except DomainError as error:
            if not prefix:
                raise
            raise DomainError(prefix + error.parameter, error.value, error.allowed) from None
        except UnknownNameError as error:
            raise UnknownNameError(
                error.kind, prefix + error.name, [prefix + n for n in error.valid]
            ) from None

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, shortest round-trip floats, no spaces."""
        return json.dumps(self.to_data(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The model whose `to_json` is `text` (or any JSON object of its parameters)."""
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise DomainError("model", text, f"a JSON object ({error})") from None
        if not isinstance(data, dict):
            raise DomainError("model", data, "a JSON object")
        return cls.from_data(cast("dict[str, Any]", data))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal; equal in every process and Python version."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()
