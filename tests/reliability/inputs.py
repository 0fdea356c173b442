"""Command lines and sweep files, legal ones and ones of all other sorts, for the fuzzing of the command line.

Hypothesis draws a seed and a few texts; what is made of them follows from these alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
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
PATHS = (
    "t.csv", "t.parquet", "out", "ledger.sqlite", "spec.toml", "precious", "precious/notes.txt", "precious/t.csv",
    "precious/ledger.sqlite", "missing/ledger.sqlite", "", ".", "/dev/null/x.csv", "\x00", "a" * 300,
)  # fmt: skip
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

FIELDS = ("version", "result", "trials", "seed", "precision", "most_trials", "sampler", "parameters", "extra")
Case = tuple[list[str], bytes]
"""A command line, and the content of the sweep file `spec.toml`."""


class Chance(random.Random):
    """Chance with a seed, and with texts of its own among the junk."""

    def __init__(self, seed: int, texts: Sequence[str]) -> None:
        super().__init__(seed)
        self.texts = texts

    def happens(self, one_in: int) -> bool:
        """True once in so many times."""
        return self.randrange(one_in) == 0

    def junk(self) -> str:
        """A value of one of the known sorts, or any text."""
        return self.choice(self.texts) if self.texts and self.happens(4) else self.choice(JUNK)


chances = st.builds(Chance, st.integers(0, 2**64), st.lists(st.text(max_size=8), max_size=3))


@cache
def identifiers() -> tuple[str, ...]:
    """Names that commands know, and some that are nearly right."""
    papers = [paper.name for paper in CATALOGUE]
    known = [entry.identifier for entry in CATALOGUE.claims()][::7] + [
        e.identifier for e in CATALOGUE.figures()
    ][::7]
    results = [result.identifier for paper in CATALOGUE for result in paper.results][::3]
    return (*papers, *known, *results, *(name[:-1] for name in results), "attention_memorization/C999", "C1")


@cache
def legal() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Results that are paired with a simulation, each with small legal parameters."""
    paired = {(paper.name, comparison.name) for paper in CATALOGUE for comparison in paper.comparisons}
    found: list[tuple[str, dict[str, Any]]] = []
    for result in (result for paper in CATALOGUE for result in paper.results):
        if (result.paper, result.name) in paired:
            for model in itertools.islice(small_models(result.model), 1):
                data = {name: value for name, value in model.to_data().items() if name != "kind"}
                found.append((result.identifier, data))
    return tuple(found)


# ------------------------------------------------------------------ command lines


def command_line(chance: Chance) -> Case:
    """A command with any of its options and arguments, of which a few are tampered with."""
    names = cli.list_commands(click.Context(cli))
    if chance.happens(30):
        return [chance.choice(["sweeep", "", chance.junk()]), *([chance.junk()] * chance.randrange(3))], b""
    name = chance.choice(names)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    words = [name]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            words += _option(chance, parameter)
        elif name not in ASKING and not chance.happens(10):
            words += [_argument(chance, str(parameter.metavar)) for _ in range(1 + chance.happens(4))]
    if name in ASKING:
        words += _asked(chance)
    if name in LONG:
        words.append("--no-such-option")
    return words, VALID.encode()


def _asked(chance: Chance) -> list[str]:
    """A result and legal assignments, of which a few are tampered with, left out, or more than are known."""
    result, parameters = chance.choice(legal())
    words = [chance.junk() if chance.happens(15) else result]
    for name, value in parameters.items():
        if chance.happens(15):
            words.append(f"{name}={chance.junk()}")
        elif not chance.happens(15):
            words += flat(name, value)
    if chance.happens(15):
        words.append(f"{chance.junk()}={chance.junk()}")
    return words


def flat(name: str, value: Any) -> list[str]:
    """Assignments of a parameter, dotted where it is a model."""
    if isinstance(value, dict):
        parts = (
            [f"{name}={item}"] if key == "kind" else flat(f"{name}.{key}", item)
            for key, item in value.items()
        )
        return list(itertools.chain.from_iterable(parts))
    return [f"{name}={str(value).lower() if isinstance(value, bool) else value}"]


def _argument(chance: Chance, metavar: str) -> str:
    if "SPEC" in metavar:
        return chance.choice(PATHS) if chance.happens(6) else "spec.toml"
    return chance.junk() if chance.happens(6) else chance.choice(identifiers())


def _option(chance: Chance, option: click.Option) -> list[str]:
    """Usually nothing; else the option with a legal value, or with junk."""
    name = max(option.opts, key=len)
    if not chance.happens(5):
        return []
    if option.is_flag:
        return [name]
    if isinstance(option.type, click.Path):
        return [name, chance.choice(PATHS)]
    if isinstance(option.type, click.Choice) and not chance.happens(4):
        return [name, str(chance.choice(option.type.choices))]
    if not chance.happens(4):
        return [name, {"--engine": "serial", "--workers": "1"}.get(name, "30")]
    return [name, chance.junk()]


# ------------------------------------------------------------------ sweep files


def sweep_file(chance: Chance) -> Case:
    """A sweep file: one of any result with a few fields tampered with, a legal one with a stretch replaced, noise."""
    words = ["sweep", "spec.toml", "--out", chance.choice(["t.csv", "t.csv", "precious/t.csv", "t.parquet"])]
    words += ["--ledger", "ledger.sqlite", *chance.choice([[], [], ["--dry-run"], ["--extend", "30"]])]
    kind = chance.randrange(10)
    if kind == 0:
        return words, chance.randbytes(chance.randrange(200))
    if kind <= 2:
        start = chance.randrange(len(VALID))
        filling = chance.choice([chance.junk(), chance.choice(VALUES)])
        text = VALID[:start] + filling + VALID[start + chance.randrange(12) :]
        return words, text.encode("utf-8", errors="surrogatepass")
    return words, _written(chance).encode("utf-8", errors="surrogatepass")


def _written(chance: Chance) -> str:
    """A file for some result, with fields and parameters of which a few are tampered with or left out."""
    result, parameters = chance.choice(legal())
    fields = {"version": "1", "result": f'"{result}"', "trials": "8"}
    fields |= {key: chance.choice(VALUES) for key in FIELDS if chance.happens(50)}
    lines = [f"{key} = {text}" for key, text in fields.items()] + ["[parameters]"]
    for name, value in parameters.items():
        if not chance.happens(40):
            lines.append(f"{name} = {chance.choice(VALUES) if chance.happens(20) else toml(value)}")
    if chance.happens(30):
        lines.append(f"unknown = {chance.choice(VALUES)}")
    return "\n".join(lines)


def sweep_of(result: str, parameters: Mapping[str, Any]) -> str:
    """A legal sweep file."""
    lines = [f"{name} = {toml(value)}" for name, value in parameters.items()]
    return "\n".join(["version = 1", f'result = "{result}"', "trials = 8", "[parameters]", *lines])


def toml(value: Any) -> str:
    """A parameter's value as a sweep file has it: a vector in quotes, since a list would be a sweep."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f'"{list(value)}"'
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
