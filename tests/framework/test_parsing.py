"""From text to values and models: the grammar, and one clear error for everything outside it."""

from __future__ import annotations

import datetime
import itertools
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemmata.domains import DomainError
from lemmata.models import Model
from lemmata.names import UnknownNameError
from lemmata.parsing import (
    Sweep,
    ValueSyntaxError,
    build_models,
    check_names,
    nest,
    parse_assignments,
    parse_value,
    points,
)
from tests.framework.invented import Box, Scene, Sphere, SunShadow, Theatre
from tests.profiles import share

# ---- the grammar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("+7", 7),
        ("1_000", 1000),
        ("0x1f", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-.5", -0.5),
        ("+.5e-3", 0.5e-3),
        ("1.", 1.0),
        ("-12.", -12.0),
        ("1e-3", 1e-3),
        ("6.02E23", 6.02e23),
        ("true", True),
        ("false", False),
        ("inf", math.inf),
        ("relu", "relu"),
        ("sun_shadow", "sun_shadow"),
        ("a.b-c", "a.b-c"),
        ("True", "True"),
        ('"two words"', "two words"),
        ("'a, b'", "a, b"),
        ('"a#b"', "a#b"),
        (r'"a\"b, c"', 'a"b, c'),
        (r'"a\\"', "a\\"),
        (r'"ends in a backslash\\"', "ends in a backslash\\"),
        (r"'\'", "\\"),
        ('".5"', ".5"),
        ("[1, 2]", [1, 2]),
        ("[.3,.4,.3]", [0.3, 0.4, 0.3]),
        ("[1.,2.]", [1.0, 2.0]),
        ("[[1,0],[0,1.]]", [[1, 0], [0, 1.0]]),
        ('["a, b", ".5", 1.]', ["a, b", ".5", 1.0]),
        ("[]", []),
        ("{gain = 2, kind = 'sun'}", {"gain": 2, "kind": "sun"}),
        ("{gain=.5}", {"gain": 0.5}),
        ("2024-06-07", datetime.date(2024, 6, 7)),
        ("  3  ", 3),
    ],
)
def test_one_value(text: str, value: Any) -> None:
    parsed = parse_value("key", text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,3", (1, 2, 3)),
        ("1, .5 ,2.", (1, 0.5, 2.0)),
        ("tanh,relu", ("tanh", "relu")),
        ("[1,2],[3]", ([1, 2], [3])),
        ("{gain=1,steps=2},{gain=2}", ({"gain": 1, "steps": 2}, {"gain": 2})),
        ("'a,b',c", ("a,b", "c")),
        (r'"a\\",1', ("a\\", 1)),
        (r'"a\",",1', ('a",', 1)),
        ("true,false", (True, False)),
        ("0:1:3", (0.0, 0.5, 1.0)),
        ("-1:1:5", (-1.0, -0.5, 0.0, 0.5, 1.0)),
        (".5:1.:2", (0.5, 1.0)),
        ("3:1:3", (3.0, 2.0, 1.0)),
        ("2:9:1", (2.0,)),
        ("0:1:2,7", (0.0, 1.0, 7)),
        ("log:1:100:3", (1.0, 10.0, 100.0)),
        ("log:4:1:3", (4.0, 2.0, 1.0)),
        ("1_000:2e3:2", (1000.0, 2000.0)),
    ],
)
def test_a_sweep(text: str, values: tuple[Any, ...]) -> None:
    parsed = parse_value("key", text)
    assert isinstance(parsed, Sweep)
    assert parsed.values == values
    assert [type(x) for x in parsed.values] == [type(x) for x in values]


@pytest.mark.parametrize(("low", "high"), [(-12, 12), (-5, 2), (-1, 6), (3, -3), (-300, 300)])
def test_logarithmic_ranges_hit_decades_exactly(low: int, high: int) -> None:
    """Each decade is the float that its own literal gives, not one beside it."""
    parsed = parse_value("ridge", f"log:1e{low}:1e{high}:{abs(high - low) + 1}")
    step = 1 if high > low else -1
    assert parsed.values == tuple(float(f"1e{k}") for k in range(low, high + step, step))


@given(
    st.floats(1e-300, 1e300),
    st.floats(1e-300, 1e300),
    st.integers(2, 40),
)
def test_ranges_end_where_they_say_and_are_evenly_spaced(low: float, high: float, count: int) -> None:
    """Both ends are included to the bit; steps (of the logarithm) are equal to rounding."""
    line = parse_value("key", f"{low!r}:{high!r}:{count}").values
    assert (line[0], line[-1], len(line)) == (low, high, count)
    steps = [b - a for a, b in itertools.pairwise(line)]
    # every point carries a few roundings of numbers up to the larger end
    assert max(steps) - min(steps) <= 8 * math.ulp(max(low, high))
    curve = parse_value("key", f"log:{low!r}:{high!r}:{count}").values
    assert (curve[0], curve[-1], len(curve)) == (low, high, count)
    logs = [math.log10(x) for x in curve]
    steps = [b - a for a, b in itertools.pairwise(logs)]
    assert max(steps) - min(steps) <= 8 * math.ulp(300.0)


