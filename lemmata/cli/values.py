"""The values of a command line: a model file below, assignments on top."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def model_file(function: Command) -> Command:
    """Add the option `--model FILE.json`."""
    return click.option(
        "--model", type=click.Path(path_type=Path), help="JSON file of a model; assignments are laid over it."
    )(function)


def base_model(path: Path | None) -> dict[str, Any] | None:
    """The data of a model file.

    Raises
    ------
    ValueSyntaxError
        If the file holds no JSON object.
    """
    from lemmata.parsing import ValueSyntaxError

    if path is None:
        return None
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueSyntaxError(f"--model {path}: not a JSON file ({error})") from None
    if not isinstance(data, dict):
        raise ValueSyntaxError(f"--model {path}: must hold a JSON object of parameters")
    return cast("dict[str, Any]", data)


__all__ = ["base_model", "model_file"]
