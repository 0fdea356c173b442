"""Records by which the floors of a paper name their public things.

`Result` (theory), `Sampler` and `Output` (simulations), `Comparison` and `Paper` (paper_checks). They hold
functions and say what these are; they run nothing by themselves. `Figure` lives in `lemmata.pictures`, claims in
`lemmata.claims`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lemmata.domains import DomainError, as_whole
from lemmata.models import Model
from lemmata.names import UnknownNameError

FLOORS = ("theory", "simulations", "paper_checks", "figures", "classroom")


def paper_of(module: str) -> str:
    """The paper that a module of a floor belongs to; elsewhere the module's own last name."""
    first, *rest = module.split(".")
    return rest[0] if first in FLOORS and rest else module.rpartition(".")[2]


# ------------------------------------------------------------------ what a prediction is


@dataclass(frozen=True)
class Exact:
    """The prediction equals the simulated mean at every finite size, to rounding or an error too small to show."""

    def __str__(self) -> str:
        return "exact at finite size"


@dataclass(frozen=True)
class Asymptotic:
    """The ratio of simulated mean and prediction tends to 1 as the sizes grow together.

    Parameters
    ----------
    sizes : str
        Names of the model's parameters that grow at fixed ratios.
    order : float
        The leading correction is of order `size ** -order`, relative to the prediction.
    """

    sizes: tuple[str, ...]
    order: float

    def __init__(self, *sizes: str, order: float) -> None:
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "order", order)

    def __str__(self) -> str:
        power = f"{self.sizes[0]}^-{self.order:g}"
        return f"limit in {', '.join(self.sizes)}; correction of order {power}"


@dataclass(frozen=True)
class LeadingOrder:
    """The prediction keeps the leading term as `quantity` becomes small."""

    quantity: str

    def __str__(self) -> str:
        return f"leading order in {self.quantity}"


@dataclass(frozen=True)
class OneSided:
    """The prediction bounds the simulated mean from one side: `side` is 'upper' or 'lower'."""

    side: str

    def __str__(self) -> str:
        return f"{self.side} bound"


@dataclass(frozen=True)
class Numerical:
    """The formula is the simulated mean at every finite size; its value carries an error of computation that shows.

    Parameters
    ----------
    error : str
        How large it is, in words and in the value's unit.
    """

    error: str

    def __str__(self) -> str:
        return f"numerical value of an exact formula; error {self.error}"


Nature = Exact | Asymptotic | LeadingOrder | OneSided | Numerical
Prediction = Callable[[Any], Any]


