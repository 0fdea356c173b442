"""The commands by which what the site shows is made again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lemmata.wording import number, predicted_by

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


def predicting(result: Result, paper: PaperFloors) -> tuple[str, str]:
    """A command that evaluates a result, and the number that it prints; the latter is empty for arrays.

    The model is one at which a claim of the paper is judged, if there is one in the result's domain: first of all one
    of a claim that predicts by this result. Otherwise the command describes the result.
    """
    for model in _models(result, paper):
        try:
            value = result.function(model)
        except (ValueError, ArithmeticError):  # outside of the result's domain
            continue
        command = shlex.join(["lemmata", "predict", result.identifier, *assignments(model)])
        return command, number(float(value), 6) if getattr(value, "ndim", 0) == 0 else ""
    return f"lemmata show {result.identifier}", ""


def _models(result: Result, paper: PaperFloors) -> Iterator[Model]:
    """Models of claims that a result may take, the likeliest first."""
    later: list[Model] = []
    for claim in (entry.item for entry in paper.claims):
        models = [m for m in (*claim.design, *claim.repaired_design) if type(m) is result.model]
        if predicted_by((*claim.published_parts, *claim.repaired_parts), [result]):
            yield from models
        else:
            later += models
    yield from dict.fromkeys(later)


def assignments(model: Model) -> list[str]:
    """A model's parameters as the command line takes them."""
    from lemmata.tables import flat

    return [f"{name}={_literal(value)}" for name, value in flat(model).items()]


def _literal(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seeded(seed: int) -> str:
    return f" --seed {seed}" if seed else ""


__all__ = ["assignments", "drawing", "judging", "predicting"]
