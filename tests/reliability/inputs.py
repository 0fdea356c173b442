"""Command lines and sweep files, legal ones and ones of all other sorts, for the fuzzing of the command line."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

import click
import hypothesis.strategies as st

from lemmata.cli import cli
from lemmata.cli.warmup import small_models
from tests.reliability.work import CATALOGUE

LONG = ("bench", "warmup", "classroom", "site")
"""Commands that legally run for minutes: they are only given words that they refuse."""
ASKING = ("predict", "compare")
"""Commands that take a result and its parameters."""
JUNK = (
    "", " ", "0", "1", "-1", "2", "7", "0.5", "1e300", "-1e-300", "1e999", "nan", "inf", "true", "''", '"x"', "x", "é",
    "[]", "[1, 2]", "[0.3, 0.7]", "[[1, 0], [0, 1]]", "{a = 1}", "[", "1,2", "1,,2", "1:2:3", "log:0.1:10:3",
    "log:-1:1:3", "1:2:0", "1:2:1e3", "0:1:999999", "1979-05-27", "0x10", "1_000", "-", "--", "=", "a=b", "a.b=1",
    "a/b", "../x", "\x00", "\n", "9" * 400, "a" * 5000, "%s{}$HOME`", "\u202e",
)  # fmt: skip


def junk() -> st.SearchStrategy[str]:
    """A value of one of the known sorts, or any text."""
    return st.one_of(st.sampled_from(JUNK), st.sampled_from(JUNK), st.text(max_size=8))


# ------------------------------------------------------------------ command lines

PATHS = (
    "t.csv", "t.parquet", "out", "ledger.sqlite", "spec.toml", "precious", "precious/notes.txt", "precious/t.csv",
    "precious/ledger.sqlite", "missing/ledger.sqlite", "", ".", "/dev/null/x.csv", "\x00", "a" * 300,
)  # fmt: skip


def identifiers() -> tuple[str, ...]:
    """Names that commands know, and some that are nearly right."""
    papers = [paper.name for paper in CATALOGUE]
    known = [entry.identifier for entry in CATALOGUE.claims()][::7] + [
        e.identifier for e in CATALOGUE.figures()
    ][::7]
    results = [result.identifier for paper in CATALOGUE for result in paper.results][::3]
    return (*papers, *known, *results, *(name[:-1] for name in results), "attention_memorization/C999", "C1")


@cache
def legal() -> tuple[tuple[str, dict[str, str]], ...]:
    """Results that are paired with a simulation, each with small legal parameters as TOML."""
    paired = {(paper.name, comparison.name) for paper in CATALOGUE for comparison in paper.comparisons}
    found: list[tuple[str, dict[str, str]]] = []
    for result in (result for paper in CATALOGUE for result in paper.results):
        if (result.paper, result.name) in paired:
            for model in itertools.islice(small_models(result.model), 1):
                data = {name: value for name, value in model.to_data().items() if name != "kind"}
                found.append((result.identifier, {name: toml(value) for name, value in data.items()}))
    return tuple(found)


def toml(value: Any) -> str:
    """A parameter's value as a sweep file has it: a vector in quotes, since a list would be a sweep."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f'"{list(value)}"'
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def sweep_of(result: str, parameters: Mapping[str, str]) -> str:
    """A legal sweep file."""
    lines = [f"{name} = {text}" for name, text in parameters.items()]
    return "\n".join(["version = 1", f'result = "{result}"', "trials = 8", "[parameters]", *lines])


@st.composite
def asked(draw: st.DrawFn) -> list[str]:
    """A result and legal assignments, of which a few are tampered with, left out, or more than are known."""
    result, parameters = draw(st.sampled_from(legal()))
    words = [draw(junk()) if draw(st.integers(0, 15)) == 0 else result]
    for name, value in parameters.items():
        kind = draw(st.integers(0, 9))
        if kind == 0:
            words.append(f"{name}={draw(junk())}")
        elif kind != 1 and not value.startswith("{"):
            words.append(f"{name}={value.strip(chr(34))}")
    if draw(st.integers(0, 7)) == 0:
        words.append(draw(st.builds("{}={}".format, junk(), junk())))
    return words


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """A command with any of its options and arguments."""
    names = cli.list_commands(click.Context(cli))
    name = draw(st.sampled_from([*names, "sweeep", ""]))
    if name not in names:
        return [name, *draw(st.lists(junk(), max_size=2))], b""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    words = [name]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            words += draw(_option(parameter))
        elif name not in ASKING and draw(st.integers(0, 9)):
            count = 2 if parameter.nargs == -1 else 1
            words += draw(st.lists(_argument(str(parameter.metavar)), min_size=1, max_size=count))
    if name in ASKING:
        words += draw(asked())
    if name in LONG:
        words.append("--no-such-option")
    return words, VALID.encode()


