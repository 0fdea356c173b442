"""The commands by which what the site shows is made again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemmata.catalogue import PaperFloors
    from lemmata.models import Model
    from lemmata.records import Result


def judging(claim: str, level: str, seed: int) -> str:
    """The command that judges a claim."""
    return f"lemmata check {claim} --level {level}{_seeded(seed)} --evidence"


def drawing(figure: str, quality: str, seed: int) -> str:
    """The command that draws a figure."""
    return f"lemmata figures {figure} --quality {quality}{_seeded(seed)}"


def predicting(result: Result, paper: PaperFloors) -> str:
    """A command that evaluates a result, at a model that a claim of the paper is judged at if there is one."""
    for entry in paper.claims:
        for model in (*entry.item.design, *entry.item.repaired_design):
            if type(model) is result.model:
                return shlex.join(["lemmata", "predict", result.identifier, *assignments(model)])
    return f"lemmata show {result.identifier}"


def assignments(model: Model) -> list[str]:
    """A model's parameters as the command line takes them."""
    from lemmata.tables import flat

    return [f"{name}={_literal(value)}" for name, value in flat(model).items()]


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seeded(seed: int) -> str:
    return f" --seed {seed}" if seed else ""


__all__ = ["assignments", "drawing", "judging", "predicting"]
