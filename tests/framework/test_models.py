"""Models: one canonical value for every spelling, one clear error for everything else, one digest everywhere."""

# Values of other types than the declared ones are the subject here.
# pyright: reportArgumentType=false

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemmata.codedigest import ROOT
from lemmata.domains import DomainError
from lemmata.models import Model, real, vector, whole
from lemmata.names import UnknownNameError, nearest
from tests.framework.invented import Box, Scene, Sphere, SunShadow, Theatre, Walk

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
least_zero = st.floats(min_value=0, allow_infinity=False)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    return Box(
        size=draw(st.integers(1, 10**6)),
        width=draw(positive),
        bias=draw(st.floats(-1, 1, exclude_max=True)),
        is_open=draw(st.booleans()),
        colour=draw(st.sampled_from(["red", "green", "dark_blue"])),
        start=tuple(draw(st.lists(least_zero, min_size=1, max_size=4))),
        metric=tuple(tuple(draw(st.lists(finite, min_size=2, max_size=2))) for _ in range(2)),
    )


spheres = st.builds(Sphere, radius=positive)
shadows = st.builds(SunShadow, gain=least_zero, steps=st.integers(1, 2**70))
scenes = st.builds(Scene, light=least_zero, target=spheres | shadows)
theatres = st.builds(Theatre, scene=scenes, seats=st.integers(0, 10**9))
models = boxes() | spheres | shadows | scenes | theatres


# ---- one canonical value for every spelling


@pytest.mark.parametrize(
    "one",
    [1, 1.0, np.float64(1), np.float32(1), np.int64(1), np.uint8(1), np.array(1), np.array(1.0), Fraction(1)],
    ids=lambda value: type(value).__name__ + str(getattr(value, "dtype", "")),
)
def test_spellings_of_one_digest_alike(one: Any) -> None:
    model = Box(size=one, width=one, start=[one, one], metric=[[one, 0], [0, one]])
    plain = Box(1, 1.0, start=(1.0, 1.0))
    assert model == plain
    assert model.digest() == plain.digest()
    assert hash(model) == hash(plain)
    assert type(model.size) is int
    assert type(model.width) is float
    assert [type(x) for x in model.start] == [float, float]
    assert repr(model) == repr(plain)


def test_other_spellings_digest_alike() -> None:
    plain = Box(3, 0.5, is_open=True, colour="green", start=(0.0, 1.0))
    spelt = Box(
        np.int64(3), Fraction(1, 2), is_open=np.True_, colour=np.str_("green"), start=np.array([-0.0, 1])
    )
    assert spelt == plain
    assert spelt.digest() == plain.digest()
    assert type(spelt.is_open) is bool
    assert type(spelt.colour) is str
    assert "-0" not in spelt.to_json()


def test_data_spells_a_nested_model() -> None:
    scene = Scene(target=SunShadow(gain=2, steps=3))
    assert Scene(target={"kind": "sun_shadow", "gain": 2.0, "steps": 3}) == scene
    assert Scene(target={"radius": 2}) == Scene(target=Sphere(2.0))
    assert Scene(target={"gain": 2, "steps": 3}) == scene  # kind: the first that fits
    assert Scene(target="sphere") == Scene()
    assert Scene(target=SunShadow(2)).digest() != Scene(target=Sphere(2)).digest()


def test_large_whole_numbers_keep_every_digit() -> None:
    assert SunShadow(0, steps=2**70 + 1).steps == 2**70 + 1
    assert SunShadow(0, steps=np.uint64(2**63 + 1)).steps == 2**63 + 1


@given(models)
def test_values_are_canonical_once_constructed(model: Model) -> None:
    """Coercion is idempotent: a model made of its own values is the same model."""
    values = {name: getattr(model, name) for name in model.parameters()}
    again = type(model)(**values)
    assert again == model
    assert again.to_json() == model.to_json()


# ---- errors