# ---- malformed text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1,",
        ",1",
        "1,,2",
        "[1",
        "1]",
        "[1,2",
        "{a=1",
        '"open',
        "'open",
        "1 2",
        "two words",
        "1..2",
        ".",
        "-",
        "05",
        "1e",
        "@",
        "a=b",
        "= 3",
        "3 # comment",
        "3\nother = 4",
        "3\rother = 4",
        "[1,\n2]",
        "0:1:0",
        "0:1:-1",
        "0:1:2.5",
        "0:1:many",
        "0:1:1000001",
        "0:1:" + "9" * 5000,
        "0:1",
        "0:1:2:3",
        "log:0:1:3",
        "log:-1:1:3",
        "log:1:0:3",
        "0:1e400:3",
        "-1e308:1e308:3",
        "1__0:2:3",
        "1_:2:3",
        "nan:1:3",
        "1__0",
        "2024-13-01",
        "\x00",
        "\ud800",
        "[" * 5000,
        "{a=" * 2000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_malformed_text_names_key_and_text(text: str) -> None:
    with pytest.raises(ValueSyntaxError) as caught:
        parse_value("ridge", text)
    message = str(caught.value)
    assert message.startswith("ridge=")
    assert text.split(",")[0].strip() in message


@given(st.text(max_size=30) | st.text(alphabet="0123456789.:,_eE+-[]{}\"'=# \\loginft\n\r\t", max_size=24))
@example("1_:1_:1")
@example("log:1e-400:1:3")
@example("-1.7e308:1.7e308:3")
@example('"\\')
@example("0001-01-01T00:00:00-23:59")
@settings(max_examples=5 * share(1))
def test_any_text_is_a_value_or_a_syntax_error(text: str) -> None:
    """Nothing but `ValueSyntaxError` comes out, whatever goes in; ranges hold finite numbers."""
    try:
        value = parse_value("key", text)
    except ValueSyntaxError:
        return
    if isinstance(value, Sweep) and value.is_range:
        assert all(math.isfinite(x) for x in value.values)


