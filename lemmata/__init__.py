"""Lemmata puts theorems to the test.

`import lemmata` is cheap: the names below are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemmata.domains import DomainError
    from lemmata.engines import make_engine
    from lemmata.estimates import Estimate
    from lemmata.laboratory import Laboratory, Progress
    from lemmata.ledger import Ledger, LedgerError
    from lemmata.models import Model, choice, flag, nested, real, vector, whole
    from lemmata.names import UnknownNameError
    from lemmata.pictures import Figure, Quality
    from lemmata.records import Comparison, Output, Paper, Result, Sampler, Waiver

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

__all__ = [
    "Comparison",
    "DomainError",
    "Estimate",
    "Figure",
    "Laboratory",
    "Ledger",
    "LedgerError",
    "Model",
    "Output",
    "Paper",
    "Progress",
    "Quality",
    "Result",
    "Sampler",
    "UnknownNameError",
    "Waiver",
    "choice",
    "flag",
    "make_engine",
    "nested",
    "real",
    "vector",
    "whole",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"lemmata.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'lemmata' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