NO_NUMBERS = [float("nan"), float("inf"), float("-inf"), np.nan, True, np.False_, "1", None, 1j, [1.0], b"1"]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, -1, 0.0, -1e-300, 10**400])
def test_a_bad_real_number_is_named_with_its_domain(value: Any) -> None:
    with pytest.raises(DomainError) as caught:
        Box(size=1, width=value)
    assert (caught.value.parameter, caught.value.allowed) == ("width", "a finite real number > 0")
    assert str(caught.value) == f"width = {value!r}: must be a finite real number > 0"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, -1, 1.5, 10**6 + 1, 10**400, 1e-300])
def test_a_bad_whole_number_is_named_with_its_domain(value: Any) -> None:
    with pytest.raises(DomainError) as caught:
        Box(size=value, width=1)
    assert str(caught.value) == f"size = {value!r}: must be a whole number >= 1 and <= 1e+06"


@pytest.mark.parametrize("value", [1, -1.001, 1.0, float("nan"), "0"])
def test_a_half_open_interval_excludes_its_open_end(value: Any) -> None:
    assert Box(1, 1, bias=-1).bias == -1.0
    with pytest.raises(DomainError, match=r"^bias = .*: must be a finite real number >= -1 and < 1$"):
        Box(1, 1, bias=value)


@pytest.mark.parametrize("value", [0, 1, "true", None, 1.0, [True]])
def test_a_flag_is_true_or_false(value: Any) -> None:
    with pytest.raises(DomainError, match=r"^is_open = .*: must be true or false$"):
        Box(1, 1, is_open=value)


@pytest.mark.parametrize("value", ["gren", "Green", "", 1, None, ["green"]])
def test_a_choice_lists_its_options_and_the_nearest(value: Any) -> None:
    with pytest.raises(DomainError, match=r"^colour = .*: must be one of red, green, dark_blue") as caught:
        Box(1, 1, colour=value)
    assert ("; did you mean green" in str(caught.value)) == (value in ("gren", "Green"))
    assert "valid:" not in str(caught.value)  # the words have listed the names already


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"start": []}, "start"),
        ({"start": 0.5}, "start"),
        ({"start": np.array(0.5)}, "start"),
        ({"start": "12"}, "start"),
        ({"start": {0: 1.0}}, "start"),
        ({"start": {1.0, 2.0}}, "start"),
        ({"start": (0.5, -1)}, "start[1]"),
        ({"start": (0.5, 0.5, float("nan"))}, "start[2]"),
        ({"start": ((0.5,),)}, "start[0]"),
        ({"metric": ((1, 0),)}, "metric"),
        ({"metric": ((1, 0), (0, 1), (0, 0))}, "metric"),
        ({"metric": ((1, 0), (0, 1, 2))}, "metric[1]"),
        ({"metric": ((1, 0), (0, True))}, "metric[1][1]"),
        ({"metric": ((1, 0), 1)}, "metric[1]"),
        ({"metric": np.eye(3)}, "metric"),
    ],
)
def test_a_bad_element_of_a_vector_is_named_by_its_place(changes: dict[str, Any], parameter: str) -> None:
    with pytest.raises(DomainError) as caught:
        Box(1, 1, **changes)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("data", "parameter"),
    [
        ({"scene": {"target": {"kind": "sun_shadow", "gain": -1}}}, "scene.target.gain"),
        ({"scene": {"target": {"kind": "sun_shadow"}}}, "scene.target.gain"),
        ({"scene": {"target": {"kind": "sun_shadw", "gain": 1}}}, "scene.target.kind"),
        ({"scene": {"target": {"kind": ["sphere"]}}}, "scene.target.kind"),
        ({"scene": {"target": 3}}, "scene.target"),
        ({"scene": {"target": None}}, "scene.target"),
        ({"scene": {"light": float("inf")}}, "scene.light"),
        ({"scene": 1}, "scene"),
        ({"scene": {}, "seats": -1}, "seats"),
        ({}, "scene"),
        ({"kind": "scene", "scene": {}}, "kind"),
    ],
)
def test_an_error_inside_a_nested_model_is_named_by_its_dotted_name(data: Any, parameter: str) -> None:
    with pytest.raises(DomainError) as caught:
        Theatre.from_data(data)
    assert caught.value.parameter == parameter
    assert str(caught.value).startswith(f"{parameter} = ")