class _Named:
    """What a record has from the function that it holds."""

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def paper(self) -> str:
        return paper_of(self.function.__module__)

    @property
    def identifier(self) -> str:
        """`paper.name`, as the command line and every key have it."""
        return f"{self.paper}.{self.name}"

    @property
    def title(self) -> str:
        """The first sentence of the function's docstring."""
        return (self.function.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").strip()


@dataclass(frozen=True)
class Result(_Named):
    """A closed form: a pure function of a model.

    Parameters
    ----------
    function : callable
        `function(model)` returns a float or an array.
    model : type of Model
        What it takes.
    source : str
        The number of the result in the paper's page, such as 'R1'.
    nature : Nature
        What the value is to a simulation at finite size.
    formula : str
        One line in plain text.
    remark : callable, optional
        `remark(model)` says what a reader of this value should know of this model, such as that it lies beyond
        stability; empty where nothing.
    """

    function: Prediction
    model: type[Model]
    source: str
    nature: Nature
    formula: str = ""
    remark: Callable[[Any], str] | None = None


# ------------------------------------------------------------------ what a sampler is


@dataclass(frozen=True, eq=False)
class Sampler(_Named):
    """A source of independent replicates.

    Parameters
    ----------
    function : callable
        `function(model, rng, trials, **axes)` returns a mapping of output names to arrays, first axis =
        trials, then one axis for each free axis in the order of `axes`, then the output's own shape.
    axes : tuple of str
        Free axes: parameters of the model that are no part of the draw; each reaches the function as a keyword
        with a one-dimensional float array.
    ranges : mapping
        Output name to (lowest, highest possible value), infinite where unknown. Values outside are an error.
    work : callable
        Elementary operations of one trial, as a function of the model; sets the length of a chunk.
    paired_trials : int, optional
        Length of a chunk in paired runs (common random numbers along a sweep), a power of two. Given only by
        samplers that draw in the same order whatever the model.
    """

    function: Callable[..., Mapping[str, Any]]
    ranges: Mapping[str, tuple[float, float]]
    work: Callable[[Any], float]
    axes: tuple[str, ...] = ()
    paired_trials: int | None = None

    def __post_init__(self) -> None:
        for output, (low, high) in self.ranges.items():
            if not low < high:
                raise DomainError(f"ranges[{output!r}]", (low, high), "a lowest below a highest value")
        length = self.paired_trials
        if length is not None and (as_whole(length) is None or length < 1 or int(length) & (int(length) - 1)):
            raise DomainError("paired_trials", length, "a power of two")

    def __getitem__(self, output: str) -> Output:
        if output not in self.ranges:
            raise UnknownNameError("output", output, self.ranges)
        return Output(self, output)

    def __reduce__(self) -> Any:
        # by reference, so that no function body travels to another process
        module = self.function.__module__
        while (
            module
        ):  # SAMPLERS stands in the function's module or, where a paper is a folder, in a package above it
            if any(s is self for s in getattr(importlib.import_module(module), "SAMPLERS", ())):
                return _find_sampler, (module, self.name)
            module = module.rpartition(".")[0]
        return super().__reduce__()


def _find_sampler(module: str, name: str) -> Sampler:
    samplers: tuple[Sampler, ...] = importlib.import_module(module).SAMPLERS
    return next(sampler for sampler in samplers if sampler.name == name)


@dataclass(frozen=True)
class Output:
    """One named output of a sampler."""

    sampler: Sampler
    name: str

    @property
    def range(self) -> tuple[float, float]:
        return self.sampler.ranges[self.name]

    @property
    def identifier(self) -> str:
        return f"{self.sampler.identifier}[{self.name}]"


# ------------------------------------------------------------------ what pairs them, and the paper


@dataclass(frozen=True, eq=False)
class Comparison:
    """A prediction and the sampled output whose mean it predicts; found by the prediction's name.

    `witness` is a literal simulation of the same quantity, for `compare --literal`.
    """

    prediction: Prediction
    output: Output
    witness: Output | None = None

    @property
    def name(self) -> str:
        return self.prediction.__name__


@dataclass(frozen=True)
class Waiver:
    """A statement of a paper that is not checked, and why."""

    reason: str


@dataclass(frozen=True)
class Foundation:
    """A definition or an assumption on which statements of a paper rest: a short title, and its words."""

    title: str
    words: str
    is_assumption: bool = False


@dataclass(frozen=True)
class Paper:
    """Metadata of a paper and the inventory of its statements.

    Parameters
    ----------
    statements : mapping
        Each numbered result or figure of the paper's page to the identifiers of what covers it (claims such as
        'C7', figures such as 'F1a', results by name) or to a `Waiver`.
    foundations : mapping, optional
        Definitions and assumptions by their numbers, such as 'D1' and 'A1'.
    uses : mapping, optional
        Statements, claims and figures to the foundations and statements that they rest on directly; what
        `statements` says of who covers whom need not be said again.
    """

    title: str
    authors: tuple[str, ...]
    arxiv: str
    year: int
    summary: str
    statements: Mapping[str, tuple[str, ...] | Waiver] = field(
        default_factory=dict[str, "tuple[str, ...] | Waiver"]
    )
    foundations: Mapping[str, Foundation] = field(default_factory=dict[str, Foundation])
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def url(self) -> str:
        return f"https://arxiv.org/abs/{self.arxiv}"
