"""Lemmata puts theorems to the test.

`import lemmata` is cheap: the names below are imported when they are first used. Their types stand in the stub file
beside this one: an import here, even of a type, would make the whole framework part of every kernel's digest.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "records",
    "DomainError": "domains",
    "Estimate": "estimates",
    "Figure": "pictures",
    "Laboratory": "laboratory",
    "Ledger": "ledger",
    "LedgerError": "ledger",
    "Model": "models",
    "Output": "records",
    "Paper": "records",
    "Progress": "laboratory",
    "Quality": "pictures",
    "Result": "records",
    "Sampler": "records",
    "UnknownNameError": "names",
    "Waiver": "records",
    "choice": "models",
    "flag": "models",
    "make_engine": "engines",
    "nested": "models",
    "real": "models",
    "vector": "models",
    "whole": "models",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"lemmata.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lemmata' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