@pytest.mark.parametrize(
    ("data", "unknown", "offered"),
    [
        ({"scene": {}, "seat": 3}, "'seat'", "seats"),
        ({"scene": {"lihgt": 3}}, "'scene.lihgt'", "scene.light"),
        ({"scene": {"target": {"kind": "sun_shadow", "gian": 1}}}, "'scene.target.gian'", "gain"),
        ({"scene": {"target": {"radios": 1}}}, "'scene.target.radios'", "radius"),
    ],
)
def test_an_unknown_parameter_offers_the_nearest(data: Any, unknown: str, offered: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        Theatre.from_data(data)
    assert f"unknown parameter {unknown}; did you mean " in str(caught.value)
    assert offered in str(caught.value)


def test_nearest_names_fold_case_look_at_tails_and_list_few() -> None:
    assert nearest("RIDGE", ["ridge", "snr"]) == "; did you mean ridge?"
    assert nearest("stieltjes", ["attention_memorization.stieltjes_transform"]).startswith(
        "; did you mean att"
    )
    assert nearest("zzz", ["a", "b"]) == "; valid: a, b"
    assert nearest("zzz", [str(i) for i in range(20)]).endswith("10, 11, ...")
    assert nearest("x", []) == ""


def test_validate_judges_fields_together_and_is_named_from_outside() -> None:
    class Interval(Model):
        low: float = real()
        high: float = real()

        def validate(self) -> None:
            if not self.low < self.high:
                raise DomainError("high", self.high, f"> low = {self.low:g}")

    with pytest.raises(DomainError, match=r"^high = 1\.0: must be > low = 2$"):
        Interval(2, 1)
    with pytest.raises(DomainError, match=r"^high = "):
        replace(Interval(0, 1), low=5)
    with pytest.raises(DomainError, match=r"^a\.b\.high = "):
        Interval.from_data({"low": 2, "high": 1}, prefix="a.b.")


def test_replace_validates_again() -> None:
    with pytest.raises(DomainError, match=r"^steps = 0: must be a whole number >= 1$"):
        replace(Walk(3), steps=0)


def test_errors_travel_between_processes() -> None:
    for error in (DomainError("a.b", [1], "a number"), UnknownNameError("paper", "x", ["y", "z"])):
        copied = pickle.loads(pickle.dumps(error))
        assert (str(copied), vars(copied)) == (str(error), vars(error))


def test_a_field_without_domain_or_named_kind_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"Bare\.size: declare its domain"):
        type("Bare", (Model,), {"__annotations__": {"size": int}})
    with pytest.raises(TypeError, match=r"Bare\.kind: this name is reserved"):
        type("Bare", (Model,), {"__annotations__": {"kind": int}, "kind": whole()})


def test_kind_is_the_name_in_snake_case() -> None:
    assert SunShadow.kind() == "sun_shadow"
    assert type("RLVRBatch2D", (Model,), {}).kind() == "rlvr_batch2_d"


# ---- records: frozen, hashable, serialised


@given(models)
def test_canonical_json_reads_back(model: Model) -> None:
    """from_json(to_json(m)) is m, and its JSON is the same text."""
    text = model.to_json()
    again = type(model).from_json(text)
    assert again == model
    assert again.to_json() == text
    assert again.digest() == model.digest()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


@given(models, models)
def test_digests_are_equal_exactly_when_models_are(one: Model, other: Model) -> None:
    """Equal digest, equal kind and values; and the other way round."""
    assert (one.digest() == other.digest()) == (one == other)


@given(models)
def test_models_are_frozen_hashable_and_copy_to_equals(model: Model) -> None:
    name = next(iter(model.parameters()))
    with pytest.raises(FrozenInstanceError):
        setattr(model, name, getattr(model, name))
    with pytest.raises(FrozenInstanceError):
        delattr(model, name)
    assert len({model, copy.deepcopy(model), replace(model)}) == 1
    assert pickle.loads(pickle.dumps(model)) == model


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '"Box"', "{'size': 1}", '{"size": 1,}'])
def test_text_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(DomainError, match="a JSON object"):
        Box.from_json(text)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "null", "true", '"1"', "1e999"])