def _argument(metavar: str) -> st.SearchStrategy[str]:
    if "SPEC" in metavar:
        return st.one_of(st.just("spec.toml"), st.just("spec.toml"), st.sampled_from(PATHS))
    return st.one_of(st.sampled_from(identifiers()), st.sampled_from(identifiers()), junk())


def _option(option: click.Option) -> st.SearchStrategy[list[str]]:
    name = max(option.opts, key=len)
    if option.is_flag:
        return st.sampled_from([[], [name]])
    if isinstance(option.type, click.Path):
        value: st.SearchStrategy[str] = st.sampled_from(PATHS)
    elif isinstance(option.type, click.Choice):
        value = st.one_of(st.sampled_from([str(choice) for choice in option.type.choices]), junk())
    elif name == "--engine":
        value = st.one_of(st.sampled_from(["serial", "threads", "dask"]), junk())
    else:
        value = junk()
    chosen = st.builds(lambda text: [name, text], value)
    return st.integers(0, 4).flatmap(lambda kind: st.just([]) if kind else chosen)


# ------------------------------------------------------------------ sweep files

VALID = """version = 1
result = "attention_memorization.ridge_regression_error"
trials = 20
[parameters]
tokens = [16, 20]
dimension = 12
ridge = [0.1, 1]
snr = 1
"""
VALUES = (
    "1", "0", "-1", "2", "20", "1.5", "1e-3", "1e300", "nan", "inf", "-inf", "true", '""', '"x"', '"1,2"',
    '"log:1:10:3"', '"1:2"', "[]", "[1, 2]", "[[1]]", "[true]", '["x"]', "[nan]", "{}", "{kind = 'x'}", "1979-05-27",
    "9" * 30, "1:2:3", "",
)  # fmt: skip


@st.composite
def sweep_files(draw: st.DrawFn) -> tuple[list[str], bytes]:
    """A sweep file: a legal one that was tampered with, or one made of known and unknown keys, or noise."""
    words = [
        "sweep",
        "spec.toml",
        "--out",
        draw(st.sampled_from(["t.csv", "t.csv", "precious/t.csv", "t.parquet"])),
    ]
    words += [
        "--ledger",
        "ledger.sqlite",
        *draw(st.sampled_from([[], [], ["--dry-run"], ["--extend", "30"]])),
    ]
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return words, draw(st.binary(max_size=200))
    if kind <= 2:
        return words, _tampered(draw)
    return words, _written(draw)


def _tampered(draw: st.DrawFn) -> bytes:
    """The legal file with a stretch replaced."""
    start = draw(st.integers(0, len(VALID)))
    stop = min(len(VALID), start + draw(st.integers(0, 12)))
    filling = draw(st.one_of(junk(), st.sampled_from(VALUES)))
    return (VALID[:start] + filling + VALID[stop:]).encode("utf-8", errors="surrogatepass")


def _written(draw: st.DrawFn) -> bytes:
    """A file for some result, with fields and parameters of which a few are tampered with or left out."""
    result, parameters = draw(st.sampled_from(legal()))
    value = st.sampled_from(VALUES)
    fields = {"version": "1", "result": f'"{result}"', "trials": "8"}
    for key in (
        "version",
        "result",
        "trials",
        "seed",
        "precision",
        "most_trials",
        "sampler",
        "parameters",
        "extra",
    ):
        if draw(st.integers(0, 15)) == 0:
            fields[key] = draw(value)
    lines = [f"{key} = {text}" for key, text in fields.items()] + ["[parameters]"]
    for name, text in parameters.items():
        kind = draw(st.integers(0, 11))
        if kind:
            lines.append(f"{name} = {draw(value) if kind == 1 else text}")
    if draw(st.integers(0, 15)) == 0:
        lines.append(f"unknown = {draw(value)}")
    return "\n".join(lines).encode()
