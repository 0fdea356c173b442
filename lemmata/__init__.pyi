"""Types of the lazily imported names; `__init__.py` says where they live."""

from lemmata.domains import DomainError
from lemmata.engines import make_engine
from lemmata.estimates import Estimate
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger, LedgerError
from lemmata.models import Model, choice, flag, nested, real, vector, whole
from lemmata.names import UnknownNameError
from lemmata.pictures import Figure, Quality
from lemmata.records import Comparison, Output, Paper, Result, Sampler, Waiver

__version__: str
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
