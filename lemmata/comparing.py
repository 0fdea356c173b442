"""Theory beside simulation, point by point.

A limit does not equal a mean at finite size: what is to be expected of the difference there is estimated from the
simulation itself, at half (or twice) the size. If T(n) is the mean at size n and its leading correction is of order
n^-k, then T(n) - T(inf) is about (T(n/2) - T(n)) / (2^k - 1), or (T(n) - T(2n)) / (1 - 2^-k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lemmata.models import DomainError, Model
from lemmata.parsing import nest
from lemmata.records import Asymptotic, LeadingOrder, OneSided, Output, Result
from lemmata.tables import flat, predictions, varying

if TYPE_CHECKING:
    from lemmata.laboratory import Laboratory, Run


@dataclass(frozen=True)
class Row:
    """One number of the theory beside its simulated mean.

    Attributes
    ----------
    point : mapping
        The parameters that vary.
    output : str
        Name of the output, with its index if it has a shape.
    theory, estimate, standard_error : float
    trials : int
    correction, correction_error : float or None
        For a limit: what the difference is expected to be at this size, with its standard error.
    z : float or None
        Difference, less its expected correction, in units of its standard error. None for a bound or a leading order,
        which are not what the mean should equal.
    slack : float or None
        For a bound: how far the estimate lies on its right side, with the estimate's standard error.
    """

    point: Mapping[str, Any]
    output: str
    theory: float
    estimate: float
    standard_error: float
    trials: int
    correction: float | None
    correction_error: float | None
    z: float | None
    slack: float | None = None

    @property
    def difference(self) -> float:
        """Estimate minus theory."""
        return self.estimate - self.theory

    @property
    def is_far(self) -> bool:
        """Whether a limit is so far from the mean that one correction term cannot be trusted to explain it."""
        return self.correction is not None and abs(self.difference) > 0.5 * abs(self.theory)

    def to_data(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "point": dict(self.point),
            "output": self.output,
            "theory": self.theory,
            "estimate": self.estimate,
            "se": self.standard_error,
            "trials": self.trials,
            "difference": self.difference,
            "expected_correction": self.correction,
            "expected_correction_se": self.correction_error,
            "z": self.z,
            "is_far": self.is_far,
            "slack": self.slack,
        }


def compare(
    lab: Laboratory,
    result: Result,
    output: Output,
    models: Sequence[Model],
    trials: int,
    axes: Mapping[str, Sequence[float]] | None = None,
) -> list[Row]:
    """A result beside an output at every model and every combination of free axes.

    Raises
    ------
    DomainError
        If `trials` is below 1.
    """
    if trials < 1:
        raise DomainError("trials", trials, "a whole number >= 1")
    runs = [lab.run(output.sampler, model, axes=axes) for model in models]
    others = [_other_size(result.nature, model) for model in models]
    other_runs = [lab.run(output.sampler, other[0], axes=axes) if other else None for other in others]
    lab.advance((run, run.chunks_for(trials)) for run in (*runs, *other_runs) if run is not None)
    names = [name for name in varying(models) if name not in (axes or {})]
    rows: list[Row] = []
    for model, run, other, other_run in zip(models, runs, others, other_runs, strict=True):
        place = {name: flat(model).get(name) for name in names}
        weight = None if other is None else other[1]
        rows += _rows(result, output, run, other_run, weight, place, axes or {})
    return rows


def _rows(
    result: Result,
    output: Output,
    run: Run,
    other_run: Run | None,
    weight: float | None,
    place: Mapping[str, Any],
    axes: Mapping[str, Sequence[float]],
) -> list[Row]:
    here = run.estimate(output.name)
    mean, error = here.mean, here.standard_error
    expected = predictions(result.function, [run.batch.model], axes)
    shape = tuple(len(values) for values in axes.values())
    theory = np.asarray([value for _, _, value in expected], dtype=float)
    theory = np.broadcast_to(theory.reshape((*shape, *theory.shape[1:])), mean.shape)
    rows: list[Row] = []
    for index in np.ndindex(mean.shape):
        point = expected[int(np.ravel_multi_index(index[: len(shape)], shape)) if shape else 0][1]
        inner = index[len(shape) :]
        name = f"{output.name}[{','.join(map(str, inner))}]" if inner else output.name
        t, m, s = float(theory[index]), float(mean[index]), float(error[index])
        correction = correction_error = None
        gap, spread = m - t, s
        if other_run is not None and weight is not None:
            there = other_run.estimate(output.name)
            a, sa = float(there.mean[index]), float(there.standard_error[index])
            correction, correction_error = weight * (a - m), abs(weight) * math.hypot(sa, s)
            gap, spread = gap - correction, math.hypot((1 + weight) * s, weight * sa)
        z = None if isinstance(result.nature, OneSided | LeadingOrder) else _z(gap, spread)
        slack = _slack(result.nature, t, m) if isinstance(result.nature, OneSided) else None
        rows.append(
            Row({**place, **point}, name, t, m, s, here.trials, correction, correction_error, z, slack)
        )
    return rows


def _slack(nature: OneSided, bound: float, estimate: float) -> float:
    return bound - estimate if nature.side == "upper" else estimate - bound


def _z(gap: float, spread: float) -> float:
    if math.isnan(spread):
        return math.nan
    if spread > 0:
        return gap / spread
    return 0.0 if gap == 0 else math.copysign(math.inf, gap)


def _other_size(nature: Any, model: Model) -> tuple[Model, float] | None:
    """The model at half the size, or at twice if that cannot be, and the weight w in: correction = w (T' - T)."""
    if not isinstance(nature, Asymptotic):
        return None
    sizes = {name: flat(model)[name] for name in nature.sizes}
    if all(size % 2 == 0 for size in sizes.values()):
        try:
            half = {name: size // 2 for name, size in sizes.items()}
            return type(model).from_data(nest(half, model.to_data())), 1 / (2**nature.order - 1)
        except DomainError:
            pass
    double = {name: size * 2 for name, size in sizes.items()}
    return type(model).from_data(nest(double, model.to_data())), -1 / (1 - 2**-nature.order)


__all__ = ["Row", "compare"]