def toml(value: Any) -> str:
    """A value as a TOML literal, written from the grammar of TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())}}}"
    if isinstance(value, str):
        escaped = "".join(
            c if c.isprintable() and c not in '"\\' and ord(c) < 128 else f"\\U{ord(c):08x}" for c in value
        )
        return f'"{escaped}"'
    return repr(value)


scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=2)
    ),
)


@given(values)
@example("ends in a backslash\\")
@example(['"', ",", "\\"])
def test_literals_read_back(value: Any) -> None:
    """parse(write(v)) is v, type by type."""
    parsed = parse_value("key", toml(value))
    assert parsed == value
    assert repr(parsed) == repr(value)


@given(st.lists(scalars, min_size=2, max_size=4))
def test_sweeps_of_literals_read_back(items: list[Any]) -> None:
    """A comma outside of quotes and brackets separates, one inside does not."""
    parsed = parse_value("key", ",".join(map(toml, items)))
    assert repr(parsed) == repr(Sweep(tuple(items)))


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers())
def test_repr_of_numbers_reads_back(number: float, count: int) -> None:
    assert parse_value("key", repr(number)) == number
    assert parse_value("key", repr(count)) == count


# ---- assignments and nesting


def test_assignments_keep_order_and_dotted_keys() -> None:
    parsed = parse_assignments(["tokens=128", "target.gain=1,2", " name = 'a=b' "])
    assert parsed == {"tokens": 128, "target.gain": Sweep((1, 2)), "name": "a=b"}
    assert list(parsed) == ["tokens", "target.gain", "name"]


@pytest.mark.parametrize(
    "words", [["tokens"], ["=3"], ["a..b=1"], ["a.=1"], [".a=1"], ["1a=2"], ["a b=1"], ["a=1", "a=2"], [""]]
)
def test_malformed_assignments_are_refused(words: list[str]) -> None:
    with pytest.raises(ValueSyntaxError, match=r"expected parameter=value|given twice"):
        parse_assignments(words)


def test_dotted_keys_become_nested_mappings_over_a_base() -> None:
    base = {"target": {"kind": "sphere", "radius": 2}, "size": 1}
    assert nest({"target.radius": 3, "seats": 4}, base) == {
        "target": {"kind": "sphere", "radius": 3},
        "size": 1,
        "seats": 4,
    }
    assert base == {"target": {"kind": "sphere", "radius": 2}, "size": 1}  # untouched
    assert nest({"scene.target.gain": 1}) == {"scene": {"target": {"gain": 1}}}


@pytest.mark.parametrize("keys", [("target", "target.gain"), ("target.gain", "target")])
def test_a_kind_and_its_parameters_may_come_in_any_order(keys: tuple[str, str]) -> None:
    values = {"target": "sun_shadow", "target.gain": 2}
    tree = nest({key: values[key] for key in keys})
    assert tree == {"target": {"kind": "sun_shadow", "gain": 2}}


def test_points_run_through_all_combinations_the_last_key_fastest() -> None:
    swept = {"a": Sweep((1, 2)), "b": 5, "c": Sweep(("x", "y"))}
    assert points(swept) == [{"a": a, "b": 5, "c": c} for a, c in [(1, "x"), (1, "y"), (2, "x"), (2, "y")]]
    assert points({}) == [{}]
    many = Sweep(tuple(range(1001)))
    with pytest.raises(ValueSyntaxError, match=r"^a, b: more than 1000000 combinations"):
        points({"a": many, "b": many})


def build(model: type[Model], *words: str) -> list[Model]:
    return build_models(model, parse_assignments(words))


def test_models_from_text() -> None:
    assert build(Box, "size=2", "width=.5", "start=[.3,.4,.3]", "metric=[[2,0],[0,2.]]") == [
        Box(2, 0.5, start=(0.3, 0.4, 0.3), metric=((2, 0), (0, 2)))
    ]
    assert build(Box, "size=1,2", "width=log:1:100:3") == [
        Box(size, width) for size in (1, 2) for width in (1.0, 10.0, 100.0)
    ]
    assert build(Scene, "target.kind=sun_shadow", "target.gain=2") == [Scene(target=SunShadow(2))]
    assert build(Scene, "target.gain=2", "target=sun_shadow") == [Scene(target=SunShadow(2))]
    assert build(Scene, "target=sphere", "light=2") == [Scene(2, Sphere())]
    assert build(Scene, "target.radius=1,2") == [Scene(target=Sphere(1)), Scene(target=Sphere(2))]
    assert build(Scene, "target={kind='sun_shadow', gain=.5}") == [Scene(target=SunShadow(0.5))]
    assert build(Theatre, "scene.target.kind=sun_shadow", "scene.target.gain=1", "seats=3") == [
        Theatre(Scene(target=SunShadow(1)), 3)
    ]


def test_models_from_text_over_a_base() -> None:
    base = Theatre(Scene(2.0, SunShadow(3.0, 4)), 5).to_data()
    built = build_models(Theatre, parse_assignments(["scene.target.gain=7"]), base)
    assert built == [Theatre(Scene(2.0, SunShadow(7.0, 4)), 5)]


def test_ranges_of_whole_numbers_are_rounded_and_kept_once() -> None:
    assert build(Box, "size=log:1:8:7", "width=1") == [Box(size, 1) for size in (1, 2, 3, 4, 6, 8)]
    inner = build(Scene, "target.kind=sun_shadow", "target.gain=1", "target.steps=1:4:3")
    assert inner == [Scene(target=SunShadow(1, steps)) for steps in (1, 2, 4)]
    with pytest.raises(DomainError, match=r"^size = 1\.5: "):
        build(Box, "size=1.5,2", "width=1")  # listed values are taken at their word


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["sise=1", "width=1"], UnknownNameError, "unknown parameter 'sise'; did you mean size"),
        (["size=1", "width=0"], DomainError, "width = 0: must be a finite real number > 0"),
        (["size=1", "width=nan"], DomainError, "width = nan: must be a finite real number > 0"),
        (["size=0:4:3", "width=1"], DomainError, "size = 0: must be a whole number >= 1 and <= 1e+06"),
        (["width=1"], DomainError, "size = None: must be given: a whole number >= 1 and <= 1e+06"),
        (["size=big", "width=1"], DomainError, "size = 'big': must be a whole number >= 1 and <= 1e+06"),
        (["size.x=1", "width=1"], DomainError, "size = {'x': 1}: must be a whole number >= 1 and <= 1e+06"),
        (["size=3", "size.x=1", "width=1"], DomainError, "size = {'x': 1}: must be a whole number"),
    ],
)
def test_bad_models_from_text_are_one_clear_line(
    words: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        build(Box, *words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_parameters_inside_a_nested_model_offer_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown parameter 'target\.radios'; did you mean target\.radius"
    ):
        build(Scene, "target.radios=1")


def test_further_names_may_be_allowed() -> None:
    check_names(Box, ["size", "trials"], also=["trials"])
    with pytest.raises(UnknownNameError, match="did you mean trials"):
        check_names(Box, ["trails"], also=["trials"])