def test_json_holds_no_numbers_that_are_not_finite(word: str) -> None:
    with pytest.raises(DomainError, match=r"^width = "):
        Box.from_json(f'{{"size": 1, "width": {word}}}')


def test_describe_has_a_row_for_every_parameter() -> None:
    rows = {row[0]: row[1:] for row in Box.describe()}
    assert list(rows) == list(Box.parameters())
    assert rows["size"] == ("a whole number >= 1 and <= 1e+06", "", "")
    assert rows["start"][0] == "a list of length >= 1, each a finite real number >= 0"
    assert rows["metric"][0] == "a list of length 2, each a list of length 2, each a finite real number"


def test_a_vector_may_have_a_fixed_length() -> None:
    class Point(Model):
        place: tuple[float, ...] = vector(length=3)

    assert Point([1, 2, 3]).place == (1.0, 2.0, 3.0)
    with pytest.raises(DomainError, match=r"^place = .*: must be a list of length 3, each"):
        Point([1, 2])


# ---- the digest is the same everywhere


PROGRAM = """
import sys
from lemmata.models import Model, choice, flag, nested, real, vector, whole

class Sphere(Model):
    radius: float = real(above=0, default=1.0)

class SunShadow(Model):
    gain: float = real(least=0)

class Place(Model):
    size: int = whole(least=1)
    width: float = real()
    colour: str = choice("red", "grün", default="grün")
    is_open: bool = flag(default=True)
    start: tuple = vector(default=(1 / 3, 1e-300, 2.0**60))
    metric: tuple = vector(shape=(2, 2), default=((1, 0.1), (0.1, 1e22)))
    target: Model = nested(Sphere, SunShadow, default=Sphere())

print(Place(7, 0.1 + 0.2, target=SunShadow(gain=5e-324)).digest())
print(int("numpy" in sys.modules))
"""
CANONICAL = (
    r'{"colour":"gr\u00fcn","is_open":true,"kind":"place","metric":[[1.0,0.1],[0.1,1e+22]],"size":7,'
    r'"start":[0.3333333333333333,1e-300,1.152921504606847e+18],"target":{"gain":5e-324,"kind":"sun_shadow"},'
    r'"width":0.30000000000000004}'
)
DIGEST = hashlib.sha256(CANONICAL.encode()).hexdigest()


def interpreters() -> list[str]:
    """Python interpreters, 3.11 or newer and of another version than this one, that start."""
    found: list[str] = []
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [str(path) for path in sorted(pyenv.glob("3.*/bin/python"))]
    candidates += [path for minor in range(11, 20) if (path := shutil.which(f"python3.{minor}"))]
    seen = {sys.version_info[:2]}
    for candidate in candidates:
        asked = [candidate, "-c", "import sys; print(*sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        major, minor = map(int, done.stdout.split()) if done.returncode == 0 else (0, 0)
        version = (major, minor)
        if version >= (3, 11) and version not in seen:
            seen.add(version)
            found.append(candidate)
    return found


def digest_elsewhere(python: str, hash_seed: str) -> list[str]:
    environment = {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": hash_seed,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    done = subprocess.run(
        [python, "-c", PROGRAM], env=kept | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize("hash_seed", ["0", "1", "20240607"])
def test_digest_is_equal_in_every_process_and_needs_no_numpy(hash_seed: str) -> None:
    digest, numpy_loaded = digest_elsewhere(sys.executable, hash_seed)
    assert digest == DIGEST
    assert numpy_loaded == "0"


def test_digest_is_equal_in_every_python_version() -> None:
    others = interpreters()
    if not others:
        pytest.skip("no other Python >= 3.11 on this machine")
    assert [digest_elsewhere(python, "7")[0] for python in others] == [DIGEST] * len(others)
